//! The loop: what came together is one group; callers whose wish cannot be met wait here, in memory.
//!
//! While a transaction is under way asks queue up, and they are the next group: a group closes at once when the writer is
//! free. A group that could do nothing but look begins no transaction.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::pending,
    sync::Weak,
    time::Duration,
};

use db::Dialect;
use pipelines_core::{
    machine::What,
    name::{AgentId, ClaimId, RunId},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    Answer, Ask, Asking, Doer, Granted, Happening, NotDone, Said, Started, Told,
    admission::has_happened,
    backlog::{Backlog, GROUP},
    granted::granted,
    grants::may_find,
    group::{Group, plain},
    heads::Heads,
    hints::{Filled, Hints},
    limits::Counts,
    runs::Runs,
};
use crate::{Error, Inner, Pipelines};

/// Callers that wait at a time: at about a kilobyte each, some four megabytes. More are answered with nothing.
const PARKED: usize = 4_096;
/// With other processes: how late something is found that they made ready, while somebody waits.
const POLL: Duration = Duration::from_secs(5);
/// How long to wait when another process is at work on the runs of what could be granted.
const CONTENDED: Duration = Duration::from_millis(20);
/// It grows with each time in a row, up to so many times that.
const MAX_CONTENDED: u32 = 50;
/// How often a caller that does not want to wait is tried then, before it is told that there is nothing.
const CONTENDED_TRIES: u8 = 20;

/// Somebody who waits for work.
pub(super) struct Parked {
    pub(super) asking: Box<Asking>,
    answer: Answer<Vec<Granted>>,
    /// Nobody has looked yet what there is for it.
    is_new: bool,
    /// What the request leaves stands in rows.
    pub(super) is_stamped: bool,
    /// How often another process was in the way.
    tries: u8,
}

/// The loop of a process.
pub(super) struct Keeper {
    room: Weak<Inner>,
    runs: Runs,
    heads: Heads,
    counts: Counts,
    parked: VecDeque<Parked>,
    backlog: Backlog<Ask>,
    /// Where there may be other processes.
    hints: Option<Hints>,
    /// When it was last looked for what they made ready.
    looked_at: Instant,
    /// What is in memory has to be read again.
    is_stale: bool,
    /// Another process made something ready.
    has_news: bool,
    /// How often in a row another process was at work on what could have been granted.
    contended: u32,
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
            counts: Counts::default(),
            parked: VecDeque::new(),
            backlog: Backlog::default(),
            hints: None,
            looked_at: Instant::now(),
            is_stale: true,
            has_news: false,
            contended: 0,
            is_draining: false,
        }
    }

    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        self.meet_others();
        loop {
            self.parked.retain(|it| !it.answer.is_closed());
            let is_timer = if self.backlog.is_empty() {
                tokio::select! {
                    biased;
                    first = asked.recv() => match first {
                        None => return,
                        Some(first) => {
                            self.backlog.push(first);
                            false
                        }
                    },
                    () = self.hear() => false,
                    () = sleep_until(self.looks_at()), if self.looks() => true,
                }
            } else {
                false
            };
            let Some(room) = self.room.upgrade() else { return };
            let pipelines = Pipelines(room);
            self.backlog.take_in(|| asked.try_recv().ok());
            self.has_news |= self.contended > 0;
            self.look(&pipelines, is_timer).await;
            let runs = &self.runs;
            let asks = self.backlog.group(|ask| match ask {
                Ask::Start(start, ..) => Some(start.publisher),
                Ask::Event(it, _) => runs.get(it.run).map(|run| run.birth.publisher),
                Ask::Next(..) | Ask::Look(..) | Ask::Drain => None,
            });
            let lost = self.group(&pipelines, asks).await;
            self.runs.shrink();
            self.give_back(&pipelines, lost).await;
        }
    }

    /// Begins to tell other processes and to hear of them, if there may be any.
    fn meet_others(&mut self) {
        let Some(room) = self.room.upgrade() else { return };
        if room.ground.db.dialect() == Dialect::Postgres {
            let mut hints = Hints::default();
            hints.begin(&room.ground.db, &room.ground.random);
            self.hints = Some(hints);
        }
    }

    /// Hears of other processes, while somebody waits.
    async fn hear(&self) {
        match &self.hints {
            Some(hints) if !self.parked.is_empty() => hints.heard().await,
            Some(_) | None => pending().await,
        }
    }

    /// When to look whether there is something for those who wait of which nobody tells.
    fn looks_at(&self) -> Instant {
        match self.contended {
            0 => self.looked_at + POLL,
            times => Instant::now() + CONTENDED * times.min(MAX_CONTENDED),
        }
    }

    fn looks(&self) -> bool {
        let may_be = self.hints.is_some() || self.is_stale || self.contended > 0;
        may_be && !self.parked.is_empty()
    }

    /// Looks for what other processes made ready, if somebody wants something. What cannot be looked at is looked at the
    /// next time.
    async fn look(&mut self, pipelines: &Pipelines, is_timer: bool) {
        let is_due = self.looked_at.elapsed() >= POLL;
        if is_timer {
            self.looked_at = Instant::now();
        }
        let is_wanted =
            !self.parked.is_empty() || self.backlog.iter().any(|ask| matches!(ask, Ask::Next(..)));
        let Some(hints) = self.hints.as_ref().filter(|_| is_wanted && !self.is_stale) else {
            return;
        };
        let told = hints.take();
        let filled = if is_due { Filled::All } else { told };
        let looked = async {
            match filled {
                Filled::These(heads) if heads.is_empty() => Ok(false),
                Filled::These(heads) => {
                    let mut tx = pipelines.0.ground.db.glance().await?;
                    self.heads.look_at(&mut tx, &heads).await
                }
                Filled::All => {
                    self.looked_at = Instant::now();
                    // Each statement of a glance sees what is there by then, which is what is wanted.
                    let mut tx = pipelines.0.ground.db.glance().await?;
                    self.heads.read_all(&mut tx).await
                }
            }
        };
        match looked.await {
            Ok(has_news) => self.has_news |= has_news,
            Err(error) => tracing::debug!(%error, "what is ready could not be looked at"),
        }
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
                        tries: 0,
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
        let finds = |it: &Parked| may_find(&self.heads, &it.asking);
        let may_find = self.parked.iter().filter(|it| it.is_new).any(finds);
        let may_have_news = (self.is_stale || self.has_news) && !self.parked.is_empty();
        if work.is_empty() && !may_have_news && !may_find {
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
                self.runs = Runs::default();
                self.heads.forget();
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
            if self.contended > 0 && parked.tries < CONTENDED_TRIES {
                parked.tries += 1;
                self.parked.push_back(parked);
            } else if parked.asking.waits {
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
        pipelines.0.engine.keep_time(&mut tx, &pipelines.0.ground.clock).await?;
        if self.is_stale {
            self.heads.forget();
            self.heads.read_all(&mut tx).await?;
        }
        let wanted = runs_of(&work);
        self.runs.load(pipelines, &mut tx, &wanted).await?;
        let lent = (&mut self.runs, &mut self.heads);
        let mut group = Group::new(pipelines, tx, lent, &mut self.counts);
        group.has_news = self.is_stale || self.has_news;
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
        self.contended = if group.is_contended { self.contended + 1 } else { 0 };
        group.commit().await?;
        // What a group with work has written of those who wait, it has written of all.
        self.parked.iter_mut().for_each(|it| it.is_stamped |= has_work);
        let filled = self.heads.settled();
        if let Some(hints) = &self.hints {
            hints.tell(filled);
        }
        (self.is_stale, self.has_news) = (false, false);
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
