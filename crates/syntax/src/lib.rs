//! The language of einfold: from what the user wrote to the intermediate representation.
//!
//! Two nouns: an [`Ast`] is what was written, faithful to the text; an [`Error`] is what is wrong with it, with its place.
//! [`parse`] reads a text, [`resolve`] says what it means for operands of given types. Level 1 of the language is NumPy's subscript strings, `ij,jk->ik`, with any Unicode letter as a
//! label and with parentheses that fix the order of contraction, `(ij,jk),kl->il`. The grammar is `grammar/einfold.ebnf`.

mod ast;
mod error;
mod integers;
mod labels;
mod parse;
mod render;
mod resolve;
mod span;

pub use ast::{Ast, Ellipsis, Group, Label, LabelName, Output, Spelling, Subscripts, Term};
pub use error::{Error, ErrorKind, Holder, Level, SizeRule, SyntaxProblem};
pub use integers::from_labels;
pub use labels::is_label;
pub use parse::parse;
pub use render::{Note, Report};
pub use resolve::{Options, resolve, resolve_labels};
pub use span::Span;

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 1 << 24;

/// How deep parentheses may be nested.
pub const MAX_DEPTH: usize = 128;
