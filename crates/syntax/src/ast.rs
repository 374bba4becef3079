//! The syntax tree: the text as written, with the span of each part.

mod keywords;
mod letters;
mod name;
mod named;
mod names;
mod program;

pub use keywords::{Assign, Sign};
pub(crate) use keywords::{FUNCTIONS, accepts, function, is_reserved};
pub(crate) use letters::Builder;
pub use letters::{Ellipsis, Group, Label, LabelName, Output, Spelling, Subscripts, Term};
pub use name::Name;
pub(crate) use name::NameTable;
pub use named::{Merged, Named, NamedAxis, NamedTerm};
pub use names::{Definition, NameClass, Names};
pub use program::{
    Access, Affine, Atom, AxisSize, Call, Expr, ExprKind, Factor, Index, IndexTerm, IndexTermKind, Integer, LeftIndex,
    NumberKind, Program, Size, SizeOf, Statement, Summand,
};

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// The parsed form of a text, shared by its clones. It keeps the text's structure; [`Display`] prints the canonical
/// form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ast {
    /// Level 1: a NumPy subscript string, one character per label.
    Letters(Arc<Subscripts>),
    /// Level 2: terms of named axes in brackets.
    Named(Arc<Named>),
    /// Level 3: statements.
    Program(Arc<Program>),
}

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Ast::Letters(subscripts) => subscripts.fmt(f),
            Ast::Named(named) => named.fmt(f),
            Ast::Program(program) => program.fmt(f),
        }
    }
}
