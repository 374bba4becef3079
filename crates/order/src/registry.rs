//! The table of strategies.

use crate::{OrderError, SearchRequest, SearchResult, auto, deep, dp, greedy, left_to_right};

/// An algorithm that finds a contraction order.
#[derive(Debug)]
pub struct Strategy {
    /// The name.
    pub name: &'static str,
    /// Further names: those of the strategies of opt_einsum that it replaces.
    pub aliases: &'static [&'static str],
    /// A description in one line.
    pub about: &'static str,
    /// Whether it orders contractions with gathers and scatters too, see
    /// [`order_with_selections`](crate::order_with_selections).
    pub searches_selections: bool,
    /// The search function.
    pub(crate) search: fn(&SearchRequest<'_>) -> Result<SearchResult, OrderError>,
}

/// Strategies are equal if they have the same name: one may have several addresses.
impl PartialEq for Strategy {
    fn eq(&self, other: &Strategy) -> bool {
        self.name == other.name
    }
}

/// All strategies, in the order of listings.
pub const STRATEGIES: &[Strategy] = &[
    Strategy {
        name: "auto",
        aliases: &["true", "auto-hq", "random-greedy", "random-greedy-128"],
        about: "exact if the search takes no longer than it saves, otherwise the best order that is worth its search",
        searches_selections: true,
        search: auto::search,
    },
    Strategy {
        name: "deep",
        aliases: &["hyper"],
        about: "the best tree that the search finds with the given effort",
        searches_selections: true,
        search: deep::search,
    },
    Strategy {
        name: "dp",
        aliases: &["optimal", "dynamic-programming", "branch-all", "branch-2", "branch-1"],
        about: "exact: the fewest flops; outer products are included for up to 12 operands",
        searches_selections: true,
        search: dp::search,
    },
    Strategy {
        name: "greedy",
        aliases: &["eager", "opportunistic"],
        about: "each step contracts the pair that shrinks the network most; fast for any number of operands",
        searches_selections: false,
        search: greedy::search,
    },
    Strategy {
        name: "left-to-right",
        aliases: &["left", "false", "none"],
        about: "pairwise, in the order of the text",
        searches_selections: false,
        search: left_to_right::search,
    },
];

/// Returns the strategy with this name or alias.
///
/// # Errors
/// [`OrderError::UnknownStrategy`], with the names of all strategies.
pub fn strategy(name: &str) -> Result<&'static Strategy, OrderError> {
    let known = || STRATEGIES.iter().map(|strategy| strategy.name).collect();
    STRATEGIES
        .iter()
        .find(|strategy| strategy.name == name || strategy.aliases.contains(&name))
        .ok_or_else(|| OrderError::UnknownStrategy { name: name.into(), known: known() })
}
