//! The packed blocks of large products, over sides of several loops.

use std::ptr::NonNull;

use einfold_ir::{Algebra, Dtype};
use num_complex::Complex;

use super::{Rng, Sample};
use crate::kernels::{BlockSide, Isa, MultiplyArgs, PackArgs, ProductKernels, Side, SideLoop, builtin, quad_distance};

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
    c: *mut u8,
    blocks: [usize; 3],
    alpha: Option<NonNull<u8>>,
    accumulate: bool,
    stream: bool,
}

impl Run<'_> {
    /// # Safety
    /// All positions of the sides are elements, those of C distinct.
    unsafe fn run(&self) {
        let Run { kernels, sides, blocks, .. } = self;
        let [rows, lanes, k] = sides.map(Side::extent);
        let bytes = |positions: usize| vec![0x7fu8; positions * blocks[2] * kernels.size + 64];
        let mut packed = [bytes(blocks[0]), bytes(blocks[1].next_multiple_of(kernels.lanes))];
        let packed = packed.each_mut().map(|p| p.as_mut_ptr().wrapping_add(p.as_ptr().align_offset(64)));
        for start in (0..k).step_by(blocks[2]) {
            let k_range = start..k.min(start + blocks[2]);
            for row in (0..rows).step_by(blocks[0]) {
                for lane in (0..lanes).step_by(blocks[1]) {
                    let part = |x: usize, start: usize, extent: usize| BlockSide {
                        side: sides[x],
                        start,
                        len: blocks[x].min(extent - start),
                        packed: packed[x],
                    };
                    let parts = [part(0, row, rows), part(1, lane, lanes)];
                    let panels = (kernels.panels)(parts.map(|p| p.len));
                    let pack = |x: usize| PackArgs {
                        block: parts[x],
                        operand: self.operands[x],
                        k: sides[2],
                        k_range: k_range.clone(),
                    };
                    let product = MultiplyArgs {
                        sides: parts,
                        k: k_range.len(),
                        c: self.c,
                        alpha: self.alpha,
                        accumulate: self.accumulate || start > 0,
                        stream: self.stream,
                    };
                    // SAFETY: the caller promises the elements; there is memory for all panels.
                    unsafe {
                        (kernels.pack_rows)(&pack(0), 0..panels[0]);
                        (kernels.pack_lanes)(&pack(1), 0..(kernels.lane_parts)(&pack(1)));
                        (kernels.multiply)(&product, 0..panels[0] / 2);
                        (kernels.multiply)(&product, panels[0] / 2..panels[0]);
                    }
                }
            }
        }
    }
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

fn compare<T: Sample + std::ops::Add<Output = T> + std::ops::Mul<Output = T>>(
    kernels: ProductKernels,
    rng: &mut Rng,
    most: [usize; 3],
    poison: Option<T>,
) {
    let [mut rows, mut lanes, mut k] = most.map(|most| axes(rng, most));
    let mut a = Operand::<T>::random(rng, [(&mut rows, 0), (&mut k, 0)], true);
    let b = Operand::<T>::random(rng, [(&mut lanes, 0), (&mut k, 1)], true);
    let mut c = Operand::<T>::random(rng, [(&mut rows, 1), (&mut lanes, 1)], false);
    if let Some(poison) = poison {
        let at = rng.below(a.data.len());
        a.data[at] = poison;
    }
    let [all_rows, all_lanes, all_k] = [&rows, &lanes, &k].map(offsets);
    let (accumulate, scaled) = (rng.below(2) == 0, rng.below(2) == 0);
    let mut alpha = T::sample(rng);
    let mut want = c.data.clone();
    for row in &all_rows {
        for lane in &all_lanes {
            let terms = all_k.iter().map(|k| {
                let x = a.data[a.origin.wrapping_add_signed(row[0] + k[0])];
                x * b.data[b.origin.wrapping_add_signed(lane[0] + k[1])]
            });
            let Some(sum) = terms.reduce(|x, y| x + y) else { continue };
            let sum = if scaled { alpha * sum } else { sum };
            let to = &mut want[c.origin.wrapping_add_signed(row[1] + lane[1])];
            *to = if accumulate { *to + sum } else { sum };
        }
    }
    let sides = [&rows, &lanes, &k].map(loops::<T>);
    let square = quad_distance(Side::new(&sides[1]), size_of::<T>()).map_or(512, |distance| 4 * distance);
    let lanes_of_block = if square < 512 { (1 + rng.below(2)) * square } else { 1 + rng.below(150) };
    let run = Run {
        kernels,
        sides: sides.each_ref().map(|side| Side::new(side)),
        operands: [a.data.as_ptr().wrapping_add(a.origin).cast(), b.data.as_ptr().wrapping_add(b.origin).cast()],
        c: c.data.as_mut_ptr().wrapping_add(c.origin).cast(),
        blocks: [1 + rng.below(60), lanes_of_block, 1 + rng.below(most[2] + 300)],
        alpha: scaled.then_some(NonNull::from(&mut alpha).cast()),
        accumulate,
        stream: rng.below(2) == 0,
    };
    // SAFETY: the operands hold all positions, and no other thread sees them.
    unsafe { run.run() };
    for (at, (got, want)) in c.data.iter().zip(&want).enumerate() {
        let same = got == want || is_nan(got) && is_nan(want);
        assert!(
            same,
            "{at}: {got:?}, not {want:?}, {rows:?} {lanes:?} {k:?} {:?} α {scaled} onto {accumulate}",
            run.blocks
        );
    }
}

/// A NaN differs from itself.
#[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
fn is_nan<T: PartialEq>(x: &T) -> bool {
    x != x
}

fn every_kernel(mut check: impl FnMut(&mut Rng, ProductKernels, Dtype)) {
    let mut rng = Rng::new(11);
    for isa in Isa::available() {
        for dtype in [Dtype::F32, Dtype::F64, Dtype::C32, Dtype::C64] {
            let kernels = builtin(Algebra::SUM_PRODUCT, dtype, isa).unwrap().fused.unwrap();
            if let Some(kernels) = kernels.product {
                check(&mut rng, kernels, dtype);
            }
        }
    }
}

#[test]
fn blocks_of_any_sides_match_plain_loops() {
    every_kernel(|rng, kernels, dtype| {
        for round in 0..60 {
            let most = if round % 10 == 0 { [20, 40, 700] } else { [100, 200, 30] };
            match dtype {
                Dtype::F32 => compare::<f32>(kernels, rng, most, None),
                Dtype::C32 => compare::<Complex<f32>>(kernels, rng, most, None),
                Dtype::C64 => compare::<Complex<f64>>(kernels, rng, most, None),
                _ => compare::<f64>(kernels, rng, most, None),
            }
        }
    });
}

/// One value that is not finite reaches the elements that plain loops give it to, and no others.
#[test]
fn values_that_are_not_finite_stay_in_their_rows() {
    every_kernel(|rng, kernels, dtype| {
        for round in 0..60 {
            let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][round % 3];
            match dtype {
                Dtype::F32 => compare::<f32>(kernels, rng, [60, 90, 30], Some(bad)),
                Dtype::F64 => compare::<f64>(kernels, rng, [60, 90, 30], Some(bad.into())),
                // Parts that are not finite mix in a complex product.
                _ => return,
            }
        }
    });
}
