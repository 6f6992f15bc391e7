//! The process beside the server that starts it, stops it and removes what it leaves.
//!
//! Its standard input is the string that it hangs on: when the test process ends, for whatever reason, the kernel
//! closes the pipe, and the script ends the server. It stands in a process group of its own, so that a signal for
//! the tests does not end it before its work is done.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

const SCRIPT: &str = include_str!("guard.sh");
/// How long a server may take until it listens: many times what it takes on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(50);
/// Between two looks whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The end of the string that the test process holds.
#[derive(Debug)]
pub(crate) struct Guard {
    ends: Mutex<Ends>,
    dir: PathBuf,
    program: String,
}

#[derive(Debug)]
struct Ends {
    process: Child,
    /// Taken when the guard is to finish.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// An empty directory for one server; the guard removes it, because it outlives this process.
pub(crate) fn directory() -> PathBuf {
    let dir = tempfile::Builder::new().prefix("motet-bucket-").tempdir();
    dir.expect("there is room for a temporary directory").keep()
}

impl Guard {
    /// Starts `program` for as long as this lives, and removes `dir` after it.
    pub(crate) fn start(dir: PathBuf, program: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guard"]).arg(&dir).arg(program).args(args);
        command.envs(env.iter().copied()).current_dir(&dir).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("`sh` is part of every Debian");
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it was asked to be a pipe"));
        let guard = Self {
            ends: Mutex::new(Ends { process, commands, answers }),
            dir,
            program: program.to_owned(),
        };
        guard.await_answer("start");
        guard
    }

    /// What the server said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Has the guard do something, and waits until it is done.
    pub(crate) fn tell(&self, word: &str) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = ends.commands.as_mut().expect("it is only taken at the end");
        writeln!(commands, "{word}").expect("the guard lives as long as this process");
        drop(ends);
        self.await_answer(word);
    }

    /// Waits until the server listens.
    pub(crate) fn await_listening(&self, address: SocketAddr) {
        self.await_that("listen", || TcpStream::connect(address).is_ok());
    }

    /// Makes sure that it is this server that listens, and not another that took its port first.
    pub(crate) fn assert_lives(&self) {
        self.tell("live");
    }

    /// Waits until something about the server holds.
    pub(crate) fn await_that(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < READY_WITHIN,
                "the S3 server did not {what} in time; it said:\n{}",
                self.log()
            );
            sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).process.id()
    }

    fn await_answer(&self, word: &str) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        let read = ends.answers.read_line(&mut answer);
        drop(ends);
        let is_done = read.is_ok() && answer.trim() == "done";
        assert!(
            is_done,
            "the S3 server `{}` did not {word}: run bin/setup if it is not installed; it said:\n{}",
            self.program,
            self.log()
        );
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ends = self.ends.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(ends.commands.take());
        let _ended = ends.process.wait();
    }
}
