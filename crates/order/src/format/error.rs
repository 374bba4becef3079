//! Errors in files of networks and orders.

use einfold_ir::{PathError, visible};

/// The reason why a text is not a network, an order or a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The text is not JSON. The message has the line and the column.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// The text is JSON of another schema. The message has the line and the column.
    #[error("{0}")]
    Shape(String),
    /// The text has another version of the schema.
    #[error("the text has the schema `{}`, this version reads `{expected}`", visible(found))]
    Version {
        /// The schema that the text names.
        found: String,
        /// The schema that is supported.
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
    /// The path is not a path of the network.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl From<serde_json::Error> for FormatError {
    fn from(error: serde_json::Error) -> FormatError {
        // The message may quote a word of the text.
        let text = visible(&error.to_string()).into_owned();
        if error.is_data() { FormatError::Shape(text) } else { FormatError::Json(text) }
    }
}
