//! What the process holds is what the page says that it holds, whatever is put into it.
#![cfg(target_os = "linux")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use opentelemetry::trace::TracerProvider;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanLimits};
use otelbar_panel::OpenTelemetryPanel;
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::{field, info, info_span};

const MIB: usize = 1 << 20;
/// What the toolbar may hold of requests.
const MAX_BYTES: usize = 8 * MIB;
/// What a process holds for other reasons: code that is loaded, what an allocator keeps for later.
const SLACK: usize = 48 * MIB;

/// What is measured is the whole process's, so that one test runs at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Bytes of memory that the process has.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Does this in requests until far more was put in than may be held, and compares.
async fn flood(what: &str, requests: usize, work: impl Fn(&SdkTracer)) {
    let toolbar = common::toolbar_with(|config| config.max_bytes(otelbar_config::ByteSize::from(MAX_BYTES)));
    let limits = SpanLimits {
        max_attributes_per_span: 1 << 20,
        max_events_per_span: 1 << 20,
        ..SpanLimits::default()
    };
    let provider = SdkTracerProvider::builder()
        .with_span_limits(limits)
        .with_span_processor(toolbar.span_processor())
        .build();
    let tracer = provider.tracer("flood");
    let before = resident();
    let handler = |_: Request<Body>| {
        work(&tracer);
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    };
    for _ in 0..requests {
        let service = toolbar.layer().layer(service_fn(handler));
        common::call(service, common::get("/")).await;
    }
    check(what, &toolbar, before).await;
}

async fn check(what: &str, toolbar: &OpenTelemetryPanel, before: usize) {
    let list = common::api(toolbar, "api/requests?limit=1").await;
    let said = |key: &str| usize::try_from(list["store"][key].as_u64().unwrap()).unwrap();
    let told = said("bytes") + said("open_bytes");
    let held = resident().saturating_sub(before);
    assert!(said("bytes") <= MAX_BYTES + MIB, "{what}: the store holds {told} bytes");
    assert!(held <= 3 * told + SLACK, "{what}: {held} bytes are held, and the page says {told}");
    assert!(list.to_string().len() < 64 * 1024, "{what}: the list is read each second");
}

fn link() -> SpanContext {
    let state = TraceState::from_key_value([("key", "v".repeat(4000))]).unwrap_or_default();
    SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, true, state)
}

#[tokio::test]
async fn nothing_is_held_that_the_page_does_not_tell_of() {
    let _alone = ALONE.lock().await;
    let long = Arc::new("x".repeat(100_000));
    let key = Arc::clone(&long);
    flood("keys of attributes", 100, move |tracer| {
        for n in 0..20 {
            tracer.in_span("span", |cx| cx.span().set_attribute(KeyValue::new(format!("{key}{n}"), 1)));
        }
    })
    .await;
    flood("many attributes", 200, |tracer| {
        tracer.in_span("span", |cx| {
            (0..10_000).for_each(|n| cx.span().set_attribute(KeyValue::new(format!("key {n}"), n)));
        });
    })
    .await;
    flood("lists", 100, |tracer| {
        let list = Value::Array(Array::I64(vec![7; 200_000]));
        tracer.in_span("span", |cx| cx.span().set_attribute(KeyValue::new("list", list)));
    })
    .await;
    flood("events", 100, |tracer| {
        tracer.in_span("span", |cx| {
            for _ in 0..500 {
                cx.span()
                    .add_event("e".repeat(2000), vec![KeyValue::new("k".repeat(2000), "v".repeat(2000))]);
            }
        });
    })
    .await;
    flood("links", 100, |tracer| {
        let builder = tracer.span_builder("span");
        let attribute = || vec![KeyValue::new("k".repeat(5000), "v".repeat(5000))];
        let links = (0..100).map(|_| Link::new(link(), attribute(), 0)).collect();
        drop(tracer.build(builder.with_links(links)));
    })
    .await;
    let text = Arc::clone(&long);
    flood("names", 100, move |tracer| {
        for _ in 0..10 {
            tracer.in_span(text.to_string(), |_| {});
        }
    })
    .await;
    flood("routes", 100, |_| {
        let current = otelbar_panel::current().unwrap();
        current.set_route("r".repeat(2_000_000));
        (0..10).for_each(|n| current.set_attribute(KeyValue::new(format!("{}{n}", "k".repeat(100_000)), 1)));
    })
    .await;
    let text = Arc::clone(&long);
    flood("logs", 50, move |_| (0..20).for_each(|_| info!(field = %text, other = ?text, "{text}"))).await;
    let text = Arc::clone(&long);
    flood("spans", 50, move |_| {
        for _ in 0..20 {
            let span = info_span!("span", at_once = %text, late = field::Empty);
            span.record("late", text.as_str());
        }
    })
    .await;
    let text = Arc::clone(&long);
    flood("templates", 50, move |_| {
        for _ in 0..20 {
            let _ = otelbar_panel::template(&text, || Err::<String, _>(&*text));
        }
    })
    .await;
}

/// 92 lines of 4.2 kB of bytes that stand for nothing in a `baggage`, from any client, 600 times.
#[tokio::test]
async fn what_a_client_sends_is_not_held() {
    let _alone = ALONE.lock().await;
    let value = http::HeaderValue::from_bytes(&[0xff; 4200]).unwrap();
    for max_bytes in [None, Some(MAX_BYTES)] {
        let toolbar = common::toolbar_with(|config| match max_bytes {
            Some(max_bytes) => config.max_bytes(otelbar_config::ByteSize::from(max_bytes)),
            None => config,
        });
        let answer = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let service = toolbar.layer().layer(answer);
        let before = resident();
        for _ in 0..600 {
            let mut request = common::get("/");
            (0..92).for_each(|_| _ = request.headers_mut().append("baggage", value.clone()));
            common::call(service.clone(), request).await;
        }
        check("baggage", &toolbar, before).await;
    }
}

/// What holds a request need not be one of its spans.
#[tokio::test]
async fn requests_that_the_application_holds_are_told_of_and_bounded() {
    let _alone = ALONE.lock().await;
    let toolbar = common::toolbar_with(|config| config.max_bytes(otelbar_config::ByteSize::from(MAX_BYTES)));
    let before = resident();
    let held = std::sync::Mutex::new(Vec::new());
    let service = service_fn(async |_: Request<Body>| {
        (0..100).for_each(|_| info!("{}", "x".repeat(10_000)));
        held.lock().unwrap().push(otelbar_panel::current().unwrap());
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    for _ in 0..150 {
        common::call(toolbar.layer().layer(service), common::get("/")).await;
        common::settle(&toolbar).await;
    }
    check("held requests", &toolbar, before).await;
    let list = common::api(&toolbar, "api/requests?limit=1").await;
    let bytes = list["store"]["open_bytes"].as_u64().unwrap();
    assert!((MAX_BYTES as u64 / 2..2 * MAX_BYTES as u64).contains(&bytes), "{bytes} bytes are held");
    held.lock().unwrap().clear();
    let list = common::api(&toolbar, "api/requests?limit=1").await;
    assert_eq!((&list["store"]["open_requests"], &list["store"]["open_bytes"]), (&0.into(), &0.into()));
}

#[tokio::test]
async fn requests_that_do_not_end_are_told_of_and_bounded() {
    let _alone = ALONE.lock().await;
    let toolbar = common::toolbar_with(|config| config.max_bytes(otelbar_config::ByteSize::from(MAX_BYTES)));
    let before = resident();
    let mut service = toolbar.layer().layer(service_fn(|_: Request<Body>| {
        (0..100).for_each(|_| info!("{}", "x".repeat(10_000)));
        std::future::pending::<Result<Response<Body>, Infallible>>()
    }));
    let mut open = Vec::new();
    for _ in 0..100 {
        let mut request = Box::pin(service.ready().await.unwrap().call(common::get("/")));
        assert!(futures_util::poll!(&mut request).is_pending());
        open.push(request);
    }
    check("open requests", &toolbar, before).await;
    let list = common::api(&toolbar, "api/requests?limit=1").await;
    assert_eq!(list["store"]["open_requests"], 100);
    let bytes = list["store"]["open_bytes"].as_u64().unwrap();
    assert!((MAX_BYTES as u64 / 2..2 * MAX_BYTES as u64).contains(&bytes), "{bytes} bytes are held");
    assert!(list["dropped"]["logs"].as_u64().unwrap() > 0, "what found no room is counted");
    drop(open);
    let list = common::api(&toolbar, "api/requests?limit=1").await;
    assert_eq!((&list["store"]["open_requests"], &list["store"]["open_bytes"]), (&0.into(), &0.into()));
}
