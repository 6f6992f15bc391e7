//! How far the log of each remote was followed (`spec/wire.md` 8): what makes a server that shows an older or another
//! history be noticed.

use std::collections::BTreeMap;

use api::{Value, WireError, wire::Fields};

use super::{RemoteName, Result, WorkingCopy, WorktreeError, files::damaged, json};
use crate::ref_log::{Chain, RefState};

/// The most refs that are read back.
const MAX_REFS: usize = 200_000;

fn place(remote: &RemoteName) -> String {
    format!("motet/remotes/{remote}.json")
}

impl WorkingCopy {
    /// How far the log of a remote was followed; nothing if it never was.
    pub fn remote_log(&self, remote: &RemoteName) -> Result<Option<Chain>> {
        let path = place(remote);
        let Some(value) = self.read_json(&path)? else { return Ok(None) };
        read(value).map(Some).map_err(|error| damaged(&path, error.to_string()))
    }

    /// Remembers how far the log of a remote was followed.
    pub fn set_remote_log(&self, remote: &RemoteName, chain: &Chain) -> Result<()> {
        self.put_bytes(&place(remote), &json::pretty(&written(chain)))
    }

    /// Forgets the log of a remote, with the remote.
    pub fn forget_remote_log(&self, remote: &RemoteName) -> Result<()> {
        let forget = || match self.muse.descend("motet/remotes")? {
            Some(directory) => directory.remove_file(&format!("{remote}.json")),
            None => Ok(()),
        };
        forget().map_err(WorktreeError::io(place(remote)))
    }
}

fn written(chain: &Chain) -> Value {
    let of_ref = |it: &RefState| {
        Value::map([
            ("counter", it.counter.into()),
            ("entry_hash", it.entry_hash.to_string().into()),
            ("target", it.target.clone().into()),
        ])
    };
    let seal_hash = chain.seal_hash.map(|it| it.to_string()).unwrap_or_default();
    Value::map([
        ("repository_id", chain.repository_id.clone().into()),
        ("seq", chain.seq.into()),
        ("seal_hash", seal_hash.into()),
        ("server_key", chain.server_key.clone().into()),
        ("refs", Value::map(chain.refs.iter().map(|(name, it)| (name.clone(), of_ref(it))))),
    ])
}

fn read(value: Value) -> Result<Chain, WireError> {
    let fields = &mut Fields::of(value, "the log of a remote")?;
    let number = |fields: &mut Fields, key| {
        fields.int_or(key, 0).map(|number| u64::try_from(number).unwrap_or_default())
    };
    let mut refs = BTreeMap::new();
    for (name, value) in fields.entries("refs", MAX_REFS)? {
        let fields = &mut Fields::of(value, "a ref")?;
        let state = RefState {
            counter: number(fields, "counter")?,
            entry_hash: fields.id("entry_hash")?,
            target: fields.text("target")?,
        };
        refs.insert(name, state);
    }
    let seal_hash = fields.text("seal_hash")?;
    Ok(Chain {
        repository_id: fields.text("repository_id")?,
        seq: number(fields, "seq")?,
        seal_hash: seal_hash.parse().ok(),
        server_key: fields.text("server_key")?,
        refs,
        unchecked: 0,
    })
}

#[cfg(test)]
mod tests {
    use names::Digest;

    use super::*;

    #[test]
    fn a_log_is_remembered_as_it_was_followed() {
        let state =
            RefState { counter: 3, entry_hash: Digest::of(b"entry"), target: "a".repeat(64) };
        let mut chain = Chain::new("0191b2c3-0000-7000-8000-000000000001".to_owned());
        assert_eq!(read(written(&chain)).unwrap(), chain);
        chain.refs.insert("refs/heads/main".to_owned(), state);
        (chain.seq, chain.seal_hash) = (9, Some(Digest::of(b"seal")));
        chain.server_key = "SHA256:x".to_owned();
        assert_eq!(read(written(&chain)).unwrap(), chain);
    }
}
