//! Which result goes where.

use crate::error::Failure;
use crate::language;
use crate::output::Target;
use einfold::Expression;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where the results go: the first to the first, and so on. None of them: all are printed.
pub(crate) struct Destinations(Vec<Destination>);

/// A place for a result.
pub(crate) struct Destination {
    pub(crate) target: Target,
    path: PathBuf,
}

impl Destinations {
    /// Settles what the arguments of `-o` are, before anything is computed for them. The expression comes back with the named
    /// ones as its results.
    ///
    /// # Errors
    /// Names for some and not for others, one name or one file twice, one file for several results, and those of [`Target::new`].
    pub(crate) fn new(arguments: &[OsString], expression: Expression) -> Result<(Destinations, Expression), Failure> {
        let usage = |what| Err(Failure::Usage { verb: "run", what });
        let split: Vec<(Option<&str>, PathBuf)> = arguments.iter().map(|a| part(a, &expression)).collect();
        let names: Vec<&str> = split.iter().filter_map(|(name, _)| *name).collect();
        if names.is_empty() && !split.is_empty() && (split.len() > 1 || expression.output_names().len() > 1) {
            return usage("several results go to one file each: `-o NAME=FILE`, repeated");
        }
        if !names.is_empty() && names.len() < split.len() {
            return usage("name all results of `-o` or none: `-o NAME=FILE`");
        }
        if repeats(&names) || repeats(&split.iter().map(|(_, path)| path).collect::<Vec<_>>()) {
            return usage("each result has one file of its own");
        }
        let expression = if names.is_empty() { expression } else { expression.outputs(names) };
        let one = |(_, path): (Option<&str>, PathBuf)| Ok(Destination { target: Target::new(&path)?, path });
        Ok((Destinations(split.into_iter().map(one).collect::<Result<_, Failure>>()?), expression))
    }

    /// Whether results are printed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the bytes of a result go to standard output.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.0.iter().any(|destination| matches!(destination.target, Target::Stdout))
    }

    /// The targets, in the order of the results.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().map(|destination| &destination.target)
    }

    /// The place of a result, for errors.
    pub(crate) fn place(&self, result: usize) -> String {
        match self.0.get(result) {
            Some(destination) if destination.path != Path::new("-") => format!("`{}`", destination.path.display()),
            _ => "standard output".to_owned(),
        }
    }
}

/// Only the results of programs have names, so that elsewhere a sign of equality belongs to the file.
fn part<'a>(argument: &'a OsStr, expression: &Expression) -> (Option<&'a str>, PathBuf) {
    if expression.defined_names().is_empty() { (None, argument.into()) } else { language::named(argument) }
}

fn repeats<T: PartialEq>(list: &[T]) -> bool {
    (1..list.len()).any(|k| list[..k].contains(&list[k]))
}
