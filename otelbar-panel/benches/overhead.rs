//! What a request costs the thread that serves it: without anything, with the toolbar, and with the usual way of getting
//! the same spans (`tracing-opentelemetry` into the SDK's batch processor, to an exporter that does nothing).

mod service;

use criterion::{Criterion, criterion_group, criterion_main};
use opentelemetry::trace::TracerProvider;
use service::{provider, serve, service, service_in_span, toolbar};
use tower::Layer;
use tracing::{Subscriber, info, info_span};
use tracing_subscriber::prelude::*;

/// Work of so many spans, with three fields and a log each.
fn work(spans: u64) {
    for n in 0..spans {
        let _span = info_span!("step", n, name = "inner", ratio = 0.5).entered();
        info!(n, "worked");
    }
}

fn with(subscriber: impl Subscriber + Send + Sync + 'static, f: impl FnOnce()) {
    tracing::subscriber::with_default(subscriber, f);
}

fn overhead(criterion: &mut Criterion) {
    for spans in [0, 10] {
        let work = move || self::work(spans);
        let mut group = criterion.benchmark_group(format!("request_of_{spans}_spans"));
        with(tracing_subscriber::registry(), || {
            let mut bare = service(work);
            group.bench_function("bare", |b| b.iter(|| serve(&mut bare)));
            let mut off = toolbar(false).layer().layer(service(work));
            group.bench_function("off", |b| b.iter(|| serve(&mut off)));
        });
        let toolbar = toolbar(true);
        with(tracing_subscriber::registry().with(toolbar.tracing_layer()), || {
            let mut ours = toolbar.layer().layer(service(work));
            group.bench_function("ours", |b| b.iter(|| serve(&mut ours)));
        });
        let provider = provider();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        with(tracing_subscriber::registry().with(layer), || {
            let mut usual = service_in_span(work);
            group.bench_function("tracing_opentelemetry", |b| b.iter(|| serve(&mut usual)));
        });
        group.finish();
    }
}

criterion_group!(benches, overhead);
criterion_main!(benches);
