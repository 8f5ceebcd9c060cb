//! Whatever is read is read as the grammar says, and whatever is written is read back.

mod plain;

use std::collections::HashMap;

use otelbar_propagation::{
    Baggage, Propagator, Propagators, SamplingState, TraceContext, TraceContextLevel, TraceFlags,
    Traceparent, Tracestate, extract, inject,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Text of this pattern, with a few bytes of it replaced perhaps.
fn almost(pattern: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(b'-'), Just(b','), Just(b'=')]);
    (pattern, vec(change, 0..3)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (index, byte) in changes {
            if !bytes.is_empty() {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
        }
        bytes
    })
}

fn slices(lines: &[Vec<u8>]) -> Vec<&[u8]> {
    lines.iter().map(Vec::as_slice).collect()
}

fn check_traceparent(value: &[u8]) -> Result<(), TestCaseError> {
    let read = Traceparent::from_bytes(value);
    let found = read.as_ref().ok().map(|traceparent| {
        (traceparent.trace_id().to_string(), traceparent.parent_id().to_string(), traceparent.flags())
    });
    let expected = plain::traceparent(value)
        .map(|(trace_id, parent_id, flags)| (trace_id, parent_id, TraceFlags::from_bits(flags)));
    prop_assert_eq!(found, expected);
    match read {
        Ok(traceparent) => {
            prop_assert_eq!(Traceparent::from_bytes(traceparent.to_bytes()), Ok(traceparent));
            prop_assert_eq!(plain::traceparent(&traceparent.to_bytes()).is_some(), true);
        }
        Err(error) => prop_assert!(error.offset() <= value.len(), "{error}"),
    }
    Ok(())
}

fn check_tracestate(lines: &[&[u8]]) -> Result<(), TestCaseError> {
    let read = Tracestate::parse_lines(lines.iter().copied(), TraceContextLevel::Two);
    let found = read.as_ref().ok().map(|tracestate| {
        tracestate.members().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>()
    });
    let expected = plain::tracestate(lines);
    prop_assert_eq!(&found, &expected);
    if let Ok(tracestate) = read {
        let header = tracestate.to_header();
        prop_assert_eq!(plain::tracestate(&[header.as_bytes()]), expected);
        prop_assert_eq!(tracestate.header_len(), header.len());
    }
    Ok(())
}

fn check_baggage(lines: &[&[u8]]) -> Result<(), TestCaseError> {
    let mut left_out = 0;
    let baggage = Baggage::parse_lines(lines.iter().copied(), |_| left_out += 1);
    let found: Vec<plain::Entry> = entries(&baggage);
    let expected = plain::baggage(lines);
    if expected.len() <= Baggage::MAX_ENTRIES && lines.concat().len() <= Baggage::MAX_LEN / 3 {
        prop_assert_eq!(&found, &expected);
    } else {
        prop_assert!(found.len() <= Baggage::MAX_ENTRIES && baggage.header_len() <= Baggage::MAX_LEN);
    }
    let header = baggage.to_header();
    prop_assert_eq!(entries(&Baggage::parse(&header).unwrap()), found, "{}", header);
    Ok(())
}

fn entries(baggage: &Baggage<'_>) -> Vec<plain::Entry> {
    let properties = |entry: otelbar_propagation::BaggageEntry<'_>| {
        let property = |property: otelbar_propagation::BaggageProperty<'_>| {
            (property.key().to_owned(), property.value().map(|value| value.into_owned()))
        };
        entry.properties().map(property).collect()
    };
    baggage
        .entries()
        .map(|entry| (entry.key().to_owned(), entry.value().into_owned(), properties(entry)))
        .collect()
}

/// A context with whatever can be put into it.
fn context() -> impl Strategy<Value = TraceContext<'static>> {
    let traceparent = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>()).prop_filter_map(
        "ids of zeros",
        |(trace_id, parent_id, flags)| {
            let trace_id = otelbar_propagation::TraceId::from_bytes(trace_id)?;
            let parent_id = otelbar_propagation::SpanId::from_bytes(parent_id)?;
            Some(Traceparent::new(trace_id, parent_id, TraceFlags::from_bits(flags)))
        },
    );
    let members = vec(("[a-z0-9][a-z0-9_*/@-]{0,20}", "[ -+\\--<>-~]{0,20}[!-+\\--<>-~]"), 0..40);
    let values = vec(("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,10}", any::<String>()), 0..70);
    (proptest::option::of(traceparent), members, values).prop_map(|(traceparent, members, values)| {
        let mut tracestate = Tracestate::new();
        for (key, value) in &members {
            tracestate.insert(key, value).unwrap();
        }
        let mut baggage = Baggage::new();
        for (key, value) in &values {
            // Past the limits it is refused, and nothing changes.
            let _ = baggage.insert(key, value);
        }
        traceparent
            .map_or(TraceContext::empty(), TraceContext::new)
            .with_tracestate(tracestate)
            .with_baggage(baggage)
    })
}

proptest! {
    /// Any bytes, and bytes that are nearly right, are read as the grammar has it.
    #[test]
    fn traceparents_are_read_as_the_grammar_says(
        value in prop_oneof![
            vec(any::<u8>(), 0..70),
            almost("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
            almost("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}[-.]?[a-z-]{0,5}"),
            almost("00-[0-9a-fA-F]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}"),
            almost("00-0{31}[0-9a-f]-0{15}[0-9a-f]-0[0-9a-f]"),
        ],
    ) {
        check_traceparent(&value)?;
    }

    /// The same for lists over several headers.
    #[test]
    fn tracestates_are_read_as_the_grammar_says(
        lines in vec(
            prop_oneof![
                vec(any::<u8>(), 0..40),
                almost("([ \t]{0,2}[a-z0-9][a-z0-9_*/@-]{0,4}=[ -+\\--<>-~]{0,6}[!-+\\--<>-~][ \t]{0,2},){0,8}"),
                almost("[ab]{1,2}=[xy](,[ab]{1,2}=[xy]){0,20}"),
                almost("a[a-z]{250,258}=[x-z]{250,258}"),
            ],
            0..7,
        ),
    ) {
        check_tracestate(&slices(&lines))?;
    }

    /// The same for baggage, of which only an invalid entry is left out.
    #[test]
    fn baggage_is_read_as_the_grammar_says(
        lines in vec(
            prop_oneof![
                vec(any::<u8>(), 0..40),
                almost("([ \t]{0,2}[a-zA-Z.]{1,4} ?= ?([a-z=]|%[0-9a-fA-F]{2}|%){0,6}( ?; ?[a-z]{1,3}( ?= ?[a-z%]{0,3})?){0,2},){0,8}"),
                almost("(k[0-9]=v,){30,50}"),
            ],
            0..5,
        ),
    ) {
        check_baggage(&slices(&lines))?;
    }

    /// Whatever context there is arrives as it was sent, in headers of only visible ASCII.
    #[test]
    fn what_is_injected_is_extracted(context in context()) {
        let mut carrier = HashMap::new();
        inject(&context, &mut carrier);
        for value in carrier.values() {
            prop_assert!(!value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
        prop_assert_eq!(extract(&carrier).context(), context.clone());
        prop_assert_eq!(extract(&carrier).warnings().count(), 0);
    }

    /// In every format the ids and the sampling arrive, the state of it as far as the format has it.
    #[test]
    fn every_format_carries_the_ids(context in context(), state in 0..4_usize) {
        use SamplingState::{Accept, Debug, Deferred, Deny};

        let state = [Deferred, Deny, Accept, Debug][state];
        let context = context.with_sampling(state);
        for propagator in Propagator::ALL.iter().filter(|propagator| **propagator != Propagator::Baggage) {
            let propagators = Propagators::new([*propagator]);
            let mut carrier = HashMap::new();
            propagators.inject(&context, &mut carrier);
            let ids = |traceparent: Traceparent| {
                (traceparent.trace_id(), traceparent.parent_id(), traceparent.flags().is_sampled())
            };
            let extraction = propagators.extract(&carrier);
            prop_assert_eq!(extraction.traceparent().map(ids), context.traceparent().map(ids));
            // By name, as each format but the first has a feature of its own.
            let name = propagator.to_string();
            let expected = match (&*name, state) {
                ("tracecontext", state) => SamplingState::of_flag(state.is_sampled()),
                ("jaeger", Deferred) => Deny,
                ("xray", Debug) => Accept,
                (_, state) => state,
            };
            // Only B3 carries a decision without a trace.
            let is_b3 = name.starts_with("b3");
            let carries = context.traceparent().is_some() || is_b3;
            prop_assert_eq!(extraction.sampling(), if carries { expected } else { Deferred }, "{}", propagator);
        }
    }

    /// Any bytes in any header: no panic, and nothing invalid is passed on.
    #[test]
    fn any_bytes_in_any_header(
        fields in vec(
            (
                prop::sample::select(vec![
                    "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled",
                    "x-b3-flags", "uber-trace-id", "uberctx-a", "uberctx-\u{e9}", "x-amzn-trace-id",
                ]),
                prop_oneof![
                    vec(any::<u8>(), 0..60),
                    almost("[0-9a-f]{32}-[0-9a-f]{16}(-[01d])?(-[0-9a-f]{16})?"),
                    almost("[0-9a-f]{16,32}"),
                    almost("[0-9a-f]{1,33}(:|%3A)[0-9a-f]{1,17}:[0-9a-f]{1,16}:[0-9a-f]{1,2}"),
                    almost("Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01?]"),
                ],
            ),
            0..8,
        ),
    ) {
        let propagators = Propagators::new(Propagator::ALL.iter().rev().copied());
        let extraction = propagators.extract(&fields[..]);
        let (context, warnings) = extraction.context_and_warnings();
        prop_assert!(warnings.iter().all(|warning| !warning.to_string().is_empty()));
        prop_assert_eq!(&context, &extraction.context());
        prop_assert_eq!(&context.clone().into_owned(), &context);
        let _ = extraction.refusal().map(ToString::to_string);
        let mut carrier = HashMap::new();
        propagators.inject(&extraction.context(), &mut carrier);
        for (name, value) in &carrier {
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
        }
        let again = propagators.extract(&carrier);
        prop_assert!(again.refusal().is_none());
        let ids = |traceparent: Traceparent| (traceparent.trace_id(), traceparent.parent_id());
        prop_assert_eq!(again.traceparent().map(ids), extraction.traceparent().map(ids));
    }
}
