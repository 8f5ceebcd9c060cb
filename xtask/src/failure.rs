use std::{io, path::Path, process::ExitCode};

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    message: Option<String>,
    code: u8,
}

impl Failure {
    /// The work was tried and failed.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), code: 1 }
    }

    /// The command was called wrongly; nothing was tried.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), code: 2 }
    }

    /// A file or folder could not be read or written.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    /// Another program's exit code, passed on; it has said itself what was wrong.
    #[cfg_attr(unix, allow(dead_code, reason = "on Unix the other program takes our place"))]
    pub(crate) fn passed_on(code: u8) -> Self {
        Self { message: None, code }
    }

    /// Adds what another program said about it.
    pub(crate) fn with_details(self, details: &str) -> Self {
        let message = self.message.unwrap_or_default();
        Self { message: Some(format!("{message}:\n{details}")), ..self }
    }

    /// Adds the command line that repeats what failed.
    pub(crate) fn rerun(self, line: impl std::fmt::Display) -> Self {
        let message = self.message.unwrap_or_else(|| "the command failed".to_owned());
        Self { message: Some(format!("{message}\n  to run it again: {line}")), ..self }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(error.to_string())
    }
}
