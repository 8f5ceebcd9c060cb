//! Values and parts of statements that the errors of databases repeat.

use memchr::memmem;

use super::edits::REDACTED;

/// An error that repeats something: what stands before it, and what may stand behind.
struct Excerpt {
    begins: &'static str,
    /// What stands between that and the value, if it isn't at once.
    opens: Option<&'static str>,
    /// The last of these in the text ends it, so that what looks like an end in the value doesn't.
    closes: &'static [&'static str],
}

/// How far behind the beginning the value is looked for.
const FARTHEST: usize = 256;

const MOST: usize = 8;

const EXCERPTS: [Excerpt; MOST] = [
    // MySQL and MariaDB.
    Excerpt { begins: "syntax to use near '", opens: None, closes: &["' at line "] },
    Excerpt { begins: "Duplicate entry '", opens: None, closes: &["' for key"] },
    Excerpt { begins: "ncorrect ", opens: Some(" value: '"), closes: &["' for column", "' for function"] },
    Excerpt { begins: "Truncated incorrect ", opens: Some(" value: '"), closes: &["'"] },
    // PostgreSQL, whose details `tokio-postgres` shows.
    Excerpt { begins: "invalid input syntax for type ", opens: Some(": \""), closes: &["\""] },
    Excerpt {
        begins: "Key (",
        opens: Some(")=("),
        closes: &[
            ") already exists",
            ") is not present in table",
            ") is still referenced",
            ") conflicts with",
        ],
    },
    Excerpt { begins: "Failing row contains (", opens: None, closes: &[")."] },
    // SQLite.
    Excerpt { begins: "unrecognized token: \"", opens: None, closes: &["\""] },
];

/// Where the last end of each excerpt is in a text, once it was looked for: however many begin there, it is looked for once.
#[derive(Default)]
pub(super) struct Ends([Option<Option<usize>>; MOST]);

/// What the texts before such a value have in common.
pub(super) fn beginnings() -> impl Iterator<Item = &'static str> {
    EXCERPTS.iter().map(|excerpt| excerpt.begins)
}

/// The value that the error of this place in [`beginnings`] repeats, behind what it begins with. Where it has no end, since
/// the text was cut, all the rest is taken if the beginning can be nothing else.
pub(super) fn value(text: &str, behind: usize, place: usize, ends: &mut Ends) -> Option<(usize, usize)> {
    let Excerpt { opens, closes, .. } = EXCERPTS.get(place)?;
    let rest = text.get(behind..)?;
    let from = match opens {
        None => behind,
        Some(opens) => {
            let near = rest.as_bytes().get(..FARTHEST).unwrap_or(rest.as_bytes());
            behind + memmem::find(near, opens.as_bytes())? + opens.len()
        }
    };
    let end = ends.0.get_mut(place)?;
    let end = *end.get_or_insert_with(|| closes.iter().filter_map(|closes| text.rfind(closes)).max());
    let to = end.filter(|end| *end >= from);
    let to = to.or_else(|| opens.is_none().then_some(text.len()))?;
    (from < to && &text[from..to] != REDACTED).then_some((from, to))
}
