//! All links between the documents are valid, and the glossary names code that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// All Markdown files in these directories.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["", "docs", "docs/decisions", "grammar", "tests/cases", "tests/data", "benches/record"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The text without code blocks and inline code.
fn prose(document: &str) -> String {
    let outside = document.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    outside.split('`').step_by(2).collect()
}

/// The link anchors of the headings of a document.
fn anchors(document: &str) -> BTreeSet<String> {
    let outside = document.split("\n```").step_by(2).flat_map(str::lines);
    let headings =
        outside.filter_map(|line| line.strip_prefix('#')).map(|heading| heading.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", document.display());
            if !anchor.is_empty() {
                let there = anchors(&fs::read_to_string(&target).unwrap());
                assert!(there.contains(anchor), "{}: {link}", document.display());
            }
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

/// The text of all sources below a folder, and their paths.
fn sources(folder: &Path, text: &mut String, paths: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
            paths.push_str(&path.display().to_string());
            paths.push('\n');
        }
    }
}

#[test]
fn the_glossary_names_code_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut text, mut paths) = (String::new(), String::new());
    sources(&root.join("crates"), &mut text, &mut paths);
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let glossary = fs::read_to_string(root.join("docs/glossary.md")).unwrap();
    let mut count = 0;
    for row in glossary.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 3) {
        let place = row.split(" | ").nth(2).unwrap_or_default();
        for code in place.split('`').skip(1).step_by(2) {
            // The name of the crate comes first.
            let names = code.split_once("::").map_or(code, |(_, names)| names);
            let exists =
                if code.contains('/') { paths.contains(code) } else { names.split("::").all(|n| words.contains(n)) };
            assert!(exists, "{row}\n{code} is not in the code");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}
