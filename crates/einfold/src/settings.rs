//! The options of an expression as a value.

use crate::error::Error;
use einfold_exec::UserSemiring;
use einfold_ir::Literal;
use einfold_order::{Budget, Order, SavedOrder};
use einfold_plan::PassSet;
use einfold_syntax::Options;
use std::str::FromStr;

/// The options of an [`Expression`](crate::Expression).
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The options that change the result.
    pub(crate) options: Options,
    /// The user's semiring, if the algebra is user-defined.
    pub(crate) semiring: Option<UserSemiring>,
    pub(crate) order: Order,
    pub(crate) budget: Budget,
    pub(crate) passes: PassSet,
}

/// Settings are equal if they lead to the same plan. Fill values are compared bitwise.
impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        // The semiring is determined by the algebra, which is one of the options.
        let Settings { options, semiring: _, order, budget, passes } = self;
        let Options { strict, algebra, acc, sizes, policy, out_of_range, fill, outputs } = options;
        let theirs = &other.options;
        (strict, algebra, acc) == (&theirs.strict, &theirs.algebra, &theirs.acc)
            && (sizes, outputs) == (&theirs.sizes, &theirs.outputs)
            && (policy, out_of_range) == (&theirs.policy, &theirs.out_of_range)
            && fill.iter().map(bits).eq(theirs.fill.iter().map(bits))
            && (budget, passes) == (&other.budget, &other.passes)
            && same_order(order, &other.order)
    }
}

/// A literal as an integer or as bits: 0.0 differs from -0.0, and NaN equals itself.
fn bits<'n>((name, literal): (&'n String, &Literal)) -> (&'n str, Result<i128, u64>) {
    match *literal {
        Literal::Int(value) => (name, Ok(value)),
        Literal::Float(value) => (name, Err(value.to_bits())),
    }
}

fn same_order(a: &Order, b: &Order) -> bool {
    match (a, b) {
        // The same strategy may have several addresses.
        (Order::Strategy(a), Order::Strategy(b)) => a.name == b.name,
        (Order::Linear(a), Order::Linear(b)) | (Order::Ssa(a), Order::Ssa(b)) => a == b,
        (Order::Replay(a), Order::Replay(b)) => a == b,
        (Order::Saved(a), Order::Saved(b)) => a == b,
        _ => false,
    }
}

/// A type that specifies the origin of a contraction order: an [`Order`], a [`SavedOrder`], or the name of a strategy.
pub trait IntoOrder {
    /// Converts to an [`Order`].
    ///
    /// # Errors
    /// [`ErrorKind::Order`](crate::ErrorKind::Order) if there is no strategy with this name.
    fn into_order(self) -> Result<Order, Error>;
}

impl IntoOrder for Order {
    fn into_order(self) -> Result<Order, Error> {
        Ok(self)
    }
}

impl IntoOrder for SavedOrder {
    fn into_order(self) -> Result<Order, Error> {
        Ok(self.into())
    }
}

impl IntoOrder for &str {
    fn into_order(self) -> Result<Order, Error> {
        Ok(Order::from_str(self)?)
    }
}
