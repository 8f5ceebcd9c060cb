//! A bounded folder of encoded requests that are to be sent later, or by a later process.
//!
//! The folder holds one folder a kind of encoding and version of this format, that holds the slots, that hold the
//! records: `otlp-protobuf.v1/0/00001763702581000000-512.record`. A record's number is the time at which it was stored,
//! in microseconds, or one more than the number before it when the clock has not gone on; so the names sort by age
//! across slots and restarts, and what there is can be counted from the names alone. All calls block.

mod error;
mod folder;
mod options;
mod record;
mod slot;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tracing::{debug, warn};

pub(crate) use self::error::SpoolError;
use self::folder::Folder;
pub use self::options::SpoolOptions;
pub(crate) use self::record::{Damage, Part, Record};
pub(crate) use self::slot::RecordId;
use self::slot::Slot;

/// Goes into the name of each kind's folder, so that other versions neither see nor harm what lies there.
const VERSION: &str = "v1";
/// What a file takes on disk beside its content: an inode and an entry in its folder.
const OVERHEAD: u64 = 512;
/// What most file systems give out space by.
const BLOCK: u64 = SpoolOptions::LEAST;

/// The records of one pipeline.
#[derive(Debug)]
pub(crate) struct Spool {
    slot: Slot,
    /// Where the slots are.
    parent: Folder,
    max_bytes: u64,
    /// The length of each record's file.
    records: BTreeMap<RecordId, u64>,
    /// Records that are done with, but whose files could not be removed.
    stuck: BTreeMap<RecordId, u64>,
    /// The highest number given.
    last: u64,
    spans: u64,
    /// What all files take, those that are stuck too.
    bytes: u64,
    recovered: u64,
    damaged: Damaged,
    /// Damaged records that were removed and not told of yet.
    lost: Vec<RecordId>,
}

/// What became of a record that was to be stored.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pushed {
    pub(crate) stored: Result<RecordId, SpoolError>,
    /// What had to give way, even if in vain.
    pub(crate) evicted: Vec<Removed>,
}

/// A record that had to give way, unsent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) id: RecordId,
    pub(crate) spans: u64,
    /// The pipeline it comes from; `None` when it could not be read any more.
    pub(crate) run: Option<u64>,
    /// Empty when it could not be read any more.
    pub(crate) parts: Vec<Part>,
}

/// What was found damaged and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) records: u64,
    /// As the names of the files tell.
    pub(crate) spans: u64,
}

impl Spool {
    /// Opens the folder or makes it, and takes over what earlier processes left there that sent the same `kind` of
    /// request. What is of another kind stays as it is.
    ///
    /// # Errors
    ///
    /// What the file system refuses, and a folder that other users could write to.
    pub(crate) fn open(options: &SpoolOptions, kind: &str) -> Result<Self, SpoolError> {
        let parent = Folder::open(&options.folder)?.subfolder(&format!("{kind}.{VERSION}"))?;
        let slot = Slot::take_first(&parent)?;
        let records = slot.records()?;
        let mut spool = Self {
            slot,
            parent,
            max_bytes: options.max_bytes,
            records: BTreeMap::new(),
            stuck: BTreeMap::new(),
            last: 0,
            spans: 0,
            bytes: 0,
            recovered: 0,
            damaged: Damaged::default(),
            lost: Vec::new(),
        };
        for (id, len) in records {
            spool.enter(id, len);
            spool.recovered += u64::from(id.spans);
        }
        spool.adopt();
        Ok(spool)
    }

    /// Takes over what processes that have ended meanwhile left, as far as there is room, the oldest first, and gives
    /// the number of its spans. What has no room stays where it is, for the next who looks.
    pub(crate) fn adopt(&mut self) -> u64 {
        let others = self.slot.take_others(&self.parent);
        let mut left: Vec<(RecordId, u64, &Slot)> = Vec::new();
        for other in &others {
            match other.records() {
                Ok(records) => left.extend(records.into_iter().map(|(id, len)| (id, len, other))),
                Err(error) => {
                    debug!(target: "otelbar_export", %error, "spooled spans are left where they are")
                }
            }
        }
        left.sort_unstable_by_key(|(id, ..)| *id);
        let mut adopted = 0_u64;
        for (id, len, other) in left {
            if self.bytes.saturating_add(size_on_disk(len)) > self.max_bytes {
                break;
            }
            let mut new_id = id;
            while self.records.contains_key(&new_id) || self.stuck.contains_key(&new_id) {
                new_id.number += 1;
            }
            if let Err(error) = self.slot.adopt(other, id, new_id) {
                debug!(target: "otelbar_export", %error, "spooled spans are left where they are");
                continue;
            }
            self.enter(new_id, len);
            adopted += u64::from(id.spans);
        }
        if adopted > 0 {
            // As well as it goes: the records are whole in the one folder or the other.
            let _ = self.slot.sync();
        }
        self.recovered += adopted;
        adopted
    }

    /// Stores a record durably. The oldest give way to it.
    pub(crate) fn push(&mut self, record: &Record) -> Pushed {
        let mut evicted = Vec::new();
        let stored = self.store(record, SystemTime::now(), &mut evicted);
        Pushed { stored, evicted }
    }

    /// The oldest record that can be read. Damaged ones before it are removed and counted. Ones that the file system
    /// does not give are passed over, and are an error only when there is no other.
    pub(crate) fn oldest(&mut self) -> Result<Option<(RecordId, Record)>, SpoolError> {
        let mut unread = None;
        let mut from = Bound::Unbounded;
        while let Some((&id, &len)) = self.records.range((from, Bound::Unbounded)).next() {
            from = Bound::Excluded(id);
            match self.read(id, len) {
                Ok(Ok(record)) => return Ok(Some((id, record))),
                Ok(Err(loss)) => self.discard(id, &loss),
                Err(error) => {
                    unread.get_or_insert(error);
                }
            }
        }
        unread.map_or(Ok(None), Err)
    }

    /// The records found damaged since this was asked last.
    pub(crate) fn take_lost(&mut self) -> Vec<RecordId> {
        std::mem::take(&mut self.lost)
    }

    /// Removes a record, because what became of it is known. It is not given again, even when the file stays because
    /// it cannot be removed; a later process then finds it.
    pub(crate) fn remove(&mut self, id: RecordId) {
        let Some(len) = self.records.remove(&id) else { return };
        self.spans -= u64::from(id.spans);
        match self.slot.remove(id) {
            Ok(()) => self.bytes = self.bytes.saturating_sub(size_on_disk(len)),
            Err(error) => {
                if self.stuck.is_empty() {
                    warn!(target: "otelbar_export", %error, "spans that were sent may be sent again after a restart");
                }
                self.stuck.insert(id, len);
            }
        }
    }

    /// The spans in all records.
    pub(crate) fn spans(&self) -> u64 {
        self.spans
    }

    /// The disk in use, as [`SpoolOptions::with_max_bytes`] reckons it.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    #[cfg(test)]
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// The spans of earlier processes found so far, those that turned out damaged too.
    pub(crate) fn recovered(&self) -> u64 {
        self.recovered
    }

    /// What was found damaged so far.
    pub(crate) fn damaged(&self) -> Damaged {
        self.damaged
    }

    /// Where the records are.
    pub(crate) fn folder(&self) -> &Path {
        self.slot.folder()
    }

    fn store(
        &mut self,
        record: &Record,
        now: SystemTime,
        evicted: &mut Vec<Removed>,
    ) -> Result<RecordId, SpoolError> {
        let size = size_on_disk(record.len());
        let (Some(header), Some(spans), true) = (record.header(), record.spans(), size <= self.max_bytes)
        else {
            let (max_bytes, folder) = (self.max_bytes, self.folder().to_owned());
            return Err(SpoolError::TooLarge { size, max_bytes, folder });
        };
        self.make_room(size, evicted)?;
        let id = RecordId { number: number_after(self.last, now), spans };
        self.last = id.number;
        self.slot.write(id, &header, &record.body)?;
        self.enter(id, record.len());
        Ok(id)
    }

    /// Removes files until there is room for one of this size.
    fn make_room(&mut self, size: u64, evicted: &mut Vec<Removed>) -> Result<(), SpoolError> {
        let mut failure = None;
        let (slot, bytes) = (&self.slot, &mut self.bytes);
        self.stuck.retain(|id, len| match slot.remove(*id) {
            Ok(()) => {
                *bytes = bytes.saturating_sub(size_on_disk(*len));
                false
            }
            Err(error) => {
                failure.get_or_insert(error);
                true
            }
        });
        let mut from = Bound::Unbounded;
        while self.bytes.saturating_add(size) > self.max_bytes {
            let Some((&id, &len)) = self.records.range((from, Bound::Unbounded)).next() else { break };
            from = Bound::Excluded(id);
            // Read before it is gone, so that its parts can be told.
            let record = self.read(id, len).ok().and_then(Result::ok);
            if let Err(error) = self.slot.remove(id) {
                failure.get_or_insert(error);
                continue;
            }
            self.records.remove(&id);
            self.spans -= u64::from(id.spans);
            self.bytes = self.bytes.saturating_sub(size_on_disk(len));
            let (run, parts) = record.map_or((None, Vec::new()), |record| (Some(record.run), record.parts));
            evicted.push(Removed { id, spans: id.spans.into(), run, parts });
        }
        match failure {
            Some(error) if self.bytes.saturating_add(size) > self.max_bytes => Err(error),
            _ => Ok(()),
        }
    }

    fn read(&self, id: RecordId, len: u64) -> Result<Result<Record, Loss>, SpoolError> {
        if size_on_disk(len) > self.max_bytes {
            return Ok(Err(Loss::Size { len }));
        }
        let file = match self.slot.read(id) {
            Ok(file) => Bytes::from(file),
            Err(SpoolError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Err(Loss::Gone));
            }
            Err(error) => return Err(error),
        };
        Ok(match Record::decode(file) {
            Ok(record) if record.spans() != Some(id.spans) => Err(Loss::Name),
            Ok(record) => Ok(record),
            Err(damage) => Err(damage.into()),
        })
    }

    fn discard(&mut self, id: RecordId, loss: &Loss) {
        let (spans, folder) = (id.spans, self.folder().display());
        if self.damaged.records == 0 {
            warn!(
                target: "otelbar_export",
                record = %id,
                spans,
                %folder,
                reason = %loss,
                "a spooled request cannot be sent, its spans are lost; others like it are only counted"
            );
        } else {
            debug!(target: "otelbar_export", record = %id, spans, %folder, reason = %loss, "another spooled request is lost");
        }
        self.lost.push(id);
        self.damaged.records += 1;
        self.damaged.spans += u64::from(id.spans);
        self.remove(id);
    }

    fn enter(&mut self, id: RecordId, len: u64) {
        self.records.insert(id, len);
        self.last = self.last.max(id.number);
        self.spans += u64::from(id.spans);
        self.bytes = self.bytes.saturating_add(size_on_disk(len));
    }
}

/// Why a record cannot be sent.
#[derive(Debug, thiserror::Error)]
enum Loss {
    #[error(transparent)]
    Damage(#[from] Damage),
    #[error("it does not hold as many spans as its name says")]
    Name,
    #[error("with {len} bytes it is larger than the spool may be")]
    Size { len: u64 },
    #[error("its file is gone")]
    Gone,
}

/// What a file of this length takes on disk.
fn size_on_disk(len: u64) -> u64 {
    len.saturating_add(OVERHEAD).checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// The number of a record stored now.
fn number_after(last: u64, now: SystemTime) -> u64 {
    let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let micros = u64::try_from(micros).unwrap_or(u64::MAX).min(RecordId::MAX_NUMBER);
    micros.max(last + 1)
}

#[cfg(test)]
mod tests;
