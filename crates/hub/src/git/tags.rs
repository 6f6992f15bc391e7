//! Tags with a message as they are shown: who made one, what it says, whose key signed it (`spec/hub.md` 5, Signatures).
//!
//! They are read out of packs, and verified, whenever they are shown: a list of them is short, and whose key it is is asked at
//! that moment anyway. A tag counts as received when its ref was put there.

use std::collections::HashMap;

use history::git::{GitTag, Person};
use keys::{Fingerprint, GitProof, GitSigned};
use names::{CommitId, ObjectId, UnixMillis};

use super::{packs::Reader, store};
use crate::{
    Error, Format, Hub, Repository,
    signatures::{self, State},
};

/// What is told of a message.
const MESSAGE_BYTES: usize = 16 << 10;

/// A tag with a message.
#[derive(Debug, Clone)]
pub(crate) struct Annotated {
    /// Its own name.
    pub(crate) object: CommitId,
    /// Who made it, and when; old ones do not say.
    pub(crate) tagger: Option<Person>,
    /// As text, without a signature; a long one is cut.
    pub(crate) message: String,
    /// What is known of its signature.
    pub(crate) state: State,
    /// The key that signed it, if that was proved.
    pub(crate) key: Option<Fingerprint>,
}

/// One that was read, before anybody asks whose key it is.
struct Read {
    name: String,
    object: CommitId,
    received: UnixMillis,
    tagger: Option<Person>,
    message: String,
    proof: GitProof,
}

impl Hub {
    /// Those of some refs that are tags with a message, by the names of the refs.
    pub(crate) async fn annotated(
        &self,
        of: &Repository,
        refs: &[&str],
    ) -> Result<HashMap<String, Annotated>, Error> {
        if of.format != Format::Git || refs.is_empty() {
            return Ok(HashMap::new());
        }
        let named = store::tag_objects(&mut self.db.glance().await?, of.id, refs).await?;
        if named.is_empty() {
            return Ok(HashMap::new());
        }
        let packs = self.packs(of.id);
        let read = packs.read(move |reader| {
            let mut found = Vec::with_capacity(named.len());
            for (name, object, received) in named {
                found.extend(read_one(reader, name, object, received)?);
            }
            Ok(found)
        });
        let read = read.await?;
        let proved: Vec<_> = read.iter().map(|it| (it.proof, it.received)).collect();
        let states = signatures::of_proved(&mut self.db.glance().await?, &proved).await?;
        let shown = read.into_iter().zip(states).map(|(it, state)| {
            let Read { name, object, tagger, message, proof, .. } = it;
            let key = match proof {
                GitProof::Good(key) => Some(key.fingerprint()),
                GitProof::Unsigned | GitProof::Unverifiable => None,
            };
            (name, Annotated { object, tagger, message, state, key })
        });
        Ok(shown.collect())
    }
}

/// Reads a tag and verifies it. A list is shown without what one says whose bytes are damaged.
fn read_one(
    reader: &Reader,
    name: String,
    object: CommitId,
    received: UnixMillis,
) -> Result<Option<Read>, Error> {
    let found = match reader.tag(ObjectId::from_bytes(*object.as_bytes())) {
        Err(Error::Objects(error)) => {
            tracing::warn!(%object, %error, "a tag is shown without what it says");
            None
        }
        found => found?,
    };
    let Some((tag, raw)) = found else { return Ok(None) };
    let GitTag { tagger, mut message, signature, .. } = tag;
    let payload = signature.as_ref().map(|it| it.payload(&raw)).unwrap_or_default();
    let armoured = signature.as_ref().map_or(&[][..], |it| it.armoured.as_slice());
    let proof = GitProof::of(GitSigned { payload: &payload, signature: armoured });
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
    Ok(Some(Read { name, object, received, tagger, message, proof }))
}
