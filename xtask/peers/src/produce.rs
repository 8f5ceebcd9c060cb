//! A thread that makes spans, and a backend on the other core that takes all: what a span costs until its bytes are
//! there, on all threads, and the share that gets lost when it makes them faster than they can go.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::child::Child;
use crate::machine::{self, Side};
use crate::recorder::Recorder;
use crate::recording::{Destination, Recording};
use crate::requests::{SPANS, request};
use crate::row::Row;
use crate::sink::Sink;
use crate::statistics::{Spread, rounds};

pub(crate) const ROLE: &str = "produce";
/// Requests that are counted.
const REQUESTS: u64 = 1_500;
/// Requests in a row whose spans have room in every queue.
const FIT: u64 = 10;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(40);

/// How fast spans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They wait for those before, so that none is lost.
    Settled,
    /// They do not.
    FlatOut,
}

impl Pace {
    fn arg(self) -> &'static str {
        match self {
            Pace::Settled => "settled",
            Pace::FlatOut => "flat_out",
        }
    }
}

impl FromStr for Pace {
    type Err = Error;

    fn from_str(arg: &str) -> Result<Self, Error> {
        let found = [Pace::Settled, Pace::FlatOut].into_iter().find(|pace| pace.arg() == arg);
        found.ok_or_else(|| format!("there is no pace {arg}").into())
    }
}

pub(crate) fn cost() -> Result<Vec<Row>, Error> {
    let counts = run(Pace::Settled, |made| {
        if made.lost == 0 { Ok(made.nanoseconds) } else { Err(format!("lost {} spans", made.lost).into()) }
    })?;
    Ok(vec![Row { name: "span_exported", unit: "ns of CPU", counts }])
}

pub(crate) fn dropped() -> Result<Vec<Row>, Error> {
    let counts = run(Pace::FlatOut, |made| Ok(made.lost as f64 * 1e3 / (REQUESTS * (SPANS + 1)) as f64))?;
    Ok(vec![Row { name: "flat_out_dropped", unit: "of 1000 spans", counts }])
}

/// What one run of a recorder came to.
struct Made {
    /// The processor's time of all threads, for a span.
    nanoseconds: f64,
    lost: u64,
}

/// The median of each recorder's figures.
fn run(pace: Pace, figure: impl Fn(Made) -> Result<f64, Error>) -> Result<Vec<(&'static str, f64)>, Error> {
    let mut figures = Recorder::ALL.map(|recorder| (recorder, Vec::new()));
    for _ in rounds(ROUNDS, TIME) {
        for (recorder, figures) in &mut figures {
            let name = recorder.name();
            let made = once(*recorder, pace).and_then(&figure);
            figures.push(made.map_err(|error| format!("{name}, {}: {error}", pace.arg()))?);
        }
    }
    let median = |(recorder, figures): (Recorder, Vec<f64>)| {
        let spread = Spread::of(figures)?;
        eprintln!("{:>24} {}: {spread}", recorder.name(), pace.arg());
        Some((recorder.name(), spread.median))
    };
    Ok(figures.into_iter().filter_map(median).collect())
}

fn once(recorder: Recorder, pace: Pace) -> Result<Made, Error> {
    let sink = Sink::start();
    let destination = Destination::Backend(sink.address());
    let mut child = Child::start(&[ROLE, recorder.name(), &destination.arg(), pace.arg()])?;
    let nanoseconds = child.line()?.parse::<f64>()? / (REQUESTS * (SPANS + 1)) as f64;
    let made = (REQUESTS + FIT) * (SPANS + 1);
    let lost = made.checked_sub(sink.spans()).ok_or("more spans came than were made")?;
    Ok(Made { nanoseconds, lost })
}

/// Makes spans, and writes the nanoseconds that all threads took.
pub(crate) fn produce(recorder: Recorder, destination: Destination, pace: Pace) -> Result<(), Error> {
    machine::end_with_parent();
    machine::pin(Side::Measured)?;
    let recording = Arc::new(Recording::start(recorder, destination)?);
    let mut serve = request(&recording, SPANS);
    (0..FIT).for_each(|_| serve());
    recording.settle()?;
    let before = machine::cpu_time();
    for number in 1..=REQUESTS {
        serve();
        if pace == Pace::Settled && number.is_multiple_of(FIT) {
            recording.settle()?;
        }
    }
    recording.settle()?;
    println!("{}", (machine::cpu_time() - before).as_nanos());
    Ok(())
}
