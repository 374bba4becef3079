//! NumPy's array files: `.npy` of every format version, read and written, and the members of `.npz` archives, read.
//!
//! A file is not trusted: no size it claims is allocated before as many bytes are known to exist, and whatever is not an
//! array of numbers is named in the error along with the way out. The format is that of NumPy's `numpy.lib.format`.
//!
//! Why no existing reader: those tried multiply the extents without a check and allocate what the header claims, and bring
//! zip with every codec; what is needed of the format is small.

mod element;
mod error;
mod header;
mod input;
mod literal;
mod write;

pub(crate) use error::NpyError;
pub(crate) use input::Input;
pub(crate) use write::write;
