//! Elements as bytes.

use super::NpyError;
use crate::reserve_memory;
use half::f16;
use num_complex::Complex;
use std::io::Read;

/// The number of bytes that are copied between file and array at a time; a multiple of the size of every element.
const BLOCK: usize = 1 << 16;

/// An element type of the format, with its little-endian bytes.
pub(super) trait Element: Copy {
    /// The bytes of the unit that is reversed for the other byte order: the element, or a part of a complex one.
    const WORD: usize;

    /// Appends the elements in `bytes`, which must be a whole number of them.
    fn decode(bytes: &[u8], into: &mut Vec<Self>);

    /// Appends the bytes of the element.
    fn encode(self, into: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Element for $t {
            const WORD: usize = size_of::<$t>();

            fn decode(bytes: &[u8], into: &mut Vec<$t>) {
                into.extend(bytes.as_chunks().0.iter().map(|&b| <$t>::from_le_bytes(b)));
            }

            fn encode(self, into: &mut Vec<u8>) {
                into.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64);

macro_rules! complex {
    ($($t:ty)*) => {$(
        impl Element for Complex<$t> {
            const WORD: usize = size_of::<$t>();

            fn decode(bytes: &[u8], into: &mut Vec<Complex<$t>>) {
                let parts = bytes.as_chunks().0.as_chunks().0;
                into.extend(parts.iter().map(|&[re, im]| Complex::new(<$t>::from_le_bytes(re), <$t>::from_le_bytes(im))));
            }

            fn encode(self, into: &mut Vec<u8>) {
                self.re.encode(into);
                self.im.encode(into);
            }
        }
    )*};
}

complex!(f32 f64);

impl Element for bool {
    const WORD: usize = 1;

    /// Any byte but zero is true, as in NumPy.
    fn decode(bytes: &[u8], into: &mut Vec<bool>) {
        into.extend(bytes.iter().map(|&b| b != 0));
    }

    fn encode(self, into: &mut Vec<u8>) {
        into.push(u8::from(self));
    }
}

/// Reads `len` elements.
///
/// `known` means that the source has that many bytes, so that their memory is allocated at once. Otherwise the memory
/// grows with the bytes that arrive, so that a false length allocates no more than the source has.
pub(super) fn read_values<T: Element>(
    reader: &mut impl Read,
    len: usize,
    big_endian: bool,
    known: bool,
) -> Result<Vec<T>, NpyError> {
    let size = size_of::<T>();
    let need = (len * size) as u64;
    let mut values = Vec::new();
    // Reserves memory for `more` elements, with some to spare.
    let reserve = |values: &mut Vec<T>, more: usize| {
        let before = values.capacity();
        let outcome = if known { values.try_reserve_exact(more) } else { values.try_reserve(more) };
        let is_there = outcome.is_ok() && (values.capacity() == before || reserve_memory::is_left());
        if is_there { Ok(()) } else { Err(NpyError::Memory { bytes: need }) }
    };
    if known {
        reserve(&mut values, len)?;
    }
    let mut block = vec![0; BLOCK.min(len * size)];
    while values.len() < len {
        let take = block.len().min((len - values.len()) * size);
        let block = &mut block[..take];
        let got = read_full(reader, block)?;
        if got < take {
            return Err(NpyError::Truncated { need, got: (values.len() * size + got) as u64 });
        }
        if big_endian {
            block.chunks_exact_mut(T::WORD).for_each(<[u8]>::reverse);
        }
        reserve(&mut values, take / size)?;
        T::decode(block, &mut values);
    }
    Ok(values)
}

/// Fills the buffer as far as the source has bytes, and returns their number.
pub(super) fn read_full(reader: &mut impl Read, mut buffer: &mut [u8]) -> Result<usize, NpyError> {
    let mut got = 0;
    while !buffer.is_empty() {
        match reader.read(buffer) {
            Ok(0) => break,
            Ok(n) => {
                got += n;
                buffer = &mut buffer[n..];
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(got)
}

/// Calls `write` with the bytes of the elements, block by block.
pub(super) fn write_values<T: Element, E>(
    values: impl Iterator<Item = T>,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut block = Vec::with_capacity(BLOCK);
    for value in values {
        value.encode(&mut block);
        if block.len() >= BLOCK {
            write(&block)?;
            block.clear();
        }
    }
    if block.is_empty() { Ok(()) } else { write(&block) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endianness_turns_the_parts_of_a_complex_number_each() {
        let mut bytes = 1.5_f32.to_be_bytes().to_vec();
        bytes.extend((-2.0_f32).to_be_bytes());
        let values: Vec<Complex<f32>> = read_values(&mut &bytes[..], 1, true, true).unwrap();
        assert_eq!(values, [Complex::new(1.5, -2.0)]);
    }

    #[test]
    fn a_claim_beyond_the_bytes_is_found_before_memory_is_taken() {
        let error = read_values::<f64>(&mut &[0; 20][..], 1 << 58, false, false).unwrap_err();
        assert!(matches!(error, NpyError::Truncated { need, got: 20 } if need == 1 << 61), "{error}");
    }

    #[test]
    fn blocks_join_without_a_seam() {
        let values: Vec<u16> = (0..100_000_u32).map(|i| i as u16).collect();
        let mut bytes = Vec::new();
        write_values(values.iter().copied(), |block| -> Result<(), ()> {
            bytes.extend_from_slice(block);
            Ok(())
        })
        .unwrap();
        assert_eq!(read_values::<u16>(&mut &bytes[..], values.len(), false, false).unwrap(), values);
    }
}
