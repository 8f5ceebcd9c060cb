//! No value of any dialect shows, whether the database is known or not.

use otelbar_convert::sql::{self, System};
use proptest::prelude::*;
use proptest::sample::select;

/// How a database writes a value, a name or a comment with a given content.
type Form = fn(&str) -> String;

/// What a database takes for values, names and comments.
struct Dialect {
    /// What it is called. The empty name stands for a system that nobody knows.
    systems: &'static [&'static str],
    values: &'static [Form],
    names: &'static [Form],
    comments: &'static [Form],
}

fn doubled(content: &str, quote: char) -> String {
    let twice = format!("{quote}{quote}");
    format!("{quote}{}{quote}", content.replace(quote, &twice))
}

fn escaped(content: &str, quote: char) -> String {
    let content = content.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
    format!("{quote}{content}{quote}")
}

/// The content without what would end it.
fn without(content: &str, ends: &[&str]) -> String {
    ends.iter().fold(content.to_owned(), |content, end| content.replace(end, " "))
}

const SINGLE: Form = |content| doubled(content, '\'');
const SINGLE_ESCAPED: Form = |content| escaped(content, '\'');
const SINGLE_BOTH: Form = |content| doubled(&content.replace('\\', "\\\\"), '\'');
const DOUBLE: Form = |content| doubled(content, '"');
const DOUBLE_ESCAPED: Form = |content| escaped(content, '"');
const BACKTICK: Form = |content| doubled(&without(content, &["\\"]), '`');
const BACKTICK_ESCAPED: Form = |content| escaped(content, '`');
const NATIONAL: Form = |content| format!("N{}", doubled(content, '\''));
const DOLLARS: Form = |content| format!("$${}$$", without(content, &["$"]));
const DASHES: Form = |content| format!("--{}\n", without(content, &["\n", "\r"]));
const DASHES_SPACE: Form = |content| format!("-- {}\n", without(content, &["\n", "\r"]));
const HASH: Form = |content| format!("# {}\n", without(content, &["\n", "\r"]));
const SLASHES: Form = |content| format!("// {}\n", without(content, &["\n", "\r"]));
const BLOCK: Form = |content| format!("/* {} */", without(content, &["*", "/"]));
const BLOCK_OF_QUOTES: Form = |content| format!("/* {} /* */", without(content, &["*", "/"]));
const NESTED: Form = |content| format!("/* /* {} */ ' */", without(content, &["*", "/"]));

const DIALECTS: &[Dialect] = &[
    Dialect {
        systems: &["mysql", "mariadb", "tidb", ""],
        values: &[SINGLE_ESCAPED, SINGLE_BOTH, DOUBLE_ESCAPED, |content| {
            format!("_utf8{}", escaped(content, '\''))
        }],
        names: &[BACKTICK],
        comments: &[DASHES_SPACE, HASH, BLOCK, BLOCK_OF_QUOTES],
    },
    // With the mode NO_BACKSLASH_ESCAPES.
    Dialect {
        systems: &["mysql", "mariadb", "singlestore", ""],
        values: &[SINGLE, DOUBLE, NATIONAL],
        names: &[BACKTICK],
        comments: &[DASHES_SPACE, HASH, BLOCK],
    },
    Dialect {
        systems: &["postgresql", "cockroachdb", "duckdb", ""],
        values: &[
            SINGLE,
            DOLLARS,
            |content| format!("E{}", escaped(content, '\'')),
            |content| format!("U&{}", doubled(content, '\'')),
            |content| format!("$t${}$t$", without(content, &["$"])),
        ],
        names: &[DOUBLE],
        comments: &[DASHES, BLOCK, NESTED],
    },
    // Without `standard_conforming_strings`.
    Dialect {
        systems: &["postgresql", "aws.redshift", ""],
        values: &[SINGLE_ESCAPED, SINGLE_BOTH],
        names: &[DOUBLE],
        comments: &[DASHES, BLOCK],
    },
    Dialect {
        systems: &["sqlite", ""],
        values: &[SINGLE, DOUBLE],
        names: &[BACKTICK, |content| format!("[{}]", without(content, &["]"]))],
        comments: &[DASHES, BLOCK, BLOCK_OF_QUOTES],
    },
    Dialect {
        systems: &["microsoft.sql_server", "sybase", ""],
        values: &[SINGLE, NATIONAL, DOUBLE],
        names: &[|content| format!("[{}]", content.replace(']', "]]"))],
        comments: &[DASHES, BLOCK, NESTED],
    },
    Dialect {
        systems: &["oracle.db", ""],
        values: &[
            SINGLE,
            NATIONAL,
            |content| format!("q'[{}]'", without(content, &["]"])),
            |content| format!("nq'!{}!'", without(content, &["!"])),
        ],
        names: &[|content| format!("\"{}\"", without(content, &["\""]))],
        comments: &[DASHES, BLOCK, BLOCK_OF_QUOTES],
    },
    Dialect {
        systems: &[
            "ibm.db2",
            "derby",
            "h2database",
            "hsqldb",
            "sap.hana",
            "teradata",
            "trino",
            "actian.ingres",
            "",
        ],
        values: &[SINGLE, NATIONAL, |content| format!("U&{}", doubled(content, '\''))],
        names: &[DOUBLE],
        comments: &[DASHES, BLOCK, BLOCK_OF_QUOTES],
    },
    Dialect {
        systems: &["clickhouse", ""],
        values: &[SINGLE_ESCAPED, SINGLE_BOTH, DOLLARS],
        names: &[BACKTICK_ESCAPED, DOUBLE_ESCAPED],
        comments: &[DASHES, HASH, BLOCK],
    },
    Dialect {
        systems: &["snowflake", ""],
        values: &[SINGLE_ESCAPED, SINGLE_BOTH, DOLLARS],
        names: &[DOUBLE],
        comments: &[DASHES, SLASHES, BLOCK, BLOCK_OF_QUOTES],
    },
    Dialect {
        systems: &["bigquery", "gcp.spanner"],
        values: &[
            SINGLE_ESCAPED,
            DOUBLE_ESCAPED,
            |content| format!("'''{}'''", content.replace('\\', "\\\\").replace("'''", "\\'''")),
            |content| format!("\"\"\"{}x\"\"\"", content.replace('\\', "\\\\").replace('"', "\\\"")),
            |content| format!("r'{}'", without(content, &["'", "\\"])),
            |content| format!("r'{}\\'x'", without(content, &["'", "\\"])),
            |content| format!("b{}", escaped(content, '"')),
        ],
        names: &[BACKTICK_ESCAPED],
        comments: &[DASHES, HASH, BLOCK, BLOCK_OF_QUOTES],
    },
    Dialect {
        systems: &["hive", "databricks", "spark", "azure.cosmosdb", "couchbase"],
        values: &[SINGLE_ESCAPED, DOUBLE_ESCAPED],
        names: &[BACKTICK],
        comments: &[DASHES, BLOCK],
    },
    Dialect {
        systems: &["cassandra", ""],
        values: &[SINGLE, DOLLARS],
        names: &[DOUBLE],
        comments: &[DASHES, SLASHES, BLOCK],
    },
    Dialect {
        systems: &["ibm.informix", "informix", ""],
        values: &[SINGLE, DOUBLE],
        names: &[],
        comments: &[DASHES, BLOCK, |content| format!("{{{}}}", without(content, &["}"]))],
    },
    Dialect {
        systems: &["neo4j"],
        values: &[SINGLE_ESCAPED, DOUBLE_ESCAPED],
        names: &[BACKTICK],
        comments: &[SLASHES, BLOCK, BLOCK_OF_QUOTES],
    },
];

/// Statements with places for values (`V`), names (`N`) and comments (`C`).
const STATEMENTS: [&str; 16] = [
    "SELECT N, V FROM t C WHERE a = V AND b IN (V, V) OR c = V",
    "SELECT V C, V AS x FROM N JOIN t ON a = V C AND b = V ORDER BY V",
    "INSERT INTO t (a, b) VALUES (V, V), (V,C V)",
    "UPDATE t SET a = V, b = V C WHERE N = V",
    "DELETE FROM t WHERE a LIKE V AND N = V",
    "WITH c AS (SELECT V) SELECT f(V, N) FROM c, N WHERE a=V",
    "CREATE TABLE t (a text DEFAULT V, b text C CHECK (b <> V))",
    "CREATE USER u IDENTIFIED BY V",
    "ALTER USER u PASSWORD V C VALID UNTIL V",
    "EXEC p V, @b = V",
    "CALL p(V, V C)",
    "SET a = V",
    "SELECT a[V], N[V] C FROM t WHERE b = V",
    "C SELECT V V, V||V C FROM t",
    "SELECT 1-V, -V, V C -1 FROM t WHERE a = V C; SELECT V",
    "MERGE INTO t USING N ON a = V WHEN MATCHED THEN UPDATE SET b = V",
];

/// Content that means something to some dialect.
const PIECES: [&str; 33] = [
    "'", "''", "'''", "\"", "\"\"", "`", "\\", "\\\\", "\\'", "[", "]", "]]", "{", "}", "(", ")", "--",
    "-- ", "#", "//", "/*", "*/", "/*!", "$", "$$", ";", "\n", "\r", " ", "é", "x", "q'[", "=",
];

fn content() -> impl Strategy<Value = String> {
    let piece = prop_oneof![3 => select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    (proptest::collection::vec(piece.clone(), 0..6), proptest::collection::vec(piece, 0..6))
        .prop_map(|(before, after)| format!("{}secret{}", before.concat(), after.concat()))
}

/// A statement whose every value and comment holds the word `secret`, and no name does.
fn statement() -> impl Strategy<Value = (usize, String)> {
    let dialect = 0..DIALECTS.len();
    let contents = proptest::collection::vec((content(), any::<u8>()), 16);
    (dialect, select(&STATEMENTS[..]), contents).prop_map(|(index, statement, contents)| {
        let dialect = &DIALECTS[index];
        // What brackets hold is a name to these.
        let has_brackets = dialect.systems[0] == "sqlite" || dialect.systems[0] == "microsoft.sql_server";
        let statement = if has_brackets { statement.replace(['[', ']'], " ") } else { statement.to_owned() };
        let mut contents = contents.into_iter();
        let mut text = String::new();
        let mut last = ' ';
        for (at, char) in statement.char_indices() {
            let next = statement[at + char.len_utf8()..].chars().next().unwrap_or(' ');
            let is_place = !last.is_ascii_uppercase() && !next.is_ascii_uppercase();
            let forms = match char {
                'V' if is_place => dialect.values,
                'N' if is_place => dialect.names,
                'C' if is_place => dialect.comments,
                _ => {
                    text.push(char);
                    last = char;
                    continue;
                }
            };
            last = char;
            let (content, choice) = contents.next().expect("no statement has so many places");
            match forms.get(usize::from(choice) % forms.len().max(1)) {
                // Every other comment is left out.
                Some(_) if char == 'C' && choice % 2 == 0 => {}
                Some(form) if char == 'N' => text.push_str(&form(&content.replace("secret", "name"))),
                Some(form) => text.push_str(&form(&content)),
                None => text.push('n'),
            }
        }
        (index, text)
    })
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(1_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    /// Protects values and comments in every form that a database knows, also where nobody knows the database.
    #[test]
    fn no_value_shows((dialect, text) in statement()) {
        for name in DIALECTS[dialect].systems {
            let statement = sql::describe(&text, System::from_name(name));
            let shown = format!("{statement:?}");
            prop_assert!(!shown.contains("secret"), "{name:?}: {text:?} shows in {shown}");
        }
    }
}
