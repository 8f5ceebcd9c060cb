use std::fmt;

use crate::span::ConvertedSpan;
use crate::tree::Tree;
use crate::{code_location, semconv};

/// A place in the code that findings come from: `src/shop.rs:87 (author_row)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// Path of the file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: i64,
    /// The function.
    pub function: Option<String>,
}

impl Location {
    /// Where a span comes from: its own place in the application's code, or that of the nearest span around it that has
    /// one.
    pub(super) fn of(tree: &Tree<'_>, span: usize) -> Option<Self> {
        Location::of_span(tree.spans().get(tree.placed(span)?)?)
    }

    fn of_span(span: &ConvertedSpan) -> Option<Self> {
        let (file, line) = code_location::place(span)?;
        let function = span.text(semconv::CODE_FUNCTION_NAME).map(str::to_owned);
        Some(Location { file: file.to_owned(), line, function })
    }

    /// Where all of them come from.
    pub(super) fn of_all(tree: &Tree<'_>, spans: &[usize]) -> Option<Self> {
        let placed = tree.placed(*spans.first()?)?;
        let first = Location::of_span(tree.spans().get(placed)?)?;
        let is_first = |span: &usize| {
            let other = tree.placed(*span);
            other == Some(placed)
                || other.and_then(|other| Location::of_span(tree.spans().get(other)?)).as_ref()
                    == Some(&first)
        };
        spans.iter().all(is_first).then_some(first)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match &self.function {
            Some(function) => write!(f, " ({function})"),
            None => Ok(()),
        }
    }
}
