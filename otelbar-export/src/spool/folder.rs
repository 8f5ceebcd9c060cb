//! A folder that nobody but this user can put anything into, and what is done in it.
//!
//! Whoever could would have spans of theirs sent with our credentials, or have us write where they like. So on Unix the
//! folder is opened once, looked at through what was opened, and everything in it is named relative to that: it cannot be
//! exchanged behind our back. Links are not followed, neither to folders nor to files. Elsewhere the rights of the folder
//! are the user's business.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::SpoolError;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    opened: std::os::fd::OwnedFd,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    /// It must not be there.
    CreateNew,
    /// It may be there.
    Create,
}

impl Folder {
    /// Opens the folder, or makes it and those above it.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        make(path).map_err(SpoolError::at("make the folder", path))?;
        Self::open_made(path.to_owned())
    }

    /// Opens the folder of this name in it, or makes it.
    pub(super) fn subfolder(&self, name: &str) -> Result<Self, SpoolError> {
        let path = self.path.join(name);
        self.make_subfolder(name).map_err(SpoolError::at("make the folder", &path))?;
        self.open_subfolder(name)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }
}

/// Locks the file for this process alone; `false` when it is locked already. As `File::try_lock` of the standard library
/// does from Rust 1.89 on.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    here::try_lock(file)
}

/// Ends the lock of [`try_lock`].
pub(super) fn unlock(file: &File) -> io::Result<()> {
    here::unlock(file)
}

/// What is wrong with a file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(not(unix), expect(dead_code, reason = "the rights of a folder are looked at on Unix alone"))]
pub(crate) enum Unsafe {
    #[error("is a symbolic link")]
    Link,
    #[error("belongs to another user")]
    Owner,
    #[error("can be written to by other users")]
    Writable,
    #[error("is not a regular file")]
    Kind,
}

impl Unsafe {
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Link => "set OTELBAR_SPOOL_DIR to the folder that the link leads to",
            Self::Owner => "set OTELBAR_SPOOL_DIR to a folder that the user of this process owns",
            Self::Writable => "remove write permission for group and others (chmod go-w)",
            Self::Kind => "remove it",
        }
    }
}

/// Makes a folder and those above it, for the user alone.
fn make(path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent
        && !parent.is_dir()
    {
        make(parent)?;
    }
    let builder = &mut std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    match builder.create(path) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    // As well as it goes: folders further up may not even be ours to read.
    let _ = sync(parent.unwrap_or(Path::new(".")));
    Ok(())
}

#[cfg(unix)]
fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Only Unix lets a folder be opened and synced.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod here {
    use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode as Rights, OFlags, Stat};
    use rustix::io::Errno;
    use rustix::process::geteuid;

    use super::*;

    /// Neither followed if it is a link, nor waited for if it is a pipe, nor left to a process that is started.
    const CAREFUL: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
    const FOLDER: OFlags = CAREFUL.union(OFlags::DIRECTORY);

    impl Folder {
        pub(super) fn open_made(path: PathBuf) -> Result<Self, SpoolError> {
            let opened = rustix::fs::open(&path, FOLDER, Rights::empty());
            Self::check(path, opened)
        }

        pub(in super::super) fn open_subfolder(&self, name: &str) -> Result<Self, SpoolError> {
            let opened = rustix::fs::openat(&self.opened, name, FOLDER, Rights::empty());
            Self::check(self.path.join(name), opened)
        }

        fn check(path: PathBuf, opened: Result<std::os::fd::OwnedFd, Errno>) -> Result<Self, SpoolError> {
            let opened = opened.map_err(|error| {
                let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
                match error {
                    Errno::LOOP | Errno::NOTDIR if is_link => SpoolError::not_safe(&path, Unsafe::Link),
                    error => SpoolError::at("open", &path)(error.into()),
                }
            })?;
            let stat =
                rustix::fs::fstat(&opened).map_err(|error| SpoolError::at("look at", &path)(error.into()))?;
            if let Some(problem) = who(&stat, geteuid().as_raw()) {
                return Err(SpoolError::not_safe(&path, problem));
            }
            Ok(Self { path, opened })
        }

        pub(super) fn make_subfolder(&self, name: &str) -> io::Result<()> {
            match rustix::fs::mkdirat(&self.opened, name, Rights::RWXU) {
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    let _ = self.sync();
                }
            }
            Ok(())
        }

        /// Opens a file for this user alone.
        pub(in super::super) fn file(&self, name: &str, mode: Mode) -> Result<File, SpoolError> {
            let path = self.path_of(name);
            let (flags, doing) = match mode {
                Mode::Read => (OFlags::RDONLY, "read"),
                Mode::CreateNew => (OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, "write"),
                Mode::Create => (OFlags::WRONLY | OFlags::CREATE, "open"),
            };
            let opened = rustix::fs::openat(&self.opened, name, flags | CAREFUL, Rights::RUSR | Rights::WUSR);
            let opened = opened.map_err(|error| match error {
                Errno::LOOP => SpoolError::not_safe(&path, Unsafe::Link),
                // A pipe that nobody reads.
                Errno::NXIO => SpoolError::not_safe(&path, Unsafe::Kind),
                error => SpoolError::at(doing, &path)(error.into()),
            })?;
            let stat =
                rustix::fs::fstat(&opened).map_err(|error| SpoolError::at("look at", &path)(error.into()))?;
            match safe_file(&stat, geteuid().as_raw()) {
                None => Ok(File::from(opened)),
                // Not to be taken for another's: what the file system does not let us read is our trouble alone.
                Some(Unsafe::Kind) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                    Err(SpoolError::at(doing, &path)(io::ErrorKind::IsADirectory.into()))
                }
                Some(problem) => Err(SpoolError::not_safe(&path, problem)),
            }
        }

        /// The names in it.
        pub(in super::super) fn names(&self) -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.opened)? {
                // What is not UTF-8 is none of ours.
                names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
            }
            Ok(names)
        }

        /// The length of a file of this user; `None` for everything else.
        pub(in super::super) fn len(&self, name: &str) -> io::Result<Option<u64>> {
            let stat = rustix::fs::statat(&self.opened, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_ours = safe_file(&stat, geteuid().as_raw()).is_none();
            Ok(is_ours.then(|| u64::try_from(stat.st_size).unwrap_or_default()))
        }

        pub(in super::super) fn remove(&self, name: &str) -> io::Result<()> {
            Ok(rustix::fs::unlinkat(&self.opened, name, AtFlags::empty())?)
        }

        /// Moves a file here out of another folder, or gives it another name.
        pub(in super::super) fn take_over(&self, other: &Self, name: &str, new_name: &str) -> io::Result<()> {
            Ok(rustix::fs::renameat(&other.opened, name, &self.opened, new_name)?)
        }

        /// Has the names in it on disk.
        pub(in super::super) fn sync(&self) -> io::Result<()> {
            match rustix::fs::fsync(&self.opened) {
                // Some file systems have no such thing.
                Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
                synced => Ok(synced?),
            }
        }
    }

    pub(super) fn try_lock(file: &File) -> io::Result<bool> {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Ok(false),
            locked => Ok(locked.map(|()| true)?),
        }
    }

    pub(super) fn unlock(file: &File) -> io::Result<()> {
        Ok(rustix::fs::flock(file, FlockOperation::Unlock)?)
    }

    /// Who else can do something with it.
    fn who(stat: &Stat, us: u32) -> Option<Unsafe> {
        let others = Rights::WGRP | Rights::WOTH;
        if stat.st_uid != us {
            Some(Unsafe::Owner)
        } else if Rights::from_raw_mode(stat.st_mode).intersects(others) {
            Some(Unsafe::Writable)
        } else {
            None
        }
    }

    fn safe_file(stat: &Stat, us: u32) -> Option<Unsafe> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => who(stat, us),
            FileType::Symlink => Some(Unsafe::Link),
            _ => Some(Unsafe::Kind),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_is_ours_and_ours_alone_to_write_is_used() {
            #[track_caller]
            fn check(mode: u32, owner: u32, expected: Option<Unsafe>) {
                let folder = tempfile::tempdir().unwrap();
                let mut stat = rustix::fs::stat(folder.path()).unwrap();
                (stat.st_mode, stat.st_uid) = (mode, owner);
                assert_eq!(safe_file(&stat, 1000), expected, "{mode:o}");
            }
            check(0o100600, 1000, None);
            check(0o100644, 1000, None);
            check(0o100600, 0, Some(Unsafe::Owner));
            check(0o100600, 1001, Some(Unsafe::Owner));
            check(0o100620, 1000, Some(Unsafe::Writable));
            check(0o100602, 1000, Some(Unsafe::Writable));
            check(0o120777, 1000, Some(Unsafe::Link));
            check(0o010600, 1000, Some(Unsafe::Kind));
            check(0o040700, 1000, Some(Unsafe::Kind));
        }
    }
}

#[cfg(not(unix))]
mod here {
    use std::fs::{self, OpenOptions};

    use fs4::{FileExt, TryLockError};

    use super::*;

    impl Folder {
        pub(super) fn open_made(path: PathBuf) -> Result<Self, SpoolError> {
            if path.is_dir() {
                return Ok(Self { path });
            }
            Err(SpoolError::at("open", &path)(io::ErrorKind::NotADirectory.into()))
        }

        pub(in super::super) fn open_subfolder(&self, name: &str) -> Result<Self, SpoolError> {
            Self::open_made(self.path.join(name))
        }

        pub(super) fn make_subfolder(&self, name: &str) -> io::Result<()> {
            make(&self.path.join(name))
        }

        pub(in super::super) fn file(&self, name: &str, mode: Mode) -> Result<File, SpoolError> {
            let path = self.path_of(name);
            let mut options = OpenOptions::new();
            let doing = match mode {
                Mode::Read => {
                    options.read(true);
                    "read"
                }
                Mode::CreateNew => {
                    options.write(true).create_new(true);
                    "write"
                }
                Mode::Create => {
                    options.write(true).create(true).truncate(false);
                    "open"
                }
            };
            options.open(&path).map_err(SpoolError::at(doing, &path))
        }

        pub(in super::super) fn names(&self) -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                names.extend(entry?.file_name().into_string().ok());
            }
            Ok(names)
        }

        pub(in super::super) fn len(&self, name: &str) -> io::Result<Option<u64>> {
            let metadata = fs::symlink_metadata(self.path_of(name))?;
            Ok(metadata.is_file().then(|| metadata.len()))
        }

        pub(in super::super) fn remove(&self, name: &str) -> io::Result<()> {
            fs::remove_file(self.path_of(name))
        }

        pub(in super::super) fn take_over(&self, other: &Self, name: &str, new_name: &str) -> io::Result<()> {
            fs::rename(other.path_of(name), self.path_of(new_name))
        }

        pub(in super::super) fn sync(&self) -> io::Result<()> {
            sync(&self.path)
        }
    }

    pub(super) fn try_lock(file: &File) -> io::Result<bool> {
        match FileExt::try_lock(file) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn unlock(file: &File) -> io::Result<()> {
        FileExt::unlock(file)
    }
}
