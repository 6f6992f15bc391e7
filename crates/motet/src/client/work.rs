//! Pipelines, runs and claims through the JSON API (`spec/work.md` 6).

use api::json::{
    ClaimBatch, DeadLetterPage, NewRun, NextClaims, RegisteredPipeline, ReleaseClaim, Released,
    RunDetail, RunEventPage, RunPage, StartedRun, SubmitResult, Submitted, TaskPage,
};
use pipelines_core::name::{ClaimId, RunId};
use reqwest::Method;
use serde_json::Value;

use super::{Client, ClientError, Word};

const RUNS: &str = "/api/v1/runs";
const CLAIMS: &str = "/api/v1/claims";

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this publisher.
    pub publisher: Option<Word>,
    /// Of this pipeline.
    pub pipeline: Option<Word>,
    /// In this state.
    pub state: Option<Word>,
}

/// A query of these members, as far as they are there.
fn query<const N: usize>(members: [(&str, Option<&str>); N]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

impl Client {
    /// Registers a definition, or answers as if.
    pub async fn register_pipeline(
        &self,
        publisher: &Word,
        (media_type, definition): (&'static str, Vec<u8>),
        (dry_run, activate): (bool, bool),
    ) -> Result<RegisteredPipeline, ClientError> {
        self.need_credential()?;
        let target = format!(
            "/api/v1/publishers/{publisher}/pipelines?dry_run={dry_run}&activate={activate}"
        );
        self.read(&self.call(Method::POST, &target, media_type, definition).await?)
    }

    /// Begins a run.
    pub async fn start_run(
        &self,
        (publisher, pipeline): (&Word, &Word),
        new: &NewRun,
    ) -> Result<StartedRun, ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/publishers/{publisher}/pipelines/{pipeline}/runs");
        self.json(Method::POST, &target, Some(new)).await
    }

    /// A run.
    pub async fn run(&self, run: RunId) -> Result<RunDetail, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &format!("{RUNS}/{run}"), None).await
    }

    /// What a run has composed.
    pub async fn run_output(&self, run: RunId) -> Result<Value, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &format!("{RUNS}/{run}/output"), None).await
    }

    /// Runs, the newest first.
    pub async fn runs(
        &self,
        filter: &RunFilter,
        limit: u8,
        cursor: Option<&str>,
    ) -> Result<RunPage, ClientError> {
        self.need_credential()?;
        let text = |word: &Option<Word>| word.as_ref().map(ToString::to_string);
        let [publisher, pipeline, state] =
            [&filter.publisher, &filter.pipeline, &filter.state].map(text);
        let query = query([
            ("publisher", publisher.as_deref()),
            ("pipeline", pipeline.as_deref()),
            ("state", state.as_deref()),
            ("limit", Some(&limit.to_string())),
            ("cursor", cursor),
        ]);
        self.json::<(), _>(Method::GET, &format!("{RUNS}?{query}"), None).await
    }

    /// Tasks of a run.
    pub async fn run_tasks(
        &self,
        run: RunId,
        cursor: Option<&str>,
    ) -> Result<TaskPage, ClientError> {
        let query = query([("limit", Some("100")), ("cursor", cursor)]);
        self.json::<(), _>(Method::GET, &format!("{RUNS}/{run}/tasks?{query}"), None).await
    }

    /// What happened in a run.
    pub async fn run_events(
        &self,
        run: RunId,
        cursor: Option<&str>,
    ) -> Result<RunEventPage, ClientError> {
        let query = query([("limit", Some("100")), ("cursor", cursor)]);
        self.json::<(), _>(Method::GET, &format!("{RUNS}/{run}/events?{query}"), None).await
    }

    /// Asks for tasks.
    pub async fn next_claims(&self, asked: &NextClaims) -> Result<ClaimBatch, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &format!("{CLAIMS}/next"), Some(asked)).await
    }

    /// Hands a result in.
    pub async fn submit_result(
        &self,
        claim: ClaimId,
        result: &SubmitResult,
    ) -> Result<Submitted, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &format!("{CLAIMS}/{claim}/result"), Some(result)).await
    }

    /// Gives a task back.
    pub async fn release_claim(
        &self,
        claim: ClaimId,
        release: &ReleaseClaim,
    ) -> Result<Released, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &format!("{CLAIMS}/{claim}/release"), Some(release)).await
    }

    /// Tasks that died, the newest first.
    pub async fn dead_letters(
        &self,
        publisher: &Word,
        limit: u8,
        cursor: Option<&str>,
    ) -> Result<DeadLetterPage, ClientError> {
        self.need_credential()?;
        let query = query([("limit", Some(&limit.to_string())), ("cursor", cursor)]);
        let target = format!("/api/v1/publishers/{publisher}/dead-letters?{query}");
        self.json::<(), _>(Method::GET, &target, None).await
    }
}
