//! The oldest versions that the manifests allow of what they name.

use std::{fs, io, path::Path};

use super::Note;
use crate::{failure::Failure, toolchain::NIGHTLY, workspace::Workspace};

/// Resolves each dependency that a manifest names to the oldest version it allows, and builds the libraries with these.
/// What those depend on is as new as can be, so a release elsewhere can make this fail.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let cargo = || workspace.cargo_of(NIGHTLY);
    if !cargo().arg("--version").succeeds() {
        return Ok(Some(
            "left out: there is no nightly toolchain (`rustup toolchain install nightly --profile minimal`)"
                .to_owned(),
        ));
    }
    let metadata = workspace.metadata()?;
    // A workspace of its own, with links to our crates, so that our Cargo.lock stays as it is.
    let copy = metadata.target.join("minimal");
    link_workspace(workspace, &copy)?;
    let manifest = copy.join("Cargo.toml");
    let in_copy = |command: &str| {
        cargo()
            .args([command, "-Z", "direct-minimal-versions", "--manifest-path"])
            .arg(&manifest)
            .var("CARGO_TARGET_DIR", copy.join("target"))
    };
    in_copy("generate-lockfile").run()?;
    let private = metadata.crates.iter().filter(|one| !one.is_published());
    in_copy("check")
        .args(["--locked", "--workspace", "--lib", "--all-features"])
        .args(private.flat_map(|one| ["--exclude", &one.name]))
        .run()?;
    Ok(None)
}

fn link_workspace(workspace: &Workspace, copy: &Path) -> Result<(), Failure> {
    fs::create_dir_all(copy).map_err(|error| Failure::io(copy, &error))?;
    let manifest = copy.join("Cargo.toml");
    fs::copy(workspace.root().join("Cargo.toml"), &manifest)
        .map_err(|error| Failure::io(&manifest, &error))?;
    for folder in workspace.crate_folders()? {
        let link = copy.join(&folder);
        match symlink(&workspace.root().join(&folder), &link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Failure::io(&link, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn symlink(original: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

#[cfg(windows)]
fn symlink(original: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(original, link)
}
