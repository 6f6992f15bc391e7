//! Finding a file by some characters of its path. A script does it as one types, with the list of `GET …/files`.

use axum::response::Response;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{assets, href, sizes},
};

use super::parts;
use crate::{
    Hub, Repository,
    reading::History,
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

pub(super) async fn find(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let query = call.query::<Asked>()?.q.unwrap_or_default();
    let history = History::open(&hub, &allowed);
    let (revision, path) = history.resolve_with_path(call.params.text("place")).await?;
    if path.is_some() {
        return Err(Problem::not_found());
    }
    let (paths, is_truncated) = history.files(revision.commit, "", MAX_PATHS).await?;
    let paths = paths.iter().map(ToString::to_string);
    let lower = query.to_lowercase();
    let words: Vec<_> = lower.split_whitespace().collect();
    let fits = |path: &String| {
        let path = path.to_lowercase();
        words.iter().all(|it| search::is_subsequence(it, &path))
    };
    let mut found: Vec<_> = paths.filter(fits).collect();
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
