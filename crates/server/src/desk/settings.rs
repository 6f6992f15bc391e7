//! `/settings/keys`, `/settings/tokens`, `/settings/sessions`.

use std::time::Duration;

use axum::response::Response;
use names::Id;
use serde::Deserialize;
use trust::{
    Account, Allowed, Anything, Class, KeyName, Kind, NewToken, RevokeReason, Scope, TokenKind,
    act,
    authority::{Plane, Reach, Repositories, RepositoriesWord},
};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When, visible},
};

use super::{
    Desk, keep_secret, layout, lead_to, mark,
    view::{KeyRow, KeysPage, SessionRow, SessionsPage, TokenRow, TokensPage},
};

/// How long tokens may live that the page offers, in days; the first is chosen.
const LIVES: [u16; 4] = [90, 7, 30, 366];

pub(super) fn routes(routes: Routes<Desk>, form: Spec) -> Routes<Desk> {
    routes
        .get("/settings/keys", Surface::Page, keys)
        .post("/settings/keys/{id}/revoke", form, revoke_key)
        .get("/settings/tokens", Surface::Page, tokens)
        .post("/settings/tokens", form.class(Class::Mint), mint)
        .post("/settings/tokens/{id}/revoke", form, revoke_token)
        .get("/settings/sessions", Surface::Page, sessions)
        .post("/settings/sessions/{id}/revoke", form, end_session)
        .post("/settings/sessions/revoke", form, end_all)
}

async fn keys(
    desk: Desk,
    allowed: Allowed<act::KeyRead, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let (now, csrf) = (desk.clock.now(), mark(&desk, allowed.actor())?);
    let handle = allowed.resource().principal.handle.to_string();
    let found = desk.trust.all_keys(&allowed).await?;
    let row = |it: &trust::Key| KeyRow {
        id: it.id.to_string(),
        fingerprint: it.fingerprint.to_string(),
        label: visible::html(&it.label),
        created: When::new(it.created_at, now),
        used: it.last_used_at.map(|at| When::new(at, now)),
        revoked: it.revoked.map(|(at, reason)| (When::new(at, now), reason.as_str())),
    };
    let live = found.iter().filter(|it| it.revoked.is_none()).count();
    let is_last = live == 1 && !has_another_way(&desk, &allowed).await?;
    web::page(&KeysPage {
        layout: settings_layout("Keys", &call),
        handle,
        csrf,
        is_last,
        keys: found.iter().map(row).collect(),
    })
}

/// Whether whoever reads the page gets in without a key as well. Of another account that is not told here.
async fn has_another_way(
    desk: &Desk,
    allowed: &Allowed<act::KeyRead, Account>,
) -> Result<bool, Problem> {
    let actor = allowed.actor();
    let is_own = actor.principal().is_some_and(|me| me.id == allowed.resource().principal.id);
    if !is_own || actor.session().is_none() {
        return Ok(false);
    }
    let passkeys = desk.trust.passkeys(&Allowed::ask(actor, Anything)?).await?;
    let linked = desk.trust.identities(&Allowed::ask(actor, Anything)?).await?;
    let offers = desk.trust.settings().elsewhere.offers();
    let works = |it: &trust::Identity| offers.iter().any(|offer| offer.issuer == it.provider);
    Ok(!passkeys.is_empty() || linked.iter().any(works))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn revoke_key(
    desk: Desk,
    allowed: Allowed<act::KeyRevoke, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let name: KeyName = call.params.parse("id")?;
    let Form(why) = Form::<Why>::take(call).await?;
    let reason: RevokeReason =
        why.reason.parse().map_err(|error: String| Problem::malformed(&error))?;
    desk.trust.revoke_key(&allowed, name, reason, None).await?;
    Ok(lead_to("/settings/keys"))
}

async fn tokens(
    desk: Desk,
    allowed: Allowed<act::TokenRead, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let csrf = mark(&desk, allowed.actor())?;
    let found = desk.trust.tokens(&allowed).await?;
    web::page(&tokens_page(&desk, settings_layout("Tokens", &call), csrf, &found, None))
}

fn tokens_page(
    desk: &Desk,
    layout: Layout,
    csrf: Option<String>,
    found: &[trust::Token],
    minted: Option<String>,
) -> TokensPage {
    let now = desk.clock.now();
    let row = |it: &trust::Token| TokenRow {
        id: it.id.to_string(),
        kind: it.kind.as_str(),
        label: visible::html(&it.label),
        last8: it.last8.clone(),
        scope: visible::html(&serde_json::to_string(&it.scope).unwrap_or_default()),
        created: When::new(it.created_at, now),
        used: it.last_used_at.map(|at| When::new(at, now)),
        ends: it.expires_at.map(|at| When::new(at, now)),
    };
    let (lives, tokens) = (LIVES.to_vec(), found.iter().map(row).collect());
    TokensPage { layout, csrf, minted, lives, tokens }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    label: String,
    days: u16,
    reach: String,
    repositories: String,
    #[serde(default)]
    names: String,
}

/// Makes a token and shows it: in this answer and in no other.
async fn mint(
    desk: Desk,
    allowed: Allowed<act::TokenMint, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = settings_layout("Tokens", &call);
    let actor = allowed.actor().clone();
    let Form(asked) = Form::<Asked>::take(call).await?;
    let reach = match asked.reach.as_str() {
        "read" => Reach::Read,
        "write" => Reach::Write,
        other => return Err(Problem::malformed(&format!("`{other}` is neither read nor write"))),
    };
    let repositories = match asked.repositories.as_str() {
        "all" => Repositories::Word(RepositoriesWord::All),
        "listed" => {
            Repositories::Listed(asked.names.split_whitespace().map(str::to_owned).collect())
        }
        "public" => Repositories::Word(RepositoriesWord::Public),
        other => return Err(Problem::malformed(&format!("`{other}` names no repositories"))),
    };
    let planes = [Plane::Hub, Plane::Collab].map(|plane| (plane, reach)).into();
    let new = NewToken {
        kind: TokenKind::Personal,
        label: asked.label,
        scope: Scope { planes, repositories, ..Scope::default() },
        life: Some(Duration::from_hours(u64::from(asked.days) * 24)),
    };
    let minted = desk.trust.mint(&allowed, new).await?;
    let may_read = Allowed::ask(&actor, allowed.resource().clone())?;
    let found = desk.trust.tokens(&may_read).await?;
    let text = Some(minted.text.expose().clone());
    let csrf = mark(&desk, &actor)?;
    web::page(&tokens_page(&desk, layout, csrf, &found, text)).map(keep_secret)
}

async fn revoke_token(
    desk: Desk,
    allowed: Allowed<act::TokenRevoke, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    desk.trust.revoke_token(&allowed, id).await?;
    Ok(lead_to("/settings/tokens"))
}

async fn sessions(
    desk: Desk,
    allowed: Allowed<act::SessionRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    if allowed.actor().principal().is_none_or(|it| it.kind != Kind::Person) {
        return Err(Problem::not_found());
    }
    let (now, csrf) = (desk.clock.now(), mark(&desk, allowed.actor())?);
    let own = allowed.actor().session().map(|it| it.id);
    let found = desk.trust.sessions(&allowed).await?;
    let row = |it: &trust::SessionRow| SessionRow {
        id: it.id.to_string(),
        is_this: own == Some(it.id),
        user_agent: visible::html(&it.user_agent),
        ip: it.ip.clone(),
        created: When::new(it.created_at, now),
        seen: When::new(it.last_seen_at, now),
        ends: When::new(it.ends_at, now),
    };
    let sessions = found.iter().map(row).collect();
    web::page(&SessionsPage { layout: settings_layout("Sessions", &call), csrf, sessions })
}

async fn end_session(
    desk: Desk,
    allowed: Allowed<act::SessionRevoke, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let id: Id<trust::Session> = call.params.parse("id")?;
    <()>::take(call).await?;
    desk.trust.end_sessions(&allowed, Some(id)).await?;
    Ok(lead_to("/settings/sessions"))
}

async fn end_all(
    desk: Desk,
    allowed: Allowed<act::SessionRevoke, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    <()>::take(call).await?;
    desk.trust.end_sessions(&allowed, None).await?;
    Ok(lead_to("/login"))
}

fn settings_layout(title: &str, call: &Call) -> Layout {
    layout(title, call)
}
