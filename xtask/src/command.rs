use std::ffi::OsString;

use crate::failure::Failure;

/// A command of `cargo xtask`: its texts for help, and what it does.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The name with its arguments, as in `test [CRATE…]`.
    pub(crate) usage: &'static str,
    /// One line for the list of commands.
    pub(crate) about: &'static str,
    /// What `cargo xtask help COMMAND` says beyond that.
    pub(crate) details: &'static str,
    /// Whether the arguments belong to another program, which then answers `--help` as well.
    pub(crate) passes_arguments_on: bool,
    pub(crate) run: fn(Vec<OsString>) -> Result<(), Failure>,
}

impl Command {
    pub(crate) fn help(&self) -> String {
        format!(
            "{}\n\nUsage: cargo xtask {}\n\n{}\n",
            self.about,
            self.usage,
            self.details.trim_matches('\n')
        )
    }
}
