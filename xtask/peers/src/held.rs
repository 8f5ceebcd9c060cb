//! The memory of spans: bytes that they hold once they are recorded, and allocations on the way there, of all threads.

use std::sync::Arc;

use stats_alloc::INSTRUMENTED_SYSTEM;

use crate::Error;
use crate::child::Child;
use crate::machine;
use crate::recorder::Recorder;
use crate::recording::{Destination, Recording};
use crate::requests::{SPANS, request};
use crate::row::Row;
use crate::statistics::Spread;

pub(crate) const ROLE: &str = "held";
/// The program whose allocator counts.
const PROGRAM: &str = "heap";
/// Spans of a request beside those that are counted, so that what a request itself holds is left out.
const FEW: u64 = 10;
const TURNS: usize = 9;

pub(crate) fn measure() -> Result<Vec<Row>, Error> {
    let mut bytes = Row { name: "span_held", unit: "bytes of a span", counts: Vec::new() };
    let mut allocations =
        Row { name: "span_allocations", unit: "allocations of 100 spans", counts: Vec::new() };
    for recorder in Recorder::ALL {
        let line = Child::start_in(PROGRAM, &[ROLE, recorder.name()])?.line()?;
        let (held, allocated) = line.split_once(' ').ok_or("there are two counts")?;
        bytes.counts.push((recorder.name(), held.parse::<f64>()? / SPANS as f64));
        allocations.counts.push((recorder.name(), allocated.parse()?));
    }
    Ok(vec![bytes, allocations])
}

/// Writes the bytes and the allocations of [`SPANS`] spans.
pub(crate) fn hold(recorder: Recorder) -> Result<(), Error> {
    machine::end_with_parent();
    let recording = Arc::new(Recording::start(recorder, Destination::Memory)?);
    let (mut few, mut many) = (request(&recording, FEW), request(&recording, FEW + SPANS));
    let count = |serve: &mut dyn FnMut()| -> Result<(f64, f64), Error> {
        let before = INSTRUMENTED_SYSTEM.stats();
        serve();
        recording.settle()?;
        let change = INSTRUMENTED_SYSTEM.stats() - before;
        let held = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
        Ok((held, (change.allocations + change.reallocations) as f64))
    };
    let (mut held, mut allocations) = (Vec::new(), Vec::new());
    // In the first turns things are made that are needed once.
    for turn in 0..2 * TURNS {
        let (few, many) = (count(&mut few)?, count(&mut many)?);
        if turn >= TURNS {
            held.push(many.0 - few.0);
            allocations.push(many.1 - few.1);
        }
    }
    let median = |figures: Vec<f64>| Spread::of(figures).map_or(f64::NAN, |spread| spread.median);
    println!("{} {}", median(held), median(allocations));
    Ok(())
}
