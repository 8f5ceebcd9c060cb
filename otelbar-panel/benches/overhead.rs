//! What a request costs the thread that serves it: without anything, with the toolbar, and with the usual way of getting
//! the same spans (`tracing-opentelemetry` into the SDK's batch processor, to an exporter that does nothing).

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use otelbar_panel::{OpenTelemetryConfig, OpenTelemetryPanel};
use tower::{Layer, Service, service_fn};
use tracing::{Subscriber, info, info_span};
use tracing_subscriber::prelude::*;

/// The toolbar as it is in development: everything recorded, nothing exported, nobody looking.
fn toolbar(enabled: bool) -> OpenTelemetryPanel {
    let config = OpenTelemetryConfig::builder().service_name("bench").traces_exporters([]).enabled(enabled);
    OpenTelemetryPanel::new(config.build().expect("the configuration is valid")).expect("there is a thread")
}

/// Work of so many spans, with three fields and a log each.
async fn work(spans: u64) {
    for n in 0..spans {
        let _span = info_span!("step", n, name = "inner", ratio = 0.5).entered();
        info!(n, "worked");
    }
}

fn service(
    spans: u64,
) -> impl Service<Request<Empty<Bytes>>, Response = Response<Empty<Bytes>>, Error = Infallible> {
    service_fn(move |_: Request<Empty<Bytes>>| async move {
        work(spans).await;
        Ok(Response::new(Empty::new()))
    })
}

/// Serves one request to the end of its body. Nothing in it waits.
fn serve<S, R>(service: &mut S)
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

fn with(subscriber: impl Subscriber + Send + Sync + 'static, f: impl FnOnce()) {
    tracing::subscriber::with_default(subscriber, f);
}

/// Takes spans, and does nothing.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

fn overhead(criterion: &mut Criterion) {
    for spans in [0, 10] {
        let mut group = criterion.benchmark_group(format!("request_of_{spans}_spans"));
        with(tracing_subscriber::registry(), || {
            let mut bare = service(spans);
            group.bench_function("bare", |b| b.iter(|| serve(&mut bare)));
            let mut off = toolbar(false).layer().layer(service(spans));
            group.bench_function("off", |b| b.iter(|| serve(&mut off)));
        });
        let toolbar = toolbar(true);
        with(tracing_subscriber::registry().with(toolbar.tracing_layer()), || {
            let mut ours = toolbar.layer().layer(service(spans));
            group.bench_function("ours", |b| b.iter(|| serve(&mut ours)));
        });
        let provider = SdkTracerProvider::builder().with_batch_exporter(Nowhere).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        with(tracing_subscriber::registry().with(layer), || {
            let mut usual = service_fn(move |_: Request<Empty<Bytes>>| {
                use tracing::Instrument;
                async move {
                    work(spans).await;
                    Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                }
                .instrument(info_span!(
                    "request",
                    otel.kind = "server",
                    http.request.method = "GET"
                ))
            });
            group.bench_function("tracing_opentelemetry", |b| {
                b.iter(|| serve(&mut usual));
            });
        });
        group.finish();
    }
}

criterion_group!(benches, overhead);
criterion_main!(benches);
