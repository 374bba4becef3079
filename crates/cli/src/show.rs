//! Arrays as text, as by `str(array)` of NumPy 2 with its default print options: aligned columns, lines of at most 75
//! characters, eight digits after the point, and only the corners of arrays of more than a thousand elements.

mod float;
mod grid;
mod number;
mod scalar;

use einfold::AnyArray;
use einfold::ndarray::{ArrayD, CowArray, IxDyn};
use float::{FloatFormat, Real};
use grid::EDGE;
use num_complex::Complex;
use std::fmt::Display;
use std::io::{self, Write};

/// The number of elements above which only the corners are shown.
const THRESHOLD: usize = 1000;

/// Writes the text of an array and a line break. `full` shows all elements.
///
/// # Errors
/// The errors of the writer, and `Unsupported` for an element type that NumPy does not have.
pub(crate) fn show(array: &AnyArray, full: bool, to: &mut impl Write) -> io::Result<()> {
    match array {
        AnyArray::Bool(a) => show_bools(a, full, to),
        AnyArray::I8(a) => show_integers(a, full, to),
        AnyArray::I16(a) => show_integers(a, full, to),
        AnyArray::I32(a) => show_integers(a, full, to),
        AnyArray::I64(a) => show_integers(a, full, to),
        AnyArray::U8(a) => show_integers(a, full, to),
        AnyArray::U16(a) => show_integers(a, full, to),
        AnyArray::U32(a) => show_integers(a, full, to),
        AnyArray::U64(a) => show_integers(a, full, to),
        AnyArray::F16(a) => show_floats(a, full, to),
        AnyArray::F32(a) => show_floats(a, full, to),
        AnyArray::F64(a) => show_floats(a, full, to),
        AnyArray::C32(a) => show_complexes(a, full, to),
        AnyArray::C64(a) => show_complexes(a, full, to),
        other => Err(io::Error::new(io::ErrorKind::Unsupported, format!("NumPy has no type {}", other.dtype()))),
    }
}

fn show_bools(array: &ArrayD<bool>, full: bool, to: &mut impl Write) -> io::Result<()> {
    if let Some(value) = only(array) {
        return writeln!(to, "{}", if value { "True" } else { "False" });
    }
    let word = |value: bool| if value { " True" } else { "False" }.to_owned();
    grid::write(&corners(array, full), array.shape(), word, to)
}

fn show_integers<T: Copy + Ord + Display>(array: &ArrayD<T>, full: bool, to: &mut impl Write) -> io::Result<()> {
    if let Some(value) = only(array) {
        return writeln!(to, "{value}");
    }
    let seen = corners(array, full);
    let extremes = [seen.iter().max(), seen.iter().min()];
    let width = extremes.into_iter().flatten().map(|v| v.to_string().len()).max().unwrap_or(0);
    grid::write(&seen, array.shape(), |value| format!("{value:>width$}"), to)
}

fn show_floats<T: Real>(array: &ArrayD<T>, full: bool, to: &mut impl Write) -> io::Result<()> {
    if let Some(value) = only(array) {
        return writeln!(to, "{}", scalar::float(value));
    }
    let seen = corners(array, full);
    let format = FloatFormat::new(seen.iter().copied(), false);
    grid::write(&seen, array.shape(), |value| format.word(value), to)
}

fn show_complexes<T: Real>(array: &ArrayD<Complex<T>>, full: bool, to: &mut impl Write) -> io::Result<()> {
    if let Some(value) = only(array) {
        return writeln!(to, "{}", scalar::complex(value));
    }
    let seen = corners(array, full);
    let real = FloatFormat::new(seen.iter().map(|z| z.re), false);
    let imaginary = FloatFormat::new(seen.iter().map(|z| z.im), true);
    let word = |z: Complex<T>| {
        let padded = imaginary.word(z.im);
        let digits = padded.trim_end();
        format!("{}{digits}j{}", real.word(z.re), &padded[digits.len()..])
    };
    grid::write(&seen, array.shape(), word, to)
}

/// Returns the element of an array without axes.
fn only<T: Copy>(array: &ArrayD<T>) -> Option<T> {
    array.first().copied().filter(|_| array.ndim() == 0)
}

/// Returns the elements to show: all of them, or the first and last [`EDGE`] along each axis that is longer than both
/// together. The format depends on these alone.
fn corners<T: Copy>(array: &ArrayD<T>, full: bool) -> CowArray<'_, T, IxDyn> {
    if full || array.len() <= THRESHOLD {
        return array.into();
    }
    let shape: Vec<usize> = array.shape().iter().map(|&extent| extent.min(2 * EDGE)).collect();
    let seen = ArrayD::from_shape_fn(shape, |mut index| {
        for (axis, &extent) in array.shape().iter().enumerate() {
            if extent > 2 * EDGE && index[axis] >= EDGE {
                index[axis] += extent - 2 * EDGE;
            }
        }
        array[index]
    });
    seen.into()
}
