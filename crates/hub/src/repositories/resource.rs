//! How a route loads what it acts on.

use names::{Handle, Id, RepositoryName};
use trust::{Actor, Namespace, Principal, Resource, ResourceState, Visibility, authority::Facts};
use web::{Load, Params, Problem};

use super::{Repository, store};
use crate::Hub;

impl Resource for Repository {
    fn facts(&self) -> Facts {
        (&self.resource).into()
    }
}

impl Load<Hub> for Repository {
    async fn load(hub: &Hub, params: &Params, _: &Actor) -> Result<Self, Problem> {
        match PushTarget::find(hub, params).await? {
            PushTarget::Existing(repository) => Ok(repository),
            PushTarget::Absent { .. } => Err(Problem::not_found()),
        }
    }
}

/// Where a push goes: a repository, or a name that the first push would take.
#[derive(Debug, Clone)]
pub(crate) enum PushTarget {
    /// It is there, or in the making.
    Existing(Repository),
    /// Nothing has this name; the namespace may or may not have an owner.
    Absent { owner: Option<Id<Principal>>, name: RepositoryName },
}

impl PushTarget {
    async fn find(hub: &Hub, params: &Params) -> Result<Self, Problem> {
        let owner: Handle = params.parse("owner")?;
        let name: RepositoryName = params.parse("name")?;
        let mut tx = hub.db.glance().await?;
        let id = hub.trust.namespace(&mut tx, &owner).await?;
        // Looked up even where nobody has the handle, so that a missing owner takes as long as a missing name.
        let found =
            store::find(&mut tx, id.unwrap_or(Id::from_uuid(uuid::Uuid::nil())), &name).await?;
        Ok(found.map_or(Self::Absent { owner: id, name }, Self::Existing))
    }
}

impl Resource for PushTarget {
    fn facts(&self) -> Facts {
        match self {
            Self::Existing(repository) => repository.facts(),
            Self::Absent { owner, .. } => Namespace(*owner).facts(),
        }
    }
}

impl Load<Hub> for PushTarget {
    async fn load(hub: &Hub, params: &Params, _: &Actor) -> Result<Self, Problem> {
        Self::find(hub, params).await
    }
}

/// A namespace as an address names it; the caller's own where the address names none.
impl Load<Hub> for Namespace {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        if params.text("owner").is_empty() {
            return Ok(Self(actor.principal().map(|it| it.id)));
        }
        let owner: Handle = params.parse("owner")?;
        let mut tx = hub.db.glance().await?;
        Ok(Self(hub.trust.namespace(&mut tx, &owner).await?))
    }
}

impl Repository {
    /// Whether the wire and pages show it: not while it is only being made.
    pub(crate) fn is_nascent(&self) -> bool {
        self.resource.state == ResourceState::Nascent
    }

    /// The word in answers.
    pub(crate) fn visibility(&self) -> &'static str {
        match self.resource.visibility {
            Visibility::Public => "public",
            Visibility::Private => "private",
        }
    }
}
