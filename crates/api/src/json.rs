//! The requests and answers of the JSON API under `/api/v1` (`spec/conventions.md`, JSON).
//!
//! A request refuses fields that it does not know, so that a typing error never passes silently; an answer is
//! read leniently, so that an older client survives a newer server. Times are RFC 3339 text in UTC.

use serde::{Deserialize, Serialize};

mod accounts;
mod around;
mod audit;
mod claims;
mod handing;
mod history;
mod jobs;
mod letters;
mod mirrors;
mod numbers;
mod passkeys;
mod pipelines;
mod publishers;
mod reading;
mod records;
mod search;
mod shown_once;
mod storage;
mod tools;
mod webhooks;
mod work;

pub use accounts::{
    AcceptInvite, Agent, AgentPage, BreakGlass, ChangeAgent, ChangeOrganization, ChangeProfile,
    Collaborator, CollaboratorPage, Confirm, GitToken, Invitation, KeyPage, LevelRequest,
    LocalCredentials, LocalInit, Membership, MembershipPage, MintedToken, NewAgent, NewGitToken,
    NewOrganization, NewToken, OpenGlass, PublicKey, PublicKeyPage, RoleRequest, RotateToken,
    ServerKey, ServerKeyPage, Suspend, Token, TokenPage, WebLogin,
};
pub use around::{Doer, Happening, HeatDay, Heatmap, Somebody, Subscription};
pub use audit::{AuditEvent, PruneAudit, PrunedAudit, RotatedKey};
pub use claims::{
    Claim, ClaimBatch, ClaimStatus, ClaimSubmission, ClaimTimes, ClaimTool, Heartbeat, HeldClaim,
    HeldClaims, NextClaims, ReleaseClaim, Released, SubmitResult, Submitted,
};
pub use handing::{Accepted, NewFork, NewTransfer, Transfer, TransferPage};
pub use history::{
    CommitDay, CommitDays, Contributor, ContributorList, GraphEdge, GraphPage, GraphRow, Language,
    LanguageList, LanguageMonth,
};
pub use jobs::{Job, JobCounts, JobDetail, JobPage, Schedule, ScheduleRun};
pub use letters::{
    DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterReplay, ReplayDeadLetters,
};
pub use mirrors::{
    ChangeMirror, Import, Mirror, MirrorPage, NewImport, NewMirror, RemoteCredentials,
};
pub use numbers::{
    AgentRecord, AgentRecordPage, ClaimedRun, ClaimedRunPage, PublisherStats, StepStats, WorkStats,
};
pub use passkeys::{
    BrowserSession, BrowserSessionPage, Identity, IdentityPage, NewPasskey, Passkey,
    PasskeyAssertion, PasskeyChallenge, PasskeyPage, PasskeyRequest, SignedIn,
};
pub use pipelines::{
    ChangePipeline, ChangePipelineSchedule, DefinitionFault, NewSkill, NewSkillFile, Pipeline,
    PipelineChange, PipelineDiff, PipelineGraph, PipelinePage, PipelineRequirement,
    PipelineSchedule, PipelineSchedulePage, PipelineStep, PipelineVersion, PipelineVersionDetail,
    PipelineVersionPage, RegisteredPipeline, Skill, SkillDetail, SkillFile, SkillPage,
};
pub use publishers::{
    BootstrapToken, ChangePublisher, FoundedPublisher, MadeSecret, NewPublisher,
    NewPublisherSecret, NewPublisherToken, Publisher, PublisherSecret, RotatePublisherToken,
};
pub use reading::{
    BlameAnswer, BlameRun, Blob, Commit, CommitDetail, CommitLabel, CommitPage, CommitSignature,
    Comparison, DiffFile, DiffHunk, DiffLine, DiffPage, FileList, LastCommit, Tree, TreeEntry,
};
pub use records::{
    AnnotatedTag, Edited, EditedFile, ForkNode, ForkNodePage, Initialize, Movement, MovementPage,
    NewEdit, NewSecretPass, Ref, RefPage, RepositoryInvitation, RepositoryInvitationPage,
    RepositoryMember, RepositoryMemberPage, SecretPass, SecretPassPage, SetRef, SyncFork, Synced,
};
pub use search::{Facet, Facets, Found, FoundItem, FoundLine, TopicCount};
pub use shown_once::ShownOnce;
pub use storage::{
    Fault, FaultPage, Healed, Limit, QuotaUse, ScanStarted, SetQuota, StartScan, Storage,
    StorageGroup, StorageScan, Used,
};
pub use tools::{CallTool, ToolAnswer, ToolCall, ToolCallPage};
pub use webhooks::{
    MadeWebhook, NewWebhookSecret, ResendDeliveries, Resent, Webhook, WebhookAttempt,
    WebhookChanges, WebhookDelivery, WebhookDeliveryDetail, WebhookDeliveryPage, WebhookFilter,
    WebhookPage, WebhookSecret,
};
pub use work::{
    Approval, ApprovalPage, ApprovalVote, Attempt, AttemptPage, Decide, Decided, MoveRun, NewRun,
    PublisherAgent, PublisherAgentPage, Reason, ReplayRun, RunBudgets, RunDetail, RunEvent,
    RunEventPage, RunPage, RunState, RunSummary, RunVerdict, SetPublisherAgent, StartedRun,
    TaskDetail, TaskPage, TaskSummary, UntrustedText, UntrustedValue, Usage, VerdictReason,
    VerdictReopen,
};

/// The body of `POST /api/v1/auth/challenge` (`spec/trust.md` 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// The handle to take, or to add a key to.
    pub handle: String,
    /// An OpenSSH line, or base64url of the raw 32 bytes.
    pub public_key: String,
}

/// What the holder of a key is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Which challenge; good for one attempt.
    pub challenge_id: String,
    /// The random part of the message.
    pub nonce: String,
    /// Exactly the text to sign.
    pub message: String,
    /// When it ends.
    pub expires_at: String,
}

/// The body of `POST /api/v1/auth/verify` (`spec/trust.md` 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// Which challenge.
    pub challenge_id: String,
    /// The signature over its message.
    pub signature: String,
    /// What to call the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The invitation, where registration needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// The version of the terms that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_version: Option<String>,
}

/// The answer of `POST /api/v1/auth/verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Who has the key now.
    pub principal: Principal,
    /// The key.
    pub key: Key,
}

/// Somebody who can act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Which principal, for good.
    pub id: String,
    /// The name, for good as well.
    pub handle: String,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
    /// Since when.
    pub created_at: String,
    /// What it wants to be called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// A few sentences.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bio: String,
    /// Its page elsewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub website_url: String,
    /// Where its picture is; another address for each picture.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub avatar_url: String,
}

/// A registered public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Which row.
    pub id: String,
    /// `SHA256:` and 43 characters, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created_at: String,
    /// When it last signed a request, to five minutes.
    #[serde(default)]
    pub last_used_at: Option<String>,
    /// Until when, if it is over.
    #[serde(default)]
    pub revoked_at: Option<String>,
    /// Why it is over: `compromised` or `retired`.
    #[serde(default)]
    pub revoke_reason: Option<String>,
}

/// The answer of `GET /api/v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Who asks.
    pub principal: Principal,
    /// Where to write to; nobody else sees it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The organizations that they are in.
    #[serde(default)]
    pub memberships: Vec<Membership>,
}

/// The body of `POST /api/v1/repos` (`spec/hub.md` 1). What is absent takes the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRepository {
    /// Whose it shall be: the caller's, unless an organization is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The name to take.
    pub name: String,
    /// `private` or `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `git` or `muse`, for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The branch that a clone checks out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// On which terms it is had, as SPDX names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// `owner/name` of a template: its files become the first commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What the first commit holds; without it there is none, so that any history can be pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialize: Option<Initialize>,
}

/// A repository as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in the answer")]
pub struct Repository {
    /// Which repository, for good: owner and name may change.
    pub id: String,
    /// The owner's handle.
    pub owner: String,
    /// Its name among the owner's.
    pub name: String,
    /// `owner/name`.
    pub full_name: String,
    /// `private` or `public`.
    pub visibility: String,
    /// `git` or `muse`.
    pub format: String,
    /// What it is, in a line; may be empty.
    pub description: String,
    /// Its page elsewhere, an `https` address; may be empty.
    #[serde(default)]
    pub homepage: String,
    /// What it is about.
    #[serde(default)]
    pub topics: Vec<String>,
    /// On which terms it is had, as SPDX names them.
    #[serde(default)]
    pub licence: Option<String>,
    /// Whether others may fork it.
    #[serde(default)]
    pub allow_forks: bool,
    /// `owner/name` of what it was made from, for those who may see that; said where one repository is shown.
    #[serde(default)]
    pub forked_from: Option<String>,
    /// `copying` or `ready`, of what was made from another one.
    #[serde(default)]
    pub fork_state: Option<String>,
    /// What its files are about; `code` unless it was made for something else.
    pub domain: String,
    /// The branch that a clone checks out.
    pub default_branch: String,
    /// Distinct linked objects at full size.
    pub size_bytes: u64,
    /// How many of them there are.
    pub object_count: u64,
    /// How many commits it holds.
    pub commit_count: u64,
    /// How many like it.
    #[serde(default)]
    pub stars: u64,
    /// How many want to know what happens to it.
    #[serde(default)]
    pub watchers: u64,
    /// Whether those who train models are asked to leave it alone: of what is private, always.
    #[serde(default)]
    pub training_opt_out: bool,
    /// Whether it is searched.
    pub indexed: bool,
    /// Which commits it takes: `off`, `registered` or `members`.
    #[serde(default)]
    pub require_signed_commits: String,
    /// Whether a ref moves only by an entry that its pusher signed.
    #[serde(default)]
    pub require_signed_refs: bool,
    /// Whether others may begin theirs with its files.
    #[serde(default)]
    pub template: bool,
    /// Whether files are what their names say: `off`, `warn` or `enforce`.
    #[serde(default)]
    pub content_policy: String,
    /// Whether paths may be there that some file systems take for one: `allow` or `refuse`.
    #[serde(default)]
    pub clashing_paths: String,
    /// What becomes of keys and tokens that were left in a file: `off`, `warn` or `refuse`.
    #[serde(default)]
    pub secret_protection: String,
    /// Whether it can only be read.
    pub archived: bool,
    /// Since when.
    pub created_at: String,
    /// When its settings or contents last changed.
    pub updated_at: String,
    /// When a ref last moved; null before the first push.
    pub pushed_at: Option<String>,
    /// When it was deleted; only in the list of what was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// Until when a deleted one can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restorable_until: Option<String>,
}

/// The body of `PATCH /api/v1/repos/{owner}/{name}`; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryChanges {
    /// What it is called from now on; its former name leads on for those who may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `private` or `public`; an owner's to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// `owner/name`, to show it to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its page elsewhere, an `https` address; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The branch that is shown first; it must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// What it is about: at most twenty words of a-z, 0-9 and -.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
    /// On which terms it is had, as SPDX names them; empty for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Whether others may fork it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_forks: Option<bool>,
    /// Whether those who train models are asked to leave it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_opt_out: Option<bool>,
    /// Whether it is searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<bool>,
    /// Which commits it takes: `off` for all, `registered` for those signed with a registered key, `members` for those
    /// signed by somebody who may push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_signed_commits: Option<String>,
    /// Whether a ref moves only by an entry that its pusher signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_signed_refs: Option<bool>,
    /// Whether others may begin theirs with its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,
    /// Whether files have to be what their names say: `off`, `warn` or `enforce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_policy: Option<String>,
    /// Whether paths may be there that some file systems take for one: `allow` or `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clashing_paths: Option<String>,
    /// What becomes of keys and tokens that were left in a file: `off`, `warn` or `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_protection: Option<String>,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/restore`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// Another name, where its own was taken meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One page of a list (`spec/conventions.md`, JSON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_refuses_what_it_does_not_know_and_an_answer_does_not() {
        let typo = r#"{"name":"songbook","visiblity":"public"}"#;
        let error = serde_json::from_str::<NewRepository>(typo).unwrap_err().to_string();
        assert!(error.contains("unknown field `visiblity`"), "{error}");
        let page = r#"{"items":[1],"next_cursor":null,"total":1}"#;
        assert_eq!(serde_json::from_str::<Page<u8>>(page).unwrap().items, [1]);
    }

    #[test]
    fn absent_fields_of_a_request_are_left_out() {
        let request = NewRepository { name: "songbook".into(), ..NewRepository::default() };
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"name":"songbook"}"#);
    }
}
