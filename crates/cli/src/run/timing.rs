//! Timed runs: `--repeat`, `--warmup`, `--json`.

use crate::args::RunArgs;
use crate::operands::LoadedOperand;
use einfold::{AnyArray, Control, Error, Plan, Scratch, TensorType};
use einfold_order::format::{count_json, machine_json};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::time::Instant;

/// The name and version of the schema of the JSON line. Keys may be added within a version.
const SCHEMA: &str = "einfold.run/1";

/// The results and the times of the runs.
pub(super) struct Timed {
    pub(super) results: Vec<AnyArray>,
    /// The seconds of each timed run.
    times: Vec<f64>,
}

/// Runs as often as requested. The first run allocates results and scratch, so that later runs only compute.
pub(super) fn run(
    plan: &Plan,
    operands: &[LoadedOperand<'_>],
    control: &Control<'_>,
    args: &RunArgs,
) -> Result<Timed, Error> {
    let mut scratch = Scratch::new();
    let mut times = Vec::new();
    let mut results: Option<Vec<AnyArray>> = None;
    for round in 0..u64::from(args.warmup) + u64::from(args.repeat.get()) {
        let start = Instant::now();
        let call = plan.call(operands).control(control).scratch(&mut scratch);
        match &mut results {
            Some(arrays) => call.into(arrays.iter_mut().collect::<Vec<_>>())?,
            None => results = Some(call.run()?),
        }
        if round >= args.warmup.into() {
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let results = results.expect("there is at least one round");
    Ok(Timed { results, times })
}

impl Timed {
    /// Returns the JSON line. Numbers too large for JSON's integers are strings.
    pub(super) fn to_json(&self, args: &RunArgs, plan: &Plan, threads: Option<NonZeroUsize>) -> Value {
        let cost = plan.cost();
        let mut value = json!({
            "schema": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "expr": plan.expression().text(),
            "operands": plan.input_types().iter().map(describe).collect::<Vec<_>>(),
            "results": plan.output_types().iter().map(describe).collect::<Vec<_>>(),
            "path": plan.path(),
            "order": plan.order().to_json(),
            "flops": count_json(cost.flops),
            "largest": count_json(cost.size),
            "bytes": count_json(plan.peak_bytes()),
            "threads": threads.map_or_else(rayon::current_num_threads, NonZeroUsize::get),
            "warmup": args.warmup,
            "repeat": args.repeat,
            "times_s": self.times,
            "median_s": median(&self.times),
            "min_s": self.times.iter().copied().fold(f64::INFINITY, f64::min),
        });
        if !plan.machine().is_default() {
            value["machine"] = machine_json(&plan.machine());
        }
        value
    }
}

fn describe(ty: &TensorType) -> Value {
    let mut value = json!({ "dtype": ty.dtype.name(), "shape": ty.shape.as_slice() });
    if let Some(name) = &ty.name {
        value["name"] = (**name).into();
    }
    value
}

/// Returns the middle value, or the mean of the two in the middle.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_needs_no_order_and_splits_an_even_number() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
    }
}
