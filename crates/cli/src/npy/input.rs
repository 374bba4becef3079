//! One array on disk, opened: its header is read, its data are read on demand.

use super::NpyError;
use super::element::{Element, read_values};
use super::header::{Header, MAGIC, Order};
use einfold::ndarray::{ArrayD, IxDyn, ShapeBuilder};
use einfold::{AnyArray, Dtype};
use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read};
use std::path::Path;
use zip::ZipArchive;

/// An array whose type and shape are known and whose elements are still in the file.
pub(crate) struct Input {
    header: Header,
    body: Body,
}

type Archive = ZipArchive<BufReader<File>>;

enum Body {
    /// A `.npy` file, read up to its first element. `known` if the file is as long as its header promises.
    Single { reader: BufReader<Chain<Cursor<Vec<u8>>, File>>, known: bool },
    /// The member of an archive with this index.
    Member { archive: Box<Archive>, index: usize },
}

impl Input {
    /// Opens `FILE.npy`, or `FILE.npz:KEY`; the key may be left out where the archive has one array. A file whose whole
    /// name is the argument goes before one with a key cut off.
    pub(crate) fn open(argument: &Path) -> Result<Input, NpyError> {
        match argument.to_str().and_then(|text| text.rsplit_once(".npz:")) {
            Some((stem, key)) if !argument.exists() => open_file(Path::new(&format!("{stem}.npz")), Some(key)),
            _ => open_file(argument, None),
        }
    }

    /// Type, shape and layout.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the elements.
    pub(crate) fn read(self) -> Result<AnyArray, NpyError> {
        match self.body {
            Body::Single { mut reader, known } => read_array(&self.header, &mut reader, known),
            Body::Member { mut archive, index } => {
                let mut member = archive.by_index(index)?;
                let header = Header::read(&mut member)?;
                read_array(&header, &mut member, false)
            }
        }
    }
}

fn open_file(path: &Path, key: Option<&str>) -> Result<Input, NpyError> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start.starts_with(b"PK") {
        return open_member(ZipArchive::new(BufReader::new(file))?, key);
    }
    if let Some(key) = key {
        return Err(NpyError::NotAnArchive(key.to_owned()));
    }
    // The magic is put back in front rather than sought, so that a pipe can be read too.
    let length = file.metadata().ok().filter(|m| m.is_file()).map(|m| m.len());
    let mut reader = Counted { inner: BufReader::new(Cursor::new(start).chain(file)), count: 0 };
    let header = Header::read(&mut reader)?;
    if let Some(length) = length {
        let need = (header.len() * header.dtype.size()) as u64;
        let got = length.saturating_sub(reader.count);
        if got < need {
            return Err(NpyError::Truncated { need, got });
        }
    }
    Ok(Input { header, body: Body::Single { reader: reader.inner, known: length.is_some() } })
}

/// A reader that knows how far it has come.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count += got as u64;
        Ok(got)
    }
}

/// NumPy stores array `key` as the member `key.npy`, and finds it under both names.
fn open_member(mut archive: Archive, key: Option<&str>) -> Result<Input, NpyError> {
    let names = archive.file_names().collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<&str> = names.iter().map(|name| name.strip_suffix(".npy").unwrap_or(name)).collect();
    let index = match key {
        Some(key) => keys
            .iter()
            .position(|&k| k == key)
            .ok_or_else(|| NpyError::NoMember { key: key.to_owned(), members: list(&keys) })?,
        None if keys.len() == 1 => 0,
        None => return Err(NpyError::WhichMember { count: keys.len(), members: list(&keys) }),
    };
    let header = Header::read(&mut archive.by_index(index)?)?;
    Ok(Input { header, body: Body::Member { archive: Box::new(archive), index } })
}

/// The keys of an archive for an error message, the first few if they are many.
fn list(keys: &[&str]) -> String {
    const SHOWN: usize = 20;
    match keys {
        [] => "no arrays".to_owned(),
        [first @ .., _] if first.len() >= SHOWN => format!("{}, ... ({} in all)", keys[..SHOWN].join(", "), keys.len()),
        _ => keys.join(", "),
    }
}

fn read_array(header: &Header, reader: &mut impl Read, known: bool) -> Result<AnyArray, NpyError> {
    Ok(match header.dtype {
        Dtype::Bool => AnyArray::Bool(read_typed(header, reader, known)?),
        Dtype::I8 => AnyArray::I8(read_typed(header, reader, known)?),
        Dtype::I16 => AnyArray::I16(read_typed(header, reader, known)?),
        Dtype::I32 => AnyArray::I32(read_typed(header, reader, known)?),
        Dtype::I64 => AnyArray::I64(read_typed(header, reader, known)?),
        Dtype::U8 => AnyArray::U8(read_typed(header, reader, known)?),
        Dtype::U16 => AnyArray::U16(read_typed(header, reader, known)?),
        Dtype::U32 => AnyArray::U32(read_typed(header, reader, known)?),
        Dtype::U64 => AnyArray::U64(read_typed(header, reader, known)?),
        Dtype::F16 => AnyArray::F16(read_typed(header, reader, known)?),
        Dtype::F32 => AnyArray::F32(read_typed(header, reader, known)?),
        Dtype::F64 => AnyArray::F64(read_typed(header, reader, known)?),
        Dtype::C32 => AnyArray::C32(read_typed(header, reader, known)?),
        Dtype::C64 => AnyArray::C64(read_typed(header, reader, known)?),
        other => return Err(NpyError::Unwritable(other)),
    })
}

fn read_typed<T: Element>(header: &Header, reader: &mut impl Read, known: bool) -> Result<ArrayD<T>, NpyError> {
    let values = read_values(reader, header.len(), header.big_endian, known)?;
    let shape = IxDyn(&header.shape).set_f(header.order == Order::Fortran);
    Ok(ArrayD::from_shape_vec(shape, values).expect("the header's shape is checked and as many values are read"))
}
