//! Bounds of the differences between the values that two orders of operations give.

use einfold_ir::Function;

use crate::num::Num;

/// A number, and a bound of its distance from the value that another order of operations gives: infinite if every value
/// is right, because a rounding error decides it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) number: Num,
    pub(crate) error: f64,
}

impl From<Num> for Bounded {
    fn from(number: Num) -> Bounded {
        Bounded { number, error: 0.0 }
    }
}

pub(crate) fn is_finite(x: &Num) -> bool {
    x.parts().0.is_finite() && x.parts().1.is_finite()
}

pub(crate) fn magnitude(x: Num) -> f64 {
    x.parts().0.hypot(x.parts().1)
}

impl Bounded {
    fn magnitude(&self) -> f64 {
        magnitude(self.number)
    }

    /// Whether another order may give 0 or the other sign.
    fn may_be_zero(&self) -> bool {
        self.error > 0.0 && self.error >= self.magnitude()
    }
}

/// The bound of a function of these arguments, without the rounding of the function itself.
pub(crate) fn error(function: Function, list: &[Bounded], value: Num) -> f64 {
    let error = |k: usize| list[k].error;
    let unbounded = match function {
        Function::Where => return error(if list[0].number == Num::ZERO { 2 } else { 1 }),
        // `Trace::jumped` has these.
        Function::Eq | Function::Sign => return 0.0,
        Function::Div => list[1].may_be_zero(),
        Function::Log | Function::Sqrt => list[0].may_be_zero(),
        Function::Pow if is_power(list) => false,
        Function::Pow => list[0].may_be_zero() || error(1) > 0.0 && list[0].number.parts().0 < 0.0,
        _ => false,
    };
    if unbounded || list.iter().any(|x| x.error == f64::INFINITY) {
        return f64::INFINITY;
    }
    if list.iter().all(|x| x.error == 0.0) || !is_finite(&value) {
        return 0.0;
    }
    let (x, r) = (list[0].magnitude(), magnitude(value));
    let y = list.get(1).map_or(0.0, Bounded::magnitude);
    let bound = match function {
        Function::Add | Function::Sub => error(0) + error(1),
        Function::Mul => x * error(1) + y * error(0) + error(0) * error(1),
        Function::Div => (error(0) + r * error(1)) / (y - error(1)),
        Function::Exp => r * error(0).exp_m1(),
        Function::Log => error(0) / (x - error(0)),
        Function::Sqrt => error(0) / x.sqrt(),
        Function::Pow if is_power(list) => y * (x + error(0)).powf(y - 1.0) * error(0),
        Function::Pow => r * ((y + error(1)) * error(0) / (x - error(0)) + x.ln().abs() * error(1)).exp_m1(),
        Function::Max | Function::Min => list.iter().map(|x| x.error).fold(0.0, f64::max),
        // The derivative is at most 1 for real numbers, and at most this for complex ones.
        Function::Tanh | Function::Sigmoid | Function::Sin | Function::Cos => {
            let is_real = list[0].number.parts().1 == 0.0;
            error(0) * if is_real { 1.0 } else { (1.0 + r).powi(2) }
        }
        _ => error(0),
    };
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// Whether the exponent is exactly a positive integer, so that the power is a product.
fn is_power(list: &[Bounded]) -> bool {
    let (y, imaginary) = list[1].number.parts();
    list[1].error == 0.0 && imaginary == 0.0 && y >= 1.0 && y.fract() == 0.0
}
