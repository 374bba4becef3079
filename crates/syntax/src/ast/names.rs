//! Level 3: the names of a program.

use super::Assign;
use std::fmt::{self, Display, Formatter};

/// The classes of the names of a program, by number.
///
/// A name has one class in the whole program: a name that is an index without brackets is an axis, a name after `:` is
/// a size parameter, every other name is a tensor. A tensor that no statement defines is an input. A name is defined by
/// one `=`, or by several statements with the same other assignment, all before its first read. Index tensors are
/// inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub(crate) classes: Vec<NameClass>,
    pub(crate) inputs: Vec<u32>,
    pub(crate) sizes: Vec<u32>,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) outputs: Vec<u32>,
}

/// A defined name with its statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The number of the name.
    pub name: u32,
    /// The assignment of all its statements.
    pub assign: Assign,
    /// The positions of its statements, ascending; at least one, exactly one for `=`.
    pub statements: Vec<usize>,
}

impl Names {
    /// The classes of the names, by number.
    pub fn classes(&self) -> &[NameClass] {
        &self.classes
    }

    /// The tensors that no statement defines, in order of first appearance.
    pub fn inputs(&self) -> &[u32] {
        &self.inputs
    }

    /// The size parameters, in order of first appearance.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The definitions, in the order of their first statements.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The defined names that no statement reads (`size(…)` counts as a read), in the order of their first statements.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }
}

/// The class of a name of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameClass {
    /// An axis: the name is an index without brackets.
    Axis,
    /// A tensor: the name is read or written.
    Tensor,
    /// A size parameter: the name stands after `:`.
    Size,
}

impl Display for NameClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameClass::Axis => "an axis",
            NameClass::Tensor => "a tensor",
            NameClass::Size => "a size",
        })
    }
}
