//! The members of a definition itself.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    Budgets, Concurrency, Definition, Fairness, Faults, MicroUsd, OnExhausted, OnFull, Output,
    Outside, Schedule, SlotOf, VerdictMode, Webhook,
    fields::{Fields, MAX_WHOLE, note},
    graph::Links,
    step::{self, DraftStep, Handling},
};
use crate::{
    compose::Rule,
    fault::Code,
    json::{self, Place, Pointer},
    name::{PipelineId, is_name},
    schedule::{Missed, Timetable},
    schema::{Library, Schema, declared},
};

const DAY: Duration = Duration::from_hours(24);
const MAX_URL_BYTES: usize = 2_048;
/// The events that a version's webhook may ask for (`spec/webhooks.md` 2, the rows of Work).
const EVENTS: [&str; 16] = [
    "run.started",
    "run.composed",
    "run.completed",
    "run.failed",
    "run.cancelled",
    "run.expired",
    "task.ready",
    "task.claimed",
    "task.extended",
    "task.released",
    "task.lease_expired",
    "task.completed",
    "task.failed",
    "task.dead",
    "approval.requested",
    "approval.resolved",
];
/// What is told if a webhook does not say.
const USUAL_EVENTS: [&str; 4] = ["run.completed", "run.failed", "run.cancelled", "run.expired"];

/// A skill reference and what it stands for.
pub(super) type Resolved = RefCell<Vec<(Pointer, String)>>;

/// A definition that is being checked.
pub(super) struct Draft {
    id: Option<PipelineId>,
    title: Option<String>,
    description: Option<String>,
    pub(super) library: Library,
    pub(super) input_schema: Schema,
    search: Vec<Pointer>,
    pub(super) steps: Vec<DraftStep>,
    pub(super) rules: Vec<(Rule, Place)>,
    output_schema: Option<Schema>,
    webhook: Option<Webhook>,
    pub(super) deadline: Duration,
    pub(super) budgets: Budgets,
    priority: u8,
    concurrency: Vec<Concurrency>,
    fairness: Fairness,
    schedules: Vec<Schedule>,
    skills: Vec<String>,
    resolved: Vec<(Pointer, String)>,
    pub(super) graph: RefCell<BTreeMap<usize, Links>>,
}

/// What reading needs besides the text.
pub(super) struct Reading<'d> {
    pub(super) outside: &'d dyn Outside,
    pub(super) library: Library,
    pub(super) faults: &'d Faults,
    pub(super) resolved: Resolved,
}

/// Reads a document; nothing if it is no object.
pub(super) fn read(source: &Value, outside: &dyn Outside, faults: &Faults) -> Option<Draft> {
    let top = Fields::of(source, Place::root(), faults)?;
    let raw = top.map("schemas", 64).cloned().unwrap_or_default();
    let library = Library::read(raw, &Place::root().at("schemas"), &mut faults.borrow_mut());
    let reading = Reading { outside, library, faults, resolved: Resolved::default() };
    top.required("motet");
    top.whole("motet", 1..=1);
    top.required("id");
    let id = top.parsed("id");
    let input_schema = object_schema(&reading, &top, "input_schema");
    let handling = top.object("defaults").map_or_else(Handling::default, |defaults| {
        let handling = Handling::default().read(&defaults);
        defaults.finish();
        handling
    });
    let (rules, output_schema) = output(&reading, &top);
    let schedules = schedules(&top, &input_schema);
    let draft = Draft {
        id,
        title: top.text("title", 480).map(str::to_owned),
        description: top.text("description", 4 << 10).map(str::to_owned),
        input_schema,
        search: search(&top),
        steps: steps(&reading, &top, &handling),
        rules,
        output_schema,
        webhook: top.object("webhook").map(|it| webhook(&reading, it)),
        deadline: top.duration("deadline", Duration::from_mins(1)..=90 * DAY).unwrap_or(7 * DAY),
        budgets: top.object("budgets").map_or_else(Budgets::default, budgets),
        priority: priority(&reading, &top).unwrap_or(5),
        concurrency: concurrency(&top),
        fairness: top.object("fairness").map_or_else(Fairness::default, fairness),
        schedules,
        skills: skills(&reading, &top),
        graph: RefCell::default(),
        resolved: reading.resolved.into_inner(),
        library: reading.library,
    };
    if draft.title.as_ref().is_some_and(|it| it.chars().count() > 120) {
        top.fault("title", Code::OutOfRange, "at most 120 characters are taken");
    }
    top.finish();
    Some(draft)
}

/// A schema that has to be there.
pub(super) fn schema(reading: &Reading<'_>, fields: &Fields<'_>, name: &'static str) -> Schema {
    let nothing = Value::Bool(true);
    let value = fields.required(name).unwrap_or(&nothing);
    let place = fields.place().at(name);
    reading.library.compile(value, &place, &mut reading.faults.borrow_mut())
}

/// A schema that has to be there and takes objects only.
pub(super) fn object_schema(
    reading: &Reading<'_>,
    fields: &Fields<'_>,
    name: &'static str,
) -> Schema {
    let schema = schema(reading, fields, name);
    if let Some(value) = fields.get(name)
        && !declared(value, &Pointer::root(), &reading.library)
            .is_some_and(|it| it.is_object(&reading.library))
    {
        fields.fault(name, Code::SchemaInvalid, "the type at the root is object");
    }
    schema
}

/// A priority, as far as it was granted.
pub(super) fn priority(reading: &Reading<'_>, fields: &Fields<'_>) -> Option<u8> {
    let priority = fields.digit("priority", 9)?;
    if priority > reading.outside.max_priority().max(5) {
        let why = "above 5 only what the operator grants";
        fields.fault("priority", Code::PriorityNotGranted, why);
    }
    Some(priority)
}

/// Skill references, resolved.
pub(super) fn skills(reading: &Reading<'_>, fields: &Fields<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (item, place) in fields.list("skills", 0..=16).unwrap_or_default() {
        let Some(reference) = item.as_str() else {
            note(reading.faults, &place, Code::WrongType, "a text is wanted");
            continue;
        };
        let known = reading.outside.skill(reference).zip(place.as_str().parse().ok());
        let Some((resolved, pointer)) = known else {
            let why = format!("there is no skill {reference}");
            note(reading.faults, &place, Code::SkillUnknown, why);
            continue;
        };
        reading.resolved.borrow_mut().push((pointer, resolved.clone()));
        found.push(resolved);
    }
    found
}

fn search(top: &Fields<'_>) -> Vec<Pointer> {
    let pointers = top.texts("search", 0..=8, "a pointer", |it| it.parse().ok());
    pointers.unwrap_or_default()
}

fn steps(reading: &Reading<'_>, top: &Fields<'_>, handling: &Handling) -> Vec<DraftStep> {
    top.required("steps");
    let items = top.list("steps", 1..=200).unwrap_or_default();
    let read = |(item, place)| step::read(reading, item, place, handling);
    items.into_iter().filter_map(read).collect()
}

fn output(reading: &Reading<'_>, top: &Fields<'_>) -> (Vec<(Rule, Place)>, Option<Schema>) {
    top.required("final_output");
    let Some(fields) = top.object("final_output") else { return (Vec::new(), None) };
    fields.required("composes");
    let mut rules = Vec::new();
    for (item, place) in fields.list("composes", 1..=64).unwrap_or_default() {
        match Rule::read(item) {
            Ok(rule) => rules.push((rule, place)),
            Err(why) => note(reading.faults, &place, Code::ComposeSyntax, why.to_string()),
        }
    }
    let schema = fields.get("schema").is_some().then(|| schema(reading, &fields, "schema"));
    fields.finish();
    (rules, schema)
}

fn webhook(reading: &Reading<'_>, fields: Fields<'_>) -> Webhook {
    fields.required("url");
    let url = fields.text("url", MAX_URL_BYTES).unwrap_or_default().to_owned();
    if let Err(why) = reading.outside.endpoint(&url)
        && fields.get("url").is_some()
    {
        fields.fault("url", Code::WebhookRefused, why);
    }
    let known = |it: &str| EVENTS.contains(&it).then(|| it.to_owned());
    let events = fields.texts("events", 1..=EVENTS.len(), "an event of a run or a task", known);
    let usual = || USUAL_EVENTS.iter().map(|it| (*it).to_owned()).collect();
    let modes = [("none", VerdictMode::None), ("wait", VerdictMode::Wait)];
    let within = Duration::from_millis(1)..=7 * DAY;
    let webhook = Webhook {
        url,
        events: events.map_or_else(usual, |it| it.into_iter().collect::<BTreeSet<_>>()),
        verdict: fields.word("verdict", &modes).unwrap_or_default(),
        verdict_within: fields.duration("verdict_within", within).unwrap_or(3 * DAY),
        max_reopens: fields.small("max_reopens", 0..=10).unwrap_or(1),
    };
    fields.finish();
    webhook
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            claims: 10_000,
            tasks: 10_000,
            proxy_calls: 10_000,
            proxy_bytes: 1 << 30,
            result_bytes: 256 << 20,
            wall: None,
            micro_usd: None,
            on_exhausted: OnExhausted::Fail,
        }
    }
}

fn budgets(fields: Fields<'_>) -> Budgets {
    let usual = Budgets::default();
    let number = |name, usual| fields.whole(name, 1..=MAX_WHOLE).unwrap_or(usual);
    let words = [("fail", OnExhausted::Fail), ("hold", OnExhausted::Hold)];
    let budgets = Budgets {
        claims: number("claims", usual.claims),
        tasks: fields.whole("tasks", 1..=100_000).unwrap_or(usual.tasks),
        proxy_calls: number("proxy_calls", usual.proxy_calls),
        proxy_bytes: number("proxy_bytes", usual.proxy_bytes),
        result_bytes: number("result_bytes", usual.result_bytes),
        wall: fields.duration("wall", Duration::from_millis(1)..=90 * DAY),
        micro_usd: fields.whole("micro_usd", 0..=MAX_WHOLE).map(MicroUsd),
        on_exhausted: fields.word("on_exhausted", &words).unwrap_or_default(),
    };
    fields.finish();
    budgets
}

fn concurrency(top: &Fields<'_>) -> Vec<Concurrency> {
    let mut found = Vec::new();
    for (item, place) in top.list("concurrency", 0..=3).unwrap_or_default() {
        let Some(fields) = Fields::of(item, place, top.faults) else { continue };
        fields.required("of");
        fields.required("max");
        let kinds = [("runs", SlotOf::Runs), ("claims", SlotOf::Claims)];
        let words =
            [("queue", OnFull::Queue), ("refuse", OnFull::Refuse), ("replace", OnFull::Replace)];
        let of = fields.word("of", &kinds).unwrap_or(SlotOf::Runs);
        let on_full = fields.word("on_full", &words);
        if on_full.is_some() && of == SlotOf::Claims {
            fields.fault("on_full", Code::UnknownField, "on_full is for runs");
        }
        found.push(Concurrency {
            of,
            key: fields.pointer("key"),
            max: fields.small("max", 1..=1_000).unwrap_or(1),
            on_full: on_full.unwrap_or_default(),
        });
        fields.finish();
    }
    found
}

impl Default for Fairness {
    fn default() -> Self {
        Self { key: None, weight: 10 }
    }
}

fn fairness(fields: Fields<'_>) -> Fairness {
    let weight = fields.small("weight", 1..=100).unwrap_or(10);
    let fairness = Fairness { key: fields.pointer("key"), weight };
    fields.finish();
    fairness
}

fn schedules(top: &Fields<'_>, input_schema: &Schema) -> Vec<Schedule> {
    let mut found: Vec<Schedule> = Vec::new();
    for (item, place) in top.list("schedules", 0..=8).unwrap_or_default() {
        let Some(fields) = Fields::of(item, place, top.faults) else { continue };
        let Some(schedule) = schedule(&fields, input_schema) else {
            fields.finish();
            continue;
        };
        if found.iter().any(|it| it.name == schedule.name) {
            fields.fault("name", Code::ScheduleInvalid, "another schedule has this name");
        }
        found.push(schedule);
        fields.finish();
    }
    found
}

fn schedule(fields: &Fields<'_>, input_schema: &Schema) -> Option<Schedule> {
    for name in ["name", "cron", "time_zone", "input"] {
        fields.required(name);
    }
    let name = fields.text("name", 64);
    if name.is_some_and(|it| !is_name(it)) {
        fields.fault("name", Code::WrongType, "a name such as weekly-sample is wanted");
    }
    let words = [("skip", Missed::Skip), ("latest", Missed::Latest), ("all", Missed::All)];
    let missed = fields.word("missed", &words).unwrap_or_default();
    let jitter = fields.duration("jitter", Duration::from_millis(1)..=DAY).unwrap_or_default();
    let input = fields.get("input");
    if input.is_some_and(|input| !input_schema.judge(input).is_empty()) {
        fields.fault("input", Code::ScheduleInvalid, "it does not fit the input_schema");
    }
    let cron = fields.text("cron", MAX_URL_BYTES);
    let zone = fields.text("time_zone", 64);
    let timetable = Timetable::read(cron?, zone?)
        .map_err(|why| fields.fault("cron", Code::ScheduleInvalid, why.to_string()))
        .ok()?;
    Some(Schedule {
        name: name?.to_owned(),
        cron: cron?.to_owned(),
        zone: zone?.to_owned(),
        timetable,
        missed,
        jitter,
        input: input?.clone(),
    })
}

impl Draft {
    /// The definition, of a document without faults.
    pub(super) fn finish(self, mut source: Value) -> Option<Definition> {
        for (pointer, resolved) in self.resolved {
            *found_mut(&mut source, &pointer)? = Value::String(resolved);
        }
        let mut graph = self.graph.into_inner();
        let mut steps = Vec::new();
        let mut index = BTreeMap::new();
        for (position, draft) in self.steps.into_iter().enumerate() {
            let links = graph.remove(&position)?;
            let step = draft.finish(links)?;
            index.insert(step.id.clone(), position);
            steps.push(step);
        }
        Some(Definition {
            sha256: json::sha256(&source),
            source,
            id: self.id?,
            title: self.title,
            description: self.description,
            input_schema: self.input_schema,
            search: self.search,
            steps,
            output: Output {
                rules: self.rules.into_iter().map(|(rule, _)| rule).collect(),
                schema: self.output_schema,
            },
            webhook: self.webhook,
            deadline: self.deadline,
            budgets: self.budgets,
            priority: self.priority,
            concurrency: self.concurrency,
            fairness: self.fairness,
            schedules: self.schedules,
            skills: self.skills,
            index,
        })
    }
}

/// The place in the document, to write there.
fn found_mut<'v>(value: &'v mut Value, pointer: &Pointer) -> Option<&'v mut Value> {
    pointer.tokens().iter().try_fold(value, |at, token| match at {
        Value::Object(fields) => Map::get_mut(fields, token),
        Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
        _ => None,
    })
}
