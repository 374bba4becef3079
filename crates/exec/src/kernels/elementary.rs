//! `exp` and `ln` without branches, tables or calls, so that loops over them vectorise. Results have the same bits with
//! every instruction set, because no operations are contracted.
//!
//! The argument reductions are Cody and Waite's (Software Manual for the Elementary Functions, 1980); the series are
//! those of `eʳ` for `|r| ≤ ln 2 / 2` and of `ln((1 + s) / (1 − s))` for `|s| ≤ 0.172`, up to the last term that matters.
//! Errors of `exp` and `ln` are below one unit in the last place; special values are those of IEEE 754.

/// The exponential and the natural logarithm of a floating-point type.
pub(super) trait Elementary: Copy {
    fn exp(self) -> Self;
    fn ln(self) -> Self;
}

/// `$c[0] + x·($c[1] + x·(…))`.
macro_rules! horner {
    ($x:expr, $last:expr) => { $last };
    ($x:expr, $first:expr, $($rest:expr),+) => { $first + $x * horner!($x, $($rest),+) };
}

/// For each type: the integer of its bits, the bits of the fraction and the bias of the exponent; the arguments beyond
/// which `exp` is infinite or 0; ln 2 in two parts, of which the first ends in enough zeros that its product with an
/// exponent is exact; the coefficients of both series.
macro_rules! elementary {
    ($($t:ident, $bits:ident, $fraction:literal, $bias:literal, $least:literal .. $most:literal, $high:literal + $low:literal,
       exp [$($e:expr),*], ln [$($l:expr),*];)*) => { $(
        impl Elementary for $t {
            #[inline(always)]
            fn exp(self) -> $t {
                // Adding it rounds to an integer, which is then in the low bits.
                const ROUND: $t = 1.5 * (1u64 << $fraction) as $t;
                let x = if self > $most { $most } else { self };
                let x = if x < $least { $least } else { x };
                let rounded = x * std::$t::consts::LOG2_E + ROUND;
                let k = rounded - ROUND;
                let r = (x - k * $high) - k * $low;
                let power = 1.0 + (r + r * r * (horner!(r, $($e),*)));
                // Half of the exponent twice, because a power of two may be out of range where the product is not.
                const EVEN: $bits = 4 * $bias;
                let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(EVEN);
                let half = exponent >> 1;
                let other = exponent.wrapping_sub(half);
                let scale = |e: $bits| $t::from_bits(e.wrapping_sub(EVEN / 2).wrapping_add($bias) << $fraction);
                power * scale(half) * scale(other)
            }

            #[inline(always)]
            fn ln(self) -> $t {
                const LIFT: $t = (1u64 << ($fraction + 1)) as $t;
                const FRACTION: $t = (1u64 << $fraction) as $t;
                // The exponent for which the rest is between √½ and √2, plus a number that keeps it positive.
                const FROM: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits().wrapping_sub($bias << $fraction);
                let tiny = self < $t::MIN_POSITIVE;
                let x = if tiny { self * LIFT } else { self };
                let exponent = x.to_bits().wrapping_sub(FROM) >> $fraction;
                let m = $t::from_bits(x.to_bits().wrapping_sub(exponent.wrapping_sub($bias) << $fraction));
                let shift = if tiny { $bias as $t + ($fraction + 1) as $t } else { $bias as $t };
                let k = ($t::from_bits(FRACTION.to_bits() | exponent) - FRACTION) - shift;
                // ln(1 + f) = f − f²/2 + s·(f²/2 + z·(2/3 + z·2/5 + …)) with s = f / (2 + f) and z = s².
                let f = m - 1.0;
                let s = f / (2.0 + f);
                let z = s * s;
                let square = 0.5 * f * f;
                let tail = s * (square + z * (horner!(z, $($l),*))) + k * $low;
                let value = k * $high - ((square - tail) - f);
                let value = if self > 0.0 { value } else if self == 0.0 { $t::NEG_INFINITY } else { $t::NAN };
                if self == $t::INFINITY { self } else { value }
            }
        }
    )* };
}

elementary! {
    f64, u64, 52, 1023, -746.0 .. 710.0, 6.931_471_803_691_238e-1 + 1.908_214_929_270_587_7e-10,
        exp [1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362_880.0,
            1.0 / 3_628_800.0, 1.0 / 39_916_800.0, 1.0 / 479_001_600.0, 1.0 / 6_227_020_800.0],
        ln [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0, 2.0 / 17.0, 2.0 / 19.0, 2.0 / 21.0];
    f32, u32, 23, 127, -104.0 .. 89.0, 0.693_359_4 + -2.121_944_4e-4,
        exp [1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0],
        ln [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0];
}

#[cfg(test)]
mod tests {
    use super::Elementary;

    /// Numbers of all magnitudes, and the neighbours of those where something changes.
    fn numbers() -> Vec<f64> {
        let mut list = vec![0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN, 709.782_712_893_384];
        list.extend([709.8, 745.13, 745.14, 746.5, 1e10, std::f64::consts::SQRT_2, std::f64::consts::FRAC_1_SQRT_2]);
        list.extend((-340..340).map(|k| 1.7 * 10f64.powi(k)));
        list.extend((0..200_000).map(|k| f64::from(k) * 0.003_7));
        list.extend((0..50_000).map(|k| 1.0 + (f64::from(k) - 25_000.0) * 3e-5));
        list.iter().flat_map(|&x| [x, -x, x.next_up(), x.next_down()]).collect()
    }

    /// The distance in units of the last place of `want`; of special values 0 if they are the same.
    fn distance(got: f64, want: f64, unit: f64) -> f64 {
        if got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()) { 0.0 } else { (got - want).abs() / unit }
    }

    #[test]
    fn doubles_are_within_a_unit_of_the_platforms() {
        for x in numbers() {
            let of = |got: f64, want: f64| distance(got, want, (want.abs().next_up() - want.abs()).max(5e-324));
            assert!(of(Elementary::exp(x), f64::exp(x)) <= 1.0, "exp {x:e}: {:e}", Elementary::exp(x));
            assert!(of(Elementary::ln(x), f64::ln(x)) <= 1.0, "ln {x:e}: {:e}", Elementary::ln(x));
        }
    }

    #[test]
    fn singles_are_within_a_unit_of_the_exact_value() {
        for x in numbers() {
            let x = x as f32;
            let of = |got: f32, want: f64| {
                let near = want as f32;
                let unit = f64::from((near.abs().next_up() - near.abs()).max(1e-45));
                if near.is_finite() && want != 0.0 {
                    distance(got.into(), want, unit)
                } else {
                    distance(got.into(), near.into(), 1.0)
                }
            };
            let (exp, ln) = (Elementary::exp(x), Elementary::ln(x));
            assert!(of(exp, f64::from(x).exp()) <= 1.0, "exp {x:e}: {exp:e}");
            assert!(of(ln, f64::from(x).ln()) <= 1.0, "ln {x:e}: {ln:e}");
        }
    }
}
