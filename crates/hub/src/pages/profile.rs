//! The page of a principal: who they are, what is theirs, what they like, who follows them, what they did.

use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Kind, Principal, Resource, act, authority::Facts};
use web::{
    Call, Load, Params, Problem,
    look::{
        Layout, LinkContext, Monogram, When,
        charts::{Heat, Steps, heatmap},
        markdown,
    },
};

use super::{
    activity,
    lists::{After, PAGE, older},
    parts,
};
use crate::{
    Error, Hub,
    activity::{Kinds, Of},
    contributions::Days,
    feeds,
    repositories::{self, Filter},
    stars::{Circle, Counts, counts},
    views::{
        RepositoryRow,
        around::{AroundList, Choice, HeatBox, ProfileBody},
        profile::ProfilePage,
    },
};

/// What the address of somebody's feed ends in.
const FEED: &str = ".atom";

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
        // No handle ends as the address of a feed does.
        let owner = params.text("owner");
        let handle = match owner.strip_suffix(FEED) {
            Some(handle) => handle.parse().map_err(|_| Problem::not_found())?,
            None if owner.is_empty() => params.parse("handle")?,
            None => params.parse("owner")?,
        };
        let mut tx = hub.db.glance().await?;
        hub.trust.principal(&mut tx, &handle).await?.map(Self).ok_or_else(Problem::not_found)
    }
}

/// The tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Repositories,
    Stars,
    Followers,
    Following,
    Activity,
}

impl Tab {
    const ALL: [Self; 5] =
        [Self::Repositories, Self::Stars, Self::Followers, Self::Following, Self::Activity];

    const fn word(self) -> &'static str {
        match self {
            Self::Repositories => "repositories",
            Self::Stars => "stars",
            Self::Followers => "followers",
            Self::Following => "following",
            Self::Activity => "activity",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Repositories => "Repositories",
            Self::Stars => "Stars",
            Self::Followers => "Followers",
            Self::Following => "Following",
            Self::Activity => "Activity",
        }
    }

    fn named(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|it| it.word() == word);
        found.unwrap_or(Self::Repositories)
    }

    fn address(self, handle: &str) -> String {
        match self {
            Self::Repositories => format!("/{handle}"),
            other => format!("/{handle}?tab={}", other.word()),
        }
    }

    /// How many a tab holds, where that is known at once.
    fn count(self, counts: &Counts) -> Option<u64> {
        match self {
            Self::Stars => Some(counts.starred.unsigned_abs()),
            Self::Followers => Some(counts.followers.unsigned_abs()),
            Self::Following => Some(counts.following.unsigned_abs()),
            Self::Repositories | Self::Activity => None,
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    tab: Option<String>,
    after: Option<String>,
}

/// Repositories of a tab, and where they go on.
struct Owned {
    rows: Vec<RepositoryRow>,
    is_later: bool,
    older_href: Option<String>,
}

/// What an open tab holds, and where it goes on.
struct Opened {
    body: ProfileBody,
    is_later: bool,
    older_href: Option<String>,
}

/// A principal and what of theirs the reader may see; as a feed, where the address asks for that.
pub(super) async fn profile(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Call,
) -> Result<Response, Problem> {
    let (Profile(principal), actor) = (allowed.resource(), allowed.actor());
    let origin = call.context.base_url.clone();
    if call.params.text("owner").ends_with(FEED) {
        return feeds::of_principal(&hub, actor, principal, &origin).await;
    }
    let asked: Asked = call.query()?;
    let tab = Tab::named(asked.tab.as_deref().unwrap_or_default());
    let handle = principal.handle.to_string();
    let here = tab.address(&handle);
    let opened = hub.open_tab(actor, principal, tab, (&here, asked.after)).await?;
    let reader = call.context.reader();
    let profile = hub.trust.profile(principal.id).await?;
    let mut tx = hub.db.read().await?;
    let counts = counts(&mut tx, actor.reader(), principal.id, actor.readers().own).await?;
    let around = hub.trust.around(&mut tx, principal.id, actor).await?;
    let keys = hub.trust.keys(&mut tx, principal.id).await?;
    let is_own = actor.handle() == Some(&principal.handle);
    let pinned = repositories::pinned(&mut tx, actor.reader(), principal.id).await?;
    let choice = |it: Tab| Choice {
        text: it.title().to_owned(),
        href: it.address(&handle),
        count: it.count(&counts),
        is_current: it == tab,
    };
    let layout = Layout {
        title: handle.clone(),
        description: format!("Repositories of {handle}"),
        feeds: vec![(format!("Activity of {handle}"), format!("/{handle}{FEED}"))],
        reader: reader.clone(),
        ..Layout::default()
    };
    let links = LinkContext::default();
    web::page(&ProfilePage {
        layout,
        monogram: Monogram::of(&handle),
        display_name: profile.display_name,
        kind: principal.kind.as_str().to_owned(),
        bio: Some(profile.bio).filter(|it| !it.is_empty()).map(|it| markdown::render(&it, &links)),
        website: Some(profile.website_url).filter(|it| !it.is_empty()),
        joined: Some(When::new(principal.created_at, hub.clock.now())),
        key_count: keys.len() as u64,
        around: lists(around),
        tabs: Tab::ALL.map(choice).to_vec(),
        body: opened.body,
        follow_csrf: reader.csrf.clone().filter(|_| !is_own),
        is_followed: counts.is_followed == 1,
        pin_csrf: reader.csrf.filter(|_| is_own),
        pins: pinned.iter().map(crate::Repository::full_name).collect::<Vec<_>>().join(" "),
        feed_href: format!("/{handle}{FEED}"),
        newer_href: opened.is_later.then(|| here.clone()),
        older_href: opened.older_href,
        is_own,
        origin,
        handle,
    })
}

/// Those around somebody, as far as there are any.
fn lists(around: trust::Around) -> Vec<AroundList> {
    let texts = |handles: Vec<names::Handle>| -> Vec<String> {
        handles.into_iter().map(String::from).collect()
    };
    let all = [
        ("Agent of", texts(around.owner.into_iter().collect())),
        ("Agents", texts(around.agents)),
        ("Organizations", texts(around.organizations)),
        ("Members", texts(around.members)),
    ];
    let there = all.into_iter().filter(|(_, handles)| !handles.is_empty());
    there.map(|(title, handles)| AroundList { title, handles }).collect()
}

impl Hub {
    async fn open_tab(
        &self,
        actor: &Actor,
        of: &Principal,
        tab: Tab,
        (here, after): (&str, Option<String>),
    ) -> Result<Opened, Problem> {
        match tab {
            Tab::Repositories => self.own_tab(actor, of, (here, after)).await,
            Tab::Stars => {
                let filter = Filter { starred_by: Some(of.id), ..Filter::default() };
                let Owned { rows, is_later, older_href } =
                    self.owned_rows(actor, &filter, (here, after)).await?;
                Ok(Opened { body: ProfileBody::Stars(rows), is_later, older_href })
            }
            Tab::Followers => self.people_tab(Circle::Followers(of.id), (here, after)).await,
            Tab::Following => self.people_tab(Circle::Following(of.id), (here, after)).await,
            Tab::Activity => {
                let before = after.as_deref().and_then(|it| self.happening_cursor(here, it));
                let mut tx = self.db.read().await?;
                let wanted = (Kinds::All, before, activity::PAGE);
                let seen = self.happenings(&mut tx, actor, Of::Actor(of.id), wanted).await?;
                Ok(Opened {
                    body: ProfileBody::Activity(activity::days(&seen.items, self.clock.now())),
                    is_later: before.is_some(),
                    older_href: seen.next.map(|it| self.before(here, "after", it.as_bytes())),
                })
            }
        }
    }

    async fn owned_rows(
        &self,
        actor: &Actor,
        filter: &Filter,
        (here, after): (&str, Option<String>),
    ) -> Result<Owned, Problem> {
        let after = After { after }.cursor(self, here);
        let may_list = Allowed::<act::RepoList, _>::ask(actor, Anything)?;
        let listed = self.list(&may_list, filter, after, PAGE).await?;
        let now = self.clock.now();
        let rows = listed.repositories.iter().map(|it| parts::row(it, now)).collect();
        let older_href = listed.next.map(|it| older(self, here, it));
        Ok(Owned { rows, is_later: after.is_some(), older_href })
    }

    /// What somebody owns, pinned and what their work comes to above it on the first page.
    async fn own_tab(
        &self,
        actor: &Actor,
        of: &Principal,
        list: (&str, Option<String>),
    ) -> Result<Opened, Problem> {
        let filter = Filter { owner: Some(of.id), ..Filter::default() };
        let Owned { rows, is_later, older_href } = self.owned_rows(actor, &filter, list).await?;
        let (mut pinned, mut maps) = (Vec::new(), Vec::new());
        if !is_later {
            let now = self.clock.now();
            let mut tx = self.db.read().await?;
            let found = repositories::pinned(&mut tx, actor.reader(), of.id).await;
            pinned.extend(found.map_err(Error::Db)?.iter().map(|it| parts::row(it, now)));
            if of.kind != Kind::Organization {
                maps = heat_boxes(&self.days_of(&mut tx, actor, of.id).await?);
            }
        }
        Ok(Opened { body: ProfileBody::Repositories { pinned, maps, rows }, is_later, older_href })
    }

    async fn people_tab(
        &self,
        of: Circle,
        (here, after): (&str, Option<String>),
    ) -> Result<Opened, Problem> {
        let after = after.as_deref().and_then(|it| self.crowd_cursor(here, it));
        let mut tx = self.db.glance().await?;
        let crowd = self.crowd(&mut tx, of, (after.as_deref(), activity::PEOPLE)).await?;
        let now = self.clock.now();
        let people = crowd.people.into_iter().map(|it| activity::person(it, now)).collect();
        Ok(Opened {
            body: ProfileBody::People(people),
            is_later: after.is_some(),
            older_href: crowd.next.map(|it| self.before(here, "after", it.as_bytes())),
        })
    }
}

/// The maps of somebody: one's own, and that of one's agents if they did anything.
fn heat_boxes(days: &Days) -> Vec<HeatBox> {
    let boxed = |title: &str, name: &str, counts| {
        let (first, last, steps) = (days.first, days.last, Steps::OF_PEOPLE);
        let heat = Heat { name, first, last, counts, steps };
        let total = counts.values().sum();
        HeatBox { title: title.to_owned(), total, picture: heatmap(&heat) }
    };
    let own = boxed("Signed commits and releases", "Signed commits and releases", &days.own);
    let agents = (!days.by_agents.is_empty()).then(|| {
        boxed("By their agents", "Signed commits and releases of agents", &days.by_agents)
    });
    std::iter::once(own).chain(agents).collect()
}
