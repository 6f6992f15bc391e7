//! Who changed which line.

use std::sync::Arc;

use api::json;
use axum::response::IntoResponse;
use history::{diff::as_text, tree::Kind};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Fault, Json, Problem, Queried};

use super::{bad_cursor, bound, link, path_of, time};
use crate::{
    Error, Hub, Repository,
    reading::{BLAMED_BYTES, BlameQuery, Found, History, Run},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(rename = "ref")]
    revision: Option<String>,
    path: Option<String>,
    /// `line`.
    by: Option<String>,
    /// The first line, from 1.
    from: Option<u32>,
    /// The last one.
    to: Option<u32>,
    cursor: Option<String>,
}

/// Runs of lines with the commits that they came with.
pub(super) async fn blame(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Query>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    if !matches!(query.by.as_deref(), None | Some("line")) {
        let message = "lines are blamed `by=line`".to_owned();
        let pointer = "/by".to_owned();
        return Err(Problem::invalid(vec![Fault { pointer, code: "invalid", message }]));
    }
    let path = path_of(query.path.as_deref())?.ok_or_else(Problem::not_found)?;
    let history = History::open(&hub, &allowed).within(hub.settings.blame);
    let revision = history.resolve_or_first(query.revision.as_deref()).await?;
    let commit = history.commit(revision.commit).await?;
    let Found::File(entry) = history.find(&commit, Some(&path)).await? else {
        return Err(Problem::not_found());
    };
    let Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    if entry.size > BLAMED_BYTES {
        return Err(Error::TooLarge("this file is too large to be followed line by line").into());
    }
    let file = history.bytes(object, BLAMED_BYTES).await?;
    let text: Arc<str> = as_text(&file.bytes).unwrap_or_default().into();
    let id = revision.commit.to_string();
    let list = bound(&history, "blame", &[&id, path.as_str()]);
    // It says that the walk goes on; how far it is, is known here.
    if let Some(cursor) = &query.cursor {
        hub.cursors.read(&list, cursor).ok_or_else(bad_cursor)?;
    }
    let lines = (query.from.is_some() || query.to.is_some())
        .then(|| query.from.unwrap_or(1)..=query.to.unwrap_or(u32::MAX));
    let asked = BlameQuery { commit, path: path.clone(), object, text, lines };
    let blame = history.blame(asked).await?;
    let partial = blame.runs.iter().any(|run| !run.is_settled);
    let next_cursor = partial.then(|| hub.cursors.write(&list, b"more"));
    let link = link(&call, next_cursor.as_ref());
    let runs = blame.runs.iter().flat_map(shown).collect();
    let answer =
        json::BlameAnswer { commit: id, path: path.to_string(), runs, partial, next_cursor };
    Ok((link, Json(answer)))
}

/// A run, cut where lines that stand together now did not then.
fn shown(run: &Run) -> Vec<json::BlameRun> {
    let record = &run.commit.record;
    let mut cut: Vec<json::BlameRun> = Vec::new();
    for (line, original) in (run.start + 1..).zip(&run.originals) {
        match cut.last_mut() {
            Some(last) if last.original_start + last.lines == original + 1 => last.lines += 1,
            Some(_) | None => cut.push(json::BlameRun {
                start: line,
                lines: 1,
                commit: record.commit_id.to_string(),
                subject: record.message.lines().next().unwrap_or_default().to_owned(),
                author: record.author.clone(),
                time: time(run.commit.committed_at),
                original_start: original + 1,
                original_path: run.path.to_string(),
                before: run.before.as_ref().map(|it| it.0.to_string()),
                before_path: run.before.as_ref().map(|it| it.1.to_string()),
                settled: run.is_settled,
            }),
        }
    }
    cut
}
