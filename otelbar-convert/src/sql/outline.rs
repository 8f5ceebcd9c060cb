//! Finds the operations of a statement and what they are done to.
//!
//! This is no parser: it follows the few words behind which the name of a table or of a procedure
//! stands, one state for each level of parentheses, and lets pass what it does not know. So it has
//! an answer for every dialect and for half a statement too.

use std::borrow::Cow;
use std::ops::Range;

use super::grammar::System;
use super::keyword::Keyword;
use super::lexer::{Kind, Token};
use super::statement::Statement;

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
    /// A word where a name is expected, until it is known whether the name follows.
    held: Option<(Token, Keyword)>,
    /// The table that `DELETE` names before it is known whether `FROM` follows, in which case it
    /// was but an alias: `DELETE o FROM orders o`.
    delete_target: Option<Cow<'a, str>>,
    /// What `UPDATE` names, as long as it may be the alias of a table behind `FROM`, and its place
    /// in the summary.
    update_target: Option<(Cow<'a, str>, Range<usize>)>,
    ctes: Vec<Cow<'a, str>>,
    previous: Previous,
    summary: Summary,
    operation: Option<Cow<'a, str>>,
    operation_is_nested: bool,
    /// The words of a kind of object that follow belong to the operation.
    extends_operation: bool,
    collection: Collection<'a>,
    stored_procedure: Option<Cow<'a, str>>,
}

/// What is known within one pair of parentheses, or outside all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    verb: Verb,
    expected: Expected,
    site: Site,
    /// A comma brings the next table.
    in_list: bool,
    /// The objects of the statement are tables.
    of_tables: bool,
    names: Names,
    /// Where there is no operation: what the one around it does.
    context: Context,
}

impl Level {
    const START: Self = Self {
        verb: Verb::None,
        expected: Expected::Verb,
        site: Site::Verb,
        in_list: false,
        of_tables: false,
        names: Names::None,
        context: Context::Rows,
    };
}

/// What a statement is about, as far as secrets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Rows: `password` is a column.
    Rows,
    /// Tables and the like: `password` is a column, but `password = x` sets an option.
    Defines,
    /// Users, servers, settings and the like: what follows `PASSWORD` is one.
    Administers,
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
    /// `CREATE TABLE` and the like.
    Define,
    /// `CREATE USER` and the like, `SET`, and whatever else may hold passwords.
    Administer,
    /// A function's or a trigger's body: nothing in it is executed.
    Routine,
    Load,
    /// `CALL NEXT VALUE FOR`
    Sequence,
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
    ObjectKind {
        is_optional: bool,
    },
    Object,
    Procedure,
    CteName,
    Other,
}

/// Where a name is expected: which words may stand before it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    /// Behind `INSERT`, `UPDATE`, `DELETE`.
    Verb,
    Into,
    From,
    /// Behind the kind of an object.
    Object,
    /// Behind `VACUUM`, `DESCRIBE` and the like.
    Command,
}

/// Which texts in double quotes are names, where else they may be strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    None,
    /// The first of each item: `SET "a" = "x"`, `CREATE TABLE t ("a" text)`.
    First,
    All,
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
    UpdateTarget,
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
    Comma,
    Open,
    Keyword(Keyword),
    /// The name of a table behind `FROM`: its alias may follow.
    Table,
    /// `AS` behind such a name.
    TableAs,
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
            held: None,
            delete_target: None,
            update_target: None,
            ctes: Vec::new(),
            previous: Previous::Start,
            summary: Summary::default(),
            operation: None,
            operation_is_nested: false,
            extends_operation: false,
            collection: Collection::None,
            stored_procedure: None,
        }
    }

    /// Whether a quoted text that stands here, and nothing else, can be but a name.
    pub(super) fn expects_name(&self) -> bool {
        if let Some(name) = &self.name {
            return name.wants_part;
        }
        self.previous == Previous::Period
            || (self.previous == Previous::Keyword(Keyword::As) && self.level.verb == Verb::Select)
            || match self.level.names {
                Names::None => false,
                Names::First => matches!(
                    self.previous,
                    Previous::Comma | Previous::Open | Previous::Keyword(Keyword::Set)
                ),
                Names::All => true,
            }
            || !matches!(
                self.level.expected,
                Expected::Nothing | Expected::Verb | Expected::ObjectKind { is_optional: false }
            )
    }

    /// Whether a string here would be the name of a table.
    pub(super) fn expects_table(&self) -> bool {
        self.name.is_none()
            && self.held.is_none()
            && self.level.verb == Verb::Select
            && self.level.expected == Expected::Table
            && self.level.site == Site::From
    }

    /// Whether the name of an object is expected.
    pub(super) fn expects_object(&self) -> bool {
        self.held.is_some() || self.level.expected == Expected::Object
    }

    /// Whether the kind of an object is expected.
    pub(super) fn expects_kind(&self) -> bool {
        matches!(self.level.expected, Expected::ObjectKind { .. })
    }

    /// Whether `INSERT` has its target and what it inserts follows.
    pub(super) fn inserts(&self) -> bool {
        self.level.verb == Verb::Insert && !self.expects_name()
    }

    /// Whether operations stand here that are not executed.
    pub(super) fn permits(&self) -> bool {
        self.level.verb == Verb::Permit
    }

    /// What a word for a secret means here.
    #[inline]
    pub(super) fn context(&self) -> Context {
        match self.level.verb {
            Verb::Administer | Verb::Permit => Context::Administers,
            Verb::Define | Verb::Routine => Context::Defines,
            Verb::None => self.level.context,
            _ => Context::Rows,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token, keyword: Option<Keyword>) {
        if self.held.is_some() {
            self.resolve_held(token, keyword);
        }
        if self.name.is_some() && self.continue_name(token) {
            self.previous = Previous::Other;
            return;
        }
        let previous = std::mem::replace(&mut self.previous, Previous::Other);
        match token.kind {
            Kind::Word if previous != Previous::Period => {
                if let Some(keyword) = keyword {
                    self.previous = match (previous, keyword) {
                        (Previous::Table, Keyword::As) => Previous::TableAs,
                        _ => Previous::Keyword(keyword),
                    };
                }
                self.alias(token, keyword, previous);
                self.word(token, keyword, previous);
            }
            Kind::Quoted => {
                self.alias(token, None, previous);
                self.identifier(token);
            }
            Kind::Punctuation(b'.') => self.previous = Previous::Period,
            Kind::Punctuation(b'(') => {
                self.open(previous);
                self.previous = Previous::Open;
            }
            Kind::Punctuation(b')') => self.close(),
            Kind::Punctuation(b',') => {
                self.previous = Previous::Comma;
                self.comma();
            }
            Kind::Punctuation(b';') => self.end_statement(),
            Kind::Parameter => self.parameter(token),
            _ => self.value(),
        }
    }

    pub(super) fn finish(mut self, text: Cow<'a, str>, fingerprint: u64) -> Statement<'a> {
        if let Some((token, _)) = self.held.take() {
            self.identifier(token);
        }
        self.end_name(None);
        self.end_targets();
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
        if matches!(self.level.verb, Verb::Permit | Verb::Routine) && self.level.expected == Expected::Nothing
        {
            return;
        }
        match (keyword, self.level.expected) {
            (Some(Keyword::Select), _) => self.verb(token, Keyword::Select),
            (_, Expected::Verb) => self.first_word(token, keyword),
            (_, Expected::Nothing) => self.clause(token, keyword, previous),
            (Some(Keyword::Recursive), Expected::CteName) => {}
            (_, Expected::CteName | Expected::Other) => self.identifier(token),
            (_, Expected::ObjectKind { is_optional }) => self.object_kind(token, keyword, is_optional),
            (Some(Keyword::Next), Expected::Procedure) => self.held = Some((token, Keyword::Next)),
            // `EXECUTE AS USER = 'x'`
            (Some(Keyword::As), Expected::Procedure) => self.level.expected = Expected::Nothing,
            (_, Expected::Procedure) => self.identifier(token),
            (
                Some(keyword),
                Expected::Table | Expected::Source | Expected::DeleteTarget | Expected::Object,
            ) => self.keyword_for_name(token, keyword, previous),
            (None, _) if previous == Previous::Keyword(Keyword::Or) => {}
            (None, _) => self.identifier(token),
        }
    }

    /// A keyword where a name is expected. Most are names too.
    fn keyword_for_name(&mut self, token: Token, keyword: Keyword, previous: Previous) {
        let site = self.level.site;
        let is_update = self.level.verb == Verb::Update;
        match (keyword, site) {
            (
                Keyword::Hint | Keyword::Only | Keyword::Table | Keyword::Top | Keyword::Temporary,
                Site::Verb,
            )
            | (Keyword::Table | Keyword::Temporary, Site::Into)
            | (Keyword::Table | Keyword::Rows | Keyword::Only, Site::From)
            | (Keyword::Guard | Keyword::Compound | Keyword::Only | Keyword::On, Site::Object)
            | (Keyword::Maintenance | Keyword::Table | Keyword::Only, Site::Command) => {
                self.held = Some((token, keyword));
            }
            // `UPDATE set SET a = 1`
            (Keyword::Set, Site::Verb) if is_update => self.held = Some((token, keyword)),
            (Keyword::Statistics, Site::Verb)
                if is_update && matches!(self.system, System::SqlServer | System::OtherSql) =>
            {
                self.held = Some((token, keyword));
            }
            (Keyword::Into, Site::Verb | Site::Command) => {
                self.level.site = Site::Into;
                self.level.expected = Expected::Table;
            }
            // `CREATE USER MAPPING FOR u`
            (Keyword::Before, Site::Object) if self.slice(token).eq_ignore_ascii_case("for") => {
                self.level.expected = Expected::Nothing;
            }
            // `INSERT OR REPLACE INTO`, `UPDATE OR ROLLBACK a`
            (Keyword::Or, Site::Verb) => {}
            (_, Site::Verb) if previous == Previous::Keyword(Keyword::Or) => {}
            // `INSERT ALL WHEN a > 1 THEN INTO b`
            (Keyword::All, Site::Verb)
                if self.level.verb == Verb::Insert && self.system == System::OracleDb =>
            {
                self.level.expected = Expected::Nothing;
            }
            (Keyword::With, Site::Verb | Site::From) => self.with(),
            (
                Keyword::From
                | Keyword::Set
                | Keyword::Clause
                | Keyword::On
                | Keyword::Using
                | Keyword::Join
                | Keyword::Values,
                Site::Verb,
            )
            | (
                Keyword::From | Keyword::Clause | Keyword::On | Keyword::Join | Keyword::Values,
                Site::From | Site::Into | Site::Command,
            ) => {
                self.level.expected = Expected::Nothing;
                self.clause(token, Some(keyword), previous);
            }
            _ => self.identifier(token),
        }
    }

    /// Decides by what follows whether a word was the name that was expected there.
    #[cold]
    fn resolve_held(&mut self, token: Token, keyword: Option<Keyword>) {
        let Some((held, held_keyword)) = self.held.take() else { return };
        let starts_name = match token.kind {
            Kind::Quoted => true,
            Kind::Parameter => self.slice(token).starts_with('@'),
            Kind::Word => !matches!(
                keyword,
                Some(
                    Keyword::As
                        | Keyword::Clause
                        | Keyword::SoftClause
                        | Keyword::Set
                        | Keyword::Values
                        | Keyword::Select
                        | Keyword::From
                        | Keyword::On
                        | Keyword::Using
                        | Keyword::With
                        | Keyword::Join
                        | Keyword::Cross
                        | Keyword::By
                )
            ),
            _ => false,
        };
        let opens = token.kind == Kind::Punctuation(b'(');
        let is_modifier = match held_keyword {
            Keyword::Table if self.level.site == Site::From => opens,
            Keyword::Rows => keyword == Some(Keyword::From),
            Keyword::Top => opens || matches!(token.kind, Kind::Literal | Kind::Parameter),
            Keyword::Only => starts_name || (opens && self.level.site == Site::From),
            Keyword::Guard => starts_name || keyword == Some(Keyword::On),
            // Behind CREATE INDEX the table may follow at once.
            Keyword::On => starts_name,
            Keyword::Hint => starts_name || keyword == Some(Keyword::From),
            Keyword::Next => keyword == Some(Keyword::Value),
            Keyword::Set => keyword != Some(Keyword::Set),
            Keyword::Compound => starts_name || keyword == Some(Keyword::By),
            _ => starts_name,
        };
        if !is_modifier {
            self.identifier(held);
            return;
        }
        match held_keyword {
            Keyword::Compound if keyword == Some(Keyword::By) => self.level.expected = Expected::Nothing,
            Keyword::Compound => self.extend_kind(held),
            Keyword::Statistics => {
                self.define(held, Expected::Table);
                self.level.site = Site::Command;
                self.level.verb = Verb::Define;
                self.level.in_list = false;
            }
            Keyword::Set => {
                self.level.expected = Expected::Nothing;
                self.clause(held, Some(Keyword::Set), Previous::Other);
            }
            Keyword::Next => {
                self.level.verb = Verb::Sequence;
                self.level.expected = Expected::Nothing;
            }
            Keyword::Top => self.previous = Previous::Keyword(Keyword::Top),
            Keyword::Rows => self.previous = Previous::Keyword(Keyword::Rows),
            _ => {}
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
            Some(verb) if (verb.is_verb() || verb == Keyword::Table) && is_outermost => {
                if self.level.verb != Verb::Explain {
                    self.verb(token, verb);
                }
            }
            _ if self.level.verb == Verb::Explain => {}
            // `BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT …`
            _ if self.level.verb == Verb::Begin && self.system == System::Cassandra => {}
            None if self.level.verb == Verb::Begin && self.system == System::OracleDb => {
                self.level.expected = Expected::Nothing;
                self.start_name(token, Role::PerhapsProcedure);
            }
            _ => self.level.expected = Expected::Nothing,
        }
    }

    fn verb(&mut self, token: Token, verb: Keyword) {
        self.end_targets();
        self.operation(token);
        let executes_prepared = matches!(self.system, System::PostgreSql | System::MySql | System::MariaDb);
        let (verb, expected, in_list, site) = match verb {
            Keyword::Select => (Verb::Select, Expected::Nothing, false, Site::Verb),
            Keyword::Insert | Keyword::Replace => (Verb::Insert, Expected::Table, false, Site::Verb),
            Keyword::Update => (Verb::Update, Expected::Table, true, Site::Verb),
            Keyword::Delete => (Verb::Delete, Expected::DeleteTarget, false, Site::Verb),
            Keyword::Merge => (Verb::Merge, Expected::Table, false, Site::Verb),
            Keyword::Define => {
                (Verb::Administer, Expected::ObjectKind { is_optional: false }, false, Site::Object)
            }
            Keyword::DefineSeveral => {
                (Verb::Administer, Expected::ObjectKind { is_optional: false }, true, Site::Object)
            }
            Keyword::Truncate => {
                (Verb::Define, Expected::ObjectKind { is_optional: true }, true, Site::Object)
            }
            Keyword::Bulk => (Verb::Define, Expected::ObjectKind { is_optional: false }, false, Site::Into),
            Keyword::Call => (Verb::None, Expected::Procedure, false, Site::Verb),
            Keyword::Execute if !executes_prepared => (Verb::None, Expected::Procedure, false, Site::Verb),
            Keyword::Begin => (Verb::Begin, Expected::Verb, false, Site::Verb),
            Keyword::Explain => (Verb::Explain, Expected::Verb, false, Site::Verb),
            Keyword::OnTable => (Verb::Administer, Expected::Table, true, Site::Command),
            Keyword::Table => (Verb::Define, Expected::Table, false, Site::Command),
            Keyword::Load => (Verb::Load, Expected::Nothing, false, Site::Verb),
            Keyword::OnOther => (Verb::Administer, Expected::Other, false, Site::Verb),
            Keyword::Permit => (Verb::Permit, Expected::Nothing, false, Site::Verb),
            Keyword::Command | Keyword::Set | Keyword::Attach => {
                (Verb::Administer, Expected::Nothing, false, Site::Verb)
            }
            _ => (Verb::None, Expected::Nothing, false, Site::Verb),
        };
        self.level = Level { verb, expected, in_list, site, of_tables: true, ..Level::START };
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
                    self.expect_table(Expected::Table, Site::From);
                    self.level.in_list = true;
                    self.level.names = Names::None;
                }
            }
            // Within the list of tables only: MySQL has a SELECT STRAIGHT_JOIN.
            Keyword::Join if self.level.in_list => self.expect_table(Expected::Table, Site::From),
            Keyword::Apply if previous == Previous::Keyword(Keyword::Cross) => {
                self.expect_table(Expected::Table, Site::From);
            }
            Keyword::Into => match verb {
                Verb::Insert | Verb::Merge | Verb::Load => self.expect_table(Expected::Table, Site::Into),
                Verb::Select if matches!(self.system, System::SqlServer | System::PostgreSql) => {
                    self.expect_table(Expected::Table, Site::Into);
                }
                _ => {}
            },
            Keyword::Data if verb == Verb::Load && previous == Previous::Keyword(Keyword::Load) => {
                self.extends_operation = self.outer.is_empty();
                self.extend_kind(token);
            }
            Keyword::Using if verb == Verb::Merge => self.expect_table(Expected::Source, Site::From),
            Keyword::Using if verb == Verb::Delete => {
                self.end_delete_target();
                self.expect_table(Expected::Source, Site::From);
                self.level.in_list = true;
            }
            Keyword::Before if verb == Verb::Sequence => self.level.expected = Expected::Other,
            Keyword::Set if matches!(verb, Verb::Insert | Verb::Update | Verb::Merge) => {
                self.end_delete_target();
                self.level.in_list = false;
                self.level.names = Names::First;
            }
            Keyword::Clause
            | Keyword::SoftClause
            | Keyword::Set
            | Keyword::Attach
            | Keyword::Values
            | Keyword::Before => {
                self.end_delete_target();
                self.level.in_list = false;
                self.level.names = Names::None;
            }
            Keyword::As if verb == Verb::Define => self.level.expected = Expected::Verb,
            Keyword::As if verb == Verb::Administer && self.level.site != Site::Object => {
                self.level.expected = Expected::Verb;
            }
            Keyword::Like
                if verb == Verb::Define && self.level.of_tables && self.level.site == Site::Object =>
            {
                self.expect_table(Expected::Table, Site::Object);
            }
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

    fn expect_table(&mut self, expected: Expected, site: Site) {
        self.level.expected = expected;
        self.level.site = site;
    }

    /// Common table expressions, and the operation behind them.
    fn with(&mut self) {
        self.level.verb = Verb::With;
        self.level.expected = Expected::CteName;
    }

    /// A word behind `CREATE` and the like.
    fn object_kind(&mut self, token: Token, keyword: Option<Keyword>, is_optional: bool) {
        match keyword {
            Some(Keyword::Table) => {
                self.level.verb = Verb::Define;
                self.define(token, Expected::Object);
            }
            Some(Keyword::Insert) if self.level.site == Site::Into => self.define(token, Expected::Table),
            Some(Keyword::Object | Keyword::Statistics) => {
                self.level.verb = Verb::Define;
                self.level.of_tables = false;
                self.define(token, Expected::Object);
            }
            Some(Keyword::Account | Keyword::Compound) => {
                self.level.of_tables = false;
                self.define(token, Expected::Object);
            }
            Some(Keyword::Routine) => {
                self.level.of_tables = false;
                let is_created = ["CREATE", "ALTER", "REPLACE"]
                    .iter()
                    .any(|word| self.last_operation().eq_ignore_ascii_case(word));
                self.level.verb = if is_created { Verb::Routine } else { Verb::Define };
                self.define(token, Expected::Object);
            }
            Some(Keyword::Transaction) => self.define(token, Expected::Nothing),
            Some(Keyword::Only) if is_optional => self.expect_table(Expected::Object, Site::Object),
            _ if is_optional => self.start_name(token, Role::Collection),
            _ => {}
        }
    }

    /// The last word of the summary.
    fn last_operation(&self) -> &str {
        self.summary.text.rsplit(' ').next().unwrap_or_default()
    }

    fn define(&mut self, kind: Token, expected: Expected) {
        self.extends_operation = self.outer.is_empty()
            && self.operation.as_ref().is_some_and(|operation| !operation.contains(' '));
        self.extend_kind(kind);
        self.level.expected = expected;
    }

    /// One more word of what an operation is called.
    fn extend_kind(&mut self, kind: Token) {
        let kind = self.slice(kind);
        self.summary.push(kind);
        if let Some(operation) = self.operation.as_mut().filter(|_| self.extends_operation) {
            let operation = operation.to_mut();
            operation.push(' ');
            operation.push_str(kind);
        }
    }

    /// A word or a quoted name where it can only be a name.
    fn identifier(&mut self, token: Token) {
        let role = match self.level.expected {
            Expected::Table if self.level.verb == Verb::Update && self.level.site == Site::Verb => {
                Role::UpdateTarget
            }
            Expected::Table | Expected::Source => Role::Collection,
            Expected::Object if self.level.of_tables => Role::Collection,
            Expected::Object | Expected::Other => Role::Object,
            Expected::DeleteTarget => Role::DeleteTarget,
            Expected::Procedure => Role::Procedure,
            Expected::CteName => Role::Cte,
            Expected::ObjectKind { is_optional: true } => Role::Collection,
            Expected::Verb if self.outer.is_empty() => return,
            Expected::Nothing | Expected::Verb | Expected::ObjectKind { .. } => {
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
        let has_links = self.system.grammar().links;
        let Some(name) = &mut self.name else {
            return false;
        };
        let is_adjacent = name.end == token.start;
        let belongs = match token.kind {
            Kind::Punctuation(b'.') => {
                name.wants_part = true;
                true
            }
            Kind::Punctuation(b'@') if has_links && is_adjacent => {
                name.wants_part = true;
                true
            }
            // `users@link`
            Kind::Parameter if has_links && is_adjacent && slice.starts_with('@') => true,
            Kind::Word | Kind::Quoted => std::mem::take(&mut name.wants_part),
            _ => false,
        };
        if !belongs {
            self.end_name(Some(token.kind));
            return false;
        }
        match &mut name.text {
            Cow::Borrowed(text) if is_adjacent => {
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
            Role::Collection => {
                self.previous = Previous::Table;
                self.collection(text);
            }
            Role::UpdateTarget => {
                self.previous = Previous::Table;
                if self.update_target.is_some() || self.ctes.iter().any(|cte| same_name(cte, &text)) {
                    self.collection(text);
                } else {
                    let range = self.summary.push(&text);
                    self.update_target = Some((text, range));
                }
            }
            Role::Object => {
                self.summary.push(&text);
            }
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

    /// A name behind that of a table. `UPDATE` may have named the table by it.
    fn alias(&mut self, token: Token, keyword: Option<Keyword>, previous: Previous) {
        let is_alias = match previous {
            Previous::Table => keyword.is_none(),
            Previous::TableAs => true,
            _ => false,
        };
        if is_alias
            && self.level.site == Site::From
            && let Some((_, range)) = self
                .update_target
                .take_if(|(target, _)| same_name(target, &self.source[token.start..token.end]))
        {
            self.summary.remove(range);
        }
    }

    fn end_targets(&mut self) {
        self.end_delete_target();
        if let Some((target, _)) = self.update_target.take() {
            self.count(target);
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
        self.count(name);
    }

    /// Counts what the statement names.
    fn count(&mut self, name: Cow<'a, str>) {
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
        let names = match (self.level.verb, previous) {
            // The columns of `INSERT INTO t (…)` and `ON CONFLICT (…)`.
            (Verb::Insert, Previous::Table | Previous::Keyword(Keyword::Conflict)) => Names::All,
            (Verb::Define, Previous::Table) => Names::First,
            _ => Names::None,
        };
        let context = self.context();
        let inner = match self.level.expected {
            _ if previous == Previous::Keyword(Keyword::Top) => {
                Level { expected: Expected::Nothing, ..Level::START }
            }
            Expected::Table => {
                self.level.expected = Expected::Nothing;
                Level {
                    verb: Verb::Select,
                    expected: Expected::Table,
                    site: Site::From,
                    in_list: true,
                    ..Level::START
                }
            }
            Expected::Verb => Level::START,
            _ => {
                self.level.expected = Expected::Nothing;
                Level { names, context, ..Level::START }
            }
        };
        let passes_on = matches!(self.level.verb, Verb::Permit | Verb::Routine);
        self.outer.push(self.level);
        self.level = if passes_on { self.level } else { inner };
    }

    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.end_targets();
            self.level = outer;
        }
    }

    fn comma(&mut self) {
        let level = &mut self.level;
        level.expected = match level.verb {
            Verb::With => Expected::CteName,
            Verb::Define | Verb::Administer if level.in_list && level.site == Site::Object => {
                Expected::Object
            }
            _ if level.in_list => Expected::Table,
            _ => Expected::Nothing,
        };
    }

    fn end_statement(&mut self) {
        // The statements of a body are separated, too.
        if self.level.verb == Verb::Routine && self.system != System::PostgreSql {
            return;
        }
        self.end_targets();
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
    /// Adds a word, unless the limit is reached, and gives its place.
    fn push(&mut self, word: &str) -> Range<usize> {
        let separator = usize::from(!self.text.is_empty());
        // A word may be megabytes long: what has more bytes than the limit allows for needs no count.
        let chars = if word.len() > 4 * SUMMARY_LIMIT { SUMMARY_LIMIT + 1 } else { word.chars().count() };
        self.is_full |= self.chars + separator + chars > SUMMARY_LIMIT;
        let start = self.text.len();
        if !self.is_full {
            if separator == 1 {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.chars += separator + chars;
        }
        start..self.text.len()
    }

    /// Takes out what [`Summary::push`] added.
    fn remove(&mut self, place: Range<usize>) {
        if let Some(word) = self.text.get(place.clone()) {
            self.chars -= word.chars().count();
            self.text.replace_range(place, "");
        }
    }

    fn finish(self) -> Option<String> {
        (!self.text.is_empty()).then_some(self.text)
    }
}
