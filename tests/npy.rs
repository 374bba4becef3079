//! The .npy format by its specification, for the tests of the command line tool: version 1.0, little-endian.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::fs;
use std::path::Path;

use einfold_ir::Dtype;
use half::f16;

use crate::num::{Num, Tensor, points};

/// The dtypes that both the format and einfold have, as the format writes them.
const DESCR: [(&str, Dtype); 14] = [
    ("|b1", Dtype::Bool),
    ("|i1", Dtype::I8),
    ("<i2", Dtype::I16),
    ("<i4", Dtype::I32),
    ("<i8", Dtype::I64),
    ("|u1", Dtype::U8),
    ("<u2", Dtype::U16),
    ("<u4", Dtype::U32),
    ("<u8", Dtype::U64),
    ("<f2", Dtype::F16),
    ("<f4", Dtype::F32),
    ("<f8", Dtype::F64),
    ("<c8", Dtype::C32),
    ("<c16", Dtype::C64),
];

/// Writes a tensor in C or Fortran order.
pub(crate) fn write(path: &Path, tensor: &Tensor, fortran: bool) {
    let descr = DESCR.iter().find(|d| d.1 == tensor.dtype).unwrap().0;
    let shape: String = tensor.shape.iter().map(|n| format!("{n},")).collect();
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}");
    header += &" ".repeat(63 - (header.len() + 10) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    let reversed: Vec<usize> = tensor.shape.iter().rev().copied().collect();
    for mut point in points(if fortran { &reversed } else { &tensor.shape }) {
        if fortran {
            point.reverse();
        }
        bytes.extend(element_bytes(tensor.dtype, tensor.data[tensor.offset(point)]));
    }
    fs::write(path, bytes).unwrap();
}

/// Reads a tensor in C order.
pub(crate) fn read(path: &Path) -> Tensor {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let (header, data) = bytes[10..].split_at(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])));
    let header = std::str::from_utf8(header).unwrap();
    let field = |name: &str, end: char| {
        let from = header.find(name).unwrap() + name.len();
        header[from..].split(end).next().unwrap()
    };
    assert_eq!(field("'fortran_order': ", ','), "False", "a result is in C order");
    let descr = field("'descr': '", '\'');
    let dtype = DESCR.iter().find(|d| d.0 == descr).unwrap().1;
    let shape = field("'shape': (", ')').split(',').filter_map(|n| n.trim().parse().ok()).collect();
    Tensor { dtype, shape, data: data.chunks_exact(dtype.size()).map(|b| element(dtype, b)).collect() }
}

/// The element with these little-endian bytes.
pub(crate) fn element(dtype: Dtype, bytes: &[u8]) -> Num {
    let single = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().unwrap()));
    let double = |b: &[u8]| f64::from_le_bytes(b.try_into().unwrap());
    match dtype {
        Dtype::F16 => Num::Float(f16::from_le_bytes(bytes.try_into().unwrap()).into(), 0.0),
        Dtype::F32 => Num::Float(single(bytes), 0.0),
        Dtype::F64 => Num::Float(double(bytes), 0.0),
        Dtype::C32 => Num::Float(single(&bytes[..4]), single(&bytes[4..])),
        Dtype::C64 => Num::Float(double(&bytes[..8]), double(&bytes[8..])),
        _ => {
            let bits = bytes.iter().rev().fold(0, |bits, &b| bits << 8 | i128::from(b));
            Num::Int(bits, 0).to(dtype)
        }
    }
}

fn element_bytes(dtype: Dtype, x: Num) -> Vec<u8> {
    let (re, im) = x.parts();
    let singles = |parts: &[f64]| parts.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
    let doubles = |parts: &[f64]| parts.iter().flat_map(|x| x.to_le_bytes()).collect();
    match (dtype, x) {
        (Dtype::F16, _) => f16::from_f64(re).to_le_bytes().to_vec(),
        (Dtype::F32, _) => singles(&[re]),
        (Dtype::F64, _) => doubles(&[re]),
        (Dtype::C32, _) => singles(&[re, im]),
        (Dtype::C64, _) => doubles(&[re, im]),
        (_, Num::Int(re, _)) => re.to_le_bytes()[..dtype.size()].to_vec(),
        (_, Num::Float(..)) => unreachable!("{x:?} is no {dtype}"),
    }
}
