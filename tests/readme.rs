//! The commands in the documents exist: files, packages, verbs and options. `.ci/run` runs the two commands of the
//! README.

use std::path::Path;
use std::process::Command;

use crate::cli::BINARY;

const DOCUMENTS: [(&str, &str); 2] =
    [("README.md", include_str!("../README.md")), ("docs/contributing.md", include_str!("../docs/contributing.md"))];

/// The commands in the shell blocks of a document as lists of words, without comments.
fn commands(document: &str) -> Vec<Vec<String>> {
    let blocks = document.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    blocks.flat_map(str::lines).map(words).filter(|words| !words.is_empty()).collect()
}

/// The words of a line, separated by spaces outside single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (k, part) in line.split('\'').enumerate() {
        match k % 2 {
            0 => words.extend(part.split_whitespace().map(String::from)),
            _ => words.push(part.into()),
        }
    }
    let comment = words.iter().position(|w| w.starts_with('#')).unwrap_or(words.len());
    words.truncate(comment);
    words
}

fn check(command: &[String]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut words = command.iter().skip_while(|w| w.contains('=')).map(String::as_str);
    match words.next() {
        Some("einfold") => check_verb(&words.collect::<Vec<_>>()),
        Some("cargo") => {
            let words: Vec<&str> = words.collect();
            let package = words.windows(2).find(|w| w[0] == "-p").map(|w| w[1]);
            let missing = package.filter(|p| !include_str!("../Cargo.lock").contains(&format!("name = \"{p}\"\n")));
            let lost = words.iter().find(|w| w.contains('/') && w.contains('.') && !root.join(w).exists());
            if let Some(what) = missing.or(lost.copied()) {
                return Err(format!("{what} does not exist"));
            }
            match words.iter().position(|w| *w == "--").filter(|_| words[0] == "run") {
                Some(at) => check_verb(&words[at + 1..]),
                None => Ok(()),
            }
        }
        Some(script) if root.join(script).exists() => Ok(()),
        other => Err(format!("{other:?} is no command")),
    }
}

/// Checks that the binary knows the verb and its options.
fn check_verb(words: &[&str]) -> Result<(), String> {
    let help = Command::new(&*BINARY).args(words.first().filter(|w| !w.starts_with('-'))).arg("--help").output();
    let help = help.map_err(|e| e.to_string())?;
    if !help.status.success() {
        return Err(String::from_utf8_lossy(&help.stderr).into());
    }
    let text = String::from_utf8_lossy(&help.stdout);
    let unknown = words.iter().find(|w| w.starts_with('-') && !text.contains(*w));
    unknown.map_or(Ok(()), |option| Err(format!("no option {option}")))
}

#[test]
fn the_commands_of_the_documents_exist() {
    for (name, document) in DOCUMENTS {
        let commands = commands(document);
        assert!(!commands.is_empty(), "{name}");
        for command in commands {
            assert_eq!(check(&command), Ok(()), "{name}: {}", command.join(" "));
        }
    }
}

#[test]
fn git_ignores_what_the_first_command_of_the_readme_writes() {
    let command = commands(DOCUMENTS[0].1).swap_remove(0);
    let output = command.iter().skip_while(|word| *word != "-o").nth(1).unwrap();
    assert!(include_str!("../.gitignore").lines().any(|line| line == format!("/{output}")), "{output}");
}

#[test]
fn the_readme_says_which_ndarray() {
    let manifest = include_str!("../Cargo.toml");
    let version = manifest.split("\nndarray = { version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for (name, page) in [("README.md", DOCUMENTS[0].1), ("lib.rs", include_str!("../crates/einfold/src/lib.rs"))] {
        assert!(page.contains(&format!("`ndarray` {version}")), "{name}");
    }
    let traits = [
        include_str!("../crates/einfold/src/operand.rs"),
        include_str!("../crates/einfold/src/output.rs"),
        include_str!("../crates/einfold/src/target.rs"),
    ];
    assert!(traits.iter().all(|source| source.contains(&format!("ndarray {version} (`einfold::ndarray`)"))));
}

#[test]
fn the_second_command_of_the_readme_is_what_ci_runs() {
    let command = commands(DOCUMENTS[0].1).swap_remove(1).join(" ");
    assert!(include_str!("../.ci/run").contains(&format!("step {command}\n")), "{command}");
}
