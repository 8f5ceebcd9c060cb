//! Text that the application's own code writes: bounded, and never a panic.
//!
//! `Display` and `Debug` are code of the application. `to_string` and `format!` panic where it returns an error, and
//! make a text whole before anybody can cut it. Whatever is recorded by formatting goes through here instead.

use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::quiet::{Quiet, discard};

/// Bytes of one text that are kept at most, whatever the limit in characters says.
pub(crate) const MAX_TEXT: usize = 64 * 1024;

/// Bytes of one text that are taken at most. More than is kept, so that what is cut off can be told, and so that what
/// has to be hidden is seen whole where the cut goes through it.
const MAX_TAKEN: usize = MAX_TEXT + 4 * 1024;

/// Stands at the end of a text whose formatting ended in an error or in a panic.
pub(crate) const FAILED: &str = "<formatting failed>";

/// What these arguments write, as far as it is kept.
pub(crate) fn formatted(value: fmt::Arguments<'_>) -> String {
    with_formatted(value, str::to_owned)
}

/// Hands over what these arguments write, as far as it is kept.
pub(crate) fn with_formatted<T>(value: fmt::Arguments<'_>, take: impl FnOnce(&str) -> T) -> T {
    written(|out| out.write_fmt(value), take)
}

/// Causes of an error that are followed; one can be its own.
const MAX_CAUSES: usize = 32;

/// The message of an error, followed by those of its causes. A cause that the message before it ends with already is not
/// said again.
pub(crate) fn of_error(error: &(dyn Error + 'static)) -> String {
    with_error(error, str::to_owned)
}

/// As [`of_error`], and hands it over.
pub(crate) fn with_error<T>(error: &(dyn Error + 'static), take: impl FnOnce(&str) -> T) -> T {
    let write = |out: &mut Bounded| {
        write!(out, "{error}")?;
        let mut source = error.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = source else { break };
            source = cause.source();
            let end = out.text.len();
            out.write_str(": ")?;
            write!(out, "{cause}")?;
            let (before, said) = out.text.split_at(end);
            if before.ends_with(said.trim_start_matches(": ")) {
                out.text.truncate(end);
            }
        }
        Ok(())
    };
    written(write, take)
}

/// As much of a text as has at most so many bytes, and ends between two characters.
pub(crate) fn start(text: &str, bytes: usize) -> &str {
    // `str::floor_char_boundary` needs Rust 1.91.
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A copy of a text, as far as it is kept.
pub(crate) fn copied(text: &str) -> String {
    bounded_str(text).to_owned()
}

/// A text as far as it is kept.
pub(crate) fn bounded_str(text: &str) -> &str {
    start(text, MAX_TAKEN)
}

/// A text as far as it is kept, before anybody looks for secrets in it.
pub(crate) fn bounded(mut text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() > MAX_TAKEN {
        match &mut text {
            Cow::Owned(text) => text.truncate(start(text, MAX_TAKEN).len()),
            Cow::Borrowed(text) => *text = start(text, MAX_TAKEN),
        }
    }
    text
}

/// Bytes of an attribute's key that are taken at most, which is more than is kept.
const MAX_KEY: usize = 4 * 1024;

/// Cuts an attribute to what is taken of it, before anybody looks for secrets in it.
pub(crate) fn bound(attribute: &mut KeyValue) {
    let key = attribute.key.as_str();
    if key.len() > MAX_KEY {
        attribute.key = Key::new(start(key, MAX_KEY).to_owned());
    }
    let bound = |text: &mut StringValue| {
        if text.as_str().len() > MAX_TAKEN {
            *text = copied(text.as_str()).into();
        }
    };
    match &mut attribute.value {
        Value::String(text) => bound(text),
        Value::Array(Array::String(texts)) => {
            // What is kept of a list is all together a text, and may end in a whole one; one more is to be seen.
            let mut room = MAX_TEXT + MAX_TAKEN + 1;
            texts.retain_mut(|text| {
                let fits = room > 0;
                if fits {
                    bound(text);
                    room = room.saturating_sub(text.as_str().len() + size_of::<StringValue>());
                }
                fits
            });
        }
        _ => {}
    }
}

thread_local! {
    /// Where texts are written, so that each is allocated once and in its length. Not borrowed while a value is being
    /// written, which may lead back here.
    static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What is kept of the buffer from one text to the next, in bytes.
const KEPT_BUFFER: usize = 4 * 1024;

fn written<T>(write: impl FnOnce(&mut Bounded) -> fmt::Result, take: impl FnOnce(&str) -> T) -> T {
    let text = BUFFER.try_with(|buffer| std::mem::take(&mut *buffer.borrow_mut())).unwrap_or_default();
    let mut out = Bounded { text, is_full: false };
    let done = {
        let _quiet = Quiet::begin();
        catch_unwind(AssertUnwindSafe(|| write(&mut out)))
    };
    let Bounded { mut text, is_full } = out;
    if !is_full && !matches!(done, Ok(Ok(()))) {
        text.push_str(FAILED);
    }
    if let Err(payload) = done {
        discard(payload);
    }
    let taken = take(&text);
    text.clear();
    text.shrink_to(KEPT_BUFFER);
    let _ = BUFFER.try_with(|buffer| *buffer.borrow_mut() = text);
    taken
}

/// Takes a text up to its limit, and then an error ends the formatting.
struct Bounded {
    text: String,
    is_full: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MAX_TAKEN - self.text.len();
        if more.len() <= room && !self.is_full {
            self.text.push_str(more);
            return Ok(());
        }
        if !self.is_full {
            self.text.push_str(start(more, room));
            self.is_full = true;
        }
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes this, then does that.
    struct Writes<F>(&'static str, F);

    impl<F: Fn() -> fmt::Result> fmt::Display for Writes<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)?;
            self.1()
        }
    }

    #[test]
    fn what_cannot_be_formatted_is_marked_and_never_panics() {
        #[track_caller]
        fn check(value: impl fmt::Display, expected: &str) {
            assert_eq!(formatted(format_args!("<{value}>")), expected);
        }
        check(Writes("whole", || Ok(())), "<whole>");
        check(Writes("half", || Err(fmt::Error)), "<half<formatting failed>");
        check(Writes("", || Err(fmt::Error)), "<<formatting failed>");
        check(Writes("half", || panic!("in fmt")), "<half<formatting failed>");
        check(Writes("half", || std::panic::panic_any(7)), "<half<formatting failed>");
        assert_eq!(formatted(format_args!("next")), "next", "nothing is left of what failed");
    }

    #[test]
    fn a_start_ends_between_two_characters() {
        for (bytes, expected) in
            [(0, ""), (1, ""), (2, "ä"), (3, "ä"), (4, "ä"), (5, "ä€"), (6, "ä€."), (9, "ä€.")]
        {
            assert_eq!(start("ä€.", bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn a_value_may_format_another_while_it_is_formatted() {
        let outer = Writes("outer", || {
            assert_eq!(formatted(format_args!("{}", Writes("inner", || Ok(())))), "inner");
            Ok(())
        });
        assert_eq!(formatted(format_args!("{outer}")), "outer");
    }

    #[test]
    fn formatting_ends_at_the_limit() {
        let asked = std::cell::Cell::new(0_usize);
        let endless = fmt::from_fn(|f| {
            loop {
                asked.set(asked.get() + 1);
                f.write_str("four")?;
            }
        });
        let text = formatted(format_args!("{endless}"));
        assert_eq!((text.len(), text.capacity()), (MAX_TAKEN, MAX_TAKEN));
        assert_eq!(asked.get(), MAX_TAKEN / 4 + 1);
        assert!(!text.contains(FAILED), "it was cut, which is told otherwise");
        assert_eq!(copied(&"ä".repeat(MAX_TEXT)).len(), MAX_TAKEN);
    }

    #[test]
    fn what_is_looked_at_for_secrets_is_bounded_and_still_told_as_cut() {
        let long = || "ä".repeat(1 << 20);
        let list = Value::Array(Array::String(vec![long().into(); 9]));
        for value in [Value::from(long()), list] {
            let mut attribute = KeyValue::new(long(), value);
            bound(&mut attribute);
            assert_eq!(attribute.key.as_str().len(), MAX_KEY);
            let texts = match attribute.value {
                Value::Array(Array::String(texts)) => texts,
                Value::String(text) => vec![text],
                other => panic!("{other:?}"),
            };
            assert!(texts.len() <= 3 && texts.iter().all(|text| text.as_str().len() == MAX_TAKEN));
        }
        assert_eq!(bounded(long().into()).len(), MAX_TAKEN);
        assert_eq!(bounded("ä".into()), "ä");
        const { assert!(MAX_TAKEN > MAX_TEXT, "the limits see what is over them, and count it") };
    }

    #[test]
    fn a_chain_of_causes_ends_and_says_each_once() {
        /// A message, and a cause.
        #[derive(Debug)]
        struct Because(&'static str, &'static (dyn Error + Send + Sync));

        impl fmt::Display for Because {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }

        impl Error for Because {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self.1)
            }
        }

        static PING: Because = Because("ping", &PONG);
        static PONG: Because = Because("pong", &PING);
        assert_eq!(of_error(&PING), ["ping"; MAX_CAUSES + 1].join(": pong: ")[..6 * MAX_CAUSES + 4]);
        let repeats = Because("cannot send: refused", &Because("refused", &fmt::Error));
        let outer = Because("call failed", Box::leak(Box::new(repeats)));
        let root = fmt::Error.to_string();
        assert_eq!(of_error(&outer), format!("call failed: cannot send: refused: {root}"));
    }
}
