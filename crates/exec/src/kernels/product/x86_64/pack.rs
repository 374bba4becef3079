//! Packing: panels of an operand, contiguous in the order in which tiles read them.

use super::vector::{Number, Vector};

/// A panel to pack: `k` positions of one run along k, for each of the positions at `offsets`.
pub(super) struct Panel<'a, T> {
    /// The first position of k.
    pub(super) from: *const T,
    /// The number of positions of k.
    pub(super) k: usize,
    /// Bytes between two positions of k.
    pub(super) stride: isize,
    /// The offset of each row or lane in bytes.
    pub(super) offsets: &'a [isize],
    /// Elements from one position of k to the next in the panel; those beyond the offsets become 0.
    pub(super) width: usize,
    pub(super) to: *mut T,
}

/// Packs a panel.
pub(super) type PackFn<T> = unsafe fn(&Panel<'_, T>);

/// Whether the offsets are those of neighbouring elements.
pub(super) fn contiguous<T>(offsets: &[isize]) -> bool {
    let step = size_of::<T>() as isize;
    offsets.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step)
}

/// # Safety
/// The CPU has the instruction set of `X`; all positions are elements; there is memory for `k` times `width` elements.
#[inline(always)]
pub(super) unsafe fn panel<X: Vector>(p: &Panel<'_, X::Element>) {
    // SAFETY: the caller promises the instruction set and the elements.
    unsafe {
        if contiguous::<X::Element>(p.offsets) {
            rows::<X>(p);
        } else if p.stride == size_of::<X::Element>() as isize {
            columns(p);
        } else {
            let mut first = 0;
            for offsets in p.offsets.chunks(X::LANES) {
                let part = Panel { offsets, to: p.to.add(first), ..*p };
                if contiguous::<X::Element>(offsets) {
                    rows::<X>(&part)
                } else {
                    elements(&part, 0)
                }
                first += X::LANES;
            }
        }
        if p.offsets.len() < p.width {
            for k in 0..p.k {
                (p.offsets.len()..p.width).for_each(|x| p.to.add(k * p.width + x).write(Number::ZERO));
            }
        }
    }
}

/// Copies neighbouring elements.
#[inline(always)]
unsafe fn rows<X: Vector>(p: &Panel<'_, X::Element>) {
    let whole = p.offsets.len() / X::LANES * X::LANES;
    let mask = p.offsets.len() - whole;
    let start = p.offsets.first().copied().unwrap_or(0);
    let (mut from, mut to) = (p.from.wrapping_byte_offset(start), p.to);
    // SAFETY: the caller promises the elements.
    unsafe {
        let mask_of = X::mask(0, mask);
        for _ in 0..p.k {
            let mut x = 0;
            while x < whole {
                X::load(from.add(x)).store(to.add(x));
                x += X::LANES;
            }
            if mask > 0 {
                X::load_masked(from.add(x), mask_of).store_masked(to.add(x), mask_of);
            }
            from = from.wrapping_byte_offset(p.stride);
            to = to.wrapping_add(p.width);
        }
    }
}

/// Transposes squares of rows that are contiguous along k.
#[inline(always)]
unsafe fn columns<T: Number>(p: &Panel<'_, T>) {
    let square = T::SQUARE;
    let (across, along) = (p.offsets.len() / square * square, p.k / square * square);
    // SAFETY: the caller promises the elements; whole squares lie inside of the panel.
    unsafe {
        for x in (0..across).step_by(square) {
            for k in (0..along).step_by(square) {
                let row = |r: usize| p.from.wrapping_byte_offset(p.offsets[x + r]).wrapping_add(k);
                T::transpose(row, p.to.add(k * p.width + x), p.width);
            }
        }
        elements(p, across);
        let rest = Panel {
            from: p.from.wrapping_add(along),
            k: p.k - along,
            offsets: &p.offsets[..across],
            to: p.to.wrapping_add(along * p.width),
            ..*p
        };
        elements(&rest, 0);
    }
}

/// Copies single elements, from the offset with number `first` on.
#[inline(always)]
unsafe fn elements<T: Number>(p: &Panel<'_, T>, first: usize) {
    for (x, &offset) in p.offsets.iter().enumerate().skip(first) {
        let mut from = p.from.wrapping_byte_offset(offset);
        for k in 0..p.k {
            // SAFETY: the caller promises the elements.
            unsafe { p.to.add(k * p.width + x).write(from.read()) };
            from = from.wrapping_byte_offset(p.stride);
        }
    }
}

/// Lanes that are contiguous in C, packed from an operand that is contiguous along another loop of the lanes: squares of
/// both loops are transposed.
pub(super) struct Quads<'a, T> {
    /// The operand at the first position of k.
    pub(super) from: *const T,
    /// The number of positions of k.
    pub(super) k: usize,
    /// Bytes between two positions of k.
    pub(super) stride: isize,
    /// The offsets of the lanes of the block in bytes.
    pub(super) offsets: &'a [isize],
    /// Lanes between neighbours in the operand.
    pub(super) distance: usize,
    /// For each four lanes: the first of them in the panels at the first position of k, and the elements between positions
    /// of k.
    pub(super) to: &'a [(usize, usize)],
    /// The panels at the first position of k, before `k_start` elements of [`Quads::to`] for each position.
    pub(super) packed: *mut T,
    /// The number of earlier positions of k in the panels.
    pub(super) k_start: usize,
    /// The first lane of the four to pack from each `distance` lanes.
    pub(super) lane: usize,
}

/// Packs four lanes of each `distance` lanes.
pub(super) type QuadsFn<T> = unsafe fn(&Quads<'_, T>);

/// # Safety
/// The CPU has AVX2; all lanes are elements; four times `distance` divides their number; there is memory for the panels.
#[inline(always)]
pub(super) unsafe fn quads<T: Number>(q: &Quads<'_, T>) {
    let mut from = q.from;
    for k in q.k_start..q.k_start + q.k {
        for group in (q.lane..q.offsets.len()).step_by(4 * q.distance) {
            let row = |r: usize| from.wrapping_byte_offset(q.offsets[group + r]);
            let column = |u: usize| {
                let (start, step) = q.to[(group + u * q.distance) / 4];
                q.packed.wrapping_add(start + k * step)
            };
            // SAFETY: the caller promises the elements and the panels.
            unsafe { T::quad([row(0), row(1), row(2), row(3)], [column(0), column(1), column(2), column(3)]) }
        }
        from = from.wrapping_byte_offset(q.stride);
    }
}
