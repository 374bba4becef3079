//! Orders as JSON.

use einfold_ir::{Count, Network, PathError, Tree};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::FormatError;
use super::labeled_network::Label;
use crate::saved::LabeledNetwork;
use crate::{FoundOrder, Objective, Order, SavedOrder, SavedSlicedAxis, SavedTree};

/// The name and version of the schema. Keys may be added within a version.
const SCHEMA: &str = "einfold.order/1";
/// The common prefix of the names of all versions.
const NAME: &str = "einfold.order/";

/// The steps of a path.
type Steps = Vec<Vec<u32>>;

/// The keys that are read from an object of this or another program.
#[derive(Deserialize)]
struct Document {
    schema: Option<String>,
    objective: Option<String>,
    memory_limit: Option<u64>,
    largest_limit: Option<u64>,
    contractions: Option<Vec<Entry>>,
    #[serde(flatten)]
    single: Entry,
}

/// The order of one contraction.
#[derive(Deserialize)]
struct Entry {
    path: Option<Steps>,
    ssa_path: Option<Steps>,
    #[serde(default)]
    slices: Vec<SliceEntry>,
    inputs: Option<Value>,
    output: Option<Value>,
    sizes: Option<Value>,
}

#[derive(Deserialize)]
struct SliceEntry {
    axis: Label,
    parts: u64,
}

impl Order {
    /// Reads an order: an object with `ssa_path` or `path` (the linear form), of which the first takes precedence; an
    /// object with a list of such objects as `contractions`; an object whose `order` is one of these; a list of steps
    /// in linear form, or a list of such lists, one for each contraction. Other keys are ignored.
    ///
    /// An object with slices or a network gives a [`SavedOrder`], the others give paths.
    ///
    /// # Errors
    /// [`FormatError`] if the text has another schema or version, or if a path is not a valid tree.
    pub fn from_json(text: &str) -> Result<Order, FormatError> {
        Order::from_value(serde_json::from_str(text)?)
    }

    /// Reads the value that [`from_json`](Order::from_json) describes.
    ///
    /// # Errors
    /// The same as for [`from_json`](Order::from_json).
    pub fn from_value(value: Value) -> Result<Order, FormatError> {
        let shape = || FormatError::Shape(SHAPE.into());
        match value {
            Value::Array(_) => {
                if let Ok(path) = Steps::deserialize(&value) {
                    return Ok(Order::Linear(path));
                }
                let paths = Vec::<Steps>::deserialize(&value).map_err(|_| shape())?;
                Ok(Order::Saved(SavedOrder::of_paths(&paths)?))
            }
            Value::Object(mut object) => {
                if let Some(order @ Value::Object(_)) = object.remove("order") {
                    return Order::from_value(order);
                }
                Document::deserialize(Value::Object(object)).map_err(|_| shape())?.order()
            }
            _ => Err(shape()),
        }
    }
}

const SHAPE: &str =
    "an order was expected: an object with `ssa_path` or `path`, or a list of steps such as [[0, 1], [0, 1]]";

impl Order {
    /// Returns the number of tensors of the path, if this is a path of a single contraction.
    pub fn tensors(&self) -> Option<usize> {
        match self {
            Order::Linear(path) | Order::Ssa(path) => Some(tensors(path)),
            _ => None,
        }
    }
}

impl Document {
    fn order(self) -> Result<Order, FormatError> {
        if let Some(found) = self.schema.filter(|schema| schema.starts_with(NAME) && schema != SCHEMA) {
            return Err(FormatError::Version { found, expected: SCHEMA });
        }
        let contractions = match self.contractions {
            Some(entries) => entries.into_iter().map(Entry::saved).collect::<Result<_, _>>()?,
            None if self.single.inputs.is_none() && self.single.slices.is_empty() => return self.single.bare(),
            None => vec![self.single.saved()?],
        };
        let objective = self.objective.map_or(Ok(Objective::default()), |name| name.parse());
        Ok(Order::Saved(SavedOrder {
            contractions,
            objective: objective.map_err(|error| FormatError::Shape(error.to_string()))?,
            memory_bytes: self.memory_limit,
            largest: self.largest_limit,
        }))
    }
}

impl Entry {
    /// Returns a path without slices and network.
    fn bare(self) -> Result<Order, FormatError> {
        match (self.ssa_path, self.path) {
            (Some(path), _) => Ok(Order::Ssa(path)),
            (None, Some(path)) => Ok(Order::Linear(path)),
            (None, None) => Err(FormatError::Shape(SHAPE.into())),
        }
    }

    fn saved(mut self) -> Result<SavedTree, FormatError> {
        let network = match [self.inputs.take(), self.output.take(), self.sizes.take()] {
            [None, _, _] => None,
            [inputs, output, sizes] => Some(LabeledNetwork::from_value(json!({
                "inputs": inputs, "output": output, "sizes": sizes,
            }))?),
        };
        let slices = std::mem::take(&mut self.slices);
        let slices =
            slices.into_iter().map(|slice| SavedSlicedAxis { axis: slice.axis.0, parts: slice.parts }).collect();
        let leaves = network.as_ref().map(|instance| instance.network.inputs().len());
        let tree = match self.bare()? {
            Order::Ssa(path) => Tree::from_ssa(leaves.unwrap_or_else(|| tensors(&path)), &path)?,
            Order::Linear(path) => Tree::from_linear(leaves.unwrap_or_else(|| tensors(&path)), &path)?,
            _ => return Err(FormatError::Shape(SHAPE.into())),
        };
        Ok(SavedTree { tree, slices, network })
    }
}

/// Returns the number of tensors of a path: each but the last is used once.
fn tensors(path: &[Vec<u32>]) -> usize {
    let used: usize = path.iter().map(Vec::len).sum();
    (used + 1).saturating_sub(path.len())
}

impl SavedOrder {
    /// Returns the saved order of paths in linear form, one for each contraction.
    ///
    /// # Errors
    /// [`PathError`] if a path is not a valid tree.
    pub fn of_paths(paths: &[Vec<Vec<u32>>]) -> Result<SavedOrder, PathError> {
        let tree = |path: &Steps| {
            let tree = Tree::from_linear(tensors(path), path)?;
            Ok(SavedTree { tree, slices: Vec::new(), network: None })
        };
        let contractions = paths.iter().map(tree).collect::<Result<_, PathError>>()?;
        Ok(SavedOrder { contractions, ..SavedOrder::default() })
    }

    /// Returns the JSON that [`Order::from_json`] reads: `objective`, `memory_limit`, `largest_limit`, and
    /// `contractions`, each with its tree, slices and network, as [`LabeledNetwork::from_json`] reads it; the keys of a
    /// single contraction are keys of the whole object.
    pub fn to_json(&self) -> Value {
        let mut object = match &self.contractions[..] {
            [single] => single.to_json(),
            all => Map::from_iter([(
                "contractions".to_owned(),
                all.iter().map(|tree| Value::Object(tree.to_json())).collect(),
            )]),
        };
        object.insert("schema".into(), SCHEMA.into());
        object.insert("objective".into(), self.objective.to_string().into());
        object.insert("memory_limit".into(), self.memory_bytes.into());
        object.insert("largest_limit".into(), self.largest.into());
        Value::Object(object)
    }
}

impl SavedTree {
    fn to_json(&self) -> Map<String, Value> {
        let SavedTree { tree, slices, network } = self;
        let slice = |slice: &SavedSlicedAxis| json!({ "axis": slice.axis, "parts": slice.parts });
        let mut object = Map::from_iter([
            ("tensors".to_owned(), tree.leaves().into()),
            ("path".to_owned(), json!(tree.linear_path())),
            ("ssa_path".to_owned(), json!(tree.steps())),
            ("slices".to_owned(), slices.iter().map(slice).collect()),
        ]);
        if let Some(LabeledNetwork { network, labels }) = network {
            object.extend(network_json(network, labels));
        }
        object
    }
}

/// Returns a network as [`LabeledNetwork::from_json`] reads it, without axes that no tensor has.
fn network_json(network: &Network, labels: &[String]) -> [(String, Value); 3] {
    let named = |legs: &Vec<u32>| legs.iter().map(|&axis| labels[axis as usize].as_str()).collect::<Vec<_>>();
    let inputs: Vec<Vec<&str>> = network.inputs().iter().map(named).collect();
    let used = network.inputs().iter().flatten();
    let sizes = used.map(|&axis| (labels[axis as usize].clone(), network.extents()[axis as usize].into())).collect();
    let output = named(&network.output().to_vec());
    [("inputs".into(), json!(inputs)), ("output".into(), json!(output)), ("sizes".into(), Value::Object(sizes))]
}

/// Returns an order of one contraction as JSON: the keys of [`SavedOrder::to_json`], by the labels of the axes;
/// `algorithm`; and the cost of all slices together: `flops`, as in [`count_json`], and the logarithms `flops_log10`,
/// `size_log2`, `write_log10` and `peak_log2` (null for 0) of [`Cost`](einfold_ir::Cost). If the search can be
/// repeated, `record` is its record.
pub fn order_json(saved: &SavedOrder, found: &FoundOrder) -> Value {
    let FoundOrder { tree: _, slices: _, cost, strategy, record } = found;
    let mut value = saved.to_json();
    value["algorithm"] = (*strategy).into();
    value["flops"] = count_json(cost.flops);
    value["flops_log10"] = cost.flops.log10().into();
    value["size_log2"] = cost.size.log2().into();
    value["write_log10"] = cost.write.log10().into();
    value["peak_log2"] = cost.peak.log2().into();
    if let Some(record) = record {
        value["record"] = record.to_string().into();
    }
    value
}

/// Returns a count as a number, or as a string if it has more than 64 bits.
pub fn count_json(count: Count) -> Value {
    match count.exact() {
        None => count.to_string().into(),
        Some(exact) => u64::try_from(exact).map_or_else(|_| exact.to_string().into(), Value::from),
    }
}

#[cfg(test)]
mod tests;
