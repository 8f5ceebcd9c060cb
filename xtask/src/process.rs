use std::{
    env,
    ffi::OsString,
    fmt,
    io::{self, BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use crate::failure::Failure;
#[cfg(unix)]
use {
    crate::group::Group,
    std::{fs::File, path::Path},
};

/// Another program to run, and the line a person would type for it.
#[derive(Clone)]
pub(crate) struct Process {
    program: OsString,
    args: Vec<OsString>,
    vars: Vec<(String, OsString)>,
    /// As many that the line without them is easier to read.
    unshown_vars: Vec<(String, OsString)>,
    removed_vars: Vec<&'static str>,
    dir: PathBuf,
}

impl Process {
    /// `program` in the folder `dir`.
    pub(crate) fn new(program: impl Into<OsString>, dir: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            vars: Vec::new(),
            unshown_vars: Vec::new(),
            removed_vars: Vec::new(),
            dir: dir.into(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn var(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    /// A variable that the line shown leaves out.
    #[cfg(unix)]
    pub(crate) fn unshown_var(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.unshown_vars.push((name.into(), value.into()));
        self
    }

    /// A variable of ours that it does not get.
    #[cfg(unix)]
    pub(crate) fn without_var(mut self, name: &'static str) -> Self {
        self.removed_vars.push(name);
        self
    }

    /// Shows the line, runs it with our output as its own, and waits for it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        eprintln!("$ {self}");
        let status =
            self.command().stdin(Stdio::null()).status().map_err(|error| self.not_started(&error))?;
        self.judge(status)
    }

    /// Runs it as [`run`](Self::run) does, and shows `look` each line that it writes to standard output as well.
    pub(crate) fn run_watched(&self, mut look: impl FnMut(&str)) -> Result<(), Failure> {
        eprintln!("$ {self}");
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let output = child.stdout.take();
        let mut lines =
            BufReader::new(output.ok_or_else(|| Failure::new(format!("`{self}` has no standard output")))?);
        let mut line = Vec::new();
        let read = loop {
            line.clear();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => break Ok(()),
                Ok(_) => {
                    let text = String::from_utf8_lossy(&line);
                    print!("{text}");
                    look(text.trim_end());
                }
                Err(error) => break Err(error),
            }
        };
        drop(lines);
        let status = child.wait().map_err(|error| Failure::new(format!("`{self}`: {error}")))?;
        read.map_err(|error| Failure::new(format!("what `{self}` wrote could not be read: {error}")))?;
        self.judge(status)
    }

    /// Runs it and gives back what it wrote to standard output. What it wrote to standard error is part of the
    /// failure, if it fails.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output =
            self.command().stdin(Stdio::null()).output().map_err(|error| self.not_started(&error))?;
        self.judge(output.status)
            .map_err(|failure| failure.with_details(String::from_utf8_lossy(&output.stderr).trim_end()))?;
        String::from_utf8(output.stdout)
            .map_err(|_| Failure::new(format!("`{self}` wrote text that is not UTF-8")))
    }

    /// Runs it as [`run`](Self::run) does, in a process group that an interrupt of ours ends.
    #[cfg(unix)]
    pub(crate) fn run_in_group(&self) -> Result<(), Failure> {
        eprintln!("$ {self}");
        self.judge(Group::spawn(&mut self.command())?.wait().status)
    }

    /// Runs it as [`run_in_group`](Self::run_in_group) does, and gives back what it wrote to standard output.
    #[cfg(unix)]
    pub(crate) fn output_in_group(&self) -> Result<String, Failure> {
        eprintln!("$ {self}");
        let output = Group::spawn(self.command().stdout(Stdio::piped()))?.wait();
        self.judge(output.status)?;
        String::from_utf8(output.stdout.clone())
            .map_err(|_| Failure::new(format!("`{self}` wrote text that is not UTF-8")))
    }

    /// Runs it and gives back all that it wrote, to either output.
    #[cfg(unix)]
    pub(crate) fn all_output(&self) -> Result<String, Failure> {
        let output =
            self.command().stdin(Stdio::null()).output().map_err(|error| self.not_started(&error))?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim_end().to_owned())
    }

    /// Starts it with `log` as its output, to run beside us until what this gives is dropped.
    #[cfg(unix)]
    pub(crate) fn spawn(&self, log: &Path) -> Result<Group, Failure> {
        let open = || File::options().create(true).append(true).open(log);
        let io = |error| Failure::io(log, &error);
        Group::spawn(self.command().stdout(open().map_err(io)?).stderr(open().map_err(io)?))
    }

    /// Whether it runs and succeeds; what it says is thrown away.
    pub(crate) fn succeeds(&self) -> bool {
        let quiet = self.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    }

    /// Lets the program take our place: its input, output, signals and exit code are its own.
    #[cfg(unix)]
    pub(crate) fn replace(&self) -> Failure {
        use std::os::unix::process::CommandExt;
        self.not_started(&self.command().exec())
    }

    /// Runs the program as if it were in our place. The console sends an interrupt to both.
    #[cfg(not(unix))]
    pub(crate) fn replace(&self) -> Failure {
        match self.command().status() {
            Ok(status) => {
                Failure::passed_on(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
            }
            Err(error) => self.not_started(&error),
        }
    }

    fn command(&self) -> Command {
        // Cargo tells its children which cargo it is, so that a toolchain chosen by hand is kept.
        let cargo = if self.program == "cargo" { env::var_os("CARGO") } else { None };
        let mut command = Command::new(cargo.as_ref().unwrap_or(&self.program));
        command
            .args(&self.args)
            .envs(self.vars.iter().chain(&self.unshown_vars).cloned())
            .current_dir(&self.dir);
        for name in &self.removed_vars {
            command.env_remove(name);
        }
        command
    }

    fn judge(&self, status: ExitStatus) -> Result<(), Failure> {
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{self}` ended with {status}"))) }
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        Failure::new(format!("`{}` could not be started: {error}", self.program.display()))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.vars {
            write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        f.write_str(&quoted(&self.program.to_string_lossy()))?;
        for arg in &self.args {
            write!(f, " {}", quoted(&arg.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// The word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shown_can_be_pasted_into_a_shell() {
        let check = |process: Process, expected| assert_eq!(process.to_string(), expected);
        check(Process::new("cargo", ".").args(["doc", "--no-deps"]), "cargo doc --no-deps");
        check(
            Process::new("cargo", ".").var("RUSTDOCFLAGS", "-D warnings").arg("doc"),
            "RUSTDOCFLAGS='-D warnings' cargo doc",
        );
        check(Process::new("node", ".").arg("it's").arg(""), r"node 'it'\''s' ''");
    }

    #[test]
    fn a_program_that_fails_is_named_with_its_arguments() {
        let failure = Process::new("cargo", ".").args(["--no-such-option"]).output().unwrap_err();
        let message = failure.message().unwrap();
        assert!(message.starts_with("`cargo --no-such-option` ended with"), "{message}");
        assert!(message.contains("unexpected argument"), "{message}");
    }

    #[test]
    fn what_a_watched_program_writes_is_seen_line_by_line() {
        let mut seen = Vec::new();
        Process::new("cargo", ".").arg("--version").run_watched(|line| seen.push(line.to_owned())).unwrap();
        assert!(matches!(&seen[..], [line] if line.starts_with("cargo ")), "{seen:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let process = Process::new("otelbar-no-such-program", ".");
        assert!(!process.succeeds());
        let failure = process.run().unwrap_err();
        assert!(failure.message().unwrap().starts_with("`otelbar-no-such-program` could not be started"));
    }
}
