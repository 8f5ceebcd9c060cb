//! Several formats together, chosen by the names in `OTEL_PROPAGATORS`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::TraceContext;
use crate::carrier::{Extractor, Injector};
use crate::extraction::{self, Extraction};
use crate::level::Level;

/// A format in which a context travels, by its name in `OTEL_PROPAGATORS`
/// ([OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Propagator {
    /// `tracecontext`: the headers `traceparent` and `tracestate` of W3C Trace Context.
    TraceContext,
    /// `baggage`: the header `baggage` of W3C Baggage.
    Baggage,
    /// `b3`: Zipkin's B3. Both of its forms are read; the single header `b3` is written.
    #[cfg(feature = "b3")]
    B3,
    /// `b3multi`: Zipkin's B3. Both of its forms are read; the headers `x-b3-…` are written.
    #[cfg(feature = "b3")]
    B3Multi,
    /// `jaeger`: Jaeger's headers `uber-trace-id` and, for baggage, `uberctx-…`.
    #[cfg(feature = "jaeger")]
    Jaeger,
    /// `xray`: the header `x-amzn-trace-id` of AWS X-Ray.
    #[cfg(feature = "xray")]
    XRay,
}

impl Propagator {
    /// Every format that is compiled in.
    pub const ALL: &'static [Self] = &[
        Self::TraceContext,
        Self::Baggage,
        #[cfg(feature = "b3")]
        Self::B3,
        #[cfg(feature = "b3")]
        Self::B3Multi,
        #[cfg(feature = "jaeger")]
        Self::Jaeger,
        #[cfg(feature = "xray")]
        Self::XRay,
    ];

    /// Its name in `OTEL_PROPAGATORS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            #[cfg(feature = "b3")]
            Self::B3 => "b3",
            #[cfg(feature = "b3")]
            Self::B3Multi => "b3multi",
            #[cfg(feature = "jaeger")]
            Self::Jaeger => "jaeger",
            #[cfg(feature = "xray")]
            Self::XRay => "xray",
        }
    }

    /// The names of the fields it writes, in lower case.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::TraceContext => &["traceparent", "tracestate"],
            Self::Baggage => &["baggage"],
            #[cfg(feature = "b3")]
            Self::B3 => crate::b3::SINGLE_FIELDS,
            #[cfg(feature = "b3")]
            Self::B3Multi => crate::b3::MULTI_FIELDS,
            #[cfg(feature = "jaeger")]
            Self::Jaeger => &[crate::jaeger::HEADER],
            #[cfg(feature = "xray")]
            Self::XRay => &[crate::xray::HEADER],
        }
    }

    /// The names of the fields it reads, in lower case: both forms of B3, whichever is written.
    ///
    /// Jaeger's fields of baggage, whose names begin with [`read_prefix`](Self::read_prefix), are not among them.
    pub const fn read_fields(self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "b3")]
            Self::B3 | Self::B3Multi => crate::b3::READ_FIELDS,
            other => other.fields(),
        }
    }

    /// What the names of further fields begin with that it reads, in lower case.
    pub const fn read_prefix(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "jaeger")]
            Self::Jaeger => Some(crate::jaeger::BAGGAGE_PREFIX),
            _ => None,
        }
    }
}

impl fmt::Display for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Case does not matter, and neither does white space around the name.
impl FromStr for Propagator {
    type Err = UnknownPropagator;

    fn from_str(name: &str) -> Result<Self, UnknownPropagator> {
        let name = name.trim();
        let found = Self::ALL.iter().find(|propagator| propagator.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| UnknownPropagator::new(name))
    }
}

/// A name that is no propagator of this build: unknown, or of a feature that is not compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPropagator {
    name: String,
    feature: Option<&'static str>,
}

impl UnknownPropagator {
    fn new(name: &str) -> Self {
        let feature = match &*name.to_ascii_lowercase() {
            "b3" | "b3multi" => Some("b3"),
            "jaeger" => Some("jaeger"),
            "xray" => Some("xray"),
            _ => None,
        };
        Self { name: name.to_owned(), feature }
    }

    /// The name as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The feature of this crate that would bring it.
    pub const fn feature(&self) -> Option<&'static str> {
        self.feature
    }
}

impl fmt::Display for UnknownPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        if let Some(feature) = self.feature {
            return write!(
                f,
                "propagator {name:?} is not compiled in: enable the feature `{feature}` of otelbar-propagation"
            );
        }
        write!(f, "unknown propagator {name:?}: use none, or some of")?;
        for (index, propagator) in Propagator::ALL.iter().enumerate() {
            write!(f, "{} {propagator}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for UnknownPropagator {}

/// The formats a service reads and writes, in order.
///
/// The context is read from the first format in which there is a valid one, and written in all of them.
/// Baggage is read from all formats that have it. The default is `tracecontext,baggage`, as
/// OpenTelemetry's is.
///
/// ```
/// use std::collections::HashMap;
/// use otelbar_propagation::{Propagator, Propagators};
///
/// let propagators: Propagators = "baggage, tracecontext".parse()?;
/// assert_eq!(propagators.iter().next(), Some(Propagator::Baggage));
///
/// // The environment is read leniently: what is unknown is left out, and told.
/// let (propagators, unknown) = Propagators::from_names("tracecontext,ottrace,tracecontext");
/// assert_eq!(propagators.to_string(), "tracecontext");
/// assert_eq!(unknown[0].name(), "ottrace");
///
/// let carrier = HashMap::from([("baggage".to_owned(), "tier=gold".to_owned())]);
/// assert!(propagators.extract(&carrier).baggage().is_empty(), "baggage was not asked for");
/// # Ok::<(), otelbar_propagation::UnknownPropagator>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagators {
    list: Vec<Propagator>,
    level: Level,
}

impl Propagators {
    /// These formats. One that is named again is left out.
    pub fn new(propagators: impl IntoIterator<Item = Propagator>) -> Self {
        let mut list = Vec::new();
        for propagator in propagators {
            if !list.contains(&propagator) {
                list.push(propagator);
            }
        }
        Self { list, level: Level::default() }
    }

    /// The formats of a comma-separated list of names, as in `OTEL_PROPAGATORS`, and the names that are
    /// none of this build. Nothing at all means the default, and `none` means none.
    pub fn from_names(names: &str) -> (Self, Vec<UnknownPropagator>) {
        let mut unknown = Vec::new();
        let mut list = Vec::new();
        let mut any = false;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            any = true;
            if name.eq_ignore_ascii_case("none") {
                continue;
            }
            match name.parse() {
                Ok(propagator) => list.push(propagator),
                Err(error) => unknown.push(error),
            }
        }
        (if any { Self::new(list) } else { Self::default() }, unknown)
    }

    /// Follows this level of W3C Trace Context instead of level 2.
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The formats in order.
    pub fn iter(&self) -> impl Iterator<Item = Propagator> + '_ {
        self.list.iter().copied()
    }

    /// Whether this is what `inject_trace_context` writes.
    #[cfg(feature = "tower")]
    pub(crate) fn is_default(&self) -> bool {
        matches!(self.list[..], [Propagator::TraceContext, Propagator::Baggage]) && self.level == Level::Two
    }

    /// Reads the context from the first format that has a valid one. Without one, the outcome is the first
    /// refusal there was.
    pub fn extract<'a, C: Extractor + ?Sized>(&self, carrier: &'a C) -> Extraction<'a, C> {
        Extraction::new(carrier, &self.list, self.level)
    }

    /// Writes the context in every format, in place of what is there.
    ///
    /// See [`inject`](crate::inject) for what becomes of a `tracestate` and `baggage` that are there already.
    pub fn inject<C: Injector + ?Sized>(&self, context: &TraceContext<'_>, carrier: &mut C) {
        for propagator in self.iter() {
            match propagator {
                Propagator::TraceContext => extraction::inject_trace(context, self.level, carrier),
                Propagator::Baggage => extraction::inject_baggage(context, carrier),
                #[cfg(feature = "b3")]
                Propagator::B3 => crate::b3::inject_single(context, carrier),
                #[cfg(feature = "b3")]
                Propagator::B3Multi => crate::b3::inject_multi(context, carrier),
                #[cfg(feature = "jaeger")]
                Propagator::Jaeger => crate::jaeger::inject(context, carrier),
                #[cfg(feature = "xray")]
                Propagator::XRay => crate::xray::inject(context, carrier),
            }
        }
    }
}

/// `tracecontext,baggage`.
impl Default for Propagators {
    fn default() -> Self {
        Self::new([Propagator::TraceContext, Propagator::Baggage])
    }
}

/// Strict: a name that is unknown is an error. See [`Propagators::from_names`] for the lenient way.
impl FromStr for Propagators {
    type Err = UnknownPropagator;

    fn from_str(names: &str) -> Result<Self, UnknownPropagator> {
        let (propagators, unknown) = Self::from_names(names);
        unknown.into_iter().next().map_or(Ok(propagators), Err)
    }
}

/// The names as in `OTEL_PROPAGATORS`.
impl fmt::Display for Propagators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.list.is_empty() {
            return f.write_str("none");
        }
        for (index, propagator) in self.iter().enumerate() {
            write!(f, "{}{propagator}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[track_caller]
    fn check(names: &str, expected: &str, unknown: &[&str]) {
        let (propagators, left) = Propagators::from_names(names);
        assert_eq!(propagators.to_string(), expected);
        assert_eq!(left.iter().map(UnknownPropagator::name).collect::<Vec<_>>(), unknown);
    }

    /// The names of the variable, as the specification has them.
    #[test]
    fn names() {
        check("", "tracecontext,baggage", &[]);
        check(" , ", "tracecontext,baggage", &[]);
        check("none", "none", &[]);
        check(" BAGGAGE ,tracecontext,,baggage", "baggage,tracecontext", &[]);
        check("ottrace", "none", &["ottrace"]);
        for propagator in Propagator::ALL {
            check(propagator.name(), propagator.name(), &[]);
        }
    }

    /// Level 1 knows no random flag, and refuses keys that level 2 allows.
    #[test]
    fn level_one() {
        let propagators = Propagators::default().with_level(Level::One);
        let carrier = [
            ("traceparent", "00-12345678901234567890123456789012-1234567890123456-03"),
            ("tracestate", "0a=1"),
        ];
        let extraction = propagators.extract(&carrier[..]);
        assert_eq!(extraction.traceparent().unwrap().flags().to_bits(), 1);
        assert!(extraction.tracestate().is_empty());
        let mut sent = HashMap::new();
        propagators.inject(&crate::extract(&carrier[..]).context(), &mut sent);
        assert_eq!(sent["traceparent"], "00-12345678901234567890123456789012-1234567890123456-01");
    }

    /// The first valid context wins over refused and later ones, and what is written in all formats is
    /// read back from each alone.
    #[test]
    #[cfg(all(feature = "b3", feature = "jaeger", feature = "xray"))]
    fn every_format_is_written_and_read_back() {
        use crate::{Baggage, Outcome, Tracestate};

        let all = Propagators::new(Propagator::ALL.iter().copied());
        let context =
            TraceContext::new("00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap())
                .with_tracestate(Tracestate::parse("a=1").unwrap())
                .with_baggage(Baggage::parse("k=v%20w").unwrap());
        let mut carrier = HashMap::new();
        all.inject(&context, &mut carrier);
        for propagator in Propagator::ALL {
            let extraction = Propagators::new([*propagator]).extract(&carrier);
            let has_baggage = matches!(propagator, Propagator::Baggage | Propagator::Jaeger);
            assert_eq!(extraction.baggage().get("k").is_some(), has_baggage, "{propagator}");
            if *propagator != Propagator::Baggage {
                assert_eq!(extraction.traceparent(), context.traceparent(), "{propagator}");
                assert_eq!(extraction.propagator(), Some(*propagator));
            }
        }

        carrier.insert("traceparent".to_owned(), "nonsense".to_owned());
        let extraction = all.extract(&carrier);
        assert_eq!(extraction.propagator(), Some(Propagator::B3));
        assert_eq!(extraction.traceparent(), context.traceparent());
        assert!(extraction.tracestate().is_empty(), "it belongs to the traceparent that was refused");
        let nonsense = [("b3", "x"), ("uber-trace-id", "y")];
        let extraction = all.extract(&nonsense[..]);
        assert!(matches!(extraction.outcome(), Outcome::Refused(refusal) if refusal.header() == "b3"));
    }
}
