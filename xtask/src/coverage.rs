use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, names},
    failure::Failure,
    workspace::{Manifest, Workspace},
};

pub(crate) const COMMAND: Command = Command {
    name: "coverage",
    usage: "coverage [CRATE…]",
    about: "Measures which lines the tests run, by crate and by file",
    details: "
Each crate is measured by its own tests, with all features; doctests do not count. Prints a table, writes it to
target/coverage.json, and fails when a crate is below the floor that its Cargo.toml states:

  [package.metadata.coverage]
  floor = 95  # per cent of lines

It needs cargo-tarpaulin (`cargo install --locked cargo-tarpaulin`), of which it uses the LLVM engine.",
    passes_arguments_on: false,
    run,
};

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    let metadata = workspace.metadata()?;
    let chosen = chosen(&metadata.crates, &names(args)?)?;
    if !workspace.cargo(["tarpaulin", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-tarpaulin is not installed; `cargo install --locked cargo-tarpaulin` installs it",
        ));
    }
    let crates = chosen
        .into_iter()
        .map(|manifest| CrateCoverage::measure(&workspace, &metadata.target, manifest))
        .collect::<Result<Vec<_>, _>>()?;
    print!("{}", table(&crates));
    let path = metadata.target.join("coverage.json");
    let json = serde_json::to_string_pretty(&crates).map_err(|error| Failure::new(error.to_string()))?;
    fs::write(&path, json).map_err(|error| Failure::io(&path, &error))?;
    below_floor(&crates)
}

fn chosen<'a>(crates: &'a [Manifest], names: &[String]) -> Result<Vec<&'a Manifest>, Failure> {
    if names.is_empty() {
        return Ok(crates.iter().collect());
    }
    let find = |name: &String| {
        crates
            .iter()
            .find(|manifest| manifest.name == *name)
            .ok_or_else(|| Failure::usage(format!("there is no crate `{name}` in the workspace")))
    };
    names.iter().map(find).collect()
}

/// The least share of its lines, in per cent, that a crate's manifest promises to have tested.
fn floor(manifest: &Manifest) -> Option<f64> {
    manifest.metadata.get("coverage")?.get("floor")?.as_f64()
}

/// One crate's lines, as target/coverage.json lists them.
#[derive(Debug, Serialize)]
struct CrateCoverage {
    #[serde(rename = "crate")]
    name: String,
    floor: Option<f64>,
    #[serde(flatten)]
    lines: Lines,
    files: Vec<FileCoverage>,
}

#[derive(Debug, Serialize)]
struct FileCoverage {
    path: String,
    #[serde(flatten)]
    lines: Lines,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Lines {
    covered: u64,
    coverable: u64,
    percent: f64,
}

impl CrateCoverage {
    fn measure(workspace: &Workspace, target: &Path, manifest: &Manifest) -> Result<Self, Failure> {
        let target = target.join("coverage");
        let out = target.join(&manifest.name);
        let sources = format!("{}/src/*", manifest.name);
        fs::create_dir_all(&out).map_err(|error| Failure::io(&out, &error))?;
        workspace
            .cargo(["tarpaulin", "--engine", "llvm", "--package", &manifest.name, "--all-features"])
            .args(["--skip-clean", "--timeout", "600", "--include-files", &sources, "--out", "Json"])
            .arg("--target-dir")
            .arg(target.join("build"))
            .arg("--output-dir")
            .arg(&out)
            .run()
            .map_err(|failure| failure.rerun(format_args!("cargo xtask coverage {}", manifest.name)))?;
        let path = out.join("tarpaulin-report.json");
        let json = fs::read_to_string(&path).map_err(|error| Failure::io(&path, &error))?;
        let files = read_report(&json, workspace.root())
            .map_err(|error| Failure::new(format!("{} can't be read: {error}", path.display())))?;
        let lines = files.iter().map(|file| file.lines).sum();
        Ok(Self { name: manifest.name.clone(), floor: floor(manifest), lines, files })
    }
}

/// The files of tarpaulin's report, by their paths below `root`.
fn read_report(json: &str, root: &Path) -> serde_json::Result<Vec<FileCoverage>> {
    #[derive(Deserialize)]
    struct Report {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        path: Vec<String>,
        covered: u64,
        coverable: u64,
    }
    let report: Report = serde_json::from_str(json)?;
    let mut files = BTreeMap::new();
    for File { path, covered, coverable } in report.files {
        let path: PathBuf = path.iter().collect();
        let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        files.insert(path, Lines::new(covered, coverable));
    }
    Ok(files.into_iter().map(|(path, lines)| FileCoverage { path, lines }).collect())
}

impl Lines {
    fn new(covered: u64, coverable: u64) -> Self {
        let percent = if coverable == 0 { 100.0 } else { 100.0 * covered as f64 / coverable as f64 };
        Self { covered, coverable, percent }
    }
}

impl std::iter::Sum for Lines {
    fn sum<I: Iterator<Item = Self>>(lines: I) -> Self {
        let (covered, coverable) = lines.fold((0, 0), |(covered, coverable), lines| {
            (covered + lines.covered, coverable + lines.coverable)
        });
        Self::new(covered, coverable)
    }
}

fn table(crates: &[CrateCoverage]) -> String {
    let mut text = String::from("| crate, file | lines | covered | % | floor |\n|---|--:|--:|--:|--:|\n");
    let mut row = |name: &str, Lines { covered, coverable, percent }: Lines, floor: &str| {
        let _ = writeln!(text, "| {name} | {coverable} | {covered} | {percent:.1} | {floor} |");
    };
    for CrateCoverage { name, floor, lines, files } in crates {
        row(&format!("**{name}**"), *lines, &floor.map(|floor| floor.to_string()).unwrap_or_default());
        for file in files {
            row(&file.path, file.lines, "");
        }
    }
    text
}

fn below_floor(crates: &[CrateCoverage]) -> Result<(), Failure> {
    let below: Vec<String> = crates
        .iter()
        .filter_map(|a_crate| {
            let (name, lines, floor) = (&a_crate.name, a_crate.lines, a_crate.floor?);
            let found = match lines.coverable {
                0 => "without a line that could be measured".to_owned(),
                _ => format!("at {:.1} %", lines.percent),
            };
            (lines.coverable == 0 || lines.percent < floor)
                .then(|| format!("{name} is {found}; its Cargo.toml promises {floor} %"))
        })
        .collect();
    if below.is_empty() { Ok(()) } else { Err(Failure::new(below.join("\n  "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(floor: Option<f64>, covered: u64, coverable: u64) -> CrateCoverage {
        let lines = Lines::new(covered, coverable);
        let files = vec![FileCoverage { path: "one/src/lib.rs".to_owned(), lines }];
        CrateCoverage { name: "one".to_owned(), floor, lines, files }
    }

    #[test]
    fn a_report_is_read_with_paths_below_the_workspace() {
        let json = r#"{"files":[
            {"path":["/","src","repo","one","src","b.rs"],"content":"","traces":[],"covered":1,"coverable":4},
            {"path":["/","src","repo","one","src","a.rs"],"content":"","traces":[],"covered":3,"coverable":3}
        ],"coverage":57.1,"covered":4,"coverable":7}"#;
        let files = read_report(json, Path::new("/src/repo")).unwrap();
        let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.lines.percent)).collect();
        assert_eq!(found, [("one/src/a.rs", 100.0), ("one/src/b.rs", 25.0)]);
        assert_eq!(files.iter().map(|file| file.lines).sum::<Lines>(), Lines::new(4, 7));
    }

    #[test]
    fn a_crate_below_its_floor_fails_and_names_both_figures() {
        let check = |floor, covered, coverable, expected: Option<&str>| {
            let failure = below_floor(&[coverage(floor, covered, coverable)]).err();
            assert_eq!(failure.as_ref().and_then(Failure::message), expected);
        };
        check(Some(95.0), 950, 1000, None);
        check(None, 1, 1000, None);
        check(Some(95.0), 942, 1000, Some("one is at 94.2 %; its Cargo.toml promises 95 %"));
        let nothing = "one is without a line that could be measured; its Cargo.toml promises 95 %";
        check(Some(95.0), 0, 0, Some(nothing));
    }

    #[test]
    fn the_table_lists_a_crate_before_its_files() {
        let expected = "\
| crate, file | lines | covered | % | floor |
|---|--:|--:|--:|--:|
| **one** | 8 | 7 | 87.5 | 80 |
| one/src/lib.rs | 8 | 7 | 87.5 |  |
";
        assert_eq!(table(&[coverage(Some(80.0), 7, 8)]), expected);
    }

    #[test]
    fn the_file_written_names_crates_files_and_figures() {
        let json = serde_json::to_value([coverage(Some(95.0), 3, 4)]).unwrap();
        let expected = serde_json::json!([{
            "crate": "one", "floor": 95.0, "covered": 3, "coverable": 4, "percent": 75.0,
            "files": [{"path": "one/src/lib.rs", "covered": 3, "coverable": 4, "percent": 75.0}]
        }]);
        assert_eq!(json, expected);
    }

    #[test]
    fn the_floor_is_read_from_the_manifest() {
        let check = |metadata: serde_json::Value, expected| {
            let manifest = serde_json::json!({
                "name": "one", "version": "0.1.0", "features": {}, "dependencies": [], "targets": [],
                "metadata": metadata
            });
            assert_eq!(floor(&serde_json::from_value(manifest).unwrap()), expected);
        };
        check(serde_json::json!({ "coverage": { "floor": 95 } }), Some(95.0));
        check(serde_json::json!({ "docs": { "rs": {} } }), None);
        check(serde_json::Value::Null, None);
    }
}
