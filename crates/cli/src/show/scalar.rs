//! Numbers that stand alone, as NumPy prints its scalars: all digits that tell the value, at least one after the point.

use super::float::{Real, non_finite, number};
use super::number::{Parts, exponent};
use num_complex::Complex;

/// Below this a number alone is written with a power of ten.
const SMALL: f64 = 1e-4;
/// More digits after the point than any shortest decimal within the bounds of plain notation has.
const ALL: usize = 40;

/// A real number alone.
pub(super) fn float<T: Real>(value: T) -> String {
    part(value, false, ".0")
}

/// A complex number alone: in parentheses, unless it is purely imaginary.
pub(super) fn complex<T: Real>(value: Complex<T>) -> String {
    let re = value.re.wide();
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(value.im, false, ""));
    }
    format!("({}{}j)", part(value.re, false, ""), part(value.im, true, ""))
}

/// `whole` is what follows a number without digits after the point.
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
