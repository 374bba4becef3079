//! Leaf kernels: the only code that is compiled for each element type. A kernel runs two nested loops over raw bytes.

mod access_pattern;
mod builtin;
mod compensated;
mod convert;
mod copy;
mod elementary;
mod function;
mod half;
mod indirect;
mod isa;
mod lse;
mod map;
mod matrixmultiply;
mod op;
mod product;
mod reduce;
mod scatter;
mod small;
mod table;

#[cfg(test)]
pub(crate) mod tests;

use std::ptr::NonNull;

use einfold_ir::UserAlgebra;

use crate::semiring::{Semiring, algebra};

pub use builtin::builtin;
pub(crate) use builtin::fused;
pub use compensated::{CompensateFn, CompensateStep};
pub use convert::convert;
pub use copy::copy;
pub use function::{ContiguousFn, function};
pub(crate) use indirect::{IndexReaders, IndexedAxis};
pub use isa::{Isa, IsaError};
pub use product::{Block, BlockFn, BlockSide, PanelShape, ProductKernels, Side, SideLoop, VectorPacking};
pub(crate) use product::{MAX_BLOCK_LANES, MAX_SIDE_LOOPS, quad_distance};
pub(crate) use scatter::gather;
pub(crate) use small::{MAX_LIMITED_POINTS, MAX_SMALL_POINTS, MAX_SMALL_TERMS};

/// An operand that two nested loops read: the address at the start of both loops, and a stride in bytes for each, outer
/// then inner.
#[derive(Clone, Copy, Debug)]
pub struct Src {
    /// The address of the element at the start of both loops.
    pub ptr: *const u8,
    /// Bytes between neighbouring positions of each loop; any sign, or 0.
    pub strides: [isize; 2],
}

/// As [`Src`], for the operand that is written.
#[derive(Clone, Copy, Debug)]
pub struct Dst {
    /// The address of the element at the start of both loops.
    pub ptr: *mut u8,
    /// Bytes between neighbouring positions of each loop; any sign, or 0.
    pub strides: [isize; 2],
}

macro_rules! loops {
    ($($name:ident),*) => { $(
        impl $name {
            /// The part from position `o` of the outer and position `i` of the inner loop on.
            #[inline(always)]
            fn at(self, o: usize, i: usize) -> $name {
                let bytes = o as isize * self.strides[0] + i as isize * self.strides[1];
                $name { ptr: self.ptr.wrapping_offset(bytes), ..self }
            }

            /// The same positions with the loops exchanged.
            #[inline(always)]
            fn transposed(self) -> $name {
                $name { strides: [self.strides[1], self.strides[0]], ..self }
            }
        }
    )* };
}
loops!(Src, Dst);

/// The arguments of a matrix product in place, `C[m,n] = α ⊗ A[m,k] ⊗ B[k,n]`, or of the same product ⊕-added to C.
#[derive(Clone, Copy, Debug)]
pub struct GemmArgs {
    /// m, n and k.
    pub extents: [usize; 3],
    /// C; its strides belong to m and n. Distinct positions are distinct elements.
    pub c: Dst,
    /// A; its strides belong to m and k.
    pub a: Src,
    /// B; its strides belong to k and n.
    pub b: Src,
    /// The address of α; `None` for the identity of ⊗. A kernel may multiply the factors by α instead of the sums, which
    /// is equal where ⊗ distributes.
    pub alpha: Option<NonNull<u8>>,
    /// Whether the product is added to C. If not, C is not read.
    pub accumulate: bool,
    /// The products to compute.
    pub batch: Batch,
}

/// Products of the same shape, at a distance from each other.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The number of products.
    pub count: usize,
    /// Bytes between two neighbours in C, A and B.
    pub strides: [isize; 3],
}

impl Batch {
    /// A single product.
    pub const ONE: Batch = Batch { count: 1, strides: [0; 3] };

    /// The bytes from the first product to the one with this number, in C, A and B.
    #[inline(always)]
    fn at(self, number: usize) -> [isize; 3] {
        [0, 1, 2].map(|x| self.strides[x].wrapping_mul(number as isize))
    }
}

/// Writes one value to all positions.
pub type FillFn = unsafe fn(n: [usize; 2], c: Dst);
/// Combines one operand into another.
pub type UnaryFn = unsafe fn(n: [usize; 2], c: Dst, a: Src);
/// Combines rows of an operand into rows of a target. Row `o` of the target is displaced by `offsets[o]` bytes; rows of
/// the target may overlap.
pub type ScatterFn = unsafe fn(n: [usize; 2], c: Dst, offsets: *const isize, a: Src);
/// Combines two operands into a third.
pub type BinaryFn = unsafe fn(n: [usize; 2], c: Dst, a: Src, b: Src);
/// Computes a product of few points from the offsets of its target and of its factors.
pub type SmallFn = unsafe fn(offsets: &[isize], terms: usize, ptrs: [*mut u8; 3], adds: bool);
/// Computes a batch of matrix products in place.
pub type GemmFn = unsafe fn(product: &GemmArgs);

/// The kernels of one semiring on accumulators in memory, for one instruction set.
///
/// # Safety of the functions
/// All of them, and all other kernels of this module, have one contract. For every pair of loop positions below `n` (for
/// every position below the extents of a matrix product), the address `ptr + Σ position·stride` of each operand is inside
/// one live allocation, is aligned for the operand's type and holds a value of it; a target that is not read needs no
/// value. No other thread touches the targets during the call, nor writes the sources. No target overlaps a source. An
/// address of a target may repeat, through stride 0, only if the function adds to its target. The type of all operands is
/// the accumulator of the semiring.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    /// `c = 0`, the identity of ⊕.
    pub fill_zero: FillFn,
    /// `c = 1`, the identity of ⊗.
    pub fill_one: FillFn,
    /// `c = c ⊕ a`; adds.
    pub add: UnaryFn,
    /// `c = c ⊕ a`, row by row, each row of the target displaced; adds.
    pub scatter: ScatterFn,
    /// `c = c ⊗ a`.
    pub scale: UnaryFn,
    /// `c = a ⊗ b`.
    pub mul: BinaryFn,
    /// Both operations in one kernel; `None` if only the single operations are compiled.
    pub fused: Option<Fused>,
    /// Adds the sums of blocks, if ⊕ is an addition that rounds. The target and the pair do not overlap.
    pub compensate: Option<CompensateFn>,
}

/// The kernels of a semiring that multiply and add.
#[derive(Clone, Copy, Debug)]
pub struct Fused {
    /// `c = c ⊕ a ⊗ b`; adds.
    pub mul_add: BinaryFn,
    /// The product of few points.
    pub small: SmallFn,
    /// The product of packed blocks.
    pub product: ProductKernels,
    /// The matrix product in place, if there is one.
    pub gemm: Option<InPlace>,
}

/// The matrix product in place: it reads and writes matrices where they lie.
#[derive(Clone, Copy, Debug)]
pub struct InPlace {
    /// Computes the product.
    pub run: GemmFn,
    /// Whether it allocates memory to pack blocks.
    pub allocates: bool,
    /// `c = a ⊗ b`, written past the caches: contiguous rows of one factor, times one number of the other for each row.
    /// `None` without vector kernels.
    pub streamed_rows: Option<BinaryFn>,
    /// `c = c ⊕ a ⊗ b` for rows of both factors that are contiguous in the inner loop, along which C does not move. `None`
    /// without vector kernels and for complex numbers.
    pub dots: Option<BinaryFn>,
}

/// A user's semiring as `bind` takes it: its description for the compiler, and its kernels.
#[derive(Clone, Copy, Debug)]
pub struct UserSemiring {
    algebra: UserAlgebra,
    kernels: fn(Isa) -> Kernels,
    lift: UnaryFn,
    finish: UnaryFn,
}

impl UserSemiring {
    /// The semiring `S`.
    pub fn of<S: Semiring>() -> UserSemiring {
        UserSemiring {
            algebra: algebra::<S>(),
            kernels: table::kernels::<op::AddOf<S>, op::MulOf<S>>,
            lift: lift::<S>,
            finish: finish::<S>,
        }
    }

    /// Its description in a plan. If it equals the algebra of a step, the kernels fit the dtypes of the step.
    pub fn algebra(&self) -> UserAlgebra {
        self.algebra
    }

    /// Its kernels over accumulators.
    pub fn kernels(&self, isa: Isa) -> Kernels {
        (self.kernels)(isa)
    }

    /// The kernel from elements (its source) to accumulators (its target).
    pub fn lift(&self) -> UnaryFn {
        self.lift
    }

    /// The kernel from accumulators (its source) to elements (its target).
    pub fn finish(&self) -> UnaryFn {
        self.finish
    }
}

unsafe fn lift<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::unary(n, c, a, S::lift) }
}

unsafe fn finish<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { map::unary(n, c, a, S::finish) }
}

/// Merges both loops if the strides of every operand nest. Returns the extents.
#[inline(always)]
fn fuse<const N: usize>(n: [usize; 2], strides: [[isize; 2]; N]) -> [usize; 2] {
    let mut continues = n[0] > 1;
    for s in &strides {
        continues &= s[0] == s[1].wrapping_mul(n[1] as isize);
    }
    if continues { [1, n[0] * n[1]] } else { n }
}
