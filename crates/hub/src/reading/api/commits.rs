//! A log, a commit.

use std::collections::HashMap;

use api::json;
use axum::response::IntoResponse;
use names::{CommitId, UnixMillis};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Fault, Json, Problem, Queried};

use super::{bad_cursor, bound, limit_of, link, path_of, time};
use crate::{
    Hub, Repository,
    reading::{Commit, History, LogQuery, Position, ancestry},
    signatures::{self, Judged, State},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(rename = "ref")]
    revision: Option<String>,
    /// What this leads to is left out.
    not: Option<String>,
    path: Option<String>,
    follow: Option<u8>,
    author: Option<String>,
    since: Option<String>,
    until: Option<String>,
    text: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// The two ends of a time that was asked for, each a day or a moment. A day ends with its last millisecond.
pub(crate) fn of_dates(
    since: Option<&str>,
    until: Option<&str>,
) -> Result<(Option<UnixMillis>, Option<UnixMillis>), Problem> {
    let read = |name: &str, text: Option<&str>, is_end: bool| {
        let Some(text) = text.filter(|it| !it.is_empty()) else { return Ok(None) };
        let whole = match text.len() {
            10 if is_end => format!("{text}T23:59:59.999000"),
            10 => format!("{text}T00:00:00"),
            _ => text.trim_end_matches('Z').to_owned(),
        };
        history::CommitTime::parse(&whole).map(|it| Some(it.unix_millis())).map_err(|_| {
            let message = "a day as 2026-11-30, or a moment as 2026-11-30T12:00:00Z".to_owned();
            Problem::invalid(vec![Fault { pointer: format!("/{name}"), code: "invalid", message }])
        })
    };
    Ok((read("since", since, false)?, read("until", until, true)?))
}

/// Commits, the newest first.
pub(super) async fn log(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Query>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let history = History::open(&hub, &allowed);
    let (since, until) = of_dates(query.since.as_deref(), query.until.as_deref())?;
    let from = history.resolve_or_first(query.revision.as_deref()).await?.commit;
    let not = match query.not.as_deref() {
        Some(text) => vec![history.resolve(text).await?.commit],
        None => Vec::new(),
    };
    let asked = LogQuery {
        from: vec![from],
        not,
        path: path_of(query.path.as_deref())?,
        follow: query.follow == Some(1),
        author: query.author.filter(|it| !it.is_empty()),
        since,
        until,
        text: query.text.filter(|it| !it.is_empty()),
    };
    let list = bound(&history, "commits", &[&format!("{asked:?}")]);
    let at = match query.cursor.as_deref() {
        None => None,
        Some(text) => {
            let bytes = hub.cursors.read(&list, text).ok_or_else(bad_cursor)?;
            Some(Position::from_bytes(&bytes).ok_or_else(bad_cursor)?)
        }
    };
    let page = history.log(&asked, at.as_ref(), limit_of(query.limit)).await?;
    let judged = judge(&hub, page.commits.iter().map(|it| &it.commit)).await?;
    let items = page.commits.iter().map(|it| {
        let shown = shown(&it.commit, judged.get(&it.commit.record.commit_id));
        json::Commit { path: it.path.as_ref().map(ToString::to_string), ..shown }
    });
    let items = items.collect();
    let next_cursor = page.next.map(|it| hub.cursors.write(&list, &it.to_bytes()));
    let link = link(&call, next_cursor.as_ref());
    Ok((link, Json(json::CommitPage { items, next_cursor, partial: page.is_partial })))
}

pub(super) async fn judge<'a>(
    hub: &Hub,
    commits: impl Iterator<Item = &'a Commit> + Clone + Send,
) -> Result<HashMap<CommitId, Judged>, Problem> {
    let mut tx = hub.db.glance().await?;
    Ok(signatures::judge(&mut tx, commits).await?)
}

/// A commit, and what is around it.
pub(super) async fn commit(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Json<json::CommitDetail>, Problem> {
    let history = History::open(&hub, &allowed);
    let revision = history.resolve(call.params.text("id")).await?;
    let commit = history.commit(revision.commit).await?;
    let around = history.around(&revision).await?;
    let judged = judge(&hub, [&commit].into_iter()).await?;
    Ok(Json(json::CommitDetail {
        commit: shown(&commit, judged.get(&revision.commit)),
        children: around.children.iter().map(ToString::to_string).collect(),
        refs: around.refs,
        hidden: revision.is_hidden,
    }))
}

/// What is around a commit.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// What follows it, as far as the reader may see it.
    pub(crate) children: Vec<CommitId>,
    /// The refs that lead to it; nothing where they are too far away.
    pub(crate) refs: Option<Vec<String>>,
}

/// Children that are told.
const CHILDREN: usize = 20;

impl History<'_> {
    /// What follows a commit, and which refs lead to it.
    pub(crate) async fn around(
        &self,
        of: &crate::reading::Revision,
    ) -> Result<Around, crate::Error> {
        let mut children = Vec::new();
        for child in self.children(of.commit).await?.into_iter().take(CHILDREN) {
            if self.sees_hidden || self.is_visible(child).await? {
                children.push(child);
            }
        }
        let refs = self.refs().await?;
        let tips: Vec<_> = refs.iter().map(|(_, target)| *target).collect();
        let with = ancestry::tips_with(self, of.commit, &tips).await?;
        let named = |with: std::collections::HashSet<CommitId>| {
            let with = refs.iter().filter(|(_, target)| with.contains(target));
            with.map(|(name, _)| name.clone()).collect()
        };
        Ok(Around { children, refs: with.map(named) })
    }
}

pub(super) fn shown(commit: &Commit, judged: Option<&Judged>) -> json::Commit {
    let record = &commit.record;
    let (state, signer) = judged.map_or(&State::Unverifiable, |it| &it.state).told();
    let key = Some(record.signer_key_id.clone()).filter(|it| !it.is_empty());
    json::Commit {
        id: record.commit_id.to_string(),
        parents: commit.parents().map(|it| it.to_string()).collect(),
        message: record.message.clone(),
        author: record.author.clone(),
        committed_at: record.committed_at.clone(),
        time: time(commit.committed_at),
        branch: record.branch.clone(),
        agent_id: record.agent_id.clone(),
        untrusted_agent: !record.agent_id.is_empty()
            && judged.is_none_or(|it| it.is_untrusted_agent),
        model_id: record.model_id.clone(),
        toolchain_id: record.toolchain_id.clone(),
        prompt_hash: record.prompt_hash.clone(),
        sem_ver_bump: record.sem_ver_bump.clone(),
        breaking_changes: record.breaking_changes.clone(),
        metadata: record.metadata.clone(),
        signature: json::CommitSignature { state: state.to_owned(), signer, key },
        path: None,
    }
}
