//! Merges in real directories.

use super::*;
use crate::merge::ConflictKind;

/// A commit that `ours` and `theirs` grow from, each on a branch; the files are those of ours.
fn diverged(place: &Place, ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> [CommitId; 2] {
    place.write("a", "1\n2\n3\n4\n5\n");
    place.write("b", "b\n");
    let base = place.commit("base");
    let grow = |files: &[(&str, &str)], name: &str| {
        for (path, text) in files {
            if text.is_empty() { place.remove(path) } else { place.write(path, text) }
        }
        let id = place.commit(name);
        place.copy.checkout(Some(id), base, &Head::Detached(base)).unwrap();
        place.copy.set_branch_head(&branch(name), Some(id)).unwrap();
        id
    };
    place.copy.set_head(&Head::Detached(base)).unwrap();
    let [ours, theirs] =
        [(ours, "ours"), (theirs, "theirs")].map(|(files, name)| grow(files, name));
    place.copy.checkout(Some(base), ours, &Head::Branch(branch("ours"))).unwrap();
    [ours, theirs]
}

fn merged(
    place: &Place,
    [ours, theirs]: [CommitId; 2],
) -> (Vec<CommitId>, crate::merge::TreeMerge) {
    match place.copy.plan_merge(ours, theirs, false).unwrap() {
        MergePlan::Merge { bases, merged } => (bases, merged),
        other => panic!("{other:?}"),
    }
}

fn begin(place: &Place, sides: [CommitId; 2]) -> MergeState {
    let (bases, merged) = merged(place, sides);
    place.copy.begin_merge(sides, "theirs", &bases, &merged, Overwrite::Never).unwrap().0
}

/// Every file of the user with its bytes.
fn tree(place: &Place) -> Vec<(String, String)> {
    place.scanned().into_iter().map(|path| (path.clone(), place.read(&path))).collect()
}

#[test]
fn histories_that_do_not_fork_need_no_commit() {
    let place = place();
    place.write("a", "1");
    let first = place.commit("first");
    place.write("a", "2");
    let second = place.commit("second");
    let plan = |ours, theirs, no_ff| place.copy.plan_merge(ours, theirs, no_ff).unwrap();
    assert_eq!(plan(second, first, false), MergePlan::UpToDate);
    assert_eq!(plan(first, first, true), MergePlan::UpToDate);
    assert_eq!(plan(first, second, false), MergePlan::FastForward);
    assert!(
        matches!(plan(first, second, true), MergePlan::Merge { merged, .. } if merged.conflicts.is_empty())
    );
    place.copy.set_head(&Head::Branch(branch("other"))).unwrap();
    let unrelated = place.commit("other");
    let error = place.copy.plan_merge(second, unrelated, false).unwrap_err();
    assert!(matches!(error, WorktreeError::Unrelated));
}

#[test]
fn a_merge_is_taken_back_byte_for_byte() {
    let place = place();
    let sides = diverged(
        &place,
        &[("a", "1\nours\n3\n4\n5\n"), ("bin", "\0ours")],
        &[("a", "1\ntheirs\n3\n4\n5\n"), ("b", ""), ("new/file", "n"), ("bin", "\0theirs")],
    );
    place.write("mine", "in no commit");
    let before = tree(&place);
    let state = begin(&place, sides);
    assert_eq!(place.copy.merge_state().unwrap(), Some(state.clone()));
    assert!(place.read("a").contains("<<<<<<< ours\nours\n"));
    assert!(place.exists("new/file") && !place.exists("b"));
    assert_eq!(state.paths, [path("a"), path("bin")]);
    let plain = place.read(".muse/MERGE_STATE.json");
    assert!(plain.contains("\"conflict_paths\": [\n    \"a\",\n    \"bin\"\n  ],\n"), "{plain}");
    for side in state.conflicts.iter().flat_map(|c| [&c.ours, &c.theirs]).flatten() {
        assert!(place.copy.has_object(&side.object).unwrap());
    }
    assert!(place.copy.abort_merge("kept").unwrap().is_empty());
    assert_eq!(tree(&place), before);
    assert_eq!(place.copy.merge_state().unwrap(), None);
    assert_eq!(place.copy.head_commit().unwrap(), Some(sides[0]));
    assert!(matches!(place.copy.abort_merge("kept"), Err(WorktreeError::NotMerging)));
}

#[test]
fn what_was_decided_already_is_kept_when_a_merge_is_taken_back() {
    let place = place();
    let sides = diverged(&place, &[("a", "1\nours\n3\n")], &[("a", "1\ntheirs\n3\n")]);
    let before = tree(&place);
    begin(&place, sides);
    place.write("a", "1\nboth\n3\n");
    assert_eq!(place.copy.abort_merge("kept").unwrap(), [path("a")]);
    assert_eq!(tree(&place), before);
    assert_eq!(place.read(".muse/motet/rescued/kept/a"), "1\nboth\n3\n");
}

#[test]
fn a_merge_is_committed_when_all_is_decided() {
    let place = place();
    let sides = diverged(
        &place,
        &[("a", "1\nours\n3\n"), ("bin", "\0ours")],
        &[("a", "1\ntheirs\n3\n"), ("bin", "\0theirs")],
    );
    let state = begin(&place, sides);
    let beside = state.conflicts[1].beside.clone().unwrap();
    assert_eq!(state.conflicts[1].kind, ConflictKind::AddAdd);
    let unresolved = || match place.copy.record_commit(&new_commit("merge")).unwrap_err() {
        WorktreeError::Unresolved(paths) => paths,
        other => panic!("{other:?}"),
    };
    assert_eq!(unresolved(), [path("a"), beside.clone()]);
    place.write("a", "1\nboth\n=======\n3\n");
    assert_eq!(unresolved(), [path("a"), beside.clone()]);
    place.write("a", "1\nboth\n3\n");
    assert_eq!(unresolved(), std::slice::from_ref(&beside));
    place.remove(beside.as_str());
    let only = CommitFiles::Paths(Paths::of([path("a")]));
    let error = place.copy.record_commit(&NewCommit { files: only, ..new_commit("x") });
    assert!(matches!(error, Err(WorktreeError::Merging)));
    let record = place.copy.record_commit(&new_commit("merge")).unwrap();
    assert_eq!(record.parents().collect::<Vec<_>>(), sides);
    assert!(!place.exists(".muse/MERGE_STATE.json") && !place.exists(".muse/motet/merge.json"));
    let files = place.copy.manifest_of(Some(record.commit_id)).unwrap();
    assert_eq!(files[&path("a")], ObjectId::of(b"1\nboth\n3\n"));
}

#[test]
fn a_merge_that_the_muse_client_began_is_ended_here() {
    let place = place();
    let sides = diverged(&place, &[("a", "ours\n")], &[("a", "theirs\n"), ("new", "n")]);
    let state = |paths: &str| {
        let [ours, theirs] = sides;
        format!(
            "{{\"base_commit\": null, \"ours_commit\": \"{ours}\", \"theirs_commit\": \"{theirs}\", \
             \"conflict_paths\": [{paths}], \"other_branch\": \"theirs\"}}"
        )
    };
    let before = tree(&place);
    place.write(".muse/MERGE_STATE.json", &state("\"a\""));
    place.write("a", "<<<<<<< x\n");
    place.write("new", "n");
    assert_eq!(place.copy.abort_merge("kept").unwrap(), [path("a")]);
    assert_eq!(tree(&place), before);

    place.write(".muse/MERGE_STATE.json", &state("\"a\""));
    place.write("a", "decided\n");
    let record = place.copy.record_commit(&new_commit("merge")).unwrap();
    assert_eq!(record.parents().count(), 2);
    // The Muse client leaves the file behind, and then it says nothing.
    place.write(".muse/MERGE_STATE.json", &state("\"a\""));
    assert_eq!(place.copy.merge_state().unwrap(), None);
    place.write(".muse/MERGE_STATE.json", &state("\"../a\""));
    assert!(matches!(place.copy.merge_state(), Err(WorktreeError::Damaged { .. })));
}

#[test]
fn changes_of_the_user_stop_a_merge_before_it_begins() {
    let place = place();
    let sides = diverged(&place, &[("a", "ours\n")], &[("a", "theirs\n"), ("new", "n")]);
    let (bases, merged) = merged(&place, sides);
    place.write("new", "mine");
    let begun = place.copy.begin_merge(sides, "theirs", &bases, &merged, Overwrite::Never);
    assert!(matches!(begun, Err(WorktreeError::InTheWay(paths)) if paths == [path("new")]));
    assert_eq!((place.read("a"), place.read("new")), ("ours\n".to_owned(), "mine".to_owned()));
    assert_eq!(place.copy.merge_state().unwrap(), None);
}

#[test]
fn crossed_histories_are_merged_over_a_common_base_of_their_own() {
    let place = place();
    let [one, two] = diverged(&place, &[("a", "X\n2\n3\n4\n5\n")], &[("a", "1\n2\n3\n4\nY\n")]);
    // Each side merges the other: two best common ancestors.
    let cross = |name: &str, parents: [CommitId; 2], text: &str| {
        place.copy.set_head(&Head::Detached(parents[0])).unwrap();
        place.write("a", text);
        let parents = Some(Parents::new(Some(parents[0]), Some(parents[1])));
        place.copy.record_commit(&NewCommit { parents, ..new_commit(name) }).unwrap().commit_id
    };
    let left = cross("left", [one, two], "X\nleft\n3\n4\nY\n");
    let right = cross("right", [two, one], "X\n2\n3\nright\nY\n");
    let (bases, merged) = merged(&place, [left, right]);
    assert_eq!(bases.len(), 2);
    assert!(merged.conflicts.is_empty(), "{:?}", merged.conflicts);
    assert_eq!(merged.manifest[&path("a")], ObjectId::of(b"X\nleft\n3\nright\nY\n"));
}
