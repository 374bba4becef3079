//! Contraction orders as arguments: paths in the form of `numpy.einsum_path` and opt_einsum, or files.

use crate::error::Failure;
use crate::text_file;
use einfold::{Order, order::SavedOrder};
use std::path::PathBuf;

/// A path, or the file that contains it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PathArg {
    /// A path in linear form.
    Steps(Vec<Vec<u32>>),
    /// The paths of several contractions.
    Several(SavedOrder),
    /// A file with an order.
    File(PathBuf),
}

impl PathArg {
    /// Reads the order.
    ///
    /// # Errors
    /// The file cannot be read, or does not contain an order.
    pub(crate) fn read(&self) -> Result<Order, Failure> {
        match self {
            PathArg::Steps(steps) => Ok(Order::Linear(steps.clone())),
            PathArg::Several(saved) => Ok(Order::Saved(saved.clone())),
            PathArg::File(file) => {
                Order::from_json(&text_file::read(file)?).map_err(|source| Failure::format(file, source))
            }
        }
    }
}

/// Parses an argument: a path if it begins with a bracket, otherwise the name of a file.
///
/// # Errors
/// The same as for [`steps`]; and a path of several that is not a valid tree.
pub(crate) fn parse(text: &str) -> Result<PathArg, String> {
    if is_several(text) {
        let paths = scan(text, |s| s.list(|s| s.path()))?;
        SavedOrder::of_paths(&paths).map(PathArg::Several).map_err(|error| error.to_string())
    } else if text.trim_start().starts_with(['[', '(']) {
        steps(text).map(PathArg::Steps)
    } else {
        Ok(PathArg::File(text.into()))
    }
}

/// Parses `[(0, 1), (0, 1)]`, with either kind of brackets at either level, and with or without NumPy's word
/// `'einsum_path'` before the steps. The numbers of a step are positions in the list of remaining tensors.
///
/// # Errors
/// The expected token and its position.
fn steps(text: &str) -> Result<Vec<Vec<u32>>, String> {
    scan(text, |s| s.steps())
}

/// Parses the contents of a bracket, with nothing after it.
fn scan<T>(text: &str, read: impl FnOnce(&mut Scanner<'_>) -> Result<T, String>) -> Result<T, String> {
    let mut s = Scanner { rest: text, whole: text };
    s.open()?;
    let read = read(&mut s)?;
    s.skip();
    if s.rest.is_empty() { Ok(read) } else { s.fail("the end") }
}

/// Returns whether the text begins as a list of paths: with three brackets.
fn is_several(text: &str) -> bool {
    let mut s = Scanner { rest: text, whole: text };
    (0..3).all(|_| s.open().is_ok())
}

/// Writes the paths of an order in linear form: a single path as such, several as a list.
pub(crate) fn show_order(order: &SavedOrder) -> String {
    let paths: Vec<String> = order.contractions.iter().map(|saved| show(&saved.tree.linear_path())).collect();
    match &paths[..] {
        [] => show(&[]),
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// Writes a path in linear form as Python does.
pub(crate) fn show(steps: &[Vec<u32>]) -> String {
    let tuple = |step: &Vec<u32>| {
        let end = if step.len() == 1 { "," } else { "" };
        let positions: Vec<String> = step.iter().map(ToString::to_string).collect();
        format!("({}{end})", positions.join(", "))
    };
    format!("[{}]", steps.iter().map(tuple).collect::<Vec<_>>().join(", "))
}

struct Scanner<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl Scanner<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { self.fail(&format!("`{token}`")) }
    }

    fn fail<T>(&self, expected: &str) -> Result<T, String> {
        let at = self.whole.len() - self.rest.len();
        Err(format!("{expected} was expected after `{}`; a path looks like [(0,1),(0,1)]", &self.whole[..at]))
    }

    fn open(&mut self) -> Result<(), String> {
        if self.take("[") || self.take("(") { Ok(()) } else { self.fail("an opening bracket") }
    }

    fn closes(&mut self) -> bool {
        self.skip();
        self.rest.starts_with([']', ')'])
    }

    /// Parses items up to the closing bracket, separated by commas, with an optional one after the last.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        while !self.closes() {
            items.push(item(self)?);
            if !self.take(",") && !self.closes() {
                return self.fail("a comma or a closing bracket");
            }
        }
        self.rest = &self.rest[1..];
        Ok(items)
    }

    fn path(&mut self) -> Result<Vec<Vec<u32>>, String> {
        self.open()?;
        self.steps()
    }

    /// Parses the steps of a path after its opening bracket.
    fn steps(&mut self) -> Result<Vec<Vec<u32>>, String> {
        for word in ["'einsum_path'", "\"einsum_path\""] {
            if self.take(word) && !self.closes() {
                self.expect(",")?;
            }
        }
        self.list(|s| {
            s.open()?;
            s.list(Scanner::number)
        })
    }

    fn number(&mut self) -> Result<u32, String> {
        self.skip();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let Ok(number) = self.rest[..end].parse() else { return self.fail("a position") };
        self.rest = &self.rest[end..];
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_is_read() {
        let want = Ok(vec![vec![1, 2], vec![0, 1]]);
        for text in [
            "[(1,2),(0,1)]",
            " [ ( 1 , 2 ) , ( 0 , 1 ) ] ",
            "[[1,2],[0,1]]",
            "((1, 2), (0, 1))",
            "((1, 2), (0, 1,),)",
            "['einsum_path', (1, 2), (0, 1)]",
            "[\"einsum_path\", [1, 2], [0, 1]]",
        ] {
            assert_eq!(steps(text), want, "{text}");
        }
        assert_eq!(steps("[(0,),(0,1,2)]"), Ok(vec![vec![0], vec![0, 1, 2]]));
        assert_eq!(steps("[]"), Ok(vec![]));
        assert_eq!(steps("['einsum_path']"), Ok(vec![]));
    }

    #[test]
    fn written_paths_are_read_again() {
        let path = vec![vec![0], vec![0, 1, 2]];
        assert_eq!(show(&path), "[(0,), (0, 1, 2)]");
        assert_eq!(steps(&show(&path)), Ok(path));
    }

    #[test]
    fn several_paths_are_a_list() {
        let paths = [vec![vec![0, 1]], vec![vec![1, 2], vec![0, 1]]];
        let several = SavedOrder::of_paths(&paths).unwrap();
        assert_eq!(show_order(&several), "[[(0, 1)], [(1, 2), (0, 1)]]");
        assert_eq!(parse(&show_order(&several)), Ok(PathArg::Several(several)));
        assert_eq!(show_order(&SavedOrder::of_paths(&paths[..1]).unwrap()), "[(0, 1)]");
        assert_eq!(show_order(&SavedOrder::default()), "[]");
        assert!(parse("[[(0,1)], [(0,5)]]").unwrap_err().contains("only 2"));
        assert!(parse("[[(0,1)], (0,1)]").unwrap_err().starts_with("an opening bracket was expected"));
    }

    #[test]
    fn errors_name_the_position() {
        for (text, want) in [
            ("", "an opening bracket was expected after ``"),
            ("[", "an opening bracket was expected after `[`"),
            ("[(0,1)", "a comma or a closing bracket was expected after `[(0,1)`"),
            ("[(0;1)]", "a comma or a closing bracket was expected after `[(0`"),
            ("[(0,-1)]", "a position was expected after `[(0,`"),
            ("[(0,99999999999)]", "a position was expected after `[(0,`"),
            ("[(0,1)] x", "the end was expected after `[(0,1)] `"),
            ("['einsum_path' (0,1)]", "`,` was expected after `['einsum_path' `"),
        ] {
            let error = steps(text).unwrap_err();
            assert!(error.starts_with(want), "{text}: {error}");
        }
    }

    #[test]
    fn other_arguments_name_a_file() {
        assert_eq!(parse("best.json"), Ok(PathArg::File("best.json".into())));
        assert_eq!(parse(" [(0,1)]"), Ok(PathArg::Steps(vec![vec![0, 1]])));
        assert!(parse("[best.json]").is_err());
    }
}
