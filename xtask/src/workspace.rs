use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{failure::Failure, process::Process};

/// The folder of the workspace and the crates in it, as their manifests declare them.
pub(crate) struct Workspace {
    root: PathBuf,
}

/// What `cargo metadata` tells of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    #[serde(rename = "packages")]
    pub(crate) crates: Vec<Manifest>,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

/// One crate's manifest.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) repository: Option<String>,
    /// The registries it may go to; any without a list.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// The table `[package.metadata]`.
    pub(crate) metadata: serde_json::Value,
}

impl Manifest {
    /// Whether it is for others, and goes to crates.io.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.is_none()
    }
}

/// A library, program, example, test or benchmark of a crate.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

/// One entry of a manifest's tables of dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package, not what it is renamed to.
    pub(crate) name: String,
    #[serde(deserialize_with = "kind")]
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

impl Workspace {
    /// The workspace this xtask belongs to, told by the cargo that runs it.
    pub(crate) fn find() -> Result<Self, Failure> {
        let xtask = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        match xtask.as_deref().and_then(Path::parent) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => Err(Failure::usage("this program is started by cargo, as `cargo xtask`")),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A cargo command in this workspace.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        Process::new("cargo", &self.root).args(args)
    }

    /// The members of the workspace, and where cargo builds.
    pub(crate) fn metadata(&self) -> Result<Metadata, Failure> {
        read_metadata(&self.cargo(["metadata", "--format-version", "1", "--no-deps"]))
    }

    /// The manifest of a project that is in our folder and not in our workspace.
    pub(crate) fn manifest_outside(&self, path: &str) -> Result<Manifest, Failure> {
        let process = self.cargo(["metadata", "--format-version", "1", "--no-deps", "--manifest-path", path]);
        let mut metadata = read_metadata(&process)?;
        metadata.crates.pop().ok_or_else(|| Failure::new(format!("{path} has no package")))
    }

    /// Runs a build, and gives the programs that it is for, by the names of their targets.
    #[cfg(unix)]
    pub(crate) fn executables(&self, build: Process) -> Result<BTreeMap<String, PathBuf>, Failure> {
        let build = build.arg("--message-format=json-render-diagnostics");
        read_executables(&build.output_in_group()?)
            .map_err(|error| Failure::new(format!("`{build}` wrote what this program can't read: {error}")))
    }

    /// The folders at the top level that hold a crate.
    pub(crate) fn crate_folders(&self) -> Result<Vec<String>, Failure> {
        let entries = fs::read_dir(&self.root).map_err(|error| Failure::io(&self.root, &error))?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("Cargo.toml").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }
}

fn read_metadata(process: &Process) -> Result<Metadata, Failure> {
    serde_json::from_str(&process.output()?)
        .map_err(|error| Failure::new(format!("`{process}` wrote what this program can't read: {error}")))
}

/// Reads what cargo writes with `--message-format=json`: a message a line.
#[cfg(unix)]
fn read_executables(messages: &str) -> serde_json::Result<BTreeMap<String, PathBuf>> {
    #[derive(Deserialize)]
    struct Message {
        target: Option<Target>,
        executable: Option<PathBuf>,
    }
    let mut executables = BTreeMap::new();
    for line in messages.lines() {
        let Message { target, executable } = serde_json::from_str(line)?;
        executables.extend(target.map(|target| target.name).zip(executable));
    }
    Ok(executables)
}

/// Whether this is a run of continuous integration, where nothing may be left out in silence.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Ok(match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("normal") => Kind::Normal,
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        Some(other) => return Err(serde::de::Error::custom(format!("unknown kind of dependency `{other}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_tells_dependencies_by_their_tables() {
        let json = r#"{"target_directory":"target","packages":[{"name":"one","version":"0.1.0","publish":[],"features":{"http":["dep:http"]},
            "metadata":{"coverage":{"floor":95}},"targets":[{"name":"parse","kind":["bench"]}],
            "dependencies":[{"name":"a","kind":null},{"name":"b","kind":"dev"},{"name":"c","kind":"build"}]}]}"#;
        let metadata: Metadata = serde_json::from_str(json).unwrap();
        let kinds: Vec<Kind> = metadata.crates[0].dependencies.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Normal, Kind::Dev, Kind::Build]);
        assert_eq!(metadata.crates[0].targets[0].name, "parse");
        assert!(!metadata.crates[0].is_published());
    }

    #[cfg(unix)]
    #[test]
    fn the_programs_of_a_build_are_known_by_their_targets() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"serde","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"jaeger","kind":["test"]},"executable":"/target/jaeger-1f"}
{"reason":"build-finished","success":true}"#;
        let expected = BTreeMap::from([("jaeger".to_owned(), PathBuf::from("/target/jaeger-1f"))]);
        assert_eq!(read_executables(messages).unwrap(), expected);
    }

    #[test]
    fn a_table_of_dependencies_that_cargo_does_not_have_yet_is_refused() {
        let dependency = serde_json::from_str::<Dependency>(r#"{"name":"a","kind":"artifact"}"#);
        assert!(dependency.unwrap_err().to_string().contains("artifact"));
    }
}
