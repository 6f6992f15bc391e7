//! What people keep an eye on: stars, subscriptions, whom they follow, what they pin (`spec/collaboration.md` 7).
//!
//! Setting and taking back can be repeated, and change nothing the second time. The counters in the repository's row are
//! those of the rows here, in the same transaction.
//!
//! | file       | what is there                                                        |
//! |------------|----------------------------------------------------------------------|
//! | `mod.rs`   | [`Watch`]; what is set and taken back                                   |
//! | `lists.rs` | who stars, watches, follows; what somebody starred                     |
//! | `api.rs`   | JSON                                                                  |
//! | `forms.rs` | the same from pages                                                    |
//! | `store.rs` | the SQL                                                               |

mod api;
mod forms;
mod lists;
mod store;

use db::Tx;
use names::Id;
use serde_json::{Value, json};
use trust::{Account, Actor, Allowed, Anything, Principal, act};
use uuid::Uuid;
use web::Routes;

pub(crate) use lists::{Circle, Somebody};
pub(crate) use store::{Counts, STATEMENTS, counts, forget_departed};

use crate::{
    Error, Hub, Repository,
    activity::{self, By, Note, What},
    repositories,
};

/// Rows of the activity that are taken along at once.
const EXPORTED: u32 = 500;

/// Repositories that one can pin.
pub(crate) const PINS: usize = 6;

/// How much of a repository somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// What one takes part in or is named in: whoever says nothing.
    Participating,
    /// Everything.
    All,
    /// Releases.
    Releases,
    /// Nothing.
    Ignore,
}

impl Watch {
    /// All of them, as a form offers them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Participating, Self::Releases, Self::All, Self::Ignore];

    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Participating => "participating",
            Self::All => "all",
            Self::Releases => "releases",
            Self::Ignore => "ignore",
        }
    }
}

impl std::str::FromStr for Watch {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == word);
        found.ok_or_else(|| "level is participating, all, releases or ignore".to_owned())
    }
}

/// What somebody has set on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) has_starred: bool,
    pub(crate) watch: Watch,
}

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    forms::routes(api::routes(routes))
}

impl Hub {
    /// Sets a star, or takes it back.
    pub(crate) async fn set_star(
        &self,
        allowed: &Allowed<act::StarSet, Repository>,
        is_set: bool,
    ) -> Result<(), Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::StarSet, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let (me, it) = (principal(actor)?.id, allowed.resource().id);
        let (what, has_changed) = if is_set {
            (What::RepositoryStarred, store::star(&mut tx, it, me, now).await?)
        } else {
            (What::StarRemoved, store::unstar(&mut tx, it, me).await?)
        };
        if has_changed {
            store::count_stars(&mut tx, it).await?;
            let starred = Note::repository(what, By::of(actor), it, now, json!({}));
            activity::note(self, &mut tx, starred).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Says how much somebody wants to know. That is nobody else's business, and makes no row of the activity.
    pub(crate) async fn set_watch(
        &self,
        allowed: &Allowed<act::WatchSet, Repository>,
        level: Watch,
    ) -> Result<(), Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::WatchSet, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let (me, it) = (principal(actor)?.id, allowed.resource().id);
        if level == Watch::Participating {
            store::unwatch(&mut tx, it, me).await?;
        } else {
            store::watch(&mut tx, (it, me), level, now).await?;
        }
        store::count_watchers(&mut tx, it).await?;
        Ok(tx.commit().await?)
    }

    /// Follows somebody, or leaves off. To follow oneself is refused.
    pub(crate) async fn set_follow(
        &self,
        allowed: &Allowed<act::FollowSet, Anything>,
        whom: &Principal,
        is_set: bool,
    ) -> Result<(), Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let me = principal(actor)?.id;
        if is_set && me == whom.id {
            let message = "nobody follows themselves".to_owned();
            return Err(Error::Asked { field: "handle", message });
        }
        let mut tx = self.trust.begin(actor).await?;
        self.trust.hold_namespace(&mut tx, whom.id).await?;
        let (what, has_changed) = if is_set {
            (What::FollowAdded, store::follow(&mut tx, whom.id, me, now).await?)
        } else {
            (What::FollowRemoved, store::unfollow(&mut tx, whom.id, me).await?)
        };
        if has_changed {
            let data = json!({ "handle": whom.handle.as_str() });
            let followed = Note::principal(what, By::of(actor), whom.id, now, data);
            activity::note(self, &mut tx, followed).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What somebody has set on a repository; nothing for nobody.
    pub(crate) async fn marks(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        of: &Repository,
    ) -> Result<Option<Marks>, Error> {
        let Some(me) = actor.principal() else { return Ok(None) };
        Ok(Some(store::marks(tx, of.id, me.id).await?))
    }

    /// Pins repositories to a profile, in this order: at most [`PINS`], each of which whoever asks may see.
    pub(crate) async fn set_pins(
        &self,
        allowed: &Allowed<act::MeUpdate, Account>,
        names: &[&str],
    ) -> Result<(), Error> {
        let asked = |message: String| Error::Asked { field: "pins", message };
        if names.len() > PINS {
            return Err(asked(format!("at most {PINS} repositories are pinned")));
        }
        let (actor, me) = (allowed.actor(), allowed.resource().principal.id);
        let mut tx = self.trust.begin(actor).await?;
        let mut pinned: Vec<Id<Repository>> = Vec::with_capacity(names.len());
        for name in names {
            let found = self.readable(&mut tx, actor, name).await?;
            let found = found.ok_or_else(|| asked(format!("there is no repository {name}")))?;
            if !pinned.contains(&found.id) {
                pinned.push(found.id);
            }
        }
        store::set_pins(&mut tx, me, &pinned).await?;
        Ok(tx.commit().await?)
    }

    /// The repository `owner/name`, if whoever asks may read it.
    async fn readable(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        full_name: &str,
    ) -> Result<Option<Repository>, Error> {
        let Some((owner, name)) = full_name.split_once('/') else { return Ok(None) };
        let (Ok(owner), Ok(name)) = (owner.parse(), name.parse()) else { return Ok(None) };
        let Some(owner) = self.trust.namespace(tx, &owner).await? else { return Ok(None) };
        let found = repositories::find(tx, owner, &name, actor.readers()).await?;
        let seen = found.and_then(|it| Allowed::<act::RepoRead, _>::ask(actor, it).ok());
        Ok(seen.map(|it| it.resource().clone()))
    }

    /// What of these tables tells of whoever takes their data away.
    pub async fn own_marks(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
    ) -> Result<Vec<(&'static str, Vec<Value>)>, Error> {
        let me = allowed.resource().principal.id;
        let mut tx = self.db.read().await?;
        Ok(vec![
            ("stars", store::own_stars(&mut tx, me).await?),
            ("subscriptions", store::own_subscriptions(&mut tx, me).await?),
            ("follows", store::own_follows(&mut tx, me).await?),
            ("pinned", store::own_pins(&mut tx, me).await?),
        ])
    }

    /// What whoever asks did, after the row `after`; nothing at the end.
    pub async fn own_activity(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
        after: Option<Uuid>,
    ) -> Result<Vec<(Uuid, Value)>, Error> {
        let me = allowed.resource().principal.id;
        let mut tx = self.db.glance().await?;
        Ok(store::own_activity(&mut tx, me, after.unwrap_or_default(), EXPORTED).await?)
    }
}

/// Whoever asks. The gate has let nobody in particular not in.
fn principal(actor: &Actor) -> Result<&Principal, Error> {
    actor.principal().ok_or(Error::Refused(trust::Refusal::Unauthenticated))
}
