//! The options of a case as words, the format of the case files.

use einfold_ir::{Algebra, Dtype, Literal, OutOfRange};
use einfold_syntax::Options;

/// Parses options: `strict`, `drop`, `wrap`, `max-plus`, `max-times`, `acc i32`, `size K=3`, `fill Y=0`,
/// `policy g=drop`, `output Y`.
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
