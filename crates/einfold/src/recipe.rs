//! Recipes: texts from which a plan is made again.

use crate::algebra::{ALGEBRAS, IntoAlgebra};
use crate::compiled::CompiledExpression;
use crate::error::{Error, RecipeProblem};
use crate::expression::{Expression, Parser, Settings};
use crate::plan::Plan;
use einfold_exec::UserSemiring;
use einfold_ir::{Algebra, Cost, Count, Dtype, Literal, Machine, OutOfRange, TensorType};
use einfold_order::format::{FormatError, machine_from_json, machine_json};
use einfold_order::{Budget, Order, OrderError, SavedOrder};
use einfold_plan::PassSet;
use einfold_syntax::{Ast, Options};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the format; later versions are rejected. Version 1 has only the paths of contractions without index
/// tensors, and no slices.
const VERSION: u64 = 2;
const PATHS_ALONE: u64 = 1;
/// Passes of earlier versions, which recipes may name: the executor decides what they decided.
const FORMER_PASSES: [&str; 2] = ["loop_order", "merge_axes"];

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    version: u64,
    expression: RecordedText,
    operands: Vec<RecordedOperand>,
    strict: bool,
    algebra: String,
    #[serde(flatten)]
    meaning: LanguageOptions,
    memory: Option<u64>,
    /// The machine as written by [`machine_json`]; absent for the built-in machine.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    machine: Value,
    passes: Vec<String>,
    /// The order as written by [`SavedOrder`]. In version 1, the strategy to search with again if there are several
    /// paths or slices.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    order: Value,
    /// Version 1 only: the SSA path of each contraction that has a choice of order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<Vec<Vec<u32>>>,
    cost: RecordedCost,
}

/// Options that change the result, if they differ from the defaults.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct LanguageOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    acc: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sizes: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_of_range: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    out_of_range_in: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fill: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Vec<String>>,
    /// The values of the size queries when the plan was made, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordedText {
    Text(String),
    Spaced(String),
    Labels { operands: Vec<Vec<u32>>, output: Option<Vec<u32>> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedOperand {
    dtype: String,
    shape: Vec<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    conj: bool,
}

/// A [`Cost`] in decimal digits: exact below 2^128, ten digits beyond.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedCost {
    flops: String,
    size: String,
    write: String,
    peak: String,
}

impl From<Cost> for RecordedCost {
    fn from(cost: Cost) -> RecordedCost {
        let digits = |count: Count| count.exact().map_or_else(|| format!("{count:.9e}"), |n| n.to_string());
        let Cost { flops, size, write, peak } = cost;
        RecordedCost { flops: digits(flops), size: digits(size), write: digits(write), peak: digits(peak) }
    }
}

impl Plan {
    /// Writes the plan as a recipe: JSON with the expression, its options, the operand types, the [order](Plan::order)
    /// of all contractions and the cost. For a plan with [constants](Plan::bind_constants), this is the recipe of the
    /// plan without constants.
    ///
    /// ```
    /// use einfold::{Expression, Plan, spec};
    ///
    /// let plan = Expression::new("ij,jk,kl")?.plan([spec::<f32>([2, 3]), spec::<f32>([3, 4]), spec::<f32>([4, 5])])?;
    /// let again = Plan::from_recipe(&plan.to_recipe())?;
    /// assert_eq!((again.path(), again.cost()), (plan.path(), plan.cost()));
    /// # Ok::<(), einfold::Error>(())
    /// ```
    pub fn to_recipe(&self) -> String {
        let plan = Plan(self.whole().clone());
        let expression = plan.expression();
        let Settings { options, semiring: _, order: _, budget, passes } = &*expression.settings;
        let operand = |ty: &TensorType| RecordedOperand {
            dtype: ty.dtype.name().into(),
            shape: ty.shape.to_vec(),
            conj: ty.conj,
        };
        let recipe = Recipe {
            version: VERSION,
            expression: written(expression),
            operands: plan.input_types().iter().map(operand).collect(),
            strict: options.strict,
            algebra: options.algebra.to_string(),
            meaning: LanguageOptions::of(options, &plan.0.answers),
            memory: budget.memory_bytes,
            machine: Some(budget.machine).filter(|m| !m.is_default()).map_or(Value::Null, |m| machine_json(&m)),
            passes: passes.names().map(Into::into).collect(),
            order: plan.order().to_json(),
            paths: Vec::new(),
            cost: plan.cost().into(),
        };
        serde_json::to_string(&recipe).expect("strings, numbers and lists can be written as JSON")
    }

    /// Makes a plan from a recipe, without a search.
    ///
    /// # Errors
    /// [`ErrorKind::Recipe`](crate::ErrorKind::Recipe) if the text is not a recipe, has another version of the format,
    /// needs a user-defined semiring (see [`from_recipe_with`](Plan::from_recipe_with)), or leads to another path or
    /// cost than it states; and as [`Expression::plan`].
    pub fn from_recipe(recipe: &str) -> Result<Plan, Error> {
        read(recipe)?.plan(None)
    }

    /// As [`from_recipe`](Plan::from_recipe), for a plan with a user-defined semiring.
    ///
    /// # Errors
    /// As [`from_recipe`](Plan::from_recipe).
    pub fn from_recipe_with(recipe: &str, algebra: impl IntoAlgebra) -> Result<Plan, Error> {
        read(recipe)?.plan(Some(algebra.into_algebra()))
    }
}

fn written(expression: &Expression) -> RecordedText {
    let text = expression.text().into();
    match (expression.parser, &expression.ast) {
        (Parser::Labels, Ast::Letters(s)) => {
            let labels = |term| s.labels(term).iter().map(|label| label.id).collect();
            let operands = s.terms().iter().map(labels).collect();
            RecordedText::Labels { operands, output: s.output().map(|output| labels(&output.term)) }
        }
        (Parser::Spaced, _) => RecordedText::Spaced(text),
        _ => RecordedText::Text(text),
    }
}

/// Parses a recipe. The version is read first, because other versions may have other fields.
fn read(recipe: &str) -> Result<Recipe, Error> {
    let value: Value = serde_json::from_str(recipe).map_err(malformed)?;
    match value.get("version").and_then(Value::as_u64) {
        Some(PATHS_ALONE | VERSION) => Ok(serde_json::from_value(value).map_err(malformed)?),
        Some(found) => Err(RecipeProblem::Version { found, expected: VERSION }.into()),
        None => Err(malformed("the version is missing").into()),
    }
}

fn malformed(problem: impl ToString) -> RecipeProblem {
    RecipeProblem::Malformed(problem.to_string())
}

impl Recipe {
    fn plan(mut self, user: Option<(Algebra, Option<UserSemiring>)>) -> Result<Plan, Error> {
        let mut expression = match &self.expression {
            RecordedText::Text(text) => Expression::new(text)?,
            RecordedText::Spaced(text) => Expression::spaced(text)?,
            RecordedText::Labels { operands, output } => {
                let operands: Vec<&[u32]> = operands.iter().map(Vec::as_slice).collect();
                Expression::labels(&operands, output.as_deref())?
            }
        };
        let (algebra, semiring) = self.algebra(user)?;
        let order = self.order()?;
        let mut budget = Budget { memory_bytes: self.memory, machine: self.machine()?, ..Budget::default() };
        if let Order::Saved(SavedOrder { objective, largest, .. }) = &order {
            (budget.objective, budget.largest) = (*objective, *largest);
        }
        let pass = |set: PassSet, name: &String| set.with(name).ok_or_else(|| RecipeProblem::Pass(name.clone()));
        let mut passes = self.passes.iter().filter(|name| !FORMER_PASSES.contains(&name.as_str()));
        let passes = passes.try_fold(PassSet::NONE, pass)?;
        let options = Options { strict: self.strict, algebra, ..self.meaning.options()? };
        expression.settings = Settings { options, semiring, order, budget, passes }.into();
        let types: Result<Arc<[_]>, RecipeProblem> = self.operands.iter().map(|o| o.tensor_type(algebra)).collect();
        let mut answers = self.meaning.answers.iter();
        let compiled = CompiledExpression::new(expression, types?, |_, _| {
            let answer = answers.next().ok_or_else(|| malformed("the value of a size query is missing"))?;
            Ok(Some((*answer, None)))
        })?;
        let plan = Plan(compiled);
        self.check(&plan)?;
        Ok(plan)
    }

    fn algebra(&self, user: Option<(Algebra, Option<UserSemiring>)>) -> Result<(Algebra, Option<UserSemiring>), Error> {
        let named = |algebra: &Algebra| algebra.to_string() == self.algebra;
        let builtin = || ALGEBRAS.into_iter().map(IntoAlgebra::into_algebra).find(|(algebra, _)| named(algebra));
        let found = user.filter(|(algebra, _)| named(algebra)).or_else(builtin);
        Ok(found.ok_or_else(|| RecipeProblem::Algebra(self.algebra.clone()))?)
    }

    /// The order to plan with. In version 1, several contractions, or slices, are searched again with the saved
    /// strategy, which must find the same order.
    fn order(&mut self) -> Result<Order, Error> {
        match (self.version, &self.paths[..], self.order.take()) {
            (PATHS_ALONE, _, Value::String(name)) => Ok(name.parse()?),
            (PATHS_ALONE, [path], _) => Ok(Order::Ssa(path.clone())),
            (PATHS_ALONE, ..) => Ok(Order::default()),
            (_, _, order) => match Order::from_value(order) {
                Ok(saved @ Order::Saved(_)) => Ok(saved),
                Ok(_) => Err(malformed("the order has no network").into()),
                Err(FormatError::Path(error)) => Err(OrderError::from(error).into()),
                Err(error) => Err(malformed(error).into()),
            },
        }
    }

    fn machine(&self) -> Result<Machine, Error> {
        match &self.machine {
            Value::Null => Ok(Machine::default()),
            machine => Ok(machine_from_json(&machine.to_string()).map_err(malformed)?),
        }
    }

    fn check(&self, plan: &Plan) -> Result<(), Error> {
        let planned = RecordedCost::from(plan.cost());
        let paths = plan.compiled().forms(plan.0.ir()).without_selections().flat_map(|found| found.tree.steps());
        let same_path = self.version != PATHS_ALONE || paths.eq(self.paths.iter().flatten());
        if same_path && planned == self.cost {
            return Ok(());
        }
        Err(RecipeProblem::Cost { recorded: self.cost.flops.clone(), planned: planned.flops }.into())
    }
}

impl LanguageOptions {
    fn of(options: &Options, answers: &[i64]) -> LanguageOptions {
        let policy = |policy: &OutOfRange| policy.name().to_string();
        LanguageOptions {
            acc: options.acc.map(|dtype| dtype.name().into()),
            sizes: options.sizes.clone(),
            out_of_range: Some(&options.out_of_range).filter(|p| **p != OutOfRange::Error).map(policy),
            out_of_range_in: options.policy.iter().map(|(name, p)| (name.clone(), policy(p))).collect(),
            fill: options.fill.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            outputs: options.outputs.clone(),
            answers: answers.to_vec(),
        }
    }

    fn options(&self) -> Result<Options, RecipeProblem> {
        let dtype = |name: &String| Dtype::from_name(name).ok_or_else(|| RecipeProblem::Dtype(name.clone()));
        let unknown = |what: &str| malformed(format!("`{what}` is not understood"));
        let policy = |name: &String| OutOfRange::from_name(name).ok_or_else(|| unknown(name));
        let number = |text: &String| text.parse::<Literal>().map_err(|_| unknown(text));
        Ok(Options {
            acc: self.acc.as_ref().map(dtype).transpose()?,
            sizes: self.sizes.clone(),
            out_of_range: self.out_of_range.as_ref().map_or(Ok(OutOfRange::Error), policy)?,
            policy: read_all(&self.out_of_range_in, policy)?,
            fill: read_all(&self.fill, number)?,
            outputs: self.outputs.clone(),
            ..Options::default()
        })
    }
}

/// Parses the values of a table.
fn read_all<T>(
    table: &BTreeMap<String, String>,
    read: impl Fn(&String) -> Result<T, RecipeProblem>,
) -> Result<BTreeMap<String, T>, RecipeProblem> {
    table.iter().map(|(name, text)| Ok((name.clone(), read(text)?))).collect()
}

impl RecordedOperand {
    fn tensor_type(&self, algebra: Algebra) -> Result<TensorType, RecipeProblem> {
        let dtype = match algebra {
            Algebra::User(user) if user.element.name() == self.dtype => Some(user.element),
            _ => Dtype::from_name(&self.dtype),
        };
        let dtype = dtype.ok_or_else(|| RecipeProblem::Dtype(self.dtype.clone()))?;
        Ok(TensorType { name: None, dtype, shape: self.shape.as_slice().into(), conj: self.conj })
    }
}
