//! Arithmetic on instants that cannot overflow.

use std::time::Duration;

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
