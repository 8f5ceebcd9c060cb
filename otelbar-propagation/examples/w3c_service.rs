//! A service that speaks the protocol of the W3C's own test harness for Trace Context
//! (<https://github.com/w3c/trace-context>, folder `test`).
//!
//! ```sh
//! cargo run -p otelbar-propagation --features tower --example w3c_service -- 127.0.0.1:5000
//! # And in the harness's folder, with Python and aiohttp:
//! STRICT_LEVEL=2 SPEC_LEVEL=2 python test.py http://127.0.0.1:5000/test
//! ```
//!
//! It takes `POST /test` with a JSON list of `{"url": …, "arguments": …}`, and posts each `arguments` to
//! its `url`, from a span of its own in the trace that came in, or in a new one. A second argument, `1` or
//! `2`, chooses the level of the specification.

use std::convert::Infallible;
use std::error::Error;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otelbar_propagation::tower::{InjectContext, InjectContextLayer};
use otelbar_propagation::{
    Propagators, SpanId, TraceContext, TraceContextLevel, TraceFlags, TraceId, Traceparent,
};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

type HttpClient = InjectContext<Client<HttpConnector, Full<Bytes>>, ()>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let level = match arguments.next().as_deref() {
        Some("1") => TraceContextLevel::One,
        Some("2") | None => TraceContextLevel::Two,
        Some(other) => return Err(format!("level {other:?}: use 1 or 2").into()),
    };
    let listener = TcpListener::bind(&address).await.map_err(|error| format!("{address}: {error}"))?;
    println!("listening on http://{}/test", listener.local_addr()?);

    let service = Service::new(Propagators::default().with_level(level));
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let service = service.clone();
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
                eprintln!("connection: {error}");
            }
        });
    }
}

#[derive(Clone)]
struct Service {
    propagators: Propagators,
    client: HttpClient,
}

impl Service {
    fn new(propagators: Propagators) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        // Each request brings its own context, in its extensions.
        let client = InjectContextLayer::new(()).with_propagators(propagators.clone()).layer(client);
        Self { propagators, client }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = match self.run(request).await {
            Ok(()) => (StatusCode::OK, "{}".to_owned()),
            Err(error) => {
                eprintln!("{error}");
                (StatusCode::BAD_REQUEST, serde_json::json!({ "error": error.to_string() }).to_string())
            }
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        response
    }

    async fn run(&self, request: Request<Incoming>) -> Result<(), Box<dyn Error + Send + Sync>> {
        if request.method() != Method::POST || request.uri().path() != "/test" {
            return Err("only POST /test is answered".into());
        }
        let extraction = self.propagators.extract(request.headers());
        if let Some(refusal) = extraction.refusal() {
            println!("{refusal}");
        }
        for warning in extraction.warnings() {
            println!("{warning}");
        }
        let received = match extraction.traceparent() {
            Some(_) => extraction.context().into_owned(),
            None => TraceContext::new(new_trace()).with_baggage(extraction.baggage().into_owned()),
        };

        let body = request.into_body().collect().await?.to_bytes();
        let calls: serde_json::Value = serde_json::from_slice(&body)?;
        for call in calls.as_array().ok_or("the body is no list")? {
            let url = call["url"].as_str().ok_or("a call has no url")?;
            let mut request = Request::post(url)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::from(call["arguments"].to_string()))?;
            request.extensions_mut().insert(received.clone().with_parent_id(new_span_id()));
            self.client.clone().oneshot(request).await?.into_body().collect().await?;
        }
        Ok(())
    }
}

fn new_trace() -> Traceparent {
    loop {
        if let Some(trace_id) = TraceId::from_u128(fastrand::u128(..)) {
            let flags = TraceFlags::SAMPLED | TraceFlags::RANDOM;
            return Traceparent::new(trace_id, new_span_id(), flags);
        }
    }
}

fn new_span_id() -> SpanId {
    loop {
        if let Some(span_id) = SpanId::from_u64(fastrand::u64(..)) {
            return span_id;
        }
    }
}
