//! The values of options: sizes, shapes, orders.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use einfold::{
    Dtype, Order, OutOfRange, TensorType,
    algebra::{ALGEBRAS, NamedAlgebra},
    explain::Stage,
    order::STRATEGIES,
    typed::Literal,
};
use einfold_order::{Objective, OrderError};
use std::time::Duration;

/// A value for one name, or for all names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedValue<T> {
    pub(crate) name: Option<String>,
    pub(crate) value: T,
}

/// The operand types of `--shapes`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shapes(pub(crate) Vec<TensorType>);

const BYTES: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Units of time in nanoseconds.
const TIMES: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses a number of bytes with a unit: `2GiB`, `1.5 GB`, `4096`.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    measured(
        text,
        &BYTES,
        "the units are B, KB, MB, GB, TB, KiB, MiB, GiB and TiB",
        "size below 2^64 bytes; write for example 2GiB",
    )
}

/// Parses a number of elements: `1000000`, `2^30`.
pub(super) fn elements(text: &str) -> Result<u64, String> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let elements = match text.split_once('^') {
        Some((base, power)) => {
            number(base).zip(power.trim().parse::<u32>().ok()).and_then(|(base, power)| base.checked_pow(power))
        }
        None => number(text),
    };
    elements.ok_or_else(|| "not a number of elements below 2^64; write for example 2^30".to_owned())
}

/// Checks the name of an objective, whose meaning may depend on the machine.
pub(super) fn objective(name: &str) -> Result<String, OrderError> {
    name.parse::<Objective>().map(|_| name.to_owned())
}

/// Parses a time with a unit: `500ms`, `1.5 s`, `2m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    measured(text, &TIMES, "the units are ns, us, ms, s, m and h", "time below 500 years; write for example 500ms")
        .map(Duration::from_nanos)
}

/// Parses a number with one of `units`; returns it in the smallest of them.
fn measured(text: &str, units: &[(&str, u64)], known: &str, wanted: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_ascii_lowercase());
    let Some((_, scale)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(if unit.is_empty() {
            format!("the unit is missing; {known}")
        } else {
            format!("`{unit}` is not a unit; {known}")
        });
    };
    let whole = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*scale),
        // A fraction of a unit may be rounded.
        Err(_) => {
            number.parse::<f64>().ok().map(|x| x * *scale as f64).filter(|x| *x < u64::MAX as f64).map(|x| x as u64)
        }
    };
    whole.ok_or_else(|| format!("`{number}` is not a {wanted}"))
}

/// Parses `20x10,10x30:f32,()`: a shape for each operand, `()` for a scalar, with the element type after a colon (`f64`
/// if absent) and an optional name in front, `X=20x10`.
pub(super) fn shapes(text: &str) -> Result<Shapes, String> {
    text.split(',').map(|item| tensor(item.trim())).collect::<Result<_, _>>().map(Shapes)
}

fn tensor(text: &str) -> Result<TensorType, String> {
    let (name, text) = text.split_once('=').map_or((None, text), |(name, text)| (Some(name.trim()), text.trim()));
    if let Some(name) = name.filter(|name| !is_name(name)) {
        return Err(format!("`{name}` is not a name"));
    }
    let (shape, dtype) = text.split_once(':').map_or((text, None), |(shape, dtype)| (shape.trim(), Some(dtype.trim())));
    let dtype = dtype.map_or(Ok(Dtype::F64), self::dtype)?;
    let extent = |part: &str| {
        part.trim().parse().map_err(|_| format!("`{text}` is not a shape; write 20x10, 5 or (), perhaps with :f32"))
    };
    let shape = if shape == "()" { Ok(Vec::new()) } else { shape.split('x').map(extent).collect() };
    Ok(TensorType { name: name.map(Into::into), dtype, shape: shape?.into(), conj: false })
}

/// Returns whether a text is a name of the language: a letter or `_`, then letters, digits and `_`.
pub(crate) fn is_name(text: &str) -> bool {
    let letter = |c: char| c == '_' || unicode_ident::is_xid_start(c);
    text.starts_with(letter) && text.chars().skip(1).all(unicode_ident::is_xid_continue)
}

/// Returns the element type with a name of einfold or NumPy.
pub(super) fn dtype(name: &str) -> Result<Dtype, String> {
    Dtype::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = Dtype::BUILTIN.iter().map(|d| d.name()).collect();
        format!("`{name}` is not an element type; the types are {}", known.join(", "))
    })
}

/// Returns the algebra with a name, `max-plus`, or with operations, `(max,+)`.
pub(super) fn algebra(text: &str) -> Result<NamedAlgebra, String> {
    let plain: String = text.to_lowercase().chars().filter(|c| !matches!(c, '(' | ')' | ' ')).collect();
    let operation = |word: &str| match word {
        "plus" | "sum" => "+".to_owned(),
        "times" | "product" | "x" | "×" => "*".to_owned(),
        "or" => "|".to_owned(),
        "and" => "&".to_owned(),
        other => other.to_owned(),
    };
    let words: Vec<String> = plain.split([',', '-']).map(operation).collect();
    let operations = format!("({})", words.join(", "));
    ALGEBRAS.into_iter().find(|known| known.operations == operations).ok_or_else(|| {
        let known: Vec<&str> = ALGEBRAS.iter().map(|known| known.name).collect();
        format!("the algebras are {}", known.join(", "))
    })
}

/// Parses `K=64`.
pub(super) fn size(text: &str) -> Result<(String, usize), String> {
    match text.split_once('=').map(|(name, size)| (name.trim(), size.trim().parse())) {
        Some((name, Ok(size))) if is_name(name) => Ok((name.to_owned(), size)),
        _ => Err("write a name and its size, as in K=64".to_owned()),
    }
}

/// Parses `drop` or `g=drop`.
pub(super) fn policy(text: &str) -> Result<NamedValue<OutOfRange>, String> {
    named(text, OutOfRange::from_name, "error, drop or wrap, or for one operand g=drop")
}

/// Parses `0`, `-1.5`, `nan` or `Y=0`.
pub(super) fn fill(text: &str) -> Result<NamedValue<Literal>, String> {
    named(text, |text| text.parse().ok(), "a number such as 0, -1.5 or nan, or for one result Y=0")
}

fn named<T>(text: &str, read: impl Fn(&str) -> Option<T>, what: &str) -> Result<NamedValue<T>, String> {
    let (name, rest) = text.split_once('=').map_or((None, text), |(name, rest)| (Some(name.trim()), rest));
    match read(rest.trim()) {
        Some(value) if name.is_none_or(is_name) => Ok(NamedValue { name: name.map(str::to_owned), value }),
        _ => Err(format!("write {what}")),
    }
}

/// Returns a parser of the names of stages.
pub(super) fn stage() -> impl TypedValueParser<Value = Stage> {
    PossibleValuesParser::new(Stage::ALL.map(Stage::name)).map(|name| {
        Stage::ALL.into_iter().find(|s| s.name() == name).expect("the parser lets only these names through")
    })
}

/// Returns the strategy with a name or alias.
pub(super) fn order(name: &str) -> Result<Order, String> {
    name.to_ascii_lowercase().parse().map_err(|_| {
        let known = STRATEGIES.iter().map(|s| match s.aliases {
            [] => s.name.to_owned(),
            aliases => format!("{} (also {})", s.name, aliases.join(", ")),
        });
        format!("the strategies are {}", known.collect::<Vec<_>>().join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_plain_or_powers() {
        assert_eq!((elements("12"), elements("2^30"), elements("10^3")), (Ok(12), Ok(1 << 30), Ok(1000)));
        for text in ["", "2^64", "-1", "2^-1", "x", "2^", "^3"] {
            assert!(elements(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memory_has_decimal_and_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1b", 1),
            ("2KB", 2_000),
            ("2 KiB", 2_048),
            ("3MB", 3_000_000),
            ("1.5MiB", 3 << 19),
            ("2GiB", 2 << 30),
            ("2gb", 2_000_000_000),
            ("1TB", 1_000_000_000_000),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "1XB", "1.2.3", "99999999TiB", "1e3", "lots"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, millis) in
            [("1s", 1000), ("500ms", 500), ("0.25 s", 250), ("2m", 120_000), ("1H", 3_600_000), ("0s", 0)]
        {
            assert_eq!(time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(time("3us"), Ok(Duration::from_micros(3)));
        assert!(time("5").unwrap_err().starts_with("the unit is missing; the units are ns, us"));
        for text in ["", "s", "-1s", "1d", "1.2.3s", "9999999999h", "1e3s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shapes_have_types() {
        let tensor = |dtype, shape: &[usize]| TensorType { name: None, dtype, shape: shape.into(), conj: false };
        let want = [
            tensor(Dtype::F64, &[20, 10]),
            tensor(Dtype::F32, &[10, 0]),
            tensor(Dtype::F64, &[]),
            tensor(Dtype::C64, &[]),
        ];
        assert_eq!(shapes("20x10, 10 x 0 : f32 ,(),():complex128"), Ok(Shapes(want.into())));
        assert_eq!(shapes("7"), Ok(Shapes(vec![tensor(Dtype::F64, &[7])])));
        for text in ["", "2x", "2x-1", "(2)", "2x3:f99", "2,,3", "99999999999999999999"] {
            assert!(shapes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shapes_have_names() {
        let tensor = |name: &str, dtype, shape: &[usize]| TensorType {
            name: Some(name.into()),
            dtype,
            shape: shape.into(),
            conj: false,
        };
        let want = [tensor("X", Dtype::F64, &[20, 10]), tensor("seg", Dtype::I64, &[20]), tensor("w", Dtype::F32, &[])];
        assert_eq!(shapes("X=20x10, seg = 20:int64 ,w=():f32"), Ok(Shapes(want.into())));
        assert!(shapes("2=3").is_err() && shapes("=3").is_err() && shapes("x y=3").is_err());
    }

    #[test]
    fn algebras_have_names_and_operations() {
        for (text, operations) in [
            ("max-plus", "(max, +)"),
            ("(max,+)", "(max, +)"),
            ("min,+", "(min, +)"),
            ("(Max, x)", "(max, *)"),
            ("(min,×)", "(min, *)"),
            ("plus-times", "(+, *)"),
            ("sum-product", "(+, *)"),
            ("or-and", "(|, &)"),
            ("lse-plus", "(lse, +)"),
            ("max-min", "(max, min)"),
        ] {
            assert_eq!(algebra(text).map(|a| a.operations), Ok(operations), "{text}");
        }
        for named in ALGEBRAS {
            assert_eq!(algebra(named.name), Ok(named));
        }
        assert!(algebra("plus").is_err() && algebra("").is_err() && algebra("+,-").is_err());
    }

    #[test]
    fn sizes_policies_and_fills_may_have_names() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(size("K=64"), Ok(("K".to_owned(), 64)));
        assert!(size("K").is_err() && size("=3").is_err() && size("K=-1").is_err() && size("K=1.5").is_err());
        assert_eq!(policy("drop"), Ok(NamedValue { name: None, value: OutOfRange::Drop }));
        assert_eq!(policy("g=wrap"), Ok(NamedValue { name: some("g"), value: OutOfRange::Wrap }));
        assert!(policy("clamp").is_err() && policy("=drop").is_err());
        assert_eq!(fill("-1"), Ok(NamedValue { name: None, value: Literal::Int(-1) }));
        assert_eq!(fill("Y=0.5"), Ok(NamedValue { name: some("Y"), value: Literal::Float(0.5) }));
        assert!(fill("Y=").is_err() && fill("x").is_err());
    }
}
