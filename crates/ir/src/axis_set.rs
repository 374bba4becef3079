//! Sets of axes.

use smallvec::SmallVec;

/// A set of axes of one iteration space; up to 128 axes are stored inline.
#[derive(Clone, Debug, Default)]
pub struct AxisSet(SmallVec<[u64; 2]>);

impl AxisSet {
    /// The set of these axes.
    pub fn of<'a>(axes: impl IntoIterator<Item = &'a u32>) -> AxisSet {
        let mut set = AxisSet::default();
        axes.into_iter().for_each(|&axis| _ = set.insert(axis));
        set
    }

    /// Whether the axis is in the set.
    pub fn has(&self, axis: u32) -> bool {
        self.0.get(axis as usize / 64).is_some_and(|word| word >> (axis % 64) & 1 == 1)
    }

    /// Adds an axis. Returns whether it was not in the set.
    pub fn insert(&mut self, axis: u32) -> bool {
        let fresh = !self.has(axis);
        let word = axis as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (axis % 64);
        fresh
    }
}
