//! Lists with an entry for each node or buffer, reached by its id.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

/// The number of something in a list.
pub trait Id: Copy {
    /// The id of the entry at this place.
    fn at(place: usize) -> Self;

    /// The place of the entry.
    fn place(self) -> usize;
}

/// Makes a number of 32 bits an [`Id`].
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

/// A list whose entries are reached by ids of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdVec<K, T> {
    items: Vec<T>,
    key: PhantomData<K>,
}

impl<K: Id, T> IdVec<K, T> {
    /// An empty list.
    pub fn new() -> IdVec<K, T> {
        Vec::new().into()
    }

    /// An empty list with room for `count` entries.
    pub fn with_capacity(count: usize) -> IdVec<K, T> {
        Vec::with_capacity(count).into()
    }

    /// A list of `count` times `value`.
    pub fn filled(count: usize, value: T) -> IdVec<K, T>
    where
        T: Clone,
    {
        vec![value; count].into()
    }

    /// Adds an entry.
    pub fn push(&mut self, item: T) -> K {
        self.items.push(item);
        K::at(self.items.len() - 1)
    }

    /// The entry, if there is one.
    pub fn get(&self, id: K) -> Option<&T> {
        self.items.get(id.place())
    }

    /// The entry, if there is one, open to changes.
    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.items.get_mut(id.place())
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator + use<K, T> {
        (0..self.items.len()).map(K::at)
    }

    /// All entries with their ids, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (K, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(place, item)| (K::at(place), item))
    }
}

impl<K: Id, T> Default for IdVec<K, T> {
    fn default() -> IdVec<K, T> {
        IdVec::new()
    }
}

impl<K, T> From<Vec<T>> for IdVec<K, T> {
    fn from(items: Vec<T>) -> IdVec<K, T> {
        IdVec { items, key: PhantomData }
    }
}

impl<K, T> FromIterator<T> for IdVec<K, T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> IdVec<K, T> {
        Vec::from_iter(items).into()
    }
}

impl<K, T> IntoIterator for IdVec<K, T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K, T> IntoIterator for &'a IdVec<K, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<K: Id, T> Index<K> for IdVec<K, T> {
    type Output = T;

    fn index(&self, id: K) -> &T {
        &self.items[id.place()]
    }
}

impl<K: Id, T> IndexMut<K> for IdVec<K, T> {
    fn index_mut(&mut self, id: K) -> &mut T {
        &mut self.items[id.place()]
    }
}

impl<K, T> Deref for IdVec<K, T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<K, T> DerefMut for IdVec<K, T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}
