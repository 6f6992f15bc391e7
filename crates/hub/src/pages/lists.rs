//! The start page, explore.

use axum::response::Response;
use serde::Deserialize;
use trust::{Allowed, Anything, Kind, Principal, act};
use web::{
    Call, Problem,
    look::{Layout, href},
};

use super::{activity, parts};
use crate::{
    Hub, Licence, Topic,
    activity::{Kinds, Of},
    repositories::{Cursor, Filter, Sort},
    views::{
        around::HomePage,
        explore::{Chosen, ExplorePage},
    },
};

/// Repositories on one page.
pub(super) const PAGE: u16 = 30;
/// One's own repositories on the start page.
const OWN: u16 = 12;
/// The longest name of a language that is looked for, in bytes.
const LANGUAGE: usize = 64;

#[derive(Deserialize)]
pub(super) struct After {
    pub(super) after: Option<String>,
}

impl After {
    /// Where the list goes on. What is no cursor of this list begins at the beginning.
    pub(super) fn cursor(&self, hub: &Hub, list: &str) -> Option<Cursor> {
        hub.cursor(list, self.after.as_deref()?)
    }
}

#[derive(Deserialize)]
struct Before {
    before: Option<String>,
}

/// What is theirs, for who is signed in; for everybody else, what everybody may see.
pub(super) async fn start(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let reader = allowed.actor().principal().cloned();
    match reader.filter(|it| it.kind != Kind::Operator) {
        Some(me) => home(hub, allowed, call, &me).await,
        None => explore(hub, allowed, call).await,
    }
}

async fn home(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Call,
    me: &Principal,
) -> Result<Response, Problem> {
    let asked: Before = call.query()?;
    let before = asked.before.as_deref().and_then(|it| hub.happening_cursor("/", it));
    let filter = Filter { owner: Some(me.id), ..Filter::default() };
    let listed = hub.list(&allowed, &filter, None, OWN).await?;
    let (now, handle) = (hub.clock.now(), me.handle.to_string());
    let mut tx = hub.db.read().await?;
    let of = Of::WatchedBy(me.id);
    let wanted = (Kinds::All, before, activity::PAGE);
    let seen = hub.happenings(&mut tx, allowed.actor(), of, wanted).await?;
    let layout = Layout {
        title: "Start".to_owned(),
        reader: call.context.reader(),
        is_noindex: true,
        ..Layout::default()
    };
    web::page(&HomePage {
        layout,
        repositories: listed.repositories.iter().map(|it| parts::row(it, now)).collect(),
        more_href: listed.next.map(|_| format!("/{handle}")),
        days: activity::days(&seen.items, now),
        newer_href: before.map(|_| "/".to_owned()),
        older_href: seen.next.map(|it| hub.before("/", "before", it.as_bytes())),
        origin: call.context.base_url.clone(),
        handle,
    })
}

/// What of everything is asked for.
#[derive(Deserialize)]
struct Explored {
    after: Option<String>,
    topic: Option<String>,
    language: Option<String>,
    licence: Option<String>,
    sort: Option<String>,
}

impl Explored {
    /// What is no topic, language or licence is left out.
    fn filter(&self) -> Filter {
        let word =
            |it: &Option<String>| it.as_deref().map(str::trim).unwrap_or_default().to_owned();
        let topic: Option<Topic> = word(&self.topic).to_lowercase().parse().ok();
        let licence: Option<Licence> = word(&self.licence).parse().ok();
        let language =
            Some(word(&self.language)).filter(|it| !it.is_empty() && it.len() <= LANGUAGE);
        let sort = Sort::named(self.sort.as_deref().unwrap_or_default());
        Filter { topic, licence, language, sort, ..Filter::default() }
    }
}

/// The address of what a filter leaves.
fn address(filter: &Filter) -> String {
    let Filter { topic, licence, language, sort, .. } = filter;
    let topic = topic.as_ref().map(|it| ("topic", it.to_string()));
    let licence = licence.as_ref().map(|it| ("licence", it.as_str().to_owned()));
    let language = language.as_ref().map(|it| ("language", it.clone()));
    let sort = (*sort != Sort::Pushed).then(|| ("sort", sort.word().to_owned()));
    let pairs = [topic, language, licence, sort].into_iter().flatten();
    let query: Vec<_> =
        pairs.map(|(name, value)| format!("{name}={}", href::segment(&value))).collect();
    if query.is_empty() { "/explore".to_owned() } else { format!("/explore?{}", query.join("&")) }
}

/// What everybody may see, by what it is about, written in, had on.
pub(super) async fn explore(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let asked = call.query::<Explored>()?;
    let filter = asked.filter();
    let here = address(&filter);
    let after = After { after: asked.after }.cursor(&hub, &here);
    let listed = hub.list(&allowed, &filter, after, PAGE).await?;
    let now = hub.clock.now();
    let layout = Layout {
        title: "Explore".to_owned(),
        description: "Repositories on this install".to_owned(),
        reader: call.context.reader(),
        ..Layout::default()
    };
    let chosen = Chosen {
        topic: filter.topic.as_ref().map(ToString::to_string).unwrap_or_default(),
        language: filter.language.clone().unwrap_or_default(),
        licence: filter.licence.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        by_stars: filter.sort == Sort::Stars,
    };
    web::page(&ExplorePage {
        layout,
        is_visitor: allowed.actor().is_anonymous(),
        repositories: listed.repositories.iter().map(|it| parts::row(it, now)).collect(),
        newer_href: after.map(|_| here.clone()),
        older_href: listed.next.map(|it| older(&hub, &here, it)),
        chosen,
        origin: call.context.base_url.clone(),
    })
}

/// The address of the next page of a list.
pub(super) fn older(hub: &Hub, list: &str, next: Cursor) -> String {
    hub.before(list, "after", &next.to_bytes())
}
