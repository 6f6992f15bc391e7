//! `/login/authorize`: a person decides about an application, and is led back to it by a page.
//!
//! By a page and not by a redirect: the code then stands in no `Location`, and nobody is sent anywhere who has not decided.

use axum::response::Response;
use trust::{Account, Allowed, Anything, CodeAsk, CodeRequest, act};
use url::Url;
use web::{
    Call, Form, Problem,
    look::{Layout, visible},
    page,
};

use super::{
    Flows, consent, decide,
    device::own,
    fields::Fields,
    grants::Pairs,
    session,
    view::{AuthorizePage, Choices, LeadPage, SignInPage},
};
use crate::desk::{keep_secret, layout};

const TITLE: &str = "Let an application in";

/// Parameters that the form carries on.
const CARRIED: [&str; 8] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "scope",
    "state",
];

/// Shows who asks for what. Nothing is looked up, and nobody elsewhere asked, before somebody has signed in.
pub(super) async fn show(
    flows: Flows,
    allowed: Allowed<act::FlowRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, actor) = (layout(TITLE, &call), allowed.actor());
    let Some(session) = actor.session() else {
        return page(&SignInPage::new(layout, &call)).map(keep_secret);
    };
    let fields = Fields::of(call.query()?)?;
    let (ask, decide) = (asked(&fields), decide(actor)?);
    if let Some(url) = flows.trust.document_of(&decide, &ask.client_id)? {
        let document = flows.documents.fetch(url).await?;
        flows.trust.adopt_application(&decide, url, &document).await?;
    }
    let request = flows.trust.read_code_request(&decide, &ask).await?;
    let agents = consent::agents(&flows, &own(&flows, actor).await?, actor).await?;
    let carried = CARRIED
        .into_iter()
        .filter_map(|name| fields.some(name).map(|value| (name, value.to_owned())));
    let shown = AuthorizePage {
        layout,
        csrf: flows.trust.csrf(session)?,
        handle: actor.handle().map(ToString::to_string).unwrap_or_default(),
        origin: call.context.base_url.clone(),
        is_fresh: session.is_fresh,
        application: visible::html(&request.application.name),
        is_described: request.application.metadata_url.as_deref().map(visible::html),
        site: visible::html(&request.redirect_uri.site()),
        carried: carried.collect(),
        choices: Choices::new(&request.words, Some(agents)),
    };
    page(&shown).map(keep_secret)
}

fn asked(fields: &Fields) -> CodeAsk {
    let text = |name: &str| fields.text(name).to_owned();
    CodeAsk {
        client_id: text("client_id"),
        redirect_uri: text("redirect_uri"),
        response_type: text("response_type"),
        code_challenge: text("code_challenge"),
        code_challenge_method: text("code_challenge_method"),
        resource: text("resource"),
        scope: text("scope"),
        state: fields.some("state").map(str::to_owned),
    }
}

pub(super) async fn approve(
    flows: Flows,
    own: Allowed<act::TokenMint, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, fields) = taken(own.actor(), call).await?;
    let request = flows.trust.read_code_request(&decide(own.actor())?, &asked(&fields)).await?;
    let consent = consent::consent(&fields)?;
    let allowed = consent::agent(&flows, &own, &fields, &consent).await?;
    let code = flows.trust.approve_code(&allowed, &request, consent).await?;
    lead(&flows, layout, &request, ("code", code.expose()))
}

pub(super) async fn deny(
    flows: Flows,
    allowed: Allowed<act::FlowDecide, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, fields) = taken(allowed.actor(), call).await?;
    let request = flows.trust.read_code_request(&allowed, &asked(&fields)).await?;
    flows.trust.deny_code(&allowed, &request).await?;
    lead(&flows, layout, &request, ("error", "access_denied"))
}

async fn taken(actor: &trust::Actor, call: Call) -> Result<(Layout, Fields), Problem> {
    use web::Input as _;
    let layout = layout(TITLE, &call);
    session(actor)?;
    let Form(pairs) = Pairs::take(call).await?;
    Ok((layout, Fields::of(pairs)?))
}

/// The page that leads back to the application, with what it is told.
fn lead(
    flows: &Flows,
    layout: Layout,
    request: &CodeRequest,
    (name, value): (&str, &str),
) -> Result<Response, Problem> {
    let address = Url::parse(request.redirect_uri.as_str());
    let mut address = address.map_err(|error| Problem::internal(&error))?;
    {
        let mut pairs = address.query_pairs_mut();
        pairs.append_pair(name, value);
        if let Some(state) = &request.state {
            pairs.append_pair("state", state);
        }
        // RFC 9207: the application sees which install answers.
        pairs.append_pair("iss", &flows.trust.settings().public_url);
    }
    let site = visible::html(&request.redirect_uri.site());
    page(&LeadPage { layout, site, address: address.into() }).map(keep_secret)
}
