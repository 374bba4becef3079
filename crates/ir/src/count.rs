//! Counts of flops, elements and bytes, which contraction orders make astronomically large.

use std::f64::consts::LOG10_2;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, MulAssign};

use crate::dtype::Dtype;

/// A number of flops, elements or bytes: an exact integer below 2^128, rounded to 64 significant bits from there on.
///
/// One operation has a relative error of at most 3 * 2^-64, so that a sum or product of a million counts
/// still has more than ten correct digits. The range ends near 2^(2^64). Counts are ordered by value; an exact count is
/// below every rounded one.
///
/// [`Display`](fmt::Display) writes plain digits below 10^6 and scientific notation from there on: at most ten
/// significant digits without trailing zeros (`2.4e8`), or exactly the number of decimals that a precision asks for
/// (`{:.1}`), at most nine. Beyond about 2^(2^40) fewer of the displayed digits are right. `{:e}` uses scientific notation
/// for every count.
///
/// ```
/// use einfold_ir::Count;
/// let flops = Count::product([20, 30, 40, 10]);
/// assert_eq!(flops.exact(), Some(240_000));
/// assert_eq!(format!("{flops} {flops:.1e} {}", flops * flops), "240000 2.4e5 5.76e10");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count {
    /// The power of 2 by which the mantissa is multiplied; 0 for an exact count.
    exponent: u64,
    /// For a rounded count, the top bit is set and the low 64 bits are 0: the derived order is that of the values.
    mantissa: u128,
}

/// The limit below which [`Count`]s are displayed with all their digits.
const PLAIN_BELOW: u128 = 1_000_000;
/// The most decimals of a scientific number: ten significant digits.
const MAX_DECIMALS: usize = 9;

/// Rounds `mantissa * 2^exponent`, which is not 0, to the nearest number whose mantissa has its 64 bits at the top.
fn round(mantissa: u128, exponent: i128) -> (u128, i128) {
    let up = mantissa.leading_zeros();
    let exponent = exponent - i128::from(up);
    match (mantissa << up).checked_add(1 << 63) {
        Some(rounded) => (rounded >> 64 << 64, exponent),
        None => (1 << 127, exponent + 1),
    }
}

impl Count {
    /// The count 0.
    pub const ZERO: Count = Count { exponent: 0, mantissa: 0 };
    /// The count 1.
    pub const ONE: Count = Count { exponent: 0, mantissa: 1 };
    /// The largest count, at which sums and products saturate.
    pub const MAX: Count = Count { exponent: u64::MAX, mantissa: u128::MAX << 64 };
    /// 2^128, the least rounded count.
    const LEAST_ROUNDED: Count = Count { exponent: 1, mantissa: 1 << 127 };

    /// Rounds `mantissa * 2^exponent`, which is at least 2^128 or was rounded below it.
    fn rounded(mantissa: u128, exponent: i128) -> Count {
        let (mantissa, exponent) = round(mantissa, exponent);
        let count = u64::try_from(exponent).map_or(Count::MAX, |exponent| Count { exponent, mantissa });
        // A value that was rounded below 2^128 is raised to it, or exact counts would compare wrongly.
        count.max(Count::LEAST_ROUNDED)
    }

    /// The product of extents: the number of elements of a tensor, or of points of an iteration space.
    pub fn product(extents: impl IntoIterator<Item = u64>) -> Count {
        let (mut product, mut word) = (None, 1_u64);
        for extent in extents {
            word = word.checked_mul(extent).unwrap_or_else(|| {
                product = Some(product.unwrap_or(Count::ONE) * Count::from(word));
                extent
            });
        }
        product.map_or(Count::from(word), |product| product * Count::from(word))
    }

    /// The number of elements of a tensor of this shape.
    pub fn elements(shape: &[usize]) -> Count {
        Count::product(shape.iter().map(|&extent| extent as u64))
    }

    /// The number of bytes of a dense tensor of this shape and dtype.
    pub fn bytes(shape: &[usize], dtype: Dtype) -> Count {
        Count::elements(shape) * Count::from(dtype.size() as u64)
    }

    /// The integer, if it is below 2^128.
    pub fn exact(self) -> Option<u128> {
        (self.exponent == 0).then_some(self.mantissa)
    }

    /// The binary logarithm; negative infinity for 0.
    pub fn log2(self) -> f64 {
        match self.exact() {
            Some(value) => (value as f64).log2(),
            None => ((self.mantissa >> 64) as f64).log2() + (self.exponent as f64 + 64.0),
        }
    }

    /// The decimal logarithm; negative infinity for 0.
    pub fn log10(self) -> f64 {
        self.exact().map_or_else(|| self.log2() * LOG10_2, |value| (value as f64).log10())
    }

    /// `10^power`.
    fn power_of_ten(power: u64) -> Count {
        let digit = |bit: u32| if power >> bit & 1 == 1 { Count::from(10_u128) } else { Count::ONE };
        (0..64).rev().fold(Count::ONE, |root, bit| root * root * digit(bit))
    }

    /// The count as `digits * 10^(power - decimals)`, `digits` having `decimals + 1` digits (fewer for 0).
    fn decimal(self, decimals: u32) -> (u64, u64) {
        // The count is about `value * 10^scale`, with more digits than are shown.
        let (value, scale) = match self.exact() {
            Some(0) => return (0, 0),
            Some(value) => (value, 0),
            None => {
                let power = self.log10().floor() as u64;
                let unit = Count::power_of_ten(power);
                let quotient = self.mantissa as f64 / unit.mantissa as f64;
                let doublings = self.exponent.wrapping_sub(unit.exponent) as i32;
                // The logarithm of a huge count may be off by more than the digits.
                (((quotient * 2f64.powi(doublings) * 1e17) as u128).max(1), power - 17)
            }
        };
        let last = value.ilog10();
        let digits = if last > decimals {
            let unit = 10u128.pow(last - decimals);
            (value / unit) as u64 + u64::from(value % unit >= unit / 2)
        } else {
            value as u64 * 10u64.pow(decimals - last)
        };
        let power = u64::from(last) + scale;
        // Digits that were rounded up to a power of ten have one digit more.
        if digits == 10u64.pow(decimals + 1) { (digits / 10, power + 1) } else { (digits, power) }
    }

    fn scientific(self, precision: Option<usize>) -> String {
        let decimals = precision.unwrap_or(MAX_DECIMALS).min(MAX_DECIMALS);
        let (digits, power) = self.decimal(decimals as u32);
        let digits = format!("{digits:0>width$}", width = decimals + 1);
        let (lead, mut fraction) = digits.split_at(1);
        if precision.is_none() {
            fraction = fraction.trim_end_matches('0');
        }
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{lead}{point}{fraction}e{power}")
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exact() {
            Some(value) if value < PLAIN_BELOW => f.pad_integral(true, "", &value.to_string()),
            _ => fmt::LowerExp::fmt(self, f),
        }
    }
}

impl fmt::LowerExp for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(true, "", &self.scientific(f.precision()))
    }
}

impl<N: Into<u128>> From<N> for Count {
    fn from(value: N) -> Count {
        Count { exponent: 0, mantissa: value.into() }
    }
}

impl Add for Count {
    type Output = Count;

    fn add(self, other: Count) -> Count {
        if let (0, 0, Some(sum)) = (self.exponent, other.exponent, self.mantissa.checked_add(other.mantissa)) {
            return sum.into();
        }
        let (low, high) = if self < other { (self, other) } else { (other, self) };
        let gap = u32::try_from(high.exponent - low.exponent).unwrap_or(u32::MAX);
        let (sum, carry) = high.mantissa.overflowing_add(low.mantissa.checked_shr(gap).unwrap_or(0));
        let exponent = i128::from(high.exponent);
        if carry { Count::rounded(1 << 127 | sum >> 1, exponent + 1) } else { Count::rounded(sum, exponent) }
    }
}

impl Mul for Count {
    type Output = Count;

    fn mul(self, other: Count) -> Count {
        if self == Count::ZERO || other == Count::ZERO {
            return Count::ZERO;
        }
        match self.mantissa.checked_mul(other.mantissa) {
            Some(product) if self.exponent == 0 && other.exponent == 0 => product.into(),
            _ => {
                let [(a, i), (b, j)] = [self, other].map(|count| round(count.mantissa, count.exponent.into()));
                Count::rounded((a >> 64) * (b >> 64), i + j + 128)
            }
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        *self = *self + other;
    }
}

impl MulAssign for Count {
    fn mul_assign(&mut self, other: Count) {
        *self = *self * other;
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Count>>(counts: I) -> Count {
        counts.fold(Count::ZERO, Count::add)
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn exact(value: u128) -> Count {
        Count::from(value)
    }

    /// `2^power`.
    fn two(power: usize) -> Count {
        Count::product(std::iter::repeat_n(2, power))
    }

    #[test]
    fn huge_counts_have_digits() {
        let huge = (0..58).fold(exact(11), |power, _| power * power);
        for count in [huge, Count::MAX] {
            assert!(count.to_string().contains('e'), "{count}");
        }
    }

    #[test]
    fn exact_up_to_the_border_and_rounded_from_it_on() {
        assert_eq!((exact(u128::MAX - 1) + Count::ONE).exact(), Some(u128::MAX));
        let border = exact(u128::MAX) + Count::ONE;
        assert_eq!((border.exact(), border), (None, two(128)));
        assert_eq!(exact(1 << 64) * exact(1 << 64), border);
        assert_eq!(two(127) + two(127), border);
        assert_eq!(exact(u128::MAX) + exact(u128::MAX), two(129));
        assert_eq!(exact(u128::MAX) * exact(u128::MAX), two(256));
        assert_eq!(border + Count::ZERO, border);
        assert_eq!(border + Count::ONE, border);
        assert_eq!(border * Count::ZERO, Count::ZERO);
        assert_eq!(border * Count::ONE, border);
    }

    #[test]
    fn sums_of_rounded_counts_keep_what_64_bits_hold() {
        // 2^128 + 2^65 needs exactly 64 bits, 2^128 + 2^64 one more.
        assert!(two(128) + two(65) > two(128));
        assert_eq!((two(128) + two(65)) + two(127), (two(128) + two(127)) + two(65));
        assert_eq!(two(128) + two(63), two(128));
        assert_eq!(two(128) + two(64), two(128) + two(65));
        assert_eq!(two(100_000) + two(128), two(100_000));
    }

    #[test]
    fn order_is_that_of_the_values() {
        let ascending = [
            Count::ZERO,
            Count::ONE,
            exact(1 << 64),
            exact(u128::MAX),
            two(128),
            two(128) + two(65),
            two(129),
            two(128) * exact(3),
            two(130),
            two(1_000_000),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_million_sums_keep_ten_digits() {
        let third = Count::product([3; 81]);
        let sum: Count = std::iter::repeat_n(third, 1_000_000).sum();
        assert_eq!(format!("{sum:.9e}"), format!("{:.9e}", third * exact(1_000_000)));
    }

    #[test]
    fn nothing_is_above_the_greatest() {
        let max = Count::MAX;
        assert_eq!([max + max, max * max, max + Count::ONE, max * Count::ZERO], [max, max, max, Count::ZERO]);
    }

    #[test]
    fn logarithms() {
        assert_eq!(two(100).log2(), 100.0);
        assert_eq!(two(1000).log2(), 1000.0);
        assert_eq!(Count::product([10; 300]).log10(), 300.0);
        assert_eq!(exact(1000).log10(), 3.0);
        assert_eq!(Count::ZERO.log2(), f64::NEG_INFINITY);
    }

    #[test]
    fn display() {
        let shown = |c: Count| format!("{c} {c:e} {c:.1} {c:.1e}");
        assert_eq!(shown(Count::ZERO), "0 0e0 0 0.0e0");
        assert_eq!(shown(exact(999_999)), "999999 9.99999e5 999999 1.0e6");
        assert_eq!(shown(exact(1_000_000)), "1e6 1e6 1.0e6 1.0e6");
        assert_eq!(shown(exact(1_234_567_890_123)), "1.23456789e12 1.23456789e12 1.2e12 1.2e12");
        assert_eq!(shown(exact(99_999_999_999)), "1e11 1e11 1.0e11 1.0e11");
        assert_eq!(shown(exact(u128::MAX)), "3.402823669e38 3.402823669e38 3.4e38 3.4e38");
        assert_eq!(
            format!("[{:>8}] [{:<8}] [{:>8}]", exact(400), exact(400), exact(2_000_000)),
            "[     400] [400     ] [     2e6]"
        );
        // Reference values from arbitrary-precision integers: 3^500 and 2^100000.
        assert_eq!(Count::product([3; 500]).to_string(), "3.63602918e238");
        assert_eq!(two(100_000).to_string(), "9.99002093e30102");
        assert_eq!(Count::product([10; 400]).to_string(), "1e400");
    }
}
