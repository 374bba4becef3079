//! Random questions of all levels, mostly valid: text, operands, memory layouts, options.

mod reads;
mod statements;
mod subscripts;

use std::fmt;

use einfold_ir::{Algebra, Dtype, OutOfRange};
use einfold_syntax::Options;

use crate::case;
use crate::draw::Bytes;
use crate::layout::Layout;
use crate::num::{Num, Tensor};

/// A text of any level with operands, level and options.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) operands: Vec<(String, Tensor, Layout)>,
    pub(crate) options: Options,
}

impl Question {
    /// The operands in the form that the oracle takes.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        self.operands.iter().map(|(name, tensor, _)| (name.clone(), tensor.clone())).collect()
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)?;
        for (name, t, layout) in &self.operands {
            let number = |x: &Num| match x {
                Num::Int(re, 0) => re.to_string(),
                Num::Float(re, 0.0) => format!("{re:?}"),
                other => format!("{other:?}"),
            };
            let data: Vec<String> = t.data.iter().map(number).collect();
            write!(f, "\n  {name}: {}{:?} {}", t.dtype, t.shape, data.join(" "))?;
            if *layout != Layout::row_major(t.shape.len()) {
                write!(f, " {layout:?}")?;
            }
        }
        write!(f, "\n  {:?}", self.options)
    }
}

/// Strings that are inserted into a text to break it.
const PIECES: [&str; 30] = [
    "i", "j", "k", "x0", "Y0", "g1", "[", "]", "(", ")", ",", ":", ";", "\n", "=", "+=", "max=", "+", "-", "*", "/",
    "2", "0", "...", " ", "->", "where", "0.5", "for", "#",
];

impl Question {
    /// Mutates the text, an operand or an option.
    pub(crate) fn mutate(&mut self, bytes: &mut Bytes<'_>) {
        for _ in 0..1 + bytes.below(2) {
            match bytes.below(8) {
                0..5 => self.mutate_text(bytes),
                5 | 6 => self.mutate_operand(bytes),
                _ => self.mutate_option(bytes),
            }
        }
    }

    fn mutate_text(&mut self, bytes: &mut Bytes<'_>) {
        let mut chars: Vec<char> = self.text.chars().collect();
        let at = bytes.below(chars.len() + 1);
        let end = chars.len().min(at + 1 + bytes.below(3));
        let piece = bytes.pick(&PIECES).chars().collect::<Vec<_>>();
        match bytes.below(4) {
            0 => drop(chars.splice(at..at, piece)),
            1 => drop(chars.drain(at..end)),
            2 => drop(chars.splice(at..end, piece)),
            _ => {
                // Replaces a statement by another one, or duplicates one.
                let mut lines: Vec<&str> = self.text.split('\n').collect();
                let (a, b) = (bytes.below(lines.len()), bytes.below(lines.len()));
                if bytes.once_in(2) {
                    lines.swap(a, b)
                } else {
                    lines.insert(a, lines[b])
                }
                chars = lines.join("\n").chars().collect();
            }
        }
        self.text = chars.into_iter().collect();
    }

    fn mutate_operand(&mut self, bytes: &mut Bytes<'_>) {
        if self.operands.is_empty() {
            return;
        }
        let k = bytes.below(self.operands.len());
        if bytes.once_in(4) {
            self.operands.remove(k);
            return;
        }
        let (_, tensor, layout) = &mut self.operands[k];
        let mut shape = tensor.shape.clone();
        let dtype = if bytes.once_in(2) { bytes.pick(&Dtype::BUILTIN) } else { tensor.dtype };
        match bytes.below(3) {
            0 => {}
            1 if !shape.is_empty() => drop(shape.pop()),
            1 => shape.push(2),
            _ => shape.iter_mut().for_each(|n| *n = if bytes.once_in(2) { bytes.pick(&[1, 2, 3, 0]) } else { *n }),
        }
        *tensor = case::tensor(&mut bytes.noise(), dtype, &shape, true);
        *layout = Layout::row_major(shape.len());
    }

    fn mutate_option(&mut self, bytes: &mut Bytes<'_>) {
        let options = &mut self.options;
        let name: String = bytes.pick(&["Y0", "g1", "x0", "K0", "q"]).into();
        match bytes.below(6) {
            0 => options.strict = !options.strict,
            1 => options.algebra = bytes.pick(&[Algebra::MAX_PLUS, Algebra::MIN_TIMES, Algebra::OR_AND]),
            2 => drop(options.sizes.insert(name, bytes.pick(&[2, 3, 1, 0]))),
            3 => drop(options.policy.insert(name, OutOfRange::Drop)),
            4 => options.outputs = Some(vec![name]),
            _ => options.acc = Some(bytes.pick(&Dtype::BUILTIN)),
        }
    }
}
