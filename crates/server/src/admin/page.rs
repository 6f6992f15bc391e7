//! The page of background work: what is dead, waits and runs, and what comes again and again.

use axum::response::Response;
use jobs::{Counts, Listed, Scheduled, State};
use names::UnixMillis;
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use web::{
    Call, Problem,
    look::{Crumb, Layout, When, sizes, visible},
};

use super::{
    Admin, PAGE,
    jobs::{id_in, list_of, state},
    told,
    view::{JobRow, JobsPage, ScheduleRow, Tab},
};

/// Schedules on the page: rooms declare a handful each.
const SCHEDULES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    state: Option<String>,
    after: Option<String>,
}

pub(super) async fn jobs(
    admin: Admin,
    _: Allowed<act::JobRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let query: PageQuery = call.query()?;
    let state = state(query.state.as_deref())?;
    let list = list_of(state);
    // What is no cursor of this list begins at the beginning.
    let after = query.after.and_then(|text| admin.cursors.read(&list, &text));
    let after = after.as_deref().map(id_in).transpose()?;
    let page = admin.queue.list(state, after, PAGE.0.into()).await.map_err(told)?;
    let counts = admin.queue.counts().await.map_err(told)?;
    let schedules = admin.queue.schedules(None, SCHEDULES).await.map_err(told)?;
    let now = admin.clock.now();
    let older = |id: jobs::JobId| {
        let cursor = admin.cursors.write(&list, id.uuid().as_bytes());
        format!("{}&after={cursor}", href(state))
    };
    let (title, none) = words(state);
    web::page(&JobsPage {
        layout: Layout {
            title: "Background work".to_owned(),
            crumbs: vec![Crumb::here("Background work")],
            reader: call.context.reader(),
            request_id: call.context.request_id.clone(),
            is_noindex: true,
            ..Layout::default()
        },
        tabs: tabs(state, &counts),
        title,
        none,
        oldest: counts.oldest_due_at.map(|at| When::new(at, now)),
        posted: (counts.posted > 0).then(|| sizes::plural(counts.posted, "fact", "facts")),
        jobs: page.items.iter().map(|it| job(it, now)).collect(),
        newer_href: after.map(|_| href(state)),
        older_href: page.next.map(older),
        has_more_schedules: schedules.next.is_some(),
        schedules: schedules.items.iter().map(|it| schedule(it, now)).collect(),
    })
}

fn href(state: State) -> String {
    format!("/admin/jobs?state={}", state.as_str())
}

/// The heading of a list, and what it means that it is empty.
const fn words(state: State) -> (&'static str, &'static str) {
    match state {
        State::Dead => ("Dead jobs", "No job has failed for the last time."),
        State::Ready => ("Waiting jobs", "No job waits."),
        State::Running => ("Running jobs", "No job runs at the moment."),
    }
}

fn tabs(open: State, counts: &Counts) -> Vec<Tab> {
    let tab = |state, title, count| Tab {
        title,
        count: sizes::count(count),
        href: href(state),
        is_current: state == open,
    };
    vec![
        tab(State::Dead, "Dead", counts.dead),
        tab(State::Ready, "Waiting", counts.ready),
        tab(State::Running, "Running", counts.running),
    ]
}

fn job(it: &Listed, now: UnixMillis) -> JobRow {
    JobRow {
        id: it.id.to_string(),
        kind: visible::html(&it.kind),
        key: it.unique_key.as_deref().map(visible::html),
        tries: format!("{} of {}", it.attempts, it.max_attempts),
        due: When::new(it.run_at, now),
        pushed: When::new(it.created_at, now),
        error: it.last_error.as_deref().map(visible::html),
        is_dead: it.state == State::Dead,
    }
}

fn schedule(it: &Scheduled, now: UnixMillis) -> ScheduleRow {
    ScheduleRow {
        name: visible::html(&it.name),
        cron: visible::html(&it.cron),
        zone: visible::html(&it.zone),
        next: it.is_enabled.then(|| When::new(it.next_at, now)),
    }
}
