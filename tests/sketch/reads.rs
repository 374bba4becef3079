//! Random programs: tensors, index tensors, and indices of all kinds.

use einfold_ir::Dtype::{self, *};
use einfold_ir::OutOfRange;
use einfold_syntax::Options;

use crate::case;
use crate::draw::{Bytes, Noise};
use crate::num::{Num, Tensor};

/// The dtypes that occur together in a program.
const PALETTES: [&[Dtype]; 18] = [
    &[F64],
    &[I64],
    &[F32],
    &[F64, F32],
    &[I32, I64, I8],
    &[F64, I64, F32, I32, Bool],
    &[Bool],
    &[U8, I8, I16, U16],
    &[F16],
    &[BF16],
    &[F16, BF16, F32],
    &[C64],
    &[C32, F32, F64, I16],
    &[CI32, I32],
    &[CI64, CI32, I8],
    &[U64, I64],
    &[F16, I8],
    &[U32, Bool],
];

const ID_DTYPES: [Dtype; 8] = [I64, I32, U8, I8, U64, I16, U32, U16];

pub(super) const NAMES: [&str; 7] = ["i", "j", "k", "l", "n", "e", "f"];

/// The state of writing a program.
pub(super) struct Writer<'b, 'a> {
    pub(super) bytes: &'b mut Bytes<'a>,
    pub(super) noise: Noise,
    pub(super) palette: &'static [Dtype],
    /// The intended size of each axis.
    pub(super) extents: [usize; NAMES.len()],
    /// The axes that `...` covers.
    pub(super) dots: Vec<usize>,
    pub(super) operands: Vec<(String, Tensor)>,
    /// The defined tensors with their shapes.
    pub(super) made: Vec<(String, Tensor)>,
    pub(super) statements: Vec<String>,
    pub(super) options: Options,
    /// Whether indices may be out of range.
    pub(super) outside: bool,
}

/// The number of an axis in `NAMES` and `extents`.
pub(super) type Axis = usize;

impl<'b, 'a> Writer<'b, 'a> {
    pub(super) fn new(bytes: &'b mut Bytes<'a>) -> Writer<'b, 'a> {
        let palette = bytes.pick(&PALETTES);
        let extents = std::array::from_fn(|_| bytes.pick(&[2, 3, 4, 2, 3, 1, 5, 3, 2, 4, 0, 2]));
        let dots = (0..bytes.pick(&[1, 0, 2])).map(|_| bytes.pick(&[2, 3, 1])).collect();
        let policy = bytes.pick(&[OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap, OutOfRange::Error]);
        let outside = if policy == OutOfRange::Error { bytes.once_in(16) } else { bytes.once_in(2) };
        let acc = if bytes.once_in(16) { Some(bytes.pick(&[F64, I64, C64, F32, CI64])) } else { None };
        let options = Options { strict: bytes.once_in(20), acc, out_of_range: policy, ..Options::default() };
        let noise = bytes.noise();
        let (operands, made, statements) = (Vec::new(), Vec::new(), Vec::new());
        Writer { bytes, noise, palette, extents, dots, operands, made, statements, options, outside }
    }

    pub(super) fn complex(&self) -> bool {
        self.palette.iter().any(|d| d.is_complex())
    }

    pub(super) fn gaussian(&self) -> bool {
        self.palette.iter().any(|d| matches!(d, CI32 | CI64))
    }

    pub(super) fn boolean(&self) -> bool {
        self.palette == [Bool]
    }

    pub(super) fn some(&mut self, axes: &[Axis], most: usize) -> Vec<Axis> {
        let mut list = axes.to_vec();
        self.bytes.shuffle(&mut list);
        let count = self.bytes.below(most.min(list.len()) + 1);
        list.truncate(count);
        list
    }

    /// The name of a tensor of this shape: an existing or a new one.
    fn tensor(&mut self, shape: &[usize]) -> String {
        let fits = |(_, t): &&(String, Tensor)| t.shape == shape;
        let mut there: Vec<String> = self.made.iter().filter(fits).map(|(name, _)| name.clone()).collect();
        if self.bytes.once_in(3) {
            there
                .extend(self.operands.iter().filter(|o| o.0.starts_with('x') && fits(o)).map(|(name, _)| name.clone()));
        }
        if !there.is_empty() && self.bytes.below(3) > 0 {
            return there[self.bytes.below(there.len())].clone();
        }
        let dtype = self.bytes.pick(self.palette);
        let small = self.bytes.below(12) > 0 || !case::is_exact(dtype);
        let mut tensor = case::tensor(&mut self.noise, dtype, shape, small);
        if self.bytes.once_in(25) && matches!(dtype, F16 | BF16 | F32 | F64) {
            for x in &mut tensor.data {
                let wild = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
                if let Some(&special) = wild.get(self.noise.between(0, 11) as usize) {
                    *x = Num::Float(special, 0.0);
                }
            }
        }
        self.operand("x", tensor)
    }

    fn operand(&mut self, kind: &str, tensor: Tensor) -> String {
        let name = format!("{kind}{}", self.operands.len());
        self.operands.push((name.clone(), tensor));
        name
    }

    /// An index tensor for an axis of `size`, as `g[n]`.
    pub(super) fn ids(&mut self, axes: &[Axis], size: usize, depth: usize) -> String {
        let dtype = self.bytes.pick(&ID_DTYPES);
        let (indices, mut shape): (Vec<String>, Vec<usize>) = if depth > 0 && self.bytes.once_in(6) {
            let inner = self.bytes.pick(&[2, 3]);
            (vec![self.ids(axes, inner, 0)], vec![inner])
        } else {
            axes.iter().map(|&a| (NAMES[a].to_string(), self.extents[a])).unzip()
        };
        let mut indices = indices;
        if depth > 0 && self.bytes.once_in(12) {
            indices.push("...".into());
            shape.extend(&self.dots);
        }
        let signed = matches!(dtype, I64 | I32 | I8 | I16);
        let (low, high) = match self.outside {
            false => (0, size.max(1) as i128 - 1),
            true => (if signed { -(size as i128) - 1 } else { 0 }, size as i128),
        };
        let data = (0..shape.iter().product()).map(|_| self.noise.between(low, high)).collect::<Vec<_>>();
        let name = self.operand("g", Tensor::ints(dtype, &shape, data));
        if self.bytes.once_in(20) {
            self.options.policy.insert(name.clone(), self.bytes.pick(&[OutOfRange::Drop, OutOfRange::Wrap]));
        }
        format!("{name}[{}]", indices.join(","))
    }

    /// An index along some of these axes, and the size of the axis that it indexes.
    fn index(&mut self, axes: &mut Vec<Axis>) -> (String, usize) {
        let a = axes.pop().unwrap_or(0);
        let (name, n) = (NAMES[a], self.extents[a]);
        match self.bytes.below(24) {
            0..15 => (name.into(), if self.bytes.once_in(14) { 1 } else { n }),
            15 | 16 => {
                let size = self.bytes.pick(&[3, 2, 4, 1]);
                (self.ids(&[a], size, 1), size)
            }
            17 => {
                let both: Vec<Axis> = [Some(a), axes.pop()].into_iter().flatten().collect();
                let size = self.bytes.pick(&[3, 2, 4]);
                (self.ids(&both, size, 1), size)
            }
            18 => {
                let (k, size) = (self.bytes.below(3), self.bytes.pick(&[2, 3]));
                let ids = self.ids(&[a], size, 0);
                let (text, more) = match self.bytes.below(3) {
                    0 => (format!("{ids}+{k}"), k),
                    1 => (format!("2*{ids}"), size),
                    _ => (format!("{ids}+{name}"), n),
                };
                (text, size + more)
            }
            19 => match axes.pop() {
                Some(b) => (format!("({name} {})", NAMES[b]), n * self.extents[b]),
                None => (format!("({name})"), n),
            },
            20 => {
                let k = self.bytes.below(3);
                (format!("{name}+{k}"), n + k + usize::from(self.bytes.once_in(4)))
            }
            21 => match axes.pop() {
                Some(b) => (format!("{name}+{}", NAMES[b]), (n + self.extents[b]).saturating_sub(1)),
                None => (format!("2*{name}+1"), 2 * n),
            },
            22 => {
                let k = n.max(1) - 1 + self.bytes.below(2);
                (format!("{k}-{name}"), k + 1)
            }
            _ => {
                axes.push(a);
                let k = self.bytes.below(3);
                (k.to_string(), k + 1 + self.bytes.below(2))
            }
        }
    }

    /// An access to a tensor along these axes.
    pub(super) fn read(&mut self, axes: &[Axis]) -> String {
        let (mut axes, mut indices, mut shape) = (axes.to_vec(), Vec::new(), Vec::new());
        self.bytes.shuffle(&mut axes);
        while !axes.is_empty() {
            let (text, size) = self.index(&mut axes);
            indices.push(text);
            shape.push(size);
        }
        if self.bytes.once_in(20) {
            let at = self.bytes.below(indices.len() + 1);
            indices.insert(at, "...".into());
            let covered = self.bytes.below(self.dots.len() + 1);
            shape.splice(at..at, self.dots[covered..].iter().copied());
        }
        let name = self.tensor(&shape);
        if indices.is_empty() && self.bytes.below(4) > 0 { name } else { format!("{name}[{}]", indices.join(",")) }
    }
}
