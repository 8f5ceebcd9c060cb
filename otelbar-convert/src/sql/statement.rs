use std::borrow::Cow;

use super::fingerprint;

/// What a statement does, to what, and its text without literals.
///
/// Made by [`describe`](super::describe()) and [`describe_parameterised`](super::describe_parameterised). Names stand as they are written in the
/// statement, in its case and with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement<'a> {
    /// `db.operation.name`: the first operation outside parentheses (`SELECT`, `CREATE TABLE`), else
    /// the first of all.
    pub operation: Option<Cow<'a, str>>,
    /// `db.collection.name`: the table or view, with its schema, when the statement names exactly
    /// one.
    pub collection: Option<Cow<'a, str>>,
    /// `db.stored_procedure.name`: the procedure that `CALL`, `EXEC` or a PL/SQL block calls.
    pub stored_procedure: Option<Cow<'a, str>>,
    /// `db.query.summary`: operations and targets in the order of the statement, at most 255
    /// characters and never cut within a name. Names of common table expressions are left out, for
    /// they are no objects of the database; so are string literals.
    pub summary: Option<String>,
    /// `db.query.text`: the statement with `?` for each literal and without comments. Borrowed
    /// where nothing had to change.
    pub text: Cow<'a, str>,
    /// The same for statements that differ only in their literals, numbered parameters, comments
    /// and whitespace, in the length of a list (`IN (?)`, `IN (?, ?)`, `ARRAY[?, ?]`), or in the
    /// number of rows behind `VALUES`. A hash that may change with any version of this crate.
    pub fingerprint: u64,
}

impl<'a> Statement<'a> {
    /// What is no SQL.
    pub(super) fn without_outline(text: Cow<'a, str>) -> Self {
        Statement {
            operation: None,
            collection: None,
            stored_procedure: None,
            summary: None,
            fingerprint: fingerprint::of_text(&text),
            text,
        }
    }

    /// The same statement without the borrow.
    #[must_use]
    pub fn into_owned(self) -> Statement<'static> {
        let owned = |name: Option<Cow<'_, str>>| name.map(|name| Cow::Owned(name.into_owned()));
        Statement {
            operation: owned(self.operation),
            collection: owned(self.collection),
            stored_procedure: owned(self.stored_procedure),
            summary: self.summary,
            text: Cow::Owned(self.text.into_owned()),
            fingerprint: self.fingerprint,
        }
    }
}
