use std::ffi::OsString;

use crate::{command::Command, failure::Failure, process::Process, workspace::Workspace};

pub(crate) const COMMAND: Command = Command {
    name: "demo",
    usage: "demo [--port PORT] [--otlp URL] [--zipkin URL] [--requests N]",
    about: "Runs a small shop with the toolbar in it",
    details: "
The shop and the inventory service it calls run until they are interrupted, and print the addresses to open. All
arguments are the demo's own (otelbar-panel/examples/demo); `cargo xtask demo --help` lists them.

  --port PORT     the shop's port; 0 takes any free one
  --otlp URL      sends the spans to this OTLP/HTTP backend as well
  --zipkin URL    sends the spans to this Zipkin as well
  --requests N    sends its own traffic of N requests, prints what became of it as one line of JSON and ends;
                  exit code 1 tells that a span was lost or recorded under the wrong request",
    passes_arguments_on: true,
    run,
};

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    Err(process(&Workspace::find()?).args(args).replace())
}

/// The demo, without arguments of its own. Nothing else is written to standard output: cargo's
/// messages go to standard error.
pub(crate) fn process(workspace: &Workspace) -> Process {
    workspace.cargo(["run"]).args(DEMO).arg("--")
}

/// Builds what `process` runs, for [`Workspace::executables`].
#[cfg(unix)]
pub(crate) fn build(workspace: &Workspace) -> Process {
    workspace.cargo(["build"]).args(DEMO)
}

const DEMO: [&str; 5] = ["--package", "otelbar-panel", "--all-features", "--example", "demo"];
