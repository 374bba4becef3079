//! The decimal digits of one number, shortest or rounded.

/// A finite number as NumPy prints it: the fewest digits that identify it among the numbers of its type, or, if these
/// are too many, its exact value rounded, ties to even.
pub(super) struct Number {
    /// The shortest decimal of the magnitude, in scientific notation as Rust writes it: `1.25e-3`.
    pub(super) shortest: String,
    /// The exact value.
    pub(super) exact: f64,
}

/// The digits before and after the point, without trailing zeros after it, and the power of ten.
pub(super) struct Parts {
    pub(super) whole: String,
    pub(super) fraction: String,
    pub(super) exponent: i32,
}

impl Number {
    /// Returns the same number with all digits of its value.
    pub(super) fn all_digits(self) -> Number {
        Number { shortest: format!("{:e}", self.exact.abs()), ..self }
    }

    /// Writes the number with at most `digits` digits after the point.
    pub(super) fn positional(&self, digits: usize, plus: bool) -> Parts {
        let text = move_point(&self.shortest);
        let text = if fraction_len(&text) > digits { format!("{:.digits$}", self.exact.abs()) } else { text };
        self.parts(&text, 0, plus)
    }

    /// Writes the number as one digit, a point, at most `digits` digits and a power of ten.
    pub(super) fn scientific(&self, digits: usize, plus: bool) -> Parts {
        let (mantissa, exponent) = split(&self.shortest);
        if fraction_len(mantissa) <= digits {
            return self.parts(mantissa, exponent, plus);
        }
        let text = format!("{:.digits$e}", self.exact.abs());
        let (mantissa, exponent) = split(&text);
        self.parts(mantissa, exponent, plus)
    }

    fn parts(&self, text: &str, exponent: i32, plus: bool) -> Parts {
        let sign = match (self.exact.is_sign_negative(), plus) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0').to_owned();
        Parts { whole: format!("{sign}{whole}"), fraction, exponent }
    }
}

/// Splits a number into mantissa and power of ten.
fn split(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn fraction_len(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// Writes the same digits without a power of ten.
fn move_point(scientific: &str) -> String {
    let (mantissa, exponent) = split(scientific);
    let digits = mantissa.replace('.', "");
    let places = exponent.unsigned_abs() as usize;
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(places - 1));
    }
    let filled = format!("{digits:0<width$}", width = places + 1);
    let (whole, fraction) = filled.split_at(places + 1);
    format!("{whole}.{fraction}")
}

/// Writes a power of ten with its sign and at least `digits` digits.
pub(super) fn exponent(power: i32, digits: usize) -> String {
    let sign = if power < 0 { '-' } else { '+' };
    format!("e{sign}{:0>digits$}", power.unsigned_abs())
}
