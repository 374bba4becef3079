//! Elements of all dtypes as pairs of numbers, for a slow and simple evaluator.

use einfold_ir::{BinaryOp, Dtype, DtypeKind, Function, Literal};

/// A real number, exact if it is an integer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Real {
    Int(i128),
    Float(f64),
}

/// Real and imaginary part; `bool` is 0 or 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element(pub(crate) Real, pub(crate) Real);

impl Real {
    pub(crate) fn float(self) -> f64 {
        match self {
            Real::Int(i) => i as f64,
            Real::Float(x) => x,
        }
    }

    fn op(self, other: Real, int: fn(i128, i128) -> i128, float: fn(f64, f64) -> f64) -> Real {
        match (self, other) {
            (Real::Int(a), Real::Int(b)) => Real::Int(int(a, b)),
            (a, b) => Real::Float(float(a.float(), b.float())),
        }
    }

    fn add(self, other: Real) -> Real {
        self.op(other, i128::wrapping_add, |a, b| a + b)
    }

    fn sub(self, other: Real) -> Real {
        self.op(other, i128::wrapping_sub, |a, b| a - b)
    }

    fn mul(self, other: Real) -> Real {
        self.op(other, i128::wrapping_mul, |a, b| a * b)
    }

    fn negative(self) -> Real {
        self.op(Real::Int(0), |a, _| a.wrapping_neg(), |a, _| -a)
    }

    fn is_zero(self) -> bool {
        self.float() == 0.0
    }

    /// The number rounded or wrapped to this width.
    fn fit(self, dtype: Dtype) -> Real {
        let bits = 8 * dtype.size() as u32;
        let int = |x: Real| match x {
            Real::Int(i) => i,
            Real::Float(x) => x as i128,
        };
        match (dtype, dtype.kind()) {
            (Dtype::Bool, _) => Real::Int(i128::from(!self.is_zero())),
            (_, DtypeKind::Unsigned) => Real::Int(int(self) & ((1 << bits) - 1)),
            (_, DtypeKind::Signed) => Real::Int(int(self) << (128 - bits) >> (128 - bits)),
            (Dtype::F64, _) => Real::Float(self.float()),
            (Dtype::F32, _) => Real::Float(f64::from(self.float() as f32)),
            (Dtype::F16, _) => Real::Float(short(self.float(), 11)),
            (Dtype::BF16, _) => Real::Float(short(self.float(), 8)),
            other => panic!("{other:?}"),
        }
    }
}

/// Rounds to this number of significant bits; the range of the exponent is that of f64.
fn short(x: f64, bits: i32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let unit = 2f64.powi(x.abs().log2().floor() as i32 - bits + 1);
    (x / unit).round_ties_even() * unit
}

impl Element {
    pub(crate) const ZERO: Element = Element(Real::Int(0), Real::Int(0));

    pub(crate) fn int(i: i128) -> Element {
        Element(Real::Int(i), Real::Int(0))
    }

    pub(crate) fn float(x: f64) -> Element {
        Element(Real::Float(x), Real::Int(0))
    }

    pub(crate) fn literal(literal: Literal) -> Element {
        match literal {
            Literal::Int(i) => Element::int(i),
            Literal::Float(x) => Element::float(x),
        }
    }

    /// Converts to another dtype.
    pub(crate) fn fit(self, dtype: Dtype) -> Element {
        let imaginary = if dtype.is_complex() { self.1.fit(dtype.real()) } else { Real::Int(0) };
        let truth = dtype == Dtype::Bool && !self.1.is_zero();
        Element(if truth { Real::Int(1) } else { self.0.fit(dtype.real()) }, imaginary)
    }

    pub(crate) fn conj(self) -> Element {
        Element(self.0, self.1.negative())
    }

    fn mul(self, other: Element) -> Element {
        match (self.1, other.1) {
            // Real operands: infinities stay as they are.
            (Real::Int(0), Real::Int(0)) => Element(self.0.mul(other.0), Real::Int(0)),
            _ => Element(self.0.mul(other.0).sub(self.1.mul(other.1)), self.0.mul(other.1).add(self.1.mul(other.0))),
        }
    }

    fn same(self, other: Element) -> bool {
        self.0.float() == other.0.float() && self.1.float() == other.1.float()
    }

    /// NaN if either is NaN; −0 is below +0.
    fn larger(self, other: Element) -> Element {
        match (self.0, other.0) {
            (Real::Int(a), Real::Int(b)) => Element::int(a.max(b)),
            (a, b) if a.float().is_nan() || b.float().is_nan() => Element::float(f64::NAN),
            (a, b) if a.float().total_cmp(&b.float()).is_ge() => self,
            _ => other,
        }
    }

    fn smaller(self, other: Element) -> Element {
        match (self.0, other.0) {
            (Real::Int(a), Real::Int(b)) => Element::int(a.min(b)),
            (a, b) if a.float().is_nan() || b.float().is_nan() => Element::float(f64::NAN),
            (a, b) if a.float().total_cmp(&b.float()).is_le() => self,
            _ => other,
        }
    }
}

/// The identity of a reduction.
pub(crate) fn identity(op: BinaryOp, dtype: Dtype) -> Element {
    let float = dtype.kind() == DtypeKind::Float;
    let bits = 8 * dtype.size() as u32;
    let (least, most) = match dtype.kind() {
        DtypeKind::Bool => (0, 1),
        DtypeKind::Unsigned => (0, (1 << bits) - 1),
        _ => (-(1 << (bits.min(64) - 1)), (1 << (bits.min(64) - 1)) - 1),
    };
    match op {
        BinaryOp::Add | BinaryOp::Or => Element::ZERO,
        BinaryOp::Mul => Element::int(1),
        BinaryOp::Max | BinaryOp::LogAddExp if float => Element::float(f64::NEG_INFINITY),
        BinaryOp::Min if float => Element::float(f64::INFINITY),
        BinaryOp::Max => Element::int(least),
        BinaryOp::Min => Element::int(most),
        BinaryOp::And => Element::int(if dtype == Dtype::Bool { 1 } else { -1 }).fit(dtype),
        other => panic!("{other:?}"),
    }
}

/// One step of a reduction or a product.
pub(crate) fn combine(op: BinaryOp, a: Element, b: Element, dtype: Dtype) -> Element {
    let value = match op {
        BinaryOp::Add => return call(Function::Add, &[a, b], dtype),
        BinaryOp::Mul => return call(Function::Mul, &[a, b], dtype),
        BinaryOp::Max => a.larger(b),
        BinaryOp::Min => a.smaller(b),
        BinaryOp::Or => Element(a.0.op(b.0, |a, b| a | b, |_, _| panic!()), Real::Int(0)),
        BinaryOp::And => Element(a.0.op(b.0, |a, b| a & b, |_, _| panic!()), Real::Int(0)),
        BinaryOp::LogAddExp => {
            let (x, y) = (a.0.float(), b.0.float());
            let m = a.larger(b).0.float();
            Element::float(if m.is_infinite() || m.is_nan() { m } else { m + ((x - m).exp() + (y - m).exp()).ln() })
        }
        other => panic!("{other:?}"),
    };
    value.fit(dtype)
}

/// A function with a result of this dtype.
pub(crate) fn call(function: Function, arguments: &[Element], dtype: Dtype) -> Element {
    let a = arguments[0];
    let b = arguments.get(1).copied().unwrap_or(Element::ZERO);
    let x = a.0.float();
    let real = |x: f64| Element::float(x);
    let value = match function {
        Function::Neg => Element(a.0.negative(), a.1.negative()),
        Function::Add => Element(a.0.add(b.0), a.1.add(b.1)),
        Function::Sub => Element(a.0.sub(b.0), a.1.sub(b.1)),
        Function::Mul => a.mul(b),
        Function::Div if dtype.is_complex() => {
            let n = b.0.mul(b.0).add(b.1.mul(b.1)).float();
            let Element(re, im) = a.mul(b.conj());
            Element(Real::Float(re.float() / n), Real::Float(im.float() / n))
        }
        Function::Div => real(x / b.0.float()),
        Function::Pow => real(x.powf(b.0.float())),
        Function::Exp => real(x.exp()),
        Function::Log => real(x.ln()),
        Function::Sqrt => real(x.sqrt()),
        Function::Tanh => real(x.tanh()),
        Function::Sigmoid => real(1.0 / (1.0 + (-x).exp())),
        Function::Sin => real(x.sin()),
        Function::Cos => real(x.cos()),
        Function::Abs if !a.1.is_zero() => real(x.hypot(a.1.float())),
        Function::Abs => Element(a.0.op(Real::Int(0), |a, _| a.abs(), |a, _| a.abs()), Real::Int(0)),
        Function::Sign => Element(
            a.0.op(Real::Int(0), |a, _| a.signum(), |a, _| if a == 0.0 || a.is_nan() { a } else { a.signum() }),
            Real::Int(0),
        ),
        Function::Conj => a.conj(),
        Function::Re => Element(a.0, Real::Int(0)),
        Function::Im => Element(a.1, Real::Int(0)),
        Function::Max => a.larger(b),
        Function::Min => a.smaller(b),
        Function::Eq => Element::int(i128::from(a.same(b))),
        Function::Where => {
            if a.0.is_zero() {
                arguments[2]
            } else {
                b
            }
        }
        other => panic!("{other:?}"),
    };
    value.fit(dtype)
}
