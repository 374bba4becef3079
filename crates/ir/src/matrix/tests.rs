use super::{Fold, Groups};
use crate::{Layout, Loops, Machine, Time};

/// The groups of `a,b->c` over dense row-major arrays of `element` bytes; every label is one lower-case letter.
fn groups(text: &str, extent: impl Fn(char) -> usize, element: isize) -> Groups {
    let (operands, c) = text.split_once("->").unwrap();
    let (a, b) = operands.split_once(',').unwrap();
    let stride = |term: &str, x: char| {
        let extents: Vec<usize> = term.chars().map(&extent).collect();
        let mut strides = vec![0; extents.len()];
        Layout::RowMajor.write_strides(&extents, &mut strides);
        term.chars().zip(strides).filter(|(y, _)| *y == x).map(|(_, s)| s * element).sum::<isize>()
    };
    let mut all = Groups::default();
    let mut seen = String::new();
    for x in text.chars().filter(|x| x.is_ascii_lowercase()) {
        if seen.contains(x) {
            continue;
        }
        seen.push(x);
        let group = match (a.contains(x), b.contains(x), c.contains(x)) {
            (true, true, true) => &mut all.batch,
            (true, false, true) => &mut all.m,
            (false, true, true) => &mut all.n,
            (true, true, false) => &mut all.k,
            other => panic!("{x} has no role: {other:?}"),
        };
        group.push(extent(x), [stride(a, x), stride(b, x), stride(c, x)]);
    }
    all
}

fn fold(groups: &Groups, element: usize) -> Fold {
    let mut fold = Fold::default();
    fold.choose(&Machine::DEFAULT, groups, element, [false; 3]);
    fold
}

/// The decisions of a fold, in one line.
fn show(text: &str, extent: usize) -> String {
    let f = fold(&groups(text, |_| extent, 8), 8);
    let packed: String = "ABC".chars().zip(f.packed).filter(|(_, p)| *p).map(|(x, _)| x).collect();
    format!(
        "{}x{}x{} in {:?}, {} reduced, packed [{packed}]",
        f.m.extent,
        f.n.extent,
        f.k.extent,
        f.outer.extents(),
        f.reduced
    )
}

#[test]
fn matrices_in_any_order_fold_without_copies() {
    for text in ["ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik", "ij,jk->ki", "ji,kj->ki"] {
        assert_eq!(show(text, 50), "50x50x50 in [], 0 reduced, packed []", "{text}");
    }
    assert_eq!(show("abij,ijcd->abcd", 10), "100x100x100 in [], 0 reduced, packed []");
    assert_eq!(show("abij,cdij->abcd", 10), "100x100x100 in [], 0 reduced, packed []");
    assert_eq!(show("i,i->", 10), "1x1x10 in [], 0 reduced, packed []");
    assert_eq!(show("i,j->ij", 10), "10x10x1 in [], 0 reduced, packed []");
}

#[test]
fn a_batch_is_a_loop() {
    assert_eq!(show("bij,bjk->bik", 30), "30x30x30 in [30], 0 reduced, packed []");
    assert_eq!(show("abij,abjk->abik", 30), "30x30x30 in [900], 0 reduced, packed []");
    assert_eq!(show("ijb,jkb->ikb", 30), "30x30x30 in [30], 0 reduced, packed []");
}

#[test]
fn the_steps_of_a_four_index_transformation() {
    assert_eq!(show("pi,ijkl->pjkl", 10), "10x1000x10 in [], 0 reduced, packed []");
    assert_eq!(show("qj,pjkl->pqkl", 10), "10x100x10 in [10], 0 reduced, packed []");
    assert_eq!(show("pqkl,rk->pqrl", 10), "100x10x10 in [10], 0 reduced, packed []");
    assert_eq!(show("pqrl,sl->pqrs", 10), "1000x10x10 in [], 0 reduced, packed []");
}

#[test]
fn what_breaks_is_looped_over_or_packed_by_cost() {
    // Long matrix axes stay efficient in a loop; short ones do not.
    assert_eq!(show("dbea,ec->abcd", 64), "64x64x64 in [64, 64], 0 reduced, packed []");
    assert_eq!(show("dbea,ec->abcd", 4), "64x4x4 in [], 0 reduced, packed [AC]", "c lies inside m in C");
    // k does not fold: either every product but the first accumulates, or one copy gives one product.
    assert_eq!(show("aebf,dfce->abcd", 8), "64x64x64 in [], 0 reduced, packed [AB]");
    assert_eq!(show("ajbi,ijc->abc", 3), "9x3x9 in [], 0 reduced, packed [A]");
}

#[test]
fn another_machine_packs_otherwise() {
    let folded = |text, extent, machine: Machine| {
        let mut fold = Fold::default();
        fold.choose(&machine, &groups(text, |_| extent, 8), 8, [false; 3]);
        fold.packed
    };
    let slow_copies = Machine { pack_byte: Time::from_ns(20.0).unwrap(), ..Machine::DEFAULT };
    assert_eq!(folded("aebf,dfce->abcd", 8, Machine::DEFAULT), [true, true, false]);
    assert_eq!(folded("aebf,dfce->abcd", 8, slow_copies), [false; 3]);
    let slow_calls = Machine { product_call: Time::from_ns(1e6).unwrap(), ..Machine::DEFAULT };
    assert_eq!(folded("dbea,ec->abcd", 64, Machine::DEFAULT), [false; 3]);
    assert_eq!(folded("dbea,ec->abcd", 64, slow_calls), [true, false, true]);
}

#[test]
fn what_must_be_packed_is() {
    let mut f = Fold::default();
    f.choose(&Machine::DEFAULT, &groups("ij,jk->ik", |_| 5, 4), 8, [false, true, false]);
    assert_eq!(f.packed, [false, true, false]);
    assert_eq!(f.copy_bytes(1, 8), Some(200));
    assert_eq!(f.copy_bytes(0, 8), Some(8), "what is not packed copies nothing but a point");
    assert_eq!((f.n.strides, f.k.strides), ([0, 8, 4], [4, 40, 0]));
}

/// Multiplies through a fold with copies, loops and matrices, as the executor does.
fn multiply(f: &Fold, given: [&[i64]; 3], c_len: usize) -> Vec<i64> {
    let at = |base: isize, stride: isize, i: usize| base + stride * i as isize;
    let mut memory: [Vec<i64>; 3] = [given[0].to_vec(), given[1].to_vec(), vec![0; c_len]];
    for (x, own) in memory.iter_mut().enumerate().filter(|(x, _)| f.packed[*x]) {
        let mut dense = vec![0; f.copy_bytes(x, 1).unwrap()];
        each(&f.copies[x], |o| dense[o[0] as usize] = own[o[1] as usize]);
        *own = dense;
    }
    each(&f.outer, |o| {
        for (i, j, l) in cube(f.m.extent, f.n.extent, f.k.extent) {
            let offset = |x: usize| at(at(at(o[x], f.m.strides[x], i), f.n.strides[x], j), f.k.strides[x], l) as usize;
            memory[2][offset(2)] += memory[0][offset(0)] * memory[1][offset(1)];
        }
    });
    let [_, _, c] = memory;
    if !f.packed[2] {
        return c;
    }
    let mut result = vec![0; c_len];
    each(&f.copies[2], |o| result[o[1] as usize] = c[o[0] as usize]);
    result
}

fn cube(m: usize, n: usize, k: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..m * n * k).map(move |p| (p / (n * k), p / k % n, p % k))
}

/// Calls `f` with the offsets of every position of the loops.
fn each(loops: &Loops, mut f: impl FnMut(&[isize])) {
    let points: usize = loops.extents().iter().product();
    for point in 0..points {
        let (mut rest, mut offsets) = (point, vec![0; loops.operands()]);
        for l in (0..loops.len()).rev() {
            let position = (rest % loops.extents()[l]) as isize;
            rest /= loops.extents()[l];
            offsets.iter_mut().zip(loops.strides(l)).for_each(|(o, s)| *o += position * s);
        }
        f(&offsets);
    }
}

#[test]
fn every_choice_of_copies_computes_the_same_product() {
    let texts =
        ["dbea,ec->abcd", "aebf,dfce->abcd", "xaibj,jxic->cxba", "bij,bjk->bik", "ij,jk->ki", "ia,ib->ab", "i,i->"];
    for text in texts {
        let extent = |x: char| 1 + (x as usize * 7 + 3) % 4;
        let all = groups(text, extent, 1);
        let (operands, c) = text.split_once("->").unwrap();
        let (a, b) = operands.split_once(',').unwrap();
        let len = |term: &str| term.chars().map(extent).product::<usize>();
        let value = |n: usize, seed: i64| (0..n as i64).map(|i| (i * 7919 + seed) % 23 - 11).collect::<Vec<_>>();
        let (av, bv) = (value(len(a), 1), value(len(b), 2));
        let mut want = vec![0i64; len(c)];
        let mut flat = Loops::new(3);
        for group in [&all.batch, &all.m, &all.n, &all.k] {
            (0..group.len()).for_each(|l| flat.push_from(group, l));
        }
        each(&flat, |o| want[o[2] as usize] += av[o[0] as usize] * bv[o[1] as usize]);
        for mask in 0..8u8 {
            let mut f = Fold::default();
            f.arrange(&all, 1, std::array::from_fn(|x| mask >> x & 1 == 1));
            assert_eq!(multiply(&f, [&av, &bv, &[]], len(c)), want, "{text} {mask:03b}");
        }
        assert_eq!(multiply(&fold(&all, 1), [&av, &bv, &[]], len(c)), want, "{text}");
    }
}

#[test]
fn negative_and_zero_strides_fold() {
    let mut all = Groups::default();
    all.m.push(3, [40, 0, 40]);
    all.m.push(5, [-8, 0, 8]);
    all.k.push(4, [0, 8, 0]);
    let f = fold(&all, 8);
    assert_eq!(
        (f.m.extent, f.outer.len(), f.packed),
        (15, 0, [true, false, false]),
        "C runs against A within the rows"
    );
    let mut same = Groups::default();
    same.m.push(3, [-40, 0, 40]);
    same.m.push(5, [-8, 0, 8]);
    assert_eq!(fold(&same, 8).m.extent, 15);
}
