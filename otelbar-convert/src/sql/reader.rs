//! Decides what each token of a statement is, by what stands around it.

use std::borrow::Cow;

use super::fingerprint::Fingerprinter;
use super::grammar::{Grammar, System};
use super::keyword::Keyword;
use super::lexer::{Kind, Lexer, Token};
use super::outline::Outline;
use super::secrets::{Hides, Secrets};
use super::statement::Statement;

/// The tokens of a statement: values become literals whatever their form, and nothing else does.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    source: &'a str,
    grammar: &'a Grammar,
    lexer: Lexer<'a>,
    outline: Outline<'a>,
    secrets: Secrets<'a>,
    fingerprinter: Fingerprinter<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, system: System) -> Self {
        let grammar = system.grammar();
        Self {
            source,
            grammar,
            lexer: Lexer::new(source, grammar),
            outline: Outline::new(source, system),
            secrets: Secrets::new(source, grammar),
            fingerprinter: Fingerprinter::new(source),
        }
    }

    /// Whether the text can be read as SQL. That of a system that is not known has to begin as SQL
    /// does.
    pub(super) fn reads(source: &str, system: System) -> bool {
        if system != System::OtherSql {
            return system.is_sql();
        }
        let begin = Lexer::new(source, system.grammar()).find(|token| {
            !matches!(
                token.kind,
                Kind::Space | Kind::Comment | Kind::Parameter | Kind::Punctuation(b'(' | b'{' | b'=' | b';')
            )
        });
        begin.is_none_or(|token| match token.kind {
            Kind::Word => {
                let keyword = Keyword::of(&source[token.start..token.end]);
                keyword.is_some_and(|keyword| keyword.is_verb() || keyword == Keyword::Table)
            }
            _ => false,
        })
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let mut token = self.lexer.next()?;
        let keyword = match token.kind {
            Kind::Space | Kind::Comment => return Some(token),
            Kind::Word => Keyword::of(&self.source[token.start..token.end]),
            Kind::PerhapsQuoted => {
                let is_name = self.outline.expects_name() || self.is_qualified(token);
                token.kind = if is_name { Kind::Quoted } else { Kind::Literal };
                None
            }
            Kind::Literal if self.grammar.string_names_table && self.names_table(token) => {
                token.kind = Kind::Quoted;
                None
            }
            _ => None,
        };
        match self.secrets.hides(token, keyword, &self.outline) {
            Hides::Nothing => {}
            Hides::Value => token.kind = Kind::Literal,
            Hides::More => {
                token.kind = Kind::More;
                return Some(token);
            }
        }
        let keyword = keyword.filter(|_| token.kind == Kind::Word);
        self.outline.push(token, keyword);
        self.fingerprinter.push(token);
        Some(token)
    }

    pub(super) fn finish(self, text: Cow<'a, str>) -> Statement<'a> {
        self.outline.finish(text, self.fingerprinter.finish())
    }

    /// Whether a period and a name follow: `"a".b`.
    fn is_qualified(&self, token: Token) -> bool {
        let Some(rest) = self.source[token.end..].trim_ascii_start().strip_prefix('.') else { return false };
        let name = rest.trim_ascii_start();
        let word = name.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
        match name.starts_with(|char: char| char.is_alphabetic() || char == '_') {
            // It may be the prefix of a string.
            true => !word.starts_with(['\'', '"', '&']),
            false => name.starts_with('*') || is_quoted(name.as_bytes()),
        }
    }

    /// Whether a string is the name of a table: `FROM 'artists'`. It has to look like one.
    fn names_table(&self, token: Token) -> bool {
        let text = &self.source[token.start..token.end];
        self.outline.expects_table()
            && text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).is_some_and(|name| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|char| char.is_alphanumeric() || matches!(char, '_' | ' ' | '.' | '-'))
            })
    }
}

/// No name in quotes is longer, in bytes; what is longer is taken for a value.
const LONGEST_NAME: usize = 1024;

/// Whether a name in quotes begins here, and ends.
fn is_quoted(text: &[u8]) -> bool {
    let Some((open, rest)) = text.split_first() else { return false };
    let close = match open {
        b'"' | b'`' => *open,
        b'[' => b']',
        _ => return false,
    };
    rest.iter().take(LONGEST_NAME).any(|byte| *byte == close)
}
