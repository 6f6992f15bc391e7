//! `/pipelines/{publisher}`: the pipelines of a publisher, and a form that registers one.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use names::UnixMillis;
use pipelines_core::{
    fault::{Fault, in_text},
    json::{Form as Written, Lines},
    name::PipelineId,
};
use serde::Deserialize;
use trust::{Allowed, Publisher, act};
use web::{
    Call, Context, Form, Input as _, Problem,
    look::{Html, Layout, When, visible},
};

use super::{
    Tabs, crumbs, is_told, layout, lead_to, may_register, now, pictures::spoken, refused,
    run_badge, sentences, store,
};
use crate::{
    Door, Error,
    definitions::{Pipeline, Sent},
};

/// Pipelines of a page.
const PAGE: u32 = 100;
/// What "lately" is.
const LATELY_MILLIS: i64 = 86_400_000;
/// Runs that are counted of that time: the last.
const COUNTED: i64 = 5_000;
/// Dead letters that are counted: the last.
const COUNTED_DEAD: i64 = 10_000;
/// Faults that a page tells.
const TOLD: usize = 100;

/// A pipeline in the list.
#[derive(Debug)]
struct Row {
    id: String,
    title: String,
    current: Option<u32>,
    is_paused: bool,
    audience: &'static str,
    /// Runs of the last day by state.
    runs: Vec<(&'static str, String, u64)>,
    lengths: Option<(String, String)>,
    dead: u64,
    schedules: Option<(i64, Option<When>)>,
}

/// A line of a text, with what is wrong there.
#[derive(Debug)]
struct Line {
    number: usize,
    text: Html,
    faults: Vec<Told>,
}

/// A fault.
#[derive(Debug, Clone)]
struct Told {
    code: &'static str,
    pointer: String,
    message: Html,
}

/// What was typed, and what came of it.
#[derive(Debug, Default)]
struct Typed {
    definition: String,
    is_inactive: bool,
    lines: Vec<Line>,
    /// Faults that stand at no line.
    others: Vec<Told>,
    count: usize,
    notices: Vec<Html>,
}

/// `/pipelines/{publisher}`.
#[derive(Debug, Template)]
#[template(path = "publisher.html")]
struct PublisherPage {
    layout: Layout,
    tabs: Tabs,
    handle: String,
    name: Html,
    rows: Vec<Row>,
    is_cut: bool,
    next: Option<String>,
    typed: Typed,
    csrf: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    after: Option<String>,
}

type MayRead = Allowed<act::PipelineRead, Publisher>;

pub(super) async fn show(door: Door, allowed: MayRead, call: Call) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    page(&door, &allowed, &call.context, asked, Typed::default()).await
}

/// Runs of a pipeline by state, and how long those took that ended well.
#[derive(Default)]
struct Numbers {
    states: BTreeMap<String, u64>,
    lengths: Vec<i64>,
}

fn numbers(found: Vec<store::Lately>) -> BTreeMap<String, Numbers> {
    let mut all: BTreeMap<String, Numbers> = BTreeMap::new();
    for it in found {
        let of = all.entry(it.pipeline_id).or_default();
        let length = it.ended_at.map(|end| end - it.started_at);
        of.lengths.extend(length.filter(|_| it.state == "completed"));
        *of.states.entry(it.state).or_default() += 1;
    }
    all
}

/// The middle, and what nineteen of twenty do not pass.
fn lengths(mut all: Vec<i64>) -> Option<(String, String)> {
    all.sort_unstable();
    let last = all.len().checked_sub(1)?;
    let at = |hundredths: usize| all.get((last * hundredths).div_ceil(100)).copied();
    Some((spoken(at(50)?), spoken(at(95)?)))
}

async fn page(
    door: &Door,
    allowed: &MayRead,
    context: &Context,
    asked: Asked,
    typed: Typed,
) -> Result<Response, Problem> {
    let (publisher, now) = (allowed.resource(), now(door));
    let after = asked
        .after
        .map(|it| it.parse::<PipelineId>())
        .transpose()
        .map_err(|_| Problem::not_found())?;
    let found = door.pipelines.list(allowed, after.as_ref(), PAGE).await?;
    let tabs = Tabs::of(door, publisher, "pipelines").await?;
    let id = publisher.organization.id;
    let since = UnixMillis(now.0 - LATELY_MILLIS);
    let mut tx = door.db().read().await?;
    let lately = store::lately(&mut tx, id, since, COUNTED).await?;
    let dead: BTreeMap<_, _> =
        store::dead_of(&mut tx, id, COUNTED_DEAD).await?.into_iter().collect();
    let schedules = store::schedules_of(&mut tx, id).await?;
    drop(tx);
    let is_cut = i64::try_from(lately.len()).unwrap_or(COUNTED) >= COUNTED;
    let mut numbers = numbers(lately);
    let row = |it: &Pipeline| {
        let of = numbers.remove(it.id.as_str()).unwrap_or_default();
        let fires = schedules.iter().find(|(pipeline, ..)| pipeline == it.id.as_str());
        Row {
            id: it.id.to_string(),
            title: it.title.clone().unwrap_or_default(),
            current: it.current_version,
            is_paused: it.is_paused,
            audience: it.audience.as_str(),
            runs: of.states.into_iter().map(|(it, count)| (run_badge(&it), it, count)).collect(),
            lengths: lengths(of.lengths),
            dead: dead.get(it.id.as_str()).copied().unwrap_or(0),
            schedules: fires
                .map(|(_, count, next)| (*count, next.map(|at| When::new(UnixMillis(at), now)))),
        }
    };
    let handle = publisher.organization.handle.to_string();
    let next = found.last().filter(|_| found.len() >= PAGE as usize).map(|it| it.id.to_string());
    let mut crumbs = crumbs(&handle);
    if let Some(here) = crumbs.last_mut() {
        here.href = None;
    }
    let csrf = context.reader().csrf.filter(|_| may_register(allowed.actor(), publisher));
    web::page(&PublisherPage {
        layout: layout(format!("Pipelines of {handle}"), crumbs, context),
        tabs,
        name: visible::html(&publisher.display_name),
        rows: found.iter().map(row).collect(),
        is_cut,
        next,
        typed,
        csrf,
        handle,
    })
}

/// A definition, as it was typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    definition: String,
    #[serde(default)]
    inactive: String,
}

/// A text that begins as an object of JSON does is JSON.
fn written(text: &str) -> Written {
    if text.trim_start().starts_with('{') { Written::Json } else { Written::Yaml }
}

/// Faults beside the lines of the text that they are about; lines without any are left out, but for their neighbours.
fn beside(text: &str, faults: &[Fault]) -> (Vec<Line>, Vec<Told>) {
    let lines = Lines::of(text, written(text));
    let (mut at, mut others): (BTreeMap<usize, Vec<Told>>, Vec<Told>) =
        (BTreeMap::new(), Vec::new());
    for it in faults.iter().take(TOLD) {
        let (line, message) = in_text(&it.pointer, &it.message, &lines);
        let message = visible::html(message);
        let told = Told { code: it.code.as_str(), pointer: it.pointer.clone(), message };
        match line {
            Some(line) => at.entry(line).or_default().push(told),
            None => others.push(told),
        }
    }
    let is_near = |number: usize| at.range(number.saturating_sub(1)..=number + 1).next().is_some();
    let near: Vec<_> = (1..).zip(text.lines()).filter(|(number, _)| is_near(*number)).collect();
    let line = |(number, text): (usize, &str)| Line {
        number,
        text: visible::html(text),
        faults: at.remove(&number).unwrap_or_default(),
    };
    let shown = near.into_iter().map(line).collect();
    others.extend(at.into_values().flatten());
    (shown, others)
}

/// Registers what was typed, or shows what does not hold, beside its lines.
pub(super) async fn register(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let Form(new) = Form::<New>::take(call).await?;
    // A browser ends lines with two characters.
    let text = new.definition.replace("\r\n", "\n");
    let is_inactive = !new.inactive.is_empty();
    let sent = Sent {
        text: text.clone().into(),
        form: written(&text),
        is_dry_run: false,
        activates: !is_inactive,
    };
    let publisher = allowed.resource();
    let typed = Typed { is_inactive, ..Typed::default() };
    let (typed, status) = match door.pipelines.register(&allowed, sent, |_| true).await {
        Ok(made) => {
            let handle = &publisher.organization.handle;
            return Ok(lead_to(&format!("/pipelines/{handle}/{}/v/{}", made.id, made.version)));
        }
        Err(Error::Faults(faults)) => {
            let (lines, others) = beside(&text, &faults);
            let typed = Typed { lines, others, count: faults.len(), ..typed };
            (typed, http::StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error) => {
            let problem = Problem::from(error);
            if !is_told(&problem) {
                return Err(problem);
            }
            (Typed { notices: sentences(&problem), ..typed }, problem.status())
        }
    };
    let typed = Typed { definition: text, ..typed };
    let may_read = Allowed::ask(allowed.actor(), publisher.clone())?;
    refused(page(&door, &may_read, &context, Asked::default(), typed).await, status)
}

#[cfg(test)]
mod tests {
    use pipelines_core::fault::Code;

    use super::*;

    #[test]
    fn faults_stand_beside_their_lines() {
        let text = "motet: 1\nid: x\nsteps:\n- id: a\n  colour: red\n- id: b\n";
        let fault = |pointer: &str| Fault {
            pointer: pointer.to_owned(),
            code: Code::UnknownField,
            message: "there is no such member".to_owned(),
        };
        let (lines, others) = beside(text, &[fault("/steps/0/colour")]);
        let told: Vec<_> = lines.iter().map(|it| (it.number, it.faults.len())).collect();
        assert_eq!(told, [(4, 0), (5, 1), (6, 0)]);
        assert!(others.is_empty());
    }

    #[test]
    fn lengths_are_the_middle_and_the_long_end() {
        let all = (1..=100).map(|it| it * 1_000).collect();
        assert_eq!(lengths(all), Some(("51 s".to_owned(), "1 min 36 s".to_owned())));
        assert_eq!(lengths(vec![450]), Some(("450 ms".to_owned(), "450 ms".to_owned())));
        assert_eq!(lengths(Vec::new()), None);
    }
}
