//! Describing a statement, beside what sqlparser takes only to tokenize it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otelbar_convert::sql::{self, StatementCache, System};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::Tokenizer;

/// 200 bytes as an object-relational mapper writes them.
const STATEMENT: &str = "SELECT s.id, s.title, s.length, a.name FROM songs s INNER JOIN artists a ON a.id = \
    s.artist_id WHERE a.name = 'Nina Simone' AND s.length > 180.5 AND s.genre IN (3, 7, 12) ORDER BY s.id \
    LIMIT 50 OFFSET";

fn sanitise(criterion: &mut Criterion) {
    assert_eq!(STATEMENT.len(), 200);
    let mut group = criterion.benchmark_group("sql_200_bytes");
    group.bench_function("ours", |bencher| {
        bencher.iter(|| sql::describe(black_box(STATEMENT), System::PostgreSql));
    });
    group.bench_function("sqlparser_tokenizer", |bencher| {
        let dialect = PostgreSqlDialect {};
        bencher.iter(|| Tokenizer::new(&dialect, black_box(STATEMENT)).tokenize_with_location());
    });
    group.finish();
}

fn cached(criterion: &mut Criterion) {
    let cache = StatementCache::default();
    let mut group = criterion.benchmark_group("sql_200_bytes_cached");
    group.bench_function("ours", |bencher| {
        bencher.iter(|| cache.describe(black_box(STATEMENT), System::PostgreSql));
    });
    group.finish();
}

fn megabytes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sql_megabytes");
    group.sample_size(10);
    for count in [1, 10] {
        let text = "INSERT INTO t VALUES (1, 'two', 3.0); ".repeat(count * 1024 * 1024 / 38);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(criterion::BenchmarkId::new("ours", count), |bencher| {
            bencher.iter(|| sql::describe(black_box(&text), System::PostgreSql));
        });
    }
    group.finish();
}

criterion_group!(benches, sanitise, cached, megabytes);
criterion_main!(benches);
