//! From files to a commit, and what is stored.

use super::*;

#[test]
fn a_commit_stores_everything_in_its_form() {
    let place = place();
    place.write("größe.txt", "A\n");
    place.write("b/c.txt", "B\n");
    place.write("empty", "");
    let id = place.commit("first 😀\n\nbody");
    let record = place.copy.commit(&id).unwrap().unwrap();
    assert_eq!(place.read(".muse/refs/heads/main"), id.to_string());
    let text = place.read(&format!(".muse/commits/{id}.json"));
    assert!(
        text.starts_with(&format!("{{\n  \"commit_id\": \"{id}\",\n  \"repo_id\": \"")),
        "{text}"
    );
    assert!(text.contains("\"message\": \"first \\ud83d\\ude00\\n\\nbody\",\n"), "{text}");
    assert!(text.ends_with("\"reviewed_by\": [],\n  \"test_runs\": 0\n}\n"), "{text}");
    let object = "06/f961b802bc46ee168555f066d28f4f0e9afdf3f88174c1ee6f9de004fc30a0";
    assert_eq!(place.read(&format!(".muse/objects/{object}")), "A\n");
    let snapshot = place.read(&format!(".muse/snapshots/{}.json", record.snapshot_id));
    assert!(snapshot.contains("  \"manifest\": {\n    \"b/c.txt\": \"c0cde77"), "{snapshot}");
    assert!(snapshot.contains("\"gr\\u00f6\\u00dfe.txt\""), "{snapshot}");
    let zeros = "0".repeat(64);
    let line =
        format!("{zeros} {id} Tenor <tenor@example.test> 1795294380 +0000\tcommit: first 😀\n");
    assert_eq!(place.read(".muse/logs/HEAD"), line);
    assert_eq!(place.read(".muse/logs/refs/heads/main"), line);
    assert!(fs::read_dir(place.directory.path().join(".muse/motet/tmp")).unwrap().next().is_none());
}

#[test]
fn commits_follow_one_another_and_a_merge_names_both() {
    let place = place();
    place.write("a", "1");
    let first = place.commit("one");
    let again = place.copy.record_commit(&new_commit("two"));
    assert!(matches!(again, Err(WorktreeError::NothingToCommit)));
    place.write("a", "2");
    let second = place.commit("two");
    assert_eq!(place.copy.commit(&second).unwrap().unwrap().parent_commit_id, Some(first));
    place.copy.set_head(&Head::Detached(second)).unwrap();
    let parents = Some(Parents::new(Some(second), Some(first)));
    let merge = place.copy.record_commit(&NewCommit { parents, ..new_commit("merge") }).unwrap();
    assert_eq!(place.copy.head().unwrap(), Head::Detached(merge.commit_id));
    assert_eq!(place.copy.branch_head(&branch("main")).unwrap(), Some(second));
    let log = place.copy.log(None).unwrap();
    assert_eq!(
        log.iter().map(|entry| entry.new).collect::<Vec<_>>(),
        [Some(first), Some(second), Some(merge.commit_id)]
    );
    assert_eq!((log[1].old, log[1].author.as_str()), (Some(first), "Tenor <tenor@example.test>"));
}

#[test]
fn a_scan_takes_only_what_is_versioned() {
    let place = place();
    for file in [
        "a.txt",
        ".hidden",
        "src/x.rs",
        "src/build/gen",
        "node_modules/x",
        "deep/.git/config",
        ".env",
        "k.pem",
        "x.log",
        "keep.log",
        "target/debug/x",
        "git~1",
        ".DS_Store/x",
    ] {
        place.write(file, file);
    }
    place.write(
        ".museignore",
        "[global]\npatterns = [\"*.log\", \"!keep.log\"]\n[domain.code]\npatterns = ['/target/']\n",
    );
    fs::write(place.directory.path().join(bad_name()), "x").unwrap();
    symlink("/etc/passwd", place.directory.path().join("link")).unwrap();
    symlink("/etc", place.directory.path().join("src/etc")).unwrap();
    assert_eq!(place.scanned(), [".hidden", ".museignore", "a.txt", "keep.log", "src/x.rs"]);
    let skipped = place.copy.scan().unwrap().skipped;
    let shown: Vec<_> =
        skipped.iter().map(|(path, why)| (path.to_string_lossy(), why.to_string())).collect();
    assert_eq!(
        shown.iter().map(|(path, why)| (path.as_ref(), why.as_str())).collect::<Vec<_>>(),
        [
            (
                "git~1",
                "a path cannot lead into `.git` or `.muse`, in any spelling that a file system takes for them"
            ),
            ("link", "symbolic links are not versioned"),
            ("src/etc", "symbolic links are not versioned"),
            ("\u{fffd}.txt", "the name is not UTF-8"),
        ]
    );
}

fn bad_name() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"\xff.txt".to_vec())
}

/// Moves a commit as a transfer would; the empty object does not travel (D1).

#[test]
fn a_link_inside_muse_is_not_followed() {
    let outside = TempDir::new().unwrap();
    let place = place();
    fs::remove_dir(place.directory.path().join(".muse/objects")).unwrap();
    symlink(outside.path(), place.directory.path().join(".muse/objects")).unwrap();
    assert!(place.copy.write_object(b"x").is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    fs::remove_file(place.directory.path().join(".muse/HEAD")).unwrap();
    symlink("/etc/hostname", place.directory.path().join(".muse/HEAD")).unwrap();
    assert!(matches!(place.copy.head(), Err(WorktreeError::Io { .. })));
}

#[test]
fn damaged_objects_and_records_are_noticed() {
    let place = place();
    place.write("a", "A\n");
    let id = place.commit("x");
    let object = ObjectId::of(b"A\n");
    let file = ".muse/objects/06/f961b802bc46ee168555f066d28f4f0e9afdf3f88174c1ee6f9de004fc30a0";
    fs::write(place.directory.path().join(file), "a\n").unwrap();
    let error = place.copy.object(&object).unwrap_err();
    assert!(matches!(error, WorktreeError::Fault(Fault::ObjectMismatch { .. })));
    let commit = format!(".muse/commits/{id}.json");
    place.write(&commit, &place.read(&commit).replace("\"x\"", "\"y\""));
    let error = place.copy.commit(&id).unwrap_err();
    assert!(matches!(error, WorktreeError::Fault(Fault::CommitMismatch { .. })));
    place.write(&commit, "{");
    let error = place.copy.commit(&id).unwrap_err().to_string();
    assert!(error.starts_with(&format!("`{commit}` is damaged: ")), "{error}");
}

#[test]
fn bytes_that_are_not_the_object_are_not_kept() {
    let place = place();
    let id = ObjectId::of(b"x");
    assert!(place.copy.write_object_from(id, &b"y"[..]).is_err());
    assert!(!place.copy.has_object(&id).unwrap());
    place.copy.write_object_from(id, &b"x"[..]).unwrap();
    assert_eq!(place.copy.object(&id).unwrap(), Some(b"x".to_vec()));
    assert_eq!(place.copy.object(&ObjectId::EMPTY).unwrap(), Some(vec![]));
}

#[test]
fn what_is_staged_is_committed_and_nothing_else() {
    let place = place();
    for (file, text) in [("a", "1"), ("b", "1"), ("c", "1")] {
        place.write(file, text);
    }
    place.commit("first");
    place.write("a", "2");
    place.write("b", "2");
    let object = place.copy.write_object(b"2").unwrap();
    place.write(
        ".muse/code/stage.json",
        &format!(
            "{{\"version\": 1, \"entries\": {{\"a\": {{\"object_id\": \"{object}\", \"mode\": \"M\"}}, \
             \"c\": {{\"object_id\": \"\", \"mode\": \"D\"}}}}}}"
        ),
    );
    let id = place.commit("second");
    let expected: Manifest = [(path("a"), object), (path("b"), ObjectId::of(b"1"))].into();
    assert_eq!(place.copy.manifest_of(Some(id)).unwrap(), expected);
    assert!(!place.exists(".muse/code/stage.json"));
}
