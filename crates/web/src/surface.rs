//! The languages of the house.

/// What a route speaks, and so how it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Surface {
    /// JSON below `/api/v1`.
    Api,
    /// What OAuth clients ask: JSON, with refusals in their words (RFC 6749 section 5.2). No credential is taken there.
    Oauth,
    /// HTML.
    Page,
    /// The Muse wire: text, or a problem document for those who send `Motet-Protocol: 2`.
    Wire,
    /// Git over HTTP: text, and 401 wherever a credential could help (`spec/trust.md` 8.2).
    Git,
    /// Health and static files.
    Plain,
}
