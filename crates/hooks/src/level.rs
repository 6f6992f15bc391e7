//! What can have webhooks, as routes load it: a repository, an organization, a publisher, the installation
//! (`spec/webhooks.md` 1).

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use names::{Handle, Id, RepositoryName};
use trust::{
    Account, Actor, Anything, Kind, Principal, Publisher, Resource, ResourceRow, Trust, act,
    authority::Facts,
};
use web::{
    Cursors, Load, Params, Problem,
    look::{Crumb, Html, Layout},
};

use crate::{Hooked, Hooks, Realm, pages};

/// A repository, as far as this room knows of any.
#[derive(Debug, Clone)]
pub struct Repository {
    /// What the authority needs to know of it.
    pub row: ResourceRow,
    /// Its owner's handle.
    pub owner: Handle,
    /// Its name.
    pub name: RepositoryName,
}

impl Resource for Repository {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.row, self.owner.as_str(), self.name.as_str())
    }
}

impl Hooked for Repository {
    type Read = act::WebhookRead;
    type Write = act::WebhookWrite;
    type Send = act::WebhookRedeliver;

    fn realm(&self) -> Realm {
        Realm::Repository(self.row.id)
    }

    fn owner(&self) -> Option<Id<Principal>> {
        Some(self.row.owner)
    }
}

/// An organization with its repositories, members and keys.
#[derive(Debug, Clone)]
pub struct Organization(Account);

impl Resource for Organization {
    fn facts(&self) -> Facts<'_> {
        self.0.facts()
    }
}

impl Hooked for Organization {
    type Read = act::WebhookRead;
    type Write = act::WebhookWrite;
    type Send = act::WebhookRedeliver;

    fn realm(&self) -> Realm {
        Realm::Organization(self.0.principal.id)
    }

    fn owner(&self) -> Option<Id<Principal>> {
        Some(self.0.principal.id)
    }
}

/// A publisher's are its own: pipelines, runs, tasks.
impl Hooked for Publisher {
    // Its own tokens reach the plane of its runs and no other.
    type Read = act::PublisherUpdate;
    type Write = act::PublisherUpdate;
    type Send = act::PublisherUpdate;

    fn realm(&self) -> Realm {
        Realm::Publisher(self.organization.id)
    }

    fn owner(&self) -> Option<Id<Principal>> {
        Some(self.organization.id)
    }
}

/// All of it, as far as whoever made the subscription may read it.
#[derive(Debug, Clone, Copy)]
pub struct Installation;

impl Resource for Installation {
    fn facts(&self) -> Facts<'_> {
        Anything.facts()
    }
}

impl Hooked for Installation {
    type Read = act::InstallRead;
    type Write = act::ConfigWrite;
    type Send = act::ConfigWrite;

    fn realm(&self) -> Realm {
        Realm::Installation
    }

    fn owner(&self) -> Option<Id<Principal>> {
        None
    }
}

/// Where repositories are found: the room that has them knows.
#[async_trait]
pub trait Repositories: fmt::Debug + Send + Sync {
    /// The one of that name, as it is for whoever asks; whether they may see it is for the authority.
    async fn find(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<Repository, Problem>;

    /// What stands above the pages of its settings, where webhooks are one of them.
    async fn tabs(&self, of: &Repository, actor: &Actor) -> Result<Html, Problem>;
}

/// What handlers are given.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) hooks: Hooks,
    pub(crate) repositories: Arc<dyn Repositories>,
    pub(crate) cursors: Cursors,
}

impl AsRef<Trust> for Door {
    fn as_ref(&self) -> &Trust {
        &self.hooks.0.trust
    }
}

impl Load<Door> for Repository {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        door.repositories.find(&params.parse("owner")?, &params.parse("name")?, actor).await
    }
}

impl Load<Door> for Organization {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let account = Account::load(door, params, actor).await?;
        if account.principal.kind == Kind::Organization {
            Ok(Self(account))
        } else {
            Err(Problem::not_found())
        }
    }
}

impl Load<Door> for Installation {
    async fn load(_: &Door, _: &Params, _: &Actor) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// Where the webhooks of a thing are.
pub(crate) trait Level: Hooked {
    /// Their address in the API.
    fn api(&self) -> String;
}

impl Level for Repository {
    fn api(&self) -> String {
        format!("/api/v1/repos/{}/{}/webhooks", self.owner, self.name)
    }
}

impl Level for Organization {
    fn api(&self) -> String {
        format!("/api/v1/orgs/{}/webhooks", self.0.principal.handle)
    }
}

impl Level for Publisher {
    fn api(&self) -> String {
        format!("/api/v1/publishers/{}/webhooks", self.organization.handle)
    }
}

impl Level for Installation {
    fn api(&self) -> String {
        "/api/v1/admin/webhooks".to_owned()
    }
}

/// The same where they have pages.
pub(crate) trait Paged: Hooked + Clone {
    /// The address of their pages.
    fn page(&self) -> String;
    /// Whose they are, as people say it.
    fn named(&self) -> String;
    /// Whether nothing of them changes.
    fn is_archived(&self) -> bool;
    /// Where we are, and what stands above the page.
    fn around(
        &self,
        door: &Door,
        actor: &Actor,
        layout: Layout,
    ) -> impl Future<Output = Result<(Layout, Html), Problem>> + Send;
}

impl Paged for Repository {
    fn page(&self) -> String {
        format!("/{}/{}/settings/webhooks", self.owner, self.name)
    }

    fn named(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    fn is_archived(&self) -> bool {
        self.row.state == trust::ResourceState::Archived
    }

    async fn around(
        &self,
        door: &Door,
        actor: &Actor,
        layout: Layout,
    ) -> Result<(Layout, Html), Problem> {
        let crumbs = vec![
            Crumb::link(self.owner.to_string(), format!("/{}", self.owner)),
            Crumb::link(self.name.to_string(), format!("/{}/{}", self.owner, self.name)),
        ];
        Ok((Layout { crumbs, ..layout }, door.repositories.tabs(self, actor).await?))
    }
}

impl Paged for Organization {
    fn page(&self) -> String {
        format!("/settings/organizations/{}/webhooks", self.0.principal.handle)
    }

    fn named(&self) -> String {
        self.0.principal.handle.to_string()
    }

    fn is_archived(&self) -> bool {
        false
    }

    async fn around(&self, _: &Door, _: &Actor, layout: Layout) -> Result<(Layout, Html), Problem> {
        let handle = &self.0.principal.handle;
        let organization =
            Crumb::link(handle.to_string(), format!("/settings/organizations/{handle}"));
        let crumbs = vec![organization, Crumb::here("Webhooks")];
        let tabs = pages::tabs_of_settings(&layout)?;
        Ok((Layout { crumbs, ..layout }, tabs))
    }
}

impl Paged for Publisher {
    fn page(&self) -> String {
        format!("/pipelines/{}/-/webhooks", self.organization.handle)
    }

    fn named(&self) -> String {
        self.organization.handle.to_string()
    }

    fn is_archived(&self) -> bool {
        false
    }

    async fn around(&self, _: &Door, _: &Actor, layout: Layout) -> Result<(Layout, Html), Problem> {
        let handle = &self.organization.handle;
        let publisher = Crumb::link(handle.to_string(), format!("/pipelines/{handle}"));
        let crumbs = vec![publisher, Crumb::here("Webhooks")];
        Ok((Layout { crumbs, ..layout }, Html::default()))
    }
}
