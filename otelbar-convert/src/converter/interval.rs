//! Instants, and the time between two of them.

use std::time::{Duration, SystemTime};

use crate::report::Report;

/// Instants a backend can hold: nanoseconds since 1970 in a signed 64-bit number.
const LAST: Duration = Duration::from_nanos(i64::MAX as u64);

/// Turns offsets from the request's start into instants.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    start: SystemTime,
    /// The last offset that still is an instant.
    pub(super) last: Duration,
}

impl Clock {
    pub(super) fn of(start: SystemTime, report: &mut Report) -> Self {
        let since_epoch = start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_else(|_| {
            report.absurd_times += 1;
            Duration::ZERO
        });
        report.absurd_times += u32::from(since_epoch > LAST);
        let since_epoch = since_epoch.min(LAST);
        Clock { start: SystemTime::UNIX_EPOCH + since_epoch, last: LAST - since_epoch }
    }

    pub(super) fn at(&self, offset: Duration) -> SystemTime {
        self.start + offset.min(self.last)
    }
}

/// From when to when an entry was done.
#[derive(Clone, Copy, Default)]
pub(super) struct Interval {
    /// Offset from the request's start.
    pub(super) start: Duration,
    pub(super) duration: Duration,
    pub(super) synthesised: bool,
    /// Whether it is longer by its source.
    pub(super) cut: bool,
}

impl Interval {
    pub(super) fn end(&self) -> Duration {
        self.start.saturating_add(self.duration)
    }
}
