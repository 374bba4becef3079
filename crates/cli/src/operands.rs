//! The operands on disk.

use crate::error::Failure;
use crate::language;
use crate::npy::{Input, key_of, split_key};
use crate::stdin;
use einfold::{AnyArray, AnyView, Error, ErrorKind, Expression, Operand, Plan, TensorType, errors::ExpressionError};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of the operands, of which only the headers have been read. A file that several operands name is read once.
pub(crate) struct Stored<'a> {
    files: Vec<(PathBuf, Input)>,
    /// The name that a program has for each operand, and the place of its file.
    operands: Vec<(Option<&'a str>, usize)>,
}

/// An array in memory, with its name.
pub(crate) struct Loaded<'a> {
    name: Option<&'a str>,
    array: Arc<AnyArray>,
}

impl Operand for Loaded<'_> {
    fn elements(&self) -> AnyView<'_> {
        self.array.view()
    }

    fn name(&self) -> Option<&str> {
        self.name
    }
}

/// Operands, perhaps read already because their ids tell the shapes of the results.
pub(crate) enum Operands<'a> {
    /// Only the headers have been read.
    Stored(Stored<'a>),
    /// All has been read.
    Loaded(Vec<Loaded<'a>>),
}

/// Opens the files and reads their headers.
pub(crate) fn open<'a>(arguments: &[&'a OsStr]) -> Result<Stored<'a>, Failure> {
    let mut stored = Stored { files: Vec::new(), operands: Vec::new() };
    let mut places = HashMap::new();
    for argument in arguments {
        let (name, file) = language::operand(argument);
        let (identity, next) = (identity(&file), stored.files.len());
        let place = identity.map_or(next, |identity| *places.entry(identity).or_insert(next));
        if place == next {
            let input = Input::open(&file).map_err(|e| Failure::input(&file, e))?;
            stored.files.push((file, input));
        }
        stored.operands.push((name, place));
    }
    Ok(stored)
}

/// The file behind an argument and the key in it, so that two spellings of one array are found. Standard input is no file: who
/// names it twice is told that it can be read once.
fn identity(argument: &Path) -> Option<(PathBuf, String)> {
    let (file, key) = match split_key(argument) {
        Some((file, key)) if !argument.exists() => (file, key),
        _ => (argument.to_owned(), ""),
    };
    if stdin::is_meant(&file) { None } else { Some((fs::canonicalize(file).ok()?, key_of(key).to_owned())) }
}

/// What the headers say.
pub(crate) fn types(stored: &Stored<'_>) -> Vec<TensorType> {
    let one = |&(name, place): &(Option<&str>, usize)| {
        let header = stored.files[place].1.header();
        TensorType { name: name.map(Into::into), dtype: header.dtype, shape: header.shape.clone(), conj: false }
    };
    stored.operands.iter().map(one).collect()
}

/// Plans by what the headers say. Where a shape depends on ids the elements are read for that.
pub(crate) fn plan<'a>(expression: &Expression, stored: Stored<'a>) -> Result<(Plan, Operands<'a>), Failure> {
    match expression.plan(types(&stored)) {
        Ok(plan) => Ok((plan, Operands::Stored(stored))),
        Err(error) if depends_on_ids(&error) => {
            let loaded = read(stored)?;
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
fn read(Stored { files, operands }: Stored<'_>) -> Result<Vec<Loaded<'_>>, Failure> {
    let one = |(file, input): (PathBuf, Input)| input.read().map(Arc::new).map_err(|e| Failure::input(&file, e));
    let arrays = files.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(operands.into_iter().map(|(name, place)| Loaded { name, array: Arc::clone(&arrays[place]) }).collect())
}

impl<'a> Operands<'a> {
    /// The elements.
    pub(crate) fn read(self) -> Result<Vec<Loaded<'a>>, Failure> {
        match self {
            Operands::Stored(stored) => read(stored),
            Operands::Loaded(loaded) => Ok(loaded),
        }
    }
}
