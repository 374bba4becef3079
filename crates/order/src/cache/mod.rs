//! A cache of the results of searches.

mod disk;
mod entry;
mod key;

#[cfg(test)]
mod tests;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use crate::{Budget, FoundOrder, Order, OrderError, Task, Watch, order_task};
use disk::Folder;
use entry::Entry;
use key::Key;

/// A cache of orders. The key is the input of the search: the network up to the names of its axes, the constants, the
/// seed tree, the strategy, and all of the budget but the number of threads. It may be used from several threads at
/// once.
///
/// An order found for one naming of the axes is returned for every other, although a search might break ties
/// differently. Given paths are not cached, since they need no search.
///
/// ```
/// use einfold_order::{Budget, Effort, Network, Order, Task};
/// use einfold_order::cache::Cache;
/// let chain = Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 3]], vec![0, 3], vec![20, 10, 30, 40])?;
/// let renamed = Network::new(vec![vec![3, 0], vec![0, 2], vec![2, 1]], vec![3, 1], vec![10, 40, 30, 20])?;
/// let (how, budget) = ("deep".parse()?, Budget { effort: Effort::Trials(2), ..Budget::default() });
/// let cache = Cache::in_memory(100.try_into()?);
/// let found = cache.order(&Task::new(&chain), &how, &budget, &())?;
/// assert_eq!(cache.find(&Task::new(&renamed), &how, &budget), Some(found));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cache(Store);

#[derive(Debug)]
enum Store {
    Memory(Mutex<LruCache<String, Entry>>),
    Disk(Folder),
}

impl Cache {
    /// Creates a cache of the `capacity` most recently used orders.
    pub fn in_memory(capacity: NonZeroUsize) -> Cache {
        Cache(Store::Memory(Mutex::new(LruCache::new(capacity))))
    }

    /// Creates a cache of files in `folder`, one for each order, which any number of processes may use at once. Damaged
    /// and foreign files, links, pipes, devices and files of more than 128 MiB are ignored, as are write errors; a new
    /// order replaces an ignored file, and nothing else is ever deleted.
    ///
    /// # Errors
    /// An error if the folder does not exist and cannot be created.
    pub fn on_disk(folder: impl Into<PathBuf>) -> io::Result<Cache> {
        Ok(Cache(Store::Disk(Folder::new(folder.into())?)))
    }

    /// Returns the cached order, or else the result of [`order_task`], which is then cached unless `watch` ended the
    /// search.
    ///
    /// # Errors
    /// The same as for [`order_task`].
    pub fn order(
        &self,
        task: &Task<'_>,
        origin: &Order,
        budget: &Budget,
        watch: &dyn Watch,
    ) -> Result<FoundOrder, OrderError> {
        let Some(key) = Key::of(task, origin, budget) else { return order_task(task, origin, budget, watch) };
        if let Some(found) = self.entry(&key).and_then(|entry| entry.to_order(task, &key)) {
            return Ok(found);
        }
        let found = order_task(task, origin, budget, watch)?;
        if !watch.is_cancelled() {
            self.keep(&key, Entry::new(&found, &key));
        }
        Ok(found)
    }

    /// Returns the cached order, if there is one.
    pub fn find(&self, task: &Task<'_>, origin: &Order, budget: &Budget) -> Option<FoundOrder> {
        let key = Key::of(task, origin, budget)?;
        self.entry(&key)?.to_order(task, &key)
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        match &self.0 {
            // Entries are stored whole, so that a thread that panicked leaves no partial entry.
            Store::Memory(lru) => lru.lock().unwrap_or_else(PoisonError::into_inner).get(&key.text).cloned(),
            Store::Disk(folder) => folder.read(&key.text),
        }
    }

    fn keep(&self, key: &Key, entry: Entry) {
        match &self.0 {
            Store::Memory(lru) => {
                lru.lock().unwrap_or_else(PoisonError::into_inner).put(key.text.clone(), entry);
            }
            // A cache that cannot be written costs time, not the result.
            Store::Disk(folder) => drop(folder.write(&key.text, entry)),
        }
    }
}
