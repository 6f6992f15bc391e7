//! The demo is the same on every machine.

use std::collections::BTreeSet;

use super::*;

fn made() -> (tempfile::TempDir, WorkingCopy, Demo) {
    let home = tempfile::tempdir().unwrap();
    let demo = generate(&home.path().join("demo"), &Random::seeded(1)).unwrap();
    let copy = WorkingCopy::discover(&home.path().join("demo"), &Random::seeded(2)).unwrap();
    (home, copy, demo)
}

#[test]
fn the_ids_are_the_same_on_every_machine() {
    let (_home, _, demo) = made();
    let heads: Vec<_> =
        demo.heads.iter().map(|(branch, commit)| format!("{branch} {commit}")).collect();
    insta::assert_snapshot!(heads.join("\n"), @"
    forecast ce4bf9adb23fcb86860d768d879a9a1354a8ff4613c733a2119d86fbc14675f0
    main b8e766d6362bba5940054f2668f99cba3364df7860c7858d127e75a3d3b69544
    ");
    assert!(demo.commits >= 60, "{}", demo.commits);
}

#[test]
fn the_history_has_what_there_is_to_look_at() {
    let (_home, copy, demo) = made();
    let main = demo.heads[&"main".parse().unwrap()];
    let (mut seen, mut waiting, mut merges, mut authors) =
        (BTreeSet::new(), demo.heads.values().copied().collect::<Vec<_>>(), 0, BTreeSet::new());
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let record = copy.commit(&id).unwrap().unwrap();
            merges += usize::from(record.parent2_commit_id.is_some());
            waiting.extend(record.parents());
            authors.insert(record.author);
        }
    }
    assert_eq!((seen.len(), merges, authors.len()), (demo.commits, 1, 4));

    let manifest = copy.manifest_of(Some(main)).unwrap();
    assert_eq!(copy.look().unwrap().manifest(), manifest, "it is checked out");
    for path in ["README.md", "src/turns.rs", "tools/check.py", "web/style.css", "docs/ja/潮汐.md"]
    {
        assert!(manifest.contains_key(path), "{path}");
    }
    assert!(!manifest.contains_key("src/extrema.rs"));
    let picture = copy.object(&manifest["web/img/moon.png"]).unwrap().unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.contains(&0));
    let readme = copy.object(&manifest["README.md"]).unwrap().unwrap();
    let readme = String::from_utf8(readme).unwrap();
    for part in ["# Tidebook", "| M2   |", "```sh", "- [x]", "](docs/decisions/"] {
        assert!(readme.contains(part), "{part}");
    }
}

#[test]
fn a_script_that_is_wrong_names_the_line() {
    for (text, line, reason) in [
        ("+ a\n", 1, "nothing has begun"),
        ("@ nobody main\n", 1, "nobody has this name"),
        ("@ mira main\n: x\n+ a\nb\n", 4, "does not end"),
        ("@ mira main\n? x\n", 2, "means nothing"),
        ("@ mira main\n+ ../x\n.\n", 2, "../x"),
    ] {
        let error = script::parse(text).unwrap_err();
        let DemoError::Script { line: found, reason: told } = error else { panic!("{error}") };
        assert!(found == line && told.contains(reason), "{text:?}: line {found}: {told}");
    }
}
