//! The files of a working copy, one of them made up: the first byte says which. Whatever it holds, commands end with an
//! answer or an error, and nothing appears outside.

#![no_main]

use std::{cell::OnceCell, fs, path::PathBuf};

use history::{
    CommitTime,
    worktree::{NewCommit, WorkingCopy},
};
use libfuzzer_sys::fuzz_target;
use names::{Random, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_795_294_380_123);

/// A working copy with one commit, made once.
struct Place {
    root: PathBuf,
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
}

fn make() -> Place {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let root = parent.join(format!("motet-fuzz-{}", std::process::id())).join("work");
    fs::create_dir_all(&root).expect("a directory");
    let copy = WorkingCopy::init(&root, "code", NOW, &Random::seeded(1)).expect("a working copy");
    fs::write(root.join("song"), "1\n").expect("a file");
    let new = NewCommit::new("one", "Tenor", CommitTime::from_millis(NOW));
    let commit = copy.record_commit(&new).expect("a commit");
    copy.look().expect("an index");
    let paths = [
        "repo.json".to_owned(),
        "HEAD".to_owned(),
        "refs/heads/main".to_owned(),
        "config.toml".to_owned(),
        "motet/index".to_owned(),
        "MERGE_STATE.json".to_owned(),
        "motet/merge.json".to_owned(),
        "code/stage.json".to_owned(),
        "logs/HEAD".to_owned(),
        format!("commits/{}.json", commit.commit_id),
        format!("snapshots/{}.json", commit.snapshot_id),
    ];
    let below = paths.iter().map(|path| root.join(".muse").join(path));
    let files = below.chain([root.join(".museignore"), root.join(".museattributes")]);
    let files = files.map(|path| (path.clone(), fs::read(path).ok())).collect();
    Place { root, files }
}

fn look(root: &std::path::Path) -> Option<()> {
    let copy = WorkingCopy::discover(root, &Random::seeded(2)).ok()?;
    let _head = (copy.head(), copy.head_commit());
    let _status = copy.status();
    let _config = copy.config().map(|config| (config.remotes(), config.user()));
    let _ignore = copy.ignore();
    if let Ok(Some(state)) = copy.merge_state() {
        let _unresolved = copy.unresolved(&state);
    }
    let _branches = (copy.branches(), copy.tags(), copy.labels(), copy.log(None));
    let head = copy.resolve("HEAD").ok()?;
    let _plan = copy.plan_merge(head, head, true);
    let _prepared = copy.prepare_commit(&NewCommit::new("two", "Tenor", CommitTime::from_millis(NOW)));
    Some(())
}

thread_local! {
    static PLACE: OnceCell<Place> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    PLACE.with(|place| {
        let place = place.get_or_init(make);
        let Some((which, content)) = bytes.split_first() else { return };
        let (path, before) = &place.files[usize::from(*which) % place.files.len()];
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
        let _looked = look(&place.root);
        match before {
            Some(bytes) => fs::write(path, bytes).expect("a file"),
            None => fs::remove_file(path).unwrap_or_default(),
        }
        let outside = fs::read_dir(place.root.parent().expect("a directory")).expect("a directory");
        assert_eq!(outside.count(), 1, "nothing is beside the working copy");
    });
});
