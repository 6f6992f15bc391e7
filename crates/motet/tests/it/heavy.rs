//! A body of 500 MiB costs no memory, and is worth nothing if its last byte is not the one that was signed
//! (`spec/trust.md` 3.2, Body; 16, point 5).

use api::{
    Value,
    wire::{FetchRequest, Format},
};
use bytes::Bytes;
use names::ObjectId;
use sha2::{Digest as _, Sha256};
use testkit::{Ground, Person, Request, Server, Story};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    MOTET,
    presigned::{address_of, put},
};

const OBJECT_BYTES: usize = 1 << 20;
/// With what stands between them they come to half a MiB less than a push may have.
const OBJECTS: u32 = 499;
/// What an archive may add to that (`spec/hub.md` 12).
const ARCHIVE_BYTES: u64 = 100 << 20;
/// What the server may have resident above what it has at rest.
const ABOVE_IDLE_BYTES: u64 = 64 << 20;

/// A body of `push/objects` in pieces, and its digest.
fn body() -> (Vec<Bytes>, [u8; 32]) {
    // MessagePack: a map of one.
    let pieces = objects(b"\x81".to_vec());
    let sha256 = digest(&pieces);
    (pieces, sha256)
}

/// The body of a `push` that carries its objects.
fn carrying(story: &Story) -> (Vec<Bytes>, [u8; 32]) {
    let push = story.push_to("main");
    // A map of three, the first of which is one too.
    let mut head = b"\x83\xa6bundle\x83".to_vec();
    for (key, value) in
        [("commits", Value::list(push.commits)), ("snapshots", Value::list(push.snapshots))]
    {
        Format::MessagePack.write(&mut head, &key.into()).unwrap();
        Format::MessagePack.write(&mut head, &value).unwrap();
    }
    let mut pieces = objects(head);
    // The last byte says that nothing is forced.
    pieces.push(Bytes::from_static(b"\xa6branch\xa4main\xa5force\xc2"));
    let sha256 = digest(&pieces);
    (pieces, sha256)
}

fn digest(pieces: &[Bytes]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece);
    }
    hash.finalize().into()
}

/// What goes before, the key `objects`, and a list of objects in pieces, most of which are the same memory.
fn objects(mut head: Vec<u8>) -> Vec<Bytes> {
    let mut content = vec![b'.'; OBJECT_BYTES];
    let filler = Bytes::from(content[4..].to_vec());
    // A list with a length of four bytes.
    head.extend(b"\xa7objects\xdd");
    head.extend(OBJECTS.to_be_bytes());
    let mut pieces = vec![Bytes::from(head)];
    for number in 0..OBJECTS {
        content[..4].copy_from_slice(&number.to_be_bytes());
        let id = ObjectId::of(&content).to_string();
        let mut start = b"\x82\xa9object_id\xd9".to_vec();
        start.push(u8::try_from(id.len()).unwrap());
        start.extend(id.bytes());
        start.extend(b"\xa7content\xc6");
        start.extend(u32::try_from(OBJECT_BYTES).unwrap().to_be_bytes());
        start.extend(number.to_be_bytes());
        pieces.extend([Bytes::from(start), filler.clone()]);
    }
    pieces
}

/// The same with one bit of the last byte the other way round.
fn altered(pieces: &[Bytes]) -> Vec<Bytes> {
    let mut pieces = pieces.to_vec();
    let mut last = pieces.pop().unwrap().to_vec();
    *last.last_mut().unwrap() ^= 1;
    pieces.push(last.into());
    pieces
}

fn upload(server: &Server, by: &Person, pieces: Vec<Bytes>, sha256: [u8; 32]) -> Request {
    send(server, "/anna/song/push/objects", by, pieces, sha256)
}

fn send(
    server: &Server,
    target: &str,
    by: &Person,
    pieces: Vec<Bytes>,
    sha256: [u8; 32],
) -> Request {
    let kind = "application/x-msgpack";
    let request = server.post(target).header("content-type", kind);
    request.header("accept", kind).pieces(pieces).digest(sha256).by(by)
}

#[tokio::test]
async fn a_push_of_500_mib_whose_last_byte_was_altered_leaves_nothing_and_costs_no_memory() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    let (pieces, sha256) = body();
    let before = server.stored().await;
    server.forget_peak();
    let idle = server.peak_bytes();

    let refused = upload(&server, &anna, altered(&pieces), sha256).send().await;
    refused.assert_refused(401, "digest_mismatch");
    assert_eq!(server.stored().await, before, "what was staged is gone");
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));

    // The bytes that were signed are taken: it was the one byte.
    let taken = upload(&server, &anna, pieces, sha256).send().await;
    assert_eq!(taken.wire::<api::wire::Stored>().stored, u64::from(OBJECTS));
    assert!(server.stored().await > before);
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}

/// Whoever takes a history away costs no more than whoever fetches it, however much it is (`spec/trust.md` 13).
#[tokio::test]
async fn a_history_of_160_mib_is_taken_away_and_costs_no_memory() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let names: Vec<String> = (0..160).map(|number| format!("{number}.bin")).collect();
    let mut story = Story::default();
    for some in names.chunks(40) {
        let tip: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
        let files: Vec<_> = some
            .iter()
            .map(|name| (name.as_str(), [name.as_bytes(), &vec![b'.'; OBJECT_BYTES]].concat()))
            .collect();
        let files: Vec<_> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        story.commit(&tip, "forty more", &files);
    }
    server.push_story(&anna, "anna/song", &story, "main").await;
    server.forget_peak();
    let idle = server.peak_bytes();
    let taken = server.get("/api/v1/me/export?bundles=1").by(&anna).send().await;
    taken.assert_status(200);
    assert!(taken.body.windows(13).any(|it| it == b"manifest.json"), "it came to its end");
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}

/// An object of 70 MiB comes at an address of its own in flat memory, and no Muse client could fetch it (`spec/wire.md`
/// 11.11).
#[tokio::test]
async fn a_fetch_that_no_muse_client_could_read_is_refused_before_a_byte_of_it() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let large = vec![b'.'; 70 << 20];
    let mut story = Story::default();
    story.commit(&[], "large", &[("large.bin", &large)]);
    server.create(&anna, "song", "public").await;
    let address = address_of(&server, &anna, &large).await;
    server.forget_peak();
    let idle = server.peak_bytes();
    put(&server, &address, &large).send().await.assert_status(200);
    server.push(&anna, "anna/song", story.push_to("main")).await.assert_status(200);
    let body = FetchRequest { want: vec![story.tip()], have: Vec::new() }.into();
    let refused = server.wire(&anna, "anna/song", "fetch", &body).send().await;
    refused.assert_refused(413, "too_large");
    let advice = format!("use: motet clone {}/anna/song", server.base_url());
    assert!(
        refused.text().contains("71 MiB") && refused.text().contains(&advice),
        "{}",
        refused.text()
    );
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}

/// The same for a push that carries its objects, as few clients send it.
#[tokio::test]
async fn a_push_that_carries_500_mib_of_objects_leaves_nothing_if_its_last_byte_was_altered_and_costs_no_memory()
 {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let mut story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    let head = story.tip();
    story.commit(&[head], "a verse", &[("README.md", b"a song")]);
    let (pieces, sha256) = carrying(&story);
    let before = server.stored().await;
    server.forget_peak();
    let idle = server.peak_bytes();

    let push = |pieces| send(&server, "/anna/song/push", &anna, pieces, sha256);
    push(altered(&pieces)).send().await.assert_refused(401, "digest_mismatch");
    assert_eq!(server.stored().await, before, "nothing is kept");
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(head));

    push(pieces).send().await.assert_status(200);
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}

/// Archives of more than 2 GiB in flat memory, and one that is cut off leaves nothing behind that goes on working
/// (`spec/hub.md` 13, H44).
#[tokio::test]
async fn an_archive_of_two_gib_streams_in_flat_memory_and_ends_with_its_client() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    // One object of 64 MiB, at many paths: what is read is what an archive holds, not what the store does.
    let large: Vec<u8> = (0..16_u32 << 20).flat_map(u32::to_le_bytes).collect();
    let paths: Vec<String> = (0..33).map(|it| format!("large/{it:02}.bin")).collect();
    let mut story = Story::default();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), large.as_slice())).collect();
    story.commit(&[], "large", &files);
    server.create(&anna, "song", "public").await;
    let address = address_of(&server, &anna, &large).await;
    put(&server, &address, &large).send().await.assert_status(200);
    server.push(&anna, "anna/song", story.push_to("main")).await.assert_status(200);
    server.forget_peak();
    let idle = server.peak_bytes();
    let request =
        "GET /anna/song/archive/main.tar HTTP/1.1\r\nhost: HOST\r\nuser-agent: test\r\n\r\n";
    let request = request.replace("HOST", &server.authority());
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut read, mut buffer) = (0_u64, vec![0; 1 << 20]);
    while read < 2_200 << 20 {
        let some = stream.read(&mut buffer).await.unwrap();
        assert!(some > 0, "{read} bytes");
        read += some as u64;
        if read > 2_100 << 20 {
            break;
        }
    }
    let above = server.peak_bytes() - idle;
    assert!(above < ARCHIVE_BYTES, "{} MiB above idle", above >> 20);
    // As many as one caller may have made at once, all cut off: the next ones begin all the same.
    drop(stream);
    for _ in 0..3 {
        let held = async {
            let mut held = Vec::new();
            while held.len() < 4 {
                let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                let read = stream.read(&mut buffer).await.unwrap();
                if buffer[..read].starts_with(b"HTTP/1.1 200") {
                    held.push(stream);
                }
            }
            held
        };
        let held = tokio::time::timeout(std::time::Duration::from_secs(20), held).await.unwrap();
        let fifth = server.get("/anna/song/archive/main.tar");
        fifth.send().await.assert_status(429);
        drop(held);
    }
}
