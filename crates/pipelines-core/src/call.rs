//! How a call of a subcommand is signed (`spec/work.md` 7, Signature).

use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use names::{Digest, Secret, UnixMillis};
use sha2::Sha256;

use crate::name::PipelineId;

/// How the lines begin.
const FORM: &str = "motet-call-v1";

/// What a call says, and what its signature is over.
#[derive(Debug, Clone)]
pub struct Call<'c> {
    /// When it is sent.
    pub at: UnixMillis,
    /// The id of the call.
    pub call: &'c str,
    /// The path of the endpoint, with its query.
    pub target: &'c str,
    /// The handle of the publisher.
    pub publisher: &'c str,
    /// The pipeline.
    pub pipeline: &'c PipelineId,
    /// The version that the claim was granted under.
    pub version: u32,
    /// The run.
    pub run: &'c str,
    /// The task.
    pub task: &'c str,
    /// The claim.
    pub claim: &'c str,
    /// The fence of the claim.
    pub fence: u64,
    /// The name of the subcommand.
    pub subcommand: &'c str,
    /// The bytes that are sent.
    pub body: &'c [u8],
}

impl Call<'_> {
    /// The lines that are signed, joined by LF.
    pub fn message(&self) -> String {
        let place = format!("{}/{}@{}", self.publisher, self.pipeline, self.version);
        let (time, fence) = (self.at.seconds().to_string(), self.fence.to_string());
        let digest = Digest::of(self.body).to_string();
        [
            FORM,
            &time,
            self.call,
            "POST",
            self.target,
            &place,
            self.run,
            self.task,
            self.claim,
            &fence,
            self.subcommand,
            &digest,
        ]
        .join("\n")
    }

    /// The value of `X-Motet-Call-Signature`: one signature for each active secret, the newest first. The key is the
    /// text of the whole secret.
    pub fn signature(&self, secrets: &[&Secret<String>]) -> String {
        let message = self.message();
        let mut text = format!("t={}", self.at.seconds());
        for secret in secrets {
            // An HMAC takes a key of any length.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
                continue;
            };
            mac.update(message.as_bytes());
            text.push_str(",v1=");
            let tag: [u8; 32] = mac.finalize().into_bytes().into();
            text.push_str(&Digest::from_bytes(tag).to_string());
        }
        text
    }
}
