//! Orders as JSON.

use einfold_ir::{Count, PathError, Tree};
use serde::Deserialize;
use serde_json::{Value, json};

use super::FormatError;
use crate::{Order, Ordered};

/// The steps of a contraction, in either of the usual forms.
///
/// ```
/// use einfold_order::format::Path;
/// let linear = Path::from_json("[[1, 2], [0, 1]]")?;
/// let ssa = Path::from_json(r#"{"ssa_path": [[1, 2], [0, 3]]}"#)?;
/// assert_eq!(linear.tree(3)?, ssa.tree(3)?);
/// # Ok::<(), einfold_order::format::FormatError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// NumPy's linear form, see [`Tree::from_linear`].
    Linear(Vec<Vec<u32>>),
    /// SSA form, see [`Tree::from_ssa`].
    Ssa(Vec<Vec<u32>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Bare(Vec<Vec<u32>>),
    Keyed { path: Option<Vec<Vec<u32>>>, ssa_path: Option<Vec<Vec<u32>>> },
}

impl Path {
    /// Reads an object with `ssa_path` or `path`, the linear form, of which the first counts; or a bare list of steps in linear
    /// form. Other keys may be there.
    ///
    /// # Errors
    /// [`FormatError::Json`] and [`FormatError::Shape`].
    pub fn from_json(text: &str) -> Result<Path, FormatError> {
        let value: Value = serde_json::from_str(text)?;
        let shape =
            "a path was expected: an object with `ssa_path` or `path`, or a list of steps such as [[0, 1], [0, 1]]";
        match serde_json::from_value(value) {
            Ok(Document::Bare(path)) => Ok(Path::Linear(path)),
            Ok(Document::Keyed { ssa_path: Some(path), .. }) => Ok(Path::Ssa(path)),
            Ok(Document::Keyed { path: Some(path), .. }) => Ok(Path::Linear(path)),
            _ => Err(FormatError::Shape(shape.into())),
        }
    }

    /// The tree of the path over `leaves` tensors.
    ///
    /// # Errors
    /// [`PathError`] if it is none.
    pub fn tree(&self, leaves: usize) -> Result<Tree, PathError> {
        match self {
            Path::Linear(path) => Tree::from_linear(leaves, path),
            Path::Ssa(path) => Tree::from_ssa(leaves, path),
        }
    }
}

impl From<Path> for Order {
    fn from(path: Path) -> Order {
        match path {
            Path::Linear(path) => Order::Linear(path),
            Path::Ssa(path) => Order::Ssa(path),
        }
    }
}

/// An order as JSON, which [`Path::from_json`] reads again: `path` in linear and `ssa_path` in SSA form, `algorithm`, and what
/// it costs, all slices together: `flops`, as [`count_json`] has it, and the logarithms `flops_log10`, `size_log2`, `write_log10` and `peak_log2` (null
/// for 0) of [`Cost`](einfold_ir::Cost). A search that can be repeated has its `record`. Where it is sliced, `slices` lists the axes, by their `labels`, and how many parts
/// each has.
pub fn ordered_json(ordered: &Ordered, labels: &[impl AsRef<str>]) -> Value {
    let Ordered { tree, slices, cost, strategy, record } = ordered;
    let mut value = json!({
        "algorithm": strategy,
        "tensors": tree.leaves(),
        "path": tree.linear_path(),
        "ssa_path": tree.steps(),
        "flops": count_json(cost.flops),
        "flops_log10": cost.flops.log10(),
        "size_log2": cost.size.log2(),
        "write_log10": cost.write.log10(),
        "peak_log2": cost.peak.log2(),
    });
    if let Some(record) = record {
        value["record"] = record.to_string().into();
    }
    if !slices.is_empty() {
        let axis = |axis: u32| labels.get(axis as usize).map_or_else(|| axis.to_string(), |l| l.as_ref().to_owned());
        value["slices"] = slices.iter().map(|s| json!({ "axis": axis(s.axis), "parts": s.parts })).collect();
    }
    value
}

/// A count as a number, or as text where it has more digits than a number of 64 bits.
pub fn count_json(count: Count) -> Value {
    match count.exact() {
        None => count.to_string().into(),
        Some(exact) => u64::try_from(exact).map_or_else(|_| exact.to_string().into(), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, Slice, order};
    use einfold_ir::Network;

    #[test]
    fn every_form_is_read() {
        let linear = Path::Linear(vec![vec![1, 2], vec![0, 1]]);
        let ssa = Path::Ssa(vec![vec![1, 2], vec![0, 3]]);
        for (text, want) in [
            ("[[1, 2], [0, 1]]", &linear),
            (r#"{"path": [[1, 2], [0, 1]], "cost": 7}"#, &linear),
            (r#"{"ssa_path": [[1, 2], [0, 3]]}"#, &ssa),
            (r#"{"path": [], "ssa_path": [[1, 2], [0, 3]]}"#, &ssa),
        ] {
            assert_eq!(Path::from_json(text).as_ref(), Ok(want), "{text}");
        }
        for text in ["", "[[0, 1]", "{}", "[[0, -1]]", "3", r#"{"path": 3}"#, "[0, 1]"] {
            assert!(Path::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let network = Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 3]], vec![0, 3], vec![2, 3, 4, 5]).unwrap();
        let mut ordered = order(&network, &Order::default(), &Budget::default()).unwrap();
        ordered.slices = vec![Slice { axis: 2, parts: 4 }];
        let value = ordered_json(&ordered, &["i", "j", "k", "l"]);
        assert_eq!(Path::from_json(&value.to_string()).unwrap().tree(3).unwrap(), ordered.tree);
        let linear = Path::from_json(&value["path"].to_string()).unwrap();
        assert_eq!(linear.tree(3).unwrap(), ordered.tree);
        assert_eq!(value["slices"].to_string(), r#"[{"axis":"k","parts":4}]"#);
        // ij,jk first: 2*3*4 + 2*4*5, of which 2*4 and 2*5 are written.
        assert_eq!(value["flops"], 64);
        assert_eq!(value["write_log10"], 18_f64.log10());
    }
}
