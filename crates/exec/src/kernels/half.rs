//! Conversions of the 16-bit floats without branches or tables, so that loops over them vectorise.

use ::half::{bf16, f16};

/// Converts an `f16`. Its exponent is too small by 112; a multiplication corrects that, for subnormals too.
#[inline(always)]
pub(super) fn from_f16(x: f16) -> f32 {
    let bits = u32::from(x.to_bits());
    let scaled = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    // An exponent of all ones stays one.
    let special = if scaled >= 65536.0 { 0x7f80_0000 } else { 0 };
    f32::from_bits(scaled.to_bits() | special | (bits & 0x8000) << 16)
}

/// Converts a `bf16`, which is the upper half of its `f32`.
#[inline(always)]
pub(super) fn from_bf16(x: bf16) -> f32 {
    f32::from_bits(u32::from(x.to_bits()) << 16)
}

/// Converts with one rounding, to nearest even. `$sig` and `$bias` describe the wide format (bits after the point,
/// exponent bias), `$m` and `$b` the narrow one.
macro_rules! narrow {
    ($name:ident, $float:ident, $bits:ident, $sig:literal, $bias:literal => $half:ident, $m:literal, $b:literal) => {
        #[inline(always)]
        pub(super) fn $name(x: $float) -> $half {
            const SHIFT: u32 = $sig - $m;
            // The smallest normal narrow number, the first power of two above the largest, and the power of two whose
            // last bit equals that of a subnormal narrow number.
            const LEAST: $bits = ($bias + 1 - $b) << $sig;
            const PAST: $bits = ($bias + 1 + $b) << $sig;
            const LIFT: $bits = ($bias + 1 - $b + SHIFT as $bits) << $sig;
            const INFINITE: $bits = (2 * $b + 1) << $m;
            let magnitude = x.abs().to_bits();
            // Half of the last bit that stays, minus one if that bit is even, carries into it exactly when the result
            // rounds up.
            let odd = magnitude >> SHIFT & 1;
            let normal =
                magnitude.wrapping_sub(($bias - $b) << $sig).wrapping_add((1 << (SHIFT - 1)) - 1 + odd) >> SHIFT;
            // The addition itself rounds.
            let small = ($float::from_bits(magnitude) + $float::from_bits(LIFT)).to_bits().wrapping_sub(LIFT);
            let special = if magnitude > $float::INFINITY.to_bits() { INFINITE | 1 << ($m - 1) } else { INFINITE };
            let finite = if magnitude < LEAST { small } else { normal };
            let magnitude = if magnitude >= PAST { special } else { finite };
            let sign = (x.to_bits() >> ($bits::BITS - 16)) as u16 & 0x8000;
            $half::from_bits(magnitude as u16 | sign)
        }
    };
}

narrow!(f16_of_f32, f32, u32, 23, 127 => f16, 10, 15);
narrow!(f16_of_f64, f64, u64, 52, 1023 => f16, 10, 15);
narrow!(bf16_of_f32, f32, u32, 23, 127 => bf16, 7, 127);
narrow!(bf16_of_f64, f64, u64, 52, 1023 => bf16, 7, 127);

#[cfg(test)]
mod tests {
    use super::{bf16_of_f32, bf16_of_f64, f16_of_f32, f16_of_f64, from_bf16, from_f16};
    use half::{bf16, f16};

    /// Every 16-bit float, the points half way to the next, and those just beside.
    #[test]
    fn all_values_and_all_ties_round_to_nearest_even() {
        for bits in 0..=u16::MAX {
            let (x, y) = (f16::from_bits(bits), bf16::from_bits(bits));
            assert!(same(from_f16(x).into(), x.to_f64_const()), "{bits:#x}");
            assert!(same(from_bf16(y).into(), y.to_f64_const()), "{bits:#x}");
            for (here, next) in [
                (x.to_f64_const(), f16::from_bits(bits.wrapping_add(1)).to_f64_const()),
                (y.to_f64_const(), bf16::from_bits(bits.wrapping_add(1)).to_f64_const()),
            ] {
                let tie = here + (next - here) / 2.0;
                for wide in [here, tie, tie.next_up(), tie.next_down(), tie * 1.000_000_1] {
                    check(wide);
                }
            }
        }
    }

    #[test]
    fn the_edges_round_too() {
        let edges =
            [65504.0, 65519.999, 65520.0, 65536.0, 1e300, f64::INFINITY, f64::NAN, 5e-324, 2.9e-8, 3e-8, 3.4e38];
        for x in edges {
            check(x);
            check(-x);
        }
        // One rounding only: by way of f32 this would come to rest on a tie and go down.
        let x = 1.0 + f64::powi(2.0, -11) + f64::powi(2.0, -40);
        assert_eq!(f16_of_f64(x).to_f64_const(), 1.0 + f64::powi(2.0, -10));
    }

    fn check(x: f64) {
        assert!(same(f16_of_f64(x).to_f64_const(), rounded(x, 10, 15)), "f16 of {x:e}");
        assert!(same(bf16_of_f64(x).to_f64_const(), rounded(x, 7, 127)), "bf16 of {x:e}");
        let wide = f64::from(x as f32);
        assert!(same(f16_of_f32(x as f32).to_f64_const(), rounded(wide, 10, 15)), "f16 of {wide:e}");
        assert!(same(bf16_of_f32(x as f32).to_f64_const(), rounded(wide, 7, 127)), "bf16 of {wide:e}");
    }

    /// The nearest number with `m` bits after the point and exponents from `1 - bias` to `bias`, by arithmetic. (The `half`
    /// crate is not a reference: on a CPU with F16C it rounds an `f64` twice.)
    fn rounded(x: f64, m: i32, bias: i32) -> f64 {
        if !x.is_finite() || x == 0.0 {
            return x;
        }
        let mut exponent = 1 - bias;
        while exponent <= bias && x.abs() >= f64::powi(2.0, exponent + 1) {
            exponent += 1;
        }
        let last = f64::powi(2.0, exponent - m);
        let nearest = (x / last).round_ties_even() * last;
        if nearest.abs() >= f64::powi(2.0, bias + 1) { f64::INFINITY.copysign(x) } else { nearest }
    }

    fn same(a: f64, b: f64) -> bool {
        (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
    }
}
