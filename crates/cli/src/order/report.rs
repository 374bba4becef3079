//! What is printed of an order.

use super::subject::Subject;
use crate::args::path;
use einfold::{Budget, Count, Order};
use einfold_ir::visible;
use einfold_order::format::{count_json, machine_json, ordered_json};
use einfold_order::{Effort, Ordered, SavedOrder, SavedTree, Slice};
use serde_json::Value;
use std::fmt::{self, Write};

/// Paths of more steps are left to `--json`.
const SHOWN_STEPS: usize = 24;

/// An order and how it was found.
pub(super) struct Report<'a> {
    pub(super) subject: &'a Subject,
    pub(super) ordered: &'a Ordered,
    pub(super) how: &'a Order,
    pub(super) budget: &'a Budget,
    /// How long the search took.
    pub(super) seconds: f64,
    /// Whether it was ended early.
    pub(super) interrupted: bool,
    /// Whether there was none, since the order was in the cache.
    pub(super) cached: bool,
}

impl Report<'_> {
    /// The order, and everything that is needed to search it again. Of the memory, `memory_bytes` is what intermediates and
    /// result take at most.
    pub(super) fn json(&self) -> Value {
        let Ordered { tree, slices, .. } = self.ordered;
        let Subject { network, labels, .. } = self.subject;
        let Budget { objective, memory_bytes, largest, .. } = *self.budget;
        let contractions = vec![SavedTree::new(network, labels, tree, slices)];
        let saved = match self.how {
            // It was found for what it says itself.
            Order::Saved(found) => SavedOrder { contractions, ..found.clone() },
            _ => SavedOrder { contractions, objective, memory_bytes, largest },
        };
        let mut value = ordered_json(&saved, self.ordered);
        value["seconds"] = self.seconds.into();
        value["seed"] = self.budget.seed.into();
        value["dtype"] = self.subject.dtype.name().into();
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

    /// The same for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a text cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Ordered { tree, cost, strategy, .. } = self.ordered;
        let ended = match (self.interrupted, self.cached) {
            (true, _) => ", ended early",
            (_, true) => ", from the cache",
            _ => "",
        };
        let (tensors, axes) = (tree.leaves(), self.subject.network.extents().len());
        writeln!(out, "order    {strategy}, {:.3} s, seed {}{ended}", self.seconds, self.budget.seed)?;
        writeln!(out, "network  {tensors} tensors, {axes} axes")?;
        writeln!(out, "flops    {} multiply-adds{}", short(cost.flops), power(10, cost.flops.log10()))?;
        writeln!(out, "largest  {} elements in one step's result{}", short(cost.size), power(2, cost.size.log2()))?;
        writeln!(out, "written  {} elements in all{}", short(cost.write), power(10, cost.write.log10()))?;
        writeln!(out, "memory   {} bytes of {} at most at once", short(self.bytes()), self.subject.dtype)?;
        self.slices(out)?;
        self.path(out)
    }

    fn slices(&self, out: &mut String) -> fmt::Result {
        let slices = &self.ordered.slices;
        if slices.is_empty() {
            return Ok(());
        }
        let axis = |s: &Slice| format!("{} in {}", visible(&self.subject.labels[s.axis as usize]), s.parts);
        let axes: Vec<String> = slices.iter().map(axis).collect();
        let number = Count::product(slices.iter().map(|s| s.parts));
        writeln!(out, "slices   {}: {}", short(number), axes.join(", "))
    }

    fn path(&self, out: &mut String) -> fmt::Result {
        let steps = self.ordered.tree.steps().len();
        if steps > SHOWN_STEPS {
            return writeln!(out, "path     {steps} steps, which `--json` prints");
        }
        writeln!(out, "path     {}", path::show(&self.ordered.tree.linear_path()))
    }

    /// What intermediates and result take at most at once.
    fn bytes(&self) -> Count {
        self.ordered.cost.peak * Count::from(self.subject.dtype.size() as u64)
    }
}

/// All digits of what is small, few of what is large.
fn short(count: Count) -> String {
    format!("{count:.2}")
}

/// A logarithm beside its number; nothing for that of 0.
fn power(base: u32, log: f64) -> String {
    if log.is_finite() { format!("   {base}^{log:.2}") } else { String::new() }
}
