//! What is wrong with a file.

use einfold_ir::{PathError, visible};

/// Why a text cannot be read as a network, an order or a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The text is not JSON. The message has the line and the column.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// The text is JSON of another shape. The message has the line and the column.
    #[error("{0}")]
    Shape(String),
    /// The text is of another version of its form.
    #[error("it is of the form `{}`, this program reads `{expected}`", visible(found))]
    Version {
        /// The form that the text names.
        found: String,
        /// The form that is read.
        expected: &'static str,
    },
    /// An axis has no extent.
    #[error("tensor {tensor} has axis `{}`, which `sizes` does not have", visible(label))]
    NoSize {
        /// The position of the tensor in `inputs`.
        tensor: usize,
        /// The label of the axis.
        label: String,
    },
    /// The output has an axis that no tensor has.
    #[error("the output has axis `{}`, which no tensor has", visible(label))]
    UnknownOutput {
        /// The label of the axis.
        label: String,
    },
    /// The output has an axis twice.
    #[error("the output has axis `{}` twice", visible(label))]
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
        // A message may quote a word of the text.
        let text = visible(&error.to_string()).into_owned();
        if error.is_data() { FormatError::Shape(text) } else { FormatError::Json(text) }
    }
}
