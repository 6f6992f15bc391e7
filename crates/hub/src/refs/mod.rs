//! Branches and tags as lists, and taking a branch away in a page and bringing it back (`spec/hub.md` 8).
//!
//! A branch is active while its newest commit is younger than [`ACTIVE_DAYS`], else stale; it is mine if I moved it last.
//!
//! | file       | what is there                                            |
//! |------------|----------------------------------------------------------|
//! | `mod.rs`   | the lists; [`Hub::delete_branch`], [`Hub::restore_branch`] |
//! | `store.rs` | the SQL                                                  |

mod store;

use std::{collections::HashMap, str::FromStr};

use api::{WireCode, wire2::Update};
use db::Tx;
use names::{BranchName, CommitId, Id, UnixMillis};
use trust::{
    Actor, Allowed, act,
    audit::{Entry, Noted, On},
};

pub(crate) use store::{STATEMENTS, count_tags};

use crate::{
    Error, Hub, Repository, collect,
    reading::{self, History, ancestry},
    ref_log::{Movement, Word},
    repositories,
    wire::landing,
};

/// How long a branch without a new commit counts as active, in days: a season.
pub(crate) const ACTIVE_DAYS: u32 = 90;
/// Branches or tags on one page.
const PAGE: u32 = 50;
/// Movements that are looked through for branches that are gone: some milliseconds. The log of refs has those before.
const LOOKED_THROUGH: u32 = 10_000;
const DAY_MILLIS: i64 = 86_400_000;

/// Which branches are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Show {
    /// Those with a commit of the last season.
    #[default]
    Active,
    /// Those that the reader moved last.
    Mine,
    /// Those without a commit of the last season.
    Stale,
    /// All.
    All,
    /// Those that were taken away and can be brought back.
    Deleted,
}

impl FromStr for Show {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Active, Self::Mine, Self::Stale, Self::All, Self::Deleted];
        all.into_iter().find(|it| it.word() == text).ok_or(())
    }
}

/// What a list of branches is asked for.
struct Wanted<'a> {
    show: Show,
    active_since: UnixMillis,
    /// The handle of the reader; empty for nobody.
    reader: &'a str,
    /// The full name of the branch that is shown first, which every list begins with.
    first: String,
    /// A part of the name.
    part: &'a str,
}

/// A ref in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// The full name.
    pub(crate) name: String,
    pub(crate) target: CommitId,
    pub(crate) updated_at: UnixMillis,
    /// Who moved it last, if that is known.
    pub(crate) mover: Option<String>,
}

impl Listed {
    /// The name without what is before it in full names.
    pub(crate) fn short(&self) -> &str {
        let name = self.name.as_str();
        let branch = name.strip_prefix("refs/heads/");
        branch.or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
    }
}

/// A branch that was taken away.
#[derive(Debug, Clone)]
pub(crate) struct Deleted {
    pub(crate) name: BranchName,
    /// Where it was.
    pub(crate) target: CommitId,
    /// When it went.
    pub(crate) at: UnixMillis,
    /// Who took it away, if that is known.
    pub(crate) by: Option<String>,
}

/// A page of branches that were taken away.
#[derive(Debug)]
pub(crate) struct DeletedPage {
    pub(crate) branches: Vec<Deleted>,
    /// How many come before the next page, if there is one.
    pub(crate) next: Option<u64>,
    /// How many come before the page before this one, if there is one.
    pub(crate) before: Option<u64>,
}

/// How many branches each list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) all: u64,
    pub(crate) active: u64,
    pub(crate) mine: u64,
}

/// One page of refs.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) refs: Vec<Listed>,
    /// How many come before the next page, if there is one.
    pub(crate) next: Option<u64>,
    /// How many come before the page before this one, if there is one.
    pub(crate) before: Option<u64>,
}

impl Page {
    fn of(mut refs: Vec<Listed>, skip: u64) -> Self {
        let (next, before) = around(&mut refs, skip);
        Self { refs, next, before }
    }
}

/// Leaves of what was found what one page shows; gives where the pages beside it begin.
fn around<T>(found: &mut Vec<T>, skip: u64) -> (Option<u64>, Option<u64>) {
    let (page, has_more) = (u64::from(PAGE), found.len() > PAGE as usize);
    found.truncate(PAGE as usize);
    let next = has_more.then_some(skip.saturating_add(page));
    (next, (skip > 0).then_some(skip.saturating_sub(page)))
}

/// From when on what was taken away can be brought back: as long as its commits are kept for sure.
fn kept_since(now: UnixMillis) -> UnixMillis {
    let kept = i64::try_from(collect::FORMER.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(now.0.saturating_sub(kept))
}

/// A page of branches that were taken away and can be brought back.
pub(crate) async fn deleted(
    tx: &mut Tx,
    repository: Id<Repository>,
    (part, skip): (&str, u64),
    now: UnixMillis,
) -> Result<DeletedPage, Error> {
    let asked = (kept_since(now), LOOKED_THROUGH, part);
    let mut branches = store::deleted(tx, repository, asked, (PAGE + 1, skip)).await?;
    let (next, before) = around(&mut branches, skip);
    Ok(DeletedPage { branches, next, before })
}

/// A page of branches, and how many each list has.
pub(crate) async fn branches(
    tx: &mut Tx,
    repository: &Repository,
    actor: &Actor,
    (show, part, skip): (Show, &str, u64),
    now: UnixMillis,
) -> Result<(Page, Counts), Error> {
    let reader = actor.handle().map(names::Handle::as_str).unwrap_or_default();
    let active_since = UnixMillis(now.0.saturating_sub(i64::from(ACTIVE_DAYS) * DAY_MILLIS));
    let counts = store::counts(tx, repository.id, (active_since, reader)).await?;
    let first = repository.default_branch.full();
    let wanted = Wanted { show, active_since, reader, first, part };
    let found = store::branches(tx, repository.id, &wanted, (PAGE + 1, skip)).await?;
    Ok((Page::of(found, skip), counts))
}

/// A page of tags.
pub(crate) async fn tags(
    tx: &mut Tx,
    repository: Id<Repository>,
    (part, skip): (&str, u64),
) -> Result<Page, Error> {
    let found = store::tags(tx, repository, part, (PAGE + 1, skip)).await?;
    Ok(Page::of(found, skip))
}

/// The releases that these tags are of: the channel, and whether one was taken out of use.
pub(crate) async fn releases(
    tx: &mut Tx,
    repository: Id<Repository>,
    tags: &[&str],
) -> Result<HashMap<String, (String, bool)>, Error> {
    let found = store::releases(tx, repository, tags).await?;
    Ok(found.into_iter().map(|(tag, channel, is_yanked)| (tag, (channel, is_yanked))).collect())
}

/// How far branches are from the one that is shown first: commits ahead and behind, of those for which there is time.
pub(crate) async fn apart(
    history: &History<'_>,
    base: CommitId,
    heads: &[CommitId],
) -> Result<HashMap<CommitId, (u64, u64)>, Error> {
    let mut apart = HashMap::new();
    for head in heads {
        if apart.contains_key(head) {
            continue;
        }
        match ancestry::ahead_behind(history, *head, base).await {
            Ok(found) => drop(apart.insert(*head, found)),
            Err(Error::Slow) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(apart)
}

impl Hub {
    /// Takes a branch away: the log says so, and its commits stay as long as those of a forced push.
    pub(crate) async fn delete_branch(
        &self,
        allowed: &Allowed<act::RefForce, Repository>,
        branch: &BranchName,
    ) -> Result<(), Error> {
        let (actor, id) = (allowed.actor(), allowed.resource().id);
        let now = self.clock.now();
        let mut tx = self.trust.begin(actor).await?;
        landing::lock(&mut tx, id).await?;
        let found = repositories::by_id_for(&mut tx, id, actor.readers()).await?;
        let again = Allowed::<act::RefForce, _>::ask(actor, found.ok_or(Error::NotFound)?);
        let again = again.map_err(Error::Refused)?;
        let repository = again.resource();
        let name = branch.full();
        let old = reading::target(&mut tx, id, &name).await?.ok_or(Error::NotFound)?;
        if *branch == repository.default_branch {
            let sentence = format!("{branch} is the branch that is shown first, and stays");
            return Err(Error::wire(WireCode::ProtectedRef, sentence));
        }
        let movement = Movement {
            name: &name,
            old: Some(old),
            new: None,
            is_forced: true,
            word: Word::Request,
        };
        self.move_ref(&mut tx, (repository, actor), &movement, now).await?;
        collect::leave(&mut tx, id, old, now).await?;
        let deleted = Entry::done(Noted::RefDeleted, actor, On::new("repository", id))
            .with("branch", branch.to_string())
            .with("from", old.to_string());
        let chain = self.trust.chain_of(&mut tx, repository.resource.owner).await?;
        self.trust.note(&mut tx, chain, deleted).await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(())
    }

    /// Brings a branch back to where it was when it was taken away, by the rules of a push.
    pub(crate) async fn restore_branch(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        branch: &BranchName,
    ) -> Result<(), Error> {
        let (id, name) = (allowed.resource().id, branch.full());
        let since = kept_since(self.clock.now());
        let mut tx = self.db.glance().await?;
        let found = store::deleted_one(&mut tx, id, &name, since).await?;
        drop(tx);
        let new = Some(found.ok_or(Error::NotFound)?.target);
        let (entry, signature) = (String::new(), String::new());
        let update = Update { name, old: None, new, force: false, entry, signature };
        self.move_one(allowed, update).await?;
        self.queue.wake();
        Ok(())
    }
}
