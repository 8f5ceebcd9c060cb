use std::{ffi::OsString, fs, time::Duration};

use lexopt::{Arg, ValueExt};

use crate::{
    command::Command,
    failure::Failure,
    process::Process,
    toolchain::NIGHTLY,
    workspace::{Metadata, Workspace},
};

pub(crate) const COMMAND: Command = Command {
    name: "fuzz",
    usage: "fuzz [--seconds N] [TARGET…]",
    about: "Feeds random input to the parsers and looks for a panic",
    details: "
Runs the fuzz targets named, or all: each file in the fuzz/fuzz_targets folder of a crate is one. It starts from what
is in fuzz/seeds/TARGET, and keeps the inputs that reach new code in fuzz/corpus/TARGET. A finding ends the run; it
is kept in the crate's fuzz/artifacts folder, and the message tells how to repeat it.

  --seconds N     how long each target runs; 60 unless told

It needs a nightly toolchain and cargo-fuzz (`cargo install --locked cargo-fuzz`).",
    passes_arguments_on: false,
    run,
};

const DEFAULT_TIME: Duration = Duration::from_secs(60);
/// How long continuous integration runs a target, and all of them together, without what they take to build.
const BRIEF_EACH: Duration = Duration::from_secs(5);
const BRIEF_TOTAL: Duration = Duration::from_secs(90);

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let mut time = DEFAULT_TIME;
    let mut names = Vec::new();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("seconds") => time = Duration::from_secs(parser.value()?.parse()?),
            Arg::Value(name) => names.push(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::find()?;
    let targets = chosen(targets(&workspace)?, &names)?;
    match missing(&workspace) {
        Some(remedy) => Err(Failure::new(remedy)),
        None => fuzz(&workspace, &targets, time, &[]),
    }
}

/// A short run of every target, for continuous integration.
pub(crate) fn briefly(workspace: &Workspace) -> Result<Option<String>, Failure> {
    if let Some(remedy) = missing(workspace) {
        return Ok(Some(format!("left out: {remedy}")));
    }
    let targets = chosen(targets(workspace)?, &[])?;
    let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let time = (BRIEF_TOTAL / count).clamp(Duration::from_secs(1), BRIEF_EACH);
    // What it takes to build them is more than what they run.
    fuzz(workspace, &targets, time, &["--dev"])?;
    Ok(None)
}

/// What there is to do before anything can be fuzzed.
fn missing(workspace: &Workspace) -> Option<&'static str> {
    if !workspace.cargo_of(NIGHTLY).arg("--version").succeeds() {
        return Some(
            "there is no nightly toolchain; `rustup toolchain install nightly` installs it \
             (https://rustup.rs tells how to get rustup)",
        );
    }
    let installed = cargo_fuzz(workspace).arg("--version").succeeds();
    (!installed).then_some("cargo-fuzz is not installed; `cargo install --locked cargo-fuzz` installs it")
}

fn fuzz(workspace: &Workspace, targets: &[Target], time: Duration, profile: &[&str]) -> Result<(), Failure> {
    // One for all, since most of what they are built from is the same.
    let builds = workspace.metadata()?.target.join("fuzz");
    for Target { folder, name } in targets {
        let (corpus, seeds) = (format!("{folder}/corpus/{name}"), format!("{folder}/seeds/{name}"));
        // libFuzzer takes no folder that is not there.
        let path = workspace.root().join(&corpus);
        fs::create_dir_all(&path).map_err(|error| Failure::io(&path, &error))?;
        let seeds = workspace.root().join(&seeds).is_dir().then_some(seeds);
        cargo_fuzz(workspace)
            .arg("run")
            .args(profile)
            .args(["--fuzz-dir", folder, name, &corpus])
            .args(seeds)
            .arg("--")
            .arg(format!("-max_total_time={}", time.as_secs()))
            .var("CARGO_TARGET_DIR", &builds)
            .run()
            .map_err(|failure| failure.rerun(format_args!("cargo xtask fuzz {name}")))?;
    }
    let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
    println!("{} ran for {} seconds each, without a finding", names.join(", "), time.as_secs());
    Ok(())
}

fn cargo_fuzz(workspace: &Workspace) -> Process {
    workspace.cargo_of(NIGHTLY).arg("fuzz")
}

#[derive(Debug, PartialEq)]
struct Target {
    /// The folder that cargo-fuzz calls the fuzz folder, below the workspace.
    folder: String,
    name: String,
}

/// Every fuzz target of every crate.
fn targets(workspace: &Workspace) -> Result<Vec<Target>, Failure> {
    let Metadata { crates, .. } = workspace.metadata()?;
    let mut targets = Vec::new();
    for manifest in crates {
        let folder = format!("{}/fuzz", manifest.name);
        let sources = workspace.root().join(&folder).join("fuzz_targets");
        if !sources.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&sources).map_err(|error| Failure::io(&sources, &error))? {
            let path = entry.map_err(|error| Failure::io(&sources, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                targets.push(Target { folder: folder.clone(), name });
            }
        }
    }
    targets.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
    Ok(targets)
}

fn chosen(targets: Vec<Target>, names: &[String]) -> Result<Vec<Target>, Failure> {
    if targets.is_empty() {
        return Err(Failure::new("no crate has a fuzz target"));
    }
    if let Some(unknown) = names.iter().find(|name| targets.iter().all(|target| target.name != **name)) {
        let known: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "there is no fuzz target `{unknown}`; the targets are {}",
            known.join(", ")
        )));
    }
    Ok(targets.into_iter().filter(|target| names.is_empty() || names.contains(&target.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[&str]) -> Vec<Target> {
        let target = |name: &&str| Target { folder: "one/fuzz".to_owned(), name: name.to_string() };
        names.iter().map(target).collect()
    }

    #[test]
    fn targets_are_chosen_by_name_and_all_without_one() {
        let check = |names: &[&str], expected: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            assert_eq!(chosen(targets(&["baggage", "tracestate"]), &names).unwrap(), targets(expected));
        };
        check(&[], &["baggage", "tracestate"]);
        check(&["tracestate"], &["tracestate"]);
    }

    #[test]
    fn an_unknown_target_is_named_with_those_that_exist() {
        let failure = chosen(targets(&["baggage"]), &["bagage".to_owned()]).unwrap_err();
        assert_eq!(failure.message(), Some("there is no fuzz target `bagage`; the targets are baggage"));
    }

    #[test]
    fn a_workspace_without_targets_is_no_success() {
        assert_eq!(chosen(Vec::new(), &[]).unwrap_err().message(), Some("no crate has a fuzz target"));
    }
}
