//! How the files stand, commits of some of them, and what the user calls a commit.

use std::os::unix::fs::MetadataExt as _;

use super::*;

fn shown(place: &Place) -> Vec<String> {
    let line = |change: &PathChange| match &change.from {
        Some(from) => format!("{} {from} {}", change.kind.word(), change.path),
        None => format!("{} {}", change.kind.word(), change.path),
    };
    place.copy.status().unwrap().changes.iter().map(line).collect()
}

#[test]
fn every_kind_of_change_is_shown() {
    let place = place();
    for file in ["same", "modified", "deleted", "moved"] {
        place.write(file, file);
    }
    assert_eq!(shown(&place).len(), 4);
    place.commit("first");
    assert!(shown(&place).is_empty());
    place.write("modified", "MODIFIED");
    place.remove("deleted");
    place.remove("moved");
    place.write("new/moved", "moved");
    place.write("added", "x");
    place.write("Added", "y");
    assert_eq!(
        shown(&place),
        [
            "added Added",
            "added added",
            "deleted deleted",
            "modified modified",
            "renamed moved new/moved"
        ]
    );
    let status = place.copy.status().unwrap();
    assert_eq!(status.clashes, [[path("Added"), path("added")]]);
}

#[test]
fn ahead_and_behind_are_counted() {
    let place = place();
    place.write("a", "1");
    let first = place.commit("first");
    place.write("a", "2");
    let theirs = place.commit("theirs");
    place.copy.set_branch_head(&branch("main"), Some(first)).unwrap();
    place.write("a", "3");
    place.commit("ours");
    place.write("a", "4");
    place.commit("ours too");
    let mut config = place.copy.config().unwrap();
    let name: RemoteName = "origin".parse().unwrap();
    let url = "https://one.test/a/b".to_owned();
    config.set_remote(&Remote { name: name.clone(), url, branch: Some(branch("main")) });
    place.copy.write_config(&config).unwrap();
    assert!(place.copy.status().unwrap().tracking.is_empty());
    place.copy.set_remote_head(&name, &branch("main"), theirs).unwrap();
    let tracking = &place.copy.status().unwrap().tracking[0];
    assert_eq!((tracking.ahead, tracking.behind), (2, 1));
}

/// Moves the times of a file into the past, so that its second is over.
fn age(place: &Place, file: &str) {
    let file = fs::File::options().append(true).open(place.directory.path().join(file)).unwrap();
    let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_times(fs::FileTimes::new().set_modified(past)).unwrap();
}

#[test]
fn a_change_that_keeps_length_and_time_is_seen() {
    let place = place();
    place.write("a", "one");
    age(&place, "a");
    place.commit("first");
    place.copy.look().unwrap();
    place.write("a", "two");
    age(&place, "a");
    // The time of the last change cannot be set back, and the second of the index is not over.
    assert_eq!(shown(&place), ["modified a"]);
    // In the place of the file, one with the same length and times.
    let before = fs::metadata(place.directory.path().join("a")).unwrap();
    place.write("b", "six");
    age(&place, "b");
    fs::rename(place.directory.path().join("b"), place.directory.path().join("a")).unwrap();
    let after = fs::metadata(place.directory.path().join("a")).unwrap();
    assert_eq!((before.len(), before.mtime()), (after.len(), after.mtime()));
    assert_eq!(place.copy.look().unwrap().manifest()[&path("a")], ObjectId::of(b"six"));
}

#[test]
fn a_damaged_or_foreign_index_is_rebuilt() {
    let (place, other) = (place(), place());
    place.write("a", "one");
    other.write("a", "two");
    let expected = place.copy.look().unwrap().manifest();
    other.copy.look().unwrap();
    let index = place.directory.path().join(".muse/motet/index");
    let whole = fs::read(&index).unwrap();
    let foreign = fs::read(other.directory.path().join(".muse/motet/index")).unwrap();
    for bad in [&whole[..whole.len() / 2], b"", b"junk", &foreign] {
        fs::write(&index, bad).unwrap();
        assert_eq!(place.copy.look().unwrap().manifest(), expected);
        assert_ne!(fs::read(&index).unwrap(), bad, "it is written again");
    }
    fs::remove_file(&index).unwrap();
    symlink("/etc/hostname", &index).unwrap();
    assert_eq!(place.copy.look().unwrap().manifest(), expected);
    assert!(fs::symlink_metadata(&index).unwrap().is_file(), "the link was replaced, not followed");
}

#[test]
fn many_files_are_read_by_many_hands() {
    let place = place();
    for number in 0..300 {
        place.write(&format!("d{}/f{number}", number % 7), &number.to_string());
    }
    place.write("long", &"x".repeat(3 << 20));
    let id = place.commit("all");
    let files = place.copy.manifest_of(Some(id)).unwrap();
    assert_eq!(files.len(), 301);
    for (path, object) in &files {
        let bytes = fs::read(place.directory.path().join(path.as_str())).unwrap();
        assert_eq!(*object, ObjectId::of(&bytes));
        assert_eq!(place.copy.object(object).unwrap(), Some(bytes));
    }
}

#[test]
fn a_commit_of_paths_leaves_the_rest_for_later() {
    let place = place();
    for file in ["a", "d/b", "d/c"] {
        place.write(file, "1");
    }
    place.commit("first");
    place.write("a", "2");
    place.write("d/b", "2");
    place.remove("d/c");
    place.write("d/new", "2");
    let only = |names: &[&str]| {
        let files = CommitFiles::Paths(Paths::parse("", names.iter().copied()).unwrap());
        place.copy.record_commit(&NewCommit { files, ..new_commit("some") })
    };
    let error = only(&["nowhere"]).unwrap_err();
    assert!(matches!(error, WorktreeError::NothingMatched(place) if place == "nowhere"));
    let record = only(&["d"]).unwrap();
    let files = place.copy.manifest_of(Some(record.commit_id)).unwrap();
    let shown_files: Vec<_> = files.keys().map(RepoPath::as_str).collect();
    assert_eq!(shown_files, ["a", "d/b", "d/new"]);
    assert_eq!(shown(&place), ["modified a"]);
    let object = files[&path("d/new")];
    assert!(place.copy.has_object(&object).unwrap());
    // What a look learnt before is stored all the same when it is committed.
    place.copy.look().unwrap();
    let last = place.commit("rest");
    let object = place.copy.manifest_of(Some(last)).unwrap()[&path("a")];
    assert_eq!(place.copy.object(&object).unwrap(), Some(b"2".to_vec()));
}

#[test]
fn a_commit_has_many_names() {
    let place = place();
    place.write("a", "1");
    let first = place.commit("first");
    place.write("a", "2");
    let second = place.commit("second");
    place.copy.set_head(&Head::Detached(second)).unwrap();
    let parents = Some(Parents::new(Some(second), Some(first)));
    let merge = place.copy.record_commit(&NewCommit { parents, ..new_commit("merge") }).unwrap();
    place.copy.set_tag(&branch("v1"), first).unwrap();
    place.copy.set_remote_head(&"origin".parse().unwrap(), &branch("x/y"), first).unwrap();
    let id = first.to_string();
    for (text, expected) in [
        ("HEAD", merge.commit_id),
        ("@~2", first),
        ("HEAD^2", first),
        ("HEAD^", second),
        ("HEAD^0", merge.commit_id),
        ("main", second),
        ("main~1", first),
        ("v1", first),
        ("origin/x/y", first),
        (&id, first),
        (&id[..10], first),
    ] {
        assert_eq!(place.copy.resolve(text).unwrap(), expected, "{text}");
    }
    for text in
        ["", "nobody", "main~9", "v1^2", "HEAD^3", "HEAD~x", &id[..3], "../main", "ffffffff"]
    {
        assert!(
            matches!(place.copy.resolve(text), Err(WorktreeError::UnknownRevision(_))),
            "{text}"
        );
    }
}

#[test]
fn labels_have_the_form_of_the_muse_client() {
    let place = place();
    place.write("a", "1");
    let id = place.commit("first");
    let label = place.copy.add_label(id, "section:verse", NOW).unwrap();
    let file = format!(".muse/tags/{}/{}.json", place.copy.repo_id(), label.id);
    assert_eq!(
        place.read(&file),
        format!(
            "{{\n  \"tag_id\": \"{}\",\n  \"repo_id\": \"{}\",\n  \"commit_id\": \"{id}\",\n  \"tag\": \
             \"section:verse\",\n  \"created_at\": \"2026-11-21T20:53:00.123000+00:00\"\n}}\n",
            label.id,
            place.copy.repo_id()
        )
    );
    assert_eq!(place.copy.labels().unwrap(), [label]);
    assert_eq!(place.copy.remove_label(id, "section:verse").unwrap(), 1);
    assert!(place.copy.labels().unwrap().is_empty() && !place.exists(&file));
    assert!(matches!(place.copy.add_label(id, "", NOW), Err(WorktreeError::Label { .. })));
}

#[test]
fn what_is_in_the_way_is_moved_and_never_lost() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("file"), "outside").unwrap();
    let place = place();
    place.write("keep", "k");
    let first = place.commit("first");
    for file in ["a", "d/e", "f", "l/x"] {
        place.write(file, "theirs");
    }
    let second = place.commit("second");
    place.copy.checkout(Some(second), first, &on_main()).unwrap();
    place.write("a", "mine");
    place.write("d", "a file of mine");
    place.write("f/deep/er", "a directory of mine");
    symlink(outside.path(), place.directory.path().join("l")).unwrap();
    let [old, new] = [first, second].map(|id| place.copy.manifest_of(Some(id)).unwrap());
    let refused = place.copy.replace_files(&old, &new, Overwrite::Never).unwrap_err();
    assert!(matches!(refused, WorktreeError::InTheWay(paths) if paths.len() == 4));
    let rescued = place.copy.replace_files(&old, &new, Overwrite::Rescue("now")).unwrap();
    assert_eq!(rescued, ["a", "d/e", "f", "l/x"].map(path));
    for file in ["a", "d/e", "f", "l/x"] {
        assert_eq!(place.read(file), "theirs", "{file}");
    }
    for (file, text) in
        [("a", "mine"), ("d", "a file of mine"), ("f/deep/er", "a directory of mine")]
    {
        assert_eq!(place.read(&format!(".muse/motet/rescued/now/{file}")), text);
    }
    assert!(place.exists(".muse/motet/rescued/now/l"));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "the link was not followed");
}
