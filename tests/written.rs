//! Tensors in the notation of the documents: `[1 2 3]`, `f32 [[0.5 1.0]]`, `ci32 1+2i`, `bool 1`; `…` stands for
//! omitted digits.

use einfold_ir::Dtype;

use crate::num::{Num, Tensor};

/// A tensor with a tolerance for each element.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) tensor: Tensor,
    slack: Vec<f64>,
}

impl Written {
    /// Parses an optional dtype and numbers in brackets. The default dtype is `f64` if a number has a point, otherwise
    /// `i64`.
    pub(crate) fn read(text: &str) -> Written {
        let (first, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let (dtype, numbers) = match Dtype::from_name(first) {
            Some(dtype) => (dtype, rest),
            None if text.contains(['.', 'n']) => (Dtype::F64, text),
            None => (Dtype::I64, text),
        };
        let spaced = numbers.replace('[', " [ ").replace(']', " ] ");
        let (mut shape, mut open) = (Vec::<Option<usize>>::new(), Vec::new());
        let (mut data, mut slack) = (Vec::new(), Vec::new());
        for word in spaced.split_whitespace() {
            match word {
                "[" => {
                    open.push(0);
                    shape.resize(shape.len().max(open.len()), None);
                }
                "]" => {
                    let count = open.pop().expect(text);
                    assert_eq!(*shape[open.len()].get_or_insert(count), count, "{text}");
                    open.last_mut().into_iter().for_each(|count| *count += 1);
                }
                number => {
                    data.push(num(number).to(dtype));
                    slack.push(reach(number, dtype));
                    open.last_mut().into_iter().for_each(|count| *count += 1);
                }
            }
        }
        let shape: Vec<usize> = shape.into_iter().flatten().collect();
        assert_eq!(data.len(), shape.iter().product::<usize>(), "{text}");
        Written { tensor: Tensor { dtype, shape, data }, slack }
    }

    /// Describes the first difference from the documented tensor.
    pub(crate) fn differs(&self, found: &Tensor) -> Option<String> {
        let want = &self.tensor;
        if (found.dtype, &found.shape) != (want.dtype, &want.shape) {
            return found.differs(want, 0.0);
        }
        let same = |found: Num, want: Num, slack: f64| match (found, want) {
            (Num::Int(..), Num::Int(..)) => found == want,
            _ => near(found.parts().0, want.parts().0, slack) && near(found.parts().1, want.parts().1, slack),
        };
        let all = found.data.iter().zip(&want.data).zip(&self.slack);
        let wrong = all.into_iter().position(|((&found, &want), &slack)| !same(found, want, slack));
        wrong.map(|at| format!("element {at} is {:?}, not {:?}", found.data[at], want.data[at]))
    }
}

fn near(a: f64, b: f64, slack: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= slack
}

fn num(word: &str) -> Num {
    let word = word.trim_end_matches('…');
    let float = |text: &str| text.parse::<f64>().expect(word);
    if let Some(complex) = word.strip_suffix('i') {
        let (re, im) = complex.split_at(complex.rfind(['+', '-']).expect(word));
        return match (re.parse(), im.parse()) {
            (Ok(re), Ok(im)) => Num::Int(re, im),
            _ => Num::Float(float(re), float(im)),
        };
    }
    word.parse().map_or_else(|_| Num::Float(float(word), 0.0), |int| Num::Int(int, 0))
}

/// The tolerance of a number: one unit of the last digit if digits are omitted, otherwise a few rounding errors.
fn reach(word: &str, dtype: Dtype) -> f64 {
    match (word.strip_suffix('…'), dtype) {
        (Some(digits), _) => 0.1f64.powi(digits.split_once('.').map_or(0, |(_, after)| after.len()) as i32),
        (None, Dtype::F32) => 1e-6 * num(word).parts().0.abs(),
        (None, _) => 1e-12 * num(word).parts().0.abs(),
    }
}

#[test]
fn what_is_written_is_read() {
    let read = |text: &str| Written::read(text).tensor;
    assert_eq!(read("[[1 2] [3 4]]"), Tensor::ints(Dtype::I64, &[2, 2], 1..=4));
    assert_eq!(read("bool 1"), Tensor::ints(Dtype::Bool, &[], [1]));
    assert_eq!((read("[[] []]").shape, read("f64 []").shape), (vec![2, 0], vec![0]));
    assert_eq!(read("[-inf 0.5]").data, [Num::Float(f64::NEG_INFINITY, 0.0), Num::Float(0.5, 0.0)]);
    assert_eq!(read("ci32 1-2i").data, [Num::Int(1, -2)]);
    let cut = Written::read("0.33…");
    assert_eq!(cut.differs(&read("0.3333333")), None);
    assert!(cut.differs(&read("0.335")).is_none() && cut.differs(&read("0.35")).is_some());
    assert!(
        Written::read("1.0").differs(&read("1.001")).is_some() && Written::read("1.0").differs(&read("1")).is_some()
    );
}
