//! Pipelines, runs and claims through the JSON API (`spec/work.md` 6).

use api::json::{
    ClaimBatch, DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterReplay, NewRun, NextClaims,
    Reason, RegisteredPipeline, ReleaseClaim, Released, ReplayDeadLetters, RunDetail, RunEventPage,
    RunPage, StartedRun, SubmitResult, Submitted, TaskPage,
};
use names::Id;
use pipelines_core::name::{ClaimId, RunId};
use reqwest::Method;
use serde_json::Value;

use super::{Client, ClientError, Word};

const RUNS: &str = "/api/v1/runs";
const CLAIMS: &str = "/api/v1/claims";
/// How long a call waits that is told of what is new, in seconds: whoever waits sees how far it is.
const LOOK: u64 = 5;

/// A dead letter.
#[derive(Debug)]
pub enum Letter {}

/// Its id.
pub type LetterId = Id<Letter>;

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

    /// A run that has ended, or as it is after a while.
    pub async fn run_until_ended(&self, run: RunId) -> Result<RunDetail, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &format!("{RUNS}/{run}?wait={LOOK}"), None).await
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
        (filter, state): (&DeadLetterFilter, &str),
        limit: u8,
        cursor: Option<&str>,
    ) -> Result<DeadLetterPage, ClientError> {
        self.need_credential()?;
        let query = query([
            ("pipeline", filter.pipeline.as_deref()),
            ("step", filter.step.as_deref()),
            ("reason", filter.reason.as_deref()),
            ("agent", filter.agent.as_deref()),
            ("since", filter.since.as_deref()),
            ("until", filter.until.as_deref()),
            ("state", Some(state)),
            ("limit", Some(&limit.to_string())),
            ("cursor", cursor),
        ]);
        let target = format!("{}?{query}", dead_letters(publisher));
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Has dead letters tried again.
    pub async fn replay_dead_letters(
        &self,
        publisher: &Word,
        asked: &ReplayDeadLetters,
    ) -> Result<DeadLetterReplay, ClientError> {
        self.need_credential()?;
        let target = format!("{}/replay", dead_letters(publisher));
        self.json(Method::POST, &target, Some(asked)).await
    }

    /// How far such a replay is: what is told once more letters than `after` are seen to, or after a while.
    pub async fn dead_letter_replay(
        &self,
        publisher: &Word,
        replay: &str,
        after: u64,
    ) -> Result<DeadLetterReplay, ClientError> {
        let replay = url::form_urlencoded::byte_serialize(replay.as_bytes()).collect::<String>();
        let place = dead_letters(publisher);
        let target = format!("{place}/replays/{replay}?wait={LOOK}&after={after}");
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Lays a dead letter aside.
    pub async fn discard_dead_letter(
        &self,
        publisher: &Word,
        letter: LetterId,
    ) -> Result<DeadLetter, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{letter}/discard", dead_letters(publisher));
        self.json(Method::POST, &target, Some(&Reason::default())).await
    }
}

fn dead_letters(publisher: &Word) -> String {
    format!("/api/v1/publishers/{publisher}/dead-letters")
}
