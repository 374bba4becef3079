//! Machine costs are defined in one place.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the crates that make and run plans. Times in the tool are user input and are not checked.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    let mut folders: Vec<PathBuf> =
        ["ir", "syntax", "order", "plan", "exec", "einfold"].map(|name| crates.join(name)).into();
    folders.iter_mut().for_each(|folder| folder.push("src"));
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// Whether a constant is the time of an operation, judged by its unit, name or magnitude.
fn is_cost(doc: &str, declaration: &str) -> bool {
    let words = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ");
    let units = ["ns", "nanosecond", "nanoseconds", "picoseconds", "gflops", "bandwidth"];
    let (name, value) = declaration.split_once('=').unwrap_or((declaration, ""));
    let said = words(&format!("{doc} {name}"));
    let named = said.split_whitespace().any(|word| units.contains(&word));
    let small = ["e-6", "e-7", "e-8", "e-9", "e-10"].iter().any(|power| value.trim_end_matches(';').ends_with(power));
    named || doc.contains("machines of today") || name.contains("f64") && small
}

#[test]
fn no_constant_but_those_of_the_machine_is_a_time_of_an_operation() {
    let (mut constants, mut found) = (0, Vec::new());
    for file in sources() {
        if file.ends_with("ir/src/machine.rs") {
            continue;
        }
        let (text, mut doc) = (fs::read_to_string(&file).unwrap(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(said) = line.strip_prefix("///") {
                doc += said;
                continue;
            }
            let declaration = ["", "pub ", "pub(crate) ", "pub(super) "]
                .iter()
                .find_map(|visible| line.strip_prefix(&format!("{visible}const ")));
            if let Some(declaration) = declaration.filter(|rest| !rest.starts_with("fn ")) {
                constants += 1;
                if is_cost(&doc, declaration) {
                    found.push(format!("{}: {line}", file.display()));
                }
            }
            doc.clear();
        }
    }
    assert!(found.is_empty(), "these belong to `Machine`:\n{}", found.join("\n"));
    assert!(constants > 100, "{constants}");
}

#[test]
fn costs_are_told_from_other_constants() {
    assert!(is_cost(" Of copying one byte, in ns.", "BYTE: f64 = 0.2;"));
    assert!(is_cost("", "FLOP_NS: f64 = 0.011;"));
    assert!(is_cost(" What a unit takes.", "SECONDS: f64 = 3e-8;"));
    assert!(is_cost(" A ratio on machines of today.", "NEST: f64 = 8.0;"));
    assert!(!is_cost(" Positions of k that one call takes.", "SLAB: [usize; 2] = [64, 256];"));
    assert!(!is_cost(" The least step.", "STEP: f64 = 1.0 / 64.0;"));
}
