//! The shop's database: SQLite, through sqlx, whose queries the toolbar records as they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, FromRow, query, query_as, query_scalar, raw_sql};
use tempfile::TempDir;

use super::failure::Failure;
use crate::AnyError;
use crate::number::Number;

/// Books in the database, with the ids 1 to this.
pub(crate) const BOOKS: u32 = 48;
/// Authors in the database.
pub(crate) const AUTHORS: u32 = 12;
/// Shelves in the shop.
pub(crate) const SHELVES: u32 = 6;

const CONNECTIONS: u32 = 8;

#[derive(FromRow, Serialize)]
pub(crate) struct Book {
    pub(super) id: i64,
    pub(super) title: String,
    author: String,
    year: i64,
    price_cents: i64,
}

#[derive(FromRow)]
pub(super) struct Author {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) born: i64,
}

#[derive(FromRow, Serialize)]
pub(super) struct Review {
    reader: String,
    rating: i64,
    text: String,
}

/// Two books that readers liked equally.
#[derive(FromRow, Serialize)]
pub(super) struct Pair {
    one: String,
    other: String,
    readers: i64,
}

/// One line of an order.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) book: i64,
    pub(super) quantity: u32,
}

/// A database in a temporary folder, which goes with it.
pub(super) struct Database {
    pool: SqlitePool,
    _folder: TempDir,
}

impl Database {
    pub(super) async fn create() -> Result<Self, AnyError> {
        let folder = tempfile::Builder::new().prefix("otelbar-demo-").tempdir()?;
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(30));
        // The first connection sets the journal's mode by itself. Those of the pool are opened side by side, and of
        // several that set it at once all but one are told that the database is locked, however patient they are.
        let mut first = options.connect().await?;
        raw_sql(include_str!("seed.sql")).execute(&mut first).await?;
        // All connections are opened here, and stay: otherwise what a connection asks when it is opened would be part
        // of whichever request opens it. That would be true as well, but no request would look like the one before.
        // Nor are they tested before use: a request that is given up during the test takes its connection with it.
        let pool = SqlitePoolOptions::new()
            .min_connections(CONNECTIONS)
            .max_connections(CONNECTIONS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        first.close().await?;
        Ok(Database { pool, _folder: folder })
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn newest_books(&self, number: Number) -> sqlx::Result<Vec<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id ORDER BY year DESC LIMIT 8",
        ))
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn count_orders(&self, number: Number) -> sqlx::Result<i64> {
        query_scalar(number.sql("SELECT count(*) FROM orders")).fetch_one(&self.pool).await
    }

    pub(super) async fn books(&self, number: Number) -> sqlx::Result<Vec<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id ORDER BY title",
        ))
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn book(&self, number: Number, id: i64) -> sqlx::Result<Option<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id WHERE books.id = ?",
        ))
        .bind(id)
        .fetch_optional(&self.pool)
        .await
    }

    pub(super) async fn reviews(&self, number: Number, book: i64) -> sqlx::Result<Vec<Review>> {
        query_as(
            number.sql(
                "SELECT reader, rating, text FROM reviews WHERE book_id = ? ORDER BY rating DESC LIMIT 5",
            ),
        )
        .bind(book)
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn authors(&self, number: Number, first: u32) -> sqlx::Result<Vec<Author>> {
        query_as(number.sql("SELECT id, name, born FROM authors ORDER BY name LIMIT ?"))
            .bind(first)
            .fetch_all(&self.pool)
            .await
    }

    pub(super) async fn books_of(&self, number: Number, author: i64) -> sqlx::Result<Vec<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id WHERE author_id = ? ORDER BY year",
        ))
        .bind(author)
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn shelf(&self, number: Number, place: u32) -> sqlx::Result<Vec<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id WHERE shelf = ? ORDER BY title",
        ))
        .bind(place)
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn search(&self, number: Number, words: &str) -> sqlx::Result<Vec<Book>> {
        query_as(number.sql(
            "SELECT books.id, title, authors.name AS author, year, price_cents \
             FROM books JOIN authors ON authors.id = author_id \
             WHERE title LIKE '%' || ?1 || '%' OR name LIKE '%' || ?1 || '%' ORDER BY title",
        ))
        .bind(words)
        .fetch_all(&self.pool)
        .await
    }

    /// Compares the first so many reviews with every other one: no index helps.
    pub(super) async fn bought_together(&self, number: Number, reviews: i64) -> sqlx::Result<Vec<Pair>> {
        query_as(number.sql(
            "SELECT one.title AS one, other.title AS other, count(*) AS readers \
             FROM reviews AS mine CROSS JOIN reviews AS theirs \
             JOIN books AS one ON one.id = mine.book_id JOIN books AS other ON other.id = theirs.book_id \
             WHERE mine.id <= ? AND mine.book_id < theirs.book_id AND lower(mine.reader) = lower(theirs.reader) \
             AND abs(mine.rating - theirs.rating) < 1 \
             GROUP BY one.id, other.id ORDER BY readers DESC, one.title, other.title LIMIT 10",
        ))
        .bind(reviews)
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn apply_discount(&self, number: Number, order: i64) -> sqlx::Result<()> {
        let update = query(number.sql(
            "UPDATE orders SET total_cents = total_cents - total_cents / (SELECT count(*) FROM discounts) WHERE id = ?",
        ));
        // The toolbar is told how it ends, which sqlx does not tell.
        otelbar_panel::query(update.bind(order).execute(&self.pool)).await?;
        Ok(())
    }

    /// Writes an order down with its lines, all or nothing; its id. One query, one for each line, and one.
    pub(super) async fn place_order(
        &self,
        number: Number,
        customer: &str,
        lines: &[Line],
    ) -> Result<i64, Failure> {
        if lines.is_empty() {
            return Err(Failure::EmptyOrder);
        }
        // It is known that it will write; waiting for the others at its start, it cannot fail in its middle.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let order = query(number.sql("INSERT INTO orders (customer, total_cents) VALUES (?, 0)"))
            .bind(customer)
            .execute(&mut *transaction)
            .await?
            .last_insert_rowid();
        for line in lines {
            let inserted = query(number.sql(
                "INSERT INTO order_lines (order_id, book_id, quantity, price_cents) \
                 SELECT ?, id, ?, price_cents FROM books WHERE id = ?",
            ))
            .bind(order)
            .bind(line.quantity)
            .bind(line.book)
            .execute(&mut *transaction)
            .await?;
            if inserted.rows_affected() == 0 {
                return Err(Failure::NoSuchBook(line.book));
            }
        }
        query(number.sql(
            "UPDATE orders SET total_cents = \
             (SELECT sum(quantity * price_cents) FROM order_lines WHERE order_id = orders.id) WHERE id = ?",
        ))
        .bind(order)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(order)
    }

    pub(super) async fn total(&self, number: Number, order: i64) -> sqlx::Result<i64> {
        query_scalar(number.sql("SELECT total_cents FROM orders WHERE id = ?"))
            .bind(order)
            .fetch_one(&self.pool)
            .await
    }

    pub(super) async fn confirm(&self, number: Number, order: i64) -> sqlx::Result<()> {
        query(number.sql("UPDATE orders SET confirmed = 1 WHERE id = ?"))
            .bind(order)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
