use std::io;
use std::path::{Path, PathBuf};

use super::folder::Unsafe;

/// The spool could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The file system refused.
    #[error("the spool could not {action} {}: {error}; {}", path.display(), self.remedy())]
    Io { action: &'static str, path: PathBuf, error: io::Error },
    /// Somebody else could put something there, or read what we write.
    #[error("{} in the spool {problem}; {}", path.display(), self.remedy())]
    Unsafe { path: PathBuf, problem: Unsafe },
    /// A record that is larger by itself than the spool may be.
    #[error(
        "a request that takes {size} bytes on disk is larger than the spool in {} may be, which is {max_bytes} bytes; \
         raise OTELBAR_SPOOL_MAX_BYTES, or lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        folder.display()
    )]
    TooLarge { size: u64, max_bytes: u64, folder: PathBuf },
}

impl SpoolError {
    /// For `map_err`.
    pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { action, path: path.to_owned(), error }
    }

    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix tells whose a file is"))]
    pub(super) fn not_safe(path: &Path, problem: Unsafe) -> Self {
        Self::Unsafe { path: path.to_owned(), problem }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> &'static str {
        use io::ErrorKind::*;
        let error = match self {
            Self::Io { error, .. } => error,
            Self::Unsafe { problem, .. } => return problem.remedy(),
            Self::TooLarge { .. } => return "raise OTELBAR_SPOOL_MAX_BYTES",
        };
        match error.kind() {
            StorageFull | QuotaExceeded => "free space on that disk, or lower OTELBAR_SPOOL_MAX_BYTES",
            PermissionDenied => "let the user that runs this process read and write there",
            ReadOnlyFilesystem => "set OTELBAR_SPOOL_DIR to a folder that can be written to",
            NotADirectory | AlreadyExists => {
                "set OTELBAR_SPOOL_DIR to a folder, or remove the file in its place"
            }
            NotFound => "it was removed while in use, restart the process to create it again",
            Unsupported => "set OTELBAR_SPOOL_DIR to a folder on a local disk, whose file system has locks",
            _ => "check that the folder is on a local disk, and the disk for errors",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_and_the_remedy() {
        #[track_caller]
        fn check(kind: io::ErrorKind, remedy: &str) {
            let error = SpoolError::at("write", Path::new("/spans/0"))(kind.into()).to_string();
            assert!(error.starts_with("the spool could not write /spans/0: "), "{error}");
            assert!(error.contains(remedy), "{error}");
        }
        check(io::ErrorKind::StorageFull, "free space");
        check(io::ErrorKind::QuotaExceeded, "lower OTELBAR_SPOOL_MAX_BYTES");
        check(io::ErrorKind::PermissionDenied, "let the user");
        check(io::ErrorKind::NotFound, "restart");
        check(io::ErrorKind::Other, "local disk");
    }
}
