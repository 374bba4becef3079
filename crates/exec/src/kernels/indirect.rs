//! Ids in lists: read, checked and turned into distances, many at a time.

use einfold_ir::Dtype;

use super::Isa;
use super::isa::PerIsa;

/// An axis that ids index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexedAxis {
    pub(crate) extent: usize,
    /// Bytes from one position to the next.
    pub(crate) stride: isize,
    /// Whether negative ids count from the end.
    pub(crate) wrap: bool,
}

/// The kernels for ids of one dtype. Both read `n` ids, each so many bytes beyond the last, and write as many numbers.
///
/// # Safety of the functions
/// Every id is the address of an element of the dtype, and `to` heads room for `n` numbers that overlaps no id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexReaders {
    /// The ids themselves; whether all fit.
    pub(crate) values: unsafe fn(n: usize, to: *mut isize, indices: *const u8, stride: isize) -> bool,
    /// How far each id leads along an axis; whether all are positions of it. Where not, the numbers mean nothing.
    pub(crate) offsets:
        unsafe fn(n: usize, to: *mut isize, indices: *const u8, stride: isize, axis: IndexedAxis) -> bool,
}

impl IndexReaders {
    /// The kernels for an integer dtype; none for others.
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

/// For every instruction set. Ids that are taken as they are, without a check by extent, are too rare to be worth their own.
const fn table<T: IndexElement>() -> PerIsa<IndexReaders> {
    PerIsa {
        portable: IndexReaders { values: values::<T>, offsets: portable::<T> },
        #[cfg(target_arch = "x86_64")]
        avx2: IndexReaders { values: values::<T>, offsets: avx2::<T> },
        #[cfg(target_arch = "x86_64")]
        avx512: IndexReaders { values: values::<T>, offsets: avx512::<T> },
    }
}

/// An integer that may be an id.
trait IndexElement: Copy + 'static {
    /// Whether there are negative ones.
    const SIGNED: bool;
    /// The same bits for what an `i64` does not hold.
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
    // SAFETY: the caller's promise.
    unsafe {
        each::<T>(n, indices, stride, |k, index| {
            fit &= (T::SIGNED || index >= 0) && isize::try_from(index).is_ok();
            to.add(k).write(index as isize);
        });
    }
    fit
}

/// A position is compared as if it had no sign, so that one comparison finds what is outside on either side.
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
    // SAFETY: the caller's promise.
    unsafe {
        each::<T>(n, indices, stride, |k, index| {
            let at = index.wrapping_add(index >> 63 & lift);
            outside |= u64::from(at as u64 >= axis.extent as u64);
            to.add(k).write((at as isize).wrapping_mul(axis.stride));
        });
    }
    outside == 0
}

/// Calls `f` with each id and its number.
#[inline(always)]
unsafe fn each<T: IndexElement>(n: usize, indices: *const u8, stride: isize, mut f: impl FnMut(usize, i64)) {
    // SAFETY: the caller's promise.
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
    ($name:ident $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        unsafe fn $name<T: IndexElement>(n: usize, to: *mut isize, indices: *const u8, stride: isize, axis: IndexedAxis) -> bool {
            // SAFETY: the caller's promise.
            unsafe { offsets::<T>(n, to, indices, stride, axis) }
        }
    };
}
compiled!(portable);
#[cfg(target_arch = "x86_64")]
compiled!(avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(avx512, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl");

#[cfg(test)]
mod tests {
    use super::{IndexReaders, IndexedAxis};
    use crate::element::Element;
    use crate::kernels::Isa;

    /// Each id alone, and among 70 that are inside, against arithmetic that cannot overflow.
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
                    // SAFETY: the list holds `n` ids from `start` on in steps of `stride`.
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
