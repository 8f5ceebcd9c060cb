//! Passwords and other secrets that stand in a statement without quotes.

use super::grammar::Grammar;
use super::keyword::Keyword;
use super::lexer::{Kind, Token};
use super::outline::{Context, Outline};

/// Takes the tokens of a statement one after the other, and tells which are values though their
/// form is that of a name.
#[derive(Debug)]
pub(super) struct Secrets<'a> {
    source: &'a str,
    grammar: &'a Grammar,
    state: State,
    call: Call,
    /// Where the value ended that was hidden last: what stands right behind it belongs to it.
    end: usize,
    is_first: bool,
    /// The statement connects, and whatever it names may be an address or a password.
    connects: bool,
    /// The statement is `SET`.
    sets: bool,
    /// Values behind a word that names a secret come without anything between.
    in_pragma: bool,
}

/// Whether a token is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hides {
    Nothing,
    Value,
    /// It belongs to the value before it.
    More,
}

/// How near the words lead to a secret: `IDENTIFIED BY tiger REPLACE lion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Far,
    /// Behind `IDENTIFIED`.
    Identified,
    /// Behind a word such as `PASSWORD`.
    Named,
    /// Behind such a word in a statement where it may be a column's: only `=` leads to a value.
    NamedColumn,
    /// Behind `PASSWORD FOR`.
    For,
    /// The next token is a secret, and so is what a comma brings behind it if that lists passwords.
    Here {
        several: bool,
    },
    Passed {
        several: bool,
    },
    /// All that follows is.
    Rest,
    /// Behind `COPY t FROM STDIN`: all that follows the statement is.
    Stdin,
    /// Behind `INSERT INTO t FORMAT`: all that follows the format is.
    Format,
    /// Rows in a format of their own.
    Rows,
}

/// Where in a call of SQL Server one is, which passes words without quotes as strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    None,
    Name { is_named: bool },
    Argument { is_first: bool },
    Between,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(source: &'a str, grammar: &'a Grammar) -> Self {
        Self {
            source,
            grammar,
            state: State::Far,
            call: Call::None,
            end: usize::MAX,
            is_first: true,
            connects: false,
            sets: false,
            in_pragma: false,
        }
    }

    /// Which value a token is, or belongs to. Literals are values anyway.
    #[inline]
    pub(super) fn hides(&mut self, token: Token, keyword: Option<Keyword>, outline: &Outline<'_>) -> Hides {
        let is_far = self.state == State::Far && self.call == Call::None && !self.connects && !self.sets;
        let is_plain = match token.kind {
            Kind::Word => {
                !self.is_first
                    && outline.context() == Context::Rows
                    && !matches!(
                        keyword,
                        Some(Keyword::Boolean | Keyword::Identified | Keyword::Execute | Keyword::Format)
                    )
            }
            Kind::Punctuation(b';') => false,
            _ => true,
        };
        if is_far && is_plain && token.start != self.end {
            return Hides::Nothing;
        }
        self.hides_any(token, keyword, outline)
    }

    fn hides_any(&mut self, token: Token, keyword: Option<Keyword>, outline: &Outline<'_>) -> Hides {
        if token.kind == Kind::Punctuation(b';') && self.state == State::Stdin {
            self.state = State::Rows;
            self.end = usize::MAX;
            return Hides::Nothing;
        }
        if token.kind == Kind::Punctuation(b';') && self.state != State::Rows {
            *self = Self { is_first: true, ..Self::new(self.source, self.grammar) };
            return Hides::Nothing;
        }
        let is_attached = token.start == self.end
            && !matches!(token.kind, Kind::Punctuation(b',' | b')' | b'(') | Kind::Literal);
        if is_attached || (matches!(self.state, State::Rest | State::Rows) && self.end != usize::MAX) {
            self.end = token.end;
            return Hides::More;
        }
        let is_argument = !outline.permits() && self.is_argument(token, keyword);
        let is_secret = self.is_secret(token, keyword, outline);
        let is_boolean =
            keyword == Some(Keyword::Boolean) && !outline.expects_name() && !self.is_qualified(token);
        self.is_first = false;
        if is_secret || is_argument {
            self.end = token.end;
        }
        if is_argument || is_secret || is_boolean { Hides::Value } else { Hides::Nothing }
    }

    fn word(&self, token: Token) -> &'a str {
        &self.source[token.start..token.end]
    }

    /// Whether a name goes on behind the token: `true.x`.
    fn is_qualified(&self, token: Token) -> bool {
        self.source[token.end..].trim_ascii_start().starts_with('.')
    }

    fn is_secret(&mut self, token: Token, keyword: Option<Keyword>, outline: &Outline<'_>) -> bool {
        let is_word = token.kind == Kind::Word;
        let word = if is_word { self.word(token) } else { "" };
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if self.is_first {
            self.connects = keyword == Some(Keyword::Attach) && !is(&["DETACH"]);
            self.sets = keyword == Some(Keyword::Set);
            self.in_pragma = is(&["PRAGMA"]);
        }
        if keyword == Some(Keyword::Identified) {
            self.state = State::Identified;
            return false;
        }
        let is_value = matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Literal | Kind::Parameter);
        let hidden = is_value && token.kind != Kind::Parameter;
        let was = self.state;
        match was {
            State::Rest | State::Rows => return true,
            State::Format => {
                self.state = State::Rows;
                self.end = usize::MAX;
                // Rows of values are read as such.
                if is(&["VALUES"]) {
                    self.state = State::Far;
                }
                return false;
            }
            State::Here { several } if is_value => {
                // `BY VALUES 'hash'`, `BY PASSWORD 'hash'`, `= PASSWORD('x')`, and a password that is
                // called so.
                let leads =
                    is(&["VALUES", "RANDOM", "IMMEDIATELY"]) || (is_word && names_secret(self.word(token)));
                let several = several && token.kind != Kind::Literal;
                self.state = if leads { was } else { State::Passed { several } };
                return hidden;
            }
            State::Here { .. } if matches!(token.kind, Kind::Punctuation(b'(' | b'=' | b':' | b'>')) => {
                return false;
            }
            State::Passed { several: true } if token.kind == Kind::Punctuation(b',') => {
                self.state = State::Here { several: true };
                return false;
            }
            State::Passed { .. } if is(&["REPLACE", "SET", "TO", "NEW", "CONFIRM"]) => {
                self.state = State::Here { several: false };
                return false;
            }
            State::Identified => {
                if keyword == Some(Keyword::By) {
                    self.state = State::Here { several: true };
                } else if is(&["AS", "USING"]) {
                    self.state = State::Here { several: false };
                } else if !is_value {
                    self.state = State::Far;
                }
                return false;
            }
            State::Named | State::NamedColumn | State::For => match token.kind {
                Kind::Punctuation(b'=' | b':' | b'>') => {
                    let all = self.sets && was != State::NamedColumn;
                    self.state = if all { self.rest() } else { State::Here { several: false } };
                    return false;
                }
                Kind::Punctuation(b'.') => return false,
                Kind::Punctuation(b'(') if was == State::Named && (self.in_pragma || !self.sets) => {
                    self.state = State::Here { several: false };
                    return false;
                }
                _ if was == State::Named && is(&["FOR"]) => {
                    self.state = State::For;
                    return false;
                }
                _ if was == State::For && is(&["TO"]) => {
                    self.state = State::Here { several: false };
                    return false;
                }
                _ if was == State::For => return false,
                _ if was == State::Named && is(&["TO", "IS", "AS", "BY", "WITH"]) => {
                    if is(&["TO"]) && self.sets {
                        self.state = self.rest();
                    } else {
                        self.state = State::Here { several: false };
                    }
                    return false;
                }
                _ if was == State::Named && is_value => {
                    let leads = is_word && names_secret(self.word(token));
                    // `SET app.password_policy = x`: the name goes on.
                    if !leads {
                        self.state = State::Passed { several: false };
                    }
                    return hidden;
                }
                _ => self.state = State::Far,
            },
            _ => {}
        }
        match keyword {
            Some(Keyword::Format) if self.grammar.inline_rows && outline.inserts() => {
                self.state = State::Format;
                return false;
            }
            Some(Keyword::Stdin) if outline.context() == Context::Administers => {
                self.state = State::Stdin;
                return false;
            }
            _ => {}
        }
        // All that an unknown database is told to set may be raw text, as it is in Hive.
        if self.sets && self.grammar.bare_values && token.kind == Kind::Punctuation(b'=') {
            self.state = self.rest();
            return false;
        }
        // Here it is what the object is, or is called: `CREATE SECRET secret`.
        let is_object = outline.expects_object()
            || (outline.expects_kind() && matches!(keyword, Some(Keyword::Account | Keyword::Compound)));
        let context = outline.context();
        if is_word && !is_object && context != Context::Rows && self.announces(token) {
            self.state = if context == Context::Administers { State::Named } else { State::NamedColumn };
            return false;
        }
        self.connects && is_value && hidden && !self.connects_by(token, keyword)
    }

    fn rest(&mut self) -> State {
        self.end = usize::MAX;
        State::Rest
    }

    fn announces(&self, token: Token) -> bool {
        const KEYS: [&str; 6] = ["KEY", "REKEY", "TEXTKEY", "TEXTREKEY", "HEXKEY", "HEXREKEY"];
        let word = self.word(token);
        names_secret(word) || (self.in_pragma && KEYS.iter().any(|key| key.eq_ignore_ascii_case(word)))
    }

    /// The words of `CONNECT TO db USER u USING p` that are not values.
    fn connects_by(&self, token: Token, keyword: Option<Keyword>) -> bool {
        const WORDS: [&str; 15] = [
            "TO",
            "USER",
            "USING",
            "NEW",
            "CONFIRM",
            "RESET",
            "IN",
            "SHARE",
            "MODE",
            "EXCLUSIVE",
            "DATABASE",
            "ROLE",
            "KEY",
            "READ_ONLY",
            "TYPE",
        ];
        let word = self.word(token);
        token.kind == Kind::Word
            && (matches!(keyword, Some(Keyword::Attach | Keyword::As | Keyword::By | Keyword::Identified))
                || WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
    }

    /// Whether a word is what a procedure of SQL Server is called with.
    fn is_argument(&mut self, token: Token, keyword: Option<Keyword>) -> bool {
        if !self.grammar.bare_arguments {
            return false;
        }
        if keyword == Some(Keyword::Execute) {
            self.call = Call::Name { is_named: false };
            return false;
        }
        let is_word = token.kind == Kind::Word;
        // Without EXEC a batch may begin with a procedure.
        if self.is_first && self.call == Call::None && is_word && keyword.is_none() && self.grammar.money {
            self.call = Call::Name { is_named: true };
            return false;
        }
        let word = if is_word { self.word(token) } else { "" };
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        let is_name = matches!(token.kind, Kind::Word | Kind::Quoted);
        let (call, hides) = match (self.call, token.kind) {
            (Call::None, _) => return false,
            (Call::Name { is_named: false }, Kind::Word | Kind::Quoted) => {
                (Call::Name { is_named: true }, false)
            }
            (
                Call::Name { is_named: false },
                Kind::Parameter | Kind::Literal | Kind::Punctuation(b'=' | b'.'),
            ) => (self.call, false),
            (Call::Name { is_named: true }, Kind::Punctuation(b'.')) => {
                (Call::Name { is_named: false }, false)
            }
            (Call::Name { is_named: false }, _) => (Call::None, false),
            (Call::Name { is_named: true } | Call::Between, Kind::Punctuation(b'(')) => (Call::None, false),
            (Call::Argument { .. } | Call::Between, Kind::Punctuation(b',' | b'=')) => {
                (Call::Argument { is_first: false }, false)
            }
            (Call::Name { .. } | Call::Argument { .. }, _) => {
                let is_first = matches!(self.call, Call::Name { .. } | Call::Argument { is_first: true });
                if is_first && keyword.is_some_and(Keyword::is_verb) {
                    (Call::None, false)
                } else {
                    (Call::Between, is_name && !is(&["DEFAULT", "NULL", "WITH", "USING"]))
                }
            }
            (Call::Between, Kind::Word) if is(&["OUT", "OUTPUT", "READONLY"]) => (Call::Between, false),
            (Call::Between, Kind::Word) => (Call::None, false),
            (Call::Between, _) => (Call::Between, false),
        };
        self.call = call;
        hides
    }
}

/// Whether a word that stands before a value says that it is secret.
fn names_secret(word: &str) -> bool {
    const PARTS: [&[u8]; 15] = [
        b"PASSW",
        b"PWD",
        b"SECRET",
        b"TOKEN",
        b"CREDENTIAL",
        b"KEY_ID",
        b"ACCESS_KEY",
        b"ACCESSKEY",
        b"API_KEY",
        b"APIKEY",
        b"PRIVATE_KEY",
        b"PUBLIC_KEY",
        b"MASTER_KEY",
        b"AUTH",
        b"SALT",
    ];
    let bytes = word.as_bytes();
    PARTS.iter().any(|part| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part)))
}
