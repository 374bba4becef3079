//! Random programs and named subscripts with their structure.

use crate::rng::Rng;
use crate::structure::node;

const AXES: [&str; 7] = ["i", "j", "k2", "_a", "字", "é", "for"];
const TENSORS: [&str; 6] = ["X", "W", "ß", "re", "im", "sizes"];
const IDS: [&str; 2] = ["g", "seg_1"];
const PARAMETERS: [&str; 2] = ["K", "N0"];
const NUMBERS: [&str; 8] = ["0", "2", "007", "1.", ".5", "2.50", "1e9", ".5E-3"];
const FUNCTIONS: [(&str, usize); 8] =
    [("exp", 1), ("abs", 1), ("pow", 2), ("eq", 2), ("where", 3), ("max", 2), ("min", 4), ("re", 1)];
const ASSIGNS: [&str; 9] = ["=", "+=", "*=", "max=", "min=", "|=", "&=", "lse=", "mean="];

/// Writes a random text, with insignificant white space and parentheses, and its structure.
pub(crate) struct Writer {
    rng: Rng,
    pub(crate) text: String,
    /// Whether a line end is insignificant here.
    inside: usize,
}

impl Writer {
    pub(crate) fn new(seed: u64) -> Writer {
        Writer { rng: Rng::new(seed), text: String::new(), inside: 0 }
    }

    fn blank(&mut self, lines: bool) {
        let blanks: &[&str] = if lines { &["\n", " # note [=\n", "\r\n\n"] } else { &[" ", "\t", "\u{A0}  "] };
        if self.rng.below(if lines { 12 } else { 4 }) == 0 {
            self.text += self.rng.pick(blanks);
        }
    }

    /// A symbol, with or without a permitted line end after it.
    fn symbol(&mut self, symbol: &str) {
        self.text += symbol;
        self.inside += usize::from(matches!(symbol, "(" | "["));
        self.inside -= usize::from(matches!(symbol, ")" | "]"));
        let goes_on = matches!(symbol, "+" | "-" | "*" | "/" | ",") || ASSIGNS.contains(&symbol);
        self.blank(goes_on || self.inside > 0);
        self.blank(false);
    }

    /// A word, separated from the word before.
    fn word(&mut self, word: &str) -> String {
        if self.text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '\u{301}') {
            self.text.push(' ');
        }
        self.symbol(word);
        word.to_string()
    }

    fn list(
        &mut self,
        open: &str,
        close: &str,
        count: usize,
        mut item: impl FnMut(&mut Self, usize) -> String,
    ) -> Vec<String> {
        self.symbol(open);
        let items = (0..count)
            .map(|k| {
                if k > 0 {
                    self.symbol(",");
                }
                item(self, k)
            })
            .collect();
        self.symbol(close);
        items
    }

    pub(crate) fn program(&mut self) -> String {
        let count = 1 + self.rng.below(3);
        let statements: Vec<String> = (0..count)
            .map(|k| {
                if k > 0 {
                    let ends = ["\n", ";", " ; ;", "\r\n\n# note\n"];
                    self.text += self.rng.pick(&ends);
                }
                self.statement(k)
            })
            .collect();
        node("program", statements)
    }

    fn statement(&mut self, k: usize) -> String {
        let name = self.word(&format!("Y{k}"));
        let count = self.rng.below(4);
        let mut ellipsis = false;
        let left = if count == 0 && self.rng.below(2) == 0 {
            Vec::new()
        } else {
            self.list("[", "]", count, |w, _| {
                let index = w.index(2, &mut ellipsis);
                if index == "..." || w.rng.below(3) > 0 {
                    return index;
                }
                w.symbol(":");
                node(":", [index, w.size()])
            })
        };
        let assign = self.rng.pick(&ASSIGNS);
        // `max` and `=` would form one word with a preceding name.
        self.word(assign);
        let right = self.expr(3);
        let mut items = vec![node(&name, left), right];
        for k in 0..self.rng.below(6).saturating_sub(3) {
            if k == 0 {
                self.word("for");
            } else {
                self.symbol(",");
            }
            let pick = self.rng.pick(&AXES);
            let axis = self.word(pick);
            self.symbol(":");
            items.push(node("for", [axis, self.size()]));
        }
        node(assign, items)
    }

    fn size(&mut self) -> String {
        match self.rng.below(3) {
            0 => self.word("12"),
            1 => {
                let pick = self.rng.pick(&PARAMETERS);
                self.word(pick)
            }
            _ => self.size_of(),
        }
    }

    fn size_of(&mut self) -> String {
        self.word("size");
        let items = self.list("(", ")", 2, |w, k| {
            let tensor = w.rng.pick(&TENSORS);
            w.word(if k == 0 { tensor } else { "1" })
        });
        node("size", items)
    }

    fn expr(&mut self, depth: usize) -> String {
        let count = 1 + self.rng.below(4).saturating_sub(1);
        let mut terms = vec![format!("+{}", self.term(depth))];
        for _ in 1..count {
            let sign = self.rng.pick(&["+", "-"]);
            self.symbol(sign);
            terms.push(format!("{sign}{}", self.term(depth)));
        }
        if count == 1 { terms.remove(0)[1..].to_string() } else { node("sum", terms) }
    }

    fn term(&mut self, depth: usize) -> String {
        let count = 1 + self.rng.below(4).saturating_sub(1);
        let mut factors = vec![format!("*{}", self.unary(depth))];
        for _ in 1..count {
            let sign = self.rng.pick(&["*", "/"]);
            self.symbol(sign);
            factors.push(format!("{sign}{}", self.unary(depth)));
        }
        if count == 1 { factors.remove(0)[1..].to_string() } else { node("product", factors) }
    }

    fn unary(&mut self, depth: usize) -> String {
        match self.rng.below(if depth == 0 { 6 } else { 10 }) {
            0 => {
                let number = self.rng.pick(&NUMBERS);
                let kind = if number.bytes().all(|b| b.is_ascii_digit()) { "i" } else { "r" };
                format!("{kind}{}", self.word(number))
            }
            1 => self.size_of(),
            2..6 => {
                let pick = self.rng.pick(&TENSORS);
                self.access(pick, 2)
            }
            6 => {
                self.symbol("-");
                node("neg", [self.unary(depth - 1)])
            }
            7 => {
                let (function, count) = self.rng.pick(&FUNCTIONS);
                let name = self.word(function);
                let arguments = self.list("(", ")", count, |w, _| w.expr(depth - 1));
                node("call", [name].into_iter().chain(arguments))
            }
            _ => {
                self.symbol("(");
                let inner = self.expr(depth - 1);
                self.symbol(")");
                inner
            }
        }
    }

    /// An element of a tensor, sometimes without brackets.
    fn access(&mut self, name: &str, depth: usize) -> String {
        let name = self.word(name);
        let (count, mut ellipsis) = (self.rng.below(4), false);
        if count == 0 && self.rng.below(2) == 0 {
            return node(&name, []);
        }
        node(&name, self.list("[", "]", count, |w, _| w.index(depth, &mut ellipsis)))
    }

    fn index(&mut self, depth: usize, ellipsis: &mut bool) -> String {
        match self.rng.below(6) {
            0 if !*ellipsis => {
                *ellipsis = true;
                self.word("...")
            }
            1 => self.merged(),
            2 => {
                let pick = self.rng.pick(&AXES);
                self.word(pick)
            }
            _ => self.affine(depth),
        }
    }

    fn merged(&mut self) -> String {
        self.symbol("(");
        let count = 1 + self.rng.below(3);
        let names: Vec<String> = (0..count)
            .map(|_| {
                let pick = self.rng.pick(&AXES);
                self.word(pick)
            })
            .collect();
        self.symbol(")");
        node("merged", names)
    }

    fn affine(&mut self, depth: usize) -> String {
        let count = 1 + self.rng.below(3);
        let mut parts = Vec::new();
        for k in 0..count {
            let sign = self.rng.pick(&["+", "-"]);
            if k > 0 || sign == "-" {
                self.symbol(sign);
            }
            parts.push(format!("{sign}{}", self.part(depth)));
        }
        match &parts[..] {
            [one] if AXES.contains(&&one[1..]) && one.starts_with('+') => one[1..].to_string(),
            _ => node("affine", parts),
        }
    }

    fn part(&mut self, depth: usize) -> String {
        let before = (self.rng.below(3) == 0).then(|| 1 + self.rng.below(12));
        if let Some(number) = before {
            self.word(&number.to_string());
            if self.rng.below(3) == 0 {
                return number.to_string();
            }
            self.symbol("*");
        }
        let atom = if depth > 0 && self.rng.below(2) == 0 {
            let pick = self.rng.pick(&IDS);
            let name = self.word(pick);
            let (count, mut ellipsis) = (self.rng.below(3), false);
            node("gather", [node(&name, self.list("[", "]", count, |w, _| w.index(depth - 1, &mut ellipsis)))])
        } else {
            let pick = self.rng.pick(&AXES);
            self.word(pick)
        };
        let after = (self.rng.below(4) == 0).then(|| 1 + self.rng.below(12));
        if let Some(number) = after {
            self.symbol("*");
            self.word(&number.to_string());
        }
        match (before, after) {
            (None, None) => atom,
            (a, b) => format!("{}{atom}", a.unwrap_or(1) * b.unwrap_or(1)),
        }
    }

    pub(crate) fn named(&mut self, spaced: bool) -> String {
        let mut terms: Vec<String> = Vec::new();
        for k in 0..1 + self.rng.below(3) {
            if k > 0 {
                self.symbol(",");
            }
            let axes: Vec<&str> = (0..self.rng.below(4)).map(|_| self.rng.pick(&AXES)).collect();
            terms.push(self.bracket(&axes, spaced));
        }
        self.symbol("->");
        let known: Vec<&str> = AXES.into_iter().filter(|axis| terms.iter().any(|term| term.contains(axis))).collect();
        let kept = self.rng.below(known.len() + 1);
        terms.push(self.bracket(&known[..kept], spaced));
        node("named", terms)
    }

    /// These axes, some of them in parentheses.
    fn bracket(&mut self, axes: &[&str], spaced: bool) -> String {
        if !spaced {
            self.symbol("[");
        }
        let dots = (self.rng.below(3) == 0).then(|| self.rng.below(axes.len() + 1));
        let (mut items, mut k) = (Vec::new(), 0);
        while k <= axes.len() {
            if dots == Some(k) {
                items.push(self.word("..."));
            }
            let Some(axis) = axes.get(k) else { break };
            if !spaced && !items.is_empty() && self.rng.below(4) == 0 {
                self.symbol(",");
            }
            if self.rng.below(3) == 0 {
                self.symbol("(");
                items.push(node("merged", [self.word(axis)]));
                self.symbol(")");
            } else {
                items.push(self.word(axis));
            }
            k += 1;
        }
        if !spaced {
            self.symbol("]");
        }
        node("term", items)
    }
}
