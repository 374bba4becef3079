//! NumPy's array files: `.npy` of every format version, read and written, and the members of `.npz`
//! archives, read and written.
//!
//! A file is not trusted: no size it claims is allocated before as many bytes are known to exist, and whatever is not an
//! array of numbers is named in the error along with the way out. The format is that of NumPy's `numpy.lib.format`.
//!
//! Why not the crate `npyz` (0.9): it multiplies the extents without a check, parses the header by recursion and allocates
//! the length that the header claims, up to 4 GiB; and it brings every codec of zip. What is needed of the format is small.

mod archive;
mod element;
mod error;
mod header;
mod input;
mod literal;
mod write;

pub(crate) use archive::{key_of, split_key, write_archive};
pub(crate) use error::NpyError;
pub(crate) use input::Input;
pub(crate) use write::write;
