//! Errors about names.

use super::uses::{NameRole, NameUse};
use crate::ast::{Assign, Name, NameTable, Statement};
use crate::edit::{Edit, free};
use crate::error::{Error, ErrorKind, NameClass};
use crate::render::Note;
use crate::span::Span;

/// The context of errors about names: the text and its names.
pub(super) struct NameErrors<'a> {
    pub(super) text: &'a str,
    pub(super) table: &'a NameTable,
}

impl NameErrors<'_> {
    fn name(&self, id: u32) -> String {
        self.table.get(self.text, id).into()
    }

    fn error(&self, kind: ErrorKind, span: Span, note: impl Into<String>) -> Error {
        Error::new(kind, self.text).note(Note::new(span, note))
    }

    /// The error of a name with two classes, each with its first use.
    #[cold]
    pub(super) fn class(&self, one: (NameClass, &NameUse), other: (NameClass, &NameUse)) -> Error {
        let place = |(_, use_): (NameClass, &NameUse)| use_.name.span;
        let (first, second) = if place(one).start < place(other).start { (one, other) } else { (other, one) };
        let help = match (one.0, other.0) {
            (NameClass::Axis, NameClass::Tensor) => "an axis has no value in an expression; pass a tensor of positions",
            (NameClass::Axis, _) => "an index cannot contain a size: write the number, as in `y[i:3] = x[2-i]`",
            _ => "a size parameter is a number, not a tensor: give one of them another name",
        };
        let kind = ErrorKind::NameClass { name: self.name(one.1.name.id), first: first.0, second: second.0 };
        self.error(kind, place(second), second.0.to_string())
            .note(Note::new(place(first), first.0.to_string()))
            .help(help)
    }

    /// The error of a tensor used as an index without brackets.
    #[cold]
    pub(super) fn axis_and_tensor(&self, axis: &NameUse, tensor: &NameUse) -> Error {
        if tensor.role == NameRole::Bare {
            let error = self.class((NameClass::Axis, axis), (NameClass::Tensor, tensor));
            let positions = format!("{}[{}]", free(self.text, "p"), self.name(axis.name.id));
            let words = "with the positions 0, 1, 2, … as an operand";
            return error.candidate(words, Edit::new(self.text).replace(tensor.name.span, positions).finish());
        }
        let name = self.name(axis.name.id);
        let note = match tensor.role {
            NameRole::Written => "a tensor: it is defined here",
            NameRole::SizeOf => "a tensor: it has axes here",
            _ => "a tensor: it has indices here",
        };
        let help = format!("to gather, index it as well: `{name}[n]`; an axis needs a name of its own");
        self.error(ErrorKind::IndexIsTensor { name }, axis.name.span, "an axis here")
            .note(Note::new(tensor.name.span, note))
            .help(help)
    }

    /// The error of an index tensor that the program computes; `defined` is its definition.
    #[cold]
    pub(super) fn computed(&self, tensor: Name, defined: Span) -> Error {
        self.error(
            ErrorKind::IndexComputed { name: self.name(tensor.id) },
            tensor.span,
            "its elements are indices here",
        )
        .note(Note::new(defined, "computed here"))
        .help("an index tensor must be an operand: compute it in a separate run, and pass it under another name")
    }

    /// The error of a name read before its definition; `defined` is the definition.
    #[cold]
    pub(super) fn undefined(&self, read: Name, defined: Span) -> Error {
        let name = self.name(read.id);
        let (note, help) = if defined.start < read.span.start {
            (
                "defined by the same statement",
                format!("a statement cannot read what it defines; `{name} += …` adds to `{name}`"),
            )
        } else {
            ("defined only here", "write the statement that defines a name before those that read it".to_string())
        };
        self.error(ErrorKind::UnknownName { name }, read.span, "read here").note(Note::new(defined, note)).help(help)
    }

    /// The error of a second definition with another assignment, or by `=`.
    #[cold]
    pub(super) fn redefined(&self, first: &Statement, again: &Statement) -> Error {
        let name = self.name(again.name.id);
        let help = match (first.assign, again.assign) {
            (Assign::Equal, Assign::Equal) => {
                format!("`=` defines a name once; to add the values, write `{name} += …` in both")
            }
            _ => {
                "all statements that contribute to a name have the same assignment, and `=` defines it once".to_string()
            }
        };
        let error = self
            .error(ErrorKind::Redefined { name }, again.name.span, format!("by `{}` here", again.assign))
            .note(Note::new(first.name.span, format!("by `{}` here", first.assign)))
            .help(help);
        match (first.assign, again.assign) {
            (Assign::Equal | Assign::Add, Assign::Equal | Assign::Add) => {
                let sums = Edit::new(self.text).replace(first.operator, "+=").replace(again.operator, "+=");
                error.candidate("to add them", sums.finish())
            }
            _ => error,
        }
    }

    /// The error of a contribution after the first read.
    #[cold]
    pub(super) fn late(&self, statement: &Statement, read: Span) -> Error {
        let name = self.name(statement.name.id);
        let (note, help) = if read.start > statement.span.start {
            ("read by the same statement", "a statement cannot read what it defines; give the result another name")
        } else {
            (
                "read here, so it is complete",
                "write all contributions to a name before the first statement that reads it",
            )
        };
        self.error(ErrorKind::Redefined { name }, statement.name.span, "contributed to here")
            .note(Note::new(read, note))
            .help(help)
    }
}
