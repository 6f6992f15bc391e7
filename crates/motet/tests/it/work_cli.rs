//! `motet work …`: definitions, runs by script and signatures without a server (W01, W04, W24, W71); pipelines, runs and claims
//! at one (W104).

use std::{fs, path::PathBuf};

use pipelines_core::json::canonical;
use serde_json::{Value, json};
use testkit::Server;

use crate::{
    ground::{Ground, on_both},
    working_copies::Desk,
};

/// Both pipelines of the specification.
const EXAMPLES: [&str; 2] = ["add-data-source", "translate-and-grade"];

/// A file of the vectors.
fn fixture(name: &str) -> String {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pipelines");
    dir.join(name).to_str().unwrap().to_owned()
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Sets the member that `pointer` names; `-` appends.
fn set(document: &mut Value, pointer: &str, to: Value) {
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), to)),
        Value::Array(items) if last == "-" => items.push(to),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = to,
        other => panic!("{pointer} leads into {other}"),
    }
}

/// W04.
#[test]
fn lint_finds_exactly_the_faults_of_the_vectors() {
    let (desk, cases) = (Desk::empty(), read("cases.json"));
    let (mut words, mut wanted) = (vec!["work".to_owned(), "lint".to_owned()], Vec::new());
    let mut add = |name: String, text: &str, errors: Value| {
        desk.write(&name, text);
        words.push(name);
        wanted.push(errors);
    };
    for (number, case) in list(&cases["faults"]["cases"]).iter().enumerate() {
        let mut document = cases["faults"]["base"].clone();
        set(&mut document, text(&case["set"]), case["to"].clone());
        let document = serde_json::to_string_pretty(&document).unwrap();
        // One after the other as JSON and as YAML, which JSON is as well.
        let form = ["json", "yaml"][number % 2];
        add(format!("{number}.{form}"), &document, case["errors"].clone());
    }
    for (number, case) in list(&cases["faults"]["texts"]).iter().enumerate() {
        let errors = json!([{ "pointer": "", "code": case["code"] }]);
        add(format!("text-{number}.yaml"), text(&case["yaml"]), errors);
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (code, told) = desk.json(&words);
    assert_eq!((code, &told["ok"]), (1, &json!(false)));
    let files = list(&told["result"]["files"]);
    assert_eq!(files.len(), wanted.len());
    for (file, wanted) in files.iter().zip(wanted) {
        let faults = list(&file["faults"]).iter();
        let faults: Vec<_> = faults
            .map(|it| {
                assert!(it["line"].is_u64() && !text(&it["message"]).is_empty(), "{file}");
                json!({ "pointer": it["pointer"], "code": it["code"] })
            })
            .collect();
        assert_eq!((json!(faults), &file["valid"]), (wanted, &json!(false)), "{}", file["file"]);
    }
}

#[test]
fn a_fault_is_told_with_its_line_as_compilers_do() {
    let desk = Desk::empty();
    let base = &read("cases.json")["faults"]["base"];
    desk.write("base.json", &base.to_string());
    let yaml = "motet: 1\nid: tides\ninput_schema: {type: object}\nsteps:\n  - id: look\n    instructions: Look.\n    output_schema: {type: object}\n    colour: red\n    requires: [nobody]\nfinal_output:\n  composes: [look.*]\n";
    desk.write("tides.yaml", yaml);
    desk.write("torn.yaml", "motet: 1\nid: [x\n");
    let done = desk.run(&["work", "lint", "base.json", "tides.yaml", "torn.yaml"]);
    assert_eq!((done.code, done.err.as_str()), (1, ""));
    insta::assert_snapshot!(done.out, @"
    base.json: good base 1eb092662d3a68871650cd5528a12824322c2c465df2a7179f6d243c650a3acb
    tides.yaml:8: fault unknown_field /steps/0/colour: the member colour is not known here
    tides.yaml:9: fault step_unknown /steps/0/requires/0: no step is called nobody
    torn.yaml:3: fault yaml_syntax: while parsing a flow sequence, expected ',' or ']' at byte 16 line 3 column 1
    3 files, 3 faults, 0 warnings
    ");
    let (code, told) = desk.json(&["work", "lint", "base.json"]);
    assert_eq!((code, &told["result"]["files"][0]["id"]), (0, &json!("base")));
    assert_eq!(desk.fails(&["work", "lint", "nowhere.yaml"]), (2, "unreadable".to_owned()));
    assert_eq!(desk.fails(&["work", "lint"]), (2, "wrong_use".to_owned()));
}

#[test]
fn what_only_a_server_knows_is_said_to_be_unchecked_or_told_by_the_user() {
    let desk = Desk::empty();
    let told = desk.ok(&["work", "lint", &fixture("add-data-source.yaml")]);
    let file = &told["files"][0];
    assert_eq!(file["unchecked_skills"], json!(["board-reading@1.0.0"]));
    assert_eq!((&file["valid"], &file["definition_sha256"]), (&json!(true), &Value::Null));
    // W01, where no skill is named.
    let wanted = &read("translate-and-grade.expected.json")["definition_sha256"];
    let [yaml, json] = ["yaml", "json"].map(|form| fixture(&format!("translate-and-grade.{form}")));
    let told = desk.ok(&["work", "lint", &yaml, &json]);
    for file in list(&told["files"]) {
        assert_eq!(&file["definition_sha256"], wanted);
    }
    let mut document = read("cases.json")["faults"]["base"].clone();
    set(&mut document, "/priority", json!(9));
    set(&mut document, "/steps/1/subcommands/0/url", json!("http://tools.lan:8080/look"));
    desk.write("own.json", &document.to_string());
    let (code, told) = desk.json(&["work", "lint", "own.json"]);
    let codes: Vec<_> = list(&told["result"]["files"][0]["faults"]).iter().collect();
    let codes: Vec<_> = codes.into_iter().map(|it| text(&it["code"])).collect();
    assert_eq!((code, codes), (1, vec!["priority_not_granted", "endpoint_refused"]));
    desk.ok(&["work", "lint", "own.json", "--max-priority", "9", "--allow", "tools.lan:8080"]);
}

/// The simulated half of W24: the same outcome, byte for byte, whoever comes first.
#[test]
fn both_scripts_come_to_what_is_expected_in_any_order() {
    let desk = Desk::empty();
    for name in EXAMPLES {
        let [yaml, json, script, expected] = ["yaml", "json", "script.json", "expected.json"]
            .map(|it| fixture(&format!("{name}.{it}")));
        let wanted = canonical(&read(&format!("{name}.expected.json")));
        for seed in 0..=20 {
            let file = if seed % 2 == 0 { &yaml } else { &json };
            let seed = seed.to_string();
            let words = ["work", "simulate", file, "--script", &script, "--seed", &seed];
            let told = desk.ok(&[&words[..], &["--expect", &expected]].concat());
            assert_eq!(canonical(&told["outcome"]), wanted, "{name}, seed {seed}");
            assert_eq!(told["differences"], json!([]));
        }
    }
}

#[test]
fn a_run_is_shown_as_a_table() {
    let desk = Desk::empty();
    let [file, script, expected] = ["yaml", "script.json", "expected.json"]
        .map(|it| fixture(&format!("translate-and-grade.{it}")));
    let words = ["work", "simulate", &file, "--script", &script, "--expect", &expected];
    let done = desk.run(&words);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    insta::assert_snapshot!(done.out, @r#"
    state       completed
    definition  f9cdf547415ad3ba483f91bf5ecd0bffb14ef3cbb7e36bd5135b8a1d16c26e6d
    claims      17
    calls       3
    sent        run.composed, run.composed, run.completed
    reopened    1
    superseded  assess, grade[2], sign-off, translate[2]
    dead        none

    ADDRESS       STATE    GENERATION  FAILED  FENCE
    assess        done     2           0       3
    grade[0]      done     1           0       0
    grade[1]      skipped  1           0       0
    grade[2]      done     2           0       0
    sign-off      skipped  2           0       0
    split         done     1           0       1
    translate[0]  done     1           0       1
    translate[1]  skipped  1           0       0
    translate[2]  done     2           0       2

    output {
      "graded": 2,
      "lowest": 5,
      "passages": [
        {
          "grade": 5,
          "kind": "heading",
          "source": "Harbour notes",
          "terms": [
            "harbour"
          ],
          "text": "Notas do porto"
        },
        {
          "kind": "code",
          "source": "berth(4)"
        },
        {
          "grade": 5,
          "kind": "prose",
          "source": "The ferry leaves at nine.",
          "terms": [
            "ferry"
          ],
          "text": "A balsa parte às nove."
        }
      ],
      "summary": "Both passages read well.",
      "terms": [
        "harbour",
        "ferry"
      ]
    }

    good all of it is as expected
    "#);
}

#[test]
fn what_differs_from_what_is_expected_is_told_by_its_place() {
    let desk = Desk::empty();
    let [file, script] =
        ["yaml", "script.json"].map(|it| fixture(&format!("add-data-source.{it}")));
    let words = ["work", "simulate", &file, "--script", &script];
    let mut expected = read("add-data-source.expected.json");
    expected["claims"] = json!(8);
    expected["tasks"]["list-boards"]["fence"] = json!(2);
    expected.as_object_mut().unwrap().remove("reopens");
    desk.write("expected.json", &expected.to_string());
    let (code, told) = desk.json(&[&words[..], &["--expect", "expected.json"]].concat());
    let differences = json!([
        { "pointer": "/claims", "expected": 8, "found": 9 },
        { "pointer": "/tasks/list-boards/fence", "expected": 2, "found": 1 },
        { "pointer": "/reopens", "found": 0 },
    ]);
    assert_eq!((code, &told["ok"]), (1, &json!(false)));
    assert_eq!(told["result"]["differences"], differences);

    // Nothing is compared that nobody asked for.
    assert_eq!(desk.ok(&words)["differences"], Value::Null);

    let mut script = read("add-data-source.script.json");
    script["answers"]["plan-checks"][0]["expect_input"] = json!(null);
    set(&mut script, "/answers/plan-checks/0/expect_input", json!({ "other": true }));
    desk.write("other.json", &script.to_string());
    let words = ["work", "simulate", &file, "--script", "other.json"];
    assert_eq!(desk.fails(&words), (1, "derailed".to_owned()));
    desk.write("other.json", "{\"publisher\": \"tidewater\", \"colour\": 1}");
    assert_eq!(desk.fails(&words), (1, "bad_script".to_owned()));
    let words = ["work", "simulate", &file, "--script", "nowhere.json"];
    assert_eq!(desk.fails(&words), (2, "unreadable".to_owned()));
    // A skill that the script does not have is a fault.
    script["skills"] = json!([]);
    desk.write("other.json", &script.to_string());
    let (code, told) = desk.json(&["work", "simulate", &file, "--script", "other.json"]);
    let fault = &told["result"]["faults"][0];
    assert_eq!((code, &fault["code"], &fault["line"]), (1, &json!("skill_unknown"), &json!(50)));
}

const A: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const B: &str = "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
const ID: &str = "019300a0-0000-7000-8000-000000000001";
const PING: &str = r#"{"type":"ping","data":{}}"#;
const AT: i64 = 1_795_294_380;

/// The secret, the time, the body, and both signatures (`spec/webhooks.md` 6).
const VECTORS: [(&str, i64, &str, &str, &str); 5] = [
    (
        A,
        AT,
        PING,
        "v1,41QAnYS1ZMkHd4kr+KVfq1PS4O5LB2Ugwsp2M6z/eKw=",
        "8df6cd5e8758af6b514d82b3d1d191cc8071bf093691b2620940b9cdabb5ddc2",
    ),
    (
        A,
        1_795_294_447,
        PING,
        "v1,F16/eBEWtiL2qK4wUnLsjkkc0ojiZwqkLCzIHLrdsM4=",
        "1499e93fe7bbd460811c01fadd7edca7f851c196a69cbc177571b8c537b50618",
    ),
    (
        A,
        AT,
        "{\"type\":\"issue.opened\",\"data\":{\"title\":\"naïve – 音\"}}",
        "v1,7LM+Uc86DxMRaEbODivWfCDEKGgAQ+4WXayzhE4/o1U=",
        "a289ead5aac98adfb1a03fafa545e4ea8341b3957958178c3dc026fe905cb433",
    ),
    (
        B,
        AT,
        PING,
        "v1,0sgCGaiA0n3aXG1EsH0za7qeIX0IyZkSisBfqi24b/s=",
        "bf050ec1dba20abb41c0e03d8df3f3c596470c564455cf23a256efb95beda0fe",
    ),
    (
        A,
        AT,
        "",
        "v1,vvxCYgTB/FQZVYqXpv9I2Lj23+l1nZdMGGldRcWukW8=",
        "7d67f43ffbae8a76bfde28c3c01dc8effbc4ad3656a3c6f6ae1a91b49b84dcaa",
    ),
];

/// What came in, and what is said of it: for each signature whether it is good.
fn verified(desk: &Desk, (secrets, head, body): (&str, &str, &str), now: i64) -> (i32, Vec<bool>) {
    desk.write("secret", secrets);
    desk.write("head", head);
    desk.write("body", body);
    let now = now.to_string();
    let words = ["work", "verify-webhook", "--secret-file", "secret", "--headers", "head", "body"];
    let (code, told) = desk.json(&[&words[..], &["--now", &now]].concat());
    let signatures = list(&told["result"]["signatures"]).iter();
    (code, signatures.map(|it| it["valid"].as_bool().unwrap()).collect())
}

fn head(id: &str, at: i64, webhook: &str, motet: &str) -> String {
    format!(
        "Content-Type: application/json\nwebhook-id: {id}\nwebhook-timestamp: {at}\nwebhook-signature: {webhook}\nX-Motet-Signature: t={at},{motet}\n"
    )
}

#[test]
fn webhooks_are_verified_as_their_vectors_say() {
    let desk = Desk::empty();
    for (secret, at, body, webhook, motet) in VECTORS {
        let head = head(ID, at, webhook, &format!("v1={motet}"));
        assert_eq!(verified(&desk, (secret, &head, body), at), (0, vec![true, true]), "{webhook}");
        assert_eq!(verified(&desk, (secret, &head, body), at + 300).0, 0);
    }
    let ((_, _, _, first, tag), (_, _, _, other, other_tag)) = (VECTORS[0], VECTORS[3]);
    let good = head(ID, AT, first, &format!("v1={tag}"));
    // The four bad ones.
    let changed = PING.replace("ping", "pong");
    assert_eq!(verified(&desk, (A, &good, &changed), AT), (1, vec![false, false]));
    assert_eq!(verified(&desk, (A, &good, PING), 1_795_294_681), (1, vec![false, false]));
    let renamed = good.replace(ID, "019300a0-0000-7000-8000-000000000002");
    assert_eq!(verified(&desk, (A, &renamed, PING), AT), (1, vec![false, true]));
    assert_eq!(verified(&desk, (B, &good, PING), AT), (1, vec![false, false]));
    // While two secrets overlap, each of them is enough, and so are both.
    let both = head(ID, AT, &format!("{other} {first}"), &format!("v1={other_tag},v1={tag}"));
    for secrets in [A.to_owned(), B.to_owned(), format!("{B}\n{A}\n")] {
        assert_eq!(verified(&desk, (&secrets, &both, PING), AT), (0, vec![true, true]));
    }
    // What is not signed is not good, and what is no secret and no header is wrong use.
    assert_eq!(verified(&desk, (A, "content-type: text/plain\n", PING), AT), (1, vec![]));
    let words = ["work", "verify-webhook", "--secret-file", "secret", "--headers", "head", "body"];
    desk.write("secret", "whsec_short\n");
    assert_eq!(desk.fails(&words), (2, "bad_secret".to_owned()));
    desk.write("secret", "\n");
    assert_eq!(desk.fails(&words), (2, "no_secret".to_owned()));
    desk.write("secret", A);
    desk.write("head", "no header\n");
    assert_eq!(desk.fails(&words), (2, "bad_headers".to_owned()));
}

/// W71: the vector verifies, and any line that changes does not.
#[test]
fn calls_are_verified_as_their_vector_says() {
    let (desk, case) = (Desk::empty(), &read("cases.json")["call_signature"]);
    let lines: Vec<_> = text(&case["message"]).split('\n').collect();
    let [_, at, call, method, target, place, run, task, claim, fence, subcommand, _] = lines[..]
    else {
        panic!("{lines:?}")
    };
    let (publisher, rest) = place.split_once('/').unwrap();
    let (pipeline, version) = rest.split_once('@').unwrap();
    let head = |signature: &str| {
        format!(
            "{method} {target} HTTP/1.1\r\nHost: tools.example\r\nX-Motet-Call-Signature: {signature}\r\nX-Motet-Publisher: {publisher}\r\nX-Motet-Pipeline: {pipeline}\r\nX-Motet-Version: {version}\r\nX-Motet-Run: {run}\r\nX-Motet-Task: {task}\r\nX-Motet-Claim: {claim}\r\nX-Motet-Fence: {fence}\r\nX-Motet-Call: {call}\r\nX-Motet-Subcommand: {subcommand}\r\nX-Motet-Remaining-Ms: 5000\r\n\r\n"
        )
    };
    let at: i64 = at.parse().unwrap();
    let (secret, older, body) =
        (text(&case["secret"]), text(&case["older_secret"]), text(&case["body"]));
    let (one, two) = (head(text(&case["one_secret"])), head(text(&case["two_secrets"])));
    assert_eq!(verified(&desk, (secret, &one, body), at), (0, vec![true]));
    assert_eq!(verified(&desk, (secret, &two, body), at), (0, vec![true]));
    assert_eq!(verified(&desk, (older, &two, body), at), (0, vec![true]));
    assert_eq!(verified(&desk, (older, &one, body), at), (1, vec![false]));
    assert_eq!(verified(&desk, (secret, &one, "{}"), at), (1, vec![false]));
    assert_eq!(verified(&desk, (secret, &one, body), at + 301), (1, vec![false]));
    for (was, is) in [
        (target, "/other"),
        (publisher, "others"),
        (pipeline, "other"),
        ("Version: 3", "Version: 4"),
        (run, ID),
        (task, ID),
        (claim, ID),
        ("Fence: 2", "Fence: 3"),
        (call, ID),
        (subcommand, "other"),
        ("t=1795294380", "t=1795294381"),
        // Not all of it has come along.
        ("X-Motet-Run", "X-Run"),
        ("POST ", "X-Request: "),
    ] {
        let changed = one.replacen(was, is, 1);
        assert_ne!(changed, one, "{was}");
        assert_eq!(verified(&desk, (secret, &changed, body), at), (1, vec![false]), "{was}");
    }
}

/// A publisher on a server, and files with the tokens of whoever runs it and works for it.
struct House {
    server: Server,
    desk: Desk,
}

impl House {
    async fn new(ground: &Ground) -> Self {
        let (server, desk) = (ground.server().start().await, Desk::empty());
        let anna = server.register("anna").await;
        let made = async |target: &str, body: Value| {
            let answer = server.post(target).json(&body).by(&anna).send().await;
            assert_eq!(answer.status, 201, "{target}: {}", answer.text());
            answer.json()
        };
        made("/api/v1/orgs", json!({ "handle": "tidewater" })).await;
        made("/api/v1/orgs/tidewater/publisher", json!({})).await;
        let scope = json!({ "planes": { "work": "write" }, "publishers": ["tidewater"] });
        let agent = json!({ "handle": "heron", "capabilities": ["browser"], "scope": scope });
        made("/api/v1/agents", agent).await;
        for (name, target, body) in [
            ("admin", "/api/v1/publishers/tidewater/tokens/admin", json!({})),
            ("runner", "/api/v1/publishers/tidewater/tokens/runner", json!({})),
            ("heron", "/api/v1/agents/heron/tokens", json!({ "scope": scope })),
        ] {
            desk.write(name, text(&made(target, body).await["value"]));
        }
        Self { server, desk }
    }

    /// How a command ends that shows a token to the server.
    fn told(&self, token: &str, words: &[&str]) -> (i32, Value) {
        let host = self.server.base_url();
        let reach = ["--host", &host, "--token-file", token];
        self.desk.json(&[&["work"], words, &reach].concat())
    }

    /// The result of one that ends well.
    #[track_caller]
    fn done(&self, token: &str, words: &[&str]) -> Value {
        let (code, told) = self.told(token, words);
        assert_eq!(code, 0, "{words:?}: {told}");
        told["result"].clone()
    }

    /// How one fails: exit code and word.
    fn fails(&self, token: &str, words: &[&str]) -> (i32, String) {
        let (code, told) = self.told(token, words);
        (code, text(&told["error"]["code"]).to_owned())
    }

    /// The claim that an agent gets.
    fn claimed(&self) -> Value {
        let told = self.done("heron", &["claim", "--wait", "30", "--label", "browser"]);
        told["items"][0].clone()
    }
}

/// One step that makes a number, and has one attempt.
fn tides(instructions: &str) -> String {
    let schema =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let document = json!({
        "motet": 1, "id": "tides", "input_schema": {"type": "object"}, "defaults": {"attempts": 1},
        "steps": [{"id": "look", "instructions": instructions, "labels": ["browser"], "output_schema": schema}],
        "final_output": {"composes": ["look.*"]},
    });
    serde_json::to_string_pretty(&document).unwrap()
}

on_both! {
    async fn a_definition_is_registered_by_command_with_its_faults_beside_their_lines(ground: Ground) {
        let house = House::new(&ground).await;
        house.desk.write("tides.json", &tides("Look."));
        let words = ["register", "tides.json"];
        let tried = house.done("admin", &[&words[..], &["--dry-run"]].concat())["registered"].clone();
        assert_eq!((&tried["version"], &tried["dry_run"]), (&json!(1), &json!(true)));
        let told = house.done("admin", &words)["registered"].clone();
        assert_eq!((&told["id"], &told["version"], &told["current_version"]), (&json!("tides"), &json!(1), &json!(1)));
        assert_eq!(told["definition_sha256"], tried["definition_sha256"]);
        assert_eq!(house.done("admin", &words)["registered"]["version"], 1);
        house.desk.write("tides.json", &tides("Look twice."));
        let beside = [&words[..], &["--publisher", "tidewater", "--no-activate"]].concat();
        let told = house.done("admin", &beside)["registered"].clone();
        assert_eq!((&told["version"], &told["current_version"]), (&json!(2), &json!(1)));
        // What lint finds and what the server finds are told alike.
        house.desk.write("tides.json", &tides("Look.").replace("\"labels\"", "\"lables\""));
        let (code, told) = house.told("admin", &words);
        let (_, linted) = house.desk.json(&["work", "lint", "tides.json"]);
        assert_eq!((code, &told["result"]["registered"]), (1, &Value::Null));
        assert_eq!(told["result"]["faults"], linted["result"]["files"][0]["faults"]);
        assert_eq!(told["result"]["faults"][0]["code"], "unknown_field");
        house.desk.write("tides.json", &tides("Look."));
        assert_eq!(house.told("runner", &words).0, 1);
    }
}

on_both! {
    async fn a_run_is_begun_claimed_handed_in_and_verified_by_command(ground: Ground) {
        let house = House::new(&ground).await;
        house.desk.write("tides.json", &tides("Look."));
        house.desk.write("input.json", "{\"port\": 17}");
        house.done("admin", &["register", "tides.json"]);
        assert_eq!(house.told("heron", &["claim"]).0, 4);
        let start = ["run", "tidewater/tides", "--input", "input.json"];
        let begun = house.done("runner", &[&start[..], &["--external-id", "17"]].concat());
        let run = text(&begun["run"]["run"]);
        let again = house.done("runner", &[&start[..], &["--external-id", "17"]].concat());
        assert_eq!(text(&again["run"]["run"]), run);
        assert_eq!(house.fails("runner", &["runs", run, "--verify"]), (1, "run_live".to_owned()));

        // Without the label there is nothing to do.
        assert_eq!(house.told("heron", &["claim"]).0, 4);
        let claim = house.claimed();
        assert_eq!((&claim["address"], &claim["input"]["value"]), (&json!("look"), &json!({"input": {"port": 17}})));
        let id = text(&claim["claim"]);
        house.desk.write("wrong.json", "{\"n\": \"many\"}");
        house.desk.write("right.json", "{\"n\": 3}");
        let (code, told) = house.told("heron", &["submit", id, "wrong.json"]);
        assert_eq!((code, list(&told["result"]["faults"]).len()), (1, 1), "{told}");
        let told = house.done("heron", &["submit", id, "right.json", "--notes", "by eye"]);
        assert_eq!((&told["submitted"]["verdict"], &told["submitted"]["run_state"]), (&json!("accepted"), &json!("completed")));
        assert_eq!(house.done("heron", &["submit", id, "right.json"])["submitted"]["repeated"], true);
        house.desk.write("wrong.json", "{\"n\": 4}");
        assert_eq!(house.fails("heron", &["submit", id, "wrong.json"]), (1, "claim_lost".to_owned()));

        // W104, for a run of one task.
        let told = house.done("runner", &["runs", run, "--verify"]);
        assert_eq!((&told["sound"], &told["tasks"]), (&json!(true), &json!(1)), "{told}");
        assert_eq!(house.done("runner", &["runs", run, "--watch"])["state"], "completed");
        let listed = house.done("runner", &["runs", "--publisher", "tidewater", "--state", "completed"]);
        assert_eq!(list(&listed["items"]).iter().map(|it| text(&it["run"])).collect::<Vec<_>>(), [run]);
    }
}

on_both! {
    async fn a_command_waits_for_a_run_and_tells_how_it_ended(ground: Ground) {
        let house = House::new(&ground).await;
        house.desk.write("tides.json", &tides("Look."));
        house.desk.write("input.json", "{}");
        house.desk.write("right.json", "{\"n\": 3}");
        house.done("admin", &["register", "tides.json"]);
        let start = ["run", "tidewater/tides", "--input", "input.json", "--wait"];
        let waited = |work: &dyn Fn(&str)| {
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| house.told("runner", &start));
                work(text(&house.claimed()["claim"]));
                waiting.join().unwrap()
            })
        };
        let (code, told) = waited(&|claim| drop(house.done("heron", &["submit", claim, "right.json"])));
        assert_eq!((code, &told["result"]["output"]), (0, &json!({"n": 3})), "{told}");
        let (code, told) = waited(&|claim| {
            let words = ["submit", claim, "--release", "failed", "--code", "fog", "--detail", "nothing to see"];
            assert_eq!(house.done("heron", &words)["released"]["task_state"], "dead");
        });
        assert_eq!((code, &told["result"]["run"]["state"]), (1, &json!("failed")), "{told}");
        let dead = house.done("admin", &["dead-letters", "list"]);
        assert_eq!((&dead["items"][0]["address"], &dead["items"][0]["run"]), (&json!("look"), &told["result"]["run"]["run"]));
        let words = ["dead-letters", "replay", text(&dead["items"][0]["id"])];
        assert_eq!(house.done("runner", &words)["replayed"], 1);
        assert_eq!((house.told("runner", &words).0, house.told("runner", &[words[0], words[1], "--all"]).0), (1, 4));
        assert_eq!(house.fails("runner", &words[..2]).1, "none_meant");
        assert_eq!(house.fails("runner", &["dead-letters", "discard", words[2]]).1, "conflict");
        house.done("heron", &["submit", text(&house.claimed()["claim"]), "--release", "failed"]);
        let dead = house.done("runner", &["dead-letters", "list", "--agent", "heron"])["items"][0]["id"].clone();
        house.done("runner", &["dead-letters", "discard", text(&dead)]);
        let count = |state: &str| list(&house.done("runner", &["dead-letters", "list", "--state", state])["items"]).len();
        assert_eq!((count("open"), count("discarded"), count("any")), (0, 1, 2));
    }
}

#[tokio::test]
async fn who_is_not_let_in_or_finds_nobody_is_told_by_the_exit_code() {
    let house = House::new(&Ground::Sqlite).await;
    house.desk.write("input.json", "{}");
    house.desk.write("wrong", "mt_runner_nonsense");
    house.desk.write("two", "one\ntwo\n");
    let start = ["run", "tidewater/tides", "--input", "input.json"];
    assert_eq!(house.fails("runner", &start), (1, "not_found".to_owned()));
    assert_eq!(house.fails("wrong", &["runs"]), (1, "unauthenticated".to_owned()));
    assert_eq!(house.fails("two", &["runs"]), (2, "no_token".to_owned()));
    assert_eq!(house.fails("nowhere", &["runs"]), (2, "unreadable".to_owned()));
    assert_eq!(
        house.fails("runner", &["run", "tides", "--input", "input.json"]),
        (2, "wrong_use".to_owned())
    );
    assert_eq!(house.fails("heron", &["submit", ID]), (2, "wrong_use".to_owned()));
    let (desk, host) = (&house.desk, house.server.base_url());
    assert_eq!(desk.fails(&["work", "runs"]), (2, "not_signed_in".to_owned()));
    assert_eq!(desk.fails(&["work", "runs", "--host", &host]), (2, "not_signed_in".to_owned()));
    // Nobody listens on this port.
    let gone = ["work", "runs", "--host", "http://127.0.0.1:9", "--token-file", "runner"];
    assert_eq!(desk.fails(&gone), (3, "unreachable".to_owned()));
}
