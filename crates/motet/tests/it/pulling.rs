//! `fetch` and `pull` by the real binary: what others did comes, and nothing of one's own is lost.

use std::fs;

use serde_json::{Value, json};
use testkit::Server;

use crate::{MOTET, working_copies::Desk};

const SONG: &str = "fn verse() {\n    1\n}\n\nfn chorus() {\n    2\n}\n";

/// A server with one repository of one commit, and two places where its owner works.
struct Band {
    server: Server,
    here: Desk,
    there: Desk,
}

impl Band {
    async fn new() -> Self {
        let server = Server::start(MOTET).await;
        let origin = server.base_url();
        let there = Desk::new();
        there.commit("song", SONG);
        there.ok(&["keygen"]);
        there.ok(&["register", &origin, "ada"]);
        there.ok(&["push", &format!("{origin}/ada/songs"), "-u"]);
        let here = Desk::with_accounts_of(&there);
        here.ok(&["clone", &format!("{origin}/ada/songs"), "."]);
        Self { server, here, there }
    }

    /// Commits a file there, and pushes it.
    fn goes_on(&self, path: &str, text: &str) -> String {
        let commit = self.there.commit(path, text);
        self.there.ok(&["push"]);
        commit
    }
}

#[tokio::test]
async fn a_fetch_brings_commits_and_touches_nothing_else() {
    let band = Band::new().await;
    let first = band.here.read(".muse/refs/heads/main");
    let second = band.goes_on("more", "m\n");
    band.there.ok(&["checkout", "-b", "draft/one"]);
    let draft = band.there.commit("draft", "d\n");
    band.there.ok(&["push", "origin", "draft/one"]);
    band.here.write("mine", "in no commit\n");

    let fetched = band.here.ok(&["fetch"]);
    assert_eq!((&fetched["commits"], &fetched["objects"]), (&json!(2), &json!(2)));
    assert_eq!(
        fetched["branches"],
        json!([
            { "branch": "main", "old": first, "new": second, "change": "forward" },
            { "branch": "draft/one", "old": null, "new": draft, "change": "new" },
        ])
    );
    assert_eq!(band.here.read(".muse/remotes/origin/main"), second);
    assert_eq!(band.here.read(".muse/remotes/origin/draft/one"), draft);
    assert_eq!(band.here.read(".muse/refs/heads/main"), first);
    assert!(!band.here.exists(".muse/refs/heads/draft") && !band.here.exists("more"));
    let status = band.here.ok(&["status"]);
    assert_eq!(status["tracking"][0]["behind"], 1, "{status}");

    let again = band.here.ok(&["fetch", "origin", "main"]);
    assert_eq!(
        (&again["commits"], &again["branches"][0]["change"]),
        (&json!(0), &json!("unchanged"))
    );
    assert_eq!(band.here.ok(&["show", "origin/draft/one"])["commit"]["commit_id"], json!(draft));
    assert_eq!(band.here.fails(&["fetch", "origin", "nowhere"]), (4, "no_branch".to_owned()));
    assert_eq!(band.here.fails(&["fetch", "elsewhere"]), (4, "no_remote".to_owned()));
}

#[tokio::test]
async fn a_branch_that_is_behind_follows_and_one_that_went_on_gets_both_parents() {
    let band = Band::new().await;
    let second = band.goes_on("song", &SONG.replace('2', "20"));
    let pulled = band.here.ok(&["pull"]);
    assert_eq!(
        (&pulled["merge"]["fast_forward"], &pulled["merge"]["commit"]),
        (&json!(true), &json!(second))
    );
    assert_eq!(band.here.read("song"), SONG.replace('2', "20"));
    assert_eq!(band.here.ok(&["pull"])["merge"]["up_to_date"], true);

    let theirs = band.goes_on("song", &SONG.replace('2', "21"));
    let ours = band.here.commit("song", &SONG.replace('1', "10").replace('2', "20"));
    assert_eq!(band.here.fails(&["push"]), (5, "not_fast_forward".to_owned()));
    assert_eq!(band.here.fails(&["pull", "--ff-only"]), (1, "diverged".to_owned()));
    assert_eq!(band.here.read(".muse/refs/heads/main"), ours);
    let merged = band.here.ok(&["pull"]);
    assert_eq!(merged["merge"]["commit"]["parents"], json!([ours, theirs]));
    assert_eq!(merged["merge"]["commit"]["message"], "Merge origin/main into main");
    assert_eq!(band.here.read("song"), SONG.replace('1', "10").replace('2', "21"));
    band.here.ok(&["push"]);
    let back = band.there.ok(&["pull"]);
    assert_eq!(back["merge"]["commit"], merged["merge"]["commit"]["commit_id"]);
    assert_eq!(band.there.read("song"), band.here.read("song"));
}

#[tokio::test]
async fn a_conflict_waits_as_that_of_a_merge() {
    let band = Band::new().await;
    let theirs = band.goes_on("song", &SONG.replace('1', "11"));
    let ours = band.here.commit("song", &SONG.replace('1', "10"));
    let (code, told) = band.here.json(&["pull"]);
    assert_eq!((code, &told["ok"], &told["command"]), (1, &json!(false), &json!("pull")));
    assert_eq!(told["result"]["merge"]["conflicts"][0]["kind"], "content");
    assert!(band.here.read("song").contains(">>>>>>> theirs"));
    let state: Value = serde_json::from_str(&band.here.read(".muse/MERGE_STATE.json")).unwrap();
    assert_eq!(
        (&state["theirs_commit"], &state["other_branch"]),
        (&json!(theirs), &json!("origin/main"))
    );
    assert_eq!(band.here.fails(&["pull"]), (1, "merging".to_owned()));
    band.here.write("song", SONG);
    let merged = band.here.ok(&["merge", "--continue"]);
    assert_eq!(merged["commit"]["parents"], json!([ours, theirs]));
    band.here.ok(&["push"]);
}

/// H82: a pull overwrites nothing that is in no commit, and with `--force` it keeps a copy.
#[tokio::test]
async fn what_is_in_no_commit_outlives_a_pull() {
    let band = Band::new().await;
    band.goes_on("song", &SONG.replace('1', "11"));
    band.goes_on("new", "theirs\n");
    band.here.write("song", "mine\n");
    band.here.write("new", "mine too\n");
    let head = band.here.read(".muse/refs/heads/main");
    let (code, told) = band.here.json(&["pull"]);
    assert_eq!((code, &told["error"]["code"]), (1, &json!("in_the_way")));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("`song`") && message.contains("`new`"), "{message}");
    assert_eq!(
        (band.here.read("song"), band.here.read("new")),
        ("mine\n".into(), "mine too\n".into())
    );
    assert_eq!(band.here.read(".muse/refs/heads/main"), head);
    let forced = band.here.ok(&["pull", "--force"]);
    assert_eq!(forced["merge"]["rescued"], json!(["new", "song"]));
    assert_eq!(band.here.read("new"), "theirs\n");
    let rescued = band.here.path().join(".muse/motet/rescued");
    let place = fs::read_dir(rescued).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(place.join("song")).unwrap(), "mine\n");
    assert_eq!(fs::read_to_string(place.join("new")).unwrap(), "mine too\n");

    // The same where both sides went on, with files that only theirs have.
    band.here.commit("ours", "o\n");
    band.goes_on("late", "theirs\n");
    band.here.write("late", "mine\n");
    assert_eq!(band.here.fails(&["pull"]), (1, "in_the_way".to_owned()));
    assert_eq!(band.here.read("late"), "mine\n");
    assert!(!band.here.exists(".muse/MERGE_STATE.json"));
}

#[tokio::test]
async fn a_branch_without_a_commit_takes_all() {
    let band = Band::new().await;
    let desk = Desk::with_accounts_of(&band.there);
    desk.ok(&["init"]);
    assert_eq!(desk.fails(&["pull"]), (2, "no_remote".to_owned()));
    desk.ok(&["remote", "add", "origin", &format!("{}/ada/songs", band.server.base_url())]);
    desk.write("song", "mine\n");
    assert_eq!(desk.fails(&["pull", "origin", "main"]), (1, "in_the_way".to_owned()));
    fs::remove_file(desk.path().join("song")).unwrap();
    desk.ok(&["pull", "origin", "main", "-u"]);
    assert_eq!(desk.read("song"), SONG);
    assert!(desk.read(".muse/config.toml").contains("branch = \"main\""));
    assert_eq!(desk.ok(&["status"])["clean"], true);
    desk.ok(&["checkout", "HEAD~0"]);
    assert_eq!(desk.fails(&["pull"]), (2, "detached".to_owned()));
}

#[tokio::test]
async fn branches_that_are_forced_or_gone_are_told() {
    let band = Band::new().await;
    let second = band.goes_on("more", "m\n");
    band.here.ok(&["fetch"]);
    band.there.ok(&["checkout", "HEAD~1"]);
    band.there.ok(&["branch", "main", "HEAD", "--force"]);
    band.there.ok(&["checkout", "main"]);
    let other = band.there.commit("other", "o\n");
    band.there.ok(&["push", "--force"]);
    // Remembered, and never there: one plain, one in the way of nothing.
    fs::write(band.here.path().join(".muse/remotes/origin/old"), &second).unwrap();
    let fetched = band.here.ok(&["fetch"]);
    assert_eq!(
        fetched["branches"],
        json!([
            { "branch": "main", "old": second, "new": other, "change": "forced" },
            { "branch": "old", "old": second, "new": null, "change": "gone" },
        ])
    );
    assert!(band.here.exists(".muse/remotes/origin/old"));
    assert_eq!(band.here.ok(&["fetch", "--prune"])["branches"][1]["change"], "pruned");
    assert!(!band.here.exists(".muse/remotes/origin/old"));
    // One that stands where a directory has to be goes by itself.
    fs::write(band.here.path().join(".muse/remotes/origin/draft"), &second).unwrap();
    band.there.ok(&["checkout", "-b", "draft/one"]);
    band.there.ok(&["push", "origin", "draft/one"]);
    band.here.ok(&["fetch", "origin", "draft/one"]);
    assert_eq!(band.here.read(".muse/remotes/origin/draft/one"), other);
}

/// What a crash of the machine left empty is fetched again.
#[tokio::test]
async fn an_empty_record_is_none() {
    let band = Band::new().await;
    let second = band.goes_on("song", &SONG.replace('1', "11"));
    let record = format!(".muse/commits/{second}.json");
    fs::write(band.here.path().join(record), "").unwrap();
    band.here.ok(&["pull"]);
    assert_eq!(band.here.read("song"), SONG.replace('1', "11"));
}
