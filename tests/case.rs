//! Random letters, valid by construction: text, tensors, memory layouts.

use std::fmt;

use einfold_ir::Dtype::{self, *};

use crate::draw::{Bytes, Noise};
use crate::layout::Layout;
use crate::num::{Num, Tensor};
use crate::promotion::result_type;

/// An einsum.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) text: String,
    pub(crate) operands: Vec<(Tensor, Layout)>,
}

/// The structure of an expression before its text is written.
struct Sketch {
    terms: Vec<Term>,
    /// Extents of the labels, and of the axes under an ellipsis.
    extents: Vec<usize>,
    dots: Vec<usize>,
    output: Option<Vec<Symbol>>,
}

struct Term {
    symbols: Vec<Symbol>,
    shape: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Symbol {
    Label(usize),
    Dots,
}

/// The size of the cases.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// The extents to choose from.
    extents: &'static [usize],
    /// The largest iteration space in points; matrix products may exceed it.
    points: usize,
    /// Extents of the rows, columns and contracted axes of a matrix product.
    groups: &'static [&'static [usize]],
}

impl Scale {
    /// All kinds of small extents, for the oracle, which is slow.
    pub(crate) const SMALL: Scale = Scale {
        extents: &[2, 3, 4, 2, 3, 5, 1, 7, 2, 3, 4, 0],
        points: 2000,
        groups: &[&[8], &[7], &[2, 4], &[3, 3], &[11], &[4, 1, 2], &[2]],
    };
    /// Extents large enough for several blocks, edges of blocks and several threads.
    pub(crate) const LARGE: Scale = Scale {
        extents: &[5, 16, 33, 8, 64, 2, 130, 9, 1, 300],
        points: 200_000,
        groups: &[&[64], &[100], &[8, 9], &[33, 4], &[270], &[2, 1, 31], &[5]],
    };
}

/// Labels of texts: letters of both cases, other alphabets, and symbols that are valid labels.
const ALPHABETS: [&str; 3] = ["ijkBaZlmnopq", "αjé中ßΩβγδεζη", "×÷ℵ\u{1F600}xÀÁÂÃÄÅÆ"];

impl Case {
    /// A case that is small enough for the oracle, with arithmetic that is exact in every order.
    pub(crate) fn draw(bytes: &mut Bytes<'_>) -> Case {
        Case::draw_scaled(bytes, Scale::SMALL)
    }

    pub(crate) fn draw_scaled(bytes: &mut Bytes<'_>, scale: Scale) -> Case {
        let sketch = if bytes.once_in(8) { Sketch::matrices(bytes, scale) } else { Sketch::draw(bytes, scale) };
        let text = sketch.text(bytes);
        let dtypes = dtypes(bytes, sketch.terms.len());
        let small = bytes.below(3) > 0 || result_type(&dtypes).is_none_or(|d| !is_exact(d));
        let mut noise = bytes.noise();
        let mut operand = |(term, &dtype): (&Term, &Dtype)| {
            let layout = layout(bytes, &term.shape, true);
            (repeated(&layout, &term.shape, |own| tensor(&mut noise, dtype, own, small)), layout)
        };
        let operands = sketch.terms.iter().zip(&dtypes).map(&mut operand).collect();
        Case { text, operands }
    }

    pub(crate) fn tensors(&self) -> Vec<Tensor> {
        self.operands.iter().map(|(t, _)| t.clone()).collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)?;
        self.operands.iter().try_for_each(|(t, l)| write!(f, "\n  {}{:?} {l:?}", t.dtype, t.shape))
    }
}

impl Sketch {
    fn draw(bytes: &mut Bytes<'_>, scale: Scale) -> Sketch {
        let count = bytes.pick(&[2, 1, 2, 3, 1, 2, 3, 4, 5, 6]);
        let mut points = 1;
        let mut extent = |bytes: &mut Bytes<'_>| {
            let wanted = bytes.pick(scale.extents);
            let extent = if points * wanted > scale.points { 1 } else { wanted };
            points *= extent.max(1);
            extent
        };
        let (labels, depth) = (1 + bytes.below(6), bytes.pick(&[0, 0, 0, 0, 1, 2]));
        let (extents, dots) =
            ((0..labels).map(|_| extent(bytes)).collect(), (0..depth).map(|_| extent(bytes)).collect());
        let mut sketch = Sketch { terms: Vec::new(), extents, dots, output: None };
        for _ in 0..count {
            let term = sketch.term(bytes, scale);
            sketch.terms.push(term);
        }
        if !bytes.once_in(4) {
            sketch.output = Some(sketch.outputs(bytes));
        }
        sketch
    }

    /// A product of two matrices whose rows, columns and contracted axes are groups of axes in any order, optionally
    /// with a batch.
    fn matrices(bytes: &mut Bytes<'_>, scale: Scale) -> Sketch {
        let mut extents = Vec::new();
        let mut group = |bytes: &mut Bytes<'_>, sizes: &[&[usize]]| {
            let first = extents.len();
            extents.extend(bytes.pick(sizes));
            (first..extents.len()).collect::<Vec<usize>>()
        };
        let [m, n, k] = [(); 3].map(|()| group(bytes, scale.groups));
        let batch = group(bytes, &[&[], &[], &[2], &[3], &[1]]);
        let mut join = |groups: [&[usize]; 3]| {
            let mut labels: Vec<Symbol> = groups.concat().into_iter().map(Symbol::Label).collect();
            bytes.shuffle(&mut labels);
            labels
        };
        let [a, b, c] = [join([&batch, &m, &k]), join([&batch, &k, &n]), join([&batch, &m, &n])];
        let extent = |symbol: &Symbol| if let Symbol::Label(l) = symbol { extents[*l] } else { 1 };
        let terms = [a, b].map(|symbols| Term { shape: symbols.iter().map(extent).collect(), symbols }).into();
        Sketch { terms, extents, dots: Vec::new(), output: Some(c) }
    }

    fn term(&self, bytes: &mut Bytes<'_>, scale: Scale) -> Term {
        let rank = bytes.pick(&[2, 2, 1, 3, 4, 0]);
        let sizes: Vec<usize> = self.extents.iter().map(|&e| if bytes.once_in(10) { 1 } else { e }).collect();
        let (mut symbols, mut shape) = (Vec::new(), Vec::new());
        let mut elements = 1;
        for label in (0..rank).map(|_| bytes.below(self.extents.len())) {
            // A repeated label makes an operand larger than the iteration space.
            if elements * sizes[label] <= scale.points {
                elements *= sizes[label].max(1);
                symbols.push(Symbol::Label(label));
                shape.push(sizes[label]);
            }
        }
        if !self.dots.is_empty() && bytes.below(3) > 0 {
            let at = bytes.below(symbols.len() + 1);
            let covered = self.dots.len() - bytes.below(self.dots.len() + 1);
            let covered = self.dots[self.dots.len() - covered..].iter().map(|&e| if bytes.once_in(6) { 1 } else { e });
            symbols.insert(at, Symbol::Dots);
            shape.splice(at..at, covered.collect::<Vec<_>>());
        }
        Term { symbols, shape }
    }

    /// Some of the labels in some order, and the ellipsis if an operand has one.
    fn outputs(&self, bytes: &mut Bytes<'_>) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = Vec::new();
        for symbol in self.terms.iter().flat_map(|t| &t.symbols) {
            if !symbols.contains(symbol) {
                symbols.push(*symbol);
            }
        }
        symbols.retain(|s| *s == Symbol::Dots || bytes.below(5) < 3);
        bytes.shuffle(&mut symbols);
        symbols
    }

    /// The text, sometimes with spaces, sometimes with a group.
    fn text(&self, bytes: &mut Bytes<'_>) -> String {
        let names: Vec<char> = ALPHABETS[bytes.pick(&[0, 0, 0, 1, 2])].chars().collect();
        let spaced = bytes.once_in(4);
        let gap = |bytes: &mut Bytes<'_>| if spaced && bytes.once_in(2) { " " } else { "" };
        let write = |bytes: &mut Bytes<'_>, symbols: &[Symbol]| -> String {
            let name = |s: &Symbol| match s {
                Symbol::Label(l) => names[*l].to_string(),
                Symbol::Dots => "...".into(),
            };
            symbols.iter().map(|s| format!("{}{}", name(s), gap(bytes))).collect()
        };
        let mut terms: Vec<String> = self.terms.iter().map(|t| write(bytes, &t.symbols)).collect();
        if terms.len() > 2 && bytes.once_in(4) {
            group(bytes, &mut terms);
        }
        let mut text = terms.join(if spaced { " , " } else { "," });
        if let Some(output) = &self.output {
            text += &format!("{}->{}", gap(bytes), gap(bytes));
            text += &write(bytes, output);
        }
        text
    }
}

/// Puts parentheses around two or more adjacent terms.
fn group(bytes: &mut Bytes<'_>, terms: &mut Vec<String>) {
    let first = bytes.below(terms.len() - 1);
    let last = first + 1 + bytes.below(terms.len() - first - 1);
    let inside = terms.drain(first..=last).collect::<Vec<_>>().join(",");
    terms.insert(first, format!("({inside})"));
}

/// One dtype for all operands, or several that are promoted.
fn dtypes(bytes: &mut Bytes<'_>, count: usize) -> Vec<Dtype> {
    const GAUSSIAN: [Dtype; 7] = [CI32, CI64, Bool, I8, I16, I32, I64];
    match bytes.below(6) {
        0..4 => vec![
            bytes
                .pick(&[F64, I64, F32, C64, I32, C32, Bool, I8, U8, I16, U16, U32, U64, F16, BF16, CI32, CI64]);
            count
        ],
        4 => (0..count).map(|_| bytes.pick(&Dtype::BUILTIN[..15])).collect(),
        _ => (0..count).map(|_| bytes.pick(&GAUSSIAN)).collect(),
    }
}

/// Whether arithmetic in a dtype is exact.
pub(crate) fn is_exact(dtype: Dtype) -> bool {
    !matches!(dtype, F16 | BF16 | F32 | F64 | C32 | C64)
}

/// A tensor with integer values; small values make sums of products exact in every dtype.
pub(crate) fn tensor(noise: &mut Noise, dtype: Dtype, shape: &[usize], small: bool) -> Tensor {
    let least = if matches!(dtype, Bool | U8 | U16 | U32 | U64) { 0 } else { -3 };
    let mut part = || if small { noise.between(least, 3) } else { i128::from(noise.next()) };
    let complex = dtype.is_complex();
    let mut number = || Num::Int(part(), if complex { part() } else { 0 }).to(dtype);
    Tensor { dtype, shape: shape.to_vec(), data: (0..shape.iter().product()).map(|_| number()).collect() }
}

/// A tensor that is constant along the axes that have stride 0 in a layout.
pub(crate) fn repeated(layout: &Layout, shape: &[usize], make: impl FnOnce(&[usize]) -> Tensor) -> Tensor {
    let own = shape.iter().zip(&layout.repeated).map(|(&n, &r)| if r { n.min(1) } else { n });
    let base = make(&own.collect::<Vec<_>>());
    let data = crate::num::points(shape).map(|p| base.data[base.offset(p)]).collect();
    Tensor { shape: shape.to_vec(), data, ..base }
}

/// A random layout. A layout for an output has no stride 0.
pub(crate) fn layout(bytes: &mut Bytes<'_>, shape: &[usize], repeats: bool) -> Layout {
    let mut layout = Layout::row_major(shape.len());
    if bytes.once_in(2) {
        bytes.shuffle(&mut layout.order);
    }
    if bytes.once_in(3) {
        for k in 0..shape.len() {
            layout.step[k] = bytes.pick(&[1, 1, 2, 3]);
            layout.reversed[k] = bytes.once_in(3);
            layout.repeated[k] = repeats && bytes.once_in(5);
        }
    }
    layout
}

#[test]
fn drawn_cases_are_valid_and_varied() {
    use std::cell::RefCell;
    let seen = RefCell::new(std::collections::BTreeMap::<&str, usize>::new());
    crate::draw::check(2000, |bytes| {
        let case = Case::draw(bytes);
        let Some(result) = crate::oracle::einsum(&case.text, &case.tensors()) else { return Err(case.to_string()) };
        let note = |what, holds: bool| *seen.borrow_mut().entry(what).or_default() += usize::from(holds);
        note("ellipsis", case.text.contains("..."));
        note("group", case.text.contains('('));
        note("implicit", !case.text.contains("->"));
        note("empty", result.data.is_empty());
        note("mixed", case.operands.iter().any(|o| o.0.dtype != result.dtype));
        note("not zero", result.data.iter().any(|x| x.parts() != (0.0, 0.0)));
        note("strided", case.operands.iter().any(|o| o.1 != Layout::row_major(o.0.shape.len())));
        Ok(())
    });
    assert!(seen.borrow().values().all(|&n| n > 100), "{seen:?}");
}
