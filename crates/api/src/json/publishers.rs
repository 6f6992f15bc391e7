//! JSON of publishers, their tokens and their secrets (`spec/trust.md` 5).

use serde::{Deserialize, Serialize};

use super::{MintedToken, Token};

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// The organization, for good.
    pub id: String,
    /// Its name, for good as well.
    pub handle: String,
    /// What it calls itself.
    pub display_name: String,
    /// Since when the organization is there.
    pub created_at: String,
    /// The tokens that act as it; nothing for those who do not manage it.
    pub tokens: Option<Vec<Token>>,
    /// Its secrets, without their values; nothing for those who do not manage it.
    pub secrets: Option<Vec<PublisherSecret>>,
}

/// The body of `POST /api/v1/publishers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPublisher {
    /// The handle to take.
    pub handle: String,
    /// What it calls itself; the handle unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A publisher that was just made. This answer alone shows the token and the secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundedPublisher {
    /// The publisher.
    pub publisher: Publisher,
    /// A token that runs it.
    pub admin_token: MintedToken,
    /// What its deliveries are signed with.
    pub webhook_signing: MadeSecret,
    /// What its subcommands are called with.
    pub subcommand_bearer: MadeSecret,
}

/// The body of `PATCH /api/v1/publishers/{publisher}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePublisher {
    /// What it calls itself from now on.
    pub display_name: String,
}

/// The body of `POST /api/v1/publishers/{publisher}/tokens/{kind}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPublisherToken {
    /// What to call it.
    #[serde(default)]
    pub label: String,
    /// The only pipelines that a runner may run; all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipelines: Vec<String>,
}

/// The body of `POST /api/v1/publishers/{publisher}/tokens/{kind}/rotate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotatePublisherToken {
    /// Which one, if there are several of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// How long the old token works on; a day unless given, at most seven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u64>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherSecret {
    /// Which.
    pub id: String,
    /// `webhook_signing` or `subcommand_bearer`.
    pub kind: String,
    /// Its last four characters.
    pub last4: String,
    /// When it is first used.
    pub activate_at: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends, if it was rotated.
    pub expires_at: Option<String>,
}

/// The body of `POST /api/v1/publishers/{publisher}/secrets/{kind}` and of `.../rotate`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPublisherSecret {
    /// The value, if it is brought along; made unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How long it waits until it is used; at once unless given, at most seven days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate_in_seconds: Option<u64>,
    /// How long the old one is good after that; a day unless given, at most seven. Only where there is an old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u64>,
}

/// A secret that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeSecret {
    /// The value, if it was made here: no other answer shows it.
    pub value: Option<String>,
    /// Whether an earlier answer showed it: then it is not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
    /// What is known of it from now on.
    pub secret: PublisherSecret,
}

/// A token that makes a publisher. This answer alone shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapToken {
    /// The whole, to be sent as `Authorization: Bearer`.
    pub value: Option<String>,
    /// Whether an earlier answer showed it: then it is not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
    /// When it ends, used or not.
    pub expires_at: String,
}
