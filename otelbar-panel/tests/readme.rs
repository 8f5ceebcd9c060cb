//! The project's README shows no code that the compiler has not seen.

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
