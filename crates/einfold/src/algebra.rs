//! The sum and the product that an expression is evaluated with.

use einfold_exec::{Semiring, UserSemiring};
use einfold_ir::Algebra;

/// What takes the place of `+` and `×`: one of the built-in pairs [`SumProduct`], [`MaxPlus`], [`MinPlus`], [`MaxTimes`],
/// [`MinTimes`], [`MaxMin`], or a type of yours that implements [`Semiring`].
pub trait IntoAlgebra {
    /// What the compiler is told, and what the executor runs if it is not built in.
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>);
}

impl<S: Semiring> IntoAlgebra for S {
    fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
        let semiring = UserSemiring::of::<S>();
        (Algebra::User(semiring.algebra()), Some(semiring))
    }
}

macro_rules! markers {
    ($($(#[$doc:meta])* $name:ident = $algebra:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl IntoAlgebra for $name {
            fn into_algebra(self) -> (Algebra, Option<UserSemiring>) {
                (Algebra::$algebra, None)
            }
        }
    )+ };
}

markers! {
    /// (+, ×), what einsum means without further words; (or, and) on `bool`.
    SumProduct = SUM_PRODUCT;
    /// (max, +): longest paths. NaN wins over every number; −0 is below +0; integers wrap.
    MaxPlus = MAX_PLUS;
    /// (min, +): shortest paths. NaN wins over every number; −0 is below +0; integers wrap.
    MinPlus = MIN_PLUS;
    /// (max, ×): most likely explanations. NaN wins over every number; −0 is below +0; integers wrap.
    MaxTimes = MAX_TIMES;
    /// (min, ×). NaN wins over every number; −0 is below +0; integers wrap.
    MinTimes = MIN_TIMES;
    /// (max, min): widest paths. NaN wins over every number; −0 is below +0.
    MaxMin = MAX_MIN;
}
