//! A push that has begun: what is to move, checked when it begins and once more when it becomes history.

use std::collections::{BTreeSet, HashMap, HashSet};

use api::{
    WireCode,
    wire2::{PushLanded, PushState, Update},
};
use db::Tx;
use keys::Signature;
use names::{BranchName, CommitId, Id, UnixMillis};
use trust::{Allowed, Credential, Mandate, Principal, act};

use super::store;
use crate::{
    Error, Hub, Repository, reading,
    ref_log::{Claim, Movement, Word, check_movement},
    repositories::{self, PushTarget},
    wire::upload::Upload,
};

/// Refs of one repository (`spec/wire.md` 10).
const REFS: usize = 100_000;

/// A push over wire 2, from its beginning to a day after its last byte.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: Id<Self>,
    pub(super) repository: Id<Repository>,
    pub(super) principal: Id<Principal>,
    /// On whose word the stream is taken.
    pub(super) mandate: Mandate,
    pub(super) updates: Vec<Update>,
    pub(super) state: PushState,
    /// The answer, once it is history.
    pub(super) result: Option<PushLanded>,
    /// The moment at which the times of signed entries are judged.
    pub(super) created_at: UnixMillis,
}

/// What a ref is by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Branch(BranchName),
    Tag(BranchName),
}

impl Kind {
    /// Reads the full name of a ref that a push may move.
    fn of(name: &str) -> Result<Self, Error> {
        let bad = |sentence: String| Error::wire(WireCode::BadRef, sentence);
        let parsed = |text: &str| {
            text.parse::<BranchName>().map_err(|error| bad(format!("`{text}`: {error}")))
        };
        match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => Ok(Self::Branch(parsed(branch)?)),
            (_, Some(tag)) => Ok(Self::Tag(parsed(tag)?)),
            (None, None) => {
                Err(bad("a push moves refs below `refs/heads/` and `refs/tags/`".to_owned()))
            }
        }
    }

    pub(super) const fn name(&self) -> &BranchName {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }
}

/// An update that may be made, as far as can be said without the history that it brings.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) update: &'a Update,
    pub(super) kind: Kind,
    pub(super) claim: Option<Claim>,
}

impl Hub {
    /// Whether the stream of a push is still taken: the credential lives with which it began, and whoever holds it may
    /// push there as the repository is now.
    pub(super) async fn still_pushes(
        &self,
        tx: &mut Tx,
        session: &Session,
    ) -> Result<(Upload, Repository), Error> {
        let actor = self.trust.mandated(tx, session.mandate).await?.ok_or(Error::NotFound)?;
        let found = repositories::by_id_for(tx, session.repository, actor.readers()).await?;
        let repository = found.ok_or(Error::NotFound)?;
        let target = PushTarget::Existing(Box::new(repository.clone()));
        let allowed = Allowed::ask(&actor, target).map_err(Error::Refused)?;
        Ok((allowed, repository))
    }

    /// Checks rights, names, the present values and the places in the log. `began` is when the push began.
    pub(super) async fn check_updates<'a>(
        &self,
        tx: &mut Tx,
        (allowed, repository): (&Upload, &Repository),
        updates: &'a [Update],
        began: UnixMillis,
    ) -> Result<Vec<Planned<'a>>, Error> {
        let places = reading::refs(tx, repository.id).await?;
        let present: HashMap<&str, CommitId> =
            places.iter().map(|it| (it.name.as_str(), it.target)).collect();
        check_names(&present, updates)?;
        let mut planned = Vec::with_capacity(updates.len());
        for update in updates {
            let kind = Kind::of(&update.name)?;
            allowed.check_branch(kind.name()).map_err(Error::Refused)?;
            check_value(update, present.get(update.name.as_str()).copied())?;
            self.check_kept(tx, (allowed, repository), update, &kind).await?;
            let claim = self.claim_of(tx, allowed, update, began).await?;
            let movement = Movement {
                name: &update.name,
                old: update.old,
                new: update.new,
                is_forced: false,
                word: Word::of(claim.as_ref()),
            };
            check_movement(tx, (repository, allowed.actor()), &movement, began).await?;
            planned.push(Planned { update, kind, claim });
        }
        Ok(planned)
    }

    /// What may not go or move: the branch that is shown first, the tags of releases, and whatever goes without the right
    /// to force.
    async fn check_kept(
        &self,
        tx: &mut Tx,
        (allowed, repository): (&Upload, &Repository),
        update: &Update,
        kind: &Kind,
    ) -> Result<(), Error> {
        let protected = |sentence: String| Err(Error::wire(WireCode::ProtectedRef, sentence));
        let is_gone = update.new.is_none();
        match kind {
            Kind::Branch(name) if is_gone && *name == repository.default_branch => {
                return protected(format!("{name} is the branch that is shown first, and stays"));
            }
            Kind::Tag(name)
                if update.old.is_some()
                    && store::is_released(tx, repository.id, name.as_str()).await? =>
            {
                return protected(format!("the tag {name} is that of a release, and stays"));
            }
            Kind::Branch(_) | Kind::Tag(_) => {}
        }
        if is_gone { check_force(allowed) } else { Ok(()) }
    }

    /// The entry that its pusher signed, checked by itself; nothing if there is none.
    async fn claim_of(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        update: &Update,
        began: UnixMillis,
    ) -> Result<Option<Claim>, Error> {
        if update.entry.is_empty() && update.signature.is_empty() {
            return Ok(None);
        }
        let bad = |sentence: &str| Error::wire(WireCode::BadEntry, sentence);
        let Some(Credential::Key(proof)) = allowed.actor().credential() else {
            return Err(bad("an entry is signed with the key that signs the request"));
        };
        let signature = Signature::from_commit_text(&update.signature)
            .map_err(|_| bad("the signature of an entry is `ed25519v1:` and 64 bytes in base64"))?;
        let found = self.trust.key_owner(tx, proof.fingerprint).await?;
        let (key, _) = found.ok_or_else(|| bad("the key of the entry is not registered"))?;
        let of = (proof.fingerprint, &key.public);
        Claim::check(update.entry.as_bytes(), signature, of, began).map(Some)
    }
}

/// Whether commits may be left behind.
pub(super) fn check_force(allowed: &Upload) -> Result<(), Error> {
    let target = allowed.resource().clone();
    let sentence = "moving a ref back, or away, needs the right to force";
    Allowed::<act::RefForce, _>::ask(allowed.actor(), target)
        .map(drop)
        .map_err(|_| Error::wire(WireCode::ForceForbidden, sentence))
}

/// A push moves refs from where they are.
fn check_value(update: &Update, present: Option<CommitId>) -> Result<(), Error> {
    if update.old == update.new {
        let sentence = format!("{} does not move", update.name);
        return Err(Error::wire(WireCode::EmptyPush, sentence));
    }
    if update.old == present {
        return Ok(());
    }
    let place = present.map_or_else(|| "not there".to_owned(), |it| format!("at {it}"));
    let sentence = format!("{} is {place} by now; fetch and push again", update.name);
    Err(Error::wire(WireCode::LogConflict, sentence))
}

/// Each ref is named once, and none becomes a directory of another.
fn check_names(present: &HashMap<&str, CommitId>, updates: &[Update]) -> Result<(), Error> {
    let mut named = HashSet::new();
    if let Some(twice) = updates.iter().find(|it| !named.insert(it.name.as_str())) {
        let sentence = format!("{} is there twice", twice.name);
        return Err(Error::wire(WireCode::BadRef, sentence));
    }
    let mut after: BTreeSet<&str> = present.keys().copied().collect();
    for it in updates {
        let _was_there = match it.new {
            Some(_) => after.insert(&it.name),
            None => after.remove(it.name.as_str()),
        };
    }
    if after.len() > REFS {
        let sentence = format!("{} refs: the limit is {REFS}", after.len());
        return Err(Error::wire(WireCode::TooLarge, sentence));
    }
    for name in updates.iter().filter(|it| it.new.is_some()).map(|it| it.name.as_str()) {
        let above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        let below = format!("{name}/");
        let next = after.range(below.as_str()..).next().filter(|it| it.starts_with(&below));
        if let Some(other) = above.into_iter().find(|it| after.contains(it)).or(next.copied()) {
            let sentence =
                format!("`{name}` and `{other}` cannot both be: one is a directory of the other");
            return Err(Error::wire(WireCode::RefConflict, sentence));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(name: &str, new: Option<CommitId>) -> Update {
        let (entry, signature) = (String::new(), String::new());
        Update { name: name.into(), old: None, new, force: false, entry, signature }
    }

    #[test]
    fn names_that_cannot_stand_together_are_refused_and_those_that_go_make_room() {
        let it = CommitId::of(b"it");
        let present = HashMap::from([("refs/heads/a/b", it), ("refs/heads/c", it)]);
        let check = |updates: &[(&str, Option<CommitId>)]| {
            let updates: Vec<_> = updates.iter().map(|(name, new)| update(name, *new)).collect();
            check_names(&present, &updates)
        };
        let there = Some(it);
        for good in [
            &[("refs/heads/a/c", there), ("refs/tags/a", there)][..],
            &[("refs/heads/a/b", None), ("refs/heads/a", there)],
            &[("refs/heads/a/b-c", there), ("refs/heads/c-d", there)],
        ] {
            assert!(check(good).is_ok(), "{good:?}");
        }
        for bad in [
            &[("refs/heads/a", there)][..],
            &[("refs/heads/c/d", there)],
            &[("refs/heads/x", there), ("refs/heads/x/y", there)],
            &[("refs/heads/x", there), ("refs/heads/x", None)],
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for bad in ["refs/for/main/x", "refs/heads/", "main", "refs/heads/HEAD", "refs/tags/../x"] {
            assert!(Kind::of(bad).is_err(), "{bad}");
        }
    }
}
