//! The process of a server, and how long we wait for it.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A server answers long before this; a machine that is busy with a build may be slow.
const READY_TIME: Duration = Duration::from_secs(30);
/// Longer than a server gives the requests that are under way.
const STOP_TIME: Duration = Duration::from_mins(1);

/// How a server is started.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) binary: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) listen: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Plan {
    /// Everything that earlier starts of the same plan wrote to standard error, too.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

/// A process that has been started.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts `motet serve` with nothing of our own environment.
    pub(crate) fn start(plan: &Plan) -> Self {
        let log = File::options().create(true).append(true).open(&plan.log).unwrap();
        let home: &Path = plan.log.parent().unwrap();
        let mut child = Command::new(&plan.binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(&plan.data_dir)
            .arg("--listen")
            .arg(&plan.listen)
            .args(&plan.args)
            .env_clear()
            .env("HOME", home)
            .envs(plan.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, out }
    }

    /// The line that says that the server answers, or its exit if it did not get there.
    pub(crate) async fn first_line(&mut self, plan: &Plan) -> Result<String, ExitStatus> {
        let Ok(line) = timeout(READY_TIME, self.out.next_line()).await else {
            panic!("the server did not say that it is ready; its log:\n{}", plan.log());
        };
        match line.unwrap() {
            Some(line) => Ok(line),
            None => Err(self.ended(plan).await),
        }
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&mut self, plan: &Plan) -> ExitStatus {
        let Ok(status) = timeout(STOP_TIME, self.child.wait()).await else {
            panic!("the server did not end; its log:\n{}", plan.log());
        };
        status.unwrap()
    }

    /// A file of the system about the process.
    pub(crate) fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id().unwrap()))
    }

    /// Asks it to stop, as a machine does that shuts down.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it at once, with nothing finished.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.try_into().unwrap()));
        kill_process(pid.unwrap(), signal).unwrap();
    }
}
