//! The packages, as crates.io gets them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Note;
use crate::{
    failure::Failure,
    workspace::{Manifest, Workspace},
};

/// What each package has to hold, as it is at the root of the repository.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
/// More than this, compressed, is something that a user of the crate does not need.
const MAX_PACKAGE: u64 = 512 * 1024;
const MAX_FILE: u64 = 128 * 1024;

/// Packs every crate that is to be published, builds each from its package, and looks at what is in it.
pub(super) fn check(workspace: &Workspace) -> Result<Note, Failure> {
    let metadata = workspace.metadata()?;
    let (published, private): (Vec<_>, Vec<_>) = metadata.crates.iter().partition(|one| one.is_published());
    workspace
        .cargo(["package", "--workspace", "--locked", "--allow-dirty"])
        .args(private.iter().flat_map(|one| ["--exclude", &one.name]))
        .run()?;
    let packages = metadata.target.join("package");
    let mut faults = Vec::new();
    for manifest in published {
        let name = format!("{}-{}", manifest.name, manifest.version);
        let archive = packages.join(format!("{name}.crate"));
        let size = fs::metadata(&archive).map_err(|error| Failure::io(&archive, &error))?.len();
        if size > MAX_PACKAGE {
            faults.push(format!("{name}.crate has {size} bytes, more than {MAX_PACKAGE}"));
        }
        look_at(workspace, manifest, &packages.join(name), &mut faults)?;
    }
    if faults.is_empty() { Ok(None) } else { Err(Failure::new(faults.join("\n"))) }
}

/// The files of a package, which cargo has unpacked to build it.
fn look_at(
    workspace: &Workspace,
    manifest: &Manifest,
    package: &Path,
    faults: &mut Vec<String>,
) -> Result<(), Failure> {
    let name = &manifest.name;
    for licence in LICENCES {
        let original = workspace.root().join(licence);
        let original = fs::read(&original).map_err(|error| Failure::io(&original, &error))?;
        if fs::read(package.join(licence)).ok().as_ref() != Some(&original) {
            faults.push(format!(
                "the package of {name} has no {licence} like that of the repository; link it: ln -s ../{licence} {name}/"
            ));
        }
    }
    for file in files(package)? {
        let size = fs::metadata(&file).map_err(|error| Failure::io(&file, &error))?.len();
        if size > MAX_FILE {
            let file = file.strip_prefix(package).unwrap_or(&file).display().to_string();
            faults.push(format!(
                "{file} in the package of {name} has {size} bytes, more than {MAX_FILE}; if no user of the crate needs \
                 it, put it into `exclude` in its Cargo.toml"
            ));
        }
    }
    let readme = package.join("README.md");
    let text = fs::read_to_string(&readme).map_err(|error| Failure::io(&readme, &error))?;
    for target in link_targets(&text) {
        let file = match target.split_once("/otelbar/otelbar/blob/main/") {
            Some((_, inside)) => workspace.root().join(path(inside)),
            None if target.contains(':') || path(target).is_empty() => continue,
            None => package.join(path(target)),
        };
        if !file.exists() {
            faults.push(format!(
                "{name}/README.md links to {target}, which is not in the package; what is outside of the crate needs the \
                 whole address, {}/blob/main/…",
                manifest.repository.as_deref().unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// A link without the place in its page.
fn path(link: &str) -> &str {
    link.split('#').next().unwrap_or_default()
}

/// What the links of a Markdown text lead to, `[text](target)` and `[name]: target`, outside of code blocks.
/// A target that rustdoc resolves, such as `crate::Name`, has a colon.
fn link_targets(markdown: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            targets.push(target.trim());
        }
        let inline = line.split("](").skip(1);
        targets.extend(inline.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target));
    }
    targets
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| Failure::io(&folder, &error))? {
            let path = entry.map_err(|error| Failure::io(&folder, &error))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_both_forms_and_not_in_code() {
        let check = |markdown: &str, expected: &[&str]| assert_eq!(link_targets(markdown), expected);
        check(
            "see [the options](OPTIONS.md#queue), [more](https://example.org)",
            &["OPTIONS.md#queue", "https://example.org"],
        );
        check("[name]: ../docs/api.md\n[`Type`]: crate::Type", &["../docs/api.md", "crate::Type"]);
        check("```rust\nlet x = a[0](b);\n```\nno link: a[0] (b)", &[]);
        check("![picture](a.png)", &["a.png"]);
    }
}
