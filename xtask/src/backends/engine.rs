//! An engine of our own, for where none runs.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{cache::Cache, docker::Docker, lock::Lock};
use crate::{failure::Failure, group::Group, process::Process};

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions whether it does.
const PAUSE: Duration = Duration::from_millis(200);

/// Debian's engine, with its images in the cache and a socket of its own. Dropped, it is stopped.
pub(crate) struct Engine {
    docker: Docker,
    // In the order in which they are given up.
    _daemon: Group,
    /// One engine at a time has these images.
    _lock: Lock,
}

impl Engine {
    /// Starts it, and installs it first where it is missing.
    pub(crate) fn start() -> Result<Self, Failure> {
        Self::install()?;
        let folder = Cache::find()?.folder("engine")?;
        let lock = Lock::take(&folder.join("lock"), "another run has the engine; waiting for it")?;
        let state = folder.join("state");
        let socket = folder.join("docker.sock");
        let log = folder.join("log");
        let _ = fs::remove_file(&log);
        // With its mounts to itself, so that they are gone when it is, however it ends.
        let daemon = Process::new("unshare", &folder)
            .args(["--mount", "dockerd", "--host"])
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(folder.join("images"))
            .arg("--exec-root")
            .arg(&state)
            .arg("--pidfile")
            .arg(folder.join("pid"));
        eprintln!("$ {daemon}");
        let daemon = daemon.spawn(&log)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Docker::at(&socket) {
                Ok(docker) => return Ok(Self { docker, _daemon: daemon, _lock: lock }),
                Err(failure) => {
                    if daemon.wait_for(PAUSE).is_some() || Instant::now() >= deadline {
                        let said = fs::read_to_string(&log).unwrap_or_default();
                        let lines: Vec<&str> = said.lines().collect();
                        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
                        return Err(Failure::new(format!(
                            "the engine does not answer: {}\nThe end of its log:\n{tail}",
                            failure.message().unwrap_or_default()
                        )));
                    }
                }
            }
        }
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    fn install() -> Result<(), Failure> {
        if Process::new("dockerd", ".").arg("--version").succeeds() {
            return Ok(());
        }
        let install = Process::new("apt-get", ".").var("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "--yes",
            "--no-install-recommends",
            "docker.io",
        ]);
        install.run_in_group().map_err(|failure| {
            let reason = failure.message().unwrap_or_default();
            Failure::new(format!(
                "{reason}\n--engine installs and starts Debian's engine, and needs root for it"
            ))
        })
    }
}
