//! Any headers in every format: what is read can be written, and is read again. Each line of the input is
//! `name: value`.

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use otelbar_propagation::{
    Propagator, Propagators, Traceparent, extract_trace_context, inject_trace_context,
};

fuzz_target!(|text: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]))
        else {
            continue;
        };
        headers.append(name, value);
    }

    let extraction = extract_trace_context(&headers);
    let context = extraction.context();
    let mut sent = HeaderMap::new();
    inject_trace_context(&context, &mut sent);
    assert_eq!(extract_trace_context(&sent).context(), context);
    assert_eq!(extract_trace_context(&sent).warnings().count(), 0);

    for propagator in Propagator::ALL {
        let propagators = Propagators::new([*propagator]);
        let extraction = propagators.extract(&headers);
        for warning in extraction.warnings() {
            assert!(!warning.to_string().contains(|character: char| character.is_control()));
        }
        let mut sent = HeaderMap::new();
        propagators.inject(&extraction.context(), &mut sent);
        for (name, value) in &sent {
            // An entry of Jaeger's baggage is a field of its own, and its value may be empty.
            assert!(
                value.to_str().is_ok_and(|value| !value.is_empty() || name.as_str().starts_with("uberctx-"))
            );
        }
        let again = propagators.extract(&sent);
        let ids = |traceparent: Traceparent| (traceparent.trace_id(), traceparent.parent_id());
        assert!(again.refusal().is_none());
        assert_eq!(again.traceparent().map(ids), extraction.traceparent().map(ids));
    }
});
