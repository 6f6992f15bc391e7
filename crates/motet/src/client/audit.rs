//! The log of what was done on an install, through the JSON API (`spec/trust.md` 11).

use api::json::{AuditEvent, Page};
use bytes::Bytes;
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

    /// The whole log as JSON lines, part by part, wherever they are cut.
    pub async fn export_audit(
        &self,
        each: impl FnMut(&[u8]) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let call = Call {
            method: Method::GET,
            target: format!("{AUDIT}/export"),
            accept: "application/x-ndjson",
            content_type: "",
            body: Bytes::new(),
            is_wire: false,
            max_answer_bytes: u64::MAX,
        };
        self.send_streamed(&call, each).await
    }
}
