use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{Command, names},
    failure::Failure,
    process::Process,
    workspace::{Workspace, in_ci},
};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    usage: "test [CRATE…]",
    about: "Runs every test that Rust and a C compiler can run",
    details: "
Unit tests, integration tests, examples and doctests of the whole workspace with all features, or of the crates
named. The tests of the page (otelbar-panel/page/tests) are run by node; without node they are left out, and the
last line says so. Where the environment variable CI is set, a missing node is a failure.",
    passes_arguments_on: false,
    run,
};

/// The crate whose page node tests, and where those tests are.
const PAGE_CRATE: &str = "otelbar-panel";
const PAGE_TESTS: &str = "otelbar-panel/page/tests";

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    if let Some(note) = tests(&Workspace::find()?, &names(args)?)? {
        println!("{note}");
    }
    Ok(())
}

/// Runs the tests of `crates`, of all when there are none, and says what had to be left out.
pub(crate) fn tests(workspace: &Workspace, crates: &[String]) -> Result<Option<String>, Failure> {
    let note = if crates.is_empty() || crates.iter().any(|name| name == PAGE_CRATE) {
        page_tests(workspace)?
    } else {
        None
    };
    let mut process = workspace.cargo(["test", "--all-features", "--no-fail-fast"]);
    if crates.is_empty() {
        process = process.arg("--workspace");
    }
    for name in crates {
        process = process.args(["--package", name]);
    }
    process.run().map_err(|failure| failure.rerun(&process))?;
    Ok(note)
}

fn page_tests(workspace: &Workspace) -> Result<Option<String>, Failure> {
    let files = page_test_files(workspace)?;
    let process = Process::new("node", workspace.root()).arg("--test").args(files);
    if Process::new("node", workspace.root()).arg("--version").succeeds() {
        process.run().map_err(|failure| failure.rerun(&process))?;
        Ok(None)
    } else if in_ci() {
        Err(Failure::new(format!("node is not installed, so the tests in {PAGE_TESTS} can't run"))
            .rerun(&process))
    } else {
        Ok(Some(format!("left out: the page's tests ({PAGE_TESTS}), because node is not installed")))
    }
}

/// Node takes files on every version, a folder or a pattern only on some.
fn page_test_files(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(workspace.root().join(PAGE_TESTS))
        .map_err(|error| Failure::io(Path::new(PAGE_TESTS), &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .filter(|name| is_page_test(&name.to_string_lossy()))
        .map(|name| PathBuf::from(PAGE_TESTS).join(name))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("no file in {PAGE_TESTS} is named *.test.js or *.test.mjs")));
    }
    Ok(files)
}

fn is_page_test(name: &str) -> bool {
    name.ends_with(".test.js") || name.ends_with(".test.mjs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_beside_the_page_tests_are_not_run_as_tests() {
        for (name, expected) in
            [("waterfall.test.mjs", true), ("list.test.js", true), ("dom.mjs", false), ("test.json", false)]
        {
            assert_eq!(is_page_test(name), expected, "{name}");
        }
    }
}
