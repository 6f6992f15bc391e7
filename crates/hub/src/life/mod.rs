//! The life of a repository: changed, renamed, archived, deleted, restored, removed for good (`spec/hub.md` 1).
//!
//! What the authority allowed when the request began is asked again in the transaction, of the row as it is then.
//!
//! | file       | what is there                                        |
//! |------------|------------------------------------------------------|
//! | `mod.rs`   | the door's methods, [`Changes`], [`Deleted`]           |
//! | `api.rs`   | JSON under `/api/v1/repos/{owner}/{name}`              |
//! | `store.rs` | the SQL                                              |

mod api;
mod store;
mod told;

use std::time::Duration;

use db::Tx;
use names::{BranchName, Handle, Id, RepositoryName, UnixMillis};
use serde_json::json;
use trust::{
    Act, Actor, Allowed, Resource, ResourceRow, ResourceState, Trust, Visibility, act,
    audit::{Entry, Noted, On},
    authority::Facts,
};
use web::{Load, Params, Problem};

pub(crate) use api::{change_as_asked, check_confirmed, restore_as, routes};
pub(crate) use store::{STATEMENTS, add_alias, begin_purge, to_purge};

use crate::{
    Error, Homepage, Hub, Licence, Repository, Topics,
    activity::{By, What},
    intake::{ClashingPaths, ContentPolicy, SecretProtection},
    reading, repositories,
    signatures::Required,
    transfers, upkeep, wire,
};

/// How long what was deleted can be restored, in days.
pub(crate) const KEPT_DAYS: u16 = 30;
const KEPT: Duration = Duration::from_hours(KEPT_DAYS as u64 * 24);

/// What is to be another way; what is not named stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) name: Option<RepositoryName>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) description: Option<String>,
    pub(crate) homepage: Option<HomepageChange>,
    pub(crate) default_branch: Option<BranchName>,
    pub(crate) topics: Option<Topics>,
    pub(crate) licence: Option<LicenceChange>,
    pub(crate) says_forks: Option<bool>,
    pub(crate) says_no_training: Option<bool>,
    pub(crate) is_indexed: Option<bool>,
    pub(crate) require_signed_commits: Option<Required>,
    pub(crate) require_signed_refs: Option<bool>,
    pub(crate) is_template: Option<bool>,
    pub(crate) says_content: Option<ContentPolicy>,
    pub(crate) clashing_paths: Option<ClashingPaths>,
    pub(crate) secret_protection: Option<SecretProtection>,
}

/// What becomes of the terms.
#[derive(Debug, Clone)]
pub(crate) enum LicenceChange {
    /// Nothing is said of them any more.
    Remove,
    /// They are these.
    Set(Licence),
}

/// What becomes of the page elsewhere.
#[derive(Debug, Clone)]
pub(crate) enum HomepageChange {
    /// There is none any more.
    Remove,
    /// It is here.
    Set(Homepage),
}

/// A repository that was deleted and can be restored: of several that had the name, the one that was deleted last.
#[derive(Debug, Clone)]
pub(crate) struct Deleted(pub(crate) Repository);

impl Resource for Deleted {
    fn facts(&self) -> Facts<'_> {
        self.0.facts()
    }
}

impl Load<Hub> for Deleted {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let owner: Handle = params.parse("owner")?;
        let name: RepositoryName = params.parse("name")?;
        let mut tx = hub.db.glance().await?;
        let id = hub.trust.namespace(&mut tx, &owner).await?;
        let id = id.unwrap_or(Id::from_uuid(uuid::Uuid::nil()));
        let found = repositories::find_deleted(&mut tx, id, &name, actor.readers()).await?;
        found.map(Self).ok_or_else(Problem::not_found)
    }
}

impl Changes {
    /// Says what is said of the repository; who sees it is another matter.
    fn apply_to(self, after: &mut Repository) {
        let Self { name, visibility: _, description, homepage, default_branch, .. } = self;
        if let Some(name) = name {
            after.name = name;
        }
        if let Some(description) = description {
            after.description = description;
        }
        match homepage {
            None => {}
            Some(HomepageChange::Remove) => after.homepage = None,
            Some(HomepageChange::Set(homepage)) => after.homepage = Some(homepage),
        }
        if let Some(branch) = default_branch {
            after.default_branch = branch;
        }
        if let Some(topics) = self.topics {
            after.topics = topics;
        }
        match self.licence {
            None => {}
            Some(LicenceChange::Remove) => after.licence = None,
            Some(LicenceChange::Set(licence)) => after.licence = Some(licence),
        }
        after.require_signed_commits =
            self.require_signed_commits.unwrap_or(after.require_signed_commits);
        after.require_signed_refs = self.require_signed_refs.unwrap_or(after.require_signed_refs);
        after.is_template = self.is_template.unwrap_or(after.is_template);
        after.says_content = self.says_content.or(after.says_content);
        after.clashing_paths = self.clashing_paths.unwrap_or(after.clashing_paths);
        after.secret_protection = self.secret_protection.unwrap_or(after.secret_protection);
        after.says_forks = self.says_forks.or(after.says_forks);
        after.says_no_training = self.says_no_training.unwrap_or(after.says_no_training);
        after.is_indexed = self.is_indexed.unwrap_or(after.is_indexed);
    }
}

impl Hub {
    /// The repository as it is in this transaction, locked, and still allowed.
    pub(crate) async fn again<A: Act>(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        id: Id<Repository>,
    ) -> Result<Allowed<A, Repository>, Error> {
        wire::lock(tx, id).await?;
        let found = repositories::by_id_for(tx, id, actor.readers()).await?;
        Allowed::ask(actor, found.ok_or(Error::NotFound)?).map_err(Error::Refused)
    }

    /// Makes the changes, all or none; gives the repository as it is then. `is_expected` is asked of the repository
    /// before: whoever has seen another one has to look again.
    pub(crate) async fn change_repository(
        &self,
        allowed: &Allowed<act::RepoUpdate, Repository>,
        changes: Changes,
        is_expected: impl FnOnce(&Repository) -> bool + Send,
    ) -> Result<Repository, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoUpdate, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let before = allowed.resource();
        if !is_expected(before) {
            return Err(Error::Stale);
        }
        let mut after = Repository { updated_at: now, ..before.clone() };
        if let Some(branch) = &changes.default_branch {
            self.check_default_branch(&mut tx, before, branch).await?;
        }
        let visibility = changes.visibility;
        changes.apply_to(&mut after);
        if let Some(visibility) = visibility.filter(|it| *it != before.resource.visibility) {
            // An owner's, and no token's.
            let owner = Allowed::<act::RepoVisibility, _>::ask(actor, before.clone());
            owner.map_err(Error::Refused)?;
            after.resource.visibility = visibility;
            self.show_or_hide(&mut tx, &after).await?;
        }
        if after.topics != before.topics {
            store::set_topics(&mut tx, before.id, &after.topics).await?;
        }
        if after.name != before.name {
            self.rename(&mut tx, before, &after).await?;
        }
        store::change(&mut tx, &after).await?;
        let bell = self.ask_for_index(&mut tx, after.id).await?;
        tx.hold(bell);
        self.note_changes(&mut tx, actor, before, &after).await?;
        self.tell_of_changes(&mut tx, By::of(actor), before, &after).await?;
        if after.default_branch != before.default_branch {
            self.follow_later(&mut tx, before.id).await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    /// Shows a repository to everybody or only to some, in this transaction. What was made from a private one stays
    /// private as long as that is; what was made from one that becomes public is free of it.
    async fn show_or_hide(&self, tx: &mut Tx, after: &Repository) -> Result<(), Error> {
        if after.resource.visibility == Visibility::Public {
            if self.trust.is_bound(tx, after.id.uuid()).await? {
                return Err(Error::SourceIsPrivate);
            }
            self.trust.unbind_from(tx, after.id.uuid()).await?;
        }
        Ok(self.trust.set_resource(tx, &after.resource).await?)
    }

    /// The branch that is shown first is there, unless nothing is.
    async fn check_default_branch(
        &self,
        tx: &mut Tx,
        of: &Repository,
        branch: &BranchName,
    ) -> Result<(), Error> {
        let heads = reading::branches(tx, of.id).await?;
        if heads.is_empty() || heads.iter().any(|(name, _)| name == branch) {
            return Ok(());
        }
        Err(Error::NoSuchBranch(branch.clone()))
    }

    /// Frees the name for the new one, and lets the former name lead on.
    async fn rename(
        &self,
        tx: &mut Tx,
        before: &Repository,
        after: &Repository,
    ) -> Result<(), Error> {
        let owner = before.resource.owner;
        self.trust.hold_namespace(tx, owner).await?;
        if repositories::find(tx, owner, &after.name, trust::Readers::NOBODY).await?.is_some() {
            return Err(Error::NameTaken);
        }
        repositories::forget_alias(tx, owner, &after.name).await?;
        add_alias(tx, before, after.updated_at).await?;
        Ok(())
    }

    async fn note_changes(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        before: &Repository,
        after: &Repository,
    ) -> Result<(), Error> {
        let on = On::new("repository", before.id);
        let chain = self.trust.chain_of(tx, before.resource.owner).await?;
        let mut entry = Entry::done(Noted::RepoUpdated, actor, on);
        let mut has_changed = false;
        let homepage =
            |it: &Repository| it.homepage.as_ref().map_or("", Homepage::as_str).to_owned();
        let required = |it: &Repository| it.require_signed_commits.as_str().to_owned();
        let signed_refs = |it: &Repository| it.require_signed_refs.to_string();
        let content = |it: &Repository| it.content_policy().as_str().to_owned();
        let clashing = |it: &Repository| it.clashing_paths.as_str().to_owned();
        let secrets = |it: &Repository| it.secret_protection.as_str().to_owned();
        let licence = |it: &Repository| it.licence.as_ref().map_or("", Licence::as_str).to_owned();
        let fields = [
            ("require_signed_commits", required(before), required(after)),
            ("require_signed_refs", signed_refs(before), signed_refs(after)),
            ("template", before.is_template.to_string(), after.is_template.to_string()),
            ("content_policy", content(before), content(after)),
            ("clashing_paths", clashing(before), clashing(after)),
            ("secret_protection", secrets(before), secrets(after)),
            ("name", before.full_name(), after.full_name()),
            ("description", before.description.clone(), after.description.clone()),
            ("homepage", homepage(before), homepage(after)),
            ("default_branch", before.default_branch.to_string(), after.default_branch.to_string()),
            ("topics", before.topics.words().join(" "), after.topics.words().join(" ")),
            ("licence", licence(before), licence(after)),
            ("allow_forks", before.allows_forks().to_string(), after.allows_forks().to_string()),
            ("indexed", before.is_indexed.to_string(), after.is_indexed.to_string()),
        ];
        for (field, was, is) in fields {
            if was != is {
                entry = entry.with(field, is);
                has_changed = true;
            }
        }
        if has_changed {
            self.trust.note(tx, chain, entry).await?;
        }
        if before.says_no_training != after.says_no_training {
            let on = On::new("repository", before.id);
            let changed = Entry::done(Noted::TrainingOptOutChanged, actor, on)
                .with("training_opt_out", after.says_no_training);
            self.trust.note(tx, chain, changed).await?;
        }
        if before.resource.visibility != after.resource.visibility {
            let on = On::new("repository", before.id);
            let changed = Entry::done(Noted::RepoVisibilityChanged, actor, on)
                .with("from", before.resource.visibility.as_str())
                .with("to", after.resource.visibility.as_str());
            self.trust.note(tx, chain, changed).await?;
        }
        Ok(())
    }

    /// Lets a repository only be read from now on, or takes that back. To do it twice changes nothing.
    pub(crate) async fn set_archived(
        &self,
        allowed: &Allowed<act::RepoArchive, Repository>,
        is_archived: bool,
    ) -> Result<Repository, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoArchive, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let before = allowed.resource();
        let state = if is_archived { ResourceState::Archived } else { ResourceState::Live };
        if before.resource.state == state {
            return Ok(before.clone());
        }
        let after = Repository {
            updated_at: now,
            resource: ResourceRow { state, ..before.resource },
            archived_at: is_archived.then_some(now),
            ..before.clone()
        };
        self.trust.set_resource(&mut tx, &after.resource).await?;
        store::change(&mut tx, &after).await?;
        let on = On::new("repository", before.id);
        let word = if is_archived { "yes" } else { "no" };
        let entry = Entry::done(Noted::RepoUpdated, actor, on).with("archived", word);
        let chain = self.trust.chain_of(&mut tx, before.resource.owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        let from = if is_archived { "no" } else { "yes" };
        let data = json!({ "changes": { "archived": { "from": from, "to": word } } });
        self.tell(&mut tx, What::RepositoryArchived, (By::of(actor), before.id), now, data).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes a repository away from every surface in this transaction. It can be restored for [`KEPT`].
    pub(crate) async fn delete_repository(
        &self,
        allowed: &Allowed<act::RepoDelete, Repository>,
    ) -> Result<(), Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoDelete, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        mark_deleted(&self.trust, &mut tx, it, now).await?;
        let entry = Entry::done(Noted::RepoDeleted, actor, On::new("repository", it.id))
            .with("name", it.full_name());
        let chain = self.trust.chain_of(&mut tx, it.resource.owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        let by = (By::of(actor), it.id);
        self.tell(&mut tx, What::RepositoryDeleted, by, now, json!({})).await?;
        tx.commit().await?;
        tracing::info!(repository = it.full_name(), "repository deleted");
        Ok(())
    }

    /// Brings a deleted repository back as it was, under `name` if another has taken its own.
    pub(crate) async fn restore_repository(
        &self,
        allowed: &Allowed<act::RepoRestore, Deleted>,
        name: Option<RepositoryName>,
    ) -> Result<Repository, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoRestore, _> =
            self.again(&mut tx, actor, allowed.resource().0.id).await?;
        let before = allowed.resource();
        // Meanwhile it may have been restored, or be on its way out.
        if !store::is_restorable(&mut tx, before.id).await? {
            return Err(Error::NotFound);
        }
        let owner = before.resource.owner;
        let name = name.unwrap_or_else(|| before.name.clone());
        self.trust.hold_namespace(&mut tx, owner).await?;
        if repositories::find(&mut tx, owner, &name, trust::Readers::NOBODY).await?.is_some() {
            return Err(Error::NameTaken);
        }
        self.check_count(&mut tx, owner).await?;
        repositories::forget_alias(&mut tx, owner, &name).await?;
        let is_archived = before.archived_at.is_some();
        let state = if is_archived { ResourceState::Archived } else { ResourceState::Live };
        let resource = ResourceRow { state, ..before.resource };
        let after =
            Repository { name, resource, updated_at: now, deleted_at: None, ..before.clone() };
        self.trust.set_resource(&mut tx, &resource).await?;
        store::change(&mut tx, &after).await?;
        let entry = Entry::done(Noted::RepoRestored, actor, On::new("repository", after.id))
            .with("name", after.full_name());
        let chain = self.trust.chain_of(&mut tx, owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        let by = (By::of(actor), after.id);
        self.tell(&mut tx, What::RepositoryRestored, by, now, json!({})).await?;
        // The copying of its history ended when it was deleted.
        let bell = match after.fork {
            Some(fork) if fork.is_copying => Some(self.ask_for_copy(&mut tx, after.id).await?),
            Some(_) | None => None,
        };
        tx.commit().await?;
        if let Some(bell) = bell {
            bell.ring();
        }
        tracing::info!(repository = after.full_name(), "repository restored");
        Ok(after)
    }

    /// Has a deleted repository removed for good, as soon as a worker comes to it.
    pub(crate) async fn purge_repository(
        &self,
        allowed: &Allowed<act::RepoPurge, Deleted>,
    ) -> Result<(), Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoPurge, _> =
            self.again(&mut tx, actor, allowed.resource().0.id).await?;
        let it = allowed.resource();
        if !store::is_restorable(&mut tx, it.id).await? {
            return Err(Error::NotFound);
        }
        store::purge_now(&mut tx, it.id, now).await?;
        let bell = upkeep::purge_now(self, &mut tx).await?;
        tx.commit().await?;
        bell.ring();
        Ok(())
    }

    /// What `owner` deleted and can restore, the last deleted first.
    pub(crate) async fn deleted_repositories(
        &self,
        actor: &Actor,
        owner: Id<trust::Principal>,
    ) -> Result<Vec<Repository>, Error> {
        let mut tx = self.db.glance().await?;
        let found = repositories::deleted_of(&mut tx, owner, actor.readers()).await?;
        let may = |it: &Repository| {
            Allowed::<act::RepoDeletedRead, _>::ask(actor, Deleted(it.clone())).is_ok()
        };
        Ok(found.into_iter().filter(may).collect())
    }
}

/// Takes a repository away from every surface, in this transaction; nobody is to take it any more.
pub(crate) async fn mark_deleted(
    trust: &Trust,
    tx: &mut Tx,
    it: &Repository,
    now: UnixMillis,
) -> Result<(), Error> {
    let gone = ResourceRow { state: ResourceState::Deleted, ..it.resource };
    trust.set_resource(tx, &gone).await?;
    transfers::forget(tx, it.id).await?;
    Ok(store::delete(tx, it.id, now, now.plus(KEPT)).await?)
}

/// Whether somebody has the owner's level on a repository, however fresh the sign-in is.
pub(crate) fn owns(actor: &Actor, it: &Repository) -> bool {
    // Of what is deleted an owner sees that it was, and nobody else.
    let resource = ResourceRow { state: ResourceState::Deleted, ..it.resource };
    let gone = Deleted(Repository { resource, ..it.clone() });
    Allowed::<act::RepoDeletedRead, _>::ask(actor, gone).is_ok()
}

/// Until when a deleted repository can be restored.
pub(crate) fn restorable_until(it: &Repository) -> Option<UnixMillis> {
    it.deleted_at.map(|at| at.plus(KEPT))
}
