//! Break-glass: an install admin looks into a private repository, for an hour, with a reason that its owner reads
//! (`spec/trust.md` 8.2, ‡).

use std::time::Duration;

use db::Tx;
use names::{Handle, Id, UnixMillis};

use super::{check_reason, store};
use crate::{
    Actor, Allowed, Anything, Error, Kind, Level, Principal, ResourceRow, Trust, Visibility, act,
    audit::{Entry, Noted, On, Who},
};

/// How long the glass stays open.
const OPEN: Duration = Duration::from_hours(1);
/// How long its owner is told of it: a month.
const SHOWN_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// An open look into a private repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glass {
    /// The row.
    pub id: Id<Glass>,
    /// Who looks.
    pub admin: Handle,
    /// Why, in their own words.
    pub reason: String,
    /// Since when.
    pub opened_at: UnixMillis,
    /// Until when.
    pub ends_at: UnixMillis,
}

impl Trust {
    /// Opens the glass of the repository for whoever asks, in the caller's transaction, which it ends last: the caller
    /// commits right after it.
    pub async fn open_glass(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<act::BreakglassOpen, Anything>,
        row: &ResourceRow,
        reason: &str,
    ) -> Result<Glass, Error> {
        check_reason(reason)?;
        let admin = allowed.actor().principal().filter(|it| it.kind == Kind::Person);
        let admin = admin.ok_or(Error::NotAPerson)?;
        let now = self.0.clock.now();
        let glass = Glass {
            id: Id::new(now, &self.0.random),
            admin: admin.handle.clone(),
            reason: reason.trim().to_owned(),
            opened_at: now,
            ends_at: now.plus(OPEN),
        };
        store::open(tx, &glass, admin.id, row.id).await?;
        let opened = Entry::done(Noted::BreakglassOpened, allowed.actor(), on(row))
            .with("why", glass.reason.as_str())
            .with("ends_at", glass.ends_at.to_string());
        let chain = self.chain_of(tx, row.owner).await?;
        self.note(tx, chain, opened).await?;
        tracing::warn!(admin = %admin.handle, repository = %row.id, "the glass of a private repository was broken");
        Ok(glass)
    }

    /// Writes down that the hour is over. Nothing depends on it: the look ended by itself.
    pub async fn close_glass(
        &self,
        tx: &mut Tx,
        id: Id<Glass>,
        row: &ResourceRow,
    ) -> Result<(), Error> {
        if !store::close(tx, id, self.0.clock.now()).await? {
            return Ok(());
        }
        let closed = Entry::done(Noted::BreakglassClosed, Who::INSTALL, on(row));
        let chain = self.chain_of(tx, row.owner).await?;
        self.note(tx, chain, closed).await?;
        Ok(())
    }

    /// Who looked into the repository in the last month, newest first: those who run it are shown it.
    pub async fn glasses(&self, tx: &mut Tx, row: &ResourceRow) -> Result<Vec<Glass>, Error> {
        let then = UnixMillis(self.0.clock.now().0 - SHOWN_MS);
        Ok(store::since(tx, row.id, then).await?)
    }

    /// The rights on a repository that `actor` has through the glass beside those of the row. Whether the repository is
    /// there or not, the same statement runs.
    pub async fn through_glass(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: Option<&ResourceRow>,
    ) -> Result<Option<Level>, Error> {
        let Some(admin) = may_look_through(actor) else { return Ok(None) };
        let id = row.map_or(uuid::Uuid::nil(), |it| it.id);
        let is_open = store::is_open(tx, admin, id, self.0.clock.now()).await?;
        let is_private = row.is_some_and(|it| it.visibility == Visibility::Private);
        Ok((is_open && is_private).then_some(Level::Read))
    }
}

fn on(row: &ResourceRow) -> On {
    On::new("repository", row.id)
}

/// The person who may open a glass, if it is one.
fn may_look_through(actor: &Actor) -> Option<Id<Principal>> {
    actor.principal().filter(|it| it.kind == Kind::Person && it.is_install_admin).map(|it| it.id)
}
