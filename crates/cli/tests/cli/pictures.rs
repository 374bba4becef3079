//! The pictures of `docs/ordering.md`, compared with those that the tool draws. `EINFOLD_DRAW=1 cargo test -p
//! einfold-cli pictures` draws them again.

use crate::harness::{Folder, einfold};
use std::fs;

/// The orders of the lattice are files, so that the pictures do not change with the search.
const PICTURES: [(&str, &[&str]); 4] = [
    ("transformation.svg", &["pi,qj,ijkl,rk,sl->pqrs", "--shapes", "10x10,10x10,10x10x10x10,10x10,10x10"]),
    ("written.svg", &["lattice.json", "--order", "left-to-right"]),
    ("greedy.svg", &["lattice.json", "--path", "greedy.json"]),
    ("deep.svg", &["lattice.json", "--path", "deep.json"]),
];

#[test]
fn pictures_are_what_the_tool_draws() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pictures");
    let text = fs::read_to_string(format!("{docs}/../ordering.md")).unwrap();
    let folder = Folder::new();
    for (name, arguments) in PICTURES {
        let drawn = folder.file(name);
        let output = einfold().arg("order").args(arguments).args(["--svg", &drawn]).current_dir(docs).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (drawn, kept) = (fs::read_to_string(drawn).unwrap(), format!("{docs}/{name}"));
        if std::env::var_os("EINFOLD_DRAW").is_some() {
            fs::write(&kept, &drawn).unwrap();
        }
        assert!(fs::read_to_string(&kept).unwrap() == drawn, "{name} is not what the tool draws");
        assert!(drawn.len() < 40_000 && text.contains(&format!("(pictures/{name})")), "{name}");
    }
}
