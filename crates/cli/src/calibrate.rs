//! `einfold calibrate`: measures this machine and writes the model that plans can be made for.

mod processor;
mod search;
mod steps;

use crate::args::CalibrateArgs;
use crate::error::Failure;
use crate::interrupt;
use crate::output::{WriteTarget, print};
use crate::reserve_memory;
use crate::stdin;
use einfold::order::Machine;
use einfold_ir::Time;
use einfold_order::format::machine_json;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;
use steps::Steps;

/// Measures, and writes the machine to the file or to standard output.
pub(crate) fn calibrate(args: &CalibrateArgs) -> Result<(), Failure> {
    let file = args.output.as_deref().filter(|file| !stdin::is_meant(file));
    let target = file.map(WriteTarget::file).transpose()?;
    let machine = interrupt::gently(measure)?;
    let mut json = machine_json(&machine);
    json["cpu"] = processor::name().into();
    json["version"] = env!("CARGO_PKG_VERSION").into();
    let text = format!("{json:#}\n");
    match target {
        Some(target) => target.write_text(&text),
        None => print(&text),
    }
}

/// Measures all times of a machine. The built-in values remain for the sizes of caches that the processor does not
/// report, and for the start of threads if the pool of runs has only one.
fn measure(stop: &AtomicBool) -> Result<Machine, Failure> {
    let default = Machine::default();
    let cache_bytes = processor::cache_bytes().unwrap_or(default.cache_bytes);
    let read_bytes = steps::read_bytes(cache_bytes[2]);
    // Before the first measurement, so that too little memory is an error at once.
    reserve_memory::to_run(read_bytes)?;
    let threads = start_pool(read_bytes);
    let steps = Steps::new(stop);
    let (product, half_speed) = steps.product()?;
    let nest = steps.nest()?;
    Ok(Machine {
        product: time(product),
        half_speed,
        nest: time(nest),
        gather: time(steps.gather()?),
        contraction: time(steps.contraction()?),
        memory_byte: time(steps.memory_byte(read_bytes)?),
        product_setup: time(steps.product_setup(nest)?),
        fork: if threads > 1 { time(steps.fork()?) } else { default.fork },
        search_work: time(search::work(stop)?),
        search_split: time(search::split(stop)?),
        partitions: u32::try_from(threads.next_power_of_two()).unwrap_or(default.partitions),
        cache_bytes,
    })
}

/// Starts the pool of threads in which runs work, and returns its size: 1 if there is no memory for the threads besides
/// `bytes` bytes, or the system cannot start them.
fn start_pool(bytes: usize) -> usize {
    let cpus = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let fits = reserve_memory::threads(cpus, bytes) == cpus;
    if fits && rayon::ThreadPoolBuilder::new().build_global().is_ok() { rayon::current_num_threads() } else { 1 }
}

/// A measured time, clamped to the range of a [`Time`].
fn time(ns: f64) -> Time {
    Time::from_ns(ns.clamp(1e-6, 1e9)).expect("a measured time is a number")
}
