//! Random programs: expressions, left sides and statements.

use einfold_ir::Dtype::*;
use einfold_ir::Literal;
use einfold_syntax::Options;

use super::Question;
use super::reads::{Axis, NAMES, Writer};
use crate::case;
use crate::draw::Bytes;
use crate::num::Tensor;
use crate::oracle;

impl Writer<'_, '_> {
    fn literal(&mut self) -> String {
        let real = ["0.5", "2.", "1e0", ".25"];
        let whole = ["2", "1", "3", "0"];
        let exact = self.gaussian() || self.boolean();
        let list = if exact || self.bytes.below(3) > 0 { &whole } else { &real };
        self.bytes.pick(list).into()
    }

    /// A function of expressions along these axes.
    fn call(&mut self, axes: &[Axis], depth: usize) -> String {
        const ANY: [&str; 12] =
            ["abs", "exp", "max", "min", "where", "sign", "tanh", "sigmoid", "sqrt", "pow", "cos", "eq"];
        const COMPLEX: [&str; 7] = ["conj", "re", "im", "abs", "exp", "sin", "where"];
        const GAUSSIAN: [&str; 4] = ["conj", "re", "im", "where"];
        let names: &[&str] = match (self.gaussian(), self.complex()) {
            (true, _) => &GAUSSIAN,
            (_, true) => &COMPLEX,
            _ => &ANY,
        };
        let name = self.bytes.pick(names);
        let mut argument = || {
            let axes = self.some(axes, 2);
            self.expr(&axes, &axes, &axes, depth + 1)
        };
        match name {
            "max" | "min" | "eq" => format!("{name}({},{})", argument(), argument()),
            "pow" => format!("pow({},2)", argument()),
            "exp" => format!("exp(0.25*({}))", argument()),
            "where" => format!("where(eq({},1),{},{})", argument(), argument(), argument()),
            _ => format!("{name}({})", argument()),
        }
    }

    /// A product with all of `must`, optionally some of `may`, and only `inner` in functions and parentheses.
    fn product(&mut self, must: &[Axis], may: &[Axis], inner: &[Axis], depth: usize) -> String {
        let (head, rest) = must.split_at(must.len().min(1 + self.bytes.below(3)));
        let mut factors = vec![self.read(head)];
        if !rest.is_empty() {
            factors.push(self.read(rest));
        }
        for _ in 0..self.bytes.pick(&[0, 1, 0, 2]) {
            let factor = match self.bytes.below(if depth < 2 { 9 } else { 5 }) {
                0..4 => {
                    let axes = self.some(may, 3);
                    self.read(&axes)
                }
                4 => self.literal(),
                5 | 6 => self.call(inner, depth),
                7 => {
                    let axes = self.some(inner, 2);
                    format!("({})", self.expr(&axes, &axes, &axes, depth + 1))
                }
                _ => {
                    let axes = self.some(inner, 1);
                    format!("(-{})", self.read(&axes))
                }
            };
            let at = self.bytes.below(factors.len() + 1);
            factors.insert(at, factor);
        }
        let mut text = factors.join("*");
        if self.bytes.once_in(14) && !self.gaussian() {
            let axes = self.some(inner, 1);
            text += &format!("/{}", self.read(&axes));
        }
        text
    }

    /// A sum of terms, the first of which has all of `must`.
    fn expr(&mut self, must: &[Axis], may: &[Axis], inner: &[Axis], depth: usize) -> String {
        let mut text = self.product(must, may, inner, depth);
        for _ in 0..self.bytes.pick(&[0, 0, 1, 0, 2]) {
            let axes = if depth == 0 && self.bytes.below(3) > 0 { must.to_vec() } else { self.some(may, 2) };
            let sign = if self.boolean() || self.bytes.below(2) == 0 { " + " } else { " - " };
            text += sign;
            text += &self.product(&axes, may, inner, depth + 1);
        }
        if self.bytes.once_in(24) && !self.boolean() { format!("-({text})") } else { text }
    }

    fn assign(&mut self) -> &'static str {
        let first: &[&str] = &["=", "+=", "=", "+="];
        let all: &[&str] = match self.palette {
            _ if self.gaussian() => &["*=", "+=", "="],
            _ if self.complex() => &["*=", "mean="],
            [F64 | F32 | F16 | BF16, ..] => &["max=", "min=", "mean=", "lse=", "*="],
            _ => &["max=", "min=", "mean=", "*=", "|=", "&=", "lse="],
        };
        let list = if self.bytes.below(5) < 2 { first } else { all };
        self.bytes.pick(list)
    }

    /// Optionally `:` and the size of an axis of the result.
    fn declared(&mut self, size: usize) -> String {
        match self.bytes.below(4) {
            0 => format!(":{size}"),
            1 => {
                let name = format!("K{}", self.options.sizes.len());
                self.options.sizes.insert(name.clone(), size);
                format!(":{name}")
            }
            2 => {
                let holds = |(name, t): &&(String, Tensor)| t.shape.contains(&size) && !name.starts_with('g');
                let found = self.operands.iter().chain(&self.made).find(holds);
                found.map_or(format!(":{size}"), |(name, t)| {
                    format!(":size({name},{})", t.shape.iter().position(|n| *n == size).unwrap_or(0))
                })
            }
            _ => format!(":{size}"),
        }
    }

    /// The left side for these axes.
    fn left(&mut self, kept: &[Axis], scatter: bool) -> Vec<String> {
        let (mut axes, mut left) = (kept.to_vec(), Vec::new());
        while let Some(a) = axes.pop() {
            let (name, n) = (NAMES[a], self.extents[a]);
            let how = self.bytes.below(if scatter { 20 } else { 12 });
            left.push(match how {
                0..9 => name.into(),
                9 => format!("{name}{}", self.declared(n)),
                10 | 11 => match axes.pop() {
                    Some(b) => format!("({name} {})", NAMES[b]),
                    None => name.into(),
                },
                12..16 => {
                    let size = self.bytes.pick(&[3, 2, 5, 4]);
                    let ids = self.ids(&[a], size, 1);
                    let size =
                        if self.bytes.below(3) > 0 || self.outside { self.declared(size) } else { String::new() };
                    format!("{ids}{size}")
                }
                16 => format!("{name}+1{}", if self.bytes.once_in(2) { self.declared(n + 2) } else { String::new() }),
                17 => match axes.pop() {
                    Some(b) => format!("{name}+{}", NAMES[b]),
                    None => format!("2*{name}"),
                },
                18 => format!("{name},{name}"),
                _ => {
                    axes.push(a);
                    format!("1{}", if self.bytes.once_in(2) { self.declared(3) } else { String::new() })
                }
            });
        }
        if self.bytes.once_in(16) {
            let size = self.declared(2);
            left.push(format!("z{size}"));
        }
        left
    }

    fn statement(&mut self, name: &str, assign: &str) -> String {
        let all: Vec<Axis> = (0..NAMES.len()).collect();
        let mut axes = self.some(&all, 4);
        let reduced = axes.split_off(axes.len() - self.bytes.below(axes.len().min(2) + 1));
        let (kept, both) = (axes.clone(), [axes, reduced].concat());
        let mut left = self.left(&kept, assign != "=");
        let right = match assign {
            "=" => self.expr(&both, &both, &kept, 0),
            _ => self.expr(&both, &both, &both, 0),
        };
        if right.contains("...") && self.bytes.below(8) > 0 {
            left.push("...".into());
        }
        let brackets = if left.is_empty() { String::new() } else { format!("[{}]", left.join(",")) };
        let sizes = if self.bytes.once_in(16) { " for y:2" } else { "" };
        format!("{name}{brackets} {assign} {right}{sizes}")
    }

    fn text(&self) -> String {
        self.statements.join("\n")
    }

    /// Adds a statement. A statement that the oracle rejects is mostly removed again.
    fn add(&mut self, name: &str, assign: &str) -> bool {
        let (operands, options) = (self.operands.len(), self.options.clone());
        let statement = self.statement(name, assign);
        self.statements.push(statement);
        let asked = Options { outputs: Some(vec![name.into()]), ..self.options.clone() };
        match oracle::answer(&self.text(), &self.operands, &asked) {
            Ok(mut answer) => {
                self.made.retain(|(other, _)| other != name);
                self.made.push(answer.results.remove(0));
                true
            }
            Err(_) if self.bytes.below(12) > 0 => {
                self.statements.pop();
                self.operands.truncate(operands);
                self.options = options;
                true
            }
            Err(_) => false,
        }
    }

    fn write(mut self) -> Question {
        let mut last: Option<(String, &'static str)> = None;
        for k in 0..2 + self.bytes.below(4) {
            // Another contribution to the previous name, if that has not been read.
            let (name, assign) = match last.take() {
                Some(again) if self.bytes.once_in(3) && again.1 != "=" => again,
                _ => (format!("Y{k}"), self.assign()),
            };
            let before = self.statements.len();
            if !self.add(&name, assign) {
                break;
            }
            if self.statements.len() > before {
                if self.bytes.once_in(8) && assign != "=" {
                    self.options.fill.insert(name.clone(), Literal::Int(7));
                }
                last = Some((name, assign));
            }
        }
        if self.statements.is_empty() {
            self.statements.push("Y = 1".into());
        }
        if self.bytes.once_in(4) && !self.made.is_empty() {
            let names: Vec<String> = self.made.iter().map(|(name, _)| name.clone()).collect();
            let mut asked: Vec<String> = (0..2).map(|_| names[self.bytes.below(names.len())].clone()).collect();
            asked.dedup();
            self.options.outputs = Some(asked);
        }
        let text = self.text();
        let Writer { bytes, operands, options, .. } = self;
        let lies = |(name, t): (String, Tensor)| {
            let layout = case::layout(bytes, &t.shape, false);
            (name, t, layout)
        };
        Question { text, operands: operands.into_iter().map(lies).collect(), options }
    }
}

impl Question {
    /// A program of a few statements, usually valid.
    pub(crate) fn program(bytes: &mut Bytes<'_>) -> Question {
        Writer::new(bytes).write()
    }
}
