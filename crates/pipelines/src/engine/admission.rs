//! Who comes in: requests that were made before have no second effect, also by another process or after a restart, and
//! whoever asks for work has some left of what it may claim (decision 0005).
//!
//! What the requests of a group leave is written at its beginning, in one statement, so that what was made before is
//! refused alone and before it changed anything. The name of a request that may be repeated stands in rows only if the
//! request took effect: those of the others are taken back at the end of the group. Whoever waits leaves the nonce when
//! something first happens, and the name when it is given something.

use std::collections::BTreeMap;

use pipelines_core::machine::{Answer as Answered, Effect, Verdict};
use trust::Stamp;

use super::{Ask, Asking, Granted, NotDone, Told, grants::may_find, group::Group, keeper::Parked};
use crate::Error;

/// What is refused before it is looked at, by its place.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Of the work of the group.
    pub(super) work: BTreeMap<usize, NotDone>,
    /// Of those who wait.
    pub(super) parked: BTreeMap<usize, NotDone>,
}

impl Ask {
    /// What the request leaves.
    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Start(start, ..) => start.stamp.as_ref(),
            Self::Event(happening, _) => happening.by.stamp.as_ref(),
            Self::Next(asking, _) => asking.stamp.as_ref(),
            Self::Look(..) | Self::Drain => None,
        }
    }
}

/// Whether an event did something that a repetition has to know of. A result that does not fit is judged again alike.
pub(super) fn has_happened(outcome: &Result<Told, NotDone>) -> bool {
    let is_invalid = |effect: &Effect| match effect {
        Effect::Answer(Answered::Verdict { verdict, .. }) => {
            matches!(verdict, Verdict::Invalid(_))
        }
        _ => false,
    };
    outcome.as_ref().is_ok_and(|told| !told.effects.iter().any(is_invalid))
}

impl Group<'_> {
    /// Writes what requests leave. Those who wait are asked for it once there is work, or something that they may want.
    pub(super) async fn admit(
        &mut self,
        work: &[Ask],
        parked: &[Parked],
    ) -> Result<Refused, Error> {
        let of_work: Vec<_> =
            work.iter().enumerate().filter_map(|(at, it)| Some((at, it.stamp()?))).collect();
        let comes =
            |it: &Parked| !it.is_stamped && (!work.is_empty() || may_find(self.heads, &it.asking));
        let waiting = parked.iter().enumerate().filter(|(_, it)| comes(it));
        // The name waits until something is given.
        let waiting: Vec<_> = waiting
            .filter_map(|(at, it)| Some((at, it.asking.stamp.as_ref()?.unnamed()?)))
            .collect();
        let stamps: Vec<_> =
            of_work.iter().map(|(_, it)| *it).chain(waiting.iter().map(|(_, it)| it)).collect();
        let mut refused = Refused::default();
        if stamps.is_empty() {
            return Ok(refused);
        }
        let trust = &self.pipelines.0.ground.trust;
        for (at, error) in trust.stamp_all(&mut self.tx, &stamps).await? {
            let not_done = NotDone::from(Error::from(error));
            match (of_work.get(at), at.checked_sub(of_work.len()).and_then(|at| waiting.get(at))) {
                (Some((at, _)), _) => drop(refused.work.insert(*at, not_done)),
                (None, Some((at, _))) => drop(refused.parked.insert(*at, not_done)),
                (None, None) => {}
            }
        }
        Ok(refused)
    }

    /// Gives a caller what it may have now. Whoever has had as much as may be is told so, and so is one whose request was
    /// made before.
    pub(super) async fn grant(
        &mut self,
        asking: &Asking,
    ) -> Result<Result<Vec<Granted>, NotDone>, Error> {
        if !may_find(self.heads, asking) {
            return Ok(Ok(Vec::new()));
        }
        let left = match self.claims_left(asking).await? {
            Ok(left) => left,
            Err(quota) => return Ok(Err(NotDone::Quota(quota))),
        };
        let named = asking.stamp.as_ref().filter(|it| it.is_named());
        let trust = &self.pipelines.0.ground.trust;
        if let Some(stamp) = named
            && let Some(error) = trust.stamp_all(&mut self.tx, &[stamp]).await?.remove(&0)
        {
            return Ok(Err(Error::from(error).into()));
        }
        let given = self.give(asking, left).await?;
        if given.is_empty() {
            trust.unname_all(&mut self.tx, &named.cloned().into_iter().collect::<Vec<_>>()).await?;
        }
        self.count_claims(asking, given.len());
        Ok(Ok(given))
    }
}
