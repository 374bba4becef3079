//! One step of plain axes, on `i64` where everything is exact.

use einfold_exec::{AnyView, AnyViewMut};
use einfold_ir::{Algebra, BufferId, Dtype};

use super::support::{Build, Random, Tensor, meaning, run};

/// Runs a one-step einsum on row-major tensors and compares it with its meaning.
fn check(text: &str, extent: &dyn Fn(char) -> usize, algebra: Algebra, gemm: bool) {
    let (left, right) = text.split_once("->").unwrap();
    let terms: Vec<&str> = left.split(',').collect();
    let mut build = Build::new();
    let shape = |t: &str| t.chars().map(extent).collect::<Vec<_>>();
    let reads: Vec<BufferId> = terms.iter().map(|t| build.input(Dtype::I64, &shape(t))).collect();
    let write = build.output(Dtype::I64, &shape(right));
    build.einsum(text, &reads, write, algebra, gemm);
    let plan = build.seal();
    let mut random = Random(7 + text.len() as u64);
    let inputs: Vec<Tensor> = terms.iter().map(|t| Tensor::new(&shape(t), |_| random.below(19) as i64 - 9)).collect();
    let want = meaning(&plan, &inputs);
    let strides = |shape: &[usize]| crate::support::row_major(shape);
    let ins: Vec<AnyView<'_>> =
        inputs.iter().map(|t| AnyView::from_slice(&t.data, 0, &t.shape, &strides(&t.shape)).unwrap()).collect();
    let mut got = Tensor::new(&shape(right), |_| 99);
    let out = AnyViewMut::from_slice(&mut got.data, 0, &want[0].shape, &strides(&want[0].shape)).unwrap();
    run(&plan, &ins, &mut [out]);
    assert_eq!(got, want[0], "{text} gemm {gemm} {algebra}");
}

const TEXTS: &[(&str, bool)] = &[
    ("ij,jk->ik", true),
    ("ji,jk->ik", true),
    ("ij,kj->ik", true),
    ("ji,kj->ki", true),
    ("ij,jk->ki", true),
    ("bij,bjk->bik", true),
    ("ijb,jkb->ikb", true),
    ("dbea,ec->abcd", true),
    ("aebf,dfce->abcd", true),
    ("i,i->", true),
    ("i,j->ij", true),
    ("ij,j->i", true),
    ("ij,i->j", true),
    (",->", true),
    ("i->i", false),
    ("i->", false),
    ("->", false),
    ("ij->ji", false),
    ("ijk->kji", false),
    ("ijkl->ljik", false),
    ("ii->i", false),
    ("ii->", false),
    ("iij->j", false),
    ("i->ii", false),
    ("ij->i", false),
    ("ij->j", false),
    ("ijk->j", false),
    ("ij->", false),
    ("ij,ij->ij", false),
    ("ij,ji->", false),
    ("i,i,i->i", false),
    ("ij,jk,kl->il", false),
    ("ij,jk,ki->", false),
    ("ij,ik,il,im->i", false),
    ("ijk,ki,j->kj", false),
];

#[test]
fn every_layout_at_odd_extents() {
    for (text, gemm) in TEXTS {
        for algebra in [Algebra::SUM_PRODUCT, Algebra::MAX_PLUS, Algebra::MIN_PLUS] {
            for gemm in [false, *gemm] {
                check(text, &|x| 2 + (x as usize * 5) % 6, algebra, gemm);
            }
        }
    }
}

#[test]
fn extents_of_zero_and_one() {
    for (text, gemm) in TEXTS {
        let letters: Vec<char> = ('a'..='z').filter(|x| text.contains(*x)).collect();
        for odd in &letters {
            for small in [0, 1] {
                let extent = |x: char| if x == *odd { small } else { 3 };
                check(text, &extent, Algebra::SUM_PRODUCT, *gemm);
                check(text, &extent, Algebra::MAX_PLUS, false);
            }
        }
        check(text, &|_| 0, Algebra::SUM_PRODUCT, *gemm);
        check(text, &|_| 1, Algebra::MIN_PLUS, *gemm);
    }
}

#[test]
fn more_than_one_block() {
    // Extents of a, b and c.
    let wide: [(&str, bool, [usize; 3]); 10] = [
        ("ab->ba", false, [301, 277, 0]),
        ("ab->a", false, [301, 277, 0]),
        ("ab->b", false, [301, 277, 0]),
        ("ab->", false, [301, 277, 0]),
        ("ab,ab->ab", false, [301, 277, 0]),
        ("ab,bc->ca", true, [270, 5, 263]),
        ("ab,bc->ac", true, [3, 500, 290]),
        ("bac,cd->bad", true, [90, 2, 9]),
        // The reduced axes do not fold: two products, of which the second adds.
        ("acb,bdc->ad", true, [3, 300, 2]),
        ("a,b,c->ac", false, [60, 30, 60]),
    ];
    for (text, gemm, extents) in wide {
        let extent = |x: char| if x == 'd' { 280 } else { extents[x as usize - 'a' as usize] };
        check(text, &extent, Algebra::SUM_PRODUCT, gemm);
    }
}
