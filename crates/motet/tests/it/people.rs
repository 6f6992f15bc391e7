//! The commands for keys, tokens, agents, organizations and invitations, and signing in by a device's code, with the real
//! binary on both sides.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::Server;

use crate::{MOTET, flows::Browser};

/// Somebody at a machine of their own.
pub(crate) struct Machine {
    dir: TempDir,
    address: String,
}

impl Machine {
    fn new(server: &Server) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), address: server.base_url() }
    }

    /// The same, with a key that is registered for `handle`.
    pub(crate) fn of(server: &Server, handle: &str) -> Self {
        let machine = Self::new(server);
        machine.done(&["keygen"]);
        machine.done(&["register", &machine.address, handle]);
        machine
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(MOTET);
        command.arg("--config-dir").arg(self.config()).arg("--json").args(words).env_clear();
        command
    }

    /// Runs a command with something on its standard input; gives its exit code and what it told.
    fn fed(&self, words: &[&str], input: &str) -> (i32, Value) {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
    }

    pub(crate) fn run(&self, words: &[&str]) -> (i32, Value) {
        self.fed(words, "")
    }

    /// The result of a command that succeeds.
    #[track_caller]
    pub(crate) fn done(&self, words: &[&str]) -> Value {
        let (exit, told) = self.run(words);
        assert_eq!(exit, 0, "{words:?}: {told}");
        told["result"].clone()
    }

    /// The exit code and the word of a command that does not.
    pub(crate) fn fails(&self, words: &[&str]) -> (i32, String) {
        let (exit, told) = self.run(words);
        (exit, told["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn tokens_and_keys_are_managed_from_the_command_line() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let made = ada.done(&["token", "mint", "--scope", "hub:read", "--label", "ci", "--days", "7"]);
    let bearer = |made: &Value| format!("Bearer {}", made["value"].as_str().unwrap());
    let asks = async |made: &Value| {
        let asked = server.get("/api/v1/repos").header("authorization", &bearer(made));
        asked.send().await.status
    };
    assert_eq!(asks(&made).await, 200);
    let id = made["token"]["id"].as_str().unwrap();
    assert_eq!(ada.done(&["token", "list"])["items"][0]["label"], "ci");
    let next = ada.done(&["token", "rotate", id, "--overlap", "0"]);
    assert_eq!((asks(&made).await, asks(&next).await), (401, 200));
    let id = next["token"]["id"].as_str().unwrap();
    ada.done(&["token", "revoke", id]);
    assert_eq!(asks(&next).await, 401);
    assert_eq!(ada.fails(&["token", "revoke", id]), (4, "not_found".to_owned()));
    assert_eq!(ada.fails(&["token", "mint", "--scope", "moon:read"]).0, 5);
    assert_eq!(ada.fails(&["token", "mint", "--scope", "hub"]), (2, "wrong_use".to_owned()));

    let keys = ada.done(&["key", "list"]);
    let key = keys["items"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(
        ada.fails(&["key", "revoke", key, "--reason", "retired"]),
        (5, "last_key".to_owned())
    );
}

#[tokio::test]
async fn agents_and_organizations_are_managed_from_the_command_line() {
    let server = Server::start(MOTET).await;
    let (ada, bob) = (Machine::of(&server, "ada"), Machine::of(&server, "bob"));
    ada.done(&["agent", "create", "robot", "--model", "a large one"]);
    let minted =
        ["token", "mint", "--agent", "robot", "--scope", "hub:read", "--repositories", "all"];
    assert_eq!(ada.done(&minted)["token"]["kind"], "agent");
    assert_eq!(
        ada.done(&["token", "list", "--agent", "robot"])["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(bob.fails(&["token", "list", "--agent", "robot"]).0, 4);
    ada.done(&["agent", "disable", "robot"]);
    assert!(ada.done(&["agent", "list"])["items"][0]["disabled_at"].is_string());

    ada.done(&["org", "create", "choir", "--name", "The Choir"]);
    let code = ada.done(&["org", "invite", "choir", "--role", "viewer"]);
    let code = code["code"].as_str().unwrap();
    let (exit, joined) = bob.fed(&["invite", "accept"], &format!("{code}\n"));
    assert_eq!((exit, &joined["result"]["role"]), (0, &json!("viewer")), "{joined}");
    let (exit, again) = bob.fed(&["invite", "accept"], code);
    assert_eq!((exit, &again["error"]["code"]), (7, &json!("invite_failed")));
    ada.done(&["org", "set-role", "choir", "bob", "reviewer"]);
    let members = ada.done(&["org", "members", "choir"]);
    let of = |it: &Value| (it["member"].clone(), it["role"].clone());
    let found: Vec<_> = members["items"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(found, [(json!("ada"), json!("owner")), (json!("bob"), json!("reviewer"))]);
    ada.done(&["org", "remove", "choir", "bob"]);
    assert_eq!(bob.fails(&["org", "members", "choir"]).0, 4);

    let data = server.data_dir().display().to_string();
    let invited = ada.done(&["invite", "create", "--data-dir", &data]);
    assert!(invited["code"].as_str().unwrap().starts_with("mt_invite_"), "{invited}");
    assert_eq!(ada.fails(&["invite", "create", "--host", &ada.address]).0, 4);
}

#[tokio::test]
async fn a_machine_without_a_browser_signs_in_and_keeps_its_token() {
    let server = Server::with(MOTET).arg("--device-interval=1").start().await;
    let anna = server.register("anna").await;
    let machine = Machine::new(&server);
    let mut command =
        machine.command(&["login", "--device", &machine.address, "--label", "build host"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let page = told.next().unwrap();
    assert!(page.contains(&format!("{}/login/device", machine.address)), "{page}");
    let code = told.find(|line| line.starts_with("    ")).unwrap();
    let browser = Browser::new(&server, &anna).await;
    browser.agree(code.trim()).await.assert_status(200);
    let output =
        tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &result["result"]["handle"]),
        (Some(0), &json!("anna")),
        "{result}"
    );
    // It is shown from now on, and what takes no token says so.
    assert_eq!(machine.done(&["whoami"])["handle"], "anna");
    assert_eq!(machine.done(&["repo", "create", "songs"])["owner"], "anna");
    let mint = ["token", "mint", "--scope", "hub:read"];
    assert_eq!(machine.fails(&mint), (7, "bearer_refused".to_owned()));
    let text = std::fs::read_to_string(machine.config().join("hosts.toml")).unwrap();
    assert!(!text.contains("mt_personal_"), "{text}");
    assert_eq!(machine.done(&["doctor", &machine.address])["checks"][1]["state"], "ok");
}

#[tokio::test]
async fn what_is_kept_of_somebody_is_changed_taken_along_and_left_from_the_command_line() {
    let server = Server::start(MOTET).await;
    let anna = Machine::of(&server, "anna");
    let edited = anna.done(&["me", "edit", "--name", "Anna K.", "--email", "anna@choir.example"]);
    assert_eq!(edited["display_name"], "Anna K.");
    let shown = anna.done(&["me", "show"]);
    assert_eq!(
        (&shown["principal"]["display_name"], &shown["email"]),
        (&json!("Anna K."), &json!("anna@choir.example"))
    );
    assert_eq!(anna.fails(&["me", "edit"]).0, 2, "nothing is said");
    let file = anna.config().join("me.zip");
    let file = file.to_str().unwrap();
    anna.done(&["me", "export", file]);
    assert!(std::fs::read(file).unwrap().starts_with(b"PK"));
    assert_ne!(anna.fails(&["me", "export", file]).0, 0, "a file that is there is not overwritten");
    let (code, told) = anna.run(&["org", "create", "anna"]);
    assert_eq!((code, &told["error"]["hint"]), (5, &json!("choose another handle")), "{told}");
    assert_ne!(anna.fails(&["me", "leave", "--confirm", "boris"]).0, 0);
    anna.done(&["me", "leave", "--confirm", "anna"]);
    server.get("/api/v1/principals/anna").send().await.assert_status(404);
    // The operator brings the account back, and the code lets a key in.
    let dir = server.data_dir().to_str().unwrap();
    let back = anna.done(&["admin", "people", "bring-back", "anna", "--data-dir", dir]);
    let code = anna.config().join("code");
    std::fs::write(&code, back["code"].as_str().unwrap()).unwrap();
    let key = anna.config().join("new_key");
    let (key, code) = (key.to_str().unwrap(), code.to_str().unwrap());
    anna.done(&["keygen", "--out", key]);
    anna.done(&["register", &server.base_url(), "anna", "--key", key, "--invite-file", code]);
    assert_eq!(anna.done(&["me", "show"])["principal"]["handle"], "anna");
}
