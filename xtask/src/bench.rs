mod peers;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Number;

use crate::{
    command::{Command, names},
    failure::Failure,
    workspace::{Manifest, Workspace},
};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    usage: "bench [NAME…]",
    about: "Runs the benchmarks and compares each with its peers",
    details: "
Runs the criterion benchmarks of all crates, or those that a NAME asks for: a crate (`propagation` is
`otelbar-propagation`), or a part of the name of a group. Prints a table of ratios (how many times cheaper ours is
than the peer) and writes it to target/bench.json.

A group compares one thing: its function `ours` with every other function, each named after the peer it measures.
Allocations are counted by the benchmark itself: a program that counts them writes one JSON object, `{\"group/function\":
allocations of one call, …}`, to a file of its own in the folder that the environment variable BENCH_ALLOCS names.

Other counts (instructions, bytes) come after the times, and are written to target/bench-counts.json: a program writes
`{\"case\": {\"unit\": \"bytes\", \"ours\": 1, \"peer\": 2}, …}` to the folder that BENCH_COUNTS names. Instructions need
valgrind.

The peers come last: xtask/peers is a project with dependencies of its own, which measures the toolbar and the middleware
of others in one run, and puts its rows among the counts. It runs on Linux, for some minutes, and best with nothing else
running. A NAME may be `peers`, or a part of the name of a row, as Cargo.toml there lists them.",
    passes_arguments_on: false,
    run,
};

/// The manifest of a project that is not in the workspace.
pub(crate) const PEERS: &str = peers::MANIFEST;

/// The function of a group that measures this project's code.
const OURS: &str = "ours";

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let names = names(args)?;
    let workspace = Workspace::find()?;
    let metadata = workspace.metadata()?;
    let home = metadata.target.join("bench");
    let (times, allocs, counts) = (home.join("criterion"), home.join("allocs"), home.join("counts"));
    // Figures of an earlier run must not pass for this one's.
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| Failure::io(&home, &error))?;
    }
    for folder in [&times, &allocs, &counts] {
        fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
    }

    let crates = metadata.crates.iter().map(|manifest| manifest.name.as_str());
    let crates: Vec<&str> = crates.chain([peers::CRATE]).collect();
    let again = format!("cargo xtask bench {}", names.join(" "));
    for manifest in &metadata.crates {
        let programs = programs(manifest);
        let Some(filter) = filter(&manifest.name, &crates, &names) else { continue };
        if programs.is_empty() {
            continue;
        }
        let process = workspace
            .cargo(["bench", "--package", &manifest.name, "--all-features"])
            .args(programs.iter().flat_map(|name| ["--bench", name]))
            .args(filter.iter().flat_map(|filter| ["--", filter.as_str()]))
            .var("CRITERION_HOME", &times)
            .var("BENCH_ALLOCS", &allocs)
            .var("BENCH_COUNTS", &counts);
        process.run().map_err(|failure| failure.rerun(again.trim_end()))?;
    }
    // What was measured before is told although the peers fail.
    let peers = peers::wanted(&workspace, &crates, &names)?
        .map_or(Ok(()), |rows| peers::run(&workspace, &rows, &metadata.target, &counts));

    let rows = compare(&measurements(&times)?, &allocations(&allocs)?)?;
    let counts = counted(&counts)?;
    if rows.is_empty() && counts.is_empty() && peers.is_ok() {
        return Err(Failure::new(match &names[..] {
            [] => "no crate has a benchmark".to_owned(),
            names => format!("there is no benchmark in a crate, or in a group, named {}", names.join(" or ")),
        }));
    }
    if !rows.is_empty() {
        println!("{}", table(&rows));
    }
    if !counts.is_empty() {
        println!("{}", counts_table(&counts));
    }
    write_json(&metadata.target.join("bench.json"), &rows)?;
    write_json(&metadata.target.join("bench-counts.json"), &counts)?;
    peers.map_err(|failure| failure.rerun(again.trim_end()))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    fs::write(path, json).map_err(|error| Failure::io(path, &error))
}

fn programs(manifest: &Manifest) -> Vec<&str> {
    let is_bench = |kinds: &[String]| kinds.iter().any(|kind| kind == "bench");
    manifest
        .targets
        .iter()
        .filter(|target| is_bench(&target.kind))
        .map(|target| target.name.as_str())
        .collect()
}

/// What criterion is to run of this crate, as a regular expression for its ids, which are `group/function`. Without an
/// expression that is all of it; `None` is nothing at all.
fn filter(crate_name: &str, crates: &[&str], names: &[String]) -> Option<Option<String>> {
    if names.is_empty() || names.iter().any(|name| is_crate(crate_name, name)) {
        return Some(None);
    }
    let groups: Vec<String> = names
        .iter()
        .filter(|name| !crates.iter().any(|crate_name| is_crate(crate_name, name)))
        .map(|name| literal(name))
        .collect();
    (!groups.is_empty()).then(|| Some(format!("^[^/]*({})", groups.join("|"))))
}

fn is_crate(crate_name: &str, name: &str) -> bool {
    crate_name == name || crate_name.strip_prefix("otelbar-").is_some_and(|short| short == name)
}

/// The text as a regular expression that matches it and nothing else.
fn literal(text: &str) -> String {
    let mut expression = String::new();
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression
}

/// One comparison, as target/bench.json lists it.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    id: String,
    ours_ns: f64,
    ours_allocs: Option<Number>,
    peer: Option<String>,
    peer_ns: Option<f64>,
    peer_allocs: Option<Number>,
    /// The peer's time over ours.
    ratio: Option<f64>,
}

/// What criterion says of one function.
#[derive(Debug)]
struct Measurement {
    /// The group, and the parameter where there is one.
    id: String,
    function: String,
    /// The name under which allocations are reported.
    full_id: String,
    nanoseconds: f64,
}

fn compare(
    measurements: &[Measurement],
    allocations: &BTreeMap<String, Number>,
) -> Result<Vec<Row>, Failure> {
    let mut groups: BTreeMap<&str, Vec<&Measurement>> = BTreeMap::new();
    for measurement in measurements {
        groups.entry(&measurement.id).or_default().push(measurement);
    }
    let allocs = |measurement: &Measurement| allocations.get(&measurement.full_id).cloned();
    let mut rows = Vec::new();
    for (id, group) in groups {
        let (ours, mut peers): (Vec<&Measurement>, Vec<_>) =
            group.into_iter().partition(|measurement| measurement.function == OURS);
        let [ours] = ours[..] else {
            return Err(Failure::new(format!("the benchmarks of {id} need one function named `{OURS}`")));
        };
        peers.sort_by(|a, b| a.function.cmp(&b.function));
        let row = |peer: Option<&Measurement>| Row {
            id: id.to_owned(),
            ours_ns: ours.nanoseconds,
            ours_allocs: allocs(ours),
            peer: peer.map(|peer| peer.function.clone()),
            peer_ns: peer.map(|peer| peer.nanoseconds),
            peer_allocs: peer.and_then(allocs),
            ratio: peer.map(|peer| peer.nanoseconds / ours.nanoseconds),
        };
        if peers.is_empty() {
            rows.push(row(None));
        }
        rows.extend(peers.into_iter().map(|peer| row(Some(peer))));
    }
    Ok(rows)
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| benchmark | ours | allocations | peer | its time | its allocations | ratio |\n\
         |---|--:|--:|---|--:|--:|--:|\n",
    );
    let count = |count: &Option<Number>| count.as_ref().map(Number::to_string).unwrap_or_default();
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.id,
            nanoseconds(row.ours_ns),
            count(&row.ours_allocs),
            row.peer.as_deref().unwrap_or_default(),
            row.peer_ns.map(nanoseconds).unwrap_or_default(),
            count(&row.peer_allocs),
            row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        );
    }
    text
}

/// Every function that criterion has written into `home`: `…/new/benchmark.json` and `estimates.json` beside it.
fn measurements(home: &Path) -> Result<Vec<Measurement>, Failure> {
    #[derive(Deserialize)]
    struct Benchmark {
        group_id: String,
        function_id: Option<String>,
        value_str: Option<String>,
        full_id: String,
    }
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
    }

    let mut found = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.ends_with("new/benchmark.json") {
                let benchmark: Benchmark = read_json(&path)?;
                let estimates: Estimates = read_json(&path.with_file_name("estimates.json"))?;
                found.push(Measurement {
                    id: match benchmark.value_str {
                        Some(value) => format!("{}/{value}", benchmark.group_id),
                        None => benchmark.group_id,
                    },
                    function: benchmark.function_id.unwrap_or_else(|| OURS.to_owned()),
                    full_id: benchmark.full_id,
                    nanoseconds: estimates.median.point_estimate,
                });
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

/// What the benchmarks have counted: allocations of one call, by `group/function`.
fn allocations(folder: &Path) -> Result<BTreeMap<String, Number>, Failure> {
    let mut counts = BTreeMap::new();
    for path in entries(folder)? {
        counts.extend(read_json::<BTreeMap<String, Number>>(&path)?);
    }
    Ok(counts)
}

/// Something counted that is neither a time nor an allocation. A difference between two counts may be below zero.
#[derive(Debug, Deserialize, Serialize)]
struct Count {
    unit: String,
    ours: i64,
    #[serde(flatten)]
    peers: BTreeMap<String, i64>,
}

fn counted(folder: &Path) -> Result<BTreeMap<String, Count>, Failure> {
    let mut counts = BTreeMap::new();
    for path in entries(folder)? {
        counts.extend(read_json::<BTreeMap<String, Count>>(&path)?);
    }
    Ok(counts)
}

fn counts_table(counts: &BTreeMap<String, Count>) -> String {
    let mut text =
        String::from("| count | of | ours | peer | its count | ratio |\n|---|---|--:|---|--:|--:|\n");
    for (name, Count { unit, ours, peers }) in counts {
        if peers.is_empty() {
            let _ = writeln!(text, "| {name} | {unit} | {ours} |  |  |  |");
        }
        for (peer, count) in peers {
            let ratio =
                if *ours > 0 { format!("{:.2}", *count as f64 / *ours as f64) } else { String::new() };
            let _ = writeln!(text, "| {name} | {unit} | {ours} | {peer} | {count} | {ratio} |");
        }
    }
    text
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    read().map_err(|error| Failure::io(folder, &error))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io(path, &error))?;
    serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// A time as people write it, in the unit that suits it.
fn nanoseconds(time: f64) -> String {
    match time {
        time if time < 1e3 => format!("{time:.1} ns"),
        time if time < 1e6 => format!("{:.2} µs", time / 1e3),
        time => format!("{:.2} ms", time / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(id: &str, function: &str, nanoseconds: f64) -> Measurement {
        let full_id = format!("{id}/{function}");
        Measurement { id: id.to_owned(), function: function.to_owned(), full_id, nanoseconds }
    }

    #[test]
    fn a_name_is_that_of_a_crate_or_a_part_of_that_of_a_group() {
        let check = |names: &[&str], expected: [Option<Option<&str>>; 2]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let crates = ["otelbar-convert", "otelbar-propagation", peers::CRATE];
            let filters = [crates[0], crates[1]].map(|name| filter(name, &crates, &names));
            assert_eq!(
                filters.each_ref().map(|one| one.as_ref().map(Option::as_deref)),
                expected,
                "{names:?}"
            );
        };
        let all = Some(None);
        check(&[], [all, all]);
        check(&["propagation"], [None, all]);
        check(&["peers"], [None, None]);
        check(&["otelbar-convert"], [all, None]);
        check(&["sql", "bag.age"], [Some(Some(r"^[^/]*(sql|bag\.age)")); 2]);
        check(&["sql", "propagation"], [Some(Some("^[^/]*(sql)")), all]);
    }

    #[test]
    fn ours_is_compared_with_each_peer_of_its_group() {
        let measurements = [
            measurement("extract", "sdk", 600.0),
            measurement("extract", "fastrace", 150.0),
            measurement("extract", "ours", 100.0),
            measurement("sanitise", "ours", 2500.0),
        ];
        let allocations =
            BTreeMap::from([("extract/ours".to_owned(), 0.into()), ("extract/sdk".to_owned(), 2.into())]);
        let expected = "\
| benchmark | ours | allocations | peer | its time | its allocations | ratio |
|---|--:|--:|---|--:|--:|--:|
| extract | 100.0 ns | 0 | fastrace | 150.0 ns |  | 1.50 |
| extract | 100.0 ns | 0 | sdk | 600.0 ns | 2 | 6.00 |
| sanitise | 2.50 µs |  |  |  |  |  |
";
        assert_eq!(table(&compare(&measurements, &allocations).unwrap()), expected);
    }

    #[test]
    fn counts_are_listed_with_those_of_each_peer() {
        let json = r#"{"api_list": {"unit": "bytes", "ours": 700},
            "dropped": {"unit": "spans", "ours": 0, "sdk": 40},
            "span": {"unit": "instructions", "ours": 2000, "off": -500, "sdk": 9000}}"#;
        let expected = "\
| count | of | ours | peer | its count | ratio |
|---|---|--:|---|--:|--:|
| api_list | bytes | 700 |  |  |  |
| dropped | spans | 0 | sdk | 40 |  |
| span | instructions | 2000 | off | -500 | -0.25 |
| span | instructions | 2000 | sdk | 9000 | 4.50 |
";
        assert_eq!(counts_table(&serde_json::from_str(json).unwrap()), expected);
    }

    #[test]
    fn a_group_without_ours_is_named() {
        let failure = compare(&[measurement("extract", "sdk", 1.0)], &BTreeMap::new()).unwrap_err();
        assert_eq!(failure.message(), Some("the benchmarks of extract need one function named `ours`"));
    }

    #[test]
    fn the_file_written_has_null_where_nothing_was_measured() {
        let allocations = BTreeMap::from([("parse/ours".to_owned(), 0.into())]);
        let rows = compare(&[measurement("parse", "ours", 40.0)], &allocations).unwrap();
        let expected = serde_json::json!([{
            "id": "parse", "ours_ns": 40.0, "ours_allocs": 0,
            "peer": null, "peer_ns": null, "peer_allocs": null, "ratio": null
        }]);
        assert_eq!(serde_json::to_value(rows).unwrap(), expected);
    }
}
