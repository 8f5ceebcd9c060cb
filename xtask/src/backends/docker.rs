//! The engine that runs containers, through its command line.

use std::path::{Path, PathBuf};

use crate::{failure::Failure, process::Process};

/// How an engine is got.
const REMEDY: &str = "https://docs.docker.com/engine/install/ tells how to get it, on Debian `apt-get install \
                      docker.io`; or run without `--docker`";

/// An engine that answers.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    /// Its socket, where it is not the one that the command line finds by itself.
    socket: Option<PathBuf>,
    version: String,
}

impl Docker {
    /// The engine that `docker` talks to.
    pub(crate) fn find() -> Result<Self, Failure> {
        Self::answering(None)
    }

    /// The engine at this socket.
    pub(crate) fn at(socket: &Path) -> Result<Self, Failure> {
        Self::answering(Some(socket.to_owned()))
    }

    fn answering(socket: Option<PathBuf>) -> Result<Self, Failure> {
        let mut docker = Self { socket, version: String::new() };
        let answer = docker.process().args(["version", "--format", "{{.Server.Version}}"]).output();
        let version = answer.map_err(|failure| {
            let reason = failure.message().unwrap_or_default();
            Failure::new(format!("no Docker engine answers: {reason}\n{REMEDY}"))
        })?;
        docker.version = version.trim().to_owned();
        Ok(docker)
    }

    /// The engine's version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// `docker`, talking to this engine.
    pub(crate) fn process(&self) -> Process {
        let process = Process::new("docker", ".");
        match &self.socket {
            Some(socket) => process.var("DOCKER_HOST", format!("unix://{}", socket.display())),
            None => process,
        }
    }

    /// Whether a container has ended. The question takes its time.
    pub(crate) fn has_ended(&self, name: &str) -> bool {
        let inspect = self.process().args(["inspect", "--format", "{{.State.Running}}", name]);
        // With `--rm` it is gone then.
        inspect.output().map_or(true, |answer| answer.trim() == "false")
    }

    /// Whether `cargo xtask images` has built the image.
    pub(crate) fn was_built_here(&self, image: &str) -> bool {
        const BUILT: &str = r#"{{index .Config.Labels "otelbar.built"}}"#;
        let label = self.process().args(["image", "inspect", "--format", BUILT, image]).output();
        label.is_ok_and(|label| !label.trim().is_empty())
    }

    /// Pulls an image that is not there.
    pub(crate) fn pull(&self, image: &str) -> Result<(), Failure> {
        if self.process().args(["image", "inspect", image]).succeeds() {
            return Ok(());
        }
        self.process().args(["pull", image]).run_in_group().map_err(|failure| {
            let reason = failure.message().unwrap_or_default();
            Failure::new(format!("{reason}\n`cargo xtask images` builds the image where it can't be pulled"))
        })
    }
}
