//! The cache gives what the functions give, and stays small.

use std::sync::Arc;

use otelbar_convert::sql::{self, SharedStatement, StatementCache, System};

/// Protects the fields of what is shared.
#[test]
fn a_cached_statement_says_what_an_uncached_one_does() {
    let cache = StatementCache::default();
    for query in ["SELECT 'x' FROM t", "CALL p(1)", "CREATE TABLE a (b int)", ""] {
        let expected = SharedStatement::from(sql::describe(query, System::OtherSql));
        assert_eq!(*cache.describe(query, System::OtherSql), expected);
        let expected = SharedStatement::from(sql::describe_parameterised(query, System::OtherSql));
        assert_eq!(*cache.describe_parameterised(query, System::OtherSql), expected);
    }
}

/// Protects the purpose: what was described is not described again.
#[test]
fn a_repeated_statement_is_described_once() {
    let cache = StatementCache::default();
    assert!(cache.is_empty());
    let first = cache.describe("SELECT 1", System::MySql);
    assert!(Arc::ptr_eq(&first, &cache.describe("SELECT 1", System::MySql)));
    assert_eq!(cache.len(), 1);
}

/// Protects against confusion: what a text means depends on the system and on whether it has parameters.
#[test]
fn system_and_parameters_tell_statements_apart() {
    let cache = StatementCache::default();
    let query = r#"SELECT "a", 1"#;
    assert_eq!(&*cache.describe(query, System::MySql).text, "SELECT ?, ?");
    assert_eq!(&*cache.describe(query, System::PostgreSql).text, r#"SELECT "a", ?"#);
    assert_eq!(&*cache.describe_parameterised(query, System::MySql).text, query);
}

/// Protects memory: at most twice the capacity, and no long texts.
#[test]
fn the_cache_is_bounded() {
    let cache = StatementCache::new(10);
    for number in 0..1_000 {
        let _ = cache.describe(&format!("SELECT a{number}"), System::Sqlite);
        assert!(cache.len() <= 20);
    }
    let len = cache.len();
    let long = format!("SELECT '{}'", "x".repeat(StatementCache::LONGEST));
    assert_eq!(&*cache.describe(&long, System::Sqlite).text, "SELECT ?");
    assert_eq!(cache.len(), len);
    assert_eq!(&*StatementCache::new(0).describe("SELECT 1", System::Sqlite).text, "SELECT ?");
}

/// Protects what is in use: it outlives any number of statements seen once.
#[test]
fn a_statement_asked_for_again_and_again_stays() {
    let cache = StatementCache::new(10);
    let hot = cache.describe("SELECT hot", System::Sqlite);
    for number in 0..1_000 {
        let _ = cache.describe(&format!("SELECT a{number}"), System::Sqlite);
        assert!(Arc::ptr_eq(&hot, &cache.describe("SELECT hot", System::Sqlite)));
    }
}

/// Protects the hash: texts that differ in any byte, or only in length, are told apart.
#[test]
fn similar_texts_are_told_apart() {
    let cache = StatementCache::new(1_000);
    for length in 0..200 {
        let text = "a".repeat(length);
        assert_eq!(&*cache.describe(&text, System::Sqlite).text, text);
    }
    assert_eq!(cache.len(), 200);
}

/// Protects concurrent use: the cache is shared by reference.
#[test]
fn threads_share_a_cache() {
    let cache = StatementCache::new(8);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..200 {
                    let query = format!("SELECT * FROM t{} WHERE a = 1", number % 20);
                    let statement = cache.describe(&query, System::OtherSql);
                    assert_eq!(statement.text.len(), query.len());
                }
            });
        }
    });
}
