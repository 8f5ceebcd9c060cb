//! Several formats together, chosen by the names in `OTEL_PROPAGATORS`.

use std::fmt;
use std::str::FromStr;

use crate::TraceContext;
use crate::carrier::{Extractor, Injector};
use crate::extraction::{self, Extraction};
use crate::propagator::{Propagator, UnknownPropagator};
use crate::trace_context_level::TraceContextLevel;

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
    level: TraceContextLevel,
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
        Self { list, level: TraceContextLevel::default() }
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
    pub fn with_level(mut self, level: TraceContextLevel) -> Self {
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
        matches!(self.list[..], [Propagator::TraceContext, Propagator::Baggage])
            && self.level == TraceContextLevel::Two
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

    /// TraceContextLevel 1 knows no random flag, and refuses keys that level 2 allows.
    #[test]
    fn level_one() {
        let propagators = Propagators::default().with_level(TraceContextLevel::One);
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
    /// read back from each by itself.
    #[test]
    #[cfg(all(feature = "b3", feature = "jaeger", feature = "xray"))]
    fn every_format_is_written_and_read_back() {
        use crate::{Baggage, Extracted, Tracestate};

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
        assert!(matches!(extraction.extracted(), Extracted::Refused(refusal) if refusal.header() == "b3"));
    }
}
