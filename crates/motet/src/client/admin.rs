//! Background work through the JSON API, for those who run the install (`spec/trust.md` 8.3, `ops`).

use std::{fmt, str::FromStr};

use api::json::{
    BootstrapToken, BreakGlass, FaultPage, Healed, Invitation, Job, JobDetail, JobPage, OpenGlass,
    Page, QuotaUse, ScanStarted, Schedule, ScheduleRun, SetQuota, StartScan, Storage, Suspend,
};
use names::{Handle, Id, RepositoryName};
use reqwest::Method;

use super::{Client, ClientError};

/// The id of a job.
pub type JobId = Id<Job>;

const JOBS: &str = "/api/v1/admin/jobs";
const SCHEDULES: &str = "/api/v1/admin/schedules";
const STORAGE: &str = "/api/v1/admin/storage";

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

/// An owner, or one of the owner's repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The owner.
    pub owner: Handle,
    /// The repository.
    pub name: Option<RepositoryName>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (owner, name) = match text.split_once('/') {
            None => (text, None),
            Some((owner, name)) => (owner, Some(name)),
        };
        let name = name.map(str::parse).transpose().map_err(|error| format!("{error}"))?;
        Ok(Self { owner: owner.parse().map_err(|error| format!("{error}"))?, name })
    }
}

impl Client {
    /// Makes a token that makes a publisher.
    pub async fn bootstrap_token(&self) -> Result<BootstrapToken, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, "/api/v1/admin/bootstrap-token", None).await
    }

    /// One page of the jobs in a state, newest first, and how many there are of each.
    pub async fn jobs(
        &self,
        state: &'static str,
        limit: u16,
        cursor: Option<&Word>,
    ) -> Result<JobPage, ClientError> {
        self.need_credential()?;
        let target = format!("{JOBS}?state={state}&limit={limit}{}", going_on(cursor));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// A job, with what it carries.
    pub async fn job(&self, id: JobId) -> Result<JobDetail, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &format!("{JOBS}/{id}"), None).await
    }

    /// Makes a dead job due at once.
    pub async fn retry_job(&self, id: JobId) -> Result<Job, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, &format!("{JOBS}/{id}/retry"), None).await
    }

    /// Forgets a dead job.
    pub async fn delete_job(&self, id: JobId) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::DELETE, &format!("{JOBS}/{id}")).await
    }

    /// One page of the schedules, by name.
    pub async fn schedules(
        &self,
        limit: u16,
        cursor: Option<&Word>,
    ) -> Result<Page<Schedule>, ClientError> {
        self.need_credential()?;
        let target = format!("{SCHEDULES}?limit={limit}{}", going_on(cursor));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Switches a schedule on or off.
    pub async fn switch_schedule(
        &self,
        name: &Word,
        is_enabled: bool,
    ) -> Result<Schedule, ClientError> {
        self.need_credential()?;
        let verb = if is_enabled { "enable" } else { "disable" };
        self.json::<(), _>(Method::POST, &format!("{SCHEDULES}/{name}/{verb}"), None).await
    }

    /// Pushes a run of a schedule now.
    pub async fn run_schedule(&self, name: &Word) -> Result<ScheduleRun, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, &format!("{SCHEDULES}/{name}/run"), None).await
    }

    /// What is stored.
    pub async fn storage(&self) -> Result<Storage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, STORAGE, None).await
    }

    /// One page of the faults in a state, newest first.
    pub async fn faults(
        &self,
        state: &'static str,
        cursor: Option<&Word>,
    ) -> Result<FaultPage, ClientError> {
        self.need_credential()?;
        let target = format!("{STORAGE}/faults?state={state}{}", going_on(cursor));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Begins a walk over the store.
    pub async fn start_scan(&self, kind: &str) -> Result<ScanStarted, ClientError> {
        self.need_credential()?;
        let asked = StartScan { kind: kind.to_owned() };
        self.json(Method::POST, &format!("{STORAGE}/scan"), Some(&asked)).await
    }

    /// Looks again at what is wrong.
    pub async fn heal_storage(&self) -> Result<Healed, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, &format!("{STORAGE}/heal"), None).await
    }

    /// Has everything that is searched made again.
    pub async fn rebuild_search(&self) -> Result<ScanStarted, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, "/api/v1/admin/search/rebuild", None).await
    }

    /// What an owner or a repository holds and may hold.
    pub async fn quota(&self, whose: &Target) -> Result<QuotaUse, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &quota_of(whose), None).await
    }

    /// Says what an owner or a repository may hold.
    pub async fn set_quota(
        &self,
        whose: &Target,
        limits: &SetQuota,
    ) -> Result<QuotaUse, ClientError> {
        self.need_credential()?;
        self.json(Method::PUT, &quota_of(whose), Some(limits)).await
    }
}

impl Client {
    /// Makes a person an install admin, or takes that away.
    pub async fn set_install_admin(
        &self,
        handle: &Handle,
        is_admin: bool,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let method = if is_admin { Method::PUT } else { Method::DELETE };
        self.order(method, &format!("/api/v1/admin/admins/{handle}")).await
    }

    /// Stops somebody.
    pub async fn suspend(&self, handle: &Handle, reason: &str) -> Result<(), ClientError> {
        self.need_credential()?;
        let asked = Suspend { reason: reason.to_owned() };
        let target = format!("/api/v1/admin/principals/{handle}/suspend");
        self.order_with(Method::POST, &target, &asked).await
    }

    /// Lets somebody go on.
    pub async fn restore(&self, handle: &Handle) -> Result<(), ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/admin/principals/{handle}/restore");
        self.order(Method::POST, &target).await
    }

    /// Brings somebody back who has left.
    pub async fn bring_back(&self, handle: &Handle) -> Result<Invitation, ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/admin/principals/{handle}/bring-back");
        self.json::<(), _>(Method::POST, &target, None).await
    }

    /// Looks into a private repository.
    pub async fn break_glass(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        reason: &str,
    ) -> Result<OpenGlass, ClientError> {
        self.need_credential()?;
        let asked = BreakGlass { reason: reason.to_owned() };
        let target = format!("/api/v1/admin/break-glass/{owner}/{name}");
        self.json(Method::POST, &target, Some(&asked)).await
    }
}

fn quota_of(whose: &Target) -> String {
    let name = whose.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    format!("/api/v1/admin/quotas/{}{name}", whose.owner)
}

fn going_on(cursor: Option<&Word>) -> String {
    cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_owner_or_a_repository() {
        let target = |text: &str| text.parse::<Target>().ok();
        assert!(target("ada").is_some_and(|it| it.name.is_none()));
        assert!(target("ada/engine").is_some_and(|it| it.name.is_some()));
        assert_eq!((target(""), target("ada/"), target("a/b/c")), (None, None, None));
    }

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
