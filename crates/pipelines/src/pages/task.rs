//! `/runs/{run}/tasks/{task}`: a task as its agents saw it, and what each made of it.
//!
//! A task is named by its id, or by its address: then the newest generation is meant.

use api::json;
use askama::Template;
use axum::response::Response;
use names::UnixMillis;
use pipelines_core::{
    definition::{Kind, Step},
    name::{Address, Check},
};
use serde::Deserialize;
use serde_json::Value;
use trust::{Actor, Allowed, Resource, act, authority::Facts};
use web::{
    Call, Context, Form, Input as _, Json, Load, Params, Problem,
    look::{Crumb, Html, Layout, When, visible},
};

use super::{
    Tabs, coloured, crumbs, form, is_told, layout, lead_to, now, pretty, refused, sentences, store,
    task_badge,
};
use crate::{
    Door,
    engine::{self, heads::TaskId},
    serving::{
        gates,
        places::{RunPlace, TaskPlace},
        store as rows, tasks, tools,
    },
};

/// A task of a run, as an address of a page names it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    run: RunPlace,
    task: TaskPlace,
}

impl Resource for Place {
    fn facts(&self) -> Facts<'_> {
        self.run.facts()
    }
}

impl Load<Door> for Place {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let run = RunPlace::load(door, params, actor).await?;
        let text = params.text("task");
        let mut tx = door.db().glance().await?;
        let task = if let Ok(task) = text.parse::<TaskId>() {
            Some(task)
        } else {
            let address: Address = params.parse("task")?;
            store::at_address(&mut tx, run.run, &address.to_string()).await?
        };
        let task = task.ok_or_else(Problem::not_found)?;
        let found = rows::place_of_task(&mut tx, task).await?;
        let found = found.filter(|it| it.run == run.run).ok_or_else(Problem::not_found)?;
        let rows::PlaceOfTask { address, generation, .. } = found;
        let publisher = run.publisher.clone();
        let task = TaskPlace { publisher, task, run: run.run, address, generation };
        Ok(Self { run, task })
    }
}

/// A result that came in.
#[derive(Debug)]
struct Submission {
    verdict: String,
    sha256: String,
    when: String,
    faults: Vec<Html>,
}

/// A claim.
#[derive(Debug)]
struct Attempt {
    claim: String,
    agent: String,
    fence: u64,
    state: String,
    badge: &'static str,
    granted: String,
    ends: String,
    said: Option<Html>,
    submissions: Vec<Submission>,
    calls: Vec<CallRow>,
}

/// A call of a subcommand.
#[derive(Debug)]
struct CallRow {
    subcommand: String,
    outcome: String,
    status: Option<u16>,
    took: String,
    bytes: u64,
    request: Vec<Html>,
    answer: Vec<Html>,
}

/// What a person said.
#[derive(Debug)]
struct Vote {
    person: String,
    decision: String,
    comment: Html,
    when: When,
}

/// What a person is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// How persons answer: by a form, by a word, or by naming a ballot.
    pub(super) form: form::Form,
    pub(super) has_form: bool,
    pub(super) comment: String,
    pub(super) csrf: String,
    pub(super) action: String,
}

/// Another generation of the same address.
#[derive(Debug)]
struct Generation {
    href: String,
    number: i64,
    state: String,
    is_open: bool,
}

/// `/runs/{run}/tasks/{task}`.
#[derive(Debug, Template)]
#[template(path = "task.html")]
struct TaskPage {
    layout: Layout,
    tabs: Tabs,
    notices: Vec<Html>,
    run: String,
    here: String,
    address: String,
    state: String,
    badge: &'static str,
    reason: Option<String>,
    ready: Option<When>,
    failed: u32,
    generations: Vec<Generation>,
    origin: String,
    title: String,
    instructions: Option<Html>,
    input: Option<Vec<Html>>,
    output: Option<Vec<Html>>,
    feedback: Vec<Html>,
    attempts: Vec<Attempt>,
    votes: Vec<Vote>,
    question: Option<Question>,
    /// The mark of the session, for those who may change something.
    csrf: Option<String>,
    may_retry: bool,
    may_cancel: bool,
}

type MayRead = Allowed<act::RunRead, Place>;

/// What is said besides.
#[derive(Default)]
struct Said {
    notices: Vec<Html>,
    form: Option<form::Form>,
    comment: String,
}

pub(super) async fn show(door: Door, allowed: MayRead, call: Call) -> Result<Response, Problem> {
    page(&door, &allowed, &call.context, Said::default()).await
}

/// What is read of a task for its page.
struct Read {
    row: store::TaskRow,
    definition: std::sync::Arc<pipelines_core::definition::Definition>,
    generations: Vec<(uuid::Uuid, i64, String)>,
    votes: Vec<rows::VoteRow>,
    attempts: Vec<json::Attempt>,
    calls: Vec<json::ToolCall>,
}

async fn read(door: &Door, allowed: &MayRead) -> Result<Read, Problem> {
    let Place { run, task } = allowed.resource();
    let mut tx = door.db().read().await?;
    let row = store::task(&mut tx, task.task).await?.ok_or_else(Problem::not_found)?;
    let publisher = run.publisher.organization.id;
    let pinned =
        door.pipelines.pinned(&mut tx, publisher, &run.pipeline, Some(row.version)).await?;
    let address = task.address.to_string();
    let generations = store::generations(&mut tx, run.run, &address).await?;
    let votes = rows::votes(&mut tx, task.task).await?;
    drop(tx);
    let of_task = || Allowed::<act::RunRead, _>::ask(allowed.actor(), task.clone());
    let Json(attempts) = tasks::attempts(door.clone(), of_task()?, ()).await?;
    let Json(calls) = tools::list(door.clone(), of_task()?, ()).await?;
    let definition = pinned.ok_or_else(Problem::not_found)?.definition;
    let (attempts, calls) = (attempts.items, calls.items);
    Ok(Read { row, definition, generations, votes, attempts, calls })
}

async fn page(
    door: &Door,
    allowed: &MayRead,
    context: &Context,
    said: Said,
) -> Result<Response, Problem> {
    let read = read(door, allowed).await?;
    let (Place { run, task }, actor) = (allowed.resource(), allowed.actor());
    let tabs = Tabs::of(door, &run.publisher, "").await?;
    let now = now(door);
    let (handle, address) = (&run.publisher.organization.handle, task.address.to_string());
    let here = format!("/runs/{}/tasks/{}", run.run, task.task);
    let row = &read.row;
    let step = read.definition.step(&task.address.step);
    let csrf = context.reader().csrf;
    let may_end = Allowed::<act::RunCancel, _>::ask(actor, run.clone()).is_ok();
    let may_decide = Allowed::<act::GateDecide, _>::ask(actor, task.clone()).is_ok();
    let asks = csrf.clone().filter(|_| may_decide && row.state == "waiting");
    let short: String = run.run.to_string().chars().take(8).collect();
    let mut way = crumbs(handle.as_str());
    way.push(Crumb::link(run.pipeline.as_str(), format!("/pipelines/{handle}/{}", run.pipeline)));
    way.push(Crumb::link(format!("run {short}"), format!("/runs/{}", run.run)));
    way.push(Crumb::here(address.as_str()));
    web::page(&TaskPage {
        layout: layout(
            format!("{address} · run {short} · {handle}/{}", run.pipeline),
            way,
            context,
        ),
        tabs,
        notices: said.notices,
        badge: task_badge(&row.state),
        state: row.state.clone(),
        reason: row.reason.clone(),
        ready: row.ready_at.map(|at| When::new(at, now)),
        failed: row.part.failed(),
        generations: generations(&read, task, &run.run.to_string()),
        origin: format!("{handle}/{}@{}", run.pipeline, row.version),
        title: step.and_then(|it| it.title.clone()).unwrap_or_default(),
        instructions: step.map(|it| visible::html(&it.instructions)),
        input: row.input.as_deref().map(json_lines),
        output: row.output.as_deref().map(json_lines),
        feedback: row.part.feedback().iter().map(|it| visible::html(it)).collect(),
        attempts: read.attempts.iter().map(|it| attempt(it, &read.calls)).collect(),
        votes: read.votes.iter().map(|it| vote(it, now)).collect(),
        question: asks.and_then(|csrf| {
            let (form, comment) = (said.form, said.comment);
            let question = question(&read.definition, step?, &task.address, csrf, &here);
            Some(Question { form: form.unwrap_or(question.form), comment, ..question })
        }),
        may_retry: row.state == "dead" && !row.is_superseded,
        may_cancel: !matches!(row.state.as_str(), "done" | "skipped" | "dead" | "cancelled"),
        csrf: csrf.filter(|_| may_end),
        run: run.run.to_string(),
        address,
        here,
    })
}

/// A value of a row, as people read it.
pub(super) fn json_lines(text: &str) -> Vec<Html> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => coloured("json", &pretty(&value)),
        Err(_) => vec![visible::html(text)],
    }
}

/// What a person is asked at an address.
pub(super) fn question(
    definition: &pipelines_core::definition::Definition,
    step: &Step,
    address: &Address,
    csrf: String,
    here: &str,
) -> Question {
    let is_approval = matches!(step.kind, Kind::Approval(_)) && address.check.is_none();
    let schema = match address.check {
        None => {
            let own = engine::source(definition, step, "output_schema");
            engine::whole_schema(definition, own)
        }
        // Who picks says which ballot; who reviews says a word alone.
        Some(Check::Ballot(_) | Check::Review(_))
            if matches!(step.checks, pipelines_core::definition::Checks::Quorum(_)) =>
        {
            serde_json::json!({
                "type": "object", "required": ["ballot"],
                "properties": {"ballot": {"type": "integer", "minimum": 0}},
            })
        }
        Some(Check::Ballot(_) | Check::Review(_)) => Value::Bool(true),
    };
    let form = form::Form::of(&schema);
    let has_form = is_approval || !form.fields.is_empty();
    Question { has_form, form, comment: String::new(), csrf, action: format!("{here}/decide") }
}

fn generations(read: &Read, task: &TaskPlace, run: &str) -> Vec<Generation> {
    let of = |(id, number, state): &(uuid::Uuid, i64, String)| Generation {
        href: format!("/runs/{run}/tasks/{id}"),
        number: *number,
        state: state.clone(),
        is_open: *id == task.task.uuid(),
    };
    // One alone is nothing to choose from.
    if read.generations.len() < 2 { Vec::new() } else { read.generations.iter().map(of).collect() }
}

fn attempt(it: &json::Attempt, calls: &[json::ToolCall]) -> Attempt {
    let of_claim = calls.iter().rev().filter(|call| call.claim == it.claim);
    Attempt {
        claim: it.claim.clone(),
        agent: it.agent.clone(),
        fence: it.fence,
        badge: match it.state.as_str() {
            "submitted" => "good",
            "live" => "agent",
            "expired" | "exhausted" => "bad",
            _ => "quiet",
        },
        state: it.state.clone(),
        granted: it.granted_at.clone(),
        ends: it.lease_ends_at.clone(),
        said: it.detail.as_deref().map(visible::html),
        submissions: it.submissions.iter().map(submission).collect(),
        calls: of_claim.map(call_row).collect(),
    }
}

fn submission(it: &json::ClaimSubmission) -> Submission {
    let fault = |it: &Value| {
        let word = |name: &str| it.get(name).and_then(Value::as_str).unwrap_or_default();
        visible::html(&format!("{} {}: {}", word("code"), word("pointer"), word("message")))
    };
    Submission {
        verdict: it.verdict.clone(),
        sha256: it.result_sha256.clone(),
        when: it.at.clone(),
        faults: it.errors.iter().map(fault).collect(),
    }
}

fn call_row(it: &json::ToolCall) -> CallRow {
    let moment = |text: &str| text.parse::<UnixMillis>().ok();
    let ended = it.ended_at.as_deref().and_then(moment);
    let took = ended.zip(moment(&it.started_at)).map(|(end, start)| end.0 - start.0);
    CallRow {
        subcommand: it.subcommand.clone(),
        outcome: it.outcome.clone().unwrap_or_else(|| "under way".to_owned()),
        status: it.status,
        took: took.map(super::pictures::spoken).unwrap_or_default(),
        bytes: it.bytes,
        request: coloured("json", &pretty(&it.request)),
        answer: it.answer.as_ref().map(|it| coloured("json", &pretty(it))).unwrap_or_default(),
    }
}

fn vote((person, decision, comment, at): &rows::VoteRow, now: UnixMillis) -> Vote {
    Vote {
        person: person.clone(),
        decision: decision.clone(),
        comment: visible::html(comment),
        when: When::new(UnixMillis(*at), now),
    }
}

/// Leads to the task after what was done, or shows it with what stood in the way.
async fn told<T>(
    door: &Door,
    (actor, place, context): (&Actor, &Place, &Context),
    (done, said): (Result<T, Problem>, Said),
) -> Result<Response, Problem> {
    match done {
        // A retry opens another generation: the address leads to the newest.
        Ok(_) => {
            let address = web::look::href::segment(&place.task.address.to_string());
            Ok(lead_to(&format!("/runs/{}/tasks/{address}", place.run.run)))
        }
        Err(problem) if is_told(&problem) => {
            let may_read: MayRead = Allowed::ask(actor, place.clone())?;
            let mut said = said;
            for fault in problem.faults() {
                match (fault.pointer.strip_prefix("/output"), &mut said.form) {
                    (Some(pointer), Some(form)) => form.fault(pointer, &fault.message),
                    _ => said.notices.push(visible::html(&fault.message)),
                }
            }
            if problem.faults().is_empty() {
                said.notices = sentences(&problem);
            }
            refused(page(door, &may_read, context, said).await, problem.status())
        }
        Err(problem) => Err(problem),
    }
}

/// A form with nothing in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) async fn retry(
    door: Door,
    allowed: Allowed<act::RunCancel, Place>,
    call: Call,
) -> Result<Response, Problem> {
    let (context, actor, place) =
        (call.context.clone(), allowed.actor().clone(), allowed.resource().clone());
    let Form(Nothing {}) = Form::<Nothing>::take(call).await?;
    let of_task = Allowed::<act::RunCancel, _>::ask(&actor, place.task.clone())?;
    let done = tasks::retry(door.clone(), of_task, Json(json::Reason::default())).await;
    told(&door, (&actor, &place, &context), (done, Said::default())).await
}

pub(super) async fn cancel(
    door: Door,
    allowed: Allowed<act::RunCancel, Place>,
    call: Call,
) -> Result<Response, Problem> {
    let (context, actor, place) =
        (call.context.clone(), allowed.actor().clone(), allowed.resource().clone());
    let Form(Nothing {}) = Form::<Nothing>::take(call).await?;
    let of_task = Allowed::<act::RunCancel, _>::ask(&actor, place.task.clone())?;
    let done = tasks::cancel(door.clone(), of_task, Json(json::Reason::default())).await;
    told(&door, (&actor, &place, &context), (done, Said::default())).await
}

/// A person decides.
pub(super) async fn decide(
    door: Door,
    allowed: Allowed<act::GateDecide, Place>,
    call: Call,
) -> Result<Response, Problem> {
    let (context, actor, place) =
        (call.context.clone(), allowed.actor().clone(), allowed.resource().clone());
    let Form(typed) = Form::<Vec<(String, String)>>::take(call).await?;
    let of = |name: &str| {
        let found = typed.iter().find(|(it, _)| it == name);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let may_read: MayRead = Allowed::ask(&actor, place.clone())?;
    let definition = read(&door, &may_read).await?.definition;
    let step = definition.step(&place.task.address.step).ok_or_else(Problem::not_found)?;
    let mut form = question(&definition, step, &place.task.address, String::new(), "").form;
    let (decision, comment) = (of("decision"), of("comment"));
    let said = |form, comment| Said { form: Some(form), comment, notices: Vec::new() };
    // Who says no fills nothing in.
    let output = match form.take(&typed) {
        _ if decision != "approve" => None,
        Some(output) => Some(output),
        None => {
            let page = page(&door, &may_read, &context, said(form, comment)).await;
            return refused(page, http::StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let asked = json::Decide { decision, output, comment: Some(comment.clone()) };
    let of_task = Allowed::<act::GateDecide, _>::ask(&actor, place.task.clone())?;
    let done = gates::decided(&door, &of_task, asked).await;
    told(&door, (&actor, &place, &context), (done, said(form, comment))).await
}
