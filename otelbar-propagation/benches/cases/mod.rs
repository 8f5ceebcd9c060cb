//! What is measured: each case is this crate's way and that of a peer to the same end, on the same input. The
//! benchmark takes the time of both, and the test and the bench `allocations` count what they allocate.

use std::hint::black_box;

use fastrace::collector::SpanContext as FastraceContext;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use otelbar_propagation::opentelemetry::TextMapBridge;
use otelbar_propagation::{
    Baggage, TraceContext, Tracestate, extract_trace_context, format_trace_id, inject_trace_context,
    parse_traceparent,
};

/// Two ways to the same end.
pub(crate) struct Case {
    /// The name of the case.
    pub(crate) id: &'static str,
    /// This crate's way.
    pub(crate) ours: Box<dyn FnMut()>,
    /// Who the peer is.
    pub(crate) peer: &'static str,
    /// The peer's way.
    pub(crate) theirs: Box<dyn FnMut()>,
    /// The most allocations of this crate's way.
    #[allow(dead_code, reason = "the test alone asserts on it")]
    pub(crate) limit: u64,
}

impl Case {
    fn new(
        id: &'static str,
        limit: u64,
        ours: impl FnMut() + 'static,
        peer: &'static str,
        theirs: impl FnMut() + 'static,
    ) -> Self {
        Self { id, ours: Box::new(ours), peer, theirs: Box::new(theirs), limit }
    }
}

const SDK: &str = "opentelemetry_sdk";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACESTATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,vendor@system=opaque-value-1";
const BAGGAGE: &str = "userId=alice,serverNode=DF28,isProduction=false,tier=gold,region=eu-central-1";
const BAGGAGE_ENCODED: &str =
    "userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false,tier=gold,region=eu-central-1";

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    vec![
        parse(),
        format(),
        extract("extract", &[("traceparent", TRACEPARENT)]),
        extract("extract_tracestate", &[("traceparent", TRACEPARENT), ("tracestate", TRACESTATE)]),
        extract_absent(),
        bridge("bridge_extract", 4, &[("traceparent", TRACEPARENT)]),
        bridge("bridge_extract_tracestate", 14, &[("traceparent", TRACEPARENT), ("tracestate", TRACESTATE)]),
        inject("inject", 1, ""),
        inject("inject_tracestate", 1, TRACESTATE),
        baggage("baggage", 0, BAGGAGE),
        baggage("baggage_encoded", 2, BAGGAGE_ENCODED),
    ]
}

fn parse() -> Case {
    Case::new(
        "parse",
        0,
        || {
            let _ = black_box(parse_traceparent(black_box(TRACEPARENT)));
        },
        "fastrace",
        || {
            black_box(FastraceContext::decode_w3c_traceparent(black_box(TRACEPARENT)));
        },
    )
}

fn format() -> Case {
    let ours = parsed().traceparent().map(|traceparent| traceparent.trace_id());
    let theirs = parsed().to_span_context().trace_id();
    Case::new(
        "format_trace_id",
        0,
        move || {
            black_box(black_box(ours).map(format_trace_id));
        },
        SDK,
        move || {
            black_box(black_box(theirs).to_string());
        },
    )
}

fn extract(id: &'static str, fields: &[(&'static str, &'static str)]) -> Case {
    let headers = request(fields);
    let same = headers.clone();
    let sdk = TraceContextPropagator::new();
    Case::new(
        id,
        0,
        move || {
            let extraction = extract_trace_context(black_box(&headers));
            black_box((extraction.traceparent(), extraction.tracestate()));
        },
        SDK,
        move || {
            black_box(sdk.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&same))));
        },
    )
}

fn extract_absent() -> Case {
    static NAME: HeaderName = HeaderName::from_static("traceparent");

    let headers = request(&[]);
    let same = headers.clone();
    Case::new(
        "extract_absent",
        0,
        move || {
            black_box(extract_trace_context(black_box(&headers)).traceparent());
        },
        "HeaderMap::get",
        move || {
            black_box(black_box(&same).get(&NAME));
        },
    )
}

/// The same result as the SDK's: an OpenTelemetry context.
fn bridge(id: &'static str, limit: u64, fields: &[(&'static str, &'static str)]) -> Case {
    let headers = request(fields);
    let same = headers.clone();
    let (ours, sdk) = (TextMapBridge::new(trace_context_alone()), TraceContextPropagator::new());
    Case::new(
        id,
        limit,
        move || {
            black_box(ours.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&headers))));
        },
        SDK,
        move || {
            black_box(sdk.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&same))));
        },
    )
}

fn inject(id: &'static str, limit: u64, tracestate: &'static str) -> Case {
    let context = parsed().with_tracestate(Tracestate::parse(tracestate).unwrap_or_default());
    let theirs = Context::new().with_remote_span_context(context.to_span_context());
    let sdk = TraceContextPropagator::new();
    // The names are there from the start, so that neither pays for making room.
    let mut headers = request(&[("traceparent", "old"), ("tracestate", "old")]);
    let mut same = headers.clone();
    Case::new(
        id,
        limit,
        move || inject_trace_context(black_box(&context), black_box(&mut headers)),
        SDK,
        move || sdk.inject_context(black_box(&theirs), &mut HeaderInjector(black_box(&mut same))),
    )
}

fn baggage(id: &'static str, limit: u64, value: &'static str) -> Case {
    let headers = request(&[("baggage", value)]);
    let same = headers.clone();
    let sdk = BaggagePropagator::new();
    Case::new(
        id,
        limit,
        move || {
            let baggage: Baggage<'_> = extract_trace_context(black_box(&headers)).baggage();
            for entry in &baggage {
                black_box((entry.key(), entry.value()));
            }
        },
        SDK,
        move || {
            let context = sdk.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&same)));
            for (key, (value, _)) in context.baggage() {
                black_box((key.as_str(), value.as_str()));
            }
        },
    )
}

fn parsed() -> TraceContext<'static> {
    parse_traceparent(TRACEPARENT).map_or(TraceContext::empty(), TraceContext::new)
}

fn trace_context_alone() -> otelbar_propagation::Propagators {
    otelbar_propagation::Propagators::new([otelbar_propagation::Propagator::TraceContext])
}

/// The headers of a request: five that every client sends, and these.
fn request(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let common = [
        ("host", "shop.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("cookie", "session=0123456789abcdef0123456789abcdef"),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in common.iter().chain(fields) {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}
