//! Background work, for those who run the install: `/api/v1/admin/jobs` and `/api/v1/admin/schedules`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A job, without what it carries: a payload may hold what is not for every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which.
    pub id: String,
    /// What sort of work.
    pub kind: String,
    /// `ready`, `running` or `dead`.
    pub state: String,
    /// `high`, `normal` or `low`.
    pub priority: String,
    /// No other waiting or running job has this key; null if it has none.
    pub key: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How many tries it has.
    pub max_attempts: u32,
    /// Not before this moment.
    pub run_at: String,
    /// While it runs: when it is free again, unless its holder says that it is alive.
    pub lease_ends: Option<String>,
    /// What the last failed try said.
    pub last_error: Option<String>,
    /// When it was pushed.
    pub created_at: String,
}

/// A job with what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// What its handler needs to know.
    pub payload: Value,
}

/// How much there is of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// Waiting, due or not.
    pub ready: u64,
    /// Waiting though due.
    pub due: u64,
    /// In somebody's hands.
    pub running: u64,
    /// Failed for the last time.
    pub dead: u64,
    /// Facts that have not become jobs yet.
    pub posted: u64,
    /// When the longest waiting due job was due; null if none is.
    pub oldest_due_at: Option<String>,
}

/// The answer of `GET /api/v1/admin/jobs`: one page of the jobs in one state, newest first, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPage {
    /// At most as many as were asked for.
    pub items: Vec<Job>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
    /// Of all states.
    pub counts: JobCounts,
}

/// Work that comes again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, which is its key.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// When it comes: minute, hour, day, month, weekday.
    pub cron: String,
    /// The time zone in which that is read.
    pub zone: String,
    /// Whether it comes at all.
    pub enabled: bool,
    /// When it comes next; null while it is switched off.
    pub next_at: Option<String>,
}

/// The answer of `POST /api/v1/admin/schedules/{name}/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRun {
    /// Which schedule.
    pub name: String,
    /// Whether a run was added: none is while another waits or runs.
    pub pushed: bool,
}
