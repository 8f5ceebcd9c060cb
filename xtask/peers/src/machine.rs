//! The machine: its processors, and how long it may work for us.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;
use std::{io, process, thread};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Error;

/// The two sides of a measurement, which must not take each other's time.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    /// What is measured, with its background threads.
    Measured,
    /// Who asks, and the backend.
    Other,
}

/// Puts this thread, and those that it starts from now on, on the one core of its side. With one core alone both sides
/// share it.
pub(crate) fn pin(side: Side) -> Result<(), Error> {
    // A process inherits the one core of whoever started it, so the choice is among those of the machine.
    let before = sched_getaffinity(None)?;
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| all.set(core));
    sched_setaffinity(None, &all)?;
    let allowed = sched_getaffinity(None).unwrap_or(before);
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let first = cores.next().ok_or("there is no core to run on")?;
    let core = match side {
        Side::Measured => first,
        Side::Other => cores.next().unwrap_or(first),
    };
    let mut one = CpuSet::new();
    one.set(core);
    Ok(sched_setaffinity(None, &one)?)
}

/// The processor's time that all threads of this process have had, in the kernel too.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither is negative on this clock.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Ends this process when the time is over, whatever it waits for.
pub(crate) fn end_after(limit: Duration) {
    thread::spawn(move || {
        let (_sender, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(limit);
        eprintln!("error: not done in {} s", limit.as_secs());
        process::exit(1);
    });
}

/// Ends this process when whoever started it has gone, and with it our standard input.
pub(crate) fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(1);
    });
}
