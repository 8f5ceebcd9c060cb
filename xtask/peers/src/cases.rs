use std::path::Path;
use std::{env, fs};

use crate::machine::{self, Side};
use crate::row::{Row, json};
use crate::{Error, encode, held, produce, servers};

/// Rows that are measured together.
struct Case {
    rows: &'static [&'static str],
    measure: fn() -> Result<Vec<Row>, Error>,
}

/// The quickest come first. `[package.metadata.bench]` in Cargo.toml names the rows too, for xtask to know them without
/// a build.
const CASES: [Case; 6] = [
    Case { rows: &["span_held", "span_allocations"], measure: held::measure },
    Case { rows: &["encode_span", "encode_span_json"], measure: encode::measure },
    Case { rows: &["span_exported"], measure: produce::cost },
    Case { rows: &["flat_out_dropped"], measure: produce::dropped },
    Case {
        rows: &["server_request", "server_request_over_bare", "server_child_span"],
        measure: servers::recording,
    },
    Case {
        rows: &[
            "exporting_request",
            "exporting_request_over_bare",
            "exporting_child_span",
            "exporting_dropped",
        ],
        measure: servers::exporting,
    },
];

/// Measures the rows that have one of these texts in their names, or all, and writes them to a file in the folder
/// `$BENCH_COUNTS`, or to standard output without.
pub(crate) fn run(names: &[&str]) -> Result<(), Error> {
    machine::pin(Side::Other)?;
    let is_wanted = |row: &str| names.is_empty() || names.iter().any(|name| row.contains(name));
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|case| case.rows.iter().any(|row| is_wanted(row))) {
        eprintln!("measuring {}", case.rows.join(", "));
        rows.extend((case.measure)()?.into_iter().filter(|row| is_wanted(row.name)));
    }
    let json = format!("{:#}", json(&rows));
    match env::var_os("BENCH_COUNTS") {
        Some(folder) => fs::write(Path::new(&folder).join(concat!(env!("CARGO_PKG_NAME"), ".json")), json)?,
        None => println!("{json}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_rows() {
        let rows = CASES.iter().flat_map(|case| case.rows).map(|row| format!("    \"{row}\",\n"));
        let list = format!("[package.metadata.bench]\nrows = [\n{}]\n", rows.collect::<String>());
        let manifest = include_str!("../Cargo.toml");
        assert!(manifest.contains(&list), "it lacks\n{list}");
    }
}
