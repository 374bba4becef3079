//! The rows of the comparison: an expression, shapes and a dtype each, in groups.

use std::fmt::{self, Display};

/// The tensor contractions and the contractions of several operands.
const WORKLOADS: &str = include_str!("../data/workloads.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F64,
    C32,
    C64,
    I32,
    I64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algebra {
    SumProduct,
    MinPlus,
}

/// One contraction of operands in C order.
pub struct Row {
    pub group: &'static str,
    pub name: String,
    pub text: String,
    pub shapes: Vec<Vec<usize>>,
    pub dtype: Dtype,
    pub algebra: Algebra,
}

/// Writes the form that arguments of the command select by: `square/256 nn f64`.
impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.group, self.name, format!("{:?}", self.dtype).to_lowercase())
    }
}

/// All rows, those of a group next to each other.
pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    square(&mut rows);
    complex(&mut rows);
    thin(&mut rows);
    workloads(&mut rows);
    cliff(&mut rows);
    layouts(&mut rows);
    tiny(&mut rows);
    algebras(&mut rows);
    rows
}

fn row<S: Into<Vec<usize>>>(
    group: &'static str,
    name: impl Into<String>,
    text: &str,
    shapes: impl IntoIterator<Item = S>,
    dtype: Dtype,
) -> Row {
    let shapes = shapes.into_iter().map(S::into).collect();
    Row { group, name: name.into(), text: text.to_owned(), shapes, dtype, algebra: Algebra::SumProduct }
}

fn square(rows: &mut Vec<Row>) {
    const SIZES: [usize; 14] = [8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
    /// The sizes that are measured with transposed operands and a transposed result too.
    const TRANSPOSED: [usize; 4] = [32, 64, 256, 1024];
    const LAYOUTS: [(&str, &str); 5] = [
        ("nn", "ij,jk->ik"),
        ("tn", "ji,jk->ik"),
        ("nt", "ij,kj->ik"),
        ("tt", "ji,kj->ik"),
        ("nn transposed", "ij,jk->ki"),
    ];
    for dtype in [Dtype::F64, Dtype::F32] {
        for n in SIZES {
            let layouts = if TRANSPOSED.contains(&n) { &LAYOUTS[..] } else { &LAYOUTS[..1] };
            rows.extend(
                layouts.iter().map(|(name, text)| row("square", format!("{n} {name}"), text, [[n, n]; 2], dtype)),
            );
        }
    }
}

fn complex(rows: &mut Vec<Row>) {
    for dtype in [Dtype::C64, Dtype::C32] {
        for n in [64, 128, 256, 512, 1024] {
            rows.push(row("complex", n.to_string(), "ij,jk->ik", [[n, n]; 2], dtype));
        }
    }
}

/// Products whose extents, in the order m, k, n, differ by much.
fn thin(rows: &mut Vec<Row>) {
    for dtype in [Dtype::F64, Dtype::F32] {
        for (m, k, n) in [(1024, 16, 1024), (1024, 1024, 16), (16, 1024, 1024), (50_000, 24, 24), (64, 57_600, 64)] {
            rows.push(row("thin", format!("{m}x{k}x{n}"), "ij,jk->ik", [[m, k], [k, n]], dtype));
        }
        rows.push(row("thin", "gemv", "ij,j->i", [vec![4096, 4096], vec![4096]], dtype));
        rows.push(row("thin", "gemv transposed", "ij,i->j", [vec![4096, 4096], vec![4096]], dtype));
        rows.push(row("thin", "ger", "i,j->ij", [[2048], [2048]], dtype));
    }
}

fn workloads(rows: &mut Vec<Row>) {
    for line in WORKLOADS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [group, name, text, shapes, dtype] = fields[..] else { panic!("five fields: {line}") };
        let group = ["tccg", "tccg-full", "multi"].into_iter().find(|known| *known == group).expect("a known group");
        let dtype = if dtype == "f32" { Dtype::F32 } else { Dtype::F64 };
        let shape = |shape: &str| shape.split('x').map(|n| n.parse().expect("an extent")).collect::<Vec<usize>>();
        rows.push(row(group, name, text, shapes.split(',').map(shape), dtype));
    }
}

/// Contractions that are slow if the layout of the output or a short axis is handled badly.
fn cliff(rows: &mut Vec<Row>) {
    let mera: [&[usize]; 2] = [&[55_296, 8, 48], &[48, 8, 4]];
    for text in ["xmk,knp->xmnp", "xmk,knp->xnmp"] {
        rows.push(row("cliff", text, text, mera, Dtype::F64));
    }
    for d in [9, 30] {
        for c in [1, 2, 4, 8, 16, 32, 64] {
            let shapes = [vec![60, 64], vec![d, c, 64, 64]];
            rows.push(row("cliff", format!("be,dcea->dcba d={d} c={c}"), "be,dcea->dcba", shapes, Dtype::F32));
        }
    }
}

/// A random sample of the layouts of three contractions, with the extents of the axes. The layout should not matter.
fn layouts(rows: &mut Vec<Row>) {
    const CONTRACTIONS: [(&str, [&str; 3], &[usize]); 3] = [
        ("layout of 3 axes", ["abe", "ecd", "abcd"], &[40, 36, 24, 60, 96]),
        ("layout of 4 axes", ["abef", "fecd", "abcd"], &[24, 20, 18, 28, 16, 14]),
        ("layout of a batch", ["gabe", "gecd", "gabcd"], &[12, 14, 10, 20, 60, 0, 16]),
    ];
    const SAMPLE: usize = 67;
    let mut state = 12_345_u64;
    let mut below = move |n: usize| {
        // A linear congruential generator with the constants of Knuth's MMIX; its high bits are good.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for (group, terms, extents) in CONTRACTIONS {
        for _ in 0..SAMPLE {
            let [a, b, c] = terms.map(|term| {
                let mut axes: Vec<char> = term.chars().collect();
                (1..axes.len()).for_each(|k| axes.swap(k, below(k + 1)));
                axes.into_iter().collect::<String>()
            });
            let shape = |term: &str| term.bytes().map(|axis| extents[usize::from(axis - b'a')]).collect::<Vec<_>>();
            let text = format!("{a},{b}->{c}");
            rows.push(row(group, &text, &text, [shape(&a), shape(&b)], Dtype::F64));
        }
    }
}

/// Batches of tiny matrices, about a million elements an operand.
fn tiny(rows: &mut Vec<Row>) {
    for dtype in [Dtype::F64, Dtype::F32] {
        for n in [3, 4, 5, 8, 16] {
            let batch = (1 << 20) / (n * n);
            rows.push(row("tiny", format!("{n} batch outside"), "bij,bjk->bik", [[batch, n, n]; 2], dtype));
            rows.push(row("tiny", format!("{n} batch innermost"), "ijb,jkb->ikb", [[n, n, batch]; 2], dtype));
        }
    }
}

/// Integers and the shortest-path algebra.
fn algebras(rows: &mut Vec<Row>) {
    for n in [64, 256, 512] {
        for dtype in [Dtype::I32, Dtype::I64] {
            rows.push(row("algebra", n.to_string(), "ij,jk->ik", [[n, n]; 2], dtype));
        }
        for dtype in [Dtype::F32, Dtype::F64] {
            let sum_product = row("algebra", format!("{n} min-plus"), "ij,jk->ik", [[n, n]; 2], dtype);
            rows.push(Row { algebra: Algebra::MinPlus, ..sum_product });
        }
    }
}
