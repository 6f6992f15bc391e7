//! How publishers stand to agents.

use api::json;
use http::StatusCode;
use names::Handle;
use serde::Deserialize;
use trust::{
    Allowed, Publisher, act,
    audit::{Chain, Entry, Noted, On},
};
use web::{Call, Input as _, Json, Problem, Queried};

use super::{invalid, limit, one_more, store};
use crate::{
    Door, Error,
    engine::{BondState, revoked::Revoked},
    paging::bad_cursor,
};

/// Labels that a publisher may give to one agent.
const MAX_LABELS: usize = 16;

/// A page of agents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListBound {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::RunRead, Publisher>,
    call: Queried<ListBound>,
) -> Result<Json<json::PublisherAgentPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    if allowed.actor().behind().is_some() {
        return Err(Problem::not_found());
    }
    let (publisher, limit) = (allowed.resource().organization.id, limit(asked.limit)?);
    let of = format!("bonds:{publisher}");
    let after = match asked.cursor.as_deref() {
        None => String::new(),
        Some(text) => {
            let found = door.cursors.read(&of, text);
            let found = found.and_then(|bytes| String::from_utf8(bytes).ok());
            found.ok_or_else(bad_cursor)?
        }
    };
    let mut tx = door.db().glance().await?;
    let mut rows = store::bound(&mut tx, publisher, &after, one_more(limit)).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more);
    let next_cursor = last.map(|(name, ..)| door.cursors.write(&of, name.as_bytes()));
    let told = |(agent, state, labels): (String, String, String)| {
        let labels = serde_json::from_str(&labels);
        let labels = labels.map_err(db::Error::corrupt("agent_publishers.labels"))?;
        Ok::<_, Problem>(json::PublisherAgent { agent, state, labels })
    };
    let items = rows.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok(Json(json::PublisherAgentPage { items, next_cursor }))
}

pub(super) async fn set(
    door: Door,
    allowed: Allowed<act::AgentBind, Publisher>,
    call: Call,
) -> Result<Json<json::PublisherAgent>, Problem> {
    let name: Handle = call.params.parse("agent")?;
    let Json(asked) = Json::<json::SetPublisherAgent>::take(call).await?;
    bind(&door, &allowed, &name, asked).await.map(Json)
}

/// The same for whoever asks otherwise.
pub(crate) async fn bind(
    door: &Door,
    allowed: &Allowed<act::AgentBind, Publisher>,
    name: &Handle,
    asked: json::SetPublisherAgent,
) -> Result<json::PublisherAgent, Problem> {
    let publisher = &allowed.resource().organization;
    let state: BondState = asked.state.parse().map_err(|why: String| invalid("/state", why))?;
    let prefix = format!("@{}/", publisher.handle);
    if asked.labels.len() > MAX_LABELS || asked.labels.iter().any(|it| !it.starts_with(&prefix)) {
        let why =
            format!("a publisher gives at most {MAX_LABELS} labels, all of them {prefix}name");
        return Err(invalid("/labels", why));
    }
    let labels = serde_json::to_string(&asked.labels).unwrap_or_default();
    let trust = &door.pipelines.0.ground.trust;
    let mut tx = trust.begin_on_publisher(allowed).await?;
    let agent = trust.agent_named(&mut tx, name).await?.ok_or_else(Problem::not_found)?;
    store::bind(&mut tx, (agent, publisher.id), state.as_str(), &labels).await?;
    if state == BondState::Barred {
        let revoked = Revoked { whose: agent, key: None };
        revoked.push(&mut tx, &door.pipelines.0.ground.queue).await.map_err(Error::from)?;
    }
    let on = On::new("organization", publisher.id);
    let entry = Entry::done(Noted::PublisherUpdated, allowed.actor(), on);
    let entry = entry.with("agent", name.as_str()).with("agent_state", state.as_str());
    trust.note(&mut tx, Chain::of(publisher.id), entry).await?;
    tx.commit().await?;
    let state = state.as_str().to_owned();
    Ok(json::PublisherAgent { agent: name.to_string(), state, labels: asked.labels })
}

pub(super) async fn remove(
    door: Door,
    allowed: Allowed<act::AgentBind, Publisher>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let name: Handle = call.params.parse("agent")?;
    <()>::take(call).await?;
    unbind(&door, &allowed, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same for whoever asks otherwise.
pub(crate) async fn unbind(
    door: &Door,
    allowed: &Allowed<act::AgentBind, Publisher>,
    name: &Handle,
) -> Result<(), Problem> {
    let publisher = allowed.resource().organization.id;
    let trust = &door.pipelines.0.ground.trust;
    let mut tx = trust.begin_on_publisher(allowed).await?;
    let agent = trust.agent_named(&mut tx, name).await?.ok_or_else(Problem::not_found)?;
    if !store::unbind(&mut tx, agent, publisher).await? {
        return Err(Problem::not_found());
    }
    let on = On::new("organization", publisher);
    let entry = Entry::done(Noted::PublisherUpdated, allowed.actor(), on);
    let entry = entry.with("agent", name.as_str()).with("agent_state", "none");
    trust.note(&mut tx, Chain::of(publisher), entry).await?;
    Ok(tx.commit().await?)
}
