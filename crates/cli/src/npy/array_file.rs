//! An open array file: its header is read, its elements are read on demand.

use super::NpyError;
use super::archive::{Member, split_key};
use super::element::{Element, read_values};
use super::header::{ElementOrder, Header, MAGIC};
use crate::stdin;
use einfold::ndarray::{ArrayD, IxDyn, ShapeBuilder};
use einfold::{AnyArray, Dtype};
use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek};
use std::path::Path;

/// An array whose type and shape are known and whose elements are still in the file.
pub(crate) struct ArrayFile {
    header: Header,
    body: Body,
}

enum Body {
    /// A `.npy` file, read up to its first element. `known` if the file is as long as its header claims.
    Single { reader: BufReader<Chain<Cursor<Vec<u8>>, File>>, known: bool },
    /// The member of an archive.
    Member(Box<Member>),
}

impl ArrayFile {
    /// Opens `FILE.npy`, or `FILE.npz:KEY`, or standard input for `-`; the key may be omitted if the archive has one
    /// array. If a file exists whose whole name is the argument, it is opened without a key.
    pub(crate) fn open(argument: &Path) -> Result<ArrayFile, NpyError> {
        match split_key(argument) {
            Some((file, key)) if !argument.exists() => open_file(&file, Some(key)),
            _ => open_file(argument, None),
        }
    }

    /// Returns type, shape and layout.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the elements. A `.npy` file is read up to the last element, as by NumPy, since a stream may contain
    /// several arrays; a member of an archive is read to its end.
    pub(crate) fn read(self) -> Result<AnyArray, NpyError> {
        match self.body {
            Body::Single { mut reader, known } => read_array(&self.header, &mut reader, known),
            Body::Member(member) => member.array(|header, reader| read_array(header, reader, false)),
        }
    }
}

fn open_file(path: &Path, key: Option<&str>) -> Result<ArrayFile, NpyError> {
    let mut file = stdin::open(path)?;
    // The number of bytes to read, if it is known.
    let length = match file.metadata()? {
        found if found.is_file() => Some(found.len().saturating_sub(file.stream_position()?)),
        _ => None,
    };
    let mut start = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start.starts_with(b"PK") {
        if length.is_none() {
            return Err(NpyError::ArchiveInPipe);
        }
        let mut member = Member::find(file, key)?;
        return Ok(ArrayFile { header: member.header()?, body: Body::Member(Box::new(member)) });
    }
    if let Some(key) = key {
        return Err(NpyError::NotAnArchive(key.to_owned()));
    }
    // The magic is prepended again instead of seeking back, so that a pipe can be read too.
    let mut reader = Counted { inner: BufReader::new(Cursor::new(start).chain(file)), count: 0 };
    let header = Header::read(&mut reader)?;
    if let Some(length) = length {
        let (need, got) = (header.bytes(), length.saturating_sub(reader.count));
        if got < need {
            return Err(NpyError::Truncated { need, got });
        }
    }
    Ok(ArrayFile { header, body: Body::Single { reader: reader.inner, known: length.is_some() } })
}

/// A reader that counts its bytes.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count += got as u64;
        Ok(got)
    }
}

fn read_array(header: &Header, mut reader: impl Read, known: bool) -> Result<AnyArray, NpyError> {
    Ok(match header.dtype {
        Dtype::Bool => AnyArray::Bool(read_typed(header, &mut reader, known)?),
        Dtype::I8 => AnyArray::I8(read_typed(header, &mut reader, known)?),
        Dtype::I16 => AnyArray::I16(read_typed(header, &mut reader, known)?),
        Dtype::I32 => AnyArray::I32(read_typed(header, &mut reader, known)?),
        Dtype::I64 => AnyArray::I64(read_typed(header, &mut reader, known)?),
        Dtype::U8 => AnyArray::U8(read_typed(header, &mut reader, known)?),
        Dtype::U16 => AnyArray::U16(read_typed(header, &mut reader, known)?),
        Dtype::U32 => AnyArray::U32(read_typed(header, &mut reader, known)?),
        Dtype::U64 => AnyArray::U64(read_typed(header, &mut reader, known)?),
        Dtype::F16 => AnyArray::F16(read_typed(header, &mut reader, known)?),
        Dtype::F32 => AnyArray::F32(read_typed(header, &mut reader, known)?),
        Dtype::F64 => AnyArray::F64(read_typed(header, &mut reader, known)?),
        Dtype::C32 => AnyArray::C32(read_typed(header, &mut reader, known)?),
        Dtype::C64 => AnyArray::C64(read_typed(header, &mut reader, known)?),
        other => return Err(NpyError::Unwritable(other)),
    })
}

fn read_typed<T: Element>(header: &Header, reader: &mut impl Read, known: bool) -> Result<ArrayD<T>, NpyError> {
    let values = read_values(reader, header.len(), header.big_endian, known)?;
    let shape = IxDyn(&header.shape).set_f(header.order == ElementOrder::Fortran);
    Ok(ArrayD::from_shape_vec(shape, values).expect("the header's shape is checked and as many values are read"))
}
