//! A service to measure, with the toolbar around it and without.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
use tower::{Service, service_fn};
use tracing::{Instrument, info_span};

/// The toolbar as it is in development: everything recorded, nothing exported, nobody looking.
pub(crate) fn toolbar(enabled: bool) -> OpenTelemetryPanel {
    let config = OpenTelemetryConfig::builder().service_name("bench").traces_exporters([]).enabled(enabled);
    OpenTelemetryPanel::new(config.build().expect("the configuration is valid")).expect("there is a thread")
}

/// What is done for each request.
pub(crate) fn service(
    work: impl Fn() + Copy,
) -> impl Service<Request<Empty<Bytes>>, Response = Response<Empty<Bytes>>, Error = Infallible> {
    service_fn(move |_: Request<Empty<Bytes>>| async move {
        work();
        Ok(Response::new(Empty::new()))
    })
}

/// The same in a span as `tracing-opentelemetry` is usually given one for a request.
pub(crate) fn service_in_span(
    work: impl Fn() + Copy,
) -> impl Service<Request<Empty<Bytes>>, Response = Response<Empty<Bytes>>, Error = Infallible> {
    service_fn(move |_: Request<Empty<Bytes>>| {
        async move {
            work();
            Ok(Response::new(Empty::new()))
        }
        .instrument(info_span!("request", otel.kind = "server", http.request.method = "GET"))
    })
}

/// The SDK's batch processor, which exports to nowhere.
pub(crate) fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder().with_batch_exporter(Nowhere).build()
}

/// Serves one request to the end of its body. Nothing in it waits.
pub(crate) fn serve<S, R>(service: &mut S)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Error = Infallible>,
{
    let request = Request::get("/books/7?page=2").header("host", "localhost").body(Empty::new());
    let answer = service.call(request.expect("the request is valid"));
    let whole = async {
        let Ok(answer) = answer.await;
        answer.into_body().collect().await
    };
    match pin!(whole).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(body) => drop(black_box(body)),
        Poll::Pending => unreachable!("nothing in the service waits"),
    }
}

/// Takes spans, and does nothing.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}
