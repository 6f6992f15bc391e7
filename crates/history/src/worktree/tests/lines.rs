//! The history of some paths, and of the lines of a file.

use super::*;

/// `line commit path original` of each line, commits by the first word of their messages.
fn blamed(place: &Place, file: &str, range: Option<&std::ops::RangeInclusive<u32>>) -> Vec<String> {
    let head = place.copy.head_commit().unwrap().unwrap();
    let lines = place.copy.blame(head, &path(file), range).unwrap();
    let told = lines.iter().map(|line| {
        let message = place.copy.known(&line.commit).unwrap().message;
        format!("{} {message} {} {} {}", line.line, line.path, line.original_line, line.text)
    });
    told.collect()
}

/// A commit with a later time than all before it.
fn commit_at(place: &Place, message: &str, minute: i64, parents: Option<Parents>) -> CommitId {
    let time = CommitTime::from_millis(UnixMillis(NOW.0 + minute * 60_000));
    let mut new = NewCommit::new(message, "Tenor", time);
    new.parents = parents;
    new.allow_empty = true;
    place.copy.record_commit(&new).unwrap().commit_id
}

#[test]
fn lines_are_followed_through_moves_and_merges() {
    let place = place();
    place.write("song", "one\ntwo\nthree\n");
    let first = commit_at(&place, "first", 0, None);
    place.write("song", "zero\none\ntwo\nthree\n");
    let ours = commit_at(&place, "ours", 1, None);
    place.copy.set_branch_head(&branch("main"), Some(first)).unwrap();
    place.write("song", "one\ntwo\nTHREE\n");
    let theirs = commit_at(&place, "theirs", 2, None);
    place.copy.set_branch_head(&branch("main"), Some(ours)).unwrap();
    place.write("song", "zero\none\ntwo\nTHREE\n");
    commit_at(&place, "merge", 3, Some(Parents::new(Some(ours), Some(theirs))));
    place.remove("song");
    place.write("verses/song", "zero\none\ntwo\nTHREE\n");
    commit_at(&place, "moved", 4, None);
    place.write("verses/song", "zero\none\n\ntwo\nTHREE\n");
    commit_at(&place, "last", 5, None);
    assert_eq!(
        blamed(&place, "verses/song", None),
        [
            "1 ours song 1 zero",
            "2 first song 1 one",
            "3 last verses/song 3 ",
            "4 first song 2 two",
            "5 theirs song 3 THREE",
        ]
    );
    assert_eq!(blamed(&place, "verses/song", Some(&(4..=9))).len(), 2);
    let head = place.copy.head_commit().unwrap().unwrap();
    let missing = place.copy.blame(head, &path("song"), None);
    assert!(matches!(missing, Err(WorktreeError::NoFile { .. })), "{missing:?}");
    place.write("song", "\0");
    let binary = commit_at(&place, "binary", 6, None);
    let binary = place.copy.blame(binary, &path("song"), None);
    assert!(matches!(binary, Err(WorktreeError::NotText(_))), "{binary:?}");
}

/// Whoever has a wrong clock is asked again, and the lines are the same.
#[test]
fn a_wrong_clock_changes_no_line() {
    let place = place();
    place.write("song", "one\n");
    let first = commit_at(&place, "first", 9, None);
    place.write("song", "one\ntwo\n");
    let ours = commit_at(&place, "ours", 1, None);
    place.copy.set_branch_head(&branch("main"), Some(first)).unwrap();
    place.write("other", "x\n");
    let theirs = commit_at(&place, "theirs", 20, None);
    place.copy.set_branch_head(&branch("main"), Some(ours)).unwrap();
    place.write("song", "zero\none\ntwo\n");
    commit_at(&place, "merge", 0, Some(Parents::new(Some(ours), Some(theirs))));
    assert_eq!(
        blamed(&place, "song", None),
        ["1 merge song 1 zero", "2 first song 1 one", "3 ours song 2 two"]
    );
}

fn touched(place: &Place, subject: &Subject, limit: usize) -> Vec<String> {
    let head = place.copy.head_commit().unwrap();
    let found = place.copy.touched(head, subject, limit).unwrap();
    found
        .iter()
        .map(|it| {
            let name = |id: CommitId| place.copy.known(&id).unwrap().message;
            let parents: Vec<_> = it.parents.iter().map(name).collect();
            format!("{} <- {}", it.record.message, parents.join(" "))
        })
        .collect()
}

#[test]
fn a_history_of_paths_leaves_out_what_did_not_change_them() {
    let place = place();
    place.write("a", "1\n");
    let first = commit_at(&place, "first", 0, None);
    place.write("b", "1\n");
    commit_at(&place, "other", 1, None);
    place.write("a", "2\n");
    let ours = commit_at(&place, "ours", 2, None);
    place.copy.set_branch_head(&branch("main"), Some(first)).unwrap();
    place.write("a", "1\n");
    place.write("c", "1\n");
    let theirs = commit_at(&place, "theirs", 3, None);
    place.copy.set_branch_head(&branch("main"), Some(ours)).unwrap();
    place.write("a", "2\n");
    commit_at(&place, "merge", 4, Some(Parents::new(Some(ours), Some(theirs))));
    let only = |raw: &str| Subject::Paths(Paths::of([path(raw)]));
    assert_eq!(touched(&place, &only("a"), 9), ["ours <- first", "first <- "]);
    assert_eq!(touched(&place, &only("a"), 1), ["ours <- "]);
    assert_eq!(touched(&place, &only("c"), 9), ["theirs <- "]);
    assert!(touched(&place, &only("nothing"), 9).is_empty());
    // Both sides changed it, so the merge did too.
    place.copy.set_branch_head(&branch("main"), Some(theirs)).unwrap();
    place.write("a", "3\n");
    let third = commit_at(&place, "third", 5, None);
    place.write("a", "23\n");
    commit_at(&place, "both", 6, Some(Parents::new(Some(ours), Some(third))));
    assert_eq!(
        touched(&place, &only("a"), 9),
        ["both <- ours third", "third <- first", "ours <- first", "first <- "]
    );
}

#[test]
fn a_file_is_followed_to_its_earlier_names() {
    let place = place();
    place.write("old", "1\n");
    commit_at(&place, "first", 0, None);
    place.write("old", "2\n");
    commit_at(&place, "second", 1, None);
    place.remove("old");
    place.write("new", "2\n");
    commit_at(&place, "moved", 2, None);
    place.write("old", "another\n");
    commit_at(&place, "another", 3, None);
    place.write("new", "3\n");
    commit_at(&place, "last", 4, None);
    let all = ["last <- moved", "moved <- second", "second <- first", "first <- "];
    assert_eq!(touched(&place, &Subject::File(path("new")), 9), all);
    let only = Subject::Paths(Paths::of([path("new")]));
    assert_eq!(touched(&place, &only, 9), ["last <- moved", "moved <- "]);
    place.remove("new");
    commit_at(&place, "gone", 5, None);
    let found = touched(&place, &Subject::File(path("new")), 9);
    assert_eq!((found.len(), found[0].as_str()), (5, "gone <- last"));
}
