//! Outgoing calls: what they carry outside of requests, and how those that fail are told.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};
use otelbar_panel::{OpenTelemetryPanel, UrlTemplate};
use serde_json::Value;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::common;

fn to(url: &str) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

/// What a call outside of any request is sent with.
async fn sent_outside(toolbar: &OpenTelemetryPanel) -> HeaderMap {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let seen = Arc::clone(&sent);
    let other = service_fn(move |request: Request<Empty<Bytes>>| {
        *seen.lock().unwrap() = request.headers().clone();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    toolbar.client_layer().layer(other).oneshot(to("http://stock/")).await.unwrap();
    sent.lock().unwrap().clone()
}

/// A context of the application's own, as the OpenTelemetry API makes one.
fn own_context() -> Context {
    let state = "a=1".parse().unwrap();
    let span = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, state);
    let baggage = [opentelemetry::KeyValue::new("user", "ada")];
    Context::new().with_remote_span_context(span).with_baggage(baggage)
}

#[tokio::test]
async fn a_client_outside_of_requests_is_left_alone() {
    assert!(sent_outside(&common::quiet_toolbar()).await.is_empty());
}

/// Outside of requests the same formats are written as inside, with the baggage; also where the toolbar is off.
#[tokio::test]
async fn the_configured_formats_are_written_outside_of_requests() {
    let w3c = "00-00000000000000000000000000000001-0000000000000002-01";
    let rows: [(&str, &[(&str, &str)]); 5] = [
        ("tracecontext,baggage", &[("traceparent", w3c), ("tracestate", "a=1"), ("baggage", "user=ada")]),
        ("tracecontext", &[("traceparent", w3c), ("tracestate", "a=1")]),
        ("b3", &[("b3", "00000000000000000000000000000001-0000000000000002-1")]),
        (
            "jaeger",
            &[
                ("uber-trace-id", "00000000000000000000000000000001:0000000000000002:0:1"),
                ("uberctx-user", "ada"),
            ],
        ),
        ("none", &[]),
    ];
    for (propagators, expected) in rows {
        for enabled in [true, false] {
            let toolbar = common::toolbar_with(|config| config.propagators(propagators).enabled(enabled));
            let attached = own_context().attach();
            let call = sent_outside(&toolbar);
            let sent = futures_util::FutureExt::now_or_never(call).unwrap();
            drop(attached);
            let sent: Vec<_> =
                sent.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            assert_eq!(sent, expected, "{propagators}, enabled: {enabled}");
        }
    }
}

/// What came with the request is read once, not again for each call: a call costs the same, however much came.
#[tokio::test]
async fn a_call_reads_nothing_again() {
    let allocations = async |members: usize| {
        let toolbar = common::quiet_toolbar();
        let client = toolbar.client_layer();
        let service = service_fn(|_: Request<Body>| {
            let answer = service_fn(async |_: Request<Empty<Bytes>>| {
                Ok::<_, Infallible>(Response::new(Body::empty()))
            });
            let mut client = client.clone().layer(answer);
            let mut call = Some(to("http://stock/"));
            let made = allocation_counter::measure(|| drop(client.call(call.take().unwrap())));
            async move { Ok::<_, Infallible>(Response::new(Body::from(made.count_total.to_string()))) }
        });
        let list = (0..members).map(|index| format!("k{index}=a%20b")).collect::<Vec<_>>().join(",");
        let mut request = common::get("/");
        for (name, value) in [("traceparent", crate::TRACEPARENT), ("tracestate", &list), ("baggage", &list)]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (_, made) = common::call(toolbar.layer().layer(service), request).await;
        std::str::from_utf8(&made).unwrap().parse::<u64>().unwrap()
    };
    // What is made once does not count.
    allocations(1).await;
    assert_eq!(allocations(32).await, allocations(1).await);
}

/// An error with a cause, which it repeats or not.
#[derive(Debug)]
struct Because(&'static str, Option<Box<dyn Error + Send + Sync>>);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

/// The spans of the calls that a request makes.
async fn calls<F: Future<Output = ()>>(make: impl Fn(OpenTelemetryPanel) -> F) -> Vec<Value> {
    let toolbar = common::quiet_toolbar();
    let service = service_fn(|_: Request<Body>| async {
        make(toolbar.clone()).await;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    common::call(toolbar.layer().layer(service), common::get("/")).await;
    let mut request = common::the_request(&toolbar).await;
    assert_eq!(request["spans"][0]["status"], "unset", "what a call came to is not the request's failure");
    request["spans"].as_array_mut().unwrap().split_off(1)
}

fn error(span: &Value) -> (Option<&str>, &str, &str) {
    let kind = common::attribute(span, "error.type").map(|kind| kind.as_str().unwrap());
    (kind, span["status"].as_str().unwrap(), span["status_message"].as_str().unwrap_or_default())
}

/// A failed call says why, with all causes, each once; a boxed error too. One that is cancelled has not failed.
#[tokio::test]
async fn a_call_that_fails_says_why() {
    let calls = calls(async |toolbar: OpenTelemetryPanel| {
        let refused = service_fn(async |_: Request<Empty<Bytes>>| {
            Err::<Response<Body>, _>(std::io::Error::other("no"))
        });
        let missing = service_fn(async |_: Request<Empty<Bytes>>| {
            Ok::<_, Infallible>(Response::builder().status(404).body(Body::empty()).unwrap())
        });
        let boxed = service_fn(async |_: Request<Empty<Bytes>>| {
            let root = Because("broken pipe", None);
            let middle = Because("cannot send: broken pipe", Some(root.into()));
            let outer = Because("call failed", Some(middle.into()));
            Err::<Response<Body>, Box<dyn Error + Send + Sync>>(outer.into())
        });
        toolbar.client_layer().layer(refused).oneshot(to("http://stock/")).await.map(drop).unwrap_err();
        toolbar.client_layer().layer(missing).oneshot(to("http://stock/")).await.unwrap();
        toolbar.client_layer().layer(boxed).oneshot(to("http://stock/")).await.map(drop).unwrap_err();
        // One that is dropped before it is answered.
        let never = service_fn(|_: Request<Empty<Bytes>>| {
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        drop(toolbar.client_layer().layer(never).call(to("http://stock/")));
    })
    .await;
    assert_eq!(error(&calls[0]), (Some("std::io::error::Error"), "error", "no"));
    assert_eq!(error(&calls[1]).0, Some("404"));
    let (kind, status, message) = error(&calls[2]);
    assert!(kind.unwrap().contains("Error"), "{kind:?}");
    assert_eq!((status, message), ("error", "call failed: cannot send: broken pipe"));
    assert_eq!(error(&calls[3]), (None, "unset", ""));
    assert_eq!(common::attribute(&calls[3], "otelbar.outcome"), Some(&"cancelled".into()));
}

/// An error that repeats an address does not tell the password in it.
#[tokio::test]
async fn a_secret_in_an_error_is_not_told() {
    let calls = calls(async |toolbar: OpenTelemetryPanel| {
        let other = service_fn(async |_: Request<Empty<Bytes>>| {
            Err::<Response<Body>, _>(Because("cannot reach http://ada:hunter2@stock/?token=s3cret", None))
        });
        toolbar.client_layer().layer(other).oneshot(to("http://stock/")).await.map(drop).unwrap_err();
    })
    .await;
    let (_, _, message) = error(&calls[0]);
    assert!(message.starts_with("cannot reach http://"), "{message}");
    assert!(!message.contains("hunter2") && !message.contains("s3cret"), "{message}");
}

/// A client that is not answered at all says what the system has said.
#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let calls = calls(async |toolbar: OpenTelemetryPanel| {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        toolbar.client_layer().layer(client).oneshot(to(&url)).await.map(drop).unwrap_err();
    })
    .await;
    let (kind, status, message) = error(&calls[0]);
    assert_eq!((kind, status), (Some("hyper_util::client::legacy::client::Error"), "error"));
    let expected = "client error (Connect): tcp connect error: Connection refused";
    assert!(message.starts_with(expected), "{message}");
}

/// An answer that breaks off says why, and how much of it came.
#[tokio::test]
async fn an_answer_that_breaks_off_says_why() {
    let calls = calls(async |toolbar: OpenTelemetryPanel| {
        let other = service_fn(async |_: Request<Empty<Bytes>>| {
            let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("reset"))];
            Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::iter(frames))))
        });
        let answer = toolbar.client_layer().layer(other).oneshot(to("http://stock/")).await.unwrap();
        answer.into_body().collect().await.map(drop).unwrap_err();
    })
    .await;
    assert_eq!(error(&calls[0]), (Some("std::io::error::Error"), "error", "reset"));
}

/// The template of a URL is told with the call, and an address in brackets is told without them.
#[tokio::test]
async fn a_url_template_is_told() {
    let calls = calls(async |toolbar: OpenTelemetryPanel| {
        let other =
            service_fn(async |_: Request<Empty<Bytes>>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let mut request = to("http://[::1]:81/items/7");
        *request.method_mut() = http::Method::from_bytes(b"QUERY").unwrap();
        request.extensions_mut().insert(UrlTemplate::new("/items/{id}"));
        toolbar.client_layer().layer(other).oneshot(request).await.unwrap();
    })
    .await;
    let of = |key| common::attribute(&calls[0], key).cloned().unwrap();
    assert_eq!((of("server.address"), of("server.port")), ("::1".into(), 81.into()));
    assert_eq!(of("url.template"), "/items/{id}");
    assert_eq!(calls[0]["name"], "QUERY /items/{id}");
}
