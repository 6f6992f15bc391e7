//! The `MSign` header: `Authorization: MSign key="…", ts="…", nonce="…", sig="…"` (`spec/trust.md` 3.1).
//!
//! One grammar, read by one small scanner that takes nothing else. Whether the key is known, the moment
//! within the window and the nonce fresh is not asked here.

use crate::{Fingerprint, Nonce, Signature};

/// The longest header value, in bytes: a usual one has 230.
const MAX_BYTES: usize = 512;
const SCHEME: &str = "MSign";
/// What `ts` can say: ten digits.
const TS_RANGE: (i64, i64) = (0, 9_999_999_999);
const TS_DIGITS: usize = 10;

/// Why a value is not `MSign` credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsignError {
    /// More than 512 bytes.
    #[error("an MSign header has at most {MAX_BYTES} bytes")]
    TooLong,
    /// Another scheme.
    #[error("the scheme is not MSign")]
    Scheme,
    /// The parameters do not follow the grammar.
    #[error("MSign parameters are written name=\"value\", separated by commas, without escapes")]
    Form,
    /// A name that is none of the four.
    #[error("MSign has the parameters key, ts, nonce and sig and no others")]
    Unknown,
    /// A name that stands twice.
    #[error("the MSign parameter `{0}` stands twice")]
    Doubled(&'static str),
    /// A name that is missing.
    #[error("the MSign parameter `{0}` is missing")]
    Missing(&'static str),
    /// The key is no fingerprint.
    #[error("`key` is not a fingerprint: SHA256: and 43 characters")]
    Key,
    /// The moment is not ten digits.
    #[error("`ts` is not a Unix time of ten digits")]
    Ts,
    /// The nonce has another form.
    #[error("`nonce` is not 22 to 64 base64url characters")]
    Nonce,
    /// The signature has another form.
    #[error("`sig` is not 86 characters of canonical unpadded base64url")]
    Sig,
}

impl MsignError {
    /// The stable code of every such refusal (`spec/trust.md` 3.2, Order).
    pub const CODE: &'static str = "signature_malformed";
}

/// What an `MSign` header says; well formed, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    key: Fingerprint,
    ts: i64,
    nonce: Nonce,
    sig: Signature,
}

/// Whether an `Authorization` value names the scheme `MSign`, well formed or not.
pub fn is_msign(value: &str) -> bool {
    value.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The moment as the header and the canonical string write it. Moments that ten digits cannot say become the
/// nearest that they can, which no window accepts.
pub(crate) fn ts_text(ts: i64) -> String {
    format!("{:010}", ts.clamp(TS_RANGE.0, TS_RANGE.1))
}

impl Credentials {
    pub(crate) fn new(key: Fingerprint, ts: i64, nonce: Nonce, sig: Signature) -> Self {
        Self { key, ts: ts.clamp(TS_RANGE.0, TS_RANGE.1), nonce, sig }
    }

    /// Reads an `Authorization` value.
    pub fn parse(value: &str) -> Result<Self, MsignError> {
        if value.len() > MAX_BYTES {
            return Err(MsignError::TooLong);
        }
        if !is_msign(value) {
            return Err(MsignError::Scheme);
        }
        let params = value.get(SCHEME.len()..).unwrap_or_default();
        let mut rest = params.trim_start_matches(' ');
        if rest.len() == params.len() {
            return Err(MsignError::Form);
        }
        let mut seen = Params::default();
        loop {
            rest = seen.take(rest)?;
            if rest.is_empty() {
                return seen.finish();
            }
            let comma = rest.trim_start_matches([' ', '\t']).strip_prefix(',');
            rest = comma.ok_or(MsignError::Form)?.trim_start_matches([' ', '\t']);
        }
    }

    /// The `Authorization` value.
    pub fn to_header(&self) -> String {
        let Self { key, ts, nonce, sig } = self;
        format!("{SCHEME} key=\"{key}\", ts=\"{}\", nonce=\"{nonce}\", sig=\"{sig}\"", ts_text(*ts))
    }

    /// The fingerprint of the key that is said to have signed.
    pub const fn key(&self) -> Fingerprint {
        self.key
    }

    /// When it was signed, in Unix seconds.
    pub const fn ts(&self) -> i64 {
        self.ts
    }

    /// The nonce.
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// The signature.
    pub const fn sig(&self) -> &Signature {
        &self.sig
    }
}

/// The values as they stand, each at most once.
#[derive(Default)]
struct Params<'a> {
    key: Option<&'a str>,
    ts: Option<&'a str>,
    nonce: Option<&'a str>,
    sig: Option<&'a str>,
}

impl<'a> Params<'a> {
    /// Takes one `name="value"` from the front of `text` and returns what follows.
    fn take(&mut self, text: &'a str) -> Result<&'a str, MsignError> {
        let (name, after) = text.split_once("=\"").ok_or(MsignError::Form)?;
        let (value, rest) = after.split_once('"').ok_or(MsignError::Form)?;
        // A parameter's name is a token (RFC 9110 §11.2); a value has no escapes, so a backslash is no
        // character of any of the four.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(MsignError::Form);
        }
        let (name, slot) = match name {
            "key" => ("key", &mut self.key),
            "ts" => ("ts", &mut self.ts),
            "nonce" => ("nonce", &mut self.nonce),
            "sig" => ("sig", &mut self.sig),
            _ => return Err(MsignError::Unknown),
        };
        match slot.replace(value) {
            Some(_) => Err(MsignError::Doubled(name)),
            None => Ok(rest),
        }
    }

    fn finish(self) -> Result<Credentials, MsignError> {
        let key = self.key.ok_or(MsignError::Missing("key"))?;
        let ts = self.ts.ok_or(MsignError::Missing("ts"))?;
        let nonce = self.nonce.ok_or(MsignError::Missing("nonce"))?;
        let sig = self.sig.ok_or(MsignError::Missing("sig"))?;
        if ts.len() != TS_DIGITS || !ts.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MsignError::Ts);
        }
        Ok(Credentials {
            key: key.parse().map_err(|_| MsignError::Key)?,
            ts: ts.parse().map_err(|_| MsignError::Ts)?,
            nonce: nonce.parse().map_err(|_| MsignError::Nonce)?,
            sig: sig.parse().map_err(|_| MsignError::Sig)?,
        })
    }
}
