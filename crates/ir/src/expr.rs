//! Pointwise expressions: the contribution of a point, if it is not a plain product.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::ParseFloatError;
use std::str::FromStr;

use crate::dtype::{Dtype, DtypeKind};
use crate::error::{Violation, ensure};

/// Defines [`Function`] by a table: the name, the number of arguments, and the kinds of dtypes on which it is defined.
macro_rules! functions {
    ($($(#[$doc:meta])* $function:ident: $name:literal, $arity:literal, $defined:ident;)+) => {
        /// A function of one, two or three elements.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Function {
            $($(#[$doc])* $function,)+
        }

        impl Function {
            fn facts(self) -> (&'static str, usize, Kinds) {
                match self { $(Function::$function => ($name, $arity, $defined),)+ }
            }
        }
    };
}

/// Whether a function is defined on a kind of dtypes.
type Kinds = fn(DtypeKind) -> bool;
const ANY: Kinds = |_| true;
const INEXACT: Kinds = |kind| matches!(kind, DtypeKind::Float | DtypeKind::Complex);
const ORDERED: Kinds = |kind| !matches!(kind, DtypeKind::Complex | DtypeKind::ComplexInt);
const NUMERIC: Kinds = |kind| kind != DtypeKind::Bool;
const NORMED: Kinds = |kind| kind != DtypeKind::ComplexInt;

functions! {
    /// `-a`.
    Neg: "-", 1, NUMERIC;
    /// `exp a`.
    Exp: "exp", 1, INEXACT;
    /// `ln a`.
    Log: "log", 1, INEXACT;
    /// `√a`.
    Sqrt: "sqrt", 1, INEXACT;
    /// `|a|`; real for complex `a`.
    Abs: "abs", 1, NORMED;
    /// −1, 0 or 1; for complex `a`, `a / |a|`, and 0 at 0; NaN of NaN.
    Sign: "sign", 1, NORMED;
    /// `tanh a`.
    Tanh: "tanh", 1, INEXACT;
    /// `1 / (1 + exp −a)`.
    Sigmoid: "sigmoid", 1, INEXACT;
    /// `sin a`.
    Sin: "sin", 1, INEXACT;
    /// `cos a`.
    Cos: "cos", 1, INEXACT;
    /// The conjugate.
    Conj: "conj", 1, ANY;
    /// The real part.
    Re: "re", 1, ANY;
    /// The imaginary part; 0 for real `a`.
    Im: "im", 1, ANY;
    /// `a + b`; *or* on `bool`.
    Add: "+", 2, ANY;
    /// `a − b`.
    Sub: "-", 2, NUMERIC;
    /// `a · b`; *and* on `bool`.
    Mul: "*", 2, ANY;
    /// `a / b`.
    Div: "/", 2, INEXACT;
    /// `a` to the power `b`.
    Pow: "pow", 2, INEXACT;
    /// The maximum; NaN if either is NaN; −0 is below +0.
    Max: "max", 2, ORDERED;
    /// The minimum; NaN if either is NaN; −0 is below +0.
    Min: "min", 2, ORDERED;
    /// Whether `a = b`, as `bool`.
    Eq: "eq", 2, ANY;
    /// `b` if `a`, a `bool`, is true, otherwise `c`.
    Where: "where", 3, ANY;
}

/// A number written in the text. Floats are equal if their bits are, so that 0 and −0 differ.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// An integer: written without a point or exponent, or the value of a size.
    Int(i128),
    /// A float: written with a point or exponent.
    Float(f64),
}

impl Literal {
    fn bits(self) -> Result<i128, u64> {
        match self {
            Literal::Int(i) => Ok(i),
            Literal::Float(x) => Err(x.to_bits()),
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

macro_rules! literals {
    ($($variant:ident: $($from:ty)+;)+) => { $($(
        impl From<$from> for Literal {
            fn from(value: $from) -> Literal {
                Literal::$variant(value.into())
            }
        }
    )+)+ };
}

impl FromStr for Literal {
    type Err = ParseFloatError;

    /// Parses a number: digits with an optional sign are an integer; anything else is a float, including `inf` and
    /// `nan`.
    fn from_str(text: &str) -> Result<Literal, ParseFloatError> {
        text.parse().map(Literal::Int).or_else(|_| text.parse().map(Literal::Float))
    }
}

literals! {
    Int: bool i8 i16 i32 i64 i128 u8 u16 u32 u64;
    Float: f32 f64;
}

/// One operation of an [`Expr`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PointOp {
    /// Pushes the element of this factor, converted.
    Read(u32),
    /// Pushes a number.
    Literal(Literal),
    /// Converts the value on top of the stack.
    Convert,
    /// Applies a function to the values on top of the stack, the last argument uppermost.
    Call(Function),
}

impl PointOp {
    /// The number of values that it takes from the stack.
    fn arity(self) -> usize {
        match self {
            PointOp::Read(_) | PointOp::Literal(_) => 0,
            PointOp::Convert => 1,
            PointOp::Call(function) => function.arity(),
        }
    }
}

/// A pointwise expression over the factors of a contraction, in postfix order.
///
/// Invariants, checked by [`Expr::new`]: every operation finds its arguments on the stack, of the dtypes that
/// [`Function::result`] requires; one value is left.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expr {
    ops: Vec<(PointOp, Dtype)>,
    depth: usize,
}

impl Function {
    /// The name in texts; for an operator, its sign.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// The number of arguments.
    pub fn arity(self) -> usize {
        self.facts().1
    }

    /// The dtype of the result for arguments of these dtypes; `None` if the function is not defined on them. All
    /// arguments have the same dtype, except the condition of [`Function::Where`].
    pub fn result(self, arguments: &[Dtype]) -> Option<Dtype> {
        let (_, arity, accepts) = self.facts();
        let (&first, &last) = (arguments.first()?, arguments.last()?);
        let values = if self == Function::Where { &arguments[1..] } else { arguments };
        let condition = self != Function::Where || first == Dtype::Bool;
        let fits = arguments.len() == arity && condition && values.iter().all(|&v| v == last);
        let defined = last.kind() != DtypeKind::Custom && accepts(last.kind());
        (fits && defined).then_some(match self {
            Function::Eq => Dtype::Bool,
            Function::Abs | Function::Re | Function::Im => last.real(),
            _ => last,
        })
    }
}

impl Expr {
    /// Builds an expression from operations in postfix order, each with the dtype of its result.
    ///
    /// # Errors
    /// [`Violation`] names the first operation that breaks an invariant of [`Expr`].
    pub fn new(ops: Vec<(PointOp, Dtype)>) -> Result<Expr, Violation> {
        let mut stack: Vec<Dtype> = Vec::new();
        let mut depth = 0;
        for (k, (op, dtype)) in ops.iter().enumerate() {
            let arguments = stack.len().checked_sub(op.arity()).map(|at| stack.split_off(at));
            let fits = |a: Vec<Dtype>| if let PointOp::Call(f) = op { f.result(&a) == Some(*dtype) } else { true };
            let holds = arguments.is_some_and(fits);
            ensure(holds, || format!("operation {k} of the expression lacks fitting arguments"))?;
            stack.push(*dtype);
            depth = depth.max(stack.len());
        }
        match stack.len() {
            1 => Ok(Expr { ops, depth }),
            left => Err(Violation(format!("the expression leaves {left} values"))),
        }
    }

    /// The operations, each with the dtype of its result.
    pub fn ops(&self) -> &[(PointOp, Dtype)] {
        &self.ops
    }

    /// The dtype of the value.
    pub fn dtype(&self) -> Dtype {
        // An expression has at least one operation, since one value is left.
        self.ops.last().map_or(Dtype::Bool, |(_, dtype)| *dtype)
    }

    /// The most values on the stack at once.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The factors that the expression reads, each with the dtype to which it is converted.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (usize, Dtype)> {
        self.ops
            .iter()
            .filter_map(|(op, dtype)| if let PointOp::Read(k) = op { Some((*k as usize, *dtype)) } else { None })
    }

    /// The expression in infix form, with names for its factors.
    pub(crate) fn show(&self, factor: impl Fn(u32) -> String) -> String {
        // For each operation, the texts before it, the outermost last, and the text after it. An operation is preceded
        // by its last argument, so that its own text closes it.
        let mut before: Vec<Vec<String>> = vec![Vec::new(); self.ops.len()];
        let mut after = vec![String::new(); self.ops.len()];
        // The first and the last operation of each value.
        let mut stack: Vec<(usize, usize)> = Vec::new();
        for (k, (op, dtype)) in self.ops.iter().enumerate() {
            let arguments = stack.split_off(stack.len().saturating_sub(op.arity()));
            let first = arguments.first().map_or(k, |argument| argument.0);
            stack.push((first, k));
            let (open, separator) = match op {
                PointOp::Read(_) | PointOp::Literal(_) => continue,
                PointOp::Convert => (format!("{dtype}("), String::new()),
                PointOp::Call(Function::Neg) => ("-".into(), String::new()),
                PointOp::Call(function @ (Function::Add | Function::Sub | Function::Mul | Function::Div)) => {
                    ("(".into(), format!(" {} ", function.name()))
                }
                PointOp::Call(function) => (format!("{}(", function.name()), ", ".into()),
            };
            before[first].push(open);
            arguments.iter().rev().skip(1).for_each(|&(_, last)| after[last].clone_from(&separator));
        }
        let mut text = String::new();
        for ((op, _), (before, after)) in self.ops.iter().zip(before.iter().zip(after)) {
            text.extend(before.iter().rev().map(String::as_str));
            match op {
                PointOp::Read(k) => text += &factor(*k),
                PointOp::Literal(literal) => text += &literal.to_string(),
                PointOp::Call(Function::Neg) => {}
                PointOp::Convert | PointOp::Call(_) => text.push(')'),
            }
            text += &after;
        }
        text
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Int(i) => write!(f, "{i}"),
            Literal::Float(x) => write!(f, "{x:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expr, Function, Literal, PointOp};
    use crate::Dtype;

    #[test]
    fn an_expression_prints_and_knows_its_dtype() {
        use PointOp::{Call, Convert, Read};
        let half = PointOp::Literal(Literal::Float(0.5));
        let ops = vec![
            (Read(0), Dtype::I64),
            (Convert, Dtype::F64),
            (Read(1), Dtype::F64),
            (Call(Function::Sub), Dtype::F64),
            (Call(Function::Exp), Dtype::F64),
            (half, Dtype::F64),
            (Call(Function::Mul), Dtype::F64),
        ];
        let e = Expr::new(ops).unwrap();
        assert_eq!((e.dtype(), e.depth(), e.reads().map(|(k, _)| k).max()), (Dtype::F64, 2, Some(1)));
        let shown = e.show(|k| format!("f{k}"));
        assert_eq!(shown, "(exp((f64(f0) - f1)) * 0.5)");
    }

    /// A separate text for each part of a sum would take minutes.
    #[test]
    fn long_expressions_print() {
        const MANY: usize = 500_000;
        let mut ops = vec![(PointOp::Read(0), Dtype::F64)];
        for _ in 0..MANY {
            ops.extend([(PointOp::Read(0), Dtype::F64), (PointOp::Call(Function::Add), Dtype::F64)]);
        }
        let e = Expr::new(ops).unwrap();
        let shown = e.show(|_| "x".into());
        assert_eq!(shown, format!("{}x{}", "(".repeat(MANY), " + x)".repeat(MANY)));
    }

    #[test]
    fn broken_expressions_are_refused() {
        use PointOp::{Call, Read};
        let refused = |ops: &[(PointOp, Dtype)]| Expr::new(ops.to_vec()).is_err();
        assert!(refused(&[]));
        assert!(refused(&[(Read(0), Dtype::F32), (Read(1), Dtype::F32)]));
        assert!(refused(&[(Read(0), Dtype::F32), (Call(Function::Add), Dtype::F32)]));
        assert!(refused(&[(Read(0), Dtype::F32), (Read(1), Dtype::F64), (Call(Function::Add), Dtype::F64)]));
        assert!(refused(&[(Read(0), Dtype::I32), (Call(Function::Exp), Dtype::I32)]));
        assert!(refused(&[(Read(0), Dtype::C32), (Call(Function::Abs), Dtype::C32)]));
        assert!(refused(&[(Read(0), Dtype::Bool), (Call(Function::Neg), Dtype::Bool)]));
    }

    #[test]
    fn a_literal_reads_as_it_prints() {
        for literal in [Literal::from(-3), Literal::from(u64::MAX), Literal::from(0.5), Literal::from(f32::INFINITY)] {
            assert_eq!(literal.to_string().parse(), Ok(literal));
        }
        assert_eq!("1e3".parse(), Ok(Literal::Float(1000.0)));
        assert!(matches!("nan".parse(), Ok(Literal::Float(x)) if x.is_nan()));
        assert!("x".parse::<Literal>().is_err() && "".parse::<Literal>().is_err());
    }
}
