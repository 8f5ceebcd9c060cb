//! Panics that are caught where they happen and end nothing, so that nobody is told of them as the application's.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// How deep the thread is in work whose panics are caught and end nothing.
    static QUIET: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, panics of this thread are caught and end nothing, so they are not noted.
pub(crate) struct Quiet;

impl Quiet {
    pub(crate) fn begin() -> Self {
        let _ = QUIET.try_with(|depth| depth.set(depth.get().saturating_add(1)));
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = QUIET.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// Whether the thread is in such work.
pub(crate) fn is_quiet() -> bool {
    QUIET.try_with(|depth| depth.get() > 0).unwrap_or(true)
}

/// Drops what a panic was started with: a value of the application's, whose dropping may panic again.
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
