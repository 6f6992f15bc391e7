//! The published vectors hold on a running server (`spec/trust.md` 3.4, `spec/wire.md` 1.7).

use std::collections::BTreeMap;

use history::{CommitTime, Manifest};
use keys::{CanonicalRequest, PublicKey, RegistrationMessage, Signature};
use names::{CommitId, ObjectId, Secret, SnapshotId};
use serde_json::Value;
use testkit::{Person, Server, Story};

use crate::{MOTET, fixture_json, server_and_anna};

/// The OpenSSH line of V1.
const V1_LINE: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
const V1_FINGERPRINT: &str = "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg";

fn seed_of_v1() -> Secret<[u8; 32]> {
    Secret::new(std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

fn seed_of_v2() -> Secret<[u8; 32]> {
    Secret::new(*b"Motet test key number two, 32 by")
}

#[tokio::test]
async fn the_key_of_v1_registers_on_a_loopback_server_by_the_message_of_v5() {
    let server = Server::start(MOTET).await;
    let kestrel = Person::new("kestrel", seed_of_v1());
    let challenge = server.challenge("kestrel", V1_LINE).await;
    challenge.assert_status(201);
    let made = challenge.json();
    let message = made["message"].as_str().unwrap();

    // The message is built again from its parts, as a careful client does; V5 fixes its form.
    let expires_at: i64 = message.rsplit('\n').next().unwrap().parse().unwrap();
    let own = RegistrationMessage {
        authority: &server.authority(),
        handle: &"kestrel".parse().unwrap(),
        fingerprint: V1_FINGERPRINT.parse().unwrap(),
        nonce: &made["nonce"].as_str().unwrap().parse().unwrap(),
        expires_at,
    };
    assert_eq!(message, own.text());

    let verified = server.verify(&kestrel.answer_to(&challenge)).await;
    verified.assert_status(201);
    assert_eq!(verified.json()["key"]["fingerprint"], V1_FINGERPRINT);
    let me = server.get("/api/v1/me").by(&kestrel).send().await;
    me.assert_status(200);
    assert_eq!(me.json()["principal"]["handle"], "kestrel");
}

#[test]
fn the_message_of_v5_has_its_signature() {
    let kestrel = Person::new("kestrel", seed_of_v1());
    let message = RegistrationMessage {
        authority: "forge.example",
        handle: &"kestrel".parse().unwrap(),
        fingerprint: V1_FINGERPRINT.parse().unwrap(),
        nonce: &"cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8".parse().unwrap(),
        expires_at: 1_795_294_680,
    };
    let expected =
        "OZ-kdGn5FwCbsiiI86NTnkjwDtbIwAm9na-w9SWkpIgiSo6r3ryGjplkyaawoHIV6hzMh1lK87eIR05fFlpfCg";
    assert_eq!(kestrel.key().sign(message.text().as_bytes()).to_string(), expected);
}

/// A request of the vectors cannot be sent: its moment is fixed. The server that refuses it must have read it whole: it
/// names the window, which stands after form and authority, and before key and signature.
#[tokio::test]
async fn v1_and_v3_are_read_and_refused_for_their_moment_alone() {
    let hosts = "forge.example,Forge.Example";
    let server = Server::with(MOTET).arg("--host").arg(hosts).start().await;
    for (authority, target, header) in [
        (
            "forge.example",
            "/api/v1/repos/acme/demo",
            r#"MSign key="SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg", ts="1795294380", nonce="AAECAwQFBgcICQoLDA0ODw", sig="IchBAXRJnri5ssWXjIv3rvqIkpAt1O6eW1k9f-NoyeDJY302oo3BexckOuTLuc6mzkfUZigZQjT5FTKTSZIDAw""#,
        ),
        (
            "Forge.Example",
            "/acme/demo/raw/main/m%c3%basica/%E7%95%AA%20x.txt?lang=de&q=a%2Bb+c&empty=",
            r#"MSign key="SHA256:UIedaL6Cxm6OUErh9GQUzzglSk7VpQlVTI1TAFB/HWA", ts="1795294382", nonce="ICEiIyQlJicoKSorLC0uLw", sig="9Wi6o14oQNAev7zklFJWWDYnxXz72UIvsf8A2Y42tkOe-EFuNKUOi06Zt12Mt6fT8h6c5855_VAGFp5l0x93Aw""#,
        ),
    ] {
        let answer =
            server.get(target).authority(authority).header("authorization", header).send().await;
        answer.assert_status(401);
        // One is told by a problem document, the other by a page.
        assert!(answer.text().contains("clock is off"), "{}", answer.text());
    }
}

/// V3's way of writing an address, signed by a registered key at this moment: every byte is taken as sent.
#[tokio::test]
async fn an_address_is_signed_byte_for_byte_as_it_was_sent() {
    let server = Server::with(MOTET).arg("--host").arg("forge.example").start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "demo", "private").await;
    for target in [
        "/api/v1/repos/anna/demo?",
        "/api/v1/repos/%61nna/d%65mo",
        "/api/v1/repos/anna/demo?lang=de&q=a%2Bb+c&e=",
    ] {
        let answer = server.get(target).authority("Forge.Example").by(&anna).send().await;
        answer.assert_status(200);
        assert_eq!(answer.json()["full_name"], "anna/demo", "{target}");
    }
}

/// V2's body with its digest, from its key, at this moment.
#[tokio::test]
async fn the_body_of_v2_has_its_digest_and_reaches_the_server() {
    let server = Server::with(MOTET).arg("--host").arg("forge.example:8443").start().await;
    let acme = Person::new("acme", seed_of_v2());
    server.register_key(&acme, &acme.key().public().to_openssh()).await.assert_status(201);
    let body = r#"{"title":"Grüße","body":"first"}"#;
    let request = server
        .post("/api/v1/repos")
        .authority("forge.example:8443")
        .header("content-type", "application/json")
        .header("content-digest", "sha-256=:RrOayT/1D8h1Y/YLssqR536vC6ptD8sRxMQeYt56W5U=:")
        .body(body)
        .without_digest()
        .by(&acme);
    // Believed and read: what is refused are its fields.
    request.send().await.assert_status(422);
}

#[test]
fn the_signature_of_v2_is_that_of_its_key() {
    let key = Person::new("acme", seed_of_v2()).key().clone();
    let nonce = "EBESExQVFhcYGRobHB0eHw".parse().unwrap();
    let sha256 = *ObjectId::of(r#"{"title":"Grüße","body":"first"}"#.as_bytes()).as_bytes();
    let request = CanonicalRequest {
        method: "POST",
        authority: "forge.example:8443",
        target: "/api/v1/repos/acme/demo/issues",
        ts: 1_795_294_381,
        nonce: &nonce,
        content_type: "application/json",
        body_sha256: &sha256,
    };
    let text =
        "iyRRcI0UTH5brknbcvDtS3u49BWmTrh8LkCU1E95tG9JMyHhs57YnqN61YgSN-otzKD8iDjNHsAVfzwnU4GjBw";
    let signature: Signature = text.parse().unwrap();
    assert_eq!(keys::sign_request(&key, &request).sig(), &signature);
    let (public, _) = PublicKey::parse(&key.public().to_openssh()).unwrap();
    assert!(request.verify(&public, &signature));
}

/// The whole history of the vectors.
fn story() -> Story {
    let vectors = fixture_json("vectors.json");
    let mut story = Story::default();
    for object in vectors["objects"].as_array().unwrap() {
        let hex = object["bytes_hex"].as_str().unwrap();
        let bytes: Vec<_> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(story.keep(&bytes).to_string(), object["object_id"].as_str().unwrap());
    }
    for snapshot in vectors["snapshots"].as_array().unwrap() {
        let manifest: BTreeMap<String, String> =
            serde_json::from_value(snapshot["manifest"].clone()).unwrap();
        let manifest: Manifest = manifest
            .iter()
            .map(|(path, id)| (path.parse().unwrap(), id.parse().unwrap()))
            .collect();
        assert_eq!(story.snapshot(manifest).to_string(), snapshot["snapshot_id"].as_str().unwrap());
    }
    for commit in vectors["commits"].as_array().unwrap() {
        let text = |key: &str| commit[key].as_str().unwrap();
        let parents: Vec<CommitId> =
            serde_json::from_value::<Vec<String>>(commit["parents"].clone())
                .unwrap()
                .iter()
                .map(|id| id.parse().unwrap())
                .collect();
        let snapshot: SnapshotId = text("snapshot_id").parse().unwrap();
        let id = story.commit_of(&parents, snapshot, text("message"), text("committed_at"));
        assert_eq!(id.to_string(), text("commit_id"));
    }
    // The last of the vectors is the merge again, with its parents the other way round: one id, two records.
    let ids: Vec<_> = story.commits.iter().map(|it| it.commit_id).collect();
    assert_eq!(ids[5], ids[6]);
    story.commits.truncate(6);
    story
}

#[tokio::test]
async fn every_commit_and_snapshot_of_the_vectors_comes_back_unchanged() {
    let (server, anna) = server_and_anna().await;
    let story = story();
    server.push_objects(&anna, "anna/vectors", story.inline()).await.assert_status(200);
    // Roots and the merge are tips of their own.
    for (branch, numbers) in [("c1", &[1][..]), ("c2", &[2]), ("c3", &[3]), ("main", &[0, 4, 5])] {
        let mut push = story.push_to(branch);
        let wanted: Vec<_> = numbers.iter().rev().map(|at| story.commits[*at].clone()).collect();
        push.snapshots
            .retain(|it| wanted.iter().any(|commit| commit.snapshot_id == it.snapshot_id));
        push.commits = wanted;
        server.push(&anna, "anna/vectors", push).await.assert_status(200);
    }

    let heads = server.refs(&anna, "anna/vectors").await.branch_heads;
    let want: Vec<_> = heads.iter().map(|(_, id)| *id).collect();
    let fetched = server.fetch(&anna, "anna/vectors", &want, &[]).await;
    let mut commits = fetched.commits.clone();
    commits.sort_by_key(|it| it.commit_id);
    let mut sent = story.commits.clone();
    sent.sort_by_key(|it| it.commit_id);
    assert_eq!(commits, sent);
    let snapshots: BTreeMap<_, _> =
        fetched.snapshots.into_iter().map(|it| (it.snapshot_id, it)).collect();
    assert_eq!(snapshots, story.snapshots);
    for object in &fetched.objects {
        assert_eq!(story.objects[&object.object_id], object.content);
    }
}

/// The records that the vectors say must be refused, beside the rule that each breaks.
#[tokio::test]
async fn what_the_vectors_refuse_is_refused() {
    let (server, anna) = server_and_anna().await;
    let vectors = fixture_json("vectors.json");
    let empty: SnapshotId = ObjectId::EMPTY.to_string().parse().unwrap();
    for refused in vectors["refused"].as_array().unwrap() {
        let mut story = Story::default();
        story.snapshot(Manifest::default());
        let code = match &refused["record_a"] {
            Value::Null => {
                let time = refused["committed_at"].as_str().unwrap();
                assert!(CommitTime::parse(time).is_err());
                story.commit_of(&[], empty, "a message", time);
                "bad_time"
            }
            record => {
                story.commit_of(
                    &[],
                    empty,
                    record["message"].as_str().unwrap(),
                    "2026-11-21T12:34:56.789000+00:00",
                );
                "bad_message"
            }
        };
        server.push(&anna, "anna/refused", story.push_to("main")).await.assert_refused(422, code);
    }
}
