//! The sources of otelbar-propagation tell the span that is current within a request.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, Response};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otelbar_propagation::opentelemetry::TextMapBridge;
use otelbar_propagation::source::{ContextSource, CurrentContext, CurrentSpan};
use tower::{Layer, service_fn};
use tracing::{Instrument, info_span};

use crate::common;

/// What the two sources say here, and what `TextMapBridge` writes.
fn told() -> [String; 3] {
    let mut carrier = std::collections::HashMap::new();
    let bridge = TextMapBridge::default();
    Context::map_current(|cx| {
        opentelemetry::propagation::TextMapPropagator::inject_context(&bridge, cx, &mut carrier);
    });
    let text = |source: &dyn Fn() -> otelbar_propagation::TraceContext<'static>| {
        let context = source();
        let traceparent = context.traceparent().map(|traceparent| traceparent.to_string());
        format!("{} {} {}", traceparent.unwrap_or_default(), context.tracestate(), context.baggage())
    };
    let header = |name| carrier.get(name).cloned().unwrap_or_default();
    [
        text(&|| CurrentSpan.trace_context()),
        text(&|| CurrentContext.trace_context()),
        format!("{} {} {}", header("traceparent"), header("tracestate"), header("baggage")),
    ]
}

/// In the request itself, in a span, in a task of the span, in an OpenTelemetry span: each is the nearest there is.
#[tokio::test]
async fn the_current_span_is_told() {
    let toolbar = common::quiet_toolbar();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let service = service_fn(move |_: Request<Body>| {
        let seen = Arc::clone(&record);
        async move {
            let add = |place: &'static str, told: [String; 3]| seen.lock().unwrap().push((place, told));
            add("GET", told());
            async {
                add("outer", told());
                add("inner", info_span!("inner").in_scope(told));
                // A span that no layer records is looked through.
                add("outer", tracing::trace_span!("hidden").in_scope(told));
                let spawned = tokio::spawn(async { told() }.with_current_context().in_current_span());
                add("outer", spawned.await.unwrap());
            }
            .instrument(info_span!("outer"))
            .await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    let mut request = common::get("/");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let headers = request.headers_mut();
    headers.insert("traceparent", format!("00-{trace}-b7ad6b7169203331-01").parse().unwrap());
    headers.insert("tracestate", "0a@@b=1".parse().unwrap());
    headers.insert("baggage", "user=ada".parse().unwrap());
    common::call(toolbar.layer().layer(service), request).await;

    let request = common::the_request(&toolbar).await;
    let id = |name: &str| {
        let spans = request["spans"].as_array().unwrap();
        let span = spans.iter().find(|span| span["name"] == name).unwrap();
        span["span_id"].as_str().unwrap().to_owned()
    };
    for (place, told) in &*seen.lock().unwrap() {
        let expected = format!("00-{trace}-{}-01 0a@@b=1 user=ada", id(place));
        assert_eq!(told, &[(); 3].map(|()| expected.clone()), "in {place}");
    }
    assert_eq!(seen.lock().unwrap().len(), 5);
}

/// A span of the OpenTelemetry API is nearer than the request, and than nothing.
#[tokio::test]
async fn a_span_of_the_api_is_told() {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(async |_: Request<Body>| {
        let [_, request, _] = told();
        let parts: Vec<&str> = request.split(['-', ' ']).collect();
        let own = SpanContext::new(
            opentelemetry::trace::TraceId::from_hex(parts[1]).unwrap(),
            opentelemetry::trace::SpanId::from(7),
            opentelemetry::trace::TraceFlags::SAMPLED,
            false,
            opentelemetry::trace::TraceState::NONE,
        );
        let _own = Context::current().with_remote_span_context(own).attach();
        for told in told() {
            assert_eq!(told.split('-').nth(2), Some("0000000000000007"), "{told}");
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
}

/// Outside of requests there is nothing to tell.
#[test]
fn outside_of_requests_nothing_is_told() {
    let _toolbar = common::quiet_toolbar();
    assert_eq!(info_span!("alone").in_scope(told), [(); 3].map(|()| "  ".to_owned()));
}
