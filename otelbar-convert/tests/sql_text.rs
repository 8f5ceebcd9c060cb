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

const ALL: [System; 11] = [
    System::OtherSql,
    System::PostgreSql,
    System::MySql,
    System::MariaDb,
    System::Sqlite,
    System::SqlServer,
    System::OracleDb,
    System::StandardSql,
    System::ClickHouse,
    System::Snowflake,
    System::Cassandra,
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
                ("SELECT a = -1 AND b=+2 AND c=-.5", "SELECT a = ? AND b=? AND c=?"),
                ("SELECT a - 1 > b-1 AND (c)-1 = 2*-3", "SELECT a - ? > b-? AND (c)-? = ?*?"),
                ("SELECT a LIMIT 10 OFFSET 20", "SELECT a LIMIT ? OFFSET ?"),
                ("SELECT a IN (1,2, 3)", "SELECT a IN (?,?, ?)"),
                ("SELECT v1.c2, t_3, x4y", "SELECT v1.c2, t_3, x4y"),
                ("SELECT a /* 'x' */ b -- 'y'\n, c", "SELECT a  b \n, c"),
                ("SELECT a/**/b/* */ c", "SELECT a b c"),
                ("SELECT 'never closed, AND password = 1", "SELECT ?"),
                ("SELECT a /* never closed 'x'", "SELECT a "),
                ("CREATE USER u IDENTIFIED BY 'a'", "CREATE USER u IDENTIFIED BY ?"),
                (
                    "SELECT TRUE, a = False, a IS NOT true, b IS NULL",
                    "SELECT ?, a = ?, a IS NOT ?, b IS NULL",
                ),
                ("SELECT true.a, b.false FROM true", "SELECT true.a, b.false FROM true"),
            ],
        );
    }
}

/// Protects statements whose values are parameters, in the notation of each driver.
#[test]
fn parameters_are_left() {
    for system in ALL {
        check_kept(
            system,
            &["SELECT a = ? AND b IN (?, ?)", "SELECT a = :name", "SELECT a = %s AND b = %(b)s"],
        );
    }
    for system in [System::OtherSql, System::PostgreSql, System::Sqlite] {
        check_kept(system, &["SELECT a = $1 AND b = $23"]);
    }
    for system in [System::OtherSql, System::MySql, System::MariaDb, System::Sqlite, System::SqlServer] {
        check_kept(system, &["SELECT a = @p AND b = @P1", "SELECT a = @1"]);
    }
    for system in [System::OtherSql, System::Sqlite] {
        check_kept(system, &["SELECT a = ?1 AND b = ?2"]);
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
            ("SELECT 0x$t$secret$t$", "SELECT ??"),
            (r"SELECT E'it\'s', e'\\', U&'d\0061t', 'a\\'", "SELECT ?, ?, ?, ?"),
            (r"SELECT 'a\', b", "SELECT ?"),
            (r"SELECT a LIKE 'x!%' ESCAPE '\' AND b = 'c'", "SELECT a LIKE ? ESCAPE ? AND b = ?"),
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
                (r#"SELECT "a", "it's", "x""y", 'x\\', "y\n""#, "SELECT ?, ?, ?, ?, ?"),
                // Escaped or, in the mode NO_BACKSLASH_ESCAPES, not.
                (r#"SELECT "x\"y", a"#, "SELECT ?"),
                (r"SELECT 'x\'y', a", "SELECT ?"),
                (r"SELECT p LIKE 'C:\' AND s = 'secret'", "SELECT p LIKE ?"),
                (r"SELECT 'x\\\'y', a", "SELECT ?"),
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
    check_kept(System::Sqlite, &[r#"SELECT "a 1".b, `b 'c'`, [d 'e' 2] FROM "t""#]);
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
            ("SELECT a /* /* 'x' */ */ b", "SELECT a  b"),
            ("SELECT 'a\\' + 'b'", "SELECT ? + ?"),
        ],
    );
    check_kept(System::SqlServer, &["SELECT $action, @@ROWCOUNT, a#b$c FROM ##t"]);
}

/// Protects Oracle's quote delimiters, suffixes and passwords without quotes.
#[test]
fn oracle() {
    check(
        System::OracleDb,
        &[
            ("SELECT q'[it's]', Q'{a}', nq'!b!', q'xcx', q'(d)'' '", "SELECT ?, ?, ?, ?, ??"),
            ("SELECT q'[never closed' FROM t", "SELECT ?"),
            ("SELECT 0xnq'('secret)', 0xq'('secret)'", "SELECT ??, ??"),
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
            ("SELECT \"\".\"", "SELECT ?.?"),
            (r"SELECT E'it\'s', $$a$$, q'[b's]', U&'c', R'd', B'1', $12.5", "SELECT ?, ?, ?, ?, ?, ?, ?"),
            ("SELECT 10L, 5f, 12abc, 550e8400-e29b-41d4-a716-446655440000", "SELECT ?, ?, ?, ?"),
            (r#"SELECT `b 2`, c[d], @f FROM "a 1" t"#, r#"SELECT `b 2`, c[d], @f FROM "a 1" t"#),
            ("SELECT c['x'], {y: 1}, {d '2024-02-29'}", "SELECT c[?], ?, {d ?}"),
            ("SELECT a # why\nFROM b // where\nJOIN c -- when\n", "SELECT a \nFROM b \nJOIN c \n"),
        ],
    );
}

/// Protects against the wrong guess: where dialects differ in what is a value, the rest is hidden.
#[test]
fn what_may_be_a_value_to_some_dialect_is_hidden() {
    check(
        System::OtherSql,
        &[
            // A backslash escapes a quote, or not.
            (
                r"UPDATE users SET bio = 'I\'m from Berlin, ssn 123-45-6789' WHERE id = 5",
                "UPDATE users SET bio = ?",
            ),
            (r"SELECT p LIKE 'C:\' AND s = 'secret'", "SELECT p LIKE ?"),
            (r#"SELECT "a\"b secret""#, "SELECT ?"),
            (r"SELECT `a\`b secret`", "SELECT ?"),
            (r"SELECT r'a\' secret'", "SELECT ?"),
            // A comment, or not.
            ("SELECT 1 # it's\n, 'secret'", "SELECT ? ?"),
            ("SELECT 1 // it's\n, 'secret'", "SELECT ? ?"),
            ("SELECT 1 --it's\n, 'secret'", "SELECT ? ?"),
            ("SELECT a #> '{secret}'", "SELECT a ?"),
            ("SELECT 1 -- a\r'secret'", "SELECT ? ?"),
            ("SELECT /* /* 'x' */ 'secret' */ b", "SELECT ?"),
            ("SELECT /* http://x/*.css */ b", "SELECT ?"),
            ("SELECT /*! 'a */ secret' */", "SELECT ?"),
            ("SELECT a /*! why */ b", "SELECT a  b"),
            // A name in brackets, or not.
            ("SELECT [it's] = 'secret'", "SELECT [it?"),
            ("SELECT [a]]b's] = 'secret'", "SELECT [a]]?"),
            ("SELECT [a -- b] = 'secret'\n", "SELECT [a ?"),
            // Informix's comments.
            ("SELECT {it's} 'secret'", "SELECT ?"),
            ("SELECT {d it's} 'secret'", "SELECT ?"),
            // Three quotes, or one and two that stand for one.
            ("SELECT '''a''', b", "SELECT ?, b"),
            ("SELECT '''it's secret''', b", "SELECT ?"),
            ("SELECT replace(a, '''\', b)", "SELECT replace(a, ?"),
            ("SELECT \"\"\"it\" secret\"\"\"", "SELECT ?"),
        ],
    );
    for name in
        ["clickhouse", "hive", "gcp.spanner", "spanner", "databricks", "snowflake", "bigquery", "", "xyz"]
    {
        let text = sql::describe(r"SELECT * FROM t WHERE a = 'it\'s SECRET'", System::from_name(name)).text;
        assert_eq!(text, "SELECT * FROM t WHERE a = ?", "{name}");
    }
    // Executed by some versions, or not.
    check(System::MySql, &[("SELECT /*!99999 it's */ 'secret'", "SELECT  it?")]);
    check(System::MySql, &[("SELECT /*M! 'a */ secret' */ 1", "SELECT ?")]);
    check(System::MySql, &[("SELECT /*!99999 # */ 'secret'\n", "SELECT  ?")]);
}

/// Protects the names of the conventions' registry: each is one dialect, or read as what no one knows.
#[test]
fn each_system_of_the_registry_has_its_dialect() {
    let dialects: [(System, &[&str]); 14] = [
        (System::PostgreSql, &["postgresql", "cockroachdb", "aws.redshift", "ibm.netezza"]),
        (System::MySql, &["mysql"]),
        (System::MariaDb, &["mariadb"]),
        (System::Sqlite, &["sqlite"]),
        (System::SqlServer, &["microsoft.sql_server"]),
        (System::OracleDb, &["oracle.db"]),
        (
            System::StandardSql,
            &[
                "actian.ingres",
                "derby",
                "h2database",
                "hsqldb",
                "ibm.db2",
                "sap.hana",
                "sap.maxdb",
                "softwareag.adabas",
                "teradata",
                "trino",
            ],
        ),
        (System::ClickHouse, &["clickhouse"]),
        (System::Cassandra, &["cassandra"]),
        (System::Neo4j, &["neo4j"]),
        (System::Redis, &["redis", "memcached"]),
        (System::MongoDb, &["mongodb", "couchdb", "elasticsearch", "hbase", "opensearch"]),
        (
            System::OtherSql,
            &[
                "other_sql",
                "aws.dynamodb",
                "azure.cosmosdb",
                "couchbase",
                "firebirdsql",
                "gcp.spanner",
                "geode",
                "hive",
                "ibm.informix",
                "influxdb",
                "instantdb",
                "intersystems.cache",
            ],
        ),
        (System::Snowflake, &["snowflake"]),
    ];
    for (system, names) in dialects {
        for name in names {
            assert_eq!(System::from_name(name), system, "{name}");
            let shown = format!("{:?}", sql::describe("SELECT a FROM t WHERE b = 'SECRET'", system));
            assert!(!shown.contains("SECRET"), "{name}: {shown}");
        }
    }
}

/// Protects values in double quotes: they stay only where a name must stand.
#[test]
fn what_double_quotes_hold_is_hidden_unless_it_is_surely_a_name() {
    for name in [
        "hive",
        "gcp.spanner",
        "ibm.informix",
        "informix",
        "databricks",
        "tidb",
        "vitess",
        "singlestore",
        "sqlite",
        "mssql",
        "sybase",
        "mysql",
        "azure.cosmosdb",
        "couchbase",
        "intersystems.cache",
        "firebirdsql",
        "",
    ] {
        let text = sql::describe(r#"SELECT a FROM t WHERE a = "SECRET""#, System::from_name(name)).text;
        assert_eq!(text, "SELECT a FROM t WHERE a = ?", "{name}");
    }
    for name in
        ["postgresql", "oracle.db", "ibm.db2", "sap.hana", "trino", "clickhouse", "snowflake", "cassandra"]
    {
        let query = r#"SELECT a FROM t WHERE "a" = b"#;
        assert_eq!(sql::describe(query, System::from_name(name)).text, query, "{name}");
    }
    for system in [System::OtherSql, System::Sqlite, System::SqlServer] {
        check_kept(
            system,
            &[
                r#"SELECT "b"."id", "b".title, "b".* FROM "books" "#,
                r#"SELECT a AS "total" FROM t, "u", s."v" JOIN "w" ON "w"."a" = t.b"#,
                r#"INSERT INTO "t" ("a", "b") VALUES (?, ?)"#,
                r#"UPDATE "t" SET "a" = ?, "b" = ? WHERE "t"."c" = ?"#,
                r#"DELETE FROM "t" WHERE "t"."c" = ?"#,
                r#"CREATE TABLE "t" ("a" integer, "b" text)"#,
                r#"INSERT INTO "t" ("a") VALUES (?) ON CONFLICT ("a") DO UPDATE SET "a" = "excluded"."a""#,
            ],
        );
        check(
            system,
            &[
                (r#"SELECT "a", f("b") FROM t ORDER BY c = "d""#, "SELECT ?, f(?) FROM t ORDER BY c = ?"),
                (r#"UPDATE t SET a = "x", b = f("y")"#, "UPDATE t SET a = ?, b = f(?)"),
                (r#"INSERT INTO t (a) VALUES ("x")"#, "INSERT INTO t (a) VALUES (?)"),
                (r#"CREATE TABLE t (a text DEFAULT "x")"#, "CREATE TABLE t (a text DEFAULT ?)"),
                (r#"SELECT EXTRACT(YEAR FROM "x") FROM t"#, "SELECT EXTRACT(YEAR FROM ?) FROM t"),
                (r#"SELECT "x".5"#, "SELECT ??"),
            ],
        );
    }
}

/// Protects passwords and keys that stand without quotes, in each syntax that takes them.
#[test]
fn secrets_without_quotes_are_hidden() {
    let cases: [(&str, &str, &str); 44] = [
        (
            "oracle",
            "GRANT CONNECT TO u1, u2 IDENTIFIED BY pw1, pw2",
            "GRANT CONNECT TO u1, u2 IDENTIFIED BY ?, ?",
        ),
        ("oracle", "ALTER USER u IDENTIFIED BY VALUES 'S:1'", "ALTER USER u IDENTIFIED BY ? ?"),
        (
            "oracle",
            "ALTER USER u IDENTIFIED BY p!w@x$ ACCOUNT LOCK",
            "ALTER USER u IDENTIFIED BY ? ACCOUNT LOCK",
        ),
        (
            "oracle",
            "CREATE DATABASE LINK l CONNECT TO u IDENTIFIED BY pw USING 'x'",
            "CREATE DATABASE LINK l CONNECT TO u IDENTIFIED BY ? USING ?",
        ),
        (
            "oracle",
            "ADMINISTER KEY MANAGEMENT ALTER KEYSTORE PASSWORD IDENTIFIED BY pw1 SET pw2 WITH BACKUP",
            "ADMINISTER KEY MANAGEMENT ALTER KEYSTORE PASSWORD IDENTIFIED BY ? SET ? WITH BACKUP",
        ),
        (
            "oracle",
            "SET ROLE r IDENTIFIED BY pw1, s IDENTIFIED BY pw2",
            "SET ROLE r IDENTIFIED BY ?, ? IDENTIFIED BY ?",
        ),
        (
            "oracle",
            "CREATE TABLE t (a int ENCRYPT IDENTIFIED BY pw)",
            "CREATE TABLE t (a int ENCRYPT IDENTIFIED BY ?)",
        ),
        ("oracle", "CONNECT scott/pw@db", "CONNECT ?"),
        ("sap.hana", "CREATE USER u PASSWORD Secret1", "CREATE USER u PASSWORD ?"),
        ("sap.hana", "ALTER USER u PASSWORD \"Secret1\" NO FORCE", "ALTER USER u PASSWORD ? NO FORCE"),
        ("sap.hana", "CONNECT u PASSWORD Secret1", "CONNECT ? PASSWORD ?"),
        ("sap.hana", "CREATE USER token_user PASSWORD Secret1", "CREATE USER token_user PASSWORD ?"),
        ("sap.maxdb", "ALTER PASSWORD old TO new", "ALTER PASSWORD ? TO ?"),
        ("hsqldb", "CREATE USER sa PASSWORD \"pw\"", "CREATE USER sa PASSWORD ?"),
        ("h2", "CREATE USER u SALT abc HASH 'x'", "CREATE USER u SALT ? HASH ?"),
        (
            "ibm.db2",
            "CONNECT TO db USER u USING pw NEW pw2 CONFIRM pw2",
            "CONNECT TO ? USER ? USING ? NEW ? CONFIRM ?",
        ),
        ("teradata", "CREATE USER u AS PERM = 0, PASSWORD = pw", "CREATE USER u AS PERM = ?, PASSWORD = ?"),
        ("teradata", "MODIFY USER u AS PASSWORD = pw", "MODIFY USER u AS PASSWORD = ?"),
        ("teradata", "LOGON host/u,pw", "LOGON ?,?"),
        ("cockroachdb", "CREATE USER u WITH PASSWORD pw", "CREATE USER u WITH PASSWORD ?"),
        ("postgresql", "ALTER ROLE u PASSWORD 'x' VALID UNTIL 'y'", "ALTER ROLE u PASSWORD ? VALID UNTIL ?"),
        ("postgresql", "SET app.secret_key = hunter2, b", "SET app.secret_key = ?"),
        ("postgresql", "SET app.token TO hunter2", "SET app.token TO ?"),
        ("postgresql", "SET search_path = a, b", "SET search_path = a, b"),
        (
            "postgresql",
            "CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'a', password 'b')",
            "CREATE USER MAPPING FOR u SERVER s OPTIONS (user ?, password ?)",
        ),
        ("postgresql", "SELECT * FROM dblink('host=h password=x', 'SELECT 1')", "SELECT * FROM dblink(?, ?)"),
        (
            "redshift",
            "COPY t FROM 's3' CREDENTIALS 'aws_secret=x' SECRET_ACCESS_KEY abc",
            "COPY t FROM ? CREDENTIALS ? SECRET_ACCESS_KEY ?",
        ),
        ("mysql", "SET PASSWORD FOR u = PASSWORD('x')", "SET PASSWORD FOR u = ?"),
        ("mysql", "CREATE USER u IDENTIFIED WITH p BY 'x'", "CREATE USER u IDENTIFIED WITH p BY ?"),
        ("mssql", "CREATE LOGIN l WITH PASSWORD = 0xAB HASHED", "CREATE LOGIN l WITH PASSWORD = ? HASHED"),
        (
            "mssql",
            "BACKUP DATABASE d TO DISK = 'x' WITH PASSWORD = pw",
            "BACKUP DATABASE d TO DISK = ? WITH PASSWORD = ?",
        ),
        (
            "mssql",
            "CREATE CREDENTIAL c WITH IDENTITY = 'i', SECRET = 'x'",
            "CREATE CREDENTIAL c WITH IDENTITY = ?, SECRET = ?",
        ),
        ("mssql", "EXEC sp_addlogin bob, B1r12_36", "EXEC sp_addlogin ?, ?"),
        ("mssql", "EXEC dbo.p @a = x, @b = [y] OUTPUT, @c", "EXEC dbo.p @a = ?, @b = ? OUTPUT, @c"),
        ("mssql", "EXEC p SELECT a FROM t", "EXEC p SELECT a FROM t"),
        ("sybase", "sp_addlogin bob, B1r12_36", "sp_addlogin ?, ?"),
        (
            "snowflake",
            "CREATE STAGE s CREDENTIALS = (AWS_KEY_ID = a AWS_SECRET_KEY = b)",
            "CREATE STAGE s CREDENTIALS = (? = ? AWS_SECRET_KEY = ?)",
        ),
        (
            "duckdb",
            "CREATE SECRET s (TYPE s3, KEY_ID a, SECRET b)",
            "CREATE SECRET s (TYPE s3, KEY_ID ?, SECRET ?)",
        ),
        ("sqlite", "PRAGMA key = hunter2", "PRAGMA key = ?"),
        ("sqlite", "PRAGMA rekey(hunter2)", "PRAGMA rekey(?)"),
        ("sqlite", "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys = ON"),
        ("sqlite", "ATTACH DATABASE 'x' AS y KEY hunter2", "ATTACH DATABASE ? AS ? KEY ?"),
        ("hive", "SET fs.s3a.x=abc/+d==", "SET fs.s3a.x=?"),
        (
            "cassandra",
            "CREATE ROLE r WITH PASSWORD = pw AND LOGIN = true",
            "CREATE ROLE r WITH PASSWORD = ? AND LOGIN = ?",
        ),
    ];
    for (name, query, expected) in cases {
        let statement = sql::describe(query, System::from_name(name));
        assert_eq!(statement.text, expected, "{name}: {query}");
    }
    // Rows that follow a statement.
    check(System::PostgreSql, &[("COPY t (a) FROM STDIN;\nhunter2\t1; x\n", "COPY t (a) FROM STDIN;\n?\n")]);
    check(
        System::ClickHouse,
        &[
            ("INSERT INTO t FORMAT CSV\nhunter2; x, y", "INSERT INTO t FORMAT CSV\n?"),
            ("INSERT INTO t (a) FORMAT JSONEachRow {\"a\": 1}", "INSERT INTO t (a) FORMAT JSONEachRow ?"),
            ("INSERT INTO t FORMAT Values (1, 'x')", "INSERT INTO t FORMAT Values (?, ?)"),
            ("INSERT INTO format (format) SELECT a FROM b", "INSERT INTO format (format) SELECT a FROM b"),
        ],
    );
    check(
        System::OtherSql,
        &[("SELECT * FROM cpu WHERE a =~ /x'\\/y/ AND b = 'c'", "SELECT * FROM cpu WHERE a =~ ? AND b = ?")],
    );
    check(System::MariaDb, &[("SET PASSWORD FOR u TO hunter2", "SET PASSWORD FOR u TO ?")]);
    // Columns are no secrets.
    for system in ALL {
        check_kept(
            system,
            &[
                "SELECT password FROM users WHERE password = hash AND token IS NULL",
                "UPDATE users SET password = hash, secret = other",
                "INSERT INTO users (password, token) SELECT secret, api_key FROM x",
                "CREATE TABLE users (password text, token text NOT NULL)",
                "ALTER TABLE users RENAME COLUMN password TO secret",
                "CREATE INDEX i ON users (password)",
                "GRANT SELECT (password, token) ON users TO u",
                "CREATE VIEW v AS SELECT password p FROM users",
                "DROP SECRET s",
            ],
        );
    }
}

/// Protects systems that are no SQL: nothing is derived from their texts, and no value stays.
#[test]
fn systems_without_sql() {
    let cases = [
        ("redis", "SET user:1 hunter2", "SET ? ?"),
        ("redis", "SELECT 1", "SELECT ?"),
        ("redis", "  HMSET myhash field1 'Hello you' field2 \"a\\\"b c\"", "HMSET ? ? ? ? ?"),
        ("redis", "*3\r\n$3\r\nSET", "? ? ?"),
        ("redis", "", ""),
        ("memcached", "set key 0 900 5\r\nvalue", "set ? ? ? ? ?"),
        (
            "mongodb",
            r#"{"find": "users", "filter": {"name": "bob", "age": {"$gt": 5}}}"#,
            r#"{"find": ?, "filter": {"name": ?, "age": {"$gt": ?}}}"#,
        ),
        (
            "mongodb",
            "db.users.find({name: /secret:(x)/i, _id: ObjectId('1'), a: true}).limit(5)",
            "db.users.find({name: ?, _id: ObjectId(?), a: ?}).limit(?)",
        ),
        ("mongodb", r#"{"a@b.c": "it's", "x": ["y", null]}"#, "{?: ?, \"x\": [?, ?]}"),
        (
            "elasticsearch",
            r#"{"query": {"match": {"title": "secret"}}}"#,
            r#"{"query": {"match": {"title": ?}}}"#,
        ),
        ("elasticsearch", "GET /users/_search?q=secret", "GET ?"),
        ("hbase", "get 'users', 'row1'", "get ?, ?"),
        (
            "neo4j",
            "MATCH (n:Person {name: 'Bob', age: 5}) WHERE n.ok = TRUE // it's\nRETURN n",
            "MATCH (n:Person {name: ?, age: ?}) WHERE n.ok = ? \nRETURN n",
        ),
        ("neo4j", "CREATE (n:Person {name: \"Bob\"})", "CREATE (n:Person {name: ?})"),
        // A system that nobody knows, and no SQL.
        ("rocksdb", "PUT key value", "PUT ? ?"),
    ];
    for (name, query, expected) in cases {
        let statement = sql::describe(query, System::from_name(name));
        assert_eq!(statement.text, expected, "{name}: {query}");
        assert_eq!(statement.summary, None, "{name}: {query}");
        assert_eq!(statement.operation, None, "{name}: {query}");
        assert_eq!(statement.collection, None, "{name}: {query}");
        assert_eq!(statement.stored_procedure, None, "{name}: {query}");
    }
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
        "IDENTIFIED BY a ",
        "PASSWORD ",
        "EXEC p a, ",
        "UPDATE set ",
        "IN (",
        "VALUES (",
        "%(",
        "{",
        "}",
        "{d '",
        "]",
        "''' ",
        "\\'",
        "\\",
        "ESCAPE '\\' ",
        "//",
        "TRUE ",
        "\"a\" ",
        "FROM TABLE ",
        ";",
        "SELECT ",
    ];
    let others = [System::Neo4j, System::Redis, System::MongoDb];
    for system in ALL.into_iter().chain(others) {
        for piece in pieces {
            for prefix in ["", "SELECT * FROM a, ", "WITH x AS (SELECT 1), ", "CREATE USER u "] {
                let text = format!("{prefix}{}", piece.repeat(50_000 / piece.len()));
                let statement = sql::describe(&text, system);
                assert!(statement.text.len() <= 2 * text.len(), "{system:?}: {prefix}{piece}");
            }
        }
    }
    let text = "INSERT INTO t VALUES (1, 'two'); ".repeat(10 * 1024 * 1024 / 33);
    assert!(!sql::describe(&text, System::MySql).text.contains("two"));
}
