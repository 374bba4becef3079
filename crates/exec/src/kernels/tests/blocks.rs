//! The packed blocks of products, over sides of several loops.

use std::ptr::NonNull;

use einfold_ir::{Algebra, Dtype};
use num_complex::Complex;

use super::rings::{Check, Ring, every_ring};
use super::{Rng, Sample};
use crate::kernels::{
    Block, BlockSide, GemmArgs, Isa, Kernels, ProductKernels, Side, SideLoop, UnaryFn, builtin, convert, quad_distance,
};

/// Extents of one side, and its strides in elements in two operands.
type Axes = Vec<(usize, [isize; 2])>;

/// An operand in the middle of a larger buffer.
struct Operand<T> {
    data: Vec<T>,
    origin: usize,
}

impl<T: Sample> Operand<T> {
    /// Gives every axis in `sides` a stride at position `x` of its pair, in random order, some negative, some with gaps;
    /// with `repeating` some are 0.
    fn random(rng: &mut Rng, sides: [(&mut Axes, usize); 2], repeating: bool) -> Operand<T> {
        let mut axes: Vec<(usize, &mut isize)> = Vec::new();
        for (side, x) in sides {
            axes.extend(side.iter_mut().map(|(extent, strides)| (*extent, &mut strides[x])));
        }
        (1..axes.len()).for_each(|k| axes.swap(k, rng.below(k + 1)));
        let (mut next, mut origin) = (1 + isize::from(rng.below(8) == 0), 3);
        for (extent, stride) in axes {
            *stride = if repeating && rng.below(8) == 0 { 0 } else { next };
            next *= extent as isize;
            next += rng.below(3) as isize * isize::from(rng.below(4) == 0);
            if rng.below(5) == 0 {
                origin += stride.unsigned_abs() * (extent - 1);
                *stride = -*stride;
            }
        }
        let data = (0..origin + next as usize + 3).map(|_| T::sample(rng)).collect();
        Operand { data, origin }
    }
}

fn loops<T>(axes: &Axes) -> Vec<SideLoop> {
    let size = size_of::<T>() as isize;
    axes.iter().map(|&(extent, strides)| SideLoop { extent, strides: strides.map(|s| s * size) }).collect()
}

/// The offsets of all positions in elements in both operands, counted in the order of the loops.
fn offsets(axes: &Axes) -> Vec<[isize; 2]> {
    axes.iter().fold(vec![[0; 2]], |all, &(extent, strides)| {
        let step = |o: [isize; 2], i: usize| [o[0] + strides[0] * i as isize, o[1] + strides[1] * i as isize];
        all.into_iter().flat_map(|o| (0..extent).map(move |i| step(o, i))).collect()
    })
}

/// A product in blocks of at most `blocks` rows, lanes and positions of k.
struct Run<'a> {
    kernels: ProductKernels,
    /// Rows, lanes and k.
    sides: [Side<'a>; 3],
    operands: [*const u8; 2],
    load: Option<UnaryFn>,
    c: *mut u8,
    blocks: [usize; 3],
    alpha: Option<NonNull<u8>>,
    accumulate: bool,
    stream: bool,
    /// Whether operands are read in place where that is possible.
    in_place: bool,
}

impl Run<'_> {
    /// # Safety
    /// All positions of the sides are elements, those of C distinct.
    unsafe fn run(&self) {
        let Run { kernels, sides, blocks, .. } = self;
        let [rows, lanes, k] = sides.map(Side::extent);
        let size = kernels.size as isize;
        let strides = |x: usize| Some([sides[x].single_stride(0)?, sides[2].single_stride(x)?]);
        // Without masks, all blocks have whole vectors.
        let unit = kernels.panels[1].unit;
        let vectors = lanes.is_multiple_of(unit) && (blocks[1].is_multiple_of(unit) || blocks[1] >= lanes);
        let whole = kernels.vectors.is_some_and(|kernels| kernels.masks || vectors);
        let may = [kernels.vectors.is_some(), whole].map(|may| may && self.in_place && self.load.is_none());
        let in_place =
            [strides(0).filter(|_| may[0]), strides(1).filter(|[along, _]| may[1] && (*along == size || lanes == 1))];
        let bytes = |x: usize| vec![0x7fu8; kernels.panels[x].padded(blocks[x]) * blocks[2] * kernels.size + 64];
        let mut packed = [bytes(0), bytes(1)];
        let packed = packed.each_mut().map(|p| p.as_mut_ptr().wrapping_add(p.as_ptr().align_offset(64)));
        for start in (0..k).step_by(blocks[2]) {
            for row in (0..rows).step_by(blocks[0]) {
                for lane in (0..lanes).step_by(blocks[1]) {
                    let side = |x: usize, start: usize, extent: usize| BlockSide {
                        side: sides[x],
                        operand: self.operands[x],
                        load: self.load,
                        start,
                        len: blocks[x].min(extent - start),
                        in_place: in_place[x],
                        packed: packed[x],
                    };
                    let block = Block {
                        sides: [side(0, row, rows), side(1, lane, lanes)],
                        k: sides[2],
                        k_range: start..k.min(start + blocks[2]),
                        c: self.c,
                        alpha: self.alpha,
                        accumulate: self.accumulate || start > 0,
                        stream: self.stream,
                    };
                    let panels = kernels.row_panels(&block);
                    // SAFETY: the caller promises the elements; there is memory for all panels.
                    unsafe {
                        kernels.pack(&block, 0, 0..kernels.parts(&block, 0));
                        kernels.pack(&block, 1, 0..kernels.parts(&block, 1));
                        (kernels.multiply)(&block, 0..panels / 2);
                        (kernels.multiply)(&block, panels / 2..panels);
                    }
                }
            }
        }
    }
}

/// Computes a product of matrices in blocks.
///
/// # Safety
/// The contract of [`Kernels`]; no extent is 0.
pub(super) unsafe fn in_blocks(kernels: ProductKernels, p: &GemmArgs, blocks: [usize; 3]) {
    let [m, n, k] = p.extents;
    let side = |extent, strides| [SideLoop { extent, strides }];
    let sides = [
        side(m, [p.a.strides[0], p.c.strides[0]]),
        side(n, [p.b.strides[1], p.c.strides[1]]),
        side(k, [p.a.strides[1], p.b.strides[0]]),
    ];
    let run = Run {
        kernels,
        sides: sides.each_ref().map(|side| Side::new(side)),
        operands: [p.a.ptr, p.b.ptr],
        load: None,
        c: p.c.ptr,
        blocks,
        alpha: p.alpha,
        accumulate: p.accumulate,
        stream: false,
        in_place: p.accumulate,
    };
    // SAFETY: the caller upholds the contract.
    unsafe { run.run() }
}

/// Random loops with about `most` positions.
fn axes(rng: &mut Rng, most: usize) -> Axes {
    let mut left = most;
    let mut axes = Axes::new();
    while left > 1 && axes.len() < 4 {
        let extent = 1 + rng.below(left.min(40));
        // Often whole squares.
        let extent = if rng.below(2) == 0 { extent } else { extent.next_multiple_of(4) };
        axes.push((extent, [0; 2]));
        left /= extent + 1;
    }
    axes
}

/// A kernel that converts elements, and the values that it gives.
type Load<T> = (UnaryFn, fn(T) -> T);

/// One product of random sides, with and without α, into or onto C. `load` converts the elements of both operands.
fn compare<T: Sample>(
    ring: &Ring<T>,
    kernels: ProductKernels,
    rng: &mut Rng,
    most: [usize; 3],
    poison: Option<T>,
    load: Option<Load<T>>,
) {
    let read = |x: T| load.map_or(x, |(_, read)| read(x));
    let [mut rows, mut lanes, mut k] = most.map(|most| axes(rng, most));
    let mut a = Operand::<T>::random(rng, [(&mut rows, 0), (&mut k, 0)], true);
    let b = Operand::<T>::random(rng, [(&mut lanes, 0), (&mut k, 1)], true);
    let mut c = Operand::<T>::random(rng, [(&mut rows, 1), (&mut lanes, 1)], false);
    if let Some(poison) = poison {
        let at = rng.below(a.data.len());
        a.data[at] = poison;
    }
    let [all_rows, all_lanes, all_k] = [&rows, &lanes, &k].map(offsets);
    let (accumulate, scaled) = (rng.below(2) == 0, rng.below(2) == 0 && ring.absorbing);
    let mut alpha = T::sample(rng);
    let mut want = c.data.clone();
    for row in &all_rows {
        for lane in &all_lanes {
            let terms = all_k.iter().map(|k| {
                let x = a.data[a.origin.wrapping_add_signed(row[0] + k[0])];
                (ring.mul)(read(x), read(b.data[b.origin.wrapping_add_signed(lane[0] + k[1])]))
            });
            let Some(sum) = terms.reduce(&ring.add) else { continue };
            let sum = if scaled { (ring.mul)(alpha, sum) } else { sum };
            let to = &mut want[c.origin.wrapping_add_signed(row[1] + lane[1])];
            *to = if accumulate { (ring.add)(*to, sum) } else { sum };
        }
    }
    let sides = [&rows, &lanes, &k].map(loops::<T>);
    let square = quad_distance(Side::new(&sides[1]), size_of::<T>()).map_or(512, |distance| 4 * distance);
    let lanes_of_block = if square < 512 { (1 + rng.below(2)) * square } else { 1 + rng.below(150) };
    let run = Run {
        kernels,
        sides: sides.each_ref().map(|side| Side::new(side)),
        operands: [a.data.as_ptr().wrapping_add(a.origin).cast(), b.data.as_ptr().wrapping_add(b.origin).cast()],
        load: load.map(|(load, _)| load),
        c: c.data.as_mut_ptr().wrapping_add(c.origin).cast(),
        blocks: [1 + rng.below(60), lanes_of_block, 1 + rng.below(most[2] + 300)],
        alpha: scaled.then_some(NonNull::from(&mut alpha).cast()),
        accumulate,
        stream: rng.below(2) == 0,
        in_place: rng.below(2) == 0,
    };
    // SAFETY: the operands hold all positions, and no other thread sees them.
    unsafe { run.run() };
    for (at, (got, want)) in c.data.iter().zip(&want).enumerate() {
        let same = got == want || is_nan(got) && is_nan(want);
        assert!(
            same,
            "{}, {at}: {got:?}, not {want:?}, {rows:?} {lanes:?} {k:?} {:?} α {scaled} onto {accumulate}",
            ring.name, run.blocks
        );
    }
}

/// A NaN differs from itself.
#[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
fn is_nan<T: PartialEq>(x: &T) -> bool {
    x != x
}

struct AnySides;

impl Check for AnySides {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        let Some(fused) = kernels.fused else { return };
        // The vector kernels have more cases.
        let rounds = if fused.product.vectors.is_some() { 60 } else { 6 };
        for round in 0..rounds {
            let most = if round % 10 == 0 { [20, 40, 700] } else { [100, 200, 30] };
            compare(ring, fused.product, rng, most, None, None);
        }
    }
}

#[test]
fn blocks_of_any_sides_match_plain_loops() {
    every_ring(&mut AnySides);
}

fn ring<T: Sample + std::ops::Add<Output = T> + std::ops::Mul<Output = T>>(zero: T, one: T) -> Ring<T> {
    let kernels = Box::new(|isa| builtin(Algebra::SUM_PRODUCT, Dtype::F64, isa).unwrap());
    Ring { name: "sums".into(), add: |a, b| a + b, mul: |a, b| a * b, zero, one, absorbing: true, kernels }
}

fn every_product(dtype: Dtype, mut check: impl FnMut(&mut Rng, ProductKernels)) {
    let mut rng = Rng::new(11);
    for isa in Isa::available() {
        check(&mut rng, builtin(Algebra::SUM_PRODUCT, dtype, isa).unwrap().fused.unwrap().product);
    }
}

/// One value that is not finite reaches the elements that plain loops give it to, and no others.
#[test]
fn values_that_are_not_finite_stay_in_their_rows() {
    for round in 0..60 {
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][round % 3];
        let most = [60, 90, 30];
        every_product(Dtype::F32, |rng, kernels| compare(&ring(0.0f32, 1.0), kernels, rng, most, Some(bad), None));
        let bad = f64::from(bad);
        every_product(Dtype::F64, |rng, kernels| compare(&ring(0.0, 1.0), kernels, rng, most, Some(bad), None));
    }
}

#[test]
fn packing_converts_elements() {
    let load = convert(Dtype::C64, Dtype::C64, true).unwrap();
    let ring = ring(Complex::new(0.0, 0.0), Complex::new(1.0, 0.0));
    for _ in 0..30 {
        every_product(Dtype::C64, |rng, kernels| {
            compare(&ring, kernels, rng, [60, 90, 30], None, Some((load, |x: Complex<f64>| x.conj())));
        });
    }
}
