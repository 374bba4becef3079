//! Which result goes where.

use crate::error::{Failure, quoted};
use crate::language;
use crate::npy::{self, NpyError};
use crate::output::Target;
use einfold::{AnyArray, Expression};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the results go. None of them: all are printed.
pub(crate) struct Destinations(Vec<Destination>);

/// A place for one result or several.
struct Destination {
    target: Target,
    path: PathBuf,
    form: Form,
}

/// Destinations as they are found, one argument after the other.
struct Found<'e> {
    expression: &'e Expression,
    all: Vec<Destination>,
    /// The position of each by its [`identity`].
    places: BTreeMap<PathBuf, usize>,
    /// The keys of archives, each with the position of its archive.
    keys: BTreeSet<(usize, String)>,
}

/// What is written, of the results by their position.
enum Form {
    /// A `.npy` file.
    Array(usize),
    /// A `.npz` archive: keys and results.
    Archive(Vec<(String, usize)>),
}

/// The name and the place of one argument of `-o`.
struct Part<'a> {
    name: Option<&'a str>,
    path: PathBuf,
    kind: Kind,
}

/// What the name of a place says that it is.
enum Kind {
    Array,
    Archive { key: Option<String> },
}

impl Destinations {
    /// Settles what the arguments of `-o` are, before anything is computed for them. The expression comes back with the named
    /// ones as its results.
    ///
    /// # Errors
    /// Names for some and not for others, one name, key or file twice, one array file for several results, an ending that no
    /// format has, and those of [`Target::new`].
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
                "several results go to one file, `-o FILE.npz`, or each to a place of its own: `-o NAME=FILE`",
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

    /// Whether results are printed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the bytes of a result go to standard output.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.0.iter().any(|destination| matches!(destination.target, Target::Stdout))
    }

    /// Writes the results, each to its place.
    ///
    /// # Errors
    /// Those of [`Target::put`]; what comes after the first is not written.
    pub(crate) fn write(&self, results: &[AnyArray]) -> Result<(), Failure> {
        self.0.iter().try_for_each(|destination| match &destination.form {
            Form::Array(k) => destination.target.put(|mut to| npy::write(&results[*k], &mut to)),
            Form::Archive(members) => {
                let members: Vec<_> = members.iter().map(|(key, k)| (&**key, &results[*k])).collect();
                destination.target.put(|to| npy::write_archive(&members, to))
            }
        })
    }

    /// The place of a result, for errors.
    pub(crate) fn place(&self, result: usize) -> String {
        let holds = |destination: &&Destination| match &destination.form {
            Form::Array(k) => *k == result,
            Form::Archive(members) => members.iter().any(|(_, k)| *k == result),
        };
        match self.0.iter().find(holds) {
            Some(destination) if !matches!(destination.target, Target::Stdout) => quoted(&destination.path),
            _ => "standard output".to_owned(),
        }
    }
}

impl Found<'_> {
    /// Adds the place of result `k`, or of all results if none has a name.
    fn add(&mut self, Part { name, path, kind }: Part<'_>, k: usize) -> Result<(), Failure> {
        let (target, identity) = (Target::new(&path)?, identity(&path));
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
        // As numpy.savez calls an array without a name.
        Ok(if all.is_empty() { vec![("arr_0".to_owned(), k)] } else { all })
    }
}

impl<'a> Part<'a> {
    /// Only the results of programs have names, so that elsewhere a sign of equality belongs to the file.
    fn new(argument: &'a OsStr, is_named: bool) -> Part<'a> {
        let (name, path) = if is_named { language::named(argument) } else { (None, argument.into()) };
        match npy::split_key(&path) {
            Some((file, key)) => Part { name, kind: Kind::Archive { key: Some(key.to_owned()) }, path: file },
            None if has_ending(&path, "npz") => Part { name, kind: Kind::Archive { key: None }, path },
            None => Part { name, kind: Kind::Array, path },
        }
    }
}

const TWICE: &str = "each result has a place of its own: a file, or a key of an archive";

fn usage<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Usage { verb: "run", what })
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// A name that promises another format is no name for an array. A name without an ending promises nothing, and a device or
/// pipe has the name that it has.
fn check_ending(path: &Path, target: &Target) -> Result<(), Failure> {
    match (target, path.extension()) {
        (Target::File(_), Some(ending)) if !has_ending(path, "npy") => {
            let source = NpyError::Ending(ending.to_string_lossy().into_owned());
            Err(Failure::Output { place: quoted(path), source })
        }
        _ => Ok(()),
    }
}

/// The canonical path of a file, equal for two spellings of one file; of a file that does not exist yet, from its folder.
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

    /// With a search through all names, keys and results for each argument, minutes.
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
