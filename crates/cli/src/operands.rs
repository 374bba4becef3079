//! The operands on disk.

use crate::error::Failure;
use crate::npy::Input;
use einfold::{AnyArray, TensorType};
use std::path::{Path, PathBuf};

/// A file with the array in it.
pub(crate) type Named<'a> = (&'a Path, Input);

/// Opens the files and reads their headers.
pub(crate) fn open(files: &[PathBuf]) -> Result<Vec<Named<'_>>, Failure> {
    let one = |file: &PathBuf| Input::open(file).map_err(|e| Failure::input(file, e));
    files.iter().map(|file| Ok((file.as_path(), one(file)?))).collect()
}

/// What the headers say.
pub(crate) fn types(inputs: &[Named<'_>]) -> Vec<TensorType> {
    let one = |(_, input): &Named<'_>| {
        let header = input.header();
        TensorType { name: None, dtype: header.dtype, shape: header.shape.clone(), conj: false }
    };
    inputs.iter().map(one).collect()
}

/// Reads the elements.
pub(crate) fn read(inputs: Vec<Named<'_>>) -> Result<Vec<AnyArray>, Failure> {
    inputs.into_iter().map(|(file, input)| input.read().map_err(|e| Failure::input(file, e))).collect()
}
