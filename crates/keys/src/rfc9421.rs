//! HTTP Message Signatures (RFC 9421) as far as Motet takes them: the twin of `MSign` (`spec/trust.md` 3.3).
//!
//! [`MessageSignature::find`] reads `Signature-Input` and `Signature`, [`MessageSignature::base`] writes what was signed.
//! Both are dictionaries of structured fields (RFC 8941); `rfc9421/fields.rs` reads those. Whether the key is known, the
//! moment within the window and the nonce fresh is not asked here.

mod base;
mod fields;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use base::Message;
use fields::{Item, Member};

use crate::{Credentials, Fingerprint, Nonce, PrivateKey, PublicKey, Signature};

/// The longest of the two headers, in bytes: a usual one has 300.
const MAX_BYTES: usize = 4096;
/// Components of one signature. RFC 9421 names eight, the rest are headers.
const MAX_COMPONENTS: usize = 64;
/// By which a label is ours.
const TAG: &str = "motet";
/// The one algorithm.
const ALGORITHM: &str = "ed25519";

/// Why the two headers are no signature that Motet takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageSignatureError {
    /// More than 4,096 bytes.
    #[error("Signature-Input and Signature have at most {MAX_BYTES} bytes each")]
    TooLong,
    /// Not what RFC 9421 writes.
    #[error("Signature-Input or Signature cannot be read as a dictionary of RFC 8941")]
    Form,
    /// Two labels are ours.
    #[error("two signatures have the tag \"motet\"; send one")]
    Two,
    /// A parameter that is needed.
    #[error("the signature parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter that is not what it should be.
    #[error("the signature parameter `{0}` is not what it should be")]
    Parameter(&'static str),
    /// The label has no signature of 64 bytes.
    #[error("`Signature` has no Ed25519 signature under the label of `Signature-Input`")]
    Signature,
    /// A component that has to be covered.
    #[error("the signature does not cover `{0}`")]
    NotCovered(&'static str),
    /// A component that is covered, and cannot be.
    #[error(
        "the component `{0}` is not in the request, stands twice, or is of a kind that is not taken"
    )]
    Component(String),
    /// A component with a flag such as `;req`.
    #[error("the component `{0}` has a parameter, and none is taken")]
    Flag(String),
}

/// What the two headers say; well formed, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSignature {
    components: Vec<String>,
    /// The value of `@signature-params`, as the signer wrote it down to sign.
    params: String,
    expires: Option<i64>,
    credentials: Credentials,
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// The value of `Signature-Input`.
    pub input: String,
    /// The value of `Signature`.
    pub signature: String,
}

/// The parameters that are known; others are covered and mean nothing here.
#[derive(Default)]
struct Params<'a> {
    created: Option<&'a Item>,
    expires: Option<&'a Item>,
    nonce: Option<&'a Item>,
    keyid: Option<&'a Item>,
    alg: Option<&'a Item>,
}

impl MessageSignature {
    /// Finds the one signature with our tag. Several lines of a header are joined by a comma before (RFC 9110 §5.3).
    /// Nothing, if all signatures have other tags.
    pub fn find(input: &str, signature: &str) -> Result<Option<Self>, MessageSignatureError> {
        use MessageSignatureError as E;
        if input.len() > MAX_BYTES || signature.len() > MAX_BYTES {
            return Err(E::TooLong);
        }
        let inputs = fields::dictionary(input).ok_or(E::Form)?;
        let signatures = fields::dictionary(signature).ok_or(E::Form)?;
        let mut has_foreign = false;
        let mut ours = Vec::new();
        for (label, member) in &inputs {
            let Member::List { items, params } = member else { return Err(E::Form) };
            match params.iter().find(|(name, _)| name == "tag") {
                Some((_, Item::Text(tag))) if tag == TAG => ours.push((label, items, params)),
                Some(_) => has_foreign = true,
                None => {}
            }
        }
        let (label, items, params) = match ours.as_slice() {
            [one] => *one,
            // Somebody on the way may have signed for somebody else; a signature for nobody is a faulty one for us.
            [] if has_foreign => return Ok(None),
            [] => return Err(E::Missing("tag")),
            [..] => return Err(E::Two),
        };
        let signed = signatures.iter().find(|(name, _)| name == label);
        let signature = match signed {
            Some((_, Member::Item(Item::Bytes(bytes)))) => {
                Signature::from_bytes(bytes.as_slice().try_into().map_err(|_| E::Signature)?)
            }
            Some(_) | None => return Err(E::Signature),
        };
        Self::read(items, params, signature).map(Some)
    }

    fn read(
        items: &[(Item, fields::Params)],
        params: &fields::Params,
        signature: Signature,
    ) -> Result<Self, MessageSignatureError> {
        use MessageSignatureError as E;
        let mut components: Vec<String> = Vec::new();
        for (item, flags) in items {
            let Item::Text(name) = item else { return Err(E::Form) };
            if !flags.is_empty() {
                return Err(E::Flag(name.clone()));
            }
            if components.contains(name) || components.len() >= MAX_COMPONENTS {
                return Err(E::Component(name.clone()));
            }
            components.push(name.clone());
        }
        let known = Params::of(params);
        if known.alg.is_some_and(|alg| !matches!(alg, Item::Text(it) if it == ALGORITHM)) {
            return Err(E::Parameter("alg"));
        }
        let moment = |item: &Item, name| match item {
            Item::Whole(seconds) => Ok(*seconds),
            _ => Err(E::Parameter(name)),
        };
        let created = moment(known.created.ok_or(E::Missing("created"))?, "created")?;
        let expires = known.expires.map(|item| moment(item, "expires")).transpose()?;
        let nonce: Nonce = text(known.nonce, "nonce")?;
        let key: Fingerprint = text(known.keyid, "keyid")?;
        let list: Vec<_> = items.iter().map(|(item, _)| item.to_text()).collect();
        let params = format!("({}){}", list.join(" "), fields::params_text(params));
        let credentials = Credentials::new(key, created, nonce, signature);
        Ok(Self { components, params, expires, credentials })
    }

    /// Key, moment, nonce and signature, as an `MSign` header would name them.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Until when the signer wants it to be good, in Unix seconds.
    pub const fn expires(&self) -> Option<i64> {
        self.expires
    }

    /// Whether all is covered that makes the request what it is.
    pub fn check_covered(
        &self,
        has_body: bool,
        has_encoding: bool,
    ) -> Result<(), MessageSignatureError> {
        let covers = |name: &str| self.components.iter().any(|it| it == name);
        let target: &[&'static str] =
            if covers("@target-uri") { &[] } else { &["@authority", "@path", "@query"] };
        let body: &[&'static str] =
            if has_body { &["content-digest", "content-type"] } else { &[] };
        let encoding: &[&'static str] = if has_encoding { &["content-encoding"] } else { &[] };
        let mut needed = ["@method"].iter().chain(target).chain(body).chain(encoding);
        match needed.find(|name| !covers(name)) {
            Some(missing) => Err(MessageSignatureError::NotCovered(missing)),
            None => Ok(()),
        }
    }

    /// The bytes that were signed, if all that is covered is there.
    pub fn base(&self, message: &Message<'_>) -> Result<Vec<u8>, MessageSignatureError> {
        base::write(&self.components, &self.params, message)
    }

    /// Whether `key` signed `base`.
    pub fn verify(&self, key: &PublicKey, base: &[u8]) -> bool {
        key.verify(base, self.credentials.sig())
    }
}

/// Signs `message`: what to send in `Signature-Input` and `Signature`.
pub fn sign_message(
    key: &PrivateKey,
    message: &Message<'_>,
    components: &[&str],
    created: i64,
    nonce: &Nonce,
) -> Result<SignedMessage, MessageSignatureError> {
    let components: Vec<String> = components.iter().map(|it| (*it).to_owned()).collect();
    let list: Vec<_> = components.iter().map(|it| Item::Text(it.clone()).to_text()).collect();
    let keyid = key.fingerprint();
    let params = format!(
        "({});created={created};nonce=\"{nonce}\";keyid=\"{keyid}\";alg=\"{ALGORITHM}\";tag=\"{TAG}\"",
        list.join(" ")
    );
    let signature = key.sign(&base::write(&components, &params, message)?);
    Ok(SignedMessage {
        input: format!("sig1={params}"),
        signature: format!("sig1=:{}:", STANDARD.encode(signature.as_bytes())),
    })
}

fn text<T: std::str::FromStr>(
    item: Option<&Item>,
    name: &'static str,
) -> Result<T, MessageSignatureError> {
    match item.ok_or(MessageSignatureError::Missing(name))? {
        Item::Text(text) => text.parse().map_err(|_| MessageSignatureError::Parameter(name)),
        _ => Err(MessageSignatureError::Parameter(name)),
    }
}

impl<'a> Params<'a> {
    fn of(params: &'a fields::Params) -> Self {
        let mut known = Self::default();
        for (name, item) in params {
            let slot = match name.as_str() {
                "created" => &mut known.created,
                "expires" => &mut known.expires,
                "nonce" => &mut known.nonce,
                "keyid" => &mut known.keyid,
                "alg" => &mut known.alg,
                _ => continue,
            };
            *slot = Some(item);
        }
        known
    }
}
