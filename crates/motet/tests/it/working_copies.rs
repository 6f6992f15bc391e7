//! The commands of a working copy, by the real binary: what is told, how they end, what is on disk.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::MOTET;

/// A directory in which the binary works, with a configuration of its own.
pub(crate) struct Desk {
    home: TempDir,
}

/// How a command ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    /// A directory that is no working copy.
    pub(crate) fn empty() -> Self {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join("work")).unwrap();
        Self { home }
    }

    /// A working copy without a commit.
    pub(crate) fn new() -> Self {
        let desk = Self::empty();
        desk.ok(&["init"]);
        desk
    }

    /// A directory that is no working copy yet, with the accounts of `other`.
    pub(crate) fn with_accounts_of(other: &Self) -> Self {
        let desk = Self::empty();
        fs::create_dir(desk.config()).unwrap();
        for entry in fs::read_dir(other.config()).unwrap() {
            let entry = entry.unwrap();
            // Permissions come along: a key is readable by its owner alone.
            fs::copy(entry.path(), desk.config().join(entry.file_name())).unwrap();
        }
        let mode = fs::metadata(other.config()).unwrap().permissions();
        fs::set_permissions(desk.config(), mode).unwrap();
        desk
    }

    /// Another one with the same files.
    pub(crate) fn copy(&self) -> Self {
        let home = TempDir::new().unwrap();
        let from = self.home.path().join(".");
        let copied = Command::new("cp").arg("-a").arg(from).arg(home.path()).status().unwrap();
        assert!(copied.success());
        Self { home }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.home.path().join("work")
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.home.path().join("config")
    }

    pub(crate) fn run_in(&self, directory: &Path, arguments: &[&str]) -> Done {
        let output = Command::new(MOTET)
            .arg("-C")
            .arg(directory)
            .arg("--config-dir")
            .arg(self.config())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_in(&self.path(), arguments)
    }

    /// The result of a command that ends well, as JSON.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let (code, told) = self.json(arguments);
        assert_eq!((code, &told["ok"]), (0, &json!(true)), "{arguments:?}: {told}");
        told["result"].clone()
    }

    /// How a command ends, and the one object that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let done = self.run(&[&["--json"], arguments].concat());
        assert_eq!(
            (done.err.as_str(), done.out.lines().count()),
            ("", 1),
            "{arguments:?}: {}",
            done.out
        );
        (done.code, serde_json::from_str(&done.out).unwrap())
    }

    /// How a command fails: exit code and word.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let (code, told) = self.json(arguments);
        assert_eq!(told["ok"], false, "{arguments:?}: {told}");
        assert!(told["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{told}");
        (code, told["error"]["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path().join(path).symlink_metadata().is_ok()
    }

    /// Writes a file and commits everything; the id.
    pub(crate) fn commit(&self, path: &str, text: &str) -> String {
        self.write(path, text);
        let done = self.ok(&["commit", "-m", &format!("{path} is {}", text.trim())]);
        done["commit"]["commit_id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_history_begins() {
    let desk = Desk::empty();
    assert_eq!(desk.fails(&["status"]), (2, "no_working_copy".to_owned()));
    let made = desk.ok(&["init", "--branch", "trunk/one", "--domain", "midi"]);
    assert_eq!((&made["branch"], &made["domain"]), (&json!("trunk/one"), &json!("midi")));
    assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1, "nothing but .muse is written");
    assert_eq!(desk.read(".muse/HEAD"), "ref: refs/heads/trunk/one\n");
    assert_eq!(desk.fails(&["init"]), (2, "working_copy_exists".to_owned()));
    let nothing = desk.ok(&["commit", "-m", "x"]);
    assert_eq!(nothing["committed"], false);
    let first = desk.commit("verse", "one\n");
    let again = desk.ok(&["commit", "-m", "x"]);
    assert_eq!((&again["committed"], &again["commit"]), (&json!(false), &json!(first)));
    let empty = desk.ok(&[
        "commit",
        "-m",
        "x",
        "--allow-empty",
        "--meta",
        "section=verse",
        "--author",
        "Ada",
    ]);
    assert_eq!(empty["commit"]["metadata"], json!({ "section": "verse" }));
    assert_eq!(empty["commit"]["parents"], json!([first]));
    assert_eq!(empty["commit"]["signed"], false);
    let log = desk.ok(&["log"]);
    let messages: Vec<_> =
        log["commits"].as_array().unwrap().iter().map(|c| &c["message"]).collect();
    assert_eq!(messages, ["x", "verse is one"]);
}

#[test]
fn the_status_is_short() {
    let desk = Desk::new();
    for file in ["a", "b", "c", "d/e"] {
        desk.write(file, file);
    }
    desk.ok(&["commit", "-m", "first"]);
    desk.write("a", "changed");
    fs::remove_file(desk.path().join("b")).unwrap();
    fs::rename(desk.path().join("c"), desk.path().join("d/c")).unwrap();
    desk.write("d/\u{1b}[2Jx", "odd");
    let done = desk.run(&["status"]);
    let lines: Vec<_> = done.out.lines().skip(1).collect();
    assert_eq!(
        lines,
        ["  modified a", "  deleted  b", "  added    d/⟨U+001B⟩[2Jx", "  renamed  c -> d/c",]
    );
    assert!(done.out.starts_with("on main at "), "{}", done.out);
    assert!(!done.out.contains('\u{1b}'), "a pipe gets no colours");
    // Paths are meant where they are typed.
    let inside = desk.run_in(&desk.path().join("d"), &["--json", "status", "."]);
    let told: Value = serde_json::from_str(&inside.out).unwrap();
    assert_eq!(told["result"]["changes"].as_array().unwrap().len(), 2);
    assert_eq!(desk.fails(&["status", "../outside"]), (2, "bad_path".to_owned()));
}

#[test]
fn a_difference_is_shown_line_by_line() {
    let desk = Desk::new();
    desk.commit("words", "one\ntwo\n");
    desk.write("words", "one\n\tTWO\u{7}");
    desk.write("bin", "\0");
    assert_eq!(
        desk.run(&["diff"]).out,
        "diff a/bin b/bin\nbinary files /dev/null and b/bin differ\ndiff a/words b/words\n--- a/words\n+++ \
         b/words\n@@ -1,2 +1,2 @@\n one\n-two\n+\tTWO⟨U+0007⟩\n\\ no newline at the end\n"
    );
    assert_eq!(desk.run(&["diff", "--name-only", "--", "words"]).out, "words\n");
    assert_eq!(
        desk.run(&["diff", "--stat", "--", "words"]).out,
        " words | 2 +-\n 1 file changed, +1 -1\n"
    );
    desk.ok(&["commit", "-m", "second\n\nbody"]);
    let shown = desk.run(&["show", "--stat"]).out;
    assert!(shown.contains("\n    second\n\n    body\n"), "{shown}");
    assert!(shown.ends_with(" words | 2 +-\n 2 files changed, +1 -1\n"), "{shown}");
    let between = desk.ok(&["diff", "HEAD~1", "HEAD"]);
    assert_eq!(between["files"][1]["added"], 1);
    assert_eq!(desk.fails(&["diff", "nobody"]), (4, "unknown_revision".to_owned()));
    assert_eq!(desk.run(&["log", "--oneline", "--", "bin"]).out.lines().count(), 1);
}

#[test]
fn changes_in_no_commit_are_never_overwritten() {
    let desk = Desk::new();
    desk.commit("a", "1\n");
    desk.ok(&["checkout", "-b", "side"]);
    desk.commit("a", "2\n");
    desk.commit("new", "n\n");
    desk.ok(&["checkout", "main"]);
    assert_eq!((desk.read("a"), desk.exists("new")), ("1\n".to_owned(), false));
    desk.write("a", "mine\n");
    desk.write("new", "mine too\n");
    let (code, told) = desk.json(&["checkout", "side"]);
    assert_eq!((code, &told["error"]["code"]), (1, &json!("in_the_way")));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("`a`") && message.contains("`new`"), "{message}");
    assert_eq!(desk.fails(&["merge", "side"]), (1, "in_the_way".to_owned()));
    assert_eq!((desk.read("a"), desk.read("new")), ("mine\n".to_owned(), "mine too\n".to_owned()));
    assert_eq!(desk.read(".muse/HEAD"), "ref: refs/heads/main\n");
    let forced = desk.ok(&["checkout", "side", "--force"]);
    assert_eq!((desk.read("a"), desk.read("new")), ("2\n".to_owned(), "n\n".to_owned()));
    let kept = forced["rescued_in"].as_str().unwrap();
    assert_eq!(desk.read(&format!("{kept}/a")), "mine\n");
    assert_eq!(desk.read(&format!("{kept}/new")), "mine too\n");

    desk.write("a", "again\n");
    fs::remove_file(desk.path().join("new")).unwrap();
    assert_eq!(desk.fails(&["restore", "."]), (1, "in_the_way".to_owned()));
    assert!(!desk.exists("new"));
    desk.ok(&["restore", "new"]);
    assert_eq!(desk.read("new"), "n\n");
    let restored = desk.ok(&["restore", ".", "--force"]);
    let kept = restored["rescued_in"].as_str().unwrap();
    assert_eq!(
        (desk.read("a"), desk.read(&format!("{kept}/a"))),
        ("2\n".to_owned(), "again\n".to_owned())
    );
    desk.ok(&["restore", "--source", "main", "a", "new"]);
    assert_eq!((desk.read("a"), desk.exists("new")), ("1\n".to_owned(), false));
    assert_eq!(desk.fails(&["restore", "nowhere"]), (1, "nothing_matched".to_owned()));
}

#[test]
fn branches_tags_and_remotes_come_and_go() {
    let desk = Desk::new();
    assert_eq!(desk.fails(&["branch", "early"]), (4, "no_commit".to_owned()));
    let first = desk.commit("a", "1\n");
    let second = desk.commit("a", "2\n");
    desk.ok(&["branch", "draft", "HEAD~1"]);
    assert_eq!(desk.read(".muse/refs/heads/draft"), first);
    assert_eq!(desk.fails(&["branch", "draft"]), (1, "branch_exists".to_owned()));
    assert_eq!(desk.fails(&["branch", "draft/x"]), (1, "ref_conflict".to_owned()));
    assert_eq!(desk.run(&["branch"]).out.lines().count(), 2);
    assert_eq!(desk.fails(&["branch", "-d", "main"]), (1, "current_branch".to_owned()));
    desk.ok(&["checkout", "draft"]);
    let third = desk.commit("b", "3\n");
    assert_eq!(desk.ok(&["checkout", &third[..12]])["branch"], Value::Null);
    assert_eq!(desk.read(".muse/HEAD"), format!("commit: {third}\n"));
    desk.ok(&["checkout", "main"]);
    assert_eq!(desk.fails(&["branch", "-d", "draft"]), (1, "not_merged".to_owned()));
    desk.ok(&["tag", "v1", "draft"]);
    assert_eq!(desk.fails(&["tag", "v1"]), (1, "tag_exists".to_owned()));
    desk.ok(&["tag", "--label", "section:verse"]);
    desk.ok(&["branch", "-d", "draft", "--force"]);
    assert_eq!(desk.ok(&["show", "v1"])["commit"]["commit_id"], json!(third));
    let listed = desk.ok(&["tag"]);
    assert_eq!(listed["tags"], json!([{ "name": "v1", "commit": third }]));
    assert_eq!(listed["labels"], json!([{ "commit": second, "text": "section:verse" }]));
    desk.ok(&["tag", "-d", "v1"]);
    assert_eq!(desk.fails(&["tag", "-d", "v1"]), (4, "no_tag".to_owned()));
    desk.ok(&["tag", "-d", "--label", "section:verse"]);

    desk.ok(&["remote", "add", "origin", "https://forge.example/ada/songs"]);
    assert_eq!(
        desk.fails(&["remote", "add", "origin", "https://forge.example/ada/x"]),
        (1, "remote_exists".to_owned())
    );
    desk.ok(&["remote", "rename", "origin", "forge"]);
    desk.ok(&["remote", "set-url", "forge", "https://forge.example/ada/more"]);
    let listed = desk.ok(&["remote", "list"]);
    assert_eq!(listed["remotes"][0]["name"], "forge");
    assert!(
        desk.read(".muse/config.toml")
            .contains("[remotes.forge]\nurl = \"https://forge.example/ada/more\"")
    );
    desk.ok(&["remote", "remove", "forge"]);
    assert_eq!(desk.fails(&["remote", "remove", "forge"]), (4, "no_remote".to_owned()));
    let (code, told) = desk.json(&["remote", "add", "not plain", "https://forge.example/ada/x"]);
    assert_eq!((code, &told["error"]["code"]), (2, &json!("wrong_use")));
}

#[tokio::test]
async fn a_commit_is_signed_with_the_key_of_its_server() {
    let server = testkit::Server::start(MOTET).await;
    let desk = Desk::new();
    desk.commit("a", "1\n");
    desk.ok(&["keygen"]);
    let origin = server.base_url();
    desk.ok(&["register", &origin, "ada"]);
    desk.ok(&["remote", "add", "origin", &format!("{origin}/ada/songs")]);
    desk.write("a", "2\n");
    let signed = desk.ok(&["commit", "-m", "signed"]);
    let id = signed["commit"]["commit_id"].as_str().unwrap();
    assert_eq!(
        (&signed["commit"]["signed"], &signed["commit"]["author"]),
        (&json!(true), &json!("ada"))
    );
    let text = desk.read(&format!(".muse/commits/{id}.json"));
    let value =
        api::Value::from_json_slice(text.as_bytes(), &api::Limits::of_body(1 << 20)).unwrap();
    let record = api::CommitRecord::try_from(value).unwrap();
    let file = fs::read_to_string(desk.config().join("id_ed25519")).unwrap();
    let (key, _) = keys::PrivateKey::from_openssh(&file).unwrap();
    let public = key.public();
    assert_eq!(record.signer_key_id, public.fingerprint().to_string());
    let signature = keys::Signature::from_commit_text(&record.signature).unwrap();
    assert!(public.verify(&history::signing_bytes(&record), &signature));
    desk.write("a", "3\n");
    let plain = desk.ok(&["commit", "-m", "plain", "--no-sign"]);
    assert_eq!(plain["commit"]["signed"], false);
}
