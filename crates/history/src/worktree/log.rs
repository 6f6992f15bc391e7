//! What HEAD and the branches were, one line a movement (`spec/wire.md` 2):
//! `<old> <new> <author> <unix> +0000 TAB <what>`.

use std::io::Write as _;

use names::{BranchName, CommitId, UnixMillis};

use super::{Result, WorkingCopy, WorktreeError, files::split};

/// The longest log that is read; of a longer one nothing is shown.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it was; none at the beginning.
    pub old: Option<CommitId>,
    /// Where it went; none at the end.
    pub new: Option<CommitId>,
    /// Who, as configured.
    pub author: String,
    /// When, in whole seconds.
    pub at: UnixMillis,
    /// What was done; one line.
    pub what: String,
}

impl LogEntry {
    fn line(&self) -> String {
        let id = |id: Option<CommitId>| id.map_or_else(|| "0".repeat(64), |id| id.to_string());
        // One line, and one tab: only the first line of a message belongs here.
        let plain = |text: &str| {
            let first = text.lines().next().unwrap_or_default();
            first.replace(|c: char| c.is_control(), " ")
        };
        let (old, new, seconds) = (id(self.old), id(self.new), self.at.seconds());
        format!("{old} {new} {} {seconds} +0000\t{}\n", plain(&self.author), plain(&self.what))
    }

    /// Reads a line; none for one in another form, such as the rest of a message of many lines.
    fn parse(line: &str) -> Option<Self> {
        let id = |text: &str| match CommitId::from_sha256_text(text).ok()? {
            zeros if zeros == CommitId::from_bytes([0; 32]) => Some(None),
            id => Some(Some(id)),
        };
        let (moved, what) = line.split_once('\t')?;
        let (rest, zone) = moved.rsplit_once(' ')?;
        let (rest, seconds) = rest.rsplit_once(' ')?;
        let (old, rest) = rest.split_once(' ')?;
        let (new, author) = rest.split_once(' ').unwrap_or((rest, ""));
        let seconds: i64 = seconds.parse().ok()?;
        (zone == "+0000").then_some(())?;
        Some(Self {
            old: id(old)?,
            new: id(new)?,
            author: author.to_owned(),
            at: UnixMillis(seconds.checked_mul(1000)?),
            what: what.to_owned(),
        })
    }
}

impl WorkingCopy {
    /// Notes a movement of HEAD, and of `branch` if one moved with it.
    pub fn add_log(&self, branch: Option<&BranchName>, entry: &LogEntry) -> Result<()> {
        let line = entry.line();
        let branch = branch.map(|branch| format!("logs/refs/heads/{branch}"));
        for path in std::iter::once("logs/HEAD".to_owned()).chain(branch) {
            let (directory, name) = split(&path);
            let append = || self.muse.make(directory)?.append(name)?.write_all(line.as_bytes());
            append().map_err(WorktreeError::io(&path))?;
        }
        Ok(())
    }

    /// The movements of `branch`, or of HEAD, oldest first. Lines that do not parse are left out.
    pub fn log(&self, branch: Option<&BranchName>) -> Result<Vec<LogEntry>> {
        let path = branch
            .map_or_else(|| "logs/HEAD".to_owned(), |branch| format!("logs/refs/heads/{branch}"));
        let bytes = self.read_file(&path, MAX_LOG_BYTES)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter_map(LogEntry::parse).collect())
    }
}
