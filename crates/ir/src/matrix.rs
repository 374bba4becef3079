//! Folding: how the axis groups of `C[b,m,n] ⊕= A[b,m,k] ⊗ B[b,k,n]` become matrices.
//!
//! A group whose axes every operand crosses with one stride is one matrix axis. A group that breaks leaves loops around
//! the product, or an operand is copied dense first so that it does not break. The planner asks with the hinted strides,
//! the executor with the real ones. This is the classical choice between looping over a breaking axis and a transposed
//! copy ("loop over GEMM" and TTGT in Springer & Bientinesi, ACM TOMS 44, 2018), decided by cost.

use crate::{Algebra, Dtype, Loops, Machine};

/// The positions of A, B and C among the operands of every [`Loops`] in this module.
const OPERANDS: usize = 3;

/// Rows and columns of C in one block, the work of one call of a kernel. Multiples of the tiles of every kernel, so that an
/// element of C is computed alike whichever block it is in. Each block packs its rows of A and columns of B again, so few are
/// better for one thread, and many for many.
pub const BLOCK: [usize; 2] = [256, 512];

/// The most bytes that one call of a product kernel allocates for the packed pieces of A and B of a block, for matrices of `m`,
/// `n` and `k` positions. The kernels for floats pack pieces of 64 rows and 256 contracted positions, with edges filled up
/// to their tiles; those of other types and algebras allocate nothing.
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

/// The axes of the four groups with their strides in bytes in A, B and C, in this order: 0 in an operand that lacks the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// In all three.
    pub batch: Loops,
    /// In A and C.
    pub m: Loops,
    /// In B and C.
    pub n: Loops,
    /// In A and B: reduced.
    pub k: Loops,
}

/// One axis of the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// How many positions it has.
    pub extent: usize,
    /// Its strides in bytes in A, B and C.
    pub strides: [isize; OPERANDS],
}

/// A matrix product in loops: for every position of `outer`, `C[m,n] ⊕= A[m,k] ⊗ B[k,n]`.
#[derive(Clone, Debug)]
pub struct Fold {
    /// Which of A, B, C are dense copies, for which the strides are those of the copy.
    pub packed: [bool; OPERANDS],
    /// The rows of C.
    pub m: Side,
    /// The columns of C.
    pub n: Side,
    /// The reduced axis.
    pub k: Side,
    /// The loops around it: batch, then what of m, n and k did not fold, in this order.
    pub outer: Loops,
    /// How many loops of `outer`, the last ones, are reduced: each position but the first accumulates.
    pub reduced: usize,
    /// For each packed operand the loops of its copy: operand 0 is dense, operand 1 is as given. Empty for the others.
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
    /// Forgets all axes, keeping the memory.
    pub fn clear(&mut self) {
        [&mut self.batch, &mut self.m, &mut self.n, &mut self.k].into_iter().for_each(|l| l.reset(OPERANDS));
    }

    /// Becomes a copy of `other` without the axes of extent 1, keeping the memory.
    fn assign(&mut self, other: &Groups) {
        let pairs = [
            (&mut self.batch, &other.batch),
            (&mut self.m, &other.m),
            (&mut self.n, &other.n),
            (&mut self.k, &other.k),
        ];
        for (to, from) in pairs {
            to.assign(from);
            to.drop_units();
        }
    }

    /// Orders every group: by the first operand that stays as it is, so that a packed one follows it.
    fn order(&mut self, packed: [bool; OPERANDS]) {
        for (group, operands) in
            [(&mut self.batch, &[0, 1, 2][..]), (&mut self.m, &[0, 2]), (&mut self.n, &[1, 2]), (&mut self.k, &[0, 1])]
        {
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

impl Default for Fold {
    fn default() -> Fold {
        let side = Side { extent: 1, strides: [0; OPERANDS] };
        Fold {
            packed: [false; OPERANDS],
            m: side,
            n: side,
            k: side,
            outer: Loops::new(OPERANDS),
            reduced: 0,
            copies: std::array::from_fn(|_| Loops::new(2)),
            work: Groups::default(),
        }
    }
}

impl Fold {
    /// Folds `groups` in the way, of those that pack at least the operands in `forced`, that is cheapest on `machine`. `element`
    /// is the size in bytes of the elements of packed copies. No extent is 0. Memory of an earlier fold is used again.
    pub fn choose(&mut self, machine: &Machine, groups: &Groups, element: usize, forced: [bool; OPERANDS]) {
        self.arrange(groups, element, forced);
        if self.outer.len() == self.work.batch.len() {
            return;
        }
        let mut best = (self.cost(machine, element), forced);
        // Fewer copies first: of equal costs the first stays.
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

    /// Bytes of the dense copy of `operand`, whose elements have `element` bytes; `None` on overflow.
    pub fn copy_bytes(&self, operand: usize, element: usize) -> Option<usize> {
        self.copies[operand].extents().iter().try_fold(element, |n, &e| n.checked_mul(e))
    }

    /// Whether the rows of C are those of the matrices that a kernel gets: kernels are at their best where rows are contiguous,
    /// and as ⊗ commutes, the transposed product serves as well.
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

    /// Gives `operand` dense strides: batch outside, and inside of it the group that has the smaller stride now.
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

    /// Nanoseconds of the products and their copies.
    fn cost(&self, machine: &Machine, element: usize) -> f64 {
        let bytes = |x: usize| {
            let elements: f64 = self.copies[x].extents().iter().map(|&e| e as f64).product();
            if self.packed[x] { elements * element as f64 } else { 0.0 }
        };
        let calls = self.outer.extents().iter().map(|&e| e as f64).product();
        let mnk = [self.m, self.n, self.k].map(|s| s.extent as f64);
        machine.products_ns(calls, mnk, bytes(0) + bytes(1) + bytes(2))
    }
}

/// Joins the loops of a group. The longest becomes the side of the matrix, of equals the innermost; the others go to `outer`.
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
