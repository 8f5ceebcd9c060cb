//! What is replaced in a statement and what stays, for each dialect.

use otelbar_convert::sql::{self, System};

#[track_caller]
fn check(system: System, cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(sql::describe(query, system).text, *expected, "{system:?}: {query}");
    }
}

/// Checks texts that hold no literal.
#[track_caller]
fn check_kept(system: System, queries: &[&str]) {
    for query in queries {
        let text = sql::describe(query, system).text;
        assert_eq!(text, *query, "{system:?}");
        assert!(matches!(text, std::borrow::Cow::Borrowed(_)), "{system:?}: {query} was copied");
    }
}

const ALL: [System; 7] = [
    System::OtherSql,
    System::PostgreSql,
    System::MySql,
    System::MariaDb,
    System::Sqlite,
    System::SqlServer,
    System::OracleDb,
];

/// Protects what all dialects share.
#[test]
fn strings_and_numbers_are_replaced_everywhere() {
    for system in ALL {
        check(
            system,
            &[
                ("", ""),
                ("SELECT 'a', 'it''s', '', N'ü', x'0F', b'01'", "SELECT ?, ?, ?, ?, ?, ?"),
                ("SELECT DATE '2024-02-29', INTERVAL '1' DAY", "SELECT DATE ?, INTERVAL ? DAY"),
                ("SELECT 1, 1.5, .5, 1e9, 1.5E-3, 0x1F", "SELECT ?, ?, ?, ?, ?, ?"),
                ("WHERE a = -1 AND b=+2 AND c=-.5", "WHERE a = ? AND b=? AND c=?"),
                ("WHERE a - 1 > b-1 AND (c)-1 = 2*-3", "WHERE a - ? > b-? AND (c)-? = ?*?"),
                ("LIMIT 10 OFFSET 20", "LIMIT ? OFFSET ?"),
                ("IN (1,2, 3)", "IN (?,?, ?)"),
                ("v1.c2, t_3, x4y", "v1.c2, t_3, x4y"),
                ("a /* 'x' */ b -- 'y'\nc", "a  b \nc"),
                ("a/**/b/* */ c", "a b c"),
                ("'never closed, AND password = 1", "?"),
                ("a /* never closed 'x'", "a "),
                ("CREATE USER u IDENTIFIED BY 'a'", "CREATE USER u IDENTIFIED BY ?"),
            ],
        );
    }
}

/// Protects statements whose values are parameters, in the notation of each driver.
#[test]
fn parameters_are_left() {
    for system in ALL {
        check_kept(system, &["WHERE a = ? AND b IN (?, ?)", "WHERE a = :name", "WHERE a = %s AND b = %(b)s"]);
    }
    for system in [System::OtherSql, System::PostgreSql, System::Sqlite] {
        check_kept(system, &["WHERE a = $1 AND b = $23"]);
    }
    for system in [System::OtherSql, System::MySql, System::MariaDb, System::Sqlite, System::SqlServer] {
        check_kept(system, &["WHERE a = @p AND b = @P1", "WHERE a = @1"]);
    }
    for system in [System::OtherSql, System::Sqlite] {
        check_kept(system, &["WHERE a = ?1 AND b = ?2"]);
    }
    for system in [System::OtherSql, System::Sqlite, System::OracleDb] {
        check_kept(system, &["VALUES (:1, :2)"]);
    }
}

/// Protects PostgreSQL's strings, casts, slices and operators.
#[test]
fn postgresql() {
    let system = System::PostgreSql;
    check(
        system,
        &[
            (r"SELECT E'it\'s', 'a\', e'\\', U&'d\0061t'", "SELECT ?, ?, ?, ?"),
            ("SELECT $$a 'b' $c$ $$, $t$ $$ $T$ $t$", "SELECT ?, ?"),
            ("DO $body$ BEGIN DELETE FROM t WHERE a = 'x'; END $body$", "DO ?"),
            ("SELECT $$never closed", "SELECT ?"),
            ("SELECT '1'::int, 2::text, a::int[]", "SELECT ?::int, ?::text, a::int[]"),
            ("SELECT a[1], a[2:3], a[:4], @-5, @ 6", "SELECT a[?], a[?:?], a[:?], @?, @ ?"),
            ("SELECT 1_000, 0xFF_FF, 0o17, 0b1010, 5_432.1_0e1_0", "SELECT ?, ?, ?, ?, ?"),
            (
                "SELECT d ? 'k', d ?| array['a'], d->>'k', d #>> '{a,b}'",
                "SELECT d ? ?, d ?| array[?], d->>?, d #>> ?",
            ),
            ("a /* x /* 'y' */ 'z' */ b", "a  b"),
            ("a -- 'x'\rb", "a \rb"),
            ("a -- 'x'\r\nb", "a \r\nb"),
            ("WHERE a=$1AND b='x'", "WHERE a=$1AND b=?"),
        ],
    );
    check_kept(
        system,
        &[
            r#"SELECT "a 'b' 1", "x""y" FROM "s"."t 2""#,
            "SELECT a$b$c, tab$1, größe1, 数2 FROM v$session",
            "SELECT a # b, a->b, a @> b, a <@ b",
        ],
    );
}

/// Protects MySQL's double-quoted strings, backslashes and comments.
#[test]
fn mysql_and_mariadb() {
    for system in [System::MySql, System::MariaDb] {
        check(
            system,
            &[
                (r#"SELECT "a", "it's", "x""y", "x\"y", 'x\'y', 'x\\'"#, "SELECT ?, ?, ?, ?, ?, ?"),
                ("SELECT _utf8mb4'é', X'4D', 0x4D, b'1', 0b1", "SELECT _utf8mb4?, ?, ?, ?, ?"),
                ("SELECT 5--1, 5 -- 'x'\n-1", "SELECT ?-?, ? \n?"),
                ("SELECT a # 'x'\nFROM b", "SELECT a \nFROM b"),
                ("SELECT --\t'x'", "SELECT "),
                ("SELECT 1 --", "SELECT ? --"),
                ("SELECT 1 --/* 'x' */ 2 --#\n3", "SELECT ? --/**/ ? --/**/\n?"),
                ("/*!40101 SET NAMES 'utf8' */", " SET NAMES ? "),
                ("SELECT a /*! + 5 */ + 6", "SELECT a  + ?  + ?"),
                ("GRANT ALL ON *.* TO 'u'@'%' IDENTIFIED BY 'p'", "GRANT ALL ON *.* TO ?@? IDENTIFIED BY ?"),
                ("SELECT 2fa.1st, 3e4 FROM db.2fa", "SELECT 2fa.1st, ? FROM db.2fa"),
            ],
        );
        check_kept(system, &["SELECT `a 'b' 1`, `x``y`, @a, @@global.b, @`c`", "SELECT a FROM 2fa_tokens"]);
    }
    check(System::MySql, &[("/*M!100400 SELECT 1 */", "")]);
    check(System::MariaDb, &[("/*M!100400 SELECT 1 */", " SELECT ? ")]);
}

/// Protects SQLite's four ways to quote an identifier.
#[test]
fn sqlite() {
    check(
        System::Sqlite,
        &[
            ("SELECT 'a\\', x'00', 1_0, 0xA", "SELECT ?, ?, ?, ?"),
            ("VALUES (?1, :a, @b, $c, 'd')", "VALUES (?1, :a, @b, $c, ?)"),
            ("SELECT [never closed 'x'", "SELECT ?"),
        ],
    );
    check_kept(System::Sqlite, &[r#"SELECT "a 1", `b 'c'`, [d 'e' 2] FROM t"#]);
}

/// Protects SQL Server's brackets, money, binary and variables.
#[test]
fn sql_server() {
    check(
        System::SqlServer,
        &[
            ("SELECT N'a', 0x, 0xAB, $12.50, -$3, $.5", "SELECT ?, ?, ?, ?, -?, ?"),
            ("SELECT [a 'b'] FROM [t]]1] WHERE c = 'd'", "SELECT [a 'b'] FROM [t]]1] WHERE c = ?"),
            ("SELECT TOP (5) * FROM #t WHERE a = @p + 1", "SELECT TOP (?) * FROM #t WHERE a = @p + ?"),
            ("EXEC sp_executesql N'SELECT 1', N'@p int', @p = 5", "EXEC sp_executesql ?, ?, @p = ?"),
            ("a /* /* 'x' */ */ b", "a  b"),
            ("SELECT 'a\\' + 'b'", "SELECT ? + ?"),
        ],
    );
    check_kept(System::SqlServer, &["SELECT $action, @@ROWCOUNT, a#b$c FROM ##t", r#"SELECT "a 1""#]);
}

/// Protects Oracle's quote delimiters, suffixes and passwords without quotes.
#[test]
fn oracle() {
    check(
        System::OracleDb,
        &[
            ("SELECT q'[it's]', Q'{a}', nq'!b!', q'xcx', q'(d)'' '", "SELECT ?, ?, ?, ?, ??"),
            ("SELECT q'[never closed' FROM t", "SELECT ?"),
            ("SELECT 1.5f, 2d, 3D FROM dual", "SELECT ?, ?, ? FROM dual"),
            ("SELECT TIMESTAMP '2024-01-01 00:00:00' FROM dual", "SELECT TIMESTAMP ? FROM dual"),
            ("SELECT /*+ INDEX(t i1) */ a FROM t", "SELECT  a FROM t"),
            ("ALTER USER scott IDENTIFIED BY tiger", "ALTER USER scott IDENTIFIED BY ?"),
            (
                "ALTER USER scott IDENTIFIED BY \"Tiger 1\" REPLACE lion ACCOUNT UNLOCK",
                "ALTER USER scott IDENTIFIED BY ? REPLACE ? ACCOUNT UNLOCK",
            ),
        ],
    );
    check_kept(System::OracleDb, &["SELECT v$a.b#c FROM v$session, \"T 1\" WHERE d = :d AND e(+) = f"]);
}

/// Protects texts of an unknown database: each quoting of the dialects is understood.
#[test]
fn other_sql() {
    check(
        System::OtherSql,
        &[
            (r"SELECT E'it\'s', $$a$$, q'[b's]', U&'c', R'd', B'1', $12.5", "SELECT ?, ?, ?, ?, ?, ?, ?"),
            ("a /* /* 'x' */ 'y' */ b", "a  b"),
            ("a /* http://x/*.css */ b 'y' /* /* */ c", "a  b ?  c"),
            ("SELECT 10L, 5f", "SELECT ?, ?"),
        ],
    );
    check_kept(System::OtherSql, &[r#"SELECT "a 1", `b 2`, c[d], #e, @f FROM t"#]);
}

/// Protects statements that were executed with parameters: not even a comment is touched.
#[test]
fn parameterised_statements_are_kept_to_the_letter() {
    let query = "SELECT 'constant' /* why */ FROM t WHERE a = $1 AND b = 2";
    let statement = sql::describe_parameterised(query, System::PostgreSql);
    assert_eq!(statement.text, query);
    assert_eq!(statement.summary.as_deref(), Some("SELECT t"));
}

/// Protects against time that grows faster than the text: were it so, each of these would take minutes.
#[test]
fn megabytes_of_anything_are_described() {
    let pieces = [
        "'",
        "\"",
        "`",
        "[",
        "(",
        ")",
        "$a$ ",
        "$a",
        "$$x",
        "/*",
        "/* /* */ ",
        "*/",
        "/*!",
        "--",
        "-",
        "#",
        "q'a ",
        "nq'[",
        "E'\\",
        "U&'",
        "0x",
        "1e",
        "1_",
        ".1",
        "a.",
        "a . ",
        "@",
        "@@",
        ":",
        "::",
        "?",
        "é",
        "\u{301}",
        "WITH a AS (",
        "a,",
        "FROM a,",
        "DELETE a ",
        "CREATE TABLE ",
        "IDENTIFIED BY ",
        ";",
        "SELECT ",
    ];
    for system in ALL {
        for piece in pieces {
            for prefix in ["", "SELECT * FROM a, ", "WITH x AS (SELECT 1), "] {
                let text = format!("{prefix}{}", piece.repeat(100_000 / piece.len()));
                let statement = sql::describe(&text, system);
                assert!(statement.text.len() <= 2 * text.len(), "{system:?}: {prefix}{piece}");
            }
        }
    }
    let text = "INSERT INTO t VALUES (1, 'two'); ".repeat(10 * 1024 * 1024 / 33);
    assert!(!sql::describe(&text, System::MySql).text.contains("two"));
}
