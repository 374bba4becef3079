//! The roles of axes in a product of two tensors.

use einfold_ir::AxisSet;
use smallvec::SmallVec;

/// A list of axes of an iteration space; up to eight are stored inline.
pub type AxisList = SmallVec<[u32; 8]>;

/// The axes of `out = lhs ⊗ rhs`, split by which tensors have them. The letters are those of matrix multiplication,
/// `C[b,m,n] = Σ_k A[b,m,k]·B[b,k,n]`. A group is in the order of the first tensor that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// In all three tensors.
    pub batch: AxisList,
    /// In `lhs` and `out`.
    pub m: AxisList,
    /// In `rhs` and `out`.
    pub n: AxisList,
    /// In `lhs` and `rhs`: contracted.
    pub k: AxisList,
    /// In `lhs` alone: summed there.
    pub lhs_only: AxisList,
    /// In `rhs` alone: summed there.
    pub rhs_only: AxisList,
    /// In `out` alone: broadcast.
    pub output_only: AxisList,
}

impl Roles {
    /// Whether every axis belongs to a matrix product: none is in only one of the three tensors.
    pub fn is_matrix(&self) -> bool {
        self.lhs_only.is_empty() && self.rhs_only.is_empty() && self.output_only.is_empty()
    }

    /// The axes of the result in their natural order: batch, rows, columns.
    pub fn kept(&self) -> impl Iterator<Item = u32> {
        self.batch.iter().chain(&self.m).chain(&self.n).copied()
    }

    /// The reduced axes, contracted ones first.
    pub fn reduced(&self) -> impl Iterator<Item = u32> {
        self.k.iter().chain(&self.lhs_only).chain(&self.rhs_only).copied()
    }
}

/// Splits the axes of two operands and a result by role. A repeated axis counts once.
pub fn classify(lhs: &[u32], rhs: &[u32], out: &[u32]) -> Roles {
    let mut roles = Roles::default();
    let [in_rhs, in_out] = [rhs, out].map(AxisSet::of);
    let mut seen = AxisSet::default();
    for &axis in lhs.iter().filter(|&&axis| seen.insert(axis)) {
        let group = match (in_rhs.has(axis), in_out.has(axis)) {
            (true, true) => &mut roles.batch,
            (false, true) => &mut roles.m,
            (true, false) => &mut roles.k,
            (false, false) => &mut roles.lhs_only,
        };
        group.push(axis);
    }
    // The remaining axes are in no earlier list.
    for &axis in rhs.iter().filter(|&&axis| seen.insert(axis)) {
        let group = if in_out.has(axis) { &mut roles.n } else { &mut roles.rhs_only };
        group.push(axis);
    }
    roles.output_only.extend(out.iter().copied().filter(|&axis| seen.insert(axis)));
    roles
}

/// The number of remaining tensors that have each axis; the result counts as one of them.
#[derive(Default)]
pub(crate) struct AxisUses(AxisList);

impl AxisUses {
    /// No tensors, over `axes` axes.
    pub(crate) fn new(axes: usize) -> AxisUses {
        AxisUses(AxisList::from_elem(0, axes))
    }

    /// Adds a tensor with these axes.
    pub(crate) fn add(&mut self, axes: &[u32]) {
        axes.iter().for_each(|&a| self.0[a as usize] += 1);
    }

    /// The number of tensors that have the axis.
    pub(crate) fn of(&self, axis: u32) -> u32 {
        self.0[axis as usize]
    }

    /// The roles of the axes in the product of the first child with the others together. The children are removed from
    /// the remaining tensors; an axis that no remaining tensor has is reduced.
    pub(crate) fn product(&mut self, children: &[&[u32]]) -> Roles {
        children.iter().copied().flatten().for_each(|&a| self.0[a as usize] -= 1);
        let first = children.first().copied().unwrap_or_default();
        let mut rest = AxisList::new();
        children.iter().skip(1).for_each(|axes| rest.extend_from_slice(axes));
        let mut kept = AxisList::from_slice(first);
        kept.extend_from_slice(&rest);
        kept.retain(|a| self.of(*a) > 0);
        classify(first, &rest, &kept)
    }
}

#[cfg(test)]
mod tests {
    use super::classify;

    #[test]
    fn every_axis_has_one_role() {
        // b: batch, i: m, j: n, k: contracted, l and r: in one operand only, f: in the result only.
        let [b, i, j, k, l, r, f] = [0, 1, 2, 3, 4, 5, 6];
        let roles = classify(&[i, k, b, l, k], &[r, k, j, b], &[j, f, i, b]);
        assert_eq!(
            (&roles.batch[..], &roles.m[..], &roles.n[..], &roles.k[..]),
            (&[b][..], &[i][..], &[j][..], &[k][..])
        );
        assert_eq!((&roles.lhs_only[..], &roles.rhs_only[..], &roles.output_only[..]), (&[l][..], &[r][..], &[f][..]));
        assert!(!roles.is_matrix());
        assert_eq!(roles.kept().collect::<Vec<_>>(), [b, i, j]);
        assert_eq!(roles.reduced().collect::<Vec<_>>(), [k, l, r]);
    }

    /// A search through the other axes for each axis would take minutes.
    #[test]
    fn many_axes() {
        const MANY: u32 = 1_500_000;
        let axes: Vec<u32> = (0..MANY).collect();
        let roles = classify(&axes, &axes, &axes);
        assert_eq!(roles.batch[..], axes);
        let (first, last) = (&axes[..MANY as usize / 2], &axes[MANY as usize / 2..]);
        let roles = classify(first, last, &axes);
        assert_eq!((&roles.m[..], &roles.n[..]), (first, last));
    }
}
