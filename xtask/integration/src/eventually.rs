//! Waiting for what another program does.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for the slowest machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions. A backend does not tell when it has stored a span, so it is asked again.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer, for half a minute at most.
///
/// ```
/// use otelbar_integration::eventually;
///
/// let mut asked = 0;
/// let answer = eventually(|| {
///     asked += 1;
///     (asked == 3).then_some("stored")
/// });
/// assert_eq!(answer, Some("stored"));
/// ```
pub fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Some(answer) => return Some(answer),
            None if Instant::now() >= deadline => return None,
            None => thread::park_timeout(PAUSE),
        }
    }
}
