//! The device flow: what a machine asks, and the pages on which a person decides.

use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use trust::{Account, Actor, Allowed, Anything, DeviceAsk, act};
use web::{
    Call, Form, Input as _, Json, Problem,
    look::{When, visible},
    page,
};

use super::{
    Flows, consent, decide,
    fields::Fields,
    grants::{Pairs, unstored},
    session,
    view::{Choices, DevicePage, DeviceShownPage, DonePage, SignInPage},
};
use crate::desk::{keep_secret, layout};

const TITLE: &str = "Sign in a device";

/// A machine begins.
pub(super) async fn begin(
    flows: Flows,
    allowed: Allowed<act::FlowStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (ip, user_agent) = (call.context.client, call.header("user-agent").to_owned());
    let Form(pairs) = Pairs::take(call).await?;
    let fields = Fields::of(pairs)?;
    let ask = DeviceAsk {
        client_id: fields.need("client_id")?.to_owned(),
        scope: fields.text("scope").to_owned(),
        resource: fields.some("resource").map(str::to_owned),
        label: fields.text("label").to_owned(),
        ip,
        user_agent,
    };
    let begun = flows.trust.begin_device(&allowed, ask).await?;
    let address = format!("{}/login/device", flows.trust.settings().public_url);
    let code = begun.user_code.expose();
    let body = json!({
        "device_code": begun.device_code.expose(),
        "user_code": code,
        "verification_uri": address,
        "verification_uri_complete": format!("{address}?user_code={code}"),
        "expires_in": begun.expires_in.as_secs(),
        "interval": begun.interval_seconds,
    });
    Ok(unstored(Json(body).into_response()))
}

/// Asks for the code. Whoever follows an address that holds it still has to send it: what shows previews of links, and
/// whoever sends such an address to somebody, finds nothing out and decides nothing.
pub(super) async fn ask(
    flows: Flows,
    allowed: Allowed<act::FlowRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let fields = Fields::of(call.query()?)?;
    let layout = layout(TITLE, &call);
    let Some(session) = allowed.actor().session() else {
        return page(&SignInPage::new(layout, &call)).map(keep_secret);
    };
    let csrf = flows.trust.csrf(session)?;
    let code = visible::html(fields.text("user_code"));
    page(&DevicePage { layout, csrf, code }).map(keep_secret)
}

/// Shows what waits behind a code.
pub(super) async fn show(
    flows: Flows,
    allowed: Allowed<act::FlowDecide, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, origin) = (layout(TITLE, &call), call.context.base_url.clone());
    let actor = allowed.actor();
    let session = session(actor)?;
    let Form(pairs) = Pairs::take(call).await?;
    let fields = Fields::of(pairs)?;
    let typed = fields.need("user_code")?;
    let asked = flows.trust.peek_device(&allowed, typed).await?;
    let agents = match &asked.application {
        None => None,
        Some(_) => Some(consent::agents(&flows, &own(&flows, actor).await?, actor).await?),
    };
    let name = asked.application.as_ref().map(|it| visible::html(&it.name));
    let shown = DeviceShownPage {
        layout,
        csrf: flows.trust.csrf(session)?,
        handle: actor.handle().map(ToString::to_string).unwrap_or_default(),
        origin,
        is_fresh: session.is_fresh,
        code: visible::html(typed),
        application: name,
        label: visible::html(&asked.label),
        ip: asked.ip,
        user_agent: visible::html(&asked.user_agent),
        ends: When::new(asked.expires_at, flows.clock.now()),
        choices: Choices::new(&asked.words, agents),
    };
    page(&shown).map(keep_secret)
}

/// The account of whoever is signed in.
pub(super) async fn own(flows: &Flows, actor: &Actor) -> Result<Account, Problem> {
    let handle = actor.handle().ok_or_else(Problem::not_found)?;
    flows.trust.account(actor, handle).await?.ok_or_else(Problem::not_found)
}

pub(super) async fn approve(
    flows: Flows,
    own: Allowed<act::TokenMint, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    session(own.actor())?;
    let Form(pairs) = Pairs::take(call).await?;
    let fields = Fields::of(pairs)?;
    let typed = fields.need("user_code")?;
    let asked = flows.trust.peek_device(&decide(own.actor())?, typed).await?;
    let consent = consent::consent(&fields)?;
    let for_agent = asked.application.is_some();
    let allowed = match asked.application {
        None => own,
        Some(_) => consent::agent(&flows, &own, &fields, &consent).await?,
    };
    flows.trust.approve_device(&allowed, typed, consent).await?;
    let handle = allowed.resource().principal.handle.to_string();
    let agent = for_agent.then_some(handle);
    page(&DonePage { layout, is_agreed: true, agent }).map(keep_secret)
}

pub(super) async fn deny(
    flows: Flows,
    allowed: Allowed<act::FlowDecide, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    session(allowed.actor())?;
    let Form(pairs) = Pairs::take(call).await?;
    let fields = Fields::of(pairs)?;
    flows.trust.deny_device(&allowed, fields.need("user_code")?).await?;
    page(&DonePage { layout, is_agreed: false, agent: None }).map(keep_secret)
}
