//! The two operations of a contraction, and the laws that allow a planner to reorder them.

use std::any::TypeId;
use std::fmt;

use crate::{Dtype, DtypeKind};

/// A binary operation of products and reductions. All are commutative and associative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    /// `a + b`; *or* on `bool`.
    Add,
    /// `a * b`; *and* on `bool`.
    Mul,
    /// The maximum; NaN if either is NaN; −0 is below +0.
    Max,
    /// The minimum; NaN if either is NaN; −0 is below +0.
    Min,
    /// Bitwise *or*; *or* on `bool`.
    Or,
    /// Bitwise *and*; *and* on `bool`.
    And,
    /// `ln(exp a + exp b)`, shifted by the maximum.
    LogAddExp,
}

/// The laws that a planner may assume of (⊕, ⊗) on one dtype, besides both being commutative and associative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Laws {
    /// ⊗ distributes over ⊕: sums may be moved out of products, so a contraction may be computed pair by pair.
    pub distributive: bool,
    /// The identity of ⊕ absorbs under ⊗ (`0 ⊗ a = 0`).
    pub absorbing: bool,
}

impl Laws {
    /// No law: the expression is evaluated as one loop nest, in any order of its points.
    pub const NONE: Laws = Laws { distributive: false, absorbing: false };
    /// The laws of every semiring: ⊗ distributes over ⊕, and its zero absorbs. They hold for (+, ×), also modulo a
    /// number.
    pub const SEMIRING: Laws = Laws { distributive: true, absorbing: true };
}

/// The pair (⊕, ⊗) of a contraction: ⊗ multiplies the factors, ⊕ reduces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algebra {
    /// Two built-in operations.
    Builtin {
        /// ⊕, the reduction.
        add: BinaryOp,
        /// ⊗, the product.
        mul: BinaryOp,
    },
    /// A semiring supplied by the user.
    User(UserAlgebra),
}

/// The properties of a user's semiring that the compiler uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UserAlgebra {
    /// The Rust type that implements the semiring.
    pub id: TypeId,
    /// The name, for error texts and explanations.
    pub name: &'static str,
    /// The dtype of operands and results.
    pub element: Dtype,
    /// The dtype of products and sums.
    pub accumulator: Dtype,
    /// The laws that the semiring claims.
    pub laws: Laws,
}

impl Algebra {
    /// (+, ×), the default algebra of einsum; (or, and) on `bool`.
    pub const SUM_PRODUCT: Algebra = Algebra::builtin(BinaryOp::Add, BinaryOp::Mul);
    /// (max, +).
    pub const MAX_PLUS: Algebra = Algebra::builtin(BinaryOp::Max, BinaryOp::Add);
    /// (min, +).
    pub const MIN_PLUS: Algebra = Algebra::builtin(BinaryOp::Min, BinaryOp::Add);
    /// (max, ×).
    pub const MAX_TIMES: Algebra = Algebra::builtin(BinaryOp::Max, BinaryOp::Mul);
    /// (min, ×).
    pub const MIN_TIMES: Algebra = Algebra::builtin(BinaryOp::Min, BinaryOp::Mul);
    /// (max, min).
    pub const MAX_MIN: Algebra = Algebra::builtin(BinaryOp::Max, BinaryOp::Min);
    /// (or, and) on `bool`, bit by bit on integers.
    pub const OR_AND: Algebra = Algebra::builtin(BinaryOp::Or, BinaryOp::And);
    /// (lse, +), where lse is the logarithm of the sum of exponentials.
    pub const LSE_PLUS: Algebra = Algebra::builtin(BinaryOp::LogAddExp, BinaryOp::Add);

    const fn builtin(add: BinaryOp, mul: BinaryOp) -> Algebra {
        Algebra::Builtin { add, mul }
    }

    /// The laws of this algebra on elements of `dtype`. Floating-point sums count as reorderable, as in every einsum;
    /// integer sums are exactly reorderable. (max, +) and (min, +) on integers may wrap, and (max, ×) reverses the
    /// order for negative factors: neither distributes.
    pub fn laws(&self, dtype: Dtype) -> Laws {
        use BinaryOp::{Add, And, LogAddExp, Max, Min, Mul, Or};
        let (add, mul) = match *self {
            Algebra::User(u) => return u.laws,
            Algebra::Builtin { add, mul } => (add, mul),
        };
        let float = dtype.kind() == DtypeKind::Float;
        let boolean = dtype == Dtype::Bool;
        let distributive = match (add, mul) {
            (Add, Mul) | (Max, Min) | (Min, Max) => true,
            (Or, And) | (And, Or) | (Max, Mul) => boolean,
            (Max | Min | LogAddExp, Add) => float,
            _ => false,
        };
        Laws { distributive, absorbing: distributive }
    }

    /// Whether the operations are defined on elements of `dtype`: a user's semiring has its own element type, complex
    /// numbers are not ordered, and floats have no bitwise operations.
    pub fn accepts(&self, dtype: Dtype) -> bool {
        use BinaryOp::{And, LogAddExp, Max, Min, Or};
        let (add, mul) = match *self {
            Algebra::User(u) => return dtype == u.element,
            Algebra::Builtin { add, mul } => (add, mul),
        };
        let has = |ops: &[BinaryOp]| ops.contains(&add) || ops.contains(&mul);
        match dtype.kind() {
            DtypeKind::Custom => false,
            DtypeKind::Complex | DtypeKind::ComplexInt => !has(&[Max, Min, Or, And, LogAddExp]),
            DtypeKind::Float => !has(&[Or, And]),
            DtypeKind::Bool | DtypeKind::Unsigned | DtypeKind::Signed => !has(&[LogAddExp]),
        }
    }

    /// The dtype of products and sums over elements of `dtype`.
    pub fn accumulator(&self, dtype: Dtype) -> Dtype {
        match self {
            Algebra::Builtin { .. } => dtype.accumulator(),
            Algebra::User(u) => u.accumulator,
        }
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOp::Add => "+",
            BinaryOp::Mul => "*",
            BinaryOp::Max => "max",
            BinaryOp::Min => "min",
            BinaryOp::Or => "|",
            BinaryOp::And => "&",
            BinaryOp::LogAddExp => "lse",
        })
    }
}

impl fmt::Display for Algebra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algebra::Builtin { add, mul } => write!(f, "({add}, {mul})"),
            Algebra::User(u) => f.write_str(u.name),
        }
    }
}
