use super::{AffineTerm, Index, Repr};
use crate::access::{Access, AxisRef, IndirectTerm, OutOfRange};

fn term(coef: i64, axis: u32) -> AffineTerm {
    AffineTerm { coef, axis: AxisRef::Own(axis) }
}

#[test]
fn terms_of_one_axis_are_added_up() {
    let sum = |terms: &[AffineTerm]| Index::<()>::new(0, terms.iter().copied(), vec![]).terms().to_vec();
    assert_eq!(sum(&[term(2, 1), term(1, 0), term(3, 1), term(4, 2), term(-4, 2)]), [term(5, 1), term(1, 0)]);
    assert_eq!((sum(&[term(0, 1)]), sum(&[term(1, 1)])), (vec![], vec![term(1, 1)]));
    assert_eq!(sum(&[term(i64::MAX, 0), term(1, 0)]), [term(i64::MAX, 0)]);
    // A search among the terms for each of them would take minutes.
    let many: Vec<AffineTerm> = (0..1_000_000).map(|axis| term(1, axis)).collect();
    assert_eq!(sum(&many), many);
}

#[test]
fn one_function_has_one_representation() {
    let own = AxisRef::Own(3);
    assert_eq!(Index::<()>::affine(0, [(1, own)]), Index::axis(3));
    assert_eq!(Index::<()>::affine(0, [(2, own), (-1, own)]), Index::axis(3));
    assert_eq!(Index::<()>::affine(7, [(2, own), (-2, own)]), Index::constant(7));
    assert!(matches!(Index::<()>::affine(1, [(1, own)]).0, Repr::Sum(_)));
    assert!(size_of::<Index<u32>>() <= 16);
}

/// A generator of random numbers with a fixed seed.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn terms(&mut self) -> Vec<AffineTerm> {
        let axis = |rng: &mut Rng| match rng.below(5) {
            4 => AxisRef::Loop(rng.below(2) as u32),
            own => AxisRef::Own(own as u32),
        };
        (0..self.below(4)).map(|_| AffineTerm { coef: self.below(7) as i64 - 3, axis: axis(self) }).collect()
    }

    fn index(&mut self, depth: u64) -> Index<u64> {
        let ids = (0..self.below(3).min(depth)).map(|_| {
            let indices: Vec<Index<u64>> = (0..self.below(3)).map(|_| self.index(depth - 1)).collect();
            let access = Access::new(self.below(9), indices);
            IndirectTerm { coef: self.below(5) as i64 - 2, access, policy: OutOfRange::Drop }
        });
        let ids = ids.collect();
        Index::new(self.below(3) as i64 - 1, self.terms(), ids)
    }
}

/// The position at a point. The values of an index tensor are an arbitrary function of the positions.
fn value(index: &Index<u64>, own: &[i64], loops: &[i64]) -> i64 {
    let along = |term: &AffineTerm| match term.axis {
        AxisRef::Own(a) => term.coef * own[a as usize],
        AxisRef::Loop(a) => term.coef * loops[a as usize],
    };
    let read = |ids: &IndirectTerm<u64>| {
        let mix = |sum: i64, i: &Index<u64>| (31 * sum + value(i, own, loops)) % 10_007;
        ids.coef * ids.access.indices.iter().fold(ids.access.tensor as i64, mix)
    };
    index.offset() + index.terms().iter().map(along).sum::<i64>() + index.indirect().iter().map(read).sum::<i64>()
}

#[test]
fn the_algebra_agrees_with_evaluation() {
    let mut rng = Rng(5);
    for _ in 0..5000 {
        let index = rng.index(2);
        let point: Vec<i64> = (0..4).map(|_| rng.below(9) as i64).collect();
        let loops: Vec<i64> = (0..2).map(|_| rng.below(9) as i64).collect();
        let canonical = Index::new(index.offset(), index.terms().to_vec(), index.indirect().to_vec());
        assert_eq!(canonical, index);

        let inner: Vec<Option<Index<u64>>> = (0..4).map(|_| (rng.below(4) > 0).then(|| rng.index(0))).collect();
        let at: Vec<i64> = inner.iter().map(|i| i.as_ref().map_or(0, |index| value(index, &point, &loops))).collect();
        let composed = index.compose(&|axis| inner[axis as usize].as_ref());
        assert_eq!(value(&composed, &point, &loops), value(&index, &at, &loops), "{index:?} at {inner:?}");

        let gone = rng.below(5) as u32;
        let mut turned = index.clone();
        turned.renumber(&|axis| (axis != gone).then_some(3 - axis));
        let at: Vec<i64> = (0..4).map(|axis| if axis == gone { 0 } else { point[3 - axis as usize] }).collect();
        assert_eq!(value(&turned, &point, &loops), value(&index, &at, &loops), "{index:?}");
        let axes: Vec<Index<u64>> = (0..4).map(|axis| Index::axis(3 - axis)).collect();
        let named = index.compose(&|axis| (axis != gone).then_some(&axes[axis as usize]));
        assert_eq!(named, turned);
    }
}
