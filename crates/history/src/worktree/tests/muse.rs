//! The files of `.muse` and their forms.

use super::*;

#[test]
fn a_new_working_copy_has_the_forms_of_the_muse_client() {
    let place = place();
    let id = place.copy.repo_id().to_owned();
    assert_eq!(
        place.read(".muse/repo.json"),
        format!(
            "{{\n  \"repo_id\": \"{id}\",\n  \"schema_version\": \"0.1.5\",\n  \"created_at\": \
             \"2026-11-21T20:53:00.123000+00:00\",\n  \"domain\": \"code\"\n}}\n"
        )
    );
    assert_eq!(place.read(".muse/HEAD"), "ref: refs/heads/main\n");
    assert_eq!(place.read(".muse/refs/heads/main"), "");
    assert_eq!(place.copy.head().unwrap(), on_main());
    assert_eq!(place.copy.head_commit().unwrap(), None);
    let again = WorkingCopy::init(place.directory.path(), "code", NOW, &Random::seeded(2));
    assert!(matches!(again, Err(WorktreeError::Exists { .. })));
}

#[test]
fn it_is_found_from_below_and_only_there() {
    let place = place();
    fs::create_dir_all(place.directory.path().join("a/b")).unwrap();
    let found =
        WorkingCopy::discover(&place.directory.path().join("a/b"), &Random::seeded(2)).unwrap();
    assert_eq!((found.repo_id(), found.domain()), (place.copy.repo_id(), "code"));
    assert_eq!(found.path(), place.copy.path());
    let elsewhere = TempDir::new().unwrap();
    let error = WorkingCopy::discover(elsewhere.path(), &Random::seeded(2)).unwrap_err();
    assert!(error.to_string().contains("`motet init`"), "{error}");
}

#[test]
fn refs_come_and_go() {
    let place = place();
    let (copy, id) = (&place.copy, CommitId::of(b"x"));
    copy.set_branch_head(&branch("side/descant/x"), Some(id)).unwrap();
    assert_eq!(copy.branch_head(&branch("side/descant/x")).unwrap(), Some(id));
    assert_eq!(copy.branch_head(&branch("main/x")).unwrap(), None);
    for clash in ["side", "side/descant", "main/x"] {
        let error = copy.set_branch_head(&branch(clash), Some(id)).unwrap_err();
        assert!(matches!(error, WorktreeError::RefConflict { .. }), "{clash}");
    }
    place.write(".muse/refs/heads/.tmp", "junk");
    let all = copy.branches().unwrap();
    assert_eq!(all, [(branch("main"), None), (branch("side/descant/x"), Some(id))]);
    copy.delete_branch(&branch("side/descant/x")).unwrap();
    assert!(!place.exists(".muse/refs/heads/side"));
    assert!(place.exists(".muse/refs/heads/main"));
    copy.set_tag(&branch("v1.0"), id).unwrap();
    assert_eq!(copy.tags().unwrap(), [(branch("v1.0"), Some(id))]);
    let origin: RemoteName = "origin".parse().unwrap();
    copy.set_remote_head(&origin, &branch("a/b"), id).unwrap();
    assert_eq!(place.read(".muse/remotes/origin/a/b"), id.to_string());
    assert_eq!(copy.remote_heads(&origin).unwrap(), [(branch("a/b"), Some(id))]);
    place.write(".muse/refs/heads/main", "no id");
    assert!(matches!(copy.branch_head(&branch("main")), Err(WorktreeError::Damaged { .. })));
}

#[test]
fn heads_in_both_forms() {
    let place = place();
    let id = CommitId::of(b"x");
    place.copy.set_head(&Head::Detached(id)).unwrap();
    assert_eq!(place.read(".muse/HEAD"), format!("commit: {id}\n"));
    assert_eq!(place.copy.head_commit().unwrap(), Some(id));
    for bad in ["", "ref: refs/heads/../x\n", "commit: 12\n", "refs/heads/main"] {
        place.write(".muse/HEAD", bad);
        assert!(matches!(place.copy.head(), Err(WorktreeError::Damaged { .. })), "{bad:?}");
    }
}

#[test]
fn the_configuration_keeps_its_comments() {
    let place = place();
    place.write(
        ".muse/config.toml",
        "# mine\n[user]\nname = \"Tenor\" # me\nemail = \"t@example.test\"\n\n[remotes.origin]\n# where\nurl = \
         \"https://old.test/a/b\" # soon new\nbranch = \"main\"\n\n[remotes.\"not plain\"]\nurl = \"x\"\n",
    );
    let mut config = place.copy.config().unwrap();
    assert_eq!(config.user().author(), "Tenor <t@example.test>");
    let origin = config.remote(&"origin".parse().unwrap()).unwrap();
    assert_eq!(
        (origin.url.as_str(), &origin.branch),
        ("https://old.test/a/b", &Some(branch("main")))
    );
    assert_eq!(config.remotes().len(), 1);
    config.set_remote(&Remote { url: "https://new.test/a/b".to_owned(), branch: None, ..origin });
    let backup: RemoteName = "backup".parse().unwrap();
    let url = "https://two.test/a/b".to_owned();
    config.set_remote(&Remote { name: backup.clone(), url, branch: None });
    place.copy.write_config(&config).unwrap();
    assert_eq!(
        place.read(".muse/config.toml"),
        "# mine\n[user]\nname = \"Tenor\" # me\nemail = \"t@example.test\"\n\n[remotes.origin]\n# where\nurl = \
         \"https://new.test/a/b\" # soon new\n\n[remotes.\"not plain\"]\nurl = \"x\"\n\n[remotes.backup]\nurl = \
         \"https://two.test/a/b\"\n"
    );
    assert!(config.remove_remote(&backup) && !config.remove_remote(&backup));
    assert!(matches!(config.remote(&backup), Err(WorktreeError::NoRemote(_))));
    for bad in ["", "a b", "a.b", "größe", "../x", &"x".repeat(65)] {
        assert!(matches!(bad.parse::<RemoteName>(), Err(WorktreeError::RemoteName(_))), "{bad}");
    }
}

#[test]
fn a_configuration_is_made_where_there_is_none() {
    let place = place();
    let mut config = place.copy.config().unwrap();
    let user = User { name: "Alto".to_owned(), ..User::default() };
    config.set_user(&user);
    let url = "https://one.test/a/b".to_owned();
    config.set_remote(&Remote {
        name: "origin".parse().unwrap(),
        url,
        branch: Some(branch("main")),
    });
    place.copy.write_config(&config).unwrap();
    assert_eq!(
        place.read(".muse/config.toml"),
        "[user]\nname = \"Alto\"\n\n[remotes.origin]\nurl = \"https://one.test/a/b\"\nbranch = \"main\"\n"
    );
    assert_eq!(place.copy.config().unwrap().user(), user);
}

#[test]
fn a_log_leaves_out_what_it_cannot_read() {
    let place = place();
    let id = CommitId::of(b"x");
    let entry = LogEntry {
        old: None,
        new: Some(id),
        author: "Tenor\tOne".to_owned(),
        at: UnixMillis(5000),
        what: "commit: one\ntwo".to_owned(),
    };
    place.copy.add_log(Some(&branch("a/b")), &entry).unwrap();
    let log = place.directory.path().join(".muse/logs/HEAD");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(
        &log,
        format!("body of a message\n\n{text}{id} {id}  7 +0000\tno author\nx {id} a 1 +0000\tz\n"),
    )
    .unwrap();
    let read = place.copy.log(None).unwrap();
    let plain =
        LogEntry { author: "Tenor One".to_owned(), what: "commit: one".to_owned(), ..entry };
    assert_eq!(read[0], plain);
    assert_eq!((read.len(), read[1].author.as_str(), read[1].old), (2, "", Some(id)));
    assert_eq!(place.copy.log(Some(&branch("a/b"))).unwrap(), [plain]);
}
