//! The ref log: entries and seals follow one another, whoever pushes, and say what the refs say (`spec/wire.md` 8).

use api::{Value, wire::Format};
use futures_util::future::join_all;
use history::ref_log::{Chain, Item, RefEntry, Seal, Signatures};
use keys::{PublicKey, Signature};
use testkit::{Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    server_and_anna,
};

const SONG: &str = "anna/song";

/// The server's key as its own answer names it; nobody's else.
struct ServersKey(Option<PublicKey>);

impl Signatures for ServersKey {
    fn pusher(&self, _: &str, _: &[u8], _: &[u8; 64]) -> Option<bool> {
        None
    }

    fn server(&self, name: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        let key = self.0.as_ref().filter(|it| it.fingerprint().to_string() == name)?;
        Some(key.verify(message, &Signature::from_bytes(*signature)))
    }
}

pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let Value::Map(fields) = value else { panic!("{value:?} is no map") };
    &fields.iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name}")).1
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    let Value::Text(text) = field(value, name) else { panic!("{name} is no text") };
    text
}

fn signature(text: &str) -> Option<[u8; 64]> {
    (!text.is_empty()).then(|| *Signature::from_commit_text(text).unwrap().as_bytes())
}

/// All items of the log, in pages of `limit`, and its head.
pub(crate) async fn log(server: &Server, by: &Person, limit: u32) -> (Vec<Item>, Value) {
    let (mut items, mut after) = (Vec::new(), 0);
    loop {
        let target = format!("/{SONG}/v2/log?after={after}&limit={limit}");
        let answer =
            server.get(&target).by(by).header("accept", "application/x-msgpack").send().await;
        answer.assert_status(200);
        let value = answer.value();
        let Value::Array(page) = field(&value, "items") else { panic!("no list") };
        assert!(page.len() <= limit as usize);
        for it in page {
            let item = Item {
                entry: RefEntry::read(text(it, "entry").as_bytes()).unwrap(),
                signature: signature(text(it, "signature")),
                seal: Seal::read(text(it, "seal").as_bytes()).unwrap(),
                seal_signature: signature(text(it, "seal_signature")).unwrap(),
            };
            assert_eq!(
                text(it, "entry_hash"),
                item.entry.hash(item.signature.as_ref()).to_string()
            );
            assert_eq!(text(it, "seal_hash"), item.seal.hash(&item.seal_signature).to_string());
            items.push(item);
        }
        match field(&value, "next_after") {
            Value::Nil => return (items, field(&value, "head").clone()),
            next => {
                let last = items.last().filter(|it| Value::from(it.seal.seq) == *next);
                after = last.unwrap().seal.seq;
            }
        }
    }
}

/// Follows the whole log, and compares its end with the refs.
async fn sound(server: &Server, by: &Person) -> Chain {
    let (items, head) = log(server, by, 7).await;
    let line = text(&head, "public_key");
    let key = ServersKey((!line.is_empty()).then(|| PublicKey::from_openssh(line).unwrap().0));
    let refs = server.refs(by, SONG).await;
    let mut chain = Chain::new(refs.repo_id);
    for item in &items {
        chain.take(item, &key).unwrap();
    }
    assert_eq!(chain.unchecked, 0);
    assert_eq!(*field(&head, "seq"), Value::from(chain.seq));
    let told = chain.seal_hash.map(|it| it.to_string()).unwrap_or_default();
    assert_eq!(text(&head, "seal_hash"), told);
    for (branch, target) in &refs.branch_heads {
        assert_eq!(chain.refs[&format!("refs/heads/{branch}")].target, target.to_string());
    }
    assert_eq!(chain.refs.len(), refs.branch_heads.len());
    chain
}

on_both! {
    async fn every_movement_has_an_entry_and_a_seal_and_nothing_else_has(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, SONG, &story, "main").await;
        let one = story.commit(&[root], "one", &[("a.txt", b"1")]);
        server.push_story(&anna, SONG, &story, "topic/x").await;
        server.push_story(&anna, SONG, &story, "main").await;
        // The same again moves nothing.
        server.push_story(&anna, SONG, &story, "main").await;
        let mut other = Story::of_one("root");
        other.commit(&[root], "two", &[("a.txt", b"2")]);
        server.push_objects(&anna, SONG, other.inline()).await.assert_status(200);
        server.push(&anna, SONG, other.push_to("main")).await.assert_refused(409, "not_fast_forward");
        let mut push = other.push_to("main");
        push.force = true;
        server.push(&anna, SONG, push).await.assert_status(200);

        let chain = sound(&server, &anna).await;
        assert_eq!(chain.seq, 4);
        let (items, _) = log(&server, &anna, 1_000).await;
        let told: Vec<_> = items
            .iter()
            .map(|it| (it.entry.name.as_str(), it.entry.counter, it.entry.old.as_str(), it.entry.new.as_str()))
            .collect();
        let [root, one, two] = [root, one, other.tip()].map(|it| it.to_string());
        assert_eq!(
            told,
            [
                ("refs/heads/main", 1, "", root.as_str()),
                ("refs/heads/topic/x", 1, "", &one),
                ("refs/heads/main", 2, &root, &one),
                ("refs/heads/main", 3, &one, &two),
            ]
        );
        for it in &items {
            assert_eq!((it.seal.principal.as_str(), it.seal.via.as_str()), ("anna", "msign"));
            assert_eq!(it.entry.pusher_key, anna.key().fingerprint().to_string());
            assert_eq!((it.signature, it.seal.evidence), (None, None));
        }
    }
}

on_both! {
    async fn a_crowd_leaves_a_log_without_a_gap(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, SONG, &story, "main").await;
        let mut pushes = Vec::new();
        for number in 0..30_u32 {
            let mut story = Story::of_one("root");
            story.commit(&[root], &number.to_string(), &[("n.txt", &number.to_le_bytes())]);
            server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
            // Half of them to a branch of their own, half to one.
            let branch = if number % 2 == 0 { format!("b{number}") } else { "main".to_owned() };
            let body = story.push_to(&branch).into_value(Format::MessagePack);
            pushes.push(server.wire(&anna, SONG, "push", &body));
        }
        let statuses = join_all(pushes.iter().map(|push| async { push.send().await.status })).await;
        let taken = statuses.iter().filter(|it| **it == 200).count();
        assert_eq!(taken, 16, "{statuses:?}");
        assert!(statuses.iter().all(|it| matches!(it, 200 | 409)), "{statuses:?}");
        let chain = sound(&server, &anna).await;
        assert_eq!((chain.seq, chain.refs["refs/heads/main"].counter), (17, 2));
    }
}

/// How many movements an answer tells of: by its refs, and by its log.
fn movements(told: &Value) -> (u64, u64) {
    let number = |value: &Value| match value {
        Value::Int(number) => u64::try_from(*number).unwrap(),
        other => panic!("{other:?} is no number"),
    };
    let list = |name| match field(told, name) {
        Value::Array(items) => items.iter().map(|it| number(field(it, "counter"))).sum::<u64>(),
        other => panic!("{other:?} is no list"),
    };
    (list("refs") + list("gone"), number(field(field(told, "log"), "seq")))
}

on_both! {
    /// A client takes a difference between the two for a lie.
    async fn refs_and_the_end_of_the_log_are_told_in_one_state(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        server.push_story(&anna, SONG, &story, "main").await;
        let (is_over, asked) = (std::cell::Cell::new(false), std::cell::Cell::new(0));
        let pushing = async {
            for round in 0..40_u32 {
                story.commit(&[story.tip()], "on", &[("a.txt", &round.to_le_bytes())]);
                server.push_story(&anna, SONG, &story, "main").await;
            }
            is_over.set(true);
        };
        let asking = async || {
            while !is_over.get() {
                let ask = server.get(&format!("/{SONG}/refs")).by(&anna);
                let ask = ask.header("accept", "application/x-msgpack").header("motet-protocol", "2");
                let told = ask.send().await.value();
                let (by_refs, by_log) = movements(&told);
                assert_eq!(by_refs, by_log, "{told:?}");
                asked.set(asked.get() + 1);
            }
        };
        tokio::join!(pushing, asking(), asking(), asking());
        assert!(asked.get() > 40, "{} answers", asked.get());
    }
}

#[tokio::test]
async fn an_empty_log_and_a_hidden_one() {
    let (server, anna) = server_and_anna().await;
    let body = serde_json::json!({ "name": "song" });
    server.post("/api/v1/repos").json(&body).by(&anna).send().await.assert_status(201);
    let (items, head) = log(&server, &anna, 10).await;
    assert!(items.is_empty());
    assert_eq!((field(&head, "seq"), text(&head, "seal_hash")), (&Value::from(0_u64), ""));
    let eve = server.register("eve").await;
    let there = server.get(&format!("/{SONG}/v2/log")).by(&eve).send().await;
    let nowhere = server.get("/anna/none/v2/log").by(&eve).send().await;
    assert_eq!((there.status, there.faceless()), (404, nowhere.faceless()));
    let bad = server.get(&format!("/{SONG}/v2/log?after=x")).by(&anna).send().await;
    bad.assert_status(400);
}

#[tokio::test]
async fn who_speaks_wire_2_learns_where_the_log_stands() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("root");
    server.push_story(&anna, SONG, &story, "main").await;
    let chain = sound(&server, &anna).await;
    let ask =
        server.get(&format!("/{SONG}/refs")).by(&anna).header("accept", "application/x-msgpack");
    assert!(matches!(ask.clone().send().await.value(), Value::Map(fields) if fields.len() == 4));
    let told = ask.header("motet-protocol", "2").send().await.value();
    assert_eq!(*field(&told, "protocol"), Value::from(2_u64));
    let Value::Array(refs) = field(&told, "refs") else { panic!("no list") };
    let last = &chain.refs["refs/heads/main"];
    assert_eq!(text(&refs[0], "ref"), "refs/heads/main");
    assert_eq!(text(&refs[0], "target"), last.target);
    assert_eq!(text(&refs[0], "entry_hash"), last.entry_hash.to_string());
    assert_eq!(text(field(&told, "log"), "seal_hash"), chain.seal_hash.unwrap().to_string());
}
