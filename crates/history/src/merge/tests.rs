//! Merges of texts and of trees. `PROPTEST_CASES=10000` runs the long form.

use std::{cell::RefCell, collections::HashMap, convert::Infallible};

use names::{ObjectId, RepoPath};
use proptest::prelude::*;

use super::{
    Attributes, Conflict, Contents, Favor, FileAt, MergedText, holds_marker, merge_texts,
    merge_trees,
};
use crate::Manifest;

fn clean(base: &str, ours: &str, theirs: &str) -> String {
    match merge_texts(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), Favor::Neither) {
        MergedText::Clean(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn torn(base: &str, ours: &str, theirs: &str) -> String {
    match merge_texts(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), Favor::Neither) {
        MergedText::Conflicts { bytes, .. } => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn changes_apart_are_both_taken() {
    let base = "fn a() {\n    1\n}\n\nfn b() {\n    2\n}\n";
    let ours = base.replace('1', "10");
    let theirs = base.replace('2', "20");
    assert_eq!(clean(base, &ours, &theirs), "fn a() {\n    10\n}\n\nfn b() {\n    20\n}\n");
    assert_eq!(clean(base, &ours, base), ours);
    assert_eq!(clean(base, base, &theirs), theirs);
    assert_eq!(clean(base, &ours, &ours), ours);
    assert_eq!(clean("a\nb\nc\n", "b\nc\n", "a\nb\nc\nd\n"), "b\nc\nd\n");
}

#[test]
fn the_same_lines_changed_differently_stand_between_markers() {
    assert_eq!(
        torn("a\nb\nc\n", "a\nours\nc\n", "a\ntheirs\nc\n"),
        "a\n<<<<<<< ours\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> theirs\nc\n"
    );
    // Lines that touch belong together, though they do not overlap.
    assert_eq!(
        torn("a\nb\n", "A\nb\n", "a\nB\n"),
        "<<<<<<< ours\nA\nb\n||||||| base\na\nb\n=======\na\nB\n>>>>>>> theirs\n"
    );
    assert_eq!(torn("", "1", "2\n"), "<<<<<<< ours\n1\n||||||| base\n=======\n2\n>>>>>>> theirs\n");
}

#[test]
fn markers_are_longer_than_any_line_like_them() {
    let merged = torn("x\n", "=========\n", "<<<<<<<\n");
    assert_eq!(
        merged,
        "<<<<<<<<<< ours\n=========\n|||||||||| base\nx\n==========\n<<<<<<<\n>>>>>>>>>> theirs\n"
    );
    assert!(holds_marker(merged.as_bytes(), 10));
    assert!(!holds_marker(merged.as_bytes(), 8));
    assert!(!holds_marker(b"a <<<<<<< b\n<<<<<<<x\n========\n", 7));
    assert!(holds_marker(b"x\r\n=======\r\n", 7));
}

#[test]
fn line_ends_come_through_byte_for_byte() {
    assert_eq!(clean("a\r\nb\nc\r\nd", "A\r\nb\nc\r\nd", "a\r\nb\nc\r\nD"), "A\r\nb\nc\r\nD");
    let merged = torn("a\r\nb", "a\r\nx", "a\r\ny");
    assert_eq!(
        merged,
        "a\r\n<<<<<<< ours\r\nx\r\n||||||| base\r\nb\r\n=======\r\ny\r\n>>>>>>> theirs\r\n"
    );
}

#[test]
fn what_is_no_text_is_not_merged() {
    for sides in [[&b"\0"[..], b"a", b"b"], [b"x", b"\xff", b"b"], [b"x", b"a", b"b\0"]] {
        let merged = merge_texts(sides[0], sides[1], sides[2], Favor::Neither);
        assert_eq!(merged, MergedText::Binary);
    }
    let long = format!("{}\n", "=".repeat(201));
    assert_eq!(merge_texts(b"", long.as_bytes(), b"x", Favor::Neither), MergedText::Binary);
}

#[test]
fn a_union_keeps_both_without_markers() {
    let union = |base: &str, ours: &str, theirs: &str| {
        let merged = merge_texts(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), Favor::Union);
        let MergedText::Clean(bytes) = merged else { panic!("{merged:?}") };
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(union("a\n", "a\nx\n", "a\ny\n"), "a\nx\ny\n");
    assert_eq!(union("a\n", "a\nx", "a\ny"), "a\nx\ny");
}

/// One edit of a side at a line of the base: keep it or not, and how many new lines come before it.
type Edits = Vec<(bool, u8)>;

/// A text in which every new line is new in the world, but for what both sides add alike.
fn edited(base: &[String], own: &Edits, both: &Edits, side: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, (own, both)) in own.iter().zip(both).enumerate() {
        let ((keeps, new), side) = if both.1 == 2 { (both, "same") } else { (own, side) };
        lines.extend((0..*new).map(|number| format!("{side}{at}.{number}")));
        lines.extend(base.get(at).filter(|_| *keeps).cloned());
    }
    lines
}

fn joined(lines: &[String], ends_with_newline: bool) -> String {
    let end = if ends_with_newline && !lines.is_empty() { "\n" } else { "" };
    lines.join("\n") + end
}

fn edits() -> impl Strategy<Value = Edits> {
    let edit = (prop::bool::weighted(0.8), prop_oneof![6 => Just(0u8), 2 => Just(1), 1 => Just(2)]);
    prop::collection::vec(edit, 12)
}

proptest! {
    /// H80: no line of either side is missing without a marker, and none comes from nowhere.
    #[test]
    fn no_line_vanishes(
        ours in edits(),
        theirs in edits(),
        both in edits(),
        ends in any::<[bool; 3]>(),
    ) {
        let base: Vec<_> = (0..11).map(|at| format!("b{at}")).collect();
        let (ours, theirs) = (edited(&base, &ours, &both, "o"), edited(&base, &theirs, &both, "t"));
        let joined = [joined(&base, ends[0]), joined(&ours, ends[1]), joined(&theirs, ends[2])];
        let merged =
            merge_texts(joined[0].as_bytes(), joined[1].as_bytes(), joined[2].as_bytes(), Favor::Neither);
        let (bytes, is_clean) = match merged {
            MergedText::Clean(bytes) => (bytes, true),
            MergedText::Conflicts { bytes, count, marker_chars } => {
                let text = String::from_utf8(bytes.clone()).unwrap();
                prop_assert_eq!(text.lines().filter(|line| line.starts_with("<<<<<<< ")).count(), count);
                prop_assert!(holds_marker(&bytes, marker_chars));
                (bytes, false)
            }
            MergedText::Binary => return Err(TestCaseError::fail("text is text")),
        };
        let text = String::from_utf8(bytes).unwrap();
        let found: Vec<_> = text.lines().collect();
        let [base, ours, theirs] =
            [&base, &ours, &theirs].map(|side| side.iter().map(String::as_str).collect::<Vec<_>>());
        for line in ours.iter().chain(&theirs) {
            let is_new = !base.contains(line);
            let is_kept = ours.contains(line) && theirs.contains(line);
            let times = found.iter().filter(|other| *other == line).count();
            if is_clean {
                let expected = usize::from(is_new || is_kept);
                prop_assert_eq!(times, expected, "{}", line);
            } else if is_new || is_kept {
                prop_assert!(times > 0, "{line} is gone from\n{text}");
            }
        }
        if is_clean {
            let known = |line: &&str| ours.contains(line) || theirs.contains(line);
            prop_assert!(found.iter().all(known));
            if joined[0] == joined[1] { prop_assert_eq!(&text, &joined[2]); }
            if joined[0] == joined[2] { prop_assert_eq!(&text, &joined[1]); }
        }
    }

    /// Texts of few different lines, where one line is like another.
    #[test]
    fn a_side_that_changed_nothing_has_no_say(base in "[ab\r\n]{0,30}", other in "[abc\r\n]{0,30}") {
        let merge = |sides: [&str; 3]| merge_texts(
            sides[0].as_bytes(), sides[1].as_bytes(), sides[2].as_bytes(), Favor::Neither);
        let expected = MergedText::Clean(other.clone().into_bytes());
        prop_assert_eq!(merge([&base, &other, &base]), expected.clone());
        prop_assert_eq!(merge([&base, &base, &other]), expected.clone());
        prop_assert_eq!(merge([&base, &other, &other]), expected);
    }

    /// A union is clean, and the markers of a conflict, taken out, leave each side whole.
    #[test]
    fn each_side_can_be_read_out_of_a_conflict(
        base in "([abc]\n){0,12}", ours in "([abc]\n){0,12}", theirs in "([abc]\n){0,12}"
    ) {
        let bytes = [&base, &ours, &theirs].map(String::as_bytes);
        let union = merge_texts(bytes[0], bytes[1], bytes[2], Favor::Union);
        prop_assert!(matches!(union, MergedText::Clean(_)));
        let MergedText::Conflicts { bytes: merged, .. } =
            merge_texts(bytes[0], bytes[1], bytes[2], Favor::Neither) else { return Ok(()) };
        let text = String::from_utf8(merged).unwrap();
        // Read with ours in every conflict, it is what ours and their changes elsewhere make: merging that with
        // ours again, over the base, gives the same.
        let read = |wanted: char| {
            let mut at = 'x';
            let mut out = String::new();
            for line in text.split_inclusive('\n') {
                match line.chars().next() {
                    Some(sign @ ('<' | '|' | '=')) => at = sign,
                    Some('>') => at = 'x',
                    _ if at == 'x' || at == wanted => out.push_str(line),
                    _ => {}
                }
            }
            out
        };
        let count = |text: &str, line: &str| text.lines().filter(|other| *other == line).count();
        for line in ["a", "b", "c"] {
            let (b, o, t) = (count(&base, line), count(&ours, line), count(&theirs, line));
            let (in_ours, in_theirs) = (count(&read('<'), line), count(&read('='), line));
            // What one side added and the other did not touch is in both readings.
            prop_assert!(in_ours + b + in_theirs + b >= o.min(t), "{line}");
            prop_assert!(in_ours <= o + t && in_theirs <= o + t, "{line}");
        }
    }
}

#[derive(Default)]
struct Memory(RefCell<HashMap<ObjectId, Vec<u8>>>);

impl Contents for Memory {
    type Error = Infallible;

    fn read(&self, _path: &RepoPath, object: &ObjectId) -> Result<Vec<u8>, Infallible> {
        Ok(self.0.borrow()[object].clone())
    }

    fn write(&self, bytes: &[u8]) -> Result<ObjectId, Infallible> {
        let id = ObjectId::of(bytes);
        self.0.borrow_mut().insert(id, bytes.to_vec());
        Ok(id)
    }
}

type Files<'a> = &'a [(&'a str, &'a str)];

struct Merged {
    files: Vec<(String, String)>,
    /// `kind path`, and ` + beside` if their side stands there.
    conflicts: Vec<String>,
    conflict: Vec<Conflict>,
}

fn merge_with(rules: &str, base: Files<'_>, ours: Files<'_>, theirs: Files<'_>) -> Merged {
    let memory = Memory::default();
    let manifest = |files: Files<'_>| -> Manifest {
        let at = |(path, text): &(&str, &str)| {
            (path.parse().unwrap(), memory.write(text.as_bytes()).unwrap())
        };
        files.iter().map(at).collect()
    };
    let [base, ours, theirs] = [base, ours, theirs].map(manifest);
    let rules = Attributes::parse(rules.as_bytes()).unwrap();
    let Ok(merged) = merge_trees([&base, &ours, &theirs], &rules, &memory);
    assert_eq!(crate::check_no_conflict(&merged.manifest), Ok(()));
    let text = |object: &ObjectId| String::from_utf8(memory.0.borrow()[object].clone()).unwrap();
    let shown = |conflict: &Conflict| {
        let beside = conflict.beside.as_ref().map(|path| format!(" + {path}")).unwrap_or_default();
        format!("{} {}{beside}", conflict.kind.word(), conflict.path)
    };
    Merged {
        files: merged.manifest.iter().map(|(path, id)| (path.to_string(), text(id))).collect(),
        conflicts: merged.conflicts.iter().map(shown).collect(),
        conflict: merged.conflicts,
    }
}

fn merge(base: Files<'_>, ours: Files<'_>, theirs: Files<'_>) -> Merged {
    merge_with("", base, ours, theirs)
}

fn assert_files(merged: &Merged, files: Files<'_>) {
    let found: Vec<_> =
        merged.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(found, files);
}

#[test]
fn paths_that_one_side_changed_are_taken() {
    let merged = merge(
        &[("both", "1"), ("gone", "1"), ("ours", "1"), ("same", "1"), ("theirs", "1")],
        &[("both", "2"), ("new", "o"), ("ours", "2"), ("same", "1"), ("theirs", "1")],
        &[
            ("both", "2"),
            ("gone", "1"),
            ("more", "t"),
            ("ours", "1"),
            ("same", "1"),
            ("theirs", "2"),
        ],
    );
    assert_files(
        &merged,
        &[
            ("both", "2"),
            ("more", "t"),
            ("new", "o"),
            ("ours", "2"),
            ("same", "1"),
            ("theirs", "2"),
        ],
    );
    assert!(merged.conflicts.is_empty());
}

#[test]
fn a_file_that_moved_is_followed() {
    let base = "one\ntwo\nthree\n";
    let changed = "one\ntwo\nTHREE\n";
    for swap in [false, true] {
        let (moved, edited): (Files<'_>, Files<'_>) = (&[("new/a", base)], &[("a", changed)]);
        let (ours, theirs) = if swap { (edited, moved) } else { (moved, edited) };
        let merged = merge(&[("a", base)], ours, theirs);
        assert_files(&merged, &[("new/a", changed)]);
        assert!(merged.conflicts.is_empty());
    }
    let merged = merge(&[("a", "x")], &[("b", "x")], &[("c", "x")]);
    assert_files(&merged, &[("b", "x"), ("c", "x")]);
    assert_eq!(merged.conflicts, ["rename b + c"]);
    let merged = merge(&[("a", "x")], &[("b", "x")], &[]);
    assert_files(&merged, &[("b", "x")]);
    assert_eq!(merged.conflicts, ["modify_delete b"]);
    // Empty files are all alike.
    let merged = merge(&[("a", "")], &[("b", "")], &[("a", "t")]);
    assert_files(&merged, &[("a", "t"), ("b", "")]);
    assert_eq!(merged.conflicts, ["modify_delete a"]);
}

#[test]
fn every_conflict_keeps_every_side() {
    let merged = merge(&[("a", "1\n")], &[("a", "2\n")], &[("a", "3\n")]);
    assert_eq!(merged.conflicts, ["content a"]);
    assert!(merged.files[0].1.contains("2\n||||||| base\n1\n=======\n3\n"));
    let conflict = &merged.conflict[0];
    let object = |file: &Option<FileAt>| file.as_ref().unwrap().object;
    assert_eq!(
        [object(&conflict.base), object(&conflict.ours), object(&conflict.theirs)],
        ["1\n", "2\n", "3\n"].map(|text| ObjectId::of(text.as_bytes()))
    );
    assert_eq!(conflict.marker_chars, Some(7));

    let beside = format!("a.theirs-{}", &ObjectId::of(b"\x003").to_string()[..8]);
    let merged = merge(&[("a", "\x001")], &[("a", "\x002")], &[("a", "\x003")]);
    assert_eq!(merged.conflicts, [format!("binary a + {beside}")]);
    assert_files(&merged, &[("a", "\x002"), (&beside, "\x003")]);
    let merged = merge(&[], &[("a", "\x002")], &[("a", "\x003")]);
    assert_eq!(merged.conflicts, [format!("add_add a + {beside}")]);
    assert_files(&merged, &[("a", "\x002"), (&beside, "\x003")]);

    let merged = merge(&[], &[("a", "2\n")], &[("a", "3\n")]);
    assert_eq!(merged.conflicts, ["add_add a"]);
    assert!(merged.files[0].1.starts_with("<<<<<<< ours\n2\n"));

    for (ours, theirs) in [(&[("a", "2")][..], &[][..]), (&[], &[("a", "2")])] {
        let merged = merge(&[("a", "1")], ours, theirs);
        assert_eq!(merged.conflicts, ["modify_delete a"]);
        assert_files(&merged, &[("a", "2")]);
    }
}

#[test]
fn a_file_gives_way_to_a_directory() {
    for (ours, theirs, name) in [
        (&[("a", "file")][..], &[("a/b", "dir")][..], "a~ours"),
        (&[("a/b", "dir")], &[("a", "file")], "a~theirs"),
    ] {
        let merged = merge(&[], ours, theirs);
        assert_eq!(merged.conflicts, [format!("file_directory {name}")]);
        assert_files(&merged, &[("a/b", "dir"), (name, "file")]);
    }
}

#[test]
fn a_name_that_is_taken_is_not_taken_again() {
    let beside = format!("a.theirs-{}", &ObjectId::of(b"\x003").to_string()[..8]);
    let merged = merge(
        &[("a", "\x001"), (&beside, "mine")],
        &[("a", "\x002"), (&beside, "mine")],
        &[("a", "\x003"), (&beside, "mine")],
    );
    let second = format!("{beside}-1");
    assert_files(&merged, &[("a", "\x002"), (&beside, "mine"), (&second, "\x003")]);
    // A file of theirs moved to where ours has a new one.
    let merged = merge(&[("x", "moved")], &[("x", "moved"), ("y", "new")], &[("y", "moved")]);
    let beside = format!("y.theirs-{}", &ObjectId::of(b"moved").to_string()[..8]);
    assert_eq!(merged.conflicts, [format!("add_add y + {beside}")]);
    assert_files(&merged, &[("y", "new"), (&beside, "moved")]);
}

#[test]
fn rules_decide_what_both_sides_changed() {
    let rules = |strategy: &str| format!("[[rules]]\npath = '*'\nstrategy = '{strategy}'");
    let (base, ours, theirs) = (&[("a", "1\n")], &[("a", "2\n")], &[("a", "3\n")]);
    for (strategy, text) in
        [("ours", "2\n"), ("theirs", "3\n"), ("base", "1\n"), ("union", "2\n3\n")]
    {
        let merged = merge_with(&rules(strategy), base, ours, theirs);
        assert_files(&merged, &[("a", text)]);
        assert!(merged.conflicts.is_empty(), "{strategy}");
    }
    // What could be merged is a conflict all the same, and what one side changed is taken.
    let merged = merge_with(
        &rules("manual"),
        &[("a", "1\n-\n2\n"), ("b", "1\n")],
        &[("a", "1!\n-\n2\n"), ("b", "2\n")],
        &[("a", "1\n-\n2!\n"), ("b", "1\n")],
    );
    assert_eq!(merged.conflicts, ["content a"]);
    assert_eq!(merged.files[1].1, "2\n");
}

/// A small tree of a few paths and contents, files and directories mixed.
fn tree() -> impl Strategy<Value = Vec<(String, String)>> {
    let file = prop::sample::select(vec!["a", "b", "d", "d/e", "d/f", "x"]);
    let text = prop::sample::select(vec!["", "1\n", "1\n2\n", "2\n", "\0bin", "\0nib"]);
    prop::collection::btree_map(file, text, 0..6).prop_map(|mut files| {
        if files.keys().any(|path| path.starts_with("d/")) {
            files.remove("d");
        }
        files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
    })
}

proptest! {
    /// Whatever each side has is in the result, or was in the base, or is named by a conflict.
    #[test]
    fn no_side_of_a_tree_is_lost(base in tree(), ours in tree(), theirs in tree()) {
        let short = |files: &Vec<(String, String)>| -> Vec<(String, String)> { files.clone() };
        let all = [short(&base), short(&ours), short(&theirs)];
        let views: Vec<Vec<(&str, &str)>> = all
            .iter()
            .map(|files| files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect())
            .collect();
        let merged = merge(&views[0], &views[1], &views[2]);
        for side in [1, 2] {
            for (path, text) in &views[side] {
                let object = ObjectId::of(text.as_bytes());
                let is_named = merged.conflict.iter().any(|conflict| {
                    [&conflict.ours, &conflict.theirs].into_iter().flatten().any(|file| file.object == object)
                });
                let is_there = merged.files.iter().any(|(_, found)| found.contains(text.trim_end()));
                let was_there = views[0].iter().any(|(_, old)| old == text);
                prop_assert!(is_named || is_there || was_there, "{path} {text:?}");
            }
        }
        let again = merge(&views[0], &views[1], &views[0]);
        prop_assert_eq!(again.conflicts.len(), 0);
        prop_assert_eq!(again.files, all[1].clone());
    }
}
