//! The cache of plans behind [`einsum`](crate::einsum), [`Expression::run`] and the functions that use them.
//!
//! A call looks for a plan that an earlier call made for the same text and options and for operands of the same dtypes,
//! shapes, conjugation and names. All of these are compared, not their hashes alone. If there is such a plan, the call
//! runs it and allocates only its results; otherwise it plans the expression and caches the plan. A size that depends
//! on the values of index tensors is computed in every call, and a plan for another size is not used. Errors are not
//! cached.
//!
//! All threads share one cache. It is not locked during planning, so two threads may plan the same expression at the
//! same time. The plans in the cache take at most [`LIMIT`] bytes; plans that are rarely used are evicted first. The
//! cache has several shards that divide the limit, and a plan that is larger than the limit of its shard is not cached.
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

use crate::arguments::{Arguments, OperandType};
use crate::compiled::CompiledExpression;
use crate::error::Error;
use crate::expression::{DEFAULT_SETTINGS, Expression, Parser, Settings};
use crate::plan::Plan;
use einfold_ir::TensorType;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// The default limit of [`bytes`]: 64 MiB, enough for some thousand small plans. [`set_limit`] changes it.
pub const LIMIT: u64 = 64 << 20;

/// Removes all plans.
pub fn clear() {
    PLANS.clear();
}

/// Sets the limit of [`bytes`]. Plans are evicted until the rest fit; with 0 the cache stays empty.
pub fn set_limit(bytes: u64) {
    PLANS.set_capacity(bytes);
}

/// The number of cached plans.
pub fn len() -> usize {
    PLANS.len()
}

/// The estimated memory of all cached plans, in bytes.
pub fn bytes() -> u64 {
    PLANS.weight()
}

static PLANS: LazyLock<Cache<Key, Plan, Bytes>> = LazyLock::new(|| Cache::with_weighter(1024, LIMIT, Bytes));

/// The estimated memory of the smallest plan, in bytes.
const LEAST: u64 = 2 << 10;
/// The estimated memory of one operand or of one of the [`parts`](CompiledExpression::parts) of a plan, in bytes.
const PART: u64 = 512;

/// Estimates the memory of a plan from the numbers of its operands and parts.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Plan> for Bytes {
    fn weight(&self, key: &Key, plan: &Plan) -> u64 {
        let parts = key.query().operands.count() + plan.0.parts();
        LEAST + PART * parts as u64 + 4 * plan.expression().text().len() as u64
    }
}

/// The key of a cached plan: what the call that planned it passed. Its text and options are those of the plan.
#[derive(Debug)]
struct Key {
    plan: Plan,
    /// The operand types in the order of the call, if the call names its operands; otherwise those of the plan are
    /// used.
    named: Option<Vec<TensorType>>,
}

/// What a call looks for: the fields of a key that are compared, borrowed from the call or from a key.
struct Query<'a, O> {
    parser: Parser,
    text: &'a str,
    settings: &'a Arc<Settings>,
    /// An iterator over the operand types, in the order of the call.
    operands: O,
}

impl Key {
    fn query(&self) -> Query<'_, impl Iterator<Item = OperandType<'_>> + Clone> {
        let types = self.named.as_deref().unwrap_or(self.plan.input_types()).iter().map(OperandType::from);
        let operands = types.map(|ty| OperandType { name: ty.name.filter(|_| self.named.is_some()), ..ty });
        Query::new(self.plan.expression(), operands)
    }
}

impl<'a, O> Query<'a, O> {
    fn new(expression: &'a Expression, operands: O) -> Query<'a, O> {
        let Expression { parser, settings, .. } = expression;
        Query { parser: *parser, text: expression.text(), settings, operands }
    }
}

/// Hashes every field; of the settings the sizes alone, since the others rarely differ from call to call.
impl<'a, O: Iterator<Item = OperandType<'a>> + Clone> Hash for Query<'a, O> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.parser, self.text, &self.settings.options.sizes).hash(state);
        self.operands.clone().for_each(|operand| operand.hash(state));
    }
}

impl<'a, O: Iterator<Item = OperandType<'a>> + Clone> Equivalent<Key> for Query<'a, O> {
    fn equivalent(&self, key: &Key) -> bool {
        let Query { parser, text, settings, mut operands } = key.query();
        (self.parser, self.text) == (parser, text)
            && (Arc::ptr_eq(self.settings, settings) || self.settings == settings)
            && self.operands.clone().all(|operand| operands.next() == Some(operand))
            && operands.next().is_none()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.query().hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.query().equivalent(other)
    }
}

impl Eq for Key {}

/// Returns the plan of a text with default options for these operands.
pub(crate) fn plan_text(text: &str, arguments: Arguments<'_>) -> Result<Plan, Error> {
    let operands = arguments.operand_types();
    let query = Query { parser: Parser::Text, text, settings: &DEFAULT_SETTINGS, operands };
    find_or_plan(&query, arguments, || Expression::new(text))
}

/// Returns the plan of an expression for these operands.
pub(crate) fn plan(expression: &Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
    find_or_plan(&Query::new(expression, arguments.operand_types()), arguments, || Ok(expression.clone()))
}

/// Returns the cached plan that `query` finds; if there is none, plans `expression` and caches the plan.
fn find_or_plan(
    query: &(impl Hash + Equivalent<Key>),
    arguments: Arguments<'_>,
    expression: impl FnOnce() -> Result<Expression, Error>,
) -> Result<Plan, Error> {
    if let Some(plan) = PLANS.get(query)
        && plan.0.has_sizes_of(arguments)?
    {
        return Ok(plan);
    }
    let plan = Plan(CompiledExpression::for_arguments(expression()?, arguments)?);
    let named = arguments.has_names().then(|| arguments.types());
    PLANS.insert(Key { plan: plan.clone(), named }, plan.clone());
    Ok(plan)
}
