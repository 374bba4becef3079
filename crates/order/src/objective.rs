//! What a search makes small.

use std::fmt;
use std::str::FromStr;

use einfold_ir::Machine;

use crate::OrderError;

/// What a search makes small. All but `Size` are sums over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Objective {
    /// The scalar multiply-adds.
    #[default]
    Flops,
    /// The elements of the largest intermediate.
    Size,
    /// The elements of all intermediates.
    Write,
    /// Flops and so many times the elements written: reading and writing takes time too.
    Combo(u32),
    /// Of each step, the flops or so many times the elements written, whichever is more.
    Limit(u32),
}

/// How many flops an element written is worth where nothing else is said.
const WEIGHT: u32 = 64;

impl Objective {
    /// The time that a contraction takes on a machine, as far as it depends on the order: its flops run as products of large
    /// matrices, and each intermediate is written and read once.
    pub fn time(machine: &Machine) -> Objective {
        Objective::Combo(machine.write_ratio())
    }

    /// Parses the name of an objective; `time` is that of `machine`.
    ///
    /// # Errors
    /// [`OrderError::UnknownObjective`].
    pub fn parse_on(name: &str, machine: &Machine) -> Result<Objective, OrderError> {
        if name == "time" { Ok(Objective::time(machine)) } else { name.parse() }
    }
}

/// Parses `flops`, `size`, `write`, `time` on the built-in machine, and `combo` and `limit` with the weight of an element written, `combo-16`, or without
/// it: then it is 64.
impl FromStr for Objective {
    type Err = OrderError;

    fn from_str(name: &str) -> Result<Objective, OrderError> {
        let unknown = || OrderError::UnknownObjective { name: name.into() };
        let (kind, weight) = match name.split_once('-') {
            Some((kind, weight)) => (kind, Some(weight.parse().map_err(|_| unknown())?)),
            None => (name, None),
        };
        match (kind, weight) {
            ("flops", None) => Ok(Objective::Flops),
            ("size", None) => Ok(Objective::Size),
            ("write", None) => Ok(Objective::Write),
            ("time", None) => Ok(Objective::time(&Machine::DEFAULT)),
            ("combo", weight) => Ok(Objective::Combo(weight.unwrap_or(WEIGHT))),
            ("limit", weight) => Ok(Objective::Limit(weight.unwrap_or(WEIGHT))),
            _ => Err(unknown()),
        }
    }
}

/// The name that parses to it.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objective::Flops => f.write_str("flops"),
            Objective::Size => f.write_str("size"),
            Objective::Write => f.write_str("write"),
            Objective::Combo(weight) => write!(f, "combo-{weight}"),
            Objective::Limit(weight) => write!(f, "limit-{weight}"),
        }
    }
}

/// What a search makes small, and what it keeps to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    pub(crate) objective: Objective,
    /// No intermediate should be larger; the binary logarithm of its elements, perhaps infinite.
    pub(crate) limit: f64,
    /// What one costs that is larger: a factor of 2 to this power for each factor of 2 in size.
    pub(crate) over: f64,
}

impl Goal {
    /// A goal without a limit.
    pub(crate) fn unlimited(objective: Objective) -> Goal {
        Goal { objective, limit: f64::INFINITY, over: 0.0 }
    }

    /// With a limit, for each factor of 2 above which a product costs 2 to the power of `over`.
    pub(crate) fn within(self, limit: f64, over: f64) -> Goal {
        Goal { limit, over, ..self }
    }

    /// The binary logarithm of what a step with these flops costs at least.
    #[inline(always)]
    pub(crate) fn least(self, flops: f64) -> f64 {
        match self.objective {
            Objective::Size | Objective::Write => f64::NEG_INFINITY,
            _ => flops,
        }
    }

    /// The binary logarithm of the cost of a step, from those of its flops and of the size of its result.
    #[inline(always)]
    pub(crate) fn step(self, flops: f64, size: f64) -> f64 {
        let cost = match self.objective {
            Objective::Flops => flops,
            Objective::Size | Objective::Write => size,
            Objective::Combo(weight) => add(flops, size + f64::from(weight).log2()),
            Objective::Limit(weight) => flops.max(size + f64::from(weight).log2()),
        };
        cost + self.penalty(size)
    }

    /// The binary logarithm of the factor by which the cost of a step rises whose result is too large.
    #[inline(always)]
    pub(crate) fn penalty(self, size: f64) -> f64 {
        self.over * (size - self.limit).max(0.0)
    }

    /// The binary logarithm of the cost of all steps, from those of each.
    pub(crate) fn total(self, steps: &[f64]) -> f64 {
        let most = steps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.objective == Objective::Size || most == f64::NEG_INFINITY {
            return most;
        }
        most + steps.iter().map(|cost| (cost - most).exp2()).sum::<f64>().log2()
    }
}

/// The binary logarithm of the sum of two numbers given by theirs.
#[inline(always)]
fn add(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp2().ln_1p() / std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use einfold_ir::{Machine, Time};

    use super::Objective;

    #[test]
    fn names_are_read_and_written() {
        for (text, objective) in [
            ("flops", Objective::Flops),
            ("size", Objective::Size),
            ("write", Objective::Write),
            ("combo-64", Objective::Combo(64)),
            ("limit-0", Objective::Limit(0)),
        ] {
            assert_eq!((text.parse(), objective.to_string()), (Ok(objective), text.into()));
        }
        assert_eq!("limit".parse(), Ok(Objective::Limit(64)));
        assert_eq!("time".parse(), Ok(Objective::Combo(20)));
        let slow = Machine { memory_byte: Time::from_ns(0.11).unwrap(), ..Machine::DEFAULT };
        assert_eq!(Objective::parse_on("time", &slow), Ok(Objective::Combo(80)));
        assert_eq!(Objective::parse_on("combo", &slow), Ok(Objective::Combo(64)));
        for text in ["", "flop", "flops-2", "combo-", "combo--1", "combo-x", "-3"] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
