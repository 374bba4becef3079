//! The results of a program, by name.

use crate::array::AnyArray;
use crate::dynamic::Arrays;
use crate::error::{Error, NamesProblem};
use crate::output::{Output, OutputType, Outputs};
use crate::plan::Plan;
use einfold_exec::{AnyView, NewArray};
use einfold_ir::{Dtype, Label};

/// The results of a program, to be taken out by name; of an expression without names, by `""`.
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
pub struct Results(Vec<(Label, NewArray)>);

impl Results {
    /// The names of the results that have not been taken, in the order of the program.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// How many results there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all results have been taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<&NewArray> {
        self.0.iter().find(|(own, _)| &**own == name).map(|(_, array)| array)
    }

    /// The element type of a result.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.get(name).map(NewArray::dtype)
    }

    /// The extents of a result.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(NewArray::shape)
    }

    /// The elements of a result.
    pub fn view(&self, name: &str) -> Option<AnyView<'_>> {
        self.get(name).and_then(NewArray::view)
    }

    /// Takes a result out, as an array, a scalar or an [`AnyArray`].
    ///
    /// # Errors
    /// [`Names`](crate::ErrorKind::Names) if there is no result of this name; [`OutputDtype`](crate::ErrorKind::OutputDtype)
    /// and [`OutputRank`](crate::ErrorKind::OutputRank) if it is of another type, and then it is still there.
    pub fn take<A: Output>(&mut self, name: &str) -> Result<A, Error> {
        let index = self.0.iter().position(|(own, _)| &**own == name).ok_or_else(|| NamesProblem::NoResult {
            name: name.into(),
            there: self.names().map(Into::into).collect(),
        })?;
        let array = &self.0[index].1;
        A::fits(&OutputType { index, name: Some(name), dtype: array.dtype(), shape: array.shape() })?;
        A::receive(self.0.remove(index).1, index)
    }

    /// All results as they are, with their names.
    ///
    /// # Errors
    /// [`NotBuiltin`](crate::ErrorKind::NotBuiltin) if one has elements of a user's type.
    pub fn into_arrays(self) -> Result<Vec<(String, AnyArray)>, Error> {
        let one = |(output, (name, array)): (usize, (Label, NewArray))| {
            Ok((name.to_string(), <AnyArray as Output>::receive(array, output)?))
        };
        self.0.into_iter().enumerate().map(one).collect()
    }
}

impl Outputs for Results {
    fn fits(_plan: &Plan) -> Result<(), Error> {
        Ok(())
    }

    fn receive(arrays: Arrays, plan: &Plan) -> Result<Results, Error> {
        let names = plan.outputs().map(|output| output.name.unwrap_or_default().into());
        Ok(Results(names.zip(arrays).collect()))
    }
}
