//! JSON under `/api/v1/admin/audit`, `/api/v1/orgs/{handle}/audit` and `/api/v1/publishers/{publisher}/audit`: what was
//! done, for people and to take away (`spec/trust.md` 11).
//!
//! From where a row was written stands in the list of the install alone: an organization is not told where its members
//! are.

use api::json;
use axum::{
    body::{Body, Bytes},
    http::header,
    response::IntoResponse,
};
use futures_util::stream::try_unfold;
use names::{Handle, UnixMillis};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use trust::{
    Account, Act, Actor, Allowed, Anything, Kind, Publisher, act,
    audit::{Chain, Filter, Found, Line, Walk, Who},
};
use uuid::Uuid;
use web::{Json, Problem, Queried};

use super::{Admin, bad_cursor, limit, position};

/// One JSON object a line.
pub(super) const LINES: &str = "application/x-ndjson";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    actor: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// Rows of the install's chain, newest first.
pub(super) async fn list(
    admin: Admin,
    _: Allowed<act::AuditRead, Anything>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    page(&admin, call.query()?, call.uri.path(), Chain::INSTALL).await
}

/// Rows of an organization's chain, newest first.
pub(super) async fn list_of_organization(
    admin: Admin,
    allowed: Allowed<act::OrgAuditRead, Account>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    page(&admin, call.query()?, call.uri.path(), chain(&allowed)?).await
}

/// The same, as those see it who run its publisher side.
pub(super) async fn list_of_publisher(
    admin: Admin,
    allowed: Allowed<act::OrgAuditRead, Publisher>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    let chain = Chain::of(allowed.resource().organization.id);
    page(&admin, call.query()?, call.uri.path(), chain).await
}

/// The chain of the organization that the address names.
fn chain<A: Act>(allowed: &Allowed<A, Account>) -> Result<Chain, Problem> {
    let named = &allowed.resource().principal;
    if named.kind == Kind::Organization {
        Ok(Chain::of(named.id))
    } else {
        Err(Problem::not_found())
    }
}

async fn page(
    admin: &Admin,
    query: ListQuery,
    address: &str,
    chain: Chain,
) -> Result<impl IntoResponse + use<>, Problem> {
    let limit = limit(query.limit);
    let asked = asked(&query);
    let list = format!("{address}?{asked}");
    let before = position(&admin.cursors, &list, query.cursor.as_deref())?;
    let number = |it: Vec<u8>| it.try_into().map(i64::from_be_bytes).map_err(|_| bad_cursor());
    let before = before.map(number).transpose()?;
    let mut tx = admin.db.read().await?;
    let filter = filter(admin, &mut tx, &query).await?;
    // One more than asked for shows whether there is another page.
    let mut found = admin.trust.audit(&mut tx, chain, &filter, before, limit + 1).await?;
    let has_more = found.len() > usize::from(limit);
    found.truncate(limit.into());
    let oldest = found.last().filter(|_| has_more);
    let next_cursor = oldest.map(|it| admin.cursors.write(&list, &it.row.seq.to_be_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let next = format!("{address}?{asked}limit={limit}&cursor={cursor}");
        [("link", format!("<{next}>; rel=\"next\""))]
    });
    let shows_origin = chain == Chain::INSTALL;
    let items = found.into_iter().map(|it| event(it, shows_origin)).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

/// What a list was asked for, as it stands in an address.
fn asked(query: &ListQuery) -> String {
    let mut asked = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("actor", &query.actor),
        ("action", &query.action),
        ("resource", &query.resource),
        ("since", &query.since),
        ("until", &query.until),
    ] {
        if let Some(value) = value {
            asked.append_pair(name, value);
        }
    }
    let asked = asked.finish();
    if asked.is_empty() { asked } else { asked + "&" }
}

async fn filter(admin: &Admin, tx: &mut db::Tx, query: &ListQuery) -> Result<Filter, Problem> {
    let actor = match &query.actor {
        None => None,
        Some(handle) => {
            let handle: Handle = handle.parse().map_err(|error| Problem::malformed(&error))?;
            let known = admin.trust.namespace(tx, &handle).await?;
            // Somebody who is not there has done nothing.
            Some(known.map_or(Uuid::max(), names::Id::uuid))
        }
    };
    let action = query.action.as_deref().map(str::parse).transpose();
    let resource = query.resource.as_deref().map(|it| it.split_once(':').unwrap_or((it, "")));
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Filter {
        actor,
        action: action.map_err(|error| Problem::malformed(&error))?,
        resource_kind: resource.and_then(|(kind, _)| said(kind)),
        resource_id: resource.and_then(|(_, id)| said(id)),
        since: query.since.as_deref().map(moment).transpose()?,
        until: query.until.as_deref().map(moment).transpose()?,
    })
}

fn moment(text: &str) -> Result<UnixMillis, Problem> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        Problem::malformed("`since` and `until` are times such as 2026-11-21T20:53:00Z")
    })?;
    let millis = moment.unix_timestamp_nanos() / 1_000_000;
    Ok(UnixMillis(i64::try_from(millis).unwrap_or(i64::MAX)))
}

fn event(Found { row, actor, private }: Found, shows_origin: bool) -> json::AuditEvent {
    let (ip, user_agent) =
        private.filter(|_| shows_origin).map(|it| (it.ip, it.user_agent)).unzip();
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    json::AuditEvent {
        id: row.id.to_string(),
        seq: row.seq,
        time: UnixMillis(row.time).to_string(),
        request_id: row.request_id,
        actor,
        actor_id: id(row.actor_id),
        actor_kind: row.actor_kind,
        credential_id: id(row.credential_id),
        credential_kind: row.credential_kind,
        on_behalf_of: id(row.on_behalf_of),
        action: row.action,
        resource_kind: row.resource_kind,
        resource_id: row.resource_id,
        outcome: row.outcome,
        reason: row.reason,
        detail: row.detail.into(),
        ip,
        user_agent,
        hash: row.hash,
    }
}

/// The whole chain as JSON lines, with what is needed to check it. Taking it is written down in it.
pub(super) async fn export(
    admin: Admin,
    allowed: Allowed<act::AuditExport, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    lines(&admin, allowed.actor(), Chain::INSTALL).await
}

/// The same of an organization.
pub(super) async fn export_of_organization(
    admin: Admin,
    allowed: Allowed<act::OrgAuditExport, Account>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    lines(&admin, allowed.actor(), chain(&allowed)?).await
}

/// The same, as those take it who run its publisher side.
pub(super) async fn export_of_publisher(
    admin: Admin,
    allowed: Allowed<act::OrgAuditExport, Publisher>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    lines(&admin, allowed.actor(), Chain::of(allowed.resource().organization.id)).await
}

async fn lines(
    admin: &Admin,
    actor: &Actor,
    chain: Chain,
) -> Result<impl IntoResponse + use<>, Problem> {
    let tx = admin.trust.begin(actor).await?;
    let walk = admin.trust.export_audit(tx, chain, Who::from(actor)).await?;
    let pages = try_unfold(walk, |mut walk: Walk| async move {
        let lines = walk.next().await?;
        let text = |lines: Vec<Line>| lines.iter().map(Line::to_text).collect::<String>();
        Ok::<_, db::Error>(lines.map(|lines| (Bytes::from(text(lines)), walk)))
    });
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(pages)))
}
