//! Documents that tell applications where to ask: RFC 8414 and RFC 9728.

use serde_json::{Value, json};
use trust::{AUDIENCE, Allowed, Anything, Words, act};
use web::{Json, Problem};

use super::{Flows, grants::DEVICE};

/// `/.well-known/oauth-authorization-server`.
pub(super) async fn server(
    flows: Flows,
    _: Allowed<act::FlowRead, Anything>,
    (): (),
) -> Result<Json<Value>, Problem> {
    let issuer = &flows.trust.settings().public_url;
    Ok(Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/login/authorize"),
        "token_endpoint": format!("{issuer}/api/v1/auth/token"),
        "device_authorization_endpoint": format!("{issuer}/api/v1/auth/device"),
        "registration_endpoint": format!("{issuer}/api/v1/auth/clients"),
        "scopes_supported": Words::of_planes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", DEVICE],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        "protected_resources": [format!("{issuer}{AUDIENCE}")],
    })))
}

/// `/.well-known/oauth-protected-resource`, for the one surface that applications get.
pub(super) async fn resource(
    flows: Flows,
    _: Allowed<act::FlowRead, Anything>,
    (): (),
) -> Result<Json<Value>, Problem> {
    let issuer = &flows.trust.settings().public_url;
    Ok(Json(json!({
        "resource": format!("{issuer}{AUDIENCE}"),
        "authorization_servers": [issuer],
        "scopes_supported": Words::of_planes(),
        "bearer_methods_supported": ["header"],
    })))
}
