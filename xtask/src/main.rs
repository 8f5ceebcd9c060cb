//! The commands people and CI run: `cargo xtask COMMAND`.
//!
//! Each command is one file, named after it, with its text for `--help` at the top. [`process`] runs other
//! programs and [`workspace`] knows the crates; [`failure`] is what a command gives back when it could not do
//! its work.

mod arrows;
#[cfg(unix)]
mod backends;
mod bench;
mod ci;
#[cfg(unix)]
mod cleanup;
mod command;
mod coverage;
mod demo;
mod failure;
mod fuzz;
#[cfg(unix)]
mod group;
#[cfg(unix)]
mod images;
#[cfg(unix)]
mod integration;
mod process;
mod test;
mod toolchain;
mod workspace;

use std::{env, ffi::OsString, process::ExitCode};

use command::Command;
use failure::Failure;

/// Every command, in the order in which help lists them.
const COMMANDS: &[Command] = &[
    demo::COMMAND,
    test::COMMAND,
    arrows::COMMAND,
    coverage::COMMAND,
    bench::COMMAND,
    fuzz::COMMAND,
    #[cfg(unix)]
    integration::COMMAND,
    #[cfg(unix)]
    images::COMMAND,
    ci::COMMAND,
];

fn main() -> ExitCode {
    match dispatch(env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            failure.exit_code()
        }
    }
}

fn dispatch(mut args: Vec<OsString>) -> Result<(), Failure> {
    if args.is_empty() {
        print!("{}", overview());
        return Ok(());
    }
    let name = args.remove(0);
    match name.to_str() {
        Some("help") if args.len() == 1 => print!("{}", find(&args[0])?.help()),
        Some("help" | "--help" | "-h") => print!("{}", overview()),
        _ => {
            let command = find(&name)?;
            if !command.passes_arguments_on && args.iter().any(|arg| arg == "--help" || arg == "-h") {
                print!("{}", command.help());
            } else {
                (command.run)(args)?;
            }
        }
    }
    Ok(())
}

fn find(name: &OsString) -> Result<&'static Command, Failure> {
    COMMANDS.iter().find(|command| *name == *command.name).ok_or_else(|| {
        let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        Failure::usage(format!(
            "there is no command `{}`; the commands are {}",
            name.display(),
            names.join(", ")
        ))
    })
}

fn overview() -> String {
    let width = COMMANDS.iter().map(|command| command.usage.len()).max().unwrap_or_default();
    let mut text = String::from("The commands people and CI run.\n\nUsage: cargo xtask COMMAND\n\n");
    for command in COMMANDS {
        text.push_str(&format!("  {:<width$}  {}\n", command.usage, command.about));
    }
    text.push_str("\n`cargo xtask help COMMAND` tells more about one.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(args: &[&str]) -> String {
        let failure = dispatch(args.iter().map(OsString::from).collect()).unwrap_err();
        failure.message().unwrap().to_owned()
    }

    #[test]
    fn an_unknown_command_is_named_with_those_that_exist() {
        let message = message(&["tset"]);
        assert!(
            message.contains("`tset`") && message.contains("demo, test, arrows, coverage, bench, fuzz"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_option_is_named() {
        for command in ["test", "arrows", "coverage", "bench", "fuzz", "integration", "images", "ci"] {
            let message = message(&[command, "--frobnicate"]);
            assert!(message.contains("--frobnicate"), "{message}");
        }
    }

    #[test]
    fn help_names_every_command() {
        let text = overview();
        for command in COMMANDS {
            assert!(text.contains(command.about), "{text}");
        }
    }
}
