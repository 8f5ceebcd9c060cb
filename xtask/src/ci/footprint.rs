//! How many crates the toolbar adds to a service.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use super::Note;
use crate::{failure::Failure, workspace::Workspace};

/// What the service has without the toolbar: the dependencies that the README of the toolbar begins with.
const SERVICE: &str = r#"[package]
name = "service"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
axum = "0.8"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "signal"] }
tracing-subscriber = "0.3"
"#;
/// The toolbar's features that such a service needs to export by OTLP over HTTP.
const FEATURES: &str = r#"default-features = false, features = ["axum"]"#;
/// The crates of one platform, so that the number is the same everywhere.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
const README: &str = "otelbar-panel/README.md";

/// Holds the number in the README to what cargo resolves.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let home = workspace.metadata()?.target.join("footprint");
    let panel = workspace.root().join("otelbar-panel");
    let toolbar = format!("otelbar-panel = {{ path = '{}', {FEATURES} }}\n", panel.display());
    let without = crates(workspace, &home.join("without"), SERVICE)?;
    let with = crates(workspace, &home.join("with"), &format!("{SERVICE}{toolbar}"))?;
    let added: Vec<&String> = with.difference(&without).collect();
    let readme = workspace.root().join(README);
    let text = fs::read_to_string(&readme).map_err(|error| Failure::io(&readme, &error))?;
    if stated(&text) == Some(added.len()) {
        return Ok(None);
    }
    let mut message = format!(
        "with {FEATURES} the toolbar adds {} crates to an axum service, and {README} must say so: \"adds **{} crates**\"",
        added.len(),
        added.len()
    );
    for name in added {
        let _ = write!(message, "\n  {name}");
    }
    Err(Failure::new(message))
}

/// The number in the sentence of the README.
fn stated(readme: &str) -> Option<usize> {
    readme.split_once("adds **")?.1.split_once(" crates**")?.0.parse().ok()
}

/// Every crate that a program with this manifest is built from, with our versions of them.
fn crates(workspace: &Workspace, folder: &Path, manifest: &str) -> Result<BTreeSet<String>, Failure> {
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| Failure::io(path, &error));
    let source = folder.join("src");
    fs::create_dir_all(&source).map_err(|error| Failure::io(&source, &error))?;
    write(&source.join("main.rs"), "fn main() {}\n")?;
    write(&folder.join("Cargo.toml"), manifest)?;
    let lock = folder.join("Cargo.lock");
    fs::copy(workspace.root().join("Cargo.lock"), &lock).map_err(|error| Failure::io(&lock, &error))?;
    let tree = workspace
        .cargo(["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}"])
        .args(["--target", PLATFORM, "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .output()?;
    Ok(names(&tree))
}

/// The names and versions in what `cargo tree` writes, without the places of those that are folders.
fn names(tree: &str) -> BTreeSet<String> {
    let two_words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    tree.lines().filter(|line| !line.is_empty()).map(two_words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_and_two_versions_of_it_twice() {
        let tree = "service v0.0.0 (/tmp/with)\nserde v1.0.0\nserde_derive v1.0.0 (proc-macro)\nserde v1.0.0\nserde v2.0.0\n";
        let expected = ["serde v1.0.0", "serde v2.0.0", "serde_derive v1.0.0", "service v0.0.0"];
        assert_eq!(names(tree).iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_number_is_read_from_the_readmes_sentence() {
        for (readme, expected) in [
            ("With OTLP over HTTP alone it adds **61 crates** to an axum service.", Some(61)),
            ("It adds **some crates** to a service.", None),
            ("It adds 61 crates to a service.", None),
        ] {
            assert_eq!(stated(readme), expected, "{readme}");
        }
    }
}
