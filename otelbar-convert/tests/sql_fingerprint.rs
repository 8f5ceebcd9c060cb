//! Which statements count as repetitions of each other.

use otelbar_convert::sql::{self, StatementCache, System};
use proptest::prelude::*;

fn fingerprint(query: &str) -> u64 {
    sql::describe(query, System::PostgreSql).fingerprint
}

/// Protects what repeats: values, lists, rows, comments and whitespace tell no statements apart.
#[test]
fn statements_that_differ_in_values_are_one() {
    let groups: [&[&str]; 15] = [
        &[
            "SELECT * FROM t WHERE id = 1",
            "SELECT * FROM t WHERE id = -22",
            "SELECT * FROM t WHERE id='x'",
            "SELECT *  FROM t -- why\n WHERE id = ?",
            "SELECT * FROM t WHERE id = $1",
            "SELECT * FROM t WHERE id = %s",
            "SELECT * FROM t WHERE id = %(id)s",
        ],
        &[
            "SELECT * FROM t WHERE id IN (?)",
            "SELECT * FROM t WHERE id IN (?, ?)",
            "SELECT * FROM t WHERE id IN (?,?,?)",
            "SELECT * FROM t WHERE id IN (1, 'x', NULL, true)",
            "SELECT * FROM t WHERE id IN (:a, :b)",
            "SELECT * FROM t WHERE id IN (%s, %s, %s)",
            "SELECT * FROM t WHERE id IN (%(id_1)s, %(id_2)s)",
        ],
        &["SELECT * FROM t WHERE id in ($1, $2) AND a = $3", "SELECT * FROM t WHERE id in ($1) AND a = $2"],
        &["a IN (:id_1) AND b = :x_2", "a IN (:id_1, :id_2) AND b = :x_3"],
        &["(a, b) IN ((?, ?))", "(a, b) IN ((?, ?), (1, 'x'))"],
        &["a IN ($1::int)", "a IN ($1::int, $2::int)"],
        &["a IN (f(?))", "a IN (f(?), f(?))"],
        &["a = ANY(ARRAY[?])", "a = ANY(ARRAY[?, ?, ?])"],
        &["ARRAY[[1, 2]]", "ARRAY[[1, 2], [3, 4]]"],
        &[
            "INSERT INTO t (a, b) VALUES (?, ?)",
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)",
            "INSERT INTO t (a, b) VALUES (1, NULL), (DEFAULT, 'x'), ($1, $2)",
        ],
        &[
            "INSERT INTO t VALUES (?, now()) ON CONFLICT DO NOTHING",
            "INSERT INTO t VALUES (?, now()), (?, now()) ON CONFLICT DO NOTHING",
        ],
        &["VALUES ROW(1, 2)", "VALUES ROW(1, 2), ROW(3, 4)"],
        &["WITH v AS (VALUES (1), (2)) SELECT * FROM v", "WITH v AS (VALUES (1)) SELECT * FROM v"],
        &["VALUES (1); VALUES (1), (2)", "VALUES (1), (2); VALUES (1)"],
        &["VALUES (1, (2, 3)), (4, (5, 6))", "VALUES (1, (2, 3))"],
    ];
    for (index, group) in groups.iter().enumerate() {
        for query in *group {
            assert_eq!(fingerprint(query), fingerprint(group[0]), "{query} and {}", group[0]);
            for other in &groups[..index] {
                assert_ne!(fingerprint(query), fingerprint(other[0]), "{query} and {}", other[0]);
            }
        }
    }
}

/// Protects against false findings: what reads something else has a fingerprint of its own.
#[test]
fn statements_that_differ_in_more_are_told_apart() {
    for (one, other) in [
        ("SELECT a FROM t", "SELECT b FROM t"),
        ("SELECT a FROM t", "SELECT a FROM \"t\""),
        ("SELECT f(?, ?)", "SELECT f(?)"),
        ("SELECT a, a FROM t", "SELECT a FROM t"),
        ("SELECT * FROM t WHERE a IS NULL", "SELECT * FROM t WHERE a IS ?"),
        ("a IN (SELECT b, b FROM t)", "a IN (SELECT b FROM t)"),
        ("a IN (?, b)", "a IN (?)"),
        ("a IN (b, c)", "a IN (b)"),
        ("a IN (?) AND b = ?", "a IN (?) OR b = ?"),
        ("a IN (?), b", "a IN (?, b)"),
        ("INSERT INTO t (a) VALUES (?)", "INSERT INTO t (b) VALUES (?)"),
        ("SELECT :a", "SELECT :b"),
        ("a = ?", "a > ?"),
        ("a.b", "a b"),
        ("ab", "a b"),
        ("a % s", "a ?"),
    ] {
        assert_ne!(fingerprint(one), fingerprint(other), "{one} and {other}");
    }
}

/// Protects parameters with names: numbers at their end shift with the length of a list.
#[test]
fn numbers_of_named_parameters_do_not_matter() {
    let fingerprint = |query| sql::describe(query, System::SqlServer).fingerprint;
    assert_eq!(
        fingerprint("SELECT a IN (@p1) AND b = @p2"),
        fingerprint("SELECT a IN (@p1, @p2, @p3) AND b = @p4")
    );
    assert_ne!(fingerprint("SELECT * FROM @a"), fingerprint("SELECT * FROM @b"));
}

/// Protects the path that findings take.
#[test]
fn a_cached_statement_has_its_fingerprint() {
    let cache = StatementCache::default();
    let query = "SELECT * FROM t WHERE id IN (?, ?)";
    assert_eq!(cache.describe(query, System::PostgreSql).fingerprint, fingerprint(query));
    assert_eq!(cache.describe_parameterised(query, System::PostgreSql).fingerprint, fingerprint(query));
}

/// Protects grouping: sanitising a statement leaves its fingerprint as it was.
#[test]
fn a_sanitised_statement_has_the_same_fingerprint() {
    for query in
        ["SELECT a FROM t WHERE b = 'x' AND c IN (1, 2)", "INSERT INTO t VALUES (1, 'x'), (2, 'y') -- z"]
    {
        assert_eq!(fingerprint(&sql::describe(query, System::PostgreSql).text), fingerprint(query));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Protects lists of any length, in any surroundings of the same.
    #[test]
    fn the_length_of_a_list_does_not_matter(length in 1_usize..50, rows in 1_usize..50) {
        let list = vec!["?"; length].join(", ");
        prop_assert_eq!(fingerprint(&format!("SELECT (a IN ({list}))")), fingerprint("SELECT (a IN (?))"));
        let values = vec!["(?, 'x')"; rows].join(",");
        prop_assert_eq!(fingerprint(&format!("INSERT INTO t VALUES {values}")), fingerprint("INSERT INTO t VALUES (?, ?)"));
    }

    /// Protects against panics: brackets of any kind need not match.
    #[test]
    fn any_brackets_have_a_fingerprint(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec!["(", ")", "[", "]", ",", ";", "IN", "VALUES", "ARRAY", "ROW", "SELECT", "?", "a", "%", "%(é)s", "%s"]),
            0..60,
        )
    ) {
        let _ = fingerprint(&pieces.join(" "));
        let _ = fingerprint(&pieces.concat());
    }
}
