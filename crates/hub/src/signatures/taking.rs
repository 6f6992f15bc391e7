//! What a push brings is proved before its transaction; what the repository asks for is looked at within it.

use std::collections::{HashMap, HashSet};

use api::{CommitRecord, WireCode};
use db::Tx;
use keys::{Fingerprint, GitProof};
use names::{CommitId, UnixMillis};

use super::{Form, Owner, Owners};
use crate::{Error, Repository, repositories};

/// Ids that an error sentence names.
const NAMED: usize = 5;

/// Which commits a repository takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Required {
    /// All.
    #[default]
    Off,
    /// Those signed with a registered key.
    Registered,
    /// Those signed by somebody who may push.
    Members,
}

impl Required {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Registered => "registered",
            Self::Members => "members",
        }
    }
}

impl std::str::FromStr for Required {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Off, Self::Registered, Self::Members];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or("require_signed_commits is `off`, `registered` or `members`")
    }
}

/// What was proved of the commits of a push.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    /// By which key, where it is registered and the signature is good.
    good: HashMap<CommitId, Fingerprint>,
    /// Good, by the server's own key.
    server: HashSet<CommitId>,
    /// Well formed, by a key that nobody knows.
    unknown: HashSet<CommitId>,
}

/// The keys that a push names, with whose they are.
#[derive(Debug, Default)]
pub(crate) struct Asked(Owners);

impl Asked {
    /// Looks up the keys of those records.
    pub(crate) async fn of<'a>(
        tx: &mut Tx,
        records: impl Iterator<Item = &'a CommitRecord> + Send,
    ) -> Result<Self, Error> {
        let forms = records.filter_map(|it| Form::of(it).ok());
        let keys: HashSet<_> = forms.filter_map(Form::key).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        Ok(Self(Owners::of(tx, &keys).await?))
    }
}

impl Proofs {
    /// Verifies every signature of a registered key: some forty microseconds each, for a blocking thread.
    pub(crate) fn of<'a>(
        records: impl Iterator<Item = &'a CommitRecord>,
        asked: &Asked,
    ) -> Result<Self, Error> {
        Self::beyond(records.map(|record| (record, None)), asked)
    }

    /// The same, of records some of which were verified ahead, by the key that is named: whether that is registered still
    /// is all that is asked of them.
    pub(crate) fn beyond<'a>(
        records: impl Iterator<Item = (&'a CommitRecord, Option<Fingerprint>)>,
        asked: &Asked,
    ) -> Result<Self, Error> {
        let mut proofs = Self::default();
        for (record, verified_by) in records {
            let id = record.commit_id;
            let form = Form::of(record).map_err(|_| {
                refused(id, "has a signature that is not 64 bytes in base64 with the fingerprint of its key")
            })?;
            let (key, signature) = match form {
                Form::Native(key, signature) => (key, Some(signature)),
                // It was proved when it came.
                Form::Proved(key) => (key, None),
                Form::Unsigned | Form::Unverifiable => continue,
            };
            let Some(owner) = asked.0.get(key) else {
                proofs.unknown.insert(id);
                continue;
            };
            let is_good = verified_by == Some(key)
                || signature
                    .is_none_or(|it| owner.public().verify(&history::signing_bytes(record), &it));
            if !is_good {
                return Err(refused(id, "is not what its key signed"));
            }
            match owner {
                Owner::Somebody(_) => drop(proofs.good.insert(id, key)),
                Owner::Server(_) => drop(proofs.server.insert(id)),
            }
        }
        Ok(proofs)
    }

    /// The same of commits of Git, whose signatures were verified by themselves: whose keys they are by is looked up. A false
    /// one refuses nothing, because histories of Git are taken as they are; it is good by nobody.
    pub(crate) async fn of_git(
        tx: &mut Tx,
        proved: impl Iterator<Item = (CommitId, GitProof)> + Send,
    ) -> Result<Self, Error> {
        let good: Vec<_> = proved
            .filter_map(|(id, proof)| match proof {
                GitProof::Good(key) => Some((id, key.fingerprint())),
                GitProof::Unsigned | GitProof::Unverifiable => None,
            })
            .collect();
        let keys: HashSet<_> = good.iter().map(|(_, key)| *key).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let owners = Owners::of(tx, &keys).await?;
        let mut proofs = Self::default();
        for (id, key) in good {
            match owners.get(key) {
                Some(Owner::Somebody(_)) => drop(proofs.good.insert(id, key)),
                Some(Owner::Server(_)) => drop(proofs.server.insert(id)),
                None => drop(proofs.unknown.insert(id)),
            }
        }
        Ok(proofs)
    }

    /// The word in the row of a commit.
    pub(crate) fn word(&self, record: &CommitRecord) -> &'static str {
        if record.signature.is_empty() {
            "unsigned"
        } else if self.is_good(record.commit_id) {
            "verified"
        } else if self.unknown.contains(&record.commit_id) {
            "unknown_key"
        } else {
            "unverifiable"
        }
    }

    /// The registered key by which the signature of a commit is good.
    pub(super) fn by(&self, id: CommitId) -> Option<Fingerprint> {
        self.good.get(&id).copied()
    }

    /// Whether the signature of a commit is good, by a registered key or the server's own.
    pub(crate) fn is_good(&self, id: CommitId) -> bool {
        self.good.contains_key(&id) || self.server.contains(&id)
    }

    /// Refuses what the repository does not take, of the commits that are new to it. Asked in the transaction, of the
    /// keys and the rights as they are then.
    pub(crate) async fn check(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        new: impl Iterator<Item = CommitId> + Clone + Send,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let required = repository.require_signed_commits;
        if required == Required::Off {
            return Ok(());
        }
        let keys: HashSet<_> = new.clone().filter_map(|id| self.good.get(&id).copied()).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let mut trusted = HashSet::new();
        for (key, signer) in trust::signers(tx, &keys).await? {
            let may = required == Required::Registered
                || repositories::by_id_for(tx, repository.id, signer.readers())
                    .await?
                    .is_some_and(|it| signer.may_push(&it.resource));
            if may && signer.is_believed_at(now) {
                trusted.insert(key);
            }
        }
        // What the server made for somebody elsewhere is signed, and says nothing of who may push here.
        let takes_servers = required == Required::Registered;
        let is_trusted = |id: &CommitId| {
            let is_servers = takes_servers && self.server.contains(id);
            is_servers || self.good.get(id).is_some_and(|key| trusted.contains(key))
        };
        let others: Vec<_> = new.filter(|id| !is_trusted(id)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = others.iter().take(NAMED).map(CommitId::short).collect();
        let by = match required {
            Required::Members => "somebody who may push here",
            Required::Registered | Required::Off => "a registered key",
        };
        let sentence = format!(
            "{} takes commits signed by {by}; {} are not, among them {}",
            repository.full_name(),
            others.len(),
            named.join(", ")
        );
        Err(Error::wire(WireCode::UnsignedCommit, sentence))
    }
}

fn refused(id: CommitId, what: &str) -> Error {
    Error::wire(WireCode::BadSignature, format!("commit {id} {what}"))
}
