//! What is done for the server itself: what names name is read here; Git moves refs, and lists them.
//!
//! Each run of Git is one process however many refs there are, with what it reads and what it says flowing at the same time.

use std::{collections::HashMap, path::Path};

use names::{CommitId, ObjectId};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::{
    Git, Packs, Peeled,
    process::{Chore, GitProcess, Life},
};
use crate::Error;

/// What of a complaint is kept.
const COMPLAINT_BYTES: u64 = 2 << 10;
/// What a list of refs may take: a million short ones.
const LISTED_BYTES: u64 = 128 << 20;

/// An object that a ref may point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pointed {
    /// At a commit.
    Commit,
    /// At a tag that leads to this commit.
    Tag(CommitId),
    /// At something else, or at a tag that leads to something else.
    Other,
}

/// Refs that go somewhere, locked by Git: either all go or none does.
#[derive(Debug)]
pub(super) struct Prepared {
    input: tokio::process::ChildStdin,
    output: BufReader<tokio::process::ChildStdout>,
    errors: tokio::process::ChildStderr,
    life: Life,
}

/// A ref, where it is, and where it goes.
pub(super) struct RefMove<'a> {
    pub(super) name: &'a str,
    /// Where it has to be; nothing if it must not be there.
    pub(super) old: Option<CommitId>,
    /// Nothing to take it away.
    pub(super) new: Option<CommitId>,
}

/// What no object is called.
const NONE: &str = "0000000000000000000000000000000000000000";

/// What `ids` name, in packs that may hold what is still in quarantine.
pub(super) async fn pointed(
    packs: &Packs,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Pointed>, Error> {
    let ids = ids.to_vec();
    let read = packs.read(move |reader| {
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            let pointed = match reader.peel(ObjectId::from_bytes(*id.as_bytes()))? {
                Some(Peeled::Commit(commit)) if commit == id => Pointed::Commit,
                Some(Peeled::Commit(commit)) => Pointed::Tag(commit),
                Some(Peeled::Other) | None => Pointed::Other,
            };
            found.insert(id, pointed);
        }
        Ok(found)
    });
    read.await
}

impl Git {
    /// Every ref that Git knows of, and what it names.
    pub(super) async fn refs(&self, dir: &Path) -> Result<HashMap<String, CommitId>, Error> {
        let arguments = vec!["for-each-ref", "--format=%(objectname) %(refname)"];
        let text = self.listed(dir, &Chore::of(arguments), String::new()).await?;
        let pair = |line: &str| {
            let (id, name) = line.split_once(' ')?;
            Some((name.to_owned(), id.parse().ok()?))
        };
        Ok(text.lines().filter_map(pair).collect())
    }

    /// Runs a chore to its end and gives what it said.
    pub(super) async fn listed(
        &self,
        dir: &Path,
        chore: &Chore<'_>,
        input: String,
    ) -> Result<String, Error> {
        let said = self.tried(dir, chore, input).await?;
        said.map_err(|words| Error::Broken(format!("git did not do as it was told: {words}")))
    }

    /// The same where Git may not do it, and says why.
    pub(super) async fn tried(
        &self,
        dir: &Path,
        chore: &Chore<'_>,
        input: String,
    ) -> Result<Result<String, String>, Error> {
        let GitProcess { input: mut stdin, output, errors, mut life } =
            self.program()?.run(dir, chore)?;
        let write = async move {
            stdin.write_all(input.as_bytes()).await?;
            stdin.shutdown().await
        };
        let mut text = String::new();
        let mut output = output.take(LISTED_BYTES);
        let read = output.read_to_string(&mut text);
        let (written, read, complaint) = tokio::join!(write, read, complaint(errors));
        let status = life.ended().await.map_err(Error::Git)?;
        if !status.success() {
            return Ok(Err(complaint));
        }
        read.map_err(Error::Git)?;
        // It ends well only after it has read everything.
        written.map_err(Error::Git)?;
        Ok(Ok(text))
    }

    /// Locks refs, so that they can be moved together. What Git does not agree to is told in its own words.
    pub(super) async fn prepare(
        &self,
        dir: &Path,
        moves: &[RefMove<'_>],
    ) -> Result<Result<Prepared, String>, Error> {
        let arguments = vec!["update-ref", "--no-deref", "--stdin"];
        let GitProcess { input, output, errors, life } =
            self.program()?.run(dir, &Chore::of(arguments))?;
        let mut prepared = Prepared { input, output: BufReader::new(output), errors, life };
        let mut text = "start\n".to_owned();
        for RefMove { name, old, new } in moves {
            let old = old.map_or_else(|| NONE.to_owned(), |it| it.to_string());
            let line = match new {
                Some(new) => format!("update {name} {new} {old}\n"),
                None => format!("delete {name} {old}\n"),
            };
            text.push_str(&line);
        }
        text.push_str("prepare\n");
        // It may end in the middle; then it says why.
        let told = prepared.input.write_all(text.as_bytes()).await.is_ok()
            && prepared.hears("start: ok").await
            && prepared.hears("prepare: ok").await;
        if told { Ok(Ok(prepared)) } else { Ok(Err(complaint(prepared.errors).await)) }
    }
}

impl Prepared {
    /// Leaves the refs where they are, unlocked.
    pub(super) async fn abandon(mut self) {
        // Whatever ends it, it lets go.
        if self.input.write_all(b"abort\n").await.is_ok() {
            self.hears("abort: ok").await;
        }
        drop(self.input);
        if let Err(error) = self.life.ended().await {
            tracing::warn!(%error, "git did not end well");
        }
    }

    async fn hears(&mut self, word: &str) -> bool {
        let mut line = String::new();
        self.output.read_line(&mut line).await.is_ok() && line.trim_end() == word
    }

    /// Moves the refs.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let told =
            self.input.write_all(b"commit\n").await.is_ok() && self.hears("commit: ok").await;
        drop(self.input);
        if told {
            return self.life.ended().await.map(drop).map_err(Error::Git);
        }
        let complaint = complaint(self.errors).await;
        Err(Error::Broken(format!("git did not move refs that it had locked: {complaint}")))
    }
}

/// What a process complains of, in one line.
pub(super) async fn complaint(errors: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let mut errors = errors;
    if (&mut errors).take(COMPLAINT_BYTES).read_to_end(&mut bytes).await.is_err() {
        bytes.clear();
    }
    // Whatever follows is read, so that nobody waits for us to do so.
    let _rest = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    lines.join("; ").chars().filter(|it| !it.is_control()).collect()
}
