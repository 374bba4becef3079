//! Orders as JSON.

use einfold_ir::{Count, Network, PathError, Tree};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::FormatError;
use super::named_network::{Label, NamedNetwork};
use crate::{FoundOrder, Objective, Order, SavedOrder, SavedSlicedAxis, SavedTree};

/// The name and version of the form. Keys may be added within a version.
const SCHEMA: &str = "einfold.order/1";
/// What the names of all versions begin with.
const NAME: &str = "einfold.order/";

/// Steps of a path.
type Steps = Vec<Vec<u32>>;

/// What some key of an object of this or another program may hold.
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
    /// Reads an order that was found before: an object with `ssa_path` or `path`, the linear form, of which the first counts; an
    /// object with such objects as `contractions`; an object with an `order` that is one of these; a bare list of steps in
    /// linear form, or a list of such lists, one for each contraction. Other keys may be there.
    ///
    /// What tells its slices or its network is a [`SavedOrder`], the others are paths.
    ///
    /// # Errors
    /// [`FormatError`]: a text of another form or of another version, a path that is no tree.
    pub fn from_json(text: &str) -> Result<Order, FormatError> {
        Order::from_value(serde_json::from_str(text)?)
    }

    /// As [`from_json`](Order::from_json).
    ///
    /// # Errors
    /// As for [`from_json`](Order::from_json).
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
    /// How many tensors its path contracts, if it is one of a single contraction.
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
    /// A path without slices or network.
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
            [inputs, output, sizes] => Some(NamedNetwork::from_value(json!({
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

/// How many tensors a path contracts: each but the last is used once.
fn tensors(path: &[Vec<u32>]) -> usize {
    let used: usize = path.iter().map(Vec::len).sum();
    (used + 1).saturating_sub(path.len())
}

impl SavedOrder {
    /// Paths in linear form, one for each contraction.
    ///
    /// # Errors
    /// [`PathError`] if one of them is no tree.
    pub fn of_paths(paths: &[Vec<Vec<u32>>]) -> Result<SavedOrder, PathError> {
        let tree = |path: &Steps| {
            let tree = Tree::from_linear(tensors(path), path)?;
            Ok(SavedTree { tree, slices: Vec::new(), network: None })
        };
        let contractions = paths.iter().map(tree).collect::<Result<_, PathError>>()?;
        Ok(SavedOrder { contractions, ..SavedOrder::default() })
    }

    /// As JSON, which [`Order::from_json`] reads again: `objective`, `memory_limit`, `largest_limit`, and in `contractions` for
    /// each its tree and slices and its network, as [`NamedNetwork::from_json`] reads it; where there is but one, these are keys of the
    /// whole.
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
        if let Some(NamedNetwork { network, labels }) = network {
            object.extend(network_json(network, labels));
        }
        object
    }
}

/// A network as [`NamedNetwork::from_json`] reads it; axes that no tensor has are left out.
fn network_json(network: &Network, labels: &[String]) -> [(String, Value); 3] {
    let named = |legs: &Vec<u32>| legs.iter().map(|&axis| labels[axis as usize].as_str()).collect::<Vec<_>>();
    let inputs: Vec<Vec<&str>> = network.inputs().iter().map(named).collect();
    let used = network.inputs().iter().flatten();
    let sizes = used.map(|&axis| (labels[axis as usize].clone(), network.extents()[axis as usize].into())).collect();
    let output = named(&network.output().to_vec());
    [("inputs".into(), json!(inputs)), ("output".into(), json!(output)), ("sizes".into(), Value::Object(sizes))]
}

/// An order as JSON: what [`SavedOrder::to_json`] has of one contraction, by the `labels` of its axes; and `algorithm`, and what
/// it costs, all slices together: `flops`, as [`count_json`] has it, and the logarithms `flops_log10`, `size_log2`, `write_log10`
/// and `peak_log2` (null for 0) of [`Cost`](einfold_ir::Cost). A search that can be repeated has its `record`.
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

/// A count as a number, or as text where it has more digits than a number of 64 bits.
pub fn count_json(count: Count) -> Value {
    match count.exact() {
        None => count.to_string().into(),
        Some(exact) => u64::try_from(exact).map_or_else(|_| exact.to_string().into(), Value::from),
    }
}

#[cfg(test)]
mod tests;
