use std::sync::Arc;
use std::time::{Duration, Instant};

use otelbar_convert::panel_data::PanelData;

/// What is recorded of a request at one moment. It is had in no time, and what is recorded later is not in it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// That of the recording.
    pub(crate) version: u64,
    /// Whether something in it has not ended, and so takes longer the later it is looked at.
    pub(crate) goes_on: bool,
    /// Whether its conversion has panicked before.
    pub(crate) broken: bool,
    pub(crate) data: Arc<PanelData>,
}

/// What was worked out from a snapshot.
#[derive(Debug)]
pub(crate) struct Known<T> {
    pub(crate) freshness: Freshness,
    pub(crate) value: T,
}

/// For how long it is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    version: u64,
    at: Instant,
    cost: Duration,
}

/// How long it is good while something goes on, if it cost next to nothing.
const AT_LEAST: Duration = Duration::from_millis(500);

/// How much longer than it took it is good then: what is asked for all the time takes a part in 20 of a thread.
const TIMES_COST: u32 = 20;

impl Freshness {
    /// That of what has just been worked out, since then.
    pub(crate) fn of(version: u64, started: Instant) -> Self {
        let at = Instant::now();
        Freshness { version, at, cost: at.duration_since(started) }
    }

    /// Whether it is good still for a recording of this version, in which something goes on or not.
    pub(crate) fn is_good(&self, version: u64, goes_on: bool) -> bool {
        self.is_good_at(Instant::now(), version, goes_on)
    }

    fn is_good_at(&self, now: Instant, version: u64, goes_on: bool) -> bool {
        if !goes_on {
            return self.version == version;
        }
        let dear = self.cost.saturating_mul(TIMES_COST);
        let good_for = if self.version == version { dear.max(AT_LEAST) } else { dear };
        now.duration_since(self.at) < good_for
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_looked_at_now_and_then_and_what_has_ended_when_it_has_changed() {
        let now = Instant::now();
        let is_good = |cost, after, version, goes_on| {
            let freshness = Freshness { version: 1, at: now, cost: Duration::from_millis(cost) };
            freshness.is_good_at(now + Duration::from_millis(after), version, goes_on)
        };
        assert!(is_good(0, 1_000_000, 1, false));
        assert!(!is_good(10, 1, 2, false), "what is new is shown at once");
        assert!(!is_good(0, 1, 2, true), "also while something goes on, if it costs nothing");
        assert!(is_good(10, 199, 2, true), "but not again and again if it costs much");
        assert!(!is_good(10, 200, 2, true));
        assert!(is_good(0, 499, 1, true));
        assert!(!is_good(0, 500, 1, true), "what goes on takes longer meanwhile");
    }
}
