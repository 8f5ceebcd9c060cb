//! The READMEs show no code that the compiler has not seen, and no dependency that cargo does not find.

#[test]
fn each_line_of_code_is_one_of_a_compiled_example() {
    let compiled = include_str!("../README.md");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let Ok(shown) = std::fs::read_to_string(path) else {
        println!("left out: outside of the repository there is no README of the project");
        return;
    };
    let examples: Vec<&str> =
        shown.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    let known: Vec<&str> = compiled.lines().map(str::trim).collect();
    for line in examples.iter().flat_map(|example| example.lines()).map(str::trim) {
        assert!(line.is_empty() || known.contains(&line), "otelbar-panel's README does not have: {line}");
    }
}

/// There is no release yet, so that a version alone names no package.
#[test]
fn a_dependency_on_ours_says_where_it_is() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let crates =
        ["otelbar-config", "otelbar-convert", "otelbar-export", "otelbar-panel", "otelbar-propagation"];
    let mut found = 0;
    for readme in crates.iter().map(|name| folder.join(name)).chain([folder.to_owned()]) {
        let Ok(text) = std::fs::read_to_string(readme.join("README.md")) else { continue };
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        for line in blocks.flat_map(str::lines).filter(|line| line.starts_with("otelbar")) {
            found += 1;
            let place = concat!("{ git = \"", env!("CARGO_PKG_REPOSITORY"), "\"");
            let (name, source) = line.split_once(" = ").unwrap();
            assert!(crates.contains(&name) && source.starts_with(place), "{}: {line}", readme.display());
        }
    }
    assert!(found > 0, "the README of this crate has one in any case");
}
