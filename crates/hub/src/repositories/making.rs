//! A repository is made: empty, with a first commit of a few files, or with the files of a template.

use db::Tx;
use names::CommitId;
use objects::Uploader;
use trust::{Actor, Allowed, Namespace, ResourceState, act};

use super::{Format, NewRepository, Repository, start::StartFiles, store};
use crate::{
    Error, Hub, Licence,
    edits::{Draft, Files, Target, files_of},
    intake::Asks,
    reading,
};

/// What the first commit says.
const FIRST: &str = "Initial commit";

/// What a new repository begins with.
#[derive(Debug)]
pub(crate) enum Start {
    /// Nothing, so that any history can be pushed.
    Empty,
    /// A few files.
    Files(StartFiles),
    /// The files of another repository, without their history.
    Template(Box<Allowed<act::ObjectRead, Repository>>),
}

/// The files of a template, at the commit where they were read.
struct Copied {
    template: Box<Allowed<act::ObjectRead, Repository>>,
    at: CommitId,
}

impl Hub {
    /// Makes a repository in the namespace that was authorized.
    pub(crate) async fn create_repository(
        &self,
        allowed: &Allowed<act::RepoCreate, Namespace>,
        new: NewRepository,
        (licence, start): (Option<Licence>, Start),
    ) -> Result<Repository, Error> {
        if new.format == Format::Git {
            return self.create_of_git(allowed, new, (licence, start)).await;
        }
        let actor = allowed.actor();
        let now = self.clock.now();
        let (draft, copied) = match start {
            Start::Empty => (None, None),
            Start::Files(files) => {
                let owner = allowed.resource().handle.as_str();
                let files = files.files(&new, owner, now);
                let at = (Asks::of(None, None), now);
                (Some(Draft::of(&self.objects, Files::new(), files, at).await?), None)
            }
            Start::Template(template) => {
                let (files, copied) = self.files_of_template(template).await?;
                (Some(Draft::copied(&self.objects, files, now).await?), Some(copied))
            }
        };
        let mut tx = self.trust.begin(actor).await?;
        let mut repository =
            self.insert(&mut tx, allowed.resource(), new, ResourceState::Live).await?;
        if let Some(licence) = licence {
            store::set_licence(&mut tx, repository.id, &licence).await?;
            repository.licence = Some(licence);
        }
        if let Some(draft) = draft {
            if let Some(copied) = &copied {
                self.check_template(&mut tx, actor, copied, &draft).await?;
            }
            let branch = repository.default_branch.clone();
            let to = Target { branch: &branch, parent: None, message: FIRST };
            self.write_commit(&mut tx, (&repository, actor), &to, draft).await?;
        }
        self.note_created(&mut tx, actor, &repository).await?;
        let found = super::by_id_for(&mut tx, repository.id, actor.readers()).await?;
        let repository = found.ok_or(Error::NotFound)?;
        tx.commit().await?;
        tracing::info!(repository = repository.full_name(), "repository created");
        Ok(repository)
    }

    /// The same of Git, whose objects are no rows.
    async fn create_of_git(
        &self,
        allowed: &Allowed<act::RepoCreate, Namespace>,
        new: NewRepository,
        (licence, start): (Option<Licence>, Start),
    ) -> Result<Repository, Error> {
        let (actor, owner) = (allowed.actor(), allowed.resource());
        let first = match start {
            Start::Empty => None,
            Start::Files(files) => {
                let files = files.files(&new, owner.handle.as_str(), self.clock.now());
                Some(self.first_of_files(actor, files, FIRST).await?)
            }
            Start::Template(template) => {
                Some(self.first_of_template(actor, template, FIRST).await?)
            }
        };
        let mut tx = self.trust.begin(actor).await?;
        let made = self.insert(&mut tx, owner, new, ResourceState::Live).await?;
        if let Some(licence) = licence {
            store::set_licence(&mut tx, made.id, &licence).await?;
        }
        self.note_created(&mut tx, actor, &made).await?;
        if let Some(first) = first {
            self.begin_with(tx, (&made, actor), first).await?;
        } else {
            tx.commit().await?;
            // Whoever pushes first would make it as well.
            self.git.stand(&made).await?;
        }
        let mut tx = self.db.glance().await?;
        let found = super::by_id_for(&mut tx, made.id, actor.readers()).await?;
        tracing::info!(repository = made.full_name(), "repository created");
        found.ok_or(Error::NotFound)
    }

    /// What the branch holds that a template shows first.
    async fn files_of_template(
        &self,
        template: Box<Allowed<act::ObjectRead, Repository>>,
    ) -> Result<(Files, Copied), Error> {
        let of = template.resource();
        let mut tx = self.db.read().await?;
        let heads = reading::branches(&mut tx, of.id).await?;
        let Some((_, at)) = reading::shown_first(&heads, of) else {
            let message = format!("{} holds no files yet", of.full_name());
            return Err(Error::Asked { field: "template", message });
        };
        let at = *at;
        let files = files_of(&mut tx, of, at).await?;
        Ok((files, Copied { template, at }))
    }

    /// Whoever asks may still read the template, and it still holds what was read.
    async fn check_template(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        copied: &Copied,
        draft: &Draft,
    ) -> Result<(), Error> {
        let id = copied.template.resource().id;
        let found = super::by_id_for(tx, id, actor.readers()).await?.ok_or(Error::NotFound)?;
        let still = Allowed::<act::ObjectRead, _>::ask(actor, found).map_err(Error::Refused)?;
        let principal = actor.principal().ok_or(Error::NotFound)?.id.uuid();
        let from = Uploader { repository: id.uuid(), principal };
        let ids = draft.objects();
        let there = self.objects.available(tx, from, &ids).await?;
        let is_known = reading::known_commits(tx, id, &[copied.at]).await?.contains_key(&copied.at);
        if is_known && still.resource().is_template && ids.iter().all(|it| there.contains_key(it)) {
            return Ok(());
        }
        let message = "the template has changed meanwhile; try again".to_owned();
        Err(Error::Asked { field: "template", message })
    }
}
