//! The log of what was done on an install, through the JSON API (`spec/trust.md` 11).

use api::json::{AuditEvent, Page, PruneAudit, PrunedAudit, RotatedKey};
use bytes::Bytes;
use names::Handle;
use reqwest::Method;

use super::{Client, ClientError, Word, transport::Call};

const AUDIT: &str = "/api/v1/admin/audit";

/// Which rows. What is not said does not matter.
#[derive(Debug, Clone, Copy)]
pub struct AuditFilter<'a> {
    /// Done by the principal of this handle.
    pub actor: &'a Option<String>,
    /// This action.
    pub action: &'a Option<String>,
    /// With a kind of thing, or with one: `kind:id`.
    pub resource: &'a Option<String>,
    /// Not earlier.
    pub since: &'a Option<String>,
    /// Earlier than this.
    pub until: &'a Option<String>,
}

impl Client {
    /// One page of what was done, newest first.
    pub async fn audit(
        &self,
        filter: AuditFilter<'_>,
        limit: u16,
        cursor: Option<&Word>,
    ) -> Result<Page<AuditEvent>, ClientError> {
        self.need_credential()?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        let AuditFilter { actor, action, resource, since, until } = filter;
        for (name, value) in [
            ("actor", actor),
            ("action", action),
            ("resource", resource),
            ("since", since),
            ("until", until),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(cursor) = cursor {
            query.append_pair("cursor", &cursor.to_string());
        }
        let target = format!("{AUDIT}?{}", query.finish());
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// The whole log of the install or of an organization as JSON lines, part by part, wherever they are cut.
    pub async fn export_audit(
        &self,
        organization: Option<&Handle>,
        each: impl FnMut(&[u8]) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let log = organization.map(|it| format!("/api/v1/orgs/{it}/audit"));
        let log = log.as_deref().unwrap_or(AUDIT);
        let call = Call {
            method: Method::GET,
            target: format!("{log}/export"),
            accept: "application/x-ndjson",
            content_type: "",
            body: Bytes::new(),
            is_wire: false,
            max_answer_bytes: u64::MAX,
        };
        self.send_streamed(&call, each).await
    }

    /// Removes rows from the beginning of the log, some thousands at most.
    pub async fn prune_audit(&self, before: &str) -> Result<PrunedAudit, ClientError> {
        self.need_credential()?;
        let asked = PruneAudit { before: before.to_owned() };
        self.json(Method::POST, &format!("{AUDIT}/prune"), Some(&asked)).await
    }

    /// Lets another key sign sessions of browsers.
    pub async fn rotate_session_key(&self) -> Result<RotatedKey, ClientError> {
        self.need_credential()?;
        let target = "/api/v1/admin/signing-keys/session/rotate";
        self.json::<(), _>(Method::POST, target, None).await
    }

    /// Lets another key sign the server's commits and seal the logs of refs.
    pub async fn rotate_server_key(&self) -> Result<RotatedKey, ClientError> {
        self.need_credential()?;
        let target = "/api/v1/admin/signing-keys/server/rotate";
        self.json::<(), _>(Method::POST, target, None).await
    }
}
