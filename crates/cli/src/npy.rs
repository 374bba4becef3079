//! NumPy's array files: reads `.npy` of all format versions and the members of `.npz` archives, and writes both.
//!
//! Files are not trusted: memory for a size in a file is allocated only after that many bytes are known to exist, and
//! every unsupported content has an error that names it and what to do. The format is that of NumPy's
//! `numpy.lib.format`.
//!
//! The crate `npyz` (0.9) is not used because it multiplies the extents without a check, parses the header by
//! recursion, allocates the length of the header without a limit, up to 4 GiB, and includes every codec of zip. The
//! required part of the format is small.

mod archive;
mod array_file;
mod element;
mod error;
mod header;
mod literal;
mod write;

pub(crate) use archive::{key_of, split_key, write_archive};
pub(crate) use array_file::ArrayFile;
pub(crate) use error::NpyError;
pub(crate) use write::write;
