//! `/pipelines/{publisher}/-/dead-letters`: tasks that nobody tries any more, by why.

use askama::Template;
use axum::response::Response;
use names::UnixMillis;
use serde::Deserialize;
use trust::{Allowed, Publisher, act};
use uuid::Uuid;
use web::{
    Call, Problem,
    look::{Crumb, Layout, When, href, sizes},
};

use super::{Tabs, crumbs, layout, no_agents, now, store};
use crate::{
    Door,
    letters::{Meant, Which, store as rows},
};

/// Dead letters that are grouped: the last.
const GROUPED: i64 = 10_000;
/// Of a list.
const PAGE: usize = 50;

/// Deaths that have reason, pipeline and step in common.
#[derive(Debug)]
struct Group {
    reason: String,
    pipeline: String,
    step: String,
    count: String,
    last: When,
    href: String,
}

/// A task that died.
#[derive(Debug)]
struct Letter {
    address: String,
    href: String,
    pipeline: String,
    reason: String,
    when: When,
}

/// `/pipelines/{publisher}/-/dead-letters`.
#[derive(Debug, Template)]
#[template(path = "dead_letters.html")]
struct LettersPage {
    layout: Layout,
    tabs: Tabs,
    here: String,
    groups: Vec<Group>,
    is_cut: bool,
    letters: Vec<Letter>,
    is_narrow: bool,
    reason: String,
    step: String,
    next: Option<String>,
}

/// Which are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    step: String,
    before: Option<Uuid>,
}

fn query(reason: &str, step: &str, before: Option<Uuid>) -> String {
    let before = before.map(|it| format!("&before={it}")).unwrap_or_default();
    format!("?reason={}&step={}{before}#letters", href::segment(reason), href::segment(step))
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    no_agents(allowed.actor())?;
    let asked: Asked = call.query()?;
    let (publisher, now) = (allowed.resource(), now(&door));
    let id = publisher.organization.id;
    let tabs = Tabs::of(&door, publisher, "dead-letters").await?;
    let text = |it: &str| (!it.is_empty()).then(|| it.to_owned());
    let (step, reason) = (text(&asked.step), text(&asked.reason));
    let mut tx = door.db().read().await?;
    let groups = store::dead_by_reason(&mut tx, id, GROUPED).await?;
    let wanted = (Which::Any, &Meant::of(step.clone(), reason.clone()));
    let limit = i64::try_from(PAGE + 1).unwrap_or(51);
    let before = asked.before.unwrap_or(Uuid::max());
    let found = rows::list(&mut tx, id, wanted, before, limit).await?;
    drop(tx);
    let total: u64 = groups.iter().map(|(.., count, _)| count.unsigned_abs()).sum();
    let group = |(reason, pipeline, step, count, last): &store::Deaths| Group {
        href: query(reason, step, None),
        reason: reason.clone(),
        pipeline: pipeline.clone(),
        step: step.clone(),
        count: sizes::count(count.unsigned_abs()),
        last: When::new(UnixMillis(*last), now),
    };
    let letter = |it: &rows::Letter| Letter {
        address: it.address.clone(),
        href: format!("/runs/{}/tasks/{}", it.run_id, it.task_id),
        pipeline: it.pipeline_id.clone(),
        reason: it.reason.clone(),
        when: When::new(UnixMillis(it.at), now),
    };
    let last = found.iter().take(PAGE).next_back().filter(|_| found.len() > PAGE);
    let handle = publisher.organization.handle.to_string();
    let mut way = crumbs(&handle);
    way.push(Crumb::here("Dead letters"));
    web::page(&LettersPage {
        layout: layout(format!("Dead letters · {handle}"), way, &call.context),
        tabs,
        here: format!("/pipelines/{handle}/-/dead-letters"),
        groups: groups.iter().map(group).collect(),
        is_cut: total >= GROUPED.unsigned_abs(),
        letters: found.iter().take(PAGE).map(letter).collect(),
        is_narrow: step.is_some() || reason.is_some(),
        next: last.map(|it| query(&asked.reason, &asked.step, Some(it.id))),
        reason: asked.reason,
        step: asked.step,
    })
}
