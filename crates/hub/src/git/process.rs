//! How Git is run: one list of arguments, an environment made from nothing, limits, an end (`spec/hub.md` 5, Process).
//!
//! A [`GitProcess`] ends with its handle: whoever drops [`Life`] has the whole process group killed, and what a push left in
//! quarantine taken away, which Git does not do then. Nothing here knows who asks or what for.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

pub use api::GitProtocol;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::{
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use trust::Who;

use crate::Error;

/// Where programs are looked for, by us and by Git.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// What every process sees, and nothing else of ours.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("PATH", PATH),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
];
/// The oldest version that is run: Debian 12's.
const OLDEST: (u32, u32) = (2, 39);

/// Processes at once, in all and of one who asks.
const AT_ONCE: (usize, usize) = (16, 4);
/// How long a process may take, and how much of that on a processor.
const LIFETIME: Duration = Duration::from_mins(10);
/// What Git tells whatever it starts for a push of where that lies.
const QUARANTINE: &[u8] = b"GIT_QUARANTINE_PATH=";
/// How often it is looked whether a push that nobody feeds any more ends by itself, and what lies between two looks.
const LOOKS: u32 = 10;
const LOOK: Duration = Duration::from_millis(50);
/// Memory that a process may have for itself. What it maps of packs is not counted.
const MEMORY_BYTES: u64 = 2 << 30;
/// Files that a process may have open.
const OPEN_FILES: u64 = 1024;

/// What a client wants of Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// To fetch.
    UploadPack,
    /// To push.
    ReceivePack,
}

impl Service {
    /// The command, without `git-`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

impl FromStr for Service {
    type Err = ();

    /// `git-upload-pack` or `git-receive-pack`.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "git-upload-pack" => Ok(Self::UploadPack),
            "git-receive-pack" => Ok(Self::ReceivePack),
            _ => Err(()),
        }
    }
}

/// In what way a service is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Over HTTP: says which refs there are, and ends.
    Advertise,
    /// Over HTTP: takes one request, answers, and ends.
    Stateless,
    /// Over SSH: a conversation.
    Session,
}

/// Something else than a service that Git does for us.
#[derive(Debug, Clone, Default)]
pub(super) struct Chore<'a> {
    pub(super) arguments: Vec<&'a str>,
    /// What it sees beside what all see.
    pub(super) environment: Vec<(String, String)>,
    /// How long it may take, where that is longer than usual.
    pub(super) lifetime: Option<Duration>,
}

impl<'a> Chore<'a> {
    /// One as most are.
    pub(super) fn of(arguments: Vec<&'a str>) -> Self {
        Self { arguments, ..Self::default() }
    }
}

/// A running Git.
#[derive(Debug)]
pub struct GitProcess {
    /// What it reads.
    pub input: ChildStdin,
    /// What it answers.
    pub output: ChildStdout,
    /// What it says to people; over SSH that goes to the client, over HTTP to the log.
    pub errors: ChildStderr,
    /// Its end, either way.
    pub life: Life,
}

/// Holds a process: when this is dropped, it is killed with everything that it started.
#[derive(Debug)]
pub struct Life {
    ended: oneshot::Receiver<io::Result<ExitStatus>>,
    status: Option<ExitStatus>,
    _hold: oneshot::Sender<()>,
    stop: Arc<Notify>,
    /// What lives exactly as long, as the socket that hooks speak to.
    _beside: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Life {
    /// Waits until the process has ended by itself or was killed.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let unheard = |_| Err(io::Error::other("git was not waited for"));
        let status = (&mut self.ended).await.unwrap_or_else(unheard)?;
        self.status = Some(status);
        Ok(status)
    }

    /// What ends the process before its time.
    pub(super) fn stop(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    pub(super) fn beside(self, it: impl std::any::Any + Send + Sync) -> Self {
        Self { _beside: Some(Box::new(it)), ..self }
    }
}

/// How long is waited.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// By somebody, for a turn.
    turn: Duration,
    /// By us, for the end of a process.
    lifetime: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { turn: Duration::from_secs(20), lifetime: LIFETIME }
    }
}

/// The installed Git, and who runs it at this moment.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    pace: Pace,
    all: Arc<Semaphore>,
    each: Mutex<HashMap<Who, Weak<Semaphore>>>,
}

/// A turn: held as long as the process runs.
#[derive(Debug)]
pub(super) struct Turn {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Program {
    /// Git at `path`, or the first that is found; refuses what cannot be run or is too old. Gives its version too.
    pub(super) fn find(path: Option<&Path>) -> Result<(Self, String), String> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => PATH
                .split(':')
                .map(|folder| Path::new(folder).join("git"))
                .find(|it| it.is_file())
                .ok_or_else(|| format!("there is no git in {PATH}"))?,
        };
        let mut command = std::process::Command::new(&path);
        let answer = command.env_clear().envs(ENVIRONMENT).arg("version").output();
        let answer =
            answer.map_err(|error| format!("{} cannot be run: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let version = text.strip_prefix("git version ").unwrap_or_default().to_owned();
        if number(&version).is_none_or(|it| it < OLDEST) {
            let (major, minor) = OLDEST;
            let path = path.display();
            return Err(format!("{path} is `{text}`, and git {major}.{minor} or newer is needed"));
        }
        Ok((Self::at(path, Pace::default()), version))
    }

    fn at(path: PathBuf, pace: Pace) -> Self {
        let (all, each) = (Arc::new(Semaphore::new(AT_ONCE.0)), Mutex::default());
        Self { path, pace, all, each }
    }

    /// Waits for a turn, not for ever.
    pub(super) async fn turn(&self, who: Who) -> Result<Turn, Error> {
        let own = self.own(who);
        let both = async {
            let own = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _own: own, _of_all: of_all })
        };
        timeout(self.pace.turn, both).await.ok().flatten().ok_or(Error::GitBusy)
    }

    fn own(&self, who: Who) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = each.get(&who).and_then(Weak::upgrade) {
            return own;
        }
        // Those who run nothing are forgotten.
        each.retain(|_, it| it.strong_count() > 0);
        let own = Arc::new(Semaphore::new(AT_ONCE.1));
        each.insert(who, Arc::downgrade(&own));
        own
    }

    /// Runs a service in the repository at `dir`. `hook` is what hooks are told, for a push.
    pub(super) fn serve(
        &self,
        dir: &Path,
        (service, manner): (Service, Manner),
        (protocol, hook): (&GitProtocol, Option<&str>),
        turn: Turn,
    ) -> Result<GitProcess, Error> {
        let mut command = self.command(dir);
        command.arg(service.as_str());
        if service == Service::UploadPack {
            command.arg("--strict");
        }
        match manner {
            Manner::Advertise => command.args(["--stateless-rpc", "--advertise-refs"]),
            Manner::Stateless => command.arg("--stateless-rpc"),
            Manner::Session => &mut command,
        };
        command.arg(dir);
        if !protocol.as_str().is_empty() {
            command.env("GIT_PROTOCOL", protocol.as_str());
        }
        if let Some(hook) = hook {
            command.env("MOTET_HOOK", hook);
        }
        let takes = (service == Service::ReceivePack).then(|| dir.to_owned());
        started(command, self.pace.lifetime, (Some(turn), takes)).map_err(Error::Git)
    }

    /// Has Git do something else in the repository at `dir`.
    pub(super) fn run(&self, dir: &Path, chore: &Chore<'_>) -> Result<GitProcess, Error> {
        let mut command = self.command(dir);
        command.arg("--git-dir").arg(dir).args(&chore.arguments);
        command.envs(chore.environment.iter().map(|(name, value)| (name, value)));
        let lifetime = chore.lifetime.unwrap_or(self.pace.lifetime);
        started(command, lifetime, (None, None)).map_err(Error::Git)
    }

    fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().envs(ENVIRONMENT).current_dir(dir);
        command
    }
}

/// The first two numbers of a version.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', ' ', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn started(
    mut command: Command,
    lifetime: Duration,
    (turn, takes): (Option<Turn>, Option<PathBuf>),
) -> io::Result<GitProcess> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = child.id().and_then(|it| Pid::from_raw(i32::try_from(it).ok()?));
    let group = group.ok_or_else(|| io::Error::other("git ended before it began"))?;
    limit(group, lifetime)?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), Some(errors)) = streams else {
        return Err(io::Error::other("git has no pipes"));
    };
    // A push that dies of a pipe which nobody reads does not clear its quarantine away: what it says at its end is taken, and
    // goes nowhere.
    let unheard = match &takes {
        Some(_) => vec![output.as_fd().try_clone_to_owned()?, errors.as_fd().try_clone_to_owned()?],
        None => Vec::new(),
    };
    let (hold, let_go) = oneshot::channel();
    let stop = Arc::<Notify>::default();
    let stopped = Arc::clone(&stop);
    let (tell, ended) = oneshot::channel();
    tokio::spawn(async move {
        let status = watch(child, (group, takes), lifetime, (let_go, &stopped)).await;
        drop((turn, unheard));
        // Nobody may be listening any more.
        let _unheard = tell.send(status);
    });
    Ok(GitProcess {
        input,
        output,
        errors,
        life: Life { ended, status: None, _hold: hold, stop, _beside: None },
    })
}

/// It has not read a byte yet: what it starts later is limited as it is.
fn limit(process: Pid, lifetime: Duration) -> io::Result<()> {
    let limits = [
        (Resource::Cpu, lifetime.as_secs()),
        (Resource::Data, MEMORY_BYTES),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let most = Rlimit { current: Some(most), maximum: Some(most) };
        match prlimit(Some(process), resource, most) {
            // It has ended already.
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            set => set.map(drop)?,
        }
    }
    Ok(())
}

/// Waits for the end of a process; makes one when its time is over or nobody holds it any more.
async fn watch(
    mut child: Child,
    (group, takes): (Pid, Option<PathBuf>),
    lifetime: Duration,
    (let_go, stopped): (oneshot::Receiver<()>, &Notify),
) -> io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = sleep(lifetime) => tracing::warn!("git took longer than it may; killed"),
        () = stopped.notified() => tracing::info!("a fetch is not allowed any more; git is ended"),
        _ = let_go => {}
    }
    let found = takes.map(|dir| spawn_blocking(move || left_by(group, &dir)));
    let left = match found {
        Some(found) => found.await.unwrap_or_default(),
        None => Vec::new(),
    };
    // The leader is not waited for yet, so the group is still its own.
    if let Err(error) = kill_process_group(group, Signal::KILL) {
        tracing::warn!(%error, "git could not be killed");
    }
    let status = child.wait().await;
    for path in left {
        if let Err(error) = tokio::fs::remove_dir_all(&path).await {
            tracing::warn!(%error, "what a push left in quarantine lies about for a while");
        }
    }
    status
}

/// What a push leaves in quarantine that is about to be killed. Where nobody is at work on it any more, Git is about to end by
/// itself, and clears it away.
fn left_by(group: Pid, dir: &Path) -> Vec<PathBuf> {
    for _ in 0..LOOKS {
        let found = quarantines(group, dir);
        if !found.is_empty() || has_ended(group) {
            return found;
        }
        std::thread::sleep(LOOK);
    }
    Vec::new()
}

/// Whether the leader of a group has ended, and is only not waited for yet.
fn has_ended(leader: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", leader.as_raw_nonzero()));
    stat.is_ok_and(|it| it.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}

/// Where lies what a push has sent so far, as the processes of its group were told.
fn quarantines(group: Pid, dir: &Path) -> Vec<PathBuf> {
    let objects = dir.join("objects");
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let told = processes.filter_map(|it| {
        let process = it.ok()?.path();
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        // Behind the name: state, parent, group.
        let of = stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()?;
        if Pid::from_raw(of) != Some(group) {
            return None;
        }
        let environment = std::fs::read(process.join("environ")).ok()?;
        let mut variables = environment.split(|it| *it == 0);
        let path = variables.find_map(|it| it.strip_prefix(QUARANTINE))?;
        Some(PathBuf::from(OsStr::from_bytes(path)))
    });
    let mut found: Vec<_> = told.filter(|it| it.parent() == Some(&objects)).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that does something else than Git.
    fn program(dir: &Path, script: &str, pace: Pace) -> Program {
        use std::os::unix::fs::PermissionsExt as _;
        let path = dir.join("not-git");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Program::at(path, pace)
    }

    fn principal(number: u128) -> Who {
        Who::Principal(names::Id::from_uuid(uuid::Uuid::from_u128(number)))
    }

    #[tokio::test]
    async fn sixteen_have_a_turn_at_once_and_four_of_one() {
        let pace = Pace { turn: Duration::from_millis(20), ..Pace::default() };
        let program = Program::at(PathBuf::from("/nonexistent"), pace);
        let mut turns = Vec::new();
        for number in 0..4 {
            for _ in 0..4 {
                turns.push(program.turn(principal(number)).await.unwrap());
            }
            assert!(matches!(program.turn(principal(number)).await, Err(Error::GitBusy)));
        }
        assert_eq!(turns.len(), 16);
        assert!(matches!(program.turn(principal(9)).await, Err(Error::GitBusy)));
        turns.pop();
        // Whoever waited in vain holds nothing.
        drop(program.turn(principal(9)).await.unwrap());
        drop(program.turn(principal(3)).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_takes_too_long_is_ended_with_everything_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pace = Pace { lifetime: Duration::from_millis(50), ..Pace::default() };
        let script = "sleep 600 & wait; sleep 600";
        let program = program(dir.path(), script, pace);
        let GitProcess { mut output, mut life, .. } =
            program.run(dir.path(), &Chore::default()).unwrap();
        // The pipe has its end when the last one that holds it is gone.
        tokio::io::AsyncReadExt::read_to_end(&mut output, &mut Vec::new()).await.unwrap();
        let status = life.ended().await.unwrap();
        assert!(std::os::unix::process::ExitStatusExt::signal(&status).is_some(), "{status}");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (text, is_new) in [
            ("2.39.5", true),
            ("2.47.3", true),
            ("2.100.0", true),
            ("3.0", true),
            ("2.39.GIT", true),
            ("2.38.9", false),
            ("1.99.1", false),
            ("", false),
        ] {
            assert_eq!(number(text).is_some_and(|it| it >= OLDEST), is_new, "{text}");
        }
    }
}
