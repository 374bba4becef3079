use super::{Options, resolve, resolve_labels};
use crate::{Error, ErrorKind, LabeledAxis, SizeRule, parse};
use einfold_ir::{Algebra, Def, Dtype, Ir, TensorType};
use insta::assert_snapshot;

fn ty(dtype: Dtype, shape: &[usize]) -> TensorType {
    TensorType { name: None, dtype, shape: shape.into(), conj: false }
}

fn typed(text: &str, types: &[TensorType]) -> Result<Ir, Error> {
    resolve(&parse(text)?, types, &Options::default())
}

/// All operands in f64.
fn ir(text: &str, shapes: &[&[usize]]) -> Result<Ir, Error> {
    typed(text, &shapes.iter().map(|shape| ty(Dtype::F64, shape)).collect::<Vec<_>>())
}

fn shape(text: &str, shapes: &[&[usize]]) -> Vec<usize> {
    let ir = ir(text, shapes).unwrap();
    ir.node(ir.outputs()[0]).shape.to_vec()
}

fn kind(text: &str, shapes: &[&[usize]]) -> ErrorKind {
    ir(text, shapes).unwrap_err().kind().clone()
}

#[test]
fn a_product_is_one_contraction() {
    assert_snapshot!(ir("ij,jk->ik", &[&[2, 3], &[3, 4]]).unwrap(), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 x1 = input 1  f64[3, 4]
    %2 y = (+, *) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    return %2
    ");
    assert_snapshot!(ir("ii,->", &[&[3, 3], &[]]).unwrap(), @r"
    %0 x0 = input 0  f64[3, 3]
    %1 x1 = input 1  f64[]
    %2 y = (+, *) %0[i, i] . %1 ->   f64[]
    return %2
    ");
    assert_snapshot!(ir("ba", &[&[2, 3]]).unwrap(), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 y = (+, *) %0[b, a] -> [a, b]  f64[3, 2]
    return %1
    ");
}

#[test]
fn size_one_broadcasts_between_operands() {
    assert_snapshot!(ir("ij,j,ik->k", &[&[2, 3], &[1], &[1, 4]]).unwrap(), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 x1 = input 1  f64[1]
    %2 x2 = input 2  f64[1, 4]
    %3 y = (+, *) %0[i, j] . %1[0] . %2[0, k] -> [k]  f64[4]
    return %3
    ");
    assert_eq!(shape("i,i->i", &[&[1], &[5]]), [5]);
    assert_eq!(shape("i,i->i", &[&[0], &[1]]), [0]);
    assert_eq!(shape("i,i->i", &[&[1], &[0]]), [0]);
    assert_eq!(shape("i,i->i", &[&[1], &[1]]), [1]);
    assert_eq!(shape("ii,i->i", &[&[1, 1], &[4]]), [4]);
}

#[test]
fn ellipses_are_aligned_at_the_right() {
    assert_snapshot!(ir("...i,i...->i...", &[&[5, 1, 3], &[3, 4]]).unwrap(), @r"
    %0 x0 = input 0  f64[5, 1, 3]
    %1 x1 = input 1  f64[3, 4]
    %2 y = (+, *) %0[...0, 0, i] . %1[i, ...1] -> [i, ...0, ...1]  f64[3, 5, 4]
    return %2
    ");
    assert_eq!(shape("b...a,b", &[&[2, 3, 4], &[2]]), [3, 4], "implicit output: ellipsis first");
    assert_eq!(shape("N...b,ab->Nab", &[&[2, 3], &[4, 3]]), [2, 4, 3], "an ellipsis over nothing may be dropped");
    assert_eq!(shape("i->...i", &[&[2]]), [2], "an ellipsis of the output may cover nothing");
    assert_eq!(shape("...,...->...", &[&[7, 1, 3], &[2, 1]]), [7, 2, 3]);
    assert_eq!(kind("...i->i", &[&[1, 2]]), ErrorKind::EllipsisDropped { axes: 1 });
}

#[test]
fn the_implicit_output_is_in_code_point_order() {
    assert_eq!(shape("ijA", &[&[2, 3, 4]]), [4, 2, 3]);
    assert_eq!(shape("字zé", &[&[2, 3, 4]]), [3, 4, 2]);
    assert_eq!(shape("ij,jk", &[&[2, 3], &[3, 4]]), [2, 4]);
    assert_eq!(shape("ii", &[&[2, 2]]), [0; 0]);
    let types = [ty(Dtype::F64, &[2, 3, 4])];
    let by_integers = resolve_labels(&[&[10, 9, 200]], None, &types, &Options::default()).unwrap();
    assert_eq!(by_integers.node(by_integers.outputs()[0]).shape[..], [3, 2, 4]);
}

#[test]
fn groups_are_pinned_nodes_with_the_axes_used_outside() {
    assert_snapshot!(ir("(ij,jk),kl->il", &[&[2, 3], &[3, 4], &[4, 5]]).unwrap(), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 x1 = input 1  f64[3, 4]
    %2 x2 = input 2  f64[4, 5]
    %3 t3 = (+, *) %0[i, j] . %1[j, k] -> [i, k]  pinned  f64[2, 4]
    %4 y = (+, *) %3[i, k] . %2[k, l] -> [i, l]  f64[2, 5]
    return %4
    ");
    let nested = ir("a,((ab,bc,x),cd)->d", &[&[2], &[2, 3], &[3, 4], &[6], &[4, 5]]).unwrap();
    assert_snapshot!(nested, @r"
    %0 x0 = input 0  f64[2]
    %1 x1 = input 1  f64[2, 3]
    %2 x2 = input 2  f64[3, 4]
    %3 x3 = input 3  f64[6]
    %4 x4 = input 4  f64[4, 5]
    %5 t5 = (+, *) %1[a, b] . %2[b, c] . %3[x] -> [a, c]  pinned  f64[2, 4]
    %6 t6 = (+, *) %5[a, c] . %4[c, d] -> [a, d]  pinned  f64[2, 5]
    %7 y = (+, *) %0[a] . %6[a, d] -> [d]  f64[5]
    return %7
    ");
    let pinned = nested.nodes().iter().filter_map(|node| match &node.def {
        Def::Contraction(c) => Some(c.pinned),
        _ => None,
    });
    assert_eq!(pinned.collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_group_has_its_own_extents_and_broadcasts_outside() {
    assert_snapshot!(ir("(ai,bi),ic->abc", &[&[2, 1], &[3, 1], &[5, 4]]).unwrap(), @r"
    %0 x0 = input 0  f64[2, 1]
    %1 x1 = input 1  f64[3, 1]
    %2 x2 = input 2  f64[5, 4]
    %3 t3 = (+, *) %0[a, i] . %1[b, i] -> [a, i, b]  pinned  f64[2, 1, 3]
    %4 y = (+, *) %3[a, 0, b] . %2[i, c] -> [a, b, c]  f64[2, 3, 4]
    return %4
    ");
}

#[test]
fn sums_of_short_floats_are_kept_in_f32_and_rounded_once() {
    let half = |shape: &[usize]| ty(Dtype::F16, shape);
    assert_snapshot!(typed("(ij,jk),kl->il", &[half(&[2, 3]), half(&[3, 4]), half(&[4, 5])]).unwrap(), @r"
    %0 x0 = input 0  f16[2, 3]
    %1 x1 = input 1  f16[3, 4]
    %2 x2 = input 2  f16[4, 5]
    %3 t3 = (+, *) %0[i, j] . %1[j, k] -> [i, k]  pinned  f32[2, 4]
    %4 y = (+, *) %3[i, k] . %2[k, l] -> [i, l]  f32[2, 5]
    %5 y = (+, *) %4[i, l] -> [i, l]  f16[2, 5]
    return %5
    ");
    assert_snapshot!(typed("ij->ji", &[half(&[2, 3])]).unwrap(), @r"
    %0 x0 = input 0  f16[2, 3]
    %1 y = (+, *) %0[i, j] -> [j, i]  f16[3, 2]
    return %1
    ");
    assert_snapshot!(typed("ij->i", &[half(&[2, 3])]).unwrap(), @r"
    %0 x0 = input 0  f16[2, 3]
    %1 y = (+, *) %0[i, j] -> [i]  f32[2]
    %2 y = (+, *) %1[i] -> [i]  f16[2]
    return %2
    ");
    assert_snapshot!(typed("i,i->i", &[half(&[2]), ty(Dtype::BF16, &[2])]).unwrap(), @r"
    %0 x0 = input 0  f16[2]
    %1 x1 = input 1  bf16[2]
    %2 y = (+, *) %0[i] . %1[i] -> [i]  f32[2]
    return %2
    ");
}

#[test]
fn the_dtype_is_promoted_over_all_operands_at_once() {
    let dtype = |dtypes: &[Dtype]| {
        let types: Vec<TensorType> = dtypes.iter().map(|&dtype| ty(dtype, &[])).collect();
        let ir = typed(&",".repeat(dtypes.len() - 1), &types)?;
        Ok::<_, Error>(ir.node(ir.outputs()[0]).dtype)
    };
    assert_eq!(dtype(&[Dtype::I8, Dtype::U8, Dtype::F16]), Ok(Dtype::F16));
    assert_eq!(dtype(&[Dtype::I8, Dtype::I8, Dtype::F64]), Ok(Dtype::F64));
    assert_eq!(dtype(&[Dtype::Bool, Dtype::Bool]), Ok(Dtype::Bool));
    let error = dtype(&[Dtype::Bool, Dtype::CI32, Dtype::I64, Dtype::U8]).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::DType { first: (1, Dtype::CI32), second: (3, Dtype::U8) });
}

#[test]
fn names_and_conjugation_reach_the_module() {
    let a = TensorType { name: Some("W".into()), conj: true, ..ty(Dtype::C64, &[2, 2]) };
    assert_snapshot!(typed("(ij,j),i->", &[a, ty(Dtype::C64, &[2]), ty(Dtype::C64, &[2])]).unwrap(), @r"
    %0 W = input 0  c64[2, 2]
    %1 x1 = input 1  c64[2]
    %2 x2 = input 2  c64[2]
    %3 t3 = (+, *) conj(%0[i, j]) . %1[j] -> [i]  pinned  c64[2]
    %4 y = (+, *) %3[i] . %2[i] ->   c64[]
    return %4
    ");
}

#[test]
fn sizes_within_an_operand_are_equal() {
    let diagonal = |text: &str, shape: &[usize]| match kind(text, &[shape]) {
        ErrorKind::Size { first, second, rule: SizeRule::Diagonal, .. } => (first, second),
        other => panic!("{other}"),
    };
    for (a, b) in [(0, 3), (3, 0), (1, 3), (3, 1), (0, 1), (1, 0), (2, 3)] {
        let holder = |axis, size| LabeledAxis { operand: 0, axis, size };
        assert_eq!(diagonal("kk->k", &[a, b]), (holder(0, a), holder(1, b)));
        assert_eq!(diagonal("kk", &[a, b]), (holder(0, a), holder(1, b)));
    }
    diagonal("kak", &[2, 5, 1]);
    assert!(matches!(kind("k,kk", &[&[4], &[1, 4]]), ErrorKind::Size { rule: SizeRule::Diagonal, .. }));
}

#[test]
fn strict_forbids_broadcasting_and_nothing_else() {
    let strict = |text: &str, shapes: &[&[usize]]| {
        let types: Vec<TensorType> = shapes.iter().map(|shape| ty(Dtype::F64, shape)).collect();
        resolve(&parse(text)?, &types, &Options { strict: true, ..Options::default() })
    };
    let refused = |text: &str, shapes: &[&[usize]]| match strict(text, shapes).unwrap_err().kind() {
        ErrorKind::Size { first, second, rule: SizeRule::Strict, .. } => (first.size, second.size),
        other => panic!("{other}"),
    };
    assert!(strict("ij,jk->ik", &[&[2, 1], &[1, 0]]).is_ok());
    for (a, b) in [(1, 5), (5, 1), (0, 1), (3, 4)] {
        assert_eq!(refused("i,i->i", &[&[a], &[b]]), (a, b));
    }
    assert_eq!(refused("...,...", &[&[2, 1], &[2, 2]]), (1, 2));
}

#[test]
fn tensors_beyond_the_address_space_are_too_large() {
    let big = 1 << 40;
    let too_large = |text: &str, shapes: &[&[usize]]| matches!(kind(text, shapes), ErrorKind::TooLarge { .. });
    assert!(too_large("i,j->ij", &[&[big], &[big]]));
    assert!(too_large("(i,j),ij->", &[&[big], &[big], &[1, 1]]), "an intermediate");
    assert!(too_large("ij->", &[&[big, big]]), "an operand");
    assert!(too_large("i->", &[&[usize::MAX]]));
    assert!(too_large("ijk->", &[&[0, big, big]]), "an axis of size 0 does not make up for large ones");
    assert!(ir("i,j->", &[&[big], &[big]]).is_ok(), "an iteration space may be as large as it likes");
}

#[test]
fn counts_of_operands_and_axes_must_fit() {
    assert_eq!(kind("ij,jk", &[&[2, 3]]), ErrorKind::Operands { expected: 2, given: 1 });
    assert_eq!(kind("", &[]), ErrorKind::Operands { expected: 1, given: 0 });
    assert_eq!(kind("i", &[&[2], &[2]]), ErrorKind::Operands { expected: 1, given: 2 });
    assert_eq!(kind("i,j", &[&[2], &[]]), ErrorKind::Rank { operand: 1, expected: 1, given: 0, ellipsis: false });
    assert_eq!(kind("", &[&[2]]), ErrorKind::Rank { operand: 0, expected: 0, given: 1, ellipsis: false });
    assert_eq!(kind("i...j", &[&[2]]), ErrorKind::Rank { operand: 0, expected: 2, given: 1, ellipsis: true });
}

#[test]
fn a_text_for_another_tool_is_recognised_by_its_ranks() {
    let help = |text: &str, shapes: &[&[usize]]| ir(text, shapes).unwrap_err().help_lines().join("\n");
    assert_snapshot!(help("batch i, i -> batch", &[&[2, 3], &[3]]), @r"
    `batch` was read as five axes b,a,t,c,h
    write names of axes in brackets: `[batch i], [i] -> [batch]`
    or read the text as it is with `--spaced`, in the library `Expression::spaced`
    ");
    assert_snapshot!(help("b ... channel, channel -> b ...", &[&[2, 3], &[3]]), @r"
    `channel` was read as seven axes c,h,a,n,n,e,l
    write names of axes in brackets: `[b ... channel], [channel] -> [b ...]`
    or read the text as it is with `--spaced`, in the library `Expression::spaced`
    ");
    assert_snapshot!(help("x y, extraordinarily -> x", &[&[2, 3], &[3]]), @r"
    `extraordinarily` was read as 15 axes e,x,t,r,a,o,r,d,i,n,a,r,i,l,y
    write names of axes in brackets: `[x y], [extraordinarily] -> [x]`
    or read the text as it is with `--spaced`, in the library `Expression::spaced`
    ");
    assert_snapshot!(help("batch->batch", &[&[2]]), @r"
    `batch` was read as five axes b,a,t,c,h
    write names of axes in brackets: `[batch] -> [batch]`
    or read the text as it is with `--spaced`, in the library `Expression::spaced`
    ");
    assert_snapshot!(help("i j, j k", &[&[2, 3], &[3]]), @r"
    write one label for each axis; every letter is a label
    ");
    assert_snapshot!(help("e\u{301}->", &[&[2]]), @r"
    the combining mark `◌́` was read as a label of its own; write the composed letter (NFC)
    ");
}

#[test]
fn errors_of_integer_labels_point_into_their_printed_form() {
    let fail = |labels: &[&[u32]], output: Option<&[u32]>, shapes: &[&[usize]]| {
        let types: Vec<TensorType> = shapes.iter().map(|shape| ty(Dtype::F64, shape)).collect();
        resolve_labels(labels, output, &types, &Options::default()).unwrap_err().to_string()
    };
    assert_snapshot!(fail(&[&[0, 10], &[10, 2]], Some(&[0, 2]), &[&[2, 3], &[4, 5]]), @r"
    error[size]: axis `10` has two sizes
      | [0 10], [10 2] -> [0 2]
      |    ^^ 3 here (operand 1, axis 2)
      |          ^^ 4 here (operand 2, axis 1)
      = help: shapes given: 2x3, 4x5
    ");
    assert_snapshot!(fail(&[&[0, 1], &[]], Some(&[0]), &[&[2, 3], &[4]]), @r"
    error[rank]: operand 2 has 1 axis, its term 0 labels
      | [0 1], [] -> [0]
      |        ^^ operand 2 has shape 4
      = help: write one label for each axis
    ");
    assert_snapshot!(fail(&[&[0, 1]], Some(&[7]), &[&[2, 3]]), @r"
    error[output-unknown]: the output has `7`, which is in no operand
      | [0 1] -> [7]
      |           ^ not in any operand
      = help: labels of the operands: `0`, `1`
    ");
    assert_snapshot!(fail(&[&[0, 1]], Some(&[1, 0, 1]), &[&[2, 3]]), @r"
    error[output-repeated]: the output has `1` twice
      | [0 1] -> [1 0 1]
      |               ^ again here
      |           ^ first here
      = help: name each axis of the output once
    ");
    assert_snapshot!(fail(&[&[0]], None, &[&[2], &[3]]), @r"
    error[operands]: the expression has 1 operand, 2 given
      | [0]
      |    ^ no term for operand 2
      = help: remove operand 2, or write a term for it
    ");
    assert_snapshot!(fail(&[], Some(&[]), &[]), @r"
    error[syntax]: an expression has at least one operand
      |  -> []
      | ^ no term before this
      = help: give the labels of each operand; a scalar has an empty list
    ");
}

#[test]
fn another_algebra_takes_the_place_of_sums_and_products() {
    let options = Options { algebra: Algebra::MIN_PLUS, ..Options::default() };
    let with = |dtype: Dtype| resolve(&parse("(ij,jk),kl->il")?, &vec![ty(dtype, &[2, 2]); 3], &options);
    let of = |node: &einfold_ir::Node| match &node.def {
        Def::Contraction(c) => Some(c.algebra),
        _ => None,
    };
    for dtype in [Dtype::F64, Dtype::F16, Dtype::I8] {
        let ir = with(dtype).unwrap();
        assert!(ir.nodes().iter().filter_map(of).all(|a| a == Algebra::MIN_PLUS), "{ir}");
        assert_eq!(ir.node(ir.outputs()[0]).dtype, dtype);
    }
    let refused = with(Dtype::C64).unwrap_err();
    assert_eq!(refused.kind(), &ErrorKind::Algebra { algebra: Algebra::MIN_PLUS, dtype: Dtype::C64 });
}
