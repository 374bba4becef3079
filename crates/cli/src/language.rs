//! The text of an expression and the options of the language.

use crate::args::{LanguageArgs, TextArgs, value};
use crate::error::Failure;
use crate::reserve_memory;
use crate::text_file::read;
use einfold::Expression;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The text of an expression and the files of its operands.
pub(crate) struct ExpressionText<'a> {
    /// The text of the expression.
    pub(crate) text: String,
    /// One argument for each operand: a file, or a name and a file.
    pub(crate) files: Vec<&'a OsStr>,
}

/// Returns the text and the files of a command line. With `--program`, the first argument is a file too.
///
/// # Errors
/// The program file cannot be read.
pub(crate) fn expression_text<'a>(args: &'a TextArgs, files: &'a [OsString]) -> Result<ExpressionText<'a>, Failure> {
    let others = files.iter().map(OsString::as_os_str);
    match (&args.program, &args.text) {
        (Some(path), first) => {
            let files = first.as_deref().into_iter().chain(others).collect();
            Ok(ExpressionText { text: read(path)?, files })
        }
        (None, text) => {
            let text = text.as_deref().unwrap_or_default().to_string_lossy().into_owned();
            Ok(ExpressionText { text, files: others.collect() })
        }
    }
}

impl TextArgs {
    /// Parses the text of an expression.
    pub(crate) fn parse(&self, text: &str) -> Result<Expression, Failure> {
        reserve_memory::to_plan(text.len())?;
        Ok(if self.spaced { Expression::spaced(text)? } else { Expression::new(text)? })
    }
}

impl LanguageArgs {
    /// Returns the expression with these options. Its outputs must be chosen before.
    ///
    /// # Errors
    /// A fill value without a name, unless the expression has exactly one named result.
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
                Some(index_tensor) => expression.out_of_range_in(index_tensor, policy.value),
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

/// Splits `NAME=FILE` into name and file; the name is optional.
pub(crate) fn named(argument: &OsStr) -> (Option<&str>, PathBuf) {
    match argument.to_str().and_then(|text| text.split_once('=')) {
        Some((name, file)) if value::is_name(name) => (Some(name), file.into()),
        _ => (None, argument.into()),
    }
}

/// Splits the argument of a file to read as [`named`] does, unless the whole argument is the name of an existing file.
pub(crate) fn operand(argument: &OsStr) -> (Option<&str>, PathBuf) {
    if Path::new(argument).exists() { (None, argument.into()) } else { named(argument) }
}

#[cfg(test)]
mod tests {
    use super::named;
    use std::path::PathBuf;

    #[test]
    fn a_name_ends_at_the_first_equals_sign() {
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
