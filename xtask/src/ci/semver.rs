//! The public interface, compared with that of the last release.

use super::Note;
use crate::{failure::Failure, process::Process, workspace::Workspace};

/// The tag of a release, as `git tag --list` takes it.
const TAGS: &str = "v[0-9]*";

/// Fails if the interface changed more than the version did since the last tag.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let git = Process::new("git", workspace.root());
    let tags = git.args(["tag", "--list", TAGS, "--merged", "HEAD", "--sort=-version:refname"]).output()?;
    let Some(tag) = tags.lines().next() else {
        return Ok(Some("left out: there is no tag of a release to compare with".to_owned()));
    };
    if !workspace.cargo(["semver-checks", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-semver-checks is not installed; `.ci/run` installs it once there is a tag, and so does \
             `cargo install --locked cargo-semver-checks`",
        ));
    }
    let metadata = workspace.metadata()?;
    let private = metadata.crates.iter().filter(|one| !one.is_published());
    workspace
        .cargo(["semver-checks", "--workspace", "--all-features", "--baseline-rev", tag])
        .args(private.flat_map(|one| ["--exclude", &one.name]))
        .run()?;
    Ok(None)
}
