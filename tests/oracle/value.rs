//! Arithmetic on elements, one operation at a time, each rounded or wrapped to its dtype.

use std::cell::Cell;

use einfold_ir::Dtype::{self, *};
use einfold_ir::{Function, Literal};
use einfold_syntax::Assign;
use num_complex::Complex;

use super::Refusal;
use super::bounded::{Bounded, error, is_finite, magnitude};
use crate::num::Num;

/// Properties of the evaluation that decide how results are compared.
#[derive(Default)]
pub(crate) struct Trace {
    /// Whether an operation rounded.
    pub(crate) rounded: Cell<bool>,
    /// The largest relative error of one rounding so far.
    pub(crate) unit: Cell<f64>,
    /// Whether a sum, a product or a quotient of other numbers produced a NaN or an infinity.
    pub(crate) invalid: Cell<bool>,
    /// Whether a discontinuous function was applied after an operation rounded, or any function after an invalid
    /// operation, so that its value may depend on the order of sums.
    pub(crate) jumped: Cell<bool>,
    /// The largest finite number.
    pub(crate) largest: Cell<f64>,
    /// The largest argument of an exponential, a sine or a cosine, which amplifies a relative error by this factor.
    pub(crate) steepest: Cell<f64>,
    /// The exponent of two of the product of all factors above 1 of `*=`: some order may overflow before it reaches a
    /// zero.
    pub(crate) powers: Cell<f64>,
}

impl Trace {
    fn see(&self, x: Num) {
        let (re, im) = x.parts();
        let size = re.abs().max(im.abs());
        if size.is_finite() && size > self.largest.get() {
            self.largest.set(size);
        }
    }

    fn rounds(&self, dtype: Dtype) {
        self.rounded.set(true);
        self.unit.set(self.unit.get().max(unit(dtype)));
    }

    /// Converts the number to an element of a named result.
    pub(crate) fn round(&self, x: Bounded, dtype: Dtype) -> Bounded {
        let (exact, rounded) = (x.number, x.number.to(dtype));
        let is_nan = exact.parts().0.is_nan() || exact.parts().1.is_nan();
        let mut error = x.error;
        if exact != rounded && !is_nan && matches!(rounded, Num::Float(..)) {
            self.rounds(dtype);
        }
        if error > 0.0 && matches!(dtype, F16 | BF16) {
            error += 2.0 * unit(dtype) * magnitude(rounded);
        }
        Bounded { number: rounded, error }
    }

    /// Applies a function to numbers of `dtype`.
    pub(crate) fn call(&self, function: Function, list: &[Bounded], dtype: Dtype) -> Bounded {
        let numbers: Vec<Num> = list.iter().map(|x| x.number).collect();
        let (number, exact) = self.apply(function, &numbers, dtype);
        let mut error = error(function, list, number);
        if !exact {
            let sum = matches!(function, Function::Add | Function::Sub);
            let size = if sum { magnitude(numbers[0]) + magnitude(numbers[1]) } else { magnitude(number) };
            error += OPERATION * unit(dtype) * size;
            if function == Function::Pow && dtype.is_complex() {
                // The exponential of a product with a logarithm amplifies the rounding of the product.
                let exponent = magnitude(numbers[1]) * magnitude(numbers[0]).ln().abs();
                error += OPERATION * unit(dtype) * size * if exponent.is_finite() { exponent } else { 0.0 };
            }
        }
        Bounded { number, error }
    }

    /// The value of a function of numbers of `dtype`, and whether it is exact.
    fn apply(&self, function: Function, a: &[Num], dtype: Dtype) -> (Num, bool) {
        let size = a[0].parts().0.abs().max(a[0].parts().1.abs());
        let jumps = match function {
            Function::Eq | Function::Sign => self.rounded.get(),
            // For such large arguments a rounding error may exceed a period.
            Function::Sin | Function::Cos => size > 1e4 && size * self.unit.get() > 1e-4,
            _ => false,
        };
        use Function::{Add, Conj, Div, Im, Mul, Neg, Re, Sub};
        // The function may have mapped a NaN or an infinity to a finite value.
        let hides = !matches!(function, Add | Sub | Mul | Div | Neg | Conj | Re | Im) && self.invalid.get();
        if jumps || hides {
            self.jumped.set(true);
        }
        if matches!(function, Function::Exp | Function::Sin | Function::Cos) {
            let size = if function == Function::Exp { a[0].parts().0.abs() } else { size };
            self.steepest.set(self.steepest.get().max(size.min(1e4)));
        }
        match function {
            Function::Eq => return (Num::Int(equal(a[0], a[1]).into(), 0), true),
            Function::Where => return (if a[0] == Num::ZERO { a[2] } else { a[1] }, true),
            _ => {}
        }
        let value = if dtype.is_complex() && matches!(dtype, C32 | C64) {
            complex(function, a)
        } else if matches!(dtype, F32 | F64) {
            float(function, a)
        } else {
            whole(function, a, dtype)
        };
        let rounded = value.to(if matches!(function, Function::Abs | Function::Re | Function::Im) {
            dtype.real()
        } else {
            dtype
        });
        self.see(rounded);
        let exact = match function {
            Function::Add | Function::Sub | Function::Neg => rounded == value && sum_is_exact(a),
            Function::Mul => rounded == value && product_is_exact(a),
            Function::Div => rounded == value && divides(a, rounded),
            Function::Conj | Function::Re | Function::Im | Function::Max | Function::Min => true,
            Function::Abs | Function::Sign => !dtype.is_complex(),
            _ => false,
        };
        let finite = a.iter().all(is_finite);
        let rounds = !exact && is_finite(&rounded) && finite && matches!(rounded, Num::Float(..));
        if rounds {
            self.rounds(dtype);
        }
        let overflows = !is_finite(&rounded) && finite;
        // A complex sum is a sum of each part. The parts of a complex product are sums of products, where ∞ may meet 0
        // or −∞ in another order.
        let multiplies = matches!(function, Function::Mul | Function::Div);
        let infinite = |x: &Num| x.parts().0.is_infinite() || x.parts().1.is_infinite();
        let parts = [|x: &Num| x.parts().0, |x: &Num| x.parts().1];
        let invented = |part: fn(&Num) -> f64| part(&rounded).is_nan() && !a.iter().any(|x| part(x).is_nan());
        let invents = parts.into_iter().any(invented) || dtype.is_complex() && multiplies && a.iter().any(infinite);
        let reordered = matches!(function, Function::Add | Function::Sub | Function::Mul | Function::Div);
        if reordered && (overflows || invents) {
            self.invalid.set(true);
        }
        (rounded, !rounds)
    }

    /// One step of a reduction.
    pub(crate) fn combine(&self, assign: Assign, a: Bounded, b: Bounded, dtype: Dtype) -> Bounded {
        match assign {
            Assign::Equal | Assign::Add | Assign::Mean => self.call(Function::Add, &[a, b], dtype),
            Assign::Multiply => {
                let (re, im) = b.number.parts();
                self.powers.set(self.powers.get() + re.hypot(im).max(1.0).log2());
                self.call(Function::Mul, &[a, b], dtype)
            }
            Assign::Max => self.call(Function::Max, &[a, b], dtype),
            Assign::Min => self.call(Function::Min, &[a, b], dtype),
            Assign::Or => bits(a.number, b.number, |a, b| a | b).into(),
            Assign::And => bits(a.number, b.number, |a, b| a & b).into(),
            Assign::LogSumExp => {
                self.rounds(dtype);
                self.see(a.number);
                self.see(b.number);
                let (x, y) = (a.number.parts().0, b.number.parts().0);
                let m = larger(x, y);
                let error = a.error.max(b.error);
                if !m.is_finite() {
                    return Bounded { number: Num::Float(m, 0.0), error };
                }
                let rounding = OPERATION * unit(dtype) * (1.0 + m.abs());
                let sum = m + ((x - m).exp() + (y - m).exp()).ln();
                Bounded { number: Num::Float(sum, 0.0), error: error + rounding }
            }
        }
    }
}

/// The error of one operation, in roundings: einfold and the oracle each round twice at most, in a function or a complex
/// product.
const OPERATION: f64 = 4.0;

/// The greatest relative error of one rounding.
fn unit(dtype: Dtype) -> f64 {
    let digits = match dtype {
        BF16 => 8,
        F16 => 11,
        F32 | C32 => 24,
        _ => 53,
    };
    0.5_f64.powi(digits)
}

fn equal(a: Num, b: Num) -> bool {
    match (a, b) {
        (Num::Int(..), Num::Int(..)) => a == b,
        _ => a.parts() == b.parts(),
    }
}

fn bits(a: Num, b: Num, f: impl Fn(i128, i128) -> i128) -> Num {
    match (a, b) {
        (Num::Int(a, _), Num::Int(b, _)) => Num::Int(f(a, b), 0),
        _ => unreachable!("floats have no bits"),
    }
}

/// Whether the parts of a sum are exact in `f64`, by the error of Knuth's TwoSum.
fn sum_is_exact(a: &[Num]) -> bool {
    let error = |a: f64, b: f64| {
        let s = a + b;
        let t = s - a;
        (a - (s - t)) + (b - t)
    };
    match a {
        [a, b] => error(a.parts().0, b.parts().0) == 0.0 && error(a.parts().1, b.parts().1) == 0.0,
        _ => true,
    }
}

/// Whether a product is exact in `f64`; a complex product counts as exact if its factors are small integers.
fn product_is_exact(a: &[Num]) -> bool {
    let ((a, b), (c, d)) = (a[0].parts(), a[1].parts());
    let small = |x: f64| x.fract() == 0.0 && x.abs() < 1e6;
    if b == 0.0 && d == 0.0 { a.mul_add(c, -(a * c)) == 0.0 } else { [a, b, c, d].into_iter().all(small) }
}

/// Whether a quotient is exact for every position of its divisor in a product: the divisor is a power of two.
fn divides(a: &[Num], quotient: Num) -> bool {
    let (divisor, imaginary) = a[1].parts();
    let power = divisor.to_bits() & ((1 << 52) - 1) == 0 && imaginary == 0.0;
    power && quotient.mul(a[1]) == a[0]
}

/// The maximum; NaN if either is NaN; −0 is less than +0.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a.total_cmp(&b).is_ge() {
        a
    } else {
        b
    }
}

fn float(function: Function, list: &[Num]) -> Num {
    let x = list[0].parts().0;
    let y = list.get(1).map_or(0.0, |y| y.parts().0);
    Num::Float(
        match function {
            Function::Neg => -x,
            Function::Add => x + y,
            Function::Sub => x - y,
            Function::Mul => x * y,
            Function::Div => x / y,
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Abs => x.abs(),
            Function::Sign => {
                if x == 0.0 || x.is_nan() {
                    x
                } else {
                    x.signum()
                }
            }
            Function::Tanh => x.tanh(),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Pow => x.powf(y),
            Function::Max => list.iter().map(|x| x.parts().0).fold(x, larger),
            Function::Min => -list.iter().map(|x| -x.parts().0).fold(-x, larger),
            Function::Conj | Function::Re => x,
            Function::Im => 0.0,
            other => unreachable!("{other:?}"),
        },
        0.0,
    )
}

fn complex(function: Function, list: &[Num]) -> Num {
    let of = |x: Num| Complex::new(x.parts().0, x.parts().1);
    let z = of(list[0]);
    let w = list.get(1).map_or(Complex::default(), |w| of(*w));
    let value = match function {
        Function::Neg => -z,
        Function::Add => z + w,
        Function::Sub => z - w,
        Function::Mul => z * w,
        Function::Div => quotient(z, w),
        Function::Exp => z.exp(),
        Function::Log => z.ln(),
        Function::Sqrt => z.sqrt(),
        Function::Abs => z.norm().into(),
        Function::Sign => {
            if z == Complex::default() {
                z
            } else {
                z / z.norm()
            }
        }
        // Beyond this, ±1 is the nearest number, and the formula of the crate overflows.
        Function::Tanh if z.re.abs() > 20.0 => z.re.signum().into(),
        Function::Tanh => z.tanh(),
        // The formula below would divide by an infinity.
        Function::Sigmoid if z.re < 0.0 => z.exp() / (Complex::from(1.0) + z.exp()),
        Function::Sigmoid => (Complex::from(1.0) + (-z).exp()).inv(),
        Function::Sin => z.sin(),
        Function::Cos => z.cos(),
        Function::Pow => z.powc(w),
        Function::Conj => z.conj(),
        Function::Re => z.re.into(),
        Function::Im => z.im.into(),
        other => unreachable!("{other:?}"),
    };
    Num::Float(value.re, value.im)
}

/// Complex division as in NumPy: scaled by the larger part of the divisor (Smith, 1962); division by 0 divides each
/// part.
fn quotient(z: Complex<f64>, w: Complex<f64>) -> Complex<f64> {
    if w.re == 0.0 && w.im == 0.0 {
        return Complex::new(z.re / w.re.abs(), z.im / w.re.abs());
    }
    if w.re.abs() < w.im.abs() {
        // (z/i) / (w/i)
        return quotient(Complex::new(z.im, -z.re), Complex::new(w.im, -w.re));
    }
    let ratio = w.im / w.re;
    let scale = 1.0 / (w.re + w.im * ratio);
    Complex::new((z.re + z.im * ratio) * scale, (z.im - z.re * ratio) * scale)
}

fn whole(function: Function, list: &[Num], dtype: Dtype) -> Num {
    let int = |x: &Num| if let Num::Int(re, im) = x { (*re, *im) } else { unreachable!("{x:?} as {dtype}") };
    let (a, b) = (list[0], list.get(1).copied().unwrap_or(Num::ZERO));
    let minus = |x: Num| Num::Int(int(&x).0.wrapping_neg(), int(&x).1.wrapping_neg());
    match function {
        Function::Neg => minus(a),
        Function::Add => a.add(b),
        Function::Sub => a.add(minus(b)),
        Function::Mul => a.mul(b),
        Function::Abs => Num::Int(int(&a).0.abs(), 0),
        Function::Sign => Num::Int(int(&a).0.signum(), 0),
        Function::Max => Num::Int(list.iter().map(|x| int(x).0).max().unwrap(), 0),
        Function::Min => Num::Int(list.iter().map(|x| int(x).0).min().unwrap(), 0),
        Function::Conj => a.conj(),
        Function::Re => Num::Int(int(&a).0, 0),
        Function::Im => Num::Int(int(&a).1, 0),
        other => unreachable!("{other:?} of {dtype}"),
    }
}

/// The value of a group without points.
pub(crate) fn identity(assign: Assign, dtype: Dtype) -> Num {
    let bits = 8 * dtype.size() as u32;
    let (least, most) = match dtype {
        Bool => (0, 1),
        U8 | U16 | U32 | U64 => (0, (1 << bits) - 1),
        I8 | I16 | I32 | I64 => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        _ => (0, 0),
    };
    let float = matches!(dtype, F32 | F64);
    match assign {
        Assign::Equal | Assign::Add | Assign::Or | Assign::Mean => Num::ZERO.to(dtype),
        Assign::Multiply => Num::ONE.to(dtype),
        Assign::Max | Assign::LogSumExp if float => Num::Float(f64::NEG_INFINITY, 0.0),
        Assign::Min if float => Num::Float(f64::INFINITY, 0.0),
        Assign::Max | Assign::LogSumExp => Num::Int(least, 0),
        Assign::Min => Num::Int(most, 0),
        Assign::And => Num::Int(if dtype == Bool { 1 } else { -1 }, 0).to(dtype),
    }
}

/// Converts a number of the text to an element.
pub(crate) fn number(literal: Literal, dtype: Dtype) -> Result<Num, Refusal> {
    let inexact = matches!(dtype, F16 | BF16 | F32 | F64 | C32 | C64);
    match literal {
        Literal::Float(x) if inexact => Ok(Num::Float(x, 0.0).to(dtype)),
        Literal::Float(_) => Err("dtype"),
        Literal::Int(i) => {
            let value = Num::Int(i, 0).to(dtype);
            let holds = if inexact { value.parts().0.is_finite() } else { value == Num::Int(i, 0) };
            if holds { Ok(value) } else { Err("dtype") }
        }
    }
}

/// Folds an expression of numbers to a number; `None` if the value is not a number.
pub(crate) fn fold(function: Function, list: &[Literal]) -> Option<Literal> {
    let ints: Option<Vec<i128>> = list.iter().map(|l| if let Literal::Int(i) = l { Some(*i) } else { None }).collect();
    let num = |l: &Literal| match *l {
        Literal::Int(i) => Num::Float(i as f64, 0.0),
        Literal::Float(x) => Num::Float(x, 0.0),
    };
    match (function, ints) {
        (Function::Eq | Function::Where, _) => None,
        (Function::Neg, Some(i)) => i[0].checked_neg().map(Literal::Int),
        (Function::Add, Some(i)) => i[0].checked_add(i[1]).map(Literal::Int),
        (Function::Sub, Some(i)) => i[0].checked_sub(i[1]).map(Literal::Int),
        (Function::Mul, Some(i)) => i[0].checked_mul(i[1]).map(Literal::Int),
        (Function::Max, Some(i)) => i.into_iter().max().map(Literal::Int),
        (Function::Min, Some(i)) => i.into_iter().min().map(Literal::Int),
        (Function::Abs, Some(i)) => i[0].checked_abs().map(Literal::Int),
        (Function::Sign, Some(i)) => Some(Literal::Int(i[0].signum())),
        (Function::Conj | Function::Re, Some(i)) => Some(Literal::Int(i[0])),
        (Function::Im, Some(_)) => Some(Literal::Int(0)),
        _ => Some(Literal::Float(float(function, &list.iter().map(num).collect::<Vec<_>>()).parts().0)),
    }
}
