//! The text of an expression, and what the command line says about its meaning.

use crate::args::{LanguageArgs, TextArgs, value};
use crate::error::Failure;
use crate::room;
use crate::stdin;
use einfold::Expression;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What is to be computed, and from which files.
pub(crate) struct Source<'a> {
    /// The text of the expression.
    pub(crate) text: String,
    /// One argument for each operand: a file, or a name and a file.
    pub(crate) files: Vec<&'a OsStr>,
}

/// The text and the files of a command line. With `--program` there is no expression among the arguments.
///
/// # Errors
/// A file without a program in it.
pub(crate) fn source<'a>(args: &'a TextArgs, files: &'a [OsString]) -> Result<Source<'a>, Failure> {
    let others = files.iter().map(OsString::as_os_str);
    match (&args.program, &args.text) {
        (Some(path), first) => {
            let files = first.as_deref().into_iter().chain(others).collect();
            Ok(Source { text: read(path)?, files })
        }
        (None, text) => {
            let text = text.as_deref().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Source { text, files: others.collect() })
        }
    }
}

/// The most bytes of a text: enough for a network of a million tensors. A device that never ends exceeds it and is refused.
const LIMIT: u64 = 1 << 28;

/// Reads a text from a file, or from standard input for `-`. Leaves out a byte order mark at the start and white space at the
/// end, where every editor puts a line break.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let failure = |error| Failure::Text { file: path.to_owned(), error };
    let mut text = String::new();
    stdin::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text)).map_err(failure)?;
    if text.len() as u64 > LIMIT {
        return Err(failure(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end().to_owned())
}

impl TextArgs {
    /// The expression of a text.
    pub(crate) fn parse(&self, text: &str) -> Result<Expression, Failure> {
        room::to_plan(text.len())?;
        Ok(if self.spaced { Expression::spaced(text)? } else { Expression::new(text)? })
    }
}

impl LanguageArgs {
    /// The expression with these options. Its results are chosen already.
    ///
    /// # Errors
    /// A value for empty positions without a name, where there is not one result with a name.
    pub(crate) fn apply(&self, expression: Expression, verb: &'static str) -> Result<Expression, Failure> {
        let mut expression = expression.strict(self.strict);
        if let Some(algebra) = self.algebra {
            expression = expression.algebra(algebra);
        }
        if let Some(dtype) = self.acc {
            expression = expression.acc(dtype);
        }
        for (name, size) in &self.sizes {
            expression = expression.size(name, *size);
        }
        for policy in &self.oor {
            expression = match &policy.name {
                Some(ids) => expression.out_of_range_in(ids, policy.value),
                None => expression.out_of_range(policy.value),
            };
        }
        for fill in &self.fill {
            let only = || match expression.output_names()[..] {
                [only] => Some(only.to_owned()),
                _ => None,
            };
            let Some(name) = fill.name.clone().or_else(only) else {
                let what = "`--fill VALUE` is for a program with one result; write `--fill NAME=VALUE`";
                return Err(Failure::Usage { verb, what });
            };
            expression = expression.fill(&name, fill.value);
        }
        Ok(expression)
    }
}

/// A name and a file from `NAME=FILE`, or a file alone.
pub(crate) fn named(argument: &OsStr) -> (Option<&str>, PathBuf) {
    match argument.to_str().and_then(|text| text.split_once('=')) {
        Some((name, file)) if value::is_name(name) => (Some(name), file.into()),
        _ => (None, argument.into()),
    }
}

/// The same for a file to read: an argument that is the whole name of a file is that file.
pub(crate) fn operand(argument: &OsStr) -> (Option<&str>, PathBuf) {
    if Path::new(argument).exists() { (None, argument.into()) } else { named(argument) }
}

#[cfg(test)]
mod tests {
    use super::named;
    use std::path::PathBuf;

    #[test]
    fn a_name_stands_before_the_first_sign_of_equality() {
        for (argument, want) in [
            ("X=x.npy", (Some("X"), "x.npy")),
            ("dX_2=a=b.npy", (Some("dX_2"), "a=b.npy")),
            ("größe=x.npy", (Some("größe"), "x.npy")),
            ("x.npy", (None, "x.npy")),
            ("dir/X=x.npy", (None, "dir/X=x.npy")),
            ("2=x.npy", (None, "2=x.npy")),
            ("=x.npy", (None, "=x.npy")),
        ] {
            assert_eq!(named(argument.as_ref()), (want.0, PathBuf::from(want.1)), "{argument}");
        }
    }
}
