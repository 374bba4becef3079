//! The results of a run: of the types that are asked for, or by name.

use crate::array::AnyArray;
use crate::error::{Error, ErrorKind, NamesProblem};
use crate::lists::for_each_tuple;
use crate::output::{Arrays, Output, OutputType};
use crate::plan::Plan;
use einfold_exec::{AnyView, NewArray};
use einfold_ir::{Dtype, Label};
use std::collections::btree_map::{BTreeMap, Entry};

/// The results of a run: one [`Output`], a tuple of two to eight, a vector of results of one type, or
/// [`Results`](crate::Results), which are accessed by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of the results of einfold",
    label = "not the type of a result, or of several",
    note = "a result is an `Array<T, D>` of ndarray 0.17 (`einfold::ndarray`), such as `Array2<f64>`, a scalar, or an `AnyArray`; several are a tuple, a `Vec` or `Results`",
    note = "name it where the result goes: `let y: Array2<f64> = einsum(..)?` or `einsum::<Array2<f64>>(..)?`",
    note = "of an `Array1`, `to_vec` makes a `Vec`"
)]
pub trait Outputs: Sized {
    /// Checks, before a run, that the results of a plan have these types.
    ///
    /// # Errors
    /// [`ErrorKind::OutputCount`] if the number of results differs, and the errors of [`Output::fits`].
    fn fits(plan: &Plan) -> Result<(), Error>;

    /// Converts the results of a run of the plan.
    ///
    /// # Errors
    /// As [`fits`](Outputs::fits).
    fn receive(arrays: Arrays, plan: &Plan) -> Result<Self, Error>;
}

/// [`Output::fits`] of one type.
type Fits = fn(&OutputType<'_>) -> Result<(), Error>;

/// Checks the number of the outputs of a plan, and each with its function.
fn check(plan: &Plan, fits: &[Fits]) -> Result<(), Error> {
    let (asked, given) = (fits.len(), plan.outputs().len());
    if given != asked {
        return Err(ErrorKind::OutputCount { asked, given }.into());
    }
    plan.outputs().zip(fits).try_for_each(|(output, fits)| fits(&output))
}

/// Converts the next of `N` arrays.
fn next<A: Output, const N: usize>(arrays: &mut impl Iterator<Item = (usize, NewArray)>) -> Result<A, Error> {
    let (output, array) = arrays.next().ok_or(ErrorKind::OutputCount { asked: N, given: 0 })?;
    A::receive(array, output)
}

impl<A: Output> Outputs for A {
    fn fits(plan: &Plan) -> Result<(), Error> {
        check(plan, &[A::fits])
    }

    fn receive(arrays: Arrays, _plan: &Plan) -> Result<A, Error> {
        next::<A, 1>(&mut (0..).zip(arrays))
    }
}

impl<A: Output> Outputs for Vec<A> {
    fn fits(plan: &Plan) -> Result<(), Error> {
        plan.outputs().try_for_each(|output| A::fits(&output))
    }

    fn receive(arrays: Arrays, _plan: &Plan) -> Result<Vec<A>, Error> {
        (0..).zip(arrays).map(|(output, array)| A::receive(array, output)).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Output),+> Outputs for ($($name,)+) {
            fn fits(plan: &Plan) -> Result<(), Error> {
                check(plan, &[$($name::fits),+])
            }

            fn receive(arrays: Arrays, _plan: &Plan) -> Result<Self, Error> {
                const COUNT: usize = [$(stringify!($name)),+].len();
                let mut arrays = (0..).zip(arrays);
                Ok(($(next::<$name, COUNT>(&mut arrays)?,)+))
            }
        }
    };
}

for_each_tuple!(tuples, [A] B C D E F G H);

/// The results of a program, accessed by name. The result of an expression without names has the name `""`.
///
/// ```
/// use einfold::ndarray::{Array1, array};
/// use einfold::{Dtype, Results, einsum};
///
/// let (g, w) = (array![0, 0, 1], array![1.0, 3.0, 5.0]);
/// let mut results: Results = einsum("sum[g[n]] += w[n]; count[g[n]] += 1", (&g, &w))?;
/// assert_eq!(results.names().collect::<Vec<_>>(), ["sum", "count"]);
/// assert_eq!(results.dtype("count"), Some(Dtype::I64));
/// let sum: Array1<f64> = results.take("sum")?;
/// assert_eq!(sum, array![4.0, 5.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
#[derive(Debug)]
pub struct Results {
    /// The remaining results by their position in the program.
    arrays: BTreeMap<usize, (Label, NewArray)>,
    /// The positions of the remaining results by their names, which are distinct.
    positions: BTreeMap<Label, usize>,
}

impl Results {
    /// Makes the results of a program, which are in its order.
    fn new(all: impl Iterator<Item = (Label, NewArray)>) -> Results {
        let arrays: BTreeMap<usize, (Label, NewArray)> = all.enumerate().collect();
        let positions = arrays.iter().map(|(index, (name, _))| (name.clone(), *index)).collect();
        Results { arrays, positions }
    }

    /// The names of the remaining results, in the order of the program.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.arrays.values().map(|(name, _)| &**name)
    }

    /// The number of remaining results.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether all results have been taken.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    fn get(&self, name: &str) -> Option<&NewArray> {
        self.positions.get(name).map(|index| &self.arrays[index].1)
    }

    /// The dtype of a result; `None` if no remaining result has this name.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.get(name).map(NewArray::dtype)
    }

    /// The shape of a result; `None` if no remaining result has this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(NewArray::shape)
    }

    /// A view of a result; `None` if no remaining result has this name.
    pub fn view(&self, name: &str) -> Option<AnyView<'_>> {
        self.get(name).and_then(NewArray::view)
    }

    /// Removes a result and returns it as an array, a scalar or an [`AnyArray`].
    ///
    /// # Errors
    /// [`Names`](crate::ErrorKind::Names) if no remaining result has this name;
    /// [`OutputDtype`](crate::ErrorKind::OutputDtype) or [`OutputRank`](crate::ErrorKind::OutputRank) if it has another
    /// type, in which case it is not removed.
    pub fn take<A: Output>(&mut self, name: &str) -> Result<A, Error> {
        let entry = self.positions.get(name).map(|&index| self.arrays.entry(index));
        let Some(Entry::Occupied(entry)) = entry else {
            let there = self.names().map(Into::into).collect();
            return Err(NamesProblem::NoResult { name: name.into(), there }.into());
        };
        let (index, array) = (*entry.key(), &entry.get().1);
        A::fits(&OutputType { index, name: Some(name), dtype: array.dtype(), shape: array.shape() })?;
        self.positions.remove(name);
        A::receive(entry.remove().1, index)
    }

    /// Returns all remaining results with their names.
    ///
    /// # Errors
    /// [`NotBuiltin`](crate::ErrorKind::NotBuiltin) if a result has elements of a user-defined type.
    pub fn into_arrays(self) -> Result<Vec<(String, AnyArray)>, Error> {
        let one = |(output, (name, array)): (usize, (Label, NewArray))| {
            Ok((name.to_string(), <AnyArray as Output>::receive(array, output)?))
        };
        self.arrays.into_iter().map(one).collect()
    }
}

impl Outputs for Results {
    fn fits(_plan: &Plan) -> Result<(), Error> {
        Ok(())
    }

    fn receive(arrays: Arrays, plan: &Plan) -> Result<Results, Error> {
        let names = plan.outputs().map(|output| output.name.unwrap_or_default().into());
        Ok(Results::new(names.zip(arrays)))
    }
}

#[cfg(test)]
mod tests {
    use super::Results;
    use crate::array::AnyArray;
    use einfold_exec::{MemoryOrder, NewArray};
    use einfold_ir::Dtype;

    /// Taking all results takes time n log n. With a linear search for each name it took minutes.
    #[test]
    fn many_results_are_taken_by_name() {
        const MANY: usize = 100_000;
        let one = |k: usize| (format!("y{k}").into(), NewArray::new(Dtype::I32, &[k % 3], MemoryOrder::C).unwrap());
        let mut results = Results::new((0..MANY).map(one));
        for k in (0..MANY).map(|k| (k * 7919) % MANY) {
            let name = format!("y{k}");
            assert_eq!(results.shape(&name), Some(&[k % 3][..]));
            if k % 2 == 0 {
                // No run has initialised the array, so it is removed and not returned.
                results.take::<AnyArray>(&name).unwrap_err();
                assert_eq!(results.shape(&name), None);
            }
        }
        assert_eq!(results.len(), MANY / 2);
        assert!(results.names().eq((1..MANY).step_by(2).map(|k| format!("y{k}"))));
    }
}
