//! A push: what it may do, and the one transaction in which it does (`spec/hub.md` 5, Hooks in-process).
//!
//! First everything is looked at while it lies in quarantine. Then, for all refs together or some hundred at a time: the
//! rows are locked, each ref is judged once more, Git locks its own refs, rows and log and seals are committed, and Git
//! moves its refs. A process that dies in between leaves a row of `git_moves`, by which the next one knows.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use db::Tx;
use names::{BranchName, CommitId, Id, UnixMillis};
use tokio::sync::{OwnedRwLockReadGuard, watch};
use trust::{Allowed, act};
use uuid::Uuid;
use web::Problem;

pub(super) use super::judging::Update;
use super::{
    GitCaller, GitVia,
    chores::{Prepared, RefMove, pointed},
    commits::{self, NewCommits},
    judging::{Judge, Kind, Sound},
    store,
};
use crate::{
    Error, Hub, Repository, collect,
    mirrors::Held,
    quotas::Change,
    reading,
    ref_log::{Movement, Word},
    signatures::Required,
    wire::{self, Counted, landing_count, push::blocking},
};

/// Refs that one transaction moves where each stands alone: the writer is held for as long.
const TOGETHER: usize = 200;
/// Sentences that a pusher is told at once.
const TOLD: usize = 20;

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Moved,
    /// Why not, in a line.
    Refused(String),
}

/// A push that is under way.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) hub: Hub,
    caller: GitCaller,
    repository: Id<Repository>,
    dir: PathBuf,
    whole: watch::Receiver<bool>,
    taken: Change,
    /// What is told of files beside all else.
    warnings: Vec<String>,
    /// The commits that came, as they were looked at.
    foreseen: Option<Foreseen>,
    /// Held from the moment at which objects are let out of quarantine until refs lead to them.
    shared: Option<OwnedRwLockReadGuard<()>>,
}

/// Its transactions, one after the other; also those of what came from another server.
pub(super) struct Step {
    pub(super) hub: Hub,
    pub(super) caller: GitCaller,
    pub(super) repository: Id<Repository>,
    pub(super) dir: PathBuf,
    pub(super) taken: Change,
    /// Refs that one transaction moves at most.
    pub(super) together: usize,
    /// The branch that is to be shown first, if nothing was pushed before and it comes.
    pub(super) shown: Option<BranchName>,
    /// The commits that were found when all of it was looked at.
    pub(super) foreseen: Option<Foreseen>,
}

/// Where refs are to lead, and the commits on the way there that were new when it was looked at.
#[derive(Debug, Clone)]
pub(super) struct Foreseen {
    tips: Vec<CommitId>,
    new: NewCommits,
}

/// A ref that goes where it may go.
struct Going<'a> {
    update: &'a Update,
    sound: Sound,
    is_forced: bool,
}

impl Push {
    pub(super) fn new(
        hub: Hub,
        caller: GitCaller,
        repository: &Repository,
        (dir, whole): (PathBuf, watch::Receiver<bool>),
    ) -> Self {
        let (taken, warnings) = (Change::default(), Vec::new());
        let (foreseen, shared) = (None, None);
        let repository = repository.id;
        Self { hub, caller, repository, dir, whole, taken, warnings, foreseen, shared }
    }

    /// Looks at all of it, before anything is kept. Refused is what no ref of may go anywhere; where some may, the others
    /// are refused one by one, later.
    pub(super) async fn look(
        &mut self,
        updates: Vec<Update>,
        quarantine: Option<&Path>,
    ) -> Result<(), Vec<String>> {
        match self.looked(&updates, quarantine).await {
            Ok(faults) if faults.len() < updates.len() => {
                self.shared = Some(self.hub.git.lock(self.repository).read_owned().await);
                Ok(())
            }
            Ok(faults) => Err(told(faults)),
            Err(error) => Err(vec![sentence(error)]),
        }
    }

    async fn looked(
        &mut self,
        updates: &[Update],
        quarantine: Option<&Path>,
    ) -> Result<Vec<String>, Error> {
        // What was signed is what came, or nothing of it counts.
        if self.caller.actor.proof().is_some() && self.whole.wait_for(|it| *it).await.is_err() {
            return Err(Error::Body(web::BodyFault::Cut));
        }
        let quarantine = quarantine.map(|it| self.dir.join(it));
        if quarantine.as_ref().is_some_and(|it| !it.starts_with(self.dir.join("objects"))) {
            return Err(Error::Broken("git keeps what came in another place".to_owned()));
        }
        let news: Vec<_> = updates.iter().filter_map(|it| it.new).collect();
        let packs = self.hub.packs(self.repository);
        let packs = quarantine.clone().map_or(packs.clone(), |it| packs.with(it));
        let pointed = pointed(&packs, &news).await?;
        self.taken = match quarantine.clone() {
            Some(folder) => weighed(folder).await?,
            None => Change::default(),
        };
        let mut tx = self.hub.db.glance().await?;
        let allowed = Hub::pushed_still(&mut tx, self.repository, &self.caller.actor).await?;
        let repository = allowed.resource();
        check_signatures(repository)?;
        let held = self.hub.held_refs(&mut tx, self.repository, self.caller.via).await?;
        let rows = store::present(&mut tx, self.repository).await?;
        drop(tx);
        let judge =
            Judge { rows: &rows, pointed: &pointed, default_branch: &repository.default_branch };
        let judged = judge.judge(updates);
        let faults = faults((&allowed, held.as_ref()), updates, &judged);
        let owner = repository.resource.owner;
        let name = repository.full_name();
        self.hub.check_room(owner, Some(repository), name, self.taken.bytes).await?;
        let (mut tx, tips) = (self.hub.db.glance().await?, tips(&judged));
        let new = commits::new_commits(&mut tx, self.repository, &packs, &tips).await?;
        drop(tx);
        let (warnings, new) = tokio::try_join!(
            self.hub.inspect_packs(repository, &packs, &new),
            new.clone().read(&packs)
        )?;
        self.warnings = warnings;
        self.foreseen = Some(Foreseen { tips, new });
        Ok(faults)
    }

    /// Moves the refs. Goes on to its end whoever leaves.
    pub(super) async fn land(
        &mut self,
        updates: Arc<[Update]>,
        is_atomic: bool,
    ) -> (Vec<(String, Verdict)>, Vec<String>) {
        let mut step = Step {
            hub: self.hub.clone(),
            caller: self.caller.clone(),
            repository: self.repository,
            dir: self.dir.clone(),
            taken: self.taken,
            together: TOGETHER,
            shown: None,
            foreseen: self.foreseen.take(),
        };
        let (all, shared) = (Arc::clone(&updates), self.shared.take());
        let work = tokio::spawn(async move {
            let ended = step.all(&all, is_atomic).await;
            drop(shared);
            ended
        });
        match work.await {
            Ok((verdicts, mut sentences)) => {
                sentences.append(&mut self.warnings);
                let names = updates.iter().map(|it| it.name.clone());
                (names.zip(verdicts).collect(), sentences)
            }
            Err(error) => {
                tracing::error!(%error, "a push ended early");
                let why = "something broke on our side; push again".to_owned();
                let verdict = Verdict::Refused(why);
                let all = updates.iter().map(|it| (it.name.clone(), verdict.clone()));
                (all.collect(), Vec::new())
            }
        }
    }
}

impl Step {
    /// What became of each ref, in their order, and what is to be said of all of it.
    pub(super) async fn all(
        &mut self,
        updates: &[Update],
        is_atomic: bool,
    ) -> (Vec<Verdict>, Vec<String>) {
        let mut verdicts = vec![Verdict::Refused("not reached".to_owned()); updates.len()];
        let mut sentences = Vec::new();
        let (gone, come): (Vec<_>, Vec<_>) =
            updates.iter().enumerate().partition(|(_, it)| it.new.is_none());
        // What goes makes room for what comes, unless all is one.
        let batches: Vec<Vec<(usize, &Update)>> = if is_atomic {
            vec![updates.iter().enumerate().collect()]
        } else {
            let parts = gone.chunks(self.together).chain(come.chunks(self.together));
            parts.map(<[_]>::to_vec).collect()
        };
        for batch in batches {
            let wanted: Vec<_> = batch.iter().map(|(_, it)| (*it).clone()).collect();
            let became = match self.batch(&wanted, is_atomic).await {
                Ok(became) => became,
                Err(error) => {
                    let why = sentence(error);
                    sentences.push(why.clone());
                    vec![Verdict::Refused(why); wanted.len()]
                }
            };
            for ((at, _), verdict) in batch.iter().zip(became) {
                if let Some(place) = verdicts.get_mut(*at) {
                    *place = verdict;
                }
            }
        }
        if verdicts.iter().any(|it| *it != Verdict::Moved)
            && let Err(error) = self.hub.prune_later(self.repository).await
        {
            tracing::warn!(%error, "what was not taken stays until the next push");
        }
        (verdicts, sentences)
    }

    pub(super) async fn batch(
        &mut self,
        updates: &[Update],
        is_atomic: bool,
    ) -> Result<Vec<Verdict>, Error> {
        let hub = self.hub.clone();
        let tx = hub.trust.begin(&self.caller.actor).await?;
        self.batch_in(tx, updates, is_atomic).await
    }

    /// The same in a transaction that has begun.
    pub(super) async fn batch_in(
        &mut self,
        mut tx: Tx,
        updates: &[Update],
        is_atomic: bool,
    ) -> Result<Vec<Verdict>, Error> {
        let news: Vec<_> = updates.iter().filter_map(|it| it.new).collect();
        let pointed = pointed(&self.hub.packs(self.repository), &news).await?;
        let now = self.hub.clock.now();
        wire::lock(&mut tx, self.repository).await?;
        let allowed = Hub::pushed_still(&mut tx, self.repository, &self.caller.actor).await?;
        let repository = allowed.resource();
        if self.caller.via != GitVia::Server {
            check_signatures(repository)?;
        }
        let held = self.hub.held_refs(&mut tx, self.repository, self.caller.via).await?;
        let rows = store::present(&mut tx, self.repository).await?;
        let default_branch = &repository.default_branch;
        let judged = Judge { rows: &rows, pointed: &pointed, default_branch }.judge(updates);
        let commits = self.take_in(&mut tx, repository, &judged, now).await?;
        let (mut verdicts, mut going) = (Vec::with_capacity(updates.len()), Vec::new());
        for (update, judged) in updates.iter().zip(judged) {
            let decided = match judged {
                Ok(sound) => match held.as_ref().and_then(|it| it.refusal(&update.name)) {
                    None => self.decide(&mut tx, &allowed, sound).await?,
                    Some(why) => Err(why),
                },
                Err(why) => Err(why),
            };
            verdicts.push(match decided {
                Ok((sound, is_forced)) => {
                    going.push(Going { update, sound, is_forced });
                    Verdict::Moved
                }
                Err(why) => Verdict::Refused(why),
            });
        }
        if is_atomic && going.len() < updates.len() {
            let why = || Verdict::Refused("it goes only together with another ref".to_owned());
            return Ok(verdicts
                .into_iter()
                .map(|it| if it == Verdict::Moved { why() } else { it })
                .collect());
        }
        if going.is_empty() {
            return Ok(verdicts);
        }
        self.taken.commits = commits;
        if let Err(words) = self.write(tx, repository, &going, now).await? {
            let refused = Verdict::Refused(words);
            return Ok(verdicts
                .into_iter()
                .map(|it| if it == Verdict::Moved { refused.clone() } else { it })
                .collect());
        }
        self.taken = Change::default();
        Ok(verdicts)
    }

    /// Writes the rows of commits that nobody has pushed before; gives how many.
    async fn take_in(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        judged: &[Result<Sound, String>],
        now: UnixMillis,
    ) -> Result<u64, Error> {
        let by = self.caller.actor.principal().ok_or(Error::NotFound)?.id;
        let tips = tips(judged);
        let packs = self.hub.packs(self.repository);
        let new = match self.foreseen.as_ref().filter(|it| it.tips == tips) {
            Some(it) => it.new.still_new(tx, self.repository).await?,
            None => commits::new_commits(tx, self.repository, &packs, &tips).await?,
        };
        let mut into = repository.clone();
        if self.caller.via == GitVia::Server {
            // What the server signs, it has made or checked itself.
            into.require_signed_commits = Required::Off;
        }
        commits::take_in(tx, (&into, by, now), &packs, &new).await?;
        Ok(new.len() as u64)
    }

    /// Whether a ref may go where it is sound that it goes, and whether that leaves something behind.
    async fn decide(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<act::RefPush, Repository>,
        sound: Sound,
    ) -> Result<Result<(Sound, bool), String>, Error> {
        if let Err(why) = may_move(allowed, &sound.kind) {
            return Ok(Err(why));
        }
        let (Some(from), Some(to)) = (sound.from, sound.to) else {
            return Ok(Ok((sound, false)));
        };
        let leads = from == to
            || (matches!(sound.kind, Kind::Branch(_))
                && reading::is_reachable(tx, self.repository, from.target, &[to.target]).await?);
        if leads {
            return Ok(Ok((sound, false)));
        }
        if self.caller.via == GitVia::Import {
            return Ok(
                Err("it is here already, and what came does not lead on from it".to_owned()),
            );
        }
        let repository = allowed.resource().clone();
        Ok(match Allowed::<act::RefForce, _>::ask(allowed.actor(), repository) {
            Ok(_) => Ok((sound, true)),
            Err(_) => {
                Err("moving it back needs the right to force; fetch and merge first".to_owned())
            }
        })
    }

    /// Git locks its refs, the rows are committed, Git moves its refs. Where Git does not agree, nothing has happened.
    async fn write(
        &self,
        mut tx: Tx,
        repository: &Repository,
        going: &[Going<'_>],
        now: UnixMillis,
    ) -> Result<Result<(), String>, Error> {
        let moves: Vec<_> = going
            .iter()
            .map(|Going { update, .. }| RefMove {
                name: &update.name,
                old: update.old,
                new: update.new,
            })
            .collect();
        let mut prepared = self.hub.git.prepare(&self.dir, &moves).await?;
        if prepared.is_err() && self.hub.unlock_stale(&self.dir).await? {
            prepared = self.hub.git.prepare(&self.dir, &moves).await?;
        }
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(words) => return Ok(Err(format!("git says: {words}"))),
        };
        let id = Uuid::from_bytes(self.hub.random.bytes());
        let written = async {
            self.rows(&mut tx, repository, going, now).await?;
            store::begin(&mut tx, (id, self.repository), now).await?;
            Ok::<_, Error>(tx.commit().await?)
        };
        if let Err(error) = written.await {
            prepared.abandon().await;
            return Err(error);
        }
        self.hub.queue.wake();
        self.follow(prepared, id).await;
        let (name, count) = (repository.full_name(), going.len());
        tracing::info!(repository = name, count, "push accepted");
        Ok(Ok(()))
    }

    /// From here on the push has happened: whatever Git makes of it is made up for.
    async fn follow(&self, prepared: Prepared, id: Uuid) {
        let outcome = async {
            prepared.commit().await?;
            let mut tx = self.hub.db.write().await?;
            store::end(&mut tx, id).await?;
            Ok::<_, Error>(tx.commit().await?)
        };
        if let Err(error) = outcome.await {
            tracing::error!(%error, "git is behind its rows, and follows them now");
            if let Err(error) = self.hub.settle(self.repository).await {
                tracing::error!(%error, "git is behind its rows until the next start");
            }
        }
    }

    /// Everything that a push writes into rows.
    async fn rows(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        going: &[Going<'_>],
        now: UnixMillis,
    ) -> Result<(), Error> {
        let actor = &self.caller.actor;
        let word = Word::Git(self.caller.via);
        let mut leaves = false;
        for Going { update, sound, is_forced } in going {
            let (name, is_forced) = (update.name.as_str(), *is_forced);
            let (old, new) = (sound.from.map(|it| it.target), sound.to.map(|it| it.target));
            let movement = Movement { name, old, new, is_forced, word };
            self.hub.move_ref(tx, (repository, actor), &movement, now).await?;
            let object = sound.to.and_then(|it| it.object);
            if object.is_some() {
                store::set_object(tx, self.repository, name, object).await?;
            }
            if let Some(former) = old.filter(|_| is_forced || new.is_none()) {
                leaves = true;
                self.hub.note_left(tx, (repository, actor), name, (former, new)).await?;
                collect::leave(tx, self.repository, former, now).await?;
            }
        }
        let branch = first_branch(self.shown.as_ref().unwrap_or(&repository.default_branch), going);
        let counted = Counted { taken: self.taken, branch, domain: None, now };
        let held = landing_count(tx, self.repository, &counted).await?;
        self.hub.charge(tx, repository, held, self.taken).await?;
        if repository.is_nascent() {
            self.hub.note_created(tx, actor, repository).await?;
        }
        self.hub.bring_to_life(tx, repository).await?;
        if leaves {
            let bell = self.hub.push_prune(tx, self.repository).await?;
            tx.hold(bell);
        }
        Ok(())
    }
}

/// What is wrong with refs that go nowhere.
fn faults(
    (allowed, held): (&Allowed<act::RefPush, Repository>, Option<&Held>),
    updates: &[Update],
    judged: &[Result<Sound, String>],
) -> Vec<String> {
    let mut faults = Vec::new();
    for (update, judged) in updates.iter().zip(judged) {
        let refusal = held.and_then(|it| it.refusal(&update.name));
        let why = refusal.or_else(|| fault_of(allowed, judged));
        faults.extend(why.map(|why| format!("{}: {why}", update.name)));
    }
    faults
}

/// What is wrong with one that goes nowhere.
pub(super) fn fault_of(
    allowed: &Allowed<act::RefPush, Repository>,
    judged: &Result<Sound, String>,
) -> Option<String> {
    match judged {
        Ok(sound) => may_move(allowed, &sound.kind).err(),
        Err(why) => Some(why.clone()),
    }
}

/// The commits to which refs are to lead.
pub(super) fn tips(judged: &[Result<Sound, String>]) -> Vec<CommitId> {
    let sound = judged.iter().filter_map(|it| it.as_ref().ok()?.to);
    sound.map(|it| it.target).collect()
}

/// The branch that is shown first from now on, if nothing was pushed before.
fn first_branch<'a>(wanted: &BranchName, going: &'a [Going<'_>]) -> Option<&'a BranchName> {
    let mut branches = going.iter().filter_map(|it| match &it.sound.kind {
        Kind::Branch(name) if it.sound.to.is_some() => Some(name),
        Kind::Branch(_) | Kind::Tag(_) => None,
    });
    let first = branches.next()?;
    let is_shown = |it: &&BranchName| *it == wanted;
    let shown = [first].into_iter().chain(branches).find(is_shown);
    Some(shown.unwrap_or(first))
}

/// Refs move by signed entries alone where that is asked, and Git knows of none.
pub(super) fn check_signatures(repository: &Repository) -> Result<(), Error> {
    if repository.require_signed_refs {
        let sentence = format!("refs of {} move by signed entries alone", repository.full_name());
        return Err(Error::wire(::api::WireCode::UnsignedEntry, sentence));
    }
    Ok(())
}

/// Whether whoever pushes may move refs of that name: an agent perhaps only branches below its own.
fn may_move(allowed: &Allowed<act::RefPush, Repository>, kind: &Kind) -> Result<(), String> {
    let may = match kind {
        Kind::Branch(name) => allowed.check_branch(name),
        Kind::Tag(_) => {
            let repository = allowed.resource().clone();
            // What is only being made is written by whoever makes it.
            if repository.is_nascent() {
                return Ok(());
            }
            Allowed::<act::TagWrite, _>::ask(allowed.actor(), repository).map(drop)
        }
    };
    may.map_err(|_| format!("you may not move {}", kind.name()))
}

/// The same, on a thread that may wait for the disk.
pub(super) async fn weighed(folder: PathBuf) -> Result<Change, Error> {
    blocking(move || weigh(&folder).map_err(Error::Git)).await
}

/// How much lies in quarantine: packs as they are stored, and the objects that they say they hold.
pub(super) fn weigh(folder: &Path) -> io::Result<Change> {
    let mut weighed = Change::default();
    let packs = match std::fs::read_dir(folder.join("pack")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(weighed),
        packs => packs?,
    };
    for pack in packs {
        let path = pack?.path();
        if path.extension().is_none_or(|it| it != "pack") {
            continue;
        }
        let mut file = File::open(&path)?;
        let mut head = [0_u8; 12];
        file.read_exact(&mut head)?;
        let [.., a, b, c, d] = head;
        weighed.objects += u64::from(u32::from_be_bytes([a, b, c, d]));
        weighed.bytes += file.metadata()?.len();
    }
    Ok(weighed)
}

/// As many sentences as somebody reads.
fn told(mut faults: Vec<String>) -> Vec<String> {
    let more = faults.len().saturating_sub(TOLD);
    faults.truncate(TOLD);
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    faults
}

/// What a pusher is told of an error: as everywhere, our own faults go to the log.
pub(super) fn sentence(error: Error) -> String {
    Problem::from(error).detail().chars().filter(|it| !it.is_control()).collect()
}
