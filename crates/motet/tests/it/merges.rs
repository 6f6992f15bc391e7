//! Merging in a working copy, by the real binary.

use serde_json::json;

use crate::working_copies::Desk;

const SONG: &str = "fn verse() {\n    1\n}\n\nfn chorus() {\n    2\n}\n";

/// `main` and `side` grow from one commit; the files are those of `main`.
fn diverged(ours: (&str, &str), theirs: (&str, &str)) -> (Desk, [String; 2]) {
    let desk = Desk::new();
    desk.commit("song", SONG);
    desk.ok(&["checkout", "-b", "side"]);
    let theirs = desk.commit(theirs.0, theirs.1);
    desk.ok(&["checkout", "main"]);
    let ours = desk.commit(ours.0, ours.1);
    (desk, [ours, theirs])
}

/// H81: both edits are in the result.
#[test]
fn two_functions_of_one_file_are_merged() {
    let (ours, theirs) = (SONG.replace('1', "10"), SONG.replace('2', "20"));
    let (desk, sides) = diverged(("song", &ours), ("song", &theirs));
    let merged = desk.ok(&["merge", "side"]);
    assert_eq!(desk.read("song"), ours.replace('2', "20"));
    assert_eq!(merged["commit"]["parents"], json!(sides));
    assert_eq!(merged["commit"]["message"], "Merge side into main");
    assert_eq!(desk.ok(&["status"])["clean"], true);
    assert_eq!(desk.ok(&["merge", "side"])["up_to_date"], true);
    let drawn = desk.run(&["log", "--graph"]).out;
    let signs: Vec<_> =
        drawn.lines().map(|line| line.chars().take(3).collect::<String>()).collect();
    assert_eq!(signs.iter().filter(|line| line.contains('*')).count(), 4, "{drawn}");
    assert!(drawn.contains("| \\\n") && drawn.contains("| /\n"), "{drawn}");
}

/// H81: markers, code 1, `MERGE_STATE.json`; H80: taken back byte for byte.
#[test]
fn the_same_line_waits_for_the_user() {
    let (ours, theirs) = (SONG.replace('1', "10"), SONG.replace('1', "11"));
    let (desk, sides) = diverged(("song", &ours), ("song", &theirs));
    let (code, told) = desk.json(&["merge", "side"]);
    assert_eq!((code, &told["ok"]), (1, &json!(false)));
    assert_eq!(
        told["result"]["conflicts"][0],
        json!({ "path": "song", "kind": "content", "beside": null, "markers": true })
    );
    let torn = desk.read("song");
    assert!(
        torn.contains(
            "<<<<<<< ours\n    10\n||||||| base\n    1\n=======\n    11\n>>>>>>> theirs\n"
        ),
        "{torn}"
    );
    assert!(desk.read(".muse/MERGE_STATE.json").contains(&sides[1]));
    for waiting in [&["merge", "side"][..], &["checkout", "side"], &["commit", "-m", "x", "song"]] {
        assert_eq!(desk.fails(waiting), (1, "merging".to_owned()), "{waiting:?}");
    }
    for early in [&["merge", "--continue"][..], &["commit", "-m", "x"]] {
        assert_eq!(desk.fails(early), (1, "unresolved".to_owned()), "{early:?}");
    }
    assert_eq!(desk.ok(&["status"])["merge"]["unresolved"], json!(["song"]));
    desk.ok(&["merge", "--abort"]);
    assert_eq!(desk.read("song"), ours);
    assert!(!desk.exists(".muse/MERGE_STATE.json"));
    assert_eq!(desk.fails(&["merge", "--abort"]), (1, "not_merging".to_owned()));

    assert_eq!(desk.json(&["merge", "side"]).0, 1);
    desk.write("song", &SONG.replace('1', "12"));
    let merged = desk.ok(&["merge", "--continue"]);
    assert_eq!(merged["commit"]["parents"], json!(sides));
    assert!(!desk.exists(".muse/MERGE_STATE.json"));
    assert_eq!(desk.ok(&["status"])["clean"], true);
}

/// H81: both add the same new file differently.
#[test]
fn a_new_file_of_both_waits_for_the_user() {
    let (desk, sides) = diverged(("new", "ours\n"), ("new", "theirs\n"));
    let (code, told) = desk.json(&["merge", "side"]);
    assert_eq!((code, &told["result"]["conflicts"][0]["kind"]), (1, &json!("add_add")));
    let torn = desk.read("new");
    assert!(torn.contains("ours\n") && torn.contains("theirs\n"), "{torn}");
    assert!(desk.read(".muse/MERGE_STATE.json").contains(&sides[1]));
}

/// Bytes that are no text cannot stand between markers: theirs stand beside.
#[test]
fn new_bytes_of_both_stand_beside_each_other() {
    let desk = Desk::new();
    desk.commit("song", SONG);
    for (branch, bytes) in [("side", "\0theirs"), ("main", "\0ours")] {
        let make: &[&str] = if branch == "side" { &["-b"] } else { &[] };
        desk.ok(&[&["checkout", branch], make].concat());
        desk.write("new", bytes);
        desk.ok(&["commit", "-m", branch]);
    }
    let (code, told) = desk.json(&["merge", "side"]);
    let beside = told["result"]["conflicts"][0]["beside"].as_str().unwrap();
    let found = (code, desk.read("new"), desk.read(beside));
    assert_eq!(found, (1, "\0ours".to_owned(), "\0theirs".to_owned()));
}

#[test]
fn a_branch_that_is_only_behind_follows() {
    let desk = Desk::new();
    desk.commit("song", SONG);
    desk.ok(&["checkout", "-b", "side"]);
    let tip = desk.commit("more", "m\n");
    desk.ok(&["checkout", "main"]);
    desk.write("mine", "in no commit\n");
    let followed = desk.ok(&["merge", "side"]);
    assert_eq!((&followed["fast_forward"], &followed["commit"]), (&json!(true), &json!(tip)));
    assert_eq!(desk.read(".muse/refs/heads/main"), tip);
    assert_eq!(
        (desk.read("more"), desk.read("mine")),
        ("m\n".to_owned(), "in no commit\n".to_owned())
    );
    desk.ok(&["branch", "old", "HEAD~1"]);
    desk.ok(&["checkout", "old"]);
    let merged = desk.ok(&["merge", "side", "--no-ff", "-m", "both"]);
    assert_eq!(merged["commit"]["parents"].as_array().unwrap().len(), 2);
    assert_eq!(desk.ok(&["show"])["commit"]["message"], "both");
    assert!(desk.exists("mine"), "what is in no commit is in no merge either");
    assert_eq!(desk.fails(&["merge", "nobody"]), (4, "unknown_revision".to_owned()));
}

#[test]
fn rules_of_the_tree_decide() {
    let (ours, theirs) = (SONG.replace('1', "10"), SONG.replace('1', "11"));
    let (desk, _) = diverged(("song", &ours), ("song", &theirs));
    desk.commit(".museattributes", "[[rules]]\npath = \"*\"\nstrategy = \"theirs\"\n");
    desk.ok(&["merge", "side"]);
    assert_eq!(desk.read("song"), theirs);
    desk.ok(&["checkout", "-b", "bad"]);
    desk.commit(".museattributes", "[[rules]]\npath = \"*\"\nstrategy = \"mine\"\n");
    desk.ok(&["checkout", "side"]);
    desk.commit("more", "m\n");
    desk.ok(&["checkout", "bad"]);
    assert_eq!(desk.fails(&["merge", "side"]), (2, "bad_attributes".to_owned()));
}
