//! Arithmetic on literals: an integer stays one until a division or a real number makes it real.

use crate::ast::Sign;
use einfold_ir::{Function, Literal};

/// The value of a literal as a real number.
pub(super) fn real(literal: Literal) -> f64 {
    match literal {
        Literal::Int(i) => i as f64,
        Literal::Float(x) => x,
    }
}

/// The negation; `None` on integer overflow.
pub(super) fn negative(a: Literal) -> Option<Literal> {
    Some(match a {
        Literal::Int(i) => Literal::Int(i.checked_neg()?),
        Literal::Float(x) => Literal::Float(-x),
    })
}

/// The sum; `None` on integer overflow.
pub(super) fn sum(terms: &[(Sign, Literal)]) -> Option<Literal> {
    terms.iter().try_fold(Literal::Int(0), |sum, (sign, term)| {
        let term = if *sign == Sign::Minus { negative(*term)? } else { *term };
        both(sum, term, i128::checked_add, |a, b| a + b)
    })
}

/// The product, each factor with whether it divides; `None` on integer overflow.
pub(super) fn product(factors: &[(bool, Literal)]) -> Option<Literal> {
    factors.iter().try_fold(Literal::Int(1), |product, (divides, factor)| match divides {
        true => Some(Literal::Float(real(product) / real(*factor))),
        false => both(product, *factor, i128::checked_mul, |a, b| a * b),
    })
}

/// A function of literals; `None` also if its value is not a number.
pub(super) fn call(function: Function, arguments: &[Literal]) -> Option<Literal> {
    let &first = arguments.first()?;
    let x = real(first);
    let float = |x: f64| Some(Literal::Float(x));
    match function {
        Function::Exp => float(x.exp()),
        Function::Log => float(x.ln()),
        Function::Sqrt => float(x.sqrt()),
        Function::Tanh => float(x.tanh()),
        Function::Sigmoid => float(1.0 / (1.0 + (-x).exp())),
        Function::Sin => float(x.sin()),
        Function::Cos => float(x.cos()),
        Function::Pow => float(x.powf(real(*arguments.get(1)?))),
        Function::Abs if x < 0.0 => negative(first),
        Function::Abs | Function::Conj | Function::Re => Some(first),
        Function::Im => Some(if matches!(first, Literal::Int(_)) { Literal::Int(0) } else { Literal::Float(0.0) }),
        Function::Sign => match first {
            Literal::Int(i) => Some(Literal::Int(i.signum())),
            Literal::Float(x) => float(if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        },
        Function::Max => extreme(arguments, |a, b| a > b),
        Function::Min => extreme(arguments, |a, b| a < b),
        _ => None,
    }
}

fn both(
    a: Literal,
    b: Literal,
    int: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> Option<Literal> {
    match (a, b) {
        (Literal::Int(a), Literal::Int(b)) => int(a, b).map(Literal::Int),
        _ => Some(Literal::Float(float(real(a), real(b)))),
    }
}

/// The literal that precedes all others by `before`; an integer only if all are.
fn extreme(arguments: &[Literal], before: impl Fn(f64, f64) -> bool) -> Option<Literal> {
    let integers: Option<Vec<i128>> = arguments
        .iter()
        .map(|a| match a {
            Literal::Int(i) => Some(*i),
            Literal::Float(_) => None,
        })
        .collect();
    if let Some(integers) = integers {
        let larger = before(1.0, 0.0);
        return if larger { integers.into_iter().max() } else { integers.into_iter().min() }.map(Literal::Int);
    }
    let all = arguments.iter().map(|a| real(*a));
    all.reduce(|a, b| if a.is_nan() || before(a, b) { a } else { b }).map(Literal::Float)
}

#[cfg(test)]
mod tests {
    use super::{Literal, call, product, sum};
    use crate::ast::Sign::{Minus, Plus};
    use einfold_ir::Function;
    use einfold_ir::Literal::{Float, Int};

    #[test]
    fn integers_stay_integers_until_they_are_divided() {
        assert_eq!(sum(&[(Plus, Int(2)), (Minus, Int(5))]), Some(Int(-3)));
        assert_eq!(sum(&[(Plus, Int(2)), (Minus, Float(0.5))]), Some(Float(1.5)));
        assert_eq!(product(&[(false, Int(2)), (false, Int(3))]), Some(Int(6)));
        assert_eq!(product(&[(false, Int(1)), (true, Int(4))]), Some(Float(0.25)));
        assert_eq!(sum(&[(Plus, Int(i128::MAX)), (Plus, Int(1))]), None);
    }

    #[test]
    fn functions_of_numbers_are_numbers() {
        let of = |f: Function, arguments: &[Literal]| call(f, arguments);
        assert_eq!(of(Function::Max, &[Int(1), Int(3), Int(2)]), Some(Int(3)));
        assert_eq!(of(Function::Min, &[Int(1), Float(0.5)]), Some(Float(0.5)));
        assert!(matches!(of(Function::Min, &[Float(f64::NAN), Float(0.5)]), Some(Float(x)) if x.is_nan()));
        assert!(matches!(of(Function::Max, &[Float(0.5), Float(f64::NAN)]), Some(Float(x)) if x.is_nan()));
        assert_eq!(of(Function::Pow, &[Int(2), Int(3)]), Some(Float(8.0)));
        assert_eq!(of(Function::Abs, &[Int(-2)]), Some(Int(2)));
        assert_eq!(of(Function::Eq, &[Int(1), Int(1)]), None);
    }
}
