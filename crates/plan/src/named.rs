//! The tensor network of an expression with axis names, for order searches without planning.

use std::collections::HashMap;

use einfold_ir::{Axis, Contraction, Dtype, Ir, Label, Network, NodeId};
use einfold_order::OrderError;

use crate::error::PlanError;
use crate::network::{Treatment, network_of, treatment};
use crate::pipeline::{PassSet, rewrite};

/// The view of an expression that an order search has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// The network. A path of it is a path of the expression.
    pub network: Network,
    /// The name of each axis, all distinct.
    pub labels: Vec<Label>,
    /// The dtype of intermediates.
    pub dtype: Dtype,
}

/// The network of the only contraction of `ir` whose order can be chosen, after the rewrites in `passes`. If every
/// contraction is evaluated in one step, that of the first contraction.
///
/// # Errors
/// [`PlanError::OnePath`] if there are several, [`OrderError::NoTensors`] if there is none; the others are defects.
pub fn named_network(ir: &Ir, passes: PassSet) -> Result<NamedNetwork, PlanError> {
    let ir = rewrite(ir, passes, &mut |_, _, _| {})?;
    let all: Vec<(NodeId, &Contraction)> = ir.contractions().filter(|(_, c)| !c.factors.is_empty()).collect();
    let factored = |(id, c): &&(NodeId, &Contraction)| treatment(ir.node(*id), c) == Treatment::Factored;
    let mut ordered = all.iter().filter(factored);
    let only = ordered.next();
    let others = ordered.count();
    if others > 0 {
        return Err(PlanError::OnePath { contractions: 1 + others });
    }
    let (id, c) = only.or(all.first()).ok_or(OrderError::NoTensors)?;
    let labels = axis_names(&c.axes).into_iter().map(Into::into).collect();
    Ok(NamedNetwork { network: network_of(c, &ir.node(*id).shape), labels, dtype: ir.node(*id).dtype })
}

/// The labels of axes, with a number after a repeated one: `k`, `k#2`.
pub(crate) fn axis_names(axes: &[Axis]) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    axes.iter()
        .map(|axis| {
            let times = seen.entry(&axis.label).or_insert(0);
            *times += 1;
            if *times == 1 { axis.label.to_string() } else { format!("{}#{times}", axis.label) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{contraction, letters, node};

    #[test]
    fn a_network_has_the_names_and_the_dtype_of_its_contraction() {
        let found = named_network(&letters("ij,jk,kl->il", &[2, 3, 4, 5]), PassSet::ALL).unwrap();
        let named = |legs: &[u32]| legs.iter().map(|&axis| &*found.labels[axis as usize]).collect::<String>();
        assert_eq!(found.network.inputs().iter().map(|legs| named(legs)).collect::<Vec<_>>(), ["ij", "jk", "kl"]);
        assert_eq!((named(found.network.output()), found.dtype), ("il".into(), Dtype::F64));
    }

    #[test]
    fn one_operand_is_a_network_and_none_is_not() {
        assert_eq!(named_network(&letters("ii->", &[4]), PassSet::ALL).unwrap().network.inputs(), [vec![0]]);
        let refused = named_network(&Ir::new(), PassSet::ALL);
        assert_eq!(refused, Err(PlanError::Order(OrderError::NoTensors)));
    }

    #[test]
    fn several_contractions_have_no_network_in_common() {
        let mut ir = Ir::new();
        let [a, b] = ["a", "b"].map(|name| ir.input(name, Dtype::F64, [4, 4]));
        for text in ["ij,jk->ik", "ij,ij->"] {
            let y = ir.push(node(text, Dtype::F64, contraction(text, &[a, b], |_| 4))).unwrap();
            ir.output(y).unwrap();
        }
        assert_eq!(named_network(&ir, PassSet::ALL), Err(PlanError::OnePath { contractions: 2 }));
    }
}
