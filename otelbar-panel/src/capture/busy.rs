use std::time::{Duration, Instant};

/// The time a span was entered, on one thread or several at once.
#[derive(Debug, Default)]
pub(super) struct Busy {
    depth: u32,
    /// Whether the thread was panicking when the span was entered: then its panic is not the span's.
    entered_panicking: bool,
    since: Option<Instant>,
    left: Option<Instant>,
    total: Duration,
}

impl Busy {
    pub(super) fn enter(&mut self) {
        if self.depth == 0 {
            self.since = Some(Instant::now());
            self.entered_panicking = std::thread::panicking();
        }
        self.depth += 1;
    }

    /// Whether a panic takes the thread out of the span.
    pub(super) fn exit(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0
            && let Some(since) = self.since.take()
        {
            let now = Instant::now();
            self.total += now.duration_since(since);
            self.left = Some(now);
        }
        !self.entered_panicking && std::thread::panicking()
    }

    pub(super) fn total(&self) -> Duration {
        self.total + self.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// How long ago the span was exited for the last time, if it was ever entered.
    pub(super) fn since_exit(&self) -> Option<Duration> {
        self.left.filter(|_| self.depth == 0).map(|left| left.elapsed())
    }
}
