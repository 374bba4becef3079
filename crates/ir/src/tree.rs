//! Contraction trees: which tensors of a network are multiplied in which steps, and at which cost.

use std::collections::HashSet;
use std::fmt;

use smallvec::SmallVec;

use crate::count::Count;

/// A contraction tree in SSA form: ids `0..leaves` are the tensors of the network, and step `k` computes id `leaves +
/// k`.
///
/// Invariants, checked by [`Tree::from_ssa`]: every id is used exactly once except the last, which is the root; a step
/// uses only earlier ids; a step has at least one child (one child: reduced alone; more than two: evaluated in one
/// nest). A tree of one leaf may have no steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    leaves: usize,
    steps: Vec<Vec<u32>>,
}

/// The reason why a path is not a contraction tree of the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Step `step` names tensor `id`, but only `live` tensors are left (linear form) or have been computed (SSA form).
    #[error("step {step} of the path names tensor {id}, but there are only {live}")]
    Unknown {
        /// The position of the step in the path.
        step: usize,
        /// The id as given.
        id: u64,
        /// The number of tensors that could be named.
        live: usize,
    },
    /// Step `step` uses tensor `id` a second time.
    #[error("step {step} of the path uses tensor {id} a second time")]
    Reused {
        /// The position of the step in the path.
        step: usize,
        /// The id as given.
        id: u64,
    },
    /// Step `step` names no tensors.
    #[error("step {step} of the path names no tensor")]
    Empty {
        /// The position of the step in the path.
        step: usize,
    },
    /// After the last step, `left` tensors are left instead of one.
    #[error("the path leaves {left} tensors instead of one")]
    Unfinished {
        /// The number of remaining tensors.
        left: usize,
    },
}

impl Tree {
    /// Builds the tree of an SSA path over `leaves` tensors.
    ///
    /// # Errors
    /// [`PathError`] if an id is unknown, used twice or left over.
    pub fn from_ssa(leaves: usize, path: &[impl AsRef<[u32]>]) -> Result<Tree, PathError> {
        let all = leaves.saturating_add(path.len());
        let named: usize = path.iter().map(|ids| ids.as_ref().len()).sum();
        // For a path that names all ids but one, the list alone suffices, without a set.
        let mut used: SmallVec<[bool; 16]> = SmallVec::from_elem(false, all.min(named + 1));
        let mut beyond = HashSet::new();
        for (step, ids) in path.iter().map(AsRef::as_ref).enumerate() {
            let live = leaves.saturating_add(step);
            if ids.is_empty() {
                return Err(PathError::Empty { step });
            }
            for &id in ids {
                if id as usize >= live {
                    return Err(PathError::Unknown { step, id: id.into(), live });
                }
                let fresh = match used.get_mut(id as usize) {
                    Some(used) => !std::mem::replace(used, true),
                    None => beyond.insert(id),
                };
                if !fresh {
                    return Err(PathError::Reused { step, id: id.into() });
                }
            }
        }
        match all - named {
            1 => Ok(Tree { leaves, steps: path.iter().map(|ids| ids.as_ref().to_vec()).collect() }),
            left => Err(PathError::Unfinished { left }),
        }
    }

    /// Builds the tree of a path in NumPy's linear form: each step names positions in the list of remaining tensors,
    /// removes them and appends its result.
    ///
    /// # Errors
    /// Those of [`Tree::from_ssa`].
    pub fn from_linear(leaves: usize, path: &[Vec<u32>]) -> Result<Tree, PathError> {
        let all = leaves.saturating_add(path.len());
        if u32::try_from(all).is_err() {
            return Err(PathError::Unfinished { left: all });
        }
        let mut live = Live::new(leaves, path.len());
        let mut taken = vec![false; all];
        let mut ssa = Vec::with_capacity(path.len());
        for (step, positions) in path.iter().enumerate() {
            let mut ids = Vec::with_capacity(positions.len());
            for &p in positions {
                let Some(id) = live.at(p as usize) else {
                    return Err(PathError::Unknown { step, id: p.into(), live: live.position(all) });
                };
                // Tensors used by earlier steps are not in the list any more.
                if std::mem::replace(&mut taken[id], true) {
                    return Err(PathError::Reused { step, id: p.into() });
                }
                ids.push(id as u32);
            }
            live.contract(&ids, leaves + step);
            ssa.push(ids);
        }
        Tree::from_ssa(leaves, &ssa)
    }

    /// The number of leaves: the tensors that the tree contracts.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// The steps: the children of id `leaves + k` are `steps()[k]`.
    pub fn steps(&self) -> &[Vec<u32>] {
        &self.steps
    }

    /// The path in NumPy's linear form.
    pub fn linear_path(&self) -> Vec<Vec<u32>> {
        let mut live = Live::new(self.leaves, self.steps.len());
        let mut path = Vec::with_capacity(self.steps.len());
        for (step, ids) in self.steps.iter().enumerate() {
            path.push(ids.iter().map(|&id| live.position(id as usize) as u32).collect());
            live.contract(ids, self.leaves + step);
        }
        path
    }
}

/// The cost of a contraction tree in steps of two tensors, independent of the dtype.
///
/// Before the first step each operand is reduced alone at no cost: repeated axes become diagonals, and axes that
/// neither another operand nor the output has are summed. A step of two tensors visits every point of the union of
/// their axes; its result keeps the axes that a remaining tensor or the output has. A step of more than two tensors
/// counts as steps of two from left to right; a step of one tensor costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Scalar multiply-adds: the points of all steps.
    pub flops: Count,
    /// The elements of the largest result of a step of two tensors, the last step included; 0 without such a step.
    pub size: Count,
    /// The elements of all step results together.
    pub write: Count,
    /// The largest number of elements of step results that are alive at once, with the steps run in the order of the
    /// tree. A result is alive from the step that computes it to the end of the step that uses it; the final one stays
    /// alive. Operands belong to the caller and do not count.
    pub peak: Count,
}

/// Writes `flops 240000, largest result 400 elements, written 1000, at most 700 at once`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { flops, size, write, peak } = self;
        write!(f, "flops {flops}, largest result {size} elements, written {write}, at most {peak} at once")
    }
}

/// The list of remaining tensors of the linear form. Steps append their results, so the list is always ascending in SSA
/// ids, and a set of ids with rank queries suffices. This is a Fenwick tree (Fenwick 1994), logarithmic in each
/// operation.
struct Live {
    /// `sums[i - 1]` is the number of ids in `i - lowbit(i)..i` that are in the list.
    sums: Vec<u32>,
}

impl Live {
    /// The list of the ids `0..leaves`, with capacity for `results` more.
    fn new(leaves: usize, results: usize) -> Live {
        let present = |end: usize| end.min(leaves);
        let sums = (1..=leaves + results).map(|i| (present(i) - present(i & (i - 1))) as u32).collect();
        Live { sums }
    }

    /// Removes the ids that a step contracts and adds its result.
    fn contract(&mut self, ids: &[u32], result: usize) {
        ids.iter().for_each(|&id| self.change(id as usize, u32::MAX));
        self.change(result, 1);
    }

    /// Adds `delta`, modulo 2^32, to the entry of `id`.
    fn change(&mut self, id: usize, delta: u32) {
        let mut i = id + 1;
        while let Some(sum) = self.sums.get_mut(i - 1) {
            *sum = sum.wrapping_add(delta);
            i += i & i.wrapping_neg();
        }
    }

    /// The number of listed ids below `id`.
    fn position(&self, id: usize) -> usize {
        let (mut i, mut below) = (id, 0);
        while i > 0 {
            below += self.sums[i - 1] as usize;
            i &= i - 1;
        }
        below
    }

    /// The id at `position` of the list.
    fn at(&self, position: usize) -> Option<usize> {
        let (mut id, mut rest) = (0, position);
        let mut stride = self.sums.len().checked_ilog2().map_or(0, |log| 1 << log);
        while stride > 0 {
            if let Some(&sum) = self.sums.get(id + stride - 1).filter(|&&sum| sum as usize <= rest) {
                id += stride;
                rest -= sum as usize;
            }
            stride /= 2;
        }
        (id < self.sums.len()).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::{PathError, Tree};

    #[test]
    fn linear_and_ssa_agree() {
        let linear = vec![vec![0, 2], vec![0, 1], vec![1, 0]];
        let tree = Tree::from_linear(4, &linear).unwrap();
        assert_eq!(tree.steps(), [vec![0, 2], vec![1, 3], vec![5, 4]]);
        assert_eq!(tree.linear_path(), linear);
        assert_eq!(Tree::from_ssa(4, &[[0, 2], [1, 3], [5, 4]]).as_ref(), Ok(&tree));
        assert_eq!(Tree::from_ssa(4, tree.steps()), Ok(tree));
    }

    #[test]
    fn long_paths_convert_as_a_plain_list_does() {
        let leaves = 300;
        let mut state = 1_u32;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % bound
        };
        let mut list: Vec<u32> = (0..leaves as u32).collect();
        let (mut linear, mut ssa) = (vec![], vec![]);
        while list.len() > 1 {
            let mut positions: Vec<usize> = (0..1 + below(4)).map(|_| below(list.len())).collect();
            positions.sort_unstable();
            positions.dedup();
            ssa.push(positions.iter().map(|&p| list[p]).collect::<Vec<_>>());
            linear.push(positions.iter().map(|&p| p as u32).collect::<Vec<_>>());
            positions.iter().rev().for_each(|&p| _ = list.remove(p));
            list.push((leaves + ssa.len() - 1) as u32);
        }
        let tree = Tree::from_linear(leaves, &linear).unwrap();
        assert_eq!(tree.steps(), ssa);
        assert_eq!(tree.linear_path(), linear);
    }

    #[test]
    fn bad_paths_are_refused() {
        assert_eq!(Tree::from_linear(2, &[vec![0, 2]]), Err(PathError::Unknown { step: 0, id: 2, live: 2 }));
        assert_eq!(Tree::from_linear(2, &[vec![0, 0]]), Err(PathError::Reused { step: 0, id: 0 }));
        assert_eq!(Tree::from_linear(3, &[vec![0, 1]]), Err(PathError::Unfinished { left: 2 }));
        assert_eq!(Tree::from_linear(1, &[vec![]]), Err(PathError::Empty { step: 0 }));
        assert_eq!(Tree::from_ssa(2, &[vec![0, 1], vec![2, 0]]), Err(PathError::Reused { step: 1, id: 0 }));
        assert_eq!(Tree::from_ssa(2, &[[0, 0]]), Err(PathError::Reused { step: 0, id: 0 }));
        assert_eq!(Tree::from_ssa(0, &[[]; 0]), Err(PathError::Unfinished { left: 0 }));
        let (most, far) = (usize::MAX, u32::MAX);
        assert_eq!(Tree::from_ssa(most, &[vec![0, far]]), Err(PathError::Unfinished { left: most - 2 }));
        assert_eq!(Tree::from_ssa(most, &[vec![far, far]]), Err(PathError::Reused { step: 0, id: far.into() }));
        assert_eq!(Tree::from_linear(most, &[vec![0, 1]]), Err(PathError::Unfinished { left: most }));
    }
}
