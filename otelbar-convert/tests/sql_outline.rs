//! Operations, targets and summaries of statements.

use otelbar_convert::sql::{self, System};

#[track_caller]
fn check(system: System, cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let statement = sql::describe(query, system);
        assert_eq!(statement.summary.as_deref().unwrap_or_default(), *expected, "{query}");
    }
}

/// Protects the operation and the collection beside the summary.
#[track_caller]
fn check_names(query: &str, operation: Option<&str>, collection: Option<&str>) {
    let statement = sql::describe(query, System::PostgreSql);
    assert_eq!(statement.operation.as_deref(), operation, "{query}");
    assert_eq!(statement.collection.as_deref(), collection, "{query}");
}

/// Protects the targets of queries: lists, joins, subqueries, set operations.
#[test]
fn queries() {
    check(
        System::PostgreSql,
        &[
            ("select * from songs", "select songs"),
            ("SELECT * FROM songs s, artists AS a WHERE s.a = a.b, c", "SELECT songs artists"),
            (
                "SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN s.c USING (x), d ORDER BY e, f",
                "SELECT a b s.c d",
            ),
            (
                "SELECT * FROM a NATURAL JOIN (b CROSS JOIN c), LATERAL (SELECT * FROM d) e",
                "SELECT a b c SELECT d",
            ),
            ("SELECT (SELECT max(a) FROM b) FROM c", "SELECT SELECT b c"),
            (
                "SELECT a FROM b WHERE EXISTS (SELECT 1 FROM c) AND d IN (SELECT e FROM f, g)",
                "SELECT b SELECT c SELECT f g",
            ),
            (
                "SELECT a FROM b UNION ALL SELECT c FROM d EXCEPT (SELECT e FROM f)",
                "SELECT b SELECT d SELECT f",
            ),
            ("(SELECT a FROM b) UNION (SELECT c FROM d) ORDER BY 1, 2", "SELECT b SELECT d"),
            ("SELECT EXTRACT(YEAR FROM a), TRIM(BOTH 'x' FROM b), SUBSTRING(c FROM 2) FROM d", "SELECT d"),
            ("SELECT a FROM b WHERE c IS DISTINCT FROM d", "SELECT b"),
            ("SELECT a FROM ONLY b FOR UPDATE OF b, c", "SELECT b"),
            (r#"SELECT * FROM "song list", "S"."t""#, r#"SELECT "song list" "S"."t""#),
            ("SELECT * FROM a . b, c/* x */.d", "SELECT a.b c.d"),
            ("SELECT * FROM generate_series(1, 9) g, t", "SELECT generate_series t"),
            ("SELECT t.select, t.from FROM t", "SELECT t"),
            ("SELECT a INTO TEMP b FROM c", "SELECT b c"),
            ("SELECT 1", "SELECT"),
            ("VALUES (1, 2)", "VALUES"),
            ("TABLE songs", "TABLE songs"),
            ("SELECT * FROM", "SELECT"),
            ("SELECT * FROM 'secret', t", "SELECT t"),
        ],
    );
    check(
        System::MySql,
        &[
            ("SELECT STRAIGHT_JOIN a.b FROM `a` STRAIGHT_JOIN `c d`", "SELECT `a` `c d`"),
            ("SELECT a FROM b INTO OUTFILE 'x'", "SELECT b"),
            ("SELECT a FROM t USE INDEX (i), u", "SELECT t u"),
        ],
    );
    check(
        System::SqlServer,
        &[
            (
                "SELECT * FROM a WITH (NOLOCK), b CROSS APPLY dbo.f(a.x) OUTER APPLY (SELECT 1 FROM c) d",
                "SELECT a b dbo.f SELECT c",
            ),
            ("SELECT a INTO #b FROM [c].[d] e", "SELECT #b [c].[d]"),
            ("SELECT * FROM db..t, @v", "SELECT db..t @v"),
        ],
    );
}

/// Protects common table expressions: their names are no tables.
#[test]
fn common_table_expressions() {
    check(
        System::PostgreSql,
        &[
            ("WITH a AS (SELECT * FROM b) SELECT * FROM a JOIN c ON true", "SELECT b SELECT c"),
            (
                "WITH RECURSIVE a (x, y) AS (SELECT 1, 2 UNION ALL SELECT x, y FROM A, b), \"C\" AS MATERIALIZED (SELECT 1) SELECT * FROM a, c",
                "SELECT SELECT b SELECT SELECT",
            ),
            (
                "WITH a AS (DELETE FROM b RETURNING *) INSERT INTO c SELECT * FROM a",
                "DELETE b INSERT c SELECT",
            ),
            ("INSERT INTO c WITH a AS (SELECT 1 FROM b) SELECT * FROM a", "INSERT c SELECT b SELECT"),
            ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a, s.a) x", "SELECT SELECT SELECT s.a"),
            ("WITH a AS (SELECT 1) SELECT * FROM a; SELECT * FROM a", "SELECT SELECT SELECT a"),
        ],
    );
}

/// Protects the targets of statements that change rows.
#[test]
fn data_manipulation() {
    check(
        System::PostgreSql,
        &[
            ("INSERT INTO a.b (c, d) VALUES (1, 2) ON CONFLICT (c) DO UPDATE SET d = 3", "INSERT a.b"),
            ("INSERT INTO a SELECT * FROM b, c", "INSERT a SELECT b c"),
            ("UPDATE ONLY a SET b = 1 FROM c, d WHERE a.e = c.e", "UPDATE a c d"),
            ("UPDATE a SET b = (SELECT max(c) FROM d), e = 2", "UPDATE a SELECT d"),
            ("DELETE FROM a USING b, c WHERE a.d = b.d", "DELETE a b c"),
            (
                "MERGE INTO a t USING b s ON t.x = s.x WHEN MATCHED THEN UPDATE SET y = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "MERGE a b",
            ),
            ("COPY a (b) FROM STDIN", "COPY a"),
            ("COPY (SELECT * FROM a) TO STDOUT", "COPY SELECT a"),
        ],
    );
    check(
        System::MySql,
        &[
            ("INSERT IGNORE a VALUES (1) ON DUPLICATE KEY UPDATE b = 2", "INSERT a"),
            ("REPLACE INTO a SELECT REPLACE(b, 'c', 'd') FROM e", "REPLACE a SELECT e"),
            ("UPDATE a, b JOIN c ON true SET a.x = 1, b.y = 2", "UPDATE a b c"),
            ("DELETE o FROM orders o JOIN customers c ON o.c = c.id", "DELETE orders customers"),
            ("DELETE QUICK FROM a WHERE b = 1", "DELETE a"),
        ],
    );
    check(
        System::Sqlite,
        &[
            ("INSERT OR REPLACE INTO a VALUES (1)", "INSERT a"),
            ("UPDATE OR ROLLBACK a SET b = 1", "UPDATE a"),
        ],
    );
    check(
        System::SqlServer,
        &[
            ("DELETE a WHERE b = 1", "DELETE a"),
            ("DELETE TOP (5) FROM a", "DELETE a"),
            ("UPDATE TOP (5) a SET b = 1", "UPDATE a"),
            ("INSERT INTO @t SELECT 1", "INSERT @t SELECT"),
        ],
    );
    check(
        System::OracleDb,
        &[
            ("DELETE a b WHERE b.c = 1", "DELETE a"),
            ("INSERT ALL INTO a VALUES (1) INTO b VALUES (2) SELECT * FROM dual", "INSERT a b SELECT dual"),
        ],
    );
}

/// Protects data definition: the kind of object is part of the operation.
#[test]
fn data_definition() {
    check(
        System::PostgreSql,
        &[
            ("CREATE TABLE IF NOT EXISTS a.b (c int REFERENCES d (e))", "CREATE TABLE a.b"),
            ("create temporary table a as select * from b", "create table a select b"),
            (
                "CREATE OR REPLACE VIEW a AS WITH b AS (SELECT 1) SELECT * FROM b, c",
                "CREATE VIEW a SELECT SELECT c",
            ),
            ("CREATE UNIQUE INDEX CONCURRENTLY a ON b (c)", "CREATE INDEX a"),
            ("CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 FROM t $$ LANGUAGE sql", "CREATE FUNCTION f"),
            ("ALTER TABLE ONLY a ADD COLUMN b int", "ALTER TABLE a"),
            ("DROP TABLE IF EXISTS a, b.c CASCADE", "DROP TABLE a b.c"),
            ("TRUNCATE a, b", "TRUNCATE a b"),
            ("TRUNCATE TABLE a", "TRUNCATE TABLE a"),
            ("REFRESH MATERIALIZED VIEW a", "REFRESH VIEW a"),
            ("COMMENT ON TABLE a IS 'b'", "COMMENT TABLE a"),
            ("LOCK TABLE a IN SHARE MODE", "LOCK TABLE a"),
        ],
    );
}

/// Protects commands without tables and statements within statements.
#[test]
fn commands() {
    check(
        System::PostgreSql,
        &[
            ("BEGIN", "BEGIN"),
            ("START TRANSACTION READ ONLY", "START TRANSACTION"),
            ("COMMIT", "COMMIT"),
            ("SAVEPOINT sa_savepoint_17", "SAVEPOINT"),
            ("SET search_path = a", "SET"),
            ("SHOW TABLES FROM a", "SHOW"),
            ("EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM a", "EXPLAIN SELECT a"),
            ("EXPLAIN ANALYZE UPDATE a SET b = 1", "EXPLAIN UPDATE a"),
            ("DECLARE c CURSOR FOR SELECT * FROM a", "DECLARE SELECT a"),
            ("PREPARE p AS SELECT * FROM a", "PREPARE SELECT a"),
            ("EXECUTE p (1)", "EXECUTE"),
            ("GRANT SELECT, UPDATE (b) ON a TO c", "GRANT"),
            ("VACUUM FULL a", "VACUUM a"),
            (
                "BEGIN; INSERT INTO a VALUES (1); UPDATE b SET c = 2; COMMIT;",
                "BEGIN INSERT a UPDATE b COMMIT",
            ),
            ("no statement at all", ""),
            ("", ""),
        ],
    );
    check(System::MySql, &[("USE a", "USE a"), ("DESCRIBE a", "DESCRIBE a")]);
    check(System::Sqlite, &[("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys")]);
    check(
        System::SqlServer,
        &[
            ("SET NOCOUNT ON INSERT INTO a VALUES (1) SELECT @@IDENTITY", "SET INSERT a SELECT"),
            (
                "IF EXISTS (SELECT 1 FROM a) UPDATE a SET b = 1 ELSE INSERT INTO a VALUES (1)",
                "SELECT a UPDATE a INSERT a",
            ),
        ],
    );
}

/// Protects calls: which words name a procedure.
#[test]
fn stored_procedures() {
    let cases = [
        (System::OtherSql, "CALL a.b(1, ?)", "CALL a.b", Some("a.b")),
        (System::OtherSql, "{call p}", "call p", Some("p")),
        (System::OtherSql, "{? = call p(?)}", "call p", Some("p")),
        (System::SqlServer, "EXEC [a].[b c] @x = 1", "EXEC [a].[b c]", Some("[a].[b c]")),
        (System::SqlServer, "EXECUTE @r = p 1", "EXECUTE p", Some("p")),
        (System::SqlServer, "EXEC ('SELECT 1')", "EXEC", None),
        (System::OracleDb, "BEGIN a.b(:1); END;", "BEGIN a.b", Some("a.b")),
        (System::OracleDb, "BEGIN :1 := f(:2); END;", "BEGIN", None),
        (System::OracleDb, "BEGIN x := 1; END;", "BEGIN", None),
        (System::PostgreSql, "EXECUTE p(1)", "EXECUTE", None),
    ];
    for (system, query, summary, procedure) in cases {
        let statement = sql::describe(query, system);
        assert_eq!(statement.summary.as_deref(), Some(summary), "{query}");
        assert_eq!(statement.stored_procedure.as_deref(), procedure, "{query}");
        assert_eq!(statement.collection, None, "{query}");
    }
}

/// Protects `db.operation.name` and `db.collection.name`: the outermost operation, and a table only
/// where there is no other.
#[test]
fn operation_and_collection() {
    check_names("SELECT * FROM a", Some("SELECT"), Some("a"));
    check_names("SELECT * FROM a x JOIN A y ON x.b = y.b", Some("SELECT"), Some("a"));
    check_names("SELECT * FROM a, b", Some("SELECT"), None);
    check_names("WITH a AS (SELECT 1) DELETE FROM b", Some("DELETE"), Some("b"));
    check_names("(SELECT 1) UNION (SELECT 2)", Some("SELECT"), None);
    check_names("create  table a (b int)", Some("create table"), Some("a"));
    check_names("CREATE INDEX a ON b (c)", Some("CREATE INDEX"), None);
    check_names("nothing", None, None);
}

/// Protects tables whose name is a word of SQL elsewhere: they are listed, and aliases are not.
#[test]
fn tables_named_like_a_word_of_sql() {
    let words = [
        "temp",
        "temporary",
        "unlogged",
        "body",
        "option",
        "output",
        "top",
        "quick",
        "strict",
        "ignore",
        "before",
        "after",
        "instead",
        "set",
        "first",
        "value",
        "next",
        "data",
        "rows",
        "table",
        "only",
        "lateral",
        "if",
        "exists",
        "concurrently",
        "verbose",
        "full",
        "freeze",
        "fail",
        "extended",
        "local",
        "delayed",
        "overwrite",
        "limit",
        "offset",
        "window",
        "returning",
        "qualify",
        "key",
        "link",
        "log",
        "event",
        "profile",
        "user",
        "role",
        "type",
        "domain",
        "statistics",
        "transaction",
        "begin",
        "commit",
        "release",
        "show",
        "open",
        "close",
        "fetch",
        "load",
        "backup",
        "copy",
        "call",
        "execute",
        "comment",
        "check",
        "start",
        "merge",
        "replace",
        "recursive",
        "conflict",
        "clone",
        "by",
        "identified",
        "mapping",
        "policy",
        "rule",
        "server",
        "catalog",
        "cluster",
        "bulk",
    ];
    for system in [System::OtherSql, System::PostgreSql, System::MySql, System::SqlServer, System::OracleDb] {
        for word in words {
            for (query, expected) in [
                ("SELECT * FROM {}", "SELECT {}"),
                ("SELECT * FROM {} WHERE a = 1", "SELECT {}"),
                ("SELECT * FROM {}, b", "SELECT {} b"),
                ("SELECT * FROM b, {}", "SELECT b {}"),
                ("SELECT * FROM b JOIN {} t ON true", "SELECT b {}"),
                ("SELECT * FROM b JOIN s.{} AS t ON true", "SELECT b s.{}"),
                ("INSERT INTO {} (a) VALUES (1)", "INSERT {}"),
                ("UPDATE {} SET a = 1", "UPDATE {}"),
                ("DELETE FROM {} WHERE a = 1", "DELETE {}"),
                ("DROP TABLE {}", "DROP TABLE {}"),
                ("CREATE TABLE {} (a int)", "CREATE TABLE {}"),
                ("TRUNCATE TABLE {}", "TRUNCATE TABLE {}"),
            ] {
                // With an alias these two mean what they mean to their database.
                if ["only", "lateral"].contains(&word) && query.contains("{} t") {
                    continue;
                }
                let query = query.replace("{}", word);
                let expected = expected.replace("{}", word);
                let statement = sql::describe(&query, system);
                assert_eq!(statement.summary.as_deref(), Some(expected.as_str()), "{system:?}: {query}");
            }
        }
    }
}

/// Protects words that stand before a name and are not part of it.
#[test]
fn words_before_names() {
    check(
        System::PostgreSql,
        &[
            ("SELECT * FROM ONLY a x, LATERAL (SELECT 1 FROM b) y", "SELECT a SELECT b"),
            ("SELECT a INTO TEMPORARY TABLE b FROM c", "SELECT b c"),
            ("SELECT a INTO temp FROM c", "SELECT temp c"),
            ("SELECT * FROM orders o JOIN temp t ON true", "SELECT orders temp"),
            ("SELECT * FROM ROWS FROM (f(1), g(2)) AS x", "SELECT f g"),
            ("SELECT * FROM TABLE(f(1)) t", "SELECT f"),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", "CREATE INDEX i"),
            ("DROP MATERIALIZED VIEW a, b", "DROP VIEW a b"),
            ("DROP INDEX a, b", "DROP INDEX a b"),
            ("TRUNCATE ONLY a", "TRUNCATE a"),
            ("LOCK a", "LOCK a"),
            ("VACUUM FULL VERBOSE a, b", "VACUUM a b"),
        ],
    );
    check(
        System::MySql,
        &[
            ("INSERT LOW_PRIORITY IGNORE INTO a VALUES (1)", "INSERT a"),
            ("UPDATE LOW_PRIORITY IGNORE a SET b = 1", "UPDATE a"),
            ("DELETE LOW_PRIORITY QUICK FROM a", "DELETE a"),
            ("ANALYZE NO_WRITE_TO_BINLOG TABLE a, b", "ANALYZE a b"),
            ("LOCK TABLES a READ, b AS x WRITE", "LOCK TABLES a b"),
            ("LOCK TABLES a, b", "LOCK TABLES a b"),
            ("RENAME TABLE a TO b, c TO d", "RENAME TABLE a c"),
            ("LOAD DATA LOCAL INFILE 'x' INTO TABLE users FIELDS TERMINATED BY ','", "LOAD DATA users"),
            ("LOAD XML INFILE 'x' INTO TABLE users", "LOAD XML users"),
            ("CREATE TABLE a LIKE b", "CREATE TABLE a b"),
        ],
    );
    check(
        System::SqlServer,
        &[
            ("UPDATE STATISTICS x", "UPDATE STATISTICS x"),
            ("UPDATE statistics SET a = 1", "UPDATE statistics"),
            (
                "CREATE FUNCTION f(@a int) RETURNS int AS BEGIN SELECT 1 FROM t; RETURN 1; END",
                "CREATE FUNCTION f",
            ),
            ("CREATE PROC p AS SELECT * FROM t", "CREATE PROC p"),
            ("CREATE TRIGGER t ON u AFTER UPDATE AS BEGIN DELETE FROM v END", "CREATE TRIGGER t"),
            ("DROP FUNCTION f", "DROP FUNCTION f"),
            (
                "ALTER COLUMN ENCRYPTION KEY k ADD VALUE (COLUMN_MASTER_KEY = m)",
                "ALTER COLUMN ENCRYPTION KEY k",
            ),
            ("CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'x'", "CREATE MASTER KEY"),
            (
                "CREATE DATABASE SCOPED CREDENTIAL c WITH IDENTITY = 'x'",
                "CREATE DATABASE SCOPED CREDENTIAL c",
            ),
            ("BULK INSERT s.t FROM 'x' WITH (FIRSTROW = 2)", "BULK INSERT s.t"),
            ("BACKUP DATABASE d TO DISK = 'x'", "BACKUP DATABASE d"),
            ("BACKUP LOG d TO DISK = 'x'", "BACKUP LOG d"),
            ("RESTORE DATABASE d FROM DISK = 'x' WITH REPLACE", "RESTORE DATABASE d"),
            ("ENABLE TRIGGER t ON u", "ENABLE TRIGGER t"),
            ("DISABLE TRIGGER s.t ON u", "DISABLE TRIGGER s.t"),
            ("UPDATE x SET a = 1 FROM dbo.t AS x", "UPDATE dbo.t"),
            ("UPDATE x SET a = 1 FROM dbo.t x JOIN u ON true", "UPDATE dbo.t u"),
            ("UPDATE t SET a = 1 FROM u AS v", "UPDATE t u"),
        ],
    );
    check(
        System::OracleDb,
        &[
            ("SELECT * FROM users@link u, s.t@a.b", "SELECT users@link s.t@a.b"),
            ("CREATE DATABASE LINK l USING 'x'", "CREATE DATABASE LINK l"),
            ("CREATE PACKAGE BODY p AS PROCEDURE q IS BEGIN DELETE FROM t; END; END;", "CREATE PACKAGE p"),
            ("SELECT a FROM t START WITH b = 1 CONNECT BY PRIOR c = d", "SELECT t"),
        ],
    );
    check(
        System::StandardSql,
        &[
            ("call next value for s", "call s"),
            ("SELECT NEXT VALUE FOR s FROM t", "SELECT t"),
            ("CALL next(1)", "CALL next"),
        ],
    );
    check(System::Snowflake, &[("CREATE TABLE a CLONE b", "CREATE TABLE a b")]);
    check(System::OtherSql, &[("CREATE TABLE a SHALLOW CLONE b", "CREATE TABLE a b")]);
    check(System::StandardSql, &[("CREATE USER MAPPING FOR u SERVER s", "CREATE USER MAPPING")]);
    check(
        System::Cassandra,
        &[(
            "BEGIN BATCH USING TIMESTAMP 1 INSERT INTO a (b) VALUES (1); UPDATE c SET d = 1; APPLY BATCH",
            "BEGIN INSERT a UPDATE c",
        )],
    );
    assert_eq!(sql::describe("EXECUTE AS USER = 'x'", System::SqlServer).stored_procedure, None);
    assert_eq!(sql::describe("call next value for s", System::StandardSql).stored_procedure, None);
    let update = sql::describe("UPDATE x SET a = 1 FROM dbo.t AS x", System::SqlServer);
    assert_eq!(update.collection.as_deref(), Some("dbo.t"));
    let bulk = sql::describe("BULK INSERT t FROM 'x'", System::SqlServer);
    assert_eq!((bulk.operation.as_deref(), bulk.collection.as_deref()), (Some("BULK INSERT"), Some("t")));
}

/// Protects the examples of the semantic conventions for `db.query.summary`.
#[test]
fn examples_of_the_semantic_conventions() {
    let query = "SELECT *\nFROM   \"song list\",\n       'artists'";
    check(System::OtherSql, &[(query, "SELECT \"song list\" 'artists'")]);
    check(System::Sqlite, &[(query, "SELECT \"song list\" 'artists'")]);
    assert_eq!(sql::describe(query, System::OtherSql).text, query);
    check(
        System::OtherSql,
        &[
            ("SELECT * FROM wuser_table WHERE username = ?", "SELECT wuser_table"),
            ("SELECT * FROM songs, artists WHERE songs.artist_id == artists.id", "SELECT songs artists"),
            ("{call some_stored_procedure}", "call some_stored_procedure"),
            // What does not look like a table is not taken for one, and neither is any string elsewhere.
            ("SELECT * FROM 's3://k:secret@b/x.csv'", "SELECT"),
            ("SELECT a, 'b' FROM t WHERE c IN ('d', 'e') ORDER BY 'f', 'g'", "SELECT t"),
        ],
    );
    check(System::PostgreSql, &[(query, "SELECT \"song list\"")]);
}

/// Protects against slicing within a character: names are compared whatever their last part is.
#[test]
fn names_with_a_quoted_part_before_letters_beyond_ascii_are_compared() {
    let systems = [
        System::OtherSql,
        System::PostgreSql,
        System::MySql,
        System::MariaDb,
        System::Sqlite,
        System::SqlServer,
        System::OracleDb,
    ];
    for system in systems {
        for (open, close) in [('"', '"'), ('`', '`'), ('[', ']')] {
            let name = format!("{open}db{close}.café");
            let _ = sql::describe(&format!("SELECT * FROM {name} JOIN {name} ON a = b"), system);
        }
    }
    check_names(r#"SELECT * FROM "db".café JOIN "db".café ON true"#, Some("SELECT"), Some(r#""db".café"#));
    check_names(r#"SELECT * FROM "db".café JOIN db."CAFé" ON a = b"#, Some("SELECT"), Some(r#""db".café"#));
}

/// Protects the limit: 255 characters, and no name is cut.
#[test]
fn summaries_end_with_a_whole_name() {
    let long = "ä".repeat(120);
    let query = format!("SELECT * FROM {long}, {long}, too_long");
    let statement = sql::describe(&query, System::PostgreSql);
    assert_eq!(statement.summary, Some(format!("SELECT {long} {long}")));

    let query = format!("SELECT * FROM {long}, {long}c, b, {long}");
    let statement = sql::describe(&query, System::PostgreSql);
    assert_eq!(statement.summary, Some(format!("SELECT {long} {long}c b")));

    let query = format!("SELECT * FROM {}, b", "a".repeat(256));
    assert_eq!(sql::describe(&query, System::PostgreSql).summary.as_deref(), Some("SELECT"));
}
