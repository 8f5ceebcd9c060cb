//! Descriptions of the statements seen last.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use super::describe::{describe, describe_parameterised};
use super::grammar::System;
use super::statement::Statement;
use crate::fingerprint::Fingerprint;

/// A [`Statement`] that is shared rather than borrowed. A field's clone can be an attribute's value
/// without copying the text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStatement {
    /// As [`Statement::operation`].
    pub operation: Option<Arc<str>>,
    /// As [`Statement::collection`].
    pub collection: Option<Arc<str>>,
    /// As [`Statement::stored_procedure`].
    pub stored_procedure: Option<Arc<str>>,
    /// As [`Statement::summary`].
    pub summary: Option<Arc<str>>,
    /// As [`Statement::text`].
    pub text: Arc<str>,
    /// As [`Statement::fingerprint`].
    pub fingerprint: u64,
}

impl From<Statement<'_>> for SharedStatement {
    fn from(statement: Statement<'_>) -> Self {
        Self {
            operation: statement.operation.map(Arc::from),
            collection: statement.collection.map(Arc::from),
            stored_procedure: statement.stored_procedure.map(Arc::from),
            summary: statement.summary.map(Arc::from),
            text: Arc::from(statement.text),
            fingerprint: statement.fingerprint,
        }
    }
}

/// Keeps the descriptions of statements that repeat, for several threads.
///
/// It holds at most twice its capacity of statements: when as many new ones have come as it has
/// capacity, those that were not asked for since are dropped. Statements longer than
/// [`StatementCache::LONGEST`] bytes are described anew each time, so the memory has a bound too.
///
/// ```
/// use otelbar_convert::sql::{StatementCache, System};
///
/// let cache = StatementCache::new(512);
/// let statement = cache.describe("DELETE FROM songs WHERE id = 7", System::MySql);
/// assert_eq!(&*statement.text, "DELETE FROM songs WHERE id = ?");
/// assert_eq!(cache.len(), 1);
/// ```
#[derive(Debug)]
pub struct StatementCache {
    capacity: usize,
    /// Random, so that nobody can tell beforehand which statements replace each other.
    seed: u64,
    generations: Mutex<Generations>,
}

/// Two maps of the standard library in place of a list in the order of use: a hit writes nothing, and the crates for the
/// latter, `lru` and `quick_cache`, would each bring `hashbrown` into a service beside that of the standard library.
#[derive(Debug, Default)]
struct Generations {
    young: Entries,
    old: Entries,
}

/// Entries by the hash of what they describe. Of two statements with one hash the later stays.
type Entries = HashMap<u64, Entry, BuildHasherDefault<AsIs>>;

#[derive(Debug)]
struct Entry {
    source: Box<str>,
    system: System,
    parameterised: bool,
    statement: Arc<SharedStatement>,
}

impl StatementCache {
    /// The longest statement that is kept, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// A cache for about `capacity` statements, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            seed: RandomState::new().hash_one(0_u8),
            generations: Mutex::default(),
        }
    }

    /// [`describe`](describe()), or what it gave before.
    #[must_use]
    pub fn describe(&self, text: &str, system: System) -> Arc<SharedStatement> {
        self.lookup(text, system, false)
    }

    /// [`describe_parameterised`], or what it gave before.
    #[must_use]
    pub fn describe_parameterised(&self, text: &str, system: System) -> Arc<SharedStatement> {
        self.lookup(text, system, true)
    }

    /// How many statements are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        let generations = self.generations();
        generations.young.len() + generations.old.len()
    }

    /// Whether no statement is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn generations(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Nothing panics while it holds the lock, and no state in between would do harm.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lookup(&self, text: &str, system: System, parameterised: bool) -> Arc<SharedStatement> {
        if text.len() > Self::LONGEST {
            return self.describe_anew(text, system, parameterised);
        }
        let kind = (system as u64) << 1 | u64::from(parameterised);
        // The standard hasher takes most of the time that a lookup has.
        let key = Fingerprint::seeded(self.seed).with_number(kind).with(text).finish();
        let is_same = |entry: &Entry| {
            &*entry.source == text && entry.system == system && entry.parameterised == parameterised
        };
        {
            let mut generations = self.generations();
            if let Some(entry) = generations.young.get(&key).filter(|entry| is_same(entry)) {
                return Arc::clone(&entry.statement);
            }
            if let Some(entry) = generations.old.remove(&key).filter(is_same) {
                let statement = Arc::clone(&entry.statement);
                generations.keep(key, entry, self.capacity);
                return statement;
            }
        }
        let statement = self.describe_anew(text, system, parameterised);
        let entry =
            Entry { source: Box::from(text), system, parameterised, statement: Arc::clone(&statement) };
        self.generations().keep(key, entry, self.capacity);
        statement
    }

    fn describe_anew(&self, text: &str, system: System, parameterised: bool) -> Arc<SharedStatement> {
        let statement =
            if parameterised { describe_parameterised(text, system) } else { describe(text, system) };
        Arc::new(SharedStatement::from(statement))
    }
}

impl Default for StatementCache {
    /// Room for 512 statements.
    fn default() -> Self {
        Self::new(512)
    }
}

impl Generations {
    fn keep(&mut self, key: u64, entry: Entry, capacity: usize) {
        if self.young.len() >= capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

/// Gives the map the hash that its key is.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only `write_u64` is called by the keys above.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
