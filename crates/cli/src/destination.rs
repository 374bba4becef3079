//! The destinations of results.

use crate::error::{Failure, quoted};
use crate::language;
use crate::npy::{self, NpyError};
use crate::output::WriteTarget;
use einfold::{AnyArray, Expression};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The destinations of the results. If empty, all results are printed.
pub(crate) struct Destinations(Vec<Destination>);

/// The destination of one result or several.
struct Destination {
    target: WriteTarget,
    path: PathBuf,
    form: Form,
}

/// The destinations of the arguments so far.
struct Found<'e> {
    expression: &'e Expression,
    all: Vec<Destination>,
    /// The position of each by its canonical path ([`identity`]).
    places: BTreeMap<PathBuf, usize>,
    /// The keys of archives, each with the position of its archive.
    keys: BTreeSet<(usize, String)>,
}

/// The contents of a destination, by the positions of the results.
enum Form {
    /// A `.npy` file with this result.
    Array(usize),
    /// A `.npz` archive with these keys and results.
    Archive(Vec<(String, usize)>),
}

/// The name and the destination in one argument of `-o`.
struct Part<'a> {
    name: Option<&'a str>,
    path: PathBuf,
    kind: Kind,
}

/// The file format that the name of a destination implies.
enum Kind {
    Array,
    Archive { key: Option<String> },
}

impl Destinations {
    /// Checks the arguments of `-o` before anything is computed. Returns the expression with the named results as its
    /// outputs.
    ///
    /// # Errors
    /// Names for only some results; a repeated name, key or file; one array file for several results; an ending without
    /// a format; and the errors of [`WriteTarget::new`].
    pub(crate) fn new(arguments: &[OsString], expression: Expression) -> Result<(Destinations, Expression), Failure> {
        let is_named = !expression.defined_names().is_empty();
        let parts: Vec<Part<'_>> = arguments.iter().map(|argument| Part::new(argument, is_named)).collect();
        let names: Vec<&str> = parts.iter().filter_map(|part| part.name).collect();
        let all_in_one = matches!(&parts[..], [Part { kind: Kind::Archive { key: None }, .. }]);
        if names.is_empty()
            && !all_in_one
            && (parts.len() > 1 || parts.len() == 1 && expression.output_names().len() > 1)
        {
            return usage(
                "several results are written to one archive, `-o FILE.npz`, or each to its own file: `-o NAME=FILE`",
            );
        }
        if !names.is_empty() && names.len() < parts.len() {
            return usage("name all results of `-o` or none: `-o NAME=FILE`");
        }
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return usage(TWICE);
        }
        let expression = if names.is_empty() { expression } else { expression.outputs(names) };
        let (all, places, keys) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut found = Found { expression: &expression, all, places, keys };
        for (k, part) in parts.into_iter().enumerate() {
            found.add(part, k)?;
        }
        Ok((Destinations(found.all), expression))
    }

    /// Returns whether results are printed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the bytes of a result go to standard output.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.0.iter().any(|destination| matches!(destination.target, WriteTarget::Stdout))
    }

    /// Writes each result to its destination.
    ///
    /// # Errors
    /// The errors of [`WriteTarget::put`]; the results after the first error are not written.
    pub(crate) fn write(&self, results: &[AnyArray]) -> Result<(), Failure> {
        self.0.iter().try_for_each(|destination| match &destination.form {
            Form::Array(k) => destination.target.put(|mut to| npy::write(&results[*k], &mut to)),
            Form::Archive(members) => {
                let members: Vec<_> = members.iter().map(|(key, k)| (&**key, &results[*k])).collect();
                destination.target.put(|to| npy::write_archive(&members, to))
            }
        })
    }

    /// Returns the destination of a result, for errors.
    pub(crate) fn place(&self, result: usize) -> String {
        let holds = |destination: &&Destination| match &destination.form {
            Form::Array(k) => *k == result,
            Form::Archive(members) => members.iter().any(|(_, k)| *k == result),
        };
        match self.0.iter().find(holds) {
            Some(destination) if !matches!(destination.target, WriteTarget::Stdout) => quoted(&destination.path),
            _ => "standard output".to_owned(),
        }
    }
}

impl Found<'_> {
    /// Adds the destination of result `k`, or of all results if none has a name.
    fn add(&mut self, Part { name, path, kind }: Part<'_>, k: usize) -> Result<(), Failure> {
        let (target, identity) = (WriteTarget::new(&path)?, identity(&path));
        let known = self.places.get(&identity).copied();
        let members = match kind {
            Kind::Array => {
                check_ending(&path, &target)?;
                None
            }
            Kind::Archive { key } => Some(self.members(key, name, k)?),
        };
        let place = known.unwrap_or(self.all.len());
        let mut is_new = |(key, _): &(String, usize)| self.keys.insert((place, npy::key_of(key).to_owned()));
        match (known.map(|place| &mut self.all[place].form), members) {
            (None, None) => self.all.push(Destination { target, path, form: Form::Array(k) }),
            (None, Some(members)) => {
                members.iter().for_each(|member| _ = is_new(member));
                self.all.push(Destination { target, path, form: Form::Archive(members) });
            }
            (Some(Form::Archive(others)), Some(members)) if members.iter().all(is_new) => others.extend(members),
            _ => return usage(TWICE),
        }
        self.places.insert(identity, place);
        Ok(())
    }

    /// The keys and results that an argument adds to an archive.
    fn members(&self, key: Option<String>, name: Option<&str>, k: usize) -> Result<Vec<(String, usize)>, Failure> {
        if key.as_deref().is_some_and(|key| npy::key_of(key).is_empty()) {
            return usage("`FILE.npz:KEY` lacks its key");
        }
        if let Some(key) = key.or(name.map(Into::into)) {
            return Ok(vec![(key, k)]);
        }
        let all: Vec<(String, usize)> = self.expression.output_names().into_iter().map(Into::into).zip(0..).collect();
        // The key that numpy.savez gives to an array without a name.
        Ok(if all.is_empty() { vec![("arr_0".to_owned(), k)] } else { all })
    }
}

impl<'a> Part<'a> {
    /// Parses an argument. Only results of programs have names; without names, an equals sign is part of the file name.
    fn new(argument: &'a OsStr, is_named: bool) -> Part<'a> {
        let (name, path) = if is_named { language::named(argument) } else { (None, argument.into()) };
        match npy::split_key(&path) {
            Some((file, key)) => Part { name, kind: Kind::Archive { key: Some(key.to_owned()) }, path: file },
            None if has_ending(&path, "npz") => Part { name, kind: Kind::Archive { key: None }, path },
            None => Part { name, kind: Kind::Array, path },
        }
    }
}

const TWICE: &str = "each result needs its own file, or its own key of an archive";

fn usage<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Usage { verb: "run", what })
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Checks that the ending of an array file is `.npy` or absent, since another ending implies another format. Devices
/// and pipes may have any name.
fn check_ending(path: &Path, target: &WriteTarget) -> Result<(), Failure> {
    match (target, path.extension()) {
        (WriteTarget::File(_), Some(ending)) if !has_ending(path, "npy") => {
            let source = NpyError::Ending(ending.to_string_lossy().into_owned());
            Err(Failure::Output { place: quoted(path), source })
        }
        _ => Ok(()),
    }
}

/// Returns the canonical path of a file, equal for two spellings of one file; if the file does not exist yet, it is
/// derived from its folder.
fn identity(path: &Path) -> PathBuf {
    let folder = path.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
    let beside = || Some(fs::canonicalize(folder?).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Destinations;
    use einfold::Expression;
    use std::ffi::OsString;

    /// Regression: a linear search for each argument took minutes.
    #[test]
    fn many_results_go_to_one_archive() {
        const MANY: usize = 20_000;
        let text: Vec<String> = (0..MANY).map(|k| format!("y{k} = {k}")).collect();
        let expression = Expression::new(&text.join("\n")).unwrap();
        let mut arguments: Vec<OsString> = (0..MANY).map(|k| format!("y{k}=results.npz").into()).collect();
        let (all, _) = Destinations::new(&arguments, expression.clone()).unwrap();
        assert_eq!(all.0.len(), 1);
        arguments[MANY - 1] = "y7=results.npz".into();
        assert!(Destinations::new(&arguments, expression.clone()).is_err());
        arguments[MANY - 1] = format!("y{}=results.npz:y7", MANY - 1).into();
        assert!(Destinations::new(&arguments, expression).is_err());
    }
}
