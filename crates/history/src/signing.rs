//! What a native signature of a commit is over (`spec/wire.md` 7). Who signs, and with what, is the caller's.

use std::fmt::Write as _;

use api::CommitRecord;
use names::CommitId;

use crate::canonical;

/// The canonical record: what the id covers through `commit_id`, and the order of the parents, the author, the
/// claims and the metadata, which it does not. `signer_key_id` has to be set before.
pub fn signing_bytes(record: &CommitRecord) -> Vec<u8> {
    let id = |id: Option<CommitId>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut metadata = String::new();
    for (key, text) in &record.metadata {
        // Writing into a text does not fail.
        write!(metadata, "{}:{key},{}:{text},", key.len(), text.len()).unwrap_or_default();
    }
    let fields: [(&str, &str); 11] = [
        ("commit_id", &record.commit_id.to_string()),
        ("parent_commit_id", &id(record.parent_commit_id)),
        ("parent2_commit_id", &id(record.parent2_commit_id)),
        ("author", &record.author),
        ("agent_id", &record.agent_id),
        ("model_id", &record.model_id),
        ("toolchain_id", &record.toolchain_id),
        ("prompt_hash", &record.prompt_hash),
        ("branch", &record.branch),
        ("metadata", &metadata),
        ("signer_key_id", &record.signer_key_id),
    ];
    canonical::write("motet-commit-v1", &fields)
}

#[cfg(test)]
mod tests {
    use keys::{PrivateKey, PublicKey, Signature};
    use names::Secret;

    use super::*;

    /// The vector of `spec/wire.md` 7, from `vectors.json`.
    #[test]
    fn the_vector() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/muse-wire/vectors.json");
        let vectors: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let vector = &vectors["commit_signature"];
        let field = |name: &str| vector["record"][name].as_str().unwrap().to_owned();
        let id = |name: &str| field(name).parse().unwrap();
        let plain = crate::vectors::plain_record(
            names::SnapshotId::of(b""),
            "merge",
            "2026-11-21T12:34:56.789000+00:00",
        );
        let metadata = vector["record"]["metadata"].as_object().unwrap();
        let record = CommitRecord {
            commit_id: id("commit_id"),
            parent_commit_id: Some(id("parent_commit_id")),
            parent2_commit_id: Some(id("parent2_commit_id")),
            author: field("author"),
            agent_id: field("agent_id"),
            model_id: field("model_id"),
            toolchain_id: field("toolchain_id"),
            prompt_hash: field("prompt_hash"),
            branch: field("branch"),
            metadata: metadata
                .iter()
                .map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned()))
                .collect(),
            signer_key_id: field("signer_key_id"),
            ..plain
        };
        let bytes = signing_bytes(&record);
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), vector["canonical_utf8"]);
        let key =
            PrivateKey::from_seed(Secret::new(std::array::from_fn(|at| u8::try_from(at).unwrap())));
        let signature = key.sign(&bytes);
        assert_eq!(signature.to_commit_text(), vector["signature"].as_str().unwrap());
        let line = vector["ssh_public_key"].as_str().unwrap();
        let (public, _) = PublicKey::from_openssh(line).unwrap();
        let text = vector["signature"].as_str().unwrap();
        assert!(public.verify(&bytes, &Signature::from_commit_text(text).unwrap()));
        let other = signing_bytes(&CommitRecord { author: String::new(), ..record });
        assert!(!public.verify(&other, &signature));
    }
}
