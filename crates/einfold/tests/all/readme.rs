//! The README and the first page of the documentation show the same example.

#[test]
fn the_example_of_the_readme_is_the_one_of_the_documentation() {
    let readme = include_str!("../../../../README.md");
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let library = include_str!("../../src/lib.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let library: Vec<&str> = library.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let example: Vec<&str> = example.lines().collect();
    assert!(library.windows(example.len()).any(|lines| lines == example), "{example:#?}");
}
