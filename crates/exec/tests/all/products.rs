//! Products whose axes are not those of matrices, and batches of small products: every instruction set, number of threads,
//! α and β, with and without room for packed blocks.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, Element, Isa, Scratch, bind};
use einfold_ir::{Algebra, Axis, Dtype, Plan, packed_bytes};

use super::support::{Build, Random, each, row_major};

const CASES: &[(&str, &[usize])] = &[
    ("dbea,ec->abcd", &[8, 12, 6, 12, 16]),
    ("efbad,cf->abcde", &[8, 4, 6, 12, 8, 10]),
    ("dabfe,fc->edcba", &[12, 5, 7, 8, 12, 9]),
    ("dega,gfbc->abcdef", &[4, 4, 8, 4, 8, 8, 6]),
    ("cad,dcb->ab", &[30, 20, 12, 40]),
    ("aebf,fdec->abcd", &[7, 9, 5, 6, 11, 13]),
    ("acbd,bcde->ea", &[70, 5, 6, 7, 60]),
    // Sides of more loops than a tensor usually has.
    ("agbhcidjekfl,mfnaobpcqdre->gmhniojpkqlr", &[2; 18]),
    // A batch, in which products of one position are shared by threads.
    ("facb,fbdc->fad", &[40, 12, 9, 40, 0, 3]),
    ("acbf,bfdc->daf", &[40, 12, 9, 40, 0, 3]),
    // Products of few points: one alone, batches of matrices, of matrices and vectors, and of two axes.
    ("ab,bc->ac", &[4, 5, 6]),
    // Few tiles: a single product without blocks.
    ("ab,bc->ac", &[8, 9, 7]),
    ("ab,cb->ca", &[9, 16, 11]),
    ("ba,bc->ac", &[17, 8, 26]),
    ("dab,dbc->dac", &[5, 6, 4, 1500]),
    ("adb,cbd->dca", &[3, 3, 3, 2000]),
    ("cab,cb->ca", &[7, 9, 700]),
    ("daeb,dbce->edac", &[2, 3, 4, 60, 50]),
    // Batches inside: of matrices, in parts, with two contracted axes, and of an extent without divisors.
    ("abd,bcd->acd", &[8, 8, 7, 1280]),
    ("abed,bced->acd", &[3, 2, 4, 601, 5]),
    // Batches of matrices with rows, contiguous lanes and k, plain and in another order of the axes.
    ("dab,dbc->dac", &[7, 8, 9, 40]),
    ("dba,bdc->dac", &[5, 6, 3, 300]),
    ("dab,dbc->adc", &[5, 6, 16, 30]),
    // Few elements with long sums: in parts of the contracted axes.
    ("ab,bc->ac", &[20, 9001, 24]),
    ("eabc,cdbe->ead", &[16, 101, 83, 16, 2]),
    // Lanes packed in long runs, and results past the caches.
    ("adb,bc->dac", &[9, 17, 1030, 8]),
    // A matrix and a vector: rows of the matrix, and columns, in parts and not; outer products.
    ("ab,b->a", &[37, 700]),
    ("bac,cb->ab", &[9, 5, 130]),
    ("ab,a->b", &[2100, 300]),
    ("ab,a->b", &[90, 5000]),
    ("a,b->ab", &[70, 41]),
    ("b,ca->cab", &[9, 70, 3]),
];

/// The caches that plans are made for are small, so that results are written past them.
const CACHE: u64 = 1 << 12;

/// The fewest contracted positions of a part of a long sum of a product.
const PART: usize = 2048;
/// The most parts of a long sum of a nest.
const CHUNKS: usize = 64;

/// A small integer as an element.
trait Number: Element + PartialEq + std::fmt::Debug {
    fn of(x: i64) -> Self;
}

macro_rules! numbers {
    ($($t:ident)*) => { $(
        impl Number for $t {
            fn of(x: i64) -> $t {
                x as $t
            }
        }
    )* };
}
numbers!(f32 f64 i32);

/// Bytes of α and β, each aligned, with their conversions.
const CONSTANTS: usize = 512;

/// The operands of a case, and its sums.
struct Case {
    text: &'static str,
    extents: &'static [usize],
    operands: [Vec<i64>; 2],
    sums: Vec<i64>,
}

fn shape(term: &str, extents: &[usize]) -> Vec<usize> {
    term.bytes().map(|x| extents[usize::from(x - b'a')]).collect()
}

impl Case {
    fn new((text, extents): (&'static str, &'static [usize])) -> Case {
        let (left, right) = text.split_once("->").unwrap();
        let (x, y) = left.split_once(',').unwrap();
        let mut random = Random(5);
        let operands = [x, y].map(|term| {
            (0..shape(term, extents).iter().product()).map(|_| random.below(7) as i64 - 3).collect::<Vec<_>>()
        });
        let mut sums = vec![0; shape(right, extents).iter().product()];
        let strides = |term: &str| {
            let strides = row_major(&shape(term, extents));
            let mut all = vec![0; extents.len()];
            term.bytes().zip(strides).for_each(|(x, stride)| all[usize::from(x - b'a')] = stride);
            all
        };
        let all = [right, x, y].map(strides);
        // Letters that no term has are loops of one position.
        let axes: Vec<Axis> = extents.iter().map(|&e| Axis::new("x", e.max(1))).collect();
        each(&axes, |at| {
            let [c, a, b] =
                all.each_ref().map(|s| s.iter().zip(at).map(|(s, &i)| s * i as isize).sum::<isize>() as usize);
            sums[c] += operands[0][a] * operands[1][b];
        });
        Case { text, extents, operands, sums }
    }

    fn plan<T: Number>(&self) -> Plan {
        let (left, right) = self.text.split_once("->").unwrap();
        let mut build = Build::new();
        build.draft.machine.cache_bytes[2] = CACHE;
        let reads: Vec<_> = left.split(',').map(|t| build.input(T::dtype(), &shape(t, self.extents))).collect();
        let out = build.output(T::dtype(), &shape(right, self.extents));
        build.einsum(self.text, &reads, out, Algebra::SUM_PRODUCT, !self.sides().contains(&1));
        build.seal()
    }

    /// The numbers of rows, columns and contracted positions.
    fn sides(&self) -> [usize; 3] {
        let (left, right) = self.text.split_once("->").unwrap();
        let (x, y) = left.split_once(',').unwrap();
        let side = |one: &str, two: &str, without: &str| -> usize {
            let both = one.chars().filter(|&c| two.contains(c) && !without.contains(c));
            shape(&both.collect::<String>(), self.extents).iter().product()
        };
        [side(x, right, y), side(y, right, x), side(x, y, right)]
    }

    /// The bytes for packed blocks of one product, and for the parts of a long sum.
    fn packed_bytes(&self, dtype: Dtype) -> usize {
        let sides @ [m, n, k] = self.sides();
        let parts = match k {
            _ if m.min(n) == 1 => CHUNKS,
            k if k > 3 * PART => k / PART + 1,
            _ => 0,
        };
        packed_bytes(dtype, sides) + parts * self.sums.len() * dtype.size()
    }

    /// Compares `α sums + β 5` with the results of all instruction sets and numbers of threads.
    fn check<T: Number>(&self, factors: Option<[i64; 2]>) {
        let plan = self.plan::<T>();
        let [a, b] = self.operands.each_ref().map(|data| data.iter().map(|&x| T::of(x)).collect::<Vec<_>>());
        let extents = |k: usize| &plan.buffers.as_slice()[k].extents[..];
        let strides = |k: usize| row_major(extents(k));
        let ins = [(&a, 0), (&b, 1)].map(|(x, k)| AnyView::from_slice(x, 0, extents(k), &strides(k)).unwrap());
        let [alpha, beta] = factors.unwrap_or([1, 0]);
        let scalars = [[T::of(alpha)], [T::of(beta)]];
        let [of_alpha, of_beta] = scalars.each_ref().map(|x| AnyView::from_slice(x, 0, &[], &[]).unwrap());
        for (isa, memory) in Isa::available().into_iter().flat_map(|isa| [(isa, None), (isa, Some(0))]) {
            let mut scratch = Scratch::new();
            for threads in [1, 2, 7] {
                let mut options = BindOptions { isa: Some(isa), memory, ..BindOptions::default() };
                if factors.is_some() {
                    (options.alpha, options.beta) = (Some(&of_alpha), Some(&of_beta));
                }
                let mut out = vec![T::of(5); self.sums.len()];
                let mut outs = [AnyViewMut::from_slice(&mut out, 0, extents(2), &strides(2)).unwrap()];
                let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
                bind(&plan, &ins, &mut outs, &options, &mut scratch).unwrap().run(&control).unwrap();
                // No operand is copied as a whole.
                let most = memory.unwrap_or_else(|| self.packed_bytes(T::dtype())) + CONSTANTS;
                assert!(scratch.bytes() <= most, "{} {isa:?}: {} bytes, not {most}", self.text, scratch.bytes());
                let want: Vec<T> = self.sums.iter().map(|&x| T::of(alpha * x + beta * 5)).collect();
                let first = out.iter().zip(&want).position(|(x, y)| x != y);
                assert_eq!(first, None, "{} {isa:?} {threads} threads {factors:?}", self.text);
            }
        }
    }
}

#[test]
fn products_of_axes_that_do_not_fold_are_exact() {
    for &case in CASES {
        let case = Case::new(case);
        for factors in [None, Some([3, 2])] {
            case.check::<f32>(factors);
            case.check::<f64>(factors);
            case.check::<i32>(factors);
        }
    }
}
