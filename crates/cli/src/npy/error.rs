//! The errors of reading and writing array files.

use einfold::Dtype;
use einfold_ir::visible;
use std::io::{self, ErrorKind};
use thiserror::Error;
use zip::result::ZipError;

/// The maximal number of axes of a NumPy array.
pub(super) const MAX_RANK: usize = 64;

/// The error of an array file. The caller adds the name of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum NpyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a .npy or .npz file")]
    NotNumpy,
    #[error("its format version is {0}.{1}, but only 1.0, 2.0 and 3.0 are known")]
    Version(u8, u8),
    #[error("its header takes {0} bytes; no plain array needs that much")]
    HeaderTooLong(u32),
    #[error("its header is malformed: {what} (byte {at} of the dictionary)")]
    Header { what: &'static str, at: usize },
    #[error("it ends inside its header")]
    TruncatedHeader,
    #[error("it ends early: its header announces {need} bytes of data, but there are {got}")]
    Truncated { need: u64, got: u64 },
    #[error("the array has {0} axes, but NumPy's have at most {max}", max = MAX_RANK)]
    Rank(usize),
    #[error("the shape ({0}) has more elements than can be addressed")]
    ShapeTooLarge(String),
    #[error("its elements are {descr}{what}, which einfold does not support")]
    Dtype { descr: String, what: &'static str, help: &'static str },
    #[error("its header says that its elements are of type `{0}`, which NumPy does not have")]
    Descr(String),
    #[error("there is too little memory for its {bytes} bytes of data")]
    Memory { bytes: u64 },
    #[error("the archive cannot be read: {}", visible(&.0.to_string()))]
    Archive(#[from] ZipError),
    #[error("it is an archive, which cannot be read from a pipe")]
    ArchiveInPipe,
    #[error("the archive has no array `{}`", quoted(key))]
    NoMember { key: String, members: String },
    #[error("the archive holds {count} arrays")]
    WhichMember { count: usize, members: String },
    #[error("the archive has two arrays `{}`", quoted(.0))]
    SameName(String),
    #[error("it is a single array and has no member `{}`", quoted(.0))]
    NotAnArchive(String),
    #[error("member `{}`: {source}", quoted(name))]
    Member { name: String, source: Box<NpyError> },
    #[error("its bytes are damaged: {0}")]
    Damaged(io::Error),
    #[error("it continues after the {0} bytes of data that its header announces")]
    Trailing(u64),
    #[error("it is encrypted")]
    Encrypted,
    #[error("it is compressed by method {0}; members are stored (0) or deflated (8)")]
    Method(u16),
    #[error(".npy has no type for {0}")]
    Unwritable(Dtype),
    #[error("einfold does not write files with the ending `.{}`", quoted(.0))]
    Ending(String),
}

/// The maximal number of characters of a name or type in an error.
const QUOTED: usize = 80;

/// Returns a quotation from a file or an argument for errors: escaped, and shortened if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", visible(&text[..end])),
        None => visible(text).into_owned(),
    }
}

fn of_member(error: ZipError) -> NpyError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => NpyError::Encrypted,
        ZipError::CompressionMethodNotSupported(method) => NpyError::Method(method),
        ZipError::Io(error) => of_bytes(error),
        other => NpyError::Archive(other),
    }
}

/// Returns the error of decompression, of the checksum, or of the system.
fn of_bytes(error: io::Error) -> NpyError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => NpyError::Damaged(error),
        _ => NpyError::Io(error),
    }
}

impl NpyError {
    /// Returns the error with the name of the archive member.
    pub(super) fn in_member(self, name: &str) -> NpyError {
        let source = match self {
            NpyError::Archive(ZipError::Io(error)) | NpyError::Io(error) => match error.downcast() {
                Ok(error) => of_member(error),
                Err(error) => of_bytes(error),
            },
            NpyError::Archive(error) => of_member(error),
            other => other,
        };
        NpyError::Member { name: name.to_owned(), source: Box::new(source) }
    }

    /// Returns whether the machine has too few resources for a valid file.
    pub(crate) fn is_limit(&self) -> bool {
        match self {
            NpyError::Memory { .. } => true,
            NpyError::Member { source, .. } => source.is_limit(),
            _ => false,
        }
    }

    /// Returns what to do about the error, if that is known.
    pub(crate) fn help(&self) -> Option<String> {
        Some(match self {
            NpyError::NotNumpy => "save the array with numpy.save".into(),
            NpyError::Dtype { help, .. } => (*help).into(),
            NpyError::NoMember { members, .. } => format!("it has {members}"),
            NpyError::WhichMember { members, .. } => format!("name one as FILE.npz:KEY; the archive has {members}"),
            NpyError::Member { source, .. } => return source.help(),
            NpyError::ArchiveInPipe => "write it to a file first".into(),
            NpyError::Descr(_) | NpyError::Trailing(_) => "write it again with NumPy".into(),
            NpyError::Damaged(_) => "write it again; the copy is damaged".into(),
            NpyError::Encrypted | NpyError::Method(_) => "write it with numpy.savez or numpy.savez_compressed".into(),
            NpyError::SameName(_) => "write the archive again, with each name once".into(),
            NpyError::NotAnArchive(_) => "omit what follows the file name".into(),
            NpyError::Truncated { .. } | NpyError::TruncatedHeader => "write it again; the copy is incomplete".into(),
            NpyError::Ending(_) => "write an array to .npy, one or several to .npz, or leave out `-o` to print".into(),
            NpyError::Unwritable(_) => "convert the operands to a type that NumPy has".into(),
            _ => return None,
        })
    }
}
