//! The modules of statements, node by node. `tests/all/settled.rs` tests the values that they compute.

use crate::{Error, Options, parse, resolve};
use einfold_ir::{Dtype, Ir, Literal, OutOfRange, TensorType};
use insta::assert_snapshot;

/// The module of a text for operands such as `2x3, 4:i64`, bound by position.
fn ir(text: &str, types: &str) -> Ir {
    with(text, types, Options::default()).unwrap()
}

fn with(text: &str, types: &str, options: Options) -> Result<Ir, Error> {
    let ty = |text: &str| {
        let (shape, dtype) = text.split_once(':').unwrap_or((text, "f64"));
        let shape = shape.split('x').map(|n| n.parse().unwrap()).collect();
        TensorType { name: None, dtype: Dtype::from_name(dtype).unwrap(), shape, conj: false }
    };
    resolve(&parse(text)?, &types.split(", ").map(ty).collect::<Vec<_>>(), &options)
}

#[test]
fn merged_axes_are_index_functions() {
    let split = Options { sizes: [("a".to_string(), 3)].into(), ..Options::default() };
    assert_snapshot!(ir("[i j], [k l] -> [(i k) (j l)]", "2x3, 4x5"), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 x1 = input 1  f64[4, 5]
    %2 y = (+, *) %0[i, j] . %1[k, l] -> [4*i+k, 5*j+l]  f64[8, 15]
    return %2
    ");
    assert_snapshot!(ir("[i j], [k l], [(j l)] -> [(i k)]", "2x3, 4x5, 15"), @r"
    %0 x0 = input 0  f64[2, 3]
    %1 x1 = input 1  f64[4, 5]
    %2 x2 = input 2  f64[15]
    %3 y = (+, *) %0[i, j] . %1[k, l] . %2[5*j+l] -> [4*i+k]  f64[8]
    return %3
    ");
    assert_snapshot!(with("[(a b) c] -> [c a b]", "6x2", split).unwrap(), @r"
    %0 x0 = input 0  f64[6, 2]
    %1 y = (+, *) %0[2*a+b, c] -> [c, a, b]  f64[2, 3, 2]
    return %1
    ");
    assert_snapshot!(ir("[i j] -> [(i j)]", "2x3:f16"), @r"
    %0 x0 = input 0  f16[2, 3]
    %1 y = (+, *) %0[i, j] -> [3*i+j]  f32[6]
    %2 y = (+, *) %1[i j] -> [i j]  f16[6]
    return %2
    ");
}

#[test]
fn products_are_contractions_that_start_from_the_other_terms() {
    assert_snapshot!(ir("y[o] = V[o,h]*x[h] + c[o]", "3x5, 5, 3"), @r"
    %0 V = input 0  f64[3, 5]
    %1 x = input 1  f64[5]
    %2 c = input 2  f64[3]
    %3 y = (+, *) %2[o] -> [o]  f64[3]
    %4 y = %3 and (+, *) %0[o, h] . %1[h] -> [o]  f64[3]
    return %4
    ");
    assert_snapshot!(ir("Y[i] = A[i,j]*x[j]/4 - B[i,j]*y[j]", "3x5, 5, 3x5, 5"), @r"
    %0 A = input 0  f64[3, 5]
    %1 x = input 1  f64[5]
    %2 B = input 2  f64[3, 5]
    %3 y = input 3  f64[5]
    %4 t4 = (+, *) (%1[j] / 4.0) -> [j]  f64[5]
    %5 Y = (+, *) %0[i, j] . %4[j] -> [i]  f64[3]
    %6 t6 = (+, *) -%3[j] -> [j]  f64[5]
    %7 Y = %5 and (+, *) %2[i, j] . %6[j] -> [i]  f64[3]
    return %7
    ");
    assert_snapshot!(ir("S[i,j] = X[i,j] + X[j,i]", "3x3"), @r"
    %0 X = input 0  f64[3, 3]
    %1 S = (+, *) (%0[i, j] + %0[j, i]) -> [i, j]  f64[3, 3]
    return %1
    ");
}

#[test]
fn factors_with_fewer_axes_are_computed_separately() {
    assert_snapshot!(ir("Z[a,b] = sin(x[a])*sin(x[b])", "7"), @r"
    %0 x = input 0  f64[7]
    %1 t1 = (+, *) sin(%0[a]) -> [a]  f64[7]
    %2 Z = (+, *) %1[a] . %1[b] -> [a, b]  f64[7, 7]
    return %2
    ");
    assert_snapshot!(ir("Y[i] += A[i,j]*(x[j] + 1)", "2x3, 3"), @r"
    %0 A = input 0  f64[2, 3]
    %1 x = input 1  f64[3]
    %2 t2 = (+, *) (%1[j] + 1.0) -> [j]  f64[3]
    %3 Y = (+, *) %0[i, j] . %2[j] -> [i]  f64[2]
    return %3
    ");
    assert_snapshot!(ir("C[i,k] max= A[i,j] + B[j,k] - 1", "2x3, 3x4"), @r"
    %0 A = input 0  f64[2, 3]
    %1 B = input 1  f64[3, 4]
    %2 t2 = (+, *) (%0[i, j] - 1.0) -> [i, j]  f64[2, 3]
    %3 C = (max, +) %2[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    return %3
    ");
}

#[test]
fn gathers_scatters_and_windows_are_indices() {
    assert_snapshot!(ir("Y[dst[e]:3,h] += X[src[e],f]*W[f,h]", "4:i64, 3x2, 4:i64, 2x5"), @r"
    %0 dst = input 0  i64[4]
    %1 X = input 1  f64[3, 2]
    %2 src = input 2  i64[4]
    %3 W = input 3  f64[2, 5]
    %4 Y = (+, *) %1[%2[e], f] . %3[f, h] -> [%0[e], h]  f64[3, 5]
    return %4
    ");
    assert_snapshot!(ir("N[g[n]:3] += 1", "6:i64"), @r"
    %0 g = input 0  i64[6]
    %1 N = (+, *) 1 -> [%0[n]]  i64[3]
    return %1
    ");
    assert_snapshot!(ir("Y[i] = X[2*i+k]*W[k]", "9, 2"), @r"
    %0 X = input 0  f64[9]
    %1 W = input 1  f64[2]
    %2 Y = (+, *) %0[2*i+k] . %1[k] -> [i]  f64[4]
    return %2
    ");
    assert_snapshot!(ir("D[i,i] += c[i]", "3"), @r"
    %0 c = input 0  f64[3]
    %1 D = (+, *) %0[i] -> [i, i]  f64[3, 3]
    return %1
    ");
}

#[test]
fn statements_determine_the_algebra() {
    assert_snapshot!(ir("C[i,k] max= A[i,j]*B[j,k]", "2x3, 3x4"), @r"
    %0 A = input 0  f64[2, 3]
    %1 B = input 1  f64[3, 4]
    %2 C = (max, *) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    return %2
    ");
    assert_snapshot!(ir("C[i,k] lse= A[i,j] + B[j,k]", "2x3, 3x4"), @r"
    %0 A = input 0  f64[2, 3]
    %1 B = input 1  f64[3, 4]
    %2 C = (lse, +) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    return %2
    ");
    assert_snapshot!(ir("Y |= a[n]*b[n]", "3:bool, 3:bool"), @r"
    %0 a = input 0  bool[3]
    %1 b = input 1  bool[3]
    %2 Y = (|, &) %0[n] . %1[n] ->   bool[]
    return %2
    ");
    assert_snapshot!(ir("Y |= a[n]*b[n]", "3:i32, 3:i32"), @r"
    %0 a = input 0  i32[3]
    %1 b = input 1  i32[3]
    %2 Y = (|, &) (%0[n] * %1[n]) ->   i32[]
    return %2
    ");
    assert_snapshot!(ir("Y &= a[n] + b[n]", "3:bool, 3:bool"), @r"
    %0 a = input 0  bool[3]
    %1 b = input 1  bool[3]
    %2 Y = (&, |) %0[n] . %1[n] ->   bool[]
    return %2
    ");
}

#[test]
fn groups_are_counted_and_exponentials_shifted() {
    let fill = Options { fill: [("Y".to_string(), Literal::Int(0))].into(), ..Options::default() };
    assert_snapshot!(ir("L[g[n]:3] lse= x[n]", "6:i64, 6"), @r"
    %0 g = input 0  i64[6]
    %1 x = input 1  f64[6]
    %2 L = (max, +) %1[n] -> [%0[n]]  f64[3]
    %3 L = (+, *) exp(min((%1[n] - %2[%0[n]]), 0.0)) -> [%0[n]]  f64[3]
    %4 L = (+, *) where(eq((%2[n] - %2[n]), 0.0), (%2[n] + max(log(%3[n]), 0.0)), %2[n]) -> [n]  f64[3]
    return %4
    ");
    assert_snapshot!(with("Y[g[n]:3] mean= x[n]", "6:i64, 6:f32", fill).unwrap(), @r"
    %0 g = input 0  i64[6]
    %1 x = input 1  f32[6]
    %2 Y = (+, *) %1[n] -> [%0[n]]  f32[3]
    %3 Y count = (+, *) 1 -> [%0[n]]  i64[3]
    %4 Y = (+, *) where(eq(%3[n], 0), 0.0, (%2[n] / f32(%3[n]))) -> [n]  f32[3]
    return %4
    ");
    assert_snapshot!(ir("Y[i] mean= x[i,j]", "2x3:f16"), @r"
    %0 x = input 0  f16[2, 3]
    %1 Y = (+, *) %0[i, j] -> [i]  f32[2]
    %2 Y = (+, *) (%1[i] / 3.0) -> [i]  f32[2]
    %3 Y = (+, *) %2[i] -> [i]  f16[2]
    return %3
    ");
    assert_snapshot!(ir("M[g[n]:3] max= x[n]; E[n] = exp(x[n]-M[g[n]]); Z[g[n]:3] += E[n]; P[n] = E[n]/Z[g[n]]", "6:i64, 6"), @r"
    %0 g = input 0  i64[6]
    %1 x = input 1  f64[6]
    %2 M = (max, +) %1[n] -> [%0[n]]  f64[3]
    %3 E = (+, *) exp((%1[n] - %2[%0[n]])) -> [n]  f64[6]
    %4 Z = (+, *) %3[n] -> [%0[n]]  f64[3]
    %5 P = (+, *) (%3[n] / %4[%0[n]]) -> [n]  f64[6]
    return %5
    ");
}

#[test]
fn a_dropped_index_drops_its_term() {
    let drop = || Options { out_of_range: OutOfRange::Drop, ..Options::default() };
    assert_snapshot!(with("Y += X[g[n]]*w[n]", "6, 4:i64, 4", drop()).unwrap(), @r"
    %0 X = input 0  f64[6]
    %1 g = input 1  i64[4]
    %2 w = input 2  f64[4]
    %3 Y = (+, *) %0[%1[n]] . %2[n] ->   f64[]
    return %3
    ");
    assert_snapshot!(with("Y[n] = X[g[n]] + b[n]", "6, 4:i64, 4", drop()).unwrap(), @r"
    %0 X = input 0  f64[6]
    %1 g = input 1  i64[4]
    %2 b = input 2  f64[4]
    %3 Y = (+, *) %2[n] -> [n]  f64[4]
    %4 Y = %3 and (+, *) %0[%1[n]] -> [n]  f64[4]
    return %4
    ");
    assert_snapshot!(with("Y mean= X[g[n]]", "6, 4:i64", drop()).unwrap(), @r"
    %0 X = input 0  f64[6]
    %1 g = input 1  i64[4]
    %2 Y = (+, *) %0[%1[n]] ->   f64[]
    %3 Y count = (+, *) 1 with %0[%1[n]] ->   i64[]
    %4 Y = (+, *) (%2 / f64(%3)) ->   f64[]
    return %4
    ");
}

#[test]
fn contributions_start_from_the_one_before() {
    assert_snapshot!(ir("Y[g[n]:2] += a[n]; Y[k] += b[k]*2", "3:i64, 3, 2"), @r"
    %0 g = input 0  i64[3]
    %1 a = input 1  f64[3]
    %2 b = input 2  f64[2]
    %3 Y = (+, *) %1[n] -> [%0[n]]  f64[2]
    %4 Y = %3 and (+, *) (%2[k] * 2.0) -> [k]  f64[2]
    return %4
    ");
}

#[test]
fn equal_nodes_are_shared() {
    let once = ir("a[g[n]:3] mean= x[n]; b[g[n]:3] mean= x[n]*x[n]; c[m] = sin(x[m])*sin(x[m]) for m:6", "6:i64, 6");
    let counts = once.nodes().iter().filter(|node| node.label.ends_with("count")).count();
    assert_eq!(counts, 1, "{once}");
    let twice = ir("A[i] = x[i]*2; B[j] = x[j]*2", "6");
    assert_eq!(twice.outputs()[0], twice.outputs()[1], "{twice}");
}

#[test]
fn long_sums_and_programs_are_resolved() {
    let n = 2_000;
    let sum = format!("Y[i] = {}", vec!["x[i]"; n].join(" + "));
    assert_eq!(ir(&sum, "3").nodes().len(), 2);
    let product = format!("Y = {}", vec!["x[i]"; n].join("*"));
    assert_eq!(ir(&product, "3").nodes().len(), 2);
    let statements: Vec<String> = (0..n).map(|k| format!("Y{k}[i] = x[i]*{k}.5")).collect();
    assert_eq!(ir(&statements.join("\n"), "3").nodes().len(), n + 1);
}

#[test]
fn each_size_query_is_asked_once() {
    use crate::resolve_with_queries;
    let ast = parse("s[g[n]] += x[n]; c[g[n]] += 1").unwrap();
    let ty = |dtype: Dtype| TensorType { name: None, dtype, shape: vec![4].into(), conj: false };
    let types = [ty(Dtype::U8), ty(Dtype::F64)];
    assert_eq!(resolve(&ast, &types, &Options::default()).unwrap_err().code(), "data-dependent-shape");
    let mut queries = Vec::new();
    let mut answer = |query: &crate::SizeQuery| {
        queries.push(query.clone());
        Some(6)
    };
    let ir = resolve_with_queries(&ast, &types, &Options::default(), &mut answer, &mut Vec::new()).unwrap();
    assert!(ir.outputs().iter().all(|&output| ir.node(output).shape[..] == [7]));
    let [query] = &queries[..] else { panic!("one question") };
    assert_eq!(query.operands(), [0]);
    assert_snapshot!(query.ir(), @r"
    %0 g = input 0  u8[4]
    %1 greatest = (max, +) %0[n] ->   u8[]
    return %1
    ");
}

#[test]
fn tensors_beyond_the_address_space_are_too_large() {
    let code = |text: &str, types: &str| with(text, types, Options::default()).unwrap_err().code();
    let large = "1099511627776";
    assert_eq!(code("Y[(i j)] = a[i]*b[j]", &format!("{large}, {large}")), "too-large");
    assert_eq!(code("[i], [j] -> [(i j)]", &format!("{large}, {large}")), "too-large");
    assert_eq!(code("Y[4611686018427387904*i+1] += a[i]", "3"), "too-large");
    assert_eq!(code("Y[9223372036854775807*i+9223372036854775807] += a[i]", "3"), "index-out-of-range");
    assert_eq!(code("Y[9223372036854775807*i+g[i]:5] += a[i]", "3:i64, 3"), "index-out-of-range");
    assert_eq!(code("Y[i,j:9223372036854775807] = a[i]", "3"), "too-large");
    assert_eq!(code("Y[i] = a[i]", &format!("{large}x{large}")), "too-large");
    assert!(with("Y += a[i]*b[j]", &format!("{large}, {large}"), Options::default()).is_ok());
}
