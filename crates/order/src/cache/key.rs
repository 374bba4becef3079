//! The input of a search as a cache key.

use std::fmt::Write;

use crate::format::machine_json;
use crate::{Budget, Effort, Network, Order, Task};

/// The input of a search, up to the names of its axes.
pub(super) struct Key {
    /// Everything that the result depends on.
    pub(super) text: String,
    /// The axes of the network by their numbers in the text: in order of first use by a tensor.
    pub(super) axes: Vec<u32>,
}

impl Key {
    /// Returns the key of a search; `None` if nothing is searched.
    pub(super) fn of(task: &Task<'_>, origin: &Order, budget: &Budget) -> Option<Key> {
        // All fields are listed, so that a new one cannot be forgotten.
        let Task { network, constants, element_bytes, start } = *task;
        let Budget { effort, objective, memory_bytes, largest, threads: _, seed, machine } = *budget;
        let mut text = String::new();
        let origin = match origin {
            Order::Strategy(strategy) => strategy.name.to_owned(),
            Order::Replay(record) => format!("replay {record}"),
            Order::Linear(_) | Order::Ssa(_) | Order::Saved(_) => return None,
        };
        let effort = match effort {
            Effort::Auto => "auto".to_owned(),
            Effort::Trials(trials) => format!("{trials} trials"),
            Effort::Work(work) => format!("{work} units of work"),
            Effort::Time(time) => format!("{} ns", time.as_nanos()),
        };
        let limit = |limit: Option<u64>| limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
        line(&mut text, "search", &[origin, effort, format!("seed {seed}")]);
        let limits = [limit(memory_bytes), element_bytes.to_string(), limit(largest)];
        line(&mut text, "for", &[&[objective.to_string()], &limits[..]].concat());
        line(&mut text, "machine", &[machine_json(&machine)]);
        let mut constants = constants.to_vec();
        constants.sort_unstable();
        constants.dedup();
        line(&mut text, "constants", &constants);
        if let Some(start) = start {
            start.steps().iter().for_each(|step| line(&mut text, "start", step));
        }
        let axes = write_network(&mut text, network);
        Some(Key { text, axes })
    }
}

/// Writes the network and returns its axes in the order of their new numbers.
fn write_network(text: &mut String, network: &Network) -> Vec<u32> {
    let mut axes: Vec<u32> = Vec::new();
    let mut numbers = vec![None; network.extents().len()];
    let mut number = |axis: u32| {
        *numbers[axis as usize].get_or_insert_with(|| {
            axes.push(axis);
            axes.len() - 1
        })
    };
    for legs in network.inputs() {
        line(text, "tensor", &legs.iter().map(|&axis| number(axis)).collect::<Vec<_>>());
    }
    let mut kept: Vec<usize> = network.output().iter().map(|&axis| number(axis)).collect();
    kept.sort_unstable();
    line(text, "output", &kept);
    if let Some(elements) = network.result() {
        line(text, "result", &[elements]);
    }
    line(text, "extents", &axes.iter().map(|&axis| network.extents()[axis as usize]).collect::<Vec<_>>());
    axes
}

fn line(text: &mut String, name: &str, items: &[impl std::fmt::Display]) {
    text.push_str(name);
    for (i, item) in items.iter().enumerate() {
        let _ = write!(text, "{}{item}", if i == 0 { ' ' } else { ',' });
    }
    text.push('\n');
}
