use crate::ast::{Affine, Ast, Expr, ExprKind, Index, IndexTermKind, Named, Program};
use crate::text::{parse, parse_spaced};
use insta::assert_snapshot;
use std::sync::Arc;

fn program(text: &str) -> Arc<Program> {
    match parse(text) {
        Ok(Ast::Program(program)) => program,
        other => panic!("{text}\n{other:?}"),
    }
}

fn named(parsed: Result<Ast, crate::Error>) -> Arc<Named> {
    match parsed {
        Ok(Ast::Named(named)) => named,
        other => panic!("{other:?}"),
    }
}

fn affine(index: &Index) -> &Affine {
    match index {
        Index::Affine(affine) => affine,
        Index::Axis(_) => panic!("{index:?}"),
    }
}

#[test]
fn comments_do_not_choose_the_level() {
    assert!(matches!(parse("[i] # Y = x\n-> [i]"), Ok(Ast::Named(_))));
    assert!(matches!(parse("# [i]\nY = x # ]"), Ok(Ast::Program(_))));
    assert!(matches!(parse("ij,jk->ik"), Ok(Ast::Letters(_))));
    // Letters have no comments: NumPy refuses the `#` as well.
    assert_snapshot!(parse("ij->i # [i] = x").unwrap_err(), @r"
    error[syntax]: `#` is not a label
      | ij->i # [i] = x
      |       ^
      = help: subscript strings have no comments
    ");
}

#[test]
fn places_are_in_the_text_with_its_comments() {
    let text = "# sums\nY[ seg[n] , (a b):K ] += -2 * ( X[n,f] + 1 ) # note\n  for f : 3";
    assert_eq!(parse(text).unwrap_err().spans()[0].span.range(), text.len() - 5..text.len() - 4);
    let p = program("# sums\nY[ seg[n] , (a b):K ] += -2 * ( X[n,2*f-g[f]] + 1 ) for f : 3, n:size(X , 0) # note");
    let s = &p.statements()[0];
    assert_eq!(p.source(s.span), &p.text()[7..p.text().len() - 7]);
    assert_eq!((p.source(s.name.span), p.source(s.operator)), ("Y", "+="));
    let left: Vec<&str> = s.left.iter().map(|position| p.source(position.index.span())).collect();
    assert_eq!(left, ["seg[n]", "(a b)"]);
    assert_eq!(p.source(s.left[1].size.as_ref().unwrap().span()), "K");
    let sizes: Vec<&str> = s.sizes.iter().map(|size| p.source(size.size.span())).collect();
    assert_eq!(sizes, ["3", "size(X , 0)"]);

    let factors = match &s.right {
        Expr { span, kind: ExprKind::Product(factors) } if p.source(*span) == "-2 * ( X[n,2*f-g[f]] + 1 )" => factors,
        other => panic!("{other:?}"),
    };
    let places: Vec<&str> = factors.iter().map(|factor| p.source(factor.expr.span)).collect();
    assert_eq!(places, ["-2", "X[n,2*f-g[f]] + 1"]);
    assert_eq!(factors[1].operator.map(|operator| p.source(operator)), Some("*"));
    let ExprKind::Sum(terms) = &factors[1].expr.kind else { panic!("{factors:?}") };
    let ExprKind::Access(access) = &terms[0].expr.kind else { panic!("{terms:?}") };
    let index = affine(&access.indices[1]);
    assert_eq!(p.source(index.span), "2*f-g[f]");
    assert_eq!(index.parts.iter().map(|part| p.source(part.span())).collect::<Vec<_>>(), ["2*f", "-g[f]"]);
}

#[test]
fn coefficients_on_both_sides_are_multiplied() {
    let p = program("Y = x[n - 2 * i*3]");
    let ExprKind::Access(access) = &p.statements()[0].right.kind else { panic!() };
    let part = &affine(&access.indices[0]).parts[1];
    let IndexTermKind::Multiple { coefficient: Some(coefficient), .. } = &part.kind else { panic!("{part:?}") };
    assert_eq!((coefficient.value, p.source(coefficient.span), p.source(part.span())), (6, "2 * i*3", "- 2 * i*3"));
}

#[test]
fn names_have_numbers_in_order_of_first_appearance() {
    let n = named(parse("[b a], [a (c b)] -> [c]"));
    assert_eq!((0..n.names() as u32).map(|id| n.name(id)).collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!(n.terms()[1].names().map(|name| name.id).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(&n.text()[n.arrow().range()], "->");
    assert_eq!(&n.text()[n.terms()[1].span.range()], "[a (c b)]");
}

#[test]
fn the_spaced_form_is_the_same_without_brackets() {
    let n = named(parse_spaced(" batch i,(batch j) ... -> i j ..."));
    assert_eq!(n.to_string(), "[batch i], [(batch j) ...] -> [i j ...]");
    assert_eq!(&n.text()[n.terms()[0].span.range()], "batch i");
    assert_eq!(&n.text()[n.output().span.range()], "i j ...");
    assert_eq!(named(parse_spaced(", i ->")).to_string(), "[], [i] -> []");
    assert_eq!(named(parse_spaced("->")).to_string(), "[] -> []");
}

#[test]
fn errors_in_the_spaced_form() {
    assert_snapshot!(parse_spaced("i j").unwrap_err(), @r"
    error[syntax]: expected an axis, `,` or `->`, found the end of the text
      | i j
      |    ^
      = help: name the axes of each operand, as in `i j, j k -> i k`
      = help: output the axes used once: `[i j] -> [i j]`
    ");
    assert_snapshot!(parse_spaced("[i] -> [i]").unwrap_err(), @r"
    error[syntax]: expected an axis, `,` or `->`, found `[`
      | [i] -> [i]
      | ^
      = help: the spaced form has no brackets
    ");
    assert_snapshot!(parse_spaced("h w c -> 1 h w c").unwrap_err(), @r"
    error[syntax]: expected the end of the text, found a number
      | h w c -> 1 h w c
      |          ^
      = help: an axis is a name here, not a number
      = help: read an axis of size 1 at position 0, and write it with its size: `y[one:1,h,w,c] = x[h,w,c]`
    ");
    assert_snapshot!(parse_spaced("i, j -> i, j").unwrap_err(), @r"
    error[syntax]: an expression has one output
      | i, j -> i, j
      |          ^ a second output would begin here
      |      ^^ the output begins after this
      = help: write the terms of the operands, `->`, then the output
      = help: a program has several results: `y[i] = a[i]*b[j]; z[j] = a[i]*b[j]`
    ");
    assert_snapshot!(parse_spaced("i - > i").unwrap_err(), @r"
    error[syntax]: `->` may not contain a space
      | i - > i
      |   ^^^ read as `-` and `>`
      = help: write `->`
    ");
    assert_snapshot!(parse_spaced("2i -> i").unwrap_err(), @r"
    error[syntax]: this is not a number
      | 2i -> i
      | ^^
      = help: an axis is a name, which begins with a letter or `_`
    ");
}

#[test]
fn line_ends_end_statements() {
    assert_snapshot!(parse("S[i] = a[i]\n  + b[i]\nT = S").unwrap_err(), @r"
    error[syntax]: expected a name, found `+`
     2 |   + b[i]
       |   ^
      = help: to continue a line, end it with its operator
    ");
    assert_snapshot!(parse("S[i]\n= a[i]").unwrap_err(), @r"
    error[syntax]: expected an assignment, found the end of the line
     1 | S[i]
       |     ^
      = help: a line end ends the statement; break the line after the assignment sign
    ");
    assert_snapshot!(parse("S[i] = a[i]\nfor i:3").unwrap_err(), @r"
    error[syntax]: expected an assignment, found a name
     2 | for i:3
       |     ^
      = help: write `for` in the line of its statement
    ");
    assert_snapshot!(parse("S[i] = exp(\n  a[i]\nT[i] = S[i]\n").unwrap_err(), @r"
    error[syntax]: expected an operator, `,` or `)`, found a name
     1 | S[i] = exp(
       |           ^ opened here
     3 | T[i] = S[i]
       | ^
      = help: separate arguments by `,`
    ");
    assert_snapshot!(parse("S = a *\n\n").unwrap_err(), @r"
    error[syntax]: expected an expression, found the end of the text
     3 |
       | ^
      = help: an expression has numbers, elements `x[i]`, functions `exp(x[i])`, and `+ - * / ( )`
    ");
}

#[test]
fn limits_of_numbers_and_nesting() {
    assert_snapshot!(parse("Y = x[99999999999999999999]").unwrap_err(), @r"
    error[syntax]: an integer is more than 9223372036854775807
      | Y = x[99999999999999999999]
      |       ^^^^^^^^^^^^^^^^^^^^
      = help: positions and sizes are 64-bit integers with a sign
    ");
    assert_snapshot!(parse("Y = x[4294967296*i*4294967296]").unwrap_err(), @r"
    error[syntax]: an integer is more than 9223372036854775807
      | Y = x[4294967296*i*4294967296]
      |       ^^^^^^^^^^^^^^^^^^^^^^^
      = help: positions and sizes are 64-bit integers with a sign
    ");
    assert_snapshot!(parse(&format!("Y = {}x", "-".repeat(129))).unwrap_err(), @r"
    error[syntax]: the text is nested more than 128 deep
      | …-------------------------------x
      |                                ^ beyond the limit
      = help: define the intermediate results by separate statements
    ");
    assert_snapshot!(parse(&format!("[{}] -> [i]", "(".repeat(2))).unwrap_err(), @r"
    error[syntax]: expected a name, found `(`
      | [((] -> [i]
      |   ^
      = help: parentheses hold the names that share an axis, separated by spaces: `(a b)`
    ");
    assert_snapshot!(parse("Y[..., ...] = x[...]").unwrap_err(), @r"
    error[syntax]: a term has at most one `...`
      | Y[..., ...] = x[...]
      |        ^^^ again here
      |   ^^^ first here
      = help: one `...` covers all axes that are not written
    ");
    assert_snapshot!(parse("Y[i]] = x[i]").unwrap_err(), @r"
    error[syntax]: a bracket was not opened
      | Y[i]] = x[i]
      |     ^ nothing to close
      = help: remove it, or write the opening one before it
    ");
    assert_snapshot!(parse("Y[i] = x[i])").unwrap_err(), @r"
    error[syntax]: a parenthesis was not opened
      | Y[i] = x[i])
      |            ^ nothing to close
      = help: remove it, or write the opening one before it
    ");
    assert_snapshot!(parse("[i] -> [i] -> [i]").unwrap_err(), @r"
    error[syntax]: an expression has at most one `->`
      | [i] -> [i] -> [i]
      |            ^^ again here
      |     ^^ first here
      = help: write the terms of the operands, `->`, then the output
    ");
    assert_snapshot!(parse("[... ...] -> [...]").unwrap_err(), @r"
    error[syntax]: a term has at most one `...`
      | [... ...] -> [...]
      |      ^^^ again here
      |  ^^^ first here
      = help: one `...` covers all axes that are not written
    ");
}
