//! Releases: a commit under a name that never moves (`spec/collaboration.md` 6; `spec/wire.md` 1.5, 4).
//!
//! A draft is seen by those who may publish it, and can be thrown away. Publishing makes the tag `refs/tags/<name>` at the
//! commit; from then on tag, commit and channel never change, and the release is at most yanked: not offered any more.
//!
//! | file       | what is there                                     |
//! |------------|---------------------------------------------------|
//! | `mod.rs`   | [`NewRelease`], the door's methods                  |
//! | `wire.rs`  | POST, GET and DELETE of `releases` on wire 1          |
//! | `store.rs` | the table `releases`, and the refs of tags           |

mod store;
mod wire;

use api::{
    WireCode,
    wire::{Channel, Release},
};
use db::Tx;
use names::{BranchName, Id, UnixMillis};
use serde_json::json;
use trust::{
    Act, Actor, Allowed, Principal, act,
    audit::{Entry, Noted, On},
};

pub(crate) use store::STATEMENTS;
pub(crate) use wire::routes;

use crate::{
    Error, Hub, Repository,
    activity::{self, By, Note, What},
    reading,
    ref_log::{Movement, Word},
    repositories, wire as wire_one,
};

/// Releases of a repository: one a day for 27 years.
const MOST: u64 = 10_000;
/// Why a release is yanked over the wire, which has no words for it.
const OVER_THE_WIRE: &str = "retracted by a Muse client";

/// A release to be.
#[derive(Debug)]
struct NewRelease {
    id: Id<Release>,
    made_by: Id<Principal>,
    made_at: UnixMillis,
    /// The name of its tag.
    tag: BranchName,
    channel: Channel,
    asked: Release,
}

/// A release as far as retracting goes.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: Id<Release>,
    is_draft: bool,
}

impl Hub {
    /// Makes a release or a draft of one; gives its id.
    async fn make_release(
        &self,
        allowed: &Allowed<act::ReleaseDraft, Repository>,
        asked: Release,
    ) -> Result<Id<Release>, Error> {
        let (actor, made_at) = (allowed.actor(), self.clock.now());
        let tag: BranchName = asked.tag.parse().map_err(|error: names::BranchError| {
            let sentence = format!("a tag is named as a branch is: {error}");
            Error::wire(WireCode::BadRef, sentence)
        })?;
        let made_by = actor.principal().ok_or(Error::NotFound)?.id;
        let id = Id::new(made_at, &self.random);
        let channel = asked.channel;
        let new = NewRelease { id, made_by, made_at, tag, channel, asked };
        let mut tx = self.trust.begin(actor).await?;
        let repository = again::<act::ReleaseDraft>(&mut tx, allowed).await?;
        check_commit(&mut tx, &repository, &new.asked).await?;
        if store::count(&mut tx, repository.id).await? >= MOST {
            let sentence = format!("a repository has at most {MOST} releases");
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        if !store::add(&mut tx, repository.id, &new).await? {
            let sentence = format!("there is a release {} already", new.tag);
            return Err(Error::wire(WireCode::ReleaseExists, sentence));
        }
        if new.asked.is_draft {
            self.tell_of_release(&mut tx, What::ReleaseDrafted, allowed, (id, &new.asked.tag))
                .await?;
        } else {
            let repository = ask::<act::ReleasePublish>(actor, repository)?;
            self.set_tag(&mut tx, (&repository, actor), &new).await?;
            let published = note(actor, &repository, Noted::ReleasePublished, &new.asked.tag);
            let chain = self.trust.chain_of(&mut tx, repository.resource.owner).await?;
            self.trust.note(&mut tx, chain, published).await?;
            self.tell_of_release(&mut tx, What::ReleasePublished, allowed, (id, &new.asked.tag))
                .await?;
        }
        tx.commit().await?;
        self.queue.wake();
        let repository = allowed.resource().full_name();
        tracing::info!(repository, tag = %new.tag, draft = new.asked.is_draft, "release made");
        Ok(id)
    }

    /// Throws a draft away; yanks what was published.
    async fn retract_release(
        &self,
        allowed: &Allowed<act::ReleaseDraft, Repository>,
        tag: &str,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let repository = again::<act::ReleaseDraft>(&mut tx, allowed).await?;
        let known = store::find(&mut tx, repository.id, tag).await?.ok_or(Error::NotFound)?;
        if known.is_draft {
            store::remove_draft(&mut tx, known.id).await?;
            self.tell_of_release(&mut tx, What::ReleaseDiscarded, allowed, (known.id, tag)).await?;
        } else {
            let repository = ask::<act::ReleaseYank>(actor, repository)?;
            if store::yank(&mut tx, known.id, OVER_THE_WIRE, self.clock.now()).await? {
                let retracted = note(actor, &repository, Noted::ReleaseRetracted, tag);
                let chain = self.trust.chain_of(&mut tx, repository.resource.owner).await?;
                self.trust.note(&mut tx, chain, retracted).await?;
                self.tell_of_release(&mut tx, What::ReleaseYanked, allowed, (known.id, tag))
                    .await?;
            }
        }
        tx.commit().await?;
        let repository = allowed.resource().full_name();
        tracing::info!(repository, tag, draft = known.is_draft, "release retracted");
        Ok(())
    }
}

impl Hub {
    /// Writes down what happened to a release.
    async fn tell_of_release(
        &self,
        tx: &mut Tx,
        what: What,
        allowed: &Allowed<act::ReleaseDraft, Repository>,
        (id, tag): (Id<Release>, &str),
    ) -> Result<(), Error> {
        let (by, now, of) = (By::of(allowed.actor()), self.clock.now(), allowed.resource().id);
        let told = Note::repository(what, by, of, now, json!({ "tag": tag }));
        activity::note(self, tx, told.about(format!("release:{id}"))).await
    }
}

/// What is written down about a release.
fn note(actor: &Actor, of: &Repository, what: Noted, tag: &str) -> Entry {
    Entry::done(what, actor, On::new("repository", of.id))
        .with("name", of.full_name())
        .with("tag", tag)
}

/// The repository as it is in this transaction, locked, and still allowed.
async fn again<A: Act>(tx: &mut Tx, allowed: &Allowed<A, Repository>) -> Result<Repository, Error> {
    let (actor, id) = (allowed.actor(), allowed.resource().id);
    wire_one::lock(tx, id).await?;
    let found = repositories::by_id_for(tx, id, actor.readers()).await?;
    ask::<A>(actor, found.ok_or(Error::NotFound)?)
}

/// The repository, if `actor` may do this with it.
fn ask<A: Act>(actor: &Actor, repository: Repository) -> Result<Repository, Error> {
    let allowed = Allowed::<A, _>::ask(actor, repository).map_err(Error::Refused)?;
    Ok(allowed.resource().clone())
}

/// The commit is on a branch, and the snapshot is the commit's.
async fn check_commit(tx: &mut Tx, of: &Repository, asked: &Release) -> Result<(), Error> {
    let id = asked.commit_id;
    let records = reading::commits(tx, of.id, &[id]).await?;
    let heads: Vec<_> =
        reading::branches(tx, of.id).await?.into_iter().map(|(_, head)| head).collect();
    let Some(commit) = records.get(&id) else {
        let sentence = format!("commit {id} is not in this repository");
        return Err(Error::wire(WireCode::UnknownCommit, sentence));
    };
    if !reading::is_reachable(tx, of.id, id, &heads).await? {
        let sentence = format!("commit {id} is on no branch of this repository");
        return Err(Error::wire(WireCode::UnknownCommit, sentence));
    }
    if commit.record.snapshot_id != asked.snapshot_id {
        let sentence =
            format!("the snapshot of commit {id} is {}, another one", commit.record.snapshot_id);
        return Err(Error::wire(WireCode::SnapshotMismatch, sentence));
    }
    Ok(())
}

impl Hub {
    /// Makes the tag of a release, unless it is there. It never moves.
    async fn set_tag(
        &self,
        tx: &mut Tx,
        (of, actor): (&Repository, &Actor),
        release: &NewRelease,
    ) -> Result<(), Error> {
        let (tag, commit) = (&release.tag, release.asked.commit_id);
        for (name, target) in store::tags(tx, of.id).await? {
            if name == *tag && target == commit {
                return Ok(());
            }
            if name == *tag {
                let sentence = format!("the tag {tag} is at {target}, and a tag never moves");
                return Err(Error::wire(WireCode::ReleaseExists, sentence));
            }
            if name.clashes_with(tag) {
                let sentence = format!(
                    "`{tag}` and `{name}` cannot both be tags: one is a directory of the other"
                );
                return Err(Error::wire(WireCode::RefConflict, sentence));
            }
        }
        let name = format!("{}{tag}", store::TAGS_BELOW);
        let movement = Movement {
            name: &name,
            old: None,
            new: Some(commit),
            is_forced: false,
            word: Word::Request,
        };
        self.move_ref(tx, (of, actor), &movement, release.made_at).await?;
        Ok(())
    }
}
