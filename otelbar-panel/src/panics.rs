//! Panics of the application: what they say, and where they happened.
//!
//! What a panic says can be had by catching it; where it happened is known to the panic hook alone. The hook runs
//! anywhere, under any lock, and a panic in it aborts the process. So it puts what it sees into a place of its thread,
//! and whoever meets the panic on its way up takes it from there.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::thread;

use otelbar_convert::panel_data::Exception;

use crate::quiet::is_quiet;
use crate::text;

/// `exception.type` and `error.type` of a panic.
pub(crate) const PANIC: &str = "panic";

thread_local! {
    /// How many spans and requests the thread works in.
    static WATCHED: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// What the hook saw.
struct Seen {
    message: String,
    place: Option<String>,
    backtrace: Backtrace,
}

/// Makes the process's panic hook note where panics happen, and go on to the hook that was there. Once a process.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    // The hook cannot be changed by a thread that panics.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            note(info);
            previous(info);
        }));
    });
}

/// Nothing in here may panic, nor wait for a lock that the thread may hold.
fn note(info: &PanicHookInfo<'_>) {
    let is_watched = WATCHED.try_with(|depth| depth.get() > 0).unwrap_or(false);
    if !is_watched || is_quiet() {
        return;
    }
    let seen = Seen {
        message: text::copied(message(info.payload())),
        place: info.location().map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column())),
        backtrace: Backtrace::capture(),
    };
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(seen);
        }
    });
}

/// What a panic says.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        message
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message
    } else {
        "(a value that is no text)"
    }
}

/// Does a part of a request's work. A panic is passed to `noted`, with what is known of it, and goes on.
pub(crate) fn watch<T>(work: impl FnOnce() -> T, noted: impl FnOnce(Exception)) -> T {
    let done = {
        let _watched = Watched::begin();
        catch_unwind(AssertUnwindSafe(work))
    };
    match done {
        Ok(done) => done,
        Err(payload) => {
            let seen = LAST.try_with(|last| last.take()).ok().flatten();
            let said = text::copied(message(&*payload));
            // Another panic may have been caught since, or the hook been replaced.
            let stacktrace = seen.filter(|seen| seen.message == said).and_then(Seen::stacktrace);
            let mut exception = Exception::new(Some(PANIC.into()), Some(said.into()));
            exception.stacktrace = stacktrace;
            noted(exception);
            std::panic::resume_unwind(payload)
        }
    }
}

/// What the last panic of this thread says, for a span that it unwinds through.
pub(crate) fn last_message() -> Option<String> {
    LAST.try_with(|last| last.try_borrow().ok()?.as_ref().map(|seen| seen.message.clone())).ok().flatten()
}

impl Seen {
    /// Where it happened, and the calls that led there if the environment asks for backtraces (`RUST_BACKTRACE`).
    fn stacktrace(self) -> Option<String> {
        let place = self.place?;
        Some(match self.backtrace.status() {
            BacktraceStatus::Captured => text::formatted(format_args!("at {place}\n{}", self.backtrace)),
            _ => format!("at {place}"),
        })
    }
}

/// While it lives, the hook notes the thread's panics.
pub(crate) struct Watched;

impl Watched {
    fn begin() -> Self {
        enter();
        Watched
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        exit();
    }
}

/// The thread works in one more span or request, and its panics are noted. What was noted before was caught since.
pub(crate) fn enter() {
    if !thread::panicking() {
        let past = LAST.try_with(|last| last.try_borrow_mut().ok()?.take());
        drop(past);
    }
    let _ = WATCHED.try_with(|depth| depth.set(depth.get().saturating_add(1)));
}

/// The opposite of [`enter`].
pub(crate) fn exit() {
    let _ = WATCHED.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
}
