//! The levels of the Trace Context specification.

/// A level of the W3C Trace Context specification, where the two differ.
///
/// | | [level 1](https://www.w3.org/TR/trace-context-1/) | [level 2](https://www.w3.org/TR/trace-context-2/) |
/// |---|---|---|
/// | the random flag of a trace id | reserved: written as zero | read, kept and written |
/// | key of a `tracestate` member | begins with a letter; or `tenant@system`, at most 241 and 14 characters, where the tenant may begin with a digit | begins with a letter or a digit; `@` at any place after that, any number of times |
///
/// Everything else is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TraceContextLevel {
    /// TraceContextLevel 1, a recommendation since 2020.
    One,
    /// TraceContextLevel 2. The default.
    #[default]
    Two,
}
