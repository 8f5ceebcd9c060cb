//! The benchmark of the peers: a project of its own in xtask/peers, whose dependencies our workspace does without.

use std::path::Path;

use super::is_crate;
use crate::{failure::Failure, workspace::Workspace};

/// What it is called among the crates.
pub(super) const CRATE: &str = "otelbar-peers";
pub(super) const MANIFEST: &str = "xtask/peers/Cargo.toml";

/// The rows to measure: none is all of them. `None` is nothing at all. A name of one of the crates is no part of that of
/// a row.
pub(super) fn wanted(
    workspace: &Workspace,
    crates: &[&str],
    names: &[String],
) -> Result<Option<Vec<String>>, Failure> {
    if names.is_empty() || names.iter().any(|name| is_crate(CRATE, name)) {
        return Ok(Some(Vec::new()));
    }
    let manifest = workspace.manifest_outside(MANIFEST)?;
    let rows = manifest.metadata["bench"]["rows"].as_array();
    let rows =
        rows.ok_or_else(|| Failure::new(format!("{MANIFEST} has no list package.metadata.bench.rows")))?;
    Ok(rows_named(rows.iter().filter_map(serde_json::Value::as_str), crates, names))
}

fn rows_named<'a>(
    rows: impl Iterator<Item = &'a str>,
    crates: &[&str],
    names: &[String],
) -> Option<Vec<String>> {
    let mut parts = names.to_vec();
    parts.retain(|name| !crates.iter().any(|crate_name| is_crate(crate_name, name)));
    let is_named = |row: &&str| parts.iter().any(|part| row.contains(part.as_str()));
    let named: Vec<String> = rows.filter(is_named).map(str::to_owned).collect();
    (!named.is_empty()).then_some(named)
}

/// Measures these rows. Builds go to a folder below `target`, counts to the folder `counts`.
#[cfg(target_os = "linux")]
pub(super) fn run(
    workspace: &Workspace,
    rows: &[String],
    target: &Path,
    counts: &Path,
) -> Result<(), Failure> {
    use crate::process::Process;

    const PROGRAM: &str = "peers";
    let build = workspace
        .cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST, "--target-dir"])
        .arg(target.join(PROGRAM));
    let programs = workspace.executables(build)?;
    let program = programs
        .get(PROGRAM)
        .ok_or_else(|| Failure::new(format!("{MANIFEST} has no program named `{PROGRAM}`")))?;
    Process::new(program, workspace.root()).args(rows).var("BENCH_COUNTS", counts).run_in_group()
}

/// Says that there is nothing to run.
#[cfg(not(target_os = "linux"))]
pub(super) fn run(_: &Workspace, _: &[String], _: &Path, _: &Path) -> Result<(), Failure> {
    eprintln!("the peers are left out: processes are bound to cores on Linux alone");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_part_of_that_of_a_row() {
        let check = |names: &[&str], expected: Option<&[&str]>| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let rows = ["span_held", "server_request", "server_child_span"].into_iter();
            let rows = rows_named(rows, &["otelbar-serve"], &names);
            let expected = expected.map(|rows| rows.iter().map(|row| row.to_string()).collect::<Vec<_>>());
            assert_eq!(rows, expected, "{names:?}");
        };
        check(&["span"], Some(&["span_held", "server_child_span"]));
        check(&["server_request", "held"], Some(&["span_held", "server_request"]));
        check(&["sanitise", "serve"], None);
    }
}
