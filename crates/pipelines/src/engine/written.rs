//! What changed of a run, as rows.

use std::collections::{BTreeMap, BTreeSet};

use names::{Digest, Id};
use pipelines_core::{
    json::canonical,
    machine::{
        Change, Credit, Due, Effect, Entry, RunReason, StoredVerdict, TaskPhase, TaskReason,
    },
    name::{Address, ClaimId, RunId},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Actor, Said,
    due::DueRow,
    group::Group,
    heads::{HeadId, Likeness, Ready},
    run::{self, Run},
    timeline,
};
use crate::Error;

/// The parts of a run that have to be written.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    tasks: BTreeSet<(Address, u32)>,
    claims: BTreeSet<ClaimId>,
    /// Tasks that have no row yet.
    new: BTreeSet<(Address, u32)>,
    /// Tasks whose input was resolved.
    inputs: BTreeSet<(Address, u32)>,
    notes: BTreeMap<ClaimId, String>,
    has_output: bool,
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn head_row(id: HeadId, like: &Likeness) -> Value {
    let labels = text(&like.labels);
    json!([
        id,
        like.publisher,
        like.pipeline,
        like.fair_key,
        like.weight,
        like.priority,
        labels,
        like.trust
    ])
}

impl Group<'_> {
    /// Takes note of what an event did to a run.
    pub(super) async fn absorb(
        &mut self,
        run: &mut Run,
        effects: &[Effect],
        by: Actor,
        said: &Said,
    ) -> Result<(), Error> {
        let id = run.state.run;
        self.name_tasks(run);
        for effect in effects {
            if let Effect::Change(entry) = effect {
                self.note_entry(run, entry, by, said);
            } else {
                self.note_effect(run, effect).await?;
            }
        }
        if let (Some(claim), Some(note)) = (said.claim, &said.note) {
            self.dirty(id).notes.insert(claim, note.clone());
        }
        if let Some(vote) = &said.vote {
            let task = run.ids.get(&(vote.address.clone(), vote.generation));
            let at = run.state.last_seen.0;
            self.rows.votes.push(json!([task, vote.person, vote.decision, vote.comment, at]));
        }
        self.place_tasks(run, effects);
        let (tasks, claims) = (run.state.touched.tasks.clone(), run.state.touched.claims.clone());
        let dirty = self.dirty(id);
        dirty.tasks.extend(tasks);
        dirty.claims.extend(claims);
        Ok(())
    }

    /// Takes note of an effect that is no entry of the timeline.
    async fn note_effect(&mut self, run: &Run, effect: &Effect) -> Result<(), Error> {
        let id = run.state.run;
        match effect {
            Effect::Input { address, generation, .. } => {
                let place = (address.clone(), *generation);
                self.dirty(id).inputs.insert(place);
            }
            Effect::Result { address, generation, claim, output } => {
                let task = run.ids.get(&(address.clone(), *generation));
                let hash = Digest::of(canonical(output).as_bytes());
                let at = run.state.last_seen.0;
                self.rows.results.push(json!([task, claim, text(output), hash, at]));
            }
            Effect::Output(_) => self.dirty(id).has_output = true,
            Effect::TakeSlot(key) | Effect::FreeSlot(key) => {
                let place = run::slot(run.definition(), key);
                let is_taken = matches!(effect, Effect::TakeSlot(_));
                self.count_slot(&run.birth, place, is_taken).await?;
            }
            Effect::Due(due, at) => {
                let row = DueRow { run: id, due: due.clone() };
                let (key, job) = (row.key(*at), row.job(*at)?);
                self.due.insert(key, Some(job));
            }
            Effect::Undue(due, at) => {
                let key = DueRow { run: id, due: due.clone() }.key(*at);
                self.due.insert(key, None);
            }
            Effect::DeadLetter { address, generation, reason } => {
                let task = run.ids.get(&(address.clone(), *generation));
                let at = run.state.last_seen;
                let letter: Id<Due> = Id::new(at, &self.pipelines.0.ground.random);
                let publisher = run.birth.publisher;
                self.rows.letters.push(json!([letter, publisher, id, task, reason.as_str(), at.0]));
            }
            Effect::Credit { claim, agent, credit } => {
                let row = (*claim, *agent, run.birth.publisher, id, outcome(*credit));
                self.credits.insert(
                    *claim,
                    json!([row.0, row.1, row.2, row.3, row.4, run.state.last_seen.0]),
                );
            }
            Effect::Change(_) | Effect::Count(..) | Effect::Answer(_) => {}
        }
        Ok(())
    }

    fn dirty(&mut self, run: RunId) -> &mut Dirty {
        self.dirty.entry(run).or_default()
    }

    /// Gives an id to each generation that was opened.
    fn name_tasks(&mut self, run: &mut Run) {
        let id = run.state.run;
        for place in run.state.touched.tasks.clone() {
            if run.ids.contains_key(&place) {
                continue;
            }
            let task = Id::new(run.state.last_seen, &self.pipelines.0.ground.random);
            run.ids.insert(place.clone(), task);
            self.dirty(id).new.insert(place);
        }
    }

    fn note_entry(&mut self, run: &Run, entry: &Entry, by: Actor, said: &Said) {
        let id = run.state.run;
        self.count_open(run.birth.publisher, &entry.change);
        if let Change::Judged { claim, sha256, .. } = &entry.change {
            let verdict = run.state.claims.get(claim).and_then(|it| it.submissions.get(sha256));
            let verdict = verdict.map(|it| text(&StoredVerdict::from(it)));
            let notes = said.note.as_ref().filter(|_| said.claim == Some(*claim));
            self.rows.submissions.push(json!([claim, sha256, verdict, notes, entry.at.0]));
        }
        if matches!(entry.change, Change::Run { .. }) && run.state.output.is_none() {
            // What was composed and refused is not the output any more.
            self.dirty(id).has_output = true;
        }
        // A claim that ends may leave a slot, or money, to somebody who was passed over for the lack of it.
        self.has_news |= matches!(entry.change, Change::Ended { .. } | Change::Budgets(_));
        let mut line = timeline::line(&entry.change);
        if let (Some(event), Value::Object(data)) = (self.note_news(run, entry, by), &mut line.data)
        {
            data.insert("event".to_owned(), json!(event));
        }
        let of_claim = line.claim.and_then(|it| run.state.claims.get(&it));
        let place = line.task.or_else(|| of_claim.map(|it| (it.address.clone(), it.generation)));
        let task = place.and_then(|place| run.ids.get(&place).copied());
        self.rows.events.push(json!([
            id,
            entry.seq,
            entry.at.0,
            line.kind,
            task,
            line.claim,
            by,
            text(&line.data)
        ]));
    }

    /// Moves tasks into the heads where they can be claimed, and out of them.
    fn place_tasks(&mut self, run: &mut Run, effects: &[Effect]) {
        let has_moved = effects.iter().any(|effect| match effect {
            Effect::Change(entry) => {
                matches!(entry.change, Change::Run { .. } | Change::Moved { .. })
            }
            _ => false,
        });
        if has_moved {
            let ready = run.state.current_tasks().filter(|(_, it)| it.phase == TaskPhase::Ready);
            let ready: Vec<_> = ready.map(|(it, task)| (it.clone(), task.generation)).collect();
            let id = run.state.run;
            self.dirty(id).tasks.extend(ready.iter().cloned());
            for place in ready {
                self.place(run, &place);
            }
        }
        for place in run.state.touched.tasks.clone() {
            self.place(run, &place);
        }
    }

    fn place(&mut self, run: &mut Run, place: &(Address, u32)) {
        let Some(task) = run.ids.get(place).copied() else { return };
        let rows = run.state.tasks.get(&place.0);
        let row = rows.and_then(|rows| rows.iter().rfind(|it| it.generation == place.1));
        let ready_at = row.filter(|it| run.is_claimable(it)).and_then(|it| it.ready_at);
        let wanted = ready_at.zip(run.likeness(&place.0));
        let wanted = wanted.map(|(at, like)| (at, like.id(), like));
        let stands = run.heads.get(&task).copied();
        if stands == wanted.as_ref().map(|(at, head, _)| (*head, *at)) {
            return;
        }
        if let Some((head, at)) = run.heads.remove(&task) {
            self.heads.remove(head, task, Some(at));
        }
        let Some((ready_at, head, like)) = wanted else { return };
        run.heads.insert(task, (head, ready_at));
        if self.heads.is_new(head) {
            self.rows.heads.push(head_row(head, &like));
        }
        let (run, address) = (run.state.run, place.0.clone());
        self.heads.put(&like, Ready { task, run, address, since: ready_at });
        self.has_news = true;
    }

    /// The rows of every run that this group changed.
    pub(super) fn gather(&mut self) {
        for (id, dirty) in std::mem::take(&mut self.dirty) {
            let Some(run) = self.runs.get_mut(id) else { continue };
            let rows = &mut self.rows;
            rows.tasks.extend(dirty.tasks.iter().filter_map(|it| task_row(run, &dirty, it)));
            rows.claims.extend(dirty.claims.iter().filter_map(|it| claim_row(run, &dirty, *it)));
            if run.is_new {
                rows.new_runs.push(new_run_row(run));
                rows.search.extend(search_rows(run));
                run.is_new = false;
            } else {
                run.rev += 1;
                rows.runs.push(run_row(run, dirty.has_output));
            }
        }
        let slots = self.slots.iter().filter(|(_, use_)| use_.has_changed);
        let row = |((publisher, pipeline, of, key), use_): (
            &super::group::SlotPlace,
            &super::group::SlotUse,
        )| { json!([publisher, pipeline, of, key, use_.used]) };
        self.rows.slots.extend(slots.map(row));
        self.rows.credits.extend(std::mem::take(&mut self.credits).into_values());
    }
}

const fn outcome(credit: Credit) -> &'static str {
    match credit {
        Credit::Accepted => "accepted",
        Credit::Rejected => "rejected",
        Credit::Expired => "expired",
    }
}

fn ended_at(run: &Run) -> Option<i64> {
    run.state.phase.is_terminal().then_some(run.state.last_seen.0)
}

fn deadline_at(run: &Run) -> i64 {
    run.state.started_at.plus(run.state.deadline).0
}

fn reason(run: &Run) -> Option<&'static str> {
    run.state.reason.as_ref().map(RunReason::as_str)
}

fn new_run_row(run: &Run) -> Value {
    let (birth, state) = (&run.birth, &run.state);
    let copies: BTreeMap<String, &Value> =
        state.copies().iter().map(|(address, it)| (address.to_string(), it.as_ref())).collect();
    let fair_key = run::fair_key(run.definition(), &birth.pipeline, &state.input);
    json!([
        state.run,
        birth.publisher,
        birth.pipeline,
        state.version,
        run.sha256,
        state.phase.as_str(),
        reason(run),
        text(&state.input),
        text(&copies),
        state.output.as_ref().map(text),
        birth.external_id,
        birth.started_by,
        birth.replay_of,
        fair_key,
        state.started_at.0,
        deadline_at(run),
        ended_at(run),
        run.rev,
        text(&state.part()),
    ])
}

fn run_row(run: &Run, has_output: bool) -> Value {
    let state = &run.state;
    let output = state.output.as_ref().filter(|_| has_output).map(text);
    json!([
        state.run,
        state.version,
        run.sha256,
        state.phase.as_str(),
        reason(run),
        has_output,
        output,
        deadline_at(run),
        ended_at(run),
        run.rev,
        text(&state.part()),
    ])
}

/// Places of the input by which the run can be listed: what is no string, number or boolean of 256 bytes is none.
fn search_rows(run: &Run) -> Vec<Value> {
    let (birth, state) = (&run.birth, &run.state);
    let places = run.definition().search.iter();
    let found = places.filter_map(|pointer| {
        let value = pointer.find(&state.input)?;
        let is_plain = value.is_string() || value.is_number() || value.is_boolean();
        let text = canonical(value);
        let pointer = pointer_text(pointer.tokens());
        (is_plain && text.len() <= 258)
            .then(|| json!([birth.publisher, birth.pipeline, pointer, text, state.run]))
    });
    found.collect()
}

/// A pointer as RFC 6901 writes it.
pub(crate) fn pointer_text(tokens: &[String]) -> String {
    let escaped = |token: &String| token.replace('~', "~0").replace('/', "~1");
    tokens.iter().fold(String::new(), |text, token| text + "/" + &escaped(token))
}

fn task_row(run: &Run, dirty: &Dirty, place: &(Address, u32)) -> Option<Value> {
    let task = run.ids.get(place)?;
    let stored = run.state.stored_task(&place.0, place.1)?;
    let row = run.state.tasks.get(&place.0)?.iter().rfind(|it| it.generation == place.1)?;
    let is_new = dirty.new.contains(place);
    let head = run.heads.get(task).map(|(head, _)| *head);
    let input = stored.input.as_ref().filter(|_| is_new || dirty.inputs.contains(place));
    Some(json!([
        task,
        run.state.run,
        run.birth.publisher,
        place.0.step,
        place.0,
        place.1,
        u8::from(row.superseded),
        row.version,
        row.phase.as_str(),
        row.reason.map(TaskReason::as_str),
        row.ready_at.map(|at| at.0),
        head,
        stored.item.as_ref().filter(|_| is_new).map(text),
        input.map(text),
        stored.candidate.as_ref().map(text),
        text(&stored.part),
    ]))
}

fn claim_row(run: &Run, dirty: &Dirty, id: ClaimId) -> Option<Value> {
    let claim = run.state.claims.get(&id)?;
    let task = run.ids.get(&(claim.address.clone(), claim.generation))?;
    let stored = run.state.stored_claim(id)?;
    Some(json!([
        id,
        task,
        run.state.run,
        run.birth.publisher,
        claim.agent,
        claim.owner,
        run.tokens.get(&id),
        claim.version,
        claim.fence,
        claim.phase.as_str(),
        claim.granted_at.0,
        claim.ends_at.0,
        u8::from(claim.touched),
        dirty.notes.get(&id),
        text(&stored.part),
    ]))
}
