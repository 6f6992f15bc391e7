//! What a repository begins with, what is committed to it, where its refs went, and who is asked into it.

use serde::{Deserialize, Deserializer, Serialize};

use super::reading::CommitSignature;

/// What the first commit of a new repository holds; the server makes and signs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Initialize {
    /// Whether there is a `README.md` with the name and the description.
    #[serde(default)]
    pub readme: bool,
    /// The text of a licence, by its SPDX name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// A `.museignore` for this kind of project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/edits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEdit {
    /// The branch to commit to.
    pub branch: String,
    /// The commit at which that branch is; nothing for the first branch of an empty repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What changes, and why.
    pub message: String,
    /// Which files; all of them change in one commit.
    pub files: Vec<EditedFile>,
}

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditedFile {
    /// Where it is.
    pub path: String,
    /// What it holds, in base64; null takes it away, or moves it as it is.
    #[serde(deserialize_with = "said")]
    pub content_b64: Option<String>,
    /// Where it was, if it moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A field that may be null and has to be there: a file is not taken away because its bytes were forgotten.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// A commit that the server made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Which.
    pub commit_id: String,
    /// Its files.
    pub snapshot_id: String,
    /// What it follows.
    pub parent_commit_id: Option<String>,
    /// The branch that moved to it.
    pub branch: String,
    /// In whose name it was made.
    pub author: String,
    /// When.
    pub committed_at: String,
    /// The key of the server that signed it.
    pub signer_key_id: String,
    /// What is told of its files, where the repository asks for that.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A movement of a ref, newest first in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Its number in the repository: 1, 2, …
    pub seq: u64,
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub name: String,
    /// Where it was; null for a new one.
    pub old: Option<String>,
    /// Where it went; null for one that was taken away.
    pub new: Option<String>,
    /// Its number in the log of the ref: 1, 2, …
    pub counter: u64,
    /// Whether it left commits behind.
    pub forced: bool,
    /// Who moved it.
    pub principal: String,
    /// How it came: `msign`, `token` or `server`.
    pub via: String,
    /// The key that signed the entry, or the request that made it; null for none.
    pub pusher_key: Option<String>,
    /// Whether the entry itself is signed.
    pub signed: bool,
    /// Whose that key is; null for the server's own and for one that is not known.
    pub signed_by: Option<String>,
    /// When, as the entry says.
    pub time: String,
    /// The hash of the entry.
    pub entry_hash: String,
    /// The hash of the seal.
    pub seal_hash: String,
    /// The key of the server that sealed it.
    pub server_key: String,
}

/// The answer of `GET /api/v1/repos/{owner}/{name}/log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementPage {
    /// The newest first.
    pub items: Vec<Movement>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
    /// `whole` where the seals of this page follow each other and are signed with keys of the server; else `broken`.
    pub chain: String,
    /// The number of the last seal.
    pub seq: u64,
    /// Its hash.
    pub seal_hash: String,
}

/// A repository of a network of forks, as far as the reader may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkNode {
    /// `owner/name`.
    pub full_name: String,
    /// What it was made from, if the reader may see that.
    pub forked_from: Option<String>,
    /// `private` or `public`.
    pub visibility: String,
    /// The branch that is compared.
    pub default_branch: String,
    /// Commits of that branch that the repository which was asked for does not have; null where they were not counted.
    pub ahead: Option<u64>,
    /// Commits of the branch which is shown first there that this one does not have.
    pub behind: Option<u64>,
    /// When something was last pushed.
    pub pushed_at: Option<String>,
    /// Since when it is there.
    pub created_at: String,
}

/// The answer of `GET /api/v1/repos/{owner}/{name}/forks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkNodePage {
    /// From the first one on, each behind what it was made from.
    pub items: Vec<ForkNode>,
    /// Nothing: the list is bounded.
    pub next_cursor: Option<String>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncFork {
    /// The branch that follows that of its source.
    pub branch: String,
}

/// Where a branch is after it followed that of its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The branch.
    pub branch: String,
    /// Where it was; null for a new one.
    pub old: Option<String>,
    /// Where it is.
    pub new: String,
    /// Commits that came with it.
    pub commits: u64,
}

/// Somebody who has a level on a repository, or is asked to take one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryMember {
    /// Who.
    pub handle: String,
    /// `person` or `agent`.
    pub kind: String,
    /// How far they may go, or could.
    pub level: String,
    /// `member` or `invited`.
    pub state: String,
    /// By whom they are invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<String>,
    /// Since when.
    pub created_at: String,
    /// Until when they can take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
}

/// The answer of `GET /api/v1/repos/{owner}/{name}/members`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryMemberPage {
    /// Members by their handles, then those who are invited.
    pub items: Vec<RepositoryMember>,
    /// Nothing: the list is bounded.
    pub next_cursor: Option<String>,
}

/// Somebody who is asked into a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryInvitation {
    /// Which.
    pub id: String,
    /// Into which repository, as `owner/name`.
    pub repository: String,
    /// Who.
    pub handle: String,
    /// How far they may go then.
    pub level: String,
    /// By whom.
    pub invited_by: String,
    /// Since when.
    pub created_at: String,
    /// Until when it can be taken.
    pub ends_at: String,
}

/// Invitations that wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryInvitationPage {
    /// The last asked for first.
    pub items: Vec<RepositoryInvitation>,
    /// Nothing: the list is short.
    pub next_cursor: Option<String>,
}

/// The body of `PUT /api/v1/repos/{owner}/{name}/secret-passes/{fingerprint}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSecretPass {
    /// Why it may pass, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something that looks like a secret and may pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPass {
    /// Which finding.
    pub fingerprint: String,
    /// Who let it pass.
    pub by: String,
    /// Why, in a line; empty where nobody said.
    pub reason: String,
    /// Since when.
    pub created_at: String,
}

/// The answer of `GET /api/v1/repos/{owner}/{name}/secret-passes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPassPage {
    /// The last one first.
    pub items: Vec<SecretPass>,
    /// Nothing: the list is short.
    pub next_cursor: Option<String>,
}

/// A ref with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// The full name.
    #[serde(rename = "ref")]
    pub name: String,
    /// Where it is.
    pub target: String,
    /// Its number in the log of the ref; 0 for one that has not moved since there is a log.
    pub counter: u64,
    /// The hash of its last entry.
    pub entry_hash: Option<String>,
    /// What it says itself, where it is a tag of Git with a message; null for every other ref.
    #[serde(default)]
    pub tag: Option<AnnotatedTag>,
}

/// A tag of Git that has a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnotatedTag {
    /// Its own name among the objects of Git.
    pub object: String,
    /// Who made it, as `Name <mail>`; null where it does not say.
    pub tagger: Option<String>,
    /// When they say that it was made, with their zone.
    pub tagged_at: Option<String>,
    /// Its message without a signature; what is longer than 16 KiB is cut.
    pub message: String,
    /// What is known of its signature.
    pub signature: CommitSignature,
}

/// The answer of `GET /api/v1/repos/{owner}/{name}/refs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefPage {
    /// By name.
    pub items: Vec<Ref>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The body of `PUT /api/v1/repos/{owner}/{name}/refs/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRef {
    /// Where it shall be: a commit of this repository.
    pub target: String,
    /// Where it is; nothing for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Whether commits may be left behind, which is a right of its own.
    #[serde(default)]
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_away_by_a_null_and_not_by_nothing() {
        let gone: EditedFile = serde_json::from_str(r#"{"path":"a","content_b64":null}"#).unwrap();
        assert_eq!(gone.content_b64, None);
        let error = serde_json::from_str::<EditedFile>(r#"{"path":"a"}"#).unwrap_err();
        assert!(error.to_string().contains("content_b64"), "{error}");
    }
}
