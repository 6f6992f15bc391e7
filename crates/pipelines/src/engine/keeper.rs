//! The loop: what came together is one group; callers whose wish cannot be met wait here, in memory.
//!
//! While a transaction is under way asks queue up, and they are the next group: a group closes at once when the writer is
//! free. A group that could do nothing but look begins no transaction.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Weak,
    time::Duration,
};

use db::Dialect;
use pipelines_core::{
    machine::What,
    name::{AgentId, ClaimId, RunId},
    order::Order,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    Answer, Ask, Asking, Doer, Granted, Happening, NotDone, Said, Started, Told,
    admission::has_happened,
    granted::granted,
    grants::may_want,
    group::{Group, plain},
    heads::Heads,
    limits::Counts,
    runs::Runs,
    store,
};
use crate::{Error, Inner, Pipelines};

/// Asks in one group (`spec/work.md` 11).
const GROUP: usize = 256;
/// Callers that wait at a time: at about a kilobyte each, some four megabytes. More are answered with nothing.
const PARKED: usize = 4_096;
/// With other processes: how late something is found that they made ready, while somebody waits.
const POLL: Duration = Duration::from_secs(5);

/// Somebody who waits for work.
pub(super) struct Parked {
    pub(super) asking: Box<Asking>,
    answer: Answer<Vec<Granted>>,
    /// Nobody has looked yet what there is for it.
    is_new: bool,
    /// What the request leaves stands in rows.
    pub(super) is_stamped: bool,
}

/// The loop of a process.
pub(super) struct Keeper {
    room: Weak<Inner>,
    runs: Runs,
    heads: Heads,
    order: Order,
    counts: Counts,
    parked: VecDeque<Parked>,
    /// What is in memory has to be read again.
    is_stale: bool,
    /// Nobody waits any more.
    is_draining: bool,
}

/// An answer that is told after the commit.
enum Reply {
    Started(Answer<Started>, Result<Started, NotDone>),
    Told(Answer<Told>, Result<Told, NotDone>),
    Looked(Answer<Vec<Granted>>, Vec<Granted>),
    Next(Parked, Vec<Granted>),
    Refused(Parked, NotDone),
}

impl Reply {
    /// Tells it. Gives back what nobody learned of.
    fn tell(self) -> Vec<Granted> {
        match self {
            Self::Started(answer, outcome) => drop(answer.send(outcome)),
            Self::Told(answer, outcome) => drop(answer.send(outcome)),
            Self::Looked(answer, claims) => drop(answer.send(Ok(claims))),
            Self::Refused(parked, why) => drop(parked.answer.send(Err(why))),
            Self::Next(parked, claims) => {
                return parked
                    .answer
                    .send(Ok(claims))
                    .err()
                    .and_then(Result::ok)
                    .unwrap_or_default();
            }
        }
        Vec::new()
    }

    /// Whether something was done that a repetition of the request has to know of.
    fn took_effect(&self) -> bool {
        match self {
            Self::Started(_, outcome) => outcome.is_ok(),
            Self::Told(_, outcome) => has_happened(outcome),
            Self::Looked(..) | Self::Next(..) | Self::Refused(..) => false,
        }
    }

    /// Tells that it did not come to be.
    fn fail(self) -> Option<Parked> {
        let failed = || NotDone::Failed(Box::new(Error::GivenUp));
        match self {
            Self::Started(answer, _) => drop(answer.send(Err(failed()))),
            Self::Told(answer, _) => drop(answer.send(Err(failed()))),
            Self::Looked(answer, _) => drop(answer.send(Err(failed()))),
            Self::Next(parked, _) | Self::Refused(parked, _) => return Some(parked),
        }
        None
    }
}

impl Keeper {
    pub(super) fn new(room: Weak<Inner>) -> Self {
        Self {
            room,
            runs: Runs::default(),
            heads: Heads::default(),
            order: Order::default(),
            counts: Counts::default(),
            parked: VecDeque::new(),
            is_stale: true,
            is_draining: false,
        }
    }

    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut poll = Instant::now() + POLL;
        loop {
            self.parked.retain(|it| !it.answer.is_closed());
            let first = tokio::select! {
                biased;
                first = asked.recv() => match first {
                    None => return,
                    Some(first) => Some(first),
                },
                () = sleep_until(poll), if self.polls() => None,
            };
            let Some(room) = self.room.upgrade() else { return };
            let pipelines = Pipelines(room);
            let is_poll = first.is_none();
            let mut asks: Vec<_> = first.into_iter().collect();
            while asks.len() < GROUP
                && let Ok(next) = asked.try_recv()
            {
                asks.push(next);
            }
            if is_poll {
                poll = Instant::now() + POLL;
                self.is_stale = true;
            }
            let lost = self.group(&pipelines, asks).await;
            self.runs.shrink();
            self.give_back(&pipelines, lost).await;
        }
    }

    /// Whether others may make something ready for those who wait here.
    fn polls(&self) -> bool {
        let room = self.room.upgrade();
        let is_shared = room.is_some_and(|it| it.ground.db.dialect() == Dialect::Postgres);
        is_shared && !self.parked.is_empty()
    }

    /// One group, from the asks to the answers. Gives the claims of which nobody learned.
    async fn group(&mut self, pipelines: &Pipelines, asks: Vec<Ask>) -> Vec<Granted> {
        let mut work = Vec::new();
        for ask in asks {
            match ask {
                Ask::Next(asking, answer) if self.is_draining || self.parked.len() >= PARKED => {
                    drop(asking);
                    // Who has gone need not be told.
                    let _told = answer.send(Ok(Vec::new()));
                }
                Ask::Next(asking, answer) => {
                    self.parked.push_back(Parked {
                        asking,
                        answer,
                        is_new: true,
                        is_stamped: false,
                    });
                }
                Ask::Drain => {
                    self.is_draining = true;
                    for parked in self.parked.drain(..) {
                        // Who has gone need not be told.
                        let _told = parked.answer.send(Ok(Vec::new()));
                    }
                }
                other => work.push(other),
            }
        }
        let wants =
            |it: &Parked| self.heads.iter().any(|(_, head)| may_want(&it.asking, &head.like));
        let may_find = self.parked.iter().filter(|it| it.is_new).any(wants);
        if work.is_empty() && !self.is_stale && !may_find {
            self.settle(|| Ok(Vec::new()));
            return Vec::new();
        }
        let mut replies = Vec::new();
        match self.transact(pipelines, work, &mut replies).await {
            Ok(()) => {
                self.settle(|| Ok(Vec::new()));
                replies.into_iter().flat_map(Reply::tell).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "a group of events was not written; nothing of it holds");
                self.is_stale = true;
                (self.runs, self.heads) = (Runs::default(), Heads::default());
                self.counts = Counts::default();
                self.parked.extend(replies.into_iter().filter_map(Reply::fail));
                self.settle(|| Err(NotDone::Failed(Box::new(Error::GivenUp))));
                Vec::new()
            }
        }
    }

    /// Answers those who found nothing and do not want to wait. The others have been looked at.
    fn settle(&mut self, with: impl Fn() -> Result<Vec<Granted>, NotDone>) {
        for mut parked in std::mem::take(&mut self.parked) {
            if parked.asking.waits {
                parked.is_new = false;
                self.parked.push_back(parked);
            } else {
                // Who has gone need not be told.
                let _told = parked.answer.send(with());
            }
        }
    }

    /// One transaction. What is to be told is in `replies` then.
    async fn transact(
        &mut self,
        pipelines: &Pipelines,
        work: Vec<Ask>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), Error> {
        let mut tx = pipelines.0.ground.db.write().await?;
        if self.is_stale {
            let rows = store::heads(&mut tx).await?;
            match tx.dialect() {
                Dialect::Sqlite => self.heads = Heads::of(rows.into_iter()),
                Dialect::Postgres => self.heads.learn(rows.into_iter()),
            }
        }
        let wanted = runs_of(&work);
        self.runs.load(pipelines, &mut tx, &wanted).await?;
        let lent = (&mut self.runs, &mut self.heads, &mut self.order);
        let mut group = Group::new(pipelines, tx, lent, &mut self.counts);
        group.has_news = self.is_stale;
        let has_work = !work.is_empty();
        let mut refused = group.admit(&work, self.parked.make_contiguous()).await?;
        let waiting = std::mem::take(&mut self.parked).into_iter().enumerate();
        for (at, parked) in waiting {
            match refused.parked.remove(&at) {
                Some(why) => replies.push(Reply::Refused(parked, why)),
                None => self.parked.push_back(parked),
            }
        }
        work_off(&mut group, work, refused.work, replies).await?;
        group.serve_queues().await?;
        give_out(&mut group, &mut self.parked, replies).await?;
        group.serve_queues().await?;
        group.commit().await?;
        // What a group with work has written of those who wait, it has written of all.
        self.parked.iter_mut().for_each(|it| it.is_stamped |= has_work);
        self.heads.settled();
        self.is_stale = false;
        Ok(())
    }

    /// Claims of which nobody learned, because whoever asked has gone: their tasks are ready again.
    async fn give_back(&mut self, pipelines: &Pipelines, mut lost: Vec<Granted>) {
        // Each round may grant them to somebody else who has gone by then.
        for _ in 0..GROUP {
            if lost.is_empty() {
                return;
            }
            let at = pipelines.0.engine.now();
            let event = |it: &Granted| {
                let (answer, _) = oneshot::channel();
                let event = plain(What::Undelivered(it.claim));
                let (by, said) = (Doer::default(), Said::default());
                let happening = Happening { run: it.run, event, at, by, said };
                Ask::Event(Box::new(happening), answer)
            };
            let events = lost.iter().map(event).collect();
            lost = self.group(pipelines, events).await;
        }
    }
}

/// The runs that have to be at hand.
fn runs_of(work: &[Ask]) -> BTreeSet<RunId> {
    let mut wanted = BTreeSet::new();
    for ask in work {
        match ask {
            Ask::Event(happening, _) => drop(wanted.insert(happening.run)),
            Ask::Look(_, claims, _) => wanted.extend(claims.iter().map(|(run, _)| *run)),
            Ask::Start(..) | Ask::Next(..) | Ask::Drain => {}
        }
    }
    wanted
}

/// Does what is asked. The names of requests that did nothing are taken back.
async fn work_off(
    group: &mut Group<'_>,
    work: Vec<Ask>,
    mut refused: BTreeMap<usize, NotDone>,
    replies: &mut Vec<Reply>,
) -> Result<(), Error> {
    let mut unnamed = Vec::new();
    for (at, ask) in work.into_iter().enumerate() {
        let why = refused.remove(&at);
        let named = ask.stamp().filter(|it| it.is_named() && why.is_none()).cloned();
        let (reply, error) = take(group, ask, why).await;
        if !reply.as_ref().is_some_and(Reply::took_effect) {
            unnamed.extend(named);
        }
        replies.extend(reply);
        if let Some(error) = error {
            return Err(error);
        }
    }
    Ok(group.pipelines.0.ground.trust.unname_all(&mut group.tx, &unnamed).await?)
}

/// Gives those who wait what there is for them. One that fails goes on waiting with the others, until the next group.
async fn give_out(
    group: &mut Group<'_>,
    waiting: &mut VecDeque<Parked>,
    replies: &mut Vec<Reply>,
) -> Result<(), Error> {
    let mut failed = None;
    for parked in std::mem::take(waiting) {
        let may_find = parked.is_new || group.has_news;
        if parked.answer.is_closed() || !may_find {
            waiting.push_back(parked);
            continue;
        }
        let given = match &failed {
            None => group.grant(&parked.asking).await,
            Some(_) => Ok(Ok(Vec::new())),
        };
        match given {
            Ok(Ok(given)) if given.is_empty() => waiting.push_back(parked),
            Ok(Ok(given)) => replies.push(Reply::Next(parked, given)),
            Ok(Err(why)) => replies.push(Reply::Refused(parked, why)),
            Err(error) => {
                failed = Some(error);
                waiting.push_back(parked);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Does what is asked, unless it is refused already. An error ends the group; a refusal is an answer.
async fn take(
    group: &mut Group<'_>,
    ask: Ask,
    refused: Option<NotDone>,
) -> (Option<Reply>, Option<Error>) {
    match ask {
        Ask::Start(start, at, answer) => {
            let outcome = match refused {
                Some(why) => return (Some(Reply::Started(answer, Err(why))), None),
                None => group.start(*start, at).await,
            };
            match outcome {
                Err(NotDone::Failed(error)) => {
                    (Some(Reply::Started(answer, Err(NotDone::NoRun))), Some(*error))
                }
                outcome => (Some(Reply::Started(answer, outcome)), None),
            }
        }
        Ask::Event(happening, answer) => {
            let outcome = match refused {
                Some(why) => return (Some(Reply::Told(answer, Err(why))), None),
                None => group.happen_within_limits(&happening).await,
            };
            match outcome {
                Err(NotDone::Failed(error)) => {
                    (Some(Reply::Told(answer, Err(NotDone::NoRun))), Some(*error))
                }
                outcome => (Some(Reply::Told(answer, outcome)), None),
            }
        }
        Ask::Look(agent, claims, answer) => {
            (Some(Reply::Looked(answer, look(group, agent, &claims))), None)
        }
        Ask::Next(..) | Ask::Drain => (None, None),
    }
}

/// Claims that the agent holds and that live.
fn look(group: &Group<'_>, agent: AgentId, claims: &[(RunId, ClaimId)]) -> Vec<Granted> {
    let found = claims.iter().filter_map(|(run, claim)| {
        let run = group.runs.get(*run)?;
        run.state.live_claims().find(|(id, it)| *id == claim && it.agent == agent)?;
        granted(run, *claim, group.now)
    });
    found.collect()
}
