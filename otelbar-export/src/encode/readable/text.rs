//! Text that can only be itself: what would move the cursor, reorder letters or begin a line is escaped.

use std::fmt;

use opentelemetry::{Array, Value};

/// A text without quotes around it.
pub(super) struct Plain<'a>(pub(super) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, &['"', '\''])
    }
}

/// A text in double quotes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        write_escaped(f, self.0, &['\''])?;
        f.write_str("\"")
    }
}

/// For lists.
impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Escapes a text but for the quotes to keep, as names and SQL read better with them.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, keep: &[char]) -> fmt::Result {
    for piece in text.split_inclusive(keep) {
        // A quote is one byte.
        let (body, quote) = if piece.ends_with(keep) { piece.split_at(piece.len() - 1) } else { (piece, "") };
        // By this rather than by `Debug`, which takes vowels of Indian scripts for unprintable.
        write!(f, "{}{quote}", body.escape_debug())?;
    }
    Ok(())
}

/// A value on one line: texts in quotes, lists in brackets.
pub(super) struct OneLine<'a>(pub(super) &'a Value);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Bool(value) => write!(f, "{value}"),
            Value::I64(value) => write!(f, "{value}"),
            Value::F64(value) => write!(f, "{value:?}"),
            Value::String(value) => write!(f, "{}", Quoted(value.as_str())),
            Value::Array(Array::Bool(values)) => write!(f, "{values:?}"),
            Value::Array(Array::I64(values)) => write!(f, "{values:?}"),
            Value::Array(Array::F64(values)) => write!(f, "{values:?}"),
            Value::Array(Array::String(values)) => {
                f.debug_list().entries(values.iter().map(|value| Quoted(value.as_str()))).finish()
            }
            // The API may get further types.
            value => write!(f, "{}", Plain(&value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_plain_letter_is_escaped() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(Plain(text).to_string(), expected);
        }
        check("GET /cart", "GET /cart");
        check("SELECT \"id\" FROM 'x'", "SELECT \"id\" FROM 'x'");
        check("Bestellung für 😀 नमस्ते", "Bestellung für 😀 नमस्ते");
        check("a\nb\r\tc", r"a\nb\r\tc");
        check("\u{1b}[2J\u{9b}2J\u{7f}", r"\u{1b}[2J\u{9b}2J\u{7f}");
        check("\u{202e}\u{2066}\u{2028}\u{2029}\u{feff}", r"\u{202e}\u{2066}\u{2028}\u{2029}\u{feff}");
        check(r"\n", r"\\n");
        check("\"", "\"");
        check("a\"b'c", "a\"b'c");
        check("", "");
    }

    #[test]
    fn values_show_their_type() {
        #[track_caller]
        fn check(value: impl Into<Value>, expected: &str) {
            assert_eq!(OneLine(&value.into()).to_string(), expected);
        }
        check(true, "true");
        check(3, "3");
        check("3", r#""3""#);
        check("x = 'y'", r#""x = 'y'""#);
        check("\\ नमस्ते", r#""\\ नमस्ते""#);
        check(3.0, "3.0");
        check(f64::NAN, "NaN");
        check("\u{1b}\"", r#""\u{1b}\"""#);
        check(Value::Array(vec![true, false].into()), "[true, false]");
        check(Value::Array(vec![1_i64, 2].into()), "[1, 2]");
        check(Value::Array(vec![1.0, f64::INFINITY].into()), "[1.0, inf]");
        let list = vec!["it's".into(), "\n\"".into()];
        check(Value::Array(Array::String(list)), r#"["it's", "\n\""]"#);
    }

    proptest! {
        #[test]
        fn no_text_has_a_control_character_left(text in prop::collection::vec(any::<char>(), 0..20)) {
            let text = String::from_iter(text);
            prop_assert!(!Plain(&text).to_string().contains(char::is_control));
            prop_assert!(!OneLine(&text.into()).to_string().contains(char::is_control));
        }
    }
}
