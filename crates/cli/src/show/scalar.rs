//! Single numbers as NumPy prints its scalars: with all digits that identify the value, and at least one after the
//! point.

use super::float::{Real, non_finite, number};
use super::number::{Parts, exponent};
use num_complex::Complex;

/// The limit below which a single number is written with a power of ten.
const SMALL: f64 = 1e-4;
/// More digits after the point than any shortest decimal in plain notation has.
const ALL: usize = 40;

/// Writes a single real number.
pub(super) fn float<T: Real>(value: T) -> String {
    part(value, false, ".0")
}

/// Writes a single complex number: in parentheses, unless it is purely imaginary.
pub(super) fn complex<T: Real>(value: Complex<T>) -> String {
    let re = value.re.wide();
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(value.im, false, ""));
    }
    format!("({}{}j)", part(value.re, false, ""), part(value.im, true, ""))
}

/// Writes a real number; `whole` follows a number without digits after the point.
fn part<T: Real>(value: T, plus: bool, whole: &str) -> String {
    let magnitude = value.wide().abs();
    if !magnitude.is_finite() {
        return non_finite(value.wide(), plus).to_owned();
    }
    let plain = magnitude == 0.0 || (SMALL..T::LARGE_ALONE).contains(&magnitude);
    let number = number(value);
    let (Parts { whole: digits, fraction, exponent: power }, end) =
        if plain { (number.positional(ALL, plus), whole) } else { (number.scientific(ALL, plus), "") };
    let fraction = if fraction.is_empty() { end.to_owned() } else { format!(".{fraction}") };
    format!("{digits}{fraction}{}", if plain { String::new() } else { exponent(power, 2) })
}
