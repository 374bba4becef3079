//! `einfold order`: searches a contraction order.

mod progress;
mod report;
mod subject;

use crate::args::OrderArgs;
use crate::error::Failure;
use crate::interrupt;
use crate::output::to_stdout;
use einfold::{Budget, Order};
use einfold_order::{Effort, Ordered, Task, order_task, strategy};
use progress::Looker;
use report::Report;
use std::io::Write;
use std::time::Instant;
use subject::Subject;

/// Reads the network, searches and prints. Ctrl-C ends the search, not the verb.
pub(crate) fn order(args: &OrderArgs) -> Result<(), Failure> {
    interrupt::listen();
    let subject = Subject::read(args)?;
    let budget = Budget {
        effort: effort(args),
        objective: args.objective,
        memory_bytes: args.memory,
        threads: Some(args.threads),
        seed: args.seed,
    };
    let how = how(args)?;
    let began = Instant::now();
    let (ordered, interrupted) = search(&subject, &how, &budget, args)?;
    let report = Report {
        subject: &subject,
        ordered: &ordered,
        budget: &budget,
        seconds: began.elapsed().as_secs_f64(),
        interrupted,
    };
    to_stdout(|out| if args.json { writeln!(out, "{}", report.json()) } else { report.text(out) })
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
        (Some(path), ..) => Ok(path.read()?.into()),
        (None, Some(record), _) => Ok(Order::Replay(record.clone())),
        (None, None, Some(order)) => Ok(order.clone()),
        (None, None, None) if searches => Ok(Order::Strategy(strategy("deep")?)),
        (None, None, None) => Ok(Order::default()),
    }
}

/// The order, and whether Ctrl-C ended the search.
fn search(subject: &Subject, how: &Order, budget: &Budget, args: &OrderArgs) -> Result<(Ordered, bool), Failure> {
    let start = match &args.start {
        Some(path) => Some(path.read()?.tree(subject.network.inputs().len()).map_err(einfold_order::OrderError::from)?),
        None => None,
    };
    let task =
        Task { start: start.as_ref(), element_bytes: subject.dtype.size() as u64, ..Task::new(&subject.network) };
    let (ordered, interrupted) =
        interrupt::until_asked(|stop| order_task(&task, how, budget, &Looker::new(stop, args.time)));
    Ok((ordered?, interrupted))
}
