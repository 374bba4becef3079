//! `einfold order`: searches a contraction order.

mod progress;
mod report;
mod subject;

use crate::args::OrderArgs;
use crate::error::Failure;
use crate::interrupt::{self, Signal};
use crate::output::{Target, print, print_json};
use crate::room;
use einfold::{Budget, Order};
use einfold_order::cache::Cache;
use einfold_order::{Effort, Objective, OrderError, Ordered, Task, format, order_task, strategy};
use progress::Looker;
use report::Report;
use std::path::PathBuf;
use std::time::Instant;
use subject::Subject;

/// Reads the network, searches and prints. Ctrl-C ends the search, not the verb.
pub(crate) fn order(args: &OrderArgs) -> Result<(), Failure> {
    if [&args.svg, &args.dot].into_iter().flatten().any(|path| path.as_os_str() == "-") {
        let what = "`--svg` and `--dot` name files; the report goes to standard output";
        return Err(Failure::Usage { verb: "order", what });
    }
    let [svg, dot] = [&args.svg, &args.dot].map(|path| path.as_deref().map(Target::file).transpose());
    let (svg, dot) = (svg?, dot?);
    let subject = Subject::read(args)?;
    let machine = args.machine()?;
    let budget = Budget {
        effort: effort(args),
        objective: Objective::parse_on(&args.objective, &machine)?,
        memory_bytes: args.memory,
        largest: args.largest,
        threads: Some(room::threads(args.threads, 0)),
        seed: args.seed,
        machine,
    };
    let how = how(args)?;
    let began = Instant::now();
    let Answer { ordered, interrupted, cached } = search(&subject, &how, &budget, args)?;
    let seconds = began.elapsed().as_secs_f64();
    let Subject { network, labels, .. } = &subject;
    if let Some(target) = svg {
        target.write_text(&format::svg(network, &ordered, labels))?;
    }
    if let Some(target) = dot {
        target.write_text(&format::dot(network, &ordered, labels))?;
    }
    let (subject, ordered) = (&subject, &ordered);
    let report = Report { subject, ordered, how: &how, budget: &budget, seconds, interrupted, cached };
    if args.json { print_json(&report.json()) } else { print(&report.text()) }
}

/// An order, and how it came about.
struct Answer {
    ordered: Ordered,
    /// Whether Ctrl-C ended the search.
    interrupted: bool,
    /// Whether it was found before.
    cached: bool,
}

fn effort(args: &OrderArgs) -> Effort {
    match (args.time, args.trials) {
        (Some(time), _) => Effort::Time(time),
        (None, Some(trials)) => Effort::Trials(trials),
        (None, None) => Effort::Auto,
    }
}

/// The strategy, the path or the record. Who gives an effort or a start wants the strategy that uses them.
fn how(args: &OrderArgs) -> Result<Order, Failure> {
    let searches = args.time.is_some() || args.trials.is_some() || args.start.is_some();
    match (&args.path, &args.replay, &args.order) {
        (Some(path), ..) => path.read(),
        (None, Some(record), _) => Ok(Order::Replay(record.clone())),
        (None, None, Some(order)) => Ok(order.clone()),
        (None, None, None) if searches => Ok(Order::Strategy(strategy("deep")?)),
        (None, None, None) => Ok(Order::default()),
    }
}

/// Searches, if the cache does not have the order.
fn search(subject: &Subject, how: &Order, budget: &Budget, args: &OrderArgs) -> Result<Answer, Failure> {
    let start = match &args.start {
        Some(path) => path.read()?.tree(subject.network.inputs().len())?,
        None => None,
    };
    let element_bytes = subject.dtype.size() as u64;
    let constants = &args.constants;
    if constants.iter().any(|&constant| constant as usize >= subject.network.inputs().len()) {
        return Err(Failure::Usage { verb: "order", what: "`--constants` names an operand that is not there" });
    }
    let task = Task { network: &subject.network, constants, element_bytes, start: start.as_ref() };
    if let Order::Saved(saved) = how {
        let ordered = saved.follow(&task, &subject.labels, budget)?;
        return Ok(Answer { ordered, interrupted: false, cached: false });
    }
    let open =
        |folder: &PathBuf| Cache::on_disk(folder).map_err(|error| Failure::Folder { folder: folder.clone(), error });
    let cache = args.cache.as_ref().map(open).transpose()?;
    if let Some(ordered) = cache.as_ref().and_then(|cache| cache.find(&task, how, budget)) {
        return Ok(Answer { ordered, interrupted: false, cached: true });
    }
    let (ordered, interrupted) = interrupt::until_asked(|stop| {
        let watch = Looker::new(stop, args.time);
        match &cache {
            Some(cache) => cache.order(&task, how, budget, &watch),
            None => order_task(&task, how, budget, &watch),
        }
    })?;
    match ordered {
        Err(OrderError::Cancelled) => Err(Failure::Interrupted(Signal::INTERRUPT)),
        ordered => Ok(Answer { ordered: ordered?, interrupted, cached: false }),
    }
}
