//! Invalid indices of all kinds (negative, huge, the extremes of their dtype) in gathers and scatters of every kind.
//! Results and errors equal those of the oracle, so no memory outside the tensors is read or written; `.ci/run safety`
//! runs the small set under AddressSanitizer and valgrind.

use einfold::{AnyArray, Error, Expression, OutOfRange};
use einfold_ir::Dtype;
use einfold_syntax::Options;

use crate::draw::{Bytes, check};
use crate::layout::{Layout, hold};
use crate::num::{Num, Tensor};
use crate::programs::{compare, way};
use crate::sketch::Question;

const IDS: [Dtype; 8] = [Dtype::I8, Dtype::I16, Dtype::I32, Dtype::I64, Dtype::U8, Dtype::U16, Dtype::U32, Dtype::U64];

/// Programs over `x[7]`, `A[3,4]`, `w[n]`, `B[n,2]` and the index tensors `g[n]`, `h[n]`, `m[n,2]`.
const TEXTS: [&str; 22] = [
    "Y[n] = x[g[n]]",
    "Y[n] = x[g[n]+1]",
    "Y[n] = x[2*g[n]]",
    "Y[n] = x[g[n]+h[n]]",
    "Y[n] = x[3-g[n]]",
    "Y += x[g[n]]*w[n]",
    "Y max= x[g[n]]",
    "Y[n] = A[g[n],h[n]]",
    "Y[n,k] = A[g[n],k]",
    "Y[n,k] += A[k,g[n]]*w[n]",
    "Y[n,e] = x[m[n,e]]",
    "Y[n] = x[m[n,0]] + w[n]",
    "Y[g[n]:3] += w[n]",
    "Y[g[n]:3] max= w[n]",
    "Y[g[n]:3] mean= w[n]",
    "Y[g[n]+1:4] *= w[n]",
    "Y[4-g[n]:3] min= w[n]",
    "Y[g[n]:2,h[n]:3] += w[n]",
    "Y[g[n]:3,f] += B[n,f]",
    "Y[m[n,e]:3] += 1",
    "Y[h[n]:3,k] += A[g[n],k]*w[n]",
    "Y[g[n]+h[n]:5] lse= w[n]",
];

/// The least and the greatest values of a dtype.
fn ends(dtype: Dtype) -> (i128, i128) {
    let bits = 8 * dtype.size() as u32;
    match dtype {
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        _ => (0, (1 << bits) - 1),
    }
}

/// Index tensors with valid and invalid elements.
fn ids(bytes: &mut Bytes<'_>, dtype: Dtype, shape: &[usize]) -> Tensor {
    let (least, most) = ends(dtype);
    let bad = [least, most, -1, -3, -4, 3, 7, least + 1, most - 1, most / 2 + 1, i128::from(u32::MAX), 1 << 62];
    let often = bytes.below(3);
    let mut one = || match bytes.below(2 + often) {
        0 | 1 => Num::Int(bytes.below(2) as i128, 0),
        _ => Num::Int(bytes.pick(&bad), 0).to(dtype),
    };
    Tensor { dtype, shape: shape.to_vec(), data: (0..shape.iter().product()).map(|_| one()).collect() }
}

fn question(bytes: &mut Bytes<'_>, text: &str, dtype: Dtype) -> Question {
    let n = bytes.pick(&[5, 1, 17, 0, 70]);
    let numbers = |shape: &[usize]| {
        Tensor::ints(Dtype::F64, shape, (0..shape.iter().product::<usize>() as i128).map(|k| k % 5 + 1))
    };
    let mut operands = vec![
        ("x", numbers(&[7])),
        ("A", numbers(&[3, 4])),
        ("w", numbers(&[n])),
        ("B", numbers(&[n, 2])),
        ("g", ids(bytes, dtype, &[n])),
        ("h", ids(bytes, bytes_dtype(n), &[n])),
        ("m", ids(bytes, dtype, &[n, 2])),
    ];
    operands.retain(|(name, _)| text.contains(&format!("{name}[")));
    let out_of_range = bytes.pick(&[OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap]);
    let lies = |(name, t): (&str, Tensor)| {
        let layout = Layout::row_major(t.shape.len());
        (name.to_string(), t, layout)
    };
    let operands = operands.into_iter().map(lies).collect();
    Question { text: text.into(), operands, options: Options { out_of_range, ..Options::default() } }
}

/// A different dtype for the second index tensor.
fn bytes_dtype(n: usize) -> Dtype {
    IDS[n % IDS.len()]
}

fn check_hostile(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let (text, dtype) = (bytes.pick(&TEXTS), bytes.pick(&IDS));
    let question = question(bytes, text, dtype);
    compare(&question, &way(bytes)).map(drop)
}

#[test]
fn small_set_of_hostile_ids() {
    check(400, check_hostile);
}

#[test]
fn hostile_ids_of_every_dtype_do_what_their_policy_says() {
    for text in TEXTS {
        for dtype in IDS {
            check(12, |bytes| {
                let question = question(bytes, text, dtype);
                compare(&question, &way(bytes)).map(drop)
            });
        }
    }
}

/// A size that is the greatest index would not be addressable, or exceeds the limit: this is an error before any
/// allocation.
#[test]
fn small_set_of_sizes_that_ids_tell() {
    for dtype in IDS {
        let (least, most) = ends(dtype);
        for (id, policy) in
            [(most, OutOfRange::Error), (most, OutOfRange::Wrap), (least, OutOfRange::Error), (least, OutOfRange::Drop)]
        {
            let ids = hold(&Tensor::ints(dtype, &[2], [0, id]), &Layout::row_major(1));
            let expression = Expression::new("Y[g[n]] += 1").unwrap().out_of_range(policy).memory(1 << 20);
            let found = expression.run::<AnyArray>(ids.view());
            let shape = found.as_ref().map(|array| array.shape().to_vec()).map_err(Error::code);
            let wanted = match (id, policy) {
                (id, _) if id > 1 << 40 => Err("too-large"),
                (id, _) if id > 1 << 17 => Err("memory"),
                (0.., _) => Ok(vec![id as usize + 1]),
                (_, OutOfRange::Drop) => Ok(vec![1]),
                _ => Err("index-out-of-range"),
            };
            assert_eq!(shape, wanted, "{dtype} {id}");
        }
    }
}
