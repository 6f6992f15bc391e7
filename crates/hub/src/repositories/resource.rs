//! How a route loads what it acts on.

use db::Tx;
use names::{Handle, Id, RepositoryName};
use trust::{
    Actor, Allowed, Granted, Level, Namespace, Resource, ResourceState, Visibility, act,
    authority::Facts,
};
use web::{Load, Params, Problem};

use super::{Repository, store};
use crate::{Error, Hub, life};

impl Resource for Repository {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.resource, self.owner.as_str(), self.name.as_str())
    }
}

impl Load<Hub> for Repository {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        hub.repository_at(&params.parse("owner")?, &params.parse("name")?, actor).await
    }

    fn robots(&self) -> Option<&'static str> {
        self.training_opt_out().then_some("noai, noimageai")
    }
}

impl Hub {
    /// The repository that an address names, as it is for whoever asks; whether they may see it is for the authority.
    pub async fn repository_at(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<Repository, Problem> {
        let mut tx = self.db.glance().await?;
        let id = self.trust.namespace(&mut tx, owner).await?;
        // Looked up even where nobody has the handle, so that a missing owner takes as long as a missing name.
        let id = id.unwrap_or(Id::from_uuid(uuid::Uuid::nil()));
        let found = store::find_or_moved(&mut tx, id, name, actor.readers()).await?;
        self.seen_by(&mut tx, actor, found).await?.answer_to(owner, name, actor)
    }

    /// The same repository as it is for whoever asks now, whatever it is called.
    pub(crate) async fn repository_still(
        &self,
        id: Id<Repository>,
        actor: &Actor,
    ) -> Result<Repository, Problem> {
        let mut tx = self.db.glance().await?;
        let found = store::by_id_for(&mut tx, id, actor.readers()).await?;
        self.seen_by(&mut tx, actor, found).await
    }

    /// What was found, with what only some see of it: through a glass, or as those who own what it was made from.
    async fn seen_by(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        mut found: Option<Repository>,
    ) -> Result<Repository, Problem> {
        let row = found.as_ref().map(|it| &it.resource);
        let seen = self.trust.through_glass(tx, actor, row).await?;
        if let (Some(level), Some(it)) = (seen, &mut found) {
            it.resource.granted.own = it.resource.granted.own.max(level);
        }
        let mut found = found.ok_or_else(Problem::not_found)?;
        if found.resource.state == ResourceState::Suspended {
            show_suspended(tx, actor, &mut found).await?;
        }
        Ok(found)
    }
}

/// What was made from something private is hidden from its owner, not from those who own that: they read it.
async fn show_suspended(tx: &mut Tx, actor: &Actor, it: &mut Repository) -> Result<(), Error> {
    let Some(source) = it.fork.and_then(|fork| fork.source) else { return Ok(()) };
    let source = store::by_id_for(tx, source, actor.readers()).await?;
    if source.is_some_and(|source| life::owns(actor, &source)) {
        let is_archived = it.archived_at.is_some();
        it.resource.state = if is_archived { ResourceState::Archived } else { ResourceState::Live };
        it.resource.granted = Granted::own(Level::Read);
    }
    Ok(())
}

/// Where a push goes: a repository, or a name that the first push would take.
#[derive(Debug, Clone)]
pub(crate) enum PushTarget {
    /// It is there, or in the making.
    Existing(Box<Repository>),
    /// Nothing has this name; the namespace may or may not have an owner.
    Absent { space: Namespace, name: RepositoryName },
}

impl Resource for PushTarget {
    fn facts(&self) -> Facts<'_> {
        match self {
            Self::Existing(repository) => repository.facts(),
            Self::Absent { space, name } => {
                Facts { path: Some((space.handle.as_str(), name.as_str())), ..space.facts() }
            }
        }
    }
}

impl Load<Hub> for PushTarget {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        hub.push_target_at(&params.parse("owner")?, &params.parse("name")?, actor).await
    }
}

impl Hub {
    /// Where a push to an address goes.
    pub(crate) async fn push_target_at(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<PushTarget, Problem> {
        let mut tx = self.db.glance().await?;
        let space = self.trust.space(&mut tx, actor, owner.clone()).await?;
        let id = space.id.unwrap_or(Id::from_uuid(uuid::Uuid::nil()));
        match store::find_or_moved(&mut tx, id, name, actor.readers()).await? {
            None => Ok(PushTarget::Absent { space, name: name.clone() }),
            // A push to a former name would make another repository of that name.
            Some(found) => {
                found.answer_to(owner, name, actor).map(Box::new).map(PushTarget::Existing)
            }
        }
    }
}

/// A namespace as an address names it; the caller's own where the address names none.
impl Load<Hub> for Namespace {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let owner: Handle = match actor.handle() {
            Some(own) if params.text("owner").is_empty() => own.clone(),
            Some(_) | None => params.parse("owner")?,
        };
        let mut tx = hub.db.glance().await?;
        Ok(hub.trust.space(&mut tx, actor, owner).await?)
    }
}

impl Repository {
    /// Itself, if it is called so; else where it is now, for those who may read it.
    fn answer_to(
        self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<Self, Problem> {
        if self.owner == *owner && self.name == *name {
            return Ok(self);
        }
        let now = self.full_name();
        match Allowed::<act::RepoRead, _>::ask(actor, self) {
            Ok(_) => Err(Problem::moved(now)),
            Err(_) => Err(Problem::not_found()),
        }
    }

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
