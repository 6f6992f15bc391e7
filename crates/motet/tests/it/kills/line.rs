//! What one client pushes to one branch, and what it knows of it.

use api::wire::{Format, PushRequest};
use http::StatusCode;
use names::{CommitId, Random};
use serde_json::json;
use testkit::{Broken, Person, Server, Story};

use super::draw;

/// Commits of a branch, before it is forced back to its root.
const LONGEST: usize = 5;

/// A commit that the server has not acknowledged.
struct Attempt {
    story: Story,
    /// Whether it leaves what is there.
    force: bool,
    /// Whether its objects were acknowledged.
    is_uploaded: bool,
}

/// A branch. Nobody else pushes to it.
pub(super) struct Line {
    by: Person,
    repository: String,
    branch: String,
    /// What was acknowledged.
    landed: Story,
    /// What was under way when the server was killed.
    tried: Option<Attempt>,
    /// How many commits it has had.
    number: usize,
}

impl Line {
    /// A branch whose root is pushed.
    pub(super) async fn begin(
        server: &Server,
        by: &Person,
        repository: &str,
        branch: &str,
        random: &Random,
    ) -> Self {
        let mut line = Self {
            by: by.clone(),
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            landed: Story::default(),
            tried: None,
            number: 0,
        };
        line.step(server, random).await.unwrap();
        line
    }

    /// One push, and now and then a collection. What is not acknowledged is remembered.
    pub(super) async fn step(&mut self, server: &Server, random: &Random) -> Result<(), Broken> {
        self.tried = Some(self.compose(random));
        self.push(server, draw(random, 3) == 0).await?;
        if draw(random, 4) == 0 { self.collect(server).await } else { Ok(()) }
    }

    /// The next commit: it changes a large file, adds a small one, and has two that everybody has. Sometimes it is
    /// another way from the root.
    fn compose(&mut self, random: &Random) -> Attempt {
        let is_long = self.landed.commits.len() >= LONGEST;
        let force = is_long || (self.landed.commits.len() > 1 && draw(random, 4) == 0);
        let mut story = if force { self.root() } else { self.landed.clone() };
        if story.commits.is_empty() {
            story = self.root();
        } else {
            let number = self.number;
            let (large, small) = (random.bytes::<4096>().repeat(17), random.bytes::<16>());
            let (same, verse) = (b"same".repeat(17_000), format!("verses/{number}.txt"));
            let files = [
                ("same.bin", same.as_slice()),
                ("same.txt", b"same\n"),
                ("take.bin", &large),
                (&verse, &small),
            ];
            story.commit(&[story.tip()], &format!("commit {number}"), &files);
        }
        self.number += 1;
        Attempt { story, force, is_uploaded: false }
    }

    fn root(&self) -> Story {
        let (mut story, name) = (Story::default(), format!("{} {}", self.repository, self.branch));
        let same = b"same".repeat(17_000);
        let files =
            [("same.bin", same.as_slice()), ("same.txt", b"same\n"), ("name.txt", name.as_bytes())];
        story.commit(&[], &name, &files);
        story
    }

    /// Pushes what is tried: with its objects, or after them.
    async fn push(&mut self, server: &Server, is_bundle: bool) -> Result<(), Broken> {
        let Some(tried) = &mut self.tried else { return Ok(()) };
        let last = tried.story.commits.len() - 1;
        let first = if tried.force { last.min(1) } else { self.landed.commits.len() };
        let mut push =
            PushRequest { force: tried.force, ..tried.story.push_since(first, &self.branch) };
        let ids: Vec<_> = push.snapshots.iter().flat_map(|it| it.manifest.values()).collect();
        let objects: Vec<_> =
            ids.into_iter().map(|id| testkit::object(&tried.story.objects[id])).collect();
        if is_bundle {
            push.objects = objects;
        } else {
            let upload = testkit::objects_body(objects);
            let upload = server.wire(&self.by, &self.repository, "push/objects", &upload);
            upload.try_send().await?.assert_status(200);
            tried.is_uploaded = true;
        }
        let push = push.into_value(Format::MessagePack);
        let pushed = server.wire(&self.by, &self.repository, "push", &push).try_send().await?;
        pushed.assert_status(200);
        self.landed = self.tried.take().unwrap().story;
        Ok(())
    }

    async fn collect(&self, server: &Server) -> Result<(), Broken> {
        let target = format!("/api/v1/repos/{}/collect", self.repository);
        let asked =
            server.post(&target).by(&self.by).json(&json!({ "grace": 0 })).try_send().await?;
        asked.assert_status(StatusCode::ACCEPTED.as_u16());
        Ok(())
    }

    /// What was acknowledged is there and whole; what was not is whole or not there, and can be done again.
    pub(super) async fn holds(&mut self, server: &Server) {
        let head = server.head(&self.by, &self.repository, &self.branch).await.unwrap();
        let tried = self.tried.as_ref().map(|it| &it.story);
        let there = [Some(&self.landed), tried].into_iter().flatten().find(|it| it.tip() == head);
        let Some(there) = there else {
            let (landed, tried) = (self.landed.tip(), tried.map(Story::tip));
            panic!(
                "{} {}: {head}; acknowledged {landed}, tried {tried:?}",
                self.repository, self.branch
            );
        };
        self.is_whole(server, there, head).await;
        let Some(tried) = &self.tried else { return };
        if tried.is_uploaded {
            let ids: Vec<_> = tried.story.objects.keys().copied().collect();
            assert_eq!(server.missing(&self.by, &self.repository, &ids).await, []);
        }
        // Whether that is whole is looked at after the next kill.
        self.push(server, false).await.unwrap();
    }

    async fn is_whole(&self, server: &Server, story: &Story, head: CommitId) {
        let fetched = server.fetch(&self.by, &self.repository, &[head], &[]).await;
        assert_eq!(fetched.commits.len(), story.commits.len());
        for commit in &fetched.commits {
            history::verify_commit(commit).unwrap();
            assert!(story.commits.iter().any(|it| it.commit_id == commit.commit_id));
        }
        assert_eq!(fetched.snapshots.len(), story.snapshots.len());
        for snapshot in &fetched.snapshots {
            history::verify_snapshot(snapshot).unwrap();
        }
        assert_eq!(fetched.objects.len(), story.objects.len());
        for object in &fetched.objects {
            history::verify_object(object.object_id, &object.content).unwrap();
            assert!(story.objects.contains_key(&object.object_id));
        }
    }
}
