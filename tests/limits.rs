//! A sliced contraction keeps to its memory limit as the system counts it: peak resident memory, in a process of its own.

use std::process::Command;

use einfold::ndarray::ArrayD;
use einfold::{AnyView, Dtype, MemoryOrder, NewArray, TensorType};
use einfold_exec::{Control, Options, Scratch, evaluate};
use einfold_ir::{Ir, Tree};
use einfold_order::Slice;
use einfold_plan::{Hints, Memory, PassSet, Route, apply, lower, optimize};
use einfold_syntax::{parse, resolve};

/// Four tensors of three axes each; what the first two make has four.
const TEXT: &str = "abc,ade,bdf,cef->";
/// The extent of every axis: an operand has 3 MB, the intermediate 215 MB.
const EXTENT: usize = 72;
/// What the sliced contraction may take, in bytes, threads and buffers of kernels included.
const LIMIT: u64 = 32 << 20;

/// Runs in so many slices of `b`, as the limit for scratch memory asks for.
fn run(ir: &Ir, operands: &[ArrayD<f64>], parts: u64, limit: Option<u64>) -> f64 {
    let tree = Tree::from_ssa(4, &[vec![0, 1], vec![2, 4], vec![3, 5]]).unwrap();
    let b = axis_named(ir, "b");
    let slices: Vec<Slice> = (parts > 1).then_some(Slice { axis: b, parts }).into_iter().collect();
    let mut routes = vec![None; ir.nodes().len()];
    *routes.last_mut().unwrap() = Some(Route { slices: &slices, lanes: 1, tree: &tree });
    let draft = lower(&apply(ir, &routes).unwrap(), &Hints::default()).unwrap();
    let plan = optimize(draft, PassSet::ALL, &mut |_, _, _| {}).unwrap();
    let memory = limit.map(|limit| usize::try_from(limit).unwrap());
    assert!(limit.is_none_or(|limit| Memory::of(&plan).total() <= limit.into()), "{:?}", Memory::of(&plan));
    let views: Vec<AnyView<'_>> = operands.iter().map(|x| x.view().into()).collect();
    let mut out = [NewArray::new::<f64>(&[], MemoryOrder::C).unwrap()];
    let options = Options { memory, ..Options::default() };
    evaluate(&plan, &views, &mut out, &options, &mut Scratch::new(), &Control::default()).unwrap();
    let [out] = out;
    out.into_array::<f64>().unwrap()[[]]
}

fn axis_named(ir: &Ir, label: &str) -> u32 {
    let einfold_ir::Def::Contract(c) = &ir.nodes().last().unwrap().def else { panic!("{ir}") };
    c.axes.iter().position(|axis| &*axis.label == label).unwrap() as u32
}

/// The most resident memory of this process so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn in_a_process_of_its_own() {
    let shape = [EXTENT; 3];
    let numbers = |seed: usize| move |k: usize| ((k * 7 + seed * 13) % 11) as f64 / 11.0 - 0.4;
    let operand = |seed| ArrayD::from_shape_vec(&shape[..], (0..EXTENT.pow(3)).map(numbers(seed)).collect()).unwrap();
    let operands: Vec<ArrayD<f64>> = (0..4).map(operand).collect();
    let ty = TensorType { name: None, dtype: Dtype::F64, shape: shape.to_vec(), conj: false };
    let ir = resolve(&parse(TEXT).unwrap(), &vec![ty; 4], &Default::default()).unwrap();
    let before = peak();
    let sliced = run(&ir, &operands, 24, Some(LIMIT));
    let used = peak() - before;
    let whole = run(&ir, &operands, 1, None);
    let unsliced = peak() - before;
    println!("{used} bytes in slices, {unsliced} without");
    assert!(used <= LIMIT && unsliced > 6 * LIMIT, "{used} {unsliced}");
    assert!((sliced - whole).abs() <= 1e-12 * whole.abs(), "{sliced} {whole}");
}

#[test]
#[cfg(target_os = "linux")]
fn slices_keep_to_the_limit_in_resident_memory() {
    let test = std::env::current_exe().unwrap();
    let child = Command::new(test).args(["limits::in_a_process_of_its_own", "--exact", "--ignored"]).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}
