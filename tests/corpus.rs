//! The corpus `data/conformance`: NumPy's results of random einsums on arrays of many layouts, and einsums that NumPy
//! rejects.

use std::fmt;
use std::sync::LazyLock;

use einfold_ir::Dtype;
use serde_json::Value;

use crate::layout::Layout;
use crate::npy::element;
use crate::num::{Num, Tensor};

/// An einsum and NumPy's result.
pub(crate) struct Valid {
    pub(crate) id: u64,
    pub(crate) text: String,
    pub(crate) operands: Vec<(Tensor, Layout)>,
    pub(crate) result: Tensor,
    /// The absolute tolerance; 0 for exact results.
    pub(crate) tolerance: f64,
}

/// An einsum that NumPy rejects, and its defect.
pub(crate) struct Invalid {
    pub(crate) id: u64,
    pub(crate) category: String,
    pub(crate) text: String,
    pub(crate) shapes: Vec<Vec<usize>>,
}

/// The corpus of valid einsums.
pub(crate) static VALID: LazyLock<Vec<Valid>> = LazyLock::new(|| {
    let data = include_bytes!("data/conformance/data.bin");
    let lines = include_str!("data/conformance/cases.jsonl").lines();
    lines.map(|line| valid(&serde_json::from_str(line).unwrap(), data)).collect()
});

/// The corpus of rejected einsums.
pub(crate) static INVALID: LazyLock<Vec<Invalid>> = LazyLock::new(|| {
    let lines = include_str!("data/conformance/invalid.jsonl").lines();
    lines.map(|line| invalid(&serde_json::from_str(line).unwrap())).collect()
});

fn valid(case: &Value, data: &[u8]) -> Valid {
    let operand = |i: &Value| {
        let tensor = stored(i, data);
        let layout = Layout::named(text(&i["layout"]), tensor.shape.len());
        (tensor, layout)
    };
    Valid {
        id: case["id"].as_u64().unwrap(),
        text: text(&case["expr"]).into(),
        operands: list(&case["inputs"]).iter().map(operand).collect(),
        result: stored(&case["out"], data),
        tolerance: case["atol"].as_f64().unwrap(),
    }
}

fn invalid(case: &Value) -> Invalid {
    Invalid {
        id: case["id"].as_u64().unwrap(),
        category: text(&case["cat"]).into(),
        text: text(&case["expr"]).into(),
        shapes: list(&case["shapes"]).iter().map(shape).collect(),
    }
}

/// A tensor whose elements are in `data`, little-endian.
fn stored(entry: &Value, data: &[u8]) -> Tensor {
    let dtype = Dtype::from_name(text(&entry["dtype"])).unwrap();
    let start = entry["off"].as_u64().unwrap() as usize;
    let bytes = &data[start..start + entry["nbytes"].as_u64().unwrap() as usize];
    let data = bytes.chunks_exact(dtype.size()).map(|b| element(dtype, b)).collect();
    Tensor { dtype, shape: shape(&entry["shape"]), data }
}

/// A tensor whose elements are listed in JSON.
pub(crate) fn written(entry: &Value) -> Tensor {
    let dtype = Dtype::from_name(text(&entry["dtype"])).unwrap();
    let number = |x: &Value| match x {
        Value::Bool(b) => Num::Int((*b).into(), 0),
        Value::String(s) => Num::Float(s.parse().unwrap(), 0.0),
        Value::Number(n) => n.as_i64().map_or_else(|| Num::Float(n.as_f64().unwrap(), 0.0), |n| Num::Int(n.into(), 0)),
        other => panic!("{other} is no number"),
    };
    let data = list(&entry["data"]).iter().map(|x| number(x).to(dtype)).collect();
    Tensor { dtype, shape: shape(&entry["shape"]), data }
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn shape(value: &Value) -> Vec<usize> {
    list(value).iter().map(|n| n.as_u64().unwrap() as usize).collect()
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} `{}`", self.id, self.text)?;
        self.operands.iter().try_for_each(|(t, l)| write!(f, " {}{:?} {l:?}", t.dtype, t.shape))
    }
}

#[test]
fn the_corpus_is_whole() {
    assert_eq!((VALID.len(), INVALID.len()), (600, 120));
}

#[test]
fn the_oracle_agrees_with_numpy() {
    for case in VALID.iter() {
        let operands: Vec<Tensor> = case.operands.iter().map(|(t, _)| t.clone()).collect();
        let result = crate::oracle::einsum(&case.text, &operands).unwrap_or_else(|| panic!("refused: {case}"));
        assert_eq!(result.differs(&case.result, case.tolerance), None, "{case}");
    }
}
