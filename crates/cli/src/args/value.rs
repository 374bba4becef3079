//! Values of options: sizes, shapes, orders.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use einfold::{Dtype, Order, STRATEGIES, Stage, TensorType};

/// The operands of `--shapes`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shapes(pub(crate) Vec<TensorType>);

const UNITS: [(&str, u64); 10] = [
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

/// Reads a number of bytes with a unit: `2GiB`, `1.5 GB`, `4096`.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_ascii_lowercase());
    let scale = UNITS.into_iter().find(|(name, _)| *name == unit);
    let Some((_, scale)) = scale else {
        return Err(format!("`{unit}` is no unit; there are B, KB, MB, GB, TB, KiB, MiB, GiB and TiB"));
    };
    let bytes = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(scale),
        // Rounding a fraction of a unit to whole bytes is fine.
        Err(_) => {
            number.parse::<f64>().ok().map(|x| x * scale as f64).filter(|x| *x < u64::MAX as f64).map(|x| x as u64)
        }
    };
    bytes.ok_or_else(|| format!("`{number}` is no size below 2^64 bytes; write for example 2GiB"))
}

/// Reads `20x10,10x30:f32,()`: a shape for each operand, `()` for a scalar, with the element type after a colon (`f64`
/// without).
pub(super) fn shapes(text: &str) -> Result<Shapes, String> {
    text.split(',').map(|item| tensor(item.trim())).collect::<Result<_, _>>().map(Shapes)
}

fn tensor(text: &str) -> Result<TensorType, String> {
    let (shape, dtype) = text.split_once(':').map_or((text, None), |(shape, dtype)| (shape.trim(), Some(dtype.trim())));
    let dtype = match dtype {
        None => Dtype::F64,
        Some(name) => Dtype::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = Dtype::BUILTIN.iter().map(|d| d.name()).collect();
            format!("`{name}` is no element type; there are {}", known.join(", "))
        })?,
    };
    let extent = |part: &str| {
        part.trim().parse().map_err(|_| format!("`{text}` is no shape; write 20x10, 5 or (), perhaps with :f32"))
    };
    let shape = if shape == "()" { Ok(Vec::new()) } else { shape.split('x').map(extent).collect() };
    Ok(TensorType { name: None, dtype, shape: shape?, conj: false })
}

/// Finds a stage by name.
pub(super) fn stage() -> impl TypedValueParser<Value = Stage> {
    PossibleValuesParser::new(Stage::ALL.map(Stage::name)).map(|name| {
        Stage::ALL.into_iter().find(|s| s.name() == name).expect("the parser lets only these names through")
    })
}

/// Finds a strategy by name or alias.
pub(super) fn order(name: &str) -> Result<Order, String> {
    name.to_ascii_lowercase().parse().map_err(|_| {
        let known = STRATEGIES.iter().map(|s| match s.aliases {
            [] => s.name.to_owned(),
            aliases => format!("{} (also {})", s.name, aliases.join(", ")),
        });
        format!("there are {}", known.collect::<Vec<_>>().join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
