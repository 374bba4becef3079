//! The operands on disk.

use crate::error::Failure;
use crate::language;
use crate::npy::Input;
use einfold::{AnyArray, AnyView, Error, ErrorKind, Expression, ExpressionError, Operand, Plan, TensorType};
use std::ffi::OsStr;
use std::path::PathBuf;

/// A file with an array in it, and the name that a program has for it.
pub(crate) struct Stored<'a> {
    name: Option<&'a str>,
    file: PathBuf,
    input: Input,
}

/// An array in memory, with its name.
pub(crate) struct Loaded<'a> {
    name: Option<&'a str>,
    array: AnyArray,
}

impl Operand for Loaded<'_> {
    fn elements(&self) -> AnyView<'_> {
        self.array.view()
    }

    fn name(&self) -> Option<&str> {
        self.name
    }
}

/// Operands, some of them perhaps read already because their ids tell the shapes of the results.
pub(crate) enum Operands<'a> {
    /// Only the headers have been read.
    Stored(Vec<Stored<'a>>),
    /// All has been read.
    Loaded(Vec<Loaded<'a>>),
}

/// Opens the files and reads their headers.
pub(crate) fn open<'a>(arguments: &[&'a OsStr]) -> Result<Vec<Stored<'a>>, Failure> {
    let one = |argument: &&'a OsStr| {
        let (name, file) = language::operand(argument);
        let input = Input::open(&file).map_err(|e| Failure::input(&file, e))?;
        Ok(Stored { name, file, input })
    };
    arguments.iter().map(one).collect()
}

/// What the headers say.
pub(crate) fn types(inputs: &[Stored<'_>]) -> Vec<TensorType> {
    let one = |stored: &Stored<'_>| {
        let header = stored.input.header();
        let name = stored.name.map(Into::into);
        TensorType { name, dtype: header.dtype, shape: header.shape.clone(), conj: false }
    };
    inputs.iter().map(one).collect()
}

/// Plans by what the headers say. Where a shape depends on ids the elements are read for that.
pub(crate) fn plan<'a>(expression: &Expression, inputs: Vec<Stored<'a>>) -> Result<(Plan, Operands<'a>), Failure> {
    match expression.plan(types(&inputs)) {
        Ok(plan) => Ok((plan, Operands::Stored(inputs))),
        Err(error) if depends_on_ids(&error) => {
            let loaded = read(inputs)?;
            let plan = expression.plan_with(&loaded[..])?;
            Ok((plan, Operands::Loaded(loaded)))
        }
        Err(error) => Err(error.into()),
    }
}

fn depends_on_ids(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Expression(ExpressionError::DataDependentShape { .. }))
}

/// Reads the elements.
fn read(inputs: Vec<Stored<'_>>) -> Result<Vec<Loaded<'_>>, Failure> {
    let one = |Stored { name, file, input }| {
        let array = input.read().map_err(|e| Failure::input(&file, e))?;
        Ok(Loaded { name, array })
    };
    inputs.into_iter().map(one).collect()
}

impl<'a> Operands<'a> {
    /// The elements.
    pub(crate) fn read(self) -> Result<Vec<Loaded<'a>>, Failure> {
        match self {
            Operands::Stored(inputs) => read(inputs),
            Operands::Loaded(loaded) => Ok(loaded),
        }
    }
}
