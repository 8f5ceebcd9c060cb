//! Commands and documents without their values.
//!
//! What is no SQL has no grammar here. So everything counts as a value except what surely is not one: the command
//! that a text begins with, the keys of a document, the names of functions, and brackets, colons and
//! commas.

use std::borrow::Cow;

use super::grammar::System;
use super::lexer::{Kind, Lexer};

/// The longest name that is shown.
const LONGEST_NAME: usize = 64;

/// The text without its values.
pub(super) fn sanitise(text: &str, system: System) -> Cow<'_, str> {
    match system {
        System::Neo4j => query(text, system),
        System::MongoDb => Cow::Owned(document(text)),
        _ => Cow::Owned(without_arguments(text)),
    }
}

/// A query in a language of words, of which the literals are values.
fn query(text: &str, system: System) -> Cow<'_, str> {
    let mut written = String::with_capacity(text.len());
    let mut last = Kind::Space;
    for token in Lexer::new(text, system.grammar()) {
        let word = &text[token.start..token.end];
        let is_boolean = ["true", "false"].iter().any(|boolean| boolean.eq_ignore_ascii_case(word));
        match token.kind {
            Kind::Literal | Kind::PerhapsQuoted => written.push('?'),
            Kind::Word if is_boolean => written.push('?'),
            Kind::Comment => {
                if last != Kind::Space {
                    written.push(' ');
                }
            }
            _ => written.push_str(word),
        }
        last = token.kind;
    }
    Cow::Owned(written)
}

/// The command that a text begins with, and what it is given: `("GET", "session:1")`.
pub(crate) fn command(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    is_command(name).then_some((name, arguments.trim_start()))
}

/// A command without the values of its arguments.
fn without_arguments(text: &str) -> String {
    let (name, mut rest) = command(text).unwrap_or(("", text));
    let mut written = name.to_owned();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.bytes().next() else { return written };
        let end = match first {
            b'"' | b'\'' => string_end(rest),
            _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        if !written.is_empty() {
            written.push(' ');
        }
        written.push('?');
        rest = &rest[end..];
    }
}

/// Whether a word may be a command: `HGETALL`, `JSON.SET`, `db.users.find`.
fn is_command(word: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    word.len() <= LONGEST_NAME && word.split('.').all(is_part)
}

/// A document, or a call that is given some.
fn document(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut rest = text;
    let mut is_begin = true;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            written.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        match first {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '(' | ')' | ':' | ',' => {}
            _ => {
                let end = match first {
                    '"' | '\'' | '`' => string_end(rest),
                    '/' if depth > 0 => regex_end(rest),
                    _ => run_end(rest),
                };
                let (run, after) = rest.split_at(end);
                let next = after.trim_start().chars().next();
                let name = run.trim_matches(['"', '\'']);
                let is_key = depth > 0 && next == Some(':') && is_name(name);
                let is_function = next == Some('(') && is_name(run);
                let is_command = is_begin && is_command(run) && !after.starts_with(['"', '\'', '`']);
                // What has neither quotes nor a separator before it belongs to the value there.
                let goes_on = written.ends_with('?');
                let is_shown = (is_key || is_function || is_command) && !(goes_on && run == name);
                if is_shown {
                    written.push_str(run);
                } else if !goes_on {
                    written.push('?');
                }
                is_begin = false;
                rest = after;
                continue;
            }
        }
        is_begin = false;
        written.push(first);
        rest = &rest[first.len_utf8()..];
    }
    written
}

/// Whether a text may be the name of a field or a function, rather than a value in its place.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|char: char| char.is_alphabetic() || matches!(char, '_' | '$' | '.'))
        && text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '$' | '.' | '-'))
}

/// The end of a string that begins with a quote: behind its other quote, or that of the text.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    delimited_end(text, |at| bytes[at] == bytes[0])
}

/// The same for a regular expression between slashes.
fn regex_end(text: &str) -> usize {
    delimited_end(text, |at| text.as_bytes()[at] == b'/')
}

fn delimited_end(text: &str, is_end: impl Fn(usize) -> bool) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text.as_bytes()[at] {
            // What is escaped may be the first of several bytes, of which none is a delimiter.
            b'\\' => at += 2,
            _ if is_end(at) => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of what stands between brackets, quotes, commas and whitespace.
fn run_end(text: &str) -> usize {
    text.find(|char: char| {
        char.is_whitespace()
            || matches!(char, '{' | '}' | '[' | ']' | '(' | ')' | ':' | ',' | '"' | '\'' | '`')
    })
    .unwrap_or(text.len())
}
