//! Operation, target, summary and sanitised text of an SQL statement.
//!
//! [`describe`] reads a statement once and gives what the semantic conventions want on a database
//! span: `db.operation.name`, `db.collection.name`, `db.stored_procedure.name`, `db.query.summary`
//! and `db.query.text`. It takes any text, in time linear in its length: what is no SQL gives a
//! [`Statement`] with little in it, never an error.
//!
//! ```
//! use otelbar_convert::sql::{self, System};
//!
//! let statement = sql::describe(
//!     "SELECT title FROM songs s, artists a WHERE s.artist_id = a.id AND a.name = 'Nina'",
//!     System::PostgreSql,
//! );
//! assert_eq!(statement.summary.as_deref(), Some("SELECT songs artists"));
//! assert_eq!(
//!     statement.text,
//!     "SELECT title FROM songs s, artists a WHERE s.artist_id = a.id AND a.name = ?"
//! );
//! ```
//!
//! What is replaced by `?`: strings in every quoting of the [`System`] at hand with their prefixes,
//! dollar-quoted bodies, numbers with the sign that belongs to them, hexadecimal and binary
//! literals, `TRUE` and `FALSE`, SQL Server's money, and passwords and other secrets without quotes
//! (`IDENTIFIED BY tiger`, `PASSWORD = x`, `EXEC p x`). Comments are taken out, for applications
//! write identifiers and credentials into them. A quote that is never closed takes the rest of the
//! text with it. Parameters (`?`, `$1`, `:name`, `@p`) and identifiers stay, and so does the shape
//! of the statement.
//!
//! Which of these a character begins depends on the database, so the [`System`] matters: `"x"` is a
//! string to MySQL and an identifier to PostgreSQL, `$1` a parameter to PostgreSQL and a dollar to
//! SQL Server. Where that is not certain, since the database is not known or has a setting for it,
//! the reading that hides more wins: `"x"` is a string unless a name must stand in its place, and
//! where a backslash before a quote may escape it or not, the rest of the text is hidden.
//!
//! The texts of systems that are no SQL (Redis, MongoDB, …) lose their values too, and nothing is
//! derived from them; so does the text of an unknown system that does not begin as SQL does.
//!
//! Statements repeat. [`Cache`] keeps the descriptions of the latest ones.

mod cache;
mod document;
mod fingerprint;
mod grammar;
mod keyword;
mod lexer;
mod outline;
mod reader;
mod secrets;
mod text;

use std::borrow::Cow;

pub use cache::{Cache, SharedStatement};
pub use grammar::System;

use reader::Reader;
use text::Sanitiser;

/// What a statement does, to what, and its text without literals.
///
/// Made by [`describe`] and [`describe_parameterised`]. Names stand as they are written in the
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
    fn without_outline(text: Cow<'a, str>) -> Self {
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

/// Describes a statement of which it is unknown whether values stand in it.
///
/// Every literal is replaced. A statement whose values are all parameters comes out as it stands,
/// but for its comments.
#[must_use]
pub fn describe(text: &str, system: System) -> Statement<'_> {
    if !Reader::reads(text, system) {
        return Statement::without_outline(document::sanitise(text, system));
    }
    let mut sanitiser = Sanitiser::new(text, system.grammar());
    let mut reader = Reader::new(text, system);
    while let Some(token) = reader.next() {
        sanitiser.push(token);
    }
    reader.finish(sanitiser.finish())
}

/// Describes a statement that was executed with parameters.
///
/// Its text is kept to the letter, literals and comments included: the semantic conventions say
/// that parameterised text should not be sanitised, since whoever uses parameters passes what is
/// sensitive through them. Use [`describe`] where that is not certain.
#[must_use]
pub fn describe_parameterised(text: &str, system: System) -> Statement<'_> {
    if !Reader::reads(text, system) {
        return Statement::without_outline(Cow::Borrowed(text));
    }
    let mut reader = Reader::new(text, system);
    while reader.next().is_some() {}
    reader.finish(Cow::Borrowed(text))
}
