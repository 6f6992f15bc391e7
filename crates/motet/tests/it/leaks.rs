//! Keys and tokens that were left in files are told or refused on every way in, and their bytes stand nowhere else
//! (`spec/hub.md` 1, secret protection; 13, H89).

use http::Method;
use keys::TokenText;
use names::{ObjectId, Random};
use serde_json::{Value, json};
use testkit::{Answer, Person, Server};

use crate::{
    MOTET,
    content::{edit, house, push, set},
    git::{Stage, stage},
    ground::{Ground, on_both, settled},
    organizations::post,
    people::Machine,
    presigned::{address_of, confirm, put},
};

const SONG: &str = "/api/v1/repos/anna/song";
const PASSES: &str = "/api/v1/repos/anna/song/secret-passes";

/// Forms as their makers write them: texts, and runs of letters in braces. `crc` ends what GitHub and npm make.
const PATTERNS: [&str; 57] = [
    "ghp_{a30}{crc}",
    "gho_{a30}{crc}",
    "ghu_{a30}{crc}",
    "ghs_{a30}{crc}",
    "ghr_{a30}{crc}",
    "npm_{a30}{crc}",
    "github_pat_{a22}_{a59}",
    "glpat-{a20}",
    "glpat-{a27}.0{l8}",
    "gldt-{a20}",
    "glrt-{a20}",
    "glptt-{h40}",
    "ATBB{a32}",
    "ATATT3{a180}={h8}",
    "AKIA{b16}",
    "ASIA{b16}",
    "aws_secret_access_key = \"{a40}\"",
    "AWS_SECRET_ACCESS_KEY={a40}",
    "AccountName=x;AccountKey={a86}==;EndpointSuffix=y",
    "AIza{a35}",
    "GOCSPX-{a28}",
    "pypi-AgEIcHlwaS5vcmc{a120}",
    "rubygems_{h48}",
    "cio{a32}",
    "oy2{l43}",
    "CLOJARS_{h60}",
    "dckr_pat_{a27}",
    "xoxb-{d12}-{d13}-{a24}",
    "xoxp-{d12}-{d12}-{d12}-{h32}",
    "xapp-1-A{u10}-{d13}-{h64}",
    "https://hooks.slack.com/services/T{u9}/B{u11}/{a24}",
    "https://discord.com/api/webhooks/{d18}/{a68}",
    "sk_live_{a24}",
    "rk_live_{a99}",
    "sq0atp-{a22}",
    "sq0csp-{a43}",
    "shpat_{h32}",
    "shpca_{h32}",
    "shpss_{h32}",
    "SG.{a22}.{a43}",
    "xkeysib-{h64}-{a16}",
    "key-{h32}",
    "dop_v1_{h64}",
    "doo_v1_{h64}",
    "dor_v1_{h64}",
    "hvs.{a95}",
    "dapi{h32}",
    "dt0c01.{u24}.{u64}",
    "glsa_{a32}_{h8}",
    "NRAK-{u27}",
    "PMAK-{h24}-{h34}",
    "lin_api_{a40}",
    "hf_{A34}",
    "sk-{a20}T3BlbkFJ{a20}",
    "sk-ant-api03-{a95}",
    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{a48}\nPrivate-MAC: x",
    "figd_{a40}",
];

/// Blocks of private keys, by their names.
const BLOCKS: [&str; 7] = [
    "OPENSSH PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
];

/// One secret of each form.
fn planted(random: &Random) -> Vec<String> {
    let mut all = vec![
        TokenText::generate("personal", random).expose().clone(),
        TokenText::generate("git", random).expose().clone(),
        format!("whsec_{}", letters("a", 32, random)),
        // The example of the format's own description.
        ["AGE-SECRET-KEY-", "1GFPYYSJZ", &"GFPYYSJZ".repeat(5), "GFPQ4EGAEX"].concat(),
    ];
    all.extend(PATTERNS.iter().map(|it| filled(it, random)));
    let block = |name: &&str| {
        let lines: Vec<_> = (0..3).map(|_| letters("a", 64, random)).collect();
        format!("-----BEGIN {name}-----\n{}\n-----END {name}-----", lines.join("\n"))
    };
    all.extend(BLOCKS.iter().map(block));
    all
}

fn filled(pattern: &str, random: &Random) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (run, after) = after.split_once('}').unwrap();
        text.push_str(before);
        match run {
            "crc" => text.push_str(&base62(crc32(&text.as_bytes()[4..]))),
            run => text.push_str(&letters(&run[..1], run[1..].parse().unwrap(), random)),
        }
        rest = after;
    }
    text + rest
}

fn letters(set: &str, count: usize, random: &Random) -> String {
    let all = match set {
        "a" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "A" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "b" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "d" => "0123456789",
        "h" => "0123456789abcdef",
        "l" => "abcdefghijklmnopqrstuvwxyz0123456789",
        "u" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        other => panic!("no set {other}"),
    };
    let all: Vec<char> = all.chars().collect();
    (0..count).map(|_| all[usize::from(random.bytes::<1>()[0]) % all.len()]).collect()
}

/// CRC-32 as the standard writes it down, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn base62(mut number: u32) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = Vec::new();
    for _ in 0..6 {
        text.insert(0, digits[(number % 62) as usize]);
        number /= 62;
    }
    String::from_utf8(text).unwrap()
}

/// A file in which somebody left it, on its third line.
fn file(secret: &str) -> Vec<u8> {
    format!("# settings\n\n{secret}\nmore = 1\n").into_bytes()
}

/// What must stand in no answer: the secret, and its parts.
fn assert_untold(answer: &Answer, secret: &str) {
    for line in secret.lines().filter(|it| it.len() > 12 && !it.starts_with("-----")) {
        assert!(!answer.text().contains(line), "{}", answer.text());
    }
}

fn fingerprint(text: &str) -> String {
    let (_, rest) =
        text.split_once("(fingerprint ").unwrap_or_else(|| panic!("no fingerprint: {text}"));
    rest.split_once(')').unwrap().0.to_owned()
}

async fn audit_and_events(server: &Server, by: &Person) -> String {
    let events = server.get("/api/v1/repos/anna/song/activity?limit=100").by(by).send().await;
    let audit = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await;
    events.assert_status(200);
    audit.assert_status(200);
    events.text() + &audit.text()
}

on_both! {
    async fn every_form_is_refused_on_every_way_in_and_stands_nowhere(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "secret_protection": "refuse" })).await;
        let tip = story.tip().to_string();
        let all = planted(&Random::seeded(7));
        assert!(all.len() >= 50, "{}", all.len());
        for (at, secret) in all.iter().enumerate() {
            for line in secret.lines().filter(|it| it.len() > 40) {
                server.canaries().add(line);
            }
            let (path, bytes) = (format!("etc/{at}.conf"), file(secret));
            let files: [(&str, &[u8]); 1] = [(&path, &bytes)];
            for inline in [true, false] {
                let refused = push(&server, &anna, &story, (&files, inline)).await;
                assert_eq!((refused.status, refused.code()), (422, "secret_found".to_owned()), "{secret}");
                assert!(refused.text().contains(&format!("`{path}`, line 3")) || secret.starts_with("PuTTY"),
                    "{}", refused.text());
                assert_untold(&refused, secret);
            }
            let refused = edit(&server, &anna, &tip, &files).await;
            refused.assert_refused(422, "secret_found");
            assert_untold(&refused, secret);
        }
        // One that comes to its own address is looked for as all others are.
        let (secret, bytes) = (&all[0], file(&all[0]));
        let bytes = [&bytes[..], b"apart\n"].concat();
        let address = address_of(&server, &anna, &bytes).await;
        assert!(put(&server, &address, &bytes).send().await.status < 300);
        confirm(&server, &anna, &[ObjectId::of(&bytes)]).await;
        let mut own = story.clone();
        own.commit(&[story.tip()], "apart", &[("apart.conf", &bytes)]);
        let refused = server.push(&anna, "anna/song", own.push_to("main")).await;
        assert_eq!((refused.status, refused.code()), (422, "secret_found".to_owned()));
        assert_untold(&refused, secret);
        assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
        let told = audit_and_events(&server, &anna).await;
        assert!(server.canaries().found_in(told.as_bytes()).is_empty(), "{told}");
    }
}

/// With Git over HTTP; SSH hands its packs to the same hook.
#[tokio::test]
async fn every_form_is_refused_in_a_push_of_git() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    let rule = json!({ "secret_protection": "refuse" });
    let set = server.request(Method::PATCH, &format!("/api/v1/repos/{songs}")).json(&rule);
    set.by(&anna).send().await.assert_status(200);
    for (at, secret) in planted(&Random::seeded(12)).iter().enumerate() {
        for line in secret.lines().filter(|it| it.len() > 40) {
            server.canaries().add(line);
        }
        let path = format!("etc/{at}.conf");
        user.writes("one", &path, std::str::from_utf8(&file(secret)).unwrap());
        let said = user.tries("one", &["push", &url, "HEAD:refs/heads/try"]);
        let is_named = said.err.contains(&format!("`{path}`, line 3"));
        assert!(!said.is_well && (is_named || secret.starts_with("PuTTY")), "{}", said.err);
        for line in secret.lines().filter(|it| it.len() > 12 && !it.starts_with("-----")) {
            assert!(!said.err.contains(line), "{}", said.err);
        }
        user.does("one", &["reset", "-q", "--hard", "HEAD~1"]);
    }
    let target = format!("/api/v1/repos/{songs}/activity?limit=100");
    let events = server.get(&target).by(&anna).send().await.text();
    let audit = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await;
    for told in [events, audit.text(), server.log()] {
        assert!(server.canaries().found_in(told.as_bytes()).is_empty(), "{told}");
    }
    // What is looked for in one commit is looked for in all that come with it.
    let secret = TokenText::generate("git", &Random::seeded(13)).expose().clone();
    user.writes("one", "gone.env", &secret);
    user.does("one", &["rm", "-q", "gone.env"]);
    user.does("one", &["commit", "-q", "-m", "gone again"]);
    let said = user.tries("one", &["push", &url, "HEAD:refs/heads/try"]);
    assert!(!said.is_well && said.err.contains("`gone.env`, line 1"), "{}", said.err);
}

on_both! {
    async fn what_only_looks_alike_is_taken(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "secret_protection": "refuse" })).await;
        let random = Random::seeded(8);
        let mut lines = String::new();
        for turn in 0..10_000 {
            let mut text = match turn % 8 {
                0 | 1 => TokenText::generate("agent", &random).expose().clone(),
                it => filled(PATTERNS[it - 2], &random),
            };
            let last = text.pop().unwrap();
            text.push(if last == 'Q' { 'P' } else { 'Q' });
            lines.push_str(&text);
            lines.push('\n');
        }
        assert!(lines.len() < 1 << 20);
        push(&server, &anna, &story, (&[("alike.txt", lines.as_bytes())], true)).await.assert_status(200);
    }
}

on_both! {
    async fn what_is_told_is_taken_and_told_once(ground: Ground) {
        // As usual.
        let (server, anna, story) = house(&ground, json!({})).await;
        let shown = server.get(SONG).by(&anna).send().await.json();
        assert_eq!(shown["secret_protection"], "warn");
        let secret = TokenText::generate("personal", &Random::seeded(9)).expose().clone();
        let bytes = file(&secret);
        let told = push(&server, &anna, &story, (&[("a.env", &bytes)], false)).await;
        told.assert_status(200);
        assert!(told.text().contains("`a.env`, line 3: a token of Motet"), "{}", told.text());
        assert_untold(&told, &secret);
        let tip = server.head(&anna, "anna/song", "main").await.unwrap().to_string();
        // The object is the repository's now, wherever it goes.
        let again = edit(&server, &anna, &tip, &[("b.env", &bytes), ("c.txt", b"fine")]).await;
        again.assert_status(201);
        assert_eq!(again.json()["warnings"], json!([]), "{}", again.text());
        let tip = again.json()["commit_id"].as_str().unwrap().to_owned();
        let changed = [&bytes[..], b"changed\n"].concat();
        let told = edit(&server, &anna, &tip, &[("a.env", &changed)]).await;
        assert_eq!(told.json()["warnings"].as_array().unwrap().len(), 1, "{}", told.text());
        set(&server, &anna, json!({ "secret_protection": "off" })).await;
        let tip = told.json()["commit_id"].as_str().unwrap().to_owned();
        let quiet = edit(&server, &anna, &tip, &[("d.env", &[&bytes[..], b"d"].concat())]).await;
        assert_eq!(quiet.json()["warnings"], json!([]), "{}", quiet.text());
    }
}

on_both! {
    async fn one_finding_passes_where_a_writer_says_so(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "secret_protection": "refuse" })).await;
        let (boris, carla) = (server.register("boris").await, server.register("carla").await);
        for (who, level) in [("boris", "write"), ("carla", "read")] {
            let target = format!("{SONG}/collaborators/{who}");
            let given = server.request(Method::PUT, &target).json(&json!({ "level": level })).by(&anna);
            given.send().await.assert_status(200);
        }
        let random = Random::seeded(10);
        let [one, other] = [0, 1].map(|_| file(TokenText::generate("git", &random).expose()));
        let tip = story.tip().to_string();
        let refused = edit(&server, &anna, &tip, &[("a.env", &one)]).await;
        refused.assert_refused(422, "secret_found");
        let target = format!("{PASSES}/{}", fingerprint(&refused.text()));
        let put = async |by: &Person, body: Value| {
            server.request(Method::PUT, &target).json(&body).by(by).send().await
        };
        assert_eq!(put(&carla, json!({})).await.status, 403);
        put(&boris, json!({ "reason": "two\nlines" })).await.assert_status(422);
        let passed = put(&boris, json!({ "reason": "an example" })).await;
        passed.assert_status(200);
        // The same elsewhere, and another one here, are other findings.
        edit(&server, &anna, &tip, &[("b.env", &one)]).await.assert_refused(422, "secret_found");
        edit(&server, &anna, &tip, &[("a.env", &other)]).await.assert_refused(422, "secret_found");
        let listed = server.get(PASSES).by(&anna).send().await.json();
        assert_eq!(listed["items"][0], passed.json());
        assert_eq!((&listed["items"][0]["by"], &listed["items"][0]["reason"]), (&json!("boris"), &json!("an example")));
        assert_eq!(server.get(PASSES).by(&boris).send().await.status, 403);
        let audit = audit_and_events(&server, &anna).await;
        assert!(audit.contains("secret_passed"), "{audit}");
        let taken = edit(&server, &anna, &tip, &[("a.env", &one)]).await;
        taken.assert_status(201);
        assert_eq!(taken.json()["warnings"], json!([]), "{}", taken.text());
        for _ in 0..2 {
            let end = server.request(Method::DELETE, &target).by(&boris).send().await;
            end.assert_status(204);
        }
        let tip = taken.json()["commit_id"].as_str().unwrap().to_owned();
        let changed = [&one[..], b"changed\n"].concat();
        edit(&server, &anna, &tip, &[("a.env", &changed)]).await.assert_refused(422, "secret_found");
    }
}

on_both! {
    async fn a_fork_takes_no_secret_from_its_source(ground: Ground) {
        let public = json!({ "visibility": "public", "confirm": "anna/song", "secret_protection": "off" });
        let (server, anna, story) = house(&ground, public).await;
        let bert = server.register("bert").await;
        post(&server, &format!("{SONG}/forks"), &bert, json!({})).await.assert_status(202);
        settled(&server).await;
        let fork = "/api/v1/repos/bert/song";
        let rule = async |word: &str| {
            let rule = json!({ "secret_protection": word });
            server.request(Method::PATCH, fork).json(&rule).by(&bert).send().await.assert_status(200);
        };
        rule("refuse").await;
        let secret = file(TokenText::generate("git", &Random::seeded(11)).expose());
        edit(&server, &anna, &story.tip().to_string(), &[("a.env", &secret)]).await.assert_status(201);
        let sync = async || post(&server, &format!("{fork}/sync"), &bert, json!({ "branch": "main" })).await;
        // Each time: nothing of it was taken over before.
        for _ in 0..2 {
            sync().await.assert_refused(422, "secret_found");
        }
        rule("warn").await;
        sync().await.assert_status(200);
    }
}

#[tokio::test]
async fn a_push_page_by_page_is_looked_through_too() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let made = ada.done(&["repo", "create", "song", "--readme"]);
    ada.done(&["repo", "edit", "song", "--secret-protection", "refuse"]);
    let address = made["address"].as_str().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let clone = place.path().join("song");
    let clone = clone.to_str().unwrap();
    ada.done(&["clone", &address, clone]);
    let secrets = planted(&Random::seeded(12));
    for (at, secret) in secrets.iter().enumerate() {
        std::fs::write(format!("{clone}/{at}.conf"), file(secret)).unwrap();
    }
    ada.done(&["-C", clone, "commit", "-m", "all of them"]);
    let (exit, told) = ada.run(&["-C", clone, "push"]);
    assert_eq!((exit, told["error"]["code"].as_str()), (5, Some("secret_found")), "{told}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("{} secrets", secrets.len())), "{message}");
    assert!(secrets.iter().all(|it| !message.contains(it.as_str())), "{message}");
    ada.done(&["repo", "pass", "song", &fingerprint(message), "--reason", "made up"]);
    let (_, told) = ada.run(&["-C", clone, "push"]);
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("{} secrets", secrets.len() - 1)), "{message}");
    ada.done(&["repo", "edit", "song", "--secret-protection", "warn"]);
    let pushed = ada.done(&["-C", clone, "push"]);
    assert!(pushed.to_string().contains("fingerprint"), "{pushed}");
}
