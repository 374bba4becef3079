//! Archives: damaged ones are errors, and written ones equal those of NumPy.

use crate::harness::{Folder, archive, data, doubles, npy, run};
use std::fs;
use std::io::Write;
use zip::CompressionMethod::{Deflated, Stored};

/// Changes the fields of a member in both headers: at these offsets after the marks of the local and the central one.
fn patch(mut bytes: Vec<u8>, fields: [usize; 2], values: &[u8]) -> Vec<u8> {
    for (mark, field) in [b"PK\x03\x04", b"PK\x01\x02"].into_iter().zip(fields) {
        let at = bytes.windows(4).position(|found| found == mark).unwrap() + field;
        bytes[at..at + values.len()].copy_from_slice(values);
    }
    bytes
}

#[test]
fn a_flipped_bit_in_a_member_is_an_error_that_names_file_and_member() {
    let folder = Folder::new();
    let array = doubles(&[1000], (0..1000).map(f64::from));
    for method in [Stored, Deflated] {
        let good = archive(&[("weights.npy", &array)], method);
        assert_eq!(run(["run", "i->", &folder.write("a.npz", &good)]).ok(), "499500.0\n");
        // In the last element, in the first, and in between.
        let end = good.windows(4).position(|found| found == b"PK\x01\x02").unwrap();
        for at in [end - 10, end - 25, 200] {
            let mut bad = good.clone();
            bad[at] ^= 4;
            let report = run(["run", "i->", &folder.write("a.npz", &bad)]).failed(1);
            let want = format!("error[file]: `{}` cannot be used: member `weights`: ", folder.file("a.npz"));
            assert!(report.starts_with(&want), "{method} {at}: {report}");
        }
    }
    let mut bad = fs::read(data("two.npz")).unwrap();
    let at = bad.windows(6).rposition(|found| found == b"\x93NUMPY").unwrap() + 128;
    bad[at] ^= 1;
    let file = folder.write("two.npz", &bad);
    let report = run(["run", "ij->", &format!("{file}:b/c")]).failed(1);
    let want = format!(
        "error[file]: `{file}:b/c` cannot be used: member `b/c`: its bytes are damaged: Invalid checksum\n  = help: write it again; the copy is damaged\n"
    );
    assert_eq!(report, want);
    run(["run", "ij->", &format!("{file}:a")]).ok();
}

#[test]
fn bytes_after_the_array_in_a_member_are_refused() {
    let folder = Folder::new();
    let mut array = doubles(&[2], [1.0, 2.0]);
    array.push(0);
    for method in [Stored, Deflated] {
        let file = folder.write("a.npz", &archive(&[("a.npy", &array)], method));
        let report = run(["run", "i->", &file]).failed(1);
        assert!(
            report.contains("member `a`: it continues after the 16 bytes of data that its header announces\n"),
            "{report}"
        );
        // The end of an array without elements is checked too.
        let file = folder.write("a.npz", &archive(&[("a.npy", &npy("<f8", &[0], b"x"))], method));
        assert!(run(["run", "i->", &file]).failed(1).contains("continues after the 0 bytes"));
    }
}

#[test]
fn unreadable_members_are_errors_with_reasons() {
    let folder = Folder::new();
    let array = doubles(&[2], [1.0, 2.0]);
    let good = || archive(&[("a.npy", &array)], Stored);
    let short = archive(&[("a.npy", &array[..array.len() - 1])], Stored);
    let header = archive(&[("a.npy", &array[..20])], Deflated);
    let huge = archive(&[("a.npy", &npy("<f8", &[1 << 50], &[0; 8]))], Deflated);
    let none = archive(&[], Stored);
    let twins = patch(archive(&[("b.npy", &array), ("a.npy", &array)], Stored), [30, 46], b"a.npy");
    for (bytes, part) in [
        (patch(good(), [6, 8], &[1]), "member `a`: it is encrypted\n  = help: write it with numpy.savez or"),
        (
            patch(good(), [8, 10], &[12]),
            "member `a`: it is compressed by method 12; members are stored (0) or deflated (8)\n",
        ),
        (short, "member `a`: it ends early: its header announces 16 bytes of data, but there are 15\n"),
        (header, "member `a`: it ends inside its header\n"),
        (huge, "member `a`: it ends early: its header announces 9007199254740992 bytes of data, but there are 8\n"),
        (archive(&[("a.txt", b"text")], Stored), "member `a.txt`: it is not a .npy or .npz file\n"),
        (none, "the archive holds 0 arrays\n  = help: name one as FILE.npz:KEY; the archive has no arrays\n"),
        (good()[..90].to_vec(), "the archive cannot be read: "),
    ] {
        let report = run(["run", "i->", &folder.write("a.npz", &bytes)]).failed(1);
        assert!(report.contains(part), "{part}\n{report}");
    }
    let twice = "the archive has two arrays `a`\n";
    let file = folder.write("a.npz", &twins);
    assert!(run(["run", "i->", &format!("{file}:a")]).failed(1).contains(twice));
    assert!(run(["run", "i->", &file]).failed(1).contains("holds 2 arrays"));
    // NumPy finds a member by both names.
    let file = folder.write("a.npz", &archive(&[("a", &array), ("a.npy", &array), ("b", &array)], Stored));
    assert!(run(["run", "i->", &format!("{file}:a")]).failed(1).contains(twice));
    assert_eq!(run(["run", "i->", &format!("{file}:a.npy")]).ok(), "3.0\n");
    assert_eq!(run(["run", "i->", &format!("{file}:b")]).ok(), "3.0\n");
}

/// Returns the records that end an archive of 64-bit fields.
fn end64(entries: u64, size: u64, start: u64, at: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    [entries, entries, size, start].iter().for_each(|field| bytes.extend(field.to_le_bytes()));
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(at.to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([0xff; 12]);
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn archives_with_64_bit_fields_are_read() {
    let folder = Folder::new();
    let mut bytes = archive(&[("a.npy", &doubles(&[2], [1.0, 2.0]))], Stored);
    let start = bytes.windows(4).position(|found| found == b"PK\x01\x02").unwrap();
    let end = bytes.windows(4).position(|found| found == b"PK\x05\x06").unwrap();
    bytes.truncate(end);
    bytes.extend(end64(1, (end - start) as u64, start as u64, end as u64));
    assert_eq!(run(["run", "i->", &folder.write("a.npz", &bytes)]).ok(), "3.0\n");
}

/// The file is sparse and as long as the directory that it claims, so that only memory limits the claim.
#[cfg(unix)]
#[test]
fn an_archive_that_claims_very_many_members_takes_no_memory() {
    let folder = Folder::new();
    let length = 1_u64 << 40;
    let file = folder.write("a.npz", b"PK\x03\x04");
    let mut hole = fs::File::options().append(true).open(&file).unwrap();
    if hole.set_len(length).is_err() {
        return; // A file system without holes.
    }
    hole.write_all(&end64(1 << 33, 1 << 39, 1 << 39, length)).unwrap();
    drop(hole);
    let command = format!("ulimit -v 4000000; exec {} run 'i->' {file}", env!("CARGO_BIN_EXE_einfold"));
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the archive cannot be read: "), "{stderr}");
}

fn members(file: &str) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(file).unwrap()).unwrap();
    let count = archive.len();
    let read = |k| {
        let mut member = archive.by_index(k).unwrap();
        assert_eq!(member.compression(), Stored);
        let mut bytes = Vec::new();
        std::io::copy(&mut member, &mut bytes).unwrap();
        (member.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(read).collect()
}

const PROGRAM: &str = "sum[g[n]] += X[n]; count[g[n]] += 1; top[g[n]] max= X[n]";

fn groups(folder: &Folder) -> [String; 2] {
    let x = folder.write("x.npy", &doubles(&[4], [1.0, 2.0, 3.0, 4.0]));
    let g = folder.write("g.npy", &npy("<i8", &[4], &[0_i64, 2, 0, 2].map(i64::to_le_bytes).concat()));
    [format!("X={x}"), format!("g={g}")]
}

#[test]
fn several_results_go_to_one_archive() {
    let folder = Folder::new();
    let [x, g] = groups(&folder);
    let (out, plain) = (folder.file("r.npz"), folder.file("sum.npy"));
    assert_eq!(run(["run", PROGRAM, &x, &g, "-o", &out]).ok(), "");
    assert_eq!(run(["run", PROGRAM, &x, &g, "-o", &format!("sum={plain}")]).ok(), "");
    let all = members(&out);
    assert_eq!(all.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["sum.npy", "count.npy", "top.npy"]);
    assert_eq!(all[0].1, fs::read(&plain).unwrap(), "a member is what a file would be");
    assert_eq!(run(["run", "i", &format!("{out}:count")]).ok(), "[2 0 2]\n");
    assert_eq!(run(["run", "i", &format!("{out}:top")]).ok(), "[  3. -inf   4.]\n");
    let bytes = fs::read(&out).unwrap();
    assert_eq!(run(["run", PROGRAM, &x, &g, "-o", &out]).ok(), "");
    assert_eq!(fs::read(&out).unwrap(), bytes, "the same results give the same bytes");
    assert_eq!(folder.names(), ["g.npy", "r.npz", "sum.npy", "x.npy"]);
}

#[test]
fn members_of_outputs_have_names_or_keys() {
    let folder = Folder::new();
    let [x, g] = groups(&folder);
    let out = folder.file("r.npz");
    let names = || members(&out).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let other = format!("{}/./r.npz", folder.path().display());
    let run_to = |places: &[&str]| {
        let options = places.iter().flat_map(|place| ["-o", place]);
        run(["run", PROGRAM, &x, &g].into_iter().chain(options))
    };
    assert_eq!(run_to(&[&format!("count={out}"), &format!("sum={other}:s/t")]).ok(), "");
    assert_eq!(names(), ["count.npy", "s/t.npy"]);
    assert_eq!(run(["run", "i", &format!("{out}:s/t")]).ok(), "[4. 0. 6.]\n");
    let plain = folder.file("top.npy");
    assert_eq!(run_to(&[&format!("sum={out}:a.npy"), &format!("top={plain}")]).ok(), "");
    assert_eq!(names(), ["a.npy"]);
    assert_eq!(run(["run", "i", &plain]).ok(), "[  3. -inf   4.]\n");
    // The key of an array without a name is that of numpy.savez, or the given one.
    let file = folder.file("x.npy");
    assert_eq!(run(["run", "i->i", &file, "-o", &out]).ok(), "");
    assert_eq!(names(), ["arr_0.npy"]);
    assert_eq!(run(["run", "i->i", &file, "-o", &format!("{out}:größe")]).ok(), "");
    assert_eq!(names(), ["größe.npy"]);
    assert_eq!(run(["run", "i->", &format!("{out}:größe")]).ok(), "10.0\n");

    let before = fs::read(&out).unwrap();
    for places in [
        &[format!("count={out}:a"), format!("sum={other}:a")][..],
        &[format!("count={out}:sum"), format!("sum={out}")],
        &[format!("count={out}:"), format!("sum={out}")],
        &[format!("{out}:a")],
        &[out.clone(), out.clone()],
        &[format!("sum={}/./a.npy", folder.path().display()), format!("top={}", folder.file("a.npy"))],
    ] {
        run_to(&places.iter().map(String::as_str).collect::<Vec<_>>()).failed(2);
    }
    assert_eq!(fs::read(&out).unwrap(), before);
}

#[test]
fn an_ending_of_another_format_is_refused() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &doubles(&[1], [1.0]));
    for name in ["x.csv", "x.txt", "x.npy.gz", "x.mat"] {
        let out = folder.file(name);
        let report = run(["run", "i->i", &file, "-o", &out]).failed(1);
        let ending = name.rsplit('.').next().unwrap();
        let want = format!(
            "error[output]: the result cannot be written to `{out}`: einfold does not write files with the ending `.{ending}`\n  = help: write an array to .npy, one or several to .npz, or leave out `-o` to print\n"
        );
        assert_eq!(report, want);
    }
    assert_eq!(folder.names(), ["x.npy"]);
    for name in ["plain", "x.NPY", "x.NPZ"] {
        assert_eq!(run(["run", "i->i", &file, "-o", &folder.file(name)]).ok(), "");
    }
    assert_eq!(fs::read(folder.file("plain")).unwrap(), fs::read(folder.file("x.NPY")).unwrap());
    assert!(fs::read(folder.file("x.NPZ")).unwrap().starts_with(b"PK"));
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_take_arrays_and_archives_under_any_name() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let file = folder.write("x.npy", &doubles(&[1], [1.0]));
    for (name, start) in [("pipe.csv", &b"\x93NUMPY"[..]), ("pipe.npz", b"PK\x03\x04")] {
        let pipe = folder.file(name);
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (from, reader) = (pipe.clone(), std::thread::spawn(move || fs::read(pipe).unwrap()));
        assert_eq!(run(["run", "i->i", &file, "-o", &from]).ok(), "");
        let bytes = reader.join().unwrap();
        assert!(bytes.starts_with(start));
        let copy = folder.write(&format!("copy.{}", if start[0] == b'P' { "npz" } else { "npy" }), &bytes);
        assert_eq!(run(["run", "i", &copy]).ok(), "[1.]\n");
    }
    let full = folder.file("full.npz");
    symlink("/dev/full", &full).unwrap();
    let report = run(["run", "i->i", &file, "-o", &full]).failed(1);
    let want = "error[output]: the result cannot be written to `/dev/full`: No space left on device (os error 28)\n";
    assert_eq!(report, want, "and nothing else is said");
    assert!(run(["run", "i->i", &file, "-o", "/dev/stdout"]).stdout.starts_with(b"\x93NUMPY"));
}

#[test]
fn an_archive_in_a_pipe_is_refused_with_the_way_out() {
    use crate::harness::einfold;
    use std::process::Stdio;
    let mut child = einfold().args(["run", "ij->", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(data("one.npz")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "error[file]: standard input cannot be used: it is an archive, which cannot be read from a pipe\n  = help: write it to a file first\n"
    );
    // A pipe that is redirected from a file can be read.
    let archive = fs::File::open(data("one.npz")).unwrap();
    let output = einfold().args(["run", "ij->", "-"]).stdin(archive).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
