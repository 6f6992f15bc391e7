//! `/pipelines/{publisher}/-/approvals`: what waits for persons, and what persons decided.

use askama::Template;
use axum::response::Response;
use names::{Id, UnixMillis};
use pipelines_core::name::Address;
use serde::Deserialize;
use trust::{Allowed, Publisher, act};
use uuid::Uuid;
use web::{
    Call, Problem,
    look::{Crumb, Html, Layout, When, visible},
};

use super::{
    Tabs, crumbs, layout, no_agents, now, store,
    task::{Question, json_lines, question},
};
use crate::{Door, Error, serving::store as rows};

/// Questions of a page: each with its form.
const PAGE: usize = 10;

/// What is asked.
#[derive(Debug)]
struct Asks {
    id: String,
    href: String,
    address: String,
    pipeline: String,
    title: String,
    instructions: Html,
    input: Vec<Html>,
    said: Vec<(String, String, Html)>,
    question: Option<Question>,
}

/// What was decided.
#[derive(Debug)]
struct Decision {
    href: String,
    address: String,
    pipeline: String,
    person: String,
    word: String,
    comment: Html,
    when: When,
}

/// `/pipelines/{publisher}/-/approvals`.
#[derive(Debug, Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    layout: Layout,
    tabs: Tabs,
    asks: Vec<Asks>,
    decided: Vec<Decision>,
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<Uuid>,
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    no_agents(allowed.actor())?;
    let from: From = call.query()?;
    let (publisher, actor, now) = (allowed.resource(), allowed.actor(), now(&door));
    let id = publisher.organization.id;
    let tabs = Tabs::of(&door, publisher, "approvals").await?;
    let may_decide = Allowed::<act::GateDecide, _>::ask(actor, publisher.clone()).is_ok();
    let csrf = call.context.reader().csrf.filter(|_| may_decide);
    let mut tx = door.db().read().await?;
    let limit = i64::try_from(PAGE + 1).unwrap_or(11);
    let found = store::waiting(&mut tx, id, from.after.unwrap_or_default(), limit).await?;
    let decided = store::decided(&mut tx, id).await?;
    let mut asks = Vec::new();
    for it in found.iter().take(PAGE) {
        let votes = rows::votes(&mut tx, Id::from_uuid(it.id)).await?;
        let pipeline = it.pipeline_id.parse().map_err(db::Error::corrupt("runs.pipeline_id"))?;
        let version = u32::try_from(it.version).map_err(db::Error::corrupt("tasks.version"))?;
        let pinned = door.pipelines.pinned(&mut tx, id, &pipeline, Some(version)).await?;
        let definition = pinned.ok_or(Error::NotFound)?.definition;
        let address: Address = it.address.parse().map_err(db::Error::corrupt("tasks.address"))?;
        let Some(step) = definition.step(&address.step) else { continue };
        let href = format!("/runs/{}/tasks/{}", it.run_id, it.id);
        let ask = |csrf| question(&definition, step, &address, csrf, &href);
        asks.push(Asks {
            id: it.id.to_string(),
            question: csrf.clone().map(ask),
            address: it.address.clone(),
            pipeline: it.pipeline_id.clone(),
            title: step.title.clone().unwrap_or_default(),
            instructions: visible::html(&step.instructions),
            input: it.input.as_deref().map(json_lines).unwrap_or_default(),
            said: votes
                .into_iter()
                .map(|(person, decision, comment, _)| (person, decision, visible::html(&comment)))
                .collect(),
            href,
        });
    }
    drop(tx);
    let decision = |it: &store::DecidedRow| Decision {
        href: format!("/runs/{}/tasks/{}", it.run_id, web::look::href::segment(&it.address)),
        address: it.address.clone(),
        pipeline: it.pipeline_id.clone(),
        person: it.handle.clone(),
        word: it.decision.clone(),
        comment: visible::html(&it.comment),
        when: When::new(UnixMillis(it.at), now),
    };
    let last = found.iter().take(PAGE).next_back().filter(|_| found.len() > PAGE);
    let handle = publisher.organization.handle.to_string();
    let mut way = crumbs(&handle);
    way.push(Crumb::here("Approvals"));
    web::page(&ApprovalsPage {
        layout: layout(format!("Approvals · {handle}"), way, &call.context),
        tabs,
        asks,
        decided: decided.iter().map(decision).collect(),
        next: last.map(|it| format!("?after={}", it.id)),
    })
}
