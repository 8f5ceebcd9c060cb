//! Finds the operations of a statement and what they are done to.
//!
//! This is no parser: it follows the few words behind which the name of a table or of a procedure
//! stands, one state for each level of parentheses, and lets pass what it does not know. So it has
//! an answer for every dialect and for half a statement too.

use std::borrow::Cow;

use super::Statement;
use super::grammar::System;
use super::keyword::Keyword;
use super::lexer::{Kind, Token};

/// The longest summary, in characters.
const SUMMARY_LIMIT: usize = 255;

/// Names of common table expressions that are remembered. Each table's name is held against all.
const CTE_LIMIT: usize = 32;

/// Takes the tokens of a statement one after the other.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    source: &'a str,
    system: System,
    /// The innermost level of parentheses, and the levels around it.
    level: Level,
    outer: Vec<Level>,
    name: Option<Name<'a>>,
    /// The table that `DELETE` names before it is known whether `FROM` follows, in which case it
    /// was but an alias: `DELETE o FROM orders o`.
    delete_target: Option<Cow<'a, str>>,
    ctes: Vec<Cow<'a, str>>,
    previous: Previous,
    summary: Summary,
    operation: Option<Cow<'a, str>>,
    operation_is_nested: bool,
    collection: Collection<'a>,
    stored_procedure: Option<Cow<'a, str>>,
}

/// What is known within one pair of parentheses, or outside all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    verb: Verb,
    expected: Expected,
    /// A comma brings the next table.
    in_list: bool,
}

impl Level {
    const START: Self = Self { verb: Verb::None, expected: Expected::Verb, in_list: false };
}

/// The operation whose clauses are being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    None,
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Define,
    With,
    Begin,
    Explain,
    Permit,
}

/// What the next word may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Nothing,
    Verb,
    /// A table, or tables or a query in parentheses.
    Table,
    /// A table, or a query in parentheses.
    Source,
    DeleteTarget,
    ObjectKind,
    Object {
        is_collection: bool,
    },
    Procedure,
    CteName,
    Other,
}

/// A name that may go on with a period.
#[derive(Debug)]
struct Name<'a> {
    role: Role,
    text: Cow<'a, str>,
    end: usize,
    wants_part: bool,
}

/// What a name is to the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Collection,
    Object,
    Procedure,
    /// A procedure if it is called: in PL/SQL an assignment may begin with a name too.
    PerhapsProcedure,
    Cte,
    DeleteTarget,
}

/// What stood before the current token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Previous {
    Start,
    Period,
    Keyword(Keyword),
    Other,
}

#[derive(Debug, Default)]
enum Collection<'a> {
    #[default]
    None,
    One(Cow<'a, str>),
    Several,
}

impl<'a> Outline<'a> {
    pub(super) fn new(source: &'a str, system: System) -> Self {
        Self {
            source,
            system,
            level: Level::START,
            outer: Vec::new(),
            name: None,
            delete_target: None,
            ctes: Vec::new(),
            previous: Previous::Start,
            summary: Summary::default(),
            operation: None,
            operation_is_nested: false,
            collection: Collection::None,
            stored_procedure: None,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        if !matches!(token.kind, Kind::Space | Kind::Comment) {
            self.push_any(token);
        }
    }

    fn push_any(&mut self, token: Token) {
        if self.name.is_some() && self.continue_name(token) {
            self.previous = Previous::Other;
            return;
        }
        let previous = self.previous;
        self.previous = Previous::Other;
        match token.kind {
            Kind::Word if previous != Previous::Period => {
                let keyword = Keyword::of(self.slice(token));
                if let Some(keyword) = keyword {
                    self.previous = Previous::Keyword(keyword);
                }
                self.word(token, keyword, previous);
            }
            Kind::Quoted => self.identifier(token),
            Kind::Punctuation(b'.') => self.previous = Previous::Period,
            Kind::Punctuation(b'(') => self.open(previous),
            Kind::Punctuation(b')') => self.close(),
            Kind::Punctuation(b',') => self.comma(),
            Kind::Punctuation(b';') => self.end_statement(),
            Kind::Parameter => self.parameter(token),
            _ => self.value(),
        }
    }

    pub(super) fn finish(mut self, text: Cow<'a, str>, fingerprint: u64) -> Statement<'a> {
        self.end_name(None);
        self.end_delete_target();
        Statement {
            operation: self.operation,
            collection: match self.collection {
                Collection::One(name) => Some(name),
                Collection::None | Collection::Several => None,
            },
            stored_procedure: self.stored_procedure,
            summary: self.summary.finish(),
            text,
            fingerprint,
        }
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.source[token.start..token.end]
    }

    fn word(&mut self, token: Token, keyword: Option<Keyword>, previous: Previous) {
        if self.level.verb == Verb::Permit {
            return;
        }
        match (keyword, self.level.expected) {
            (Some(Keyword::Select), _) => self.verb(token, Keyword::Select),
            (_, Expected::Verb) => self.first_word(token, keyword),
            (_, Expected::Nothing) => self.clause(token, keyword, previous),
            (Some(Keyword::Recursive), Expected::CteName) => {}
            (_, Expected::CteName | Expected::Other) => self.identifier(token),
            (_, Expected::ObjectKind) => self.object_kind(token, keyword),
            // Behind CREATE INDEX the table may follow at once.
            (Some(Keyword::Modifier | Keyword::On | Keyword::Only), Expected::Object { .. }) => {}
            (_, Expected::Object { .. }) => self.identifier(token),
            (_, Expected::Procedure) => self.identifier(token),
            (Some(Keyword::With), Expected::Table) => self.with(),
            // `INSERT ALL WHEN a > 1 THEN INTO b`
            (Some(Keyword::All), _) if self.level.verb == Verb::Insert && self.system == System::OracleDb => {
                self.level.expected = Expected::Nothing;
            }
            (Some(Keyword::Modifier | Keyword::Only | Keyword::Top | Keyword::Into), _) => {}
            // `INSERT OR REPLACE INTO`, `UPDATE OR ROLLBACK`, `INSERT ALL INTO`
            (Some(Keyword::Before), _) => {}
            (Some(Keyword::Replace | Keyword::Command), _)
                if previous == Previous::Keyword(Keyword::Before) => {}
            (
                Some(
                    Keyword::From
                    | Keyword::Clause
                    | Keyword::On
                    | Keyword::Using
                    | Keyword::Join
                    | Keyword::Values
                    | Keyword::With,
                ),
                Expected::Table | Expected::Source | Expected::DeleteTarget,
            ) => {
                self.level.expected = Expected::Nothing;
                self.clause(token, keyword, previous);
            }
            _ => self.identifier(token),
        }
    }

    /// A word where an operation is expected.
    fn first_word(&mut self, token: Token, keyword: Option<Keyword>) {
        let is_outermost = self.outer.is_empty();
        match keyword {
            Some(Keyword::With) => self.with(),
            Some(verb @ (Keyword::Insert | Keyword::Update | Keyword::Delete | Keyword::Merge)) => {
                self.verb(token, verb)
            }
            Some(
                verb @ (Keyword::Replace
                | Keyword::Values
                | Keyword::Define
                | Keyword::DefineSeveral
                | Keyword::Call
                | Keyword::Execute
                | Keyword::Begin
                | Keyword::Explain
                | Keyword::OnTable
                | Keyword::OnOther
                | Keyword::Permit
                | Keyword::Command
                | Keyword::Table),
            ) if is_outermost && self.level.verb != Verb::Explain => self.verb(token, verb),
            Some(Keyword::Clause) if is_outermost && self.slice(token).eq_ignore_ascii_case("set") => {
                self.verb(token, Keyword::Command);
            }
            _ if self.level.verb == Verb::Explain => {}
            None if self.level.verb == Verb::Begin && self.system == System::OracleDb => {
                self.level.expected = Expected::Nothing;
                self.start_name(token, Role::PerhapsProcedure);
            }
            _ => self.level.expected = Expected::Nothing,
        }
    }

    fn verb(&mut self, token: Token, verb: Keyword) {
        self.end_delete_target();
        self.operation(token);
        let executes_prepared = matches!(self.system, System::PostgreSql | System::MySql | System::MariaDb);
        let (verb, expected, in_list) = match verb {
            Keyword::Select => (Verb::Select, Expected::Nothing, false),
            Keyword::Insert | Keyword::Replace => (Verb::Insert, Expected::Table, false),
            Keyword::Update => (Verb::Update, Expected::Table, true),
            Keyword::Delete => (Verb::Delete, Expected::DeleteTarget, false),
            Keyword::Merge => (Verb::Merge, Expected::Table, false),
            Keyword::Define => (Verb::Define, Expected::ObjectKind, false),
            Keyword::DefineSeveral => (Verb::Define, Expected::ObjectKind, true),
            Keyword::Call => (Verb::None, Expected::Procedure, false),
            Keyword::Execute if !executes_prepared => (Verb::None, Expected::Procedure, false),
            Keyword::Begin => (Verb::Begin, Expected::Verb, false),
            Keyword::Explain => (Verb::Explain, Expected::Verb, false),
            Keyword::OnTable | Keyword::Table => (Verb::Define, Expected::Table, false),
            Keyword::OnOther => (Verb::None, Expected::Other, false),
            Keyword::Permit => (Verb::Permit, Expected::Nothing, false),
            Keyword::Command => (Verb::Define, Expected::Nothing, false),
            _ => (Verb::None, Expected::Nothing, false),
        };
        self.level = Level { verb, expected, in_list };
    }

    /// A word that may begin a clause.
    fn clause(&mut self, token: Token, keyword: Option<Keyword>, previous: Previous) {
        let Some(keyword) = keyword else { return };
        let verb = self.level.verb;
        match keyword {
            Keyword::From if previous == Previous::Keyword(Keyword::Distinct) => {}
            Keyword::From => {
                if matches!(verb, Verb::Select | Verb::Delete | Verb::Update) {
                    self.delete_target = None;
                    self.level.expected = Expected::Table;
                    self.level.in_list = true;
                }
            }
            // Within the list of tables only: MySQL has a SELECT STRAIGHT_JOIN.
            Keyword::Join if self.level.in_list => self.level.expected = Expected::Table,
            Keyword::Apply if previous == Previous::Keyword(Keyword::Cross) => {
                self.level.expected = Expected::Table;
            }
            Keyword::Into => match verb {
                Verb::Insert | Verb::Merge => self.level.expected = Expected::Table,
                Verb::Select if matches!(self.system, System::SqlServer | System::PostgreSql) => {
                    self.level.expected = Expected::Table;
                }
                _ => {}
            },
            Keyword::Using if verb == Verb::Merge => self.level.expected = Expected::Source,
            Keyword::Using if verb == Verb::Delete => {
                self.end_delete_target();
                self.level.expected = Expected::Source;
                self.level.in_list = true;
            }
            Keyword::Clause | Keyword::Values | Keyword::Before => {
                self.end_delete_target();
                self.level.in_list = false;
            }
            Keyword::As if verb == Verb::Define => self.level.expected = Expected::Verb,
            Keyword::With if verb == Verb::Insert => self.with(),
            Keyword::Insert | Keyword::Update | Keyword::Delete | Keyword::Merge if verb == Verb::With => {
                self.verb(token, keyword);
            }
            // A batch of SQL Server needs no semicolons.
            Keyword::Insert | Keyword::Update | Keyword::Delete | Keyword::Merge | Keyword::Execute
                if self.system == System::SqlServer
                    && self.outer.is_empty()
                    && !matches!(verb, Verb::Merge | Verb::Permit)
                    && previous != Previous::Keyword(Keyword::Before) =>
            {
                self.verb(token, keyword);
            }
            _ => {}
        }
    }

    /// Common table expressions, and the operation behind them.
    fn with(&mut self) {
        self.level.verb = Verb::With;
        self.level.expected = Expected::CteName;
    }

    /// A word behind `CREATE` and the like.
    fn object_kind(&mut self, token: Token, keyword: Option<Keyword>) {
        match keyword {
            Some(Keyword::Table) => self.define(token, Expected::Object { is_collection: true }),
            Some(Keyword::Object) => self.define(token, Expected::Object { is_collection: false }),
            Some(Keyword::Transaction) => self.define(token, Expected::Nothing),
            // Only TRUNCATE and DROP come with a list, and of these only TRUNCATE without a kind.
            None if self.level.in_list => self.start_name(token, Role::Collection),
            _ => {}
        }
    }

    fn define(&mut self, token: Token, expected: Expected) {
        let kind = self.slice(token);
        self.summary.push(kind);
        if let Some(operation) = &mut self.operation
            && !operation.contains(' ')
        {
            let operation = operation.to_mut();
            operation.push(' ');
            operation.push_str(kind);
        }
        self.level.expected = expected;
    }

    /// A word or a quoted name where it can only be a name.
    fn identifier(&mut self, token: Token) {
        let role = match self.level.expected {
            Expected::Table | Expected::Source => Role::Collection,
            Expected::Object { is_collection: true } => Role::Collection,
            Expected::Object { .. } | Expected::Other => Role::Object,
            Expected::DeleteTarget => Role::DeleteTarget,
            Expected::Procedure => Role::Procedure,
            Expected::CteName => Role::Cte,
            Expected::ObjectKind if self.level.in_list => Role::Collection,
            Expected::Verb if self.outer.is_empty() => return,
            Expected::Nothing | Expected::Verb | Expected::ObjectKind => {
                self.level.expected = Expected::Nothing;
                return;
            }
        };
        self.start_name(token, role);
    }

    fn start_name(&mut self, token: Token, role: Role) {
        self.level.expected = Expected::Nothing;
        self.name =
            Some(Name { role, text: Cow::Borrowed(self.slice(token)), end: token.end, wants_part: false });
    }

    /// Whether the token belongs to the name before it. If not, the name has ended.
    fn continue_name(&mut self, token: Token) -> bool {
        let slice = self.slice(token);
        let Some(name) = &mut self.name else {
            return false;
        };
        let belongs = match token.kind {
            Kind::Punctuation(b'.') => {
                name.wants_part = true;
                true
            }
            Kind::Word | Kind::Quoted => std::mem::take(&mut name.wants_part),
            _ => false,
        };
        if !belongs {
            self.end_name(Some(token.kind));
            return false;
        }
        match &mut name.text {
            Cow::Borrowed(text) if name.end == token.start => {
                *text = &self.source[token.start - text.len()..token.end];
            }
            text => text.to_mut().push_str(slice),
        }
        name.end = token.end;
        true
    }

    fn end_name(&mut self, next: Option<Kind>) {
        let Some(Name { role, text, .. }) = self.name.take() else {
            return;
        };
        match role {
            Role::Collection => self.collection(text),
            Role::Object => self.summary.push(&text),
            Role::Procedure => self.procedure(text),
            Role::PerhapsProcedure => {
                if matches!(next, None | Some(Kind::Punctuation(b'(' | b';'))) {
                    self.procedure(text);
                }
            }
            Role::Cte => {
                if self.ctes.len() < CTE_LIMIT {
                    self.ctes.push(text);
                }
            }
            Role::DeleteTarget => self.delete_target = Some(text),
        }
    }

    fn end_delete_target(&mut self) {
        if let Some(target) = self.delete_target.take() {
            self.collection(target);
        }
    }

    fn collection(&mut self, name: Cow<'a, str>) {
        if self.ctes.iter().any(|cte| same_name(cte, &name)) {
            return;
        }
        self.summary.push(&name);
        self.collection = match std::mem::take(&mut self.collection) {
            Collection::None => Collection::One(name),
            Collection::One(known) if same_name(&known, &name) => Collection::One(known),
            Collection::One(_) | Collection::Several => Collection::Several,
        };
    }

    fn procedure(&mut self, name: Cow<'a, str>) {
        self.summary.push(&name);
        self.stored_procedure.get_or_insert(name);
    }

    fn operation(&mut self, token: Token) {
        let word = self.slice(token);
        self.summary.push(word);
        let is_nested = !self.outer.is_empty();
        if self.operation.is_none() || (self.operation_is_nested && !is_nested) {
            self.operation = Some(Cow::Borrowed(word));
            self.operation_is_nested = is_nested;
        }
    }

    fn open(&mut self, previous: Previous) {
        let inner = match self.level.expected {
            _ if previous == Previous::Keyword(Keyword::Top) => {
                Level { expected: Expected::Nothing, ..Level::START }
            }
            Expected::Table => {
                self.level.expected = Expected::Nothing;
                Level { verb: Verb::Select, expected: Expected::Table, in_list: true }
            }
            Expected::Verb => Level::START,
            _ => {
                self.level.expected = Expected::Nothing;
                Level::START
            }
        };
        let permits = self.level.verb == Verb::Permit;
        self.outer.push(self.level);
        self.level = if permits { self.level } else { inner };
    }

    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.end_delete_target();
            self.level = outer;
        }
    }

    fn comma(&mut self) {
        let level = &mut self.level;
        level.expected = match level.verb {
            Verb::With => Expected::CteName,
            Verb::Define if level.in_list => Expected::Object { is_collection: true },
            _ if level.in_list => Expected::Table,
            _ => Expected::Nothing,
        };
    }

    fn end_statement(&mut self) {
        self.end_delete_target();
        self.outer.clear();
        self.ctes.clear();
        self.level = Level::START;
    }

    fn parameter(&mut self, token: Token) {
        let is_variable = self.slice(token).starts_with('@');
        match self.level.expected {
            // SQL Server's table variables.
            Expected::Table | Expected::Source | Expected::DeleteTarget if is_variable => {
                self.identifier(token);
            }
            // `EXEC @status = name`
            Expected::Procedure => {}
            // `BEGIN :status := name; END;`
            Expected::Verb if self.level.verb == Verb::Begin => self.level.expected = Expected::Nothing,
            _ => self.value(),
        }
    }

    /// A token that is no name.
    fn value(&mut self) {
        match self.level.expected {
            Expected::Verb if self.outer.is_empty() => {}
            Expected::Procedure => {}
            _ => self.level.expected = Expected::Nothing,
        }
    }
}

/// Whether two names are one, quotes and letter case aside.
fn same_name(one: &str, other: &str) -> bool {
    bare(one).eq(bare(other))
}

fn bare(name: &str) -> impl Iterator<Item = u8> {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'`' | b'[' | b']');
    name.bytes().filter(move |byte| !is_quote(byte)).map(|byte| byte.to_ascii_lowercase())
}

/// Operations and targets with a space between them.
#[derive(Debug, Default)]
struct Summary {
    text: String,
    chars: usize,
    is_full: bool,
}

impl Summary {
    fn push(&mut self, word: &str) {
        let separator = usize::from(!self.text.is_empty());
        // A word may be megabytes long: what has more bytes than the limit allows for needs no count.
        let chars = if word.len() > 4 * SUMMARY_LIMIT { SUMMARY_LIMIT + 1 } else { word.chars().count() };
        self.is_full |= self.chars + separator + chars > SUMMARY_LIMIT;
        if self.is_full {
            return;
        }
        if separator == 1 {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.chars += separator + chars;
    }

    fn finish(self) -> Option<String> {
        (!self.text.is_empty()).then_some(self.text)
    }
}
