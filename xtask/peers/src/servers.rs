//! What a request and a span below it cost a server, all its threads together, with each middleware around it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use crate::Error;
use crate::child::Child;
use crate::load;
use crate::middleware::Middleware;
use crate::recording::Destination;
use crate::row::Row;
use crate::server::{ROLE, Reading};
use crate::sink::Sink;
use crate::statistics::{Spread, median_difference, rounds};

/// Spans below that of a request.
const CHILDREN: u64 = 10;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(130);
const WARM_UP: Duration = Duration::from_millis(300);
const LOAD: Duration = Duration::from_secs(1);

/// Spans stay in the process, or are dropped by the exporter.
pub(crate) fn recording() -> Result<Vec<Row>, Error> {
    let runs = run(None)?;
    Ok(vec![
        runs.request("server_request"),
        runs.over_bare("server_request_over_bare"),
        runs.child("server_child_span"),
    ])
}

/// Spans go to a backend by OTLP over HTTP.
pub(crate) fn exporting() -> Result<Vec<Row>, Error> {
    let sink = Sink::start();
    let runs = run(Some(&sink))?;
    Ok(vec![
        runs.request("exporting_request"),
        runs.over_bare("exporting_request_over_bare"),
        runs.child("exporting_child_span"),
        runs.lost("exporting_dropped"),
    ])
}

/// All rounds of one middleware and number of spans.
struct Run {
    middleware: Middleware,
    children: u64,
    /// Nanoseconds of the processor's time that a request took, by round.
    cpu: Vec<f64>,
    /// Of 1000 spans those that were not exported, by round.
    lost: Vec<f64>,
}

struct Runs(Vec<Run>);

/// A server each time, one after the other in each round, so that what else the machine does concerns all.
fn run(sink: Option<&Sink>) -> Result<Runs, Error> {
    let measured = |middleware: Middleware| sink.is_none() || middleware != Middleware::Off;
    let mut runs: Vec<Run> = Middleware::ALL
        .into_iter()
        .filter(|&middleware| measured(middleware))
        .flat_map(|middleware| [(middleware, 0), (middleware, CHILDREN)])
        .filter(|&(middleware, children)| middleware != Middleware::Bare || children == 0)
        .map(|(middleware, children)| Run { middleware, children, cpu: Vec::new(), lost: Vec::new() })
        .collect();
    for _ in rounds(ROUNDS, TIME) {
        for run in &mut runs {
            let name = run.middleware.name();
            run.once(sink).map_err(|error| format!("{name} with {} spans: {error}", run.children))?;
        }
    }
    for Run { middleware, children, cpu, lost } in &runs {
        let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
        if let (Some(cpu), Some(lost)) = (spread(cpu), spread(lost)) {
            let name = middleware.name();
            eprintln!(
                "{name:>36} with {children:>2} spans: {cpu} ns a request, {lost} of 1000 spans dropped"
            );
        }
    }
    Ok(Runs(runs))
}

impl Run {
    fn once(&mut self, sink: Option<&Sink>) -> Result<(), Error> {
        let destination = sink.map_or(Destination::Nowhere, |sink| Destination::Backend(sink.address()));
        let children = self.children.to_string();
        let mut server = Child::start(&[ROLE, self.middleware.name(), &children, &destination.arg()])?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.line()?.parse()?));
        load::run(address, WARM_UP)?;
        let before: Reading = server.ask("")?.parse()?;
        let sent_before = sink.map_or(0, Sink::spans);
        let answers = load::run(address, LOAD)?;
        let after: Reading = server.ask("")?.parse()?;
        let requests = after.requests - before.requests;
        if answers != requests || requests == 0 {
            return Err(format!("{requests} requests had {answers} answers").into());
        }
        self.cpu.push((after.cpu - before.cpu).as_nanos() as f64 / requests as f64);
        self.lost.push(match (sink, self.middleware) {
            (_, Middleware::Bare | Middleware::Off) => 0.0,
            (None, Middleware::Ours) => self.stored(address)?,
            (None, _) => self.lost(requests, after.spans - before.spans)?,
            (Some(sink), _) => self.lost(requests, sink.spans() - sent_before)?,
        });
        Ok(())
    }

    /// Of 1000 spans of so many requests those that are not among the spans that arrived.
    fn lost(&self, requests: u64, arrived: u64) -> Result<f64, Error> {
        let made = requests * (1 + self.children);
        let lost = made.checked_sub(arrived).ok_or_else(|| format!("{arrived} spans came of {made}"))?;
        if arrived == 0 {
            return Err("no span was recorded".into());
        }
        Ok(lost as f64 * 1e3 / made as f64)
    }

    /// Whether the last request has its spans in the toolbar's store.
    fn stored(&self, address: SocketAddr) -> Result<f64, Error> {
        let list: Value = serde_json::from_slice(&load::get(address, "/__otelbar/api/requests?limit=1")?)?;
        let spans = &list["requests"][0]["counts"]["spans"];
        match spans.as_u64() {
            Some(spans) if spans >= self.children => Ok(0.0),
            _ => Err(format!("the toolbar's store has {spans} spans of a request").into()),
        }
    }
}

impl Runs {
    fn cpu(&self, middleware: Middleware, children: u64) -> &[f64] {
        let is_this = |run: &&Run| run.middleware == middleware && run.children == children;
        self.0.iter().find(is_this).map_or(&[], |run| &run.cpu)
    }

    /// The middlewares that were measured with children.
    fn around(&self) -> impl Iterator<Item = Middleware> {
        self.0.iter().filter(|run| run.children == CHILDREN).map(|run| run.middleware)
    }

    fn request(&self, name: &'static str) -> Row {
        let without = self.0.iter().filter(|run| run.children == 0);
        let median = |run: &Run| Some((run.middleware.name(), Spread::of(run.cpu.iter().copied())?.median));
        Row { name, unit: "ns of CPU", counts: without.filter_map(median).collect() }
    }

    fn over_bare(&self, name: &'static str) -> Row {
        let bare = self.cpu(Middleware::Bare, 0);
        let over =
            |middleware| (Middleware::name(middleware), median_difference(self.cpu(middleware, 0), bare));
        Row { name, unit: "ns of CPU", counts: self.around().map(over).collect() }
    }

    fn child(&self, name: &'static str) -> Row {
        let cost = |middleware: Middleware| {
            let all = median_difference(self.cpu(middleware, CHILDREN), self.cpu(middleware, 0));
            (middleware.name(), all / CHILDREN as f64)
        };
        Row { name, unit: "ns of CPU", counts: self.around().map(cost).collect() }
    }

    /// Where all is dropped that can be: with children.
    fn lost(&self, name: &'static str) -> Row {
        let with = self.0.iter().filter(|run| run.children == CHILDREN);
        let median = |run: &Run| Some((run.middleware.name(), Spread::of(run.lost.iter().copied())?.median));
        Row { name, unit: "of 1000 spans", counts: with.filter_map(median).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(middleware: Middleware, children: u64, cpu: &[f64]) -> Run {
        Run { middleware, children, cpu: cpu.to_vec(), lost: vec![0.0, 250.0, 500.0] }
    }

    #[test]
    fn rows_are_differences_within_a_round() {
        let runs = Runs(vec![
            run(Middleware::Bare, 0, &[10_000.0, 20_000.0, 11_000.0]),
            run(Middleware::Ours, 0, &[13_000.0, 24_000.0, 15_000.0]),
            run(Middleware::Ours, CHILDREN, &[18_000.0, 34_000.0, 21_000.0]),
        ]);
        assert_eq!(runs.request("r").counts, [("bare", 11_000.0), ("ours", 15_000.0)]);
        assert_eq!(runs.over_bare("o").counts, [("ours", 4_000.0)]);
        assert_eq!(runs.child("c").counts, [("ours", 600.0)]);
        assert_eq!(runs.lost("l").counts, [("ours", 250.0)]);
    }

    #[test]
    fn spans_that_did_not_arrive_are_told_of_a_thousand() {
        let run = run(Middleware::TowerOtel, 9, &[]);
        assert_eq!(run.lost(100, 750).unwrap(), 250.0);
        assert_eq!(run.lost(100, 1_000).unwrap(), 0.0);
        assert!(run.lost(100, 1_001).is_err());
        assert!(run.lost(100, 0).is_err());
    }
}
