//! Reading a context from a carrier, and writing one to it.

use std::fmt;

use crate::baggage::EntryFault;
use crate::carrier::{Extractor, Injector};
use crate::error::{BaggageError, Refusal, TracestateError};
use crate::found::{Found, single_value};
use crate::member_list::trim_bytes;
use crate::propagator::Propagator;
use crate::reason::Reason;
use crate::trace_context_level::TraceContextLevel;
use crate::traceparent::{Reading, why_not};
use crate::{Baggage, SamplingState, TraceContext, TraceFlags, TraceId, Traceparent, Tracestate};

/// Reads the W3C trace context and baggage from any carrier. For `http::HeaderMap` there is
/// `extract_trace_context`, with the feature `http`.
///
/// ```
/// use std::collections::HashMap;
/// use otelbar_propagation::extract;
///
/// let carrier = HashMap::from([(
///     "traceparent".to_owned(),
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
/// )]);
/// assert_eq!(
///     extract(&carrier).traceparent().unwrap().trace_id().to_string(),
///     "0af7651916cd43dd8448eb211c80319c",
/// );
/// ```
#[inline]
pub fn extract<C: Extractor + ?Sized>(carrier: &C) -> Extraction<'_, C> {
    let mut extraction = Extraction::unread(carrier, TraceContextLevel::Two);
    extraction.formats.trace_context = true;
    extraction.formats.baggage = true;
    extraction.ask(Propagator::TraceContext);
    extraction
}

/// Writes the W3C trace context and baggage to any carrier. For `http::HeaderMap` there is
/// `inject_trace_context`, with the feature `http`.
///
/// With a traceparent, `traceparent` is set and so is `tracestate`, or it is taken away if there is
/// nothing to put into it: one that is there already belongs to another trace. `baggage` is set if there
/// is any, and left as it is if there is none.
pub fn inject<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    inject_trace(context, TraceContextLevel::Two, carrier);
    inject_baggage(context, carrier);
}

pub(crate) fn inject_trace<C: Injector + ?Sized>(
    context: &TraceContext<'_>,
    level: TraceContextLevel,
    carrier: &mut C,
) {
    let Some(traceparent) = context.traceparent() else { return };
    let traceparent = traceparent.with_flags(traceparent.flags().at_level(level));
    carrier.set(Traceparent::HEADER, traceparent.encode(&mut [0; Traceparent::LEN]));
    let tracestate = context.tracestate().borrowed().at_level(level);
    if tracestate.is_empty() {
        carrier.remove(Tracestate::HEADER);
    } else {
        carrier.set(Tracestate::HEADER, &tracestate.to_header());
    }
}

pub(crate) fn inject_baggage<C: Injector + ?Sized>(context: &TraceContext<'_>, carrier: &mut C) {
    if !context.baggage().is_empty() {
        carrier.set(Baggage::HEADER, &context.baggage().to_header());
    }
}

/// What a carrier said about the trace it belongs to.
///
/// The traceparent is read at once, without allocating; `tracestate`, baggage and warnings are read when
/// they are asked for, and borrow from the carrier. So a request without a trace costs one look-up.
#[must_use]
pub struct Extraction<'a, C: ?Sized> {
    carrier: &'a C,
    outcome: Extracted,
    propagator: Option<Propagator>,
    sampling: SamplingState,
    formats: Formats,
    level: TraceContextLevel,
}

/// Which formats are asked for what is read later.
#[derive(Clone, Copy, Debug, Default)]
struct Formats {
    trace_context: bool,
    baggage: bool,
    #[cfg(feature = "jaeger")]
    jaeger: bool,
}

impl<'a, C: Extractor + ?Sized> Extraction<'a, C> {
    #[inline]
    fn unread(carrier: &'a C, level: TraceContextLevel) -> Self {
        Self {
            carrier,
            outcome: Extracted::Absent,
            propagator: None,
            sampling: SamplingState::Deferred,
            formats: Formats::default(),
            level,
        }
    }

    pub(crate) fn new(carrier: &'a C, propagators: &[Propagator], level: TraceContextLevel) -> Self {
        let mut extraction = Self::unread(carrier, level);
        for &propagator in propagators {
            match propagator {
                Propagator::TraceContext => extraction.formats.trace_context = true,
                Propagator::Baggage => extraction.formats.baggage = true,
                #[cfg(feature = "jaeger")]
                Propagator::Jaeger => extraction.formats.jaeger = true,
                #[cfg(any(feature = "b3", feature = "xray"))]
                _ => {}
            }
            if extraction.propagator.is_none() {
                extraction.ask(propagator);
            }
        }
        extraction
    }

    #[inline(always)]
    fn ask(&mut self, propagator: Propagator) {
        let found = match propagator {
            Propagator::TraceContext => read_traceparent(self.carrier, self.level),
            Propagator::Baggage => return,
            #[cfg(feature = "b3")]
            Propagator::B3 | Propagator::B3Multi => crate::b3::extract(self.carrier),
            #[cfg(feature = "jaeger")]
            Propagator::Jaeger => crate::jaeger::extract(self.carrier),
            #[cfg(feature = "xray")]
            Propagator::XRay => crate::xray::extract(self.carrier),
        };
        match found {
            Found::Absent => {}
            Found::Decision(sampling) => self.decide(sampling),
            // The first refusal is the one that is reported.
            Found::Refused(refusal) if self.is_absent() => self.outcome = Extracted::Refused(refusal),
            Found::Refused(_) => {}
            // A format that names a span as well says more.
            Found::Begun { trace_id, sampling } => {
                if !matches!(self.outcome, Extracted::Begun(_)) {
                    self.outcome = Extracted::Begun(trace_id);
                    self.decide(sampling);
                }
            }
            Found::Accepted { traceparent, sampling } => {
                self.outcome = Extracted::Accepted(traceparent);
                self.propagator = Some(propagator);
                self.sampling = sampling;
            }
        }
    }

    /// Takes a decision that came without a span, unless there is one.
    fn decide(&mut self, sampling: SamplingState) {
        if self.sampling == SamplingState::Deferred {
            self.sampling = sampling;
        }
    }

    /// Whether the context was accepted, was absent, or was refused and why.
    pub const fn extracted(&self) -> &Extracted {
        &self.outcome
    }

    /// The trace, the caller's span and the flags, if they were sent and are valid.
    pub const fn traceparent(&self) -> Option<Traceparent> {
        match self.outcome {
            Extracted::Accepted(traceparent) => Some(traceparent),
            _ => None,
        }
    }

    /// The trace's id, if it was sent and is valid, with a caller's span or without.
    pub const fn trace_id(&self) -> Option<TraceId> {
        match self.outcome {
            Extracted::Accepted(traceparent) => Some(traceparent.trace_id()),
            Extracted::Begun(trace_id) => Some(trace_id),
            _ => None,
        }
    }

    /// What was decided about recording the trace; without a trace, about the one that is begun here.
    /// [`SamplingState::Deferred`] if nothing was.
    pub const fn sampling(&self) -> SamplingState {
        self.sampling
    }

    /// Why the context was refused, if it was.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.outcome {
            Extracted::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether no context was sent.
    pub const fn is_absent(&self) -> bool {
        matches!(self.outcome, Extracted::Absent)
    }

    /// The format in which a caller's span was found.
    pub const fn propagator(&self) -> Option<Propagator> {
        self.propagator
    }

    /// The `tracestate`, of all headers in order. Empty if there is none, if it is invalid, and without a
    /// valid traceparent.
    #[inline]
    pub fn tracestate(&self) -> Tracestate<'a> {
        if !self.has_traceparent() {
            return Tracestate::new();
        }
        let mut tracestate = Tracestate::new();
        match tracestate.read_lines(self.carrier.values(Tracestate::HEADER), self.level) {
            Ok(_) => tracestate,
            Err(_) => Tracestate::new(),
        }
    }

    /// The baggage, of all headers in order, whether there is a trace or not. Entries that are invalid or
    /// over the limits are left out; [`warnings`](Self::warnings) has them.
    pub fn baggage(&self) -> Baggage<'a> {
        self.read_baggage(|_| ())
    }

    /// All of it together, to be passed on. Without a valid traceparent that is the baggage, and what was decided about
    /// recording the trace.
    pub fn context(&self) -> TraceContext<'a> {
        self.frame().with_tracestate(self.tracestate()).with_baggage(self.baggage())
    }

    /// What was dropped, or is remarkable, besides a refusal of the whole: one warning a kind, however many there are.
    ///
    /// The headers are read for it; whoever wants the context as well asks for both by
    /// [`context_and_warnings`](Self::context_and_warnings).
    pub fn warnings(&self) -> std::vec::IntoIter<ExtractionWarning> {
        self.context_and_warnings().1.into_iter()
    }

    /// The [`context`](Self::context) and the [`warnings`](Self::warnings), with each header read once. It allocates if
    /// there is something to warn of.
    pub fn context_and_warnings(&self) -> (TraceContext<'a>, Vec<ExtractionWarning>) {
        let mut warnings = Vec::new();
        let mut tracestate = Tracestate::new();
        if self.has_traceparent() {
            if let Some(value) = self.carrier.values(Traceparent::HEADER).next()
                && let Ok(reading) = Reading::new(trim_bytes(value))
            {
                if reading.version != 0 {
                    warnings.push(ExtractionWarning::LaterVersion(reading.version));
                }
                let undefined = TraceFlags::undefined_bits(reading.flags);
                if undefined != 0 {
                    warnings.push(ExtractionWarning::UndefinedFlags(undefined));
                }
            }
            match tracestate.read_lines(self.carrier.values(Tracestate::HEADER), self.level) {
                Ok(0) => {}
                Ok(again) => warnings.push(ExtractionWarning::DuplicateKeysDropped(again)),
                Err(error) => {
                    warnings.push(ExtractionWarning::TracestateDropped(error));
                    tracestate = Tracestate::new();
                }
            }
        } else if self.formats.trace_context
            && crate::member_list::any(self.carrier.values(Tracestate::HEADER))
        {
            warnings.push(ExtractionWarning::TracestateWithoutTraceparent);
        }
        let baggage = self.read_baggage(|fault| {
            let of_its_kind = warnings.iter_mut().find_map(|warning| match warning {
                ExtractionWarning::BaggageDropped { first, count } if first.reason() == fault.reason => {
                    Some(count)
                }
                _ => None,
            });
            match of_its_kind {
                Some(count) => *count += 1,
                None => warnings.push(ExtractionWarning::BaggageDropped { first: fault.error(), count: 1 }),
            }
        });
        (self.frame().with_tracestate(tracestate).with_baggage(baggage), warnings)
    }

    /// The context without the lists.
    fn frame(&self) -> TraceContext<'a> {
        let context = match self.outcome {
            Extracted::Accepted(traceparent) => TraceContext::new(traceparent),
            Extracted::Begun(trace_id) => TraceContext::begun(trace_id),
            _ => TraceContext::empty(),
        };
        context.with_sampling(self.sampling)
    }

    /// Whether the context is that of a `traceparent`.
    fn has_traceparent(&self) -> bool {
        self.propagator == Some(Propagator::TraceContext)
    }

    fn read_baggage(&self, left_out: impl FnMut(EntryFault<'_>)) -> Baggage<'a> {
        #[cfg(feature = "jaeger")]
        if self.formats.jaeger && crate::jaeger::baggage(self.carrier).next().is_some() {
            let lines = self.formats.baggage.then(|| self.carrier.values(Baggage::HEADER));
            return Baggage::of_lines_and_entries(
                lines.into_iter().flatten(),
                crate::jaeger::baggage(self.carrier),
                left_out,
            );
        }
        if !self.formats.baggage {
            return Baggage::new();
        }
        Baggage::read_lines(self.carrier.values(Baggage::HEADER), left_out)
    }
}

impl<C: ?Sized> Clone for Extraction<'_, C> {
    fn clone(&self) -> Self {
        Self { outcome: self.outcome.clone(), ..*self }
    }
}

impl<C: ?Sized> fmt::Debug for Extraction<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction")
            .field("outcome", &self.outcome)
            .field("propagator", &self.propagator)
            .finish_non_exhaustive()
    }
}

/// What became of a trace context that a carrier may have had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extracted {
    /// It is valid.
    Accepted(Traceparent),
    /// There was none.
    Absent,
    /// There was the id of a trace without a caller's span: a span of that trace without a parent has to be started. AWS
    /// load balancers send it.
    Begun(TraceId),
    /// There was one that is invalid: a new trace has to be started.
    Refused(Refusal),
}

/// Something that was dropped from a context, or is remarkable in it. Its `Display` is a sentence for a
/// log or a page; text from headers in it is shortened and printable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractionWarning {
    /// The `traceparent` is of a later version than 00; what version 00 defines was read from it.
    LaterVersion(u8),
    /// The `traceparent` has flags that are not defined; they are not passed on.
    UndefinedFlags(u8),
    /// There is a `tracestate` but no valid `traceparent`, so it was dropped.
    TracestateWithoutTraceparent,
    /// The `tracestate` breaks a rule and was dropped.
    TracestateDropped(TracestateError),
    /// So many members of the `tracestate` have the key of one before them, and were dropped.
    DuplicateKeysDropped(usize),
    /// So many entries of the baggage break the same rule, or are over the limits, and were dropped. Where reading
    /// ended at a limit, what is behind it counts as one.
    #[non_exhaustive]
    BaggageDropped {
        /// What is wrong with the first of them.
        first: BaggageError,
        /// How many there are.
        count: usize,
    },
}

impl fmt::Display for ExtractionWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LaterVersion(version) => {
                write!(f, "traceparent: version {version:02x} was read as version 00")
            }
            Self::UndefinedFlags(flags) => {
                write!(f, "traceparent: the flags {flags:02x} are not defined and were dropped")
            }
            Self::TracestateWithoutTraceparent => {
                f.write_str("tracestate: dropped, because there is no valid traceparent with it")
            }
            Self::TracestateDropped(error) => write!(f, "dropped {error}"),
            Self::DuplicateKeysDropped(1) => {
                f.write_str("tracestate: a member was dropped, because one before it has the same key")
            }
            Self::DuplicateKeysDropped(count) => {
                write!(f, "tracestate: {count} members were dropped, because ones before have the same keys")
            }
            // Without the text: the values are the application's, and may be secret.
            Self::BaggageDropped { first, count } => match (first.reason(), count) {
                (reason @ (Reason::TooManyMembers | Reason::ListTooLong), _) => {
                    write!(f, "baggage: entries over the limit were dropped: {reason}")
                }
                (reason, 1) => {
                    write!(f, "baggage: an entry was dropped: {reason}, at byte {}", first.offset())
                }
                (reason, count) => {
                    let at = first.offset();
                    write!(f, "baggage: {count} entries were dropped: {reason}, for the first at byte {at}")
                }
            },
        }
    }
}

#[inline(always)]
fn read_traceparent<C: Extractor + ?Sized>(carrier: &C, level: TraceContextLevel) -> Found {
    match single_value(carrier, Traceparent::HEADER) {
        Ok(None) => Found::Absent,
        Ok(Some(value)) => match Reading::fast(value) {
            Some(Reading { traceparent, .. }) => {
                Found::traceparent(traceparent.with_flags(traceparent.flags().at_level(level)))
            }
            None => refused_traceparent(value),
        },
        Err(refusal) => Found::Refused(refusal),
    }
}

#[cold]
#[inline(never)]
fn refused_traceparent(value: &[u8]) -> Found {
    Found::Refused(why_not(value).into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    /// The traceparent as it would be passed on, or the reason of its refusal; the tracestate; warnings.
    #[track_caller]
    fn check(fields: &[(&str, &str)], expected: (&str, &str, &[&str])) {
        let extraction = extract(fields);
        let outcome = match extraction.extracted() {
            Extracted::Accepted(traceparent) => traceparent.to_string(),
            Extracted::Absent => "absent".to_owned(),
            Extracted::Begun(trace_id) => trace_id.to_string(),
            Extracted::Refused(refusal) => refusal.reason().to_string(),
        };
        let tracestate = extraction.tracestate();
        let warnings: Vec<_> = extraction.warnings().map(|warning| warning.to_string()).collect();
        assert_eq!((&*outcome, &*tracestate.to_header()), (expected.0, expected.1));
        assert_eq!(warnings, expected.2);
    }

    /// Accepted, absent and refused are three things, and white space around a value is no part of it.
    #[test]
    fn outcomes() {
        check(&[], ("absent", "", &[]));
        check(&[("traceparent", VALID)], (VALID, "", &[]));
        check(&[("TraceParent", VALID)], (VALID, "", &[]));
        check(&[("trace-parent", VALID)], ("absent", "", &[]));
        check(&[("traceparent", &format!("\t {VALID} \t"))], (VALID, "", &[]));
        check(&[("traceparent", "")], ("it is empty", "", &[]));
        check(
            &[("traceparent", VALID), ("traceparent", VALID)],
            ("the header occurs more than once", "", &[]),
        );
    }

    /// A tracestate goes with a valid traceparent only, and does it no harm.
    #[test]
    fn tracestates() {
        let valid = ("traceparent", VALID);
        check(&[valid, ("tracestate", "a=1"), ("TRACESTATE", " b=2")], (VALID, "a=1,b=2", &[]));
        check(
            &[("tracestate", "a=1")],
            ("absent", "", &["tracestate: dropped, because there is no valid traceparent with it"]),
        );
        check(&[("tracestate", ""), ("tracestate", " , ")], ("absent", "", &[]));
        check(
            &[valid, ("tracestate", "a=1"), ("tracestate", "b=2,B=3")],
            (
                VALID,
                "",
                &[
                    "dropped tracestate: a byte that is not allowed at this place of a key, at byte 4 of \"b=2,B=3\"",
                ],
            ),
        );
        check(
            &[valid, ("tracestate", "a=1,a=2"), ("tracestate", "b=3,a=4")],
            (
                VALID,
                "a=1,b=3",
                &["tracestate: 2 members were dropped, because ones before have the same keys"],
            ),
        );
    }

    /// Later versions and undefined flags are read, and reported.
    #[test]
    fn what_is_remarkable_is_told() {
        check(
            &[("traceparent", "cc-12345678901234567890123456789012-1234567890123456-85-x")],
            (
                VALID,
                "",
                &[
                    "traceparent: version cc was read as version 00",
                    "traceparent: the flags 84 are not defined and were dropped",
                ],
            ),
        );
    }

    /// Baggage needs no trace; bad entries are told, and thousands of them do not flood the log.
    #[test]
    fn baggage_stands_alone() {
        let fields = [("baggage", "a=1,b"), ("baggage", "c=3")];
        let extraction = extract(&fields[..]);
        assert_eq!(extraction.baggage().to_header(), "a=1,c=3");
        assert_eq!(extraction.context().baggage().to_header(), "a=1,c=3");
        assert_eq!(
            extraction.warnings().map(|warning| warning.to_string()).collect::<Vec<_>>(),
            ["baggage: an entry was dropped: a member without an equals sign, at byte 5"]
        );
    }

    /// A warning a kind, without the text, which may be a secret; and what is read is bounded.
    #[test]
    fn floods_of_baggage_are_told_once_a_kind() {
        let check = |lines: &[String], kept: usize, expected: &[&str]| {
            let fields: Vec<_> = lines.iter().map(|line| ("baggage", line)).collect();
            let (context, warnings) = extract(&fields[..]).context_and_warnings();
            assert_eq!(context.baggage().len(), kept);
            let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            assert_eq!(warnings, expected);
        };
        let no_equals = "a member without an equals sign, for the first at byte 1";
        check(
            &["password=hun\"ter,x,,y,\u{fc}=1,a=1".to_owned()],
            1,
            &[
                "baggage: an entry was dropped: a byte that is not allowed in a value, at byte 12",
                "baggage: 2 entries were dropped: a member without an equals sign, for the first at byte 18",
                "baggage: an entry was dropped: a byte that is not allowed at this place of a key, at byte 22",
            ],
        );
        check(&["x,".repeat(10_000)], 0, &[&format!("baggage: 128 entries were dropped: {no_equals}")]);
        check(
            &vec!["k=v,".repeat(10_000); 9],
            64,
            &["baggage: entries over the limit were dropped: too many members"],
        );
        check(
            &[format!("a={},b=2", "x".repeat(8190)), "c=3".to_owned()],
            1,
            &["baggage: entries over the limit were dropped: too many bytes in all"],
        );
        check(
            &[format!("a={}", "x".repeat(8191)), "b=2".to_owned()],
            1,
            &["baggage: entries over the limit were dropped: too many bytes in all"],
        );
        check(
            &[" ".repeat(16_385), "b=2".to_owned()],
            0,
            &["baggage: entries over the limit were dropped: too many bytes in all"],
        );
    }

    /// A trace without a span is taken where no format names a span, and a decision where there is no trace.
    #[test]
    #[cfg(all(feature = "b3", feature = "xray"))]
    fn what_came_without_a_span() {
        use crate::Propagators;
        use crate::SamplingState::{Accept, Debug, Deferred, Deny};

        let propagators: Propagators = "xray,b3,tracecontext".parse().unwrap();
        let root = ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
        let check = |fields: &[(&str, &str)], trace_id: Option<&str>, has_parent: bool, sampling| {
            let extraction = propagators.extract(fields);
            assert_eq!(extraction.trace_id().map(|id| id.to_string()).as_deref(), trace_id, "{fields:?}");
            let found = (extraction.traceparent().is_some(), extraction.sampling());
            assert_eq!(found, (has_parent, sampling), "{fields:?}");
            let context = extraction.context();
            assert_eq!((context.trace_id(), context.sampling()), (extraction.trace_id(), sampling));
        };
        let xray = Some("5759e988bd862e3fe1be46a994272793");
        let w3c = Some("12345678901234567890123456789012");
        check(&[root], xray, false, Deferred);
        check(&[root, ("b3", "0")], xray, false, Deny);
        check(&[root, ("traceparent", VALID)], w3c, true, Accept);
        check(&[root, ("traceparent", "nonsense")], xray, false, Deferred);
        check(&[("b3", "0")], None, false, Deny);
        check(&[("b3", "d")], None, false, Debug);
        check(&[("b3", "0"), ("traceparent", VALID)], w3c, true, Accept);
        check(&[], None, false, Deferred);
    }

    /// What is injected is extracted again, and nothing of another trace is left beside it.
    #[test]
    fn injection_replaces_what_was_there() {
        let mut carrier = HashMap::from([
            ("TraceParent".to_owned(), "old".to_owned()),
            ("tracestate".to_owned(), "old=1".to_owned()),
            ("baggage".to_owned(), "kept=1".to_owned()),
        ]);
        let context = TraceContext::new(VALID.parse().unwrap());
        inject(&context, &mut carrier);
        let extraction = extract(&carrier);
        assert_eq!(extraction.context(), context.clone().with_baggage(Baggage::parse("kept=1").unwrap()));
        assert!(!carrier.contains_key("tracestate"));

        let full = context
            .with_tracestate(Tracestate::parse("b=2, a=1").unwrap())
            .with_baggage(Baggage::parse("k = v;p").unwrap());
        inject(&full, &mut carrier);
        assert_eq!(extract(&carrier).context(), full);

        let before = carrier.clone();
        inject(&TraceContext::empty(), &mut carrier);
        assert_eq!(carrier, before);
    }
}
