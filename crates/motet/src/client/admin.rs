//! Background work through the JSON API, for those who run the install (`spec/trust.md` 8.3, `ops`).

use std::{fmt, str::FromStr};

use api::json::{Job, JobDetail, JobPage, Page, Schedule, ScheduleRun};
use names::Id;
use reqwest::Method;

use super::{Client, ClientError};

/// The id of a job.
pub type JobId = Id<Job>;

const JOBS: &str = "/api/v1/admin/jobs";
const SCHEDULES: &str = "/api/v1/admin/schedules";

/// A text that can be part of an address as it is: a cursor, or the name of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

/// Why a text is no [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only letters, digits and . _ - are part of one")]
pub struct NotAWord;

impl FromStr for Word {
    type Err = NotAWord;

    fn from_str(raw: &str) -> Result<Self, NotAWord> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_place = raw.chars().all(|c| c == '.');
        if is_place || !raw.chars().all(is_plain) {
            Err(NotAWord)
        } else {
            Ok(Self(raw.to_owned()))
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Client {
    /// One page of the jobs in a state, newest first, and how many there are of each.
    pub async fn jobs(
        &self,
        state: &'static str,
        limit: u16,
        cursor: Option<&Word>,
    ) -> Result<JobPage, ClientError> {
        self.need_key()?;
        let target = format!("{JOBS}?state={state}&limit={limit}{}", going_on(cursor));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// A job, with what it carries.
    pub async fn job(&self, id: JobId) -> Result<JobDetail, ClientError> {
        self.need_key()?;
        self.json::<(), _>(Method::GET, &format!("{JOBS}/{id}"), None).await
    }

    /// Makes a dead job due at once.
    pub async fn retry_job(&self, id: JobId) -> Result<Job, ClientError> {
        self.need_key()?;
        self.json::<(), _>(Method::POST, &format!("{JOBS}/{id}/retry"), None).await
    }

    /// Forgets a dead job.
    pub async fn delete_job(&self, id: JobId) -> Result<(), ClientError> {
        self.need_key()?;
        self.order(Method::DELETE, &format!("{JOBS}/{id}")).await
    }

    /// One page of the schedules, by name.
    pub async fn schedules(
        &self,
        limit: u16,
        cursor: Option<&Word>,
    ) -> Result<Page<Schedule>, ClientError> {
        self.need_key()?;
        let target = format!("{SCHEDULES}?limit={limit}{}", going_on(cursor));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Switches a schedule on or off.
    pub async fn switch_schedule(
        &self,
        name: &Word,
        is_enabled: bool,
    ) -> Result<Schedule, ClientError> {
        self.need_key()?;
        let verb = if is_enabled { "enable" } else { "disable" };
        self.json::<(), _>(Method::POST, &format!("{SCHEDULES}/{name}/{verb}"), None).await
    }

    /// Pushes a run of a schedule now.
    pub async fn run_schedule(&self, name: &Word) -> Result<ScheduleRun, ClientError> {
        self.need_key()?;
        self.json::<(), _>(Method::POST, &format!("{SCHEDULES}/{name}/run"), None).await
    }
}

fn going_on(cursor: Option<&Word>) -> String {
    cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_itself_in_an_address_is_a_word() {
        for good in ["hub.expire", "a-b_c", "AZaz09"] {
            assert_eq!(good.parse::<Word>().map(|it| it.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", ".", "..", "a/b", "a b", "a%2f", "a?b", "a&b", "é"] {
            assert_eq!(bad.parse::<Word>(), Err(NotAWord), "{bad}");
        }
    }
}
