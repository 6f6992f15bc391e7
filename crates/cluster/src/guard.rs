//! The process beside the server that starts it, stops it and removes what it leaves.
//!
//! Its standard input is the string that it hangs on: when the test process ends, for whatever reason, the kernel
//! closes the pipe, and the script stops the server. It stands in a process group of its own, so that a signal for
//! the tests does not end it before its work is done.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::{
    Settings,
    system::{Installed, User},
};

const SCRIPT: &str = include_str!("guard.sh");

/// The end of the string that the test process holds.
#[derive(Debug)]
pub(crate) struct Guard {
    ends: Mutex<Ends>,
    dir: PathBuf,
}

#[derive(Debug)]
struct Ends {
    process: Child,
    /// Taken when the guard is to finish.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Makes a data directory and starts a server on it.
    pub(crate) fn start(installed: &Installed, port: u16, settings: Settings) -> Self {
        let dir = tempfile::Builder::new().prefix("motet-postgres-").tempdir();
        // The guard removes it, because it outlives this process.
        let dir = dir.expect("there is room for a temporary directory").keep();
        let mut command = shell(&dir);
        command.args(["-c", SCRIPT, "guard"]).arg(&installed.bin).arg(&dir).arg(port.to_string());
        command.arg(if settings.fsync { "on" } else { "off" }).current_dir(&dir);
        command.env("LC_ALL", "C").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("`setpriv` and `sh` are part of every Debian");
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it was asked to be a pipe"));
        let guard = Self { ends: Mutex::new(Ends { process, commands, answers }), dir };
        guard.await_answer("start");
        guard
    }

    /// Has the guard do something, and waits until it is done.
    pub(crate) fn tell(&self, word: &str) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = ends.commands.as_mut().expect("it is only taken at the end");
        writeln!(commands, "{word}").expect("the guard lives as long as this process");
        drop(ends);
        self.await_answer(word);
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).process.id()
    }

    fn await_answer(&self, word: &str) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        let read = ends.answers.read_line(&mut answer);
        if read.is_err() || answer.trim() != "done" {
            let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            panic!("PostgreSQL did not {word}; it said:\n{log}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let ends = self.ends.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(ends.commands.take());
        let _ended = ends.process.wait();
    }
}

/// A shell that runs as a user whom PostgreSQL accepts, and who owns `dir`.
fn shell(dir: &Path) -> Command {
    let Some(user) = User::for_server() else {
        return Command::new("sh");
    };
    chown(dir, Some(user.id), Some(user.group)).expect("root may give a directory away");
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={}", user.id)).arg(format!("--regid={}", user.group));
    command.args(["--clear-groups", "--", "sh"]);
    command
}
