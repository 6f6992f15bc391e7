use keys::{MessageSignatureError, MsignError, PublicKeyError};
use names::{Handle, UnixMillis};

use crate::Exceeded;

/// Why somebody is not believed, or the plane cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `Authorization` header is not MSign as the grammar says.
    #[error("the MSign header cannot be read: {0}")]
    SignatureMalformed(#[from] MsignError),
    /// The headers of RFC 9421 are not as they should be.
    #[error("the message signature cannot be taken: {0}")]
    MessageSignature(#[from] MessageSignatureError),
    /// More than one credential in one request, or a request target that cannot be signed.
    #[error("{0}")]
    Malformed(&'static str),
    /// The request names another install.
    #[error("this install does not answer to that host name; use its own address")]
    Misdirected,
    /// The time of the signature is more than 30 s off.
    #[error("the signature's time is more than 30 seconds away from the server's")]
    ClockSkew {
        /// What time it is here.
        server_time: UnixMillis,
    },
    /// A signed body without its digest.
    #[error("a signed request with a body needs exactly one sha-256 member in Content-Digest")]
    DigestRequired,
    /// The body is not the one that was signed.
    #[error("the body does not have the digest that was signed")]
    DigestMismatch,
    /// A signed body with a content encoding.
    #[error("a signed body is sent without Content-Encoding")]
    EncodedBody,
    /// Unknown, revoked, suspended or wrong: one answer.
    #[error("the credential is not accepted")]
    Unauthenticated,
    /// A bearer where none is taken.
    #[error("a bearer token is not taken here; sign the request with a registered key")]
    BearerRefused,
    /// The nonce was used.
    #[error("this signed request was already made; sign it anew")]
    Replayed,
    /// One key made too many requests within the window.
    #[error("too many signed requests with one key; wait a few seconds")]
    TooManyNonces,
    /// The store of nonces is full.
    #[error("the server takes no more signed requests at this moment; try again in a few seconds")]
    NonceStoreFull,
    /// Wrong, used, expired or unknown: one answer.
    #[error(
        "the challenge was not met: it is unknown, used, expired or signed wrongly; ask for a new one"
    )]
    ChallengeFailed,
    /// Too many challenges wait.
    #[error("too many registrations are under way; try again in a minute")]
    ChallengesFull,
    /// The key cannot be registered.
    #[error("{0}")]
    UnsupportedKey(#[from] PublicKeyError),
    /// The fingerprint belongs to somebody, live or revoked.
    #[error("this key is registered already")]
    KeyTaken,
    /// The handle belongs to somebody, and the request was not signed by them.
    #[error("the handle is taken; to add a key to it, sign the request with one of its keys")]
    HandleTaken,
    /// Nobody may register.
    #[error("registration is closed on this install")]
    RegistrationClosed,
    /// Only the invited may register.
    #[error("registration needs an invitation on this install")]
    InviteRequired,
    /// The client showed older terms.
    #[error("the terms have changed; show the present version and send it")]
    TermsChanged,
    /// The principal has as many keys as it may.
    #[error("a principal has at most 20 live keys; revoke one first")]
    TooManyKeys,
    /// The label is too long.
    #[error("a label has at most 100 characters")]
    LabelTooLong,
    /// The session has ended, or never was.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// The address that signs in is unknown, used or ended: one answer.
    #[error("this address has been used, or its minute is over; run `motet login --web` again")]
    LoginEnded,
    /// A token over a line that others can read.
    #[error("a token is taken over https only; over this line anybody can read it")]
    HttpsRequired,
    /// There is nothing of that name among what the caller may change.
    #[error("there is nothing of that name, or not for you")]
    NoSuchThing,
    /// A person would be left without a way in.
    #[error(
        "this is the last way in: add another key, a passkey or a linked login first, or there would be none any more"
    )]
    LastKey,
    /// Whoever wants to leave is the only owner of organizations.
    #[error("you are the only owner of {}: make somebody else owner there, or delete them first", listed(.0))]
    SoleOwner(Vec<Handle>),
    /// Unknown, used, expired, of somebody else or wrong: one answer.
    #[error(
        "the passkey was not accepted: it is not known here, or its challenge was used or has ended; try again"
    )]
    PasskeyFailed,
    /// Somebody has the passkey already.
    #[error("this passkey is registered already")]
    PasskeyTaken,
    /// The person has as many passkeys as one may.
    #[error("a person has at most 10 passkeys; remove one first")]
    TooManyPasskeys,
    /// The install is reached by a bare address, for which browsers make no passkeys.
    #[error(
        "passkeys need a host name: this install is reached by an address alone, and browsers make none for that"
    )]
    NoPasskeys,
    /// A signature where a browser is needed.
    #[error("this is done in a browser that signed in within the last ten minutes")]
    NeedsBrowser,
    /// The way to an account elsewhere and back was not the one that began here.
    #[error("the sign-in elsewhere did not come off; begin again from the sign-in page")]
    ElsewhereFailed,
    /// The provider does not answer, or not as it should.
    #[error("the provider does not answer as it should; try again later")]
    ElsewhereDown(#[source] crate::identities::ProviderFault),
    /// The account elsewhere is nobody's here.
    #[error(
        "no account here is linked with that one: sign in with your key or passkey, and link it in the settings"
    )]
    NotLinked,
    /// The account elsewhere signs somebody else in, or another one of the same provider is linked already.
    #[error(
        "that account signs somebody in already, or yours has another one of that provider; unlink it first"
    )]
    IdentityTaken,
    /// An organization would be left without anybody who can run it.
    #[error(
        "nobody could run the organization any more: make somebody else owner, or another admin token, first"
    )]
    LastAdmin,
    /// The principal has as many tokens as it may.
    #[error("a principal has at most 100 live tokens; revoke one first")]
    TooManyTokens,
    /// Git has as many tokens of the principal as it may have at a time.
    #[error("git has 1,000 live tokens of yours; each ends within a quarter of an hour")]
    TooManyGitTokens,
    /// The publisher has a secret of that kind.
    #[error("there is a secret of this kind already: rotate it")]
    SecretExists,
    /// The publisher has no secret of that kind whose time has come.
    #[error(
        "the publisher has no active secret of this kind; make one, or wait until it is active"
    )]
    NoActiveSecret,
    /// A local server has nobody to sign in.
    #[error("there is nobody here to sign in: start the server again, and it makes its one person")]
    NobodyHere,
    /// The owner has as many agents as it may.
    #[error("an owner has at most 50 live agents; disable one first")]
    TooManyAgents,
    /// A person owns as many organizations as one may.
    #[error("a person owns at most 50 organizations")]
    TooManyOrganizations,
    /// The repository has as many collaborators as it may.
    #[error("a repository has at most 1,000 collaborators")]
    TooManyCollaborators,
    /// Too many invitations wait.
    #[error("500 invitations wait to be used; wait until some of them are used or have ended")]
    TooManyInvites,
    /// The token cannot be made so.
    #[error(transparent)]
    Token(#[from] crate::tokens::TokenFault),
    /// An application gets nothing.
    #[error(transparent)]
    Flow(#[from] crate::flows::FlowFault),
    /// A value that cannot be, at a place in the request's body.
    #[error("{message}")]
    Invalid {
        /// Where, as a JSON pointer.
        pointer: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The invitation is unknown, used or ended: one answer.
    #[error("the invitation is unknown, used or ended; ask for a new one")]
    InviteFailed,
    /// The operator is no person: what is looked at is looked at by somebody.
    #[error("a person does this, with a name that others can read: ask an install admin")]
    NotAPerson,
    /// Only an owner makes owners, and takes that away.
    #[error("only an owner of the organization makes owners, or takes that away")]
    OwnersOnly,
    /// An agent cannot have that role.
    #[error("an agent may be viewer, reviewer or member")]
    NotForAgents,
    /// The key of a request that was another one.
    #[error(
        "this Idempotency-Key was sent with another request within the last 24 hours; send a new key with a new request"
    )]
    OtherRequest,
    /// The first request took effect, and what it was answered is not known: it is under way still, was cut off, or
    /// showed what nobody keeps.
    #[error(
        "a request with this Idempotency-Key has taken effect, and its answer is not there to be repeated; ask again in \
         a moment, or look at what it made"
    )]
    AnswerNotKept,
    /// The principal has sent as many keys as are remembered.
    #[error(
        "10,000 requests with an Idempotency-Key are remembered for you; they are forgotten after 24 hours: go on without \
         the header until then"
    )]
    TooManyRemembered,
    /// Something sealed is asked for before the install key was checked.
    #[error("the install key has not been checked yet")]
    Locked,
    /// The authority says no: what was allowed when the request began may have been taken away since.
    #[error("this is not allowed, or not any more")]
    Refused(crate::Refusal),
    /// More than a limit allows, or too many failures in a row.
    #[error(transparent)]
    RateLimited(#[from] Exceeded),
    /// The database let us down.
    #[error("the trust plane cannot read or write its rows")]
    Db(#[from] db::Error),
}

fn listed(handles: &[Handle]) -> String {
    handles.iter().map(Handle::as_str).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// The database's own failure, if that is what it is.
    pub fn into_db(self) -> Option<db::Error> {
        match self {
            Self::Db(error) => Some(error),
            _ => None,
        }
    }
}
