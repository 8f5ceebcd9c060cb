//! Beside `tracing-opentelemetry`, on the same provider, each span and each log is recorded once.

mod common;

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use otelbar_panel::OpenTelemetryPanel;
use serde_json::Value;
use tower::{Layer, service_fn};
use tracing::subscriber::DefaultGuard;
use tracing::{Instrument, info, info_span};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

/// A toolbar whose layer is behind or before one of `tracing-opentelemetry` as it is made here, on this thread.
fn beside(
    make: impl Fn(OpenTelemetryLayer<Registry, SdkTracer>) -> OpenTelemetryLayer<Registry, SdkTracer>,
    is_first: bool,
) -> (OpenTelemetryPanel, SdkTracer, DefaultGuard) {
    let toolbar = common::quiet_toolbar();
    let provider = SdkTracerProvider::builder().with_span_processor(toolbar.span_processor()).build();
    let tracer = provider.tracer("of the application");
    let other = make(tracing_opentelemetry::layer().with_tracer(tracer.clone()));
    let mut layers = vec![other.boxed(), toolbar.tracing_layer().boxed()];
    if !is_first {
        layers.reverse();
    }
    let default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layers));
    (toolbar, tracer, default)
}

/// What the page shows of a request beside a layer of `tracing-opentelemetry` as it is made here, put in before ours or
/// after it; with the span id that other services are told in the span `inner`.
async fn record(
    make: impl Fn(OpenTelemetryLayer<Registry, SdkTracer>) -> OpenTelemetryLayer<Registry, SdkTracer>,
    is_first: bool,
) -> (Value, opentelemetry::trace::SpanId) {
    let (toolbar, tracer, _default) = beside(make, is_first);
    let told = std::sync::Arc::new(std::sync::Mutex::new(None));
    let tell = std::sync::Arc::clone(&told);
    let service = service_fn(move |_: Request<Body>| {
        let (tracer, tell) = (tracer.clone(), std::sync::Arc::clone(&tell));
        async move {
            let work = async {
                info!("in outer");
                async {
                    info!("in inner");
                    tracing::Span::current().set_attribute("given", "by the api");
                    let cx = opentelemetry::Context::current();
                    *tell.lock().unwrap() = Some(cx.span().span_context().span_id());
                    tracer.in_span("inner", |_| {});
                }
                .instrument(info_span!("inner", otel.name = "inner", n = 1))
                .await;
                info_span!("never entered");
            };
            work.instrument(info_span!("outer")).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    let told = told.lock().unwrap().unwrap();
    (common::the_request(&toolbar).await, told)
}

#[tokio::test]
async fn each_is_recorded_once() {
    for is_first in [true, false] {
        check(record(|layer| layer, is_first).await);
        check(record(|layer| layer.with_location(false), is_first).await);
        check(record(|layer| layer.with_threads(false).with_tracked_inactivity(false), is_first).await);
        check(record(|layer| layer.with_target(false).with_level(true), is_first).await);
    }
}

/// Siblings that are alike and begin at the same time are told apart: what one is given stays its own.
#[tokio::test]
async fn siblings_are_not_mixed_up() {
    for is_first in [true, false] {
        let (toolbar, _, _default) = beside(|layer| layer, is_first);
        let service = service_fn(async |_: Request<Body>| {
            let mut spans: Vec<_> = (0..50).map(|n| (n, info_span!("load", n))).collect();
            // In another order than they were made in.
            spans.rotate_left(7);
            for (n, span) in spans {
                span.in_scope(|| tracing::Span::current().set_attribute("given", n));
            }
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        common::call(toolbar.layer().layer(service), common::get("/")).await;
        let request = common::the_request(&toolbar).await;
        let spans = &request["spans"].as_array().unwrap()[1..];
        assert_eq!(spans.len(), 50);
        for span in spans {
            assert_eq!(common::attribute(span, "given"), common::attribute(span, "n"));
        }
    }
}

/// The span around a wrapped query is none of the record, and neither is its twin.
#[tokio::test]
async fn a_wrapped_query_adds_no_span() {
    for is_first in [true, false] {
        let (toolbar, tracer, _default) = beside(|layer| layer, is_first);
        let service = service_fn(move |_: Request<Body>| {
            let tracer = tracer.clone();
            async move {
                for span in [tracing::Span::none(), info_span!("outer")] {
                    let tracer = tracer.clone();
                    let query = async move {
                        info!("said");
                        info_span!("inner").in_scope(|| tracer.in_span("api", |_| {}));
                        tracer.in_span("of the driver", |_| info!("told"));
                        Ok::<_, std::io::Error>(())
                    };
                    async { otelbar_panel::query(query).await }.instrument(span).await.unwrap();
                }
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        common::call(toolbar.layer().layer(service), common::get("/")).await;
        let expected = "\
GET [said]
  inner
    api
  of the driver [told]
  outer [said, told]
    inner
      api
    of the driver
";
        assert_eq!(common::tree(&common::the_request(&toolbar).await), expected);
    }
}

#[track_caller]
fn check((request, told): (Value, opentelemetry::trace::SpanId)) {
    let expected = "GET\n  outer [in outer]\n    inner [in inner]\n      inner\n    never entered\n";
    assert_eq!(common::tree(&request), expected);
    let spans = request["spans"].as_array().unwrap();
    let inner = spans.iter().find(|span| span["name"] == "inner").unwrap();
    assert_eq!(inner["span_id"], told.to_string(), "it goes by the id that other services are told");
    assert_eq!(common::attribute(inner, "given").unwrap(), "by the api");
    assert_eq!(common::attribute(inner, "n").unwrap(), 1);
    assert_eq!(common::attribute(inner, "busy_ns"), None);
    assert!(spans.iter().all(|span| span["unfinished"] == false));
}
