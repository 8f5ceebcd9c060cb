//! The queue between many threads, in orders of their steps that `shuttle` chooses: `cargo xtask ci --only shuttle`. Here
//! no wait has a time limit, so a wake-up that is lost is a deadlock, which is reported with the steps that led to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use shuttle::rand::{Rng, thread_rng};
use shuttle::{future, thread};
use shuttle_tokio as tokio;

use super::*;
use crate::batch::{EnqueueId, TraceBatch};
use crate::pipeline::Overflow;
use crate::test_span;
use crate::transport::DestinationKind;

/// How many orders are tried.
const ORDERS: usize = 2_000;
/// Longer than `shuttle` lets a sleep be.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
const PRODUCERS: u64 = 2;
const ENQUEUED: u64 = 3;

/// Nothing is lost, nothing is counted twice, and whoever waits is woken.
#[test]
fn each_span_ends_once_whatever_the_threads_do_first() {
    for overflow in [Overflow::Newest, Overflow::Oldest] {
        shuttle::check_random(move || everything_ends_once(overflow), ORDERS);
        shuttle::check_pct(move || everything_ends_once(overflow), ORDERS, 3);
    }
}

fn everything_ends_once(overflow: Overflow) {
    let options = Options {
        max_queue_size: 4,
        max_export_batch_size: 2,
        scheduled_delay: FOREVER,
        overflow,
        ..Options::default()
    };
    let queue = Arc::new(Queue::new(&options, DestinationInfo::new(0, DestinationKind::Zipkin, "http://h")));
    let worker = thread::spawn({
        let queue = Arc::clone(&queue);
        move || future::block_on(work(&queue))
    });
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || produce(&queue, producer))
        })
        .collect();
    let deadline = std::time::Instant::now() + FOREVER;
    let flush = || assert!(queue.wait_settled(queue.want_all(), deadline), "there is time enough");
    flush();
    let mut ended = BTreeMap::new();
    let (mut enqueued, mut refused) = (BTreeMap::new(), BTreeSet::new());
    for producer in producers {
        let (sizes, of_these) = producer.join().unwrap();
        enqueued.extend(sizes);
        refused.extend(of_these);
    }
    flush();
    assert_eq!(queue.statistics().spans.queued, 0, "a flush leaves nothing behind");
    queue.close(Instant::now() + FOREVER);
    assert!(queue.wait_finished(deadline), "there is time enough");
    let (sent, dropped) = worker.join().unwrap();
    let told: BTreeSet<EnqueueId> = dropped.iter().map(|receipt| receipt.id).collect();
    assert!(refused.is_subset(&told), "what is refused is told to subscribers as well");
    let dropped = dropped.into_iter().map(|receipt| (receipt.id, receipt.spans.dropped));
    for (id, spans) in sent.into_iter().chain(dropped) {
        *ended.entry(id).or_default() += spans;
    }
    assert_eq!(ended, enqueued, "each span of each batch, once");
    let statistics = queue.statistics();
    assert_eq!(statistics.enqueued, enqueued.values().sum::<u64>());
    assert_eq!(statistics.spans.accepted + statistics.spans.dropped, statistics.enqueued);
    assert_eq!((statistics.spans.queued, statistics.spans.in_flight, statistics.queued_bytes), (0, 0, 0));
}

/// Enqueues batches of spans; how many spans each had, and which were refused.
fn produce(queue: &Queue, producer: u64) -> (BTreeMap<EnqueueId, u64>, Vec<EnqueueId>) {
    let (mut sizes, mut refused) = (BTreeMap::new(), Vec::new());
    for number in 0..ENQUEUED {
        let id = EnqueueId(ENQUEUED * producer + number);
        let spans = vec![test_span::empty(); thread_rng().gen_range(1..=3)];
        sizes.insert(id, spans.len() as u64);
        let batch = TraceBatch::new(id.0, Resource::builder_empty().build(), spans);
        if queue.push(Enqueued::new(id, batch)).is_err() {
            refused.push(id);
        }
    }
    (sizes, refused)
}

/// Sends as the worker does, and gives up waiting now and then as the worker does when something else happens.
async fn work(queue: &Queue) -> (Vec<(EnqueueId, u64)>, Vec<Receipt>) {
    let (mut sent, mut dropped, mut due) = (Vec::new(), Vec::new(), None);
    loop {
        let batch = tokio::select! {
            batch = queue.batch(&mut due) => batch,
            drops = queue.drops() => {
                dropped.extend(drops);
                continue;
            }
        };
        let Some(Batch { turn, portions }) = batch else { break };
        let spans: usize = portions.iter().map(Portion::len).sum();
        sent.extend(portions.iter().map(|portion| (portion.id(), portion.len() as u64)));
        queue.count(|statistics| {
            statistics.apply(Step::Settled(&ExportResult::Accepted { warning: None }), spans as u64)
        });
        queue.batch_done(turn);
    }
    assert_eq!(queue.finish(), 0, "nothing is under way");
    dropped.extend(queue.take_drops());
    (sent, dropped)
}
