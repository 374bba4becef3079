//! Many short lists in one allocation.

use std::ops::{Index, Range};

/// Lists of numbers in one vector: the legs of each tensor, or the tensors of each axis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListPool {
    /// The end of each list.
    ends: Vec<usize>,
    items: Vec<u32>,
}

impl ListPool {
    /// Returns an empty pool with capacity for `lists` lists and `items` numbers in total.
    pub(crate) fn with_capacity(lists: usize, items: usize) -> ListPool {
        ListPool { ends: Vec::with_capacity(lists), items: Vec::with_capacity(items) }
    }

    /// Appends a list.
    pub(crate) fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.items.extend(list);
        self.ends.push(self.items.len());
    }

    /// Appends a list in ascending order, without duplicates.
    pub(crate) fn push_sorted(&mut self, list: &[u32]) {
        let start = self.items.len();
        self.items.extend_from_slice(list);
        if !list.is_sorted_by(|a, b| a < b) {
            self.items[start..].sort_unstable();
            let mut end = start;
            for i in start..self.items.len() {
                if i == start || self.items[i] != self.items[end - 1] {
                    self.items[end] = self.items[i];
                    end += 1;
                }
            }
            self.items.truncate(end);
        }
        self.ends.push(self.items.len());
    }

    /// Returns the number of lists.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the numbers of all lists.
    pub(crate) fn items(&self) -> &[u32] {
        &self.items
    }

    /// Returns the range of a list in [`items`](ListPool::items).
    pub(crate) fn range(&self, list: usize) -> Range<usize> {
        let start = if list == 0 { 0 } else { self.ends[list - 1] };
        start..self.ends[list]
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> + Clone {
        (0..self.len()).map(|list| &self[list])
    }

    /// Removes the numbers for which `keep` returns false.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        let (mut start, mut kept) = (0, 0);
        for end in &mut self.ends {
            for i in start..*end {
                let item = self.items[i];
                self.items[kept] = item;
                kept += usize::from(keep(item));
            }
            start = std::mem::replace(end, kept);
        }
        self.items.truncate(kept);
    }

    /// Returns, for each number below `numbers`, the lists that contain it, ascending.
    pub(crate) fn transposed(&self, numbers: usize) -> ListPool {
        let mut ends = vec![0; numbers];
        self.items.iter().for_each(|&item| ends[item as usize] += 1);
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut items = vec![0; self.items.len()];
        for (list, numbers) in (0..).zip(self.iter()) {
            for &number in numbers {
                let end = &mut ends[number as usize];
                items[*end] = list;
                *end += 1;
            }
        }
        ListPool { ends, items }
    }
}

impl Index<usize> for ListPool {
    type Output = [u32];

    #[inline]
    fn index(&self, list: usize) -> &[u32] {
        &self.items[self.range(list)]
    }
}

impl<L: IntoIterator<Item = u32>> FromIterator<L> for ListPool {
    fn from_iter<T: IntoIterator<Item = L>>(lists: T) -> ListPool {
        let mut all = ListPool::default();
        lists.into_iter().for_each(|list| all.push(list));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::ListPool;

    #[test]
    fn lists_are_sorted_filtered_and_transposed() {
        let mut lists = ListPool::with_capacity(4, 9);
        for list in [&[4, 1, 4, 2][..], &[], &[0, 3], &[2, 2]] {
            lists.push_sorted(list);
        }
        assert_eq!(lists, [vec![1, 2, 4], vec![], vec![0, 3], vec![2]].into_iter().collect());
        assert_eq!(lists.transposed(6), [vec![2], vec![0], vec![0, 3], vec![2], vec![0], vec![]].into_iter().collect());
        lists.retain(|item| item % 2 == 0);
        assert_eq!(lists, [vec![2, 4], vec![], vec![0], vec![2]].into_iter().collect());
        assert_eq!((lists.len(), lists.items(), &lists[3]), (4, &[2, 4, 0, 2][..], &[2][..]));
    }
}
