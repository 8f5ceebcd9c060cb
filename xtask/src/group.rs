//! Another program in a process group of its own, which ends with us.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{
    cleanup::{self, Cleanup},
    failure::Failure,
};

/// How long a program that was asked to end may take. A build server that cancels a run gives little more.
const GRACE: Duration = Duration::from_secs(5);

/// A program that runs beside us, with all the programs it starts. The terminal's interrupt does not reach it, so that
/// it is we who end it. Dropped, it is ended.
pub(crate) struct Group {
    members: Members,
    cleanup: Cleanup,
}

#[derive(Clone)]
struct Members {
    leader: Pid,
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    output: Mutex<Option<Arc<Output>>>,
    changed: Condvar,
}

impl Group {
    /// Starts the program, without input.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, Failure> {
        command.process_group(0).stdin(Stdio::null());
        let (members, cleanup) = cleanup::make(|| {
            let child = command.spawn().map_err(|error| {
                let program = command.get_program().display();
                Failure::new(format!("`{program}` could not be started: {error}"))
            })?;
            let members = Members::watch(child);
            let undo = members.clone();
            Ok((members, move || undo.end(GRACE)))
        })?;
        Ok(Self { members, cleanup })
    }

    /// Waits until the program has ended, and gives its status with what it wrote where a pipe was asked for.
    pub(crate) fn wait(self) -> Arc<Output> {
        self.members.wait()
    }

    /// Its status, if it ends in that time.
    pub(crate) fn wait_for(&self, time: Duration) -> Option<ExitStatus> {
        self.members.wait_for(time)
    }

    /// Ends the program at once.
    pub(crate) fn kill(self) {
        self.members.signal(Signal::SIGKILL);
        self.members.wait();
    }

    /// Lets it outlive us, and gives its group's id.
    pub(crate) fn keep(self) -> i32 {
        self.cleanup.keep();
        self.members.leader.as_raw()
    }
}

impl Members {
    fn watch(child: Child) -> Self {
        // Ids of processes fit: the kernel's type for them is signed.
        let leader = Pid::from_raw(child.id().cast_signed());
        let ended = Arc::new(Ended::default());
        let watched = Arc::clone(&ended);
        thread::spawn(move || {
            let output = child.wait_with_output().unwrap_or_else(|error| Output {
                status: ExitStatus::default(),
                stdout: Vec::new(),
                stderr: error.to_string().into_bytes(),
            });
            // What it has left of its group ends with it. Later its id may be another's.
            let _ = killpg(leader, Signal::SIGKILL);
            *watched.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(output));
            watched.changed.notify_all();
        });
        Self { leader, ended }
    }

    /// Asks all to end, and ends those that don't in time.
    fn end(&self, grace: Duration) {
        for (signal, time) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, Duration::MAX)] {
            if self.wait_for(Duration::ZERO).is_some() {
                return;
            }
            self.signal(signal);
            self.wait_for(time);
        }
    }

    /// The group may be gone already, which is as good.
    fn signal(&self, signal: Signal) {
        let _ = killpg(self.leader, signal);
    }

    fn wait(&self) -> Arc<Output> {
        let mut output = self.ended.output.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(output) = &*output {
                return Arc::clone(output);
            }
            output = self.ended.changed.wait(output).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_for(&self, time: Duration) -> Option<ExitStatus> {
        let output = self.ended.output.lock().unwrap_or_else(PoisonError::into_inner);
        let (output, _) = self
            .ended
            .changed
            .wait_timeout_while(output, time, |output| output.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        output.as_ref().map(|output| output.status)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{BufRead, BufReader, Read},
    };

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// A reader of a pipe, and the end that a program writes to. The reader meets the end when nobody has it any more.
    fn pipe() -> (impl Read, Stdio) {
        let (reader, writer) = std::io::pipe().unwrap();
        (reader, writer.into())
    }

    #[test]
    fn a_program_that_ends_gives_its_status_and_its_output() {
        let group = Group::spawn(shell("echo out; exit 3").stdout(Stdio::piped())).unwrap();
        let output = group.wait();
        assert_eq!((output.status.code(), &*output.stdout), (Some(3), &b"out\n"[..]));
    }

    #[test]
    fn a_program_ends_with_all_it_has_started_when_it_is_dropped() {
        let (reader, writer) = pipe();
        let mut command = shell("sleep 600 & echo started; wait");
        let group = Group::spawn(command.stdout(writer)).unwrap();
        drop(command);
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut String::new()).unwrap();
        drop(group);
        // Comes to an end when no program of the group is left that could write.
        assert_eq!(reader.read_to_string(&mut String::new()).unwrap(), 0);
    }

    #[test]
    fn what_a_program_leaves_behind_ends_with_it() {
        let (mut reader, writer) = pipe();
        let mut command = shell("sleep 600 &");
        let group = Group::spawn(command.stdout(writer)).unwrap();
        drop(command);
        assert!(group.wait().status.success());
        assert_eq!(reader.read_to_string(&mut String::new()).unwrap(), 0);
    }

    #[test]
    fn a_program_that_does_not_want_to_end_is_ended() {
        let (reader, writer) = pipe();
        let mut command = shell("trap '' TERM; echo deaf; while :; do sleep 600; done");
        let group = Group::spawn(command.stdout(writer).stderr(File::create("/dev/null").unwrap())).unwrap();
        drop(command);
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut String::new()).unwrap();
        group.members.end(Duration::from_millis(50));
        assert!(group.wait_for(Duration::ZERO).is_some());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = Group::spawn(&mut Command::new("otelbar-no-such-program")).err().unwrap();
        assert!(failure.message().unwrap().starts_with("`otelbar-no-such-program` could not be started"));
    }
}
