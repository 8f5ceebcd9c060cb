//! Secrets in texts: behind the names of things, and in addresses.
//!
//! The text is read once, from one `:`, `=` or `(` to the next, for no secret is told without one of them; what stands
//! before says whether what stands behind is hidden. Where it is not sure how far a secret goes, more is hidden.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr3, memrchr};

use super::edits::{Edits, REDACTED};
use super::names::Names;
use super::{address, shapes};

/// Words that stand behind a colon in a sentence, and are nobody's secret: `invalid token: expected a string`.
const PROSE: [&str; 30] = [
    "a",
    "an",
    "bad",
    "cannot",
    "could",
    "does",
    "empty",
    "error",
    "expected",
    "failed",
    "found",
    "got",
    "in",
    "invalid",
    "is",
    "malformed",
    "missing",
    "must",
    "no",
    "none",
    "not",
    "required",
    "should",
    "the",
    "too",
    "unable",
    "unexpected",
    "unknown",
    "unsupported",
    "was",
];

/// Schemes of the header `Authorization`: the secret is behind them.
const SCHEMES: [&str; 12] = [
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "hawk",
    "mac",
    "negotiate",
    "ntlm",
    "oauth",
    "signature",
    "token",
];

/// How deep addresses within addresses are read; what is deeper is hidden.
const DEEPEST: usize = 3;

/// Bytes of a text that is short.
const SHORT: usize = 16;

/// How far back the name of a thing is looked for.
const LONGEST_NAME: usize = 128;

/// The text without its secrets.
pub(super) fn clean<'t>(names: &Names, text: &'t str) -> Cow<'t, str> {
    clean_within(names, text, 0)
}

/// The query of an address without its secrets.
pub(super) fn clean_query<'q>(names: &Names, query: &'q str) -> Cow<'q, str> {
    address::query(names, query, &|value| clean_value(names, value, 0))
}

/// The line of a `baggage` header without its secrets.
pub(super) fn clean_baggage<'b>(names: &Names, line: &'b str) -> Cow<'b, str> {
    address::baggage(names, line, &|value| clean_value(names, value, 0))
}

fn clean_within<'t>(names: &Names, text: &'t str, depth: usize) -> Cow<'t, str> {
    let bytes = text.as_bytes();
    // For a few bytes it is not worth to ask what the processor can do.
    let has_separator = match bytes.len() {
        ..=SHORT => bytes.iter().any(|byte| matches!(byte, b':' | b'=' | b'(')),
        _ => memchr3(b':', b'=', b'(', bytes).is_some(),
    };
    let named = if has_separator { hide(names, text, depth) } else { Cow::Borrowed(text) };
    if named.len() < shapes::SHORTEST {
        return named;
    }
    match named {
        Cow::Borrowed(text) => shapes::hide(text),
        Cow::Owned(text) => match shapes::hide(&text) {
            Cow::Owned(clean) => Cow::Owned(clean),
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

/// The value of a key that isn't sensitive, without the secrets in it; `None` where there are none. It may be an address
/// itself, and escaped as a whole.
fn clean_value(names: &Names, value: &str, depth: usize) -> Option<String> {
    if depth >= DEEPEST {
        return value.contains(['=', '%', ':']).then(|| REDACTED.to_owned());
    }
    let clean = clean_within(names, value, depth + 1);
    let mut plain = Cow::Borrowed(clean.as_bytes());
    for _ in 0..DEEPEST {
        if !plain.contains(&b'%') {
            break;
        }
        plain = Cow::Owned(address::decoded(&plain).into_owned());
    }
    if let Cow::Owned(plain) = &plain
        && let Cow::Owned(_) = clean_within(names, &String::from_utf8_lossy(plain), depth + 1)
    {
        return Some(REDACTED.to_owned());
    }
    match clean {
        Cow::Owned(clean) => Some(clean),
        Cow::Borrowed(_) => None,
    }
}

/// The text without user information in its addresses and without what stands behind sensitive names.
fn hide<'t>(names: &Names, text: &'t str, depth: usize) -> Cow<'t, str> {
    let mut scan =
        Scan { names, bytes: text.as_bytes(), text, depth, edits: Edits::of(text), done: 0, address: None };
    let mut at = 0;
    while let Some(found) = memchr3(b':', b'=', b'(', &scan.bytes[at..]) {
        at = scan.visit(at + found);
    }
    scan.edits.finish()
}

struct Scan<'t, 'n> {
    names: &'n Names,
    text: &'t str,
    bytes: &'t [u8],
    /// How many addresses this text is within.
    depth: usize,
    edits: Edits<'t>,
    /// Up to here all is decided; a name does not reach back over it.
    done: usize,
    /// Where the address ends that was looked at last, and the last `@` in it; others may begin within.
    address: Option<(usize, Option<usize>)>,
}

/// What stands before a separator.
struct Name {
    range: Range<usize>,
    /// Where the word before it begins, if only a space is between: `api key`.
    with_word_before: usize,
    /// What precedes the name.
    before: Option<u8>,
}

impl Scan<'_, '_> {
    /// Decides about the separator at this place, and tells where to go on.
    fn visit(&mut self, at: usize) -> usize {
        match self.bytes[at] {
            b'(' => return self.visit_tuple(at),
            b':' if self.bytes[at..].starts_with(b"://") => return self.visit_address(at, at + 3),
            // As JSON may write it.
            b':' if self.bytes[at..].starts_with(br":\/\/") => return self.visit_address(at, at + 5),
            // A path of Rust.
            b':' if self.bytes.get(at + 1) == Some(&b':') => return at + 2,
            b':' => {
                if let Some(behind) = self.reference(at).and_then(|start| self.user_information(b"", start)) {
                    return behind;
                }
            }
            _ => {}
        }
        let mut behind = at + 1;
        while matches!(self.bytes.get(behind), Some(b'=')) {
            behind += 1;
        }
        let is_colon = self.bytes[at] == b':' && behind == at + 1;
        // `dXNlcjpwdw== and so on`
        if behind > at + 1
            && self.bytes.get(behind) == Some(&b' ')
            && at.checked_sub(1).is_some_and(|before| self.bytes[before] != b' ')
        {
            return behind;
        }
        // `"password" => "x"`
        behind += usize::from(!is_colon && self.bytes.get(behind) == Some(&b'>'));
        let Some(name) = self.name_before(at) else { return behind };
        if !is_colon && matches!(name.before, Some(b'?' | b'&' | b'#')) {
            return self.visit_query(name.range.start);
        }
        if !self.is_sensitive(&name) {
            return behind;
        }
        match self.secret(behind, is_colon, &name) {
            Some(secret) => self.hide(secret),
            None => behind,
        }
    }

    fn hide(&mut self, secret: Range<usize>) -> usize {
        self.edits.replace(secret.start, secret.end, REDACTED);
        self.done = secret.end;
        secret.end
    }

    fn is_sensitive(&self, name: &Name) -> bool {
        let whole = &self.bytes[name.with_word_before..name.range.end];
        if whole.contains(&b'%') {
            return self.names.is_sensitive(&address::decoded(whole));
        }
        self.names.ends_in_sensitive(whole, name.range.start - name.with_word_before)
    }

    /// The user information of an address, whose scheme ends here, and whose authority begins there.
    fn visit_address(&mut self, at: usize, start: usize) -> usize {
        let schemes = &self.bytes[self.done..at];
        let length = schemes.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let scheme = &schemes[schemes.len() - length..];
        self.user_information(scheme, start).unwrap_or(start)
    }

    /// Where the authority of an address without a scheme begins, if the colon behind the user's name is here:
    /// `//user:password@host`.
    ///
    /// What has no password (`//a@b`) may as well be a path or a comment, and stays.
    fn reference(&self, colon: usize) -> Option<usize> {
        let before = &self.bytes[self.done.max(colon.saturating_sub(LONGEST_NAME))..colon];
        let is_of_user = |byte: &&u8| {
            !byte.is_ascii_whitespace()
                && !matches!(byte, b'/' | b':' | b'@' | b'"' | b'\'' | b'`' | b'<' | b'>')
        };
        let length = before.iter().rev().take_while(is_of_user).count();
        let slashes = &before[..before.len() - length];
        let before = slashes.strip_suffix(b"//").or_else(|| slashes.strip_suffix(br"\/\/"))?;
        let begins = before.last().is_none_or(|byte| {
            !byte.is_ascii_alphanumeric() && !matches!(byte, b'/' | b':' | b'.' | b'_' | b'-' | 0x80..)
        });
        begins.then_some(colon - length)
    }

    /// Hides the user information of an authority that begins here, and tells where it ends.
    fn user_information(&mut self, scheme: &[u8], start: usize) -> Option<usize> {
        let (end, last_at) = match self.address {
            Some(known) if known.0 >= start => known,
            _ => {
                let end = start + end_of_address(&self.bytes[start..]);
                (end, memrchr(b'@', &self.bytes[start..end]).map(|at| start + at))
            }
        };
        self.address = Some((end, last_at));
        let last_at = last_at.and_then(|at| at.checked_sub(start));
        let user = address::user_information(scheme, &self.bytes[start..end], last_at)?;
        let to = start + user.length;
        self.edits.replace(start, to, user.replacement());
        self.done = to;
        Some(to)
    }

    /// A query of an address or a form, one of whose keys begins here.
    fn visit_query(&mut self, start: usize) -> usize {
        let mut end = start + end_of_address(&self.bytes[start..]);
        if matches!(self.bytes.get(end), Some(b'"' | b'`')) && self.bytes[end - 1] == b'=' {
            // What is in the quotes belongs to the last key.
            let last = self.bytes[start..end].iter().rposition(|byte| matches!(byte, b'&' | b',' | b';'));
            let Some(last) = last.map(|last| start + last) else {
                return self.visit_quoted(start, end);
            };
            self.replace_query(start, last);
            return self.visit_quoted(last + 1, end);
        }
        while end > start && matches!(self.bytes[end - 1], b',' | b';' | b')' | b']' | b'}' | b'\'' | b'.') {
            end -= 1;
        }
        self.replace_query(start, end);
        self.done = self.done.max(end);
        end
    }

    fn replace_query(&mut self, start: usize, end: usize) {
        let clean = |value: &str| clean_value(self.names, value, self.depth);
        if let Cow::Owned(clean) = address::query(self.names, &self.text[start..end], &clean) {
            self.edits.replace(start, end, &clean);
        }
    }

    /// A key, `=`, and a value in quotes, which begins here.
    fn visit_quoted(&mut self, key: usize, quote: usize) -> usize {
        self.done = key;
        let name = Name { range: key..quote - 1, with_word_before: key, before: None };
        let secret = self.is_sensitive(&name).then(|| self.secret(quote, false, &name)).flatten();
        secret.map_or(quote, |secret| self.hide(secret))
    }

    /// A name and its value as a tuple shows them: `("password", "x")`.
    fn visit_tuple(&mut self, at: usize) -> usize {
        let Some(Quoted { inner, end }) = self.quoted(at + 1, at + LONGEST_NAME) else { return at + 1 };
        let name = Name { with_word_before: inner.start, range: inner, before: Some(b'"') };
        let behind = end + self.bytes[end..].iter().take_while(|byte| **byte == b' ').count();
        if self.bytes.get(behind) != Some(&b',')
            || name.range.len() > LONGEST_NAME
            || !self.is_sensitive(&name)
        {
            return at + 1;
        }
        match self.secret(behind + 1, false, &name) {
            Some(secret) => self.hide(secret),
            None => behind,
        }
    }

    /// The name before a separator, which may be in quotes.
    fn name_before(&self, separator: usize) -> Option<Name> {
        let floor = self.done.max(separator.saturating_sub(LONGEST_NAME));
        let back = |mut at: usize, is: &dyn Fn(u8) -> bool| {
            while at > floor && is(self.bytes[at - 1]) {
                at -= 1;
            }
            at
        };
        let mut end = back(separator, &|byte| matches!(byte, b' ' | b'\t'));
        if end > floor && matches!(self.bytes[end - 1], b'"' | b'\'' | b'`') {
            let quote = self.bytes[end - 1];
            end = back(end - 1, &|byte| byte == b'\\');
            let start = back(end, &|byte| byte != quote && !matches!(byte, b'\\' | b'\n'));
            return (start < end).then_some(Name {
                range: start..end,
                with_word_before: start,
                before: Some(quote),
            });
        }
        let start = back(end, &is_of_name);
        if start == end {
            return None;
        }
        let before =
            start.checked_sub(1).filter(|before| *before >= self.done).map(|before| self.bytes[before]);
        let mut with_word_before = start;
        if before == Some(b' ') && start - 1 > floor {
            with_word_before = back(start - 1, &|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        }
        Some(Name { range: start..end, with_word_before, before })
    }

    /// What is to be hidden of a sensitive name's value, which begins at or behind this place.
    fn secret(&self, from: usize, is_colon: bool, name: &Name) -> Option<Range<usize>> {
        let start = from + self.bytes[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if let Some(Quoted { inner, .. }) = self.quoted(start, self.bytes.len()) {
            return (!inner.is_empty()).then_some(inner);
        }
        if let Some(end) = self.group(start) {
            return Some(start..self.word(end));
        }
        let end = self.word(start);
        let word = &self.text[start..end];
        if word.is_empty() || is_no_secret(word) {
            return None;
        }
        if is_colon {
            let name = &self.bytes[name.range.clone()];
            if is_header_of_many_words(name) {
                return Some(start..self.line(start));
            }
            if PROSE.contains(&word) {
                return None;
            }
        }
        if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
            && self.bytes.get(end) == Some(&b' ')
        {
            return Some(start..self.word(end + 1).max(end));
        }
        Some(start..end)
    }

    /// A text in quotes that begins here, perhaps as a text within a text: `"a"`, `'a'`, `\"a\"`, `b"a"`. It goes on to
    /// the limit where it has no end.
    fn quoted(&self, start: usize, limit: usize) -> Option<Quoted> {
        let bytes = &self.bytes[..limit.min(self.bytes.len())];
        let mut at = start;
        while matches!(bytes.get(at), Some(b'b' | b'r')) && at - start < 2 {
            at += 1;
        }
        let escapes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
        at += escapes;
        let quote = *bytes.get(at).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
        let first = at + 1;
        let mut before = 0;
        let mut at = first;
        while let Some(byte) = bytes.get(at) {
            if *byte == quote {
                let ends = if escapes == 0 { before % 2 == 0 } else { before <= escapes };
                let doubled = escapes == 0 && quote == b'\'' && bytes.get(at + 1) == Some(&quote);
                if ends && doubled && at > first {
                    at += 1;
                } else if ends {
                    let inner_end = if escapes == 0 { at } else { at - before };
                    return Some(Quoted { inner: first..inner_end, end: at + 1 });
                }
            }
            before = if *byte == b'\\' { before + 1 } else { 0 };
            at += 1;
        }
        Some(Quoted { inner: first..bytes.len(), end: bytes.len() })
    }

    /// Where a value in brackets ends that begins here, with or without its type: `Some(…)`, `Token { … }`, `[…]`.
    fn group(&self, start: usize) -> Option<usize> {
        let bytes = self.bytes;
        if bytes[start..].starts_with(REDACTED.as_bytes()) {
            return None;
        }
        let is_of_type =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'<' | b'>');
        let mut at = start + bytes[start..].iter().take_while(|byte| is_of_type(byte)).count();
        if at > start && bytes[at..].starts_with(b" {") {
            at += 1;
        }
        if !matches!(bytes.get(at), Some(b'(' | b'[' | b'{'))
            || matches!(bytes.get(at + 1), Some(b')' | b']' | b'}'))
        {
            return None;
        }
        let mut depth = 0_usize;
        let mut is_text = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 1,
                b'"' => is_text = !is_text,
                b'(' | b'[' | b'{' if !is_text => depth += 1,
                b')' | b']' | b'}' if !is_text => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
        // Behind a bracket, or the end of the text where its last byte is a backslash.
        Some(at.min(bytes.len()))
    }

    /// Where a word ends that begins here, without the punctuation behind it.
    fn word(&self, start: usize) -> usize {
        let is_of_word =
            |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'`' | b'<' | b'>' | b'&');
        let length = self.bytes[start..].iter().take_while(|byte| is_of_word(byte)).count();
        let mut end = start + length;
        while end > start
            && matches!(self.bytes[end - 1], b',' | b';' | b')' | b']' | b'}' | b'\'' | b'.' | b'\\')
        {
            end -= 1;
        }
        end
    }

    /// Where the line ends that goes on here, or the text in quotes that it stands in.
    fn line(&self, start: usize) -> usize {
        let rest = &self.bytes[start..];
        let mut end = start + rest.iter().take_while(|byte| !matches!(byte, b'\n' | b'\r' | b'"')).count();
        while end > start && matches!(self.bytes[end - 1], b'\\' | b' ' | b'}' | b')' | b']') {
            end -= 1;
        }
        end
    }
}

struct Quoted {
    inner: Range<usize>,
    end: usize,
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'$')
}

/// Whether this says that there is no secret, or stands for one.
fn is_no_secret(word: &str) -> bool {
    let digits = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    matches!(word, "None" | "null" | "nil" | "true" | "false" | REDACTED | "{}" | "[]" | "()" | "%s")
        || word.strip_prefix('$').is_some_and(|rest| !rest.is_empty() && digits(rest))
        || word.strip_prefix('?').is_some_and(digits)
}

/// Whether the value of this header goes on behind a space.
fn is_header_of_many_words(name: &[u8]) -> bool {
    let ends_in =
        |end: &[u8]| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end);
    ends_in(b"authorization") || ends_in(b"cookie")
}

/// Where an address ends that stands in a text.
fn end_of_address(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'<' | b'>' | b'`')
    };
    bytes.iter().position(ends).unwrap_or(bytes.len())
}
