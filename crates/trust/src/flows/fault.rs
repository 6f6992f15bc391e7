//! Why an application gets nothing, in the words that applications know.

/// A refusal of a flow: RFC 6749 section 5.2, RFC 8628 section 3.5, RFC 7591 section 3.2.2, RFC 8707 section 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowFault {
    /// Something is missing, stands twice, or cannot be.
    #[error("{0}")]
    Request(String),
    /// Nobody registered an application of that name.
    #[error(
        "the application is not known here; register it, or give the address of its metadata document as client_id"
    )]
    Client,
    /// A code or a refresh token that is unknown, used, ended, or another application's: one answer.
    #[error(
        "the code or token is unknown, used, ended, or not for this application; ask the person again"
    )]
    Grant,
    /// A scope that cannot be had.
    #[error("{0}")]
    Scope(String),
    /// Another surface than the one that applications get.
    #[error("resource must be {0}")]
    Target(String),
    /// A redirect address that is not taken.
    #[error("{0}")]
    RedirectUri(String),
    /// A registration or a metadata document that is not taken.
    #[error("{0}")]
    Metadata(String),
    /// Another grant.
    #[error(
        "use authorization_code, refresh_token or urn:ietf:params:oauth:grant-type:device_code as grant_type"
    )]
    GrantType,
    /// Another response.
    #[error("use code as response_type")]
    ResponseType,
    /// Nobody has decided yet.
    #[error("nobody has agreed yet; ask again after the interval")]
    Pending,
    /// Asked again too soon.
    #[error("asked too soon; wait five seconds longer between two questions from now on")]
    SlowDown,
    /// Too late, or never.
    #[error("the code has ended, was used, or never was; begin again")]
    Expired,
    /// The person said no.
    #[error("the person said no")]
    Denied,
    /// What a person typed is no code that waits.
    #[error(
        "this code is unknown, used or has ended; look at it again, or begin again on the other device"
    )]
    UserCode,
    /// Too many wait.
    #[error("too many wait for somebody to agree; try again in a few minutes")]
    Full,
}

impl FlowFault {
    /// The word by which programs know it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Client => "invalid_client",
            Self::Grant => "invalid_grant",
            Self::Scope(_) => "invalid_scope",
            Self::Target(_) => "invalid_target",
            Self::RedirectUri(_) => "invalid_redirect_uri",
            Self::Metadata(_) => "invalid_client_metadata",
            Self::GrantType => "unsupported_grant_type",
            Self::ResponseType => "unsupported_response_type",
            Self::Pending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::Expired => "expired_token",
            Self::Denied => "access_denied",
            Self::UserCode => "user_code_failed",
            Self::Full => "temporarily_unavailable",
        }
    }
}
