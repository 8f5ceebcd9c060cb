//! A slot: the folder that one pipeline has to itself as long as it holds the lock in it.
//!
//! A record is written under a temporary name, synced and renamed, so that what has a record's name is whole. Lock
//! files and the folders of slots are never removed: another process might be about to lock them.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::SpoolError;

/// More pipelines at once than share a folder; past it something is wrong with the locks.
const SLOTS: usize = 1024;
const LOCK: &str = "lock";
const RECORD: &str = ".record";
const TEMPORARY: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    /// Locked until it is unlocked, or closed by the end of the process.
    lock: File,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started from this one has the file open as well, until
        // its own program runs.
        let _ = self.lock.unlock();
    }
}

impl Slot {
    /// Takes the first slot in `parent` that nobody holds. Makes the folders.
    pub(super) fn take_first(parent: &Path) -> Result<Self, SpoolError> {
        for number in 0..SLOTS {
            let folder = parent.join(number.to_string());
            make_folder(&folder).map_err(SpoolError::at("make the folder", &folder))?;
            if let Some(slot) = Self::take(folder)? {
                return Ok(slot);
            }
        }
        let error = io::Error::other(format!("all of its {SLOTS} slots are locked"));
        Err(SpoolError::at("lock", parent)(error))
    }

    /// Takes this slot; `None` when another holds it.
    fn take(folder: PathBuf) -> Result<Option<Self>, SpoolError> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let lock = private(&mut options).open(&path).map_err(SpoolError::at("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder, lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(SpoolError::at("lock", &path)(error)),
        }
    }

    /// Takes the other slots beside it that nobody holds. Those that cannot be looked into are another user's.
    pub(super) fn take_others(&self) -> Vec<Self> {
        let entries = self.folder.parent().and_then(|parent| fs::read_dir(parent).ok());
        let folders = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let is_slot = |folder: &PathBuf| {
            let number = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            *folder != self.folder && number.parse().is_ok_and(|slot: usize| slot.to_string() == number)
        };
        folders.filter(is_slot).filter_map(|folder| Self::take(folder).ok().flatten()).collect()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records there are, and the length of each file. Removes what a crash left half written.
    pub(super) fn records(&self) -> Result<Vec<(RecordId, u64)>, SpoolError> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(SpoolError::at("list", &self.folder))? {
            let entry = entry.map_err(SpoolError::at("list", &self.folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(id) = name.strip_suffix(RECORD).and_then(RecordId::parse) {
                match entry.metadata() {
                    Ok(metadata) if metadata.is_file() => records.push((id, metadata.len())),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(SpoolError::at("look at", &entry.path())(error)),
                }
            } else if name.strip_suffix(TEMPORARY).and_then(RecordId::parse).is_some() {
                remove_file(&entry.path())?;
            }
        }
        Ok(records)
    }

    /// Has the record on disk for good, or not at all.
    pub(super) fn write(&self, id: RecordId, header: &[u8], body: &[u8]) -> Result<(), SpoolError> {
        let (path, temporary) = (self.path(id, RECORD), self.path(id, TEMPORARY));
        let written = (|| {
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
            file.write_all(header)?;
            file.write_all(body)?;
            file.sync_all()?;
            // Windows renames no file that is open.
            drop(file);
            fs::rename(&temporary, &path)
        })();
        let written = written.map_err(SpoolError::at("write", &path));
        written.and_then(|()| self.sync()).inspect_err(|_| {
            // Whatever there is of it. Where this fails too, the next process finds and removes it.
            let _ = fs::remove_file(&temporary);
            let _ = fs::remove_file(&path);
        })
    }

    pub(super) fn read(&self, id: RecordId) -> Result<Vec<u8>, SpoolError> {
        let path = self.path(id, RECORD);
        fs::read(&path).map_err(SpoolError::at("read", &path))
    }

    /// Removes a record, if it is there. Not synced: a removal that a power failure undoes has the record sent again,
    /// which is allowed for.
    pub(super) fn remove(&self, id: RecordId) -> Result<(), SpoolError> {
        remove_file(&self.path(id, RECORD))
    }

    /// Moves a record here out of another slot.
    pub(super) fn adopt(&self, other: &Self, id: RecordId, new_id: RecordId) -> Result<(), SpoolError> {
        let path = other.path(id, RECORD);
        fs::rename(&path, self.path(new_id, RECORD)).map_err(SpoolError::at("move", &path))
    }

    /// Has the names in it on disk.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        sync_folder(&self.folder).map_err(SpoolError::at("sync", &self.folder))
    }

    fn path(&self, id: RecordId, extension: &str) -> PathBuf {
        self.folder.join(format!("{id}{extension}"))
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

/// Makes a folder and those above it, for the user alone.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    let builder = &mut DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    match builder.create(path) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    // As well as it goes: folders further up may not even be ours to read.
    let _ = sync_folder(parent.unwrap_or(Path::new(".")));
    Ok(())
}

fn remove_file(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SpoolError::at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Files for the user alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some file systems have no such thing.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Only Unix lets a folder be opened and synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
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
