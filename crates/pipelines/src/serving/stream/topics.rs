//! What can be followed, and what there is to tell of it.
//!
//! A run is its timeline: entries have numbers, so that whoever was cut off goes on behind the last one that was seen. A
//! publisher, and what an agent holds, are states: whoever comes back looks at them anew, and is told what changes then.

use std::collections::BTreeMap;

use db::Tx;
use names::{Handle, Id};
use pipelines_core::{
    machine::{ClaimPhase, RunPhase},
    name::{AgentId, ClaimId, PipelineId, RunId},
};
use serde::Serialize;
use serde_json::json;
use trust::{Actor, Allowed, Anything, Principal, act};
use uuid::Uuid;
use web::Problem;

use super::super::{
    claims, one_more,
    places::{self, RunPlace},
    runs, store,
};
use crate::{Door, Error};

/// Entries of a timeline that are read at once.
const PAGE: usize = 100;
/// The runs of a publisher that are followed: its newest.
const NEWEST: i64 = 100;

/// What somebody follows.
#[derive(Debug)]
pub(super) enum Topic {
    /// The timeline of a run, behind an entry.
    Run { run: RunId, after: i64, has_ended: bool },
    /// The newest runs of a publisher, as they were told last.
    Publisher { handle: Handle, id: Id<Principal>, known: Known<api::json::RunSummary> },
    /// What an agent holds, as it was told last.
    Claims { agent: AgentId, known: Known<api::json::HeldClaim> },
}

/// What was told, by id.
pub(super) type Known<T> = BTreeMap<Uuid, T>;

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Events, as they are sent.
    pub(super) text: String,
    /// Whether there is more already.
    pub(super) has_more: bool,
    /// Whether nothing comes any more.
    pub(super) is_over: bool,
}

/// Writes an event.
pub(super) fn say(to: &mut String, id: Option<u64>, kind: &str, data: &impl Serialize) {
    // JSON is one line: a break inside of a text is written as an escape.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    for part in [&id, "event: ", kind, "\ndata: ", &data, "\n\n"] {
        to.push_str(part);
    }
}

fn is_end(kind: &str) -> bool {
    let ends = [RunPhase::Completed, RunPhase::Failed, RunPhase::Cancelled, RunPhase::Expired];
    kind.strip_prefix("run.").is_some_and(|phase| ends.iter().any(|it| it.as_str() == phase))
}

impl Topic {
    /// The topic that is called so, as far as `actor` may follow it.
    pub(super) async fn named(door: &Door, actor: &Actor, text: &str) -> Result<Self, Problem> {
        let topic = match text.split_once(':') {
            Some(("run", run)) => {
                let run = run.parse().map_err(|_| Problem::not_found())?;
                Self::Run { run, after: 0, has_ended: false }
            }
            Some(("publisher", handle)) => {
                let handle: Handle = handle.parse().map_err(|_| Problem::not_found())?;
                let found = places::publisher(door, actor, &handle).await?;
                let (id, known) = (found.organization.id, Known::new());
                Self::Publisher { handle, id, known }
            }
            _ if text == "claims" => {
                let (agent, _) = claims::agent(actor)?;
                Self::Claims { agent, known: Known::new() }
            }
            _ => {
                let why = "a topic is run:<id>, publisher:<handle>, or claims";
                return Err(Problem::malformed(why));
            }
        };
        topic.ask(door, actor).await?;
        Ok(topic)
    }

    /// Asks the authority whether `actor` may follow it, as things stand now.
    pub(super) async fn ask(&self, door: &Door, actor: &Actor) -> Result<(), Problem> {
        match self {
            Self::Run { run, .. } => {
                let place = RunPlace::of(door, actor, *run).await?;
                Allowed::<act::RunRead, _>::ask(actor, place)?;
            }
            Self::Publisher { handle, .. } => {
                let place = places::publisher(door, actor, handle).await?;
                Allowed::<act::RunRead, _>::ask(actor, place)?;
            }
            Self::Claims { .. } => {
                Allowed::<act::ClaimList, _>::ask(actor, Anything)?;
            }
        }
        Ok(())
    }

    /// Where it begins: behind `after`, or now. Gives what is said first; nothing if all of it was told already.
    pub(super) async fn begin(
        &mut self,
        tx: &mut Tx,
        actor: &Actor,
        from: Option<u64>,
    ) -> Result<Option<String>, Error> {
        let mut said = String::new();
        match self {
            Self::Run { run, after, has_ended } => {
                let end = store::end_of_events(tx, *run).await?;
                let (state, last) = end.unwrap_or_default();
                let from = from.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
                *has_ended = is_end(&format!("run.{state}"));
                if *has_ended && from.is_some_and(|it| it >= last) {
                    return Ok(None);
                }
                *after = from.unwrap_or(last);
                let seq = after.unsigned_abs();
                say(&mut said, Some(seq), "stream.begun", &json!({ "seq": seq }));
            }
            Self::Publisher { id, known, .. } => {
                *known = newest(tx, actor, *id).await?;
                say(&mut said, None, "stream.begun", &json!({}));
            }
            Self::Claims { .. } => say(&mut said, None, "stream.begun", &json!({})),
        }
        Ok(Some(said))
    }

    /// Whether a change of this run is one of its own. What is new to it is found a little later.
    pub(super) fn concerns(&self, changed: RunId) -> bool {
        match self {
            Self::Run { run, .. } => *run == changed,
            Self::Publisher { .. } => false,
            Self::Claims { known, .. } => {
                let run = changed.to_string();
                known.values().any(|it| it.run == run)
            }
        }
    }

    /// What has come since it was looked at last.
    pub(super) async fn look(&mut self, tx: &mut Tx, actor: &Actor) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        match self {
            Self::Run { run, after, has_ended } => {
                let mut rows = store::events(tx, *run, *after, one_more(PAGE)).await?;
                seen.has_more = rows.len() > PAGE;
                rows.truncate(PAGE);
                for row in rows {
                    *after = row.seq;
                    *has_ended |= is_end(&row.r#type);
                    let event = runs::event(row);
                    say(&mut seen.text, Some(event.seq), &event.kind, &event);
                }
                seen.is_over = *has_ended && !seen.has_more;
            }
            Self::Publisher { id, known, .. } => {
                let now = newest(tx, actor, *id).await?;
                for (run, summary) in &now {
                    if known.get(run) != Some(summary) {
                        say(&mut seen.text, None, "run.changed", summary);
                    }
                }
                *known = now;
            }
            Self::Claims { agent, known } => {
                let rows = store::held(tx, *agent).await?;
                let now: Known<_> = rows.into_iter().map(|it| (it.id, claims::held(it))).collect();
                for (id, held) in &now {
                    if !known.contains_key(id) {
                        say(&mut seen.text, None, "claim.live", held);
                    }
                }
                known.retain(|id, _| !now.contains_key(id));
                tell_ended(tx, &mut seen.text, known).await?;
                *known = now;
            }
        }
        Ok(seen)
    }
}

/// What became of claims that are not held any more.
async fn tell_ended(
    tx: &mut Tx,
    to: &mut String,
    ended: &Known<api::json::HeldClaim>,
) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let ids: Vec<ClaimId> = ended.keys().copied().map(Id::from_uuid).collect();
    for (id, state) in store::states_of_claims(tx, &ids).await? {
        let Some(held) = ended.get(&id) else { continue };
        let data = json!({
            "claim": held.claim, "task": held.task, "run": held.run, "address": held.address, "fence": held.fence,
            "state": state, "cancel_requested": state == ClaimPhase::Cancelled.as_str(),
        });
        say(to, None, &format!("claim.{state}"), &data);
    }
    Ok(())
}

/// The newest runs of a publisher that `actor` may see.
async fn newest(
    tx: &mut Tx,
    actor: &Actor,
    publisher: Id<Principal>,
) -> Result<Known<api::json::RunSummary>, Error> {
    let mut rows = store::newest(tx, publisher, NEWEST).await?;
    rows.retain(|it| {
        it.pipeline_id.parse::<PipelineId>().is_ok() && actor.may_run(&it.pipeline_id)
    });
    let told = |row: store::Summary| Ok((row.id, runs::told(row)?));
    rows.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lines_and_an_empty_one() {
        let mut said = String::new();
        say(&mut said, Some(7), "task.ready", &json!({ "note": "two\nlines" }));
        assert_eq!(said, "id: 7\nevent: task.ready\ndata: {\"note\":\"two\\nlines\"}\n\n");
        let mut said = String::new();
        say(&mut said, None, "run.changed", &json!({}));
        assert_eq!(said, "event: run.changed\ndata: {}\n\n");
    }

    #[test]
    fn a_timeline_ends_with_its_run() {
        for kind in ["run.completed", "run.failed", "run.cancelled", "run.expired"] {
            assert!(is_end(kind), "{kind}");
        }
        for kind in ["run.running", "run.composed", "task.cancelled", "claim.expired", "run."] {
            assert!(!is_end(kind), "{kind}");
        }
    }
}
