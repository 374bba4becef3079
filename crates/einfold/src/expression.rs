//! Expressions: parsed texts with options, independent of operands.

use crate::error::{Error, ErrorKind};
use einfold_exec::{BindError, RunStopped, UserSemiring};
use einfold_order::{Budget, Order};
use einfold_plan::{PassSet, PlanError};
use einfold_syntax::{Assign, Ast, Options, Span};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// A parsed text with its options, which can be planned for operands of any shape.
///
/// These options change the result: [`strict`](Expression::strict), [`algebra`](Expression::algebra),
/// [`acc`](Expression::acc), [`size`](Expression::size), [`out_of_range`](Expression::out_of_range),
/// [`fill`](Expression::fill) and [`outputs`](Expression::outputs). All others change only how it is computed; results
/// are equal up to rounding.
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
    pub(crate) parser: Parser,
    /// The settings, which clones share.
    pub(crate) settings: Arc<Settings>,
}

/// The parser that read the text of an expression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Parser {
    /// [`Expression::new`].
    Text,
    /// [`Expression::spaced`].
    Spaced,
    /// [`Expression::labels`].
    Labels,
}

impl Expression {
    /// Parses a text: letters such as `ij,jk->ik`, named subscripts such as `[row col], [col] -> [row]`, or a program
    /// such as `Y[seg[n]] += X[n]`. A text with `=` is a program; otherwise a text with `[` is named subscripts; all
    /// others are letters.
    ///
    /// # Errors
    /// [`ErrorKind::Expression`] with the position in the text.
    pub fn new(text: &str) -> Result<Expression, Error> {
        Ok(Expression::of(einfold_syntax::parse(text)?, Parser::Text))
    }

    /// Parses named subscripts without brackets, as in einops: white space separates axes, commas separate operands.
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
        Ok(Expression::of(einfold_syntax::parse_spaced(text)?, Parser::Spaced))
    }

    fn of(ast: Ast, parser: Parser) -> Expression {
        Expression { ast, parser, settings: DEFAULT_SETTINGS.clone() }
    }

    /// Makes an expression from integer labels, a list for each operand and one for the output; the number of labels is
    /// not limited. Without an output, the output has the labels that are used exactly once, in ascending order.
    ///
    /// # Errors
    /// As [`new`](Expression::new); spans refer to the printed form, `[0 1], [1 2] -> [0 2]`.
    pub fn labels(operands: &[&[u32]], output: Option<&[u32]>) -> Result<Expression, Error> {
        Ok(Expression::of(einfold_syntax::from_labels(operands, output)?, Parser::Labels))
    }

    /// The text as it was passed, or the printed form of integer labels.
    pub fn text(&self) -> &str {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.text(),
            Ast::Named(named) => named.text(),
            Ast::Program(program) => program.text(),
        }
    }

    /// The names of the operands of a program, in the order in which operands without names are passed. Subscripts have
    /// no names.
    pub fn input_names(&self) -> Vec<&str> {
        let Ast::Program(program) = &self.ast else { return Vec::new() };
        program.names().inputs().iter().map(|&id| program.name(id)).collect()
    }

    /// The names of the results of a program, in order: the selected [`outputs`](Expression::outputs), or the names
    /// that the program never reads. Subscripts have no names.
    pub fn output_names(&self) -> Vec<&str> {
        (0..).map_while(|k| self.output_name(k)).collect()
    }

    /// The name of the result at a position, in a program.
    pub(crate) fn output_name(&self, k: usize) -> Option<&str> {
        match (&self.ast, &self.settings.options.outputs) {
            (Ast::Program(_), Some(asked)) => asked.get(k).map(String::as_str),
            (Ast::Program(program), None) => program.names().outputs().get(k).map(|&id| program.name(id)),
            _ => None,
        }
    }

    /// All names that a program defines, in the order of the text.
    pub fn defined_names(&self) -> Vec<&str> {
        let Ast::Program(program) = &self.ast else { return Vec::new() };
        program.names().definitions().iter().map(|definition| program.name(definition.name)).collect()
    }

    /// The number of operands.
    pub fn operands(&self) -> usize {
        self.operand_spans().len()
    }

    /// The span of the first occurrence of each operand.
    fn operand_spans(&self) -> Vec<Span> {
        match &self.ast {
            Ast::Letters(subscripts) => subscripts.terms().iter().map(|term| term.span).collect(),
            Ast::Named(named) => named.terms().iter().map(|term| term.span).collect(),
            Ast::Program(program) => program.names().inputs().iter().map(|&id| program.first(id)).collect(),
        }
    }

    /// Whether `alpha` and `beta` are supported: the expression has one result, which is a sum.
    pub(crate) fn is_scalable(&self) -> bool {
        let Ast::Program(program) = &self.ast else { return true };
        let summed = |name: &str| {
            let definition = program.names().definitions().iter().find(|d| program.name(d.name) == name);
            definition.is_some_and(|d| matches!(d.assign, Assign::Equal | Assign::Add))
        };
        matches!(self.output_names()[..], [name] if summed(name))
    }

    /// Converts a planning error; a tensor that is too large gets its name and span in the text.
    pub(crate) fn unplanned(&self, mut error: PlanError) -> Error {
        let PlanError::TooLarge(excess) = &mut error else { return error.into() };
        let is_result = excess.tensor.as_ref().is_none_or(|tensor| tensor.is_result);
        if !matches!(self.ast, Ast::Program(_)) {
            let single = excess.axes.iter().all(|label| label.chars().count() == 1);
            let labels: Vec<&str> = excess.axes.iter().map(|label| &**label).collect();
            excess.label = labels.join(if single { "" } else { " " }).into();
        }
        let span = match &self.ast {
            Ast::Program(program) => {
                let defined = program.names().definitions().iter().find(|d| program.name(d.name) == &*excess.label);
                defined.map(|d| program.statements()[d.statements[0]].span)
            }
            Ast::Letters(subscripts) if is_result => subscripts.output().map(|output| output.term.span),
            Ast::Named(named) if is_result => Some(named.output().span),
            _ => None,
        };
        Error::from(error).at(self.text(), span)
    }

    /// Adds the span of the operand that the error is about.
    pub(crate) fn point(&self, mut error: Error) -> Error {
        let operand = match error.kind() {
            ErrorKind::Stopped(RunStopped::IndexOutOfRange(index)) => {
                self.input_names().iter().position(|name| *name == &*index.index_tensor)
            }
            ErrorKind::Bind(BindError::Operands { expected, found }) if found < expected => Some(*found),
            _ => error.operand_mut().copied(),
        };
        let span = operand.and_then(|operand| self.operand_spans().get(operand).copied());
        error.at(self.text(), span)
    }
}

impl fmt::Display for Expression {
    /// Writes the canonical form: without white space, or as lists of integers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)
    }
}

/// The default settings, which expressions without options share.
pub(crate) static DEFAULT_SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);

/// The options of an [`Expression`].
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

/// Settings are equal if they lead to the same plan. The semiring is determined by the algebra, one of the options.
impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        let Settings { options, semiring: _, order, budget, passes } = self;
        (options, order, budget, passes) == (&other.options, &other.order, &other.budget, &other.passes)
    }
}
