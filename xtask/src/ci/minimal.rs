//! The oldest versions that the manifests allow of what they name.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Note;
use crate::{failure::Failure, process::Process, toolchain::NIGHTLY, workspace::Workspace};

const NO_NIGHTLY: &str =
    "left out: there is no nightly toolchain (`rustup toolchain install nightly --profile minimal`)";

/// Resolves each dependency that a manifest names to the oldest version it allows, and builds the libraries with these.
/// What those depend on is as new as can be, so a release elsewhere can make this fail.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let Some(oldest) = Oldest::of(workspace)? else { return Ok(Some(NO_NIGHTLY.to_owned())) };
    oldest.for_published("check").args(["--locked", "--lib"]).run()?;
    Ok(None)
}

/// The documentation as docs.rs makes it: by a nightly, which says beside an item what feature it needs. It is made from
/// the build of [`check`].
pub(super) fn doc(workspace: &Workspace) -> Result<Note, Failure> {
    let Some(oldest) = Oldest::of(workspace)? else { return Ok(Some(NO_NIGHTLY.to_owned())) };
    oldest
        .for_published("doc")
        .args(["--locked", "--no-deps"])
        .var("RUSTDOCFLAGS", "--cfg docsrs -D warnings")
        .run()?;
    Ok(None)
}

/// A workspace of its own with links to our crates, so that our Cargo.lock stays as it is.
struct Oldest {
    /// With the crates to publish, and all their features.
    selection: Vec<String>,
    folder: PathBuf,
    cargo: Process,
}

impl Oldest {
    /// Nothing, where there is no nightly.
    fn of(workspace: &Workspace) -> Result<Option<Self>, Failure> {
        let cargo = workspace.cargo_of(NIGHTLY);
        if !cargo.clone().arg("--version").succeeds() {
            return Ok(None);
        }
        let metadata = workspace.metadata()?;
        let folder = metadata.target.join("minimal");
        link_workspace(workspace, &folder)?;
        let private = metadata.crates.iter().filter(|one| !one.is_published());
        let mut selection = vec!["--workspace".to_owned(), "--all-features".to_owned()];
        selection.extend(private.flat_map(|one| ["--exclude".to_owned(), one.name.clone()]));
        let oldest = Self { selection, folder, cargo };
        oldest.command("generate-lockfile").run()?;
        Ok(Some(oldest))
    }

    fn command(&self, command: &str) -> Process {
        self.cargo
            .clone()
            .args([command, "-Z", "direct-minimal-versions", "--manifest-path"])
            .arg(self.folder.join("Cargo.toml"))
            .var("CARGO_TARGET_DIR", self.folder.join("target"))
    }

    fn for_published(&self, command: &str) -> Process {
        self.command(command).args(&self.selection)
    }
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
