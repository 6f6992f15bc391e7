//! A clone that is cut anywhere goes on, and ends as if it had not been (`spec/wire.md` 11, point 12).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use names::Random;
use testkit::{Server, Story};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::noise;
use crate::{MOTET, working_copies::Desk};

/// How often a clone is cut, unless the command line asks otherwise.
const CUTS: u64 = 20;
/// What may stand before the first page of an answer, and around its pieces.
const HEADS_BYTES: u64 = 64 << 10;

/// The number that the command line asks for: `… -- cuts=100`.
pub(super) fn asked<T: std::str::FromStr>(what: &str) -> Option<T> {
    std::env::args().find_map(|it| it.strip_prefix(what)?.parse().ok())
}

/// Stands between client and server, and hangs up once so many bytes of answers have come by.
struct Proxy {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    cut_after: Option<u64>,
    passed: u64,
}

impl Proxy {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, to) = (Arc::new(Mutex::new(State::default())), server.authority());
        let (shared, own) = (Arc::clone(&state), address.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, own, to) = (Arc::clone(&shared), own.clone(), to.clone());
                tokio::spawn(async move {
                    // Either side may hang up at any time; that is what this is about.
                    pass(client, &own, &to, &shared).await.unwrap_or_default();
                });
            }
        });
        Self { address, state }
    }

    /// Lets so many bytes by, and no more.
    fn cut_after(&self, bytes: Option<u64>) {
        *self.state.lock().unwrap() = State { cut_after: bytes, passed: 0 };
    }

    fn passed(&self) -> u64 {
        self.state.lock().unwrap().passed
    }
}

async fn pass(client: TcpStream, own: &str, to: &str, state: &Mutex<State>) -> io::Result<()> {
    let server = TcpStream::connect(to).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (own, to) = (own.to_owned(), to.to_owned());
    let upwards = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = from_client.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return;
            }
            // The server answers to its own name alone, and nothing here is signed.
            let asked = replaced(&buffer[..count], own.as_bytes(), to.as_bytes());
            if to_server.write_all(&asked).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from_server.read(&mut buffer).await?;
        let let_by = {
            let mut state = state.lock().unwrap();
            let left = state.cut_after.map_or(u64::MAX, |cut| cut - state.passed);
            let let_by = count.min(usize::try_from(left).unwrap_or(usize::MAX));
            state.passed += let_by as u64;
            let_by
        };
        to_client.write_all(&buffer[..let_by]).await?;
        if count == 0 || let_by < count {
            upwards.abort();
            return to_client.shutdown().await;
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(at) => [&bytes[..at], to, &bytes[at + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

/// Every file below `root` but those that say where and when it was made.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if ![".muse/repo.json", ".muse/config.toml", ".muse/motet/index"]
                .contains(&name.to_str().unwrap())
                && !name.starts_with(".muse/logs")
            {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Some pages: many small files, objects of half a page, one longer than a page, in a history that parts and meets.
pub(super) fn story() -> Story {
    let mut story = Story::default();
    let mut contents: Vec<(String, Vec<u8>)> = (0..40)
        .map(|number| {
            (format!("notes/{number}.txt"), format!("note {number}\n").repeat(40).into_bytes())
        })
        .collect();
    let files = |contents: &[(String, Vec<u8>)]| contents.to_vec();
    let mut parents = Vec::new();
    for (round, size) in [3 << 20, 5 << 20, 11 << 20, 1 << 20, 2 << 20].into_iter().enumerate() {
        let seed = u64::try_from(round).unwrap() + 100;
        contents.push((format!("takes/{round}.raw"), noise(seed, size)));
        contents[round * 3].1.extend(b"and more\n");
        let all = files(&contents);
        let all: Vec<_> =
            all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        parents = vec![story.commit(&parents, &format!("take {round}"), &all)];
    }
    story
}

#[tokio::test]
async fn a_clone_that_is_cut_anywhere_goes_on_and_ends_as_if_it_had_not_been() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story(), "main").await;
    let proxy = Proxy::before(&server).await;
    let address = format!("http://{}/anna/song", proxy.address);
    let clone = async || {
        let (desk, address) = (Desk::empty(), address.clone());
        tokio::task::spawn_blocking(move || {
            let done = desk.run(&["clone", &address]);
            (desk, done)
        })
        .await
        .unwrap()
    };

    proxy.cut_after(None);
    let (uncut, done) = clone().await;
    assert_eq!(done.code, 0, "{}", done.err);
    let (whole, expected) = (proxy.passed(), files(&uncut.path().join("song")));
    assert!(whole > 20 << 20);

    let (random, cuts) = (Random::seeded(12), asked("cuts=").unwrap_or(CUTS));
    let mut continued = 0;
    for _ in 0..cuts {
        let cut = u64::from_be_bytes(random.bytes()) % whole;
        proxy.cut_after(Some(cut));
        let (desk, done) = clone().await;
        assert_eq!(done.code, 5, "cut after {cut} of {whole}: {}", done.err);
        let note = desk.path().join("song/.muse/motet/incoming/transfer.json");
        let kept: Option<serde_json::Value> =
            fs::read(note).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap());
        proxy.cut_after(None);
        let address = address.clone();
        let (desk, again) = tokio::task::spawn_blocking(move || {
            let done = desk.run(&["clone", &address]);
            (desk, done)
        })
        .await
        .unwrap();
        assert_eq!(again.code, 0, "cut after {cut} of {whole}: {}", again.err);
        assert!(files(&desk.path().join("song")) == expected, "cut after {cut} of {whole}");
        // What had come before the last cursor is not sent again.
        if let Some(kept) = kept {
            let before = kept["object_bytes"].as_u64().unwrap();
            assert!(proxy.passed() < whole - before + HEADS_BYTES, "cut after {cut} of {whole}");
            continued += 1;
        } else {
            assert!(cut < 10 << 20, "a page had come, and nothing was kept");
        }
    }
    assert!(continued > cuts / 3, "{continued} of {cuts} went on");
}
