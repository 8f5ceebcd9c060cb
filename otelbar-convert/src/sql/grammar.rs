//! How each database quotes, comments and names.

/// The database whose lexical rules a statement follows.
///
/// [`System::from_name`] reads a `db.system.name`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum System {
    /// `other_sql`: standard SQL, and of the dialects what does not contradict it.
    #[default]
    OtherSql,
    /// `postgresql`, and what descends from it or speaks its dialect.
    PostgreSql,
    /// `mysql`
    MySql,
    /// `mariadb`
    MariaDb,
    /// `sqlite`
    Sqlite,
    /// `microsoft.sql_server`
    SqlServer,
    /// `oracle.db`
    OracleDb,
}

impl System {
    /// The system for a `db.system.name`, for the `db.system` of older conventions, or for the name
    /// that SQLAlchemy and Django give it. Letter case does not matter, and neither does a driver
    /// after a `+` (`postgresql+psycopg`). What is unknown is [`System::OtherSql`].
    ///
    /// ```
    /// use otelbar_convert::sql::System;
    ///
    /// assert_eq!(System::from_name("microsoft.sql_server"), System::SqlServer);
    /// assert_eq!(System::from_name("mssql+pyodbc"), System::SqlServer);
    /// assert_eq!(System::from_name("ibm.db2"), System::OtherSql);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        const NAMES: [(&str, System); 18] = [
            ("postgresql", System::PostgreSql),
            ("postgres", System::PostgreSql),
            ("cockroachdb", System::PostgreSql),
            ("aws.redshift", System::PostgreSql),
            ("redshift", System::PostgreSql),
            ("ibm.netezza", System::PostgreSql),
            ("netezza", System::PostgreSql),
            ("edb", System::PostgreSql),
            ("mysql", System::MySql),
            ("mariadb", System::MariaDb),
            ("sqlite", System::Sqlite),
            ("microsoft.sql_server", System::SqlServer),
            ("mssql", System::SqlServer),
            ("mssqlcompact", System::SqlServer),
            ("microsoft", System::SqlServer),
            ("sybase", System::SqlServer),
            ("oracle.db", System::OracleDb),
            ("oracle", System::OracleDb),
        ];
        let name = name.split('+').next().unwrap_or_default().trim();
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or(System::OtherSql, |&(_, system)| system)
    }

    /// The `db.system.name` of the dialect: `postgresql` for a CockroachDB too, so keep the name
    /// that was given where there is one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            System::OtherSql => "other_sql",
            System::PostgreSql => "postgresql",
            System::MySql => "mysql",
            System::MariaDb => "mariadb",
            System::Sqlite => "sqlite",
            System::SqlServer => "microsoft.sql_server",
            System::OracleDb => "oracle.db",
        }
    }

    pub(super) fn grammar(self) -> &'static Grammar {
        match self {
            System::OtherSql => &OTHER_SQL,
            System::PostgreSql => &POSTGRESQL,
            System::MySql => &MYSQL,
            System::MariaDb => &MARIADB,
            System::Sqlite => &SQLITE,
            System::SqlServer => &SQL_SERVER,
            System::OracleDb => &ORACLE,
        }
    }
}

/// Whether `/* /* */ */` is one comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nesting {
    Flat,
    Nested,
    /// Nested, until a comment is found that would then never end.
    Guess,
}

/// What the lexer must know of a dialect.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) comments: Nesting,
    /// `#` begins a comment.
    pub(super) hash_comment: bool,
    /// `--` begins a comment only before whitespace.
    pub(super) dashes_need_space: bool,
    /// What follows `/*` where the comment is executed: `/*! … */`, `/*!50110 … */`.
    pub(super) executable_comments: &'static [&'static str],
    /// A lone carriage return ends a line comment.
    pub(super) carriage_return_ends_line: bool,
    /// `"x"` is a string.
    pub(super) double_quoted_string: bool,
    /// `` `x` `` is an identifier.
    pub(super) backtick: bool,
    /// `[x]` is an identifier.
    pub(super) bracket: bool,
    /// `\'` does not end a string.
    pub(super) backslash: bool,
    /// `E'…'` is a string with backslash escapes.
    pub(super) escape_prefix: bool,
    /// `U&'…'` is a string.
    pub(super) unicode_prefix: bool,
    /// `b"…"` is a string, as `b'…'` is.
    pub(super) byte_prefix: bool,
    /// `r'…'` and `r"…"` are strings.
    pub(super) raw_prefix: bool,
    /// `q'[…]'` is a string.
    pub(super) quote_delimiter: bool,
    /// `$$…$$` and `$tag$…$tag$` are strings. Where they mean nothing they hurt nobody, so this is
    /// off only where `$` begins a name.
    pub(super) dollar_quotes: bool,
    /// `$1` is an amount of money.
    pub(super) money: bool,
    /// `?1` is a parameter.
    pub(super) numbered_question_mark: bool,
    /// `:1` is a parameter.
    pub(super) numbered_colon: bool,
    /// `@x` and `@1` are parameters or variables, rather than an operator and its operand.
    pub(super) at_names: bool,
    /// `x#` is a word.
    pub(super) hash_in_words: bool,
    /// `#x` is a word.
    pub(super) hash_begins_words: bool,
    /// `_x` is a word.
    pub(super) underscore_begins_words: bool,
    /// Whether a character beyond ASCII may stand in a word.
    pub(super) is_letter: fn(char) -> bool,
    /// `2fa` is a word.
    pub(super) words_may_begin_with_digits: bool,
}

const STANDARD: Grammar = Grammar {
    comments: Nesting::Flat,
    hash_comment: false,
    dashes_need_space: false,
    executable_comments: &[],
    carriage_return_ends_line: false,
    double_quoted_string: false,
    backtick: false,
    bracket: false,
    backslash: false,
    escape_prefix: false,
    unicode_prefix: false,
    byte_prefix: false,
    raw_prefix: false,
    quote_delimiter: false,
    dollar_quotes: false,
    money: false,
    numbered_question_mark: false,
    numbered_colon: false,
    at_names: false,
    hash_in_words: false,
    hash_begins_words: false,
    underscore_begins_words: true,
    is_letter: char::is_alphabetic,
    words_may_begin_with_digits: false,
};

// Where dialects disagree, the reading that hides more.
static OTHER_SQL: Grammar = Grammar {
    comments: Nesting::Guess,
    backtick: true,
    escape_prefix: true,
    unicode_prefix: true,
    byte_prefix: true,
    raw_prefix: true,
    quote_delimiter: true,
    dollar_quotes: true,
    numbered_question_mark: true,
    numbered_colon: true,
    at_names: true,
    hash_in_words: true,
    hash_begins_words: true,
    ..STANDARD
};

static POSTGRESQL: Grammar = Grammar {
    comments: Nesting::Nested,
    carriage_return_ends_line: true,
    escape_prefix: true,
    unicode_prefix: true,
    byte_prefix: true,
    dollar_quotes: true,
    is_letter: |_| true,
    ..STANDARD
};

static MYSQL: Grammar = MYSQL_DIALECT;

static MARIADB: Grammar = Grammar { executable_comments: &["!", "M!"], ..MYSQL_DIALECT };

const MYSQL_DIALECT: Grammar = Grammar {
    hash_comment: true,
    dashes_need_space: true,
    executable_comments: &["!"],
    double_quoted_string: true,
    backtick: true,
    backslash: true,
    at_names: true,
    words_may_begin_with_digits: true,
    is_letter: |_| true,
    ..STANDARD
};

static SQLITE: Grammar = Grammar {
    backtick: true,
    bracket: true,
    numbered_question_mark: true,
    numbered_colon: true,
    at_names: true,
    is_letter: |char| char <= '\u{ffff}',
    ..STANDARD
};

static SQL_SERVER: Grammar = Grammar {
    comments: Nesting::Nested,
    bracket: true,
    dollar_quotes: true,
    money: true,
    at_names: true,
    hash_in_words: true,
    hash_begins_words: true,
    ..STANDARD
};

static ORACLE: Grammar = Grammar {
    quote_delimiter: true,
    dollar_quotes: true,
    numbered_colon: true,
    hash_in_words: true,
    underscore_begins_words: false,
    ..STANDARD
};
