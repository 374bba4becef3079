//! The register tile: some rows of C times some vectors of it, summed over k in registers.

use super::vector::{Float, Vector};

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
        let mut sums = [[X::zero(); V]; R];
        let mask = X::mask(t.last);
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
        prefetch::<X, V, R>(t);
        let mut k = t.k;
        // A larger tile has enough work in one step, and its unrolled loop would not keep all sums in registers.
        if V * R <= 8 {
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
        if let Some(alpha) = t.alpha {
            let alpha = X::splat(alpha);
            let mut r = 0;
            while r < R {
                let mut v = 0;
                while v < V {
                    sums[r][v] = sums[r][v].mul(alpha);
                    v += 1;
                }
                r += 1;
            }
        }
        match (t.accumulate, t.last == X::LANES) {
            (false, true) => store::<X, V, R, false, true>(t, &sums),
            (false, false) => store::<X, V, R, false, false>(t, &sums),
            (true, true) => store::<X, V, R, true, true>(t, &sums),
            (true, false) => store::<X, V, R, true, false>(t, &sums),
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

/// Writes the sums, or adds them if `ADD`. `FULL` tiles write all elements of their last vectors.
#[inline(always)]
unsafe fn store<X: Vector, const V: usize, const R: usize, const ADD: bool, const FULL: bool>(
    t: &Tile<X::Element>,
    sums: &[[X; V]; R],
) {
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        let mask = X::mask(t.last);
        let mut r = 0;
        while r < R {
            let row = t.c.wrapping_byte_offset(t.c_rows[r]);
            let mut v = 0;
            while v < V {
                let to = row.wrapping_byte_offset(t.c_vectors[v]);
                if FULL || v + 1 < V {
                    let sum = if ADD { X::load(to).add(sums[r][v]) } else { sums[r][v] };
                    sum.store(to);
                } else {
                    let sum = if ADD { X::load_masked(to, mask).add(sums[r][v]) } else { sums[r][v] };
                    sum.store_masked(to, mask);
                }
                v += 1;
            }
            r += 1;
        }
    }
}

/// Writes or adds `rows` rows of `lanes` elements, dense and `width` elements apart at `from`, to any positions of C.
///
/// # Safety
/// All positions are elements, those of C distinct and exclusive.
pub(super) unsafe fn scatter<T: Float>(
    from: *const T,
    width: usize,
    to: *mut T,
    [rows, lanes]: [&[isize]; 2],
    alpha: Option<T>,
    accumulate: bool,
) {
    for (r, &row) in rows.iter().enumerate() {
        for (l, &lane) in lanes.iter().enumerate() {
            let to = to.wrapping_byte_offset(row.wrapping_add(lane));
            // SAFETY: the caller promises the elements.
            unsafe {
                let sum = from.add(r * width + l).read();
                let sum = alpha.map_or(sum, |alpha| alpha * sum);
                to.write(if accumulate { to.read() + sum } else { sum });
            }
        }
    }
}
