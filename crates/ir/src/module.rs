//! The intermediate representation: what is computed, as tensors in SSA form.

mod show;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;
use smol_str::format_smolstr;

use crate::access::{Access, Axis, AxisSet, Index, Indices, Label, Shape, is_one_to_one};
use crate::algebra::Algebra;
use crate::dtype::Dtype;
use crate::error::{Violation, ensure};
use crate::expr::Expr;
use crate::id_vec::{IdVec, id};
use crate::iteration_space::IterationSpace;

/// The number of a node of an [`Ir`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct NodeId(pub u32);

id!(NodeId);

/// The number of a region of an [`Ir`]; its nodes are computed once for every position of its loop axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct RegionId(pub u32);

id!(RegionId);

impl RegionId {
    /// The region without loops.
    pub const TOP: RegionId = RegionId(0);
}

/// The name, dtype and shape of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// The name, for programs that bind operands by name and for errors.
    pub name: Option<Label>,
    /// The dtype of the elements.
    pub dtype: Dtype,
    /// The extents.
    pub shape: Shape,
    /// Whether the operand is conjugated when it is read.
    pub conj: bool,
}

impl TensorType {
    /// The name for display: `x` and the position, for an operand without a name.
    pub fn label(&self, position: usize) -> Label {
        const FIRST: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];
        let numbered = || FIRST.get(position).map_or_else(|| format_smolstr!("x{position}"), |x| Label::new_static(x));
        self.name.clone().unwrap_or_else(numbered)
    }
}

/// A node: one tensor of the module and its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name for display.
    pub label: Label,
    /// The dtype in which the tensor is stored and computed.
    pub dtype: Dtype,
    /// The extents.
    pub shape: Shape,
    /// The region of the node.
    pub region: RegionId,
    /// The definition.
    pub def: Def,
}

/// The definition of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Def {
    /// An operand of the caller.
    Input {
        /// The position among the operands.
        slot: u32,
    },
    /// The identity of ⊕ in every element: the initial value of a tensor that is accumulated.
    Identity(Algebra),
    /// The result of a contraction.
    Contraction(Arc<Contraction>),
}

impl From<Contraction> for Def {
    fn from(c: Contraction) -> Def {
        Def::Contraction(Arc::new(c))
    }
}

impl Node {
    /// The contraction, unless the node is an input or an identity.
    pub fn contraction(&self) -> Option<&Contraction> {
        match &self.def {
            Def::Contraction(c) => Some(c),
            Def::Input { .. } | Def::Identity(_) => None,
        }
    }
}

/// A product of accesses, or another pointwise expression over them, reduced over the axes that the result lacks:
/// `left[output] ⊕= factor ⊗ factor ⊗ …` for every point of `axes`.
///
/// Every element of the result starts from the identity of ⊕, or from the value of `init`. Every factor is converted to
/// the node's dtype before any arithmetic. Without factors the product is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Contraction {
    /// The iteration space.
    pub axes: Vec<Axis>,
    /// The factors of the product.
    pub factors: Vec<Access<NodeId>>,
    /// The position in the result that each point contributes to: one index function for each axis of the result.
    pub output: Indices<NodeId>,
    /// The pointwise expression that each point contributes, if it is not the product of the factors. It reads the
    /// factors in dtypes of its own and gives the dtype of the node. A factor that it does not read does not affect the
    /// value, but drops the point if one of its gather indices is dropped, as every factor does.
    pub expr: Option<Arc<Expr>>,
    /// ⊕ and ⊗.
    pub algebra: Algebra,
    /// The init: the earlier contribution to the same tensor, unless this is the first. In SSA form the init keeps its
    /// own value, except if a node in a looped region accumulates into a node outside: after the loop the outer node
    /// *is* the sum.
    pub init: Option<NodeId>,
    /// Whether no rewrite may fuse or reorder the contraction: it is a group of the text.
    pub pinned: bool,
}

/// A module of tensors in SSA form: every node reads only earlier ones.
///
/// Invariants, checked by [`Ir::push`]: axes, tensors and loops that an access names exist; positions without indirect
/// terms stay inside their tensors; index tensors have integer dtypes; a node in a region is read only there; dtypes
/// convert as [`Contraction`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Ir {
    pub(crate) nodes: IdVec<NodeId, Node, 0>,
    /// All regions; the first is the top region, without loops.
    pub(crate) regions: IdVec<RegionId, RegionLoops, 1>,
    pub(crate) inputs: SmallVec<[NodeId; 4]>,
    outputs: SmallVec<[NodeId; 4]>,
}

/// The loops of a region.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RegionLoops {
    pub(crate) axes: Vec<Axis>,
    /// Whether iterations of the first loop may run in parallel: each of them accumulates into positions of its own in
    /// nodes outside.
    pub(crate) partitions: bool,
}

impl Contraction {
    /// The axes of the iteration space that are not plain axes of the result: they are reduced (or scattered).
    pub fn reduced(&self) -> Vec<u32> {
        let axes = 0..self.axes.len() as u32;
        let mut kept = AxisSet::default();
        self.output.iter().filter_map(Index::as_axis).filter(|a| axes.contains(a)).for_each(|a| _ = kept.insert(a));
        axes.filter(|&a| !kept.has(a)).collect()
    }

    /// Calls `f` with every node whose elements the contraction reads, index tensors included.
    pub fn for_each_read(&self, f: &mut impl FnMut(NodeId)) {
        self.factors.iter().for_each(|factor| factor.for_each_tensor(&mut |id| f(*id)));
        self.output.iter().for_each(|index| index.for_each_tensor(&mut |id| f(*id)));
    }

    /// Calls `f` with every node that the contraction needs: those that it reads, and `init`.
    pub fn for_each_needed(&self, f: &mut impl FnMut(NodeId)) {
        self.for_each_read(f);
        self.init.iter().for_each(|id| f(*id));
    }

    /// A hash of the factors, output and expression: equal for equal contractions, and almost always different for
    /// others.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.init, &self.factors, &self.output, &self.expr).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether each point has a result position of its own: nothing is reduced, nothing accumulated.
    pub fn is_map(&self) -> bool {
        is_one_to_one(&self.output, &self.axes) && self.init.is_none()
    }
}

impl Default for Ir {
    fn default() -> Ir {
        Ir::new()
    }
}

impl Ir {
    /// An empty module.
    pub fn new() -> Ir {
        let mut regions = IdVec::default();
        regions.push(RegionLoops::default());
        Ir { nodes: IdVec::default(), regions, inputs: SmallVec::new(), outputs: SmallVec::new() }
    }

    /// Adds the next input.
    pub fn input(&mut self, label: impl Into<Label>, dtype: Dtype, shape: impl AsRef<[usize]>) -> NodeId {
        let def = Def::Input { slot: self.inputs.len() as u32 };
        let (label, shape) = (label.into(), Shape::from_slice(shape.as_ref()));
        let id = self.nodes.push(Node { label, dtype, shape, region: RegionId::TOP, def });
        self.inputs.push(id);
        id
    }

    /// Adds a region that runs once for every position of `axes`.
    pub fn region(&mut self, axes: Vec<Axis>) -> RegionId {
        self.regions.push(RegionLoops { axes, partitions: false })
    }

    /// Whether iterations of the first loop of a region may run in parallel.
    ///
    /// # Panics
    /// If the region does not exist.
    pub fn has_partitions(&self, region: RegionId) -> bool {
        self.regions[region].partitions
    }

    /// Adds a computed node.
    ///
    /// # Errors
    /// [`Violation`] names the first invariant of [`Ir`] that the node breaks.
    pub fn push(&mut self, node: Node) -> Result<NodeId, Violation> {
        self.check(&node).map_err(|v| Violation(format!("node %{} ({}): {}", self.nodes.len(), node.label, v.0)))?;
        Ok(self.nodes.push(node))
    }

    /// Adds a computed node that has the invariants of [`Ir`], which are checked in debug builds.
    pub fn push_valid(&mut self, node: Node) -> NodeId {
        debug_assert_eq!(self.check(&node), Ok(()), "{}", node.label);
        self.nodes.push(node)
    }

    /// Makes a node of the top region the next output.
    ///
    /// # Errors
    /// [`Violation`] if the node does not exist or is in a looped region.
    pub fn output(&mut self, id: NodeId) -> Result<(), Violation> {
        let top = self.nodes.get(id).is_some_and(|node| node.region == RegionId::TOP);
        ensure(top, || format!("output %{} is not a node of the top region", id.0))?;
        self.outputs.push(id);
        Ok(())
    }

    /// All nodes, each after those it reads.
    pub fn nodes(&self) -> &IdVec<NodeId, Node, 0> {
        &self.nodes
    }

    /// The node with this id.
    ///
    /// # Panics
    /// If the node does not exist.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The ids of all nodes, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        self.nodes.ids()
    }

    /// All contractions with their ids, in order.
    pub fn contractions(&self) -> impl Iterator<Item = (NodeId, &Contraction)> {
        self.nodes.entries().filter_map(|(id, node)| Some((id, node.contraction()?)))
    }

    /// The number of uses of each node, by outputs and by nodes that outputs need.
    pub fn uses(&self) -> IdVec<NodeId, u32> {
        let mut uses = self.per_node(0);
        self.outputs.iter().for_each(|id| uses[*id] += 1);
        for (id, node) in self.nodes.entries().rev() {
            if let (1.., Some(c)) = (uses[id], node.contraction()) {
                c.for_each_needed(&mut |id| uses[id] += 1);
            }
        }
        uses
    }

    /// A list with this value for every node.
    pub fn per_node<T: Clone>(&self, value: T) -> IdVec<NodeId, T> {
        IdVec::filled(self.nodes.len(), value)
    }

    /// The inputs, by position.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The loop axes of a region.
    ///
    /// # Panics
    /// If the region does not exist.
    pub fn loops(&self, region: RegionId) -> &[Axis] {
        &self.regions[region].axes
    }

    /// The number of regions, including the top region.
    pub fn regions(&self) -> usize {
        self.regions.len()
    }

    fn check(&self, node: &Node) -> Result<(), Violation> {
        ensure(self.regions.get(node.region).is_some(), || "no such region".into())?;
        match &node.def {
            Def::Input { .. } => Err(Violation("inputs are added by `input`".into())),
            Def::Identity(_) => Ok(()),
            Def::Contraction(c) => self.check_contraction(node, c),
        }
    }

    fn check_contraction(&self, node: &Node, c: &Contraction) -> Result<(), Violation> {
        let loops = self.loops(node.region);
        let lookup = |id: &NodeId| {
            let n = self.nodes.get(*id).filter(|n| n.region == RegionId::TOP || n.region == node.region);
            n.map(|n| (n.dtype, &n.shape[..])).ok_or_else(|| Violation(format!("%{} cannot be read here", id.0)))
        };
        let space = IterationSpace::new(&c.axes, loops, &lookup);
        space.check_indices(&c.output, &node.shape)?;
        c.factors.iter().try_for_each(|factor| space.check_access(factor))?;
        let factors: SmallVec<[Dtype; 8]> = c.factors.iter().map(|factor| self.node(factor.tensor).dtype).collect();
        check_dtypes(&factors, c.expr.as_deref(), &c.algebra, node.dtype, c.is_map())?;
        let Some(init) = c.init else { return Ok(()) };
        let (dtype, shape) = lookup(&init)?;
        let algebra = match &self.node(init).def {
            Def::Input { .. } => return Err(Violation("an input is never written".into())),
            Def::Identity(algebra) => *algebra,
            Def::Contraction(c) => c.algebra,
        };
        let same = (dtype, shape, algebra) == (node.dtype, &node.shape[..], c.algebra);
        ensure(same, || format!("%{} has another dtype, shape or algebra", init.0))
    }
}

/// Checks that factors of these dtypes, or an expression over them, can be reduced in `dtype` by an algebra that is
/// defined on it. If the contribution is a map, each point has a result position of its own.
pub(crate) fn check_dtypes(
    factors: &[Dtype],
    expr: Option<&Expr>,
    algebra: &Algebra,
    dtype: Dtype,
    map: bool,
) -> Result<(), Violation> {
    // A copy applies no operation.
    let copies = map && factors.len() == 1;
    let defined = copies || matches!(algebra, Algebra::User(_)) || algebra.accepts(dtype);
    ensure(defined, || format!("{algebra} is not defined on {dtype}"))?;
    let convert = |from: Dtype, to: Dtype, free: bool| {
        let holds = free || from == to || Dtype::promote(&[from, to]) == Some(to);
        ensure(holds, || format!("{from} does not convert to {to}"))
    };
    if let Some(expr) = expr {
        let exist = expr.reads().all(|(k, _)| k < factors.len());
        ensure(exist, || "the expression reads more factors than the contraction has".into())?;
        ensure(expr.dtype() == dtype, || format!("the expression gives {}, not {dtype}", expr.dtype()))?;
        expr.reads().try_for_each(|(k, wanted)| convert(factors[k], wanted, false))?;
    } else {
        // A copy may round.
        for &from in factors {
            let lifts = matches!(algebra, Algebra::User(u) if from == u.element && dtype == u.accumulator);
            convert(from, dtype, copies || lifts)?;
        }
    }
    ensure(map || dtype == algebra.accumulator(dtype), || format!("sums cannot be kept in {dtype}"))
}

#[cfg(test)]
mod tests {
    use super::{Contraction, Ir, Node, NodeId, RegionId};
    use crate::access::{Access, Axis, Index, OutOfRange};
    use crate::{Algebra, Dtype};

    fn node(dtype: Dtype, shape: &[usize], c: Contraction) -> Node {
        Node { label: "y".into(), dtype, shape: shape.into(), region: RegionId::TOP, def: c.into() }
    }

    fn matvec(a: NodeId, x: NodeId) -> Contraction {
        Contraction {
            axes: vec![Axis::new("i", 2), Axis::new("j", 3)],
            factors: vec![Access::plain(a, [0, 1]), Access::plain(x, [1])],
            output: [Index::axis(0)].into_iter().collect(),
            expr: None,
            algebra: Algebra::SUM_PRODUCT,
            init: None,
            pinned: false,
        }
    }

    #[test]
    fn a_result_along_axes_that_are_not_there_is_refused() {
        let mut ir = Ir::default();
        let a = ir.input("A", Dtype::F64, [2, 3]);
        let x = ir.input("x", Dtype::F64, [3]);
        let c = Contraction { output: [Index::axis(7)].into_iter().collect(), ..matvec(a, x) };
        assert!(!c.is_map());
        let refused = ir.push(node(Dtype::F64, &[2], c)).unwrap_err();
        assert_eq!(refused.0, "node %2 (y): no axis 7");
        ir.push(node(Dtype::F64, &[2], matvec(a, x))).unwrap();
        assert_eq!(ir.loops(RegionId::TOP), []);
    }

    #[test]
    fn a_matrix_vector_product_prints() {
        let mut ir = Ir::new();
        let a = ir.input("A", Dtype::F64, [2, 3]);
        let x = ir.input("x", Dtype::F32, [3]);
        let y = ir.push(node(Dtype::F64, &[2], matvec(a, x))).unwrap();
        ir.output(y).unwrap();
        let want = "%0 A = input 0  f64[2, 3]\n%1 x = input 1  f32[3]\n\
                    %2 y = (+, *) %0[i, j] . %1[j] -> [i]  f64[2]\nreturn %2\n";
        assert_eq!(ir.to_string(), want);
    }

    #[test]
    fn broken_nodes_are_refused() {
        let mut ir = Ir::new();
        let a = ir.input("A", Dtype::F64, [2, 3]);
        let x = ir.input("x", Dtype::F32, [3]);
        let refused = |n: Node| ir.clone().push(n).unwrap_err().0;
        assert!(refused(node(Dtype::F32, &[2], matvec(a, x))).contains("f64 does not convert to f32"));
        assert!(refused(node(Dtype::F64, &[1], matvec(a, x))).contains("leave 0..1"));
        assert!(refused(node(Dtype::F64, &[2], matvec(NodeId(7), x))).contains("%7 cannot be read"));
        let mut gather = matvec(a, x);
        gather.factors[0].indices[0] = Index::gather(Access::plain(x, [1]), OutOfRange::Error);
        assert!(refused(node(Dtype::F64, &[2], gather)).contains("index tensors must have an integer dtype"));
        let mut half = matvec(x, x);
        half.factors = vec![Access::plain(x, [1])];
        assert!(refused(node(Dtype::F16, &[2], half)).contains("does not convert"));
    }
}
