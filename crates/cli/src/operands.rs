//! The operands in files.

use crate::error::Failure;
use crate::language;
use crate::npy::{ArrayFile, key_of, split_key};
use crate::stdin;
use einfold::{AnyArray, AnyView, Error, ErrorKind, Expression, Operand, Plan, TensorType, errors::ExpressionError};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of the operands, of which only the headers have been read. A file that several operands name is read once.
pub(crate) struct OperandFiles<'a> {
    files: Vec<(PathBuf, ArrayFile)>,
    /// The name of each operand in the program, if given, and the index of its file.
    operands: Vec<(Option<&'a str>, usize)>,
}

/// An array in memory, with its name.
pub(crate) struct LoadedOperand<'a> {
    name: Option<&'a str>,
    array: Arc<AnyArray>,
}

impl Operand for LoadedOperand<'_> {
    fn elements(&self) -> AnyView<'_> {
        self.array.view()
    }

    fn name(&self) -> Option<&str> {
        self.name
    }
}

/// The operands, which are loaded early if the shapes of results depend on index tensors.
pub(crate) enum Operands<'a> {
    /// Only the headers have been read.
    Stored(OperandFiles<'a>),
    /// All elements have been read.
    Loaded(Vec<LoadedOperand<'a>>),
}

/// Opens the files and reads their headers.
pub(crate) fn open<'a>(arguments: &[&'a OsStr]) -> Result<OperandFiles<'a>, Failure> {
    let mut stored = OperandFiles { files: Vec::new(), operands: Vec::new() };
    let mut places = HashMap::new();
    for argument in arguments {
        let (name, file) = language::operand(argument);
        let (identity, next) = (identity(&file), stored.files.len());
        let place = identity.map_or(next, |identity| *places.entry(identity).or_insert(next));
        if place == next {
            let input = ArrayFile::open(&file).map_err(|e| Failure::input(&file, e))?;
            stored.files.push((file, input));
        }
        stored.operands.push((name, place));
    }
    Ok(stored)
}

/// Returns the canonical path of an argument and its key, so that two spellings of one array are recognised; `None` for
/// standard input, whose second use is an error.
fn identity(argument: &Path) -> Option<(PathBuf, String)> {
    let (file, key) = match split_key(argument) {
        Some((file, key)) if !argument.exists() => (file, key),
        _ => (argument.to_owned(), ""),
    };
    if stdin::is_meant(&file) { None } else { Some((fs::canonicalize(file).ok()?, key_of(key).to_owned())) }
}

/// Returns the types in the headers.
pub(crate) fn types(stored: &OperandFiles<'_>) -> Vec<TensorType> {
    let one = |&(name, place): &(Option<&str>, usize)| {
        let header = stored.files[place].1.header();
        TensorType {
            name: name.map(Into::into),
            dtype: header.dtype,
            shape: header.shape.as_slice().into(),
            conj: false,
        }
    };
    stored.operands.iter().map(one).collect()
}

/// Plans for the types in the headers. If a shape depends on an index tensor, the elements are read too.
pub(crate) fn plan<'a>(expression: &Expression, stored: OperandFiles<'a>) -> Result<(Plan, Operands<'a>), Failure> {
    match expression.plan(types(&stored)) {
        Ok(plan) => Ok((plan, Operands::Stored(stored))),
        Err(error) if depends_on_index_tensors(&error) => {
            let loaded = read(stored)?;
            let plan = expression.plan_with(&loaded[..])?;
            Ok((plan, Operands::Loaded(loaded)))
        }
        Err(error) => Err(error.into()),
    }
}

fn depends_on_index_tensors(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Expression(ExpressionError::DataDependentShape { .. }))
}

/// Reads the elements.
fn read(OperandFiles { files, operands }: OperandFiles<'_>) -> Result<Vec<LoadedOperand<'_>>, Failure> {
    let one = |(file, input): (PathBuf, ArrayFile)| input.read().map(Arc::new).map_err(|e| Failure::input(&file, e));
    let arrays = files.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(operands.into_iter().map(|(name, place)| LoadedOperand { name, array: Arc::clone(&arrays[place]) }).collect())
}

impl<'a> Operands<'a> {
    /// Returns the loaded operands.
    pub(crate) fn read(self) -> Result<Vec<LoadedOperand<'a>>, Failure> {
        match self {
            Operands::Stored(stored) => read(stored),
            Operands::Loaded(loaded) => Ok(loaded),
        }
    }
}
