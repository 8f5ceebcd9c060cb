//! Arithmetic on times that cannot overflow.

use std::time::{Duration, SystemTime};

/// Far enough to mean never.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// `now + wait`, or the far future.
pub(crate) fn after(now: tokio::time::Instant, wait: Duration) -> tokio::time::Instant {
    now.checked_add(wait).unwrap_or(now + FAR)
}

/// `now + wait`, or the far future.
pub(crate) fn std_after(now: std::time::Instant, wait: Duration) -> std::time::Instant {
    now.checked_add(wait).unwrap_or(now + FAR)
}

/// One moment on both clocks, so that the times derived from it agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: tokio::time::Instant,
    pub(crate) wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { instant: tokio::time::Instant::now(), wall: SystemTime::now() }
    }

    /// What the wall clock shows at `instant`, which is not before this moment; the moment itself where that is too far
    /// for the clock.
    pub(crate) fn wall_at(&self, instant: tokio::time::Instant) -> SystemTime {
        let wait = instant.saturating_duration_since(self.instant);
        self.wall.checked_add(wait).unwrap_or(self.wall)
    }
}
