//! An expression: what is to be computed, whatever the operands.

use crate::cache;
use crate::dynamic::{self, CallOptions};
use crate::error::{Error, ErrorKind};
use crate::operand::Operands;
use crate::output::Outputs;
use crate::plan::Plan;
use crate::program::Program;
use crate::settings::Settings;
use crate::spec::Specs;
use einfold_exec::RunStopped;
use einfold_plan::{NamedNetwork, PlanError, named_network};
use einfold_syntax::{Assign, Ast, Span};
use std::fmt;

/// A parsed expression with its options, ready to be planned for operands of any shape.
///
/// Some options belong to its meaning: [`strict`](Expression::strict), [`algebra`](Expression::algebra),
/// [`acc`](Expression::acc), [`size`](Expression::size), [`out_of_range`](Expression::out_of_range),
/// [`fill`](Expression::fill) and [`outputs`](Expression::outputs). The others say how it is evaluated, never what the result is
/// up to rounding.
///
/// ```
/// use einfold::{Expression, algebra::MinPlus};
/// use einfold::ndarray::{Array2, array};
///
/// let inf = f64::INFINITY;
/// let w = array![[0.0, 3.0, inf], [inf, 0.0, 1.0], [2.0, inf, 0.0]];
/// let two_steps: Array2<f64> = Expression::new("ij,jk->ik")?.algebra(MinPlus).run((&w, &w))?;
/// assert_eq!(two_steps, array![[0.0, 3.0, 4.0], [3.0, 0.0, 1.0], [2.0, 5.0, 0.0]]);
/// # Ok::<(), einfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expression {
    pub(crate) ast: Ast,
    /// Whether the text is named subscripts without brackets.
    pub(crate) spaced: bool,
    pub(crate) settings: Settings,
}

impl Expression {
    /// Parses a text: letters such as `ij,jk->ik`, named subscripts such as `[row col], [col] -> [row]`, or a program such as
    /// `Y[seg[n]] += X[n]`. A text with `=` is a program, else one with `[` is named subscripts.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`], which points at the place in the text.
    pub fn new(text: &str) -> Result<Expression, Error> {
        Ok(Expression::of(einfold_syntax::parse(text)?))
    }

    /// Parses named subscripts without brackets, as einops writes them: white space separates axes, commas separate operands.
    ///
    /// ```
    /// use einfold::Expression;
    /// use einfold::ndarray::{Array1, array};
    ///
    /// let (a, w) = (array![[1.0, 2.0], [3.0, 4.0]], array![1.0, 10.0]);
    /// let y: Array1<f64> = Expression::spaced("batch i, i -> batch")?.run((&a, &w))?;
    /// assert_eq!(y, array![21.0, 43.0]);
    /// # Ok::<(), einfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Expression::new).
    pub fn spaced(text: &str) -> Result<Expression, Error> {
        Ok(Expression { spaced: true, ..Expression::of(einfold_syntax::parse_spaced(text)?) })
    }

    fn of(ast: Ast) -> Expression {
        Expression { ast, spaced: false, settings: Settings::default() }
    }

    /// The expression with these integer labels for each operand and for the output, without text: any number of labels.
    /// Without an output it has the labels that are used exactly once, in ascending order.
    ///
    /// # Errors
    /// As [`new`](Expression::new); places are in the printed form, `[0 1], [1 2] -> [0 2]`.
    pub fn labels(operands: &[&[u32]], output: Option<&[u32]>) -> Result<Expression, Error> {
        Ok(Expression::of(einfold_syntax::from_labels(operands, output)?))
    }

    /// The source: the text as it was given, or the printed form of integer labels.
    pub fn text(&self) -> &str {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.text(),
            Ast::Named(named) => named.text(),
            Ast::Program(program) => program.text(),
            _ => "",
        }
    }

    /// The names of the operands of a program, in the order in which they are passed without names. Subscripts have none.
    pub fn input_names(&self) -> Vec<&str> {
        match &self.ast {
            Ast::Program(program) => program.names().inputs().iter().map(|&id| program.name(id)).collect(),
            _ => Vec::new(),
        }
    }

    /// The names of the results of a program, in their order: those that are asked for, else those that it never reads.
    /// Subscripts have none.
    pub fn output_names(&self) -> Vec<&str> {
        match (&self.ast, &self.settings.options.outputs) {
            (Ast::Program(_), Some(asked)) => asked.iter().map(String::as_str).collect(),
            (Ast::Program(program), None) => program.names().outputs().iter().map(|&id| program.name(id)).collect(),
            _ => Vec::new(),
        }
    }

    /// The name of the result at a position, if results have names.
    pub(crate) fn output_name(&self, k: usize) -> Option<&str> {
        match (&self.ast, &self.settings.options.outputs) {
            (Ast::Program(_), Some(asked)) => asked.get(k).map(String::as_str),
            (Ast::Program(program), None) => program.names().outputs().get(k).map(|&id| program.name(id)),
            _ => None,
        }
    }

    /// The names that a program defines, results and others, in the order of the text.
    pub fn defined_names(&self) -> Vec<&str> {
        match &self.ast {
            Ast::Program(program) => program.names().definitions().iter().map(|d| program.name(d.name)).collect(),
            _ => Vec::new(),
        }
    }

    /// Plans for operands of these types, in the order of the operands of a call or with names.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`] where the types do not fit the expression, and where a shape depends on the values of ids;
    /// [`ErrorKind::Names`] where their names do not; [`ErrorKind::Order`] where there is no order; [`ErrorKind::Plan`] where it
    /// would need more memory than allowed or addressable.
    pub fn plan(&self, types: impl Specs) -> Result<Plan, Error> {
        let types = self.arrange_types(types.into_types())?;
        Ok(Plan::new(self.clone(), Program::compile(self, types)?, None))
    }

    /// The network that an order is searched for, to search one apart from planning. The expression can then be given the
    /// [`ssa_path`](Expression::ssa_path) that was found.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan); [`PlanError::OnePath`](crate::errors::PlanError::OnePath) where several contractions have an
    /// order to choose.
    pub fn network(&self, types: impl Specs) -> Result<NamedNetwork, Error> {
        self.check_options()?;
        let types = self.arrange_types(types.into_types())?;
        Ok(named_network(&self.resolve(&types)?, self.settings.passes)?)
    }

    /// Plans for operands of the types of these.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan).
    pub fn plan_for(&self, operands: impl Operands) -> Result<Plan, Error> {
        self.plan(operands.arguments().arguments().types())
    }

    /// Plans for these operands: a size that only ids tell, as in `Y[g[n]] += x[n]`, is the one that these ids give. The plan runs
    /// on other operands as well, and an id beyond that size is then out of range.
    ///
    /// # Errors
    /// As [`plan`](Expression::plan), but for shapes that depend on ids, and as [`Plan::run`] where those are looked up.
    pub fn plan_with(&self, operands: impl Operands) -> Result<Plan, Error> {
        dynamic::plan_with(self, operands.arguments().arguments())
    }

    /// Plans and runs. Sizes that only index tensors tell are looked up. The plan is [cached](crate::cache).
    ///
    /// # Errors
    /// As [`plan`](Expression::plan) and [`Plan::run`].
    pub fn run<A: Outputs>(&self, operands: impl Operands) -> Result<A, Error> {
        let operands = operands.arguments();
        let plan = cache::plan(self, operands.arguments())?;
        A::fits(&plan)?;
        A::receive(dynamic::call(&plan, operands.arguments(), CallOptions::default())?, &plan)
    }

    /// How many operands there are.
    pub fn operands(&self) -> usize {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.terms().len(),
            Ast::Named(named) => named.terms().len(),
            Ast::Program(program) => program.names().inputs().len(),
            _ => 0,
        }
    }

    /// Whether `alpha` and `beta` have a meaning: the value is one, and summed.
    pub(crate) fn is_scalable(&self) -> bool {
        let Ast::Program(program) = &self.ast else { return true };
        let summed = |name: &str| {
            let definition = program.names().definitions().iter().find(|d| program.name(d.name) == name);
            definition.is_some_and(|d| matches!(d.assign, Assign::Equal | Assign::Add))
        };
        matches!(self.output_names()[..], [name] if summed(name))
    }

    /// Where operand `k` is written first.
    fn place(&self, operand: usize) -> Option<Span> {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.terms().get(operand).map(|term| term.span),
            Ast::Named(named) => named.terms().get(operand).map(|term| term.span),
            Ast::Program(program) => program.names().inputs().get(operand).map(|&id| program.first(id)),
            _ => None,
        }
    }

    /// Why there is no plan: a tensor that is too large by the name that the text has for it, and where that is written.
    pub(crate) fn unplanned(&self, mut error: PlanError) -> Error {
        let PlanError::TooLarge(excess) = &mut error else { return error.into() };
        let is_result = excess.tensor.as_ref().is_none_or(|tensor| tensor.is_result);
        let span = match &self.ast {
            Ast::Program(program) => {
                let defined = program.names().definitions().iter().find(|d| program.name(d.name) == &*excess.label);
                defined.map(|d| program.statements()[d.statements[0]].span)
            }
            ast => {
                let single = excess.axes.iter().all(|label| label.chars().count() == 1);
                let labels: Vec<&str> = excess.axes.iter().map(|label| &**label).collect();
                excess.label = labels.join(if single { "" } else { " " }).into();
                match ast {
                    Ast::Letters(subscripts) => subscripts.output().map(|output| output.term.span),
                    Ast::Named(named) => Some(named.output().span),
                    _ => None,
                }
                .filter(|_| is_result)
            }
        };
        let error = Error::from(error);
        match span {
            Some(span) => error.at(self.text(), span),
            None => error,
        }
    }

    /// An error about an operand, with the place where that is written.
    pub(crate) fn point(&self, error: Error) -> Error {
        let operand = match error.kind() {
            ErrorKind::Stopped(RunStopped::IndexOutOfRange(id)) => {
                self.input_names().iter().position(|name| *name == &*id.index_tensor)
            }
            other => other.operand(),
        };
        match operand.and_then(|operand| self.place(operand)) {
            Some(span) => error.at(self.text(), span),
            None => error,
        }
    }
}

impl fmt::Display for Expression {
    /// The canonical form: without white space, or as lists of integers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)
    }
}
