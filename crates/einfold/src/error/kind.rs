//! The kinds of errors, with their details.

use einfold_exec::{BindError, PlanSlot, RunError, RunStopped, ViewError};
use einfold_ir::Dtype;
use einfold_order::{OrderError, OrderMismatch};
use einfold_plan::PlanError;
use thiserror::Error;

use super::problem::{ConstantsProblem, NamesProblem, RecipeProblem};

/// The kind of an error, by stage. Operands, outputs and axes are numbered from 0 here and from 1 in messages.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not valid, or does not match the types of its operands.
    #[error(transparent)]
    Expression(einfold_syntax::ErrorKind),
    /// No contraction order satisfies the options.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Planning failed: the plan would need too much memory, or a path is not valid.
    #[error(transparent)]
    Plan(PlanError),
    /// Operands or outputs of a call do not match the plan.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The run stopped before its end.
    #[error(transparent)]
    Stopped(#[from] RunStopped),
    /// A slice does not hold a tensor of the given shape and strides, or cannot be written to.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The conjugation of an operand differs from the plan.
    #[error("the plan {}, this call does not", if *planned { "conjugates the operand" } else { "reads the operand as it is" })]
    Conj {
        /// The number of the operand.
        operand: usize,
        /// Whether the plan conjugates the operand.
        planned: bool,
    },
    /// The requested element type differs from the dtype of the result.
    #[error("the result is of type {given}, not {asked}")]
    OutputDtype {
        /// The number of the output.
        output: usize,
        /// The requested dtype.
        asked: Dtype,
        /// The dtype of the result.
        given: Dtype,
    },
    /// The requested rank differs from the rank of the result.
    #[error("the result has {}, not {asked}", counted(*given, "axis", "axes"))]
    OutputRank {
        /// The number of the output.
        output: usize,
        /// The requested rank.
        asked: usize,
        /// The rank of the result.
        given: usize,
    },
    /// A result with a user-defined element type was requested as one of a built-in type.
    #[error("the result is of type {given}, which is not built in")]
    NotBuiltin {
        /// The number of the output.
        output: usize,
        /// The dtype of the result.
        given: Dtype,
    },
    /// The requested number of results differs from the number of results of the expression.
    #[error("the expression has {}, {asked} asked for", counted(*given, "result", "results"))]
    OutputCount {
        /// The requested number.
        asked: usize,
        /// The number of results of the expression.
        given: usize,
    },
    /// Names of operands or results are not valid.
    #[error(transparent)]
    Names(#[from] NamesProblem),
    /// Operands cannot be bound as constants.
    #[error(transparent)]
    Constants(#[from] ConstantsProblem),
    /// A call has `alpha` or `beta`, and the program does not support these factors.
    #[error("`alpha` and `beta` scale the value of subscripts, or of a program of one result and only `=` or `+=`")]
    NotScalable,
    /// A text is not a valid recipe, or not a recipe of this plan.
    #[error("the recipe cannot be used: {0}")]
    Recipe(#[from] RecipeProblem),
}

impl ErrorKind {
    /// The name of the kind in kebab case. Names are stable.
    pub fn code(&self) -> &'static str {
        match self {
            ErrorKind::Expression(kind) => kind.code(),
            ErrorKind::Order(OrderError::Mismatch { what: OrderMismatch::Memory { .. }, .. }) => "memory",
            ErrorKind::Order(OrderError::Path(_) | OrderError::Mismatch { .. }) => "path",
            ErrorKind::Order(OrderError::TooLarge { .. }) => "memory",
            ErrorKind::Order(_) => "order",
            ErrorKind::Plan(PlanError::TooLarge(_)) => "memory",
            ErrorKind::Plan(
                PlanError::Leaves { .. }
                | PlanError::OnePath { .. }
                | PlanError::Selections { .. }
                | PlanError::Slices { .. },
            ) => "path",
            ErrorKind::Plan(_) => "internal",
            ErrorKind::Bind(error) => bind_code(error),
            ErrorKind::Stopped(RunStopped::Cancelled) => "cancelled",
            ErrorKind::Stopped(_) => "index-out-of-range",
            ErrorKind::View(ViewError::Overlap { .. }) => "overlap",
            ErrorKind::View(_) => "view",
            ErrorKind::Conj { .. } => "conj",
            ErrorKind::OutputDtype { .. } | ErrorKind::NotBuiltin { .. } => "output-dtype",
            ErrorKind::OutputRank { .. } => "output-rank",
            ErrorKind::OutputCount { .. } => "outputs",
            ErrorKind::Names(_) => "names",
            ErrorKind::Constants(_) => "constants",
            ErrorKind::NotScalable => "scale",
            ErrorKind::Recipe(_) => "recipe",
        }
    }

    /// The name of the kind as in the language definition: `Size` for `size`, `IndexOutOfRange` for
    /// `index-out-of-range`, `DType` for `dtype`.
    pub fn name(&self) -> String {
        let word = |word: &str| match (word, word.split_at_checked(1)) {
            ("dtype", _) => "DType".to_string(),
            (_, Some((first, rest))) => first.to_uppercase() + rest,
            (_, None) => String::new(),
        };
        self.code().split('-').map(word).collect()
    }

    /// Whether the only problem is memory: it cannot be allocated, or exceeds the limit.
    pub fn is_limit(&self) -> bool {
        matches!(self.code(), "memory" | "too-large")
    }

    /// How to fix the error.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            ErrorKind::OutputDtype { given, .. } => {
                return Some(format!("name an array of {given}, or `AnyArray`, which fits every type"));
            }
            ErrorKind::OutputRank { given, .. } => {
                let axes = counted(*given, "axis", "axes");
                return Some(format!("name an array of {axes}, `ArrayD` or `AnyArray`"));
            }
            ErrorKind::Names(problem) => return problem.help(),
            ErrorKind::Plan(PlanError::TooLarge(excess)) => return Some(excess.help()),
            ErrorKind::Bind(error) => return bind_help(error),
            ErrorKind::Expression(einfold_syntax::ErrorKind::UnknownSize { .. }) => {
                "letters take their sizes from the operands; name the axes, as in `[i j] -> [j]`, to say sizes"
            }
            ErrorKind::Conj { planned: true, .. } => "pass `conj(operand)`, or make a plan without it",
            ErrorKind::Conj { planned: false, .. } => "make the plan for `conj(operand)`",
            ErrorKind::NotBuiltin { .. } => "name an array of that type",
            ErrorKind::OutputCount { .. } => {
                "name a tuple of as many types, `Vec<AnyArray>` or `Results`; `outputs` chooses by name"
            }
            ErrorKind::Constants(ConstantsProblem::Again) => "give all constants at once, to the plan without any",
            ErrorKind::Constants(ConstantsProblem::Name { .. }) => {
                "give constants in the order of their positions; names do not change it"
            }
            ErrorKind::Constants(_) => "give the positions of operands, each once, and as many operands",
            ErrorKind::NotScalable => "write the factors into the program, or scale the result",
            ErrorKind::Order(OrderError::Mismatch { what, .. }) => match what {
                OrderMismatch::Memory { .. } | OrderMismatch::Largest { .. } => {
                    "search an order for this limit, or leave the limit out"
                }
                _ => "search an order for this expression and these shapes",
            },
            ErrorKind::Plan(PlanError::OnePath { .. }) => {
                "give the order of a plan (`Plan::order`, or what `explain --format json` prints), which has all of them"
            }
            ErrorKind::Stopped(RunStopped::IndexOutOfRange(_)) => {
                "let such ids be dropped or wrap (`--oor`, in the library `out_of_range`), or declare a larger size"
            }
            ErrorKind::View(ViewError::Overlap { .. }) => "write to a tensor whose positions are distinct elements",
            ErrorKind::Recipe(RecipeProblem::Cost { .. } | RecipeProblem::Version { .. }) => {
                "make the plan again from its expression, and save that"
            }
            _ => return None,
        };
        Some(help.into())
    }
}

/// The number with its noun: `1 axis`, `2 axes`.
fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn bind_code(error: &BindError) -> &'static str {
    match error {
        BindError::Operands { .. } => "operands",
        BindError::Outputs { .. } => "outputs",
        BindError::Dtype { .. } => "dtype",
        BindError::Shape { .. } => "shape",
        BindError::Uninitialised { .. } => "beta",
        BindError::Scalar { .. } => "scalar",
        BindError::TooLarge { .. } | BindError::Memory(_) => "memory",
        BindError::TooManyPoints { .. } => "too-large",
        _ => "unsupported",
    }
}

fn bind_help(error: &BindError) -> Option<String> {
    if let BindError::Operands { expected, found } | BindError::Outputs { expected, found } = *error {
        let noun = if matches!(error, BindError::Operands { .. }) { "operand" } else { "output" };
        return Some(match expected.checked_sub(found) {
            None => format!("leave out {noun} {}", expected + 1),
            Some(0 | 1) => format!("{noun} {expected} is missing"),
            Some(_) => format!("{noun}s {} to {expected} are missing", found + 1),
        });
    }
    let help = match error {
        BindError::Dtype { slot: PlanSlot::Operand(_), .. } | BindError::Shape { slot: PlanSlot::Operand(_), .. } => {
            "make a plan for these operands, or use `Expression::run`, which plans for what it is given"
        }
        BindError::Uninitialised { .. } => "write `into` an array that holds values, or leave `beta` out",
        BindError::Scalar { .. } => "give a number that the type of the result can hold",
        BindError::Unsupported { .. } => "convert the operands, or write a `Semiring` of your own",
        BindError::TooLarge { .. } => "pass operands in C order, for which the plan was made, or allow more",
        BindError::TooManyPoints { .. } | BindError::Memory(_) => "sum over an axis first, or split the work",
        _ => return None,
    };
    Some(help.into())
}

impl From<RunError> for ErrorKind {
    fn from(error: RunError) -> ErrorKind {
        match error {
            RunError::Bind(error) => ErrorKind::Bind(error),
            RunError::Stopped(error) => ErrorKind::Stopped(error),
        }
    }
}

impl From<PlanError> for ErrorKind {
    fn from(error: PlanError) -> ErrorKind {
        match error {
            PlanError::Order(error) => ErrorKind::Order(error),
            error => ErrorKind::Plan(error),
        }
    }
}
