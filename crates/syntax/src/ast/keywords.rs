//! Keywords and operators of programs: functions, assignments, `+` and `-`.

use einfold_ir::Function;
use std::fmt::{self, Display, Formatter};

/// The operator of a statement, which names its reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assign {
    /// `=`: sums each term over its own axes.
    Equal,
    /// `+=`
    Add,
    /// `*=`
    Multiply,
    /// `max=`
    Max,
    /// `min=`
    Min,
    /// `|=`
    Or,
    /// `&=`
    And,
    /// `lse=`: the logarithm of the sum of exponentials.
    LogSumExp,
    /// `mean=`
    Mean,
}

impl Assign {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            Assign::Equal => "=",
            Assign::Add => "+=",
            Assign::Multiply => "*=",
            Assign::Max => "max=",
            Assign::Min => "min=",
            Assign::Or => "|=",
            Assign::And => "&=",
            Assign::LogSumExp => "lse=",
            Assign::Mean => "mean=",
        }
    }

    /// The assignment written as this word followed by `=`.
    pub(crate) fn from_word(word: &str) -> Option<Assign> {
        match word {
            "max" => Some(Assign::Max),
            "min" => Some(Assign::Min),
            "lse" => Some(Assign::LogSumExp),
            "mean" => Some(Assign::Mean),
            _ => None,
        }
    }
}

impl Display for Assign {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// The sign of a summand or index term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// `+`, or no sign before the first.
    Plus,
    /// `-`
    Minus,
}

/// The functions of programs.
pub(crate) const FUNCTIONS: [Function; 17] = [
    Function::Exp,
    Function::Log,
    Function::Sqrt,
    Function::Abs,
    Function::Sign,
    Function::Tanh,
    Function::Sigmoid,
    Function::Sin,
    Function::Cos,
    Function::Pow,
    Function::Eq,
    Function::Where,
    Function::Max,
    Function::Min,
    Function::Conj,
    Function::Re,
    Function::Im,
];

/// The function with this name.
pub(crate) fn function(word: &str) -> Option<Function> {
    FUNCTIONS.into_iter().find(|f| f.name() == word)
}

/// Whether a call of `function` accepts this number of arguments: `max` and `min` accept two or more.
pub(crate) fn accepts(function: Function, arguments: usize) -> bool {
    match function {
        Function::Max | Function::Min => arguments >= 2,
        _ => arguments == function.arity(),
    }
}

/// Whether the word cannot be a name in a program. `re` and `im` can: they are functions only before `(`, since real
/// and imaginary parts often have these names.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(word, "size" | "lse" | "mean") || function(word).is_some_and(|f| !matches!(f, Function::Re | Function::Im))
}
