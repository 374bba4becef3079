//! One way to compute a row, and the measurement of all ways in turn.

use crate::scalar::Scalar;
use ndarray::{ArrayD, IxDyn};
use std::hint::black_box;
use std::time::Instant;

/// A call that writes its result to an array.
type Write<'a, T> = dyn FnMut(&mut ArrayD<T>) + 'a;

/// A computation that is ready to run, with everything that can be prepared.
pub enum Call<'a, T> {
    /// Returns a new array.
    Fresh(Box<dyn FnMut() -> ArrayD<T> + 'a>),
    /// Writes to an array in C order, whatever it holds.
    Into(Box<Write<'a, T>>),
}

pub struct Contender<'a, T> {
    pub name: &'static str,
    pub call: Call<'a, T>,
}

impl<'a, T: Scalar> Contender<'a, T> {
    pub fn fresh(name: &'static str, call: impl FnMut() -> ArrayD<T> + 'a) -> Contender<'a, T> {
        Contender { name, call: Call::Fresh(Box::new(call)) }
    }

    pub fn into(name: &'static str, call: impl FnMut(&mut ArrayD<T>) + 'a) -> Contender<'a, T> {
        Contender { name, call: Call::Into(Box::new(call)) }
    }

    /// Computes the result once; `out` is the array of calls that write to one.
    pub fn result(&mut self, out: &mut ArrayD<T>) -> ArrayD<T> {
        match &mut self.call {
            Call::Fresh(call) => call(),
            Call::Into(call) => {
                // Elements that the call does not write, or that it adds to, make the result wrong.
                out.fill(T::one() + T::one());
                call(out);
                out.clone()
            }
        }
    }

    /// Runs once, with the result in a new array or in `out`.
    fn run(&mut self, fresh: bool, out: &mut ArrayD<T>) {
        match &mut self.call {
            Call::Fresh(call) => drop(black_box(call())),
            Call::Into(call) if fresh => {
                let mut new = ArrayD::zeros(IxDyn(out.shape()));
                call(&mut new);
                drop(black_box(new));
            }
            Call::Into(call) => {
                call(out);
                black_box(&*out);
            }
        }
    }
}

/// The times of one contender with a new or with a reused output: seconds a call in each round.
pub struct Times {
    pub name: &'static str,
    pub fresh: bool,
    times: Vec<f64>,
    contender: usize,
    /// Calls in one round.
    calls: u32,
}

impl Times {
    pub fn least(&self) -> f64 {
        self.times.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub fn median(&self) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    pub fn rounds(&self) -> usize {
        self.times.len()
    }
}

/// The name of the contender that the others are compared with.
pub const OWN: &str = "einfold";
/// The fewest rounds.
const ROUNDS: usize = 3;
/// A round measures as many calls as take about this share of the budget.
const SHARE: f64 = 1e-3;
/// A peer that takes this many times as long as the fastest contender in the first round is not measured again.
const HOPELESS: f64 = 8.0;

/// Measures all contenders in turn, round after round, until `seconds` have passed.
pub fn measure<T: Scalar>(contenders: &mut [Contender<'_, T>], out: &mut ArrayD<T>, seconds: f64) -> Vec<Times> {
    let mut all = modes(contenders);
    for times in &mut all {
        let once = time(&mut contenders[times.contender], times.fresh, out, 1);
        times.calls = (seconds * SHARE / once.max(1e-8)).clamp(1.0, 1e6) as u32;
    }
    let start = Instant::now();
    let mut limit = f64::INFINITY;
    for round in 0.. {
        if round >= ROUNDS && start.elapsed().as_secs_f64() > seconds {
            break;
        }
        for times in all.iter_mut().filter(|times| round == 0 || times.name == OWN || times.times[0] <= limit) {
            let time = time(&mut contenders[times.contender], times.fresh, out, times.calls);
            times.times.push(time);
        }
        if round == 0 {
            limit = HOPELESS * all.iter().map(Times::least).fold(f64::INFINITY, f64::min);
        }
    }
    all
}

/// Every contender with a new output, and with a reused one if it can write to it. A library that also has a contender
/// for new outputs gets no new array from us.
fn modes<T>(contenders: &[Contender<'_, T>]) -> Vec<Times> {
    let mut all = Vec::new();
    for (contender, Contender { name, call }) in contenders.iter().enumerate() {
        let times = |fresh| Times { name, fresh, times: Vec::new(), contender, calls: 1 };
        let is_fresh = |other: &Contender<'_, T>| other.name == *name && matches!(other.call, Call::Fresh(_));
        if matches!(call, Call::Fresh(_)) || !contenders.iter().any(is_fresh) {
            all.push(times(true));
        }
        if matches!(call, Call::Into(_)) {
            all.push(times(false));
        }
    }
    all
}

/// The seconds of one call, as the mean of `calls`.
fn time<T: Scalar>(contender: &mut Contender<'_, T>, fresh: bool, out: &mut ArrayD<T>, calls: u32) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| contender.run(fresh, out));
    start.elapsed().as_secs_f64() / f64::from(calls)
}
