//! `einfold order`: searches a contraction order.

mod progress;
mod report;
mod search_input;

use crate::args::OrderArgs;
use crate::error::Failure;
use crate::interrupt;
use crate::output::{WriteTarget, print, print_json};
use crate::reserve_memory;
use crate::signal::Signal;
use einfold::{Order, order::Budget};
use einfold_order::cache::Cache;
use einfold_order::{Effort, FoundOrder, Objective, OrderError, Task, format, order_task, strategy};
use progress::ProgressWatch;
use report::Report;
use search_input::SearchInput;
use std::path::PathBuf;
use std::time::Instant;

/// Reads the network, searches and prints the order. Ctrl-C ends the search, not the verb.
pub(crate) fn order(args: &OrderArgs) -> Result<(), Failure> {
    if [&args.svg, &args.dot].into_iter().flatten().any(|path| path.as_os_str() == "-") {
        let what = "`--svg` and `--dot` name files; the report goes to standard output";
        return Err(Failure::Usage { verb: "order", what });
    }
    let [svg, dot] = [&args.svg, &args.dot].map(|path| path.as_deref().map(WriteTarget::file).transpose());
    let (svg, dot) = (svg?, dot?);
    let input = SearchInput::read(args)?;
    let machine = args.machine()?;
    let budget = Budget {
        effort: effort(args),
        objective: Objective::parse_on(&args.objective, &machine)?,
        memory_bytes: args.memory,
        largest: args.largest,
        threads: Some(reserve_memory::threads(args.threads, 0)),
        seed: args.seed,
        machine,
    };
    let origin = origin(args)?;
    let began = Instant::now();
    let Answer { found, interrupted, cached } = search(&input, &origin, &budget, args)?;
    let seconds = began.elapsed().as_secs_f64();
    let SearchInput { network, labels, .. } = &input;
    if let Some(target) = svg {
        target.write_text(&format::svg(network, &found, labels))?;
    }
    if let Some(target) = dot {
        target.write_text(&format::dot(network, &found, labels))?;
    }
    let (input, found) = (&input, &found);
    let report = Report { input, found, origin: &origin, budget: &budget, seconds, interrupted, cached };
    if args.json { print_json(&report.json()) } else { print(&report.text()) }
}

/// An order and its origin.
struct Answer {
    found: FoundOrder,
    /// Whether Ctrl-C ended the search.
    interrupted: bool,
    /// Whether the order was in the cache.
    cached: bool,
}

fn effort(args: &OrderArgs) -> Effort {
    match (args.time, args.trials) {
        (Some(time), _) => Effort::Time(time),
        (None, Some(trials)) => Effort::Trials(trials),
        (None, None) => Effort::Auto,
    }
}

/// Returns the strategy, the path or the record. The default with an effort or a start is the strategy that uses them.
fn origin(args: &OrderArgs) -> Result<Order, Failure> {
    let searches = args.time.is_some() || args.trials.is_some() || args.start.is_some();
    match (&args.path, &args.replay, &args.order) {
        (Some(path), ..) => path.read(),
        (None, Some(record), _) => Ok(Order::Replay(record.clone())),
        (None, None, Some(order)) => Ok(order.clone()),
        (None, None, None) if searches => Ok(Order::Strategy(strategy("deep")?)),
        (None, None, None) => Ok(Order::default()),
    }
}

/// Searches, unless the cache has the order.
fn search(input: &SearchInput, origin: &Order, budget: &Budget, args: &OrderArgs) -> Result<Answer, Failure> {
    let start = match &args.start {
        Some(path) => path.read()?.tree(input.network.inputs().len())?,
        None => None,
    };
    let element_bytes = input.dtype.size() as u64;
    let constants = &args.constants;
    if constants.iter().any(|&constant| constant as usize >= input.network.inputs().len()) {
        return Err(Failure::Usage { verb: "order", what: "`--constants` names an operand that does not exist" });
    }
    let task = Task { network: &input.network, constants, element_bytes, start: start.as_ref() };
    if let Order::Saved(saved) = origin {
        let found = saved.follow(&task, &input.labels, budget)?;
        return Ok(Answer { found, interrupted: false, cached: false });
    }
    let open =
        |folder: &PathBuf| Cache::on_disk(folder).map_err(|error| Failure::Folder { folder: folder.clone(), error });
    let cache = args.cache.as_ref().map(open).transpose()?;
    if let Some(found) = cache.as_ref().and_then(|cache| cache.find(&task, origin, budget)) {
        return Ok(Answer { found, interrupted: false, cached: true });
    }
    let (found, interrupted) = interrupt::until_interrupted(|stop| {
        let watch = ProgressWatch::new(stop, args.time);
        match &cache {
            Some(cache) => cache.order(&task, origin, budget, &watch),
            None => order_task(&task, origin, budget, &watch),
        }
    })?;
    match found {
        Err(OrderError::Cancelled) => Err(Failure::Interrupted(Signal::INTERRUPT)),
        found => Ok(Answer { found: found?, interrupted, cached: false }),
    }
}
