//! The files of a commit as one file (`spec/hub.md` 3, Archives).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use history::archive::Format;
use serde::Deserialize;
use trust::{Allowed, Exceeded, Who, act};
use web::{Call, Problem};

use super::{
    range::{Wanted, wanted},
    raw::{cache_of, is_known},
};
use crate::{
    Hub, Repository,
    reading::{ARCHIVES_AT_ONCE, History, Revision, api},
};

/// When somebody who has as many made as they may is told to come back.
const WAIT_SECONDS: u32 = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// One directory of it.
    path: Option<String>,
}

/// `{revision}.tar.gz`, `.tar` or `.zip`.
pub(super) async fn archive(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let query: Query = call.query()?;
    let place = call.params.text("place");
    let (text, format) = Format::of_name(place).ok_or_else(Problem::not_found)?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve(text).await?;
    let commit = history.commit(revision.commit).await?;
    let name = name_of(history.repository, &revision);
    let below = api::path_of(query.path.as_deref())?;
    let plan = history.archive(&commit, below, format, &name).await?;
    let etag = plan.etag();
    let cache = cache_of(history.repository, &revision);
    let mut response = if is_known(&call.headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let who = match allowed.actor().principal() {
            Some(principal) => Who::Principal(principal.id),
            None => Who::Place(call.context.place()),
        };
        let turn = hub.archives.begin(who).ok_or_else(too_many)?;
        // Only a tar is as long as what it holds, so that its parts can be told apart beforehand.
        let has_range = format == Format::Tar && call.headers.contains_key(header::RANGE);
        if has_range {
            let size = plan.tar_bytes().await?;
            match wanted(&call.headers, size, &etag) {
                Wanted::All => plan.body(None, turn).into_response(),
                Wanted::Nothing => {
                    let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
                    (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
                }
                Wanted::Part(range) => {
                    let span = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                    let length = (range.end - range.start).to_string();
                    let head = [(header::CONTENT_RANGE, span), (header::CONTENT_LENGTH, length)];
                    let body = plan.body(Some(range), turn);
                    (StatusCode::PARTIAL_CONTENT, head, body).into_response()
                }
            }
        } else {
            plan.body(None, turn).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if format == Format::Tar {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    let file = format!("attachment; filename=\"{name}.{}\"", format.ending());
    for (key, value) in [(header::CONTENT_DISPOSITION, file), (header::ETAG, etag)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(key, value);
        }
    }
    Ok(response)
}

/// What the directory of an archive is called: the same for every way to name its commit, but for a tag.
fn name_of(repository: &Repository, revision: &Revision) -> String {
    let tag = revision.tag.as_ref().map(|it| it.replace('/', "-"));
    format!("{}-{}", repository.name, tag.unwrap_or_else(|| revision.commit.short()))
}

fn too_many() -> Problem {
    let detail = "too many archives at once; wait until one of them has ended";
    let by = Exceeded::wait("archives", ARCHIVES_AT_ONCE.into(), 1, WAIT_SECONDS);
    Problem::refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).limited(&by)
}
