//! Reads gather and scatter indices into lists, checks them and converts them to offsets, many per call.

use einfold_ir::Dtype;

use super::Isa;
use super::isa::PerIsa;
#[cfg(target_arch = "x86_64")]
use super::isa::with_features;

/// An axis that an index tensor addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexedAxis {
    pub(crate) extent: usize,
    /// Bytes from one position to the next.
    pub(crate) stride: isize,
    /// Whether negative indices count from the end.
    pub(crate) wrap: bool,
}

/// The kernels for index tensors of one dtype. Both read `n` indices, `stride` bytes apart, and write `n` numbers.
///
/// # Safety of the functions
/// Every index is the address of an element of the dtype, and `to` has memory for `n` numbers that overlaps no index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexReaders {
    /// Reads the indices. Returns whether all fit `isize`.
    pub(crate) values: unsafe fn(n: usize, to: *mut isize, indices: *const u8, stride: isize) -> bool,
    /// Computes the offset in bytes of each index along an axis. Returns whether all are positions of the axis; if not,
    /// the offsets are meaningless.
    pub(crate) offsets:
        unsafe fn(n: usize, to: *mut isize, indices: *const u8, stride: isize, axis: IndexedAxis) -> bool,
}

impl IndexReaders {
    /// The kernels for an integer dtype; `None` for others.
    pub(crate) fn of(dtype: Dtype, isa: Isa) -> Option<IndexReaders> {
        macro_rules! of {
            ($t:ty) => {
                *isa.select(const { &table::<$t>() })
            };
        }
        Some(match dtype {
            Dtype::I8 => of!(i8),
            Dtype::I16 => of!(i16),
            Dtype::I32 => of!(i32),
            Dtype::I64 => of!(i64),
            Dtype::U8 => of!(u8),
            Dtype::U16 => of!(u16),
            Dtype::U32 => of!(u32),
            Dtype::U64 => of!(u64),
            _ => return None,
        })
    }
}

/// The kernels for every instruction set. Indices without a check of the extent are too rare for versions of their own.
const fn table<T: IndexElement>() -> PerIsa<IndexReaders> {
    PerIsa {
        portable: IndexReaders { values: values::<T>, offsets: portable::<T> },
        #[cfg(target_arch = "x86_64")]
        avx2: IndexReaders { values: values::<T>, offsets: avx2::<T> },
        #[cfg(target_arch = "x86_64")]
        avx512: IndexReaders { values: values::<T>, offsets: avx512::<T> },
    }
}

/// The type of an element of an index tensor.
trait IndexElement: Copy + 'static {
    /// Whether the type has negative values.
    const SIGNED: bool;
    /// The value, or the same bits if an `i64` does not hold it.
    fn bits(self) -> i64;
}

macro_rules! index_elements {
    ($($t:ty)*) => { $(
        impl IndexElement for $t {
            const SIGNED: bool = <$t>::MIN != 0;
            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "the list decides which casts change nothing")]
            fn bits(self) -> i64 {
                self as i64
            }
        }
    )* };
}
index_elements!(i8 i16 i32 i64 u8 u16 u32 u64);

unsafe fn values<T: IndexElement>(n: usize, to: *mut isize, indices: *const u8, stride: isize) -> bool {
    let mut fit = true;
    // SAFETY: the caller upholds the contract of `IndexReaders`.
    unsafe {
        each::<T>(n, indices, stride, |k, index| {
            fit &= (T::SIGNED || index >= 0) && isize::try_from(index).is_ok();
            to.add(k).write(index as isize);
        });
    }
    fit
}

/// Positions are compared as unsigned numbers, so that one comparison finds those outside on either side.
#[inline(always)]
unsafe fn offsets<T: IndexElement>(
    n: usize,
    to: *mut isize,
    indices: *const u8,
    stride: isize,
    axis: IndexedAxis,
) -> bool {
    let lift = if T::SIGNED && axis.wrap { axis.extent as i64 } else { 0 };
    let mut outside = 0;
    // SAFETY: the caller upholds the contract of `IndexReaders`.
    unsafe {
        each::<T>(n, indices, stride, |k, index| {
            let at = index.wrapping_add(index >> 63 & lift);
            outside |= u64::from(at as u64 >= axis.extent as u64);
            to.add(k).write((at as isize).wrapping_mul(axis.stride));
        });
    }
    outside == 0
}

/// Calls `f` with the number of each index and the index.
#[inline(always)]
unsafe fn each<T: IndexElement>(n: usize, indices: *const u8, stride: isize, mut f: impl FnMut(usize, i64)) {
    // SAFETY: the caller upholds the contract of `IndexReaders`.
    unsafe {
        if stride == size_of::<T>() as isize {
            (0..n).for_each(|k| f(k, indices.cast::<T>().add(k).read().bits()));
        } else {
            (0..n)
                .for_each(|k| f(k, indices.wrapping_offset(stride.wrapping_mul(k as isize)).cast::<T>().read().bits()));
        }
    }
}

macro_rules! compiled {
    ($name:ident $($feature:tt)*) => {
        $(#[target_feature(enable = $feature)])*
        unsafe fn $name<T: IndexElement>(n: usize, to: *mut isize, indices: *const u8, stride: isize, axis: IndexedAxis) -> bool {
            // SAFETY: the caller upholds the contract of `IndexReaders`.
            unsafe { offsets::<T>(n, to, indices, stride, axis) }
        }
    };
}
compiled!(portable);
#[cfg(target_arch = "x86_64")]
with_features!(avx2 => compiled!(avx2));
#[cfg(target_arch = "x86_64")]
with_features!(avx512 => compiled!(avx512));

#[cfg(test)]
mod tests {
    use super::{IndexReaders, IndexedAxis};
    use crate::element::Element;
    use crate::kernels::Isa;

    /// Each index alone, and among 70 that are inside, against arithmetic that cannot overflow.
    fn check<T: Element + Into<i128>>(indices: &[T], zero: T) {
        for isa in Isa::available() {
            let read = IndexReaders::of(T::dtype(), isa).unwrap();
            for (&index, wrap) in indices.iter().flat_map(|index| [(index, false), (index, true)]) {
                for (n, at, step) in [(1, 0, 1), (70, 69, 1), (70, 33, 2), (70, 0, -1)] {
                    let mut list = vec![zero; 2 * n];
                    let start = if step < 0 { n - 1 } else { 0 };
                    list[(start as isize + at as isize * step) as usize] = index;
                    let (mut values, mut offsets) = (vec![7; n], vec![7; n]);
                    let stride = step * size_of::<T>() as isize;
                    let axis = IndexedAxis { extent: 100, stride: -24, wrap };
                    // SAFETY: the list holds `n` indices from `start` on, `stride` bytes apart.
                    let (fit, inside) = unsafe {
                        let from = list.as_ptr().wrapping_add(start).cast();
                        (
                            (read.values)(n, values.as_mut_ptr(), from, stride),
                            (read.offsets)(n, offsets.as_mut_ptr(), from, stride, axis),
                        )
                    };
                    let index: i128 = index.into();
                    let position = if wrap && index < 0 { index + 100 } else { index };
                    assert_eq!(fit, i64::try_from(index).is_ok(), "{index} {isa:?}");
                    assert_eq!(inside, (0..100).contains(&position), "{index} {isa:?} {wrap}");
                    if fit {
                        assert_eq!(values[at] as i128, index);
                    }
                    if inside {
                        assert_eq!(offsets[at] as i128, -24 * position);
                        assert!(offsets.iter().enumerate().all(|(k, &o)| k == at || o == 0));
                    }
                }
            }
        }
    }

    #[test]
    fn ids_of_every_type_are_told_apart_by_their_true_value() {
        check(&[0, 1, 99, 100, -1, -100, -101, i8::MIN, i8::MAX], 0);
        check(&[0, 99, 100, -1, -100, -101, i16::MIN, i16::MAX], 0);
        check(&[0, 99, 100, -1, -100, -101, i32::MIN, i32::MAX], 0);
        check(&[0, 99, 100, -1, -100, -101, i64::MIN, i64::MIN + 99, i64::MAX, 1 << 32], 0);
        check(&[0, 99, 100, u8::MAX], 0);
        check(&[0, 99, 100, u16::MAX], 0);
        check(&[0, 99, 100, u32::MAX], 0);
        check(&[0, 99, 100, u64::MAX, u64::MAX - 98, 1 << 63, (1 << 63) + 5, i64::MAX as u64], 0);
    }
}
