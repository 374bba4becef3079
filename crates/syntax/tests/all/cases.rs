//! Reads the case files of the grammar and the shapes in them.

use einfold_ir::{Dtype, TensorType};
use std::path::Path;

/// The text of a file of the repository.
pub(crate) fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases of a file, one per line.
pub(crate) fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The quoted text at the start of `line`, and the rest after a space.
pub(crate) fn quoted(line: &str) -> (String, &str) {
    let mut rest = line.strip_prefix('"').unwrap_or_else(|| panic!("no quote: {line}")).chars();
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return (text, rest.as_str().trim_start()),
            Some('\\') => text.push(escape(&mut rest)),
            Some(c) => text.push(c),
            None => panic!("no closing quote: {line}"),
        }
    }
}

fn escape(rest: &mut std::str::Chars<'_>) -> char {
    match rest.next() {
        Some('t') => '\t',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('u') => {
            let hex: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
            char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap()
        }
        Some(c @ ('"' | '\\')) => c,
        other => panic!("unknown escape {other:?}"),
    }
}

/// Reads types such as `2x3, 3:f32, g=()`: shapes, each with an optional dtype (default f64) and an optional name.
pub(crate) fn types(text: &str) -> Vec<TensorType> {
    let one = |text: &str| {
        let (name, text) = text.split_once('=').map_or((None, text), |(name, text)| (Some(name.into()), text));
        let (shape, dtype) = text.split_once(':').unwrap_or((text, "f64"));
        let extents = shape.split('x').filter(|_| shape != "()").map(|n| n.parse().unwrap());
        TensorType { name, dtype: Dtype::from_name(dtype).unwrap(), shape: extents.collect(), conj: false }
    };
    text.split(", ").filter(|text| !text.is_empty()).map(one).collect()
}
