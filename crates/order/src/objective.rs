//! The objective of a search.

use std::fmt;
use std::str::FromStr;

use einfold_ir::Machine;

use crate::OrderError;

/// The quantity that a search minimises. All but `Size` are sums over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Objective {
    /// The scalar multiply-adds.
    #[default]
    Flops,
    /// The elements of the largest intermediate.
    Size,
    /// The elements of all intermediates.
    Write,
    /// The flops plus this weight times the elements written: memory traffic takes time too.
    Combo(u32),
    /// The sum over the steps of the maximum of the flops and this weight times the elements written.
    Limit(u32),
}

/// The default weight: the flops that one written element is worth.
const WEIGHT: u32 = 64;

impl Objective {
    /// Returns the estimated time of a contraction on a machine: its flops run as products of large matrices, and each
    /// intermediate is written and read once.
    pub fn time(machine: &Machine) -> Objective {
        Objective::Combo(machine.write_ratio())
    }

    /// Parses the name of an objective; `time` is the one of `machine`.
    ///
    /// # Errors
    /// [`OrderError::UnknownObjective`] if no objective has this name.
    pub fn parse_on(name: &str, machine: &Machine) -> Result<Objective, OrderError> {
        if name == "time" { Ok(Objective::time(machine)) } else { name.parse() }
    }
}

/// Parses `flops`, `size`, `write`, `time` (of the built-in machine), `combo` and `limit`; the last two with the weight
/// of a written element, `combo-16`, which is 64 if absent.
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

/// Writes the name from which the objective is parsed.
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

/// An objective with a limit for the size of intermediates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ObjectiveWithLimits {
    pub(crate) objective: Objective,
    /// The limit for the elements of an intermediate, as a binary logarithm; may be infinite.
    pub(crate) limit: f64,
    /// The penalty of an intermediate above the limit: its cost grows by 2 to this power for each factor of 2 in size.
    pub(crate) over: f64,
}

impl ObjectiveWithLimits {
    /// Returns an objective without a limit.
    pub(crate) fn unlimited(objective: Objective) -> ObjectiveWithLimits {
        ObjectiveWithLimits { objective, limit: f64::INFINITY, over: 0.0 }
    }

    /// Adds a limit; each factor of 2 above it multiplies the cost of a product by 2 to the power of `over`.
    pub(crate) fn within(self, limit: f64, over: f64) -> ObjectiveWithLimits {
        ObjectiveWithLimits { limit, over, ..self }
    }

    /// Returns a lower bound of the cost of a step with these flops, as a binary logarithm.
    #[inline(always)]
    pub(crate) fn least(self, flops: f64) -> f64 {
        match self.objective {
            Objective::Size | Objective::Write => f64::NEG_INFINITY,
            _ => flops,
        }
    }

    /// Returns the binary logarithm of the cost of a step, from the logarithms of its flops and of the size of its
    /// result.
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

    /// Returns the binary logarithm of the factor by which the cost of a step grows if its result exceeds the limit.
    #[inline(always)]
    pub(crate) fn penalty(self, size: f64) -> f64 {
        self.over * (size - self.limit).max(0.0)
    }

    /// Returns the binary logarithm of the cost of all steps, from the logarithm of each.
    pub(crate) fn total(self, steps: &[f64]) -> f64 {
        let most = steps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.objective == Objective::Size || most == f64::NEG_INFINITY {
            return most;
        }
        most + steps.iter().map(|cost| (cost - most).exp2()).sum::<f64>().log2()
    }
}

/// Returns the binary logarithm of the sum of two numbers given by their logarithms.
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
