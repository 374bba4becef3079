//! Contraction paths, as `numpy.einsum_path` and opt_einsum print them.

/// The steps of a path; each names positions in the list of what is left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(pub(crate) Vec<Vec<u32>>);

/// Reads `[(0, 1), (0, 1)]`, with either kind of brackets at either level, and with NumPy's word `'einsum_path'` in front of
/// the steps or without it.
///
/// # Errors
/// What was expected where.
pub(crate) fn parse(text: &str) -> Result<Path, String> {
    let mut s = Scanner { rest: text, whole: text };
    s.open()?;
    for word in ["'einsum_path'", "\"einsum_path\""] {
        if s.take(word) && !s.closes() {
            s.expect(",")?;
        }
    }
    let steps = s.list(|s| {
        s.open()?;
        s.list(Scanner::number)
    })?;
    s.skip();
    if s.rest.is_empty() { Ok(Path(steps)) } else { s.fail("the end") }
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

    /// Items up to the closing bracket, a comma between them and perhaps one after the last.
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
        let want = Ok(Path(vec![vec![1, 2], vec![0, 1]]));
        for text in [
            "[(1,2),(0,1)]",
            " [ ( 1 , 2 ) , ( 0 , 1 ) ] ",
            "[[1,2],[0,1]]",
            "((1, 2), (0, 1))",
            "((1, 2), (0, 1,),)",
            "['einsum_path', (1, 2), (0, 1)]",
            "[\"einsum_path\", [1, 2], [0, 1]]",
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
        assert_eq!(parse("[(0,),(0,1,2)]"), Ok(Path(vec![vec![0], vec![0, 1, 2]])));
        assert_eq!(parse("[]"), Ok(Path(vec![])));
        assert_eq!(parse("['einsum_path']"), Ok(Path(vec![])));
    }

    #[test]
    fn mistakes_name_the_place() {
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
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(want), "{text}: {error}");
        }
    }
}
