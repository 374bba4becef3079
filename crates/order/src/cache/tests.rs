use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::{Effort, Network, Objective, SearchResult, SlicedAxis, Tree};

/// Counts the polls of a search.
#[derive(Default)]
struct Asked(AtomicUsize);

impl Watch for Asked {
    fn is_cancelled(&self) -> bool {
        self.0.fetch_add(1, Relaxed);
        false
    }
}

/// Ends a search at once.
struct Ended;

impl Watch for Ended {
    fn is_cancelled(&self) -> bool {
        true
    }
}

/// Returns a ring of `n` matrices with further axes between next neighbours, too dense for the exact search.
fn ring(n: u32) -> Network {
    let legs = |i: u32| vec![i, (i + 1) % n, n + i, n + (i + 2) % n, 2 * n + i, 2 * n + (i + 7) % n];
    Network::new((0..n).map(legs).collect(), vec![], (0..3 * n).map(|axis| 2 + u64::from(axis % 3)).collect()).unwrap()
}

fn small() -> Network {
    Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 3], vec![3]], vec![0], vec![2, 3, 4, 6]).unwrap()
}

fn deep(trials: u32) -> (Order, Budget) {
    ("deep".parse().unwrap(), Budget { effort: Effort::Trials(trials), ..Budget::default() })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn cached_orders_are_not_searched_again() {
    let folder = tempfile::tempdir().unwrap();
    let network = ring(40);
    let task = Task::new(&network);
    let (origin, budget) = deep(1);
    let want = order_task(&task, &origin, &budget, &()).unwrap();
    for cache in [Cache::in_memory(NonZeroUsize::MIN), Cache::on_disk(folder.path()).unwrap()] {
        assert_eq!(cache.find(&task, &origin, &budget), None);
        assert_eq!(cache.order(&task, &origin, &budget, &()), Ok(want.clone()));
        let watch = Asked::default();
        assert_eq!(cache.order(&task, &origin, &budget, &watch), Ok(want.clone()));
        assert_eq!((watch.0.into_inner(), cache.find(&task, &origin, &budget)), (0, Some(want.clone())));
    }
    // A second cache stands for another process.
    assert_eq!(Cache::on_disk(folder.path()).unwrap().find(&task, &origin, &budget), Some(want));
}

#[test]
fn names_of_axes_do_not_matter_and_everything_else_does() {
    let cache = Cache::in_memory(NonZeroUsize::MIN);
    let network = small();
    let (origin, budget) = deep(1);
    let found = cache.order(&Task::new(&network), &origin, &budget, &()).unwrap();
    let renamed = Network::new(vec![vec![2, 0], vec![0, 3], vec![3, 1], vec![1]], vec![2], vec![3, 6, 2, 4]).unwrap();
    assert_eq!(cache.find(&Task::new(&renamed), &origin, &budget), Some(found.clone()));
    let threads = Budget { threads: NonZeroUsize::new(4), ..budget };
    assert_eq!(cache.find(&Task::new(&network), &origin, &threads), Some(found.clone()));

    let other = |inputs, output, extents| Network::new(inputs, output, extents).unwrap();
    let inputs = || vec![vec![0, 1], vec![1, 2], vec![2, 3], vec![3]];
    for network in [
        other(inputs(), vec![0], vec![2, 3, 4, 7]),
        other(inputs(), vec![], vec![2, 3, 4, 6]),
        other(inputs()[..3].to_vec(), vec![0], vec![2, 3, 4, 6]),
        other(vec![vec![0, 1], vec![1, 2], vec![2, 3, 3], vec![]], vec![0], vec![2, 3, 4, 6]),
    ] {
        assert_eq!(cache.find(&Task::new(&network), &origin, &budget), None);
    }
    let task = Task::new(&network);
    for task in
        [Task { constants: &[1], ..task }, Task { element_bytes: 4, ..task }, Task { start: Some(&found.tree), ..task }]
    {
        assert_eq!(cache.find(&task, &origin, &budget), None);
    }
    for budget in [
        Budget { effort: Effort::Trials(2), ..budget },
        Budget { effort: Effort::Auto, ..budget },
        Budget { effort: Effort::Time(std::time::Duration::from_secs(1)), ..budget },
        Budget { objective: Objective::Combo(64), ..budget },
        Budget { memory_bytes: Some(1 << 30), ..budget },
        Budget { largest: Some(1 << 30), ..budget },
        Budget { seed: 1, ..budget },
    ] {
        assert_eq!(cache.find(&task, &origin, &budget), None);
    }
    assert_eq!(cache.find(&task, &Order::default(), &budget), None);
}

#[test]
fn slices_have_the_axes_of_the_task() {
    let (network, renamed) = (small(), Network::new(vec![vec![7, 5], vec![5]], vec![7], vec![2; 8]).unwrap());
    let (origin, budget) = deep(1);
    let key = Key::of(&Task::new(&renamed), &origin, &budget).unwrap();
    assert_eq!(key.axes, [7, 5]);
    let tree = Tree::from_ssa(2, &[vec![0, 1]]).unwrap();
    let slices = vec![SlicedAxis { axis: 5, parts: 2 }];
    let found = SearchResult { slices: slices.clone(), ..tree.into() }.with_cost(&Task::new(&renamed), None, "deep");
    let entry = Entry::new(&found, &key);
    assert_eq!(entry.to_order(&Task::new(&renamed), &key), Some(found.clone()));
    let plain = Network::new(vec![vec![0, 1], vec![1]], vec![0], vec![2, 2]).unwrap();
    let key = Key::of(&Task::new(&plain), &origin, &budget).unwrap();
    assert_eq!(entry.to_order(&Task::new(&plain), &key).unwrap().slices, [SlicedAxis { axis: 1, parts: 2 }]);
    // The network has other tensors, or an axis is not divisible.
    let key = Key::of(&Task::new(&network), &origin, &budget).unwrap();
    assert_eq!(entry.to_order(&Task::new(&network), &key), None);
    let odd = Network::new(vec![vec![0, 1], vec![1]], vec![0], vec![2, 3]).unwrap();
    let key = Key::of(&Task::new(&odd), &origin, &budget).unwrap();
    assert_eq!(entry.to_order(&Task::new(&odd), &key), None);
}

#[test]
fn the_least_recently_used_entry_is_evicted() {
    let cache = Cache::in_memory(NonZeroUsize::new(2).unwrap());
    let network = small();
    let task = Task::new(&network);
    let (origin, budget) = deep(1);
    let seed = |seed| Budget { seed, ..budget };
    for number in [0, 1, 0, 2] {
        cache.order(&task, &origin, &seed(number), &()).unwrap();
    }
    assert_eq!([0, 1, 2].map(|number| cache.find(&task, &origin, &seed(number)).is_some()), [true, false, true]);
}

#[test]
fn invalid_files_are_ignored_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::on_disk(folder.path()).unwrap();
    let network = small();
    let task = Task::new(&network);
    let (origin, budget) = deep(1);
    let want = cache.order(&task, &origin, &budget, &()).unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let good = fs::read_to_string(file).unwrap();
    assert!(good.starts_with(r#"{"einfold_order_cache":1,"key":"search deep,1 trials,seed 0\n"#), "{good}");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        good.replacen(from, to, 1)
    };
    for bad in [
        String::new(),
        "\0\0\0\0".into(),
        "[]".into(),
        good[..good.len() / 2].into(),
        changed("cache\":1", "cache\":2"),
        changed("seed 0", "seed 1"),
        changed("\"deep\"", "\"steep\""),
        changed("\"ssa_path\":[", "\"ssa_path\":[[0,0],"),
        changed("\"slices\":[", "\"slices\":[[9,2]"),
        changed("\"slices\":[", "\"slices\":[[0,5]"),
        changed("\"slices\"", "\"slice\""),
    ] {
        fs::write(file, &bad).unwrap();
        assert_eq!(cache.find(&task, &origin, &budget), None, "{bad}");
        assert_eq!(cache.order(&task, &origin, &budget, &()), Ok(want.clone()));
        assert_eq!(fs::read_to_string(file).unwrap(), good);
    }
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_missing_folder_does_not_prevent_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("a/b");
    let cache = Cache::on_disk(&inside).unwrap();
    fs::remove_dir(&inside).unwrap();
    let network = small();
    let (origin, budget) = deep(1);
    assert!(cache.order(&Task::new(&network), &origin, &budget, &()).is_ok());
    assert_eq!(cache.find(&Task::new(&network), &origin, &budget), None);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Cache::on_disk(file).is_err());
}

#[test]
fn cancelled_searches_are_not_cached() {
    let cache = Cache::in_memory(NonZeroUsize::MIN);
    let network = ring(40);
    let (origin, budget) = deep(1);
    assert!(cache.order(&Task::new(&network), &origin, &budget, &Ended).is_ok());
    assert_eq!(cache.find(&Task::new(&network), &origin, &budget), None);
}

#[test]
fn paths_are_not_cached() {
    let cache = Cache::in_memory(NonZeroUsize::MIN);
    let network = small();
    let path = Order::Ssa(vec![vec![0, 1], vec![4, 2], vec![5, 3]]);
    let found = cache.order(&Task::new(&network), &path, &Budget::default(), &()).unwrap();
    assert_eq!(found.strategy, "path");
    assert_eq!(cache.find(&Task::new(&network), &path, &Budget::default()), None);
}

#[test]
fn threads_that_write_and_read_one_entry_see_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let network = ring(12);
    let (origin, budget) = deep(1);
    let want = order_task(&Task::new(&network), &origin, &budget, &()).unwrap();
    let key = Key::of(&Task::new(&network), &origin, &budget).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = Cache::on_disk(folder.path()).unwrap();
                for _ in 0..50 {
                    cache.keep(&key, Entry::new(&want, &key));
                    assert_eq!(cache.find(&Task::new(&network), &origin, &budget).as_ref(), Some(&want));
                }
            });
        }
    });
    assert_eq!(files(folder.path()).len(), 1);
}

/// Every entry must be read in finite time, whatever kind of file it is.
#[cfg(unix)]
#[test]
fn files_that_are_not_regular_are_ignored_and_replaced() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::on_disk(folder.path()).unwrap();
    let network = small();
    let (origin, budget) = deep(1);
    let want = cache.order(&Task::new(&network), &origin, &budget, &()).unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let good = fs::read(file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.json");
    fs::write(&copy, &good).unwrap();
    let pipe = |path: &Path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let linked = elsewhere.path().join("pipe");
    pipe(&linked);
    type Place<'a> = &'a dyn Fn(&Path);
    let placed: [(&str, Place<'_>); 6] = [
        ("a pipe", &|path| pipe(path)),
        ("a link to a pipe", &|path| symlink(&linked, path).unwrap()),
        ("a link to an endless device", &|path| symlink("/dev/zero", path).unwrap()),
        ("a link to itself", &|path| symlink(path, path).unwrap()),
        ("a link to an answer", &|path| symlink(&copy, path).unwrap()),
        ("a file that is too long", &|path| {
            // White space after a document is part of it. The file is sparse, so that it takes no space.
            fs::write(path, &good).unwrap();
            fs::File::options().write(true).open(path).unwrap().set_len(disk::LIMIT + 1).unwrap();
        }),
    ];
    for (what, place) in placed {
        fs::remove_file(file).unwrap();
        place(file);
        let (sender, receiver) = std::sync::mpsc::channel();
        let (path, network) = (folder.path().to_owned(), network.clone());
        let origin = origin.clone();
        std::thread::spawn(move || {
            let cache = Cache::on_disk(path).unwrap();
            let found = cache.find(&Task::new(&network), &origin, &budget);
            let ordered = cache.order(&Task::new(&network), &origin, &budget, &());
            sender.send((found, ordered)).unwrap();
        });
        let (found, ordered) = receiver.recv_timeout(Duration::from_secs(60)).expect(what);
        assert_eq!((found, ordered), (None, Ok(want.clone())), "{what}");
        assert!(fs::symlink_metadata(file).unwrap().is_file(), "{what}");
        assert_eq!(fs::read(file).unwrap(), good, "{what}");
    }
    assert_eq!(fs::read(&copy).unwrap(), good);
}
