//! Random letters and named subscripts in any algebra.

use einfold::algebra::{ALGEBRAS, IntoAlgebra};
use einfold_ir::Dtype::{self, *};
use einfold_ir::{Algebra, BinaryOp};
use einfold_syntax::Options;

use super::Question;
use crate::case::{self, Case};
use crate::draw::Bytes;

const NAMES: [&str; 7] = ["row", "col", "b", "k", "x1", "_", "é"];

/// Axes by number, for `NAMES` and for sizes.
enum Item {
    Axis(usize),
    Group(usize, usize),
    Dots,
}

/// Axes in any order, sometimes two in a merged axis.
fn items(bytes: &mut Bytes<'_>, axes: &[usize], dots: bool) -> Vec<Item> {
    let (mut axes, mut items) = (axes.to_vec(), Vec::new());
    bytes.shuffle(&mut axes);
    while let Some(a) = axes.pop() {
        let group = if bytes.once_in(6) { axes.pop() } else { None };
        items.push(group.map_or(Item::Axis(a), |b| Item::Group(a, b)));
    }
    if dots {
        items.insert(bytes.below(items.len() + 1), Item::Dots);
    }
    items
}

fn written(items: &[Item]) -> String {
    let one = |item: &Item| match item {
        Item::Axis(a) => NAMES[*a].to_string(),
        Item::Group(a, b) => format!("({} {})", NAMES[*a], NAMES[*b]),
        Item::Dots => "...".to_string(),
    };
    format!("[{}]", items.iter().map(one).collect::<Vec<_>>().join(" "))
}

/// An algebra that is defined on most dtypes.
fn algebra(bytes: &mut Bytes<'_>, dtypes: &[Dtype]) -> Algebra {
    let algebra = bytes.pick(&ALGEBRAS).into_algebra().0;
    let complex = dtypes.iter().any(|d| d.is_complex());
    let float = dtypes.iter().all(|d| matches!(d, F16 | BF16 | F32 | F64));
    let fits = match algebra {
        Algebra::Builtin { add: BinaryOp::Add, .. } => true,
        Algebra::Builtin { add: BinaryOp::LogAddExp, .. } => float,
        Algebra::Builtin { add: BinaryOp::Or, .. } => !float && !complex,
        _ => !complex,
    };
    if fits || bytes.once_in(12) { algebra } else { Algebra::SUM_PRODUCT }
}

impl Question {
    /// Named subscripts.
    pub(crate) fn named(bytes: &mut Bytes<'_>) -> Question {
        let sizes: [usize; NAMES.len()] = std::array::from_fn(|_| bytes.pick(&[2, 3, 4, 1, 2, 5, 3, 0]));
        let dots: Vec<usize> = (0..bytes.pick(&[0, 1, 2])).map(|_| bytes.pick(&[2, 3, 1])).collect();
        let palette = bytes.pick(&[
            &[F64][..],
            &[I64],
            &[F32],
            &[Bool],
            &[I8, U8],
            &[F16],
            &[BF16],
            &[C64],
            &[CI64],
            &[F32, I32],
        ]);
        let strict = bytes.once_in(12);
        let mut noise = bytes.noise();
        let (mut terms, mut operands, mut used, mut seen) = (Vec::new(), Vec::new(), Vec::new(), false);
        for _ in 0..bytes.pick(&[2, 1, 3, 2, 4]) {
            let axes: Vec<usize> = (0..bytes.below(4)).map(|_| bytes.below(NAMES.len())).collect();
            let has_dots = !dots.is_empty() && bytes.once_in(3);
            seen |= has_dots;
            let items = items(bytes, &axes, has_dots);
            let mut shape = Vec::new();
            for item in &items {
                match item {
                    Item::Axis(a) => shape.push(if !strict && bytes.once_in(10) { 1 } else { sizes[*a] }),
                    Item::Group(a, b) => shape.push(sizes[*a] * sizes[*b]),
                    Item::Dots => shape.extend(&dots[bytes.below(dots.len())..]),
                }
            }
            let tensor = case::tensor(&mut noise, bytes.pick(palette), &shape, bytes.below(8) > 0);
            operands.push((String::new(), tensor, case::layout(bytes, &shape, false)));
            terms.push(written(&items));
            used.extend(axes);
        }
        used.sort_unstable();
        used.dedup();
        let mut options = Options { strict, ..Options::default() };
        for &a in &used {
            if bytes.once_in(3) {
                options.sizes.insert(NAMES[a].into(), sizes[a]);
            }
        }
        used.retain(|_| bytes.below(5) < 3);
        let text = format!("{} -> {}", terms.join(", "), written(&items(bytes, &used, seen)));
        let dtypes: Vec<Dtype> = operands.iter().map(|o| o.1.dtype).collect();
        options.algebra = algebra(bytes, &dtypes);
        options.acc = if bytes.once_in(12) { Some(bytes.pick(&[F64, I64, C64, F32])) } else { None };
        Question { text, operands, options }
    }

    /// Letters. In algebras other than (+, ×) parentheses may change the value, so there are none.
    pub(crate) fn letters(bytes: &mut Bytes<'_>) -> Question {
        let Case { mut text, operands } = Case::draw(bytes);
        let dtypes: Vec<Dtype> = operands.iter().map(|o| o.0.dtype).collect();
        let algebra = algebra(bytes, &dtypes);
        if algebra != Algebra::SUM_PRODUCT {
            text.retain(|c| !"()".contains(c));
        }
        let acc = if bytes.once_in(12) { Some(bytes.pick(&[F64, I64, C64, F32])) } else { None };
        let operands = operands.into_iter().map(|(t, layout)| (String::new(), t, layout)).collect();
        Question { text, operands, options: Options { algebra, acc, ..Options::default() } }
    }
}
