//! Requests signed as RFC 9421 says, by an implementation that is not ours (`spec/trust.md` 3.3; 16, point 11).

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use http::Method;
use names::{Clock, Random};
use serde_json::{Value, json};
use testkit::{Person, Request, Server};

use crate::MOTET;

/// Where `bin/setup` puts it, from the root of the checkout.
const PYTHON: &str = ".tools/http-signatures/bin/python";
const BODY: &str = "{\"name\":\"song\"}";
const REPOS: &str = "/api/v1/repos";

/// What to sign, with the library's help.
struct Theirs<'a> {
    method: &'a str,
    target: &'a str,
    covered: &'a [&'a str],
    nonce: Option<&'a str>,
    tag: Option<&'a str>,
    body: Option<&'a str>,
    late_by: i64,
}

const COVERED: [&str; 6] =
    ["@method", "@authority", "@path", "@query", "content-type", "content-digest"];

/// A request that makes a repository.
fn create(nonce: &str) -> Theirs<'_> {
    Theirs {
        method: "POST",
        target: REPOS,
        covered: &COVERED,
        nonce: Some(nonce),
        tag: Some("motet"),
        body: Some(BODY),
        late_by: 0,
    }
}

fn nonce() -> String {
    keys::Nonce::generate(&Random::default()).to_string()
}

impl Theirs<'_> {
    /// The headers that the library makes for it.
    fn headers(&self, server: &Server, by: &Person) -> Vec<(String, String)> {
        let seed = by.key().seed().expose().iter().map(|byte| format!("{byte:02x}"));
        let has_body = self.body.is_some();
        let headers =
            if has_body { json!({ "Content-Type": "application/json" }) } else { json!({}) };
        let asked = json!({
            "seed": seed.collect::<String>(),
            "method": self.method,
            "url": format!("http://{}{}", server.authority(), self.target),
            "headers": headers,
            "key_id": by.key().fingerprint().to_string(),
            "created": Clock::default().now().seconds() - self.late_by,
            "nonce": self.nonce,
            "tag": self.tag,
            "covered": self.covered,
            "body": self.body,
        });
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rfc9421.py");
        let mut python = Command::new(root.join(PYTHON))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("bin/setup installs {PYTHON}: {error}"));
        python.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "the library refused {asked}");
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let made = made.as_object().unwrap().iter();
        made.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    /// The request as it is sent, without some of the headers.
    fn request(&self, server: &Server, by: &Person, without: &[&str]) -> Request {
        let method: Method = self.method.parse().unwrap();
        let mut request = server.request(method, self.target).without_digest();
        if let Some(body) = self.body {
            request = request.body(body.to_owned());
        }
        for (name, value) in self.headers(server, by) {
            if !without.iter().any(|it| name.eq_ignore_ascii_case(it)) {
                request = request.header(&name.to_ascii_lowercase(), &value);
            }
        }
        request
    }
}

#[tokio::test]
async fn a_request_that_a_stranger_s_library_signs_passes() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let nonce = nonce();
    let made = create(&nonce).request(&server, &anna, &[]);
    made.send().await.assert_status(201);
    made.send().await.assert_refused(401, "replayed");
    // One store for both: what it has used up is used up for MSign as well.
    let theirs = server.post(REPOS).json(&json!({ "name": "other" })).nonce(&nonce).by(&anna);
    theirs.send().await.assert_refused(401, "replayed");

    for covered in [&["@method", "@target-uri"][..], &["@method", "@authority", "@path", "@query"]]
    {
        let read =
            Theirs { method: "GET", target: "/api/v1/me", covered, body: None, ..create(&nonce) };
        let me = read.request(&server, &anna, &[]).send().await;
        me.assert_status(200);
        assert_eq!(me.json()["principal"]["handle"], "anna");
    }
    let target = "/api/v1/repos?limit=5";
    let listed = Theirs {
        method: "GET",
        target,
        body: None,
        covered: &["@method", "@target-uri"],
        ..create(&nonce)
    };
    listed.request(&server, &anna, &[]).send().await.assert_status(200);
}

#[tokio::test]
async fn what_does_not_cover_the_request_or_name_itself_is_refused() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let (fresh, short): (_, &[&str]) = (nonce(), &["@method", "@target-uri"]);
    // The library covers a digest that it makes itself, so a body without one is sent beside what is signed.
    let bare = Theirs { body: None, covered: &["@method", "@target-uri"], ..create(&fresh) };
    let bodied = bare.request(&server, &anna, &[]).header("content-type", "application/json");
    bodied.body(BODY).send().await.assert_refused(401, "signature_malformed");
    let undigested = create(&fresh).request(&server, &anna, &["content-digest"]);
    undigested.send().await.assert_refused(401, "digest_required");
    for (broken, code) in [
        (Theirs { nonce: None, ..create(&fresh) }, "signature_malformed"),
        (Theirs { tag: None, ..create(&fresh) }, "signature_malformed"),
        (Theirs { nonce: Some("short"), ..create(&fresh) }, "signature_malformed"),
        (Theirs { covered: short, ..create(&fresh) }, "signature_malformed"),
        (Theirs { tag: Some("theirs"), ..create(&fresh) }, "unauthenticated"),
        (Theirs { late_by: 32, ..create(&fresh) }, "clock_skew"),
    ] {
        broken.request(&server, &anna, &[]).send().await.assert_refused(401, code);
    }
    for half in ["signature", "signature-input"] {
        let request = create(&fresh).request(&server, &anna, &[half]);
        request.send().await.assert_refused(401, "signature_malformed");
    }
    // A failing credential is not none: also where everybody may read.
    let read = Theirs {
        method: "GET",
        target: "/api/v1/repos",
        body: None,
        tag: None,
        covered: &["@method", "@target-uri"],
        ..create(&fresh)
    };
    read.request(&server, &anna, &[]).send().await.assert_refused(401, "signature_malformed");
    // Nothing came of any of it.
    server.get("/api/v1/repos/anna/song").by(&anna).send().await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn a_request_is_what_was_signed_and_carries_one_credential() {
    let server = Server::start(MOTET).await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let fresh = nonce();
    let signed = create(&fresh).request(&server, &anna, &[]);
    let other_body = "{\"name\":\"gnos\"}".to_owned();
    signed.clone().body(other_body).send().await.assert_refused(401, "digest_mismatch");
    let both = create(&nonce()).request(&server, &anna, &[]).by(&anna).send().await;
    both.assert_refused(400, "malformed");
    let stranger = Person::with_key("nobody", keys::PrivateKey::generate(&Random::default()));
    let unknown = create(&nonce()).request(&server, &stranger, &[]).send().await;
    unknown.assert_refused(401, "unauthenticated");
    // Signed by one, in the name of another.
    let again = create(&fresh).headers(&server, &boris);
    let boriss = again.iter().find(|(name, _)| name.eq_ignore_ascii_case("signature")).unwrap();
    let spliced = create(&fresh).request(&server, &anna, &["signature"]);
    let spliced = spliced.header("signature", &boriss.1).send().await;
    spliced.assert_refused(401, "unauthenticated");
}
