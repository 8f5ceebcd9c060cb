//! What is behind an error.

use std::error::Error;
use std::io;

use crate::text::one_line;

/// The error of this kind that another was caused by, or that it is.
pub(super) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost error says what happened; those around it say that something did.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>() {
        // Not the system's, so its words are about the timer of connecting.
        Some(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
            "the host does not answer".to_owned()
        }
        // Some repeat what the other side sent.
        _ => one_line(&cause.to_string()),
    }
}
