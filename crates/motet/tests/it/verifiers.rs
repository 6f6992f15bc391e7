//! Deliveries verified by others: the library `standardwebhooks` in Python and JavaScript, and the samples of
//! `docs/webhooks.md` against the published vectors (`spec/webhooks.md` 6; 8, points 6 and 7).

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testkit::Receiver;

use crate::{
    ground::Ground,
    webhooks::{house, made},
};

const SECRET_A: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET_B: &str = "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
const ID: &str = "019300a0-0000-7000-8000-000000000001";
const PING: &str = r#"{"type":"ping","data":{}}"#;
const FIRST: &str = "v1,41QAnYS1ZMkHd4kr+KVfq1PS4O5LB2Ugwsp2M6z/eKw=";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether each case holds, as a program says that reads them.
fn verdicts(program: &mut Command, cases: &Value) -> Vec<bool> {
    let name = format!("{program:?}");
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("bin/setup installs what runs {name}: {error}"));
    child.stdin.take().unwrap().write_all(cases.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python() -> Command {
    let mut python = Command::new(root().join(".tools/standardwebhooks/bin/python"));
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verifiers.py"));
    python
}

fn node() -> Command {
    let mut node = Command::new("node");
    node.arg(root().join("tests/webhooks/verify.mjs"));
    node
}

fn case(secret: &str, id: &str, sent: (u64, &str), body: &str, now: u64) -> Value {
    let (time, signature) = sent;
    let headers = json!({
        "webhook-id": id, "webhook-timestamp": time.to_string(), "webhook-signature": signature,
    });
    json!({ "secret": secret, "headers": headers, "body": STANDARD.encode(body), "now": now })
}

/// The vectors, and after them those that must fail.
fn vectors() -> Value {
    let (at, later) = (1_795_294_380, 1_795_294_447);
    let fifth = "v1,F16/eBEWtiL2qK4wUnLsjkkc0ojiZwqkLCzIHLrdsM4=";
    let accents = "v1,7LM+Uc86DxMRaEbODivWfCDEKGgAQ+4WXayzhE4/o1U=";
    let other = "v1,0sgCGaiA0n3aXG1EsH0za7qeIX0IyZkSisBfqi24b/s=";
    let empty = "v1,vvxCYgTB/FQZVYqXpv9I2Lj23+l1nZdMGGldRcWukW8=";
    let both = format!("{other} {FIRST}");
    let titled = r#"{"type":"issue.opened","data":{"title":"naïve – 音"}}"#;
    json!([
        case(SECRET_A, ID, (at, FIRST), PING, at),
        case(SECRET_A, ID, (later, fifth), PING, later),
        case(SECRET_A, ID, (at, accents), titled, at),
        case(SECRET_B, ID, (at, other), PING, at),
        case(SECRET_A, ID, (at, empty), "", at),
        case(SECRET_A, ID, (at, &both), PING, at),
        case(SECRET_B, ID, (at, &both), PING, at),
        case(SECRET_A, ID, (at, FIRST), &PING.replace("ping", "pong"), at),
        case(SECRET_A, ID, (at, FIRST), PING, at + 301),
        case(SECRET_A, &ID.replace('1', "2"), (at, FIRST), PING, at),
        case(SECRET_B, ID, (at, FIRST), PING, at),
    ])
}

/// The sample in a language, as the guide prints it.
fn sample(language: &str, file: &str) -> (tempfile::TempDir, PathBuf) {
    let guide = fs::read_to_string(root().join("docs/webhooks.md")).unwrap();
    let (_, rest) = guide.split_once(&format!("```{language}\n")).unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    fs::write(&path, code).unwrap();
    (dir, path)
}

#[test]
fn the_samples_hold_for_the_vectors_and_fail_the_bad_ones() {
    let expected = [[true; 7].as_slice(), &[false; 4]].concat();
    let (_python, path) = sample("python", "sample.py");
    assert_eq!(verdicts(python().arg(path), &vectors()), expected);
    let (_node, path) = sample("js", "sample.mjs");
    assert_eq!(verdicts(node().arg(path), &vectors()), expected);
}

#[tokio::test]
async fn public_verifiers_take_a_live_delivery_and_no_other() {
    let receiver = Receiver::answering(&[204]).await;
    let (server, anna) = house(&Ground::Sqlite, &receiver).await;
    let hook = made(&server, &anna, &receiver).await;
    let seen = receiver.saw(1).await.remove(0);
    let secret = hook["secret"].as_str().unwrap();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!(seen.header(name)))).collect();
    let case = |secret: &str, body: &[u8]| json!({ "secret": secret, "headers": headers, "body": STANDARD.encode(body) });
    let changed = [&seen.body[..], b" "].concat();
    let cases =
        json!([case(secret, &seen.body), case(SECRET_B, &seen.body), case(secret, &changed)]);
    assert_eq!(verdicts(&mut python(), &cases), [true, false, false]);
    assert_eq!(verdicts(&mut node(), &cases), [true, false, false]);
}
