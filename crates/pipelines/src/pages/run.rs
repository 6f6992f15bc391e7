//! `/runs/{run}`: where a run is, in time and in numbers.

use axum::response::Response;
use names::UnixMillis;
use pipelines_core::{
    definition::{Budgets, Definition},
    machine::{RunPart, Spent},
};
use serde::Deserialize;
use serde_json::Value;
use trust::{Actor, Allowed, act};
use uuid::Uuid;
use web::{
    Call, Context, Problem,
    look::{Crumb, Html, Layout, When, assets, href, sizes, visible},
};

use super::{
    Tabs, crumbs, layout, now,
    pictures::{
        gantt,
        heat::{self, Heat},
        in_order, spoken,
    },
    pretty, refused, run_badge, sentences,
    shown::{Budget, Fact, FailureRow, Happened, Orders, RunPage, Spot, TaskList, TaskRow, Text},
    steps::{Counts, before, by_step, steps},
    store,
};
use crate::{
    Door,
    definitions::Pinned,
    serving::{places::RunPlace, runs as serving, store as rows},
};

/// Entries of a timeline of which bars are made: the last.
const ENTRIES: i64 = 4_000;
/// Of them, how many are told one by one.
const TOLD_ENTRIES: usize = 30;
/// Tasks of a list.
const TASKS: usize = 50;
/// Characters of an input or an output that are shown.
const SHOWN_CHARS: u64 = 8_000;

/// Which part of a run is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    step: String,
    #[serde(default)]
    state: String,
    /// The place in a fan-out inside a fan-out: `2`, `2.0`.
    #[serde(default)]
    at: String,
    from: Option<u64>,
    to: Option<u64>,
    after: Option<Uuid>,
}

impl Asked {
    /// The query of what is asked, with other elements.
    fn query(&self, range: Option<(u64, u64)>, after: Option<Uuid>) -> String {
        let mut parts = Vec::new();
        let texts = [("step", &self.step), ("state", &self.state), ("at", &self.at)];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            parts.push(format!("{name}={}", href::segment(text)));
        }
        if let Some((from, to)) = range {
            parts.push(format!("from={from}&to={to}"));
        }
        parts.extend(after.map(|it| format!("after={it}")));
        format!("?{}#tasks", parts.join("&"))
    }

    /// Where in a fan-out one looks.
    fn spread(&self, step: &str) -> store::Spread {
        let is_path = self.step == step && self.at.split('.').all(|it| it.parse::<u32>().is_ok());
        let prefix = if is_path { format!("{step}[{}.", self.at) } else { format!("{step}[") };
        store::Spread { step: step.to_owned(), prefix }
    }

    /// Whether tasks are asked for.
    fn is_narrow(&self) -> bool {
        !self.step.is_empty() || !self.state.is_empty() || self.from.is_some()
    }
}

/// Where the cells of a picture lead.
struct Ways<'a> {
    asked: &'a Asked,
    run: &'a str,
    prefix: &'a str,
}

impl heat::Ways for Ways<'_> {
    fn range(&self, from: u64, to: u64) -> String {
        self.asked.query(Some((from, to)), None)
    }

    fn one(&self, element: u64) -> String {
        // Relative to the address of the run: a picture has two thousand of these.
        format!("{}/tasks/{}{element}%5D", self.run, self.prefix.replace('[', "%5B"))
    }
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    page(&door, &allowed, &call.context, &asked, Vec::new()).await
}

/// The page again, with what stood in the way of an order.
pub(super) async fn again(
    door: &Door,
    (actor, place): (&Actor, &RunPlace),
    context: &Context,
    problem: &Problem,
) -> Result<Response, Problem> {
    let may_read = Allowed::ask(actor, place.clone())?;
    let page = page(door, &may_read, context, &Asked::default(), sentences(problem)).await;
    refused(page, problem.status())
}

/// What is read of a run for its page.
struct Read {
    summary: rows::Summary,
    row: store::RunRow,
    pinned: Pinned,
    last_version: u32,
    counts: Counts,
    entries: Vec<(i64, super::pictures::bars::Entry)>,
    failures: Vec<store::Failure>,
    tasks: Vec<store::Listed>,
}

async fn read(door: &Door, place: &RunPlace, asked: &Asked) -> Result<Read, Problem> {
    let (id, publisher) = (place.run, place.publisher.organization.id);
    let mut tx = door.db().read().await?;
    let summary = rows::summary(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    let row = store::run(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    let version = Some(row.part.version());
    let pinned = door.pipelines.pinned(&mut tx, publisher, &place.pipeline, version).await?;
    let key = crate::definitions::Key { publisher, pipeline: &place.pipeline };
    let last_version = crate::definitions::last_version(&mut tx, key).await?;
    let counts = by_step(store::by_step(&mut tx, id).await?);
    let entries = store::last_events(&mut tx, id, ENTRIES).await?;
    let failures = store::failures(&mut tx, id).await?;
    let text = |it: &String| (!it.is_empty()).then(|| it.clone());
    let range = asked.from.map(|from| (asked.spread(&asked.step), from, asked.to.unwrap_or(from)));
    let wanted = store::Wanted {
        step: text(&asked.step),
        state: text(&asked.state),
        range: range.filter(|_| !asked.step.is_empty()),
        after: asked.after.unwrap_or_default(),
    };
    let tasks = store::shown(&mut tx, id, &wanted, i64::try_from(TASKS + 1).unwrap_or(51)).await?;
    let pinned = pinned.ok_or_else(Problem::not_found)?;
    Ok(Read { summary, row, pinned, last_version, counts, entries, failures, tasks })
}

async fn page(
    door: &Door,
    allowed: &Allowed<act::RunRead, RunPlace>,
    context: &Context,
    asked: &Asked,
    notices: Vec<Html>,
) -> Result<Response, Problem> {
    let place = allowed.resource();
    let read = read(door, place, asked).await?;
    let heat = heat_of(door, place, &read, asked).await?;
    let tabs = Tabs::of(door, &place.publisher, "").await?;
    let now = now(door);
    let run = place.run.to_string();
    let Read { summary, row, pinned, .. } = &read;
    let definition = &pinned.definition;
    let here = format!("/runs/{run}");
    let end = summary.ended_at.unwrap_or(now.0);
    let entries: Vec<_> = read.entries.iter().map(|(_, it)| it.clone()).collect();
    let is_whole = read.entries.first().is_none_or(|(seq, _)| *seq == 1);
    let first = entries.first().map_or(summary.started_at, |it| it.at);
    let start = if is_whole { summary.started_at } else { first };
    let all: Vec<_> = read.counts.values().flatten().cloned().collect();
    let way = |step: &str| format!("?step={step}#tasks");
    web::page(&RunPage {
        layout: layout_of(context, place),
        tabs,
        state: summary.state.clone(),
        badge: run_badge(&summary.state),
        notices,
        facts: facts(summary, row, place, now),
        reason: reason(&row.part, &here),
        is_live: summary.ended_at.is_none(),
        last_event: read.entries.last().map_or(0, |(seq, _)| *seq),
        totals: in_order(&all),
        steps: steps(definition, &read.counts, way),
        gantt: gantt::gantt(&entries, &before(definition), (start, end)),
        is_whole,
        spots: spots(definition, &read.counts, asked, heat.as_ref().map(|it| it.1.as_str())),
        heat: heat.map(|(heat, _)| heat),
        failures: read.failures.iter().map(|it| failure(it, &here)).collect(),
        budgets: budgets(row.part.budgets(), row.part.spent(), row.part.wall_at(now)),
        cost: cost(row.part.spent()),
        happened: happened(&read, now),
        input: cut_text("input", &row.input),
        output: row.output.as_ref().map(|it| cut_text("output", it)),
        tasks: tasks(&read.tasks, asked, &here, now),
        orders: orders(allowed.actor(), place, &read, context),
        run,
        here,
        script: assets::work_href(),
    })
}

fn layout_of(context: &Context, place: &RunPlace) -> Layout {
    let handle = place.publisher.organization.handle.as_str();
    let short: String = place.run.to_string().chars().take(8).collect();
    let mut way = crumbs(handle);
    way.push(Crumb::link(
        place.pipeline.as_str(),
        format!("/pipelines/{handle}/{}", place.pipeline),
    ));
    way.push(Crumb::here(format!("run {short}")));
    layout(format!("Run {short} · {handle}/{}", place.pipeline), way, context)
}

/// The step of which a heat-map is shown: the one that is asked for, or the one with most tasks, if it has several.
async fn heat_of(
    door: &Door,
    place: &RunPlace,
    read: &Read,
    asked: &Asked,
) -> Result<Option<(Heat, String)>, Problem> {
    let total = |step: &str| {
        let counts = read.counts.get(step).into_iter().flatten();
        counts.map(|(_, count)| *count).sum::<u64>()
    };
    let fans: Vec<_> = fans(&read.pinned.definition, &read.counts).collect();
    let step = if fans.contains(&asked.step.as_str()) {
        Some(asked.step.as_str())
    } else {
        fans.iter().rev().copied().filter(|_| asked.step.is_empty()).max_by_key(|step| total(step))
    };
    let Some(step) = step else { return Ok(None) };
    let asked = Asked { step: step.to_owned(), state: String::new(), ..asked.clone() };
    let spread = asked.spread(step);
    let mut tx = door.db().glance().await?;
    let elements = store::elements(&mut tx, place.run, &spread).await?;
    let per_cell = heat::width_of(elements);
    let cells = store::cells(&mut tx, place.run, &spread, per_cell).await?;
    let run = place.run.to_string();
    let ways = Ways { asked: &asked, run: &run, prefix: &spread.prefix };
    Ok(heat::heat(&cells, (elements, per_cell), &ways).map(|heat| (heat, step.to_owned())))
}

/// The steps of fan-outs that have tasks.
fn fans<'d>(definition: &'d Definition, counts: &Counts) -> impl Iterator<Item = &'d str> {
    let has_tasks = |step: &str| counts.contains_key(step);
    let found = definition.steps.iter().filter(|it| it.spawner.is_some());
    found.map(|it| it.id.as_str()).filter(move |it| has_tasks(it))
}

fn spots(definition: &Definition, counts: &Counts, asked: &Asked, open: Option<&str>) -> Vec<Spot> {
    let spot = |step: &str| Spot {
        href: format!("?step={step}#fan-out"),
        is_open: open == Some(step),
        name: if open == Some(step) && !asked.at.is_empty() {
            format!("{step}[{}.…]", asked.at)
        } else {
            step.to_owned()
        },
    };
    fans(definition, counts).map(spot).collect()
}

fn facts(
    summary: &rows::Summary,
    row: &store::RunRow,
    place: &RunPlace,
    now: UnixMillis,
) -> Vec<Fact> {
    let time = |at: i64| When::new(UnixMillis(at), now);
    let pipeline = format!("/pipelines/{}/{}", place.publisher.organization.handle, place.pipeline);
    let version = format!("{pipeline}/v/{}", summary.version);
    let end = summary.ended_at.unwrap_or(now.0);
    let mut facts = vec![
        Fact::link("Version", &summary.version.to_string(), version),
        Fact::when("Started", time(summary.started_at)),
        match summary.ended_at {
            Some(at) => Fact::when("Ended", time(at)),
            None => Fact::when("Ends by itself", time(summary.deadline_at)),
        },
        Fact::of("Took", &spoken(end - summary.started_at)),
    ];
    if let Some(by) = &row.started_by {
        facts.push(Fact::link("Started by", by, format!("/{by}")));
    }
    if let Some(name) = &summary.external_id {
        facts.push(Fact::of("External id", name));
    }
    if let Some(of) = summary.replay_of {
        facts.push(Fact::link("Replay of", "another run", format!("/runs/{of}")));
    }
    if row.part.reopens() > 0 {
        facts.push(Fact::of("Refused and reopened", &format!("{} times", row.part.reopens())));
    }
    facts
}

/// Why a run is where it is.
fn reason(part: &RunPart, here: &str) -> Vec<(String, Option<String>)> {
    let mut told = Vec::new();
    if let Some(by) = part.held_by() {
        let why = match serving::held_by(by).as_str() {
            "pause" => {
                "It is paused: nothing is handed out until somebody lets it go on.".to_owned()
            }
            other => {
                format!("It is held ({other}): nothing is handed out until the budget is raised.")
            }
        };
        told.push((why, None));
    }
    if let Some(error) = part.reason().map(serving::error) {
        let word = |name: &str| error.get(name).and_then(Value::as_str);
        let code = word("code").unwrap_or_default();
        let address = word("address");
        let way = address.map(|it| format!("{here}/tasks/{}", href::segment(it)));
        let what = address.or_else(|| word("budget")).map(|it| format!(": {it}"));
        told.push((format!("It failed, {code}{}", what.unwrap_or_default()), way));
        for fault in error.get("errors").and_then(Value::as_array).into_iter().flatten().take(20) {
            let of = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
            told.push((format!("{} {}", of("pointer"), of("message")), None));
        }
    }
    told
}

fn failure(it: &store::Failure, here: &str) -> FailureRow {
    FailureRow {
        count: sizes::count(it.count.unsigned_abs()),
        step: it.step.clone(),
        reason: it.reason.clone(),
        note: visible::html(it.note.as_deref().unwrap_or_default()),
        all: format!("?step={}&state=dead#tasks", href::segment(&it.step)),
        one: format!("{here}/tasks/{}", href::segment(&it.address)),
        address: it.address.clone(),
    }
}

fn budgets(budgets: &Budgets, spent: &Spent, wall: std::time::Duration) -> Vec<Budget> {
    let row = |name, spent: u64, of: Option<u64>, text: fn(u64) -> String| {
        let share =
            of.map(|of| (u128::from(spent) * 100).checked_div(u128::from(of)).unwrap_or(100));
        Budget {
            name,
            spent: text(spent),
            of: of.map(text),
            share: share.map(|it| it.min(100)).and_then(|it| u8::try_from(it).ok()),
        }
    };
    let time: fn(u64) -> String = |millis| spoken(i64::try_from(millis).unwrap_or(i64::MAX));
    let millis = |it: std::time::Duration| crate::engine::millis(it);
    vec![
        row("Claims", spent.claims, Some(budgets.claims), sizes::count),
        row("Tasks", spent.tasks, Some(budgets.tasks), sizes::count),
        row("Calls", spent.proxy_calls, Some(budgets.proxy_calls), sizes::count),
        row("Bytes of calls", spent.proxy_bytes, Some(budgets.proxy_bytes), sizes::bytes),
        row("Bytes of results", spent.result_bytes, Some(budgets.result_bytes), sizes::bytes),
        row("Time running", millis(wall), budgets.wall.map(millis), time),
        row("Money", spent.usage.micro_usd.0, budgets.micro_usd.map(|it| it.0), money),
    ]
}

/// Millionths of a dollar, for people.
fn money(micro_usd: u64) -> String {
    format!("${}.{:04}", sizes::count(micro_usd / 1_000_000), micro_usd % 1_000_000 / 100)
}

fn cost(spent: &Spent) -> String {
    let usage = &spent.usage;
    format!(
        "{} tokens read and {} written, {}, as agents report it; {} set aside for live claims",
        sizes::count(usage.tokens_in),
        sizes::count(usage.tokens_out),
        money(usage.micro_usd.0),
        money(spent.reserved.0)
    )
}

fn happened(read: &Read, now: UnixMillis) -> Vec<Happened> {
    let told = |(seq, it): &(i64, super::pictures::bars::Entry)| {
        let word = |name: &str| it.data.get(name).and_then(Value::as_str);
        let about = word("address").unwrap_or_default();
        let reason = word("reason").unwrap_or_default();
        Happened {
            seq: *seq,
            kind: it.kind.clone(),
            about: visible::html(&[about, reason].join(" ")),
            when: When::new(UnixMillis(it.at), now),
        }
    };
    read.entries.iter().rev().take(TOLD_ENTRIES).map(told).collect()
}

/// A value of the run as far as it is shown.
fn cut_text(name: &'static str, (text, length): &(String, u64)) -> Text {
    let is_cut = *length > SHOWN_CHARS;
    let value = serde_json::from_str::<Value>(text).ok().filter(|_| !is_cut);
    let lines = match value {
        Some(value) => super::coloured("json", &pretty(&value)),
        None => vec![visible::html(text)],
    };
    Text { name, lines, left_out: length.saturating_sub(SHOWN_CHARS) }
}

fn tasks(found: &[store::Listed], asked: &Asked, here: &str, now: UnixMillis) -> TaskList {
    let row = |it: &store::Listed| TaskRow {
        href: format!("{here}/tasks/{}", it.id),
        address: it.address.clone(),
        generation: it.generation,
        state: it.state.clone(),
        badge: super::task_badge(&it.state),
        reason: it.reason.clone().unwrap_or_default(),
        ready: it.ready_at.map(|at| When::new(UnixMillis(at), now)),
    };
    let last = found.iter().take(TASKS).next_back().filter(|_| found.len() > TASKS);
    let range = asked.from.map(|from| (from, asked.to.unwrap_or(from)));
    TaskList {
        rows: found.iter().take(TASKS).map(row).collect(),
        next: last.map(|it| asked.query(range, Some(it.id))),
        is_narrow: asked.is_narrow(),
        step: asked.step.clone(),
        state: asked.state.clone(),
        states: super::pictures::STATES,
    }
}

fn orders(actor: &Actor, place: &RunPlace, read: &Read, context: &Context) -> Option<Orders> {
    let csrf = context.reader().csrf?;
    Allowed::<act::RunCancel, _>::ask(actor, place.clone()).ok()?;
    let may_change = Allowed::<act::RunChange, _>::ask(actor, place.clone()).is_ok();
    let state = read.summary.state.as_str();
    let is_live = read.summary.ended_at.is_none();
    let version = read.row.part.version();
    Some(Orders {
        csrf,
        may_pause: state == "running",
        may_resume: state == "held",
        may_cancel: is_live,
        may_change: may_change && is_live,
        versions: (1..=read.last_version).rev().filter(|it| *it != version).take(50).collect(),
        version,
        // What ended badly is most likely what one wants to do again.
        from: match read.failures.first() {
            Some(first) => first.address.clone(),
            None => String::new(),
        },
    })
}
