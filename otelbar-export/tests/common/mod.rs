//! Spans to send, and receipts to wait for.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use otelbar_export::{
    BreakerPolicy, Compression, ExporterOptions, Protocol, Receipt, RetryPolicy, Statistics,
    ToolbarSpanExporter, TraceBatch,
};
use otelbar_testkit::Collector;

/// Long enough for the slowest machine; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn service(name: &'static str) -> Resource {
    Resource::builder_empty().with_service_name(name).build()
}

/// A trace of `count` spans, each a child of the first.
pub(crate) fn trace(key: u64, count: u64) -> Vec<SpanData> {
    let id = |n: u64| SpanId::from((key << 32) + n + 1);
    (0..count)
        .map(|n| SpanData {
            span_context: SpanContext::new(
                TraceId::from(u128::from(key) + 1),
                id(n),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: if n == 0 { SpanId::INVALID } else { id(0) },
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: format!("span {n}").into(),
            start_time: UNIX_EPOCH + Duration::from_secs(n),
            end_time: UNIX_EPOCH + Duration::from_secs(n + 1),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("test").build(),
        })
        .collect()
}

pub(crate) fn batch(key: u64, count: u64) -> TraceBatch {
    TraceBatch::new(key, service("shop"), trace(key, count))
}

/// Every way to send that is in this build.
pub(crate) fn protocols() -> impl Iterator<Item = Protocol> {
    let all = [
        (true, Protocol::HttpProtobuf),
        (cfg!(feature = "json"), Protocol::HttpJson),
        (cfg!(feature = "grpc"), Protocol::Grpc),
    ];
    all.into_iter().filter_map(|(there, protocol)| there.then_some(protocol))
}

/// Every compression that is in this build.
pub(crate) fn compressions() -> impl Iterator<Item = Compression> {
    let all = [
        (true, Compression::None),
        (cfg!(feature = "gzip"), Compression::Gzip),
        (cfg!(feature = "zstd"), Compression::Zstd),
    ];
    all.into_iter().filter_map(|(there, compression)| there.then_some(compression))
}

/// Where the collector takes spans this way.
pub(crate) fn endpoint(collector: &Collector, protocol: Protocol) -> String {
    if protocol == Protocol::Grpc { collector.endpoint() } else { collector.traces_endpoint() }
}

/// To the collector over HTTP in protobuf, at once, with retries that take no time.
pub(crate) fn options(collector: &Collector) -> ExporterOptions {
    options_by(Protocol::HttpProtobuf, collector)
}

/// To the collector, at once, with retries that take no time and a breaker that stays closed.
pub(crate) fn options_by(protocol: Protocol, collector: &Collector) -> ExporterOptions {
    at_once(ExporterOptions::new(&endpoint(collector, protocol)).unwrap().with_protocol(protocol))
}

/// Zipkin at the collector, as [`options_by`].
#[cfg(feature = "zipkin")]
pub(crate) fn zipkin_at(collector: &Collector) -> ExporterOptions {
    let endpoint = collector.zipkin_endpoint();
    at_once(ExporterOptions::zipkin(&endpoint).unwrap())
}

/// At once, with retries that take no time and a breaker that stays closed.
pub(crate) fn at_once(options: ExporterOptions) -> ExporterOptions {
    let mut breaker = BreakerPolicy::default();
    breaker.failure_threshold = u32::MAX;
    let mut retry = RetryPolicy::default();
    retry.initial = Duration::from_millis(1);
    retry.max = Duration::from_millis(1);
    options.with_batch_delay(Duration::ZERO).with_timeout(PATIENCE).with_retry(retry).with_breaker(breaker)
}

pub(crate) fn exporter(options: ExporterOptions) -> (ToolbarSpanExporter, Receipts) {
    let exporter = ToolbarSpanExporter::new(options).unwrap();
    let receipts = Receipts::of(&exporter);
    (exporter, receipts)
}

/// The books of the one destination.
pub(crate) fn statistics_of(exporter: &ToolbarSpanExporter) -> Statistics {
    exporter.statistics().remove(0)
}

/// Every span is in exactly one place.
#[track_caller]
pub(crate) fn assert_balanced(statistics: &Statistics) {
    assert_eq!(statistics.enqueued + statistics.recovered, statistics.spans.total(), "{statistics:?}");
    assert_eq!(statistics.dropped.total(), statistics.spans.dropped, "{statistics:?}");
    assert_eq!(statistics.spans.undetermined, 0, "the sum is known: {statistics:?}");
}

/// The receipts a subscriber was told.
#[derive(Clone, Default)]
pub(crate) struct Receipts(Arc<(Mutex<Vec<Receipt>>, Condvar)>);

impl Receipts {
    /// Those of this pipeline, from now on.
    pub(crate) fn of(exporter: &ToolbarSpanExporter) -> Self {
        let receipts = Self::default();
        exporter.subscribe({
            let receipts = receipts.clone();
            move |receipt| receipts.push(receipt.clone())
        });
        receipts
    }

    fn push(&self, receipt: Receipt) {
        self.0.0.lock().unwrap().push(receipt);
        self.0.1.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Receipt> {
        self.0.0.lock().unwrap().clone()
    }

    /// What they say, of one key.
    pub(crate) fn said(&self, key: u64) -> Vec<String> {
        let receipts = self.all();
        receipts.iter().filter(|r| r.key == key.into()).map(|r| r.delivery.to_string()).collect()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, condition: impl Fn(&Receipt) -> bool) -> Receipt {
        let started = Instant::now();
        let mut receipts = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = receipts.iter().find(|receipt| condition(receipt)) {
                return found.clone();
            }
            let left = PATIENCE.checked_sub(started.elapsed());
            let Some(left) = left else { panic!("no such receipt among {receipts:#?}") };
            receipts = self.0.1.wait_timeout(receipts, left).unwrap().0;
        }
    }
}
