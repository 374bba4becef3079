//! A server that runs texts on data of another process and reports the time of each run, so that both sides can be
//! measured alternately.
//!
//! A command is one line of words separated by tabs:
//! * `plan`, the name of an algebra, a text, a number of threads (0: all), and for each operand a dtype, a shape and a
//!   file of raw elements in native byte order, as `f64 1000x32 x.raw`: reads and plans; answers `planned`.
//! * `run`: runs into a new array, with the scratch memory of the previous run; answers the time of the run in seconds.
//! * `save` and a file: writes the raw elements of the last result; answers its dtype and shape.
//!
//! A failed command is answered by `error` and the reason.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use einfold::ndarray::{ArrayD, IxDyn};
use einfold::{
    AnyArray, Expression, Plan, Scratch,
    algebra::{MaxMin, MaxPlus, MaxTimes, MinPlus, MinTimes},
};

/// The plan that `run` runs, and its operands.
struct Work {
    plan: Plan,
    operands: Vec<AnyArray>,
    threads: usize,
    scratch: Scratch,
    result: Option<AnyArray>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut work = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let answer =
            answer(&mut work, &words).unwrap_or_else(|e| format!("error {}", e.to_string().replace('\n', " ")));
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn answer(work: &mut Option<Work>, words: &[&str]) -> Result<String, Box<dyn Error>> {
    match (words, work) {
        (["plan", algebra, text, threads, operands @ ..], work) => {
            *work = Some(plan(algebra, text, threads.parse()?, operands)?);
            Ok("planned".into())
        }
        (["run"], Some(work)) => work.run(),
        (["save", file], Some(Work { result: Some(result), .. })) => save(result, file),
        _ => Err("unknown command, or nothing is planned".into()),
    }
}

impl Work {
    fn run(&mut self) -> Result<String, Box<dyn Error>> {
        self.result = None;
        let start = Instant::now();
        let call = self.plan.call(&self.operands).threads(self.threads).scratch(&mut self.scratch);
        self.result = Some(call.run_any()?);
        Ok(start.elapsed().as_secs_f64().to_string())
    }
}

fn plan(algebra: &str, text: &str, threads: usize, operands: &[&str]) -> Result<Work, Box<dyn Error>> {
    let operands = operands.iter().map(|o| read(o)).collect::<Result<Vec<_>, _>>()?;
    let expression = Expression::new(&text.replace("\\n", "\n"))?;
    let expression = match algebra {
        "sum-product" => expression,
        "min-plus" => expression.algebra(MinPlus),
        "max-plus" => expression.algebra(MaxPlus),
        "max-times" => expression.algebra(MaxTimes),
        "min-times" => expression.algebra(MinTimes),
        "max-min" => expression.algebra(MaxMin),
        other => return Err(format!("no algebra {other}").into()),
    };
    let plan = expression.plan_for(&operands)?;
    Ok(Work { plan, operands, threads, scratch: Scratch::new(), result: None })
}

/// The element types that can be exchanged.
macro_rules! numbers {
    ($with:ident) => {
        $with! { F32: f32, F64: f64, I32: i32, I64: i64 }
    };
}

fn read(operand: &str) -> Result<AnyArray, Box<dyn Error>> {
    let [dtype, shape, file] = operand.split(' ').collect::<Vec<_>>()[..] else { return Err("no operand".into()) };
    let shape = shape.split('x').filter(|e| !e.is_empty()).map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let bytes = std::fs::read(file)?;
    macro_rules! of {
        ($($tag:ident: $t:ident),*) => {
            match dtype {
                $(stringify!($t) => {
                    let (elements, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                    let elements = elements.iter().map(|&e| $t::from_ne_bytes(e)).collect();
                    AnyArray::from(ArrayD::from_shape_vec(IxDyn(&shape), elements)?)
                })*
                other => return Err(format!("no dtype {other}").into()),
            }
        };
    }
    Ok(numbers!(of))
}

fn save(result: &AnyArray, file: &str) -> Result<String, Box<dyn Error>> {
    macro_rules! of {
        ($($tag:ident: $t:ident),*) => {
            match result {
                $(AnyArray::$tag(x) => x.iter().flat_map(|e| e.to_ne_bytes()).collect::<Vec<u8>>(),)*
                other => return Err(format!("no dtype {}", other.dtype()).into()),
            }
        };
    }
    std::fs::write(file, numbers!(of))?;
    let shape = result.shape().iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    Ok(format!("{} {shape}", result.dtype()))
}
