//! The header of an array file.

use super::NpyError;
use super::error::{MAX_RANK, quoted};
use super::literal::Scanner;
use einfold::Dtype;
use std::io::{self, Read};

/// A limit far above what a plain array of [`MAX_RANK`] axes needs, and small enough to allocate for an untrusted file.
const MAX_HEADER: u32 = 1 << 20;
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The type, shape and layout of a stored array.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    /// The element type.
    pub(crate) dtype: Dtype,
    /// Whether the most significant byte comes first.
    pub(super) big_endian: bool,
    /// The order of the elements.
    pub(crate) order: ElementOrder,
    /// The extents. Their product without zeros, times the size of an element, fits `isize`.
    pub(crate) shape: Vec<usize>,
}

/// The order of stored elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ElementOrder {
    /// The last axis varies fastest.
    C,
    /// The first axis varies fastest.
    Fortran,
}

impl Header {
    /// Reads magic, version and header, up to the first element.
    pub(crate) fn read(reader: &mut (impl Read + ?Sized)) -> Result<Header, NpyError> {
        let mut start = [0; 8];
        fill(reader, &mut start)
            .map_err(|e| if matches!(e, NpyError::TruncatedHeader) { NpyError::NotNumpy } else { e })?;
        if !start.starts_with(MAGIC) {
            return Err(NpyError::NotNumpy);
        }
        let length = match (start[6], start[7]) {
            (1, 0) => {
                let mut length = [0; 2];
                fill(reader, &mut length)?;
                u32::from(u16::from_le_bytes(length))
            }
            (2 | 3, 0) => {
                let mut length = [0; 4];
                fill(reader, &mut length)?;
                u32::from_le_bytes(length)
            }
            (major, minor) => return Err(NpyError::Version(major, minor)),
        };
        if length > MAX_HEADER {
            return Err(NpyError::HeaderTooLong(length));
        }
        let mut text = vec![0; length as usize];
        fill(reader, &mut text)?;
        Header::parse(&text)
    }

    /// Parses the dictionary of a header. The encoding (latin-1, or UTF-8 in version 3) matters only for the field
    /// names of structured arrays, which are refused, so bytes suffice.
    fn parse(text: &[u8]) -> Result<Header, NpyError> {
        let mut s = Scanner::new(text);
        let (mut descr, mut order, mut shape) = (None, None, None);
        s.expect(b'{', "it must be a dictionary")?;
        while !s.take(b'}') {
            let key = s.string()?;
            s.expect(b':', "a colon was expected")?;
            match key {
                b"descr" => descr = Some(element_type(&mut s)?),
                b"fortran_order" => order = Some(if s.boolean()? { ElementOrder::Fortran } else { ElementOrder::C }),
                b"shape" => shape = Some(s.sizes()?),
                _ => return s.fail("keys other than descr, fortran_order and shape"),
            }
            if !s.take(b',') && s.peek() != Some(b'}') {
                return s.fail("a comma or closing brace was expected");
            }
        }
        let (Some((dtype, big_endian)), Some(order), Some(shape)) = (descr, order, shape) else {
            return s.fail("descr, fortran_order or shape is missing");
        };
        check_shape(&shape, dtype)?;
        Ok(Header { dtype, big_endian, order, shape })
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes of all elements.
    pub(super) fn bytes(&self) -> u64 {
        (self.len() * self.dtype.size()) as u64
    }
}

/// Fills the buffer, or returns the error for an incomplete header.
fn fill(reader: &mut (impl Read + ?Sized), into: &mut [u8]) -> Result<(), NpyError> {
    reader.read_exact(into).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => NpyError::TruncatedHeader,
        _ => NpyError::Io(e),
    })
}

/// Zeros are left out of the product because index computations multiply the other extents.
fn check_shape(shape: &[usize], dtype: Dtype) -> Result<(), NpyError> {
    if shape.len() > MAX_RANK {
        return Err(NpyError::Rank(shape.len()));
    }
    let bytes = shape.iter().filter(|&&n| n != 0).try_fold(dtype.size(), |product, &n| product.checked_mul(n));
    match bytes {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => {
            let text: Vec<String> = shape.iter().map(usize::to_string).collect();
            Err(NpyError::ShapeTooLarge(text.join(", ")))
        }
    }
}

/// Parses an element type; returns it and whether it is big-endian.
fn element_type(s: &mut Scanner<'_>) -> Result<(Dtype, bool), NpyError> {
    if matches!(s.peek(), Some(b'[' | b'(')) {
        let help = "save one field: numpy.save(file, array['name'])";
        return Err(NpyError::Dtype { descr: "records with named fields".into(), what: "", help });
    }
    let descr = s.string()?;
    let (order, code) = match descr {
        [order @ (b'<' | b'>' | b'=' | b'|'), code @ ..] => (*order, code),
        code => (b'=', code),
    };
    let dtype = match code {
        b"b1" => Dtype::Bool,
        b"i1" => Dtype::I8,
        b"i2" => Dtype::I16,
        b"i4" => Dtype::I32,
        b"i8" => Dtype::I64,
        b"u1" => Dtype::U8,
        b"u2" => Dtype::U16,
        b"u4" => Dtype::U32,
        b"u8" => Dtype::U64,
        b"f2" => Dtype::F16,
        b"f4" => Dtype::F32,
        b"f8" => Dtype::F64,
        b"c8" => Dtype::C32,
        b"c16" => Dtype::C64,
        other => return Err(not_a_number(descr, other)),
    };
    let native_is_big = cfg!(target_endian = "big");
    Ok((dtype, order == b'>' || (order != b'<' && native_is_big)))
}

fn not_a_number(descr: &[u8], code: &[u8]) -> NpyError {
    let descr = quoted(&String::from_utf8_lossy(descr));
    let (what, help) = match code.first() {
        Some(b'O') => (" (Python objects)", "convert them: numpy.save(file, array.astype('float64'))"),
        Some(b'S' | b'a' | b'U') => (" (text)", "convert them: numpy.save(file, array.astype('float64'))"),
        Some(b'V') => (" (raw bytes)", "give the bytes a type: numpy.save(file, array.view('uint8'))"),
        Some(b'M' | b'm') => (" (times)", "convert them: numpy.save(file, array.astype('int64'))"),
        _ if matches!(code, b"f10" | b"f12" | b"f16") => {
            (" (long double)", "convert them: numpy.save(file, array.astype('float64'))")
        }
        _ if matches!(code, b"c20" | b"c24" | b"c32") => {
            (" (complex long double)", "convert them: numpy.save(file, array.astype('complex128'))")
        }
        _ => return NpyError::Descr(descr),
    };
    NpyError::Dtype { descr: format!("of type `{descr}`"), what, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse(text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn any_order_of_keys_and_any_spacing_is_read() {
        let want = Header { dtype: Dtype::F64, big_endian: true, order: ElementOrder::Fortran, shape: vec![2, 3] };
        for text in [
            "{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }   \n",
            "{\"shape\":(2,3,),\"fortran_order\":True,\"descr\":\">f8\"}",
            " { 'shape' : ( 2L , 3L ) , 'descr' : '>f8' , 'fortran_order' : True } ",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&want), "{text}");
        }
    }

    #[test]
    fn scalars_and_empty_arrays_have_their_shapes() {
        let shape = |shape: &str| {
            parse(&format!("{{'descr': '|b1', 'fortran_order': False, 'shape': {shape}}}")).map(|h| h.shape)
        };
        assert_eq!(shape("()"), Ok(vec![]));
        assert_eq!(shape("(0,)"), Ok(vec![0]));
        assert_eq!(shape("(0, 7)"), Ok(vec![0, 7]));
    }

    #[test]
    fn malformed_headers_are_errors() {
        let with = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        for (text, part) in [
            ("".to_string(), "dictionary"),
            ("{".to_string(), "a string was expected"),
            ("{'descr".to_string(), "does not end"),
            ("{'descr\\".to_string(), "does not end"),
            ("{'descr': '<f8'}".to_string(), "missing"),
            ("{'descr': '<f8', 'extra': 1}".to_string(), "keys other than"),
            ("{'fortran_order': 1}".to_string(), "True or False"),
            (with("3"), "tuple"),
            (with("(-1,)"), "non-negative"),
            (with("(2 3)"), "comma"),
            (with("(,)"), "non-negative"),
            (with("(4294967296, 4294967296)"), "more elements"),
            (with("(99999999999999999999999, 0)"), "more elements"),
            (with(&format!("({})", "1,".repeat(65))), "65 axes"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn types_have_their_names_in_errors() {
        for (descr, want) in [
            ("<f16", "of type `<f16` (long double), which"),
            (">f12", "of type `>f12` (long double), which"),
            ("<c32", "of type `<c32` (complex long double), which"),
            ("|S5", "(text)"),
            ("<f0", "of type `<f0`, which NumPy does not have"),
            ("<f3", "NumPy does not have"),
            ("<f", "NumPy does not have"),
            ("<f8x", "NumPy does not have"),
            ("<f88", "NumPy does not have"),
            ("<c4", "NumPy does not have"),
            ("<i3", "NumPy does not have"),
            ("<u16", "NumPy does not have"),
            ("<b2", "NumPy does not have"),
            ("", "of type ``, which NumPy does not have"),
            ("<", "NumPy does not have"),
            ("f<8", "NumPy does not have"),
            ("float128", "NumPy does not have"),
            ("\u{1b}[31m\u{202e}", "of type `\\u{1b}[31m\\u{202e}`, which NumPy does not have"),
        ] {
            let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ()}}");
            let error = parse(&text).unwrap_err();
            assert!(error.contains(want), "{descr}: {error}");
        }
        let long = parse(&format!("{{'descr': '{}'", "f".repeat(1 << 19))).unwrap_err();
        assert!(long.len() < 400, "{long}");
    }

    #[test]
    fn deep_nesting_is_refused_at_its_first_bracket() {
        assert!(parse(&format!("{{'descr': {}", "[".repeat(100_000))).unwrap_err().contains("named fields"));
    }
}
