//! Networks as JSON.

use std::collections::HashMap;
use std::fmt;

use einfold_ir::Network;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::error::FormatError;
use crate::saved::LabeledNetwork;

#[derive(Deserialize)]
struct Document {
    inputs: Vec<Vec<Label>>,
    output: Vec<Label>,
    sizes: HashMap<Label, Extent>,
}

/// The label of an axis: a string, or an integer, which becomes a string as a key of an object.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Label(pub(super) String);

struct Extent(u64);

impl LabeledNetwork {
    /// Reads an object with `inputs`, the axes of each tensor; `output`, the axes of the output; and `sizes`, the
    /// extent of each axis. Axes are integers or strings. Other keys are ignored.
    ///
    /// # Errors
    /// [`FormatError`] if the text has another schema, an axis has no extent, or the output is invalid.
    pub fn from_json(text: &str) -> Result<LabeledNetwork, FormatError> {
        LabeledNetwork::of(serde_json::from_str(text)?)
    }

    /// Reads the object that [`from_json`](LabeledNetwork::from_json) describes.
    pub(super) fn from_value(value: serde_json::Value) -> Result<LabeledNetwork, FormatError> {
        LabeledNetwork::of(serde_json::from_value(value)?)
    }

    fn of(Document { inputs, output, sizes }: Document) -> Result<LabeledNetwork, FormatError> {
        let mut axes = HashMap::with_capacity(sizes.len());
        let (mut labels, mut extents) = (Vec::with_capacity(sizes.len()), Vec::with_capacity(sizes.len()));
        let mut tensors = Vec::with_capacity(inputs.len());
        for (tensor, legs) in inputs.iter().enumerate() {
            let mut axis = |label: &'_ Label| match sizes.get_key_value(label) {
                None => Err(FormatError::NoSize { tensor, label: label.0.clone() }),
                Some((known, extent)) => Ok(*axes.entry(&known.0[..]).or_insert_with(|| {
                    labels.push(known.0.clone());
                    extents.push(extent.0);
                    labels.len() as u32 - 1
                })),
            };
            tensors.push(legs.iter().map(&mut axis).collect::<Result<Vec<u32>, _>>()?);
        }
        let output = kept(&output, &axes)?;
        let network = Network::new(tensors, output, extents).expect("every axis was given an extent");
        Ok(LabeledNetwork { network, labels })
    }
}

/// Returns the axes of the output, each of which some tensor must have.
fn kept(output: &[Label], axes: &HashMap<&str, u32>) -> Result<Vec<u32>, FormatError> {
    let mut seen = vec![false; axes.len()];
    let axis = |Label(label): &Label| {
        let &axis = axes.get(&label[..]).ok_or_else(|| FormatError::UnknownOutput { label: label.clone() })?;
        if std::mem::replace(&mut seen[axis as usize], true) {
            return Err(FormatError::RepeatedOutput { label: label.clone() });
        }
        Ok(axis)
    };
    output.iter().map(axis).collect()
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Label, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

struct LabelVisitor;

impl Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an axis: an integer or a string")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Label, E> {
        Ok(Label(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Label, E> {
        Ok(Label(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Label, E> {
        Ok(Label(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Extent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Extent, D::Error> {
        deserializer.deserialize_any(ExtentVisitor)
    }
}

struct ExtentVisitor;

impl Visitor<'_> for ExtentVisitor {
    type Value = Extent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the size of an axis: an integer of 0 or more")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Extent, E> {
        Ok(Extent(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Extent, E> {
        u64::try_from(value).map(Extent).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        LabeledNetwork::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn integers_and_texts_are_labels() {
        let text = r#"{"name": "x", "output": [7], "sizes": {"-1": 5, "7": 2, "b": 3, "unused": 9},
                       "inputs": [[7, "b"], ["b", -1, -1], []]}"#;
        let read = LabeledNetwork::from_json(text).unwrap();
        assert_eq!(read.labels, ["7", "b", "-1"]);
        let network = Network::new(vec![vec![0, 1], vec![1, 2, 2], vec![]], vec![0], vec![2, 3, 5]).unwrap();
        assert_eq!(read.network, network);
    }

    #[test]
    fn errors_have_positions() {
        let with = |inputs: &str, output: &str, sizes: &str| {
            format!("{{\"inputs\": {inputs},\n\"output\": {output},\n\"sizes\": {sizes}}}")
        };
        for (text, part) in [
            (String::new(), "this is not JSON: EOF while parsing a value at line 1 column 0"),
            ("{\"inputs\": [[1, 2],\n [2 3]]".into(), "this is not JSON: expected `,` or `]` at line 2 column 5"),
            ("[]".into(), "invalid length 0, expected struct Document with 3 elements at line 1 column 2"),
            ("{\"inputs\": []}".into(), "missing field `output` at line 1 column 14"),
            (
                with("[[1]]", "[]", "{\"1\": -3}"),
                "invalid value: integer `-3`, expected the size of an axis: an integer of 0 or more at line 3 column 17",
            ),
            (
                with("[[1]]", "[]", "{\"1\": 2.5}"),
                "invalid type: floating point `2.5`, expected the size of an axis: an integer of 0 or more at line 3 column 18",
            ),
            (
                with("[[1], [null]]", "[]", "{\"1\": 2}"),
                "invalid type: null, expected an axis: an integer or a string at line 1 column 22",
            ),
            (with("[[1], [1, 8]]", "[]", "{\"1\": 2}"), "tensor 1 has axis `8`, which `sizes` does not have"),
            (with("[[1]]", "[2]", "{\"1\": 2, \"2\": 2}"), "the output has axis `2`, which no tensor has"),
            (with("[[1]]", "[1, 1]", "{\"1\": 2}"), "the output has axis `1` twice"),
        ] {
            assert_eq!(error(&text), part, "{text}");
        }
    }
}
