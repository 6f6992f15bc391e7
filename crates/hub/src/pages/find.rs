//! Finding a file by some characters of its path, and the list of all paths for the script that does it as one types.

use ::api::json;
use axum::response::Response;
use db::Tx;
use history::tree::TreeWalk;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Json, Problem,
    look::{assets, href, sizes},
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{self, Revision},
    search,
    views::{Section, search::FindPage},
};

/// Paths of one list.
const MAX_PATHS: usize = 200_000;
/// Files that the page lists.
const SHOWN: usize = 200;

#[derive(Deserialize)]
struct Asked {
    q: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListAsked {
    r#ref: Option<String>,
}

/// Every path of a commit in order, and whether there are more than a list holds.
async fn paths_of(
    tx: &mut Tx,
    repository: &Repository,
    revision: &Revision,
) -> Result<(Vec<String>, bool), Error> {
    let commit = reading::commit(tx, repository, revision.commit).await?;
    let mut walk = TreeWalk::new(reading::root_of(tx, repository, &commit).await?);
    let mut paths = Vec::new();
    loop {
        while let Some(file) = walk.next_file() {
            if paths.len() == MAX_PATHS {
                return Ok((paths, true));
            }
            paths.push(file.path.to_string());
        }
        if walk.is_complete() {
            return Ok((paths, false));
        }
        let given = reading::nodes(tx, &walk.needs()).await?;
        walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
    }
}

pub(super) async fn find(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let query = call.query::<Asked>()?.q.unwrap_or_default();
    let mut tx = hub.db.read().await?;
    let (revision, path) =
        Revision::with_path(&mut tx, repository, call.params.text("place")).await?;
    if path.is_some() {
        return Err(Problem::not_found());
    }
    let (paths, is_truncated) = paths_of(&mut tx, repository, &revision).await?;
    drop(tx);
    let lower = query.to_lowercase();
    let words: Vec<_> = lower.split_whitespace().collect();
    let fits = |path: &String| {
        let path = path.to_lowercase();
        words.iter().all(|it| search::is_subsequence(it, &path))
    };
    let mut found: Vec<_> = paths.into_iter().filter(fits).collect();
    found.sort_by_cached_key(|it| (search::rank(it, words.iter().copied()), it.clone()));
    let total = sizes::plural(found.len() as u64, "file", "files");
    found.truncate(SHOWN);
    let text = revision.text();
    let place = |path: String| {
        let href = parts::place(repository, "blob", &text, Some(&path));
        (path, href)
    };
    let home = parts::home_of(repository);
    web::page(&FindPage {
        layout: parts::layout(&call, repository, format!("Find a file · {}", repository.name)),
        head: parts::head(allowed.actor(), repository, Some(&revision), Section::Code),
        tree_href: parts::place(repository, "tree", &text, None),
        list_href: format!("/api/v1/repos{home}/files?ref={}", href::segment(&text)),
        blob_href: format!("{}/", parts::place(repository, "blob", &text, None)),
        revision: text.clone(),
        query,
        files: found.into_iter().map(place).collect(),
        total,
        is_truncated,
        script: assets::find_href(),
    })
}

/// All paths of a commit, packed. One whose name breaks the line is not in the list.
pub(super) async fn list(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Json<json::PathList>, Problem> {
    let repository = allowed.resource();
    let asked: ListAsked = call.query()?;
    let mut tx = hub.db.read().await?;
    let revision = match asked.r#ref.as_deref() {
        None | Some("") => Revision::first(&mut tx, repository).await?,
        Some(text) => match Revision::with_path(&mut tx, repository, text).await? {
            (revision, None) => Some(revision),
            (_, Some(_)) => None,
        },
    };
    let revision = revision.ok_or_else(Problem::not_found)?;
    let (paths, truncated) = paths_of(&mut tx, repository, &revision).await?;
    drop(tx);
    let lines = || paths.iter().map(String::as_str).filter(|it| !it.contains('\n'));
    Ok(Json(json::PathList {
        commit_id: revision.commit.to_string(),
        count: lines().count() as u64,
        truncated,
        paths: search::packed(lines()),
    }))
}
