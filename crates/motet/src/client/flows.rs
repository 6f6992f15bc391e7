//! The device flow (RFC 8628), as the command line uses it: to sign in on a machine without a browser.

use names::Secret;
use reqwest::Method;
use serde::Deserialize;
use url::form_urlencoded;

use super::{Client, ClientError};

/// How the command line calls itself.
const CLIENT_ID: &str = "motet";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a person needs to agree, and what this machine asks again with.
#[derive(Deserialize)]
pub struct DeviceFlow {
    device_code: String,
    /// The code to type.
    pub user_code: String,
    /// The page to type it into.
    pub verification_uri: String,
    /// How long both work, in seconds.
    pub expires_in: u64,
    /// How long to wait between two questions, in seconds.
    #[serde(default = "usual_interval")]
    pub interval: u64,
}

/// RFC 8628 section 3.2.
const fn usual_interval() -> u64 {
    5
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl Client {
    /// Begins a flow. `label` is what the token would be called.
    pub async fn begin_device(&self, scope: &str, label: &str) -> Result<DeviceFlow, ClientError> {
        let pairs = [("client_id", CLIENT_ID), ("scope", scope), ("label", label)];
        self.form(Method::POST, "/api/v1/auth/device", &encoded(&pairs)).await
    }

    /// Asks whether somebody has agreed by now. A refusal says whether to ask again.
    pub async fn poll_device(&self, flow: &DeviceFlow) -> Result<Secret<String>, ClientError> {
        let pairs =
            [("client_id", CLIENT_ID), ("grant_type", GRANT), ("device_code", &flow.device_code)];
        let target = "/api/v1/auth/device/token";
        let issued: Issued = self.form(Method::POST, target, &encoded(&pairs)).await?;
        Ok(Secret::new(issued.access_token))
    }
}

pub(super) fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
