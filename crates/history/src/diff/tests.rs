//! Line diffs: that they lead from the old text to the new one, and what they look like.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn text_diff(old: &str, new: &str, context_lines: u32) -> TextDiff {
    let options = DiffOptions { context_lines, ..DiffOptions::default() };
    match diff(old.as_bytes(), new.as_bytes(), &options) {
        FileDiff::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// As `diff -u` prints it.
fn unified(diff: &TextDiff) -> String {
    let mut out = String::new();
    for hunk in &diff.hunks {
        let Hunk { old_start, old_lines, new_start, new_lines, .. } = hunk;
        writeln!(out, "@@ -{old_start},{old_lines} +{new_start},{new_lines} @@").unwrap();
        for line in &hunk.lines {
            let sign = match line.kind {
                LineKind::Context => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            };
            writeln!(out, "{sign}{}", line.text).unwrap();
            if line.no_newline {
                out += "\\\n";
            }
        }
    }
    out
}

/// Makes the new text from the old one and the hunks, checking everything that they claim on the way.
fn apply(old: &str, diff: &TextDiff) -> String {
    let lines: Vec<_> = old.split_inclusive('\n').collect();
    let (mut at, mut made, mut out) = (0, 0, String::new());
    for hunk in &diff.hunks {
        let start = hunk.old_start as usize - usize::from(hunk.old_lines > 0);
        for line in &lines[at..start] {
            out += line;
            made += 1;
        }
        at = start;
        let new_start = hunk.new_start as usize - usize::from(hunk.new_lines > 0);
        assert_eq!(new_start, made);
        let (old_before, new_before) = (at, made);
        for line in &hunk.lines {
            let whole = format!("{}{}", line.text, if line.no_newline { "" } else { "\n" });
            if line.kind != LineKind::Added {
                assert_eq!(whole, lines[at]);
                at += 1;
                assert_eq!(line.old_number, Some(u32::try_from(at).unwrap()));
            }
            if line.kind != LineKind::Removed {
                out += &whole;
                made += 1;
                assert_eq!(line.new_number, Some(u32::try_from(made).unwrap()));
            }
            for mark in &line.marks {
                assert!(!line.text[mark.clone()].is_empty());
            }
        }
        assert_eq!(
            (at - old_before, made - new_before),
            (hunk.old_lines as usize, hunk.new_lines as usize)
        );
    }
    for line in &lines[at..] {
        out += line;
    }
    out
}

fn any_text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["a", "b b", "c(ä)", "", "}", "\r", "d e f"]);
    (prop::collection::vec(line, 0..40), any::<bool>())
        .prop_map(|(lines, ends)| lines.join("\n") + if ends { "\n" } else { "" })
}

proptest! {
    #[test]
    fn hunks_applied_to_the_old_text_give_the_new_one(
        old in any_text(), new in any_text(), context in prop::sample::select(vec![0, 1, 3, u32::MAX]),
    ) {
        prop_assume!(old != new);
        let found = text_diff(&old, &new, context);
        prop_assert_eq!(apply(&old, &found), new);
        let lines = || found.hunks.iter().flat_map(|hunk| &hunk.lines);
        prop_assert_eq!(found.added as usize, lines().filter(|l| l.kind == LineKind::Added).count());
        prop_assert_eq!(found.removed as usize, lines().filter(|l| l.kind == LineKind::Removed).count());
        prop_assert!(context < u32::MAX || found.hunks.len() == 1);
    }

    #[test]
    fn any_bytes_can_be_compared(
        old in prop::collection::vec(any::<u8>(), 0..200), new in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert_eq!(diff(&old, &new, &DiffOptions::default()) == FileDiff::Same, old == new);
    }
}

#[test]
fn distant_changes_are_two_hunks() {
    let numbers = |skip: &[u32]| -> String {
        let kept = (1..=20).filter(|n| !skip.contains(n));
        kept.map(|n| n.to_string()).flat_map(|number| [number, "\n".to_owned()]).collect()
    };
    let shown = unified(&text_diff(&numbers(&[]), &numbers(&[4, 19]), 3));
    assert_eq!(
        shown,
        "@@ -1,7 +1,6 @@\n 1\n 2\n 3\n-4\n 5\n 6\n 7\n@@ -16,5 +15,4 @@\n 16\n 17\n 18\n-19\n 20\n"
    );
    assert_eq!(text_diff(&numbers(&[]), &numbers(&[4, 11]), 3).hunks.len(), 1);
    assert_eq!(text_diff(&numbers(&[]), &numbers(&[4, 12]), 3).hunks.len(), 2);
}

#[test]
fn new_and_emptied_files_and_a_missing_newline() {
    assert_eq!(unified(&text_diff("", "a\nb", 3)), "@@ -0,0 +1,2 @@\n+a\n+b\n\\\n");
    assert_eq!(unified(&text_diff("a\n", "", 3)), "@@ -1,1 +0,0 @@\n-a\n");
    assert_eq!(unified(&text_diff("a\n", "a", 3)), "@@ -1,1 +1,1 @@\n-a\n+a\n\\\n");
}

#[test]
fn binary_large_and_much_changed_files_have_no_lines() {
    let compare = |old: &[u8], new: &[u8]| diff(old, new, &DiffOptions::default());
    assert_eq!(compare(b"a", b"a\0"), FileDiff::Binary);
    assert_eq!(compare(b"\xff", b"a"), FileDiff::Binary);
    assert_eq!(compare(b"\xff", b"\xff"), FileDiff::Same);
    let late_nul = [&[b'a'; SNIFFED_BYTES][..], b"\0"].concat();
    assert!(matches!(compare(&late_nul, b"a"), FileDiff::Text(_)));
    assert_eq!(compare(&vec![b'\n'; MAX_TEXT_BYTES + 1], b"a"), FileDiff::TooLarge);
    let many = "a\n".repeat(MAX_CHANGED_LINES as usize + 1);
    assert_eq!(
        compare(b"", many.as_bytes()),
        FileDiff::Folded { added: MAX_CHANGED_LINES + 1, removed: 0 }
    );
}
