//! Leaf kernels: the only code that is compiled for each element type. A kernel runs two nested loops over raw bytes.

mod access_pattern;
mod blas;
mod builtin;
mod compensated;
mod convert;
mod copy;
mod elementary;
mod function;
mod gemm;
mod half;
mod indirect;
mod isa;
mod lse;
mod map;
mod op;
mod reduce;
mod scatter;
mod table;

#[cfg(test)]
mod tests;

use std::ptr::NonNull;

use einfold_ir::UserAlgebra;

use crate::semiring::{Semiring, algebra};

pub use builtin::builtin;
pub use compensated::{Carry, CarryStep};
pub use convert::convert;
pub use copy::copy;
pub use function::{ContiguousFn, function};
pub(crate) use indirect::{IndexReaders, IndexedAxis};
pub use isa::{Isa, IsaError};
pub(crate) use scatter::gather;

/// An operand that two nested loops read: where they start, and how many bytes each of them moves on, outer then inner.
#[derive(Clone, Copy, Debug)]
pub struct Src {
    /// The element at the start of both loops.
    pub ptr: *const u8,
    /// Bytes from one turn of each loop to the next; any sign, or 0.
    pub strides: [isize; 2],
}

/// As [`Src`], for the operand that is written.
#[derive(Clone, Copy, Debug)]
pub struct Dst {
    /// The element at the start of both loops.
    pub ptr: *mut u8,
    /// Bytes from one turn of each loop to the next; any sign, or 0.
    pub strides: [isize; 2],
}

macro_rules! loops {
    ($($name:ident),*) => { $(
        impl $name {
            /// The part from turn `o` of the outer and `i` of the inner loop on.
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

/// A matrix product `C[m,n] = α ⊗ A[m,k] ⊗ B[k,n]`, or the same ⊕-added to C.
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
    /// α, or none for ⊗'s identity. It may multiply the factors instead of the sums, which is the same where ⊗ distributes.
    pub alpha: Option<NonNull<u8>>,
    /// Whether C is added to. If not, it is not read.
    pub accumulate: bool,
}

/// Writes one value everywhere.
pub type FillFn = unsafe fn(n: [usize; 2], c: Dst);
/// Combines one operand into another.
pub type UnaryFn = unsafe fn(n: [usize; 2], c: Dst, a: Src);
/// Combines rows of an operand into rows of another one that lie so many bytes beyond their places; rows may lie on each other.
pub type ScatterFn = unsafe fn(n: [usize; 2], c: Dst, offsets: *const isize, a: Src);
/// Combines two operands into a third.
pub type BinaryFn = unsafe fn(n: [usize; 2], c: Dst, a: Src, b: Src);
/// Multiplies matrices.
pub type GemmFn = unsafe fn(product: &GemmArgs);

/// What one semiring does to accumulators in memory, for one instruction set.
///
/// # Safety of the functions
/// All of them, and all other kernels of this module, have one contract. For every pair of loop positions below `n` (for every
/// position below the extents of a product), the address `ptr + Σ position·stride` of each operand is inside one live
/// allocation, is aligned for the operand's type and holds a value of it; a target that is not read needs no value. No other
/// thread touches the targets meanwhile, nor writes the sources. No target overlaps a source. A target's address may repeat,
/// through stride 0, only where a function says that it adds. The type of all operands is the accumulator of the semiring.
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
    /// Both operations at once; none where only the two one after the other were compiled.
    pub fused: Option<Fused>,
    /// Adds up the sums of blocks; only where ⊕ is an addition that rounds. The target and the pair do not overlap.
    pub carry: Option<Carry>,
}

/// The kernels of a semiring that multiply and add.
#[derive(Clone, Copy, Debug)]
pub struct Fused {
    /// `c = c ⊕ a ⊗ b`; adds.
    pub mul_add: BinaryFn,
    /// The matrix product.
    pub gemm: GemmFn,
}

/// A user's semiring as `bind` takes it: what the plan was told of it, and its kernels.
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

    /// What a plan knows of it. Where this equals the algebra of a step, the kernels fit the step's dtypes.
    pub fn algebra(&self) -> UserAlgebra {
        self.algebra
    }

    /// Its kernels over accumulators.
    pub fn kernels(&self, isa: Isa) -> Kernels {
        (self.kernels)(isa)
    }

    /// The kernel that makes accumulators (its target) of elements (its source).
    pub fn lift(&self) -> UnaryFn {
        self.lift
    }

    /// The kernel that makes elements (its target) of accumulators (its source).
    pub fn finish(&self) -> UnaryFn {
        self.finish
    }
}

unsafe fn lift<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
    unsafe { map::unary(n, c, a, S::lift) }
}

unsafe fn finish<S: Semiring>(n: [usize; 2], c: Dst, a: Src) {
    // SAFETY: the caller's promise.
    unsafe { map::unary(n, c, a, S::finish) }
}

/// Both loops as one where every operand goes on across the end of a row as within it.
#[inline(always)]
fn fuse<const N: usize>(n: [usize; 2], strides: [[isize; 2]; N]) -> [usize; 2] {
    let mut continues = n[0] > 1;
    for s in &strides {
        continues &= s[0] == s[1].wrapping_mul(n[1] as isize);
    }
    if continues { [1, n[0] * n[1]] } else { n }
}
