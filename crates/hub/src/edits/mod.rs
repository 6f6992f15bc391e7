//! Commits that the server makes for somebody: files that are changed in a page or by an agent, and what a new repository
//! begins with (`spec/hub.md` 1, 9; `spec/wire.md` 7).
//!
//! The server signs the commit and the entry that moves its branch, and names whoever asked as the author. What it signs
//! it has checked like anything that comes from elsewhere.
//!
//! | file       | what is there                                                        |
//! |------------|----------------------------------------------------------------------|
//! | `mod.rs`   | [`Hub::commit_files`], the one transaction                             |
//! | `draft.rs` | [`Draft`]: files changed, hashed and laid out, before the transaction   |
//! | `api.rs`   | JSON under `/api/v1/repos/{owner}/{name}/edits`                        |
//! | `check.rs` | JSON of an edit, read and checked                                     |

mod api;
mod check;
mod draft;

use db::Tx;
use history::{CommitTime, Parents, new_record, signing_bytes};
use names::{BranchName, CommitId, UnixMillis};
use trust::{Actor, Allowed, Kind, act, signing_keys::Purpose};

pub(crate) use api::routes;
pub(crate) use draft::{Draft, Edit, Files, files_of};

use crate::{
    Error, Format, Hub, Repository,
    intake::Asks,
    reading,
    ref_log::Word,
    wire::{
        bundle::CheckedCommit,
        landing::{self, Move, NewCommit, NewSnapshot},
    },
};
use ::api::{CommitRecord, WireCode};

/// What somebody wants to have committed.
#[derive(Debug)]
pub(crate) struct Edits {
    /// To which branch.
    pub(crate) branch: BranchName,
    /// Where the branch was when they looked; nothing in an empty repository.
    pub(crate) expected: Option<CommitId>,
    /// What they say of it.
    pub(crate) message: String,
    /// What changes.
    pub(crate) files: Vec<Edit>,
}

/// Where a commit goes.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// The branch that moves to it.
    pub(crate) branch: &'a BranchName,
    /// What it follows.
    pub(crate) parent: Option<CommitId>,
    /// What is said of it.
    pub(crate) message: &'a str,
}

impl Hub {
    /// Commits changes of files to a branch, in the name of whoever is allowed to push there; gives also what is told of
    /// the files.
    pub(crate) async fn commit_files(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        edits: Edits,
    ) -> Result<(CommitRecord, Vec<String>), Error> {
        let Edits { branch, expected, message, files } = edits;
        let (actor, id) = (allowed.actor(), allowed.resource().id);
        allowed.check_branch(&branch).map_err(Error::Refused)?;
        let mut tx = self.db.read().await?;
        check_place(&mut tx, allowed.resource(), &branch, expected).await?;
        if allowed.resource().format == Format::Git {
            drop(tx);
            let edits = Edits { branch, expected, message, files };
            return self.commit_to_git(allowed, edits).await;
        }
        let before = match expected {
            Some(commit) => files_of(&mut tx, allowed.resource(), commit).await?,
            None => Files::new(),
        };
        drop(tx);
        let asks = Asks::of(Some(allowed.resource()), None);
        let mut draft = Draft::of(&self.objects, before, files, (asks, self.clock.now())).await?;
        let at = (asks, Some(allowed.resource()));
        let leaks = self.leaks(at, std::mem::take(&mut draft.leaks), &[]).await?;
        let news = std::slice::from_ref(&draft.news);
        let warnings = self.judge_news(at, news, &draft.heads, &leaks).await?;
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RefPush, _> = self.again(&mut tx, actor, id).await?;
        allowed.check_branch(&branch).map_err(Error::Refused)?;
        let repository = allowed.resource();
        check_place(&mut tx, repository, &branch, expected).await?;
        let to = Target { branch: &branch, parent: expected, message: &message };
        let made = self.write_commit(&mut tx, (repository, actor), &to, draft).await?;
        tx.commit().await?;
        self.queue.wake();
        let (repository, tip) = (repository.full_name(), made.commit_id.short());
        tracing::info!(repository, %branch, tip, "files were committed");
        Ok((made, warnings))
    }

    /// Makes a commit, signs it and moves its branch there, in the transaction in which the repository is held and the
    /// branch was found where the commit follows it.
    pub(crate) async fn write_commit(
        &self,
        tx: &mut Tx,
        (repository, actor): (&Repository, &Actor),
        to: &Target<'_>,
        draft: Draft,
    ) -> Result<CommitRecord, Error> {
        let (now, by) = (self.clock.now(), actor.principal().ok_or(Error::NotFound)?.id);
        let Draft { snapshot, tree, staged, objects, .. } = draft;
        self.objects.register(tx, &staged).await?;
        let record = self.signed(tx, actor, to, (snapshot.snapshot_id, now)).await?;
        let checked = CheckedCommit::check(record)?;
        let generation = match to.parent {
            None => 1,
            Some(parent) => {
                let known = reading::known_commits(tx, repository.id, &[parent]).await?;
                known.get(&parent).ok_or(Error::NotFound)?.generation + 1
            }
        };
        let ids = [snapshot.snapshot_id];
        let is_held = !landing::held_snapshots(tx, repository.id, &ids).await?.is_empty();
        let snapshots =
            if is_held { Vec::new() } else { vec![NewSnapshot { record: &snapshot, tree }] };
        let agent = self.trust.agent_labels(actor).of(&checked.record.agent_id);
        let signature_state = "verified";
        let commits = [NewCommit { checked: &checked, generation, signature_state, agent }];
        let push = landing::Push {
            repository,
            actor,
            by,
            now,
            branch: to.branch,
            tip: checked.record.commit_id,
            commits: &commits,
            snapshots: &snapshots,
            objects: &objects,
            moved: Move::Forward(to.parent),
            word: Word::Server,
        };
        self.write(tx, &push).await?;
        drop((snapshots, commits));
        Ok(checked.record)
    }

    /// A commit in the name of whoever asks, signed by the server.
    async fn signed(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        to: &Target<'_>,
        (snapshot, now): (names::SnapshotId, UnixMillis),
    ) -> Result<CommitRecord, Error> {
        let author = actor.principal().ok_or(Error::NotFound)?;
        let key = self.trust.signing_keys()?.active(tx, Purpose::Server).await?;
        let time = CommitTime::from_millis(now);
        let parents = Parents::new(to.parent, None);
        let mut record = new_record(parents, snapshot, to.message, time.as_str());
        record.branch = to.branch.to_string();
        record.author = author.handle.to_string();
        // The request proved which agent it was.
        if author.kind == Kind::Agent {
            record.agent_id = author.handle.to_string();
        }
        key.kid().clone_into(&mut record.signer_key_id);
        record.signature = key.sign(&signing_bytes(&record)).to_commit_text();
        Ok(record)
    }
}

/// The branch is where whoever asks has seen it; in an empty repository there is none yet.
async fn check_place(
    tx: &mut Tx,
    repository: &Repository,
    branch: &BranchName,
    expected: Option<CommitId>,
) -> Result<(), Error> {
    let heads = reading::branches(tx, repository.id).await?;
    let present = heads.iter().find(|(name, _)| name == branch).map(|(_, id)| *id);
    let moved = |place: String| {
        let sentence = format!("{branch} is {place} by now; look again, and send where it is");
        Err(Error::wire(WireCode::NotFastForward, sentence))
    };
    match (present, expected) {
        (Some(present), Some(expected)) if present == expected => Ok(()),
        (Some(present), _) => moved(format!("at {present}")),
        (None, Some(_)) => moved("not there".to_owned()),
        (None, None) if heads.is_empty() => Ok(()),
        (None, None) => {
            let message = format!("there is no branch `{branch}`; make it from another one first");
            Err(Error::Asked { field: "branch", message })
        }
    }
}
