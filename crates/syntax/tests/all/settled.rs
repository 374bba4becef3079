//! What programs and named subscripts mean, point by point of the language's definition, on values worked out by hand.

use crate::cases::options;
use crate::element::{Element, Real};
use crate::evaluate::{Tensor, evaluate};
use crate::values::resolve_fully;
use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Ast, parse};

/// A tensor as `x:f64=1 2 3`, `A:i8[2x2]=1 2 3 4`, `s:f64[]=1`, `z:c64=1+2i`; without a shape it has one axis.
fn tensor(text: &str) -> (String, Tensor) {
    let (head, values) = text.split_once('=').unwrap();
    let (name, ty) = head.split_once(':').unwrap();
    let (dtype, shape) = ty.split_once('[').map_or((ty, None), |(dtype, shape)| (dtype, Some(shape)));
    let dtype = Dtype::from_name(dtype).unwrap();
    let data: Vec<Element> = values.split_whitespace().map(|value| element(value).fit(dtype)).collect();
    let extents = |shape: &str| shape.trim_end_matches(']').split('x').flat_map(str::parse).collect();
    let shape: Vec<usize> = shape.map_or_else(|| vec![data.len()], extents);
    assert_eq!(data.len(), shape.iter().product::<usize>(), "{text}");
    (name.to_string(), Tensor { dtype, shape, data })
}

fn element(text: &str) -> Element {
    let real = |text: &str| text.parse().map_or_else(|_| Real::Float(text.parse().unwrap()), Real::Int);
    match text.strip_suffix('i') {
        Some(complex) => {
            let at = complex.rfind(['+', '-']).unwrap();
            Element(real(&complex[..at]), real(complex[at..].trim_start_matches('+')))
        }
        None => Element(real(text), Real::Int(0)),
    }
}

fn shown(tensor: &Tensor) -> String {
    let one = |element: &Element| match element {
        Element(Real::Int(re), Real::Int(_)) if !tensor.dtype.is_complex() => re.to_string(),
        Element(re, _) if !tensor.dtype.is_complex() => re.float().to_string(),
        Element(re, im) => format!("{}{:+}i", re.float(), im.float()),
    };
    let data: Vec<String> = tensor.data.iter().map(one).collect();
    format!("{}{:?} {}", tensor.dtype, tensor.shape, data.join(" ")).trim_end().to_string()
}

/// The results, or the code of the error.
fn with(text: &str, inputs: &[&str], words: &[&str]) -> String {
    let (names, inputs): (Vec<String>, Vec<Tensor>) = inputs.iter().map(|input| tensor(input)).unzip();
    let ast = match parse(text) {
        Ok(ast) => ast,
        Err(error) => return error.code().to_string(),
    };
    let named = matches!(ast, Ast::Program(_));
    let ty = |(name, tensor): (String, &Tensor)| {
        let name = Some(name.into()).filter(|_| named);
        TensorType { name, dtype: tensor.dtype, shape: tensor.shape.clone(), conj: false }
    };
    let types: Vec<TensorType> = names.into_iter().zip(&inputs).map(ty).collect();
    match resolve_fully(&ast, &types, &inputs, options(words.iter().copied())) {
        Err(code) => format!("run: {code}"),
        Ok(Err(error)) => error.code().to_string(),
        Ok(Ok(ir)) => match evaluate(&ir, &inputs) {
            Ok(results) => results.iter().map(shown).collect::<Vec<_>>().join("; "),
            Err(_) => "run: index-out-of-range".to_string(),
        },
    }
}

fn run(text: &str, inputs: &[&str]) -> String {
    with(text, inputs, &[])
}

#[test]
fn s1_regions_are_promoted_at_once() {
    let (a, b) = ("a:i8=100", "b:i8=100");
    assert_eq!(run("Y += a[i]*b[i]*c[i]", &[a, b, "c:f64=1"]), "f64[] 10000");
    assert_eq!(run("Y += a[i]; Y += c[i]", &[a, "c:f64=100"]), "f64[] 200");
    assert_eq!(run("Y += a[i]*b[i]", &[a, b]), "i8[] 16");
    assert_eq!(run("Y[i] = a[i] + b[i]", &[a, b]), "i8[1] -56");
    assert_eq!(run("Y[i] = a[i]/b[i]", &[a, b]), "f64[1] 1");
    assert_eq!(run("Y[i] = a[i] + b[i] + a[i]/b[i]", &[a, b]), "f64[1] 201", "a quotient makes its region floating");
    assert_eq!(
        run("Y[i] = abs(a[i] + b[i])*c[i]", &[a, b, "c:f64=1"]),
        "f64[1] 56",
        "arguments are regions of their own"
    );
    assert_eq!(run("Y = i*u*h", &["i:i8[]=1", "u:u8[]=1", "h:f16[]=1"]), "f16[] 1", "no fold of pairs");
    assert_eq!(run("Y = i*u", &["i:i64[]=1", "u:u64[]=1"]), "f64[] 1");
}

#[test]
fn s2_functions_give_floats_or_keep_the_dtype() {
    let i = "i:i32=-4";
    for f in ["exp", "tanh", "sigmoid", "sin", "cos"] {
        assert!(run(&format!("Y[n] = {f}(i[n])"), &[i]).starts_with("f64[1]"), "{f}");
        assert!(run(&format!("Y[n] = {f}(x[n])"), &["x:f32=1"]).starts_with("f32[1]"), "{f}");
    }
    assert_eq!(run("Y[n] = sqrt(b[n])", &["b:bool=1"]), "f64[1] 1");
    assert_eq!(run("Y[n] = pow(x[n],2)", &["x:f32=3"]), "f32[1] 9");
    assert_eq!(run("Y[n] = abs(i[n])", &[i]), "i32[1] 4");
    assert_eq!(run("Y[n] = abs(z[n])", &["z:c64=3+4i"]), "f64[1] 5");
    assert_eq!(run("Y[n] = max(i[n],i[n],3)", &[i]), "i32[1] 3");
    assert_eq!(run("Y[n] = min(i[n],x[n])", &[i, "x:f32=1"]), "f64[1] -4");
    assert_eq!(run("Y[n] = eq(i[n],-4)", &[i]), "bool[1] 1");
    assert_eq!(run("Y[n] = sign(i[n])", &[i]), "i32[1] -1");
    assert_eq!(run("Y mean= i[n]", &["i:i32=1 2"]), "f64[] 1.5");
    assert_eq!(run("Y mean= x[n]", &["x:f32=1 2"]), "f32[] 1.5");
    assert_eq!(run("Y lse= x[n]", &["x:f32=0"]), "f32[] 0");
    assert_eq!(run("Y lse= i[n]", &["i:i8=0"]), "f64[] 0");
    assert_eq!(run("Y[n] = re(z[n]); Z[n] = im(z[n])", &["z:c32=3+4i"]), "f32[1] 3; f32[1] 4");
    assert_eq!(run("Y[n] = conj(z[n])*z[n]", &["z:ci32=3+4i"]), "ci32[1] 25+0i");
}

#[test]
fn s3_only_literals_are_weak() {
    assert_eq!(run("Y[i] = x[i]*0.5", &["x:f32=3"]), "f32[1] 1.5");
    assert_eq!(run("Y[i] = x[i]*0.5", &["x:i8=3"]), "f64[1] 1.5");
    assert_eq!(run("Y[i] = x[i]*2", &["x:i8=100"]), "i8[1] -56");
    assert_eq!(run("Y += 1*b[i]", &["b:bool=1 0 1"]), "i64[] 2");
    assert_eq!(run("Y += b[i]", &["b:bool=1 0 1"]), "bool[] 1", "any, not a count");
    assert_eq!(run("Y[i] = x[i]*(1/4)", &["x:f32=3"]), "f32[1] 0.75");
    assert_eq!(run("Y[i] = x[i]*exp(0)", &["x:f32=3"]), "f32[1] 3");
    assert_eq!(run("Y = 1/4; Z = 2 + 3; W = 2.0", &[]), "f64[] 0.25; i64[] 5; f64[] 2");
    assert_eq!(run("k = 2; Y[i] = x[i]*k", &["x:i8=100"]), "i64[1] 200", "a named tensor has its own dtype");
    assert_eq!(run("Y[i] = x[i]*size(x,0)", &["x:i8=50 60"]), "i8[2] 100 120");
    assert_eq!(with("Y[i:K] = x[i]/K", &["x:f32=1 2"], &["size K=2"]), "f32[2] 0.5 1");
    assert_eq!(with("Y[i:K] = x[i]*K", &["x:i8=1 2"], &["size K=2"]), "i8[2] 2 4");
}

#[test]
fn s4_sums_are_kept_wide_and_rounded_once() {
    assert_eq!(with("Y += x[i]", &["x:i8=100 100"], &["acc i32"]), "i32[] 200");
    assert_eq!(with("Y[i] = x[i] + x[i]; Z[i] = Y[i]*2", &["x:i8=100"], &["acc i16"]), "i16[1] 400");
    assert_eq!(with("[i] -> []", &["x:i8=100 100"], &["acc i32"]), "i32[] 200");
    assert_eq!(with("i->", &["x:i8=100 100"], &["acc i32"]), "i32[] 200");
    assert_eq!(with("Y += x[i]", &["x:f64=1"], &["acc f32"]), "dtype");
    assert_eq!(with("[i] -> []", &["x:f64=1"], &["acc f32"]), "dtype");
    // 2049 is no f16: a sum kept in f16 would stay at 2048.
    assert_eq!(run("Y += x[i]", &["x:f16=1024 1024 1 1"]), "f16[] 2050");
    assert_eq!(run("Y[i] += A[i,j]*x[j]", &["A:f16[1x3]=2 2 2", "x:f16=1024 1 1"]), "f16[1] 2052");
    assert_eq!(run("Y = a + b - a", &["a:f16[]=2048", "b:f16[]=1"]), "f16[] 1");
    assert_eq!(run("A = a + b; Y = A - a", &["a:f16[]=2048", "b:f16[]=1"]), "f16[] 0", "a named result is rounded");
    assert_eq!(run("Y = a*b", &["a:bf16[]=1", "b:f16[]=1"]), "f32[] 1");
    assert_eq!(run("Y = a*b", &["a:bf16[]=1", "b:i8[]=1"]), "bf16[] 1");
    assert_eq!(run("Y = a*b", &["a:ci32[]=1+2i", "b:i64[]=3"]), "ci64[] 3+6i");
    assert_eq!(run("Y = a*b", &["a:ci32[]=1+2i", "b:f32[]=3"]), "dtype");
    assert_eq!(run("Y = a*0.5", &["a:ci32[]=1+2i"]), "dtype");
    assert_eq!(run("Y = a*b", &["a:ci32[]=1+2i", "b:u8[]=3"]), "dtype");
    assert_eq!(run("[i] -> [i]", &["x:f16=1"]), "f16[1] 1");
    assert_eq!(run("[i j] -> [(j i)]", &["x:f16[2x2]=1 2 3 4"]), "f16[4] 1 3 2 4");
}

#[test]
fn s5_what_has_no_meaning_on_a_dtype_is_refused() {
    for (text, input) in [
        ("Y[i] = -x[i]", "x:bool=1"),
        ("Y[i] = x[i] - x[i]", "x:bool=1"),
        ("Y[i] = x[i]*300", "x:u8=1"),
        ("Y[i] = x[i]*(-1)", "x:u8=1"),
        ("Y[i] = x[i] + 3000000000", "x:ci32=1"),
        ("Y max= x[i]", "x:c32=1"),
        ("Y lse= x[i]", "x:c32=1"),
        ("Y min= x[i]", "x:ci32=1"),
        ("Y = max(x[0],x[0])", "x:c32=1"),
        ("Y |= x[i]", "x:f32=1"),
        ("Y &= x[i]", "x:c32=1"),
        ("Y mean= x[i]", "x:ci32=1"),
        ("Y[i] = where(x[i],1,0)", "x:i32=1"),
    ] {
        assert_eq!(run(text, &[input]), "dtype", "{text}");
    }
    assert_eq!(run("Y[i] = 1 - x[i]", &["x:bool=1 0"]), "i64[2] 0 1");
    assert_eq!(run("Y |= x[i]; Z &= x[i]", &["x:u8=5 6"]), "u8[] 7; u8[] 4", "bit by bit on integers");
    assert_eq!(run("Y |= x[i]*x[i]", &["x:i8=1 2"]), "i8[] 5");
    assert_eq!(run("Y |= a[i]*b[i]; Z &= a[i] + b[i]", &["a:bool=1 0", "b:bool=0 1"]), "bool[] 0; bool[] 1");
    assert_eq!(run("Y &= x[i] for i:0", &["x:i32="]), "i32[] -1");
}

#[test]
fn s6_integers_wrap_under_max_too() {
    assert_eq!(run("Y max= a[i] + b[i]", &["a:i8=100 1", "b:i8=100 1"]), "i8[] 2");
    assert_eq!(run("Y max= a[i]*b[i]", &["a:i8=100 1", "b:i8=3 1"]), "i8[] 44");
    assert_eq!(run("Y[g[n]:2] max= a[n]", &["g:i64=1", "a:i8=-128"]), "i8[2] -128 -128");
}

#[test]
fn s11_all_contributions_make_the_shape() {
    let inputs = ["g:i64=0 2", "w:f64=1 2", "u:f64=10 20 30"];
    assert_eq!(run("Y[g[n]:3] += w[n]; Y[k] += u[k]", &inputs), "f64[3] 11 20 32");
    assert_eq!(run("Y[k] += u[k]; Y[g[n]:3] += w[n]", &inputs), "f64[3] 11 20 32");
    assert_eq!(run("Y[g[n]] += w[n]; Y[k] += u[k]", &inputs), "f64[3] 11 20 32");
    assert_eq!(run("Y[g[n]:2] += w[n]; Y[k] += u[k]", &inputs), "size");
    assert_eq!(run("Y[g[n]:3] += w[n]; Y[k:4] += w[k]", &inputs), "size");
    assert_eq!(run("Y[g[n]:2] += w[n]", &inputs), "run: index-out-of-range");
    assert_eq!(run("Y[i] += a[i]; Y[i] += b[i]", &["a:f64=5", "b:f64=1 2 3"]), "f64[3] 6 7 8");
    assert_eq!(run("Y[i] += b[i]; Y[j] += a[j]", &["a:f64=5", "b:f64=1 2 3"]), "f64[3] 6 7 8");
    assert_eq!(
        run("Y[i,j] += a[i]; Y[i,j] += b[i,j]", &["a:f64=5", "b:f64[1x2]=1 2"]),
        "f64[1x2] 6 7".replace('x', ", ")
    );
    assert_eq!(run("Y[2*i] += a[i]; Y[i+1] += a[i]", &["a:f64=1 2 3"]), "f64[5] 1 1 4 3 3");
    assert_eq!(run("Y[g[n]] += a[n]; Y[h[n]] += a[n]", &["g:i64=0", "h:i64=3", "a:f64=1"]), "f64[4] 1 0 0 1");
    assert_eq!(run("Y[i:4] = a[i]", &["a:f64=5"]), "f64[4] 5 5 5 5", "a declared size is a holder");
    assert_eq!(run("Y += a[i]; Z = a[0]*Y; Y += a[i]", &["a:f64=5"]), "redefined");
    assert_eq!(
        run("Y += a[i]; Z += a[i]; Y += Z", &["a:f64=5"]),
        "f64[] 10",
        "later contributions may read what is between"
    );
    assert_eq!(run("Y[i] += a[i]; Y[i,j] += a[i]*a[j]", &["a:f64=5"]), "rank");
}

#[test]
fn s12_and_s13_names_bind_and_results_are_asked_for() {
    let x = "x:f64=1 2";
    assert_eq!(run("Y[i] = x[i]", &["unused:f64=1", x]), "f64[2] 1 2");
    assert_eq!(run("Y[i] = q[i]", &[x]), "unknown-name");
    assert_eq!(run("Y[i] = x[i]", &[x, "Y:f64=1"]), "name-is-input");
    assert_eq!(run("Y[i] = x[i]", &[x, "i:f64=1"]), "index-is-tensor");
    assert_eq!(run("A[i] = x[i]; B[i] = A[i]; C[i] = x[i]*2", &[x]), "f64[2] 1 2; f64[2] 2 4");
    assert_eq!(with("A[i] = x[i]; B[i] = A[i]*2", &[x], &["output B", "output A"]), "f64[2] 2 4; f64[2] 1 2");
    assert_eq!(with("A[i] = x[i]", &[x], &["output B"]), "unknown-name");
    assert_eq!(with("A[i] = x[i]", &[x], &["size K=1"]), "unknown-size");
    assert_eq!(with("A[i] = x[i]", &[x], &["policy q=drop"]), "unknown-name");
    assert_eq!(with("A[i] = x[i]", &[x], &["max-plus"]), "unsupported");
}

#[test]
fn s14_sums_are_read_in_one_way() {
    let inputs = ["A:f64[2x3]=1 2 3 4 5 6", "x:f64=1 1 1", "b:f64=10 20", "g:i64=0 0 1"];
    let read = |text: &str| run(text, &inputs);
    assert_eq!(read("Y[i] = A[i,j]*x[j] + b[i]"), "f64[2] 16 35", "each term over its own axes");
    assert_eq!(read("Y[i] = b[i] - A[i,j]*x[j]"), "f64[2] 4 5");
    assert_eq!(read("Y[i] += A[i,j]*x[j] + b[i]"), "ambiguous-sum");
    assert_eq!(read("Y[i] += (A[i,j]*x[j] + b[i])"), "ambiguous-sum", "a parenthesis around all is nothing");
    assert_eq!(read("Y[i] += A[i,j]*(x[j] + 1)"), "f64[2] 12 30", "all products have j");
    assert_eq!(read("Y[i] += A[i,j]*(b[i] + 1)"), "f64[2] 66 315");
    assert_eq!(read("Y += (x[j] + 1)*(b[i] + 1)"), "ambiguous-sum");
    assert_eq!(read("Y[i] += exp(0*A[i,j])"), "f64[2] 3 3");
    assert_eq!(read("Y[i] = exp(A[i,j])"), "ambiguous-sum");
    assert_eq!(read("Y[i] = b[i]*(A[i,j] + 1)"), "ambiguous-sum");
    assert_eq!(read("Y[i] = b[i]/x[j]"), "ambiguous-sum");
    assert_eq!(read("Y[i] = A[i,j]/(b[i] - b[i] + 2)"), "f64[2] 3 7.5");
    assert_eq!(read("Y[i] = re(A[i,j])*b[i]"), "f64[2] 60 300", "re is linear");
    assert_eq!(read("Y[g[n]] += x[n] + 1"), "ambiguous-sum", "once, or for each n?");
    assert_eq!(read("Y[g[n]] += x[n]*2 + x[n]"), "f64[2] 6 3");
    assert_eq!(read("N[g[n]] += 1"), "i64[2] 2 1");
    assert_eq!(read("Y[i] mean= A[i,j] + b[i]"), "f64[2] 12 25");
    assert_eq!(read("Y max= x[j] + b[i]"), "f64[] 21");
    assert_eq!(read("Y[i] = -(A[i,j]*x[j] - b[i])"), "f64[2] 4 5");
    assert_eq!(read("Y[i] = 2*A[i,j]*x[j]/4"), "f64[2] 3 7.5");
    assert_eq!(read("Y[i] += A[i,j]/x[j]"), "f64[2] 6 15");
}

#[test]
fn s15_equals_has_every_left_axis_once() {
    let inputs = ["a:f64=1 2", "g:i64=0 1"];
    for text in
        ["Y[i,i] = a[i]", "Y[g[n]] = a[n]", "Y[i+0] = a[i]", "Y[0] = a[1]", "Y[(i i)] = a[i]", "Y[(i j),j] = a[i]*a[j]"]
    {
        assert_eq!(run(text, &inputs), "scatter-needs-reduction", "{text}");
    }
    assert_eq!(run("Y[(i j)] = a[i]*a[j]", &inputs), "f64[4] 1 2 2 4");
    assert_eq!(run("Y[i,i] += a[i]", &inputs), "f64[2, 2] 1 0 0 2");
    assert_eq!(run("Y[i,j:3] = a[i]", &inputs), "f64[2, 3] 1 1 1 2 2 2");
    assert_eq!(run("Y[0:1] += a[i]", &inputs), "f64[1] 3");
    assert_eq!(run("Y[1:3,i] += a[i]", &inputs), "f64[3, 2] 0 0 1 2 0 0");
    assert_eq!(run("Y[1:1] += a[i]", &inputs), "index-out-of-range");
    assert_eq!(run("Y[i-1] += a[i]", &inputs), "index-out-of-range");
}

#[test]
fn s16_to_s18_ids_are_inputs_checked_where_they_are_used() {
    let inputs = ["X:f64=1 2 3", "g:i64=0 9 2", "w:f64=1 1 1", "none:f64=", "b:f64=5 6 7"];
    let read = |text: &str, words: &[&str]| with(text, &inputs, words);
    assert_eq!(read("h[n] = g[n]*2; Y[n] = X[h[n]]", &[]), "index-computed");
    assert_eq!(read("Y[n] = X[g[n]]", &[]), "run: index-out-of-range");
    assert_eq!(read("Y[g[n]:3] += w[n]", &[]), "run: index-out-of-range");
    assert_eq!(read("Y[n,k] = X[g[n]]*none[k]", &[]), "f64[3, 0]", "no point, no check");
    assert_eq!(read("Y[g[n]:3] += w[n]*none[k]", &[]), "f64[3] 0 0 0");
    assert_eq!(read("Y[g[n]:3] += exp(w[n])*none[k]", &[]), "f64[3] 0 0 0");
    assert_eq!(read("Y[n] = X[g[n]]", &["drop"]), "f64[3] 1 0 3");
    assert_eq!(read("Y[n] = X[g[n]] + b[n]", &["drop"]), "f64[3] 6 6 10", "a point of that term");
    assert_eq!(read("Y[n] += X[g[n]] + b[n]", &["drop"]), "f64[3] 6 0 10", "a point of the statement");
    assert_eq!(read("Y mean= X[g[n]]", &["drop"]), "f64[] 2", "a dropped point is not counted");
    assert_eq!(read("Y *= X[g[n]]", &["drop"]), "f64[] 3");
    assert_eq!(read("Y[n] max= X[g[n]]", &["drop"]), "f64[3] 1 -inf 3");
    assert_eq!(read("Y[g[n]:3] += w[n]", &["policy g=drop"]), "f64[3] 1 0 1");
    assert_eq!(read("Y[g[n]:3] += w[n]", &["policy w=drop"]), "run: index-out-of-range");
    let wrapped = |text: &str, words: &[&str]| with(text, &["X:f64=1 2 3", "g:i64=-1 0", "w:f64=4 5"], words);
    assert_eq!(wrapped("Y[n] = X[g[n]]", &["wrap"]), "f64[2] 3 1");
    assert_eq!(wrapped("Y[g[n]:3] += w[n]", &["wrap"]), "f64[3] 5 0 4");
    assert_eq!(wrapped("Y[n] = X[g[n]]", &[]), "run: index-out-of-range");
    let far = |id: &str| with("Y[n] = X[g[n]]", &["X:f64=1", &format!("g:i64={id}")], &["wrap"]);
    assert_eq!(far("-2"), "run: index-out-of-range", "once only");
    assert_eq!(far(&i64::MIN.to_string()), "run: index-out-of-range");
}

#[test]
fn s19_fill_is_for_groups_without_a_point() {
    let inputs = ["g:i64=0 0 2", "x:f64=NaN 1 5"];
    let read = |text: &str, words: &[&str]| with(text, &inputs, words);
    assert_eq!(read("Y[g[n]:4] max= x[n]", &["fill Y=7"]), "f64[4] NaN 7 5 7");
    assert_eq!(read("Y[g[n]:4] max= x[n]", &[]), "f64[4] NaN -inf 5 -inf");
    assert_eq!(read("Y[g[n]:4] mean= x[n]", &["fill Y=7"]), "f64[4] NaN 7 5 7");
    assert_eq!(read("Y[g[n]:4] mean= x[n]", &[]), "f64[4] NaN NaN 5 NaN");
    assert_eq!(read("Y[g[n]:4] lse= x[n]", &["fill Y=7"]), "f64[4] NaN 7 5 7");
    assert_eq!(read("Y[n] = x[n]", &["fill Y=7"]), "unsupported");
    assert_eq!(read("Y[g[n]:4] max= x[n]", &["fill Z=7"]), "unknown-name");
    assert_eq!(read("Y[g[n]:3] += 2", &["fill Y=300"]), "i64[3] 4 300 2");
    assert_eq!(with("Y[g[n]:3] += c[n]", &["g:i64=0", "c:u8=1"], &["fill Y=300"]), "dtype");
    assert_eq!(with("Y[i] += A[i,j]", &["A:f64[2x0]="], &["fill Y=7"]), "f64[2] 7 7");
    assert_eq!(with("Y[i] += A[i,j]", &["A:f64[2x1]=1 2"], &["fill Y=7"]), "f64[2] 1 2");
    assert_eq!(
        with("Y[g[n]:2] += x[h[n]]", &["g:i64=0 1", "h:i64=0 9", "x:f64=4"], &["drop", "fill Y=7"]),
        "f64[2] 4 7"
    );
    assert_eq!(
        with("Y[g[n]:2] max= x[n]; Y[k] max= y[k]", &["g:i64=0", "x:f64=4", "y:f64=1 2"], &["fill Y=7"]),
        "f64[2] 4 2"
    );
}

#[test]
fn s20_to_s22_sizes_are_found_in_rounds() {
    let x8 = "x:f64=0 1 2 3 4 5 6 7";
    assert_eq!(run("Y[i+k] += x[i]*w[k]", &["x:f64=1 2", "w:f64=1 1"]), "f64[3] 1 3 2");
    assert_eq!(run("Y[i] = x[i+k]*w[k]", &["x:f64=1 2 3", "w:f64=1 10"]), "f64[2] 21 32");
    assert_eq!(run("Y[i] = w[k]*x[i+k]", &["x:f64=1 2 3", "w:f64=1 10"]), "f64[2] 21 32");
    assert_eq!(run("Y[i] = x[2*i+k]*w[k]", &[x8, "w:f64=1 10 100"]), "f64[3] 210 432 654");
    assert_eq!(run("Y[k] = x[k+5]", &["x:f64=1 2 3"]), "size", "a negative range");
    assert_eq!(run("Y[k] = x[k+3]", &["x:f64=1 2 3"]), "f64[0]");
    assert_eq!(run("Y[k:9] = x[k+3]", &[x8]), "index-out-of-range");
    assert_eq!(run("Y[k:8] = x[-k+7]", &[x8]), "f64[8] 7 6 5 4 3 2 1 0");
    assert_eq!(run("Y[k] = x[-k+7]", &[x8]), "unresolved", "a negative coefficient needs a known range");
    assert_eq!(run("Y[k] = x[k-1]", &[x8]), "index-out-of-range");
    assert_eq!(run("Y[i] = x[i+0]*w[i]", &[x8, "w:f64=2"]), "f64[8] 0 2 4 6 8 10 12 14", "1 stretches along a window");
    assert_eq!(run("Y[i:4] = x[i+k]*w[k]", &[x8, "w:f64=1"]), "f64[4] 10 15 20 25", "the window fixes k");
    assert_eq!(run("Y[i] = x[i+k]*w[k]", &[x8, "w:f64=1"]), "f64[8] 0 1 2 3 4 5 6 7", "nothing else fixes k");
    assert_eq!(run("Y[i,j] = x[i+j]*v[2*j+1]", &[x8, "v:f64=1 1 1 1 1"]).split(' ').next(), Some("f64[7,"));
    assert_eq!(run("Y[i] = x[i+0]*v[i+2]", &[x8, "v:f64=1 1 1 1"]), "f64[2] 0 1", "the smaller of two windows");
    assert_eq!(run("Y[a,b] = x[(a b)]*u[a]", &[x8, "u:f64=1 10"]), "f64[2, 4] 0 1 2 3 40 50 60 70");
    assert_eq!(run("Y[a:2,b] = x[(a b)]", &[x8]), "f64[2, 4] 0 1 2 3 4 5 6 7");
    assert_eq!(run("Y[(a b):8] += u[a]", &["u:f64=1 10"]), "f64[8] 1 1 1 1 10 10 10 10", "a declared group");
    assert_eq!(run("Y[a,b] = x[(a b)]*u[a]", &[x8, "u:f64=1 1 1"]), "size");
    assert_eq!(run("Y[a,b] = x[(a b)]*u[a]*v[b]", &[x8, "u:f64=1", "v:f64=1 2"]), "size", "groups do not stretch");
    assert_eq!(run("Y[a,b] = x[(a b)]", &[x8]), "unresolved");
    assert_eq!(
        run("Y[b] = x[(a b)]*v[b]*u[(a c)]*z[c]", &[x8, "v:f64=1 1", "u:f64=1 1 1 1", "z:f64=1"]),
        "f64[2] 12 16"
    );
    assert_eq!(run("Y[i] = x[i,i]", &["x:f64[1x2]=1 2"]), "size");
    assert_eq!(run("Y[i,j] = a[i]*b[i]*c[j]", &["a:f64=1 2", "b:f64=5", "c:f64=1"]), "f64[2, 1] 5 10");
    assert_eq!(with("Y[i] = a[i]*b[i]", &["a:f64=1 2", "b:f64=5"], &["strict"]), "size");
    assert_eq!(run("Y[i:2] = x[i]", &[x8]), "size");
    assert_eq!(run("Y[i:1] = x[i]", &[x8]), "size", "a declared size does not stretch");
    assert_eq!(run("Y[i:size(x,0)] = w[i]", &[x8, "w:f64=1"]), "f64[8] 1 1 1 1 1 1 1 1");
    assert_eq!(run("Y[i:size(x,1)] = w[i]", &[x8, "w:f64=1"]), "size");
}

#[test]
fn s23_ellipses_are_the_same_axes_everywhere() {
    let a = "A:f64[2x3]=1 2 3 4 5 6";
    assert_eq!(run("Y[...] = A[...]*2", &[a]), "f64[2, 3] 2 4 6 8 10 12");
    assert_eq!(run("Y[...] = A[...]*c[...]", &[a, "c:f64=1 10 100"]), "f64[2, 3] 1 20 300 4 50 600");
    assert_eq!(run("Y[...] = X[g[...]]", &["X:f64=5 6", "g:i64[2x2]=0 1 1 0"]), "f64[2, 2] 5 6 6 5");
    assert_eq!(run("Y[g[...]] += w[...]", &["g:i64[2x2]=0 1 1 0", "w:f64[2x2]=1 2 3 4"]), "f64[2] 5 5");
    assert_eq!(run("Y[i] = A[i,...]", &[a]), "ellipsis-dropped");
    assert_eq!(run("Y = c*A[0,0,...]", &["c:f64[]=2", a]), "f64[] 2", "it may cover nothing");
    assert_eq!(run("Y[...,k] = A[...,j]*B[j,k]", &[a, "B:f64[3x1]=1 1 1"]), "f64[2, 1] 6 15");
    assert_eq!(run("[... j], [j] -> [...]", &[a, "B:f64=1 1 1"]), "f64[2] 6 15");
    assert_eq!(run("[... j], [j] -> []", &[a, "B:f64=1 1 1"]), "ellipsis-dropped");
}

#[test]
fn s27_and_s28_calls_and_indices() {
    let x = "x:f64=NaN 2 0";
    assert_eq!(run("Y[i] = where(eq(x[i],x[i]),x[i],-1.0)", &[x]), "f64[3] -1 2 0");
    assert_eq!(run("Y[i] = where(eq(x[i],0),5.0,1/x[i])", &[x]), "f64[3] NaN 0.5 5");
    assert_eq!(run("Y[i] = max(x[i],1,0)", &[x]), "f64[3] NaN 2 1");
    assert_eq!(run("Y[i] = where(eq(x[i],0),1,0)*z[i]", &[x, "z:f32=1 1 1"]), "f64[3] 0 0 1");
    assert_eq!(run("Y[i:1] = x[i*2]", &[x]), "f64[1] NaN");
    assert_eq!(run("Y[n] = w[2*g[n]-1]", &["w:f64=1 2 3 4", "g:i64=1 2"]), "f64[2] 2 4");
    assert_eq!(run("Y[n] = w[p[q[n]]]", &["w:f64=1 2 3", "p:i64=2 0", "q:u8=1 0"]), "f64[2] 1 3");
    assert_eq!(run("Y[n] = w[g[n]+k] for k:1", &["w:f64=1 2 3", "g:i64=1 2"]), "f64[2] 2 3");
    assert_eq!(run("Y[n] = w[g[n]]", &["w:f64=1 2 3", "g:bool=1 0"]), "index-dtype");
    assert_eq!(run("Y[r[n],c[n]] += 1", &["r:i64=0 1 1", "c:i64=0 1 1"]), "i64[2, 2] 1 0 0 2");
}

#[test]
fn s31_sizes_after_for_belong_to_axes() {
    assert_eq!(run("Y += x for n:10", &["x:f64[]=2"]), "f64[] 20");
    assert_eq!(run("Y += x[i+n] for n:2, i:2", &["x:f64=1 2 3"]), "f64[] 8");
    assert_eq!(run("Y[i] = x[i] for i:3", &["x:f64=1"]), "f64[3] 1 1 1");
    assert_eq!(run("Y[i] = x[i] for i:3", &["x:f64=1 2"]), "size");
    assert_eq!(with("Y += x for n:N", &["x:f64[]=2"], &["size N=3"]), "f64[] 6");
    assert_eq!(run("Y += x for n:N", &["x:f64[]=2"]), "unknown-size");
}

#[test]
fn s32_signed_zeros_are_ordered() {
    assert_eq!(run("Y max= x[i]; Z min= x[i]", &["x:f64=-0.0 0.0"]), "f64[] 0; f64[] -0");
    assert_eq!(run("Y max= x[i]; Z min= x[i]", &["x:f64=0.0 -0.0"]), "f64[] 0; f64[] -0");
}

#[test]
fn exponentials_are_summed_safely() {
    let lse = |x: &str| run("Y lse= x[i]", &[&format!("x:f64={x}")]);
    assert_eq!(lse(""), "f64[] -inf");
    assert_eq!(lse("-inf -inf"), "f64[] -inf");
    assert_eq!(lse("inf 1 -inf"), "f64[] inf");
    assert_eq!(lse("NaN inf"), "f64[] NaN");
    assert_eq!(lse("1000 -inf"), "f64[] 1000");
    assert_eq!(lse("1000 1000"), format!("f64[] {}", 1000.0 + 2f64.ln()));
    assert_eq!(run("Y[g[n]:3] lse= x[n]", &["g:i64=0 2 2", "x:f64=3 -inf 5"]), "f64[3] 3 -inf 5");
    assert_eq!(run("Y[i] lse= a[i]; Y[i] lse= b[i]", &["a:f64=0 3", "b:f64=-inf -inf"]), "f64[2] 0 3");
    assert_eq!(run("C[i] lse= A[i,j] + x[j]", &["A:f64[2x2]=0 -inf 1 -inf", "x:f64=1 5"]), "f64[2] 1 2");
}

#[test]
fn sizes_may_come_from_the_ids() {
    let inputs = ["g:i64=3 1", "h:u8=2 0", "w:f64=1 2", "none:i64=", "bad:i64=-1 -2"];
    let read = |text: &str| run(text, &inputs);
    assert_eq!(read("Y[g[n]] += w[n]"), "f64[4] 0 2 0 1");
    assert_eq!(read("Y[h[n]] += w[n]"), "f64[3] 2 0 1");
    assert_eq!(read("Y[2*g[n]+1] += w[n]"), "f64[8] 0 0 0 2 0 0 0 1");
    assert_eq!(read("Y[g[n]+h[n]] += w[n]"), "f64[6] 0 2 0 0 0 1");
    assert_eq!(read("Y[3-g[n]] += w[n]"), "f64[3] 1 0 2");
    assert_eq!(read("Y[g[n]+k] += w[n]*w[k]"), "f64[5] 0 2 4 1 2");
    assert_eq!(read("Y[none[n]] += 1"), "i64[0]");
    assert_eq!(with("Y[p[q[n]]] += 1", &["p:u8=0", "q:i64=9"], &["drop"]), "i64[0]", "all ids are dropped");
    assert_eq!(read("Y[bad[n]] += 1"), "run: index-out-of-range");
    assert_eq!(read("Y[n+g[n]] += w[n]"), "unresolved");
    assert_eq!(read("s[g[n]] += w[n]; c[g[n]] += 1; m[k] = s[k]/c[k]"), "f64[4] NaN 2 NaN 1");
    assert_eq!(read("s[g[n]] += w[n]; t[h[n]] += w[n]; u[i,j] = s[i]*t[j]").split_once("] ").unwrap().0, "f64[4, 3");
}

#[test]
fn named_subscripts_split_and_merge() {
    let x = "x:i64[6]=1 2 3 4 5 6";
    assert_eq!(with("[(a b)] -> [b a]", &[x], &["size a=2"]), "i64[3, 2] 1 4 2 5 3 6");
    assert_eq!(with("[(a b)] -> [b a]", &[x], &["size a=4"]), "size");
    assert_eq!(with("[(a b)] -> [b a]", &[x], &["size c=4"]), "unknown-size");
    assert_eq!(run("[(a b)] -> [b a]", &[x]), "unresolved");
    assert_eq!(run("[i j], [k l] -> [(i k) (j l)]", &["a:i64[1x2]=1 2", "b:i64[2x1]=3 4"]), "i64[2, 2] 3 6 4 8");
    assert_eq!(
        run("[i j], [k l], [(j l)] -> [(i k)]", &["a:i64[1x2]=1 2", "b:i64[2x1]=3 4", "z:i64=1 1"]),
        "i64[2] 9 12"
    );
    assert_eq!(run("[i i] -> [i]", &["x:i64[2x2]=1 2 3 4"]), "i64[2] 1 4");
    assert_eq!(run("[i], [i] -> [i]", &["x:i64=2", "y:i64=1 2 3"]), "i64[3] 2 4 6");
    assert_eq!(with("[i], [i] -> [i]", &["x:i64=2", "y:i64=1 2 3"], &["strict"]), "size");
    assert_eq!(with("[i j], [j] -> [i]", &["a:f64[2x2]=1 2 3 4", "b:f64=10 0"], &["max-plus"]), "f64[2] 11 13");
    assert_eq!(with("[i] -> []", &["z:c64=1+1i"], &["max-plus"]), "algebra");
    assert_eq!(run("[i], [i] -> []", &["a:ci32=1+1i", "b:f32=1"]), "dtype");
    assert_eq!(run("[i], [j] -> []", &["a:f64=1"]), "operands");
    assert_eq!(run("[i] -> [i]", &["a:f64[1x1]=1"]), "rank");
}

#[test]
fn conjugates_and_complex_numbers() {
    let inputs = ["a:c64=1+2i 3-1i", "b:c64=0+1i 2+0i"];
    // conj(1+2i)·i = 2+i; conj(3−i)·2 = 6+2i
    assert_eq!(run("Y += conj(a[n])*b[n]", &inputs), "c64[] 8+3i");
    assert_eq!(run("Y += conj(conj(a[n]))", &inputs), "c64[] 4+1i");
    assert_eq!(run("Y = conj(a[n]*b[n])", &inputs), "c64[] 4+1i");
    assert_eq!(run("Y mean= a[n]", &inputs), "c64[] 2+0.5i");
    assert_eq!(run("Y[n] = a[n]/b[n]", &inputs), "c64[2] 2-1i 1.5-0.5i");
}

#[test]
fn hoisted_parts_change_nothing() {
    let inputs = ["A:f64[2x2]=1 2 3 4", "x:f64=1 2", "b:f64=10 20", "s:f64[]=2", "g:i64=1 0"];
    let read = |text: &str| run(text, &inputs);
    assert_eq!(read("Y[i] = A[i,j]*x[j]*s/4"), "f64[2] 2.5 5.5");
    assert_eq!(read("Y[i] = -A[i,j]*x[j]*b[i]"), "f64[2] -50 -220");
    assert_eq!(read("Y[i] += A[i,j]*b[j]/x[j]"), "f64[2] 30 70");
    assert_eq!(read("Y[i,k] = abs(x[i])*abs(b[k])"), "f64[2, 2] 10 20 20 40");
    assert_eq!(read("Y[g[e],k] += A[e,j]*(x[j]-1)*b[k]"), "f64[2, 2] 40 80 20 40");
    assert_eq!(read("Y[i] max= A[i,j] - x[j] + 1"), "f64[2] 1 3");
    assert_eq!(read("Y[i] min= max(A[i,j],x[j])"), "f64[2] 1 3");
    assert_eq!(read("Y[i] *= A[i,j]*x[j]"), "f64[2] 4 24");
    assert_eq!(read("Y[i] = x[i] for j:3"), "f64[2] 1 2");
    assert_eq!(read("Y[i] max= x[i]; Y[i] max= x[i]*b[i]; Y[i] max= min(s,b[i])"), "f64[2] 10 40");
    assert_eq!(read("Y[i] min= x[i]; Y[i] min= max(x[i],b[j]) - A[i,j]"), "f64[2] 1 2");
    assert_eq!(read("Y[i] max= -A[i,j]*x[j]; Z[i] max= s*A[i,j]*x[j]"), "f64[2] -1 -3; f64[2] 8 16");
}
