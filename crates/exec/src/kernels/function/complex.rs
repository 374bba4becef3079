//! Functions of complex numbers, computed in `f64`; the results of `Complex<f32>` are rounded once, at the end.
//!
//! The special values are those of C99, Annex G; the formulae are Kahan's (Branch Cuts for Complex Elementary Functions,
//! in The State of the Art in Numerical Analysis, 1987). To avoid overflow, half of an exponent is applied twice.

use einfold_ir::{Dtype, Function};
use num_complex::Complex;

use super::{ContiguousFn, map};

type C = Complex<f64>;

/// From this argument on `exp` may overflow where its product with a sine does not.
const LARGE: f64 = 709.0;

/// The kernel of a function on one of the two complex floating-point types.
pub(super) fn function(function: Function, dtype: Dtype) -> Option<ContiguousFn> {
    macro_rules! functions {
        ($t:ty, $wide:expr, $narrow:expr) => {{
            type Z = Complex<$t>;
            match function {
                Function::Abs => map!(|a: Z| -> $t { a.re.hypot(a.im) }),
                Function::Sign => map!(|a: Z| -> Z { $narrow(sign($wide(a))) }),
                Function::Exp => map!(|a: Z| -> Z { $narrow(exp($wide(a))) }),
                Function::Log => map!(|a: Z| -> Z { $narrow(log($wide(a))) }),
                Function::Sqrt => map!(|a: Z| -> Z { $narrow(sqrt($wide(a))) }),
                Function::Tanh => map!(|a: Z| -> Z { $narrow(tanh($wide(a))) }),
                Function::Sigmoid => map!(|a: Z| -> Z { $narrow(sigmoid($wide(a))) }),
                Function::Sin => map!(|a: Z| -> Z { $narrow(sin($wide(a))) }),
                Function::Cos => map!(|a: Z| -> Z { $narrow(cos($wide(a))) }),
                Function::Div => map!(|a: Z, b: Z| -> Z { $narrow(div($wide(a), $wide(b))) }),
                Function::Pow => map!(|a: Z, b: Z| -> Z { $narrow(pow($wide(a), $wide(b))) }),
                _ => return None,
            }
        }};
    }
    Some(match dtype {
        Dtype::C32 => functions!(f32, wide, narrow),
        Dtype::C64 => functions!(f64, std::convert::identity, std::convert::identity),
        _ => return None,
    })
}

fn wide(a: Complex<f32>) -> C {
    C::new(a.re.into(), a.im.into())
}

fn narrow(a: C) -> Complex<f32> {
    Complex::new(a.re as f32, a.im as f32)
}

/// `a / |a|`: the direction of a single infinite part, NaN for two of them; as NumPy.
fn sign(a: C) -> C {
    let r = a.re.hypot(a.im);
    match (a.re.is_infinite(), a.im.is_infinite()) {
        (true, true) => C::new(f64::NAN, f64::NAN),
        (true, false) => C::new(1f64.copysign(a.re), 0.0),
        (false, true) => C::new(0.0, 1f64.copysign(a.im)),
        _ if r == 0.0 => C::new(0.0, 0.0),
        _ => C::new(a.re / r, a.im / r),
    }
}

fn exp(a: C) -> C {
    if a.im == 0.0 {
        return C::new(a.re.exp(), a.im);
    }
    match (a.re, a.im.is_finite()) {
        (f64::NEG_INFINITY, false) => C::new(0.0, 0f64.copysign(a.im)),
        (f64::INFINITY, false) => C::new(f64::INFINITY, f64::NAN),
        (x, _) => {
            let (s, c) = a.im.sin_cos();
            if x.is_finite() && x > LARGE {
                let half = (x / 2.0).exp();
                return C::new(half * c * half, half * s * half);
            }
            C::new(x.exp() * c, x.exp() * s)
        }
    }
}

fn log(a: C) -> C {
    let (x, y) = (a.re.abs().max(a.im.abs()), a.re.abs().min(a.im.abs()));
    let log = if (0.5..=2.0).contains(&x) {
        // Near the unit circle the absolute value has lost the digits that its logarithm depends on.
        ((x - 1.0) * (x + 1.0) + y * y).ln_1p() / 2.0
    } else if x > f64::MAX / 2.0 && x.is_finite() {
        (a.re / 2.0).hypot(a.im / 2.0).ln() + std::f64::consts::LN_2
    } else {
        a.re.hypot(a.im).ln()
    };
    // `max` and `min` ignore NaN.
    let log = if a.is_nan() && !x.is_infinite() { f64::NAN } else { log };
    C::new(log, a.im.atan2(a.re))
}

fn sqrt(a: C) -> C {
    let (x, y) = (a.re, a.im);
    if x == 0.0 && y == 0.0 {
        return C::new(0.0, y);
    }
    if y.is_infinite() {
        return C::new(f64::INFINITY, y);
    }
    if x == f64::INFINITY {
        return C::new(x, if y.is_nan() { y } else { 0f64.copysign(y) });
    }
    if x == f64::NEG_INFINITY {
        return C::new(if y.is_nan() { y } else { 0.0 }, f64::INFINITY.copysign(y));
    }
    // A large number is divided by four, so that the sum below does not overflow; a tiny one is scaled up, so that it
    // stays exact.
    let (scale, root) = match x.abs().max(y.abs()) {
        m if m > f64::MAX / 4.0 => (0.25, 2.0),
        m if m < 4.0 * f64::MIN_POSITIVE => (2f64.powi(108), 2f64.powi(-54)),
        _ => (1.0, 1.0),
    };
    let (x, y) = (x * scale, y * scale);
    let t = ((x.abs() + x.hypot(y)) / 2.0).sqrt();
    let (re, im) = if x >= 0.0 { (t, y / (2.0 * t)) } else { (y.abs() / (2.0 * t), t.copysign(y)) };
    C::new(re * root, im * root)
}

/// `e^|x| / 2` times `by`, for a large `x`.
fn half_exp(x: f64, by: f64) -> f64 {
    let half = (x.abs() / 2.0).exp();
    half * (by / 2.0) * half
}

fn sinh(a: C) -> C {
    let (x, y) = (a.re, a.im);
    if y == 0.0 {
        return C::new(x.sinh(), y);
    }
    if !y.is_finite() && (x == 0.0 || x.is_infinite()) {
        return C::new(x, f64::NAN);
    }
    let (s, c) = y.sin_cos();
    if x.is_finite() && x.abs() > LARGE {
        return C::new(half_exp(x, c) * x.signum(), half_exp(x, s));
    }
    C::new(x.sinh() * c, x.cosh() * s)
}

fn cosh(a: C) -> C {
    let (x, y) = (a.re, a.im);
    if y == 0.0 {
        let im = if x.is_nan() { 0.0 } else { 0f64.copysign(x) * 1f64.copysign(y) };
        return C::new(x.cosh(), im);
    }
    if !y.is_finite() && x == 0.0 {
        return C::new(f64::NAN, 0.0);
    }
    if !y.is_finite() && x.is_infinite() {
        return C::new(f64::INFINITY, f64::NAN);
    }
    let (s, c) = y.sin_cos();
    if x.is_finite() && x.abs() > LARGE {
        return C::new(half_exp(x, c), half_exp(x, s) * x.signum());
    }
    C::new(x.cosh() * c, x.sinh() * s)
}

/// `sin z = −i sinh iz`.
fn sin(a: C) -> C {
    let s = sinh(C::new(-a.im, a.re));
    C::new(s.im, -s.re)
}

/// `cos z = cosh iz`.
fn cos(a: C) -> C {
    cosh(C::new(-a.im, a.re))
}

fn tanh(a: C) -> C {
    let (x, y) = (a.re, a.im);
    if x.is_nan() {
        return C::new(x, if y == 0.0 { y } else { f64::NAN });
    }
    if x.is_infinite() {
        let direction = if y.is_finite() { y.sin() * y.cos() } else { y };
        return C::new(1f64.copysign(x), 0f64.copysign(direction));
    }
    if !y.is_finite() {
        return C::new(if x == 0.0 { x } else { f64::NAN }, f64::NAN);
    }
    // From this argument on 1 is the nearest value, and the formula below would overflow.
    if x.abs() >= 22.0 {
        let e = (-x.abs()).exp();
        return C::new(1f64.copysign(x), 4.0 * y.sin() * y.cos() * e * e);
    }
    let (t, s) = (y.tan(), x.sinh());
    let beta = 1.0 + t * t;
    let rho = (1.0 + s * s).sqrt();
    let below = 1.0 + beta * s * s;
    C::new(beta * rho * s / below, t / below)
}

/// Each half-plane uses the form whose exponential does not overflow.
fn sigmoid(a: C) -> C {
    let one = C::new(1.0, 0.0);
    if a.re >= 0.0 {
        return div(one, one + exp(-a));
    }
    let e = exp(a);
    div(e, one + e)
}

/// Smith's method: Algorithm 116, Complex Division, CACM 5, 1962. Division by zero gives infinities or NaN.
fn div(a: C, b: C) -> C {
    if b.re.abs() >= b.im.abs() {
        if b.re == 0.0 && b.im == 0.0 {
            return C::new(a.re / b.re.abs(), a.im / b.re.abs());
        }
        let ratio = b.im / b.re;
        let scale = 1.0 / (b.re + b.im * ratio);
        return C::new((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale);
    }
    let ratio = b.re / b.im;
    let scale = 1.0 / (b.im + b.re * ratio);
    C::new((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale)
}

/// `a^b`: 1 for `b = 0`; for `a = 0`, 0 if the real part of the exponent is positive, else NaN; small integer exponents
/// by squaring; as NumPy.
fn pow(a: C, b: C) -> C {
    let one = C::new(1.0, 0.0);
    if b.re == 0.0 && b.im == 0.0 {
        return one;
    }
    if a.re == 0.0 && a.im == 0.0 {
        return if b.re > 0.0 { C::new(0.0, 0.0) } else { C::new(f64::NAN, f64::NAN) };
    }
    if b.im == 0.0 && b.re.trunc() == b.re && b.re.abs() < 100.0 {
        let power = whole_power(a, b.re.abs() as u32);
        return if b.re < 0.0 { div(one, power) } else { power };
    }
    exp(times(b, log(a)))
}

fn whole_power(a: C, mut exponent: u32) -> C {
    let (mut power, mut square) = (None, a);
    loop {
        if exponent & 1 == 1 {
            power = Some(power.map_or(square, |p| times(p, square)));
        }
        exponent >>= 1;
        if exponent == 0 {
            return power.unwrap_or(C::new(1.0, 0.0));
        }
        square = times(square, square);
    }
}

fn times(a: C, b: C) -> C {
    C::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
}
