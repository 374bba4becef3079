//! What a search makes small.

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

/// What a search makes small, and what it keeps to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    pub(crate) objective: Objective,
    /// No intermediate should be larger; the binary logarithm of its elements, perhaps infinite.
    pub(crate) limit: f64,
}

/// What an intermediate costs that is larger than the limit: a factor of 2 to this power for each factor of 2 in size.
const OVER: f64 = 4.0;

impl Goal {
    /// Whether nothing but the flops count.
    pub(crate) fn is_flops(self) -> bool {
        self.objective == Objective::Flops && self.limit == f64::INFINITY
    }

    /// The binary logarithm of the cost of a step, from those of its flops and of the size of its result.
    #[inline]
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
    #[inline]
    pub(crate) fn penalty(self, size: f64) -> f64 {
        OVER * (size - self.limit).max(0.0)
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
fn add(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp2().ln_1p() / std::f64::consts::LN_2
}
