//! What the server stands on lets it down (`spec/hub.md` 13, H33, H34): it says so, loses nothing, and goes on by itself.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use cluster::{Cluster, Settings};
use tempfile::TempDir;
use testkit::{Ground, Person, Server, Story};
use tokio::task::JoinSet;

use crate::{MOTET, postgres::KEY};

const SONG: &str = "anna/song";

/// A small file system, unmounted when this is dropped.
pub(crate) struct Small(TempDir);

impl Small {
    pub(crate) fn mount() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs"])
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(
            mounted.status.success(),
            "this test needs a small file system of its own and may not mount one; run it as root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(dir)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes every byte that is left.
    pub(crate) fn fill(&self) -> PathBuf {
        let ballast = self.0.path().join("ballast");
        let mut file = File::create(&ballast).unwrap();
        for piece in [1 << 20, 4096] {
            let piece = vec![1; piece];
            while file.write_all(&piece).is_ok() {}
        }
        ballast
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Adds a commit with one file that is nowhere else.
fn grow(story: &mut Story, bytes: usize) {
    let number = story.commits.len();
    let parents: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
    let text = format!("line {number}\n").repeat(bytes / 8 + 1);
    story.commit(&parents, &number.to_string(), &[("a.txt", text.as_bytes())]);
}

/// A push of the newest commit with its objects inside.
fn newest(story: &Story) -> api::wire::PushRequest {
    let last = story.commits.len() - 1;
    let push = story.push_since(last, "main");
    let named = push.snapshots.iter().flat_map(|it| it.manifest.values());
    let objects = named.map(|id| testkit::object(&story.objects[id])).collect();
    api::wire::PushRequest { objects, ..push }
}

#[tokio::test]
async fn a_full_disk_refuses_pushes_and_nothing_else_and_recovers_by_itself() {
    let small = Small::mount();
    let server = Server::with(MOTET)
        .on(Ground::SqliteDisk)
        .data_dir(small.0.path().join("data"))
        .start()
        .await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    grow(&mut story, 1_000);
    server.push(&anna, SONG, newest(&story)).await.assert_status(200);
    let kept = story.tip();

    let ballast = small.fill();
    let mut full = story.clone();
    for bytes in [1_000, 200_000] {
        grow(&mut full, bytes);
        let bundle = api::wire::PushRequest { objects: full.inline(), ..full.push_to("main") };
        server.push(&anna, SONG, bundle).await.assert_refused(503, "unavailable");
    }
    server.get("/healthz").send().await.assert_status(503);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(kept));
    for place in ["/anna/song", "/anna/song/blob/main/a.txt", "/anna/song/commits/main"] {
        server.get(place).by(&anna).send().await.assert_status(200);
    }
    assert_eq!(server.fetch(&anna, SONG, &[kept], &[]).await.commits.len(), 1);

    fs::remove_file(ballast).unwrap();
    let bundle = api::wire::PushRequest { objects: full.inline(), ..full.push_to("main") };
    server.push(&anna, SONG, bundle).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(full.tip()));
    server.get("/healthz").send().await.assert_status(200);
    let tmp = fs::read_dir(server.data_dir().join("objects/tmp")).unwrap();
    assert_eq!(tmp.count(), 0, "what was refused has left something behind");
}

/// Pushes to a repository of its own until told to stop. Gives the story, and how many of its commits were acknowledged.
async fn push_on(
    server: Arc<Server>,
    person: Person,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> (Person, Story, usize, usize) {
    let repository = person.repository("song");
    let (mut story, mut failed) = (Story::default(), 0);
    while !*stop.borrow_and_update() {
        grow(&mut story, 500);
        loop {
            let body = newest(&story).into_value(api::wire::Format::MessagePack);
            let answer = server.wire(&person, &repository, "push", &body).send().await;
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.status, 503, "{}", answer.text());
            failed += 1;
        }
    }
    let acknowledged = story.commits.len();
    (person, story, acknowledged, failed)
}

/// Four people push while `harm` is done to what the server stands on; everything acknowledged is there afterwards.
async fn under_load(server: Server, harm: impl AsyncFnOnce()) {
    let server = Arc::new(server);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut pushing = JoinSet::new();
    for handle in ["anna", "boris", "clara", "dora"] {
        let person = server.register(handle).await;
        pushing.spawn(push_on(Arc::clone(&server), person, stopped.clone()));
    }
    harm().await;
    stop.send(true).unwrap();
    let mut failed = 0;
    while let Some(done) = pushing.join_next().await {
        let (person, story, acknowledged, refused) = done.unwrap();
        let repository = person.repository("song");
        assert!(acknowledged > 0);
        assert_eq!(server.head(&person, &repository, "main").await, Some(story.tip()));
        let fetched = server.fetch(&person, &repository, &[story.tip()], &[]).await;
        assert_eq!(fetched.commits.len(), acknowledged);
        failed += refused;
    }
    eprintln!("{failed} pushes were refused with 503 and repeated");
    server.get("/healthz").send().await.assert_status(200);
}

async fn on_postgres(url: &str) -> Server {
    let setup = Server::with(MOTET).on(Ground::SqliteDisk);
    setup.env("MOTET_DATABASE_URL", url).env("MOTET_INSTALL_KEY", KEY).start().await
}

#[tokio::test]
async fn a_database_that_restarts_under_load_loses_nothing_that_was_acknowledged() {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let server = on_postgres(&database.url).await;
    under_load(server, async || {
        for _ in 0..3 {
            cluster.restart().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_loses_power_under_load_loses_nothing_that_was_acknowledged() {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let server = on_postgres(&database.url).await;
    under_load(server, async || {
        for _ in 0..2 {
            cluster.kill().await;
            cluster.start_again().await;
        }
    })
    .await;
}

#[tokio::test]
async fn connections_that_are_cut_under_load_lose_nothing_that_was_acknowledged() {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let server = on_postgres(&database.url).await;
    under_load(server, async || {
        for _ in 0..10 {
            cluster.cut_connections(&database).await;
        }
    })
    .await;
}
