//! Which keys and handles can be registered (`spec/trust.md` 2, 16.13-16.16).

use names::Secret;
use serde_json::json;
use testkit::{Person, Server};

use crate::{MOTET, server_and_anna};

fn key_of(handle: &str, byte: u8) -> Person {
    Person::new(handle, Secret::new([byte; 32]))
}

fn line_of(person: &Person) -> String {
    person.key().public().to_openssh()
}

/// The 43 characters of a raw public key.
fn raw_of(person: &Person) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes = person.key().public().as_bytes();
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let character = |at: usize| {
        ALPHABET[usize::from((0..6).fold(0, |sum, next| sum << 1 | bit(6 * at + next)))]
    };
    (0..43).map(|at| char::from(character(at))).collect()
}

#[tokio::test]
async fn the_line_of_a_public_key_file_registers_as_it_is() {
    let server = Server::start(MOTET).await;
    let anna = key_of("anna", 1);
    let line = format!("{} anna@laptop\n", line_of(&anna));
    let verified = server.register_key(&anna, &line).await;
    verified.assert_status(201);
    let made = verified.json();
    assert_eq!(made["principal"]["handle"], "anna");
    assert_eq!(made["principal"]["kind"], "person");
    assert_eq!(made["key"]["label"], "anna@laptop");
    assert_eq!(made["key"]["fingerprint"], anna.key().fingerprint().to_string());
    server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn the_43_characters_of_a_raw_key_register_too() {
    let server = Server::start(MOTET).await;
    let anna = key_of("anna", 1);
    server.register_key(&anna, &raw_of(&anna)).await.assert_status(201);
    server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn other_kinds_of_key_are_refused() {
    let server = Server::start(MOTET).await;
    for key in [
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDRSAKEYRSAKEYRSAKEYRSAKEY anna",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABB anna",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo= anna",
        "sk-ecdsa-sha2-nistp256@openssh.com AAAA anna",
        "ssh-ed25519-cert-v01@openssh.com AAAA anna",
        // Of small order: all zeros, and the neutral element.
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        // 31 bytes.
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAHwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        // A second spelling of a point.
        "7v_______________________________________38",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "",
        "key",
    ] {
        server.challenge("anna", key).await.assert_refused(422, "unsupported_key");
    }
}

#[tokio::test]
async fn a_challenge_is_met_once() {
    let server = Server::start(MOTET).await;
    let anna = key_of("anna", 1);
    let challenge = server.challenge("anna", &line_of(&anna)).await;
    let body = anna.answer_to(&challenge);
    server.verify(&body).await.assert_status(201);
    server.verify(&body).await.assert_refused(401, "challenge_failed");
}

#[tokio::test]
async fn a_wrong_attempt_uses_the_challenge_up() {
    let server = Server::start(MOTET).await;
    let (anna, other) = (key_of("anna", 1), key_of("anna", 2));
    let challenge = server.challenge("anna", &line_of(&anna)).await;
    server.verify(&other.answer_to(&challenge)).await.assert_refused(401, "challenge_failed");
    server.verify(&anna.answer_to(&challenge)).await.assert_refused(401, "challenge_failed");
    server.get("/api/v1/me").by(&anna).send().await.assert_status(401);
}

#[tokio::test]
async fn every_way_to_fail_a_challenge_looks_the_same() {
    let server = Server::start(MOTET).await;
    let (anna, other) = (key_of("anna", 1), key_of("anna", 2));
    let challenge = server.challenge("anna", &line_of(&anna)).await;
    let right = anna.answer_to(&challenge);
    let wrong = server.verify(&other.answer_to(&challenge)).await;
    let used = server.verify(&right).await;
    let mut faces = vec![wrong.faceless(), used.faceless()];
    for id in ["01935c00-0000-7000-8000-000000000000", "no id at all", ""] {
        let mut unknown = right.clone();
        unknown["challenge_id"] = json!(id);
        faces.push(server.verify(&unknown).await.faceless());
    }
    let challenge = server.challenge("anna", &line_of(&anna)).await;
    let mut formless = anna.answer_to(&challenge);
    formless["signature"] = json!("no signature");
    faces.push(server.verify(&formless).await.faceless());
    assert!(faces[0].starts_with("401\n"), "{}", faces[0]);
    assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
}

#[tokio::test]
async fn a_challenge_does_not_tell_whether_the_handle_is_taken() {
    let (server, _) = server_and_anna().await;
    for handle in ["anna", "free"] {
        server.challenge(handle, &line_of(&key_of("x", 3))).await.assert_status(201);
    }
}

#[tokio::test]
async fn a_handle_is_taken_whatever_its_case() {
    let server = Server::start(MOTET).await;
    server.register("kestrel").await;
    for handle in ["kestrel", "Kestrel", " KESTREL "] {
        let other = key_of(handle, 4);
        server.register_key(&other, &line_of(&other)).await.assert_refused(409, "handle_taken");
        server.get("/api/v1/me").by(&other).send().await.assert_refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_person() {
    let (server, anna) = server_and_anna().await;
    let thief = Person::new("thief", anna.key().seed().clone());
    server.register_key(&thief, &line_of(&thief)).await.assert_refused(409, "key_taken");
    let me = server.get("/api/v1/me").by(&anna).send().await.json();
    assert_eq!(me["principal"]["handle"], "anna");
}

#[tokio::test]
async fn a_handle_is_a_name_that_no_address_needs() {
    let server = Server::start(MOTET).await;
    let line = line_of(&key_of("x", 3));
    for handle in [
        "api",
        "SETTINGS",
        "healthz",
        "o",
        "mcp",
        ".x",
        "-x",
        "x.git",
        "..",
        "",
        "a b",
        "ä",
        "a/b",
        &"a".repeat(65),
    ] {
        let refused = server.challenge(handle, &line).await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/handle");
    }
    server.challenge(&"a".repeat(64), &line).await.assert_status(201);
}

#[tokio::test]
async fn a_person_adds_a_key_by_signing_with_one() {
    let (server, anna) = server_and_anna().await;
    let second = key_of("anna", 5);
    let challenge = server.challenge("anna", &line_of(&second)).await;
    let request = server.post("/api/v1/auth/verify").json(&second.answer_to(&challenge)).by(&anna);
    request.send().await.assert_status(201);
    for key in [&anna, &second] {
        let me = server.get("/api/v1/me").by(key).send().await.json();
        assert_eq!(me["principal"]["handle"], "anna");
    }
}

#[tokio::test]
async fn nobody_adds_a_key_to_somebody_else() {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    let planted = key_of("anna", 6);
    for by in [None, Some(&boris)] {
        let challenge = server.challenge("anna", &line_of(&planted)).await;
        let request = server.post("/api/v1/auth/verify").json(&planted.answer_to(&challenge));
        request.by_some(by).send().await.assert_refused(409, "handle_taken");
        server.get("/api/v1/me").by(&planted).send().await.assert_refused(401, "unauthenticated");
    }
    server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn a_stale_version_of_the_terms_is_refused() {
    let server = Server::start(MOTET).await;
    let anna = key_of("anna", 1);
    let challenge = server.challenge("anna", &line_of(&anna)).await;
    let mut body = anna.answer_to(&challenge);
    body["tos_version"] = json!("1999-01-01");
    server.verify(&body).await.assert_refused(409, "tos_changed");
}

#[tokio::test]
async fn a_closed_server_takes_nobody_and_one_by_invitation_nobody_uninvited() {
    for (policy, code) in [("closed", "registration_closed"), ("invite", "invite_required")] {
        let server = Server::with(MOTET).arg("--registration").arg(policy).start().await;
        let anna = key_of("anna", 1);
        server.register_key(&anna, &line_of(&anna)).await.assert_refused(403, code);
        server.get("/api/v1/me").by(&anna).send().await.assert_refused(401, "unauthenticated");
    }
}
