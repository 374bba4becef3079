//! A row with its operands and plan, and the comparison of all its contenders.

use crate::contender::{Contender, OWN, Times, measure};
use crate::peak::Peak;
use crate::peers;
use crate::rows::{Algebra, Row};
use crate::scalar::{Random, Scalar};
use einfold::{Expression, Plan, Scratch, algebra::MinPlus};
use ndarray::{ArrayD, IxDyn};
use std::collections::HashMap;
use std::error::Error;

pub struct Problem<'r, T> {
    pub row: &'r Row,
    pub threads: usize,
    pub operands: Vec<ArrayD<T>>,
    pub plan: Plan,
    /// The labels of each operand.
    pub terms: Vec<Vec<char>>,
    /// The labels of the output.
    pub output: Vec<char>,
    pub extents: HashMap<char, usize>,
}

impl<'r, T: Scalar> Problem<'r, T> {
    pub fn new(row: &'r Row, threads: usize) -> Result<Problem<'r, T>, Box<dyn Error>> {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let operands: Vec<ArrayD<T>> = row
            .shapes
            .iter()
            .map(|shape| ArrayD::from_shape_simple_fn(&shape[..], || T::random(&mut random)))
            .collect();
        let expression = Expression::new(&row.text)?;
        let expression = match row.algebra {
            Algebra::SumProduct => expression,
            Algebra::MinPlus => expression.algebra(MinPlus),
        };
        let plan = expression.plan_for(&operands[..])?;
        let (inputs, output) = row.text.split_once("->").ok_or("an expression has an arrow")?;
        let terms: Vec<Vec<char>> = inputs.split(',').map(|term| term.chars().collect()).collect();
        let labels = terms.iter().flatten().copied();
        let extents = labels.zip(row.shapes.iter().flatten().copied()).collect();
        Ok(Problem { row, threads, operands, plan, terms, output: output.chars().collect(), extents })
    }

    /// The extents of labels.
    pub fn shape(&self, labels: &[char]) -> Vec<usize> {
        labels.iter().map(|label| self.extents[label]).collect()
    }

    /// The flops of the planned order.
    fn flops(&self) -> f64 {
        T::FLOPS * self.plan.cost().flops.log2().exp2()
    }

    /// The pairs of the planned order in SSA form; `None` if a step is not of two tensors.
    pub fn pairs(&self) -> Option<Vec<[usize; 2]>> {
        let pair = |step: Vec<u32>| <[u32; 2]>::try_from(step).ok().map(|pair| pair.map(|tensor| tensor as usize));
        match self.operands.len() {
            2 => Some(vec![[0, 1]]),
            _ => self.plan.ssa_path().into_iter().map(pair).collect(),
        }
    }

    fn contenders(&self) -> Vec<Contender<'_, T>> {
        let operands = &self.operands[..];
        let mut scratch = Scratch::new();
        let mut contenders = vec![
            Contender::fresh(OWN, move || {
                self.plan.call(operands).threads(self.threads).run().expect("a result of einfold")
            }),
            Contender::into(OWN, move |out| {
                self.plan
                    .call(operands)
                    .threads(self.threads)
                    .scratch(&mut scratch)
                    .into(out)
                    .expect("a run of einfold");
            }),
        ];
        contenders.extend(match self.row.algebra {
            Algebra::SumProduct => {
                let general = [peers::ndarray_einsum(self), peers::einsum_ndarray(self)];
                T::libraries(self).into_iter().chain(general.into_iter().flatten()).collect()
            }
            Algebra::MinPlus => T::min_plus(self),
        });
        contenders
    }

    /// The largest difference that rounding explains: the error of a sum in any order, for random signs, relative to
    /// the largest element.
    fn tolerance(&self) -> f64 {
        let summed = self.extents.iter().filter(|(label, _)| !self.output.contains(label));
        let terms: f64 = summed.map(|(_, extent)| *extent as f64).product();
        64.0 * T::EPSILON * terms.min(1e6).sqrt()
    }

    /// Checks that all contenders agree, and measures them.
    pub fn compare(&self, seconds: f64, peak: Peak) -> Result<Comparison, Box<dyn Error>> {
        let mut out = ArrayD::zeros(IxDyn(&self.shape(&self.output)));
        let mut contenders = self.contenders();
        let expected = contenders[0].result(&mut out);
        let largest = expected.iter().map(|x| x.distance(T::zero())).fold(0.0, f64::max);
        let bound = self.tolerance() * largest;
        for contender in &mut contenders[1..] {
            let found = contender.result(&mut out);
            if found.shape() != expected.shape() {
                return Err(format!("{}: {} has another shape than einfold", self.row, contender.name).into());
            }
            let distances = found.iter().zip(&expected).map(|(x, y)| x.distance(*y));
            // The first operand of `max` is ignored if it is NaN.
            let difference = distances.fold(0.0, |most: f64, x| if x.is_nan() { f64::INFINITY } else { most.max(x) });
            if difference > bound {
                let name = contender.name;
                return Err(format!("{}: {name} differs by {difference:e}, more than {bound:e}", self.row).into());
            }
        }
        let all = measure(&mut contenders, &mut out, seconds);
        Ok(Comparison {
            row: self.row.to_string(),
            group: self.row.group,
            flops: self.flops(),
            peak: T::peak(peak),
            all,
        })
    }
}

/// The measured times of one row.
pub struct Comparison {
    pub row: String,
    pub group: &'static str,
    pub flops: f64,
    /// The peak of the dtype, in GFLOP/s.
    pub peak: f64,
    pub all: Vec<Times>,
}

impl Comparison {
    /// The times of einfold.
    pub fn own(&self, fresh: bool) -> &Times {
        let own = |times: &&Times| times.name == "einfold" && times.fresh == fresh;
        self.all
            .iter()
            .filter(own)
            .min_by(|a, b| a.least().total_cmp(&b.least()))
            .expect("einfold is measured both ways")
    }

    /// The fastest peer: with a new output, or with any. `None` if the row has no peer.
    pub fn best_peer(&self, fresh: bool) -> Option<&Times> {
        let peer = |times: &&Times| times.name != OWN && (times.fresh || !fresh);
        self.all.iter().filter(peer).min_by(|a, b| a.least().total_cmp(&b.least()))
    }

    /// The least time of the best peer / that of einfold.
    pub fn ratio(&self, fresh: bool) -> Option<f64> {
        Some(self.best_peer(fresh)?.least() / self.own(fresh).least())
    }

    /// The rate of a reused output, in GFLOP/s.
    pub fn rate(&self) -> f64 {
        self.flops * 1e-9 / self.own(false).least()
    }
}
