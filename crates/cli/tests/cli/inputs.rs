//! The sources of texts and operands: files, standard input, pipes.

use crate::harness::{Folder, Outcome, archive, data, doubles, einfold, run};
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// Runs the binary with these bytes as its standard input.
fn fed<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>, bytes: &[u8]) -> Outcome {
    let mut child =
        einfold().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A process that does not read to the end closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_text_may_end_as_editors_end_it() {
    let folder = Folder::new();
    let a = folder.write("a.npy", &doubles(&[2, 2], [1.0, 2.0, 3.0, 4.0]));
    for text in ["ij,jk->ik", "(ij,jk)->ik", "[i j], [j k] -> [i k]", "Y[i,k] = A[i,j]*B[j,k]"] {
        let want = run(["run", text, &a, &a]).ok();
        for start in ["", "\u{feff}"] {
            for end in ["", "\n", "\r\n", "\n\n", " \n", "\t\r\n\r\n"] {
                let file = folder.write("text.ein", format!("{start}{text}{end}").as_bytes());
                assert_eq!(run(["run", "-f", &file, &a, &a]).ok(), want, "{text:?} {end:?}");
                assert_eq!(run(["check", "-f", &file]).ok(), run(["check", text]).ok());
            }
        }
    }
    // An error in a text is shown at its position.
    let file = folder.write("text.ein", b"ij,jk->iq\n");
    assert_eq!(run(["check", "-f", &file]).failed(1), run(["check", "ij,jk->iq"]).failed(1));
}

#[test]
fn standard_input_is_an_operand_a_text_or_a_path() {
    let folder = Folder::new();
    let bytes = doubles(&[2, 2], [1.0, 2.0, 3.0, 4.0]);
    let a = folder.write("a.npy", &bytes);
    let want = run(["run", "ij,jk->ik", &a, &a]).ok();
    assert_eq!(fed(["run", "ij,jk->ik", "-", &a], &bytes).ok(), want);
    assert_eq!(fed(["run", "ij,jk->ik", &a, "-"], &bytes).ok(), want);
    assert_eq!(fed(["run", "Y[i,k] = A[i,j]*B[j,k]", &format!("B={a}"), "A=-"], &bytes).ok(), want);
    assert_eq!(fed(["run", "-f", "-", &a, &a], b"ij,jk->ik\r\n").ok(), want);
    assert_eq!(fed(["check", "-f", "-"], b"ij,jk->ik\n").ok(), "ij,jk->ik\n");
    assert_eq!(fed(["run", "ij,jk->ik", &a, &a, "--path", "-"], br#"{"path": [[0, 1]]}"#).ok(), want);
    assert_eq!(fed(["explain", "ij,jk->ik", "-", &a], &bytes).ok(), run(["explain", "ij,jk->ik", &a, &a]).ok());
    let network = br#"{"inputs": [["i", "j"], ["j"]], "output": ["i"], "sizes": {"i": 2, "j": 3}}"#;
    assert!(fed(["order", "-"], network).ok().contains("network  2 tensors, 2 axes\n"));

    let twice = "error[file]: standard input cannot be used: it can be read once, and `-` is given twice\n";
    for (arguments, bytes) in [
        (&["run", "ij,jk->ik", "-", "-"][..], &bytes[..]),
        (&["explain", "ij,jk->ik", "-", "-"], &bytes),
        (&["run", "-f", "-", "-", &a], b"ij,jk->ik\n"),
        (&["run", "ij,jk->ik", "-", &a, "--path", "-"], br#"{"path": [[0, 1]]}"#),
    ] {
        assert_eq!(fed(arguments, bytes).failed(1), twice);
    }
    run(["order", "i", "--shapes", "2", "--svg", "-"]).failed(2);
    // A file with the name `-`.
    fs::write(folder.path().join("-"), &bytes).unwrap();
    let output = einfold().args(["run", "ij,jk->ik", "./-", &a]).current_dir(folder.path()).output().unwrap();
    assert_eq!(Outcome::from(output).ok(), want);
}

#[test]
fn several_arrays_may_follow_each_other_on_standard_input() {
    let folder = Folder::new();
    let (first, second) = (doubles(&[2], [1.0, 2.0]), doubles(&[3], [3.0, 4.0, 5.0]));
    let file = folder.write("both.npy", &[&first[..], &second].concat());
    assert_eq!(run(["run", "i->", &file]).ok(), "3.0\n");
    // From the position where another process stopped reading.
    let mut input = fs::File::open(&file).unwrap();
    std::io::Seek::seek(&mut input, std::io::SeekFrom::Start(first.len() as u64)).unwrap();
    let output = einfold().args(["run", "i->", "-"]).stdin(input).output().unwrap();
    assert_eq!(Outcome::from(output).ok(), "12.0\n");
}

#[test]
fn both_ways_to_name_a_member_twice_give_one_array() {
    let folder = Folder::new();
    let file =
        folder.write("a.npz", &archive(&[("a.npy", &doubles(&[2], [1.0, 2.0]))], zip::CompressionMethod::Stored));
    assert_eq!(run(["run", "i,i,i->", &file, &format!("{file}:a"), &format!("{file}:a.npy")]).ok(), "9.0\n");
    let two = data("two.npz");
    assert_eq!(
        run(["run", "ij,ji->", &format!("{two}:a"), &format!("{two}:b/c")]).ok(),
        run(["run", "ij,ij->", &format!("{two}:a"), &format!("{two}:a")]).ok()
    );
}

#[cfg(unix)]
mod unix {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::time::{Duration, Instant};

    /// The bytes of a pipe can be read once, so a second read would block or find nothing.
    #[test]
    fn a_file_that_is_given_twice_is_read_once() {
        let folder = Folder::new();
        let (pipe, link) = (folder.file("pipe.npy"), folder.file("link.npy"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let other = format!("{}/./pipe.npy", folder.path().display());
        let ids = crate::harness::npy("<i8", &[2], &[1_i64, 0].map(i64::to_le_bytes).concat());
        let cases: [(&[&str], &[u8], &str); 3] = [
            (&["i,i,i->", &pipe, &other, &link], &doubles(&[2], [1.0, 2.0]), "9.0\n"),
            (
                &["Y[i] = A[i]+B[i]", &format!("A={pipe}"), &format!("B={link}")],
                &doubles(&[2], [1.0, 2.0]),
                "[2. 4.]\n",
            ),
            (&["Y[g[n]] += h[n]", &format!("g={pipe}"), &format!("h={pipe}")], &ids, "[0 1]\n"),
        ];
        for (arguments, bytes, want) in cases {
            let mut child =
                einfold().arg("run").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            fs::write(&pipe, bytes).unwrap();
            let began = Instant::now();
            while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            assert_eq!(Outcome::from(child.wait_with_output().unwrap()).ok(), want, "{arguments:?}");
        }
    }

    #[test]
    fn a_text_without_an_end_is_refused() {
        for arguments in [
            &["check", "-f", "/dev/zero"][..],
            &["run", "i", "a.npy", "--path", "/dev/zero"],
            &["order", "i", "--shapes", "2", "--start", "/dev/zero"],
        ] {
            let report = run(arguments).failed(1);
            assert_eq!(report, "error[file]: `/dev/zero` cannot be read: file too large\n");
        }
        assert!(run(["run", "i", "/dev/zero"]).failed(1).contains("it is not a .npy or .npz file"));
    }

    /// The form in which shells pass `<(command)`.
    #[test]
    fn a_text_may_come_from_a_pipe() {
        let folder = Folder::new();
        let pipe = folder.file("pipe.ein");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (path, writer) = (pipe.clone(), std::thread::spawn(move || fs::write(pipe, "ij,jk->ik\n").unwrap()));
        assert_eq!(run(["check", "-f", &path]).ok(), "ij,jk->ik\n");
        writer.join().unwrap();
    }
}
