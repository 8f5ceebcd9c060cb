//! What the cases of the benches `encode` and `pipeline` allocate on the caller's thread: one JSON object in a file in the
//! folder `$BENCH_ALLOCS`, or on standard output without. Counting would slow them down.

mod encode_cases;
mod peer;
mod sink;
mod spans;

use std::path::Path;
use std::{env, fs, io};

use encode_cases::{CASES, Case, Service};
use opentelemetry_sdk::trace::SpanProcessor;
use otelbar_export::{Destination, Pipeline, Protocol, TraceBatch};
use serde_json::{Map, Value};
use sink::Sink;

fn main() -> io::Result<()> {
    let mut counts = Map::new();
    encode(&mut counts);
    enqueue(&mut counts);
    let json = format!("{:#}", Value::Object(counts));
    match env::var_os("BENCH_ALLOCS") {
        Some(folder) => fs::write(Path::new(&folder).join(concat!(env!("CARGO_PKG_NAME"), ".json")), json),
        None => {
            println!("{json}");
            Ok(())
        }
    }
}

fn encode(counts: &mut Map<String, Value>) {
    let (service, spans) = (Service::new(spans::resource()), spans::spans(spans::BATCH));
    for Case { group, function, encode } in CASES {
        let spans = spans.clone();
        counts.insert(format!("{group}/{function}"), count(|| drop(encode(&service, spans))));
    }
}

/// Of the second trace, so that what is made once does not count.
fn enqueue(counts: &mut Map<String, Value>) {
    let (sink, service) = (Sink::start(), spans::resource());
    let trace = spans::spans(spans::TRACE);
    let [first, second] = [trace.clone(), trace.clone()];
    let destination = Destination::otlp(sink.http_endpoint());
    let ours = Pipeline::builder().with_destination(destination).build().expect("a pipeline");
    let enqueue =
        |spans| ours.enqueue(TraceBatch::new(1, service.clone(), spans)).expect("room in the queue");
    enqueue(first);
    counts.insert("enqueue/ours".to_owned(), count(|| _ = enqueue(second)));

    let [first, second] = [trace.clone(), trace];
    let peer = peer::batch_processor(&sink, Protocol::HttpProtobuf, peer::QUEUE);
    let end = |spans: Vec<_>| spans.into_iter().for_each(|span| peer.on_end(span));
    end(first);
    counts.insert(format!("enqueue/{}", peer::NAME), count(|| end(second)));
}

fn count(call: impl FnOnce()) -> Value {
    allocation_counter::measure(call).count_total.into()
}
