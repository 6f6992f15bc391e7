use keys::{MessageSignatureError, MsignError, PublicKeyError};
use names::UnixMillis;

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
        "this is the last key: register another one first, or there would be no way in any more"
    )]
    LastKey,
    /// An organization would be left without anybody who can run it.
    #[error("this is the last owner: make somebody else owner first")]
    LastAdmin,
    /// The principal has as many tokens as it may.
    #[error("a principal has at most 100 live tokens; revoke one first")]
    TooManyTokens,
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
    /// Only an owner makes owners, and takes that away.
    #[error("only an owner of the organization makes owners, or takes that away")]
    OwnersOnly,
    /// An agent cannot have that role.
    #[error("an agent may be viewer, reviewer or member")]
    NotForAgents,
    /// Something sealed is asked for before the install key was checked.
    #[error("the install key has not been checked yet")]
    Locked,
    /// More than a limit allows, or too many failures in a row.
    #[error(transparent)]
    RateLimited(#[from] Exceeded),
    /// The database let us down.
    #[error("the trust plane cannot read or write its rows")]
    Db(#[from] db::Error),
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
