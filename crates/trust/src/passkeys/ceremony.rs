//! What a browser and an authenticator say, read and checked (WebAuthn Level 3 §7.1 and §7.2). Pure.
//!
//! Nobody is asked who made the authenticator: attestation is neither wished for nor looked at.

use ciborium::Value;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::cose::{Algorithm, CoseKey};
use crate::RelyingParty;

/// A challenge, in bytes.
pub(super) const CHALLENGE_BYTES: usize = 32;
/// The longest name of a credential, in bytes (WebAuthn §4).
const MAX_CREDENTIAL_ID: usize = 1023;

/// The flags of authenticator data, by their bit.
mod flag {
    pub(super) const USER_PRESENT: u8 = 1;
    pub(super) const USER_VERIFIED: u8 = 1 << 2;
    pub(super) const HAS_CREDENTIAL: u8 = 1 << 6;
}

/// For what a browser was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A new passkey.
    Create,
    /// A sign-in.
    Get,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// What the browser says of itself. What else it may say one day is not looked at (WebAuthn §5.8.1).
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    is_cross_origin: bool,
}

/// The challenge that the browser met, if it was asked for this by one of our own pages.
pub(super) fn challenge_of(
    client_data: &[u8],
    ceremony: Ceremony,
    party: &RelyingParty,
) -> Option<String> {
    let said: ClientData = serde_json::from_slice(client_data).ok()?;
    let is_ours =
        said.ceremony == ceremony.as_str() && said.origin == party.origin && !said.is_cross_origin;
    is_ours.then_some(said.challenge)
}

/// What an authenticator says, once it is known to speak to us, with its person before it.
pub(super) struct AuthenticatorData<'a> {
    /// How often the passkey has signed; nothing but zeros from those that do not count.
    pub(super) sign_count: u32,
    flags: u8,
    /// What follows the fixed part.
    rest: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads it. Refused for another relying party, and unless the person was there and was asked for a PIN, a finger or
    /// a face.
    pub(super) fn parse(bytes: &'a [u8], party: &RelyingParty) -> Option<Self> {
        let (party_hash, rest) = bytes.split_first_chunk::<32>()?;
        let ([flags], rest) = rest.split_first_chunk::<1>()?;
        let (sign_count, rest) = rest.split_first_chunk::<4>()?;
        let is_ours = *party_hash == <[u8; 32]>::from(Sha256::digest(party.id.as_bytes()));
        let needed = flag::USER_PRESENT | flag::USER_VERIFIED;
        let is_verified = flags & needed == needed;
        let sign_count = u32::from_be_bytes(*sign_count);
        (is_ours && is_verified).then_some(Self { sign_count, flags: *flags, rest })
    }

    /// The credential that was just made: its name and its key.
    fn credential(&self) -> Option<(&'a [u8], &'a [u8])> {
        if self.flags & flag::HAS_CREDENTIAL == 0 {
            return None;
        }
        // Which model it is does not matter to anybody here.
        let (_model, rest) = self.rest.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length)?;
        let mut after = rest;
        let _key: Value = ciborium::from_reader(&mut after).ok()?;
        let key = rest.get(..rest.len() - after.len())?;
        (1..=MAX_CREDENTIAL_ID).contains(&length).then_some((id, key))
    }
}

/// A credential that was just made.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) credential_id: Vec<u8>,
    /// The key, as the authenticator wrote it.
    pub(super) public_key: Vec<u8>,
    pub(super) algorithm: Algorithm,
    pub(super) sign_count: u32,
}

/// Why a credential cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It cannot be read, or is not ours, or nobody was asked for a PIN, a finger or a face.
    Unreadable,
    /// Its key is of a kind that we do not take.
    Key,
}

/// Reads the answer to a wish for a new passkey.
pub(super) fn created(attestation: &[u8], party: &RelyingParty) -> Result<Created, Unfit> {
    let fields: Option<Value> = ciborium::from_reader(attestation).ok();
    let fields = fields.and_then(|it| it.into_map().ok()).ok_or(Unfit::Unreadable)?;
    let said = fields.iter().find(|(name, _)| name.as_text() == Some("authData"));
    let said = said.and_then(|(_, value)| value.as_bytes()).ok_or(Unfit::Unreadable)?;
    let said = AuthenticatorData::parse(said, party).ok_or(Unfit::Unreadable)?;
    let (credential_id, public_key) = said.credential().ok_or(Unfit::Unreadable)?;
    let algorithm = CoseKey::parse(public_key).ok_or(Unfit::Key)?.algorithm();
    Ok(Created {
        credential_id: credential_id.to_vec(),
        public_key: public_key.to_vec(),
        algorithm,
        sign_count: said.sign_count,
    })
}

/// Whether the passkey with this key signed what the browser and the authenticator say (WebAuthn §7.2, steps 19 to 21).
pub(super) fn is_signed(
    public_key: &[u8],
    authenticator_data: &[u8],
    client_data: &[u8],
    signature: &[u8],
) -> bool {
    let message = [authenticator_data, &Sha256::digest(client_data)].concat();
    CoseKey::parse(public_key).is_some_and(|key| key.verify(&message, signature))
}

/// Whether a counter went on. Passkeys that live on several devices count nothing: always zero (WebAuthn §6.1.1).
pub(super) const fn goes_on(before: u32, now: u32) -> bool {
    now > before || (now == 0 && before == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty { id: "forge.example".to_owned(), origin: "https://forge.example".to_owned() }
    }

    fn said(changed: &[(&str, serde_json::Value)]) -> Vec<u8> {
        let mut fields = serde_json::json!({
            "type": "webauthn.get", "challenge": "c", "origin": "https://forge.example", "crossOrigin": false,
        });
        for (name, value) in changed {
            fields[*name] = value.clone();
        }
        fields.to_string().into_bytes()
    }

    #[test]
    fn only_our_own_pages_are_answered() {
        let met = |bytes: &[u8]| challenge_of(bytes, Ceremony::Get, &party());
        assert_eq!(met(&said(&[])), Some("c".to_owned()));
        assert_eq!(met(&said(&[("tokenBinding", serde_json::json!({}))])), Some("c".to_owned()));
        for (name, value) in [
            ("type", serde_json::json!("webauthn.create")),
            ("origin", serde_json::json!("https://evil.example")),
            ("origin", serde_json::json!("https://forge.example:8443")),
            ("crossOrigin", serde_json::json!(true)),
        ] {
            assert_eq!(met(&said(&[(name, value)])), None, "{name}");
        }
        assert_eq!(met(b"{}"), None);
        assert_eq!(met(b"\xff"), None);
    }

    #[test]
    fn an_authenticator_speaks_to_us_with_its_person_before_it() {
        let ours: [u8; 32] = Sha256::digest(b"forge.example").into();
        let data =
            |hash: [u8; 32], flags: u8| [hash.as_slice(), &[flags], &7u32.to_be_bytes()].concat();
        let parsed =
            |bytes: &[u8]| AuthenticatorData::parse(bytes, &party()).map(|it| it.sign_count);
        assert_eq!(parsed(&data(ours, 0b101)), Some(7));
        assert_eq!(parsed(&data(ours, 0b001)), None, "nobody was verified");
        assert_eq!(parsed(&data(ours, 0b100)), None, "nobody was there");
        assert_eq!(parsed(&data([0; 32], 0b101)), None, "of somebody else");
        assert_eq!(parsed(&data(ours, 0b101)[..36]), None);
        assert!(
            AuthenticatorData::parse(&data(ours, 0b101), &party()).unwrap().credential().is_none()
        );
    }

    #[test]
    fn a_counter_goes_on_or_counts_nothing() {
        assert!(goes_on(0, 0) && goes_on(0, 1) && goes_on(7, 8) && goes_on(7, 900));
        assert!(!goes_on(7, 7) && !goes_on(7, 6) && !goes_on(7, 0));
    }
}
