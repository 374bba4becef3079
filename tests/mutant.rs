//! Random mutations of drafts: buffers, offsets, partitions, loops, steps, accesses, fills and ports.

use einfold_ir::{
    Access, AffineTerm, Algebra, Axis, AxisRef, Buffer, BufferId, Draft, Dtype, Form, Gemm, Index, IndirectTerm,
    Layout, NodeId, OutOfRange, Plan, Region, Step, Storage, WriteMode,
};

use crate::draw::Noise;

/// A draft that is mutated at random.
pub(crate) struct Mutant<'n> {
    pub(crate) draft: Draft,
    pub(crate) noise: &'n mut Noise,
}

impl Mutant<'_> {
    fn below(&mut self, n: usize) -> usize {
        (self.noise.next() % n.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number of positions, bytes or elements: mostly small, sometimes so large that products overflow.
    fn number(&mut self) -> usize {
        if self.once_in(8) {
            return self.pick(&[1 << 31, 1 << 40, 1 << 62, usize::MAX / 2, usize::MAX - 63, usize::MAX]);
        }
        self.pick(&[0, 0, 1, 1, 2, 3, 4, 5, 8, 64, 128, 192, 256, 1024, 4096])
    }

    fn offset(&mut self) -> i64 {
        self.pick(&[0, 0, 1, 1, -1, 2, -2, 3, 7, -8, i64::MAX, i64::MIN])
    }

    /// A buffer number, rarely an invalid one.
    fn buffer(&mut self) -> BufferId {
        let count = self.draft.buffers.len();
        BufferId(if self.once_in(40) { 1000 } else { self.below(count) as u32 })
    }

    fn axis(&mut self) -> AxisRef {
        let number = self.pick(&[0, 0, 0, 1, 1, 2, 3, 7]);
        if self.once_in(3) { AxisRef::Loop(number) } else { AxisRef::Own(number) }
    }

    fn index(&mut self) -> Index<BufferId> {
        let (offset, terms) = (self.offset(), self.below(3));
        let terms: Vec<_> = (0..terms).map(|_| AffineTerm { coef: self.offset(), axis: self.axis() }).collect();
        let offset = if self.once_in(3) { offset } else { 0 };
        let mut ids = Vec::new();
        if self.once_in(4) {
            let (tensor, policy, coef) =
                (self.buffer(), self.pick(&OutOfRange::ALL), self.pick(&[1, 1, -1, 2, 0, i64::MAX]));
            let rank = self.draft.buffers.get(tensor).map_or(0, |b| b.extents.len());
            let axis = self.axis();
            let access = Access::new(tensor, (0..rank).map(|_| Index::affine(0, [(1, axis)])));
            ids.push(IndirectTerm { coef, access, policy });
        }
        Index::new(offset, terms, ids)
    }

    fn region(&mut self) -> Option<usize> {
        let count = self.draft.regions.len();
        (count > 0).then(|| self.below(count))
    }

    fn step(&mut self) -> Option<(usize, usize)> {
        let region = self.region()?;
        let count = self.draft.regions[region].steps.len();
        (count > 0).then(|| (region, self.below(count)))
    }

    /// Applies one mutation.
    pub(crate) fn change(&mut self) {
        match self.below(9) {
            0 => self.change_buffer(),
            1 => self.change_place(),
            2 => self.change_region(),
            3 => self.change_step(),
            4 | 5 => self.change_access(),
            6 => self.move_steps(),
            7 => self.add_fill(),
            _ => self.change_ports(),
        }
    }

    fn change_buffer(&mut self) {
        let (count, number, dtype) = (self.draft.buffers.len(), self.number(), self.pick(&Dtype::BUILTIN));
        if count == 0 {
            return;
        }
        let (k, other, kind) = (self.below(count), self.below(count), self.below(6));
        let rank = self.draft.buffers.as_slice()[k].extents.len();
        let axis = self.below(rank);
        let order = (0..rank).map(|_| self.below(rank + 1) as u32).collect();
        match kind {
            0 => _ = self.draft.buffers.as_mut_slice()[k].extents.get_mut(axis).map(|extent| *extent = number),
            1 => self.draft.buffers.as_mut_slice()[k].extents.push(number),
            2 => self.draft.buffers.as_mut_slice()[k].dtype = dtype,
            3 => self.draft.buffers.as_mut_slice()[k].layout = Layout::Order(order),
            4 => self.draft.buffers.swap(k, other),
            _ => _ = self.draft.buffers.remove(k),
        }
    }

    /// Mutates offsets in scratch memory.
    fn change_place(&mut self) {
        let (count, number) = (self.draft.buffers.len(), self.number());
        let places: Vec<usize> =
            (0..count).filter(|&k| matches!(self.draft.buffers.as_slice()[k].storage, Storage::Scratch(_))).collect();
        let near = self.pick(&[64, 128, usize::MAX - 63, 8]);
        match (self.below(4), &places[..]) {
            (0, _) => self.draft.scratch = number,
            (1, _) => self.draft.scratch = self.draft.scratch.wrapping_add(near),
            (_, []) => {}
            (kind, places) => {
                let k = self.pick(places);
                if let Storage::Scratch(at) = &mut self.draft.buffers.as_mut_slice()[k].storage {
                    *at = if kind == 2 { number } else { at.wrapping_add(near) };
                }
            }
        }
    }

    /// Mutates loops and partitions.
    fn change_region(&mut self) {
        let Some(k) = self.region() else { return };
        let (number, kind) = (self.number(), self.below(8));
        let near = self.pick(&[64, usize::MAX - 63, 8]);
        let at = self.below(self.draft.regions[k].loops.len());
        let region = &mut self.draft.regions[k];
        match kind {
            0 => region.partitions = None,
            1..=3 => region.partitions = Some(number),
            4 => region.partitions = region.partitions.map(|bytes| bytes.wrapping_add(near)),
            5 => region.loops.push(Axis::new("m", number)),
            6 => _ = region.loops.pop(),
            _ => _ = region.loops.get_mut(at).map(|axis| axis.extent = number),
        }
    }

    fn change_step(&mut self) {
        let Some((region, k)) = self.step() else { return };
        let (number, kind) = (self.number(), self.below(8));
        let list = |m: &mut Self| -> Vec<u32> { (0..m.below(3)).map(|_| m.below(4) as u32).collect() };
        let gemm = Gemm { batch: list(self), m: list(self), n: list(self), k: list(self) };
        let (axis, algebra) = (self.below(4), self.pick(&[Algebra::MAX_PLUS, Algebra::OR_AND, Algebra::SUM_PRODUCT]));
        let step = &mut self.draft.regions[region].steps[k];
        match kind {
            0 => {
                step.mode = if step.mode == WriteMode::Overwrite { WriteMode::Accumulate } else { WriteMode::Overwrite }
            }
            1 => step.form = Form::Fill,
            2 => step.form = Form::Nest(None),
            3 => step.form = Form::Gemm(gemm),
            4 => step.axes.push(Axis::new("m", number)),
            5 => _ = step.axes.pop(),
            6 => step.algebra = algebra,
            _ => _ = step.axes.get_mut(axis).map(|axis| axis.extent = number),
        }
    }

    fn change_access(&mut self) {
        let Some((region, k)) = self.step() else { return };
        let (buffer, index, offset, axis) = (self.buffer(), self.index(), self.offset(), self.axis());
        let (which, dim, term, kind) = (self.below(4), self.below(4), self.below(3), self.below(8));
        let step = &mut self.draft.regions[region].steps[k];
        let reads = step.reads.len();
        let access = if which < reads { &mut step.reads[which] } else { &mut step.write };
        let mutate = |access: &mut Access<BufferId>| {
            let rank = access.indices.len();
            match kind {
                0 => access.tensor = buffer,
                1 => access.indices.push(index),
                2 => _ = access.indices.pop(),
                3 if rank > 0 => access.indices[dim % rank] = index,
                4 if rank > 0 => change(&mut access.indices[dim % rank], |at, _| *at = offset),
                5 if rank > 0 => {
                    change(&mut access.indices[dim % rank], |_, terms| terms.push(AffineTerm { coef: offset, axis }));
                }
                6 if rank > 0 => change(&mut access.indices[dim % rank], |_, terms| _ = terms.pop()),
                7 if rank > 1 => access.indices.swap(dim % rank, 0),
                _ if rank > 0 => {
                    change(&mut access.indices[dim % rank], |_, terms| {
                        terms.get_mut(term).into_iter().for_each(|term| term.coef = offset);
                    });
                }
                _ => access.conj = !access.conj,
            }
        };
        // Sometimes mutates the access of an index tensor.
        let Some(at) = access.indices.iter().position(|index| kind == 8 && index.has_indirect()) else {
            return mutate(access);
        };
        let index = &mut access.indices[at];
        let mut ids = index.indirect().to_vec();
        mutate(&mut ids[0].access);
        *index = Index::new(index.offset(), index.terms().to_vec(), ids);
    }

    /// Drops, repeats and moves steps, and splits regions.
    fn move_steps(&mut self) {
        let (Some((region, k)), Some(to)) = (self.step(), self.region()) else { return };
        let (kind, at) = (self.below(6), self.below(self.draft.regions[to].steps.len() + 1));
        let step = self.draft.regions[region].steps[k].clone();
        match kind {
            0 => _ = self.draft.regions[region].steps.remove(k),
            1 => self.draft.regions[to].steps.insert(at, step),
            2 => _ = self.draft.regions[region].steps[k].reads.pop(),
            3 => {
                let steps = self.draft.regions[region].steps.split_off(k);
                let part = Region { steps, ..self.draft.regions[region].clone() };
                self.draft.regions.insert(region + 1, part);
            }
            4 => self.draft.regions.swap(region, to),
            _ => {
                self.draft.regions[region].steps.remove(k);
                let at = at.min(self.draft.regions[to].steps.len());
                self.draft.regions[to].steps.insert(at, step);
            }
        }
    }

    /// Adds an intermediate, often without elements, that a fill in some region writes.
    fn add_fill(&mut self) {
        let Some(region) = self.region() else { return };
        let extents = match self.below(5) {
            0..=2 => vec![0],
            3 => vec![],
            _ => vec![self.number(), 0],
        };
        let place = match self.below(4) {
            0 => self.draft.scratch,
            1 => self.number(),
            _ => Plan::ALIGN * self.below(self.draft.scratch / Plan::ALIGN + 1),
        };
        let at = self.below(self.draft.regions[region].steps.len() + 1);
        let indices: Vec<_> = extents.iter().map(|_| Index::constant(0)).collect();
        let write = Access::new(BufferId(self.draft.buffers.len() as u32), indices);
        let storage = Storage::Scratch(place);
        self.draft.buffers.push(Buffer {
            label: "f".into(),
            dtype: Dtype::F64,
            extents: extents.into(),
            storage,
            layout: Layout::RowMajor,
        });
        self.draft.regions[region].steps.insert(at, fill(write));
    }

    fn change_ports(&mut self) {
        let buffer = self.buffer();
        let place = match self.below(3) {
            0 => Storage::Input(self.below(3) as u32),
            1 => Storage::Output(self.below(2) as u32),
            _ => Storage::Scratch(0),
        };
        match self.below(6) {
            0 => self.draft.inputs.push(buffer),
            1 => self.draft.outputs.push(buffer),
            2 => self.draft.inputs.reverse(),
            3 => _ = self.draft.outputs.pop(),
            4 => _ = self.draft.buffers.get_mut(buffer).map(|b| b.storage = place),
            _ => self.draft.inputs.retain(|input| *input != buffer),
        }
    }
}

/// A step that fills the tensor it writes.
pub(crate) fn fill(write: Access<BufferId>) -> Step {
    let (mode, algebra) = (WriteMode::Overwrite, Algebra::SUM_PRODUCT);
    Step { origin: NodeId(0), axes: Vec::new(), reads: Vec::new(), write, mode, algebra, form: Form::Fill }
}

/// Mutates the constant and the terms of an index function.
fn change(index: &mut Index<BufferId>, f: impl FnOnce(&mut i64, &mut Vec<AffineTerm>)) {
    let (mut offset, mut terms) = (index.offset(), index.terms().to_vec());
    f(&mut offset, &mut terms);
    *index = Index::new(offset, terms, index.indirect().to_vec());
}
