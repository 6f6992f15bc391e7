//! From a commit to files.

use super::*;

#[test]
fn a_clone_gets_its_files() {
    let (source, target) = (place(), place());
    for (file, text) in [("a", "1"), ("b/c", "2"), ("b/d/e", "3"), ("empty", "")] {
        source.write(file, text);
    }
    let id = source.commit("all");
    copy_history(&source.copy, &target.copy, id, &["1", "2", "3"]);
    target.copy.set_branch_head(&branch("main"), Some(id)).unwrap();
    target.copy.checkout(None, id, &on_main()).unwrap();
    assert_eq!(target.scanned(), ["a", "b/c", "b/d/e", "empty"]);
    assert_eq!((target.read("b/d/e"), target.read("empty")), ("3".to_owned(), String::new()));
    let manifest = target.copy.look().unwrap().manifest();
    assert_eq!(snapshot_id(&manifest), source.copy.commit(&id).unwrap().unwrap().snapshot_id);
}

fn copy_history(from: &WorkingCopy, to: &WorkingCopy, id: CommitId, objects: &[&str]) {
    let commit = from.commit(&id).unwrap().unwrap();
    to.write_snapshot(&from.snapshot(&commit.snapshot_id).unwrap().unwrap()).unwrap();
    to.write_commit(&commit).unwrap();
    for text in objects {
        to.write_object(text.as_bytes()).unwrap();
    }
}

#[test]
fn a_missing_object_stops_a_checkout_before_it_begins() {
    let (source, target) = (place(), place());
    source.write("a", "1");
    source.write("b", "2");
    let id = source.commit("all");
    copy_history(&source.copy, &target.copy, id, &["1"]);
    let error = target.copy.checkout(None, id, &on_main()).unwrap_err();
    assert!(
        matches!(error, WorktreeError::MissingObject { path: missing, .. } if missing == path("b"))
    );
    assert!(target.scanned().is_empty());
}

#[test]
fn switching_writes_what_differs_and_keeps_the_rest() {
    let place = place();
    for (file, text) in [
        ("same", "s"),
        ("edited", "e"),
        ("changed", "1"),
        ("gone/x/y", "g"),
        ("f", "file"),
        ("d/in", "dir"),
    ] {
        place.write(file, text);
    }
    let first = place.commit("first");
    for file in ["gone/x/y", "f", "d/in"] {
        place.remove(file);
    }
    fs::remove_dir(place.directory.path().join("d")).unwrap();
    for (file, text) in [("changed", "2"), ("f/now/a/directory", "x"), ("d", "now a file")] {
        place.write(file, text);
    }
    let second = place.commit("second");
    for (from, to) in [(second, first), (first, second)] {
        place.write("edited", "by the user");
        place.copy.checkout(Some(from), to, &on_main()).unwrap();
        let mut manifest = place.copy.look().unwrap().manifest();
        manifest.insert(path("edited"), ObjectId::of(b"e"));
        assert_eq!(manifest, place.copy.manifest_of(Some(to)).unwrap());
        assert_eq!(place.read("edited"), "by the user");
    }
    assert!(!place.exists("gone"));
}

#[test]
fn what_the_user_wrote_is_never_overwritten() {
    let place = place();
    place.write("a", "1");
    place.write("gone", "1");
    let first = place.commit("first");
    place.write("a", "2");
    place.write("new/file", "2");
    place.remove("gone");
    let second = place.commit("second");
    place.copy.checkout(Some(second), first, &on_main()).unwrap();
    let refused = |place: &Place, from, to, expected: &[&str]| {
        let WorktreeError::InTheWay(paths) =
            place.copy.checkout(Some(from), to, &on_main()).unwrap_err()
        else {
            panic!("another error");
        };
        assert_eq!(paths.iter().map(RepoPath::as_str).collect::<Vec<_>>(), expected);
    };
    place.write("a", "mine");
    place.write("new/file", "mine");
    place.write("gone", "mine");
    refused(&place, first, second, &["a", "new/file", "gone"]);
    assert_eq!((place.read("a"), place.read("gone")), ("mine".to_owned(), "mine".to_owned()));
    // What already is as it will be is in nobody's way.
    place.write("a", "2");
    place.write("new/file", "2");
    place.remove("gone");
    place.copy.checkout(Some(first), second, &on_main()).unwrap();
}

#[test]
fn a_planted_link_leads_nowhere() {
    let outside = TempDir::new().unwrap();
    let source = place();
    source.write("dir/file", "planted");
    source.write("top", "planted");
    let id = source.commit("x");
    let target = place();
    copy_history(&source.copy, &target.copy, id, &["planted"]);
    fs::write(outside.path().join("victim"), "safe").unwrap();
    symlink(outside.path(), target.directory.path().join("dir")).unwrap();
    symlink(outside.path().join("victim"), target.directory.path().join("top")).unwrap();
    let error = target.copy.checkout(None, id, &on_main()).unwrap_err();
    assert!(matches!(&error, WorktreeError::InTheWay(paths) if paths.len() == 2), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "safe");
}
