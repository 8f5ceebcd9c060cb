//! One number for all statements that differ only in their values.

use crate::fingerprint::Fingerprint;

use super::lexer::{Kind, Token};

/// Lists within lists that are told apart. Those further in count as they stand.
const DEPTH: usize = 4;

/// What a value counts as, wherever it comes from.
const VALUE: u64 = 1;

/// Takes the tokens of a statement one after the other.
///
/// A list is what stands behind `IN`, `VALUES` and `ARRAY`. Of its items that are alike and follow
/// each other one counts, so that neither the length of an `IN` list nor the number of rows of an
/// `INSERT` matters.
#[derive(Debug)]
pub(super) struct Fingerprinter<'a> {
    source: &'a str,
    /// The hash of the statement, or of the current item of the innermost list.
    state: u64,
    lists: [List; DEPTH],
    open: usize,
    /// A parenthesis or bracket would open a list here.
    opens_list: bool,
    /// What is left of a parameter that takes several tokens ends here.
    skipped: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct List {
    /// The hash of what stands before the current item.
    before: u64,
    /// The hash of the item before the current one.
    last: Option<u64>,
    /// Parentheses open within the current item.
    depth: usize,
    /// Behind `VALUES`, where no parenthesis surrounds the rows.
    is_bare: bool,
    is_empty: bool,
}

impl<'a> Fingerprinter<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, state: 0, lists: [List::default(); DEPTH], open: 0, opens_list: false, skipped: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        if matches!(token.kind, Kind::Space | Kind::Comment) || token.start < self.skipped {
            return;
        }
        let starts_item = self.open > 0 && self.lists[self.open - 1].is_empty;
        let opens_list = std::mem::take(&mut self.opens_list) || starts_item;
        self.end_bare_list(token, opens_list);
        match token.kind {
            Kind::Punctuation(b'(' | b'[') if opens_list && self.open < DEPTH => self.open_list(false),
            Kind::Punctuation(byte @ (b'(' | b'[')) => {
                self.add(u64::from(byte) << 8);
                if let Some(list) = self.innermost() {
                    list.depth += 1;
                }
            }
            Kind::Punctuation(byte @ (b')' | b']')) => self.close(byte),
            Kind::Punctuation(b',') if self.innermost().is_some_and(|list| list.depth == 0) => {
                self.end_item()
            }
            Kind::Punctuation(b'%') => self.percent(token),
            Kind::Punctuation(byte) => self.add(u64::from(byte) << 8),
            Kind::Word => self.word(token),
            Kind::Parameter => self.parameter(token),
            Kind::Literal => self.add(VALUE),
            Kind::Quoted | Kind::PerhapsQuoted | Kind::More | Kind::Symbol | Kind::Space | Kind::Comment => {
                self.add_text(token);
            }
        }
    }

    pub(super) fn finish(mut self) -> u64 {
        while self.open > 0 {
            self.close_list();
        }
        self.state
    }

    fn innermost(&mut self) -> Option<&mut List> {
        self.lists[..self.open].last_mut()
    }

    fn add(&mut self, what: u64) {
        self.state = fold(self.state, what);
        if let Some(list) = self.innermost() {
            list.is_empty = false;
        }
    }

    fn add_text(&mut self, token: Token) {
        self.add(Fingerprint::default().with(&self.source[token.start..token.end]).finish());
    }

    fn word(&mut self, token: Token) {
        let word = &self.source[token.start..token.end];
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        let list = self.innermost().copied();
        match word.len() {
            2 if is(&["IN"]) => self.opens_list = true,
            // `VALUES ROW(1, 2), ROW(3, 4)`
            3 if list.is_some_and(|list| list.is_empty) && is(&["ROW"]) => self.opens_list = true,
            4 | 5 | 7
                if list.is_some_and(|list| list.depth == 0) && is(&["NULL", "TRUE", "FALSE", "DEFAULT"]) =>
            {
                return self.add(VALUE);
            }
            5 if is(&["ARRAY"]) => self.opens_list = true,
            // A query in parentheses is no list of its columns.
            6 if list.is_some_and(|list| list.is_empty && !list.is_bare) && is(&["SELECT"]) => {
                self.add_text(token);
                self.not_a_list();
                return;
            }
            6 if self.open < DEPTH && is(&["VALUES"]) => {
                self.add_text(token);
                self.open_list(true);
                return;
            }
            _ => {}
        }
        self.add_text(token);
    }

    /// Numbered parameters are values, and of others the number at their end doesn't matter.
    fn parameter(&mut self, token: Token) {
        let name = self.source[token.start..token.end].trim_end_matches(|char: char| char.is_ascii_digit());
        let is_value = name.len() <= 1 || self.innermost().is_some_and(|list| list.depth == 0);
        let what = if is_value { VALUE } else { Fingerprint::default().with(name).finish() };
        self.add(what);
    }

    /// The parameters of Python's drivers: `%s`, `%(name)s`.
    fn percent(&mut self, token: Token) {
        let rest = &self.source[token.end..];
        let length = rest.strip_prefix('(').and_then(|inside| {
            let end = inside.find(|char: char| !char.is_ascii_alphanumeric() && char != '_')?;
            inside[end..].starts_with(")s").then_some(end + 3)
        });
        match length {
            Some(length) => {
                self.skipped = token.end + length;
                self.add(VALUE);
            }
            None if rest.starts_with('s') && !rest[1..].starts_with(|char: char| char.is_alphanumeric()) => {
                self.skipped = token.end + 1;
                self.add(VALUE);
            }
            None => self.add(u64::from(b'%') << 8),
        }
    }

    fn open_list(&mut self, is_bare: bool) {
        if let Some(list) = self.innermost() {
            list.is_empty = false;
        }
        self.lists[self.open] = List { before: self.state, last: None, depth: 0, is_bare, is_empty: true };
        self.open += 1;
        self.state = 0;
    }

    /// An item ends. One that is like the item before it is forgotten.
    fn end_item(&mut self) {
        let item = self.state;
        let Some(list) = self.lists[..self.open].last_mut() else { return };
        if list.last != Some(item) {
            list.before = fold(list.before, item);
            list.last = Some(item);
        }
        list.is_empty = true;
        self.state = 0;
    }

    fn close(&mut self, byte: u8) {
        match self.innermost() {
            Some(list) if list.depth == 0 => self.close_list(),
            Some(list) => {
                list.depth -= 1;
                self.add(u64::from(byte) << 8);
            }
            None => self.add(u64::from(byte) << 8),
        }
    }

    fn close_list(&mut self) {
        self.end_item();
        if self.open > 0 {
            self.open -= 1;
            self.state = fold(self.lists[self.open].before, u64::from(b')'));
        }
    }

    /// What was taken for the begin of a list is a query.
    fn not_a_list(&mut self) {
        if self.open > 0 {
            self.open -= 1;
            self.state = fold(self.lists[self.open].before, self.state);
            if let Some(outer) = self.innermost() {
                outer.depth += 1;
            }
        }
    }

    /// The rows behind `VALUES` end with whatever is no row.
    fn end_bare_list(&mut self, token: Token, opens_list: bool) {
        while let Some(list) = self.innermost() {
            let goes_on = !list.is_bare
                || list.depth > 0
                || match token.kind {
                    Kind::Punctuation(b',') => true,
                    Kind::Punctuation(b')' | b']' | b';') => false,
                    Kind::Punctuation(b'(') if opens_list => true,
                    _ => list.is_empty,
                };
            if goes_on {
                return;
            }
            self.close_list();
        }
    }
}

fn fold(state: u64, what: u64) -> u64 {
    Fingerprint::seeded(state).with_number(what).finish()
}

/// The fingerprint of a text that is no SQL.
pub(super) fn of_text(text: &str) -> u64 {
    Fingerprint::default().with(text).finish()
}
