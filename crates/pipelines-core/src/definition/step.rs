//! The members of a step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{
    From, Input, Join, Kind, MicroUsd, OnUnmet, Rest, Spawns, Step, Subcommand,
    fields::{Fields, MAX_WHOLE, note},
    graph::Links,
    handling,
    top::{Reading, object_schema, priority, schema, skills},
};
use crate::{
    expression::Expression,
    fault::Code,
    json::{Place, Pointer},
    name::StepId,
};

pub(super) use handling::Handling;

/// What a step may not have if persons decide it.
const NOT_FOR_APPROVALS: [&str; 8] =
    ["subcommands", "spawns", "quorum", "review", "claim", "labels", "trust", "attempts"];
/// Built-in subcommands.
const BUILT_IN: [&str; 3] = ["help", "status", "blocked"];

/// A requirement as it was written.
pub(super) struct Wanted {
    pub(super) step: StepId,
    pub(super) join: Join,
    pub(super) rest: Rest,
    pub(super) place: Place,
    pub(super) join_place: Place,
}

/// A step that is being checked.
pub(super) struct DraftStep {
    pub(super) id: Option<StepId>,
    pub(super) place: Place,
    pub(super) step: Option<Step>,
    pub(super) requires: Vec<Wanted>,
    pub(super) has_claim: bool,
}

/// Reads a step; nothing if it is no object.
pub(super) fn read(
    reading: &Reading<'_>,
    item: &Value,
    place: Place,
    defaults: &Handling,
) -> Option<DraftStep> {
    let fields = Fields::of(item, place, reading.faults)?;
    fields.required("id");
    fields.required("instructions");
    let id = fields.parsed::<StepId>("id");
    let kind = handling::kind(&fields);
    if matches!(kind, Kind::Approval(_)) {
        for name in NOT_FOR_APPROVALS.iter().filter(|name| item.get(**name).is_some()) {
            fields.fault(name, Code::UnknownField, "a step that persons decide has no such member");
        }
    }
    let handling = defaults.clone().read(&fields);
    let requires = requires(&fields);
    let step = id.clone().map(|id| Step {
        id,
        kind,
        title: fields.text("title", 480).map(str::to_owned),
        instructions: fields.text("instructions", 32 << 10).unwrap_or_default().into(),
        inputs: inputs(&fields),
        output_schema: object_schema(reading, &fields, "output_schema"),
        max_result: fields.whole("max_result", 1..=10 << 20).unwrap_or(1 << 20),
        subcommands: subcommands(reading, &fields),
        spawns: fields.object("spawns").and_then(spawns),
        requirements: Vec::new(),
        on_unmet: on_unmet(&fields),
        skip_if: skip_if(&fields),
        attempts: handling.attempts,
        backoff: handling.backoff,
        claim: handling.claim,
        deadline: fields.duration("deadline", Duration::from_millis(1)..=handling::MAX_DEADLINE),
        on_dead: handling.on_dead,
        priority: priority(reading, &fields),
        labels: labels(&fields),
        trust: fields.digit("trust", 3).unwrap_or_default(),
        checks: handling::checks(&fields),
        reserve: MicroUsd(fields.whole("reserve_micro_usd", 0..=MAX_WHOLE).unwrap_or_default()),
        skills: skills(reading, &fields),
        spawner: None,
        scope: Vec::new(),
        affects: Vec::new(),
    });
    let has_claim = item.get("claim").is_some();
    let draft = DraftStep { id, place: fields.place().clone(), step, requires, has_claim };
    // Without an id nothing else was asked for, and nothing else is told.
    if draft.step.is_some() {
        fields.finish();
    }
    Some(draft)
}

impl DraftStep {
    /// The step, with its place in the graph.
    pub(super) fn finish(self, links: Links) -> Option<Step> {
        let Links { requirements, spawner, scope, affects } = links;
        self.step.map(|step| Step { requirements, spawner, scope, affects, ..step })
    }
}

fn on_unmet(fields: &Fields<'_>) -> OnUnmet {
    let words = [("fail_run", OnUnmet::FailRun), ("skip", OnUnmet::Skip)];
    fields.word("on_unmet", &words).unwrap_or_default()
}

fn skip_if(fields: &Fields<'_>) -> Option<Expression> {
    let text = fields.text("skip_if", usize::MAX)?;
    text.parse()
        .map_err(|why: crate::expression::BadExpression| {
            fields.fault("skip_if", Code::ExpressionInvalid, why.to_string());
        })
        .ok()
}

fn labels(fields: &Fields<'_>) -> BTreeSet<String> {
    let read = |it: &str| is_label(it).then(|| it.to_owned());
    let labels = fields.texts("labels", 0..=16, "a label such as browser", read);
    labels.unwrap_or_default().into_iter().collect()
}

/// `^[a-z@][a-z0-9_.:/-]{0,63}$`
fn is_label(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.:/-".contains(c);
    let mut rest = text.chars();
    let first = rest.next();
    first.is_some_and(|c| c.is_ascii_lowercase() || c == '@')
        && text.len() <= 64
        && rest.all(is_part)
}

fn inputs(fields: &Fields<'_>) -> Option<BTreeMap<String, Input>> {
    let map = fields.map("inputs", 32)?;
    let place = fields.place().at("inputs");
    let mut found = BTreeMap::new();
    for (name, value) in map {
        let Some(inner) = Fields::of(value, place.at(name), fields.faults) else { continue };
        inner.required("from");
        let from = inner.text("from", 64).and_then(|text| match text {
            "run" => Some(From::Run),
            "item" => Some(From::Item),
            "index" => Some(From::Index),
            step => {
                let step = step.parse().map(From::Step);
                step.map_err(|_| inner.fault("from", Code::StepUnknown, "no step is called so"))
                    .ok()
            }
        });
        let pointer = inner.pointer("pointer").unwrap_or_else(Pointer::root);
        let default = inner.get("default").cloned();
        let is_optional = inner.boolean("optional").unwrap_or_default();
        if let Some(from) = from {
            found.insert(name.clone(), Input { from, pointer, default, is_optional });
        }
        inner.finish();
    }
    Some(found)
}

fn spawns(fields: Fields<'_>) -> Option<Spawns> {
    fields.required("for_each");
    fields.required("steps");
    let is_element = |it: &str| {
        it.starts_with(|c: char| c.is_ascii_lowercase())
            && it.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let element = fields.text("as", 64).unwrap_or("item").to_owned();
    if !is_element(&element) {
        fields.fault("as", Code::WrongType, "a small letter, then letters, digits and _");
    }
    let for_each = fields.pointer("for_each");
    let steps = fields.texts("steps", 1..=8, "the name of a step", |it| it.parse().ok());
    let max_width = fields.small("max_width", 1..=10_000).unwrap_or(100);
    fields.finish();
    Some(Spawns { for_each: for_each?, steps: steps?, element, max_width })
}

fn requires(fields: &Fields<'_>) -> Vec<Wanted> {
    let mut found = Vec::new();
    for (item, place) in fields.list("requires", 0..=200).unwrap_or_default() {
        if let Some(text) = item.as_str() {
            match text.parse() {
                Ok(step) => {
                    let join_place = place.clone();
                    found.push(Wanted {
                        step,
                        join: Join::All,
                        rest: Rest::Keep,
                        place,
                        join_place,
                    });
                }
                Err(_) => note(fields.faults, &place, Code::StepUnknown, "no step is called so"),
            }
            continue;
        }
        let Some(inner) = Fields::of(item, place.clone(), fields.faults) else { continue };
        inner.required("step");
        let step = inner.parsed::<StepId>("step");
        let join = join(&inner);
        let words = [("keep", Rest::Keep), ("cancel", Rest::Cancel)];
        let rest = inner.word("rest", &words).unwrap_or_default();
        let (at, join_place) = (place.at("step"), place.at("join"));
        found.extend(step.map(|step| Wanted { step, join, rest, place: at, join_place }));
        inner.finish();
    }
    found
}

fn join(fields: &Fields<'_>) -> Join {
    match fields.get("join") {
        None => Join::All,
        Some(Value::Object(_)) => {
            let Some(inner) = fields.object("join") else { return Join::All };
            inner.required("k");
            let many = inner.get("k").and_then(Value::as_i64);
            let many = many.map(|it| u32::try_from(it).unwrap_or_default());
            if inner.get("k").is_some() && many.is_none() {
                inner.fault("k", Code::WrongType, "a whole number is wanted");
            }
            inner.finish();
            Join::AtLeast(many.unwrap_or(1))
        }
        Some(_) => {
            let words = [("all", Join::All), ("any", Join::AtLeast(1))];
            fields.word("join", &words).unwrap_or(Join::All)
        }
    }
}

fn subcommands(reading: &Reading<'_>, fields: &Fields<'_>) -> Vec<Subcommand> {
    let mut found: Vec<Subcommand> = Vec::new();
    for (item, place) in fields.list("subcommands", 0..=32).unwrap_or_default() {
        let Some(inner) = Fields::of(item, place, fields.faults) else { continue };
        inner.required("name");
        inner.required("url");
        let name = inner.text("name", 64).unwrap_or_default();
        if BUILT_IN.contains(&name) {
            inner.fault("name", Code::SubcommandReserved, "a built-in one has this name");
        } else if found.iter().any(|it| it.name == name) {
            inner.fault("name", Code::SubcommandDuplicate, "another one has this name");
        } else if inner.get("name").is_some() && !is_subcommand(name) {
            inner.fault("name", Code::WrongType, "small letters, digits, blanks, _ and -");
        }
        let url = inner.text("url", 2_048).unwrap_or_default();
        if inner.get("url").is_some()
            && let Err(why) = reading.outside.endpoint(url)
        {
            inner.fault("url", Code::EndpointRefused, why);
        }
        let optional = |name| inner.get(name).is_some().then(|| schema(reading, &inner, name));
        let timeout = Duration::from_millis(1)..=Duration::from_secs(15);
        found.push(Subcommand {
            name: name.to_owned(),
            url: url.to_owned(),
            summary: inner.text("summary", 200).unwrap_or_default().to_owned(),
            help: inner.text("help", 4 << 10).unwrap_or_default().to_owned(),
            input_schema: optional("input_schema"),
            output_schema: optional("output_schema"),
            timeout: inner.duration("timeout", timeout).unwrap_or(Duration::from_secs(15)),
            max_calls: inner.small("max_calls", 1..=500).unwrap_or(50),
        });
        inner.finish();
    }
    found
}

/// `^[a-z][a-z0-9 _-]{0,62}[a-z0-9]$`
fn is_subcommand(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || " _-".contains(c);
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(is_part)
}
