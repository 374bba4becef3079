//! Typed lists: lists that are indexed by the numbers of nodes, buffers or regions.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

use smallvec::SmallVec;

/// A number that identifies an entry of a list.
pub trait Id: Copy {
    /// The number of the entry at this position.
    fn at(place: usize) -> Self;

    /// The position of the entry.
    fn place(self) -> usize;
}

/// Makes a newtype of `u32` an [`Id`].
macro_rules! id {
    ($id:ident) => {
        impl $crate::id_vec::Id for $id {
            fn at(place: usize) -> $id {
                $id(place as u32)
            }

            fn place(self) -> usize {
                self.0 as usize
            }
        }
    };
}

pub(crate) use id;

/// A list that is indexed by ids of one kind; up to `N` entries are stored inline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdVec<K, T, const N: usize = 8> {
    items: SmallVec<[T; N]>,
    key: PhantomData<K>,
}

impl<K: Id, T, const N: usize> IdVec<K, T, N> {
    /// An empty list with capacity for `count` entries.
    pub fn with_capacity(count: usize) -> IdVec<K, T, N> {
        IdVec { items: SmallVec::with_capacity(count), key: PhantomData }
    }

    /// A list of `count` times `value`.
    pub fn filled(count: usize, value: T) -> IdVec<K, T, N>
    where
        T: Clone,
    {
        IdVec { items: SmallVec::from_elem(value, count), key: PhantomData }
    }

    /// Adds an entry.
    pub fn push(&mut self, item: T) -> K {
        if self.items.len() == self.items.capacity() {
            // At least four, as a `Vec` does.
            self.items.reserve(4);
        }
        self.items.push(item);
        K::at(self.items.len() - 1)
    }

    /// The entry with this id, or `None` if the list is shorter.
    pub fn get(&self, id: K) -> Option<&T> {
        self.items.get(id.place())
    }

    /// The entry with this id, mutable, or `None` if the list is shorter.
    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.items.get_mut(id.place())
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator + use<K, T, N> {
        (0..self.items.len()).map(K::at)
    }

    /// All entries with their ids, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (K, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(place, item)| (K::at(place), item))
    }
}

impl<K, T, const N: usize> Default for IdVec<K, T, N> {
    fn default() -> IdVec<K, T, N> {
        IdVec { items: SmallVec::new(), key: PhantomData }
    }
}

impl<K, T, const N: usize> FromIterator<T> for IdVec<K, T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> IdVec<K, T, N> {
        IdVec { items: SmallVec::from_iter(items), key: PhantomData }
    }
}

impl<K, T, const N: usize> IntoIterator for IdVec<K, T, N> {
    type Item = T;
    type IntoIter = smallvec::IntoIter<[T; N]>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K, T, const N: usize> IntoIterator for &'a IdVec<K, T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<K: Id, T, const N: usize> Index<K> for IdVec<K, T, N> {
    type Output = T;

    fn index(&self, id: K) -> &T {
        &self.items[id.place()]
    }
}

impl<K: Id, T, const N: usize> IndexMut<K> for IdVec<K, T, N> {
    fn index_mut(&mut self, id: K) -> &mut T {
        &mut self.items[id.place()]
    }
}

impl<K, T, const N: usize> Deref for IdVec<K, T, N> {
    type Target = SmallVec<[T; N]>;

    fn deref(&self) -> &SmallVec<[T; N]> {
        &self.items
    }
}

impl<K, T, const N: usize> DerefMut for IdVec<K, T, N> {
    fn deref_mut(&mut self) -> &mut SmallVec<[T; N]> {
        &mut self.items
    }
}
