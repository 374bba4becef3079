//! The plan: how an expression is computed, as steps over buffers. A plan depends on dtypes, extents, layout hints and
//! a [`Machine`], which is a value; it does not depend on where it is made or on a caller's strides.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::draft::{ALIGN, BufferId, Depths, Draft, Region};
use crate::dtype::Dtype;
use crate::error::Violation;
use crate::id_vec::IdVec;
use crate::machine::Machine;
use crate::product::{AxisNumbers, Product, ProductStep};
use crate::verify::{check_scratch, verify_steps};

/// A verified plan.
///
/// Invariants, checked by [`Plan::seal`] or by [`Plan::of_product`]:
/// * each operand and each output has one buffer; the bytes of intermediates and outputs can be counted; an explicit
///   layout is a permutation of the axes of its buffer;
/// * every buffer, axis and loop that a step names exists; index tensors have an integer dtype; positions without
///   indirect terms stay inside their buffers;
/// * an operand is only read; an output is written and never read; a buffer is written before it is read or added to; a
///   step does not read the buffer that it writes; a written access is not conjugated;
/// * the algebra of a step is defined on the dtype that it writes, and the dtypes of its factors convert to it; a
///   pointwise expression reads factors that exist; a fill has no axes and no factors;
/// * the groups of a GEMM are the roles of its axes;
/// * partitions write to different elements of a buffer that they share, and only the step that writes it touches it in
///   their region;
/// * scratch buffers that are alive at the same time do not overlap, are aligned and lie inside `scratch`, in every
///   partition.
///
/// The executor relies on all of them. Clones share the plan. The plan of a single product stores the product alone;
/// its draft (buffers and step) is built on first use, which a run of a small product does not need.
#[derive(Clone, Debug)]
pub struct Plan(Arc<Sealed>);

/// A sealed plan, which the clones of a [`Plan`] share.
#[derive(Debug)]
struct Sealed {
    content: Content,
    id: PlanId,
}

/// The steps of a plan, as a draft or as a product.
#[derive(Debug)]
enum Content {
    /// A draft that [`Plan::seal`] has verified.
    Steps {
        draft: Draft,
        /// The result of [`Region::depths`] for each region; empty if no region has loops.
        depths: Vec<Depths>,
        /// For each buffer, the byte stride from its copy in one partition to that in the next; 0 for a buffer that
        /// exists once; empty if no buffer has copies.
        partition_strides: IdVec<BufferId, usize, 0>,
    },
    /// A product that [`Plan::of_product`] has checked.
    Product {
        step: ProductStep,
        /// The draft of the step, once it is used.
        draft: OnceLock<Box<Draft>>,
    },
}

/// The identity of a [`Plan`] in this process: two plans with the same id are clones of the same sealed plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanId(u64);

impl Plan {
    /// The alignment of scratch buffers in bytes.
    pub const ALIGN: usize = ALIGN;

    /// Seals a draft: checks every invariant that [`Plan`] states, and makes the draft a plan.
    ///
    /// # Errors
    /// [`Violation`] names the first step or buffer that breaks an invariant.
    pub fn seal(draft: Draft) -> Result<Plan, Violation> {
        let own = verify_steps(&draft)?;
        let partition_strides = check_scratch(&draft, &own)?;
        let mut depths = Vec::new();
        if draft.regions.iter().any(|region| !region.loops.is_empty()) {
            depths.extend(draft.regions.iter().map(Region::depths));
        }
        Ok(Plan::new(Content::Steps { draft, depths, partition_strides }))
    }

    /// The plan of a product, as one step with the axes `axis_order`. Axes of extent 1 may be left out; their index
    /// functions are then 0.
    ///
    /// `None` if the product does not have these axes, if other axes have another extent than 1, if the axes of a
    /// factor do not have the extents of its operand, if the result repeats an axis, if the product has no points, if
    /// dtypes do not convert or have an alignment above [`Plan::ALIGN`], or if an operation is not defined on them.
    pub fn of_product(product: Product, axis_order: AxisNumbers, machine: &Machine) -> Option<Plan> {
        let step = product.into_step(axis_order, machine)?;
        Some(Plan::new(Content::Product { step, draft: OnceLock::new() }))
    }

    /// A plan with an identity of its own. Inlined, so that the content is not moved in memory.
    #[inline(always)]
    fn new(content: Content) -> Plan {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Plan(Arc::new(Sealed { content, id: PlanId(NEXT_ID.fetch_add(1, Ordering::Relaxed)) }))
    }

    /// The identity of the sealed plan.
    pub fn id(&self) -> PlanId {
        self.0.id
    }

    /// The step of the product that is the whole plan, if [`Plan::of_product`] made the plan.
    pub fn product(&self) -> Option<&ProductStep> {
        match &self.0.content {
            Content::Product { step, .. } => Some(step),
            Content::Steps { .. } => None,
        }
    }

    /// Dtype and extents of each operand.
    pub fn operand_types(&self) -> impl ExactSizeIterator<Item = (Dtype, &[usize])> {
        let operands = self.product().map(|step| &step.product.operands);
        (0..operands.map_or_else(|| self.inputs.len(), |types| types.len())).map(move |k| match operands {
            Some(types) => (types[k].dtype, &types[k].shape[..]),
            None => self.buffer(self.inputs[k]).dtype_and_extents(),
        })
    }

    /// Dtype and extents of each output.
    pub fn output_types(&self) -> impl ExactSizeIterator<Item = (Dtype, &[usize])> {
        let product = self.product();
        (0..product.map_or_else(|| self.outputs.len(), |_| 1)).map(move |k| match product {
            Some(step) => (step.product.dtype, &step.extents[..]),
            None => self.buffer(self.outputs[k]).dtype_and_extents(),
        })
    }

    /// The number of loops of a region, outermost first, that one of its steps depends on: see [`Region::depths`].
    pub fn depth(&self, region: usize, step: usize) -> usize {
        let Content::Steps { depths, .. } = &self.0.content else { return 0 };
        depths.get(region).and_then(|depths| depths.get(step)).copied().unwrap_or(0)
    }

    /// The byte stride of a buffer from one partition to the next; 0 for a buffer that all partitions share.
    ///
    /// # Panics
    /// If the plan does not have this buffer.
    pub fn partition_stride(&self, buffer: BufferId) -> usize {
        match &self.0.content {
            Content::Steps { partition_strides, .. } if !partition_strides.is_empty() => partition_strides[buffer],
            _ => 0,
        }
    }
}

impl Deref for Plan {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        match &self.0.content {
            Content::Steps { draft, .. } => draft,
            Content::Product { step, draft } => draft.get_or_init(|| Box::new(step.draft())),
        }
    }
}
