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

/// What is done with a case. It is generic over both ways, because a call through a pointer would be a good part
/// of what some of them cost.
pub(crate) trait Measure {
    /// The case `id`: this crate's way, which allocates `limit` times at most, and the peer's.
    fn case(
        &mut self,
        id: &'static str,
        limit: u64,
        ours: impl FnMut(),
        peer: &'static str,
        theirs: impl FnMut(),
    );
}

/// A header's name and value.
type Field = (&'static str, &'static str);

const SDK: &str = "opentelemetry_sdk";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACESTATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,vendor@system=opaque-value-1";
const BAGGAGE: &str = "userId=alice,serverNode=DF28,isProduction=false,tier=gold,region=eu-central-1";
const BAGGAGE_ENCODED: &str =
    "userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false,tier=gold,region=eu-central-1";

/// Hands all cases to `measure`.
pub(crate) fn all(measure: &mut impl Measure) {
    let trace = [("traceparent", TRACEPARENT)];
    let trace_with_state = [("traceparent", TRACEPARENT), ("tracestate", TRACESTATE)];
    parse(measure);
    format(measure);
    extract(measure, "extract", &trace);
    extract(measure, "extract_tracestate", &trace_with_state);
    extract(measure, "extract_browser", &browser(&trace));
    extract_absent(measure);
    bridge(measure, "bridge_extract", 2, &trace);
    bridge(measure, "bridge_extract_tracestate", 10, &trace_with_state);
    inject(measure, "inject", "");
    inject(measure, "inject_tracestate", TRACESTATE);
    baggage(measure, "baggage", 0, BAGGAGE);
    baggage(measure, "baggage_encoded", 2, BAGGAGE_ENCODED);
}

fn parse(measure: &mut impl Measure) {
    measure.case(
        "parse",
        0,
        || {
            let _ = black_box(parse_traceparent(black_box(TRACEPARENT)));
        },
        "fastrace",
        || {
            black_box(FastraceContext::decode_w3c_traceparent(black_box(TRACEPARENT)));
        },
    );
}

fn format(measure: &mut impl Measure) {
    let ours = parsed().traceparent().map(|traceparent| traceparent.trace_id());
    let theirs = parsed().to_span_context().trace_id();
    measure.case(
        "format_trace_id",
        0,
        move || {
            black_box(black_box(ours).map(format_trace_id));
        },
        SDK,
        move || {
            black_box(black_box(theirs).to_string());
        },
    );
}

fn extract(measure: &mut impl Measure, id: &'static str, fields: &[Field]) {
    let headers = request(fields);
    let same = headers.clone();
    let sdk = TraceContextPropagator::new();
    measure.case(
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
    );
}

fn extract_absent(measure: &mut impl Measure) {
    static NAME: HeaderName = HeaderName::from_static("traceparent");

    let headers = request(&[]);
    let same = headers.clone();
    measure.case(
        "extract_absent",
        0,
        move || {
            black_box(extract_trace_context(black_box(&headers)).traceparent());
        },
        "HeaderMap::get",
        move || {
            black_box(black_box(&same).get(&NAME));
        },
    );
}

/// The same result as the SDK's: an OpenTelemetry context.
fn bridge(measure: &mut impl Measure, id: &'static str, limit: u64, fields: &[Field]) {
    let headers = request(fields);
    let same = headers.clone();
    let (ours, sdk) = (TextMapBridge::new(trace_context_alone()), TraceContextPropagator::new());
    measure.case(
        id,
        limit,
        move || {
            black_box(ours.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&headers))));
        },
        SDK,
        move || {
            black_box(sdk.extract_with_context(&Context::new(), &HeaderExtractor(black_box(&same))));
        },
    );
}

fn inject(measure: &mut impl Measure, id: &'static str, tracestate: &'static str) {
    let context = parsed().with_tracestate(Tracestate::parse(tracestate).unwrap_or_default());
    let theirs = Context::new().with_remote_span_context(context.to_span_context());
    let sdk = TraceContextPropagator::new();
    // The names are there from the start, so that neither pays for making room.
    let mut headers = request(&[("traceparent", "old"), ("tracestate", "old")]);
    let mut same = headers.clone();
    measure.case(
        id,
        1,
        move || inject_trace_context(black_box(&context), black_box(&mut headers)),
        SDK,
        move || sdk.inject_context(black_box(&theirs), &mut HeaderInjector(black_box(&mut same))),
    );
}

fn baggage(measure: &mut impl Measure, id: &'static str, limit: u64, value: &'static str) {
    let headers = request(&[("baggage", value)]);
    let same = headers.clone();
    let sdk = BaggagePropagator::new();
    measure.case(
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
    );
}

fn parsed() -> TraceContext<'static> {
    parse_traceparent(TRACEPARENT).map_or(TraceContext::empty(), TraceContext::new)
}

fn trace_context_alone() -> otelbar_propagation::Propagators {
    otelbar_propagation::Propagators::new([otelbar_propagation::Propagator::TraceContext])
}

/// What a browser sends besides, so that there are twenty with a `traceparent`.
fn browser(fields: &[Field]) -> Vec<Field> {
    let more = [
        ("accept-language", "en-GB,en;q=0.7,de;q=0.3"),
        ("referer", "https://shop.example.com/"),
        ("content-type", "application/json"),
        ("content-length", "42"),
        ("origin", "https://shop.example.com"),
        ("connection", "keep-alive"),
        ("upgrade-insecure-requests", "1"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-user", "?1"),
        ("priority", "u=0, i"),
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
    ];
    more.iter().chain(fields).copied().collect()
}

/// The headers of a request: five that every client sends, and these.
fn request(fields: &[Field]) -> HeaderMap {
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
