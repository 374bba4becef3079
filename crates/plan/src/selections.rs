//! Contractions with selections, as the order search sees them: each gathered or scattered position is an axis of its
//! own.

use einfold_ir::{Access, Axis, Contraction, Dtype, DtypeKind, Index, Ir, Network, Node, NodeId, Tree};
use einfold_order::{Selection, SelectionNetwork};

use crate::error::PlanError;
use crate::network::{are_distinct_axes, axes_of, axes_of_from, network_of};

/// A contraction with an axis for each position that a gather or scatter index gives, and the selections that relate
/// them.
pub(crate) struct SelectionForm {
    /// The contraction with an additional axis for each gathered or scattered position, after its own axes.
    pub(crate) c: Contraction,
    /// The network with selections. Axes are numbered as in `c`; those of extent 1 are left out unless they stand for a
    /// gathered position.
    pub(crate) selected: SelectionNetwork,
    /// For each selection, the positions that it stands for.
    pub(crate) positions: Vec<Vec<SelectedPosition>>,
}

/// A position that a gather or scatter index gives.
pub(crate) struct SelectedPosition {
    /// The axis that stands for it.
    pub(crate) axis: u32,
    /// The axis of the selected tensor along which it lies.
    pub(crate) dim: usize,
    /// The original index function.
    pub(crate) index: Index<NodeId>,
}

impl SelectionForm {
    /// The selection form of a contraction; `None` if some axis is in no factor and no index tensor, since such a contraction is
    /// evaluated in one step.
    pub(crate) fn of(ir: &Ir, node: &Node, c: &Contraction) -> Option<SelectionForm> {
        let mut form = c.clone();
        let (mut positions, mut selections) = (Vec::new(), Vec::new());
        let Contraction { axes, factors, output, .. } = &mut form;
        let factors = (0..).zip(factors).map(|(k, f)| (Some(k), &mut f.indices, &ir.node(f.tensor).shape));
        for (of, indices, shape) in factors.chain([(None, output, &node.shape)]) {
            if indices.iter().any(Index::has_indirect) {
                let found = replace_positions(ir, axes, indices, shape);
                selections.push(selection(c, &found, of));
                positions.push(found);
            }
        }
        let selected = selected(node, c, &form, selections)?;
        Some(SelectionForm { c: form, selected, positions })
    }

    /// The same contraction without selections: gather and scatter indices stay in the factors and the result.
    pub(crate) fn without_selections(self, node: &Node, c: &Contraction) -> SelectionForm {
        let selected = SelectionNetwork {
            network: network_of(c, &node.shape),
            selections: Vec::new(),
            early: false,
            masked: false,
        };
        SelectionForm { c: c.clone(), selected, positions: Vec::new() }
    }

    /// Whether the leaves of a tree are the factors and the selections, not the factors alone.
    ///
    /// # Errors
    /// [`PlanError::Leaves`] and [`PlanError::Selections`] if the tree does not belong to the contraction, which is that
    /// of `node`.
    pub(crate) fn selects(&self, node: NodeId, tree: &Tree) -> Result<bool, PlanError> {
        match tree.leaves() {
            leaves if leaves == self.leaves() && !self.selected.accepts(tree) => Err(PlanError::Selections { node }),
            leaves if leaves == self.leaves() => Ok(true),
            leaves if leaves == self.factors() => Ok(false),
            leaves => Err(PlanError::Leaves { node, leaves, factors: self.leaves() }),
        }
    }

    /// The number of factors; selections are numbered from here on.
    pub(crate) fn factors(&self) -> usize {
        self.c.factors.len()
    }

    /// The number of leaves of a tree with selections.
    pub(crate) fn leaves(&self) -> usize {
        self.factors() + self.selected.selections.len()
    }

    /// Whether a factor or a selection has the axis.
    pub(crate) fn sees(&self, axis: u32) -> bool {
        let selections = &self.selected.selections;
        let factor = |factor: &Access<NodeId>| self.axes_of(factor).contains(&axis);
        let selects = |s: &Selection| s.by.contains(&axis) || s.determined.contains(&axis);
        self.c.factors.iter().any(factor) || selections.iter().any(selects)
    }

    /// The axes of each selection.
    pub(crate) fn selection_axes(&self) -> impl Iterator<Item = Vec<u32>> {
        self.selected.selections.iter().map(|Selection { by, determined, .. }| [&by[..], determined].concat())
    }

    /// The axes of each leaf of a tree with selections.
    pub(crate) fn leaf_axes(&self) -> Vec<Vec<u32>> {
        self.selected.network.inputs().iter().cloned().chain(self.selection_axes()).collect()
    }

    /// The axes of an access of the contraction `c` that the order search sees.
    pub(crate) fn axes_of(&self, access: &Access<NodeId>) -> Vec<u32> {
        axes_of_from(&access.indices, &self.c.axes, self.first()).into_vec()
    }

    /// The first axis that stands for a gathered or scattered position.
    fn first(&self) -> usize {
        let all = self.positions.iter().map(Vec::len).sum::<usize>();
        self.c.axes.len() - all
    }
}

/// Replaces each gathered or scattered position by an axis.
fn replace_positions(
    ir: &Ir,
    axes: &mut Vec<Axis>,
    indices: &mut [Index<NodeId>],
    shape: &[usize],
) -> Vec<SelectedPosition> {
    let mut found = Vec::new();
    for (dim, index) in indices.iter_mut().enumerate() {
        let Some(term) = index.indirect().first() else { continue };
        let axis = axes.len() as u32;
        axes.push(Axis::new(ir.node(term.access.tensor).label.clone(), shape[dim]));
        let index = std::mem::replace(index, Index::axis(axis));
        found.push(SelectedPosition { axis, dim, index });
    }
    found
}

fn selection(c: &Contraction, positions: &[SelectedPosition], of: Option<u32>) -> Selection {
    let indices: Vec<Index<NodeId>> = positions.iter().map(|p| p.index.clone()).collect();
    let determined = positions.iter().map(|p| p.axis).collect();
    Selection { by: axes_of(&indices, &c.axes).into_vec(), determined, of }
}

fn selected(node: &Node, c: &Contraction, form: &Contraction, selections: Vec<Selection>) -> Option<SelectionNetwork> {
    let axes = &form.axes;
    let of = |indices: &[Index<NodeId>]| axes_of_from(indices, axes, c.axes.len()).into_vec();
    let mut inputs: Vec<Vec<u32>> = form.factors.iter().map(|factor| of(&factor.indices)).collect();
    let output = of(&form.output);
    let by_indirect = selections.iter().flat_map(|s| s.by.iter().chain(&s.determined));
    let mut uses = vec![0u32; axes.len()];
    inputs.iter().flatten().chain(by_indirect).for_each(|&a| uses[a as usize] += 1);
    let unseen = |(axis, uses): (&Axis, &u32)| axis.extent != 1 && *uses == 0;
    if axes.iter().zip(&uses).any(unseen) {
        return None;
    }
    output.iter().for_each(|&a| uses[a as usize] += 1);
    for (k, input) in inputs.iter_mut().enumerate() {
        let selection = selections.iter().find(|s| s.of == Some(k as u32));
        if selection.is_none_or(|s| is_smaller(axes, s)) {
            input.retain(|&a| uses[a as usize] > 1);
        }
    }
    let extents = axes.iter().map(|a| a.extent as u64).collect();
    let network = Network::new(inputs, output, extents).ok()?;
    let (early, masked) = early(node, form);
    Some(SelectionNetwork { network, selections, early, masked })
}

/// Whether the selected tensor has no more positions than are read from it, so that its own sums can be taken before
/// the gather.
fn is_smaller(axes: &[Axis], selection: &Selection) -> bool {
    let points = |list: &[u32]| list.iter().fold(1usize, |n, &a| n.saturating_mul(axes[a as usize].extent));
    points(&selection.determined) <= points(&selection.by)
}

/// Whether the result may be scattered into before the last product, and whether positions that no scatter index names
/// must be set to the identity afterwards. The identity absorbs integers, but not infinite and NaN factors.
fn early(node: &Node, form: &Contraction) -> (bool, bool) {
    let plain = are_distinct_axes(&form.output);
    let laws = form.algebra.laws(node.dtype);
    match node.dtype.kind() {
        DtypeKind::Float | DtypeKind::Complex => (plain && identity(form, node.dtype).is_some(), true),
        _ => (plain && laws.absorbing, false),
    }
}

/// The identity of ⊕ as a number that an expression can contain.
pub(crate) fn identity(c: &Contraction, dtype: Dtype) -> Option<f64> {
    use einfold_ir::{Algebra, BinaryOp};
    let Algebra::Builtin { add, .. } = c.algebra else { return None };
    match (add, dtype.kind()) {
        (BinaryOp::Add, DtypeKind::Float | DtypeKind::Complex) => Some(0.0),
        (BinaryOp::Max | BinaryOp::LogAddExp, DtypeKind::Float) => Some(f64::NEG_INFINITY),
        (BinaryOp::Min, DtypeKind::Float) => Some(f64::INFINITY),
        _ => None,
    }
}
