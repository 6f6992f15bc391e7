//! JSON under `/api/v1/publishers/{publisher}/dead-letters`.

use std::{collections::BTreeSet, time::Duration};

use api::json;
use axum::response::{IntoResponse as _, Response};
use db::Dialect;
use http::{HeaderValue, StatusCode, header};
use jobs::{NewJob, Priority};
use names::UnixMillis;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use trust::{
    Actor, Allowed, Bearers, Kind, Publisher, Resource, act,
    audit::{Chain, Entry, Noted, On},
    authority::Facts,
};
use uuid::Uuid;
use web::{
    Call, Fault, Input as _, Json, Load, Params, Posted, Problem, Queried, Routes, Spec, Surface,
};

use super::{
    LetterId, MOST, Meant, ReplayId, Which,
    replay::{Asked, REPLAY},
    store,
};
use crate::{
    Door, Error,
    paging::{cut, limit, one_more, position},
};

/// Bodies of a few words, or of so many ids.
const SMALL: u64 = 64 << 10;
/// Letters that a call names one by one.
const MAX_NAMED: usize = 1_000;
/// The longest wait for a replay to go on, in seconds.
const MAX_WAIT: u64 = 60;
/// How long such a call may take.
const WAITING: Duration = Duration::from_secs(75);
/// How late it is seen that another process went on with a replay.
const POLL: Duration = Duration::from_secs(1);

/// The routes of dead letters.
pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let small = read.body_bytes(SMALL);
    routes
        .get("/api/v1/publishers/{publisher}/dead-letters", read, list)
        .post("/api/v1/publishers/{publisher}/dead-letters/replay", small, replay)
        .get(
            "/api/v1/publishers/{publisher}/dead-letters/replays/{replay}",
            read.within(WAITING),
            show,
        )
        .post("/api/v1/publishers/{publisher}/dead-letters/{letter}/discard", small, discard)
}

/// A publisher, as whoever asks stands to its runs. To agents it is not there.
#[derive(Debug, Clone)]
pub(crate) struct Letters(Publisher);

impl Resource for Letters {
    fn facts(&self) -> Facts<'_> {
        self.0.facts()
    }
}

impl Load<Door> for Letters {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let found = Publisher::load(door, params, actor).await?;
        if actor.behind().is_some() {
            return Err(Problem::not_found());
        }
        Ok(Self(found.of_runs(actor)))
    }
}

/// A page of dead letters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListLetters {
    pipeline: Option<String>,
    step: Option<String>,
    reason: Option<String>,
    agent: Option<String>,
    since: Option<String>,
    until: Option<String>,
    state: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn list(
    door: Door,
    allowed: Allowed<act::RunRead, Letters>,
    call: Queried<ListLetters>,
) -> Result<Json<json::DeadLetterPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let (publisher, limit) = (allowed.resource().0.organization.id, limit(asked.limit)?);
    let ListLetters { pipeline, step, reason, agent, since, until, .. } = asked;
    let filter = json::DeadLetterFilter { pipeline, step, reason, agent, since, until };
    let (which, meant) = (Which::read(asked.state.as_deref())?, Meant::read(filter)?);
    let list = format!("letters:{publisher}:{which:?}:{meant:?}");
    let before = position(&door.cursors, &list, asked.cursor.as_deref(), Uuid::max())?;
    let mut tx = door.db().glance().await?;
    let mut rows =
        store::list(&mut tx, publisher, (which, &meant), before, one_more(limit)).await?;
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), |it| it.id);
    rows.retain(|it| allowed.actor().may_run(&it.pipeline_id));
    Ok(Json(json::DeadLetterPage { items: rows.into_iter().map(told).collect(), next_cursor }))
}

fn told(row: store::Letter) -> json::DeadLetter {
    let state = if row.discarded_at.is_some() {
        "discarded"
    } else if row.replayed_by.is_some() {
        "replayed"
    } else if row.replay_id.is_some() {
        "replaying"
    } else if row.superseded == 1 {
        "reopened"
    } else {
        "open"
    };
    json::DeadLetter {
        id: row.id.to_string(),
        run: row.run_id.to_string(),
        pipeline: row.pipeline_id,
        task: row.task_id.to_string(),
        step: row.step,
        address: row.address,
        reason: row.reason,
        at: UnixMillis(row.at).to_string(),
        state: state.to_owned(),
        replay: row.replay_id.map(|it| it.to_string()),
        replayed_by: row.replayed_by.map(|it| it.to_string()),
        refused: row.refused,
        discarded_at: row.discarded_at.map(|at| UnixMillis(at).to_string()),
    }
}

fn fault(pointer: &str, message: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), code: "invalid", message: message.into() }
}

/// What is asked for: letters by their ids, or by what holds for them.
enum Wanted {
    Named(Vec<LetterId>),
    Meant(Meant),
}

impl Wanted {
    fn read(asked: json::ReplayDeadLetters) -> Result<Self, Problem> {
        match (asked.ids, asked.filter) {
            (Some(ids), None) if ids.len() > MAX_NAMED => {
                let why = format!("at most {MAX_NAMED} are named; a filter means more");
                Err(Problem::invalid(vec![fault("/ids", why)]))
            }
            (Some(ids), None) => {
                let read = ids.iter().map(|it| it.parse::<LetterId>());
                read.enumerate()
                    .map(|(at, it)| it.map_err(|_| no_letter(at)))
                    .collect::<Result<Vec<_>, _>>()
                    .map(Self::Named)
                    .map_err(|fault| Problem::invalid(vec![fault]))
            }
            (None, Some(filter)) => Meant::read(filter).map(Self::Meant),
            (Some(_), Some(_)) | (None, None) => {
                let why = "say either ids or a filter; an empty filter means all";
                Err(Problem::invalid(vec![fault("", why)]))
            }
        }
    }
}

/// An id that is nobody's, and one of another publisher: one answer.
fn no_letter(at: usize) -> Fault {
    fault(&format!("/ids/{at}"), "there is no open dead letter of that id")
}

/// 202 with a job that takes care of the letters; what is decided here is which they are.
async fn replay(
    door: Door,
    allowed: Allowed<act::RunCancel, Letters>,
    call: Posted<json::ReplayDeadLetters>,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(call.json().await?)?;
    let (publisher, actor) = (&allowed.resource().0.organization, allowed.actor());
    let ground = &door.pipelines.0.ground;
    let mut tx = ground.trust.begin(actor).await?;
    let found = match &wanted {
        Wanted::Meant(meant) => {
            let most = i64::try_from(MOST).unwrap_or(i64::MAX);
            store::oldest(&mut tx, publisher.id, meant, most).await?
        }
        Wanted::Named(ids) => store::named(&mut tx, publisher.id, ids).await?,
    };
    let of = found.into_iter().filter(|(_, pipeline)| actor.may_run(pipeline)).map(|(id, _)| id);
    let found: BTreeSet<LetterId> = of.collect();
    if let Wanted::Named(ids) = &wanted {
        let missing = ids.iter().enumerate().filter(|(_, id)| !found.contains(id));
        let faults: Vec<_> = missing.map(|(at, _)| no_letter(at)).collect();
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
    }
    let (id, now) = (ReplayId::new(ground.clock.now(), &ground.random), ground.clock.now());
    let by = actor.principal();
    let (found, who) = (found.into_iter().collect::<Vec<_>>(), by.map(|it| it.id));
    let total = store::take(&mut tx, id, &found).await?;
    store::add_replay(&mut tx, (id, publisher.id), who, now, total).await?;
    let is_person = by.is_some_and(|it| it.kind == Kind::Person);
    let job = NewJob::new(REPLAY, &Asked { replay: id, by: who, is_person });
    let job = job.map_err(Error::from)?.with_priority(Priority::Low);
    if total > 0 {
        let pushed = ground.queue.push(&mut tx, job.unique(format!("work.replay:{id}"))).await;
        tx.hold(pushed.map_err(Error::from)?);
    }
    let entry = Entry::done(Noted::PublisherUpdated, actor, On::new("dead_letter_replay", id));
    let entry = entry.with("dead_letters", total);
    ground.trust.note(&mut tx, Chain::of(publisher.id), entry).await?;
    let replay = store::replay(&mut tx, publisher.id, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await.map_err(Error::from)?;
    let place = format!("/api/v1/publishers/{}/dead-letters/replays/{id}", publisher.handle);
    let place = HeaderValue::try_from(place).map_err(|_| Problem::not_found())?;
    let told = Json(replay_told(&replay));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], told).into_response())
}

fn replay_told(row: &store::Replay) -> json::DeadLetterReplay {
    json::DeadLetterReplay {
        id: row.id.to_string(),
        state: if row.ended_at.is_some() { "done" } else { "running" }.to_owned(),
        total: row.total.unsigned_abs(),
        replayed: row.replayed.unsigned_abs(),
        refused: row.refused.unsigned_abs(),
        asked_at: UnixMillis(row.asked_at).to_string(),
        ended_at: row.ended_at.map(|at| UnixMillis(at).to_string()),
    }
}

/// How long to wait until more letters are seen to than were, in seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowReplay {
    #[serde(default)]
    wait: u64,
    /// So many were, replayed and refused together.
    #[serde(default)]
    after: u64,
}

/// How far a replay is.
async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, Letters>,
    call: Queried<ShowReplay>,
) -> Result<Json<json::DeadLetterReplay>, Problem> {
    let (asked, id) = (call.query()?, call.params.parse::<ReplayId>("replay")?);
    call.end().await?;
    let publisher = allowed.resource().0.organization.id;
    let until = Instant::now() + Duration::from_secs(asked.wait.min(MAX_WAIT));
    // Before the first look: what changes after it is heard.
    let mut changes = door.pipelines.0.replays.listen();
    loop {
        let found = store::replay(&mut door.db().glance().await?, publisher, id).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        let seen_to = (found.replayed + found.refused).unsigned_abs();
        let now = Instant::now();
        if found.ended_at.is_some() || seen_to > asked.after || now >= until {
            return Ok(Json(replay_told(&found)));
        }
        let look_again = match door.db().dialect() {
            Dialect::Sqlite => until,
            Dialect::Postgres => until.min(now + POLL),
        };
        let mine = async { while changes.recv().await.is_ok_and(|changed| changed != id) {} };
        // In time or not: it is looked at once more.
        let _in_time = timeout_at(look_again, mine).await;
    }
}

/// Lays a letter aside. Once more is well; one that is replayed is not laid aside.
async fn discard(
    door: Door,
    allowed: Allowed<act::RunCancel, Letters>,
    call: Call,
) -> Result<Json<json::DeadLetter>, Problem> {
    let id: LetterId = call.params.parse("letter")?;
    Json::<json::Reason>::take(call).await?;
    let (publisher, actor) = (&allowed.resource().0.organization, allowed.actor());
    let ground = &door.pipelines.0.ground;
    let mut tx = ground.trust.begin(actor).await?;
    let found = store::find(&mut tx, publisher.id, id).await?;
    let found = found.filter(|it| actor.may_run(&it.pipeline_id)).ok_or_else(Problem::not_found)?;
    if found.discarded_at.is_some() {
        return Ok(Json(told(found)));
    }
    if !store::discard(&mut tx, publisher.id, id, ground.clock.now()).await? {
        let why = "it is replayed, or was";
        return Err(Problem::refuse(StatusCode::CONFLICT, "conflict", why));
    }
    let entry = Entry::done(Noted::PublisherUpdated, actor, On::new("dead_letter", id));
    let entry = entry.with("discarded", true);
    ground.trust.note(&mut tx, Chain::of(publisher.id), entry).await?;
    let found = store::find(&mut tx, publisher.id, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await.map_err(Error::from)?;
    Ok(Json(told(found)))
}
