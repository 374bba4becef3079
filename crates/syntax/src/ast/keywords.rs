//! The words and signs that programs give a meaning: functions, assignments, `+` and `-`.

use einfold_ir::Function;
use std::fmt::{self, Display, Formatter};

/// How a statement combines what its points contribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assign {
    /// `=`: sums of products, each term over its own axes.
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
    /// How it is written.
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

    /// The assignment that is this word with `=` directly behind it.
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

/// Whether something is added or subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// `+`, or nothing before the first.
    Plus,
    /// `-`
    Minus,
}

/// The functions that can be called in a program.
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

/// The function that is called by this word.
pub(crate) fn function(word: &str) -> Option<Function> {
    FUNCTIONS.into_iter().find(|f| f.name() == word)
}

/// Whether a call of `function` may have this many arguments: `max` and `min` take any number from two on.
pub(crate) fn accepts(function: Function, arguments: usize) -> bool {
    match function {
        Function::Max | Function::Min => arguments >= 2,
        _ => arguments == function.arity(),
    }
}

/// Whether no name of a program may be this word. `re` and `im` may: they are functions before `(` only, because real and
/// imaginary parts are often called so.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(word, "size" | "lse" | "mean") || function(word).is_some_and(|f| !matches!(f, Function::Re | Function::Im))
}
