//! Applications make themselves known: by registration (RFC 7591), or by a document at the address that they go by.

use std::fmt;

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use egress::{Client, HeaderValue, Policy, Public, Request, Settings, header};
use serde_json::json;
use trust::{Allowed, Anything, Application, FlowFault, NewApplication, act};
use web::{Call, Json, Problem};

use super::{Flows, grants::unstored};

/// The longest metadata document that is read, in bytes: honest ones have a few hundred.
const MAX_DOCUMENT_BYTES: usize = 16 << 10;

/// The way to metadata documents. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Documents(Option<Client>);

impl Documents {
    /// Over the public internet. A machine without trusted certificates reaches nobody there, and says so.
    pub(crate) fn new() -> Self {
        match Client::new(Settings::new(Policy::Public(Public::new()))) {
            Ok(client) => Self(Some(client)),
            Err(error) => {
                tracing::warn!(%error, "metadata documents of applications cannot be fetched");
                Self(None)
            }
        }
    }

    /// What is at `url`, without following it elsewhere.
    pub(super) async fn fetch(&self, url: &str) -> Result<Vec<u8>, Problem> {
        let client = self.0.as_ref().ok_or_else(|| refuse("cannot be fetched by this install"))?;
        let request = Request::get(url).map_err(|_| refuse("has no address that can be asked"))?;
        let request = request.header(header::ACCEPT, HeaderValue::from_static("application/json"));
        let fetched = async {
            let response = client.send(request).await?;
            let is_there = response.status == StatusCode::OK;
            let bytes = response.body.beginning(MAX_DOCUMENT_BYTES + 1).await?;
            Ok::<_, egress::Error>((is_there, bytes))
        };
        match fetched.await {
            Ok((true, bytes)) if bytes.len() <= MAX_DOCUMENT_BYTES => Ok(bytes.to_vec()),
            Ok((true, _)) => Err(refuse("is longer than 16 KiB")),
            Ok((false, _)) => Err(refuse("is not there: its address did not answer with 200")),
            Err(error) => {
                tracing::debug!(%error, "a metadata document could not be fetched");
                Err(refuse("cannot be fetched from the public internet"))
            }
        }
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents")
    }
}

fn refuse(why: &str) -> Problem {
    let fault = FlowFault::Metadata(format!("the metadata document of the application {why}"));
    trust::Error::from(fault).into()
}

/// Registers an application. Whatever it wished to prove itself by, it holds no secret: it is told so.
pub(super) async fn register(
    flows: Flows,
    allowed: Allowed<act::FlowStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let place = call.context.place();
    let bytes = call.body.bytes().await?;
    let new: NewApplication = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::from(trust::Error::from(FlowFault::Metadata(error.to_string())))
    })?;
    let grants = new.grant_types.clone();
    let made = flows.trust.register_application(&allowed, new, place).await?;
    let body = json_of(&made, grants, flows.clock.now().seconds());
    Ok(unstored((StatusCode::CREATED, Json(body)).into_response()))
}

fn json_of(it: &Application, grants: Option<Vec<String>>, now: i64) -> serde_json::Value {
    let usual = || ["authorization_code", "refresh_token"].map(str::to_owned).to_vec();
    json!({
        "client_id": it.client_id(),
        "client_id_issued_at": now,
        "client_name": it.name,
        "redirect_uris": it.redirect_uris.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "grant_types": grants.unwrap_or_else(usual),
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}
