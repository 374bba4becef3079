//! Ids: read once, turned by their policy into checked offsets, and only those address memory.

use einfold_ir::{BufferId, Dtype};
use smallvec::SmallVec;

use super::Run;
use crate::error::{IndexOutOfRange, Stopped};
use crate::program::{Factor, Id, Indexed, Lookup, Position, Span, Times};

/// Why a point is not computed.
pub(super) enum Miss {
    /// An id is outside and its policy drops the point.
    Dropped,
    /// An id is outside.
    Bad(Bad),
}

/// A position outside its axis: the instruction that found it, and the position.
pub(super) struct Bad {
    instruction: usize,
    at: i128,
}

/// The offsets that ids give the operands of a nest at one position of its outer loops.
pub(super) struct Ids<'r> {
    run: &'r Run<'r>,
    program: Span,
    turn: &'r [usize],
    /// The id that each lookup read.
    values: SmallVec<[i128; 4]>,
    /// What other ids add to the address of each lookup.
    inner: SmallVec<[isize; 4]>,
    /// What ids add to the address of each operand.
    offsets: SmallVec<[isize; 8]>,
    /// Where each lookup starts in this turn.
    starts: SmallVec<[*const u8; 4]>,
}

impl<'r> Ids<'r> {
    /// For a nest of `operands` operands with these instructions, in one turn of the region.
    pub(super) fn new(run: &'r Run<'r>, program: Span, turn: &'r [usize], operands: usize) -> Ids<'r> {
        let mut ids = Ids {
            run,
            program,
            turn,
            values: SmallVec::new(),
            inner: SmallVec::new(),
            offsets: SmallVec::from_elem(0, operands),
            starts: SmallVec::new(),
        };
        let lookups = ids.lookups().count();
        ids.values.resize(lookups, 0);
        ids.inner.resize(lookups, 0);
        ids.starts.resize(lookups, std::ptr::null());
        for instruction in &run.program.ids[program.range()] {
            if let Id::Read(lookup) = instruction {
                ids.starts[lookup.number] = run.base(lookup.operand, turn);
            }
        }
        ids
    }

    fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        self.run.program.ids[self.program.range()].iter().filter_map(|id| match id {
            Id::Read(lookup) => Some(lookup),
            Id::At(_) => None,
        })
    }

    /// What ids add to the address of an operand, in bytes.
    pub(super) fn offset(&self, operand: usize) -> isize {
        self.offsets[operand]
    }

    /// Reads all ids at this position of the outer loops.
    #[inline]
    pub(super) fn evaluate(&mut self, at: &[usize]) -> Result<(), Miss> {
        if self.program.len == 0 {
            return Ok(());
        }
        self.inner.fill(0);
        self.offsets.fill(0);
        for instruction in self.program.range() {
            match &self.run.program.ids[instruction] {
                Id::Read(lookup) => self.values[lookup.number] = self.read(lookup, at),
                Id::At(position) => {
                    let index = self.check(position, at).map_err(|miss| miss.of(instruction))?;
                    // Inside the extents of a tensor, so the product is the distance of two of its elements.
                    let bytes = position.stride.wrapping_mul(index as isize);
                    let offset = match position.of {
                        Indexed::Operand(x) => &mut self.offsets[x],
                        Indexed::Lookup(number) => &mut self.inner[number],
                    };
                    *offset = offset.wrapping_add(bytes);
                }
            }
        }
        Ok(())
    }

    pub(super) fn instructions(&self) -> impl Iterator<Item = &Id> {
        self.run.program.ids[self.program.range()].iter()
    }

    /// Whether a position is the id that a lookup reads, and nothing else.
    pub(super) fn is_id(&self, position: &Position, lookup: &Lookup) -> bool {
        let ids = &self.run.program.terms[position.ids.range()];
        let single = matches!(ids, &[Times { coef: 1, what: Factor::Id(number) }] if number == lookup.number);
        single && position.offset == 0 && position.terms.len == 0
    }

    /// Where a lookup reads at `at` but for what other ids add.
    pub(super) fn lookup_at(&self, lookup: &Lookup, at: &[usize]) -> *const u8 {
        let strides = &self.run.program.strides[lookup.strides..];
        let affine = at.iter().zip(strides).fold(0isize, |sum, (&i, &s)| sum.wrapping_add(s.wrapping_mul(i as isize)));
        self.starts[lookup.number].wrapping_offset(affine)
    }

    /// How a lookup moves with a loop.
    pub(super) fn lookup_stride(&self, lookup: &Lookup, along: usize) -> isize {
        self.run.program.strides[lookup.strides + along]
    }

    /// The part of a position that loops decide: at `at`, and how it moves with loop `along`.
    pub(super) fn affine(&self, position: &Position, at: &[usize], along: usize) -> (i128, i128) {
        let terms = &self.run.program.terms[position.terms.range()];
        let start = terms.iter().fold(i128::from(position.offset), |sum, t| sum.saturating_add(self.product(t, at)));
        let moving = |what| match what {
            Factor::Loop(l) => i128::from(l == along),
            Factor::Cut(cut) if cut.inner == along => 1,
            Factor::Cut(cut) if cut.outer == Some(along) => cut.len as i128,
            _ => 0,
        };
        (start, terms.iter().map(|t| i128::from(t.coef) * moving(t.what)).sum())
    }

    /// The numbers of the lookups that a position adds up, with their coefficients.
    pub(super) fn id_terms(&self, position: &Position) -> impl Iterator<Item = (usize, i64)> {
        self.run.program.terms[position.ids.range()].iter().filter_map(|t| match t.what {
            Factor::Id(number) => Some((number, t.coef)),
            _ => None,
        })
    }

    fn read(&self, lookup: &Lookup, at: &[usize]) -> i128 {
        let ptr = self.lookup_at(lookup, at).wrapping_offset(self.inner[lookup.number]);
        // SAFETY: `bind` has proven the affine positions (docs/unsafe.md), positions from other ids were checked before, so this
        // is an element of the id tensor, of its dtype.
        unsafe { read_integer(lookup.dtype, ptr) }
    }

    /// The position along one axis, inside of it.
    fn check(&self, position: &Position, at: &[usize]) -> Result<usize, Outside> {
        let terms = &self.run.program.terms;
        let all = terms[position.terms.range()].iter().chain(&terms[position.ids.range()]);
        let value = all.fold(i128::from(position.offset), |sum, t| sum.saturating_add(self.product(t, at)));
        let extent = position.extent as i128;
        let index = if position.wrap && value < 0 { value.saturating_add(extent) } else { value };
        if (0..extent).contains(&index) { Ok(index as usize) } else { Err(Outside { at: value, drop: position.drop }) }
    }

    /// Below 2^63 · 2^64 in size, so it does not overflow.
    fn product(&self, term: &Times, at: &[usize]) -> i128 {
        let factor = match term.what {
            Factor::Axis => 1,
            Factor::Loop(l) => at[l] as i128,
            Factor::Cut(cut) => (cut.start + cut.outer.map_or(0, |l| at[l] * cut.len) + at[cut.inner]) as i128,
            Factor::Turn(l) => self.turn[l] as i128,
            Factor::Id(number) => self.values[number],
        };
        i128::from(term.coef) * factor
    }
}

/// A position outside its axis, and whether that drops the point.
struct Outside {
    at: i128,
    drop: bool,
}

impl Outside {
    fn of(self, instruction: usize) -> Miss {
        if self.drop { Miss::Dropped } else { Miss::Bad(Bad { instruction, at: self.at }) }
    }
}

/// # Safety
/// `ptr` is the address of an element of `dtype`.
unsafe fn read_integer(dtype: Dtype, ptr: *const u8) -> i128 {
    // SAFETY: the caller's promise.
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
            // Verified plans index by integers only. Outside of every axis, so it is refused by the check that follows.
            _ => i128::MIN,
        }
    }
}

impl Ids<'_> {
    /// The error for a position that was refused at `at`, a position of the outer loops.
    pub(super) fn error(&self, bad: &Bad, at: &[usize]) -> Stopped {
        let Run { plan, program, .. } = self.run;
        let Id::At(position) = program.ids[bad.instruction] else { return Stopped::Cancelled };
        let number = program.terms[position.ids.range()].iter().find_map(|t| match t.what {
            Factor::Id(number) => Some(number),
            _ => None,
        });
        let lookup = self.lookups().find(|l| Some(l.number) == number);
        let label = |buffer: u32| plan.buffer(BufferId(buffer)).label.clone();
        Stopped::IndexOutOfRange(Box::new(IndexOutOfRange {
            tensor: label(position.buffer),
            axis: position.axis,
            ids: lookup.map_or_else(|| "".into(), |l| label(l.buffer)),
            position: lookup.map_or_else(Vec::new, |l| self.place(l, at)),
            value: number.map_or(0, |n| self.values[n]),
            at: bad.at,
            size: position.extent,
        }))
    }

    /// Where a lookup read: one position for each axis of the id tensor.
    fn place(&self, lookup: &Lookup, at: &[usize]) -> Vec<i128> {
        let mut place: Vec<i128> = Vec::new();
        for term in &self.run.program.terms[lookup.place.range()] {
            match (term.what, place.last_mut()) {
                (Factor::Axis, _) => place.push(i128::from(term.coef)),
                (_, Some(last)) => *last = last.saturating_add(self.product(term, at)),
                (_, None) => {}
            }
        }
        place
    }
}
