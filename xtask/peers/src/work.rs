//! What is recorded: spans of four fields, two of them texts, below the current one.

use std::borrow::Cow;
use std::hint::black_box;

use fastrace::local::LocalSpan;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanBuilder, Tracer};
use tracing::info_span;

use crate::recorder::Recorder;
use crate::recording::Recording;

/// Makes so many spans, one after the other, by the API that the recorder is used with.
pub(crate) fn spans(recording: &Recording, count: u64) {
    for n in 0..count {
        match recording.recorder() {
            Recorder::Nobody => {}
            Recorder::Off | Recorder::Ours | Recorder::TracingOpentelemetry => drop(
                info_span!("step", n = black_box(n), cached = black_box(true), kind = "inner", name = "cart")
                    .entered(),
            ),
            Recorder::Sdk => {
                let Some(tracer) = recording.tracer() else { continue };
                let attributes = [
                    KeyValue::new("n", black_box(n) as i64),
                    KeyValue::new("cached", black_box(true)),
                    KeyValue::new("kind", "inner"),
                    KeyValue::new("name", "cart"),
                ];
                drop(tracer.build(SpanBuilder::from_name("step").with_attributes(attributes)));
            }
            // Its values are texts alone.
            Recorder::Fastrace => drop(LocalSpan::enter_with_local_parent("step").with_properties(|| {
                [
                    ("n", Cow::Owned(black_box(n).to_string())),
                    ("cached", Cow::Borrowed(if black_box(true) { "true" } else { "false" })),
                    ("kind", Cow::Borrowed("inner")),
                    ("name", Cow::Borrowed("cart")),
                ]
            })),
        }
    }
}
