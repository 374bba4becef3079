use crate::ast::{Ast, Program};
use crate::error::NameClass;
use crate::{Error, parse};
use std::sync::Arc;

fn program(text: &str) -> Arc<Program> {
    match parse(text) {
        Ok(Ast::Program(program)) => program,
        other => panic!("{text}\n{other:?}"),
    }
}

fn error(text: &str) -> Error {
    parse(text).unwrap_err()
}

/// Inputs, sizes and outputs by name, and each definition with its assignment and statements.
fn names(text: &str) -> String {
    let p = program(text);
    let list = |ids: &[u32]| ids.iter().map(|&id| p.name(id)).collect::<Vec<_>>().join(" ");
    let n = p.names();
    let definitions: Vec<String> =
        n.definitions().iter().map(|d| format!("{}{}{:?}", p.name(d.name), d.assign, d.statements)).collect();
    format!("{} / {} / {} / {}", list(n.inputs()), list(n.sizes()), definitions.join(" "), list(n.outputs()))
}

#[test]
fn inputs_are_in_order_of_first_appearance() {
    assert_eq!(names("Y[seg[n],f] += X[n,f]"), "seg X /  / Y+=[0] / Y");
    assert_eq!(names("Y[g[n]:size(Z,0)] = b + a[n]*g[n]"), "g Z b a /  / Y=[0] / Y");
    assert_eq!(names("Y = x[p[q[n]],r[]]"), "x p q r /  / Y=[0] / Y");
    assert_eq!(names("Y[i:3] = 1"), " /  / Y=[0] / Y");
}

#[test]
fn statements_are_grouped_by_what_they_define() {
    assert_eq!(names("Y[i] += a[i]; Z max= b; Y[i] += c[i]; Z max= d"), "a b c d /  / Y+=[0, 2] Zmax=[1, 3] / Y Z");
    assert_eq!(names("S[i] = D[i,j]*w[j]; W = w[j]; A[i] = S[i]/W"), "D w /  / S=[0] W=[1] A=[2] / A");
}

#[test]
fn outputs_are_never_read_in_any_way() {
    assert_eq!(names("N[g[n]] += 1; Y[k:size(N,0)] = x[k+0]"), "g x /  / N+=[0] Y=[1] / Y");
    assert_eq!(names("A = x; B = A; C = A; D = x"), "x /  / A=[0] B=[1] C=[2] D=[3] / B C D");
}

#[test]
fn a_bare_name_is_a_size_where_it_is_declared_as_one() {
    assert_eq!(names("Y[i:K] = x[i+0]/K"), "x / K / Y=[0] / Y");
    assert_eq!(names("Z = K; Y[i:K] = x[i+0]"), "x / K / Z=[0] Y=[1] / Z Y");
    assert_eq!(names("Y[i] = x[i]/K"), "x K /  / Y=[0] / Y");
    assert_eq!(names("Y[i] = M for i:N, j:M"), " / M N / Y=[0] / Y");
}

#[test]
fn every_name_has_a_class() {
    let p = program("Y[(a b):K,...] += x[2*c+g[n]] for d:L");
    let class = |name: &str| {
        let id = (0..p.names().classes().len() as u32).find(|&id| p.name(id) == name).unwrap();
        p.names().classes()[id as usize]
    };
    assert!(["a", "b", "c", "n", "d"].iter().all(|name| class(name) == NameClass::Axis));
    assert!(["Y", "x", "g"].iter().all(|name| class(name) == NameClass::Tensor));
    assert!(["K", "L"].iter().all(|name| class(name) == NameClass::Size));
}

#[test]
fn names_differ_by_code_points() {
    assert_eq!(names("Y = \u{E9}*e\u{301}"), "\u{E9} e\u{301} /  / Y=[0] / Y");
    assert_eq!(names("Y = x*X"), "x X /  / Y=[0] / Y");
}

#[test]
fn many_names_are_told_apart() {
    let inputs: Vec<String> = (0..500).map(|k| format!("x{}", k % 250)).collect();
    let p = program(&format!("Y = {}", inputs.join("*")));
    assert_eq!(p.names().inputs().len(), 250);
    assert!(p.names().inputs().iter().enumerate().all(|(k, &id)| p.name(id) == format!("x{k}")));
}

#[test]
fn one_name_is_one_thing() {
    for (text, code) in [
        ("Y[n] = X[g]*g[n]", "index-is-tensor"),
        ("g[n] = x[n]; Y = X[g]", "index-is-tensor"),
        ("Y[n] = x[n]; Z = w[Y]", "index-is-tensor"),
        ("Y[(g n)] = w[g[n],n]", "index-is-tensor"),
        ("Y[i] = i*x[i]", "name-class"),
        ("Y[i:K] = x[i+K]", "name-class"),
        ("Y[i:K] = K[i]", "name-class"),
        ("K = x; Y[i:K] = x", "name-class"),
        ("Y[i:K] = size(K,0)", "name-class"),
        ("Y[i] = x[i] for i:i", "name-class"),
    ] {
        let error = error(text);
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.spans().len(), 2, "{error}");
    }
}

#[test]
fn names_are_complete_before_they_are_read() {
    for (text, code) in [
        ("Y[i] = Y[i]", "unknown-name"),
        ("Y = Z; Z = x", "unknown-name"),
        ("Y[k:size(Z,0)] = x[k+0]; Z[i] = x[i]", "unknown-name"),
        ("Y += x; Z = Y; Y += z", "redefined"),
        ("Y += x; Y += Y", "redefined"),
        ("Y = x; Y = x", "redefined"),
        ("Y = x; Y += x", "redefined"),
        ("Y += x; Y *= x", "redefined"),
        ("g[n] = x[n]; Y[g[n]] += w[n]", "index-computed"),
        ("Y[i] = x[Y[i]]", "index-computed"),
    ] {
        let error = error(text);
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.spans().len(), 2, "{error}");
    }
}
