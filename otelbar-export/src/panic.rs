//! A fault in the pipeline's own code costs what it was at, and nothing else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::text::one_line;

/// Does this, and gives the message of a panic in it. Nothing that it has touched is used again if it panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

/// What a panic says, shortened.
pub(crate) fn message(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| "without a message".into(), |text| one_line(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_message() {
        #[track_caller]
        fn check(work: impl FnOnce(), message: &str) {
            assert_eq!(caught(work).map_err(|message| message.to_string()), Err(message.to_owned()));
        }
        check(|| panic!("plain"), "plain");
        check(|| panic!("with {}\nlines", 2), "with 2 lines");
        check(|| std::panic::panic_any(7), "without a message");
        check(|| panic!("{}", "x".repeat(1_000_000)), &format!("{}…", "x".repeat(300)));
        assert_eq!(caught(|| 7).ok(), Some(7));
    }
}
