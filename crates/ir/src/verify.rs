//! Checks the invariants of a [`Plan`](crate::Plan): those of steps after each pass, all of them when the draft is sealed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use smallvec::SmallVec;

use crate::access::{Axis, AxisRef, AxisSet, Index, few};
use crate::draft::{ALIGN, BufferId, Draft, Form, Gemm, Layout, Region, Step, Storage, WriteMode};
use crate::dtype::Dtype;
use crate::error::{Violation, ensure};
use crate::id_vec::IdVec;
use crate::iteration_space::IterationSpace;
use crate::module::check_dtypes;
use crate::region::Lifetime;

/// Checks every invariant that [`Plan`](crate::Plan) states except those of scratch memory, which is assigned when the steps are
/// final. Returns the result of [`Draft::partition_buffers`], on which the check of scratch memory builds.
///
/// # Errors
/// [`Violation`] names the first step or buffer that breaks one.
pub fn verify_steps(draft: &Draft) -> Result<IdVec<BufferId, Option<usize>>, Violation> {
    check_buffers(draft)?;
    let mut written = IdVec::filled(draft.buffers.len(), false);
    for (k, (loops, step)) in draft.steps().enumerate() {
        check_step(draft, loops, step, &mut written).map_err(|v| Violation(format!("step {k}: {}", v.0)))?;
    }
    for output in &draft.outputs {
        ensure(written[*output], || format!("output buffer {} is never written", output.0))?;
    }
    let own = draft.partition_buffers();
    check_partitions(draft, &own)?;
    Ok(own)
}

fn check_buffers(draft: &Draft) -> Result<(), Violation> {
    let bound = |(k, b): (u32, &BufferId), storage: fn(u32) -> Storage, what: &str| {
        let holds = draft.buffers.get(*b).is_some_and(|b| b.storage == storage(k));
        ensure(holds, || format!("{what} {k} has no buffer of its own"))
    };
    (0..).zip(&draft.inputs).try_for_each(|input| bound(input, Storage::Input, "operand"))?;
    (0..).zip(&draft.outputs).try_for_each(|output| bound(output, Storage::Output, "output"))?;
    let ports = draft.inputs.len() + draft.outputs.len();
    let outside = draft.buffers.iter().filter(|b| !matches!(b.storage, Storage::Scratch(_))).count();
    ensure(ports == outside, || "a buffer belongs to no operand and no output".into())?;
    draft.buffers.iter().enumerate().try_for_each(|(k, b)| {
        let rank = b.extents.len();
        let fits = match &b.layout {
            Layout::Order(order) => is_permutation(order, rank),
            Layout::RowMajor | Layout::ColumnMajor => true,
        };
        ensure(fits, || format!("the layout of buffer {k} is not a permutation of its {rank} axes"))?;
        // An operand may have strides of 0, so its dense size may overflow.
        let countable = matches!(b.storage, Storage::Input(_)) || b.bytes().is_some();
        ensure(countable, || format!("buffer {k} has more bytes than can be addressed"))
    })
}

fn is_permutation(order: &[u32], rank: usize) -> bool {
    let mut seen = AxisSet::default();
    order.len() == rank && order.iter().all(|&axis| (axis as usize) < rank && seen.insert(axis))
}

fn check_step(
    draft: &Draft,
    loops: &[Axis],
    step: &Step,
    written: &mut IdVec<BufferId, bool>,
) -> Result<(), Violation> {
    let lookup = |b: &BufferId| {
        let buffer = draft.buffers.get(*b).ok_or_else(|| Violation(format!("no buffer {}", b.0)))?;
        Ok((buffer.dtype, &buffer.extents[..]))
    };
    let space = IterationSpace::new(&step.axes, loops, &lookup);
    step.reads.iter().try_for_each(|access| space.check_access(access))?;
    if step.form == Form::Fill {
        check_fill(step, lookup(&step.write.tensor)?.1.len())?;
    } else {
        space.check_access(&step.write)?;
    }
    // The written buffer is visited once for the write itself; a second visit is a read of it.
    let (target, mut visits, mut reads) = (step.write.tensor, 0, Ok(()));
    step.for_each_buffer(&mut |b| match draft.buffer(b).storage {
        _ if b == target => visits += 1,
        Storage::Input(_) => {}
        Storage::Output(_) if reads.is_ok() => reads = Err(Violation("reads an output".into())),
        Storage::Scratch(_) if reads.is_ok() && !written[b] => {
            reads = Err(Violation(format!("reads buffer {} before it is written", b.0)));
        }
        _ => {}
    });
    ensure(visits == 1, || "reads what it writes".into())?;
    reads?;
    let storage = draft.buffer(target).storage;
    ensure(!matches!(storage, Storage::Input(_)), || "writes to an operand".into())?;
    ensure(step.mode == WriteMode::Overwrite || written[target], || "adds to what was never written".into())?;
    ensure(!step.write.conj, || "a written access has no conjugate".into())?;
    check_operations(draft, step)?;
    if let Form::Gemm(gemm) = &step.form {
        check_gemm(step, gemm)?;
    }
    written[target] = true;
    Ok(())
}

/// Checks that the operations of a step are defined on its dtypes.
fn check_operations(draft: &Draft, step: &Step) -> Result<(), Violation> {
    let target = draft.buffer(step.write.tensor);
    let map = step.mode == WriteMode::Overwrite && step.is_map(&target.extents);
    let factors: SmallVec<[Dtype; 8]> = few(step.reads.iter().map(|read| draft.buffer(read.tensor).dtype));
    let expr = if let Form::Nest(expr) = &step.form { expr.as_deref() } else { None };
    check_dtypes(&factors, expr, &step.algebra, target.dtype, map)
}

/// Checks a fill of a buffer with `rank` axes. Its index functions are all 0; they are not checked against the extents,
/// because the buffer may be empty.
fn check_fill(step: &Step, rank: usize) -> Result<(), Violation> {
    let indices = &step.write.indices;
    let nowhere = indices.len() == rank && indices.iter().all(|i| *i == Index::constant(0));
    ensure(step.reads.is_empty() && step.axes.is_empty() && nowhere, || "a fill has no axes and reads".into())
}

fn check_gemm(step: &Step, gemm: &Gemm) -> Result<(), Violation> {
    let [a, b] = &step.reads[..] else { return Err(Violation("a gemm has two factors".into())) };
    let groups = [&gemm.batch, &gemm.m, &gemm.n, &gemm.k];
    let all: Vec<u32> = groups.into_iter().flatten().copied().collect();
    ensure(is_permutation(&all, step.axes.len()), || "the groups of a gemm are not its axes".into())?;
    let accesses = [a, b, &step.write];
    ensure(!accesses.iter().any(|access| access.has_indirect()), || "a gemm has no indirect terms".into())?;
    let uses = |axis: u32| {
        let mut found = [false; 3];
        (0..3).for_each(|k| accesses[k].for_each_axis(&mut |x| found[k] |= x == AxisRef::Own(axis)));
        found
    };
    let roles = [[true, true, true], [true, false, true], [false, true, true], [true, true, false]];
    let holds = |(group, role): (&Vec<u32>, _)| group.iter().all(|&axis| uses(axis) == role);
    ensure(groups.into_iter().zip(roles).all(holds), || "an axis of a gemm is in the wrong group".into())
}

/// Checks that partitions do not write to the same memory: a buffer that a partition writes and that is not its own
/// copy is accumulated by a single step at positions that depend on the partition, and read by none. The step has no
/// scatter indices, with which the executor may add to other positions too. `own` is the result of
/// [`Draft::partition_buffers`].
fn check_partitions(draft: &Draft, own: &IdVec<BufferId, Option<usize>>) -> Result<(), Violation> {
    let looped = |region: &Region| region.partitions.is_none() || !region.loops.is_empty();
    ensure(draft.regions.iter().all(looped), || "partitions without a loop".into())?;
    for (number, region) in draft.regions.iter().enumerate().filter(|(_, r)| r.partition_count() > 1) {
        let mut touched: HashMap<BufferId, usize> = HashMap::new();
        region.steps.iter().for_each(|step| step.for_each_buffer(&mut |b| *touched.entry(b).or_default() += 1));
        for step in region.steps.iter().filter(|step| own[step.write.tensor] != Some(number)) {
            let extent = |axis: AxisRef| axis.of(&step.axes, &region.loops).map_or(1, |axis| axis.extent);
            let apart = step.mode == WriteMode::Accumulate && !step.write.has_indirect();
            let apart = apart && step.write.is_injective_in(AxisRef::Loop(0), extent);
            let alone = touched.get(&step.write.tensor) == Some(&1);
            ensure(apart && alone, || format!("partitions meet in buffer {}", step.write.tensor.0))?;
        }
    }
    Ok(())
}

/// Bytes in use: the lifetime, the first and the last offset, and the buffer.
type ByteRange = (Lifetime, usize, usize, BufferId);

/// Checks that every scratch buffer lies inside scratch memory and that no two that are alive together share bytes; in
/// partitioned regions, the buffers of one partition among themselves, and the buffers of all partitions against the
/// others. Returns the stride of each buffer from one partition to the next; `own` marks the buffers of which
/// partitions have copies, as returned by [`Draft::partition_buffers`].
pub(crate) fn check_scratch(
    draft: &Draft,
    own: &IdVec<BufferId, Option<usize>>,
) -> Result<IdVec<BufferId, usize, 0>, Violation> {
    if !draft.has_intermediates() {
        return Ok(IdVec::default());
    }
    let lives = draft.lifetimes();
    let mut pieces: Vec<ByteRange> = Vec::new();
    let mut in_partitions: SmallVec<[Vec<ByteRange>; 1]> = SmallVec::from_elem(Vec::new(), draft.regions.len());
    for (k, buffer) in draft.buffers.entries() {
        let (Storage::Scratch(offset), Some(life)) = (buffer.storage, lives[k]) else { continue };
        let end = buffer.bytes().and_then(|n| n.checked_add(offset));
        let end = end.filter(|&e| e <= draft.scratch && offset % ALIGN == 0);
        let end = end.ok_or_else(|| Violation(format!("buffer {} is misplaced in scratch memory", k.0)))?;
        own[k].map_or(&mut pieces, |region| &mut in_partitions[region]).push((life, offset, end, k));
    }
    let (mut start, mut strides) = (0, IdVec::filled(draft.buffers.len(), 0));
    for (region, partition) in draft.regions.iter().zip(in_partitions) {
        let life = Lifetime { first: start, last: (start + region.steps.len()).saturating_sub(1) };
        start += region.steps.len();
        let low = partition.iter().map(|&(_, from, ..)| from).min();
        let (Some(low), Some(bytes)) = (low, region.partitions) else { continue };
        // Empty buffers as well, because all of them move with the partition.
        let high = partition.iter().map(|&(_, _, to, _)| to).max().unwrap_or(low);
        let end = bytes.checked_mul(region.partition_count().saturating_sub(1)).and_then(|n| n.checked_add(high));
        let end = end.filter(|&e| e <= draft.scratch && high - low <= bytes && bytes % ALIGN == 0);
        let end = end.ok_or_else(|| Violation("the partitions of a region overlap".into()))?;
        pieces.push((life, low, end, partition[0].3));
        partition.iter().for_each(|&(.., k)| strides[k] = bytes);
        check_apart(partition)?;
    }
    check_apart(pieces)?;
    Ok(strides)
}

/// Checks that no two byte ranges in use at the same time overlap: a sweep over the steps that keeps the ranges in use
/// in the order of their offsets.
fn check_apart(mut born: Vec<ByteRange>) -> Result<(), Violation> {
    // An empty range overlaps no other.
    born.retain(|(_, offset, end, _)| offset < end);
    born.sort_by_key(|(life, ..)| life.first);
    // By offset: the end and the buffer. By the last step of each: its offset.
    let mut alive: BTreeMap<usize, (usize, BufferId)> = BTreeMap::new();
    let mut deaths: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    for (life, offset, end, k) in born {
        while let Some(Reverse((_, dead))) = deaths.peek().filter(|Reverse((last, _))| *last < life.first).copied() {
            deaths.pop();
            alive.remove(&dead);
        }
        // The ranges in use do not overlap, so the last one that starts before the end reaches furthest.
        if let Some((_, &(_, other))) = alive.range(..end).next_back().filter(|(_, (reach, _))| offset < *reach) {
            let (one, other) = (k.min(other).0, k.max(other).0);
            return Err(Violation(format!("buffers {one} and {other} overlap while both are alive")));
        }
        alive.insert(offset, (end, k));
        deaths.push(Reverse((life.last, offset)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::check_scratch;
    use crate::access::{Access, Axis, AxisRef, Index, OutOfRange};
    use crate::draft::{Buffer, BufferId, Draft, Form, Gemm, Layout, Region, Step, Storage, WriteMode};
    use crate::{Algebra, Dtype, Machine, NodeId, Plan};

    /// A draft in which buffer `k` is alive during `lives[k]`, at `offset` with `bytes`.
    fn draft(lives: &[(usize, usize)], places: &[(usize, usize)], scratch: usize) -> Draft {
        let buffer = |&(offset, bytes): &(usize, usize)| Buffer {
            label: "t".into(),
            dtype: Dtype::U8,
            extents: vec![bytes].into(),
            storage: Storage::Scratch(offset),
            layout: Layout::RowMajor,
        };
        let touches = |at: usize, k: usize| Access::new(BufferId(k as u32), vec![Index::constant(at as i64)]);
        let step = |at: usize| {
            let alive = (0..lives.len()).filter(|&k| lives[k].0 == at || lives[k].1 == at);
            let write = Access::new(BufferId(lives.len() as u32), vec![Index::constant(0)]);
            let reads = alive.map(|k| touches(at, k)).collect();
            let (origin, mode, algebra, form) = (NodeId(0), WriteMode::Overwrite, Algebra::SUM_PRODUCT, Form::Fill);
            Step { origin, axes: Vec::new(), reads, write, mode, algebra, form }
        };
        let last = lives.iter().map(|life| life.1).max().unwrap_or(0);
        let mut buffers: Vec<Buffer> = places.iter().map(buffer).collect();
        buffers.push(Buffer { storage: Storage::Output(0), ..buffer(&(0, 1)) });
        let regions = smallvec![Region { loops: Vec::new(), steps: (0..=last).map(step).collect(), partitions: None }];
        Draft {
            buffers: buffers.into_iter().collect(),
            regions,
            inputs: smallvec![],
            outputs: smallvec![BufferId(lives.len() as u32)],
            scratch,
            machine: Machine::DEFAULT,
        }
    }

    /// A draft of one step, which writes a result and reads operands of these extents.
    fn one(result: &[usize], operands: &[&[usize]], axes: &[usize], write: Access<BufferId>, form: Form) -> Draft {
        let buffer = |storage, extents: &[usize]| Buffer {
            label: "t".into(),
            dtype: Dtype::I64,
            extents: extents.into(),
            storage,
            layout: Layout::RowMajor,
        };
        let given = (0..).zip(operands).map(|(k, extents)| buffer(Storage::Input(k), extents));
        let buffers: Vec<_> = std::iter::once(buffer(Storage::Output(0), result)).chain(given).collect();
        let reads = (1..).zip(operands).map(|(k, extents)| Access::plain(BufferId(k), 0..extents.len() as u32));
        let reads = if form == Form::Fill { Vec::new() } else { reads.collect() };
        let axes = axes.iter().map(|&extent| Axis::new("a", extent)).collect();
        let (origin, mode, algebra) = (NodeId(0), WriteMode::Overwrite, Algebra::SUM_PRODUCT);
        let steps = vec![Step { origin, axes, reads, write, mode, algebra, form }];
        let inputs = (1..=operands.len() as u32).map(BufferId).collect();
        let regions = smallvec![Region { loops: Vec::new(), steps, partitions: None }];
        Draft {
            buffers: buffers.into_iter().collect(),
            regions,
            inputs,
            outputs: smallvec![BufferId(0)],
            scratch: 0,
            machine: Machine::DEFAULT,
        }
    }

    /// Index tensors nested to this depth.
    fn nested(depth: usize) -> Access<BufferId> {
        let ids = |access, _| Access::new(BufferId(1), vec![Index::gather(access, OutOfRange::Error)]);
        (1..depth).fold(Access::new(BufferId(1), vec![Index::constant(0)]), ids)
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let (nest, fill) = (|| Form::Nest(None), || Form::Fill);
        let write = |buffer, indices| Access::new(BufferId(buffer), indices);
        let zero = || Index::constant(0);
        let gather = |depth| write(0, vec![Index::gather(nested(depth), OutOfRange::Error)]);
        let group = || Gemm { batch: vec![], m: vec![9], n: vec![u32::MAX], k: vec![] };
        let wide = usize::MAX;
        for draft in [
            one(&[], &[], &[], write(9, vec![]), fill()),
            one(&[], &[], &[], write(9, vec![]), nest()),
            one(&[2], &[], &[2], Access::plain(BufferId(0), [7]), fill()),
            one(&[2], &[], &[2], Access::plain(BufferId(0), [7]), nest()),
            one(&[2], &[], &[], write(0, vec![Index::affine(0, [(1, AxisRef::Loop(3))])]), nest()),
            one(&[2], &[], &[], write(0, vec![Index::gather(write(9, vec![]), OutOfRange::Drop)]), fill()),
            one(&[2], &[], &[], write(0, vec![Index::gather(write(9, vec![]), OutOfRange::Drop)]), nest()),
            one(&[2], &[&[3]], &[3], gather(1000), nest()),
            one(&[], &[&[2], &[2]], &[2], write(0, vec![]), Form::Gemm(group())),
            one(&[], &[&[wide]], &[wide], write(0, vec![]), nest()),
            one(&[0, 1 << 40, 1 << 40], &[], &[], write(0, vec![zero(), zero(), zero()]), fill()),
            one(&[1 << 40, 1 << 40, 0], &[], &[], write(0, vec![zero(), zero(), zero()]), fill()),
            one(&[1 << 60], &[], &[], write(0, vec![zero()]), fill()),
        ] {
            assert!(Plan::seal(draft.clone()).is_err(), "{draft:?}");
            // Nor do functions that are called before the check panic or hang.
            _ = (draft.lifetimes(), draft.partition_buffers(), draft.flops());
            draft.steps().for_each(|(_, step)| _ = step.is_map(&[2]));
        }
        Plan::seal(one(&[2], &[&[3]], &[3], gather(3), nest())).unwrap();
        Plan::seal(one(&[0, 1 << 40], &[], &[], write(0, vec![zero(), zero()]), fill())).unwrap();
    }

    #[test]
    fn an_operation_that_a_dtype_lacks_is_refused() {
        let draft = |dtype, operands: &[&[usize]]| {
            let nest = Form::Nest(None);
            let mut draft = one(&[2], operands, &[2], Access::plain(BufferId(0), [0]), nest);
            draft.buffers.iter_mut().for_each(|buffer| buffer.dtype = dtype);
            draft.regions[0].steps[0].algebra = Algebra::MAX_PLUS;
            draft
        };
        assert!(Plan::seal(draft(Dtype::F64, &[&[2], &[2]])).is_ok());
        let error = Plan::seal(draft(Dtype::C64, &[&[2], &[2]])).unwrap_err();
        assert_eq!(error.0, "step 0: (max, +) is not defined on c64");
        assert!(Plan::seal(draft(Dtype::C64, &[])).is_err());
        // A copy applies no operation.
        assert!(Plan::seal(draft(Dtype::C64, &[&[2]])).is_ok());
    }

    #[test]
    fn bytes_are_countable_in_any_order_of_the_axes() {
        let bytes = |dtype, extents: &[usize]| {
            let (label, storage, layout) = ("t".into(), Storage::Input(0), Layout::RowMajor);
            Buffer { label, dtype, extents: extents.into(), storage, layout }.bytes()
        };
        assert_eq!(bytes(Dtype::F64, &[2, 3]), Some(48));
        assert_eq!(bytes(Dtype::F64, &[1 << 40, 0]), Some(0));
        assert_eq!(bytes(Dtype::F64, &[1 << 40, 1 << 40, 0]), None);
        assert_eq!(bytes(Dtype::F64, &[0, 1 << 40, 1 << 40]), None);
        assert_eq!(bytes(Dtype::F64, &[1 << 60]), None);
        // Elements without bytes are counted as well.
        assert_eq!(bytes(Dtype::custom::<()>(), &[1 << 62]), Some(0));
        assert_eq!(bytes(Dtype::custom::<()>(), &[1 << 32, 1 << 32]), None);
    }

    #[test]
    fn scratch_buffers_are_apart_in_place_or_in_time() {
        let refused = |draft: Draft| check_scratch(&draft, &draft.partition_buffers()).map(drop).map_err(|v| v.0);
        assert_eq!(refused(draft(&[(0, 1), (2, 3)], &[(0, 64), (0, 64)], 64)), Ok(()));
        assert_eq!(refused(draft(&[(0, 2), (2, 3)], &[(0, 64), (64, 64)], 128)), Ok(()));
        let clash = Err("buffers 0 and 1 overlap while both are alive".to_string());
        assert_eq!(refused(draft(&[(0, 2), (2, 3)], &[(0, 65), (64, 64)], 128)), clash);
        assert_eq!(refused(draft(&[(1, 2), (0, 3)], &[(64, 64), (0, 256)], 256)), clash);
        assert_eq!(refused(draft(&[(0, 0)], &[(1, 1)], 64)), Err("buffer 0 is misplaced in scratch memory".into()));
        assert_eq!(refused(draft(&[(0, 0)], &[(64, 1)], 64)), Err("buffer 0 is misplaced in scratch memory".into()));
    }

    #[test]
    fn the_sweep_finds_what_pairs_find() {
        let mut state = 5_u32;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % bound
        };
        let mut clashes = 0;
        for _ in 0..2000 {
            let lives: Vec<_> =
                (0..4).map(|_| (below(5), below(4))).map(|(first, more)| (first, first + more)).collect();
            let places: Vec<_> = (0..4).map(|_| (Plan::ALIGN * below(6), 1 + below(2 * Plan::ALIGN))).collect();
            let pairs = (0..4).flat_map(|a| (0..a).map(move |b| (a, b)));
            let meets = |a: (usize, usize), b: (usize, usize)| a.0 < b.1 && b.0 < a.1;
            let piece = |k: usize| (places[k].0, places[k].0 + places[k].1);
            let time = |k: usize| (lives[k].0, lives[k].1 + 1);
            let clash = pairs.into_iter().any(|(a, b)| meets(piece(a), piece(b)) && meets(time(a), time(b)));
            let draft = draft(&lives, &places, 1 << 20);
            assert_eq!(check_scratch(&draft, &draft.partition_buffers()).is_err(), clash, "{lives:?} {places:?}");
            clashes += usize::from(clash);
        }
        assert!((200..1800).contains(&clashes), "{clashes}");
    }
}
