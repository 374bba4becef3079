//! Printed results, compared with NumPy's text.

use crate::harness::{Folder, data, doubles, npy, run};
use std::fs;

/// Each case of `printed.txt` is a line with the key of the array, followed by its `str(array)`.
#[test]
fn arrays_print_as_numpy_prints_them() {
    let text = fs::read_to_string(data("printed.txt")).unwrap();
    let mut cases = 0;
    for case in text.split("\n# ").skip(1) {
        let (title, want) = case.split_once('\n').unwrap();
        let key = title.split(' ').next().unwrap();
        let got = run(["run", "...->...", &data(&format!("printed.npz:{key}"))]).ok();
        assert_eq!(got.trim_end_matches('\n'), want.trim_end_matches('\n'), "{title}");
        cases += 1;
    }
    assert_eq!(cases, 62);
}

#[test]
fn full_prints_all_elements() {
    let folder = Folder::new();
    let file = folder.write("a.npy", &doubles(&[1001], (0..1001).map(f64::from)));
    assert_eq!(run(["run", "i", &file]).ok(), "[   0.    1.    2. ...  998.  999. 1000.]\n");
    let full = run(["run", "i", &file, "--full"]).ok();
    assert_eq!(full.trim_matches(['[', ']', '\n']).split_whitespace().count(), 1001);
    assert!(full.starts_with("[   0.    1.    2. ") && full.ends_with(" 999. 1000.]\n"), "{full}");
}

#[test]
fn a_row_of_more_axes_than_a_line_holds_is_printed() {
    let folder = Folder::new();
    let file = folder.write("a.npy", &npy("|i1", &[1; 60], &[7]));
    let text = run(["run", "...,...", &file, &file]).ok();
    assert_eq!(text, format!("{}49{}\n", "[".repeat(60), "]".repeat(60)));
}
