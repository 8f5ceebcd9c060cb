//! This program in a role, as a process that ends when we do.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{Error, ROLE};

/// How long one role may be played.
pub(crate) const AT_MOST: Duration = Duration::from_secs(90);

pub(crate) struct Child {
    process: process::Child,
    /// Closed when we end, however that is, which ends the child.
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    name: String,
}

impl Child {
    pub(crate) fn start(args: &[&str]) -> Result<Self, Error> {
        Child::spawn(Command::new(env::current_exe()?), args)
    }

    /// The role in another program of this crate.
    pub(crate) fn start_in(program: &str, args: &[&str]) -> Result<Self, Error> {
        Child::spawn(Command::new(env::current_exe()?.with_file_name(program)), args)
    }

    /// The role in this program as another one runs it.
    pub(crate) fn start_under(mut runner: Command, args: &[&str]) -> Result<Self, Error> {
        runner.arg(env::current_exe()?);
        Child::spawn(runner, args)
    }

    fn spawn(mut command: Command, args: &[&str]) -> Result<Self, Error> {
        let program = command.get_program().to_owned();
        let program = Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned();
        let name = format!("{program} {}", args.join(" "));
        command.arg(ROLE).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What else the environment says of exporters would be measured.
        for (variable, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL")) {
            command.env_remove(variable);
        }
        let mut process = command.spawn().map_err(|error| format!("{name} was not started: {error}"))?;
        let input = process.stdin.take().ok_or("there is no standard input")?;
        let output = process.stdout.take().ok_or("there is no standard output")?;
        Ok(Child { process, input, output: BufReader::new(output), name })
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(format!("{} ended without an answer", self.name).into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// The line with which it answers.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String, Error> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        self.line()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
