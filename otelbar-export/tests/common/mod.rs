//! Spans to send, and receipts to wait for.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
#[cfg(feature = "zipkin")]
use otelbar_export::ZipkinDestination;
use otelbar_export::{
    BreakerPolicy, Compression, Destination, OtlpDestination, Pipeline, PipelineBuilder, Protocol, Receipt,
    RetryPolicy, Statistics, TraceBatch,
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

/// The collector over HTTP in protobuf, with time for the slowest machine.
pub(crate) fn otlp(collector: &Collector) -> OtlpDestination {
    otlp_by(Protocol::HttpProtobuf, collector)
}

/// The collector, with time for the slowest machine.
pub(crate) fn otlp_by(protocol: Protocol, collector: &Collector) -> OtlpDestination {
    Destination::otlp(endpoint(collector, protocol)).with_protocol(protocol).with_timeout(PATIENCE)
}

/// Zipkin at the collector, with time for the slowest machine.
#[cfg(feature = "zipkin")]
pub(crate) fn zipkin(collector: &Collector) -> ZipkinDestination {
    Destination::zipkin(collector.zipkin_endpoint()).with_timeout(PATIENCE)
}

/// A destination that is reached over HTTP, of whatever kind.
#[derive(Clone, Debug)]
pub(crate) enum Http {
    Otlp(OtlpDestination),
    #[cfg(feature = "zipkin")]
    Zipkin(ZipkinDestination),
}

impl From<Http> for Destination {
    fn from(http: Http) -> Self {
        match http {
            Http::Otlp(otlp) => otlp.into(),
            #[cfg(feature = "zipkin")]
            Http::Zipkin(zipkin) => zipkin.into(),
        }
    }
}

/// The settings that both kinds have.
macro_rules! both {
    ($($method:ident($($argument:ident: $type:ty),*);)+) => {
        impl Http {
            $(pub(crate) fn $method(self $(, $argument: $type)*) -> Self {
                match self {
                    Self::Otlp(otlp) => Self::Otlp(otlp.$method($($argument),*)),
                    #[cfg(feature = "zipkin")]
                    Self::Zipkin(zipkin) => Self::Zipkin(zipkin.$method($($argument),*)),
                }
            })+
        }
    };
}

both! {
    with_timeout(timeout: Duration);
    with_proxy(url: String);
    with_proxy_from(variable: impl Fn(&str) -> Option<String>);
    without_proxy();
}

#[cfg(feature = "tls")]
both! {
    with_certificate(authorities: &std::path::Path);
}

/// Each kind and protocol that is in this build, by its name, to the collector.
pub(crate) fn ways(collector: &Collector) -> Vec<(String, Http)> {
    let otlp = protocols().map(|protocol| (protocol.to_string(), Http::Otlp(otlp_by(protocol, collector))));
    #[cfg(feature = "zipkin")]
    let otlp = otlp.chain([("zipkin".to_owned(), Http::Zipkin(zipkin(collector)))]);
    otlp.collect()
}

/// To the collector over HTTP in protobuf, as [`at_once`].
pub(crate) fn to(collector: &Collector) -> PipelineBuilder {
    at_once(otlp(collector))
}

/// To the collector, as [`at_once`].
pub(crate) fn to_by(protocol: Protocol, collector: &Collector) -> PipelineBuilder {
    at_once(otlp_by(protocol, collector))
}

/// There, at once, with retries that take no time and a breaker that stays closed.
pub(crate) fn at_once(destination: impl Into<Destination>) -> PipelineBuilder {
    let mut breaker = BreakerPolicy::default();
    breaker.failure_threshold = u32::MAX;
    let mut retry = RetryPolicy::default();
    retry.initial = Duration::from_millis(1);
    retry.max = Duration::from_millis(1);
    Pipeline::builder()
        .with_destination(destination)
        .with_scheduled_delay(Duration::ZERO)
        .with_retry(retry)
        .with_breaker(breaker)
}

pub(crate) fn start(builder: PipelineBuilder) -> (Pipeline, Receipts) {
    let pipeline = builder.build().unwrap();
    let receipts = Receipts::of(&pipeline);
    (pipeline, receipts)
}

/// How the one destination stands.
pub(crate) fn statistics_of(pipeline: &Pipeline) -> Statistics {
    pipeline.statistics().remove(0)
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
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        let receipts = Self::default();
        pipeline.subscribe({
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
