//! The formats beside W3C's, and what each says about sampling.

use http::HeaderMap;
use otelbar_config::{Builder, Propagator, SamplerKind as Sampler};
use serde_json::Value;

use crate::{TRACEPARENT, call_through, common};

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";

/// What is passed on by a toolbar with these formats, and what its page shows.
async fn hop(
    configure: impl FnOnce(Builder) -> Builder,
    fields: &[(&'static str, &str)],
) -> (HeaderMap, Value) {
    let toolbar = common::toolbar_with(configure);
    let sent = call_through(&toolbar, fields).await;
    (sent, common::the_request(&toolbar).await)
}

fn b3(builder: Builder) -> Builder {
    builder.propagators([Propagator::B3])
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_configured_formats_alone_are_read_and_written() {
    let single =
        [("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"), ("traceparent", TRACEPARENT)];
    let (sent, request) = hop(b3, &single[..1]).await;
    assert!(sent["b3"].to_str().unwrap().starts_with("0af7651916cd43dd8448eb211c80319c-"), "{sent:?}");
    assert!(!sent.contains_key("traceparent"));
    assert_eq!(request["propagation"]["outcome"], "accepted");
    assert_eq!(request["propagation"]["headers"][0]["name"], "b3");

    let (sent, request) = hop(|config| config.propagators([]), &single).await;
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(request["propagation"]["outcome"], "absent");
}

/// Both forms of B3 are read, whichever is written, and what was read is shown.
#[tokio::test]
async fn both_forms_of_b3_are_read() {
    let single = format!("{TRACE}-{SPAN}-1");
    let forms: [&[(&'static str, &str)]; 2] =
        [&[("b3", &single)], &[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "1")]];
    for fields in forms {
        for (propagator, written) in [(Propagator::B3, "b3"), (Propagator::B3Multi, "x-b3-traceid")] {
            let (sent, request) = hop(|config| config.propagators([propagator]), fields).await;
            assert!(text(&sent, written).unwrap().starts_with(TRACE), "{fields:?}: {sent:?}");
            assert_eq!(request["request"]["trace_id"], TRACE);
            assert_eq!(request["propagation"]["parent_span_id"], SPAN);
            let shown = request["propagation"]["headers"].as_array().unwrap();
            assert_eq!(shown.len(), fields.len(), "{shown:?}");
        }
    }
}

/// Each sampling state with each kind of sampler: whether the request is recorded, and what goes on.
#[tokio::test]
async fn sampling_states() {
    let samplers = [Sampler::AlwaysOff, Sampler::ParentBasedAlwaysOff, Sampler::ParentBasedAlwaysOn];
    let with = |state: &str| format!("{TRACE}-{SPAN}{state}");
    for (value, expected) in [
        // What is decided binds a sampler that follows its parent.
        (with("-0"), ["0", "0", "0"]),
        (with("-1"), ["0", "1", "1"]),
        // Nothing decided leaves it to the sampler.
        (with(""), ["0", "0", "1"]),
        // Debug is above all samplers, and stays what it is.
        (with("-d"), ["d", "d", "d"]),
        // A decision without a trace is for the one that begins here.
        ("0".to_owned(), ["0", "0", "0"]),
        ("1".to_owned(), ["0", "1", "1"]),
        ("d".to_owned(), ["d", "d", "d"]),
    ] {
        for (sampler, letter) in samplers.into_iter().zip(expected) {
            let (sent, request) = hop(|config| b3(config).traces_sampler(sampler), &[("b3", &value)]).await;
            let told = format!("{value} with {sampler:?}");
            let sent = text(&sent, "b3").unwrap();
            assert!(sent.ends_with(&format!("-{letter}")), "{told}: {sent}");
            assert_eq!(request["propagation"]["sampled"], letter != "0", "{told}");
            assert_eq!(sent.starts_with(TRACE), value.len() > 1, "{told}: {sent}");
        }
    }
}

/// The same states in the other formats that have them.
#[tokio::test]
async fn sampling_states_of_other_formats() {
    let jaeger = |flags: &str| format!("{TRACE}:{SPAN}:0:{flags}");
    let xray = |rest: &str| format!("Root=1-80f198ee-56343ba864fe8b2a57d3eff7;Parent={SPAN}{rest}");
    for (propagator, name, value, sampler, ending) in [
        (Propagator::Jaeger, "uber-trace-id", jaeger("3"), Sampler::AlwaysOff, ":0:3"),
        (Propagator::Jaeger, "uber-trace-id", jaeger("1"), Sampler::ParentBasedAlwaysOff, ":0:1"),
        (Propagator::Jaeger, "uber-trace-id", jaeger("0"), Sampler::ParentBasedAlwaysOn, ":0:0"),
        (Propagator::XRay, "x-amzn-trace-id", xray(";Sampled=?"), Sampler::ParentBasedAlwaysOn, ";Sampled=1"),
        (Propagator::XRay, "x-amzn-trace-id", xray(""), Sampler::ParentBasedAlwaysOff, ";Sampled=0"),
        (Propagator::XRay, "x-amzn-trace-id", xray(";Sampled=0"), Sampler::ParentBasedAlwaysOn, ";Sampled=0"),
        (Propagator::B3Multi, "x-b3-sampled", "0".to_owned(), Sampler::ParentBasedAlwaysOn, "0"),
    ] {
        let configure = |config: Builder| config.propagators([propagator]).traces_sampler(sampler);
        let (sent, _) = hop(configure, &[(name, &value)]).await;
        let sent = text(&sent, name).unwrap();
        assert!(sent.ends_with(ending), "{value} with {sampler:?}: {sent}");
    }
}

/// The several headers of B3: an absent or empty decision is the sampler's, and the parent's id is not used.
#[tokio::test]
async fn sampling_states_of_several_headers() {
    let samplers = [Sampler::AlwaysOff, Sampler::ParentBasedAlwaysOff, Sampler::ParentBasedAlwaysOn];
    for (more, expected) in [
        (&[][..], ["0", "0", "1"]),
        (&[("x-b3-sampled", "")], ["0", "0", "1"]),
        (&[("x-b3-sampled", ""), ("x-b3-flags", "0")], ["0", "0", "1"]),
        (&[("x-b3-sampled", "0")], ["0", "0", "0"]),
        (&[("x-b3-sampled", "1"), ("x-b3-parentspanid", "bad")], ["0", "1", "1"]),
        (&[("x-b3-flags", "1"), ("x-b3-sampled", "")], ["debug"; 3]),
    ] {
        for (sampler, decision) in samplers.into_iter().zip(expected) {
            let multi = |config: Builder| config.propagators([Propagator::B3Multi]).traces_sampler(sampler);
            let fields = [&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)], more].concat();
            let (sent, request) = hop(multi, &fields).await;
            let told = format!("{more:?} with {sampler:?}: {sent:?}");
            assert_eq!(text(&sent, "x-b3-traceid").as_deref(), Some(TRACE), "{told}");
            let expected = if decision == "debug" { (Some("1"), None) } else { (None, Some(decision)) };
            let (flags, sampled) = (text(&sent, "x-b3-flags"), text(&sent, "x-b3-sampled"));
            assert_eq!((flags.as_deref(), sampled.as_deref()), expected, "{told}");
            assert_eq!(request["propagation"]["sampled"], decision != "0", "{told}");
        }
    }
    let single = format!("{TRACE}-{SPAN}-1-bad");
    let (sent, _) = hop(b3, &[("b3", &single)]).await;
    assert!(text(&sent, "b3").unwrap().starts_with(TRACE), "{sent:?}");
}

/// A load balancer begins a trace without a span: the request is its root.
#[tokio::test]
async fn a_trace_without_a_parent_is_kept() {
    let root = "Root=1-80f198ee-56343ba864fe8b2a57d3eff7";
    let xray = |config: Builder| config.propagators([Propagator::XRay]);
    let (sent, request) = hop(xray, &[("x-amzn-trace-id", root)]).await;
    let call = request["spans"][2]["span_id"].as_str().unwrap();
    assert_eq!(text(&sent, "x-amzn-trace-id").unwrap(), format!("{root};Parent={call};Sampled=1"));
    assert_eq!(request["request"]["trace_id"], TRACE);
    assert_eq!(request["spans"][0]["parent_span_id"], Value::Null);
    assert_eq!(request["propagation"]["outcome"], "accepted");
}

/// Jaeger's baggage needs no trace, and a secret in it is not shown.
#[tokio::test]
async fn jaegers_baggage_is_read_without_a_trace() {
    let jaeger = |config: Builder| config.propagators([Propagator::Jaeger]);
    let fields = [("uberctx-user", "ada%20l"), ("uberctx-password", "hunter2")];
    let (sent, request) = hop(jaeger, &fields).await;
    assert_eq!(text(&sent, "uberctx-user").as_deref(), Some("ada%20l"));
    assert_eq!(text(&sent, "uberctx-password").as_deref(), Some("hunter2"), "it is passed on");
    let shown = request["propagation"]["headers"].to_string();
    assert!(shown.contains("ada%20l") && !shown.contains("hunter2"), "{shown}");
}
