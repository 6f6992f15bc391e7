//! A snapshot, or what differs between two, page by page (`spec/wire.md` 9).

use api::{Value, WireCode, wire2::PATHS};
use history::tree::TreeDiff;
use names::{ObjectId, RepoPath, SnapshotId};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Problem};

use super::visible::Seen;
use crate::{Error, Hub, Repository, reading, wire::Answer};

/// What may be asked.
#[derive(Debug, Deserialize)]
struct Query {
    base: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of it.
#[derive(Debug, Default)]
struct Page {
    set: Vec<(RepoPath, ObjectId, u64)>,
    del: Vec<RepoPath>,
    next_after: Option<RepoPath>,
}

/// The files of a snapshot by path, as far as they are others than those of `base`.
pub(super) async fn page(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    crate::wire::muse(allowed.resource())?;
    let snapshot: SnapshotId = call.params.parse("snapshot")?;
    let Query { base, after, limit } = call.query()?;
    let base: Option<SnapshotId> = parsed(base, "base")?;
    let after: Option<RepoPath> = parsed(after, "after")?;
    let limit = limit.unwrap_or(PATHS).clamp(1, PATHS);
    let seen = Seen::by(&allowed);
    let mut tx = hub.db.read().await?;
    let root = seen.snapshot(&mut tx, snapshot).await?;
    let before = match base {
        None => None,
        Some(base) => Some(seen.snapshot(&mut tx, base).await?),
    };
    let mut diff = TreeDiff::new(before, Some(root), usize::MAX);
    let mut page = Page::default();
    loop {
        while let Some(change) = diff.next_change() {
            if after.as_ref().is_some_and(|after| change.path <= *after) {
                continue;
            }
            if page.set.len() + page.del.len() == limit {
                return Ok(answer(&call, snapshot, base, page.up_to_here()));
            }
            match change.after {
                Some(file) => page.set.push((change.path, file.object, file.size_bytes)),
                None => page.del.push(change.path),
            }
        }
        if diff.is_complete() {
            return Ok(answer(&call, snapshot, base, page));
        }
        let given = reading::nodes(&mut tx, &diff.needs()).await?;
        diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: Option<String>,
    name: &str,
) -> Result<Option<T>, Error> {
    let bad = |error| Error::wire(WireCode::Malformed, format!("`{name}`: {error}"));
    text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(bad)).transpose()
}

impl Page {
    /// The same, and that it goes on behind its last path.
    fn up_to_here(mut self) -> Self {
        let last = self.set.last().map(|(path, ..)| path).max(self.del.last());
        self.next_after = last.cloned();
        self
    }
}

fn answer(call: &Call, snapshot: SnapshotId, base: Option<SnapshotId>, page: Page) -> Answer {
    let file = |(path, object, size): (RepoPath, ObjectId, u64)| {
        Value::Array(vec![String::from(path).into(), object.to_string().into(), size.into()])
    };
    let message = Value::map([
        ("snapshot_id", Value::from(snapshot.to_string())),
        ("base", base.map(|id| id.to_string()).into()),
        ("set", Value::Array(page.set.into_iter().map(file).collect())),
        ("del", Value::list(page.del.into_iter().map(String::from))),
        ("next_after", page.next_after.map(String::from).into()),
    ]);
    Answer::new(call, message)
}
