//! The members of a step about attempts, claims, checks and persons; the first four also as `defaults`.

use std::time::Duration;

use super::{
    Approval, Checks, Kind, Lease, OnDead, OnDisagree, OnExpiry, Quorum, Review, Reviewer,
    fields::Fields,
};
use crate::{backoff::Backoff, fault::Code, json::Pointer};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
/// The longest deadline of a step: that of a run.
pub(super) const MAX_DEADLINE: Duration = Duration::from_hours(90 * 24);

/// What a step does with failures.
#[derive(Debug, Clone)]
pub(in crate::definition) struct Handling {
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) claim: Lease,
    pub(super) on_dead: OnDead,
}

impl Default for Handling {
    fn default() -> Self {
        let claim = Lease { ttl: 600 * SECOND, cap: 1_800 * SECOND };
        Self { attempts: 3, backoff: Backoff::default(), claim, on_dead: OnDead::FailRun }
    }
}

impl Handling {
    /// These, where the object does not say otherwise.
    pub(super) fn read(mut self, fields: &Fields<'_>) -> Self {
        if let Some(attempts) = fields.small("attempts", 1..=10) {
            self.attempts = attempts;
        }
        if let Some(inner) = fields.object("backoff") {
            self.backoff = backoff(&inner, self.backoff);
            inner.finish();
        }
        if let Some(inner) = fields.object("claim") {
            let range = || 30 * SECOND..=DAY;
            self.claim.ttl = inner.duration("ttl", range()).unwrap_or(self.claim.ttl);
            self.claim.cap = inner.duration("cap", range()).unwrap_or(self.claim.cap);
            inner.finish();
        }
        let words = [("fail_run", OnDead::FailRun), ("skip", OnDead::Skip), ("hold", OnDead::Hold)];
        self.on_dead = fields.word("on_dead", &words).unwrap_or(self.on_dead);
        self
    }
}

fn backoff(fields: &Fields<'_>, usual: Backoff) -> Backoff {
    let range = || Duration::from_millis(1)..=MAX_DEADLINE;
    let factor = fields.parts("factor", 1.0..=10.0, 1_000.0);
    let jitter = fields.parts("jitter", 0.0..=0.5, 1_000_000.0);
    Backoff {
        first: fields.duration("first", range()).unwrap_or(usual.first),
        factor_thousandths: factor.unwrap_or(usual.factor_thousandths),
        max: fields.duration("max", range()).unwrap_or(usual.max),
        jitter_millionths: jitter.unwrap_or(usual.jitter_millionths),
    }
}

/// Work or approval.
pub(super) fn kind(fields: &Fields<'_>) -> Kind {
    let is_approval = fields.word("kind", &[("work", false), ("approval", true)]);
    let Some(inner) = fields.object("approval") else {
        return if is_approval == Some(true) {
            Kind::Approval(Approval::default())
        } else {
            Kind::Work
        };
    };
    if is_approval != Some(true) {
        fields.fault("approval", Code::UnknownField, "only a step of kind approval has it");
    }
    let usual = Approval::default();
    let words = [("dead", OnExpiry::Dead), ("skip", OnExpiry::Skip)];
    let expires = Duration::from_millis(1)..=30 * DAY;
    let approval = Approval {
        count: inner.small("count", 1..=5).unwrap_or(usual.count),
        not_starter: inner.boolean("not_starter").unwrap_or(usual.not_starter),
        expires: inner.duration("expires", expires).unwrap_or(usual.expires),
        on_expiry: inner.word("on_expiry", &words).unwrap_or_default(),
    };
    inner.finish();
    Kind::Approval(approval)
}

impl Default for Approval {
    fn default() -> Self {
        Self { count: 1, not_starter: true, expires: 7 * DAY, on_expiry: OnExpiry::Dead }
    }
}

/// A quorum or a review, not both.
pub(super) fn checks(fields: &Fields<'_>) -> Checks {
    let quorum = fields.object("quorum").and_then(|inner| quorum(fields, inner));
    let review = fields.object("review").map(review);
    match (quorum, review) {
        (None, None) => Checks::None,
        (Some(quorum), None) => Checks::Quorum(quorum),
        (None, Some(review)) => Checks::Review(review),
        (Some(quorum), Some(_)) => {
            fields.fault("quorum", Code::QuorumInvalid, "a quorum has no review beside it");
            Checks::Quorum(quorum)
        }
    }
}

fn quorum(step: &Fields<'_>, fields: Fields<'_>) -> Option<Quorum> {
    fields.required("ballots");
    fields.required("agree");
    let ballots = fields.small("ballots", 2..=9);
    let agree = fields.small("agree", 1..=9);
    let max_ballots = fields.small("max_ballots", 2..=9).or(ballots);
    let compare = fields.texts("compare", 1..=32, "a pointer", |it| it.parse().ok());
    let words = [("dead", OnDisagree::Dead), ("person", OnDisagree::Person)];
    let on_disagree = fields.word("on_disagree", &words).unwrap_or_default();
    fields.finish();
    let quorum = Quorum {
        ballots: ballots?,
        agree: agree?,
        max_ballots: max_ballots?,
        compare: compare.unwrap_or_else(|| vec![Pointer::root()]),
        on_disagree,
    };
    let is_sound = quorum.agree <= quorum.ballots
        && 2 * quorum.agree > quorum.max_ballots
        && quorum.ballots <= quorum.max_ballots;
    if !is_sound {
        let why = "agree ≤ ballots ≤ max_ballots and 2 × agree > max_ballots must hold";
        step.fault("quorum", Code::QuorumInvalid, why);
    }
    Some(quorum)
}

fn review(fields: Fields<'_>) -> Review {
    let words = [("agent", Reviewer::Agent), ("person", Reviewer::Person)];
    let review = Review {
        by: fields.word("by", &words).unwrap_or_default(),
        count: fields.small("count", 1..=3).unwrap_or(1),
        sample_millionths: fields.parts("sample", 0.0..=1.0, 1_000_000.0).unwrap_or(1_000_000),
        exempt_trust: fields.digit("exempt_trust", 3),
    };
    fields.finish();
    review
}
