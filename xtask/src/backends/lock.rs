//! A file that one run at a time holds.

use std::{fs::File, io, path::Path};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use crate::failure::Failure;

/// Held until it is dropped; the system gives it back for a program that was killed.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Waits for the lock on the file, which is made. If another run has it, `waiting` is what is told of that.
    pub(crate) fn take(path: &Path, waiting: &str) -> Result<Self, Failure> {
        let io = |error| Failure::io(path, &error);
        let errno = |(_, errno)| io(io::Error::from(errno));
        let file = File::options().create(true).truncate(false).write(true).open(path).map_err(io)?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((file, Errno::EWOULDBLOCK)) => {
                eprintln!("{waiting}");
                Flock::lock(file, FlockArg::LockExclusive).map_err(errno)?
            }
            Err(other) => return Err(errno(other)),
        };
        Ok(Self { _file: file })
    }
}
