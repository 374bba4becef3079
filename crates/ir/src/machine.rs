//! The machine model: rates, overheads and cache sizes that costs are computed from.
//!
//! The order search, the choice between nests and matrix products, partitions and the use of threads get all costs from a
//! [`Machine`]. The executor chooses among its kernels by extents and bytes. The extents of blocks, chunks and strips,
//! which fix the order of additions, follow from shapes and the memory limit, so that the bits of a result do not depend
//! on the machine model.

use std::fmt;

/// The time of one operation, in whole femtoseconds, so that machines can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    const NS: u64 = 1_000_000;
    /// The longest time: a second.
    const MOST: u64 = 1_000_000_000 * Time::NS;

    /// Converts nanoseconds, rounded to femtoseconds; `None` if the time is less than one femtosecond or more than a
    /// second.
    pub fn from_ns(ns: f64) -> Option<Time> {
        let fs = (ns * Time::NS as f64).round();
        (1.0..=Time::MOST as f64).contains(&fs).then_some(Time(fs as u64))
    }

    const fn ps(ps: u64) -> Time {
        Time(ps * 1000)
    }

    /// The time in nanoseconds.
    pub fn ns(self) -> f64 {
        self.0 as f64 / Time::NS as f64
    }

    /// The time in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / Time::MOST as f64
    }

    /// The number of operations of the time `one` that fit into this time, at least 1.
    pub fn in_units_of(self, one: Time) -> u64 {
        ((self.0 + one.0 / 2) / one.0).max(1)
    }

    /// The same number as [`in_units_of`](Time::in_units_of), rounded to a power of two: a threshold is rough, and
    /// small differences between two measurements should not change it.
    fn threshold(self, one: Time) -> u64 {
        let units = self.in_units_of(one);
        let lower = 1 << units.ilog2();
        // Above the geometric mean of two powers of two, the larger one is nearer.
        if u128::from(units).pow(2) > 2 * u128::from(lower).pow(2) { 2 * lower } else { lower }
    }
}

/// Writes nanoseconds with all digits.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ns", self.ns())
    }
}

/// The machine model that a plan assumes.
///
/// The default is built in and the same everywhere, so plans that use it are the same on every machine. A measured
/// model, as `einfold calibrate` writes it, gives plans for one machine. Either is part of the plan, of its recipe and
/// of the keys of caches. All times but [`fork`](Machine::fork) are those of one thread, and elements are `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// The time of one multiply-add of a large matrix product.
    pub product: Time,
    /// The extents of rows and of columns at which a product has half of its speed: the rest is lost at edges.
    pub half_speed: [u32; 2],
    /// The additional time to set up a step as a matrix product instead of as loops.
    pub product_setup: Time,
    /// The time of one multiply-add of a loop nest whose operands are in the cache.
    pub nest: Time,
    /// The time of one element read or written at a gather or scatter index.
    pub gather: Time,
    /// The time of one multiply-add of a whole contraction, averaged over steps of all kinds and sizes.
    pub contraction: Time,
    /// The time of one byte read from or written to memory, past all caches.
    pub memory_byte: Time,
    /// The single-thread time from which a second thread pays: twice the time to start a thread and to wait for its
    /// end.
    pub fork: Time,
    /// The time of one unit of work of the order search `deep`.
    pub search_work: Time,
    /// The time that the exact order search spends on one split of a set of tensors.
    pub search_split: Time,
    /// The most partitions of the iterations of a region: more threads than this work together within a partition.
    pub partitions: u32,
    /// The sizes of the data caches in bytes, from the first level to the third.
    pub cache_bytes: [u64; 3],
}

impl Machine {
    /// The built-in machine: rough figures of current machines; plans depend on the ratios.
    pub const DEFAULT: Machine = Machine {
        product: Time::ps(22),
        half_speed: [8, 8],
        product_setup: Time::ps(45_000),
        nest: Time::ps(176),
        gather: Time::ps(176),
        contraction: Time::ps(100),
        memory_byte: Time(27_500),
        fork: Time::ps(25_000_000),
        search_work: Time::ps(30_000),
        search_split: Time::ps(102_400),
        partitions: 16,
        cache_bytes: [32 << 10, 1 << 20, 32 << 20],
    };

    /// Whether this is the built-in machine.
    pub fn is_default(&self) -> bool {
        *self == Machine::DEFAULT
    }

    /// The number of multiply-adds of a large product in the time to write an element of 8 bytes to memory and read it
    /// again.
    pub fn write_ratio(&self) -> u32 {
        let both = Time(self.memory_byte.0 * 16);
        both.in_units_of(self.product).try_into().unwrap_or(u32::MAX)
    }

    /// The fewest multiply-adds of a matrix product: below this, a loop nest is done before the product is set up.
    pub fn least_product(&self) -> u64 {
        self.product_setup.threshold(self.nest)
    }

    /// The fewest rows and columns of a matrix product: with fewer, edges make it as slow as a loop nest.
    pub fn least_side(&self) -> u64 {
        // The root of (s + a) (s + b) = ratio s², where nest and product take the same time.
        let [a, b] = self.half_speed.map(f64::from);
        let more = self.nest.ns() / self.product.ns() - 1.0;
        if more <= 0.0 {
            return u64::MAX;
        }
        let root = (a + b + ((a + b) * (a + b) + 4.0 * more * a * b).sqrt()) / (2.0 * more);
        (root.round() as u64).max(1)
    }

    /// The fewest multiply-adds of products for which further threads pay.
    pub fn least_shared_flops(&self) -> u64 {
        self.fork.threshold(self.product)
    }

    /// The fewest points of loop nests for which further threads pay.
    pub fn least_shared_points(&self) -> u64 {
        self.fork.threshold(self.nest)
    }

    /// The largest size in bytes of a tensor that stays in the cache of one core.
    pub fn near_bytes(&self) -> u64 {
        self.cache_bytes[1]
    }

    /// The size in bytes from which on a tensor is too large for all caches: it is better written past them.
    pub fn far_bytes(&self) -> u64 {
        self.cache_bytes[2]
    }
}

impl Default for Machine {
    fn default() -> Machine {
        Machine::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::{Machine, Time};

    fn nest_ratio(machine: Machine) -> u64 {
        machine.nest.in_units_of(machine.product)
    }

    #[test]
    fn the_built_in_machine_answers_as_plans_have_always_assumed() {
        let m = Machine::default();
        assert_eq!((nest_ratio(m), m.gather.in_units_of(m.product), m.write_ratio()), (8, 8, 20));
        assert_eq!([m.search_work, m.search_split].map(|time| time.in_units_of(m.contraction)), [300, 1024]);
        assert_eq!((m.least_product(), m.least_side()), (256, 4));
        assert_eq!((m.least_shared_flops(), m.least_shared_points()), (1 << 20, 1 << 17));
        assert_eq!((m.partitions, m.near_bytes(), m.far_bytes()), (16, 1 << 20, 32 << 20));
    }

    #[test]
    fn thresholds_move_with_the_machine_and_not_with_small_differences() {
        let time = |ns| Time::from_ns(ns).unwrap();
        let m = Machine::default();
        let near = Machine { nest: time(0.19), product_setup: time(50.0), ..m };
        assert_eq!(near.least_product(), m.least_product());
        let fast = Machine { product: time(0.0022), nest: time(0.044), ..m };
        assert_eq!((nest_ratio(fast), fast.least_product(), fast.least_side()), (20, 1024, 2));
        assert_eq!(fast.least_shared_flops(), 1 << 23);
        let slow = Machine { product: m.nest, ..m };
        assert_eq!((nest_ratio(slow), slow.least_side()), (1, u64::MAX));
        // Extreme values neither overflow nor divide by zero.
        let (least, most) = (time(1e-6), time(1e9));
        let wide = Machine { product: least, nest: most, memory_byte: most, fork: most, search_work: most, ..m };
        assert_eq!((wide.write_ratio(), nest_ratio(wide), wide.least_side()), (u32::MAX, 1_000_000_000_000_000, 1));
        assert!(wide.least_shared_flops() > 1 << 49);
    }

    #[test]
    fn a_time_is_what_it_was_given_to_a_femtosecond() {
        for ns in [0.000_001, 0.011, 0.0275, 0.176, 102.4, 25_000.0, 1e9] {
            assert_eq!(Time::from_ns(ns).map(Time::ns), Some(ns));
        }
        assert_eq!(Machine::DEFAULT.search_work.seconds(), 3e-8);
        for ns in [0.0, 4e-7, -1.0, 2e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Time::from_ns(ns), None, "{ns}");
        }
    }
}
