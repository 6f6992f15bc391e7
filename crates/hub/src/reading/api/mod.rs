//! The history of a repository as JSON (`spec/hub.md` 9). Each answer is what a page would show.
//!
//! | file        | what is there                                            |
//! |-------------|----------------------------------------------------------|
//! | `mod.rs`    | routes; cursors                                          |
//! | `trees.rs`  | a directory, a file, all paths                             |
//! | `commits.rs`| a log, a commit                                          |
//! | `diffs.rs`  | what differs, as JSON and as a patch; comparisons          |
//! | `blame.rs`  | who changed which line                                    |

mod blame;
mod commits;
mod diffs;
mod trees;

use names::{RepoPath, UnixMillis};
use serde::Deserialize;
use trust::Class;
use web::{Problem, Routes, Spec, Surface, look::href};

pub(crate) use commits::{Around, of_dates};
pub(crate) use diffs::{Asked as DiffAsked, split_range};

use super::History;
use crate::{Error, Hub, Repository};

/// How many a list shows unless asked, and at most (`spec/conventions.md`, JSON).
const PAGE: (usize, usize) = (30, 100);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    // A file comes as what a page may show of it.
    let raw = Spec::new(Surface::Api).class(Class::Download).answers(&["*/*"]);
    let changes =
        Spec::new(Surface::Api).answers(&["application/json", "text/x-diff", "text/x-patch"]);
    routes
        .get("/api/v1/repos/{owner}/{name}/tree", Surface::Api, trees::tree)
        .get("/api/v1/repos/{owner}/{name}/blob", Surface::Api, trees::blob)
        .get("/api/v1/repos/{owner}/{name}/raw", raw, crate::pages::raw_by_query)
        .get("/api/v1/repos/{owner}/{name}/files", Surface::Api, trees::files)
        .get("/api/v1/repos/{owner}/{name}/commits", Surface::Api, commits::log)
        .get("/api/v1/repos/{owner}/{name}/commits/{id}", Surface::Api, commits::commit)
        .get("/api/v1/repos/{owner}/{name}/commits/{id}/diff", changes, diffs::of_commit)
        .get("/api/v1/repos/{owner}/{name}/compare/{*range}", changes, diffs::compare)
        .get("/api/v1/repos/{owner}/{name}/blame", Surface::Api, blame::blame)
}

/// A revision and a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    #[serde(rename = "ref")]
    pub(crate) revision: Option<String>,
    pub(crate) path: Option<String>,
}

/// A path of a query; the root for none.
pub(crate) fn path_of(text: Option<&str>) -> Result<Option<RepoPath>, Problem> {
    match text.map(|it| it.trim_matches('/')) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Problem::not_found()),
    }
}

fn limit_of(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE.0).clamp(1, PAGE.1)
}

pub(crate) fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}

/// A number as a cursor.
fn number(hub: &Hub, list: &str, cursor: Option<&str>) -> Result<usize, Problem> {
    let Some(cursor) = cursor else { return Ok(0) };
    let bytes = hub.cursors.read(list, cursor).ok_or_else(bad_cursor)?;
    let bytes = bytes.try_into().map_err(|_| bad_cursor())?;
    usize::try_from(u64::from_be_bytes(bytes)).map_err(|_| bad_cursor())
}

fn cursor(hub: &Hub, list: &str, number: usize) -> String {
    hub.cursors.write(list, &(number as u64).to_be_bytes())
}

/// The address of the next page, for the header of that name.
fn link(call: &web::Call, next: Option<&String>) -> Option<[(&'static str, String); 1]> {
    let next = next?;
    let query = call.uri.query().unwrap_or_default().split('&');
    let kept = query.filter(|it| !it.is_empty() && !it.starts_with("cursor="));
    let query: Vec<_> = kept.map(str::to_owned).chain([format!("cursor={next}")]).collect();
    Some([("link", format!("<{}?{}>; rel=\"next\"", call.uri.path(), query.join("&")))])
}

/// The address of a file's bytes.
fn raw_href(of: &Repository, commit: &str, path: &str) -> String {
    format!("/{}/{}/raw/{commit}/{}", of.owner, of.name, href::path(path))
}

/// A time as the API has it.
fn time(at: UnixMillis) -> String {
    at.to_string()
}

/// What a cursor of a list is bound to.
fn bound(history: &History<'_>, list: &str, asked: &[&str]) -> String {
    format!("{}/{list}?{}", history.repository.id, asked.join("\0"))
}

/// A worker that ended early is our fault.
fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> Result<T, Error> {
    outcome.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
}
