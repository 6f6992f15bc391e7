//! Explore, and the page of a principal.

use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Principal, Resource, act, authority::Facts};
use web::{
    Call, Load, Params, Problem,
    look::{Layout, Monogram, When},
};

use super::parts;
use crate::{
    Hub, Topic,
    repositories::{Cursor, Filter},
    views::{explore::ExplorePage, profile::ProfilePage},
};

/// Repositories on one page.
const PAGE: u16 = 30;

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

/// What of everything is shown.
#[derive(Deserialize)]
struct Explored {
    after: Option<String>,
    topic: Option<String>,
}

impl After {
    /// Where the list goes on. What is no cursor of this list begins at the beginning.
    fn cursor(&self, hub: &Hub, list: &str) -> Option<Cursor> {
        hub.cursor(list, self.after.as_deref()?)
    }
}

/// What everybody may see, newest push first.
pub(super) async fn explore(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let asked = call.query::<Explored>()?;
    // What is no topic is nobody's: the page without one.
    let topic: Option<Topic> = asked.topic.as_deref().and_then(|it| it.parse().ok());
    let here = topic.as_ref().map_or("/explore".to_owned(), |it| format!("/explore?topic={it}"));
    let after = After { after: asked.after }.cursor(&hub, &here);
    let filter = Filter { topic: topic.clone(), ..Filter::default() };
    let listed = hub.list(&allowed, &filter, after, PAGE).await?;
    let now = hub.clock.now();
    let layout = Layout {
        title: "Explore".to_owned(),
        description: "Repositories on this install".to_owned(),
        reader: call.context.reader(),
        ..Layout::default()
    };
    web::page(&ExplorePage {
        layout,
        is_visitor: allowed.actor().is_anonymous(),
        repositories: listed.repositories.iter().map(|it| parts::row(it, now)).collect(),
        newer_href: after.map(|_| here.clone()),
        older_href: listed.next.map(|it| older(&hub, &here, it)),
        topic: topic.map(|it| it.to_string()),
        origin: call.context.base_url.clone(),
    })
}

/// Whose page it is, if anybody has the handle.
#[derive(Debug, Clone)]
pub(crate) struct Profile(pub(crate) Principal);

impl Resource for Profile {
    fn facts(&self) -> Facts<'_> {
        Anything.facts()
    }
}

impl Load<Hub> for Profile {
    async fn load(hub: &Hub, params: &Params, _: &Actor) -> Result<Self, Problem> {
        let handle = match params.text("handle") {
            "" => params.parse("owner")?,
            _ => params.parse("handle")?,
        };
        let mut tx = hub.db.glance().await?;
        hub.trust.principal(&mut tx, &handle).await?.map(Self).ok_or_else(Problem::not_found)
    }
}

/// A principal and what of theirs the reader may see.
pub(super) async fn profile(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Call,
) -> Result<Response, Problem> {
    let Profile(principal) = allowed.resource();
    let list = format!("/{}", principal.handle);
    let after = call.query::<After>()?.cursor(&hub, &list);
    let filter = Filter { owner: Some(principal.id), ..Filter::default() };
    let may_list = Allowed::<act::RepoList, _>::ask(allowed.actor(), Anything)?;
    let listed = hub.list(&may_list, &filter, after, PAGE).await?;
    let keys = hub.trust.keys(&mut hub.db.glance().await?, principal.id).await?;
    let (now, handle) = (hub.clock.now(), principal.handle.to_string());
    let layout = Layout {
        title: handle.clone(),
        description: format!("Repositories of {handle}"),
        reader: call.context.reader(),
        ..Layout::default()
    };
    web::page(&ProfilePage {
        layout,
        monogram: Monogram::of(&handle),
        kind: principal.kind.as_str().to_owned(),
        joined: Some(When::new(principal.created_at, now)),
        key_count: keys.len() as u64,
        repositories: listed.repositories.iter().map(|it| parts::row(it, now)).collect(),
        newer_href: after.map(|_| format!("/{handle}")),
        older_href: listed.next.map(|it| older(&hub, &list, it)),
        is_own: allowed.actor().handle() == Some(&principal.handle),
        origin: call.context.base_url.clone(),
        handle,
    })
}

/// The address of the next page of a list.
fn older(hub: &Hub, list: &str, next: Cursor) -> String {
    let mark = if list.contains('?') { '&' } else { '?' };
    format!("{list}{mark}after={}", hub.cursors.write(list, &next.to_bytes()))
}
