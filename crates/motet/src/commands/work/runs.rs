//! `motet work runs`: runs as they are, until they end, and whether their timelines lead to what is stored
//! (`spec/work.md` 17, W104).

use std::{collections::BTreeMap, fmt::Write as _};

use api::json::{RunDetail, RunEvent, RunSummary, TaskSummary};
use pipelines_core::name::RunId;
use serde_json::json;

use super::{
    REFUSED,
    reach::{Reach, undone},
    start::until_ended,
};
use crate::{
    client::{Client, RunFilter, Word},
    commands::{
        admin::{jobs::result, table::table},
        counted,
    },
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, Report},
    visible,
};

/// What can be said with `runs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet work runs --publisher tidewater --state running
  motet work runs 019300a0-0000-7000-8000-0000000000a1 --watch
  motet work runs 019300a0-0000-7000-8000-0000000000a1 --verify")]
pub struct Runs {
    /// One run; all of them if left out
    #[arg(conflicts_with_all = ["publisher", "pipeline", "state", "cursor"])]
    pub run: Option<RunId>,
    /// Wait until it has ended
    #[arg(long, requires = "run")]
    pub watch: bool,
    /// Check that its timeline has no gap and leads to what is stored; it has to have ended
    #[arg(long, requires = "run")]
    pub verify: bool,
    /// Only those of this publisher
    #[arg(long, value_name = "PUBLISHER")]
    pub publisher: Option<Word>,
    /// Only those of this pipeline
    #[arg(long, value_name = "PIPELINE")]
    pub pipeline: Option<Word>,
    /// Only those in this state
    #[arg(long, value_name = "STATE")]
    pub state: Option<Word>,
    /// How many to show, at most 100
    #[arg(short = 'n', long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(arguments: &Runs, context: &Context) -> Result<Report, Failure> {
    let client = arguments.reach.client(context)?;
    let Some(id) = arguments.run else { return list(arguments, &client).await };
    let found = if arguments.watch {
        until_ended(&client, id, &context.progress).await?
    } else {
        client.run(id).await.map_err(undone)?
    };
    if arguments.verify {
        return verify(&client, id, &found.summary).await;
    }
    Ok(Report::answer(result(&found)?, shown(&found)))
}

async fn list(arguments: &Runs, client: &Client) -> Result<Report, Failure> {
    let Runs { publisher, pipeline, state, limit, cursor, .. } = arguments;
    let (publisher, pipeline, state) = (publisher.clone(), pipeline.clone(), state.clone());
    let filter = RunFilter { publisher, pipeline, state };
    let found = client.runs(&filter, *limit, cursor.as_deref()).await.map_err(undone)?;
    let row = |it: &RunSummary| {
        let place = format!("{}/{}@{}", it.publisher, it.pipeline, it.version);
        let ended = it.ended_at.as_deref().unwrap_or_default();
        [&it.run, &it.state, &place, &it.started_at, ended].map(visible)
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let mut text = table(["RUN", "STATE", "PIPELINE", "STARTED", "ENDED"], &rows);
    if rows.is_empty() {
        "no runs\n".clone_into(&mut text);
    }
    if let Some(next) = &found.next_cursor {
        // Writing into a text does not fail.
        writeln!(text, "more: --cursor {}", visible(next)).unwrap_or_default();
    }
    Ok(Report::answer(result(&found)?, text))
}

fn shown(found: &RunDetail) -> String {
    let it = &found.summary;
    let place = format!("{}/{}@{}", it.publisher, it.pipeline, it.version);
    let why = it.reason.as_deref().or(found.held_by.as_deref()).unwrap_or_default();
    let counts = found.tasks.iter().map(|(state, count)| format!("{count} {state}"));
    let facts = [
        ("run", it.run.clone()),
        ("of", place),
        ("state", it.state.clone()),
        ("why", why.to_owned()),
        ("started", it.started_at.clone()),
        ("deadline", it.deadline_at.clone()),
        ("ended", it.ended_at.clone().unwrap_or_default()),
        ("tasks", counts.collect::<Vec<_>>().join(", ")),
    ];
    let mut text = String::new();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        // The same.
        writeln!(text, "{name:<9} {}", visible(&value)).unwrap_or_default();
    }
    text
}

async fn verify(client: &Client, id: RunId, run: &RunSummary) -> Result<Report, Failure> {
    if run.ended_at.is_none() {
        let why = format!("the run is {}; what goes on cannot be compared", run.state);
        return Err(Failure::new(REFUSED, "run_live", why).hint("--watch waits for its end"));
    }
    let mut replayed = Replayed::default();
    let mut cursor = None;
    loop {
        let page = client.run_events(id, cursor.as_deref()).await.map_err(undone)?;
        for event in &page.items {
            replayed.follow(event);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut tasks = 0_u64;
    loop {
        let page = client.run_tasks(id, cursor.as_deref()).await.map_err(undone)?;
        tasks += page.items.len() as u64;
        for task in &page.items {
            replayed.compare(task);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let (entries, faults) = (replayed.seq, replayed.faults(&run.state));
    let line = |it: &String| format!("{BAD}bad{BAD:#} {}\n", visible(it));
    let mut text = faults.iter().map(line).collect::<String>();
    if faults.is_empty() {
        let tasks = counted(tasks, "task");
        text = format!("{GOOD}good{GOOD:#} {entries} entries lead to the states of {tasks}\n");
    }
    let exit = if faults.is_empty() { Exit::Done } else { REFUSED };
    let result = json!({
        "run": run.run, "sound": faults.is_empty(), "entries": entries, "tasks": tasks, "faults": faults,
    });
    Ok(Report { exit, ..Report::answer(result, text) })
}

/// Where a timeline leads.
#[derive(Debug, Default)]
struct Replayed {
    seq: u64,
    run: String,
    /// By address and generation: the state, and whether a later generation took its place.
    tasks: BTreeMap<(String, u64), (String, bool)>,
    claims: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Replayed {
    /// Takes the next entry. What does not follow is a fault, and the rest is looked at all the same.
    fn follow(&mut self, event: &RunEvent) {
        let expected = self.seq + 1;
        self.seq = event.seq;
        let is_next = event.seq == expected;
        if !is_next || self.take(event).is_none() {
            self.faults.push(format!("entry {} does not follow from those before it", event.seq));
        }
    }

    fn take(&mut self, event: &RunEvent) -> Option<()> {
        let (about, what) = event.kind.split_once('.')?;
        match (about, what) {
            ("run", "moved" | "budgets") | ("task", "approved") => {}
            ("run", state) => state.clone_into(&mut self.run),
            ("task", "inserted") => {
                let before = self.tasks.insert(row(event)?, ("pending".to_owned(), false));
                return before.is_none().then_some(());
            }
            ("task", "superseded") => self.tasks.get_mut(&row(event)?)?.1 = true,
            ("task", state) => state.clone_into(&mut self.tasks.get_mut(&row(event)?)?.0),
            ("claim", "granted") => {
                let claim = event.claim.clone()?;
                return self.claims.insert(claim, "live".to_owned()).is_none().then_some(());
            }
            ("claim", "extended" | "judged" | "read") => {
                self.claims.get(event.claim.as_deref()?)?;
            }
            ("claim", state) => {
                state.clone_into(self.claims.get_mut(event.claim.as_deref()?)?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Compares a task that is stored with what came of it, and lays it aside.
    fn compare(&mut self, task: &TaskSummary) {
        let TaskSummary { address, generation, state, superseded, .. } = task;
        let found = self.tasks.remove(&(address.clone(), u64::from(*generation)));
        if found.as_ref() != Some(&(state.clone(), *superseded)) {
            let led = found.map_or("nowhere", |_| "elsewhere");
            let stored = if *superseded { "superseded" } else { "standing" };
            self.faults.push(format!(
                "{address}, generation {generation}, is {state} and {stored}; the timeline leads {led}"
            ));
        }
    }

    /// All that is wrong, once everything was compared.
    fn faults(mut self, run: &str) -> Vec<String> {
        if self.run != run {
            self.faults.push(format!("the run is {run}; the timeline leads to {}", self.run));
        }
        for (address, generation) in self.tasks.keys() {
            self.faults.push(format!("{address}, generation {generation}, is not stored"));
        }
        for (claim, _) in self.claims.iter().filter(|(_, state)| *state == "live") {
            self.faults.push(format!("the claim {claim} never ends"));
        }
        self.faults
    }
}

/// The row of a task that an entry is about.
fn row(event: &RunEvent) -> Option<(String, u64)> {
    let address = event.data.get("address")?.as_str()?.to_owned();
    Some((address, event.data.get("generation")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn event(seq: u64, kind: &str, claim: Option<&str>, data: Value) -> RunEvent {
        let (at, kind) = (String::new(), kind.to_owned());
        RunEvent { seq, at, kind, task: None, claim: claim.map(str::to_owned), actor: None, data }
    }

    fn timeline() -> Vec<RunEvent> {
        let a = || json!({ "address": "a", "generation": 1 });
        vec![
            event(1, "run.running", None, json!({})),
            event(2, "task.inserted", None, a()),
            event(3, "task.ready", None, a()),
            event(4, "claim.granted", Some("c"), a()),
            event(5, "task.claimed", None, a()),
            event(6, "claim.extended", Some("c"), json!({})),
            event(7, "claim.judged", Some("c"), json!({})),
            event(8, "claim.submitted", Some("c"), json!({})),
            event(9, "task.done", None, a()),
            event(10, "run.completed", None, json!({})),
        ]
    }

    fn task(state: &str) -> TaskSummary {
        TaskSummary {
            task: String::new(),
            run: String::new(),
            step: "a".to_owned(),
            address: "a".to_owned(),
            generation: 1,
            superseded: false,
            state: state.to_owned(),
            reason: None,
            ready_at: None,
        }
    }

    fn faults(events: &[RunEvent], stored: &[TaskSummary], run: &str) -> Vec<String> {
        let mut replayed = Replayed::default();
        for event in events {
            replayed.follow(event);
        }
        for task in stored {
            replayed.compare(task);
        }
        replayed.faults(run)
    }

    #[test]
    fn a_timeline_leads_to_what_is_stored() {
        assert!(faults(&timeline(), &[task("done")], "completed").is_empty());
        assert_eq!(faults(&timeline(), &[task("dead")], "completed").len(), 1);
        assert_eq!(faults(&timeline(), &[task("done")], "failed").len(), 1);
        assert_eq!(faults(&timeline(), &[], "completed").len(), 1);
        assert_eq!(faults(&[], &[task("done")], "completed").len(), 2);
    }

    #[test]
    fn every_entry_that_is_missing_doubled_or_exchanged_is_seen() {
        for at in 0..timeline().len() {
            let mut less = timeline();
            less.remove(at);
            assert!(!faults(&less, &[task("done")], "completed").is_empty(), "without {at}");
            let mut twice = timeline();
            twice.insert(at, twice[at].clone());
            assert!(!faults(&twice, &[task("done")], "completed").is_empty(), "{at} twice");
            let mut other = timeline();
            other.swap(at, (at + 1) % timeline().len());
            assert!(!faults(&other, &[task("done")], "completed").is_empty(), "{at} later");
        }
    }
}
