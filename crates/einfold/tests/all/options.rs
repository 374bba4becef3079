//! Options of expressions, and the properties that a plan reports.

use einfold::ndarray::{Array1, Array2, array};
use einfold::{
    Dtype, Error, ErrorKind, Expression, Order, Semiring,
    algebra::{Laws, MaxMin, MaxPlus, MinPlus, SumProduct},
    errors::ExpressionError,
    explain::{PASSES, PassSet, Stage},
    order::{Budget, Machine, STRATEGIES},
    spec,
};
use num_complex::Complex;

type Result = std::result::Result<(), Error>;

#[test]
fn strict_forbids_stretching() -> Result {
    let (a, b) = (Array2::<f64>::ones((2, 1)), Array2::<f64>::ones((3, 2)));
    let expression = Expression::new("ij,jk->ik")?;
    assert_eq!(expression.run::<Array2<f64>>((&a, &b))?, array![[3.0, 3.0], [3.0, 3.0]]);
    let refused = expression.strict(true).run::<Array2<f64>>((&a, &b)).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Expression(ExpressionError::Size { .. })));
    Ok(())
}

#[test]
fn every_order_gives_the_same_product() -> Result {
    let a = Array2::from_shape_fn((4, 5), |(i, j)| (i * 2 + j) as i64);
    let b = Array2::from_shape_fn((5, 6), |(i, j)| i as i64 - j as i64);
    let c = Array2::from_shape_fn((6, 3), |(i, j)| (i + j) as i64);
    let want = a.dot(&b).dot(&c);
    let chain = Expression::new("ij,jk,kl->il")?;
    for strategy in STRATEGIES {
        let got: Array2<i64> = chain.clone().order(strategy.name)?.run((&a, &b, &c))?;
        assert_eq!(got, want, "{}", strategy.name);
    }
    let plan = chain.clone().path([[1, 2], [0, 1]]).plan_for((&a, &b, &c))?;
    assert_eq!((plan.path(), plan.ssa_path()), (vec![vec![1, 2], vec![0, 1]], vec![vec![1, 2], vec![0, 3]]));
    assert_eq!(plan.run::<Array2<i64>>((&a, &b, &c))?, want);
    let ssa = chain.clone().ssa_path([[0, 1], [3, 2]]).plan_for((&a, &b, &c))?;
    // 4·5·6 + 4·6·3 flops.
    assert_eq!(ssa.cost().flops.exact(), Some(192));
    let flat = chain.order(Order::Linear(vec![vec![0, 1, 2]]))?.plan_for((&a, &b, &c))?;
    assert_eq!(flat.run::<Array2<i64>>((&a, &b, &c))?, want);
    Ok(())
}

#[test]
fn parentheses_fix_the_order() -> Result {
    let types = [spec::<f64>([2, 50]), spec::<f64>([50, 50]), spec::<f64>([50, 2])];
    let free = Expression::new("ij,jk,kl->il")?.plan(&types[..])?;
    let fixed = Expression::new("ij,(jk,kl)->il")?.plan(&types[..])?;
    assert_eq!(fixed.path(), [[0, 1], [0, 1]], "one step in each of two contractions");
    assert_eq!(free.cost().flops, fixed.cost().flops);
    let wasteful = Expression::new("(ij,kl),jk->il")?.plan([types[0].clone(), types[2].clone(), types[1].clone()])?;
    assert!(wasteful.cost().flops > free.cost().flops);
    Ok(())
}

#[test]
fn algebras_take_the_place_of_sums_and_products() -> Result {
    let a = array![[1.0, 5.0], [2.0, -1.0]];
    let b = array![[0.0, 3.0], [4.0, 1.0]];
    let product = |f: fn(f64, f64) -> f64, g: fn(f64, f64) -> f64| {
        Array2::from_shape_fn((2, 2), |(i, k)| g(f(a[[i, 0]], b[[0, k]]), f(a[[i, 1]], b[[1, k]])))
    };
    let text = "ij,jk->ik";
    let run = |expression: Expression| expression.run::<Array2<f64>>((&a, &b));
    assert_eq!(run(Expression::new(text)?.algebra(MaxPlus))?, product(|x, y| x + y, f64::max));
    assert_eq!(run(Expression::new(text)?.algebra(MinPlus))?, product(|x, y| x + y, f64::min));
    assert_eq!(run(Expression::new(text)?.algebra(MaxMin))?, product(f64::min, f64::max));
    assert_eq!(run(Expression::new(text)?.algebra(SumProduct))?, a.dot(&b));
    let refused = Expression::new(text)?.algebra(MaxMin).plan(vec![spec::<Complex<f64>>([2, 2]); 2]);
    assert_eq!(refused.unwrap_err().code(), "algebra");
    Ok(())
}

/// Integers modulo 7, with a wider accumulator.
#[derive(Clone, Copy)]
struct Mod7;

impl Semiring for Mod7 {
    type Elem = u8;
    type Acc = u32;
    const LAWS: Laws = Laws::SEMIRING;
    fn lift(x: u8) -> u32 {
        x.into()
    }
    fn zero() -> u32 {
        0
    }
    fn one() -> u32 {
        1
    }
    fn add(a: u32, b: u32) -> u32 {
        (a + b) % 7
    }
    fn mul(a: u32, b: u32) -> u32 {
        (a * b) % 7
    }
    fn finish(x: u32) -> u8 {
        x as u8
    }
}

#[test]
fn a_semiring_of_the_users_runs_like_the_others() -> Result {
    let a = Array2::from_shape_fn((5, 6), |(i, j)| ((3 * i + 5 * j) % 7) as u8);
    let wide = a.mapv(u64::from);
    let want = wide.dot(&wide.t()).dot(&wide).mapv(|x| (x % 7) as u8);
    let expression = Expression::new("ij,kj,kl->il")?.algebra(Mod7);
    assert_eq!(expression.run::<Array2<u8>>((&a, &a, &a))?, want);
    let plan = expression.plan_for((&a, &a, &a))?;
    let again = einfold::Plan::from_recipe_with(&plan.to_recipe(), Mod7)?;
    assert_eq!(again.run::<Array2<u8>>((&a, &a, &a))?, want);
    assert!(matches!(einfold::Plan::from_recipe(&plan.to_recipe()).unwrap_err().kind(), ErrorKind::Recipe(_)));
    let refused = expression.run::<Array2<f64>>((&a.mapv(f64::from), &a, &a)).unwrap_err();
    assert_eq!(refused.code(), "algebra");
    Ok(())
}

#[test]
fn no_choice_of_passes_changes_a_result() -> Result {
    let a = Array2::from_shape_fn((4, 4), |(i, j)| (i * 4 + j) as i32);
    let expression = Expression::new("iij,jk->ki")?;
    let cube = einfold::ndarray::Array3::from_shape_fn((3, 3, 4), |(i, j, k)| (i + 2 * j + k) as i32);
    let want: Array2<i32> = expression.run((&cube, &a))?;
    for pass in PASSES {
        let set = PassSet::ALL.without(pass.name).unwrap_or(PassSet::NONE);
        assert_eq!(expression.clone().passes(set).run::<Array2<i32>>((&cube, &a))?, want, "{}", pass.name);
    }
    assert_eq!(expression.passes(PassSet::NONE).run::<Array2<i32>>((&cube, &a))?, want);
    Ok(())
}

#[test]
fn a_result_of_windows_needs_room_for_its_elements_alone() -> Result {
    // The result of 239 elements of 8 bytes, not an intermediate of 200 × 40.
    let (x, w) = (Array1::from_iter((1..=200).map(f64::from)), Array1::from_iter((1..=40).map(f64::from)));
    let convolution = Expression::new("y[i+k] += x[i]*w[k]")?.memory(1912);
    let y: Array1<f64> = convolution.run((&x, &w))?;
    assert_eq!((y[0], y[3], y[238], y.sum()), (1.0, 20.0, 8000.0, 20_100.0 * 820.0));
    assert_eq!(convolution.memory(1911).run::<Array1<f64>>((&x, &w)).unwrap_err().code(), "memory");
    let plan = Expression::new("y[i+k] += x[i]*w[k]")?.plan((spec::<f64>([200_000]), spec::<f64>([1001])))?;
    let cost = plan.cost();
    assert_eq!([cost.size, cost.write, cost.peak].map(|count| count.exact()), [Some(201_000); 3]);
    assert_eq!(plan.peak_bytes().exact(), Some(201_000 * 8));
    Ok(())
}

#[test]
fn memory_is_known_before_a_run() -> Result {
    let types = [spec::<f64>([100, 100]), spec::<f64>([100, 100]), spec::<f64>([100, 100])];
    let chain = Expression::new("ij,jk,kl->il")?;
    let needed = chain.plan(&types[..])?.peak_bytes().exact().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let (least, packed) = (2 * 100 * 100 * 8, 2 * 128 * 100 * 8);
    assert_eq!(needed, least + packed, "one intermediate, the result, and packed blocks");
    let square = Array2::from_shape_fn((100, 100), |(i, j)| ((i + 3 * j) % 7) as f64);
    let operands = (&square, &square, &square);
    let want: Array2<f64> = chain.run(operands)?;
    // A limit need not have room for packed blocks. Below that the contraction is sliced, but the result still has to
    // fit.
    for (limit, sliced) in [(needed, false), (least + 10_000, false), (least, false), (least - 1, true)] {
        let plan = chain.clone().memory(limit).plan(&types[..])?;
        assert!(plan.peak_bytes() <= limit.into() && (sliced || plan.peak_bytes() == limit.into()), "{limit}");
        assert_eq!(plan.order().contractions[0].slices.is_empty(), !sliced, "{limit}");
        assert_eq!(plan.run::<Array2<f64>>(operands)?, want, "{limit}");
    }
    let budget = Budget { memory_bytes: Some(100 * 100 * 8 - 1), ..Budget::default() };
    for limited in [chain.clone().memory(100 * 100 * 8 - 1), chain.budget(budget)] {
        let error = limited.plan(&types[..]).unwrap_err();
        assert_eq!(error.code(), "memory");
        assert!(error.kind().is_limit());
    }
    Ok(())
}

#[test]
fn a_plan_tells_of_itself() -> Result {
    let plan = Expression::new(" ij , jk ")?.plan((spec::<f32>([20, 10]), spec::<i16>([10, 30])))?;
    assert_eq!(plan.output_types(), [spec::<f32>([20, 30])]);
    assert_eq!(plan.input_types(), [spec::<f32>([20, 10]), spec::<i16>([10, 30])]);
    assert_eq!(plan.expression().text(), " ij , jk ");
    assert_eq!(plan.expression().to_string(), "ij,jk");
    assert_eq!((plan.path(), plan.cost().flops.exact()), (vec![vec![0, 1]], Some(6000)));
    let explain = plan.explain()?;
    assert!(explain.text(&[Stage::Plan]).contains("6000"));
    assert_eq!(Dtype::from_name("float32"), Some(plan.output_types()[0].dtype));
    Ok(())
}

/// `explain` runs the stages of a plan again, and returns an error if they do not lead to that plan.
#[test]
fn the_stages_of_explain_lead_to_the_plan_under_every_option() -> Result {
    let types = [spec::<f64>([64, 64]), spec::<f64>([64, 64]), spec::<f64>([64, 64])];
    let chain = Expression::new("ij,jk,kl->il")?;
    let square = Array2::<f64>::eye(64);
    let machine = Machine { partitions: 3, ..Machine::default() };
    let mut plans = vec![
        chain.plan(&types[..])?.bind_constants(&[1, 2], (&square, &square))?,
        chain.clone().path([[0, 1], [0, 1]]).plan(&types[..])?.bind_constants(&[0], &square)?,
        Expression::new("S[g[n]:3] += x[n]; P[n] = exp(x[n])/S[g[n]]")?.plan([spec::<i64>([9]), spec::<f64>([9])])?,
        Expression::new("H[d[e]:3,o] += X[s[e],f]*W[f,o]")?.plan([
            spec::<i64>([50]),
            spec::<f64>([20, 8]),
            spec::<i64>([50]),
            spec::<f64>([8, 4]),
        ])?,
    ];
    for memory in [33_000, 40_000, 60_000, 200_000] {
        let limited = chain.clone().memory(memory);
        plans.push(limited.clone().machine(machine).plan(&types[..])?);
        plans.push(limited.plan(&types[..])?);
    }
    for strategy in STRATEGIES {
        plans.push(chain.clone().order(strategy.name)?.plan(&types[..])?);
    }
    for passes in PassSet::subsets().step_by(7).chain([PassSet::NONE]) {
        plans.push(chain.clone().passes(passes).plan(&types[..])?);
    }
    let orders: Vec<_> = plans.iter().skip(4).map(|plan| plan.order()).collect();
    for order in orders {
        plans.push(chain.clone().order(order)?.plan(&types[..])?);
    }
    for plan in &plans {
        let text = plan.explain()?.text(&Stage::ALL);
        assert!(text.contains("== passes ==\nlowered\n"), "{text}");
    }
    Ok(())
}
