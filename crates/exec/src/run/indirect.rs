//! Reads each gather and scatter index once, checks the position that it gives by the out-of-range policy, and computes
//! the offset of the position. Only checked positions address memory.

use einfold_ir::{BufferId, Dtype};
use smallvec::SmallVec;

use super::Run;
use crate::bound_program::{
    CheckedPosition, DisplacedAccess, IndexOp, IndexRead, ListRange, PositionTerm, TermVariable,
};
use crate::error::{IndexOutOfRange, RunStopped};

/// Why a point is not computed.
pub(super) enum SkipReason {
    /// A position is outside its axis, and the policy drops the point.
    Dropped,
    /// A position is outside its axis, which is an error.
    OutOfRange(OutOfRangePosition),
}

/// A position outside its axis, and the instruction that found it.
pub(super) struct OutOfRangePosition {
    instruction: usize,
    at: i128,
}

/// The offsets of the operands of a nest at one position of its outer loops, from gather and scatter indices.
pub(super) struct IndirectOffsets<'r> {
    run: &'r Run<'r>,
    program: ListRange,
    iteration: &'r [usize],
    /// The index that each read returned.
    values: SmallVec<[i128; 4]>,
    /// The offset of each read, from other indices.
    inner: SmallVec<[isize; 4]>,
    /// The offset of each operand.
    offsets: SmallVec<[isize; 16]>,
    /// The address of each read at position 0 in this iteration.
    starts: SmallVec<[*const u8; 4]>,
}

impl<'r> IndirectOffsets<'r> {
    /// The offsets for a nest of `operands` operands with these instructions, in one iteration of the region.
    pub(super) fn new(
        run: &'r Run<'r>,
        program: ListRange,
        iteration: &'r [usize],
        operands: usize,
    ) -> IndirectOffsets<'r> {
        let mut offsets = IndirectOffsets {
            run,
            program,
            iteration,
            values: SmallVec::new(),
            inner: SmallVec::new(),
            offsets: SmallVec::from_elem(0, operands),
            starts: SmallVec::new(),
        };
        let reads = offsets.reads().count();
        offsets.values.resize(reads, 0);
        offsets.inner.resize(reads, 0);
        offsets.starts.resize(reads, std::ptr::null());
        for instruction in &run.program.index_ops[program.range()] {
            if let IndexOp::Read(read) = instruction {
                offsets.starts[read.number] = run.base(read.operand, iteration);
            }
        }
        offsets
    }

    fn reads(&self) -> impl Iterator<Item = &IndexRead> {
        self.run.program.index_ops[self.program.range()].iter().filter_map(|op| match op {
            IndexOp::Read(read) => Some(read),
            IndexOp::Check(_) => None,
        })
    }

    /// The offset of an operand in bytes.
    pub(super) fn offset(&self, operand: usize) -> isize {
        self.offsets[operand]
    }

    /// Computes all offsets at this position of the outer loops.
    #[inline]
    pub(super) fn evaluate(&mut self, at: &[usize]) -> Result<(), SkipReason> {
        if self.program.len == 0 {
            return Ok(());
        }
        self.inner.fill(0);
        self.offsets.fill(0);
        for instruction in self.program.range() {
            match &self.run.program.index_ops[instruction] {
                IndexOp::Read(read) => self.values[read.number] = self.read_index(read, at),
                IndexOp::Check(position) => {
                    let index = self.check(position, at).map_err(|miss| miss.of(instruction))?;
                    // The position is inside the axis, so the product is the distance of two elements of the tensor.
                    let bytes = position.stride.wrapping_mul(index as isize);
                    let offset = match position.access {
                        DisplacedAccess::Operand(x) => &mut self.offsets[x],
                        DisplacedAccess::Read(number) => &mut self.inner[number],
                    };
                    *offset = offset.wrapping_add(bytes);
                }
            }
        }
        Ok(())
    }

    pub(super) fn instructions(&self) -> impl Iterator<Item = &IndexOp> {
        self.run.program.index_ops[self.program.range()].iter()
    }

    /// Whether a position is the index of a read, without other terms.
    pub(super) fn is_plain_index(&self, position: &CheckedPosition, read: &IndexRead) -> bool {
        let terms = &self.run.program.terms[position.index_terms.range()];
        let single = matches!(terms, &[PositionTerm { coef: 1, variable: TermVariable::Index(number) }] if number == read.number);
        single && position.offset == 0 && position.terms.len == 0
    }

    /// The address of a read at `at`, without the offset from other indices.
    pub(super) fn read_address(&self, read: &IndexRead, at: &[usize]) -> *const u8 {
        let strides = &self.run.program.strides[read.strides..];
        let affine = at.iter().zip(strides).fold(0isize, |sum, (&i, &s)| sum.wrapping_add(s.wrapping_mul(i as isize)));
        self.starts[read.number].wrapping_offset(affine)
    }

    /// The stride of a read in a loop.
    pub(super) fn read_stride(&self, read: &IndexRead, along: usize) -> isize {
        self.run.program.strides[read.strides + along]
    }

    /// The affine part of a position at `at`, and its stride in loop `along`.
    pub(super) fn affine(&self, position: &CheckedPosition, at: &[usize], along: usize) -> (i128, i128) {
        let terms = &self.run.program.terms[position.terms.range()];
        let start = terms.iter().fold(i128::from(position.offset), |sum, t| sum.saturating_add(self.product(t, at)));
        let moving = |variable| match variable {
            TermVariable::Loop(l) => i128::from(l == along),
            TermVariable::Chunked(chunked) if chunked.inner == along => 1,
            TermVariable::Chunked(chunked) if chunked.outer == Some(along) => chunked.len as i128,
            _ => 0,
        };
        (start, terms.iter().map(|t| i128::from(t.coef) * moving(t.variable)).sum())
    }

    /// The numbers of the reads that a position adds up, with their coefficients.
    pub(super) fn index_terms(&self, position: &CheckedPosition) -> impl Iterator<Item = (usize, i64)> {
        self.run.program.terms[position.index_terms.range()].iter().filter_map(|t| match t.variable {
            TermVariable::Index(number) => Some((number, t.coef)),
            _ => None,
        })
    }

    fn read_index(&self, read: &IndexRead, at: &[usize]) -> i128 {
        let ptr = self.read_address(read, at).wrapping_offset(self.inner[read.number]);
        // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), and the indirect positions of this read were
        // checked before, so this is an element of the index tensor, of its dtype.
        unsafe { read_integer(read.dtype, ptr) }
    }

    /// The position along one axis, if it is inside.
    fn check(&self, position: &CheckedPosition, at: &[usize]) -> Result<usize, Outside> {
        let terms = &self.run.program.terms;
        let all = terms[position.terms.range()].iter().chain(&terms[position.index_terms.range()]);
        let value = all.fold(i128::from(position.offset), |sum, t| sum.saturating_add(self.product(t, at)));
        let extent = position.extent as i128;
        let index = if position.wrap && value < 0 { value.saturating_add(extent) } else { value };
        if (0..extent).contains(&index) { Ok(index as usize) } else { Err(Outside { at: value, drop: position.drop }) }
    }

    /// The product is below 2^63 · 2^64 in size, so it does not overflow.
    fn product(&self, term: &PositionTerm, at: &[usize]) -> i128 {
        let factor = match term.variable {
            TermVariable::NextAxis => 1,
            TermVariable::Loop(l) => at[l] as i128,
            TermVariable::Chunked(chunked) => {
                (chunked.start + chunked.outer.map_or(0, |l| at[l] * chunked.len) + at[chunked.inner]) as i128
            }
            TermVariable::RegionLoop(l) => self.iteration[l] as i128,
            TermVariable::Index(number) => self.values[number],
        };
        i128::from(term.coef) * factor
    }
}

/// A position outside its axis, and whether the policy drops the point.
struct Outside {
    at: i128,
    drop: bool,
}

impl Outside {
    fn of(self, instruction: usize) -> SkipReason {
        if self.drop {
            SkipReason::Dropped
        } else {
            SkipReason::OutOfRange(OutOfRangePosition { instruction, at: self.at })
        }
    }
}

/// # Safety
/// `ptr` is the address of an element of `dtype`.
unsafe fn read_integer(dtype: Dtype, ptr: *const u8) -> i128 {
    // SAFETY: the caller promises an element of `dtype`, of which each arm reads the Rust type.
    unsafe {
        match dtype {
            Dtype::I8 => i128::from(ptr.cast::<i8>().read()),
            Dtype::I16 => i128::from(ptr.cast::<i16>().read()),
            Dtype::I32 => i128::from(ptr.cast::<i32>().read()),
            Dtype::I64 => i128::from(ptr.cast::<i64>().read()),
            Dtype::U8 => i128::from(ptr.read()),
            Dtype::U16 => i128::from(ptr.cast::<u16>().read()),
            Dtype::U32 => i128::from(ptr.cast::<u32>().read()),
            Dtype::U64 => i128::from(ptr.cast::<u64>().read()),
            // Verified plans use integer index tensors only. This value is outside every axis, so the check that follows
            // refuses it.
            _ => i128::MIN,
        }
    }
}

impl IndirectOffsets<'_> {
    /// The error for a position that was refused at the position `at` of the outer loops.
    pub(super) fn error(&self, bad: &OutOfRangePosition, at: &[usize]) -> RunStopped {
        let Run { plan, program, .. } = self.run;
        let IndexOp::Check(position) = program.index_ops[bad.instruction] else { return RunStopped::Cancelled };
        let number = program.terms[position.index_terms.range()].iter().find_map(|t| match t.variable {
            TermVariable::Index(number) => Some(number),
            _ => None,
        });
        let read = self.reads().find(|l| Some(l.number) == number);
        let label = |buffer: u32| plan.buffer(BufferId(buffer)).label.clone();
        RunStopped::IndexOutOfRange(Box::new(IndexOutOfRange {
            tensor: label(position.buffer),
            axis: position.axis,
            index_tensor: read.map_or_else(|| "".into(), |l| label(l.buffer)),
            position: read.map_or_else(Vec::new, |l| self.read_position(l, at)),
            value: number.map_or(0, |n| self.values[n]),
            at: bad.at,
            size: position.extent,
        }))
    }

    /// The position of a read: one coordinate for each axis of the index tensor.
    fn read_position(&self, read: &IndexRead, at: &[usize]) -> Vec<i128> {
        let mut position: Vec<i128> = Vec::new();
        for term in &self.run.program.terms[read.position_terms.range()] {
            match (term.variable, position.last_mut()) {
                (TermVariable::NextAxis, _) => position.push(i128::from(term.coef)),
                (_, Some(last)) => *last = last.saturating_add(self.product(term, at)),
                (_, None) => {}
            }
        }
        position
    }
}
