//! The language of einfold: from text to the intermediate representation.
//!
//! The crate has two main types. An [`Ast`] is the parsed text; an [`Error`] describes what is wrong, with spans.
//! [`parse`] reads a text, and [`resolve`] lowers it for operands of given types. The language has three levels:
//! 1. letters, NumPy's subscript strings: `ij,jk->ik`, with any Unicode letter as a label and with parentheses that fix the
//!    order of contraction, `(ij,jk),kl->il`;
//! 2. named subscripts, `[batch q d], [batch k d] -> [batch q k]`;
//! 3. programs, `Y[seg[n],f] += X[n,f]`: several statements, sums, functions, gathers and scatters.
//!
//! [`resolve`] lowers all levels to one form, a module of contractions. The grammar is `grammar/einfold.ebnf`.

mod ast;
mod edit;
mod error;
mod integers;
mod labels;
mod names;
mod parse;
mod render;
mod resolve;
mod span;
mod suggest;
mod text;
mod warning;

pub use ast::{
    Access, Affine, Assign, Ast, Atom, AxisSize, Call, Definition, Ellipsis, Expr, ExprKind, Factor, Group, Index,
    IndexTerm, IndexTermKind, Integer, Label, LabelName, LeftIndex, Merged, Name, Named, NamedAxis, NamedTerm, Names,
    NumberKind, Output, Program, Sign, Size, SizeOf, Spelling, Statement, Subscripts, Summand, Term,
};
pub use error::{
    Error, ErrorKind, Feature, FoundToken, LabeledAxis, NameClass, SizeProblem, SizeRule, SyntaxProblem, TypeProblem,
};
pub use integers::from_labels;
pub use labels::is_label;
pub use render::{Note, Report, Severity, cut, cut_quotation};
pub use resolve::{AnswerQuery, Options, SizeQuery, resolve, resolve_labels, resolve_to_product, resolve_with_queries};
pub use span::Span;
pub use text::{parse, parse_spaced};
pub use warning::{Warning, WarningKind};

/// The maximal length of a text in bytes.
pub const MAX_TEXT: usize = 1 << 24;

/// The maximal nesting depth of parentheses, brackets and signs.
pub const MAX_DEPTH: usize = 128;
