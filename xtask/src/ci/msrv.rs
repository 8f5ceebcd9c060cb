//! The oldest Rust that the crates promise.

use super::Note;
use crate::{failure::Failure, workspace::Workspace};

/// Features whose dependency needs a newer Rust than we do, and which; the crate's manifest and README say so.
const NEWER: &[(&str, &str)] = &[("sqlx", "1.94")];

/// Builds the libraries with the toolchain of `rust-version`. Clippy compares what our code calls with that version on any
/// toolchain (`incompatible_msrv`); that the dependencies build, only the toolchain itself shows.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let metadata = workspace.metadata()?;
    for manifest in metadata.crates.iter().filter(|one| one.is_published()) {
        let Some(version) = manifest.rust_version.as_deref() else {
            return Err(Failure::new(format!("{} has no rust-version", manifest.name)));
        };
        let cargo = workspace.cargo_of(version);
        if !cargo.clone().arg("--version").succeeds() {
            return Ok(Some(format!(
                "left out: there is no Rust {version} (`rustup toolchain install {version} --profile minimal`)"
            )));
        }
        let is_newer = |feature: &str| NEWER.iter().any(|(newer, _)| *newer == feature);
        let features: Vec<&str> =
            manifest.features.keys().map(String::as_str).filter(|name| !is_newer(name)).collect();
        cargo
            .args(["check", "--locked", "--lib", "--package", &manifest.name, "--no-default-features"])
            .args(["--features", &features.join(",")])
            .var("CARGO_TARGET_DIR", metadata.target.join("msrv"))
            .run()?;
    }
    let newer =
        |(feature, version): &(&str, &str)| format!("feature {feature} left out: it needs Rust {version}");
    Ok(Some(NEWER.iter().map(newer).collect::<Vec<_>>().join("; ")))
}
