//! Where the bucket is, and who asks.

use std::fmt;

use egress::{Client, Listed, Origin, Policy, Scheme, Settings};
use names::Secret;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut};

use super::{Patience, wire::Way};

/// The longest prefix: a key has at most 1,024 bytes, and ours need fewer than a hundred.
const MAX_PREFIX_BYTES: usize = 512;

/// Where the bucket is, and who asks.
#[derive(Clone)]
pub struct BucketSettings {
    /// Scheme, host and port of the store, such as `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// The region that signatures are made for.
    pub region: String,
    /// The name of the bucket. It is never made: whoever owns the store does that.
    pub bucket: String,
    /// What all keys begin with; empty, or segments with `/` between them.
    pub prefix: String,
    /// Which key signs.
    pub key_id: String,
    /// What it signs with.
    pub secret: Secret<String>,
    /// Whether the bucket is the first part of the path, and not of the host.
    pub path_style: bool,
}

impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketSettings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("path_style", &self.path_style)
            .finish_non_exhaustive()
    }
}

/// Why a bucket cannot be asked with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a scheme, a host and a port.
    #[error(
        "the endpoint of the bucket cannot be used: {0}; write a scheme, a host and if need be a port, as in \
         https://s3.example.com"
    )]
    Endpoint(egress::Error),
    /// Something else that cannot be right.
    #[error("the {what} of the bucket cannot be used: {rule}")]
    Value {
        /// Which setting.
        what: &'static str,
        /// What is asked of it.
        rule: &'static str,
    },
    /// The outgoing client cannot be made.
    #[error("the bucket cannot be reached safely: {0}")]
    Client(#[from] egress::SetupError),
    /// The library refuses what passed here.
    #[error("the settings of the bucket do not go together")]
    Library,
}

impl BucketSettings {
    /// The prefix of every key: empty, or with a slash at its end.
    pub(super) fn key_prefix(&self) -> Result<String, SetupError> {
        let prefix = self.prefix.trim_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_segment =
            |it: &str| !it.is_empty() && it != "." && it != ".." && it.chars().all(is_plain);
        match prefix {
            "" => Ok(String::new()),
            _ if prefix.len() <= MAX_PREFIX_BYTES && prefix.split('/').all(is_segment) => {
                Ok(format!("{prefix}/"))
            }
            _ => Err(SetupError::Value {
                what: "prefix",
                rule: "it has segments of letters, digits, `-`, `_` and `.` with `/` between them",
            }),
        }
    }

    /// The library's client, which asks through `egress` and nothing else.
    pub(super) fn store(&self, patience: Patience) -> Result<AmazonS3, SetupError> {
        let origin = self.origin()?;
        let policy = Policy::OperatorListed(Listed::new().with(origin.clone()));
        let client = Client::new(Settings::new(policy))?;
        let builder = AmazonS3Builder::new()
            .with_endpoint(origin.to_string())
            .with_virtual_hosted_style_request(!self.path_style)
            .with_allow_http(origin.scheme() == Scheme::Http)
            .with_region(&self.region)
            .with_bucket_name(&self.bucket)
            .with_access_key_id(&self.key_id)
            .with_secret_access_key(self.secret.expose())
            .with_checksum_algorithm(Checksum::SHA256)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(patience.retries())
            .with_http_connector(Way::new(client, patience));
        // What it says may quote the settings.
        builder.build().map_err(|_| SetupError::Library)
    }

    /// The one origin that is asked: that of the endpoint, with the bucket before the host if that is the style.
    pub(super) fn origin(&self) -> Result<Origin, SetupError> {
        self.check()?;
        let endpoint: Origin = self.endpoint.parse().map_err(SetupError::Endpoint)?;
        if self.path_style {
            return Ok(endpoint);
        }
        if endpoint.name().is_none() {
            return Err(SetupError::Value {
                what: "endpoint",
                rule: "an address has no room for the bucket's name before it: use the path style",
            });
        }
        let whole = endpoint.to_string().replacen("://", &format!("://{}.", self.bucket), 1);
        whole.parse().map_err(SetupError::Endpoint)
    }

    fn check(&self) -> Result<(), SetupError> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let is_bucket = (3..=63).contains(&self.bucket.len()) && self.bucket.chars().all(is_name);
        let is_word = |text: &str| {
            !text.is_empty() && text.len() <= 256 && text.chars().all(|c| c.is_ascii_graphic())
        };
        let rules = [
            (is_bucket, "name", "3 to 63 lower-case letters, digits, `-` and `.`"),
            (is_word(&self.region), "region", "one word; where a store has none, `us-east-1`"),
            (is_word(&self.key_id), "key id", "one word, as the store gave it"),
            (is_word(self.secret.expose()), "secret", "one word, as the store gave it"),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map_or(Ok(()), |(_, what, rule)| Err(SetupError::Value { what, rule }))
    }
}
