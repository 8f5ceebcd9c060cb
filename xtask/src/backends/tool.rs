//! Programs that others have to be installed for.

use std::path::Path;

use crate::{failure::Failure, process::Process};

/// A program that an installation needs.
pub(crate) struct Tool {
    /// What people call it.
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// Asks for its version, and does nothing else.
    pub(crate) version: &'static str,
    /// What it is needed for.
    pub(crate) need: &'static str,
    /// How it is got.
    pub(crate) remedy: &'static str,
}

pub(crate) const GO: Tool = Tool {
    name: "Go",
    program: "go",
    version: "version",
    need: "builds Jaeger and the Collector from their modules",
    remedy: "https://go.dev/dl/ has it, 1.25 or later",
};

pub(crate) const JAVA: Tool = Tool {
    name: "Java",
    program: "java",
    version: "-version",
    need: "runs Zipkin",
    remedy: "`apt-get install openjdk-17-jre-headless` installs it, or https://adoptium.net has it, 17 or later",
};

pub(crate) const MAVEN: Tool = Tool {
    name: "Maven",
    program: "mvn",
    version: "--version",
    need: "fetches Zipkin",
    remedy: "`apt-get install maven` installs it, or https://maven.apache.org/download.cgi has it",
};

pub(crate) const DEBOOTSTRAP: Tool = Tool {
    name: "debootstrap",
    program: "debootstrap",
    version: "--version",
    need: "makes the root file system of Zipkin's image",
    remedy: "`apt-get install debootstrap` installs it",
};

impl Tool {
    /// Says so when it is not there.
    pub(crate) fn find(&self) -> Result<(), Failure> {
        if Process::new(self.program, Path::new(".")).arg(self.version).succeeds() {
            Ok(())
        } else {
            let Self { name, program, need, remedy, .. } = self;
            Err(Failure::new(format!("{name} (`{program}`) is not installed; it {need}; {remedy}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_its_use_and_the_remedy() {
        let tool = Tool { program: "otelbar-no-such-program", ..MAVEN };
        let message = tool.find().unwrap_err().message().unwrap().to_owned();
        assert!(
            message.starts_with(
                "Maven (`otelbar-no-such-program`) is not installed; it fetches Zipkin; `apt-get"
            ),
            "{message}"
        );
    }
}
