//! The pages of the room. Thin: they ask the reading interface, and shape what it says into `views`.
//!
//! | file            | page                                                     |
//! |-----------------|----------------------------------------------------------|
//! | `lists.rs`      | `/`, `/explore`                                           |
//! | `profile.rs`    | `/{handle}`                                               |
//! | `activity.rs`   | `activity`, `stargazers`, `watchers`                       |
//! | `usage.rs`      | `/usage`                                                  |
//! | `repository.rs` | `/{owner}/{name}`, `tree/…`                                |
//! | `blob.rs`       | `blob/…`                                                  |
//! | `blame.rs`      | `blame/…`                                                 |
//! | `painted.rs`    | coloured lines of both, kept for a while                   |
//! | `raw.rs`        | `raw/…`; `range.rs` is what part of it is asked for          |
//! | `archive.rs`    | `archive/…`                                               |
//! | `commits.rs`    | `commits/…`                                               |
//! | `commit.rs`     | `commit/{id}`; `changes.rs` is its lower half               |
//! | `search.rs`     | `/search`                                                 |
//! | `find.rs`       | `find/…`                                                  |
//! | `graph.rs`      | `graph`                                                   |
//! | `insights.rs`   | `insights`                                                |
//! | `refs.rs`       | `branches`, `tags`                                        |
//! | `forks.rs`      | `forks`: the network of a repository                       |
//! | `new.rs`        | `/new`                                                    |
//! | `log.rs`        | `log`: every movement of every ref                         |
//! | `compare.rs`    | `compare/{a}...{b}`; the same lower half                    |
//! | `settings/`     | `settings/…`, `/settings/repositories`                    |
//! | `parts.rs`      | what several pages share: head, branch menu, commit line   |

mod activity;
mod archive;
mod blame;
mod blob;
mod changes;
mod commit;
mod commits;
mod compare;
mod find;
mod forks;
mod graph;
mod insights;
mod lists;
mod log;
mod new;
mod painted;
mod parts;
mod profile;
mod range;
mod raw;
mod refs;
mod repository;
mod search;
mod settings;
mod usage;

use std::time::Duration;

use trust::Class;
use web::{Cost, Routes, Spec, Surface};

pub(crate) use commits::commits;
pub(crate) use painted::Painted;
pub(crate) use parts::split;
pub(crate) use profile::Profile;
pub(crate) use raw::{image_type, raw_by_query};
pub(crate) use refs::tags;
pub(crate) use repository::home;

use crate::{Hub, feeds};

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let page = Spec::new(Surface::Page);
    let place = page.cost(Cost::Place);
    let routes = refs::routes(new::routes(routes));
    forks::routes(settings::routes(routes))
        .get("/", Surface::Page, lists::start)
        .get("/explore", Surface::Page, lists::explore)
        .get("/usage", Surface::Page, usage::usage)
        .get("/search", page.class(Class::Search).cost(Cost::Walk), search::search)
        .get("/{owner}/{name}/find/{*place}", place, find::find)
        .get("/{owner}", Surface::Page, profile::profile)
        .get("/{owner}/{name}", Surface::Page, home)
        .get("/{owner}/{name}/activity", Surface::Page, activity::activity)
        .get("/{owner}/{name}/stargazers", Surface::Page, activity::stargazers)
        .get("/{owner}/{name}/watchers", Surface::Page, activity::watchers)
        .get("/{owner}/{name}/tree/{*place}", place, repository::tree)
        .get("/{owner}/{name}/blob/{*place}", place, blob::blob)
        .get("/{owner}/{name}/blame/{*place}", page.cost(Cost::Walk), blame::blame)
        .get("/{owner}/{name}/raw/{*place}", page.class(Class::Download), raw::raw)
        .get("/{owner}/{name}/commits/{*place}", place, feeds::commits_or_page)
        .get("/{owner}/{name}/graph", place, graph::graph)
        .get("/{owner}/{name}/insights", Surface::Page, insights::insights)
        .get(
            "/{owner}/{name}/archive/{*place}",
            page.class(Class::Download).within(Duration::from_mins(1)),
            archive::archive,
        )
        .get("/{owner}/{name}/commit/{id}", page.cost(Cost::Changes), commit::commit)
        .get("/{owner}/{name}/log", page.cost(Cost::Place), log::show)
        .get("/{owner}/{name}/compare", Surface::Page, compare::choose)
        .get("/{owner}/{name}/compare/{*range}", page.cost(Cost::Walk), compare::compare)
}
