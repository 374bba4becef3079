//! Contraction order search: from a [`Network`] to a [`Tree`] and its [`Cost`].
//!
//! The order determines how many flops a contraction takes: for a chain of matrices, a bad order can take thousands of
//! times the flops of a good one. [`order`] finds an order with a [`Strategy`], by default `auto`, or applies a given
//! path. The crate depends on no text, dtype or array, so it serves any executor of pairwise contractions.
//!
//! ```
//! use einfold_ir::Network;
//! use einfold_order::{Budget, Order, order};
//! // ij,jk,kl->il
//! let (i, j, k, l) = (0, 1, 2, 3);
//! let chain = Network::new(vec![vec![i, j], vec![j, k], vec![k, l]], vec![i, l], vec![20, 10, 30, 40])?;
//! let best = order(&chain, &Order::default(), &Budget::default())?;
//! assert_eq!(best.tree.linear_path(), [[1, 2], [0, 1]]);
//! assert_eq!(best.cost.flops.exact(), Some(10 * 30 * 40 + 20 * 10 * 40));
//! let written = order(&chain, &"left-to-right".parse()?, &Budget::default())?;
//! assert_eq!(written.cost.flops.exact(), Some(20 * 10 * 30 + 20 * 30 * 40));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every strategy is deterministic on any machine; ties go to the lower ids. Each strategy has a module of its own, has
//! the same signature and is registered in [`STRATEGIES`].

mod auto;
mod budget;
pub mod cache;
pub mod cost;
mod deep;
mod dp;
mod error;
pub mod format;
mod graph;
mod greedy;
mod left_to_right;
mod objective;
mod random;
mod registry;
mod saved;
mod selections;
mod slices;
mod task;
mod watch;

use std::str::FromStr;
use std::time::Instant;

pub use einfold_ir::{Cost, Count, Network, PathError, Tree};

pub use budget::{Budget, Effort};
use deep::Limits;
pub use deep::{RecordError, ReplayRecord};
pub use error::{OrderError, OrderMismatch};
use graph::Graph;
pub use objective::Objective;
pub use registry::{STRATEGIES, Strategy, strategy};
pub use saved::{SavedOrder, SavedSlicedAxis, SavedTree};
pub use selections::{Selection, SelectionNetwork, order_with_selections};
pub use slices::{SlicedAxis, sliced_cost};
pub use task::Task;
use watch::StopCheck;
pub use watch::{Progress, Watch, search_count};

/// The origin of an order: a search, a given path or a saved order. The default is the strategy `auto`.
///
/// Parses from the name or an alias of a strategy.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A search with a strategy.
    Strategy(&'static Strategy),
    /// A path in NumPy's linear form, as in [`Tree::from_linear`].
    Linear(Vec<Vec<u32>>),
    /// A path in SSA form, as in [`Tree::from_ssa`].
    Ssa(Vec<Vec<u32>>),
    /// A repetition of the search by `deep` that the record describes.
    Replay(ReplayRecord),
    /// Saved trees and slices for all contractions of an expression; applied without a search.
    Saved(SavedOrder),
}

impl From<SavedOrder> for Order {
    fn from(saved: SavedOrder) -> Order {
        Order::Saved(saved)
    }
}

impl Order {
    /// Returns the given tree for a network of `leaves` tensors, or `None` if a search is needed to find one.
    ///
    /// # Errors
    /// [`OrderError::Path`] or [`OrderError::Mismatch`] if the path or saved order does not fit such a network.
    pub fn tree(&self, leaves: usize) -> Result<Option<Tree>, OrderError> {
        match self {
            Order::Strategy(_) | Order::Replay(_) => Ok(None),
            Order::Linear(path) => Ok(Some(Tree::from_linear(leaves, path)?)),
            Order::Ssa(path) => Ok(Some(Tree::from_ssa(leaves, path)?)),
            Order::Saved(saved) => match &saved.single()?.tree {
                tree if tree.leaves() == leaves => Ok(Some(tree.clone())),
                tree => Err(OrderMismatch::Tensors { saved: tree.leaves(), given: leaves }.into()),
            },
        }
    }
}

impl Default for Order {
    fn default() -> Order {
        Order::Strategy(&STRATEGIES[0])
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(name: &str) -> Result<Order, OrderError> {
        strategy(name).map(Order::Strategy)
    }
}

/// An order of one contraction, with its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOrder {
    /// The contraction tree; its steps are executed in the order of the tree.
    pub tree: Tree,
    /// The sliced axes, from the outermost loop to the innermost. Empty unless a memory limit requires slices.
    pub slices: Vec<SlicedAxis>,
    /// The cost of all slices together.
    pub cost: Cost,
    /// The name of the requested strategy, or `path` for a given or saved order.
    pub strategy: &'static str,
    /// The record that repeats the search, where it can be repeated: see [`Order::Replay`].
    pub record: Option<ReplayRecord>,
}

/// Orders the contraction of `network`.
///
/// # Errors
/// [`OrderError`] if the network has no tensors, if the path does not fit the network, if the network is too large or
/// too dense for an exact search, or if no slices meet the limits.
pub fn order(network: &Network, origin: &Order, budget: &Budget) -> Result<FoundOrder, OrderError> {
    order_task(&Task::new(network), origin, budget, &())
}

/// Orders the contraction of a task. `watch` observes the search and may end it.
///
/// # Errors
/// The same as for [`order`].
pub fn order_task(
    task: &Task<'_>,
    origin: &Order,
    budget: &Budget,
    watch: &dyn Watch,
) -> Result<FoundOrder, OrderError> {
    let leaves = task.network.inputs().len();
    if leaves == 0 {
        return Err(OrderError::NoTensors);
    }
    let limits = Limits::of(task, budget);
    limits.check(task)?;
    // The memory of an intermediate cannot be read from the network with the extra axis, so limits exclude it.
    let many = task.amortized_network().filter(|_| limits.are_none());
    let asked = Task { network: many.as_ref().unwrap_or(task.network), ..*task };
    let graph = Graph::of(asked.network);
    let search = SearchRequest { task: &asked, graph: &graph, budget, watch, began: Instant::now() };
    let (found, strategy) = match origin {
        Order::Strategy(strategy) => {
            watch::count_search();
            ((strategy.search)(&search)?, strategy.name)
        }
        Order::Replay(record) => {
            watch::count_search();
            (deep::replay(&search, record)?, "deep")
        }
        Order::Linear(path) => (Tree::from_linear(leaves, path)?.into(), "path"),
        Order::Ssa(path) => (Tree::from_ssa(leaves, path)?.into(), "path"),
        Order::Saved(saved) => {
            let names: Vec<String> = (0..task.network.extents().len()).map(|axis| axis.to_string()).collect();
            return saved.follow(task, &names, budget);
        }
    };
    let stop = StopCheck::new(watch);
    let found = limits.enforce(task, &graph, budget, found, &stop);
    let ordered = found.with_cost(task, many.is_none().then_some(&graph), strategy);
    if !limits.admit(&ordered.cost) {
        if stop.is_stopped() || watch.is_cancelled() {
            return Err(OrderError::Cancelled);
        }
        return Err(OrderError::TooLarge { peak: ordered.cost.peak, size: ordered.cost.size });
    }
    Ok(ordered)
}

/// The input of a strategy.
pub(crate) struct SearchRequest<'a> {
    pub(crate) task: &'a Task<'a>,
    /// The graph of the network of the task.
    pub(crate) graph: &'a Graph,
    pub(crate) budget: &'a Budget,
    pub(crate) watch: &'a dyn Watch,
    pub(crate) began: Instant,
}

/// The output of a strategy.
pub(crate) struct SearchResult {
    pub(crate) tree: Tree,
    pub(crate) slices: Vec<SlicedAxis>,
    pub(crate) record: Option<ReplayRecord>,
    /// The cost of the tree without slices and constants, if the search has computed it.
    pub(crate) cost: Option<Cost>,
}

impl SearchResult {
    /// Adds the cost and the name of the strategy. `graph` is that of the network, if it exists already.
    pub(crate) fn with_cost(self, task: &Task<'_>, graph: Option<&Graph>, strategy: &'static str) -> FoundOrder {
        let SearchResult { tree, slices, record, cost } = self;
        let known = cost.filter(|_| graph.is_some() && slices.is_empty() && task.constants.is_empty());
        let computed = || slices::sliced_cost_with_constants((task.network, graph), &tree, &slices, task.constants);
        FoundOrder { cost: known.unwrap_or_else(computed), tree, slices, strategy, record }
    }
}

impl From<Tree> for SearchResult {
    fn from(tree: Tree) -> SearchResult {
        SearchResult { tree, slices: Vec::new(), record: None, cost: None }
    }
}
