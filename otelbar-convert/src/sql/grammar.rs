//! How each database quotes, comments and names.

/// The database whose lexical rules a text follows.
///
/// [`System::from_name`] reads a `db.system.name`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum System {
    /// `other_sql`, and each database that is not known: what any dialect takes for a value is one.
    #[default]
    OtherSql,
    /// `postgresql`, and what descends from it or speaks its dialect.
    PostgreSql,
    /// `mysql`, and what speaks its dialect.
    MySql,
    /// `mariadb`
    MariaDb,
    /// `sqlite`, and what descends from it.
    Sqlite,
    /// `microsoft.sql_server`, and Sybase.
    SqlServer,
    /// `oracle.db`
    OracleDb,
    /// Databases that quote as the standard says: `ibm.db2`, `derby`, `h2database`, `hsqldb`,
    /// `sap.hana`, `teradata`, `trino`, …
    StandardSql,
    /// `clickhouse`
    ClickHouse,
    /// `snowflake`
    Snowflake,
    /// `cassandra` and what else speaks CQL.
    Cassandra,
    /// `neo4j` and what else speaks Cypher, which is no SQL: nothing but the text is given.
    Neo4j,
    /// `redis`, `memcached` and what else takes a command and its arguments: all arguments are
    /// values, and nothing but the text is given.
    Redis,
    /// `mongodb`, `elasticsearch` and what else takes documents: nothing but the text is given.
    MongoDb,
}

/// The names of systems: those of the conventions' registry, those of its older versions, and those
/// that drivers and object-relational mappers give. What a list leaves out is [`System::OtherSql`],
/// and so are, on purpose, the systems of the registry whose quoting is a matter of settings or
/// like no other's: `aws.dynamodb`, `azure.cosmosdb`, `couchbase`, `firebirdsql`, `gcp.spanner`,
/// `geode`, `hive`, `ibm.informix`, `influxdb`, `instantdb`, `intersystems.cache`.
const NAMES: &[(System, &[&str])] = &[
    (
        System::PostgreSql,
        &[
            "postgresql",
            "postgres",
            "cockroachdb",
            "aws.redshift",
            "redshift",
            "ibm.netezza",
            "netezza",
            "edb",
            "vertica",
            "greenplum",
            "timescaledb",
            "yugabytedb",
            "duckdb",
        ],
    ),
    (System::MySql, &["mysql", "tidb", "vitess", "singlestore", "memsql"]),
    (System::MariaDb, &["mariadb"]),
    (System::Sqlite, &["sqlite", "sqlite3", "libsql", "turso"]),
    (
        System::SqlServer,
        &["microsoft.sql_server", "mssql", "mssqlcompact", "microsoft", "sqlserver", "sybase"],
    ),
    (System::OracleDb, &["oracle.db", "oracle"]),
    (
        System::StandardSql,
        &[
            "ibm.db2",
            "db2",
            "derby",
            "cloudscape",
            "h2database",
            "h2",
            "hsqldb",
            "sap.hana",
            "hanadb",
            "hana",
            "sap.maxdb",
            "maxdb",
            "actian.ingres",
            "ingres",
            "softwareag.adabas",
            "adabas",
            "teradata",
            "trino",
            "presto",
            "exasol",
        ],
    ),
    (System::ClickHouse, &["clickhouse"]),
    (System::Snowflake, &["snowflake"]),
    (System::Cassandra, &["cassandra", "scylladb"]),
    (System::Neo4j, &["neo4j", "memgraph"]),
    (System::Redis, &["redis", "valkey", "keydb", "dragonfly", "memcached", "etcd"]),
    (System::MongoDb, &["mongodb", "couchdb", "elasticsearch", "opensearch", "hbase"]),
];

impl System {
    /// Every system.
    pub const ALL: &'static [Self] = &[
        Self::OtherSql,
        Self::PostgreSql,
        Self::MySql,
        Self::MariaDb,
        Self::Sqlite,
        Self::SqlServer,
        Self::OracleDb,
        Self::StandardSql,
        Self::ClickHouse,
        Self::Snowflake,
        Self::Cassandra,
        Self::Neo4j,
        Self::Redis,
        Self::MongoDb,
    ];

    /// The system for a `db.system.name`, for the `db.system` of older conventions, or for the name
    /// that SQLAlchemy and Django give it. Letter case does not matter, and neither does a driver
    /// after a `+` (`postgresql+psycopg`). What is unknown is [`System::OtherSql`].
    ///
    /// ```
    /// use otelbar_convert::sql::System;
    ///
    /// assert_eq!(System::from_name("microsoft.sql_server"), System::SqlServer);
    /// assert_eq!(System::from_name("mssql+pyodbc"), System::SqlServer);
    /// assert_eq!(System::from_name("gcp.spanner"), System::OtherSql);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let name = name.split('+').next().unwrap_or_default().trim();
        NAMES
            .iter()
            .find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map_or(System::OtherSql, |&(system, _)| system)
    }

    /// The `db.system.name` of the dialect: `postgresql` for a CockroachDB too, so keep the name
    /// that was given where there is one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            System::OtherSql | System::StandardSql => "other_sql",
            System::PostgreSql => "postgresql",
            System::MySql => "mysql",
            System::MariaDb => "mariadb",
            System::Sqlite => "sqlite",
            System::SqlServer => "microsoft.sql_server",
            System::OracleDb => "oracle.db",
            System::ClickHouse => "clickhouse",
            System::Snowflake => "snowflake",
            System::Cassandra => "cassandra",
            System::Neo4j => "neo4j",
            System::Redis => "redis",
            System::MongoDb => "mongodb",
        }
    }

    /// Whether its queries are SQL, or like it: only of these are operations and targets known.
    #[must_use]
    pub fn is_sql(self) -> bool {
        !matches!(self, System::Neo4j | System::Redis | System::MongoDb)
    }

    pub(super) fn grammar(self) -> &'static Grammar {
        match self {
            System::OtherSql | System::Redis | System::MongoDb => &UNKNOWN,
            System::Neo4j => &CYPHER,
            System::PostgreSql => &POSTGRESQL,
            System::MySql => &MYSQL,
            System::MariaDb => &MARIADB,
            System::Sqlite => &SQLITE,
            System::SqlServer => &SQL_SERVER,
            System::OracleDb => &ORACLE,
            System::StandardSql => &STANDARD_SQL,
            System::ClickHouse => &CLICKHOUSE,
            System::Snowflake => &SNOWFLAKE,
            System::Cassandra => &CASSANDRA,
        }
    }
}

/// Whether a dialect has something.
///
/// Where it is unknown, a text may be read in two ways. As soon as these differ in what is a value,
/// all the rest of the text counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    No,
    Yes,
    Unknown,
}

/// Whether `"x"` is a name or a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DoubleQuotes {
    Name,
    String,
    /// A name where only a name can stand, else a string.
    Unknown,
}

/// What the lexer must know of a dialect.
#[derive(Debug)]
pub(super) struct Grammar {
    /// `/* /* */ */` is one comment.
    pub(super) nested_comments: Has,
    /// `#` begins a comment.
    pub(super) hash_comment: Has,
    /// `//` begins a comment.
    pub(super) slash_comment: Has,
    /// `{…}` may be a comment, as in Informix, or a map.
    pub(super) brace_comment: bool,
    /// `--` begins a comment only before whitespace.
    pub(super) dashes_need_space: Has,
    /// What follows `/*` where the comment is executed: `/*! … */`, `/*!50110 … */`.
    pub(super) executable_comments: &'static [&'static str],
    /// The same, where some versions execute the comment.
    pub(super) perhaps_executable_comments: &'static [&'static str],
    /// A lone carriage return ends a line comment.
    pub(super) carriage_return_ends_line: Has,
    pub(super) double_quotes: DoubleQuotes,
    /// `'x'` is a name where only a table can stand.
    pub(super) string_names_table: bool,
    /// `` `x` `` is an identifier.
    pub(super) backtick: bool,
    /// `[x]` is an identifier.
    pub(super) bracket: Has,
    /// `\'` does not end a string.
    pub(super) backslash: Has,
    /// The same for identifiers in quotes.
    pub(super) backslash_in_names: Has,
    /// `'''x'''` may be a string that may hold quotes.
    pub(super) triple_quotes: bool,
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
    /// `x@y` is the table or procedure `x` of another database.
    pub(super) links: bool,
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
    /// `2fa` and `8b9e1d40-5a0c-4f5e-9a52-6f3c6a9b0c1d` are values.
    pub(super) bare_values: bool,
    /// `a =~ /x/` compares with a regular expression.
    pub(super) regexes: bool,
    /// Behind `INSERT INTO t FORMAT CSV` come rows.
    pub(super) inline_rows: bool,
    /// `EXEC p x` passes the string `x`.
    pub(super) bare_arguments: bool,
}

const STANDARD: Grammar = Grammar {
    nested_comments: Has::No,
    hash_comment: Has::No,
    slash_comment: Has::No,
    brace_comment: false,
    dashes_need_space: Has::No,
    executable_comments: &[],
    perhaps_executable_comments: &[],
    carriage_return_ends_line: Has::No,
    double_quotes: DoubleQuotes::Name,
    string_names_table: false,
    backtick: false,
    bracket: Has::No,
    backslash: Has::No,
    backslash_in_names: Has::No,
    triple_quotes: false,
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
    links: false,
    hash_in_words: false,
    hash_begins_words: false,
    underscore_begins_words: true,
    is_letter: char::is_alphabetic,
    words_may_begin_with_digits: false,
    bare_values: false,
    regexes: false,
    inline_rows: false,
    bare_arguments: false,
};

static UNKNOWN: Grammar = Grammar {
    nested_comments: Has::Unknown,
    hash_comment: Has::Unknown,
    slash_comment: Has::Unknown,
    brace_comment: true,
    dashes_need_space: Has::Unknown,
    perhaps_executable_comments: &["!", "M!", "+"],
    carriage_return_ends_line: Has::Unknown,
    double_quotes: DoubleQuotes::Unknown,
    string_names_table: true,
    backtick: true,
    bracket: Has::Unknown,
    backslash: Has::Unknown,
    backslash_in_names: Has::Unknown,
    triple_quotes: true,
    escape_prefix: true,
    unicode_prefix: true,
    byte_prefix: true,
    raw_prefix: true,
    quote_delimiter: true,
    dollar_quotes: true,
    numbered_question_mark: true,
    numbered_colon: true,
    at_names: true,
    links: true,
    bare_values: true,
    regexes: true,
    inline_rows: true,
    bare_arguments: true,
    ..STANDARD
};

static STANDARD_SQL: Grammar = Grammar {
    nested_comments: Has::Unknown,
    carriage_return_ends_line: Has::Unknown,
    backtick: true,
    unicode_prefix: true,
    quote_delimiter: true,
    dollar_quotes: true,
    numbered_question_mark: true,
    numbered_colon: true,
    at_names: true,
    links: true,
    hash_in_words: true,
    hash_begins_words: true,
    ..STANDARD
};

static POSTGRESQL: Grammar = Grammar {
    nested_comments: Has::Yes,
    carriage_return_ends_line: Has::Yes,
    // It does where `standard_conforming_strings` is off, and in Redshift.
    backslash: Has::Unknown,
    escape_prefix: true,
    unicode_prefix: true,
    byte_prefix: true,
    dollar_quotes: true,
    is_letter: |_| true,
    ..STANDARD
};

static MYSQL: Grammar = MYSQL_DIALECT;

static MARIADB: Grammar =
    Grammar { executable_comments: &["!", "M!"], perhaps_executable_comments: &[], ..MYSQL_DIALECT };

const MYSQL_DIALECT: Grammar = Grammar {
    hash_comment: Has::Yes,
    dashes_need_space: Has::Yes,
    executable_comments: &["!"],
    // A MariaDB is often called a MySQL.
    perhaps_executable_comments: &["M!"],
    double_quotes: DoubleQuotes::String,
    backtick: true,
    // It does not in the mode `NO_BACKSLASH_ESCAPES`.
    backslash: Has::Unknown,
    at_names: true,
    words_may_begin_with_digits: true,
    is_letter: |_| true,
    ..STANDARD
};

static SQLITE: Grammar = Grammar {
    // A name that it does not know it takes for a string.
    double_quotes: DoubleQuotes::Unknown,
    string_names_table: true,
    backtick: true,
    bracket: Has::Yes,
    numbered_question_mark: true,
    numbered_colon: true,
    at_names: true,
    is_letter: |char| char <= '\u{ffff}',
    ..STANDARD
};

static SQL_SERVER: Grammar = Grammar {
    nested_comments: Has::Yes,
    // A string where `QUOTED_IDENTIFIER` is off.
    double_quotes: DoubleQuotes::Unknown,
    bracket: Has::Yes,
    dollar_quotes: true,
    money: true,
    at_names: true,
    hash_in_words: true,
    hash_begins_words: true,
    bare_arguments: true,
    ..STANDARD
};

static ORACLE: Grammar = Grammar {
    quote_delimiter: true,
    dollar_quotes: true,
    numbered_colon: true,
    links: true,
    hash_in_words: true,
    underscore_begins_words: false,
    ..STANDARD
};

static CLICKHOUSE: Grammar = Grammar {
    nested_comments: Has::Unknown,
    hash_comment: Has::Unknown,
    backtick: true,
    backslash: Has::Yes,
    backslash_in_names: Has::Unknown,
    dollar_quotes: true,
    at_names: true,
    inline_rows: true,
    ..STANDARD
};

static SNOWFLAKE: Grammar = Grammar {
    nested_comments: Has::Unknown,
    slash_comment: Has::Yes,
    carriage_return_ends_line: Has::Unknown,
    backslash: Has::Yes,
    dollar_quotes: true,
    numbered_colon: true,
    at_names: true,
    ..STANDARD
};

static CASSANDRA: Grammar = Grammar {
    nested_comments: Has::Unknown,
    slash_comment: Has::Yes,
    carriage_return_ends_line: Has::Unknown,
    dollar_quotes: true,
    bare_values: true,
    ..STANDARD
};

static CYPHER: Grammar = Grammar {
    nested_comments: Has::Unknown,
    slash_comment: Has::Yes,
    carriage_return_ends_line: Has::Unknown,
    double_quotes: DoubleQuotes::String,
    backtick: true,
    backslash: Has::Yes,
    ..STANDARD
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_listed_once() {
        for (place, system) in System::ALL.iter().enumerate() {
            assert_eq!(*system as usize, place, "{system:?}");
        }
        // What comes last; a system that is not named here does not compile, and belongs into `ALL` as well.
        let last = match System::default() {
            System::OtherSql
            | System::PostgreSql
            | System::MySql
            | System::MariaDb
            | System::Sqlite
            | System::SqlServer
            | System::OracleDb
            | System::StandardSql
            | System::ClickHouse
            | System::Snowflake
            | System::Cassandra
            | System::Neo4j
            | System::Redis
            | System::MongoDb => System::MongoDb,
        };
        assert_eq!(System::ALL.len(), last as usize + 1);
    }

    /// Protects the registry of the conventions 1.38: each value is read as what it is, on purpose.
    #[test]
    fn each_system_of_the_registry_has_its_reading() {
        for (system, names) in [
            (
                System::OtherSql,
                "aws.dynamodb azure.cosmosdb couchbase firebirdsql gcp.spanner geode hive ibm.informix influxdb \
                 instantdb intersystems.cache other_sql",
            ),
            (System::PostgreSql, "aws.redshift cockroachdb ibm.netezza postgresql"),
            (System::MySql, "mysql"),
            (System::MariaDb, "mariadb"),
            (System::Sqlite, "sqlite"),
            (System::SqlServer, "microsoft.sql_server"),
            (System::OracleDb, "oracle.db"),
            (
                System::StandardSql,
                "actian.ingres derby h2database hsqldb ibm.db2 sap.hana sap.maxdb softwareag.adabas teradata trino",
            ),
            (System::ClickHouse, "clickhouse"),
            (System::Cassandra, "cassandra"),
            (System::Neo4j, "neo4j"),
            (System::Redis, "redis memcached"),
            (System::MongoDb, "couchdb elasticsearch hbase mongodb opensearch"),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(System::from_name(name), system, "{name}");
            }
        }
    }
}
