//! Feeds of a repository.

use axum::response::Response;
use names::{BranchName, CommitId};
use trust::{Allowed, act};
use web::{Call, Problem, look::href};

use super::{ENTRIES, Entry, Feed, answer, entries, store};
use crate::{
    Error, Hub, Repository,
    activity::{Kinds, Of},
    pages,
    reading::{self, History, LogQuery},
};

/// What the names of feeds end in.
const ENDING: &str = ".atom";

/// A feed of a repository, without its entries.
fn feed(hub: &Hub, repository: &Repository, origin: &str, of: &str, title: String) -> Feed {
    let home = format!("{origin}/{}", repository.full_name());
    let specific = format!("repository/{}/{of}", repository.id);
    Feed {
        id: hub.tagged().id(repository.created_at, &specific),
        title,
        since: repository.created_at,
        own: format!("{home}/{of}{ENDING}"),
        page: home,
        entries: Vec::new(),
    }
}

/// What happened to it.
pub(super) async fn activity(
    hub: Hub,
    allowed: Allowed<act::FeedRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (repository, origin) = (allowed.resource(), call.context.base_url);
    let title = format!("Activity of {}", repository.full_name());
    let feed = feed(&hub, repository, &origin, "activity", title);
    let mut tx = hub.db.read().await?;
    let of = (Of::Repository(repository.id), (Kinds::All, None, ENTRIES));
    let seen = hub.happenings(&mut tx, allowed.actor(), of.0, of.1).await?;
    let entries = entries(&seen.items, &hub.tagged(), &origin);
    Ok(answer(&Feed { page: format!("{}/activity", feed.page), entries, ..feed }))
}

/// What was released and is not taken out of use.
pub(super) async fn releases(
    hub: Hub,
    allowed: Allowed<act::FeedRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (repository, origin) = (allowed.resource(), call.context.base_url);
    let title = format!("Releases of {}", repository.full_name());
    let feed = feed(&hub, repository, &origin, "releases", title);
    let mut tx = hub.db.glance().await?;
    let found = store::releases(&mut tx, repository.id, ENTRIES).await?;
    let entry = |it: store::Released| Entry {
        id: hub.tagged().id(it.at, &format!("release/{}", it.id)),
        title: if it.title.is_empty() {
            it.tag.clone()
        } else {
            format!("{}: {}", it.tag, it.title)
        },
        at: it.at,
        href: format!("{}/commit/{}", feed.page, it.commit),
        author: it.by,
        text: it.notes,
    };
    let entries = found.into_iter().map(entry).collect();
    Ok(answer(&Feed { entries, ..feed }))
}

/// Its tags, the last that was set first.
pub(super) async fn tags(
    hub: Hub,
    allowed: Allowed<act::FeedRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (repository, origin) = (allowed.resource(), call.context.base_url);
    let title = format!("Tags of {}", repository.full_name());
    let feed = feed(&hub, repository, &origin, "tags", title);
    let mut tx = hub.db.glance().await?;
    let found = store::tags(&mut tx, repository.id, ENTRIES).await?;
    let entry = |it: store::Tag| {
        let named =
            format!("repository/{}/tag/{}/{}", repository.id, href::path(&it.name), it.target);
        Entry {
            // A tag that was set anew is another one.
            id: hub.tagged().id(repository.created_at, &named),
            title: it.name,
            at: it.at,
            href: format!("{}/commit/{}", feed.page, it.target),
            author: repository.owner.to_string(),
            text: String::new(),
        }
    };
    let entries = found.into_iter().map(entry).collect();
    Ok(answer(&Feed { entries, ..feed }))
}

/// The commits of a branch: as a feed, where the address ends so and no branch is called that; else the page.
pub(crate) async fn commits_or_page(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let place = call.params.text("place");
    let branch: Option<BranchName> = place.strip_suffix(ENDING).and_then(|it| it.parse().ok());
    if let Some(branch) = branch {
        let (repository, place) = (allowed.resource(), place.to_owned());
        let mut tx = hub.db.read().await?;
        let heads = reading::branches(&mut tx, repository.id).await.map_err(Error::Db)?;
        drop(tx);
        let is_called = |name: &str| heads.iter().any(|(it, _)| it.as_str() == name);
        // Before the first push a branch is expected that is not there yet.
        let is_expected = heads.is_empty() && branch == repository.default_branch;
        if !is_called(&place) && (is_called(branch.as_str()) || is_expected) {
            let head = heads.iter().find(|(it, _)| *it == branch).map(|(_, head)| *head);
            return hub.commits_feed(&allowed, &branch, head, &call.context.base_url).await;
        }
    }
    pages::commits(hub, allowed, call).await
}

impl Hub {
    async fn commits_feed(
        &self,
        allowed: &Allowed<act::ObjectRead, Repository>,
        branch: &BranchName,
        head: Option<CommitId>,
        origin: &str,
    ) -> Result<Response, Problem> {
        let repository = allowed.resource();
        let name = href::path(branch.as_str());
        let title = format!("Commits of {branch} in {}", repository.full_name());
        let feed = feed(self, repository, origin, &format!("commits/{name}"), title);
        let found = match head {
            Some(head) => {
                let query = LogQuery { from: vec![head], ..LogQuery::default() };
                let history = History::open(self, allowed);
                history.log(&query, None, ENTRIES as usize).await?.commits
            }
            None => Vec::new(),
        };
        let entry = |it: reading::Commit| {
            let id = it.record.commit_id;
            let named = format!("repository/{}/commit/{id}", repository.id);
            let (subject, body) = pages::split(&it.record.message);
            Entry {
                id: self.tagged().id(repository.created_at, &named),
                title: subject,
                at: it.committed_at,
                href: format!("{}/commit/{id}", feed.page),
                author: name_of(&it.record.author).to_owned(),
                text: body,
            }
        };
        let entries: Vec<_> = found.into_iter().map(|it| entry(it.commit)).collect();
        Ok(answer(&Feed { page: format!("{}/commits/{name}", feed.page), entries, ..feed }))
    }
}

/// The name of an author, without the address.
fn name_of(author: &str) -> &str {
    author.split_once('<').map_or(author, |(name, _)| name).trim()
}
