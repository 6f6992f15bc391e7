//! `motet push`: several refs at once, cut anywhere, killed at any moment (`spec/wire.md` 11, points 10 and 12).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use history::worktree::WorkingCopy;
use motet::{
    client::{Client, Options, RepositoryAddress},
    progress::Progress,
    transfer::{PushOptions, Pushed, TransferError},
};
use names::Random;
use serde_json::json;
use testkit::Broken;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    MOTET,
    kills::{begin, compose, head_of, is_whole, kill_within},
    wire2::cutting,
    working_copies::Desk,
};

const MAIN: &str = "refs/heads/main";
/// How often a push is cut, unless the command line asks otherwise.
const CUTS: u64 = 20;
/// What stands around the stream: heads of requests, questions, and what the connection had on its way.
const AROUND_BYTES: u64 = 512 << 10;
/// How often the server is killed, unless the command line asks otherwise.
const ROUNDS: usize = 6;
/// The server is killed within this time of a push: about as long as one takes.
const LONGEST_PUSH: Duration = Duration::from_millis(60);

#[tokio::test]
async fn several_branches_and_tags_go_at_once_and_are_taken_away() {
    let server = Server::with(MOTET).on(testkit::Ground::SqliteDisk).start().await;
    let (origin, desk) = (server.base_url(), Desk::new());
    desk.commit("song", "one\n");
    desk.ok(&["keygen"]);
    desk.ok(&["register", &origin, "ada"]);
    let address = format!("{origin}/ada/songs");
    let first = desk.ok(&["push", &address, "-u"]);
    assert_eq!((&first["old"], &first["commits"]), (&json!(null), &json!(1)));
    desk.ok(&["checkout", "-b", "draft/one"]);
    desk.commit("song", "two\n");
    desk.ok(&["tag", "v1"]);
    let told = desk.ok(&["push", "origin", "main", "draft/one", "--tags"]);
    let refs = told["refs"].as_array().unwrap();
    assert_eq!(refs.len(), 3, "{told}");
    assert_eq!((&refs[0]["branch"], &refs[0]["up_to_date"]), (&json!("main"), &json!(true)));
    assert_eq!((&refs[1]["branch"], &refs[2]["tag"]), (&json!("draft/one"), &json!("v1")));
    assert_eq!(refs[1]["new"], refs[2]["new"]);
    assert_eq!(told["commits"], 1);
    assert_eq!(desk.ok(&["push", "origin", "draft/one"])["up_to_date"], true);

    // Everything of it is signed, and the log is sound.
    let here = Desk::with_accounts_of(&desk);
    here.ok(&["clone", &address, "."]);
    let verified = here.ok(&["verify"]);
    assert_eq!((&verified["sound"], &verified["log"]["items"]), (&json!(true), &json!(3)));

    let gone = desk.ok(&["push", "origin", "--delete", "draft/one"]);
    assert_eq!((&gone["new"], &gone["refs"][0]["up_to_date"]), (&json!(null), &json!(false)));
    assert_eq!(desk.ok(&["push", "origin", "draft/one"])["refs"][0]["old"], json!(null));
    assert_eq!(here.ok(&["verify"])["log"]["items"], 5);
    assert_eq!(desk.fails(&["push", "origin", "--delete", "main"]).1, "protected_ref");

    // What somebody else did is not lost without force.
    here.ok(&["pull"]);
    here.commit("song", "of here\n");
    here.ok(&["push"]);
    desk.ok(&["checkout", "main"]);
    desk.commit("song", "of there\n");
    assert_eq!(desk.fails(&["push"]).1, "not_fast_forward");
    desk.ok(&["push", "--force"]);
    assert!(
        !desk.path().join(".muse/motet/pushes").read_dir().is_ok_and(|mut it| it.next().is_some())
    );
}

/// Stands between client and server, and hangs up once so many bytes of requests have come by.
struct Gate {
    address: String,
    state: Arc<Mutex<(Option<u64>, u64)>>,
}

impl Gate {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, to) = (Arc::new(Mutex::new((None, 0))), server.authority());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, to) = (Arc::clone(&shared), to.clone());
                tokio::spawn(async move { pass(client, &to, &shared).await });
            }
        });
        Self { address, state }
    }

    /// Lets so many bytes by, and no more.
    fn cut_after(&self, bytes: Option<u64>) {
        *self.state.lock().unwrap() = (bytes, 0);
    }

    fn passed(&self) -> u64 {
        self.state.lock().unwrap().1
    }
}

/// Either side may hang up at any time; that is what this is about.
async fn pass(client: TcpStream, to: &str, state: &Mutex<(Option<u64>, u64)>) -> Option<()> {
    let server = TcpStream::connect(to).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = from_client.read(&mut buffer).await.unwrap_or(0);
        let let_by = {
            let mut state = state.lock().unwrap();
            let left = state.0.map_or(u64::MAX, |cut| cut.saturating_sub(state.1));
            let let_by = count.min(usize::try_from(left).unwrap_or(usize::MAX));
            state.1 += let_by as u64;
            let_by
        };
        let written = to_server.write_all(&buffer[..let_by]).await;
        if count == 0 || let_by < count || written.is_err() {
            if let_by < count {
                back.abort();
            }
            return Some(());
        }
    }
}

/// Pushes the branch `main` through the gate.
async fn push_through(
    gate: &Gate,
    (server, anna): (&Server, &Person),
    directory: &Path,
    name: &str,
) -> Result<Pushed, TransferError> {
    let address: RepositoryAddress =
        format!("http://{}/anna/{name}", gate.address).parse().unwrap();
    let options = Options { authority: Some(server.authority()), ..Options::default() };
    let client = Client::new(address.origin.clone(), Some(anna.key().clone()), options).unwrap();
    let copy = WorkingCopy::discover(directory, &Random::default()).unwrap();
    let branches = ["main".parse().unwrap()];
    let options = PushOptions { branches: &branches, tags: &[], delete: false, force: false };
    let wire = client.wire(&address.owner, &address.name);
    motet::transfer::push(&copy, wire, &options, &Progress::silent()).await
}

/// The push that is noted in a working copy.
fn noted(directory: &Path) -> Option<Begun> {
    let note = directory.join(".muse/motet/pushes").read_dir().ok()?.next()?.unwrap().path();
    assert_eq!(fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
    let note: serde_json::Value = serde_json::from_slice(&fs::read(note).unwrap()).unwrap();
    let word = |key: &str| note[key].as_str().unwrap().to_owned();
    Some(Begun { id: word("push_id"), token: word("token") })
}

#[tokio::test]
async fn a_push_that_is_cut_anywhere_goes_on_and_ends_as_if_it_had_not_been() {
    let cuts = cutting::asked("cuts=").unwrap_or(CUTS);
    let server = Server::with(MOTET).on(testkit::Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let story = cutting::story();
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, SONG, &story, "main").await;
    let desk = Desk::empty();
    desk.ok(&["clone", &format!("{}/{SONG}", server.base_url())]);
    let (directory, gate) = (desk.path().join("song"), Gate::before(&server).await);
    let both = (&server, &anna);

    gate.cut_after(None);
    server.create(&anna, "whole", "private").await;
    let pushed = push_through(&gate, both, &directory, "whole").await.unwrap();
    assert_eq!((pushed.commits, pushed.objects), (story.commits.len(), story.objects.len() as u64));
    let whole = gate.passed();
    assert!(whole > 20 << 20 && noted(&directory).is_none());

    let (random, mut continued) = (Random::seeded(12), 0);
    for round in 0..cuts {
        let cut = u64::from_be_bytes(random.bytes()) % whole;
        let name = format!("cut{round}");
        server.create(&anna, &name, "private").await;
        gate.cut_after(Some(cut));
        let ended = push_through(&gate, both, &directory, &name).await;
        assert!(ended.is_err(), "cut after {cut} of {whole}");
        let me = Pusher { repository: anna.repository(&name), ..Pusher::new(&server, &anna) };
        assert!(server.refs(&anna, &me.repository).await.branch_heads.is_empty());
        let kept = match noted(&directory) {
            Some(push) => me.state(&push).await.offset,
            None => 0,
        };
        gate.cut_after(None);
        push_through(&gate, both, &directory, &name).await.unwrap();
        // What stands before the last cursor is not sent again.
        assert!(
            gate.passed() < whole - kept + AROUND_BYTES,
            "cut after {cut} of {whole}, {kept} kept"
        );
        continued += u64::from(kept > 0);
        let fetched = server.fetch(&anna, &me.repository, &[story.tip()], &[]).await;
        assert_eq!(fetched.commits.len(), story.commits.len());
        fetched.snapshots.iter().for_each(|it| history::verify_snapshot(it).unwrap());
        let mut objects: Vec<_> = fetched.objects.iter().map(|it| it.object_id).collect();
        objects.sort();
        assert_eq!(objects, story.objects.keys().copied().collect::<Vec<_>>());
    }
    assert!(continued > cuts / 3, "{continued} of {cuts} went on");
}

/// An object that is longer than several pages goes on in the middle.
#[tokio::test]
async fn a_large_object_that_is_cut_goes_on_where_it_was() {
    const LENGTH: usize = 40 << 20;
    const CUT: u64 = 30 << 20;
    // Started again it is at the same address, behind the same gate.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::with(MOTET).on(testkit::Ground::SqliteDisk);
    let mut server = server.listen(&address.to_string()).start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "takes", "private").await;
    let desk = Desk::new();
    desk.commit("notes", "a take\n");
    fs::write(desk.path().join("take.raw"), super::super::noise(5, LENGTH)).unwrap();
    desk.ok(&["commit", "-m", "a take"]);
    let gate = Gate::before(&server).await;
    gate.cut_after(Some(CUT));
    assert!(push_through(&gate, (&server, &anna), &desk.path(), "takes").await.is_err());
    let me = Pusher { repository: anna.repository("takes"), ..Pusher::new(&server, &anna) };
    let (_, kept) = me.state(&noted(&desk.path()).unwrap()).await.part.unwrap();
    assert!(kept > CUT - (6 << 20) && kept <= CUT, "{kept} bytes are kept");

    // What is kept outlives the server: at least all before the last cursor.
    server.kill().await;
    server.restart().await;
    gate.cut_after(None);
    let pushed = push_through(&gate, (&server, &anna), &desk.path(), "takes").await;
    // The commit before it had come whole.
    assert_eq!(pushed.unwrap().commits, 1);
    assert!(gate.passed() < LENGTH as u64 - kept + (1 << 20), "{} bytes", gate.passed());
    let here = Desk::empty();
    let (code, told) = here.json(&["clone", &format!("{}/anna/takes", server.base_url())]);
    assert_eq!((code, &told["error"]["code"]), (4, &json!("not_found")), "it is private");
    assert_eq!(fs::read_dir(server.data_dir().join("objects/parts")).unwrap().count(), 0);
}

/// Pushes commit number `at` of the story, as a client does.
async fn push(server: &Server, anna: &Person, story: &Story, at: usize) -> Result<(), Broken> {
    let me = Pusher::new(server, anna);
    let old = Some(story.commits[at - 1].commit_id);
    let updates = vec![update(MAIN, old, Some(story.commits[at].commit_id))];
    let opened = me.asking(Method::POST, "", OpenPush { updates }).try_send().await?;
    opened.assert_status(201);
    let opened = PushOpened::try_from(opened.value()).unwrap();
    let push = Begun { id: opened.push_id, token: opened.token };
    let sent = me.streaming(&push, 0, &stream_since(story, at)).try_send().await?;
    sent.assert_status(200);
    me.committing(&push).try_send().await?.assert_status(200);
    Ok(())
}

#[tokio::test]
async fn a_push_is_whole_or_not_there_when_the_server_is_killed_at_any_moment_of_it() {
    let (random, mut server, anna, mut story) = begin().await;
    for round in 0..cutting::asked("rounds=").unwrap_or(ROUNDS) {
        compose(&mut story, &random);
        let last = story.commits.len() - 1;
        let kill = kill_within(&server, &random, LONGEST_PUSH);
        let (landed, ()) = tokio::join!(push(&server, &anna, &story, last), kill);
        server.kill().await;
        server.restart().await;
        let at = head_of(&server, &anna, &story).await;
        eprintln!("round {round}: acknowledged {}, there {}", landed.is_ok(), at == last);
        assert!(at == last || (at + 1 == last && landed.is_err()), "round {round}: a push is lost");
        is_whole(&server, &anna, &story, at).await;
        if at < last {
            push(&server, &anna, &story, last).await.unwrap();
        }
        is_whole(&server, &anna, &story, last).await;
    }
    server.stop().await;
}
