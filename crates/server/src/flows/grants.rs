//! Applications fetch tokens: `/api/v1/auth/token` for every grant, and `/api/v1/auth/device/token` for the device flow.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use trust::{Allowed, Anything, FlowFault, Issued, Redemption, act};
use web::{Form, Json, Problem};

use super::{Flows, fields::Fields};

/// The grant of the device flow (RFC 8628 section 3.4).
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) type Pairs = Form<Vec<(String, String)>>;

pub(super) async fn token(
    flows: Flows,
    allowed: Allowed<act::FlowStart, Anything>,
    Form(pairs): Pairs,
) -> Result<Response, Problem> {
    let fields = Fields::of(pairs)?;
    let client_id = fields.need("client_id");
    let resource = fields.some("resource").map(str::to_owned);
    match fields.need("grant_type")? {
        "authorization_code" => {
            let redemption = Redemption {
                client_id: client_id?.to_owned(),
                code: fields.need("code")?.to_owned(),
                redirect_uri: fields.need("redirect_uri")?.to_owned(),
                code_verifier: fields.need("code_verifier")?.to_owned(),
                resource,
            };
            Ok(shown(&flows.trust.redeem_code(&allowed, &redemption).await?))
        }
        "refresh_token" => {
            let token = fields.need("refresh_token")?;
            let renewed = flows.trust.renew(&allowed, client_id?, token, resource.as_deref());
            Ok(shown(&renewed.await?))
        }
        DEVICE => poll(&flows, &allowed, &fields).await,
        _ => Err(trust::Error::from(FlowFault::GrantType).into()),
    }
}

pub(super) async fn device_token(
    flows: Flows,
    allowed: Allowed<act::FlowStart, Anything>,
    Form(pairs): Pairs,
) -> Result<Response, Problem> {
    let fields = Fields::of(pairs)?;
    if fields.some("grant_type").is_some_and(|it| it != DEVICE) {
        return Err(trust::Error::from(FlowFault::GrantType).into());
    }
    poll(&flows, &allowed, &fields).await
}

async fn poll(
    flows: &Flows,
    allowed: &Allowed<act::FlowStart, Anything>,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (code, client_id) = (fields.need("device_code")?, fields.need("client_id")?);
    Ok(shown(&flows.trust.poll_device(allowed, code, client_id).await?))
}

/// RFC 6749 section 5.1.
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a String>,
}

/// The one answer that shows a token: nobody keeps it on the way.
fn shown(issued: &Issued) -> Response {
    let body = Granted {
        access_token: issued.access.expose(),
        token_type: "Bearer",
        expires_in: issued.expires_in.as_secs(),
        refresh_token: issued.refresh.as_ref().map(keys::TokenText::expose),
        scope: issued.scope.as_ref(),
    };
    unstored(Json(body).into_response())
}

/// Keeps an answer out of every store.
pub(super) fn unstored(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
