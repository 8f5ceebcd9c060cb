//! Spans at a steady rate.

use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use otelbar_export::{Pipeline, TraceBatch};
use otelbar_integration::compare::Span;

use super::{random_trace_id, span_of};

/// Traces a second.
const RATE: u32 = 100;
/// Spans in each.
const SPANS: usize = 5;

/// Gives each of these exporters traces of five spans, a hundred a second for so long; returns what was given,
/// one by one.
pub(crate) fn load(pipelines: &[&Pipeline], service: &Resource, time: Duration) -> Vec<Span> {
    let began = Instant::now();
    let mut sent = Vec::new();
    for number in 0.. {
        let due = began + Duration::from_secs(1) / RATE * number;
        if due >= began + time {
            return sent;
        }
        // A load has a rate, and so waits.
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            thread::park_timeout(left);
        }
        for pipeline in pipelines {
            let trace_id = random_trace_id();
            let spans: Vec<_> = (0..SPANS).map(|_| span_of(trace_id, "load")).collect();
            sent.extend(spans.iter().map(|data| Span::sent(service, data)));
            pipeline.enqueue(TraceBatch::new(u64::from(number), service.clone(), spans)).unwrap();
        }
    }
    sent
}
