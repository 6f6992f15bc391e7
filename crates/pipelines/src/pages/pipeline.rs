//! `/pipelines/{publisher}/{pipeline}` and its versions: what it does, what it did, and a form that starts a run.

use api::json;
use askama::Template;
use axum::response::Response;
use names::UnixMillis;
use pipelines_core::{definition::Definition, json::Form as Written, name::PipelineId};
use serde::Deserialize;
use serde_json::Value;
use trust::{Actor, Allowed, Publisher, act};
use uuid::Uuid;
use web::{
    Call, Context, Form, Input as _, Problem,
    look::{Crumb, Html, Layout, When, visible},
};

use super::{
    Tabs, coloured, crumbs, form, is_told, layout, lead_to, may_register, now, refused, run_badge,
    sentences,
    steps::{Counts, Steps, steps},
};
use crate::{
    Door,
    definitions::{Audience, Change, Difference, Pipeline, Scheduled, Version, Whole},
    engine::{source, whole_schema},
    serving::{places::PlaceOfRuns, starting, store as rows},
};

/// Runs of a list.
const RUNS: i64 = 20;
/// Versions of a list.
const VERSIONS: u32 = 30;
/// Places of a difference that a page tells.
const CHANGES: usize = 200;
/// Characters of one side of such a place.
const CHANGE_CHARS: usize = 600;

/// A schema as a table.
#[derive(Debug)]
struct Schema {
    name: String,
    members: Vec<form::Member>,
}

/// A run in a list.
#[derive(Debug)]
pub(super) struct RunRow {
    pub(super) href: String,
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) badge: &'static str,
    pub(super) reason: String,
    pub(super) external_id: Html,
    pub(super) started: When,
    pub(super) took: String,
}

/// A row of a list of runs.
pub(super) fn run_row(it: &rows::Summary, now: UnixMillis) -> RunRow {
    RunRow {
        href: format!("/runs/{}", it.id),
        id: it.id.to_string(),
        version: it.version,
        state: it.state.clone(),
        badge: run_badge(&it.state),
        reason: it.reason.clone().unwrap_or_default(),
        external_id: visible::html(it.external_id.as_deref().unwrap_or_default()),
        started: When::new(UnixMillis(it.started_at), now),
        took: super::pictures::spoken(it.ended_at.unwrap_or(now.0) - it.started_at),
    }
}

/// A version in a list.
#[derive(Debug)]
struct VersionRow {
    number: u32,
    title: String,
    by: String,
    made: When,
    is_current: bool,
    is_open: bool,
}

/// A place in which two versions differ.
#[derive(Debug)]
struct ChangeRow {
    kind: &'static str,
    pointer: String,
    before: Html,
    after: Html,
}

/// In what a version differs from another.
#[derive(Debug)]
struct Compared {
    other: u32,
    changes: Vec<ChangeRow>,
    left_out: usize,
    incompatible_at: Vec<String>,
}

/// A schedule in a list.
#[derive(Debug)]
struct ScheduleRow {
    name: String,
    cron: String,
    zone: String,
    next: Option<When>,
    last_run: Option<String>,
    failures: u32,
    is_paused: bool,
}

/// The page of a pipeline, or of one of its versions.
#[derive(Debug, Template)]
#[template(path = "pipeline.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
struct PipelinePage {
    layout: Layout,
    tabs: Tabs,
    pipeline: String,
    here: String,
    notices: Vec<Html>,
    title: String,
    description: Option<Html>,
    is_paused: bool,
    is_archived: bool,
    current: Option<u32>,
    is_current: bool,
    /// The current version, where it is another one.
    other_current: Option<u32>,
    version: u32,
    sha256: String,
    audience: &'static str,
    audiences: [&'static str; 3],
    steps: Steps,
    source: Vec<Html>,
    schemas: Vec<Schema>,
    runs: Vec<RunRow>,
    versions: Vec<VersionRow>,
    compared: Option<Compared>,
    schedules: Vec<ScheduleRow>,
    /// The form that starts a run.
    form: Option<form::Form>,
    external_id: String,
    csrf: Option<String>,
    may_change: bool,
    may_set_audience: bool,
}

/// Which other version is compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    to: Option<u32>,
}

/// What is said besides.
#[derive(Default)]
struct Said {
    notices: Vec<Html>,
    form: Option<form::Form>,
    external_id: String,
}

/// Which page of a pipeline: the current version, or one of them.
struct Wanted {
    pipeline: PipelineId,
    version: Option<u32>,
    other: Option<u32>,
}

type MayRead = Allowed<act::PipelineRead, Publisher>;

pub(super) async fn show(door: Door, allowed: MayRead, call: Call) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let pipeline = call.params.parse("pipeline")?;
    let wanted = Wanted { pipeline, version: None, other: asked.to };
    page(&door, &allowed, &call.context, wanted, Said::default()).await
}

pub(super) async fn version(door: Door, allowed: MayRead, call: Call) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let (pipeline, version) = (call.params.parse("pipeline")?, call.params.parse("version")?);
    let wanted = Wanted { pipeline, version: Some(version), other: asked.to };
    page(&door, &allowed, &call.context, wanted, Said::default()).await
}

/// What is read of a pipeline for its page.
struct Read {
    pipeline: Pipeline,
    whole: Whole,
    source: (Vec<u8>, Written),
    versions: Vec<Version>,
    compared: Option<(u32, Difference)>,
    schedules: Vec<Scheduled>,
    runs: Vec<rows::Summary>,
}

async fn read(door: &Door, allowed: &MayRead, wanted: &Wanted) -> Result<Read, Problem> {
    let (room, id) = (&door.pipelines, &wanted.pipeline);
    let pipeline = room.show(allowed, id).await?;
    let number = wanted.version.or(pipeline.current_version).unwrap_or(pipeline.last_version);
    let whole = room.version(allowed, id, number).await?;
    let source = room.source(allowed, id, number).await?;
    let versions = room.versions(allowed, id, None, VERSIONS).await?;
    let compared = match wanted.other.filter(|it| *it != number) {
        None => None,
        // From the older one to the newer one, whichever is open.
        Some(other) => {
            let (from, to) = (other.min(number), other.max(number));
            Some((other, room.difference(allowed, id, from, to).await?))
        }
    };
    let schedules = room.schedules(allowed, id).await?;
    let organization = &allowed.resource().organization;
    let runs = match allowed.actor().principal().filter(|_| may_see_runs(allowed.actor())) {
        None => Vec::new(),
        Some(reader) => {
            let wanted = rows::Wanted {
                publisher: Some(organization.handle.to_string()),
                pipeline: Some(id.to_string()),
                ..rows::Wanted::default()
            };
            let mut tx = door.db().glance().await?;
            rows::list(&mut tx, reader.id, &wanted, Uuid::max(), RUNS).await?
        }
    };
    Ok(Read { pipeline, whole, source, versions, compared, schedules, runs })
}

/// An agent sees no runs.
fn may_see_runs(actor: &Actor) -> bool {
    actor.behind().is_none()
}

async fn page(
    door: &Door,
    allowed: &MayRead,
    context: &Context,
    wanted: Wanted,
    said: Said,
) -> Result<Response, Problem> {
    let read = read(door, allowed, &wanted).await?;
    let (publisher, actor) = (allowed.resource(), allowed.actor());
    let tabs = Tabs::of(door, publisher, "pipelines").await?;
    let now = now(door);
    let Read { pipeline, whole, .. } = &read;
    let (handle, id) = (publisher.organization.handle.to_string(), wanted.pipeline.to_string());
    let here = format!("/pipelines/{handle}/{id}");
    let (definition, number) = (&whole.definition, whole.version.number);
    let runs_here = PlaceOfRuns { publisher: publisher.clone(), pipeline: wanted.pipeline.clone() };
    let may_start = Allowed::<act::RunStart, _>::ask(actor, runs_here).is_ok()
        && pipeline.archived_at.is_none()
        && pipeline.current_version.is_some();
    let csrf = context.reader().csrf;
    let fresh = || form::Form::of(&input_schema(definition));
    let way = |step: &str| format!("{here}/v/{number}#s-{step}");
    let mut crumbs = crumbs(&handle);
    crumbs.push(Crumb::here(id.as_str()));
    let audience = |it: Audience| it.as_str();
    web::page(&PipelinePage {
        layout: layout(format!("{handle}/{id}"), crumbs, context),
        tabs,
        notices: said.notices,
        title: definition.title.clone().unwrap_or_default(),
        description: definition.description.as_deref().map(described),
        is_paused: pipeline.is_paused,
        is_archived: pipeline.archived_at.is_some(),
        current: pipeline.current_version,
        is_current: whole.is_current,
        other_current: pipeline.current_version.filter(|_| !whole.is_current),
        version: number,
        sha256: whole.version.sha256.to_string(),
        audience: pipeline.audience.as_str(),
        audiences: [Audience::Members, Audience::Listed, Audience::Open].map(audience),
        steps: steps(definition, &Counts::new(), way),
        source: written(&read.source),
        schemas: schemas(definition),
        runs: read.runs.iter().map(|it| run_row(it, now)).collect(),
        versions: read.versions.iter().map(|it| version_row(it, &read, now)).collect(),
        compared: read.compared.as_ref().map(compared),
        schedules: read.schedules.iter().map(|it| schedule_row(it, now)).collect(),
        form: (may_start && csrf.is_some()).then(|| said.form.unwrap_or_else(fresh)),
        external_id: said.external_id,
        may_change: csrf.is_some() && may_register(actor, publisher),
        may_set_audience: Allowed::<act::PublisherUpdate, _>::ask(actor, publisher.clone()).is_ok(),
        csrf,
        pipeline: id,
        here,
    })
}

fn input_schema(definition: &Definition) -> Value {
    whole_schema(definition, definition.source.get("input_schema"))
}

/// What a publisher says of it.
fn described(text: &str) -> Html {
    visible::html(text)
}

fn written((bytes, form): &(Vec<u8>, Written)) -> Vec<Html> {
    let language = match form {
        Written::Json => "json",
        Written::Yaml => "yaml",
    };
    coloured(language, &String::from_utf8_lossy(bytes))
}

/// Every schema that has members to tell, by what it is of.
fn schemas(definition: &Definition) -> Vec<Schema> {
    let of = |name: String, schema: Option<&Value>| {
        let members = form::members(&whole_schema(definition, schema));
        (!members.is_empty()).then_some(Schema { name, members })
    };
    let input = of("Input of a run".to_owned(), definition.source.get("input_schema"));
    let results = definition.steps.iter().filter_map(|step| {
        of(format!("Result of {}", step.id), source(definition, step, "output_schema"))
    });
    let output = definition.source.pointer("/final_output/schema");
    let output = output.and_then(|it| of("Output of a run".to_owned(), Some(it)));
    input.into_iter().chain(results).chain(output).collect()
}

fn version_row(it: &Version, read: &Read, now: UnixMillis) -> VersionRow {
    VersionRow {
        number: it.number,
        title: it.title.clone().unwrap_or_default(),
        by: it.by.to_string(),
        made: When::new(it.created_at, now),
        is_current: read.pipeline.current_version == Some(it.number),
        is_open: read.whole.version.number == it.number,
    }
}

fn compared((other, found): &(u32, Difference)) -> Compared {
    let text = |value: Option<&Value>| {
        let text = value.map(super::pretty).unwrap_or_default();
        let cut: String = text.chars().take(CHANGE_CHARS).collect();
        visible::html(&if cut.len() < text.len() { format!("{cut}…") } else { cut })
    };
    let row = |it: &crate::definitions::DiffChange| ChangeRow {
        kind: it.kind(),
        pointer: it.pointer.clone(),
        before: text(it.before.as_ref()),
        after: text(it.after.as_ref()),
    };
    Compared {
        other: *other,
        changes: found.changes.iter().take(CHANGES).map(row).collect(),
        left_out: found.changes.len().saturating_sub(CHANGES),
        incompatible_at: found.incompatible_at.clone(),
    }
}

fn schedule_row(it: &Scheduled, now: UnixMillis) -> ScheduleRow {
    ScheduleRow {
        name: it.name.clone(),
        cron: it.cron.clone(),
        zone: it.zone.clone(),
        next: it.next_at.filter(|_| !it.is_paused).map(|at| When::new(at, now)),
        last_run: it.last_run.map(|run| run.to_string()),
        failures: it.failures,
        is_paused: it.is_paused,
    }
}

/// Starts a run from what was typed.
pub(super) async fn start(
    door: Door,
    allowed: Allowed<act::RunStart, PlaceOfRuns>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let Form(typed) = Form::<Vec<(String, String)>>::take(call).await?;
    let place = allowed.resource();
    let may_read: MayRead = Allowed::ask(allowed.actor(), place.publisher.clone())?;
    let pipeline = door.pipelines.show(&may_read, &place.pipeline).await?;
    let number = pipeline.current_version.ok_or_else(Problem::not_found)?;
    let whole = door.pipelines.version(&may_read, &place.pipeline, number).await?;
    let mut form = form::Form::of(&input_schema(&whole.definition));
    let external_id = typed.iter().find(|(name, _)| name == "external_id");
    let external_id = external_id.map(|(_, text)| text.trim().to_owned()).unwrap_or_default();
    let problem = match form.take(&typed) {
        None => None,
        Some(input) => {
            let name = (!external_id.is_empty()).then(|| external_id.clone());
            let asked = json::NewRun {
                input,
                version: None,
                priority: None,
                external_id: name,
                deadline: None,
                budgets: None,
            };
            match starting::begun(&door, &allowed, asked).await {
                Ok(begun) => return Ok(lead_to(&format!("/runs/{}", begun.run))),
                Err(problem) if is_told(&problem) => Some(problem),
                Err(problem) => return Err(problem),
            }
        }
    };
    let status = problem.as_ref().map_or(http::StatusCode::UNPROCESSABLE_ENTITY, Problem::status);
    let mut notices = Vec::new();
    if let Some(problem) = &problem {
        for fault in problem.faults() {
            match fault.pointer.strip_prefix("/input") {
                Some(pointer) => form.fault(pointer, &fault.message),
                None => notices.push(visible::html(&fault.message)),
            }
        }
        if problem.faults().is_empty() {
            notices = sentences(problem);
        }
    }
    let wanted = Wanted { pipeline: place.pipeline.clone(), version: None, other: None };
    let said = Said { notices, form: Some(form), external_id };
    refused(page(&door, &may_read, &context, wanted, said).await, status)
}

/// What is set beside the versions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    audience: String,
    #[serde(default)]
    current_version: String,
    #[serde(default)]
    paused: String,
}

pub(super) async fn change(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    let Form(asked) = Form::<Settings>::take(call).await?;
    let audience = match asked.audience.as_str() {
        "" => None,
        word => Some(word.parse::<Audience>().map_err(|why| Problem::malformed(&why))?),
    };
    let current_version = match asked.current_version.as_str() {
        "" => None,
        number => Some(number.parse().map_err(|_| Problem::malformed("a version is a number"))?),
    };
    let is_paused = match asked.paused.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let change = Change { current_version, audience, is_paused };
    door.pipelines.change(&allowed, &pipeline, change, |_| true).await?;
    let handle = &allowed.resource().organization.handle;
    Ok(lead_to(&format!("/pipelines/{handle}/{pipeline}")))
}

/// Whether a schedule rests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    paused: String,
}

pub(super) async fn rest(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    let name = call.params.text("schedule").to_owned();
    let Form(asked) = Form::<Rest>::take(call).await?;
    let is_paused = asked.paused == "yes";
    door.pipelines.pause_schedule(&allowed, &pipeline, &name, is_paused).await?;
    let handle = &allowed.resource().organization.handle;
    Ok(lead_to(&format!("/pipelines/{handle}/{pipeline}#schedules")))
}
