//! The product over any pair of operations: several rows at a time run over a packed panel of lanes. Their sums are rows
//! on the stack, and the innermost loop runs along the lanes, so that it vectorises for every operation and element
//! type. Each iteration takes several positions of k, so that a sum is read and written once for all of them.

#![expect(clippy::needless_range_loop, reason = "counted loops over arrays vectorise most reliably")]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::block::{Block, BlockFn, PanelShape, ProductKernels};
use crate::kernels::FillFn;
use crate::kernels::op::ScalarOp;

/// Bytes of a row of sums.
const ROW: usize = 1024;
/// The positions of k that are summed before the sums are added to C.
const DEPTH: usize = 64;
/// The most rows of a strip.
const MAX_ROWS: usize = 4;
/// Positions of k per iteration of the innermost loop.
const STEP: usize = 4;

/// Memory for a row of elements of any type that fits.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct RowBlock {
    _bytes: [MaybeUninit<u8>; ROW],
}

impl RowBlock {
    const UNINIT: RowBlock = RowBlock { _bytes: [MaybeUninit::uninit(); ROW] };
}

/// The lanes of a panel.
const fn width<T>() -> usize {
    if size_of::<T>() == 0 || size_of::<T>() > ROW { 1 } else { ROW / size_of::<T>() }
}

/// The panels of rows, each of which is read along k, and of lanes.
const fn shapes<T>(rows: usize) -> [PanelShape; 2] {
    let rows = PanelShape { unit: rows, most: 1, multiple: 1, along_k: true };
    [rows, PanelShape { unit: width::<T>(), along_k: false, ..rows }]
}

/// The kernels that run `rows` rows at a time.
pub(in crate::kernels) const fn kernels<T>(rows: usize, multiply: BlockFn, zero: FillFn) -> ProductKernels {
    let panels = shapes::<T>(rows);
    ProductKernels { panels, vectors: None, multiply, zero, depth: DEPTH, size: size_of::<T>() }
}

/// Multiplies panels of `R` rows by all lanes of a block.
///
/// # Safety
/// All rows and lanes of the block are packed; all of their positions in C are distinct elements, which have values if
/// the product is added to them, and no other thread touches those of the panels.
#[inline(always)]
pub(in crate::kernels) unsafe fn multiply<A: ScalarOp, M: ScalarOp<T = A::T>, const R: usize>(
    block: &Block<'_>,
    panels: Range<usize>,
) {
    let [rows, lanes] = &block.sides;
    let [of_rows, of_lanes] = shapes::<A::T>(R);
    let (row_panels, lane_panels) = (of_rows.panels(rows.len), of_lanes.panels(lanes.len));
    let k = block.k_range.len();
    let packed = |base: *mut u8, start: usize| base.cast::<A::T>().wrapping_add(start * k).cast_const();
    // SAFETY: the caller promises α.
    let alpha = block.alpha.map(|alpha| unsafe { alpha.cast().read() });
    for lane_panel in 0..lane_panels.count {
        let lane_range = lane_panels.range(lane_panel);
        let mut start = 0;
        while start < k {
            for panel in panels.clone() {
                let range = row_panels.range(panel);
                let strip = Strip {
                    block,
                    rows: packed(rows.packed, range.start).wrapping_add(start),
                    row: k,
                    lanes: packed(lanes.packed, lane_range.start).wrapping_add(start * lane_range.len()),
                    width: lane_range.len(),
                    depth: DEPTH.min(k - start),
                    alpha,
                    adds: block.accumulate || start > 0,
                };
                // SAFETY: the caller promises packed panels and the elements of C.
                unsafe {
                    if const { size_of::<A::T>() > ROW || align_of::<A::T>() > align_of::<RowBlock>() } {
                        strip.one_by_one::<A, M>(range, lane_range.start);
                    } else {
                        strip.run::<A, M, R>(range, lane_range.start);
                    }
                }
            }
            start += DEPTH;
        }
    }
}

/// A few rows times a panel of lanes, over some positions of k.
#[derive(Clone, Copy)]
struct Strip<'a, T> {
    block: &'a Block<'a>,
    /// The factor of the first row at the first position of k; those of the next positions follow.
    rows: *const T,
    /// Elements between two rows.
    row: usize,
    /// The lanes at the first position of k; those of the next position follow.
    lanes: *const T,
    /// The number of lanes.
    width: usize,
    depth: usize,
    alpha: Option<T>,
    /// Whether the sums are added to C.
    adds: bool,
}

impl<T: Copy> Strip<'_, T> {
    /// Computes at most `R` rows of C, from lane `lane` of the block on. In place of missing rows, it computes the last row
    /// again.
    ///
    /// # Safety
    /// The panels hold the rows; the elements of C are those that [`multiply`] asks for.
    #[inline(always)]
    unsafe fn run<A: ScalarOp<T = T>, M: ScalarOp<T = T>, const R: usize>(&self, rows: Range<usize>, lane: usize) {
        let mut sums = [RowBlock::UNINIT; R];
        // SAFETY: `sums` has a row of `width` elements for each of `R` rows; the caller promises the panels and C.
        unsafe {
            let mut starts = [self.rows; R];
            for r in 0..R {
                starts[r] = self.rows.add(r.min(rows.len() - 1) * self.row);
                let to = (&raw mut sums[r]).cast::<T>();
                for x in 0..self.width {
                    to.add(x).write(A::identity());
                }
            }
            let steps = self.depth / STEP;
            for s in 0..steps {
                self.step::<A, M, R, STEP>(&mut sums, &starts, s * STEP);
            }
            for l in steps * STEP..self.depth {
                self.step::<A, M, R, 1>(&mut sums, &starts, l);
            }
            self.store::<A>(&sums[..rows.len()], rows.start, lane);
        }
    }

    /// The factor of a row at a position of k, times α.
    #[inline(always)]
    unsafe fn factor<M: ScalarOp<T = T>>(&self, row: *const T, l: usize) -> T {
        // SAFETY: the caller promises the row.
        let factor = unsafe { row.add(l).read() };
        if let Some(alpha) = self.alpha { M::apply(alpha, factor) } else { factor }
    }

    /// Adds the terms of `L` positions of k, from position `l` on.
    #[inline(always)]
    unsafe fn step<A: ScalarOp<T = T>, M: ScalarOp<T = T>, const R: usize, const L: usize>(
        &self,
        sums: &mut [RowBlock; R],
        rows: &[*const T; R],
        l: usize,
    ) {
        // SAFETY: the caller promises the rows and lanes; `l + L` is at most `depth`, and `x` below `width`.
        unsafe {
            // Loops, not `array::from_fn`: a closure that is not inlined does not inherit the target features.
            let mut factors = [[A::identity(); L]; R];
            let mut lanes = [std::ptr::null::<T>(); L];
            for t in 0..L {
                lanes[t] = self.lanes.add((l + t) * self.width);
                for r in 0..R {
                    factors[r][t] = self.factor::<M>(rows[r], l + t);
                }
            }
            let sums = sums.as_mut_ptr();
            for x in 0..self.width {
                for r in 0..R {
                    let mut sum = M::apply(factors[r][0], lanes[0].add(x).read());
                    for t in 1..L {
                        sum = A::apply(sum, M::apply(factors[r][t], lanes[t].add(x).read()));
                    }
                    let to = sums.add(r).cast::<T>().add(x);
                    to.write(A::apply(to.read(), sum));
                }
            }
        }
    }

    /// Writes the sums of some rows to C, or adds them. Rows of C are rarely whole vectors, so this is compiled once for
    /// all instruction sets.
    #[inline(never)]
    unsafe fn store<A: ScalarOp<T = T>>(&self, sums: &[RowBlock], row: usize, lane: usize) {
        let mut of_rows = [0; MAX_ROWS];
        let of_rows = self.rows_of_c(row, &mut of_rows[..sums.len()]);
        let [_, lanes] = &self.block.sides;
        let mut done = 0;
        let lanes_of_c = lanes.start + lane..lanes.start + lane + self.width;
        lanes.side.runs(lanes_of_c, &mut |[_, offset], [_, stride], len| {
            for (sums, of_row) in sums.iter().zip(of_rows.iter()) {
                let from = (&raw const *sums).cast::<T>().wrapping_add(done);
                let to = self.block.c.wrapping_offset(of_row.wrapping_add(offset));
                // SAFETY: the sums have been written; the caller promises the rows of C.
                unsafe { put::<A>(len, to, stride, from, self.adds) }
            }
            done += len;
        });
    }

    /// Writes the offsets of rows in C to a list.
    fn rows_of_c<'l>(&self, row: usize, list: &'l mut [isize]) -> &'l [isize] {
        let [rows, _] = &self.block.sides;
        let mut of_operand = [0; MAX_ROWS];
        rows.side.offsets(rows.start + row, [&mut of_operand[..list.len()], list]);
        list
    }

    /// The same for elements that are too large for a row of sums: the panel has one lane.
    unsafe fn one_by_one<A: ScalarOp<T = T>, M: ScalarOp<T = T>>(&self, rows: Range<usize>, lane: usize) {
        let [_, lanes] = &self.block.sides;
        let mut of_lane = [[0; 1]; 2];
        lanes.side.offsets(lanes.start + lane, of_lane.each_mut().map(|list| &mut list[..]));
        for row in rows.clone() {
            let of_row = self.rows_of_c(row, &mut [0])[0];
            let to = self.block.c.wrapping_offset(of_row.wrapping_add(of_lane[1][0]));
            let factors = self.rows.wrapping_add((row - rows.start) * self.row);
            let mut sum = A::identity();
            // SAFETY: the caller promises the panels and the elements of C.
            unsafe {
                for l in 0..self.depth {
                    sum = A::apply(sum, M::apply(self.factor::<M>(factors, l), self.lanes.add(l).read()));
                }
                let to = to.cast::<T>();
                to.write(if self.adds { A::apply(to.read(), sum) } else { sum });
            }
        }
    }
}

/// Writes `len` sums to a row of C, or adds them.
#[inline(always)]
unsafe fn put<A: ScalarOp>(len: usize, to: *mut u8, stride: isize, from: *const A::T, adds: bool) {
    let size = size_of::<A::T>() as isize;
    // SAFETY: the caller promises the sums and the elements of C.
    unsafe {
        match (adds, stride == size) {
            (false, true) => to.cast::<A::T>().copy_from_nonoverlapping(from, len),
            (true, true) => add_to::<A>(len, to, size, from),
            (true, false) => add_to::<A>(len, to, stride, from),
            (false, false) => {
                (0..len).for_each(|x| to.wrapping_offset(x as isize * stride).cast::<A::T>().write(from.add(x).read()));
            }
        }
    }
}

/// Adds `len` sums to a row of C.
#[inline(always)]
unsafe fn add_to<A: ScalarOp>(len: usize, to: *mut u8, stride: isize, from: *const A::T) {
    for x in 0..len {
        let to = to.wrapping_offset(x as isize * stride).cast::<A::T>();
        // SAFETY: the caller promises the sums and the elements of C.
        unsafe { to.write(A::apply(to.read(), from.add(x).read())) }
    }
}
