//! Plans that calls without a plan share: [`einsum`](crate::einsum), [`Expression::run`] and what stands on them.
//!
//! Such a call looks for the plan of an earlier one with the same text, options, and dtypes, shapes, conjugation and names of the
//! operands, all of which are compared. A plan that is found is run, which allocates nothing but the result; else the
//! expression is planned, and the plan is kept. A size that only index tensors tell is asked again in every call, and a plan for
//! another size is not used. Errors are not kept.
//!
//! The cache is one for all threads. It is not locked while an expression is planned, so that threads which plan the same
//! expression at the same time both do so. It holds plans of [`LIMIT`] bytes in all, those that are used less giving way; a plan
//! that is larger than a part of that is not kept.
//!
//! ```
//! use einfold::ndarray::{Array2, array};
//! use einfold::{cache, einsum};
//!
//! let a = array![[1.0, 2.0], [3.0, 4.0]];
//! let square: Array2<f64> = einsum("ij,jk->ik", (&a, &a))?;
//! assert!(cache::len() > 0 && cache::bytes() <= cache::LIMIT);
//! cache::set_limit(1 << 20); // 1 MiB; 0 keeps no plans
//! cache::clear();
//! # Ok::<(), einfold::Error>(())
//! ```

use crate::dynamic::{Arguments, OperandType};
use crate::error::Error;
use crate::expression::Expression;
use crate::plan::Plan;
use crate::settings::Settings;
use einfold_ir::TensorType;
use einfold_syntax::{Ast, Spelling};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

/// The bytes of all plans that are kept, as long as [`set_limit`] says nothing else: 64 MiB, some thousand small plans.
pub const LIMIT: u64 = 64 << 20;

/// Forgets all plans.
pub fn clear() {
    PLANS.clear();
}

/// How many bytes the plans that are kept may take together, about. Plans that are too much are forgotten; 0 keeps none.
pub fn set_limit(bytes: u64) {
    PLANS.set_capacity(bytes);
}

/// How many plans are kept.
pub fn len() -> usize {
    PLANS.len()
}

/// The bytes that the plans take which are kept, about.
pub fn bytes() -> u64 {
    PLANS.weight()
}

static PLANS: LazyLock<Cache<Key, Plan, Bytes>> = LazyLock::new(|| Cache::with_weighter(1024, LIMIT, Bytes));

static DEFAULT: LazyLock<Settings> = LazyLock::new(Settings::default);

/// The bytes of the smallest plan, about.
const LEAST: u64 = 8 << 10;
/// The bytes of an operand, a step or an axis of one, about.
const PART: u64 = 512;

/// What a plan takes, estimated from its parts.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Plan> for Bytes {
    fn weight(&self, key: &Key, plan: &Plan) -> u64 {
        let steps = plan.compiled().plan.steps().map(|(_, step)| 1 + step.axes.len());
        let parts = key.operands().len() + steps.sum::<usize>();
        LEAST + PART * parts as u64 + 4 * plan.expression().text().len() as u64
    }
}

/// What a text is read as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Notation {
    Text,
    Spaced,
    Labels,
}

impl Notation {
    fn of(expression: &Expression) -> Notation {
        match &expression.ast {
            Ast::Letters(subscripts) if subscripts.spelling() == Spelling::Integers => Notation::Labels,
            _ if expression.spaced => Notation::Spaced,
            _ => Notation::Text,
        }
    }
}

/// What was planned: the expression is that of the plan.
#[derive(Debug)]
struct Key {
    plan: Plan,
    /// The operands as they were given, where they had names; else they are those of the plan.
    named: Option<Vec<TensorType>>,
}

/// What is to be planned.
#[derive(Clone, Copy)]
struct Query<'a> {
    notation: Notation,
    text: &'a str,
    settings: &'a Settings,
    arguments: Arguments<'a>,
}

/// What [`Key`] and [`Query`] are compared by.
trait Parts {
    fn head(&self) -> (Notation, &str, &Settings);
    fn operands(&self) -> impl ExactSizeIterator<Item = OperandType<'_>>;

    /// The settings are left out: most are the default ones.
    fn hash_parts(&self, state: &mut impl Hasher) {
        let (notation, text, _) = self.head();
        (notation, text, self.operands().len()).hash(state);
        self.operands().for_each(|operand| operand.hash(state));
    }

    fn equals(&self, other: &impl Parts) -> bool {
        self.head() == other.head() && self.operands().eq(other.operands())
    }
}

impl Parts for Key {
    fn head(&self) -> (Notation, &str, &Settings) {
        let expression = self.plan.expression();
        (Notation::of(expression), expression.text(), &expression.settings)
    }

    fn operands(&self) -> impl ExactSizeIterator<Item = OperandType<'_>> {
        let types = self.named.as_deref().unwrap_or(self.plan.input_types());
        let name = |ty| OperandType { name: None, ..OperandType::from(ty) };
        types.iter().map(move |ty| if self.named.is_some() { ty.into() } else { name(ty) })
    }
}

impl Parts for Query<'_> {
    fn head(&self) -> (Notation, &str, &Settings) {
        (self.notation, self.text, self.settings)
    }

    fn operands(&self) -> impl ExactSizeIterator<Item = OperandType<'_>> {
        self.arguments.operand_types()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_parts(state);
    }
}

impl Hash for Query<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_parts(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.equals(other)
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Query<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.equals(key)
    }
}

/// The plan of a text with the default options for these operands.
pub(crate) fn plan_text(text: &str, arguments: Arguments<'_>) -> Result<Plan, Error> {
    let query = Query { notation: Notation::Text, text, settings: &DEFAULT, arguments };
    find_or_plan(query, || Expression::new(text))
}

/// The plan of an expression for these operands.
pub(crate) fn plan(expression: &Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
    let (notation, text) = (Notation::of(expression), expression.text());
    find_or_plan(Query { notation, text, settings: &expression.settings, arguments }, || Ok(expression.clone()))
}

fn find_or_plan(query: Query<'_>, expression: impl FnOnce() -> Result<Expression, Error>) -> Result<Plan, Error> {
    if let Some(plan) = PLANS.get(&query)
        && plan.has_sizes_of(query.arguments)?
    {
        return Ok(plan);
    }
    let plan = Plan::for_arguments(expression()?, query.arguments)?;
    let named = query.arguments.has_names().then(|| query.arguments.types());
    PLANS.insert(Key { plan: plan.clone(), named }, plan.clone());
    Ok(plan)
}
