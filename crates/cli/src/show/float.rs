//! A common format for all floating-point numbers of an array.

use super::number::{Number, Parts, exponent};
use half::f16;

/// The maximal number of digits after the point.
const PRECISION: usize = 8;

/// A real floating-point type.
pub(super) trait Real: Copy {
    /// The least number of an array that is written with a power of ten: ten to the lesser of 8 and the type's decimal
    /// digits.
    const LARGE: f64;
    /// The same for a single number.
    const LARGE_ALONE: f64;

    /// Returns the value in f64.
    fn wide(self) -> f64;

    /// Returns the value nearest to a number.
    fn narrow(value: f64) -> Self;

    /// Returns the shortest decimal that parses to the magnitude of this value, in scientific notation; of two equally
    /// near ones the even one, as in NumPy.
    fn shortest(self) -> String;
}

macro_rules! real {
    ($t:ty, large: $large:expr, alone: $alone:expr) => {
        impl Real for $t {
            const LARGE: f64 = $large;
            const LARGE_ALONE: f64 = $alone;

            fn wide(self) -> f64 {
                self.into()
            }

            fn narrow(value: f64) -> $t {
                value as $t
            }

            fn shortest(self) -> String {
                let magnitude = self.abs();
                let fewest = format!("{magnitude:e}");
                let digits = fewest.bytes().take_while(|&b| b != b'e').filter(u8::is_ascii_digit).count();
                // Of two equally near decimals, Rust's shortest is the larger one.
                let even = format!("{magnitude:.places$e}", places = digits - 1);
                if even.parse() == Ok(magnitude) { even } else { fewest }
            }
        }
    };
}

real!(f32, large: 1e6, alone: 1e6);
real!(f64, large: 1e8, alone: 1e16);

impl Real for f16 {
    const LARGE: f64 = 1e3;
    const LARGE_ALONE: f64 = 1e3;

    fn wide(self) -> f64 {
        self.into()
    }

    fn narrow(value: f64) -> f16 {
        f16::from_f64(value)
    }

    fn shortest(self) -> String {
        // `half` prints the digits of the value in `f32`, which are too many; five always suffice.
        let magnitude = f64::from(self).abs();
        let rounded = |places: usize| format!("{magnitude:.places$e}");
        let reads_back = |text: &String| text.parse().is_ok_and(|v: f64| f16::from_f64(v).to_f64() == magnitude);
        (0..4).map(rounded).find(reads_back).unwrap_or_else(|| rounded(4))
    }
}

/// Returns the value and its shortest digits.
pub(super) fn number<T: Real>(value: T) -> Number {
    Number { shortest: value.shortest(), exact: value.wide() }
}

/// The widths and the notation for all numbers of an array.
pub(super) struct FloatFormat {
    notation: Notation,
    /// The number of characters before the point.
    left: usize,
    /// The number of characters after the point.
    right: usize,
    /// Whether positive numbers have a sign.
    plus: bool,
}

enum Notation {
    Positional,
    Scientific { digits: usize, exponent: usize },
}

impl FloatFormat {
    /// Returns the format for these numbers.
    pub(super) fn new<T: Real>(values: impl Iterator<Item = T> + Clone, plus: bool) -> FloatFormat {
        let finite = values.clone().filter(|v| v.wide().is_finite());
        let mut format = if finite.clone().next().is_none() {
            FloatFormat { notation: Notation::Positional, left: 0, right: 0, plus }
        } else if is_scientific(finite.clone()) {
            FloatFormat::scientific(finite, plus)
        } else {
            FloatFormat::positional(finite, plus)
        };
        if values.clone().any(|v| !v.wide().is_finite()) {
            let signed = plus || values.clone().any(|v| v.wide() == f64::NEG_INFINITY);
            format.left = format.left.max((3 + usize::from(signed)).saturating_sub(format.right + 1));
        }
        format
    }

    fn positional<T: Real>(values: impl Iterator<Item = T>, plus: bool) -> FloatFormat {
        let (mut left, mut right) = (0, 0);
        for value in values {
            let parts = number(value).positional(PRECISION, plus);
            left = left.max(parts.whole.len());
            right = right.max(parts.fraction.len());
        }
        FloatFormat { notation: Notation::Positional, left, right, plus }
    }

    fn scientific<T: Real>(values: impl Iterator<Item = T>, plus: bool) -> FloatFormat {
        let (mut left, mut digits, mut width) = (0, 0, 2);
        for value in values {
            let parts = number(value).scientific(PRECISION, plus);
            left = left.max(parts.whole.len());
            digits = digits.max(parts.fraction.len());
            width = width.max(parts.exponent.unsigned_abs().to_string().len());
        }
        // After the point: the digits, then `e`, a sign and the exponent.
        let notation = Notation::Scientific { digits, exponent: width };
        FloatFormat { notation, left, right: digits + 2 + width, plus }
    }

    /// Writes a number in this format.
    pub(super) fn word<T: Real>(&self, value: T) -> String {
        let FloatFormat { left, right, plus, ref notation } = *self;
        if !value.wide().is_finite() {
            return format!("{:>width$}", non_finite(value.wide(), plus), width = left + right + 1);
        }
        match *notation {
            Notation::Positional => {
                let Parts { whole, fraction, .. } = number(value).positional(PRECISION, plus);
                format!("{whole:>left$}.{fraction:<right$}")
            }
            Notation::Scientific { digits, exponent: width } => {
                // The column is filled with digits of the value, not with zeros.
                let Parts { whole, fraction, exponent: power } = number(value).all_digits().scientific(digits, plus);
                format!("{whole:>left$}.{fraction:0<digits$}{}", exponent(power, width))
            }
        }
    }
}

/// Returns the name of NaN or an infinity.
pub(super) fn non_finite(value: f64, plus: bool) -> &'static str {
    match (value.is_nan(), value < 0.0, plus) {
        (true, _, false) => "nan",
        (true, _, true) => "+nan",
        (false, true, _) => "-inf",
        (false, false, false) => "inf",
        (false, false, true) => "+inf",
    }
}

/// Returns whether the finite numbers are too large, too small or too far apart for one column of plain decimals. The
/// comparisons are those of the element type.
fn is_scientific<T: Real>(finite: impl Iterator<Item = T>) -> bool {
    let magnitudes = finite.map(|v| v.wide().abs()).filter(|&m| m != 0.0);
    let (min, max) = magnitudes.fold((f64::INFINITY, 0.0), |(lo, hi), m| (m.min(lo), m.max(hi)));
    max > 0.0 && (max >= T::LARGE || min < T::narrow(1e-4).wide() || T::narrow(max / min).wide() > 1000.0)
}
