use std::borrow::Cow;

use super::document;
use super::grammar::System;
use super::reader::Reader;
use super::statement::Statement;
use super::text::Sanitiser;

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
/// sensitive through them. Use [`describe`](describe()) where that is not certain.
#[must_use]
pub fn describe_parameterised(text: &str, system: System) -> Statement<'_> {
    if !Reader::reads(text, system) {
        return Statement::without_outline(Cow::Borrowed(text));
    }
    let mut reader = Reader::new(text, system);
    while reader.next().is_some() {}
    reader.finish(Cow::Borrowed(text))
}
