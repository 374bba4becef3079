//! Why a file cannot be read, or an array not written.

use einfold::Dtype;
use std::io;
use thiserror::Error;

/// What is wrong with an array file. The file's name is added by the caller.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum NpyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is no .npy or .npz file")]
    NotNumpy,
    #[error("its format version is {0}.{1}, but only 1.0, 2.0 and 3.0 are known")]
    Version(u8, u8),
    #[error("its header takes {0} bytes; no plain array needs that much")]
    HeaderTooLong(u32),
    #[error("its header is malformed: {what} (byte {at} of the dictionary)")]
    Header { what: &'static str, at: usize },
    #[error("it ends inside its header")]
    TruncatedHeader,
    #[error("it ends early: its header announces {need} bytes of data, and there are {got}")]
    Truncated { need: u64, got: u64 },
    #[error("the array has {0} axes, but NumPy's have at most {max}", max = super::header::MAX_RANK)]
    Rank(usize),
    #[error("the shape ({0}) has more elements than can be addressed")]
    ShapeTooLarge(String),
    #[error("its elements are {descr}{what}, which einfold does not compute with")]
    Dtype { descr: String, what: &'static str, help: &'static str },
    #[error("there is no memory for its {bytes} bytes of data")]
    Memory { bytes: u64 },
    #[error("the archive cannot be read: {0}")]
    Archive(#[from] zip::result::ZipError),
    #[error("the archive has no array `{key}`")]
    NoMember { key: String, members: String },
    #[error("the archive holds {count} arrays")]
    WhichMember { count: usize, members: String },
    #[error("it is a single array and has no member `{0}`")]
    NotAnArchive(String),
    #[error(".npy has no type for {0}")]
    Unwritable(Dtype),
}

impl NpyError {
    /// Whether the machine is too small for the file, rather than the file wrong.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, NpyError::Memory { .. })
    }

    /// What to do about it, where that is known.
    pub(crate) fn help(&self) -> Option<String> {
        Some(match self {
            NpyError::NotNumpy => "save the array with numpy.save".into(),
            NpyError::Dtype { help, .. } => (*help).into(),
            NpyError::NoMember { members, .. } => format!("it has {members}"),
            NpyError::WhichMember { members, .. } => format!("name one as FILE.npz:KEY; there are {members}"),
            NpyError::NotAnArchive(_) => "leave out what follows the file name".into(),
            NpyError::Truncated { .. } | NpyError::TruncatedHeader => "write it again; the copy is incomplete".into(),
            NpyError::Unwritable(_) => "convert the operands to a type that NumPy has".into(),
            _ => return None,
        })
    }
}
