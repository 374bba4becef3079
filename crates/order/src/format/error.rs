//! What is wrong with a file.

use einfold_ir::PathError;

/// Why a text is no network or no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The text is not JSON. The message has the line and the column.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// The text is JSON of another shape. The message has the line and the column.
    #[error("{0}")]
    Shape(String),
    /// The order is of another version of the form.
    #[error("it is of the form `{found}`, this program reads `{expected}`")]
    Version {
        /// The form that the text names.
        found: String,
        /// The form that is read.
        expected: &'static str,
    },
    /// An axis has no extent.
    #[error("tensor {tensor} has axis `{label}`, which `sizes` does not have")]
    NoSize {
        /// The position of the tensor in `inputs`.
        tensor: usize,
        /// The label of the axis.
        label: String,
    },
    /// The output has an axis that no tensor has.
    #[error("the output has axis `{label}`, which no tensor has")]
    UnknownOutput {
        /// The label of the axis.
        label: String,
    },
    /// The output has an axis twice.
    #[error("the output has axis `{label}` twice")]
    RepeatedOutput {
        /// The label of the axis.
        label: String,
    },
    /// The path is not one of the network.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl From<serde_json::Error> for FormatError {
    fn from(error: serde_json::Error) -> FormatError {
        if error.is_data() { FormatError::Shape(error.to_string()) } else { FormatError::Json(error.to_string()) }
    }
}
