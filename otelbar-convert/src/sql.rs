//! Operation, target, summary and sanitised text of an SQL statement.
//!
//! [`describe`](describe()) reads a statement once and gives what the semantic conventions want on a database
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
//! Statements repeat. [`StatementCache`] keeps the descriptions of the latest ones.

mod cache;
mod describe;
mod document;
mod fingerprint;
mod grammar;
mod keyword;
mod lexer;
mod outline;
mod reader;
mod secrets;
mod statement;
mod text;

pub use cache::{SharedStatement, StatementCache};
pub use describe::{describe, describe_parameterised};
pub(crate) use document::command;
pub use grammar::System;
pub use statement::Statement;
