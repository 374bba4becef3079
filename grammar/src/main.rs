//! Draws `grammar/einfold.ebnf` as the page of railroad diagrams `docs/grammar.html`: `cargo run -p einfold-grammar`.

mod diagram;
mod ebnf;
mod page;

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A file of the project.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn made() -> io::Result<String> {
    page::page(&fs::read_to_string(file("grammar/einfold.ebnf"))?).map_err(io::Error::other)
}

fn main() -> io::Result<()> {
    fs::write(file("docs/grammar.html"), made()?)
}

#[cfg(test)]
mod tests {
    use super::{file, made};

    #[test]
    fn the_page_is_that_of_the_grammar() {
        let page = std::fs::read_to_string(file("docs/grammar.html")).unwrap();
        assert!(page == made().unwrap(), "the grammar has changed: cargo run -p einfold-grammar");
    }
}
