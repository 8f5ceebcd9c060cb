//! Toolchains other than the one that runs us.

use crate::{process::Process, workspace::Workspace};

/// The name that rustup has for the newest unreleased Rust.
pub(crate) const NIGHTLY: &str = "nightly";

impl Workspace {
    /// The cargo of another toolchain. It goes through rustup, because the cargo that runs us is of the toolchain that
    /// builds everything else.
    pub(crate) fn cargo_of(&self, toolchain: &str) -> Process {
        Process::new("rustup", self.root()).args(["run", toolchain, "cargo"])
    }
}
