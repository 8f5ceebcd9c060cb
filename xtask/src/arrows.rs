mod circles;
mod modules;
mod rooms;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::OsString,
    fmt,
};

use crate::{
    command::Command,
    failure::Failure,
    workspace::{Dependency, Kind, Manifest, Workspace},
};
use circles::Circle;
use rooms::{House, Room};

pub(crate) const COMMAND: Command = Command {
    name: "arrows",
    usage: "arrows",
    about: "Checks the dependencies of crates, and of their modules, against the design",
    details: "
The rules are four tables at the top of xtask/src/arrows.rs: which crate of the workspace may use which, which
dependencies of others a crate must not reach, by any path, on any platform, which modules at the top of a crate may
use which, and which modules may use each other: no others do, in any crate.",
    passes_arguments_on: false,
    run,
};

/// The crates of the workspace, each in the folder of its name but for [`WITHIN_XTASK`], and what each may use of the
/// others. Optional dependencies count.
const CRATES: &[Crate] = &[
    Crate { name: "otelbar-config", uses: &[], tests_use: &["otelbar-testkit"] },
    Crate { name: "otelbar-propagation", uses: &[], tests_use: &["otelbar-testkit"] },
    Crate { name: "otelbar-convert", uses: &["otelbar-propagation"], tests_use: &["otelbar-testkit"] },
    Crate { name: "otelbar-export", uses: &["otelbar-config"], tests_use: &["otelbar-testkit"] },
    Crate {
        name: "otelbar-panel",
        uses: &["otelbar-config", "otelbar-propagation", "otelbar-convert", "otelbar-export"],
        tests_use: &["otelbar-testkit"],
    },
    Crate { name: "otelbar-testkit", uses: &[], tests_use: &[] },
    Crate {
        name: "otelbar-integration",
        uses: &[],
        tests_use: &[
            "otelbar-config",
            "otelbar-convert",
            "otelbar-export",
            "otelbar-panel",
            "otelbar-propagation",
            "otelbar-testkit",
        ],
    },
    // The names of the variables that it sets for the integration tests.
    Crate { name: "xtask", uses: &["otelbar-integration"], tests_use: &[] },
];

/// The crate that is not at the top level: the tests that `xtask` runs against real backends.
const WITHIN_XTASK: &str = "otelbar-integration";

/// What a crate must not reach through its own dependencies and theirs. `*` at the end of a name stands for any
/// ending.
const LIMITS: &[Limit] = &[
    Limit {
        from: "otelbar-propagation",
        features: Features::Default,
        never: &["*"],
        because: "it costs nothing to add to any HTTP client or server",
    },
    Limit {
        from: "otelbar-propagation",
        features: Features::Only("http"),
        never: &["opentelemetry*", "tokio*", "hyper*", "tower*"],
        because: "a HeaderMap can be read without OpenTelemetry and without a runtime",
    },
    Limit {
        from: "otelbar-config",
        features: Features::All,
        never: &["opentelemetry*", "tokio*", "hyper*", "http"],
        because: "options are plain data, of use without the SDK and without a runtime",
    },
    Limit {
        from: "otelbar-convert",
        features: Features::All,
        never: &["tokio*", "hyper*", "http", "axum*", "tower*"],
        because: "it has no IO, no clock and no HTTP",
    },
    Limit {
        from: "otelbar-export",
        features: Features::All,
        never: &["axum*", "sqlx*", "minijinja", "tracing-subscriber"],
        because: "it knows spans and backends, and nothing of a service or its page",
    },
    Limit {
        from: "otelbar-panel",
        features: Features::Default,
        never: &["axum*", "sqlx*", "minijinja"],
        because: "a plain hyper service takes the toolbar without a framework",
    },
];

/// The crates that have rooms: what is at the top of their sources, from what uses nothing to what uses all.
const ROOMS: &[House] = &[
    House {
        name: "otelbar-export",
        rooms: &[
            Room { name: "error", uses: &[] },
            Room { name: "text", uses: &[] },
            Room { name: "time", uses: &[] },
            Room { name: "panic", uses: &["text"] },
            Room { name: "batch", uses: &[] },
            Room { name: "spool", uses: &[] },
            Room { name: "encode", uses: &["batch"] },
            Room { name: "transport", uses: &["error", "text", "time", "encode"] },
            Room {
                name: "pipeline",
                uses: &["error", "time", "panic", "batch", "spool", "encode", "transport"],
            },
            Room { name: "config", uses: &["error", "spool", "transport", "pipeline"] },
        ],
    },
    House {
        name: "otelbar-panel",
        rooms: &[
            Room { name: "error", uses: &[] },
            Room { name: "quiet", uses: &[] },
            Room { name: "text", uses: &["quiet"] },
            Room { name: "panics", uses: &["quiet", "text"] },
            Room { name: "guard", uses: &["quiet", "text", "panics"] },
            Room { name: "record", uses: &["text", "panics", "guard"] },
            Room { name: "capture", uses: &["text", "panics", "guard", "record"] },
            Room { name: "deliver", uses: &["guard", "record"] },
            Room { name: "web", uses: &["guard", "record", "deliver"] },
            Room { name: "layer", uses: &["panics", "guard", "record", "capture", "web"] },
            Room {
                name: "toolbar",
                uses: &["error", "panics", "record", "capture", "deliver", "web", "layer"],
            },
        ],
    },
];

/// The modules that use each other. There are no others, in any crate, but for a module and those within it.
const CIRCLES: &[Circle] = &[
    Circle {
        name: "otelbar-export",
        modules: &["spool::error", "spool::folder"],
        because: "the spool's error names what the folder found to be unsafe",
    },
    Circle {
        name: "otelbar-panel",
        modules: &["record::adopted", "record::journal", "record::query_failures", "record::recording"],
        because: "the methods of a recording that keep its notes, its queries and what it adopted stand beside them",
    },
    Circle {
        name: "otelbar-testkit",
        modules: &["collector", "tree"],
        because: "a tree is made of received spans, and the collector shows what it received as one",
    },
];

struct Crate {
    name: &'static str,
    /// In `[dependencies]` and `[build-dependencies]`.
    uses: &'static [&'static str],
    /// In `[dev-dependencies]`, beside those of `uses`.
    tests_use: &'static [&'static str],
}

impl Crate {
    /// Where it is, below the workspace.
    fn folder(&self) -> &'static str {
        if self.name == WITHIN_XTASK { "xtask/integration" } else { self.name }
    }
}

struct Limit {
    from: &'static str,
    features: Features,
    never: &'static [&'static str],
    because: &'static str,
}

#[derive(Clone, Copy)]
enum Features {
    Default,
    All,
    Only(&'static str),
}

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    if let Some(arg) = lexopt::Parser::from_args(args).next()? {
        return Err(arg.unexpected().into());
    }
    check(&Workspace::find()?)
}

/// Checks every rule against the workspace and names all that are broken, each with the path that breaks it.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let manifests = workspace.metadata()?.crates;
    let mut broken = broken_folders(&workspace.crate_folders()?, &manifests);
    broken.extend(broken_arrows(CRATES, &manifests));
    for limit in LIMITS {
        broken.extend(limit.broken_by(&reached(workspace, limit)?));
    }
    for a_crate in CRATES {
        let sources = modules::read(&workspace.root().join(a_crate.folder()))?;
        for house in ROOMS.iter().filter(|house| house.name == a_crate.name) {
            broken.extend(rooms::broken_by(house, &sources));
        }
        broken.extend(circles::broken_by(a_crate.name, &sources, CIRCLES));
    }
    if broken.is_empty() {
        let rooms: usize = ROOMS.iter().map(|house| house.rooms.len()).sum();
        println!(
            "{} crates, {} limits on what they reach, {rooms} rooms, {} circles of modules that stay: all rules hold",
            CRATES.len(),
            LIMITS.len(),
            CIRCLES.len()
        );
        return Ok(());
    }
    let list: String = broken.iter().map(|line| format!("\n  {line}")).collect();
    Err(Failure::new(format!("the design's dependency rules are broken:{list}")).rerun("cargo xtask arrows"))
}

/// The crates stand in the folders of their names at the top level, and there is no other.
fn broken_folders(folders: &[String], manifests: &[Manifest]) -> Vec<String> {
    let designed: BTreeSet<&str> = CRATES.iter().map(|a_crate| a_crate.name).collect();
    let folders: BTreeSet<&str> = folders.iter().map(String::as_str).chain([WITHIN_XTASK]).collect();
    let members: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut broken = Vec::new();
    for (what, found) in [("the top level", &folders), ("the workspace", &members)] {
        broken.extend(designed.difference(found).map(|name| format!("{what} lacks the crate {name}")));
        broken.extend(found.difference(&designed).map(|name| {
            format!("{what} has a crate {name}, which CRATES in xtask/src/arrows.rs does not name")
        }));
    }
    broken
}

/// What the manifests declare among the crates of the workspace and `rules` does not allow.
fn broken_arrows(rules: &[Crate], manifests: &[Manifest]) -> Vec<String> {
    let mut broken = Vec::new();
    for rule in rules {
        for manifest in manifests.iter().filter(|manifest| manifest.name == rule.name) {
            let among_us = |dependency: &&Dependency| rules.iter().any(|other| other.name == dependency.name);
            for Dependency { name, kind } in manifest.dependencies.iter().filter(among_us) {
                let (table, allowed) = match kind {
                    Kind::Normal => ("dependencies", rule.uses.contains(&name.as_str())),
                    Kind::Build => ("build-dependencies", rule.uses.contains(&name.as_str())),
                    // A crate's tests may name the crate itself, to turn its features on.
                    Kind::Dev => (
                        "dev-dependencies",
                        name == rule.name
                            || rule.uses.contains(&name.as_str())
                            || rule.tests_use.contains(&name.as_str()),
                    ),
                };
                if !allowed {
                    broken.push(format!("{} → {name}, in [{table}] of {0}/Cargo.toml", rule.name));
                }
            }
        }
    }
    broken
}

impl Limit {
    fn broken_by(&self, graph: &Graph) -> Option<String> {
        let path = graph.shortest_path(|name| self.never.iter().any(|pattern| matches(pattern, name)))?;
        Some(format!("{}{}: {}; {}", self.from, self.features, path.join(" → "), self.because))
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(" with default features"),
            Self::All => f.write_str(" with all features"),
            Self::Only(name) => write!(f, " with only the feature {name}"),
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// What a limit's crate reaches. `cargo tree` resolves the features of only that crate, where `cargo metadata`
/// would add up those of the whole workspace.
fn reached(workspace: &Workspace, limit: &Limit) -> Result<Graph, Failure> {
    let process = workspace.cargo(["tree", "--package", limit.from, "--edges", "normal", "--target", "all"]);
    let process = process.args(["--prefix", "depth", "--format", " {p}"]);
    let process = match limit.features {
        Features::Default => process,
        Features::All => process.arg("--all-features"),
        Features::Only(name) => process.args(["--no-default-features", "--features", name]),
    };
    process.output()?.parse()
}

/// Which package depends on which, each named with its version.
#[derive(Debug, Default)]
struct Graph {
    root: String,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The shortest path from the root to another package whose name is `wanted`.
    fn shortest_path(&self, wanted: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
        let mut came_from = BTreeMap::from([(self.root.as_str(), None)]);
        let mut queue = VecDeque::from([self.root.as_str()]);
        while let Some(package) = queue.pop_front() {
            let name = package.split(' ').next().unwrap_or(package);
            if package != self.root && wanted(name) {
                let mut path = vec![package];
                while let Some(&Some(before)) = came_from.get(path[path.len() - 1]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            for next in self.edges.get(package).into_iter().flatten() {
                if !came_from.contains_key(next.as_str()) {
                    came_from.insert(next, Some(package));
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Reads the lines of `cargo tree --prefix depth --format ' {p}'`: `2 name v1.0.0 (proc-macro) (*)`.
impl std::str::FromStr for Graph {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut graph = Self::default();
        let mut ancestors: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split(' ');
            let depth = words.next().and_then(|word| word.parse::<usize>().ok());
            let package = words.next().zip(words.next()).map(|(name, version)| format!("{name} {version}"));
            let (Some(depth), Some(package)) = (depth, package) else {
                return Err(Failure::new(format!(
                    "cargo tree wrote a line this program can't read: `{line}`"
                )));
            };
            ancestors.truncate(depth);
            match ancestors.last() {
                Some(parent) => {
                    graph.edges.entry(parent.clone()).or_default().insert(package.clone());
                }
                None => graph.root = package.clone(),
            }
            ancestors.push(package);
        }
        if graph.root.is_empty() {
            return Err(Failure::new("cargo tree named no package"));
        }
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0 otelbar-config v0.1.0 (somewhere/otelbar-config)
1 url v2.5.0
2 idna v1.1.0
3 tokio-util v0.7.0
1 thiserror v2.0.0
2 thiserror-impl v2.0.0 (proc-macro)
1 other v1.0.0
2 tokio-util v0.7.0 (*)
";

    fn limit(never: &'static [&'static str]) -> Limit {
        Limit { from: "otelbar-config", features: Features::All, never, because: "it is plain data" }
    }

    fn manifest(name: &str, dependencies: &[(&str, Kind)]) -> Manifest {
        let dependencies =
            dependencies.iter().map(|&(name, kind)| Dependency { name: name.to_owned(), kind }).collect();
        Manifest { name: name.to_owned(), dependencies, ..Manifest::default() }
    }

    #[test]
    fn a_limit_is_broken_by_a_package_at_any_depth() {
        let graph: Graph = TREE.parse().unwrap();
        let check = |never, expected: Option<&str>| {
            let broken = limit(never).broken_by(&graph);
            let path =
                broken.as_deref().map(|line| line.split(": ").nth(1).unwrap().split("; ").next().unwrap());
            assert_eq!(path, expected, "{never:?}");
        };
        check(&["hyper*", "http"], None);
        check(&["tokio"], None);
        check(&["idna"], Some("otelbar-config v0.1.0 → url v2.5.0 → idna v1.1.0"));
        check(&["thiserror-*"], Some("otelbar-config v0.1.0 → thiserror v2.0.0 → thiserror-impl v2.0.0"));
        check(&["*"], Some("otelbar-config v0.1.0 → other v1.0.0"));
    }

    #[test]
    fn the_path_shown_is_the_shortest() {
        let graph: Graph = TREE.parse().unwrap();
        let path = graph.shortest_path(|name| name == "tokio-util").unwrap();
        assert_eq!(path, ["otelbar-config v0.1.0", "other v1.0.0", "tokio-util v0.7.0"]);
    }

    #[test]
    fn a_broken_limit_tells_its_crate_its_features_and_its_reason() {
        let line = limit(&["url"]).broken_by(&TREE.parse().unwrap()).unwrap();
        assert_eq!(
            line,
            "otelbar-config with all features: otelbar-config v0.1.0 → url v2.5.0; it is plain data"
        );
    }

    #[test]
    fn a_crate_without_dependencies_keeps_the_strictest_limit() {
        let graph: Graph = "0 otelbar-propagation v0.1.0 (somewhere)\n".parse().unwrap();
        assert_eq!(limit(&["*"]).broken_by(&graph), None);
    }

    #[test]
    fn two_versions_of_a_package_are_two_packages() {
        let tree = "0 root v1\n1 middle v1\n2 leaf v1\n1 middle v2\n";
        let graph: Graph = tree.parse().unwrap();
        assert_eq!(graph.shortest_path(|name| name == "leaf").unwrap(), ["root v1", "middle v1", "leaf v1"]);
    }

    #[test]
    fn text_that_is_no_tree_is_refused() {
        for text in ["", "root v1\n", "x root v1\n", "0 root\n"] {
            assert!(text.parse::<Graph>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_arrow_against_the_design_is_found_in_each_table() {
        let check = |name, dependency, kind, expected: &[&str]| {
            assert_eq!(broken_arrows(CRATES, &[manifest(name, &[(dependency, kind)])]), expected);
        };
        check("otelbar-export", "otelbar-config", Kind::Normal, &[]);
        check("otelbar-export", "tokio", Kind::Normal, &[]);
        check("otelbar-export", "otelbar-testkit", Kind::Dev, &[]);
        check("otelbar-panel", "otelbar-propagation", Kind::Dev, &[]);
        check("otelbar-convert", "otelbar-convert", Kind::Dev, &[]);
        check(
            "otelbar-config",
            "otelbar-export",
            Kind::Normal,
            &["otelbar-config → otelbar-export, in [dependencies] of otelbar-config/Cargo.toml"],
        );
        check(
            "otelbar-export",
            "otelbar-testkit",
            Kind::Normal,
            &["otelbar-export → otelbar-testkit, in [dependencies] of otelbar-export/Cargo.toml"],
        );
        check(
            "otelbar-convert",
            "otelbar-panel",
            Kind::Dev,
            &["otelbar-convert → otelbar-panel, in [dev-dependencies] of otelbar-convert/Cargo.toml"],
        );
        check(
            "otelbar-testkit",
            "otelbar-config",
            Kind::Build,
            &["otelbar-testkit → otelbar-config, in [build-dependencies] of otelbar-testkit/Cargo.toml"],
        );
    }

    #[test]
    fn a_crate_too_many_and_a_crate_too_few_are_found() {
        let designed: Vec<String> = CRATES.iter().map(|a_crate| a_crate.name.to_owned()).collect();
        let manifests: Vec<Manifest> = designed.iter().map(|name| manifest(name, &[])).collect();
        assert!(broken_folders(&designed, &manifests).is_empty());

        let mut folders = designed.clone();
        folders[0] = "otelbar-extra".to_owned();
        let broken = broken_folders(&folders, &manifests);
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert_eq!(broken[0], format!("the top level lacks the crate {}", designed[0]));
        assert!(broken[1].starts_with("the top level has a crate otelbar-extra"), "{broken:?}");
        assert_eq!(broken_folders(&designed, &manifests[1..]).len(), 1);
    }

    #[test]
    fn the_rules_name_crates_that_exist() {
        let known = |name: &str| CRATES.iter().any(|a_crate| a_crate.name == name);
        for a_crate in CRATES {
            assert!(a_crate.uses.iter().chain(a_crate.tests_use).all(|name| known(name)), "{}", a_crate.name);
        }
        assert!(LIMITS.iter().all(|limit| known(limit.from)));
        assert!(ROOMS.iter().all(|house| known(house.name)));
        assert!(CIRCLES.iter().all(|circle| known(circle.name)));
    }

    #[test]
    fn rooms_use_only_those_before_them() {
        for House { name, rooms } in ROOMS {
            for (place, room) in rooms.iter().enumerate() {
                let is_before =
                    |used: &&'static str| rooms[..place].iter().any(|before| before.name == *used);
                assert!(room.uses.iter().all(is_before), "{name}: {}", room.name);
            }
        }
    }
}
