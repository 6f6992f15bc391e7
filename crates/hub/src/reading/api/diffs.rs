//! What differs, as JSON and as a patch; one revision beside another.

use std::{fmt::Write as _, io};

use api::json;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use history::diff::{Blanks, ChangedFile, DiffOptions, FileDiff, LineKind, TextDiff, patch};
use names::CommitId;
use serde::Deserialize;
use tokio::sync::mpsc;
use trust::{Allowed, act};
use web::{Call, Fault, Json, Problem, Queried};

use super::{bound, commits, cursor, number, path_of};
use crate::{
    Error, Hub, Repository,
    reading::{Commit, Difference, History, LogQuery, ancestry},
};

/// Files of one answer, and lines after which it ends (`spec/hub.md` 3).
const FILES: usize = 3_000;
const LINES: u64 = 300_000;
/// The largest file whose lines are compared.
const COMPARED_BYTES: u64 = 8 << 20;
/// Commits that a comparison shows.
const COMMITS: usize = 100;
/// Pieces of a patch that wait for a slow client, and how large they are.
const QUEUE: usize = 4;
const PIECE_BYTES: usize = 64 << 10;
/// How long a patch may take in all.
const PATCH: std::time::Duration = std::time::Duration::from_mins(30);

/// How a difference is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// `all`, `some` or `none`: which blanks count.
    pub(crate) blanks: Option<String>,
    /// Lines around a change; `all` for the whole file.
    pub(crate) context: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl Asked {
    /// How lines are compared.
    pub(crate) fn options(&self) -> Result<DiffOptions, Problem> {
        let fault = |pointer: &str, message: &str| {
            let (pointer, message) = (pointer.to_owned(), message.to_owned());
            Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
        };
        let blanks = match self.blanks.as_deref() {
            None | Some("" | "all") => Blanks::All,
            Some("some") => Blanks::Some,
            Some("none") => Blanks::None,
            Some(_) => return Err(fault("/blanks", "which blanks count: `all`, `some`, `none`")),
        };
        let usual = DiffOptions::default();
        let context_lines = match self.context.as_deref() {
            None | Some("") => usual.context_lines,
            Some("all") => u32::MAX,
            Some(text) => text
                .parse()
                .map_err(|_| fault("/context", "lines around a change: a number, or `all`"))?,
        };
        Ok(DiffOptions { context_lines, blanks, ..usual })
    }
}

/// What a commit changes against its first parent.
pub(super) async fn of_commit(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Asked>,
) -> Result<Response, Problem> {
    let asked = call.query()?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve(call.params.text("id")).await?;
    let commit = history.commit(revision.commit).await?;
    let (before, after) = (commit.record.parent_commit_id, revision.commit);
    if let Some(kind) = as_patch(&call) {
        let head = if kind == "text/x-patch" { mail(&commit) } else { String::new() };
        return stream(&hub, &allowed, (before, after), &asked, (kind, head)).await;
    }
    let page = history.diff_page((before, after), &asked).await?;
    Ok(Json(page).into_response())
}

/// The two sides of `a...b`.
pub(crate) fn split_range(text: &str) -> Result<(&str, &str), Problem> {
    let (a, b) = text.split_once("...").ok_or_else(Problem::not_found)?;
    if a.is_empty() || b.is_empty() { Err(Problem::not_found()) } else { Ok((a, b)) }
}

/// What one revision has that another does not.
pub(super) async fn compare(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Asked>,
) -> Result<Response, Problem> {
    let asked = call.query()?;
    let history = History::open(&hub, &allowed);
    let (base, head) = split_range(call.params.text("range"))?;
    let (base, head) = (history.resolve(base).await?.commit, history.resolve(head).await?.commit);
    let merge_base = ancestry::merge_base(&history, base, head).await?;
    // Without a common ancestor there is the other side itself to compare with.
    let before = merge_base.unwrap_or(base);
    if let Some(kind) = as_patch(&call) {
        let sides = (Some(before), head);
        return stream(&hub, &allowed, sides, &asked, (kind, String::new())).await;
    }
    let (ahead, behind) = ancestry::ahead_behind(&history, head, base).await?;
    let query = LogQuery { from: vec![head], not: vec![base], ..LogQuery::default() };
    let log = history.log(&query, None, COMMITS).await?;
    let judged = commits::judge(&hub, log.commits.iter().map(|it| &it.commit)).await?;
    let shown = log.commits.iter();
    let shown = shown.map(|it| commits::shown(&it.commit, judged.get(&it.commit.record.commit_id)));
    let comparison = json::Comparison {
        base: base.to_string(),
        head: head.to_string(),
        merge_base: merge_base.map(|it| it.to_string()),
        ahead,
        behind,
        commits: shown.collect(),
        diff: history.diff_page((Some(before), head), &asked).await?,
    };
    Ok(Json(comparison).into_response())
}

/// The media type of a patch, if one is asked for.
fn as_patch(call: &Call) -> Option<&'static str> {
    let accept = call.header("accept");
    ["text/x-patch", "text/x-diff"].into_iter().find(|kind| accept.contains(kind))
}

impl History<'_> {
    /// The files that differ between two commits; all of the second where there is no first.
    pub(crate) async fn between(
        &self,
        (before, after): (Option<CommitId>, CommitId),
        path: Option<&str>,
    ) -> Result<Difference, Problem> {
        let before = match before {
            Some(id) => Some(self.root_at(id).await?),
            None => None,
        };
        let paths: Vec<_> = path_of(path)?.into_iter().collect();
        Ok(self.difference(before, self.root_at(after).await?, &paths).await?)
    }

    async fn diff_page(
        &self,
        sides: (Option<CommitId>, CommitId),
        asked: &Asked,
    ) -> Result<json::DiffPage, Problem> {
        let (before, after) = (sides.0.map(|it| it.to_string()), sides.1.to_string());
        let options = asked.options()?;
        let found = self.between(sides, asked.path.as_deref()).await?;
        let kept = format!("{options:?}");
        let path = asked.path.as_deref().unwrap_or_default();
        let list =
            bound(self, "diff", &[before.as_deref().unwrap_or_default(), &after, &kept, path]);
        let start = number(self.hub, &list, asked.cursor.as_deref())?;
        let limit = asked.limit.unwrap_or(FILES).clamp(1, FILES);
        let (mut files, mut lines) = (Vec::new(), 0);
        for file in found.files.iter().skip(start).take(limit) {
            // What there is no time for is on the next page; one file there always is.
            if !files.is_empty() && (lines > LINES || !self.has_time()) {
                break;
            }
            let compared = self.lines_of(file, options, COMPARED_BYTES).await?;
            let shown = shown(file, compared);
            lines += shown.hunks.iter().map(|it| it.lines.len() as u64).sum::<u64>();
            files.push(shown);
        }
        let end = start + files.len();
        let file_count = found.files.len();
        Ok(json::DiffPage {
            before,
            after,
            file_count: file_count as u64,
            truncated: found.is_truncated,
            files,
            next_cursor: (end < file_count).then(|| cursor(self.hub, &list, end)),
        })
    }
}

fn shown(file: &ChangedFile, compared: FileDiff) -> json::DiffFile {
    let (before, after) = file.sides();
    let (counts, body, hunks) = match compared {
        FileDiff::Same => (Some((0, 0)), "same", Vec::new()),
        FileDiff::Binary => (None, "binary", Vec::new()),
        FileDiff::TooLarge => (None, "too_large", Vec::new()),
        FileDiff::Folded { added, removed } => (Some((added, removed)), "folded", Vec::new()),
        FileDiff::Text(TextDiff { added, removed, hunks }) => {
            (Some((added, removed)), "text", hunks)
        }
    };
    let similarity = match file {
        ChangedFile::Renamed { percent, .. } => Some(*percent),
        ChangedFile::Added { .. } | ChangedFile::Modified { .. } | ChangedFile::Deleted { .. } => {
            None
        }
    };
    json::DiffFile {
        status: file.status().to_string(),
        path: file.path().to_string(),
        old_path: file.old_path().map(ToString::to_string),
        similarity,
        old_id: before.map(|it| it.object.to_string()),
        new_id: after.map(|it| it.object.to_string()),
        old_size: before.map(|it| it.size_bytes),
        new_size: after.map(|it| it.size_bytes),
        added: counts.map(|it| it.0),
        removed: counts.map(|it| it.1),
        body: body.to_owned(),
        hunks: hunks.into_iter().map(hunk).collect(),
    }
}

fn hunk(it: history::diff::Hunk) -> json::DiffHunk {
    let line = |it: history::diff::Line| json::DiffLine {
        sign: match it.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        },
        old: it.old_number,
        new: it.new_number,
        text: it.text.into(),
        marks: it.marks.into_iter().map(|it| (it.start, it.end)).collect(),
        no_newline: it.no_newline,
    };
    json::DiffHunk {
        old_start: it.old_start,
        old_lines: it.old_lines,
        new_start: it.new_start,
        new_lines: it.new_lines,
        lines: it.lines.into_iter().map(line).collect(),
    }
}

/// What stands above the patch of one commit, as mail has it.
fn mail(commit: &Commit) -> String {
    let record = &commit.record;
    let one_line = |text: &str| text.replace(['\r', '\n'], " ");
    let (subject, body) = record.message.split_once('\n').unwrap_or((&record.message, ""));
    format!(
        "From {} Mon Sep 17 00:00:00 2001\nFrom: {}\nDate: {}\nSubject: [PATCH] {}\n\n{}\n---\n\n",
        record.commit_id,
        one_line(&record.author),
        record.committed_at,
        one_line(subject),
        body.trim_matches('\n'),
    )
}

/// A patch, written while it is sent.
async fn stream(
    hub: &Hub,
    allowed: &Allowed<act::ObjectRead, Repository>,
    sides: (Option<CommitId>, CommitId),
    asked: &Asked,
    (kind, head): (&'static str, String),
) -> Result<Response, Problem> {
    let options = DiffOptions { fold_above_lines: u32::MAX, ..asked.options()? };
    let found = History::open(hub, allowed).between(sides, asked.path.as_deref()).await?;
    if found.is_truncated {
        return Err(Error::TooLarge("too many files differ for one patch; ask for a path").into());
    }
    let (hub, allowed) = (hub.clone(), allowed.clone());
    let (to, from) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let history = History::open(&hub, &allowed).within(PATCH);
        let mut out = head;
        for file in &found.files {
            let compared = match history.lines_of(file, options, u64::MAX).await {
                Ok(compared) => compared,
                Err(error) => {
                    tracing::error!(%error, "a patch ends early");
                    to.send(Err(io::Error::other("cut"))).await.unwrap_or_default();
                    return;
                }
            };
            // Writing to a text does not fail.
            patch(&mut out, file, &compared).unwrap_or_default();
            if out.len() >= PIECE_BYTES {
                let piece = Bytes::from(std::mem::take(&mut out));
                if to.send(Ok(piece)).await.is_err() {
                    return;
                }
            }
        }
        to.send(Ok(Bytes::from(out))).await.unwrap_or_default();
    });
    let body = Body::from_stream(futures_util::stream::unfold(from, async |mut from| {
        let piece: io::Result<Bytes> = from.recv().await?;
        Some((piece, from))
    }));
    let mut media = String::from(kind);
    write!(media, "; charset=utf-8").unwrap_or_default();
    let mut response = body.into_response();
    if let Ok(media) = HeaderValue::from_str(&media) {
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    Ok(response)
}
