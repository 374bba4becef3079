use super::*;
use crate::{Budget, SlicedAxis, order};

/// Reads an order and returns its debug text, since orders have no equality.
fn read(text: &str) -> Result<String, FormatError> {
    Order::from_json(text).map(|order| format!("{order:?}"))
}

#[test]
fn every_schema_is_read() {
    let linear = || Order::Linear(vec![vec![1, 2], vec![0, 1]]);
    let ssa = || Order::Ssa(vec![vec![1, 2], vec![0, 3]]);
    let tree = Tree::from_ssa(3, &[vec![1, 2], vec![0, 3]]).unwrap();
    let sliced = |slices: &[(&str, u64)]| {
        let slices = slices.iter().map(|&(axis, parts)| SavedSlicedAxis { axis: axis.into(), parts }).collect();
        let saved = SavedTree { tree: tree.clone(), slices, network: None };
        Order::Saved(SavedOrder { contractions: vec![saved], ..SavedOrder::default() })
    };
    let two = || Order::Saved(SavedOrder::of_paths(&[vec![vec![0, 1]], vec![vec![1, 2], vec![0, 1]]]).unwrap());
    for (text, want) in [
        ("[[1, 2], [0, 1]]", linear()),
        (r#"{"path": [[1, 2], [0, 1]], "cost": 7}"#, linear()),
        (r#"{"schema": "einfold.run/1", "path": [[1, 2], [0, 1]]}"#, linear()),
        (r#"{"ssa_path": [[1, 2], [0, 3]]}"#, ssa()),
        (r#"{"path": [], "ssa_path": [[1, 2], [0, 3]]}"#, ssa()),
        // Orders of earlier versions, without and with slices.
        (r#"{"algorithm": "auto", "tensors": 3, "path": [[1, 2], [0, 1]], "ssa_path": [[1, 2], [0, 3]]}"#, ssa()),
        (r#"{"tensors": 3, "ssa_path": [[1, 2], [0, 3]], "slices": [{"axis": "k", "parts": 4}]}"#, sliced(&[("k", 4)])),
        (r#"{"path": [[1, 2], [0, 1]], "slices": [{"axis": 7, "parts": 2}]}"#, sliced(&[("7", 2)])),
        ("[[[0, 1]], [[1, 2], [0, 1]]]", two()),
        (r#"{"contractions": [{"path": [[0, 1]]}, {"ssa_path": [[1, 2], [0, 3]]}]}"#, two()),
        (r#"{"schema": "einfold.explain/1", "order": {"path": [[1, 2], [0, 1]]}}"#, linear()),
    ] {
        assert_eq!(read(text), Ok(format!("{want:?}")), "{text}");
    }
    for text in ["", "[[0, 1]", "{}", "[[0, -1]]", "3", r#"{"path": 3}"#, "[0, 1]", r#"{"order": "deep"}"#] {
        assert!(matches!(Order::from_json(text), Err(FormatError::Json(_) | FormatError::Shape(_))), "{text}");
    }
    let inputs = r#""inputs": [["i"], ["i"]], "output": [], "sizes": {"i": 2}"#;
    for text in ["[[[0, 5]]]", r#"{"contractions": [{"path": [[0, 1], [0, 1]]}, {"path": [[7]]}]}"#] {
        assert!(matches!(Order::from_json(text), Err(FormatError::Path(_))), "{text}");
    }
    let text = format!(r#"{{"path": [[0, 2], [0, 1]], {inputs}}}"#);
    assert!(matches!(Order::from_json(&text), Err(FormatError::Path(_))));
    let version = FormatError::Version { found: "einfold.order/2".into(), expected: "einfold.order/1" };
    let text = format!(r#"{{"schema": "einfold.order/2", "path": [[0, 1]], {inputs}}}"#);
    assert_eq!(read(&text), Err(version));
}

#[test]
fn written_orders_are_read_again() {
    let network = Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 3]], vec![0, 3], vec![2, 3, 4, 5]).unwrap();
    let ordered = order(&network, &Order::default(), &Budget::default()).unwrap();
    let names = ["i", "j", "k", "l"];
    let tree = |slices: &[SlicedAxis]| SavedTree::new(&network, &names, &ordered.tree, slices);
    let saved = SavedOrder {
        contractions: vec![tree(&[SlicedAxis { axis: 2, parts: 4 }, SlicedAxis { axis: 0, parts: 2 }])],
        objective: Objective::Combo(7),
        memory_bytes: Some(1 << 40),
        largest: None,
    };
    let several =
        SavedOrder { contractions: vec![tree(&[]), tree(&[SlicedAxis { axis: 3, parts: 5 }])], ..saved.clone() };
    for saved in [&saved, &several, &SavedOrder::default()] {
        assert_eq!(read(&saved.to_string()), Ok(format!("{:?}", Order::Saved(saved.clone()))));
    }
    let value = order_json(&saved, &ordered);
    assert_eq!(read(&value.to_string()), Ok(format!("{:?}", Order::Saved(saved))));
    assert_eq!(value["slices"].to_string(), r#"[{"axis":"k","parts":4},{"axis":"i","parts":2}]"#);
    // ij,jk first: 2*3*4 + 2*4*5 flops, with 2*4 and 2*5 elements written.
    assert_eq!((&value["flops"], &value["largest_limit"]), (&64.into(), &Value::Null));
    assert_eq!(value["write_log10"], 18_f64.log10());
    // The network is read too.
    assert_eq!(LabeledNetwork::from_json(&value.to_string()).unwrap().network, network);
    let linear = Order::from_json(&value["path"].to_string()).unwrap();
    assert_eq!(linear.tree(3), Ok(Some(ordered.tree)));
}
