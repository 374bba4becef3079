//! The register tile: some rows of C times some vectors of it, summed over k in registers.

use super::vector::{Number, Vector};

/// The most rows of a tile.
pub(super) const MAX_ROWS: usize = 8;
/// The most vectors in a row of a tile.
pub(super) const MAX_VECTORS: usize = 3;
/// The most elements in a row of a tile.
pub(super) const MAX_LANES: usize = 48;

/// The arguments of a tile. Strides and offsets are in bytes.
#[derive(Clone, Copy)]
pub(super) struct Tile<T> {
    /// The number of contracted positions.
    pub(super) k: usize,
    /// The vectors of the first position of k: as many neighbouring elements as the tile has lanes.
    pub(super) lanes: *const T,
    /// Between two positions of k.
    pub(super) lanes_k: isize,
    /// The factor of the first row at the first position of k.
    pub(super) rows: *const T,
    /// Between two positions of k.
    pub(super) rows_k: isize,
    /// Between two rows.
    pub(super) rows_r: isize,
    pub(super) c: *mut T,
    /// Of each row of the tile in C.
    pub(super) c_rows: [isize; MAX_ROWS],
    /// Of each vector of a row in C.
    pub(super) c_vectors: [isize; MAX_VECTORS],
    /// The elements of the last vector that are written.
    pub(super) last: usize,
    pub(super) alpha: Option<T>,
    pub(super) accumulate: bool,
    /// Whether C is written past the caches: all vectors are whole and aligned, and nothing is added to.
    pub(super) stream: bool,
}

/// Computes a tile.
pub(super) type TileFn<T> = unsafe fn(&Tile<T>);

/// A tile of `R` rows of `V` vectors.
///
/// # Safety
/// The CPU has the instruction set; all positions of the operands are elements, those of C distinct and exclusive.
#[inline(always)]
pub(super) unsafe fn tile<X: Vector, const V: usize, const R: usize>(t: &Tile<X::Element>) {
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        let mut sums = [[X::no_sum(); V]; R];
        let mask = X::mask(0, t.last);
        let (mut lanes, mut rows, lanes_k, rows_k, rows_r) = (t.lanes, t.rows, t.lanes_k, t.rows_k, t.rows_r);
        macro_rules! step {
            () => {{
                let mut x = [X::zero(); V];
                let mut v = 0;
                while v < V {
                    let from = lanes.wrapping_add(v * X::LANES);
                    x[v] = if X::MASKS && v + 1 == V { X::load_masked(from, mask) } else { X::load(from) };
                    v += 1;
                }
                let mut r = 0;
                while r < R {
                    let y = X::splat(rows.wrapping_byte_offset(rows_r.wrapping_mul(r as isize)).read());
                    let mut v = 0;
                    while v < V {
                        sums[r][v] = x[v].mul_add(y, sums[r][v]);
                        v += 1;
                    }
                    r += 1;
                }
                lanes = lanes.wrapping_byte_offset(lanes_k);
                rows = rows.wrapping_byte_offset(rows_k);
            }};
        }
        if !t.stream {
            prefetch::<X, V, R>(t);
        }
        let mut k = t.k;
        // A larger tile has enough work in one step, and its unrolled loop would not keep all sums in registers.
        if const { V * R * size_of::<X::Sum>() <= 8 * size_of::<X>() } {
            while k >= 4 {
                step!();
                step!();
                step!();
                step!();
                k -= 4;
            }
        }
        while k > 0 {
            step!();
            k -= 1;
        }
        finish::<X, V, R>(t, &sums);
    }
}

/// Multiplies the sums of a tile by α, and writes or adds them.
#[inline(always)]
unsafe fn finish<X: Vector, const V: usize, const R: usize>(t: &Tile<X::Element>, sums: &[[X::Sum; V]; R]) {
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        let mut totals = [[X::zero(); V]; R];
        let mut r = 0;
        while r < R {
            let mut v = 0;
            while v < V {
                totals[r][v] = X::total(sums[r][v]);
                v += 1;
            }
            r += 1;
        }
        if let Some(alpha) = t.alpha {
            let alpha = X::splat(alpha);
            let mut r = 0;
            while r < R {
                let mut v = 0;
                while v < V {
                    totals[r][v] = totals[r][v].mul(alpha);
                    v += 1;
                }
                r += 1;
            }
        }
        match (t.stream, X::MASKS || t.last < X::LANES) {
            (true, _) => stream(t, &totals),
            (false, true) => store::<X, V, R, true>(t, &mut totals),
            (false, false) => store::<X, V, R, false>(t, &mut totals),
        }
    }
}

/// Asks for the lines of C, which are needed when the sums are complete.
#[inline(always)]
unsafe fn prefetch<X: Vector, const V: usize, const R: usize>(t: &Tile<X::Element>) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let mut r = 0;
    while r < R {
        let row = t.c.wrapping_byte_offset(t.c_rows[r]);
        let mut v = 0;
        while v < V {
            // SAFETY: a prefetch of any address is allowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(row.wrapping_byte_offset(t.c_vectors[v]).cast()) };
            v += 1;
        }
        r += 1;
    }
}

/// Writes the sums past the caches.
#[inline(always)]
unsafe fn stream<X: Vector, const V: usize, const R: usize>(t: &Tile<X::Element>, sums: &[[X; V]; R]) {
    let mut r = 0;
    while r < R {
        let row = t.c.wrapping_byte_offset(t.c_rows[r]);
        let mut v = 0;
        while v < V {
            // SAFETY: the caller promises the instruction set and the elements; a tile that streams is aligned.
            unsafe { sums[r][v].stream(row.wrapping_byte_offset(t.c_vectors[v])) };
            v += 1;
        }
        r += 1;
    }
}

/// Writes the sums, or adds them. `MASKED` tiles have a mask in their last vectors.
#[inline(always)]
unsafe fn store<X: Vector, const V: usize, const R: usize, const MASKED: bool>(
    t: &Tile<X::Element>,
    sums: &mut [[X; V]; R],
) {
    let mask = X::mask(0, t.last);
    let to = |r: usize, v: usize| t.c.wrapping_byte_offset(t.c_rows[r]).wrapping_byte_offset(t.c_vectors[v]);
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        if t.accumulate {
            let mut r = 0;
            while r < R {
                let mut v = 0;
                while v < V {
                    let from = to(r, v);
                    let c = if MASKED && v + 1 == V { X::load_masked(from, mask) } else { X::load(from) };
                    sums[r][v] = c.add(sums[r][v]);
                    v += 1;
                }
                r += 1;
            }
        }
        let mut r = 0;
        while r < R {
            let mut v = 0;
            while v < V {
                if MASKED && v + 1 == V {
                    sums[r][v].store_masked(to(r, v), mask);
                } else {
                    sums[r][v].store(to(r, v));
                }
                v += 1;
            }
            r += 1;
        }
    }
}

/// The sums of a tile, and where its lanes lie in C.
pub(super) struct Scatter<'a, T> {
    /// The sums: rows of whole vectors.
    pub(super) from: *const T,
    /// The elements of a row of sums.
    pub(super) width: usize,
    pub(super) c: *mut T,
    /// The offsets of the rows and of the lanes in C in bytes.
    pub(super) offsets: [&'a [isize]; 2],
    pub(super) alpha: Option<T>,
    pub(super) accumulate: bool,
}

/// Writes or adds the sums of a tile.
pub(super) type ScatterFn<T> = unsafe fn(&Scatter<'_, T>);

/// Writes or adds each run of contiguous lanes by a masked vector.
///
/// # Safety
/// The CPU has the instruction set; the sums are whole vectors; the positions of C are elements, distinct and exclusive.
#[inline(always)]
pub(super) unsafe fn scatter<X: Vector>(s: &Scatter<'_, X::Element>) {
    let size = size_of::<X::Element>() as isize;
    let [rows, lanes] = s.offsets;
    for first in (0..lanes.len()).step_by(X::LANES) {
        let vector = &lanes[first..lanes.len().min(first + X::LANES)];
        let mut start = 0;
        while start < vector.len() {
            let mut end = start + 1;
            while end < vector.len() && vector[end].wrapping_sub(vector[end - 1]) == size {
                end += 1;
            }
            if end == start + 1 && s.alpha.is_none() {
                // SAFETY: the caller upholds the contract.
                unsafe { scatter_lane(s, first + start) };
                start = end;
                continue;
            }
            // The address that lane 0 would have.
            let base = s.c.wrapping_byte_offset(vector[start].wrapping_sub(start as isize * size));
            let mask = X::mask(start, end);
            for (r, &row) in rows.iter().enumerate() {
                let to = base.wrapping_byte_offset(row);
                // SAFETY: the caller promises the sums, and the elements of C of the mask.
                unsafe {
                    let mut sum = X::load(s.from.add(r * s.width + first));
                    if let Some(alpha) = s.alpha {
                        sum = sum.mul(X::splat(alpha));
                    }
                    if s.accumulate {
                        sum = X::load_masked(to, mask).add(sum);
                    }
                    sum.store_masked(to, mask);
                }
            }
            start = end;
        }
    }
}

/// Writes or adds one lane of all rows.
#[inline(always)]
unsafe fn scatter_lane<T: Number>(s: &Scatter<'_, T>, lane: usize) {
    let [rows, lanes] = s.offsets;
    let column = s.c.wrapping_byte_offset(lanes[lane]);
    for (r, &row) in rows.iter().enumerate() {
        let to = column.wrapping_byte_offset(row);
        // SAFETY: the caller promises the sums, and the elements of C.
        unsafe {
            let sum = s.from.add(r * s.width + lane).read();
            to.write(if s.accumulate { to.read() + sum } else { sum });
        }
    }
}
