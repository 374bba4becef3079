//! Typed lists: lists that are indexed by the numbers of nodes, buffers or regions.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

use smallvec::SmallVec;

/// The number of a node, a buffer or a region: it identifies an entry of a typed list.
pub trait Id: Copy {
    /// The id with this number.
    fn from_number(number: usize) -> Self;

    /// The number, from 0 in the order of the list.
    fn number(self) -> usize;
}

/// Makes a newtype of `u32` an [`Id`].
macro_rules! id {
    ($id:ident) => {
        impl $crate::id_vec::Id for $id {
            fn from_number(number: usize) -> $id {
                $id(number as u32)
            }

            fn number(self) -> usize {
                self.0 as usize
            }
        }
    };
}

pub(crate) use id;

/// A typed list: its entries of type `T` are indexed by ids of type `K`. Up to `N` entries are stored inline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdVec<K, T, const N: usize = 8> {
    entries: SmallVec<[T; N]>,
    id: PhantomData<K>,
}

impl<K: Id, T, const N: usize> IdVec<K, T, N> {
    /// An empty list with capacity for `count` entries.
    pub fn with_capacity(count: usize) -> IdVec<K, T, N> {
        IdVec { entries: SmallVec::with_capacity(count), id: PhantomData }
    }

    /// A list of `count` entries that all are `value`.
    pub fn filled(count: usize, value: T) -> IdVec<K, T, N>
    where
        T: Clone,
    {
        IdVec { entries: SmallVec::from_elem(value, count), id: PhantomData }
    }

    /// Adds an entry at the end. Returns its id.
    #[inline]
    pub fn push(&mut self, entry: T) -> K {
        if self.entries.len() == self.entries.capacity() {
            // Room for at least four more, as in a `Vec`; a `SmallVec` without inline entries begins with one.
            self.entries.reserve(4);
        }
        self.entries.push(entry);
        K::from_number(self.entries.len() - 1)
    }

    /// The entry with this id, or `None` if the list has none.
    pub fn get(&self, id: K) -> Option<&T> {
        self.entries.get(id.number())
    }

    /// The entry with this id, mutable, or `None` if the list has none.
    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.entries.get_mut(id.number())
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator + use<K, T, N> {
        (0..self.entries.len()).map(K::from_number)
    }

    /// All entries with their ids, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (K, &T)> + ExactSizeIterator {
        self.entries.iter().enumerate().map(|(number, entry)| (K::from_number(number), entry))
    }
}

impl<K, T, const N: usize> Default for IdVec<K, T, N> {
    fn default() -> IdVec<K, T, N> {
        IdVec { entries: SmallVec::new(), id: PhantomData }
    }
}

impl<K, T, const N: usize> FromIterator<T> for IdVec<K, T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> IdVec<K, T, N> {
        IdVec { entries: SmallVec::from_iter(entries), id: PhantomData }
    }
}

impl<K, T, const N: usize> IntoIterator for IdVec<K, T, N> {
    type Item = T;
    type IntoIter = smallvec::IntoIter<[T; N]>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Id, T, const N: usize> Index<K> for IdVec<K, T, N> {
    type Output = T;

    #[inline]
    fn index(&self, id: K) -> &T {
        &self.entries[id.number()]
    }
}

impl<K: Id, T, const N: usize> IndexMut<K> for IdVec<K, T, N> {
    fn index_mut(&mut self, id: K) -> &mut T {
        &mut self.entries[id.number()]
    }
}

impl<K, T, const N: usize> Deref for IdVec<K, T, N> {
    type Target = SmallVec<[T; N]>;

    fn deref(&self) -> &SmallVec<[T; N]> {
        &self.entries
    }
}

impl<K, T, const N: usize> DerefMut for IdVec<K, T, N> {
    fn deref_mut(&mut self) -> &mut SmallVec<[T; N]> {
        &mut self.entries
    }
}
