use std::time::{Duration, Instant};

/// The time a span was entered, on one thread or several at once.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    depth: u32,
    since: Option<Instant>,
    total: Duration,
}

impl Busy {
    pub(crate) fn enter(&mut self) {
        if self.depth == 0 {
            self.since = Some(Instant::now());
        }
        self.depth += 1;
    }

    pub(crate) fn exit(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0
            && let Some(since) = self.since.take()
        {
            self.total += since.elapsed();
        }
    }

    pub(crate) fn total(&self) -> Duration {
        self.total + self.since.map(|since| since.elapsed()).unwrap_or_default()
    }
}
