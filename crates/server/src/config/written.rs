//! The settings of the whole install as they were written, for the audit log. No secrets, and nothing that is one
//! process's own: where it listens, where its data lies, what it logs.

use std::fmt::{Debug, Display};

use serde_json::{Map, Value, json};

use super::ServeArgs;

impl ServeArgs {
    /// What was said, by the name of the flag. What was not said is null.
    pub(super) fn written(&self) -> Map<String, Value> {
        let (s3, elsewhere, lines) = (&self.s3, &self.providers, &self.connections);
        [
            ("local", json!(self.local)),
            ("local-handle", text(Some(&self.local_handle))),
            ("public-url", text(self.public_url.as_ref())),
            ("host", json!(self.hosts)),
            ("registration", shape(self.registration.as_ref())),
            ("contact", json!(self.contact)),
            ("quota-owner-bytes", json!(self.quota_owner_bytes)),
            ("quota-repository-bytes", json!(self.quota_repository_bytes)),
            ("quota-repository-objects", json!(self.quota_repository_objects)),
            ("blame-seconds", json!(self.blame_seconds)),
            ("search-milliseconds", json!(self.search_milliseconds)),
            ("git-push-bytes", json!(self.git.push_bytes)),
            ("git-prune-seconds", json!(self.git.prune_seconds)),
            ("git-remote", shape(Some(&self.git.remotes))),
            ("limit", shape(Some(&self.limits))),
            ("bot-agent", json!(self.bot_agents)),
            ("trusted-agent-prefix", shape(Some(&self.trusted_agent_prefixes))),
            ("connections", json!(lines.at_once)),
            ("connections-per-address", json!(lines.per_address)),
            ("head-seconds", json!(lines.head_seconds)),
            ("stall-seconds", json!(lines.stall_seconds)),
            ("idle-seconds", json!(lines.idle_seconds)),
            ("ssh-public-port", json!(self.ssh.ssh_public_port)),
            ("hsts", shape(Some(&lines.hsts))),
            ("trusted-proxy", shape(Some(&self.trusted_proxies))),
            ("device-interval", json!(self.device_interval)),
            ("cors-origin", shape(Some(&self.cors_origins))),
            ("webhook-allow", shape(Some(&self.webhook_receivers))),
            ("s3-endpoint", json!(s3.endpoint)),
            ("s3-region", json!(s3.region)),
            ("s3-bucket", json!(s3.bucket)),
            ("s3-prefix", json!(s3.prefix)),
            ("oidc-issuer", text(elsewhere.oidc_issuer.as_ref())),
            ("oidc-name", json!(elsewhere.oidc_name)),
            ("oidc-client-id", json!(elsewhere.oidc_client_id)),
            ("oidc-signup", json!(elsewhere.oidc_signup)),
            ("github-client-id", json!(elsewhere.github_client_id)),
            ("github-url", text(elsewhere.github_url.as_ref())),
            ("github-api-url", text(elsewhere.github_api_url.as_ref())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}

fn text(value: Option<&impl Display>) -> Value {
    value.map(ToString::to_string).into()
}

/// What has no text of its own; it is only compared with itself.
fn shape(value: Option<&impl Debug>) -> Value {
    value.map(|it| format!("{it:?}")).into()
}
