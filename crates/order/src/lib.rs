//! Contraction orders: a [`Network`] in, a [`Tree`] and its [`Cost`] out.
//!
//! An order decides how much there is to compute: for a chain of matrices, a bad one can take thousands of times the flops
//! of a good one. [`order`] finds one with a [`Strategy`], by default `auto`, or takes a path that is given. Nothing here
//! knows of text, dtypes or arrays, so the crate serves any executor of pairwise contractions.
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
//! Every strategy is deterministic, on any machine; ties go to the lower ids. Each sits in a file of its own, has the same
//! signature and is registered in [`STRATEGIES`].

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
pub use error::OrderError;
pub use objective::Objective;
pub use registry::{STRATEGIES, Strategy, search_count, strategy};
pub use saved::{OrderMismatch, SavedOrder, SavedSlicedAxis, SavedTree};
pub use selections::{Selection, SelectionNetwork, order_with_selections};
pub use slices::{SlicedAxis, sliced_cost};
pub use task::Task;
use watch::StopCheck;
pub use watch::{Progress, Watch};

/// Where an order comes from. The default is the strategy `auto`.
///
/// Parses from the name or an alias of a strategy.
#[derive(Clone, Debug)]
pub enum Order {
    /// A search.
    Strategy(&'static Strategy),
    /// A path in NumPy's linear form, as for [`Tree::from_linear`].
    Linear(Vec<Vec<u32>>),
    /// A path in SSA form, as for [`Tree::from_ssa`].
    Ssa(Vec<Vec<u32>>),
    /// The search by `deep` that the record tells of, once more.
    Replay(ReplayRecord),
    /// Trees and slices that were found before, for all contractions of an expression; nothing is searched.
    Saved(SavedOrder),
}

impl From<SavedOrder> for Order {
    fn from(saved: SavedOrder) -> Order {
        Order::Saved(saved)
    }
}

impl Order {
    /// The tree that it has for a network of so many tensors; none where one is to be searched.
    ///
    /// # Errors
    /// [`OrderError::Path`] and [`OrderError::Mismatch`] if it is not one of such a network.
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

/// An order that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOrder {
    /// The tree, whose steps run in its own order.
    pub tree: Tree,
    /// The axes that are sliced to keep to a memory limit, from the outermost loop to the innermost; mostly none.
    pub slices: Vec<SlicedAxis>,
    /// What it costs, all slices together.
    pub cost: Cost,
    /// The name of the strategy that was asked for, or `path`.
    pub strategy: &'static str,
    /// How the search went, where it can be repeated: see [`Order::Replay`].
    pub record: Option<ReplayRecord>,
}

/// Orders the contraction of `network`.
///
/// # Errors
/// [`OrderError`]: a network without tensors, a path that is not one of the network, or more operands than an exact search
/// takes, or limits that no slices keep to.
pub fn order(network: &Network, origin: &Order, budget: &Budget) -> Result<FoundOrder, OrderError> {
    order_task(&Task::new(network), origin, budget, &())
}

/// Orders the contraction of a task while `watch` looks on.
///
/// # Errors
/// As for [`order`].
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
    // What an intermediate takes would not be told from that network.
    let many = task.amortized_network().filter(|_| limits.are_none());
    let asked = Task { network: many.as_ref().unwrap_or(task.network), ..*task };
    let search = SearchRequest { task: &asked, budget, watch, began: Instant::now() };
    let (found, strategy) = match origin {
        Order::Strategy(strategy) => {
            registry::count_search();
            ((strategy.search)(&search)?, strategy.name)
        }
        Order::Replay(record) => {
            registry::count_search();
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
    let ordered = limits.enforce(task, budget, found, &stop).with_cost(task, strategy);
    if !limits.admit(&ordered.cost) {
        if stop.is_stopped() || watch.is_cancelled() {
            return Err(OrderError::Cancelled);
        }
        return Err(OrderError::TooLarge { peak: ordered.cost.peak, size: ordered.cost.size });
    }
    Ok(ordered)
}

/// What a strategy is asked.
pub(crate) struct SearchRequest<'a> {
    pub(crate) task: &'a Task<'a>,
    pub(crate) budget: &'a Budget,
    pub(crate) watch: &'a dyn Watch,
    pub(crate) began: Instant,
}

/// What a strategy answers.
pub(crate) struct SearchResult {
    pub(crate) tree: Tree,
    pub(crate) slices: Vec<SlicedAxis>,
    pub(crate) record: Option<ReplayRecord>,
}

impl SearchResult {
    /// With what it costs.
    pub(crate) fn with_cost(self, task: &Task<'_>, strategy: &'static str) -> FoundOrder {
        let SearchResult { tree, slices, record } = self;
        FoundOrder {
            cost: slices::sliced_cost_with_constants(task.network, &tree, &slices, task.constants),
            tree,
            slices,
            strategy,
            record,
        }
    }
}

impl From<Tree> for SearchResult {
    fn from(tree: Tree) -> SearchResult {
        SearchResult { tree, slices: Vec::new(), record: None }
    }
}
