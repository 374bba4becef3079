//! Lists that are created and dropped in one vector.

use std::ops::{Index, Range};

/// Lists that are created one after another, numbered from 0, and dropped in any order.
#[derive(Debug)]
pub(super) struct Arena<T> {
    items: Vec<T>,
    /// The range of each list, ascending.
    ranges: Vec<Range<usize>>,
    /// The start of the open list.
    open: usize,
    /// The number of items of closed lists that are in use.
    used: usize,
}

/// The number of unused items, beyond the number of used ones, above which the vector is compacted.
const SLACK: usize = 1 << 16;

impl<T: Copy> Arena<T> {
    /// Returns an empty arena with capacity for `lists` lists and `items` items in total.
    pub(super) fn with_capacity(lists: usize, items: usize) -> Arena<T> {
        Arena { items: Vec::with_capacity(items), ranges: Vec::with_capacity(lists), open: 0, used: 0 }
    }

    /// Drops all lists and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.ranges.clear();
        (self.open, self.used) = (0, 0);
    }

    /// Appends to the open list.
    #[inline]
    pub(super) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Appends to the open list.
    pub(super) fn extend(&mut self, items: &[T]) {
        self.items.extend_from_slice(items);
    }

    /// Closes the open list.
    pub(super) fn close(&mut self) {
        self.used += self.items.len() - self.open;
        self.ranges.push(self.open..self.items.len());
        if self.items.len() > 2 * self.used + SLACK {
            self.compact();
        }
        self.open = self.items.len();
    }

    /// Returns the range of a list: its items are `self[i]` until the next list is closed.
    pub(super) fn range(&self, list: usize) -> Range<usize> {
        self.ranges[list].clone()
    }

    pub(super) fn list(&self, list: usize) -> &[T] {
        &self.items[self.range(list)]
    }

    /// Removes the items of a list for which `keep` returns false.
    pub(super) fn retain(&mut self, list: usize, mut keep: impl FnMut(&T) -> bool) {
        let range = self.range(list);
        let mut end = range.start;
        for i in range.clone() {
            let item = self.items[i];
            self.items[end] = item;
            end += usize::from(keep(&item));
        }
        self.ranges[list].end = end;
        self.used -= range.end - end;
    }

    /// Empties a list.
    pub(super) fn drop(&mut self, list: usize) {
        let range = &mut self.ranges[list];
        self.used -= range.len();
        range.end = range.start;
    }

    fn compact(&mut self) {
        let mut end = 0;
        for range in &mut self.ranges {
            let length = range.len();
            self.items.copy_within(range.clone(), end);
            *range = end..end + length;
            end += length;
        }
        self.items.truncate(end);
    }
}

impl<T: Copy> Index<usize> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, item: usize) -> &T {
        &self.items[item]
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, SLACK};

    #[test]
    fn lists_survive_the_dropping_of_others() {
        let mut arena = Arena::with_capacity(0, 0);
        for _ in 0..2 {
            arena.clear();
            for list in 0..100_000_u32 {
                (0..list % 7).for_each(|k| arena.push(list + k));
                arena.close();
                if list % 10 != 6 {
                    arena.drop(list as usize);
                } else {
                    arena.retain(list as usize, |item| item % 2 == 0);
                }
            }
            assert!(arena.items.len() <= 2 * arena.used + SLACK);
            for list in 0..100_000_u32 {
                let expected: Vec<u32> = match list % 10 {
                    6 => (list..list + list % 7).filter(|item| item % 2 == 0).collect(),
                    _ => Vec::new(),
                };
                assert_eq!(arena.list(list as usize), expected);
            }
        }
    }
}
