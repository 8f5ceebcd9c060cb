use std::ffi::OsString;

use lexopt::Arg;

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

/// The arguments of a command that takes names and no option.
pub(crate) fn names(args: Vec<OsString>) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(name) => names.push(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(names)
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
