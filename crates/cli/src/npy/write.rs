//! Writes `.npy`, byte for byte as NumPy writes a row-major array.

use super::NpyError;
use super::element::write_values;
use super::error::MAX_RANK;
use super::header::MAGIC;
use einfold::{AnyArray, Dtype};
use std::io::{self, Write};

/// The total length of magic, version, length and header is a multiple of this, so that the data can be mapped.
const ALIGN: usize = 64;
/// Space for the first extent to grow in place when rows are appended: the digits of the largest 64-bit integer, and a
/// sign.
const GROWTH: usize = 21;

/// Writes header and elements in row-major order, in large blocks.
pub(crate) fn write(array: &AnyArray, to: &mut impl Write) -> Result<(), NpyError> {
    to.write_all(&header(array.dtype(), array.shape())?)?;
    let mut block = |bytes: &[u8]| -> io::Result<()> { to.write_all(bytes) };
    match array {
        AnyArray::Bool(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::I8(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::I16(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::I32(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::I64(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::U8(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::U16(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::U32(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::U64(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::F16(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::F32(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::F64(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::C32(a) => write_values(a.iter().copied(), &mut block)?,
        AnyArray::C64(a) => write_values(a.iter().copied(), &mut block)?,
        other => return Err(NpyError::Unwritable(other.dtype())),
    }
    Ok(())
}

/// Returns magic, version 1.0, length and dictionary. [`MAX_RANK`] extents always fit the 16-bit length of that
/// version.
fn header(dtype: Dtype, shape: &[usize]) -> Result<Vec<u8>, NpyError> {
    if shape.len() > MAX_RANK {
        return Err(NpyError::Rank(shape.len()));
    }
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    let tuple = if let [one] = &extents[..] { format!("({one},)") } else { format!("({})", extents.join(", ")) };
    let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {tuple}, }}", describe(dtype)?);
    text.push_str(&" ".repeat(extents.first().map_or(0, |first| GROWTH - first.len())));
    let start = MAGIC.len() + 4;
    text.push_str(&" ".repeat(ALIGN - (start + text.len() + 1) % ALIGN));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    Ok(bytes)
}

/// Returns the little-endian description of a type.
fn describe(dtype: Dtype) -> Result<&'static str, NpyError> {
    Ok(match dtype {
        Dtype::Bool => "|b1",
        Dtype::I8 => "|i1",
        Dtype::I16 => "<i2",
        Dtype::I32 => "<i4",
        Dtype::I64 => "<i8",
        Dtype::U8 => "|u1",
        Dtype::U16 => "<u2",
        Dtype::U32 => "<u4",
        Dtype::U64 => "<u8",
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::C32 => "<c8",
        Dtype::C64 => "<c16",
        other => return Err(NpyError::Unwritable(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use einfold::ndarray::{ArrayD, IxDyn};
    use num_complex::Complex;

    #[test]
    fn types_and_ranks_without_a_place_in_the_format_are_errors() {
        let gaussian = AnyArray::from(ArrayD::<Complex<i32>>::default(IxDyn(&[2])));
        assert!(matches!(write(&gaussian, &mut Vec::new()), Err(NpyError::Unwritable(Dtype::CI32))));
        let deep = AnyArray::from(ArrayD::<f64>::default(IxDyn(&[1; 65])));
        assert!(matches!(write(&deep, &mut Vec::new()), Err(NpyError::Rank(65))));
    }

    #[test]
    fn a_header_of_the_highest_rank_and_longest_extents_fits_its_length_field() {
        let bytes = header(Dtype::C64, &[usize::MAX; MAX_RANK]).unwrap();
        assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])) + 10, bytes.len());
        assert_eq!(bytes.len() % ALIGN, 0);
    }
}
