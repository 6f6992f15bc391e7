//! Registering a key, and who one is (`spec/trust.md` 2).

use api::json::{
    Challenge, ChallengeRequest, ChangeProfile, Confirm, Me, Principal, Verified, VerifyRequest,
    WebLogin,
};
use bytes::Bytes;
use keys::{Fingerprint, Nonce, PrivateKey, RegistrationMessage};
use names::{Handle, Secret};
use reqwest::Method;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Client, ClientError, transport::Call};

/// What came of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Whose key it is.
    pub handle: Handle,
    /// The key.
    pub fingerprint: Fingerprint,
    /// What the server calls it.
    pub label: String,
}

impl Client {
    /// Asks for something to sign.
    pub async fn challenge(&self, request: &ChallengeRequest) -> Result<Challenge, ClientError> {
        self.json(Method::POST, "/api/v1/auth/challenge", Some(request)).await
    }

    /// Says something else of oneself.
    pub async fn change_me(&self, change: &ChangeProfile) -> Result<Principal, ClientError> {
        self.need_credential()?;
        self.json(Method::PATCH, "/api/v1/me", Some(change)).await
    }

    /// Everything that is kept of oneself as a ZIP file, part by part; the histories of one's repositories as well, if
    /// they are asked for.
    pub async fn export_me(
        &self,
        with_histories: bool,
        each: impl FnMut(&[u8]) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let call = Call {
            method: Method::GET,
            target: format!("/api/v1/me/export?bundles={}", u8::from(with_histories)),
            accept: "application/zip",
            content_type: "",
            body: Bytes::new(),
            is_wire: false,
            max_answer_bytes: u64::MAX,
        };
        self.send_streamed(&call, each).await
    }

    /// Leaves for good; `confirm` is one's handle once more.
    pub async fn leave(&self, confirm: &Handle) -> Result<(), ClientError> {
        self.need_credential()?;
        let asked = Confirm { confirm: confirm.to_string() };
        self.order_with(Method::DELETE, "/api/v1/me", &asked).await
    }

    /// Hands in the signature.
    pub async fn verify(&self, request: &VerifyRequest) -> Result<Verified, ClientError> {
        self.json(Method::POST, "/api/v1/auth/verify", Some(request)).await
    }

    /// Registers `key` for `handle`: challenge and verify. What is signed is built here from its parts; if the
    /// server's text differs from it by a byte, nothing is signed.
    ///
    /// A handle that exists takes another key only from a client that has one of its keys, or by an invitation of those
    /// who run the install.
    pub async fn register(
        &self,
        handle: &Handle,
        key: &PrivateKey,
        label: Option<&str>,
        invite: Option<&Secret<String>>,
    ) -> Result<Registered, ClientError> {
        let asked =
            ChallengeRequest { handle: handle.to_string(), public_key: key.public().to_openssh() };
        let challenge = self.challenge(&asked).await?;
        let message = self.check(&challenge, handle, key)?;
        let answer = VerifyRequest {
            challenge_id: challenge.challenge_id,
            signature: key.sign(message.as_bytes()).to_string(),
            label: label.map(str::to_owned),
            invite: invite.map(|code| code.expose().trim().to_owned()),
            tos_version: None,
        };
        let verified = self.verify(&answer).await?;
        let fingerprint = key.fingerprint();
        if verified.principal.handle != handle.as_str()
            || verified.key.fingerprint != fingerprint.to_string()
        {
            return Err(self.unbelievable("it registered another key, or for another handle"));
        }
        Ok(Registered { handle: handle.clone(), fingerprint, label: verified.key.label })
    }

    /// The message to sign, if the server asks for exactly that.
    pub(super) fn check(
        &self,
        challenge: &Challenge,
        handle: &Handle,
        key: &PrivateKey,
    ) -> Result<String, ClientError> {
        let nonce: Nonce = challenge.nonce.parse().map_err(|error: keys::BadNonce| {
            self.unbelievable(&format!("the challenge is malformed: {error}"))
        })?;
        let expires_at = OffsetDateTime::parse(&challenge.expires_at, &Rfc3339)
            .map_err(|_| self.unbelievable("the challenge does not say when it ends"))?;
        let message = RegistrationMessage {
            authority: self.origin().authority(),
            handle,
            fingerprint: key.fingerprint(),
            nonce: &nonce,
            expires_at: expires_at.unix_timestamp(),
        }
        .text();
        if message == challenge.message {
            return Ok(message);
        }
        let reason = format!(
            "it asks for a signature over something else than this registration at {}",
            self.origin().authority()
        );
        Err(self.unbelievable(&reason))
    }

    /// Who this client acts as.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, "/api/v1/me", None).await
    }

    /// Asks for an address that signs a browser in, once.
    pub async fn web_login(&self) -> Result<WebLogin, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, "/api/v1/auth/web-login", None).await
    }

    /// Refuses calls that make no sense to anybody in particular.
    pub(super) fn need_credential(&self) -> Result<(), ClientError> {
        if self.has_credential() {
            return Ok(());
        }
        Err(ClientError::NoKey { origin: self.origin().to_string() })
    }

    pub(super) fn unbelievable(&self, reason: &str) -> ClientError {
        ClientError::Unbelievable { origin: self.origin().to_string(), reason: reason.to_owned() }
    }
}
