//! The published libraries one by one, with each of their features, built by the oldest Rust that they promise.

use std::collections::BTreeMap;

use super::Note;
use crate::{failure::Failure, workspace::Workspace};

/// Features whose dependency needs a newer Rust than we do, and which; the crate's manifest and README say so.
const NEWER: &[(&str, &str)] = &[("sqlx", "1.94")];

/// Builds the library of each published crate on its own, so that none lives on features that another crate of the
/// workspace has switched on: with no feature, with each alone and with all. It is built by the toolchain of
/// `rust-version`, where that is installed. Clippy compares what our code calls with that version on any toolchain
/// (`incompatible_msrv`); that the dependencies build, only the toolchain itself shows.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let metadata = workspace.metadata()?;
    let mut notes = Vec::new();
    for manifest in metadata.crates.iter().filter(|one| one.is_published()) {
        let Some(version) = manifest.rust_version.as_deref() else {
            return Err(Failure::new(format!("{} has no rust-version", manifest.name)));
        };
        let oldest = workspace.cargo_of(version);
        let has_oldest = oldest.clone().arg("--version").succeeds();
        if !has_oldest {
            let note = format!(
                "by the current Rust: there is no {version} (`rustup toolchain install {version} --profile minimal`)"
            );
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        for selection in selections(&manifest.features) {
            let newer = selection.iter().find_map(|name| NEWER.iter().find(|(newer, _)| newer == name));
            if let Some((feature, version)) = newer {
                notes.push(format!(
                    "feature {feature} of {} by the current Rust: it needs {version}",
                    manifest.name
                ));
            }
            let cargo = if has_oldest && newer.is_none() { oldest.clone() } else { workspace.cargo([]) };
            cargo
                .args(["check", "--locked", "--package", &manifest.name, "--lib", "--no-default-features"])
                .args(["--features", &selection.join(",")])
                .var("CARGO_TARGET_DIR", metadata.target.join("features"))
                .var("RUSTFLAGS", "-D warnings")
                .run()?;
        }
    }
    Ok((!notes.is_empty()).then(|| notes.join("; ")))
}

/// No feature, each alone, and all that the oldest Rust can build. A feature that only switches on those of other crates
/// has nothing of this crate's behind it, and comes with the others only.
fn selections(features: &BTreeMap<String, Vec<String>>) -> Vec<Vec<&str>> {
    let named = || features.iter().filter(|(name, _)| *name != "default");
    let is_passed_on = |parts: &[String]| !parts.is_empty() && parts.iter().all(|part| part.contains('/'));
    let mut selections = vec![Vec::new()];
    selections.extend(named().filter(|(_, parts)| !is_passed_on(parts)).map(|(name, _)| vec![name.as_str()]));
    let all: Vec<&str> = named()
        .map(|(name, _)| name.as_str())
        .filter(|name| NEWER.iter().all(|(newer, _)| newer != name))
        .collect();
    if all.len() > 1 {
        selections.push(all);
    }
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_with_code_of_its_own_is_selected_alone_and_default_is_not_one() {
        let check = |features: &[(&str, &[&str])], expected: &[&str]| {
            let features = features
                .iter()
                .map(|(name, parts)| (name.to_string(), parts.iter().map(ToString::to_string).collect()))
                .collect();
            let lines: Vec<String> = selections(&features).iter().map(|names| names.join(",")).collect();
            assert_eq!(lines, expected);
        };
        check(&[], &[""]);
        check(&[("http", &[])], &["", "http"]);
        check(
            &[
                ("default", &["http"]),
                ("http", &["dep:http"]),
                ("gzip", &["export/gzip"]),
                ("sqlx", &["dep:sqlx"]),
            ],
            &["", "http", "sqlx", "gzip,http"],
        );
    }
}
