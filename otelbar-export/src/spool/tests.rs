use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;

use super::record::tests::{encode, record};
use super::*;

const KIND: &str = "otlp-protobuf";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn options(&self) -> SpoolOptions {
        SpoolOptions::new(self.0.path())
    }

    fn open(&self) -> Spool {
        Spool::open(&self.options(), KIND).unwrap()
    }

    /// With room for so many small records.
    fn open_for(&self, records: u64) -> Spool {
        Spool::open(&self.options().with_max_bytes(records * BLOCK), KIND).unwrap()
    }

    fn slot(&self, number: usize) -> PathBuf {
        self.0.path().join(format!("{KIND}.{VERSION}")).join(number.to_string())
    }

    /// Leaves a record as a process that has ended would.
    fn leave(&self, slot: usize, number: u64, record: &Record) -> PathBuf {
        self.make_slot(slot);
        let id = RecordId { number, spans: record.spans().unwrap() };
        let path = self.slot(slot).join(format!("{id}.record"));
        fs::write(&path, encode(record)).unwrap();
        path
    }

    /// Whatever the umask of who runs the tests.
    fn make_slot(&self, slot: usize) {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(self.slot(slot)).unwrap();
    }

    /// The names in a slot, but for the lock.
    fn names(&self, slot: usize) -> Vec<String> {
        let entries = fs::read_dir(self.slot(slot)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
        names.sort();
        names
    }
}

impl Spool {
    #[track_caller]
    fn store_well(&mut self, record: &Record) -> RecordId {
        let Pushed { stored, evicted } = self.push(record);
        assert_eq!(evicted, []);
        stored.unwrap()
    }

    /// Takes everything out, the oldest first, and gives the runs.
    #[track_caller]
    fn drain(&mut self) -> Vec<u64> {
        let mut runs = Vec::new();
        while let Some((id, record)) = self.oldest().unwrap() {
            runs.push(record.run);
            self.remove(id);
        }
        assert_eq!((self.spans(), self.bytes(), self.records()), (0, 0, 0), "all counts end at nothing");
        runs
    }

    fn path(&self, id: RecordId) -> PathBuf {
        self.folder().join(format!("{id}.record"))
    }
}

/// Has the file system refuse to read, write or remove what has this name, whoever asks.
fn obstruct(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir(path).unwrap();
}

fn unobstruct(path: &Path) {
    fs::remove_dir(path).unwrap();
}

#[test]
fn records_come_back_whole_in_order_after_a_restart() {
    let folder = Folder::new();
    let records = [record(1, 10, "first"), record(2, 0, ""), record(3, 7, vec![7; 300_000])];
    let mut spool = folder.open();
    let ids = records.each_ref().map(|record| spool.store_well(record));
    assert!(ids.is_sorted());
    let counts = (spool.spans(), spool.bytes(), spool.records());
    assert_eq!((counts.0, counts.2, spool.recovered()), (17, 3, 0));
    drop(spool);

    let mut spool = folder.open();
    assert_eq!((spool.spans(), spool.bytes(), spool.records()), counts);
    assert_eq!((spool.recovered(), spool.damaged()), (17, Damaged::default()));
    for (id, record) in ids.into_iter().zip(records) {
        let expected = Some((id, record));
        assert_eq!(spool.oldest().unwrap(), expected);
        assert_eq!(spool.oldest().unwrap(), expected, "it stays until it is removed");
        spool.remove(id);
        spool.remove(id);
    }
    assert_eq!(spool.oldest().unwrap(), None);
    assert_eq!((spool.spans(), spool.bytes(), spool.records(), spool.recovered()), (0, 0, 0, 17));
    assert!(folder.names(0).is_empty());
}

#[test]
fn numbers_are_the_time_and_never_go_back() {
    #[track_caller]
    fn check(last: u64, now: SystemTime, expected: u64) {
        assert_eq!(number_after(last, now), expected);
    }
    let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
    check(0, at(1_763_702_581_000_000), 1_763_702_581_000_000);
    check(7, at(7), 8);
    check(7, at(6), 8);
    check(7, at(9), 9);
    check(0, UNIX_EPOCH - Duration::from_secs(1), 1);
    check(RecordId::MAX_NUMBER, at(6), RecordId::MAX_NUMBER + 1);
}

#[test]
fn numbers_go_on_after_a_restart() {
    let folder = Folder::new();
    // Stored before the clock was set back by a century.
    let far = 5_000_000_000_000_000;
    folder.leave(0, far, &record(1, 1, ""));
    let mut spool = folder.open();
    assert_eq!(spool.store_well(&record(2, 1, "")).number, far + 1);
    drop(spool);
    let mut spool = folder.open();
    assert_eq!(spool.store_well(&record(3, 1, "")).number, far + 2);
    assert_eq!(spool.drain(), [1, 2, 3]);
}

#[test]
fn the_oldest_give_way_and_are_told() {
    let folder = Folder::new();
    let mut spool = folder.open_for(3);
    let small = |run| record(run, 10, "small");
    let first = [1, 2, 3].map(|run| spool.store_well(&small(run)));
    assert_eq!(spool.bytes(), 3 * BLOCK);

    let Pushed { stored, evicted } = spool.push(&small(4));
    let removed = |at: usize| Removed {
        id: first[at],
        spans: 10,
        run: Some(at as u64 + 1),
        parts: small(at as u64 + 1).parts,
    };
    assert_eq!(evicted, [removed(0)]);
    stored.unwrap();

    // As large as two.
    let Pushed { stored, evicted } = spool.push(&record(5, 10, vec![0; BLOCK as usize]));
    assert_eq!(evicted, [removed(1), removed(2)]);
    stored.unwrap();
    assert_eq!((spool.records(), spool.spans(), spool.bytes()), (2, 20, 3 * BLOCK));
    assert_eq!(spool.drain(), [4, 5]);
}

#[test]
fn what_is_larger_than_the_spool_is_refused_and_removes_nothing() {
    let folder = Folder::new();
    let mut spool = folder.open_for(2);
    spool.store_well(&record(1, 10, ""));
    let Pushed { stored, evicted } = spool.push(&record(2, 10, vec![0; 2 * BLOCK as usize]));
    let error = stored.unwrap_err().to_string();
    assert!(
        error.contains("12288 bytes") && error.contains("8192 bytes; raise OTELBAR_SPOOL_MAX_BYTES"),
        "{error}"
    );
    assert_eq!(evicted, []);
    assert_eq!(spool.drain(), [1]);
}

#[test]
fn a_damaged_record_gives_way_though_its_parts_are_not_known() {
    let folder = Folder::new();
    let path = folder.leave(0, 1, &record(1, 10, ""));
    fs::write(&path, "").unwrap();
    let mut spool = folder.open_for(1);
    let Pushed { stored, evicted } = spool.push(&record(2, 5, ""));
    stored.unwrap();
    let id = RecordId { number: 1, spans: 10 };
    assert_eq!(evicted, [Removed { id, spans: 10, run: None, parts: vec![] }]);
    assert_eq!(spool.drain(), [2]);
}

#[test]
fn a_lower_bound_is_kept_from_the_next_record_on() {
    let folder = Folder::new();
    (1..=5).for_each(|number| drop(folder.leave(0, number, &record(number, 1, ""))));
    let mut spool = folder.open_for(2);
    assert_eq!((spool.records(), spool.recovered()), (5, 5));
    let Pushed { stored, evicted } = spool.push(&record(6, 1, ""));
    stored.unwrap();
    assert_eq!(evicted.iter().map(|removed| removed.id.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(spool.drain(), [5, 6]);
}

#[test]
fn a_record_cut_off_anywhere_is_never_given() {
    let folder = Folder::new();
    let whole = record(1, 10, "the body of a request");
    let len = whole.len();
    for cut in 0..len {
        let path = folder.leave(0, cut + 1, &whole);
        File::options().write(true).open(path).unwrap().set_len(cut).unwrap();
    }
    folder.leave(0, len + 1, &record(2, 3, ""));
    let mut spool = folder.open();
    let found = 10 * len + 3;
    assert_eq!((spool.recovered(), spool.spans()), (found, found));
    assert_eq!(spool.drain(), [2]);
    assert_eq!(spool.damaged(), Damaged { records: len, spans: 10 * len });
    assert!(folder.names(0).is_empty());
}

#[test]
fn what_is_no_record_of_its_name_is_never_given() {
    #[track_caller]
    fn check(change: impl FnOnce(&Path)) {
        let folder = Folder::new();
        let path = folder.leave(0, 7, &record(1, 10, "body"));
        let mut spool = folder.open_for(1);
        change(&path);
        assert_eq!(spool.oldest().unwrap(), None);
        assert_eq!(spool.damaged(), Damaged { records: 1, spans: 10 });
        assert_eq!((spool.spans(), spool.bytes(), spool.records()), (0, 0, 0));
        assert!(folder.names(0).is_empty());
    }
    check(|path| fs::write(path, encode(&record(1, 11, "body"))).unwrap());
    check(|path| fs::write(path, encode(&record(1, 10, "body")).repeat(2)).unwrap());
    check(|path| fs::write(path, "no record").unwrap());
    check(|path| fs::remove_file(path).unwrap());
}

#[test]
fn a_file_larger_than_the_spool_is_not_read() {
    let folder = Folder::new();
    let path = folder.leave(0, 7, &record(1, 10, "body"));
    // Takes no room, and could not be read into memory.
    File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    let mut spool = folder.open();
    assert_eq!(spool.drain(), [0_u64; 0]);
    assert_eq!(spool.damaged(), Damaged { records: 1, spans: 10 });
}

#[test]
fn damage_is_logged_once() {
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<usize>>);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Warnings {
        fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            if *event.metadata().level() == tracing::Level::WARN {
                *self.0.lock().unwrap() += 1;
            }
        }
    }
    let folder = Folder::new();
    for number in 1..=3 {
        fs::write(folder.leave(0, number, &record(1, 10, "")), "damaged").unwrap();
    }
    let warnings = Warnings::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(warnings.clone()), || {
        folder.open().drain();
    });
    assert_eq!(*warnings.0.lock().unwrap(), 1);
}

#[test]
fn what_a_crash_left_half_written_goes_and_what_is_not_ours_stays() {
    let folder = Folder::new();
    let path = folder.leave(0, 7, &record(1, 10, "body"));
    // Renamed, and the old name still there; and one that was never renamed.
    fs::copy(&path, path.with_extension("tmp")).unwrap();
    fs::write(folder.slot(0).join("00000000000000000008-3.tmp"), "otelb").unwrap();
    fs::write(folder.slot(0).join("notes.tmp"), "somebody's").unwrap();
    fs::write(folder.slot(0).join("7-10.record"), "somebody's").unwrap();
    fs::create_dir(folder.slot(0).join("00000000000000000009-3.record")).unwrap();
    let mut spool = folder.open();
    assert_eq!((spool.records(), spool.spans()), (1, 10));
    assert_eq!(spool.drain(), [1]);
    assert_eq!(folder.names(0), ["00000000000000000009-3.record", "7-10.record", "notes.tmp"]);
}

#[test]
fn two_at_once_have_a_slot_each() {
    let folder = Folder::new();
    let (mut one, mut two) = (folder.open(), folder.open());
    assert_eq!((one.folder(), two.folder()), (&*folder.slot(0), &*folder.slot(1)));
    one.store_well(&record(1, 10, ""));
    two.store_well(&record(2, 20, ""));
    let mut three = folder.open();
    assert_eq!((one.adopt(), two.adopt(), three.adopt()), (0, 0, 0), "nobody takes from those who live");
    assert_eq!(three.records(), 0);
    assert_eq!((one.drain(), two.drain()), (vec![1], vec![2]));
}

#[test]
fn what_ended_processes_left_is_adopted_in_the_order_of_age() {
    let folder = Folder::new();
    let held = folder.open();
    folder.leave(0, 4, &record(4, 1, "of one that lives"));
    // The run is the place in which it is to be given.
    for (slot, number, run) in [(1, 20, 2), (1, 50, 4), (2, 10, 1), (2, 51, 6), (10, 30, 3), (10, 50, 5)] {
        folder.leave(slot, number, &record(run, 1, ""));
    }
    let mut spool = folder.open();
    assert_eq!(spool.folder(), folder.slot(1));
    assert_eq!((spool.recovered(), spool.spans()), (6, 6));
    spool.store_well(&record(7, 1, ""));
    assert_eq!(spool.drain(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!((folder.names(2).len(), folder.names(10).len()), (0, 0));
    drop(held);
    assert_eq!(spool.adopt(), 1, "it may look again");
    assert_eq!(spool.drain(), [4]);
}

#[test]
fn only_what_has_room_is_adopted() {
    let folder = Folder::new();
    folder.leave(0, 9, &record(9, 1, ""));
    (1..=4).for_each(|number| drop(folder.leave(1, number, &record(number, 1, ""))));
    let mut spool = folder.open_for(3);
    assert_eq!((spool.records(), spool.recovered()), (3, 3));
    assert_eq!(folder.names(1).len(), 2, "the others are left for those who have room");
    assert_eq!(spool.drain(), [1, 2, 9]);
    assert_eq!((spool.adopt(), spool.recovered()), (2, 5));
    assert_eq!(spool.drain(), [3, 4]);
}

#[test]
fn another_kind_is_left_alone() {
    let folder = Folder::new();
    folder.open().store_well(&record(1, 10, ""));
    let mut other = Spool::open(&folder.options(), "otlp-json").unwrap();
    assert_eq!((other.records(), other.drain()), (0, vec![]));
    assert_eq!(folder.open().drain(), [1]);
}

#[test]
fn a_folder_that_does_not_serve_is_named_with_the_remedy() {
    let folder = Folder::new();
    let file = folder.0.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("below")] {
        let error = Spool::open(&SpoolOptions::new(&place), KIND).unwrap_err().to_string();
        assert!(error.contains(&*file.to_string_lossy()), "{error}");
        assert!(error.ends_with("or remove the file in its place"), "{error}");
    }
}

#[test]
fn a_folder_lost_in_mid_flight_is_an_error_and_no_more() {
    let folder = Folder::new();
    let mut spool = folder.open();
    spool.store_well(&record(1, 10, ""));
    fs::remove_dir_all(folder.0.path()).unwrap();
    let Pushed { stored, evicted } = spool.push(&record(2, 10, ""));
    let error = stored.unwrap_err().to_string();
    assert!(error.contains(&*folder.slot(0).to_string_lossy()) && error.contains("restart"), "{error}");
    assert_eq!(evicted, []);
    assert_eq!((spool.records(), spool.spans()), (1, 10), "what could not be stored is not counted");
    assert_eq!(spool.drain(), [0_u64; 0]);
    assert_eq!(spool.damaged(), Damaged { records: 1, spans: 10 });
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let folder = Folder::new();
    // The number that comes next is known, and its place taken.
    let far = 5_000_000_000_000_000;
    folder.leave(0, far, &record(1, 1, ""));
    let mut spool = folder.open();
    let next = RecordId { number: far + 1, spans: 10 };
    obstruct(&spool.path(next));
    let error = spool.push(&record(2, 10, "")).stored.unwrap_err().to_string();
    assert!(error.contains("could not write"), "{error}");
    unobstruct(&spool.path(next));
    assert_eq!(folder.names(0).len(), 1);
    assert_eq!(spool.store_well(&record(3, 10, "")).number, far + 2, "a number is given once");
    assert_eq!(spool.drain(), [1, 3]);
}

#[test]
fn what_cannot_be_read_is_passed_over_and_kept() {
    let folder = Folder::new();
    let mut spool = folder.open();
    let first = spool.store_well(&record(1, 10, ""));
    let second = spool.store_well(&record(2, 20, ""));
    obstruct(&spool.path(first));
    assert_eq!(spool.oldest().unwrap().map(|(id, _)| id), Some(second));
    spool.remove(second);
    let error = spool.oldest().unwrap_err().to_string();
    assert!(error.contains("could not read") && error.contains(&first.to_string()), "{error}");
    assert_eq!((spool.spans(), spool.records(), spool.damaged()), (10, 1, Damaged::default()));
    unobstruct(&spool.path(first));
    fs::write(spool.path(first), encode(&record(1, 10, ""))).unwrap();
    assert_eq!(spool.drain(), [1]);
}

#[test]
fn what_cannot_be_removed_is_not_given_again_and_takes_room_until_it_can() {
    let folder = Folder::new();
    let mut spool = folder.open_for(2);
    let stuck = spool.store_well(&record(1, 10, ""));
    let path = spool.path(stuck);
    obstruct(&path);
    spool.remove(stuck);
    assert_eq!(spool.oldest().unwrap(), None);
    assert_eq!((spool.spans(), spool.records(), spool.bytes()), (0, 0, BLOCK));

    spool.store_well(&record(2, 20, ""));
    let Pushed { stored, evicted } = spool.push(&record(3, 30, ""));
    stored.unwrap();
    assert_eq!(evicted.len(), 1, "the bound holds with it");
    // No room can be made for one as large as the spool, and what was removed for it is told.
    let Pushed { stored, evicted } = spool.push(&record(4, 40, vec![0; BLOCK as usize]));
    let error = stored.unwrap_err().to_string();
    assert!(error.contains("could not remove"), "{error}");
    assert_eq!(evicted.len(), 1);

    unobstruct(&path);
    spool.store_well(&record(5, 50, vec![0; BLOCK as usize]));
    assert_eq!(spool.drain(), [5]);
}

#[derive(Clone, Debug)]
enum Step {
    Push { body: usize },
    RemoveOldest,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3 * BLOCK as usize).prop_map(|body| Step::Push { body }),
        2 => Just(Step::RemoveOldest),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Against a plain list: nothing is lost but what gives way, the order is kept, and the counts are right.
    #[test]
    fn it_is_a_bounded_queue(steps in vec(step(), 1..24)) {
        const ROOM: u64 = 6;
        let folder = Folder::new();
        let mut spool = folder.open_for(ROOM);
        let mut expected = VecDeque::new();
        for (run, step) in (1..).zip(steps) {
            match step {
                Step::Push { body } => {
                    let record = record(run, run, vec![run as u8; body]);
                    let Pushed { stored, evicted } = spool.push(&record);
                    stored.unwrap();
                    for removed in evicted {
                        let oldest: Record = expected.pop_front().unwrap();
                        prop_assert_eq!((removed.run, removed.parts), (Some(oldest.run), oldest.parts));
                    }
                    expected.push_back(record);
                }
                Step::RemoveOldest => {
                    let oldest = spool.oldest().unwrap();
                    prop_assert_eq!(oldest.as_ref().map(|(_, record)| record), expected.front());
                    if let Some((id, _)) = oldest {
                        spool.remove(id);
                        expected.pop_front();
                    }
                }
                Step::Restart => {
                    drop(spool);
                    spool = folder.open_for(ROOM);
                    prop_assert_eq!(spool.recovered(), spool.spans());
                }
            }
            prop_assert_eq!(spool.records(), expected.len());
            prop_assert_eq!(spool.spans(), expected.iter().map(|record| record.run).sum::<u64>());
            prop_assert_eq!(spool.bytes(), expected.iter().map(|record| size_on_disk(record.len())).sum::<u64>());
            prop_assert!(spool.bytes() <= ROOM * BLOCK);
            prop_assert_eq!(folder.names(0).len(), expected.len());
        }
    }
}

/// Runs itself once more as a process that stores without end, and kills that.
#[test]
fn what_a_killed_process_has_stored_is_there() {
    const CHILD: &str = "OTELBAR_TEST_SPOOL_FOLDER";
    if let Some(folder) = std::env::var_os(CHILD) {
        let endless = SpoolOptions::new(folder).with_max_bytes(u64::MAX);
        let mut spool = Spool::open(&endless, KIND).unwrap();
        // Ends the line on which the test's name may stand.
        println!();
        for run in 1.. {
            spool.store_well(&record(run, 1, vec![run as u8; 10_000]));
            // The parent is gone when this fails.
            writeln!(std::io::stdout(), "stored {run}").unwrap();
        }
    }
    let folder = Folder::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "spool::tests::what_a_killed_process_has_stored_is_there"])
        .env(CHILD, folder.0.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let stored = |line: String| line.strip_prefix("stored ").and_then(|run| run.parse::<u64>().ok());
    assert_eq!(lines.by_ref().filter_map(stored).nth(9), Some(10));

    let mut spool = folder.open();
    assert_eq!((spool.folder(), spool.records()), (&*folder.slot(1), 0), "its slot is locked while it lives");
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.filter_map(stored).last().unwrap_or(10);

    let adopted = spool.adopt();
    // One more may have been stored and not told.
    assert!(adopted == last || adopted == last + 1, "{adopted} of {last}");
    assert_eq!(spool.drain(), (1..=adopted).collect::<Vec<_>>());
    assert_eq!(spool.damaged(), Damaged::default());
    assert!(folder.names(0).is_empty(), "nor is anything left half written");
}

#[test]
fn it_can_be_used_on_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Spool>();
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let below = folder.0.path().join("a/b");
    let mut spool = Spool::open(&SpoolOptions::new(&below), KIND).unwrap();
    let id = spool.store_well(&record(1, 10, ""));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in [&folder.0.path().join("a"), &below, spool.folder().parent().unwrap(), spool.folder()] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    for path in [spool.path(id), spool.folder().join("lock")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// What other users could have put into the folder, or could put there.
#[cfg(unix)]
mod unsafe_folders {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Opens a spool in a folder that was made by `prepare`, which is given the way to the folder and gives the path
    /// that is wrong with it.
    #[track_caller]
    fn check(prepare: impl FnOnce(&Folder) -> PathBuf, expected: &str) {
        let folder = Folder::new();
        let path = prepare(&folder);
        let error = Spool::open(&folder.options(), KIND).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{} in the spool {expected}; ", path.display())), "{error}");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        for mode in [0o777, 0o1777, 0o770, 0o702, 0o720] {
            check(
                |folder| {
                    set_mode(folder.0.path(), mode);
                    folder.0.path().to_owned()
                },
                "can be written to by other users",
            );
            check(
                |folder| {
                    folder.make_slot(0);
                    set_mode(&folder.slot(0), mode);
                    folder.slot(0)
                },
                "can be written to by other users",
            );
        }
        let folder = Folder::new();
        set_mode(folder.0.path(), 0o755);
        Spool::open(&folder.options(), KIND).expect("who may read it can read no file in it");
    }

    #[test]
    fn no_link_is_followed() {
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        check(
            |folder| {
                folder.make_slot(0);
                symlink(&target, folder.slot(0).join("lock")).unwrap();
                folder.slot(0).join("lock")
            },
            "is a symbolic link",
        );
        assert!(!target.exists(), "nothing was made where the link leads");
        check(
            |folder| {
                let parent = folder.slot(0).parent().unwrap().to_owned();
                symlink(elsewhere.path(), &parent).unwrap();
                parent
            },
            "is a symbolic link",
        );
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);

        let link = elsewhere.path().join("link");
        symlink(elsewhere.path(), &link).unwrap();
        let error = Spool::open(&SpoolOptions::new(&link), KIND).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link; set OTELBAR_SPOOL_DIR to"), "{error}");
    }

    #[test]
    fn a_pipe_in_the_place_of_the_lock_is_not_waited_for() {
        check(
            |folder| {
                folder.make_slot(0);
                let lock = folder.slot(0).join("lock");
                let made = Command::new("mkfifo").arg(&lock).status().unwrap();
                assert!(made.success());
                lock
            },
            "is not a regular file",
        );
    }

    #[test]
    fn a_record_that_others_could_have_written_is_neither_counted_nor_sent() {
        let folder = Folder::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let forged = folder.leave(0, 5, &record(1, 10, "forged"));
        set_mode(&forged, 0o666);
        let linked = elsewhere.path().join("record");
        fs::write(&linked, encode(&record(2, 10, "linked"))).unwrap();
        symlink(&linked, folder.slot(0).join(format!("{}.record", RecordId { number: 6, spans: 10 })))
            .unwrap();
        folder.leave(0, 7, &record(3, 1, "ours"));
        let mut spool = folder.open();
        assert_eq!((spool.spans(), spool.records(), spool.recovered()), (1, 1, 1));
        assert_eq!(spool.drain(), [3]);
        assert!(forged.exists() && linked.exists(), "what is not ours is left alone");
    }

    #[test]
    fn a_record_that_is_exchanged_for_a_link_is_not_read() {
        let folder = Folder::new();
        let mut spool = folder.open();
        let id = spool.store_well(&record(1, 10, "ours"));
        let elsewhere = folder.0.path().join("elsewhere");
        fs::rename(spool.path(id), &elsewhere).unwrap();
        symlink(&elsewhere, spool.path(id)).unwrap();
        let error = spool.oldest().unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
    }

    /// Only the administrator can give files away; the rule itself is tested by numbers, beside it.
    #[test]
    fn what_belongs_to_another_user_is_not_used() {
        let folder = Folder::new();
        folder.make_slot(0);
        let is_root = fs::metadata(folder.0.path()).unwrap().uid() == 0;
        if !is_root {
            return;
        }
        let forged = folder.leave(0, 5, &record(1, 10, "forged"));
        chown(&forged, Some(65534), None).unwrap();
        assert_eq!(folder.open().recovered(), 0);
        for path in [folder.slot(0).join("lock"), folder.slot(0), folder.0.path().to_owned()] {
            chown(&path, Some(65534), None).unwrap();
            let error = Spool::open(&folder.options(), KIND).unwrap_err().to_string();
            let expected =
                format!("{} in the spool belongs to another user; set OTELBAR_SPOOL_DIR", path.display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
