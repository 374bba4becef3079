//! Folds the axis groups of `C[b,m,n] ⊕= A[b,m,k] ⊗ B[b,k,n]` to the axes of matrices.
//!
//! A group whose axes have a single stride in every operand is one matrix axis. A group that does not fold leaves loops
//! around the product, or an operand is packed first so that the group folds. The planner folds with the strides of the
//! layout hints, the executor with the real strides. This is the classical choice between looping over an axis that
//! does not fold and a transposed copy ("loop over GEMM" and TTGT in Springer & Bientinesi, ACM TOMS 44, 2018), decided
//! by cost.

use crate::{Algebra, Dtype, Loops, Machine};

/// The number of operands of every [`Loops`] in this module: A, B and C.
const OPERANDS: usize = 3;

/// The rows and columns of C in one block, which one kernel call computes. They are multiples of the tiles of every
/// kernel, so that an element of C is computed in the same way in every block. Each block packs its rows of A and
/// columns of B separately, so one thread prefers few blocks, and many threads prefer many.
pub const BLOCK: [usize; 2] = [256, 512];

/// The most bytes that one call of a product kernel allocates to pack a block of A and B, for matrices with extents
/// `m`, `n` and `k`. The kernels for floats pack 64 rows and 256 contracted positions at a time, with edges padded to
/// their tiles; those of other types and algebras allocate nothing.
pub fn kernel_bytes(algebra: Algebra, dtype: Dtype, [m, n, k]: [usize; 3]) -> usize {
    const ROWS: usize = 64;
    const DEPTH: usize = 256;
    const TILE: usize = 16;
    if algebra != Algebra::SUM_PRODUCT || !matches!(dtype, Dtype::F32 | Dtype::F64 | Dtype::C32 | Dtype::C64) {
        return 0;
    }
    let [rows, columns] = [m.min(ROWS), n.min(BLOCK[1])].map(|side| side.next_multiple_of(TILE));
    k.min(DEPTH) * (rows + columns) * dtype.size()
}

/// The bytes of packed operands up to which a product keeps them on the stack of a thread.
pub const STACK_PACKED: usize = 32 << 10;

/// The most rows, columns and contracted positions of a block of operands that a product packs.
pub const PACKED_SIDE: usize = 512;

/// The bytes of memory that a product of matrices with extents `m`, `n` and `k`, computed in `dtype`, takes for packed
/// blocks of both operands, at most. With less, it packs smaller blocks on the stack.
pub fn packed_bytes(dtype: Dtype, [m, n, k]: [usize; 3]) -> usize {
    // Blocks are padded to whole tiles.
    const TILE: usize = 64;
    let bytes = |sides: usize, depth: usize| sides.saturating_mul(depth).saturating_mul(dtype.size());
    let [rows, columns] = [m, n].map(|side| side.min(PACKED_SIDE).next_multiple_of(TILE));
    if bytes(m.saturating_add(n), k) <= STACK_PACKED { 0 } else { bytes(rows + columns, k.min(PACKED_SIDE)) }
}

/// The axes of the four groups with their strides in bytes in A, B and C, in this order; the stride is 0 in an operand
/// that lacks the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// In all three operands.
    pub batch: Loops,
    /// In A and C.
    pub m: Loops,
    /// In B and C.
    pub n: Loops,
    /// In A and B: reduced.
    pub k: Loops,
}

/// One axis of the matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The number of positions.
    pub extent: usize,
    /// The strides in bytes in A, B and C.
    pub strides: [isize; OPERANDS],
}

/// A matrix product inside loops: for every position of `outer`, `C[m,n] ⊕= A[m,k] ⊗ B[k,n]`.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    /// Which of A, B and C are packed; the strides of a packed operand are those of its copy.
    pub packed: [bool; OPERANDS],
    /// The rows of C.
    pub m: Side,
    /// The columns of C.
    pub n: Side,
    /// The reduced axis.
    pub k: Side,
    /// The loops around the product: the batch axes, then the axes of m, n and k that did not fold, in this order.
    pub outer: Loops,
    /// The number of reduced loops, the last ones of `outer`: each position but the first accumulates.
    pub reduced: usize,
    /// For each packed operand the loops of its copy: operand 0 is the dense copy, operand 1 the original. Empty for
    /// the others.
    pub copies: [Loops; OPERANDS],
    work: Groups,
}

impl Default for Groups {
    fn default() -> Groups {
        let none = || Loops::new(OPERANDS);
        Groups { batch: none(), m: none(), n: none(), k: none() }
    }
}

impl Groups {
    fn each_mut(&mut self) -> [&mut Loops; 4] {
        [&mut self.batch, &mut self.m, &mut self.n, &mut self.k]
    }

    /// Removes all axes, keeping the memory.
    pub fn clear(&mut self) {
        self.each_mut().into_iter().for_each(|group| group.reset(OPERANDS));
    }

    /// Becomes a copy of `other` without the axes of extent 1, keeping the memory.
    fn assign(&mut self, other: &Groups) {
        for (to, from) in self.each_mut().into_iter().zip([&other.batch, &other.m, &other.n, &other.k]) {
            to.assign(from);
            to.drop_units();
        }
    }

    /// Orders every group by the first operand that is not packed, so that a packed operand follows its order.
    fn order(&mut self, packed: [bool; OPERANDS]) {
        for (group, operands) in self.each_mut().into_iter().zip([&[0, 1, 2][..], &[0, 2], &[1, 2], &[0, 1]]) {
            let leader = operands.iter().find(|&&x| !packed[x]).unwrap_or(&operands[0]);
            group.order_by(*leader);
        }
    }

    /// The two matrix groups of an operand, and the batch.
    fn of(&mut self, operand: usize) -> [&mut Loops; 3] {
        match operand {
            0 => [&mut self.m, &mut self.k, &mut self.batch],
            1 => [&mut self.k, &mut self.n, &mut self.batch],
            _ => [&mut self.m, &mut self.n, &mut self.batch],
        }
    }
}

impl Fold {
    /// Folds `groups` at the least cost on `machine`, over all choices that pack at least the operands in `forced`.
    /// `element` is the size in bytes of the elements of packed copies. No extent is 0. The memory of an earlier fold
    /// is reused.
    pub fn choose(&mut self, machine: &Machine, groups: &Groups, element: usize, forced: [bool; OPERANDS]) {
        self.arrange(groups, element, forced);
        if self.outer.len() == self.work.batch.len() {
            return;
        }
        let mut best = (self.cost(machine, element), forced);
        // Fewer copies come first: among equal costs the first choice stays.
        for mask in [0b001u8, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111] {
            let packed = std::array::from_fn(|x| forced[x] || mask >> x & 1 == 1);
            self.arrange(groups, element, packed);
            let cost = self.cost(machine, element);
            if cost < best.0 {
                best = (cost, packed);
            }
        }
        self.arrange(groups, element, best.1);
    }

    /// Whether the groups are matrices as they lie: no operand is packed, and there are no loops but those of the batch.
    pub fn is_plain(&self) -> bool {
        !self.packed.contains(&true) && self.outer.len() == self.work.batch.len()
    }

    /// The bytes of the dense copy of `operand`, whose elements have `element` bytes; `None` on overflow.
    pub fn copy_bytes(&self, operand: usize, element: usize) -> Option<usize> {
        self.copies[operand].extents().iter().try_fold(element, |n, &e| n.checked_mul(e))
    }

    /// Whether the kernel's matrices have the rows of C as rows. Kernels are fastest with contiguous rows, and since ⊗
    /// commutes, the transposed product gives the same result.
    pub fn upright(&self) -> bool {
        const C: usize = 2;
        self.n.strides[C].unsigned_abs() <= self.m.strides[C].unsigned_abs()
    }

    /// The extents that a kernel gets: rows and columns of C, and contracted positions.
    pub fn extents(&self) -> [usize; 3] {
        let [m, n] = if self.upright() { [self.m, self.n] } else { [self.n, self.m] };
        [m.extent, n.extent, self.k.extent]
    }

    /// Folds with exactly these operands packed.
    fn arrange(&mut self, groups: &Groups, element: usize, packed: [bool; OPERANDS]) {
        self.packed = packed;
        self.work.assign(groups);
        self.work.order(packed);
        self.copies.iter_mut().for_each(|c| c.reset(2));
        (0..OPERANDS).filter(|&x| packed[x]).for_each(|x| self.pack(x, element as isize));
        self.outer.reset(OPERANDS);
        self.work.batch.order();
        self.work.batch.merge();
        (0..self.work.batch.len()).for_each(|l| self.outer.push_from(&self.work.batch, l));
        self.m = split(&mut self.work.m, &mut self.outer);
        self.n = split(&mut self.work.n, &mut self.outer);
        let kept = self.outer.len();
        self.k = split(&mut self.work.k, &mut self.outer);
        self.reduced = self.outer.len() - kept;
    }

    /// Gives `operand` dense strides: batch axes outside, and inside them the group that has the smaller stride
    /// innermost.
    fn pack(&mut self, operand: usize, element: isize) {
        let [first, second, batch] = self.work.of(operand);
        let least = |l: &Loops| (0..l.len()).map(|i| l.strides(i)[operand].unsigned_abs()).min().unwrap_or(usize::MAX);
        let inward = if least(first) < least(second) { [first, second, batch] } else { [second, first, batch] };
        let mut next = element;
        for group in inward {
            for l in (0..group.len()).rev() {
                let extent = group.extents()[l];
                let given = std::mem::replace(&mut group.strides_mut(l)[operand], next);
                self.copies[operand].push(extent, [next, given]);
                next = next.saturating_mul(extent as isize);
            }
        }
    }

    /// The time of the products and their copies, in nanoseconds.
    fn cost(&self, machine: &Machine, element: usize) -> f64 {
        let points = |loops: &Loops| loops.extents().iter().map(|&e| e as f64).product::<f64>();
        let bytes = (0..OPERANDS).filter(|&x| self.packed[x]).map(|x| points(&self.copies[x]) * element as f64).sum();
        let mnk = [self.m, self.n, self.k].map(|s| s.extent as f64);
        machine.products_ns(points(&self.outer), mnk, bytes)
    }
}

/// Merges the loops of a group. The longest becomes the matrix axis, among equals the innermost; the others go to
/// `outer`.
fn split(group: &mut Loops, outer: &mut Loops) -> Side {
    group.order();
    group.merge();
    let Some(longest) = (0..group.len()).max_by_key(|&l| group.extents()[l]) else {
        return Side { extent: 1, strides: [0; OPERANDS] };
    };
    (0..group.len()).filter(|&l| l != longest).for_each(|l| outer.push_from(group, l));
    let strides = group.strides(longest);
    Side { extent: group.extents()[longest], strides: [strides[0], strides[1], strides[2]] }
}

#[cfg(test)]
mod tests;
