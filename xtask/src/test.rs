mod left_out;

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
use left_out::{LeftOut, ignored, skipped};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    usage: "test [CRATE…]",
    about: "Runs every test that Rust and a C compiler can run",
    details: "
Unit tests, integration tests, examples and doctests of the whole workspace with all features, or of the crates
named. The tests of the page (otelbar-panel/page/tests) are run by node, those of its behaviour in Chromium
(OTELBAR_CHROMIUM, or chromium or google-chrome in PATH). Its types, format and lints are checked by the tools that
`npm ci --prefix otelbar-panel/page` installs.

The last lines name each test that was left out, and why: what another command runs, and what this machine has no
program for. Where the environment variable CI is set, a missing program is a failure.",
    passes_arguments_on: false,
    run,
};

/// The crate whose page node tests, where the page is, and where those tests are.
const PAGE_CRATE: &str = "otelbar-panel";
const PAGE: &str = "otelbar-panel/page";
const PAGE_TESTS: &str = "otelbar-panel/page/tests";

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    if let Some(note) = tests(&Workspace::find()?, &names(args)?)? {
        println!("{note}");
    }
    Ok(())
}

/// Runs the tests of `crates`, of all when there are none, and says what had to be left out.
pub(crate) fn tests(workspace: &Workspace, crates: &[String]) -> Result<Option<String>, Failure> {
    let mut left_out = LeftOut::default();
    if crates.is_empty() || crates.iter().any(|name| name == PAGE_CRATE) {
        page_checks(workspace, &mut left_out)?;
        page_tests(workspace, &mut left_out)?;
    }
    let mut process = workspace.cargo(["test", "--all-features", "--no-fail-fast"]);
    if crates.is_empty() {
        process = process.arg("--workspace");
    }
    for name in crates {
        process = process.args(["--package", name]);
    }
    process
        .run_watched(|line| {
            if let Some(reason) = ignored(line) {
                left_out.apart(reason);
            }
        })
        .map_err(|failure| failure.rerun(&process))?;
    Ok(left_out.note())
}

/// What `npm run check` does, where its tools are installed.
fn page_checks(workspace: &Workspace, left_out: &mut LeftOut) -> Result<(), Failure> {
    let page = workspace.root().join(PAGE);
    let process = Process::new("npm", &page).args(["run", "--silent", "check"]);
    if !page.join("node_modules/.bin").is_dir() {
        let reason = format!("its tools are not installed; `npm ci --prefix {PAGE}` installs them");
        left_out.missing("the page's types, format and lints", &reason);
    } else if Process::new("npm", workspace.root()).arg("--version").succeeds() {
        process.run().map_err(|failure| failure.rerun(&process))?;
    } else {
        left_out.missing("the page's types, format and lints", "npm is not installed");
    }
    verdict(left_out, in_ci()).map_err(|failure| failure.rerun(&process))
}

fn page_tests(workspace: &Workspace, left_out: &mut LeftOut) -> Result<(), Failure> {
    let files = page_test_files(workspace)?;
    let process = Process::new("node", workspace.root()).args(["--test", "--test-reporter=tap"]).args(files);
    if Process::new("node", workspace.root()).arg("--version").succeeds() {
        process
            .run_watched(|line| {
                if let Some((suite, reason)) = skipped(line) {
                    left_out.missing(&format!("the page's tests `{suite}`"), reason);
                }
            })
            .map_err(|failure| failure.rerun(&process))?;
    } else {
        left_out.missing(&format!("the page's tests ({PAGE_TESTS})"), "node is not installed");
    }
    verdict(left_out, in_ci()).map_err(|failure| failure.rerun(&process))
}

/// Where all programs are to be there, a test that has none is a failure.
fn verdict(left_out: &LeftOut, in_ci: bool) -> Result<(), Failure> {
    match left_out.first_missing() {
        Some(what) if in_ci => Err(Failure::new(format!("left out: {what}"))),
        _ => Ok(()),
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
    fn what_has_no_program_fails_in_ci_and_what_is_left_to_another_command_does_not() {
        let mut left_out = LeftOut::default();
        left_out.apart("needs a backend");
        for in_ci in [false, true] {
            assert!(verdict(&left_out, in_ci).is_ok());
        }
        left_out.missing("the page's tests `the bar`", "no Chromium found");
        assert!(verdict(&left_out, false).is_ok());
        let failure = verdict(&left_out, true).unwrap_err();
        assert_eq!(failure.message(), Some("left out: the page's tests `the bar`: no Chromium found"));
    }

    #[test]
    fn helpers_beside_the_page_tests_are_not_run_as_tests() {
        for (name, expected) in
            [("waterfall.test.mjs", true), ("list.test.js", true), ("dom.mjs", false), ("test.json", false)]
        {
            assert_eq!(is_page_test(name), expected, "{name}");
        }
    }
}
