//! How much anyone may ask for (`spec/trust.md` 2, 9, 17): token buckets, push windows, and the failure limiter.
//!
//! | file          | what is there                                                                      |
//! |---------------|------------------------------------------------------------------------------------|
//! | `mod.rs`      | the door: [`Limits`], and what a refusal says: [`Exceeded`]                          |
//! | `rate.rs`     | [`Rate`]: every number by its name; [`LimitSettings`]                                |
//! | `class.rs`    | [`Class`]: what a request to a route counts as                                      |
//! | `place.rs`    | [`Place`], [`Who`]: whose requests are counted together                             |
//! | `bucket.rs`   | one bucket: pure arithmetic                                                         |
//! | `buckets.rs`  | all buckets of a process, within bounds                                             |
//! | `windows.rs`  | a push counts once, however many calls it takes                                     |
//! | `failures.rs` | who failed how often, in memory; `guard.rs`: before and after a credential          |
//! | `store.rs`    | the table `auth_failures`                                                           |
//!
//! Everything is counted in memory, a process for itself; locks alone are rows. Invariant: every store that a stranger
//! can fill is bounded, and full it refuses instead of forgetting.

mod bucket;
mod buckets;
mod class;
mod failures;
mod guard;
mod place;
mod rate;
mod store;
#[cfg(test)]
mod tests;
mod windows;

use std::{net::IpAddr, sync::Arc};

use names::{Clock, Id, UnixMillis};

use crate::{Actor, Principal};
use buckets::Buckets;
pub use class::Class;
pub use failures::Suspect;
pub use place::{Place, Who};
pub use rate::{BOT_AGENTS, LimitSetting, LimitSettingError, LimitSettings, Quota, Rate};
pub(crate) use store::STATEMENTS;
pub use windows::Turn;

/// Buckets of those who are not signed in. Together 200,000 (`spec/trust.md` 17), apart so that strangers cannot take
/// the room of principals.
const MOST_PLACES: usize = 150_000;
/// Buckets of principals.
const MOST_PRINCIPALS: usize = 50_000;
/// What a failed credential costs in all, in requests of the address.
const FAILED_COST: u64 = 10;

/// The policy of locks, which is no rate.
const FAILURES: &str = "failures";

/// A refusal: what there is, how much of it is left, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}; try again in {retry_after_seconds} s", self.reason())]
pub struct Exceeded {
    /// Which limit.
    pub policy: &'static str,
    /// How much there is in a window.
    pub limit: u64,
    /// How long a window is.
    pub window_seconds: u64,
    /// What is left now.
    pub remaining: u64,
    /// When more of it is there.
    pub reset_seconds: u32,
    /// When it is worth trying again; at least 1.
    pub retry_after_seconds: u32,
}

impl Exceeded {
    pub(crate) fn new(policy: &'static str, quota: Quota, remaining: u64, wait_nanos: i64) -> Self {
        let wait = bucket::whole_seconds(wait_nanos);
        Self {
            policy,
            limit: quota.count,
            window_seconds: quota.period.as_secs(),
            remaining,
            reset_seconds: wait,
            retry_after_seconds: wait,
        }
    }

    fn reason(&self) -> String {
        let Self { policy, limit, window_seconds, .. } = self;
        match *policy {
            FAILURES => "too many failed credentials in a row".to_owned(),
            _ => format!("too many requests: {policy} has {limit} in {window_seconds} s"),
        }
    }

    /// A wait in whole seconds for which there is no bucket.
    pub fn wait(policy: &'static str, limit: u64, window_seconds: u64, seconds: u32) -> Self {
        Self {
            policy,
            limit,
            window_seconds,
            remaining: 0,
            reset_seconds: seconds.max(1),
            retry_after_seconds: seconds.max(1),
        }
    }
}

/// What a request has been given along with its turn.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Its place in a push window, held while it works.
    pub turn: Option<Turn>,
    /// Whom the bytes of its body are charged to.
    pub meter: Option<Meter>,
}

/// Charges received bytes to a principal.
#[derive(Debug, Clone)]
pub struct Meter {
    limits: Limits,
    who: Id<Principal>,
}

impl Meter {
    /// So many bytes have come.
    pub fn add(&self, bytes: u64) {
        self.limits.charge(Rate::PushBytes, Who::Principal(self.who), bytes);
    }
}

/// All limits of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    settings: LimitSettings,
    places: Buckets,
    principals: Buckets,
    windows: Arc<windows::Windows>,
    failures: failures::Failures,
}

impl Limits {
    pub(crate) fn new(clock: Clock, settings: LimitSettings) -> Self {
        Self(Arc::new(Inner {
            clock,
            settings,
            places: Buckets::new(MOST_PLACES),
            principals: Buckets::new(MOST_PRINCIPALS),
            windows: Arc::default(),
            failures: failures::Failures::default(),
        }))
    }

    fn now(&self) -> UnixMillis {
        self.0.clock.now()
    }

    fn store(&self, who: Who) -> &Buckets {
        match who {
            Who::Principal(_) | Who::Credential(_) => &self.0.principals,
            Who::Place(_) => &self.0.places,
        }
    }

    /// How much of `rate` there is: for those who count it by themselves, in rows.
    pub fn quota(&self, rate: Rate) -> Quota {
        self.0.settings.quota(rate)
    }

    /// Takes `cost` of what `who` has of `rate`.
    pub fn take(&self, rate: Rate, who: Who, cost: u64) -> Result<(), Exceeded> {
        let (quota, now) = (self.0.settings.quota(rate), self.now());
        self.store(who).with(rate, who, now, |it| it.take(rate, quota, cost, now))
    }

    /// Takes `cost` of what has happened already, whether it is there or not.
    fn charge(&self, rate: Rate, who: Who, cost: u64) {
        let (quota, now) = (self.0.settings.quota(rate), self.now());
        self.store(who).with(rate, who, now, |it| it.charge(quota, cost, now));
    }

    /// One more request from there: before anything of it is looked at.
    pub fn arrive(&self, place: Place) -> Result<(), Exceeded> {
        self.take(Rate::Ip, Who::Place(place), 1)
    }

    /// The request that arrived from there had a credential that does not hold.
    pub fn charge_failed(&self, place: Place) {
        self.charge(Rate::Ip, Who::Place(place), FAILED_COST - 1);
    }

    /// A new principal is to be made from there.
    pub fn newcomer(&self, from: Option<IpAddr>) -> Result<(), Exceeded> {
        self.take(Rate::Registrations, Who::Place(Place::of(from)), 1)
    }

    /// A browser is to be signed in from there.
    pub(crate) fn session(&self, from: Option<IpAddr>) -> Result<(), Exceeded> {
        self.take(Rate::Sessions, Who::Place(Place::of(from)), 1)
    }

    /// Somebody tries to make a publisher, wherever they are.
    pub(crate) fn bootstrap(&self) -> Result<(), Exceeded> {
        self.take(Rate::BootstrapInstall, Who::Place(Place::Unknown), 1)
    }

    /// What a page costs that is read without signing in.
    pub fn page(&self, place: Place, points: u64) -> Result<(), Exceeded> {
        self.take(Rate::Points, Who::Place(place), points)?;
        self.take(Rate::PointsAround, Who::Place(place.around()), points)
    }

    /// Counts a request of `class`. `repository` is `owner/name` where the address has one.
    pub fn admit(
        &self,
        class: Class,
        actor: &Actor,
        place: Place,
        repository: &str,
    ) -> Result<Admitted, Exceeded> {
        let there = Who::Place(place);
        let (rate, who) = match actor.principal() {
            None => (class.anonymous(), there),
            Some(_) if class.is_by_address() => (class.signed_in(), there),
            Some(principal) => match class {
                Class::Upload => return self.upload(principal.id, repository),
                Class::Push => return self.push(principal.id, repository),
                Class::Free
                | Class::Global
                | Class::Mint
                | Class::Export
                | Class::Leave
                | Class::Auth
                | Class::Bootstrap
                | Class::WireRead
                | Class::Presigned
                | Class::Download
                | Class::Search => (class.signed_in(), Who::Principal(principal.id)),
            },
        };
        rate.map_or(Ok(()), |rate| self.take(rate, who, 1))?;
        Ok(Admitted::default())
    }

    /// A call that prepares a push: counts in its window, which counts as one push.
    fn upload(&self, principal: Id<Principal>, repository: &str) -> Result<Admitted, Exceeded> {
        let who = Who::Principal(principal);
        self.take(Rate::Uploads, who, 1)?;
        self.take(Rate::PushBytes, who, 1)?;
        let count = || self.take(Rate::Pushes, who, 1);
        let turn = self.0.windows.call(windows::key(principal, repository), self.now(), count)?;
        Ok(Admitted { turn: Some(turn), meter: Some(self.meter(principal)) })
    }

    /// A push: counted by its window, or by itself where nothing prepared it.
    fn push(&self, principal: Id<Principal>, repository: &str) -> Result<Admitted, Exceeded> {
        let who = Who::Principal(principal);
        self.take(Rate::PushBytes, who, 1)?;
        if !self.0.windows.close(&windows::key(principal, repository), self.now()) {
            self.take(Rate::Pushes, who, 1)?;
        }
        Ok(Admitted { turn: None, meter: Some(self.meter(principal)) })
    }

    fn meter(&self, who: Id<Principal>) -> Meter {
        Meter { limits: self.clone(), who }
    }
}
