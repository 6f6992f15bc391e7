//! JSON of keys, tokens, agents, organizations and invitations (`spec/trust.md` 1, 2, 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Key;

/// A list of keys, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPage {
    /// The keys.
    pub items: Vec<Key>,
    /// Always nothing: a principal has few keys.
    pub next_cursor: Option<String>,
}

/// A live public key, as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// `SHA256:` and 43 characters, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The OpenSSH line, without a comment.
    pub public_key: String,
    /// Since when it is registered.
    pub created_at: String,
}

/// The live public keys of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeyPage {
    /// The keys, oldest first.
    pub items: Vec<PublicKey>,
    /// Always nothing: a principal has few keys.
    pub next_cursor: Option<String>,
}

/// A key with which the instance signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerKey {
    /// `SHA256:` and 43 characters, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// `server` for commits, tags, merges and the ref log; `provenance` for builds; `audit` for the audit log.
    pub purpose: String,
    /// The OpenSSH line, without a comment.
    pub public_key: String,
    /// `active`, `retiring` or `retired`.
    pub status: String,
    /// Since when it is there.
    pub created_at: String,
    /// When another took its place.
    pub retired_at: Option<String>,
}

/// The keys with which the instance signs and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerKeyPage {
    /// By purpose, oldest first.
    pub items: Vec<ServerKey>,
    /// Always nothing: there are few.
    pub next_cursor: Option<String>,
}

/// A bearer token, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Which.
    pub id: String,
    /// `personal`, `agent` or `git`; `refresh` for what renews the `agent` token of an application.
    pub kind: String,
    /// Its last eight characters.
    pub last8: String,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scope: Value,
    /// Since when.
    pub created_at: String,
    /// Until when.
    pub expires_at: Option<String>,
    /// When it was last used, to five minutes.
    pub last_used_at: Option<String>,
}

/// A list of tokens, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPage {
    /// The tokens.
    pub items: Vec<Token>,
    /// Always nothing: a principal has at most a hundred.
    pub next_cursor: Option<String>,
}

/// The body of `POST /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// `personal`, `agent` or `git`; what the principal is, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What to call it.
    #[serde(default)]
    pub label: String,
    /// What it may be used for: `planes`, `repositories`, `verbs`.
    pub scope: Value,
    /// How long it lives, in days; 90 unless given, at most 366.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

/// The body of `POST /api/v1/tokens/{id}/rotate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateToken {
    /// How long the old token works on; a day unless given, at most seven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u64>,
}

/// A token that was just made. This answer alone shows the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MintedToken {
    /// The whole, to be sent as `Authorization: Bearer`.
    pub value: Option<String>,
    /// Whether an earlier answer showed it: then it is not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
    /// What is known of it from now on.
    pub token: Token,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/git-tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGitToken {
    /// `read` or `write`.
    pub access: String,
}

/// What plain Git signs in with. This answer alone shows the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitToken {
    /// Whose it is: the name that Git shows.
    pub handle: String,
    /// The password that Git shows.
    pub token: Option<String>,
    /// Whether an earlier answer showed it: then it is not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
    /// `owner/name` of the one repository that it is for.
    pub repository: String,
    /// `read` or `write`.
    pub access: String,
    /// Until when.
    pub expires_at: String,
}

/// An agent, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Which, for good.
    pub id: String,
    /// Its name, for good as well.
    pub handle: String,
    /// What it runs on.
    pub model: String,
    /// What it says that it can do.
    pub capabilities: Vec<String>,
    /// What bounds its keys and its tokens.
    pub scope: Value,
    /// Since when.
    pub created_at: String,
    /// Since when it is stopped.
    pub disabled_at: Option<String>,
}

/// A list of agents, by handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPage {
    /// The agents.
    pub items: Vec<Agent>,
    /// Always nothing: an owner has few agents.
    pub next_cursor: Option<String>,
}

/// The body of `POST /api/v1/agents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// The handle to take.
    pub handle: String,
    /// What it runs on.
    #[serde(default)]
    pub model: String,
    /// What it says that it can do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What bounds it; reading what is public unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Value>,
}

/// The body of `PATCH /api/v1/agents/{handle}`. What is absent stays; what is empty is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeAgent {
    /// What bounds it from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Value>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it says that it can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// Its page elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
    /// Its picture: PNG or JPEG of at most 1 MiB, in base64; nothing takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// The body of `POST /api/v1/orgs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// The handle to take.
    pub handle: String,
    /// What it is called.
    #[serde(default)]
    pub display_name: String,
}

/// The body of `PATCH /api/v1/orgs/{handle}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganization {
    /// What members may do with its repositories: `none`, `read` or `write`.
    pub base_level: Option<String>,
    /// What it wants to be called.
    pub display_name: Option<String>,
    /// A few sentences.
    pub bio: Option<String>,
    /// Its page elsewhere.
    pub website_url: Option<String>,
    /// Its picture: PNG or JPEG of at most 1 MiB, in base64; nothing takes it back.
    pub avatar: Option<String>,
}

/// The body of `PATCH /api/v1/me`. What is absent stays; what is empty is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// What one wants to be called.
    pub display_name: Option<String>,
    /// A few sentences.
    pub bio: Option<String>,
    /// One's page elsewhere.
    pub website_url: Option<String>,
    /// Where to write to; nobody else sees it.
    pub email: Option<String>,
    /// One's picture: PNG or JPEG of at most 1 MiB, in base64; nothing takes it back.
    pub avatar: Option<String>,
}

/// The body of `DELETE /api/v1/me` and `DELETE /api/v1/orgs/{handle}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The handle, once more.
    pub confirm: String,
}

/// Somebody's place in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// In which.
    pub organization: String,
    /// Who.
    pub member: String,
    /// `person` or `agent`.
    pub kind: String,
    /// `viewer`, `reviewer`, `member`, `admin` or `owner`.
    pub role: String,
    /// Since when.
    pub created_at: String,
}

/// A list of members, by handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipPage {
    /// The members.
    pub items: Vec<Membership>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// The body of routes that give a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// `viewer`, `reviewer`, `member`, `admin` or `owner`.
    pub role: String,
}

/// An invitation that was just made. This answer alone shows the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The code, good once.
    pub code: Option<String>,
    /// Whether an earlier answer showed it: then it is not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
    /// Until when.
    pub expires_at: String,
}

/// The body of `POST /api/v1/invites/accept`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvite {
    /// The code.
    pub code: String,
}

/// Somebody who was given a level on a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collaborator {
    /// Who.
    pub handle: String,
    /// `person` or `agent`.
    pub kind: String,
    /// `read`, `triage`, `write` or `admin`.
    pub level: String,
    /// Since when.
    pub created_at: String,
}

/// A list of collaborators, by handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollaboratorPage {
    /// The collaborators.
    pub items: Vec<Collaborator>,
    /// Always nothing: a repository has at most a thousand.
    pub next_cursor: Option<String>,
}

/// The body of `PUT /api/v1/repos/{owner}/{name}/collaborators/{handle}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelRequest {
    /// `read`, `triage`, `write` or `admin`.
    pub level: String,
}

/// An address that signs a browser in, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebLogin {
    /// The address, to be opened in a browser.
    pub url: String,
    /// Until when it works.
    pub expires_at: String,
}

/// Why somebody is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// In words, 1 to 500 characters.
    pub reason: String,
}

/// Why a private repository is looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// In words that its owner reads, 1 to 500 characters.
    pub reason: String,
}

/// A look into a private repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGlass {
    /// Which.
    pub id: String,
    /// `owner/name`.
    pub repository: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub ends_at: String,
}

/// The body of `POST /api/v1/local-init`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalInit {
    /// What the proof is to be made over; anew for each request.
    pub client_nonce: String,
}

/// What a local server gives to a program on its machine, with a session in a cookie. This answer alone shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalCredentials {
    /// The one person there.
    pub handle: String,
    /// A token for what the program does as a device of that person.
    pub device_token: String,
    /// When the token ends.
    pub expires_at: String,
    /// What requests that the cookie signs carry as `X-Motet-Csrf`.
    pub csrf: String,
    /// The operator's signature over `motet-local-v1`, LF and the nonce.
    pub proof: String,
}
