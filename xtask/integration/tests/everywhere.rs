//! One process that sends to all backends at once.

mod common;

use std::time::Duration;

use common::held::{Held, wait_for};
use common::load::load;
use common::{PATIENCE, grpc, http, persistent, service, to};
use otelbar_export::{Destination, Health, Pipeline, Statistics};
use otelbar_integration::compare::{Form, Span, compare, lines};
use otelbar_integration::{Alone, Collector, Jaeger, Zipkin, eventually};

/// All three, of which one is down.
struct Backends {
    jaeger: Alone<Jaeger>,
    zipkin: Alone<Zipkin>,
    collector: Alone<Collector>,
}

impl Backends {
    fn stop(&mut self, index: usize) {
        let stopped = match index {
            0 => self.jaeger.stop(),
            1 => self.zipkin.stop(),
            _ => self.collector.stop(),
        };
        stopped.unwrap();
    }

    fn start(&mut self, index: usize) {
        let started = match index {
            0 => self.jaeger.start(),
            1 => self.zipkin.start(),
            _ => self.collector.start(),
        };
        started.unwrap();
    }

    fn exporter(&self) -> Pipeline {
        let zipkin = Destination::zipkin(format!("{}/api/v2/spans", self.zipkin.url));
        let all = to(grpc(&self.jaeger.otlp_grpc)).with_destination(zipkin);
        persistent(all.with_destination(http(&self.collector.otlp_http))).build().unwrap()
    }

    #[track_caller]
    fn assert_held(&self, index: usize, sent: &[Span]) {
        match index {
            0 => assert_each_trace_is_held(&*self.jaeger, Form::JaegerV3, sent),
            1 => assert_each_trace_is_held(&*self.zipkin, Form::Zipkin, sent),
            _ => assert_each_trace_is_held(&*self.collector, Form::CollectorFile, sent),
        }
    }
}

#[track_caller]
fn assert_each_trace_is_held(held: &impl Held, form: Form, sent: &[Span]) {
    for trace in sent.chunk_by(|a, b| a.trace_id == b.trace_id) {
        let found = wait_for(held, form, &trace[0].trace_id, trace.len());
        let differences = compare(&form.expected(trace), &found);
        assert!(differences.is_empty(), "{}:{}", form.title(), lines(&differences));
    }
}

/// Protects each destination from the others: while one is down the other two get everything, at once, and the one gets
/// it when it is back.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn one_that_is_down_keeps_nothing_from_the_others() {
    let mut backends = Backends {
        jaeger: Jaeger::alone().unwrap(),
        zipkin: Zipkin::alone().unwrap(),
        collector: Collector::alone().unwrap(),
    };
    for down in 0..3 {
        let living: Vec<usize> = (0..3).filter(|index| *index != down).collect();
        backends.stop(down);
        let exporter = backends.exporter();
        let sent = load(&[&exporter], &service("Shop"), Duration::from_millis(300));

        let spans = sent.len() as u64;
        let arrived = |all: &Vec<Statistics>| {
            all[down].health == Health::Failing
                && living.iter().all(|index| all[*index].spans.accepted == spans)
        };
        let all = eventually(|| Some(exporter.statistics()).filter(arrived));
        let all = all.unwrap_or_else(|| panic!("{:#?}", exporter.statistics()));
        let statistics = &all[down];
        assert_eq!(
            (statistics.spans.queued + statistics.spans.in_flight, statistics.dropped.total()),
            (spans, 0),
            "{statistics:?}"
        );
        for index in &living {
            backends.assert_held(*index, &sent);
        }

        backends.start(down);
        exporter.shutdown(PATIENCE).unwrap();
        backends.assert_held(down, &sent);
    }
}
