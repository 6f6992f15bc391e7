//! JSON of passkeys and of accounts elsewhere (`spec/trust.md` 6). Bytes are base64url without padding.

use serde::{Deserialize, Serialize};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Which.
    pub id: String,
    /// What its person calls it.
    pub label: String,
    /// `EdDSA` or `ES256`.
    pub algorithm: String,
    /// Since when.
    pub created_at: String,
    /// When it last signed its person in.
    pub last_used_at: Option<String>,
}

/// A list of passkeys, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyPage {
    /// The passkeys.
    pub items: Vec<Passkey>,
    /// Always nothing: a person has at most ten.
    pub next_cursor: Option<String>,
}

/// What a browser has to meet to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyChallenge {
    /// 32 random bytes.
    pub challenge: String,
    /// The host name that the passkey is for.
    pub rp_id: String,
    /// Until when.
    pub expires_at: String,
}

/// What a browser needs to make a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRequest {
    /// 32 random bytes.
    pub challenge: String,
    /// The host name that the passkey is for.
    pub rp_id: String,
    /// Until when.
    pub expires_at: String,
    /// Whose it will be, as the authenticator is told.
    pub user_id: String,
    /// What the browser shows of its person.
    pub user_name: String,
    /// The kinds of key that are taken, the best first (IANA, COSE Algorithms).
    pub algorithms: Vec<i64>,
    /// The passkeys that there are already.
    pub exclude: Vec<String>,
}

/// The body of `POST /api/v1/auth/passkeys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// What to call it.
    #[serde(default)]
    pub label: String,
    /// `clientDataJSON`.
    pub client_data: String,
    /// `attestationObject`.
    pub attestation: String,
}

/// The body of `POST /api/v1/auth/passkeys/sign-in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAssertion {
    /// Which passkey: `rawId`.
    pub credential_id: String,
    /// `clientDataJSON`.
    pub client_data: String,
    /// `authenticatorData`.
    pub authenticator_data: String,
    /// The signature over both.
    pub signature: String,
    /// `userHandle`.
    pub user_handle: String,
    /// Where the browser wants to go: a path of this install.
    #[serde(default)]
    pub return_to: String,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// As whom.
    pub handle: String,
    /// Where it goes now: a path of this install.
    pub location: String,
}

/// An account elsewhere that signs somebody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The address of the provider.
    pub provider: String,
    /// Its own name for the account.
    pub subject: String,
    /// Since when.
    pub linked_at: String,
    /// When it last signed its person in.
    pub last_used_at: Option<String>,
}

/// A list of accounts elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityPage {
    /// The accounts.
    pub items: Vec<Identity>,
    /// Always nothing: a person has one with each provider.
    pub next_cursor: Option<String>,
}

/// The session of a browser, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// Which.
    pub id: String,
    /// Since when.
    pub created_at: String,
    /// When it was last used, to five minutes.
    pub last_seen_at: String,
    /// When it ends at the latest.
    pub ends_at: String,
    /// Where it was opened from.
    pub ip: String,
    /// What opened it, in its own words.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A list of sessions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSessionPage {
    /// The sessions that are live.
    pub items: Vec<BrowserSession>,
    /// Always nothing: a person has at most thirty.
    pub next_cursor: Option<String>,
}
