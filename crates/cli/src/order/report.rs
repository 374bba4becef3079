//! The report of an order.

use super::search_input::SearchInput;
use crate::args::path;
use einfold::{Count, Order, order::Budget};
use einfold_ir::visible;
use einfold_order::format::{count_json, machine_json, order_json};
use einfold_order::{Effort, FoundOrder, SavedOrder, SavedTree, SlicedAxis};
use serde_json::Value;
use std::fmt::{self, Write};

/// The maximal number of steps of a path that is printed; longer ones are in the output of `--json` only.
const SHOWN_STEPS: usize = 24;

/// An order and its search.
pub(super) struct Report<'a> {
    pub(super) input: &'a SearchInput,
    pub(super) found: &'a FoundOrder,
    pub(super) origin: &'a Order,
    pub(super) budget: &'a Budget,
    /// The duration of the search.
    pub(super) seconds: f64,
    /// Whether the search was ended early.
    pub(super) interrupted: bool,
    /// Whether the order was in the cache.
    pub(super) cached: bool,
}

impl Report<'_> {
    /// Returns the order as JSON, with everything that is needed to repeat the search. `memory_bytes` is the peak
    /// memory of intermediates and result.
    pub(super) fn json(&self) -> Value {
        let FoundOrder { tree, slices, .. } = self.found;
        let SearchInput { network, labels, .. } = self.input;
        let Budget { objective, memory_bytes, largest, .. } = *self.budget;
        let contractions = vec![SavedTree::new(network, labels, tree, slices)];
        let saved = match self.origin {
            // A saved order keeps its own objective and limits.
            Order::Saved(found) => SavedOrder { contractions, ..found.clone() },
            _ => SavedOrder { contractions, objective, memory_bytes, largest },
        };
        let mut value = order_json(&saved, self.found);
        value["seconds"] = self.seconds.into();
        value["seed"] = self.budget.seed.into();
        value["dtype"] = self.input.dtype.name().into();
        value["memory_bytes"] = count_json(self.bytes());
        value["interrupted"] = self.interrupted.into();
        value["cached"] = self.cached.into();
        if !self.budget.machine.is_default() {
            value["machine"] = machine_json(&self.budget.machine);
        }
        match self.budget.effort {
            Effort::Auto => {}
            Effort::Trials(trials) => value["trials"] = trials.into(),
            Effort::Work(work) => value["work"] = work.into(),
            Effort::Time(time) => value["time"] = time.as_secs_f64().into(),
        }
        value
    }

    /// Returns the report as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a text cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let FoundOrder { tree, cost, strategy, .. } = self.found;
        let ended = match (self.interrupted, self.cached) {
            (true, _) => ", ended early",
            (_, true) => ", from the cache",
            _ => "",
        };
        let (tensors, axes) = (tree.leaves(), self.input.network.extents().len());
        writeln!(out, "order    {strategy}, {:.3} s, seed {}{ended}", self.seconds, self.budget.seed)?;
        writeln!(out, "network  {tensors} tensors, {axes} axes")?;
        writeln!(out, "flops    {} multiply-adds{}", short(cost.flops), power(10, cost.flops.log10()))?;
        writeln!(out, "largest  {} elements in one step's result{}", short(cost.size), power(2, cost.size.log2()))?;
        writeln!(out, "written  {} elements in all{}", short(cost.write), power(10, cost.write.log10()))?;
        writeln!(out, "memory   {} bytes of {} at most at once", short(self.bytes()), self.input.dtype)?;
        self.slices(out)?;
        self.path(out)
    }

    fn slices(&self, out: &mut String) -> fmt::Result {
        let slices = &self.found.slices;
        if slices.is_empty() {
            return Ok(());
        }
        let axis = |s: &SlicedAxis| format!("{} in {}", visible(&self.input.labels[s.axis as usize]), s.parts);
        let axes: Vec<String> = slices.iter().map(axis).collect();
        let number = Count::product(slices.iter().map(|s| s.parts));
        writeln!(out, "slices   {}: {}", short(number), axes.join(", "))
    }

    fn path(&self, out: &mut String) -> fmt::Result {
        let steps = self.found.tree.steps().len();
        if steps > SHOWN_STEPS {
            return writeln!(out, "path     {steps} steps, which `--json` prints");
        }
        writeln!(out, "path     {}", path::show(&self.found.tree.linear_path()))
    }

    /// Returns the peak memory of intermediates and result.
    fn bytes(&self) -> Count {
        self.found.cost.peak * Count::from(self.input.dtype.size() as u64)
    }
}

/// Writes a small count exactly and a large one with few digits.
fn short(count: Count) -> String {
    format!("{count:.2}")
}

/// Writes the logarithm of a number; nothing for that of 0.
fn power(base: u32, log: f64) -> String {
    if log.is_finite() { format!("   {base}^{log:.2}") } else { String::new() }
}
