//! An interrupt of `cargo xtask integration` leaves nothing behind, at whatever moment it comes.
//!
//! Cargo, Java and Maven are played by scripts. The one that the moment is about holds a pipe open: reading from it
//! tells that it runs, and the pipe's end tells that no program of its group is left.
#![cfg(unix)]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    fcntl::OFlag,
    sys::signal::{Signal, kill},
    sys::wait::{Id, WaitPidFlag, waitid},
    unistd::Pid,
};
use tempfile::TempDir;

#[path = "../src/backends/pins.rs"]
#[allow(dead_code, reason = "only the name of Zipkin's jar is made from it")]
mod pins;

const METADATA: &str = r#"{"target_directory":"target","packages":[{"name":"otelbar-integration","version":"0.0.0","features":{},
    "dependencies":[],"metadata":null,"targets":[{"name":"zipkin","kind":["test"]}]}]}"#;
const TEST: &str = r#"{"target":{"name":"zipkin","kind":["test"]},"executable":"/bin/true"}"#;
const DEMO: &str = r#"{"target":{"name":"demo","kind":["example"]},"executable":"/bin/true"}"#;
/// Tells that it runs and goes on, together with a program of its own. What it says goes to the pipe.
const WORKS: &str = r#"exec >"$PIPE" 2>&1; sleep 600 & echo runs; wait"#;

/// A machine of scripts, in a folder of its own.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["bin", "cache", "tmp"] {
            fs::create_dir(machine.path().join(folder)).unwrap();
        }
        machine.script(
            "cargo",
            &format!(
                "case $1 in metadata) echo '{METADATA}';; test) echo '{TEST}';; build) echo '{DEMO}';; esac"
            ),
        );
        machine.script("java", "exit 0");
        machine.script("mvn", "exit 0");
        machine
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn cache_zipkin(&self) {
        let entry = self.path().join("cache").join(format!("zipkin-{}", pins::ZIPKIN));
        fs::create_dir(&entry).unwrap();
        File::create(entry.join(format!("zipkin-server-{}-exec.jar", pins::ZIPKIN))).unwrap();
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Runs the command until the script at work says so, and sends the signal.
    fn interrupt(&self, signal: Signal) {
        let pipe = self.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let bin = self.path().join("bin");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["integration", "--local", "--only", "zipkin"])
            .env("CARGO", bin.join("cargo"))
            .env("PATH", path)
            .env("PIPE", &pipe)
            .env("OTELBAR_CACHE", self.path().join("cache"))
            .env("TMPDIR", self.path().join("tmp"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Where the command ends before the script runs, nobody else would open the other end.
        let (id, other_end) = (Pid::from_raw(xtask.id().cast_signed()), pipe.clone());
        std::thread::spawn(move || {
            let _ = waitid(Id::Pid(id), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let _ = File::options().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(other_end);
        });
        // Opened when the script opens its end.
        let mut reader = BufReader::new(File::open(&pipe).unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "runs\n");

        kill(Pid::from_raw(xtask.id().cast_signed()), signal).unwrap();
        assert_eq!(xtask.wait().unwrap().code(), Some(130), "{signal}");
        reader.read_to_string(&mut String::new()).unwrap();
        assert_eq!(self.names("tmp"), [""; 0], "{signal}");
    }
}

#[test]
fn while_the_tests_are_built() {
    let machine = Machine::new();
    machine.script("cargo", &format!("case $1 in metadata) echo '{METADATA}';; *) {WORKS};; esac"));
    machine.interrupt(Signal::SIGINT);
    assert_eq!(machine.names("cache"), [""; 0]);
}

#[test]
fn while_a_backend_is_installed() {
    let machine = Machine::new();
    machine.script("mvn", &format!("case $1 in --version) ;; *) {WORKS};; esac"));
    machine.interrupt(Signal::SIGTERM);
    // The lock's file stays: to remove it would take it from one who waits for it.
    assert_eq!(machine.names("cache"), [format!("zipkin-{}.lock", pins::ZIPKIN)]);
}

#[test]
fn while_a_backend_starts() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let machine = Machine::new();
        machine.cache_zipkin();
        machine.script("java", &format!("case $1 in -version) ;; *) {WORKS};; esac"));
        machine.interrupt(signal);
    }
}
