//! To and from the types of the `opentelemetry` crate.
//!
//! That crate's types can hold what this crate's cannot: ids of zeros, undefined flags, members of a
//! tracestate with characters that break a header. So the way from here is `From`, and the way back
//! `TryFrom`, or an `Option`, or leaves out what is not valid.
//!
//! ```
//! use opentelemetry::trace as otel;
//! use otelbar_propagation::{TraceContext, TraceId, Traceparent, parse_traceparent};
//!
//! let traceparent = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
//! let span_context: otel::SpanContext = TraceContext::new(traceparent).to_span_context();
//! assert!(span_context.is_remote() && span_context.is_sampled());
//! assert_eq!(Traceparent::from_span_context(&span_context), Some(traceparent));
//! assert!(TraceId::try_from(otel::TraceId::INVALID).is_err());
//! # Ok::<(), otelbar_propagation::TraceparentError>(())
//! ```

/// The crate whose types are in the signatures of this module.
#[doc(no_inline)]
pub use ::opentelemetry as api;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage as OtelBaggage, BaggageExt as _};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{self as otel_propagation, TextMapPropagator};
use opentelemetry::trace::{self as otel, TraceContextExt as _};

use crate::carrier::{Extractor, Injector};
use crate::error::{SpanIdError, TraceIdError, TracestateError};
use crate::reason::Reason;
use crate::{
    Baggage, Propagators, SamplingState, SpanId, TraceContext, TraceFlags, TraceId, Traceparent, Tracestate,
};

impl From<TraceId> for otel::TraceId {
    fn from(id: TraceId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

/// Fails only for [`TraceId::INVALID`](otel::TraceId::INVALID).
impl TryFrom<otel::TraceId> for TraceId {
    type Error = TraceIdError;

    fn try_from(id: otel::TraceId) -> Result<Self, TraceIdError> {
        Self::from_bytes(id.to_bytes()).ok_or_else(|| TraceIdError::new(Reason::ZeroTraceId, &[b'0'; 32], 0))
    }
}

impl From<SpanId> for otel::SpanId {
    fn from(id: SpanId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

/// Fails only for [`SpanId::INVALID`](otel::SpanId::INVALID).
impl TryFrom<otel::SpanId> for SpanId {
    type Error = SpanIdError;

    fn try_from(id: otel::SpanId) -> Result<Self, SpanIdError> {
        Self::from_bytes(id.to_bytes()).ok_or_else(|| SpanIdError::new(Reason::ZeroSpanId, &[b'0'; 16], 0))
    }
}

impl From<TraceFlags> for otel::TraceFlags {
    fn from(flags: TraceFlags) -> Self {
        Self::new(flags.to_bits())
    }
}

/// Flags that are not defined are left out.
impl From<otel::TraceFlags> for TraceFlags {
    fn from(flags: otel::TraceFlags) -> Self {
        Self::from_bits(flags.to_u8())
    }
}

/// The `opentelemetry` crate allows fewer keys than level 2 of the specification does (one `@` at most,
/// and near the end). Members with other keys are left out.
impl From<&Tracestate<'_>> for otel::TraceState {
    fn from(tracestate: &Tracestate<'_>) -> Self {
        if tracestate.is_empty() {
            return Self::NONE;
        }
        Self::from_key_value(tracestate.members()).unwrap_or_else(|_| {
            let allowed = |member: &(&str, &str)| Self::from_key_value([*member]).is_ok();
            Self::from_key_value(tracestate.members().filter(allowed)).unwrap_or_default()
        })
    }
}

/// Fails if a member would break the header.
impl TryFrom<&otel::TraceState> for Tracestate<'static> {
    type Error = TracestateError;

    fn try_from(state: &otel::TraceState) -> Result<Self, TracestateError> {
        if state.into_iter().len() == 0 {
            return Ok(Self::new());
        }
        // A comma or an equals sign is not allowed there either, so that members stay what they are.
        state.header().parse()
    }
}

/// The last entry of a key is the one that is kept; properties become metadata.
impl From<&Baggage<'_>> for OtelBaggage {
    fn from(baggage: &Baggage<'_>) -> Self {
        let mut converted = Self::new();
        for entry in baggage {
            let metadata = entry.properties_to_header();
            converted.insert_with_metadata(entry.key().to_owned(), entry.value().into_owned(), metadata);
        }
        converted
    }
}

/// Entries that are not valid, or over the limits, are left out, and so is metadata that is no list of
/// properties. Sorted by key, because the `opentelemetry` crate keeps no order.
impl From<&OtelBaggage> for Baggage<'static> {
    fn from(baggage: &OtelBaggage) -> Self {
        let mut entries: Vec<_> = baggage.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| key.as_str());
        Baggage::of(
            entries
                .into_iter()
                .map(|(key, (value, metadata))| (key.as_str(), value.as_str(), metadata.as_str())),
        )
    }
}

impl Traceparent {
    /// The trace, span and flags of a span context, or `None` if one of its ids is zero.
    pub fn from_span_context(context: &otel::SpanContext) -> Option<Self> {
        let trace_id = TraceId::from_bytes(context.trace_id().to_bytes())?;
        let parent_id = SpanId::from_bytes(context.span_id().to_bytes())?;
        Some(Self::new(trace_id, parent_id, context.trace_flags().into()))
    }
}

impl TraceContext<'static> {
    /// What to send from the span of this span context: nothing if it is not valid. A tracestate that
    /// would break the header is left out.
    pub fn from_span_context(context: &otel::SpanContext) -> Self {
        match Traceparent::from_span_context(context) {
            Some(traceparent) => TraceContext::new(traceparent)
                .with_tracestate(context.trace_state().try_into().unwrap_or_default()),
            None => TraceContext::empty(),
        }
    }

    /// What to send from the current span of this OpenTelemetry context, with the context's baggage.
    ///
    /// Where the context has a [`ContextProvider`], that one is asked; baggage of the context's own goes before what it
    /// says.
    pub fn from_opentelemetry(context: &Context) -> Self {
        let trace = match context.get::<ContextProvider>() {
            Some(ContextProvider(provide)) => provide(context),
            None if context.has_active_span() => {
                let span = context.span();
                let trace = Self::from_span_context(span.span_context());
                context
                    .get::<Received>()
                    .map_or(trace.clone(), |received| received.complete(trace, span.span_context()))
            }
            None => TraceContext::empty(),
        };
        let baggage = context.baggage();
        if baggage.is_empty() { trace } else { trace.with_baggage(baggage.into()) }
    }
}

/// In an OpenTelemetry [`Context`]: who knows better than the context itself which span is current in it.
///
/// For libraries that record spans otherwise than by the OpenTelemetry API, and so cannot keep the context's active span
/// up to date at no cost. With one of these in it (`Context::with_value`) the context is asked through it, by
/// [`TraceContext::from_opentelemetry`], [`TextMapBridge`] and
/// [`CurrentContext`](crate::source::CurrentContext); the function is given that context.
#[derive(Clone, Copy, Debug)]
pub struct ContextProvider(pub fn(&Context) -> TraceContext<'static>);

impl TraceContext<'_> {
    /// The remote span context that was received: [`SpanContext::NONE`](otel::SpanContext::NONE) if there
    /// is no trace.
    pub fn to_span_context(&self) -> otel::SpanContext {
        self.traceparent().map_or(otel::SpanContext::NONE, |traceparent| {
            otel::SpanContext::new(
                traceparent.trace_id().into(),
                traceparent.parent_id().into(),
                traceparent.flags().into(),
                true,
                self.tracestate().into(),
            )
        })
    }
}

/// [`Propagators`] as a `TextMapPropagator`: in place of the SDK's own, so that everything instrumented with
/// OpenTelemetry reads and writes strictly.
///
/// An invalid context is no reason to lose the one there is: it is left as it was, and so is its baggage
/// where none was received.
///
/// A span context has no place for a decision that is left open ([`SamplingState::Deferred`]), nor for one without a
/// trace: to a sampler that follows its parent the first is one not to record, and it does not hear of the second. Nor is
/// there one for a trace without a span ([`Extracted::Begun`](crate::Extracted::Begun)), so that a new trace begins.
///
/// ```
/// use opentelemetry::global;
/// use otelbar_propagation::Propagators;
/// use otelbar_propagation::opentelemetry::TextMapBridge;
///
/// // W3C Trace Context and Baggage:
/// global::set_text_map_propagator(TextMapBridge::default());
///
/// // Or what the environment asks for:
/// let names = std::env::var("OTEL_PROPAGATORS").unwrap_or_default();
/// let (propagators, unknown) = Propagators::from_names(&names);
/// for error in unknown {
///     eprintln!("OTEL_PROPAGATORS: {error}");
/// }
/// global::set_text_map_propagator(TextMapBridge::new(propagators));
/// ```
#[derive(Clone, Debug)]
pub struct TextMapBridge {
    propagators: Propagators,
    fields: Vec<String>,
}

impl TextMapBridge {
    /// A bridge to these propagators.
    pub fn new(propagators: Propagators) -> Self {
        let fields = propagators.iter().flat_map(|propagator| propagator.fields()).copied();
        Self { fields: fields.map(str::to_owned).collect(), propagators }
    }
}

/// To [`Propagators::default`].
impl Default for TextMapBridge {
    fn default() -> Self {
        Self::new(Propagators::default())
    }
}

impl TextMapPropagator for TextMapBridge {
    fn inject_context(&self, context: &Context, injector: &mut dyn otel_propagation::Injector) {
        let context = TraceContext::from_opentelemetry(context);
        self.propagators.inject(&context, &mut Carrier(injector));
    }

    fn extract_with_context(
        &self,
        context: &Context,
        extractor: &dyn otel_propagation::Extractor,
    ) -> Context {
        let carrier = Carrier(extractor);
        let received = self.propagators.extract(&carrier).context();
        let mut context = match received.traceparent() {
            Some(_) => {
                let span_context = received.to_span_context();
                let kept = Received::of(&received, &span_context);
                let context = context.with_remote_span_context(span_context);
                match kept {
                    Some(kept) => context.with_value(kept),
                    None => context,
                }
            }
            None => context.clone(),
        };
        if !received.baggage().is_empty() {
            context = context.with_baggage(received.baggage());
        }
        context
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// In a context: what was received and a span context has no place for. It is for the trace it came with.
#[derive(Clone, Debug)]
struct Received {
    trace_id: otel::TraceId,
    sampling: SamplingState,
    /// With the members whose keys the `opentelemetry` crate does not allow.
    tracestate: Tracestate<'static>,
}

impl Received {
    /// `None` if the span context says it all.
    fn of(received: &TraceContext<'_>, span_context: &otel::SpanContext) -> Option<Self> {
        let sampling = received.sampling();
        let whole = received.tracestate().len() == span_context.trace_state().into_iter().len();
        let says_all = matches!(sampling, SamplingState::Accept | SamplingState::Deny) && whole;
        (!says_all).then(|| Self {
            trace_id: span_context.trace_id(),
            sampling,
            tracestate: received.tracestate().clone().into_owned(),
        })
    }

    /// What goes on from a span of the same trace.
    fn complete(&self, trace: TraceContext<'static>, span: &otel::SpanContext) -> TraceContext<'static> {
        if span.trace_id() != self.trace_id {
            return trace;
        }
        let trace = match self.sampling {
            SamplingState::Debug => trace.with_sampling(SamplingState::Debug),
            // A span of this process comes of a decision.
            SamplingState::Deferred if span.is_remote() => trace.with_sampling(SamplingState::Deferred),
            _ => trace,
        };
        // One that was changed since is not what was received.
        if *span.trace_state() == otel::TraceState::from(&self.tracestate) {
            return trace.with_tracestate(self.tracestate.clone());
        }
        trace
    }
}

/// A carrier of the `opentelemetry` crate.
struct Carrier<T>(T);

impl Extractor for Carrier<&dyn otel_propagation::Extractor> {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.0.get_all(name).into_iter().flatten().map(str::as_bytes)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.keys().into_iter().filter_map(|key| Some((key, self.0.get(key)?.as_bytes())))
    }
}

/// It can only set: what is to be taken away stays.
impl Injector for Carrier<&mut dyn otel_propagation::Injector> {
    fn set(&mut self, name: &str, value: &str) {
        self.0.set(name, value.to_owned());
    }

    fn remove(&mut self, _name: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bridge reads several headers, refuses what is invalid without losing what there is, and sends
    /// no empty `tracestate`.
    #[test]
    fn the_bridge_extracts_and_injects() {
        use std::collections::HashMap;

        let bridge = TextMapBridge::default();
        let received = HashMap::from([
            ("traceparent".to_owned(), VALID.to_owned()),
            ("tracestate".to_owned(), "a=1, b=2".to_owned()),
            ("baggage".to_owned(), "k=v%20w;p".to_owned()),
        ]);
        let context = bridge.extract_with_context(&Context::new(), &received);
        assert_eq!(context.span().span_context().trace_flags().to_u8(), 3, "the random flag is kept");
        let mut sent = HashMap::new();
        bridge.inject_context(&context, &mut sent);
        assert_eq!(sent["traceparent"], VALID);
        assert_eq!(sent["tracestate"], "a=1,b=2");
        assert_eq!(sent["baggage"], "k=v%20w;p");

        let invalid = HashMap::from([("traceparent".to_owned(), VALID.to_uppercase().replace("00-", "0-"))]);
        let kept = bridge.extract_with_context(&context, &invalid);
        assert_eq!(kept.span().span_context(), context.span().span_context());
        assert_eq!(kept.baggage().len(), 1);

        let only = HashMap::from([("traceparent".to_owned(), VALID.to_owned())]);
        let mut sent = HashMap::new();
        bridge.inject_context(&bridge.extract_with_context(&Context::new(), &only), &mut sent);
        assert_eq!(sent, only);
        assert_eq!(bridge.fields().collect::<Vec<_>>(), ["traceparent", "tracestate", "baggage"]);
    }

    /// The debug flag survives a service whose spans are OpenTelemetry's.
    #[test]
    #[cfg(feature = "b3")]
    fn the_debug_flag_is_passed_on() {
        use std::collections::HashMap;

        let bridge = TextMapBridge::new("b3".parse().unwrap());
        let b3 = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d";
        let received = HashMap::from([("b3".to_owned(), b3.to_owned())]);
        let mut sent = HashMap::new();
        bridge.inject_context(&bridge.extract_with_context(&Context::new(), &received), &mut sent);
        assert_eq!(sent, received);
    }

    /// What a span context cannot hold goes on with its trace, as far as nobody changed it.
    #[test]
    fn what_a_span_context_cannot_hold_goes_on() {
        use std::collections::HashMap;

        let bridge = TextMapBridge::default();
        let received = HashMap::from([
            ("traceparent".to_owned(), VALID.to_owned()),
            ("tracestate".to_owned(), "0a@@b=1,c=2".to_owned()),
        ]);
        let context = bridge.extract_with_context(&Context::new(), &received);
        let sent = |context: &Context| {
            let mut sent = HashMap::new();
            bridge.inject_context(context, &mut sent);
            sent["tracestate"].clone()
        };
        assert_eq!(sent(&context), "0a@@b=1,c=2");

        let span = context.span().span_context().clone();
        let with_state = |trace_id, state: &str| {
            let state = state.parse().unwrap();
            let changed = otel::SpanContext::new(trace_id, span.span_id(), span.trace_flags(), false, state);
            context.with_remote_span_context(changed)
        };
        assert_eq!(sent(&with_state(span.trace_id(), "d=3,c=2")), "d=3,c=2", "changed");
        assert_eq!(sent(&with_state(otel::TraceId::from(1), "c=2")), "c=2", "another trace");
    }

    /// Who knows better is asked, and the context's own baggage goes before theirs.
    #[test]
    fn a_provider_in_the_context_is_asked() {
        let provider = ContextProvider(|_| {
            TraceContext::new(VALID.parse().unwrap()).with_baggage(Baggage::parse("a=1").unwrap())
        });
        let context = Context::new().with_value(provider);
        let found = TraceContext::from_opentelemetry(&context);
        assert_eq!(
            (found.traceparent(), found.baggage().to_string()),
            (VALID.parse().ok(), "a=1".to_owned())
        );
        let with_baggage = context.with_baggage([opentelemetry::KeyValue::new("b", "2")]);
        assert_eq!(TraceContext::from_opentelemetry(&with_baggage).baggage().to_string(), "b=2");
    }

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-03";

    /// A context goes to OpenTelemetry's types and back unchanged, the random flag with it.
    #[test]
    fn a_context_goes_there_and_back() {
        let context =
            TraceContext::new(VALID.parse().unwrap()).with_tracestate(Tracestate::parse("b=2,a= 1").unwrap());
        let span_context = context.to_span_context();
        assert!(span_context.is_valid() && span_context.is_remote());
        assert_eq!(span_context.trace_id().to_string(), "12345678901234567890123456789012");
        assert_eq!(span_context.span_id().to_string(), "1234567890123456");
        assert_eq!(span_context.trace_flags().to_u8(), 3);
        assert_eq!(TraceContext::from_span_context(&span_context), context);
    }

    /// What is not valid there becomes nothing here.
    #[test]
    fn an_invalid_span_context_is_empty() {
        assert!(TraceContext::from_span_context(&otel::SpanContext::NONE).is_empty());
        assert_eq!(TraceContext::empty().to_span_context(), otel::SpanContext::NONE);
        assert!(SpanId::try_from(otel::SpanId::INVALID).is_err());
        assert_eq!(TraceFlags::from(otel::TraceFlags::new(0xff)).to_bits(), 3);
    }

    /// A tracestate that would split the header does not get into one.
    #[test]
    fn a_tracestate_that_breaks_headers_is_left_out() {
        for value in ["1\r\nx: y", "\0", "\u{fc}", "", " "] {
            let state = otel::TraceState::from_key_value([("a", value)]).unwrap();
            assert!(Tracestate::try_from(&state).is_err(), "{value:?}");
            let context = otel::SpanContext::new(
                otel::TraceId::from(1),
                otel::SpanId::from(1),
                otel::TraceFlags::SAMPLED,
                false,
                state,
            );
            assert!(TraceContext::from_span_context(&context).tracestate().is_empty());
        }
    }

    /// A key that only level 2 allows costs its own member, not the others.
    #[test]
    fn keys_unknown_to_the_crate_cost_their_member_alone() {
        let tracestate = Tracestate::parse("a=1,b@c@d=2,e=3").unwrap();
        assert_eq!(otel::TraceState::from(&tracestate).header(), "a=1,e=3");
    }

    /// Baggage goes there and back with its metadata; what is not valid is left out.
    #[test]
    fn baggage_goes_there_and_back() {
        let baggage = Baggage::parse("a=1;p;q=%20,b=%C3%A9").unwrap();
        let converted = OtelBaggage::from(&baggage);
        assert_eq!(converted.get("b").unwrap().as_str(), "\u{e9}");
        assert_eq!(Baggage::from(&converted), baggage);

        let mut odd = OtelBaggage::new();
        odd.insert_with_metadata("a", "x, y", "no\\property");
        odd.insert("b", "2");
        assert_eq!(Baggage::from(&odd).to_header(), "a=x%2C%20y,b=2");
    }

    /// A context without a span sends only its baggage.
    #[test]
    fn the_current_context_is_read() {
        use opentelemetry::KeyValue;

        let context = Context::new().with_baggage([KeyValue::new("k", "v")]);
        let sent = TraceContext::from_opentelemetry(&context);
        assert_eq!((sent.traceparent(), &*sent.baggage().to_header()), (None, "k=v"));
        let remote = TraceContext::new(VALID.parse().unwrap()).to_span_context();
        let sent = TraceContext::from_opentelemetry(&context.with_remote_span_context(remote));
        assert_eq!(sent.traceparent().unwrap().to_string(), VALID);
    }
}
