//! A directory, a file, all paths.

use std::sync::Arc;

use api::json;
use axum::response::IntoResponse;
use history::{
    diff::as_text,
    tree::{Kind, Mode, TreeWalk},
};
use names::RepoPath;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Json, Problem, Queried};

use super::{Place, bound, cursor, joined, link, number, path_of, raw_href};
use crate::{
    Error, Hub, Repository,
    graph::{Directory, LastTold},
    pages::image_type,
    reading::{Found, History},
};

/// Entries of one answer (`spec/hub.md` 3).
const ENTRIES: usize = 1_000;
/// The largest file whose text is in the answer.
const TEXT_BYTES: u64 = 1 << 20;
/// Paths of one answer.
const MOST_PATHS: usize = 200_000;
/// What a pointer to a large file elsewhere begins with.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeQuery {
    #[serde(rename = "ref")]
    revision: Option<String>,
    path: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    /// 1: with the commit that changed each entry last.
    last_commits: Option<u8>,
}

/// A directory, page by page.
pub(super) async fn tree(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<TreeQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let path = path_of(query.path.as_deref())?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve_or_first(query.revision.as_deref()).await?;
    let commit = history.commit(revision.commit).await?;
    let Found::Directory(node) = history.find(&commit, path.as_ref()).await? else {
        return Err(Problem::not_found());
    };
    let shown = path.as_ref().map(RepoPath::as_str).unwrap_or_default();
    let id = revision.commit.to_string();
    let bound_to = bound(&history, "tree", &[&id, shown]);
    let start = number(&hub, &bound_to, query.cursor.as_deref())?;
    let limit = query.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES);
    let mut entries: Vec<_> = node.entries().iter().collect();
    entries.sort_by_key(|entry| (!entry.is_directory(), entry.name.as_bytes()));
    let mut last = LastTold::default();
    if query.last_commits == Some(1) {
        let (commit, branch) = (revision.commit, revision.branch.clone());
        let of = history.repository.id;
        let dir = Directory { of, path: path.clone(), commit, branch, node: Arc::clone(&node) };
        let shown = entries.iter().skip(start).take(limit).map(|it| &*it.name).collect();
        last = hub.last_told(history.repository, &dir, &shown).await?;
    }
    let items = entries.iter().skip(start).take(limit).map(|entry| {
        let (kind, id, mode, target) = match entry.kind {
            Kind::File(object) => {
                let kind = if entry.mode == Mode::Link { "link" } else { "file" };
                (kind, Some(object.to_string()), entry.mode.octal(), None)
            }
            Kind::Directory(_) => ("directory", None, "040000", None),
            Kind::Module(commit) => {
                ("submodule", None, entry.mode.octal(), Some(commit.to_string()))
            }
        };
        let above = path.as_ref().map(|it| format!("{it}/")).unwrap_or_default();
        json::TreeEntry {
            path: format!("{above}{}", entry.name),
            name: entry.name.to_string(),
            kind: kind.to_owned(),
            id,
            size: entry.size,
            mode: mode.to_owned(),
            target,
            last: last.json_of(&entry.name),
        }
    });
    let items: Vec<_> = items.collect();
    let end = start + items.len();
    let next_cursor = (end < entries.len()).then(|| cursor(&hub, &bound_to, end));
    let link = link(&call, next_cursor.as_ref());
    Ok((
        link,
        Json(json::Tree {
            commit: id,
            path: shown.to_owned(),
            items,
            next_cursor,
            is_pending: last.is_pending,
        }),
    ))
}

/// A file, with its text if that is short.
pub(super) async fn blob(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<Place>,
) -> Result<Json<json::Blob>, Problem> {
    let query = call.query()?;
    let path = path_of(query.path.as_deref())?.ok_or_else(Problem::not_found)?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve_or_first(query.revision.as_deref()).await?;
    let commit = history.commit(revision.commit).await?;
    let Found::File(entry) = history.find(&commit, Some(&path)).await? else {
        return Err(Problem::not_found());
    };
    let Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    let file = history.bytes(object, TEXT_BYTES).await?;
    let commit = revision.commit.to_string();
    let (id, size) = (object.to_string(), entry.size);
    let raw = raw_href(history.repository, &commit, path.as_str());
    let work = move || {
        let is_whole = file.size <= TEXT_BYTES;
        let read = if is_whole { decode(&file.bytes) } else { decode_start(&file.bytes) };
        let kind = match &read {
            _ if image_type(&file.bytes).is_some() => "image",
            _ if file.bytes.starts_with(LFS) => "lfs",
            Some(_) => "text",
            None => "binary",
        };
        let (encoding, text) = match read.filter(|_| matches!(kind, "text" | "lfs")) {
            Some((encoding, text)) => (Some(encoding.to_owned()), Some(text).filter(|_| is_whole)),
            None => (None, None),
        };
        let line_count = text.as_ref().map(|it| it.lines().count() as u64);
        let path = path.to_string();
        json::Blob {
            commit,
            path,
            id,
            size,
            kind: kind.to_owned(),
            encoding,
            line_count,
            text,
            raw,
        }
    };
    Ok(Json(joined(tokio::task::spawn_blocking(work).await)?))
}

/// Bytes as text, and how they are written: UTF-8, else UTF-16 with its mark, else Latin-1.
fn decode(bytes: &[u8]) -> Option<(&'static str, String)> {
    if let Some(text) = as_text(bytes) {
        return Some(("utf-8", text.to_owned()));
    }
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes.get(2..)?.chunks_exact(2).filter_map(|it| it.try_into().ok()).map(read);
        char::decode_utf16(units).collect::<Result<String, _>>().ok()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] if bytes.len().is_multiple_of(2) => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] if bytes.len().is_multiple_of(2) => wide(u16::from_be_bytes),
        _ => None,
    };
    if let Some(text) = text {
        return Some(("utf-16", text));
    }
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127..=159);
    if bytes.is_empty() || bytes.iter().any(is_control) {
        return None;
    }
    Some(("latin-1", bytes.iter().map(|byte| char::from(*byte)).collect()))
}

/// The start of a long file: its end may have been cut inside a character.
fn decode_start(bytes: &[u8]) -> Option<(&'static str, String)> {
    match std::str::from_utf8(bytes) {
        Err(error) if bytes.len() - error.valid_up_to() < 4 => {
            decode(bytes.get(..error.valid_up_to())?)
        }
        _ => decode(bytes),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilesQuery {
    #[serde(rename = "ref")]
    revision: Option<String>,
    prefix: Option<String>,
}

/// All paths of a commit in one answer.
pub(super) async fn files(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<FilesQuery>,
) -> Result<Json<json::FileList>, Problem> {
    let query = call.query()?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve_or_first(query.revision.as_deref()).await?;
    let prefix = query.prefix.unwrap_or_default();
    let (paths, truncated) = history.files(revision.commit, &prefix, MOST_PATHS).await?;
    let paths = paths.into_iter().map(|it| it.to_string()).collect();
    Ok(Json(json::FileList { commit: revision.commit.to_string(), paths, truncated }))
}

impl History<'_> {
    /// The paths of a commit that begin so, in the order of their bytes, and whether there are more.
    pub(crate) async fn files(
        &self,
        commit: names::CommitId,
        prefix: &str,
        most: usize,
    ) -> Result<(Vec<RepoPath>, bool), Error> {
        let mut walk = TreeWalk::new(self.root_at(commit).await?);
        let mut paths = Vec::new();
        loop {
            while let Some(file) = walk.next_file() {
                if file.path.as_str().starts_with(prefix) {
                    if paths.len() >= most {
                        return Ok((paths, true));
                    }
                    paths.push(file.path);
                }
            }
            if walk.is_complete() {
                return Ok((paths, false));
            }
            let given = self.nodes(&walk.needs()).await?;
            walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_the_first_encoding_that_fits() {
        let told =
            |bytes: &[u8]| decode(bytes).map(|(encoding, text)| format!("{encoding}: {text}"));
        assert_eq!(told("größe".as_bytes()).unwrap(), "utf-8: größe");
        assert_eq!(told(b"").unwrap(), "utf-8: ");
        assert_eq!(told(b"gr\xf6\xdfe\n").unwrap(), "latin-1: größe\n");
        assert_eq!(told(b"\xff\xfea\0b\0").unwrap(), "utf-16: ab");
        assert_eq!(told(b"\xfe\xff\0a\0b").unwrap(), "utf-16: ab");
        assert_eq!(told(b"\0\x01"), None);
        assert_eq!(told(b"%PDF\x80\x02"), None);
        assert_eq!(decode_start(&"größe".as_bytes()[..3]).unwrap().1, "gr");
    }
}
