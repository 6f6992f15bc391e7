//! What waits, how fast it is claimed, what is dead: by publisher, and by step of each pipeline.

use std::{collections::BTreeMap, time::Duration};

use api::json;
use names::{Id, UnixMillis};
use trust::{Allowed, Anything, Principal, Publisher, act};
use web::{Json, Problem};

use super::store;
use crate::{Door, engine::millis};

/// Over which time claims are counted.
const WINDOW: Duration = Duration::from_mins(5);
/// Claims that are looked at: the statement says the same. Where there were more, the time over which they are counted is
/// shorter.
const CLAIMS: u64 = 2_000;
/// Dead letters that are looked at: the statement says the same.
const DEAD: u64 = 10_000;
const MINUTE: f64 = 60_000.0;

/// One step, or all of a publisher.
#[derive(Default)]
struct Sums {
    depth: u64,
    oldest: Option<UnixMillis>,
    claims: u64,
    dead: u64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.depth += other.depth;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        self.claims += other.claims;
        self.dead += other.dead;
    }
}

/// Publisher, pipeline, step.
type Place = (String, String, String);

/// The numbers of one publisher, or of all.
async fn sums(
    door: &Door,
    publisher: Option<Id<Principal>>,
) -> Result<(BTreeMap<Place, Sums>, Duration, bool), Problem> {
    let now = door.pipelines.0.engine.now();
    let mut tx = door.db().read().await?;
    let (ready, mut is_whole) = store::ready(&mut tx, publisher).await?;
    let since = UnixMillis(now.0.saturating_sub(i64::try_from(millis(WINDOW)).unwrap_or_default()));
    let claimed = store::claimed(&mut tx, since).await?;
    let dead = store::dead(&mut tx, publisher).await?;
    drop(tx);
    let mut sums: BTreeMap<Place, Sums> = BTreeMap::new();
    for it in ready {
        let place = sums.entry((it.publisher, it.pipeline, it.step)).or_default();
        place.depth += it.many;
        place.oldest = place.oldest.into_iter().chain([it.oldest]).min();
    }
    let mut first = now;
    for (publisher, pipeline, step, many, at) in claimed {
        first = first.min(UnixMillis(at));
        sums.entry((publisher, pipeline, step)).or_default().claims += many.unsigned_abs();
    }
    for (publisher, pipeline, step, many) in dead {
        sums.entry((publisher, pipeline, step)).or_default().dead += many.unsigned_abs();
    }
    let claims: u64 = sums.values().map(|it| it.claims).sum();
    let window = if claims < CLAIMS { WINDOW } else { now.since(first) };
    is_whole &= sums.values().map(|it| it.dead).sum::<u64>() < DEAD;
    Ok((sums, window.max(Duration::from_millis(1)), is_whole))
}

/// What is told of the places that may be seen.
fn told(
    (sums, window, is_whole): (BTreeMap<Place, Sums>, Duration, bool),
    now: UnixMillis,
    is_seen: impl Fn(&Place) -> bool,
) -> json::WorkStats {
    let all: u64 = sums.values().map(|it| it.claims).sum();
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let rate = |count: u64| number(count) * MINUTE / number(millis(window));
    let age = |oldest: Option<UnixMillis>| oldest.map(|it| millis(now.since(it)));
    let mut publishers: BTreeMap<String, Sums> = BTreeMap::new();
    let mut steps = Vec::new();
    for (place, it) in sums.into_iter().filter(|(place, _)| is_seen(place)) {
        let (publisher, pipeline, step) = place;
        publishers.entry(publisher.clone()).or_default().add(&it);
        steps.push(json::StepStats {
            publisher,
            pipeline,
            step,
            depth: it.depth,
            oldest_age_ms: age(it.oldest),
            claims_per_minute: rate(it.claims),
            dead: it.dead,
        });
    }
    let of_publisher = |(publisher, it): (String, Sums)| json::PublisherStats {
        publisher,
        depth: it.depth,
        oldest_age_ms: age(it.oldest),
        claims_per_minute: rate(it.claims),
        share: if all == 0 { 0.0 } else { number(it.claims) / number(all) },
        dead: it.dead,
    };
    json::WorkStats {
        at: now.to_string(),
        window_ms: millis(window),
        is_whole,
        publishers: publishers.into_iter().map(of_publisher).collect(),
        steps,
    }
}

/// A publisher's own.
pub(super) async fn of_publisher(
    door: Door,
    allowed: Allowed<act::RunRead, Publisher>,
    (): (),
) -> Result<Json<json::WorkStats>, Problem> {
    let (actor, organization) = (allowed.actor(), &allowed.resource().organization);
    // An agent sees what it is given.
    if actor.behind().is_some() {
        return Err(Problem::not_found());
    }
    let found = sums(&door, Some(organization.id)).await?;
    let is_seen = |(publisher, pipeline, _): &Place| {
        publisher == organization.handle.as_str() && actor.may_run(pipeline)
    };
    Ok(Json(told(found, door.pipelines.0.engine.now(), is_seen)))
}

/// Everybody's, for whoever runs the install.
pub(super) async fn of_install(
    door: Door,
    _: Allowed<act::JobRead, Anything>,
    (): (),
) -> Result<Json<json::WorkStats>, Problem> {
    let found = sums(&door, None).await?;
    Ok(Json(told(found, door.pipelines.0.engine.now(), |_| true)))
}
