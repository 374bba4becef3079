//! Reads the case files of the grammar, and shapes as they are written in them.

use einfold_ir::{Algebra, Dtype, Literal, OutOfRange, TensorType};
use einfold_syntax::Options;
use std::path::Path;

/// The text of a file of the repository.
pub(crate) fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a case file that are cases.
pub(crate) fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The quoted text at the start of `line`, and what follows it and a space.
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

/// Types as `2x3, 3:f32, g=()`: shapes, each with a dtype if it is not f64, and perhaps a name.
pub(crate) fn types(text: &str) -> Vec<TensorType> {
    let one = |text: &str| {
        let (name, text) = text.split_once('=').map_or((None, text), |(name, text)| (Some(name.into()), text));
        let (shape, dtype) = text.split_once(':').unwrap_or((text, "f64"));
        let extents = shape.split('x').filter(|_| shape != "()").map(|n| n.parse().unwrap());
        TensorType { name, dtype: Dtype::from_name(dtype).unwrap(), shape: extents.collect(), conj: false }
    };
    text.split(", ").filter(|text| !text.is_empty()).map(one).collect()
}

/// Options as words: `strict`, `drop`, `wrap`, `max-plus`, `max-times`, `acc i32`, `size K=3`, `fill Y=0`, `policy g=drop`, `output Y`.
pub(crate) fn options<'w>(words: impl IntoIterator<Item = &'w str>) -> Options {
    let mut options = Options::default();
    let policy = |word: &str| match word {
        "drop" => OutOfRange::Drop,
        "wrap" => OutOfRange::Wrap,
        other => panic!("{other}"),
    };
    for word in words {
        let (option, rest) = word.split_once(' ').unwrap_or((word, ""));
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        match option {
            "strict" => options.strict = true,
            "drop" | "wrap" => options.out_of_range = policy(option),
            "max-plus" => options.algebra = Algebra::MAX_PLUS,
            "max-times" => options.algebra = Algebra::MAX_TIMES,
            "acc" => options.acc = Dtype::from_name(rest),
            "size" => _ = options.sizes.insert(name.into(), value.parse().unwrap()),
            "fill" => _ = options.fill.insert(name.into(), Literal::Int(value.parse().unwrap())),
            "policy" => _ = options.policy.insert(name.into(), policy(value)),
            "output" => options.outputs.get_or_insert_default().push(rest.into()),
            other => panic!("{other}"),
        }
    }
    options
}
