//! Writes a statement without its literals and comments.

use std::borrow::Cow;

use super::grammar::{Grammar, Has};
use super::lexer::{Kind, Token};

/// Takes the tokens of a text one after the other and copies what may stay.
#[derive(Debug)]
pub(super) struct Sanitiser<'a> {
    source: &'a str,
    grammar: &'a Grammar,
    /// What is written, up to `copied` in the source. `None` while nothing had to change.
    written: Option<String>,
    copied: usize,
    /// A comment was left out right before this place.
    gap: bool,
}

impl<'a> Sanitiser<'a> {
    pub(super) fn new(source: &'a str, grammar: &'a Grammar) -> Self {
        Self { source, grammar, written: None, copied: 0, gap: false }
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        // Most tokens are none of what matters here.
        if self.gap || matches!(token.kind, Kind::Literal | Kind::More | Kind::Comment) {
            self.push_any(token);
        }
    }

    fn push_any(&mut self, token: Token) {
        match token.kind {
            Kind::Comment => {
                self.skip(token, "");
                self.gap = true;
            }
            Kind::Space => self.close_gap(false),
            Kind::More => {
                self.gap = false;
                self.copied = token.end;
            }
            _ => {
                self.close_gap(true);
                if token.kind == Kind::Literal {
                    self.skip(token, "?");
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Cow<'a, str> {
        self.close_gap(false);
        match self.written {
            None => Cow::Borrowed(self.source),
            Some(mut written) => {
                written.push_str(&self.source[self.copied..]);
                Cow::Owned(written)
            }
        }
    }

    /// Leaves the token out and writes something in its place.
    fn skip(&mut self, token: Token, instead: &str) {
        let written = self.written.get_or_insert_with(|| String::with_capacity(self.source.len()));
        written.push_str(&self.source[self.copied..token.start]);
        written.push_str(instead);
        self.copied = token.end;
    }

    /// Keeps apart what only a comment kept apart.
    fn close_gap(&mut self, needs_space: bool) {
        if !std::mem::take(&mut self.gap) {
            return;
        }
        let Some(written) = &mut self.written else {
            return;
        };
        if self.grammar.dashes_need_space == Has::Yes && written.ends_with("--") {
            // With whitespace behind them these two operators would begin a comment.
            written.push_str("/**/");
        } else if needs_space && written.ends_with(|last: char| !last.is_ascii_whitespace()) {
            written.push(' ');
        }
    }
}
