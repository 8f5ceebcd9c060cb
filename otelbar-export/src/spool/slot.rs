//! A slot: the folder that one pipeline has to itself as long as it holds the lock in it.
//!
//! A record is written under a temporary name, synced and renamed, so that what has a record's name is whole. Lock
//! files and the folders of slots are never removed: another process might be about to lock them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::SpoolError;
use super::folder::{self, Folder, Mode};

/// More pipelines at once than share a folder; past it something is wrong with the locks.
const SLOTS: usize = 1024;
const LOCK: &str = "lock";
const RECORD: &str = ".record";
const TEMPORARY: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Slot {
    folder: Folder,
    /// Locked until it is unlocked, or closed by the end of the process.
    lock: File,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started from this one has the file open as well, until
        // its own program runs.
        let _ = folder::unlock(&self.lock);
    }
}

impl Slot {
    /// Takes the first slot in `parent` that nobody holds. Makes the folders.
    pub(super) fn take_first(parent: &Folder) -> Result<Self, SpoolError> {
        for number in 0..SLOTS {
            if let Some(slot) = Self::take(parent.subfolder(&number.to_string())?)? {
                return Ok(slot);
            }
        }
        let error = io::Error::other(format!("all of its {SLOTS} slots are locked"));
        Err(SpoolError::at("lock", parent.path())(error))
    }

    /// Takes this slot; `None` when another holds it.
    fn take(folder: Folder) -> Result<Option<Self>, SpoolError> {
        let lock = folder.file(LOCK, Mode::Create)?;
        let locked = folder::try_lock(&lock).map_err(SpoolError::at("lock", &folder.path_of(LOCK)))?;
        Ok(locked.then_some(Self { folder, lock }))
    }

    /// Takes the other slots in `parent` that nobody holds. Those that cannot be looked into are left alone.
    pub(super) fn take_others(&self, parent: &Folder) -> Vec<Self> {
        let own = self.folder.path().file_name().and_then(|name| name.to_str());
        let names = parent.names().unwrap_or_default().into_iter();
        let others = names.filter(|name| {
            Some(name.as_str()) != own && name.parse().is_ok_and(|slot: usize| slot.to_string() == *name)
        });
        others.filter_map(|name| Self::take(parent.open_subfolder(&name).ok()?).ok().flatten()).collect()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The records there are, and the length of each file. Removes what a crash left half written. What is another
    /// user's, or can be written to by others, is no record.
    pub(super) fn records(&self) -> Result<Vec<(RecordId, u64)>, SpoolError> {
        let mut records = Vec::new();
        for name in self.folder.names().map_err(SpoolError::at("list", self.folder()))? {
            if let Some(id) = name.strip_suffix(RECORD).and_then(RecordId::parse) {
                match self.folder.len(&name) {
                    Ok(len) => records.extend(len.map(|len| (id, len))),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(SpoolError::at("look at", &self.folder.path_of(name))(error)),
                }
            } else if name.strip_suffix(TEMPORARY).and_then(RecordId::parse).is_some() {
                self.remove_file(&name)?;
            }
        }
        Ok(records)
    }

    /// Has the record on disk for good, or not at all.
    pub(super) fn write(&self, id: RecordId, header: &[u8], body: &[u8]) -> Result<(), SpoolError> {
        let (name, temporary) = (format!("{id}{RECORD}"), format!("{id}{TEMPORARY}"));
        let written = self.folder.file(&temporary, Mode::CreateNew).and_then(|mut file| {
            let written = (|| {
                file.write_all(header)?;
                file.write_all(body)?;
                file.sync_all()?;
                // Windows renames no file that is open.
                drop(file);
                self.folder.take_over(&self.folder, &temporary, &name)
            })();
            written.map_err(SpoolError::at("write", &self.folder.path_of(&name)))
        });
        written.and_then(|()| self.sync()).inspect_err(|_| {
            // Whatever there is of it. Where this fails too, the next process finds and removes it.
            let _ = self.folder.remove(&temporary);
            let _ = self.folder.remove(&name);
        })
    }

    pub(super) fn read(&self, id: RecordId) -> Result<Vec<u8>, SpoolError> {
        let name = format!("{id}{RECORD}");
        let mut content = Vec::new();
        let read = self.folder.file(&name, Mode::Read)?.read_to_end(&mut content);
        read.map_err(SpoolError::at("read", &self.folder.path_of(name)))?;
        Ok(content)
    }

    /// Removes a record, if it is there. Not synced: a removal that a power failure undoes has the record sent again,
    /// which is allowed for.
    pub(super) fn remove(&self, id: RecordId) -> Result<(), SpoolError> {
        self.remove_file(&format!("{id}{RECORD}"))
    }

    /// Moves a record here out of another slot.
    pub(super) fn adopt(&self, other: &Self, id: RecordId, new_id: RecordId) -> Result<(), SpoolError> {
        let name = format!("{id}{RECORD}");
        let moved = self.folder.take_over(&other.folder, &name, &format!("{new_id}{RECORD}"));
        moved.map_err(SpoolError::at("move", &other.folder.path_of(name)))
    }

    /// Has the names in it on disk.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        self.folder.sync().map_err(SpoolError::at("sync", self.folder()))
    }

    fn remove_file(&self, name: &str) -> Result<(), SpoolError> {
        match self.folder.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SpoolError::at("remove", &self.folder.path_of(name))(error))
            }
            _ => Ok(()),
        }
    }
}

/// Names a record; its file's name is made of it. A later record has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordId {
    pub(super) number: u64,
    /// The spans in it.
    pub(super) spans: u32,
}

impl RecordId {
    /// How many spans it holds.
    pub(crate) fn spans(self) -> u32 {
        self.spans
    }

    /// The highest number that is read from a name, so that there are always higher ones to give.
    pub(super) const MAX_NUMBER: u64 = u64::MAX / 2;

    /// Reads what [`Display`](fmt::Display) writes, to the letter.
    fn parse(text: &str) -> Option<Self> {
        let (number, spans) = text.split_once('-')?;
        let id = Self { number: number.parse().ok()?, spans: spans.parse().ok()? };
        (id.number <= Self::MAX_NUMBER && id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{}", self.number, self.spans)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(number in 0..=RecordId::MAX_NUMBER, spans: u32) {
            let id = RecordId { number, spans };
            prop_assert_eq!(RecordId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn names_sort_by_number() {
        let name = |number| RecordId { number, spans: 1 }.to_string();
        assert!(name(9) < name(10) && name(10) < name(RecordId::MAX_NUMBER));
    }

    #[test]
    fn other_names_are_no_ids() {
        for text in [
            "",
            "-",
            "7-1",
            "0000000000000000007-1",
            "00000000000000000007-",
            "00000000000000000007-01",
            "00000000000000000007-1-1",
            "00000000000000000007-+1",
            "00000000000000000007-4294967296",
            "18446744073709551615-1",
            "99999999999999999999-1",
        ] {
            assert_eq!(RecordId::parse(text), None, "{text:?}");
        }
    }
}
