//! What the tests share: a toolbar on a collector of its own, a service on a port of its own, and the JSON API.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel, PeerAddr};
use otelbar_testkit::Collector;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt};
use tracing_subscriber::prelude::*;

/// Long enough for a loaded machine; nothing waits so long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A toolbar that exports to this collector.
pub(crate) fn toolbar(collector: &Collector) -> OpenTelemetryPanel {
    toolbar_with(|config| exporting_to(collector, config))
}

/// A configuration that exports to this collector.
pub(crate) fn exporting_to(
    collector: &Collector,
    config: otelbar_config::Builder,
) -> otelbar_config::Builder {
    config
        .otlp_protocol(otelbar_config::Protocol::HttpProtobuf)
        .otlp_endpoint(&*collector.endpoint())
        .bsp_schedule_delay(Duration::from_millis(20))
        .bsp_max_queue_size(1 << 20)
        .traces_exporters([otelbar_config::TracesExporter::Otlp])
}

/// A toolbar that exports nothing.
pub(crate) fn quiet_toolbar() -> OpenTelemetryPanel {
    toolbar_with(|config| config)
}

/// A toolbar for a service called `test`, that exports nothing unless it is told to.
pub(crate) fn toolbar_with(
    configure: impl FnOnce(otelbar_config::Builder) -> otelbar_config::Builder,
) -> OpenTelemetryPanel {
    let config = OpenTelemetryConfig::builder()
        .service_name("test")
        .sql_system("sqlite")
        .max_requests(10_000)
        .traces_exporters([]);
    // A process has one subscriber, and one layer in it serves every toolbar; one that is off would hide all.
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let toolbar = OpenTelemetryPanel::new(config.clone().build().unwrap()).unwrap();
        tracing_subscriber::registry().with(toolbar.tracing_layer()).init();
    });
    OpenTelemetryPanel::new(configure(config).build().unwrap()).unwrap()
}

/// Calls a service directly, as a local caller, and reads its answer to the end.
pub(crate) async fn call<S, B, R>(service: S, request: Request<B>) -> (http::response::Parts, Bytes)
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let mut request = request;
    request.extensions_mut().insert(PeerAddr::new(SocketAddr::from(([127, 0, 0, 1], 9))));
    request.headers_mut().entry("host").or_insert(http::HeaderValue::from_static("localhost"));
    request.headers_mut().entry("accept").or_insert(http::HeaderValue::from_static("text/html"));
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Reads from the toolbar's JSON API, after all that was recorded has reached it.
pub(crate) async fn api(toolbar: &OpenTelemetryPanel, path: &str) -> Value {
    settle(toolbar).await;
    api_now(toolbar, path).await
}

/// Reads from the JSON API again and again, until what it says is so.
pub(crate) async fn eventually(
    toolbar: &OpenTelemetryPanel,
    path: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let started = std::time::Instant::now();
    loop {
        let value = api_now(toolbar, path).await;
        if is_so(&value) {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "it did not come to that: {value}");
        tokio::task::yield_now().await;
    }
}

/// Reads from the JSON API as things are.
async fn api_now(toolbar: &OpenTelemetryPanel, path: &str) -> Value {
    let nothing =
        tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let (head, body) = call(toolbar.layer().layer(nothing), get(&format!("/__otelbar/{path}"))).await;
    assert_eq!(head.status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// Waits until everything that was recorded is in the store, and exported or given up.
pub(crate) async fn settle(toolbar: &OpenTelemetryPanel) {
    let _ = toolbar.flush_async(PATIENCE).await;
}

/// All requests that are held, whole, the newest first.
pub(crate) async fn requests(toolbar: &OpenTelemetryPanel) -> Vec<Value> {
    settle(toolbar).await;
    let mut all = Vec::new();
    let mut before = String::new();
    loop {
        let list = api_now(toolbar, &format!("api/requests?limit=500{before}")).await;
        let page = list["requests"].as_array().unwrap();
        let Some(last) = page.last() else { return all };
        before = format!("&before={}", last["seq"]);
        for request in page {
            all.push(api_now(toolbar, &format!("api/requests/{}", request["id"].as_str().unwrap())).await);
        }
    }
}

/// The only request that is held, whole.
pub(crate) async fn the_request(toolbar: &OpenTelemetryPanel) -> Value {
    let mut requests = requests(toolbar).await;
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// The names of the spans, each below its parent, siblings by their names.
pub(crate) fn tree(request: &Value) -> String {
    fn below(spans: &[Value], parent: &Value, depth: usize, out: &mut String) {
        let mut children: Vec<&Value> =
            spans.iter().filter(|span| span["parent_span_id"] == *parent).collect();
        children.sort_by_key(|span| span["name"].as_str().unwrap().to_owned());
        for span in children {
            out.push_str(&"  ".repeat(depth));
            out.push_str(span["name"].as_str().unwrap());
            let mut events: Vec<&str> = span["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["name"].as_str().unwrap())
                .collect();
            events.sort_unstable();
            if !events.is_empty() {
                out.push_str(&format!(" [{}]", events.join(", ")));
            }
            out.push('\n');
            below(spans, &span["span_id"], depth + 1, out);
        }
    }
    let spans = request["spans"].as_array().unwrap();
    let mut out = String::new();
    below(spans, &spans[0]["parent_span_id"], 0, &mut out);
    out
}

/// The value of a span's attribute.
pub(crate) fn attribute<'v>(span: &'v Value, key: &str) -> Option<&'v Value> {
    let attributes = span["attributes"].as_array().unwrap();
    attributes.iter().find(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"])
}

/// Serves on a free port, over HTTP/1.1 and HTTP/2, until the handle is aborted.
pub(crate) async fn serve<S, R>(
    service: impl Fn(SocketAddr) -> S + Send + 'static,
) -> (SocketAddr, JoinHandle<()>)
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let service = TowerToHyperService::new(service(peer));
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // A client that goes away is what some tests are about.
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, task)
}

/// What the toolbar itself logs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Told {
    /// Listens on this thread, until the guard is dropped.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone()))
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Told {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message<'t>(&'t mut Vec<String>);
        impl tracing::field::Visit for Message<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0.push(format!("{value:?}"));
                }
            }
        }
        if event.metadata().target() == "otelbar" {
            event.record(&mut Message(&mut self.0.lock().unwrap()));
        }
    }
}
