//! What happened to a repository, by day; who likes it, and who watches it.

use axum::response::Response;
use names::UnixMillis;
use serde::Deserialize;
use trust::{Actor, Allowed, act};
use web::{
    Call, Problem,
    look::{Monogram, When, dates},
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    activity::{Happening, Kinds, Of, Word},
    reading::Revision,
    stars::{Circle, Somebody, Watch},
    views::{
        Section,
        around::{ActivityPage, Choice, EventDay, Line, MarksBar, PeoplePage, Person, Piece},
    },
};

/// Rows on one page.
pub(super) const PAGE: u32 = 50;
/// People on one page.
pub(super) const PEOPLE: u32 = 60;

#[derive(Deserialize)]
struct Asked {
    show: Option<String>,
    before: Option<String>,
}

/// What happened, by day.
pub(super) async fn activity(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (repository, actor) = (allowed.resource(), allowed.actor());
    let asked: Asked = call.query()?;
    // What is no kind is everything.
    let kinds = asked.show.as_deref().and_then(Kinds::named).unwrap_or_default();
    let base = format!("{}/activity", parts::home_of(repository));
    let here = address(&base, kinds);
    let before = asked.before.as_deref().and_then(|it| hub.happening_cursor(&here, it));
    let mut tx = hub.db.read().await?;
    let first = Revision::first(&mut tx, repository).await?;
    let of = Of::Repository(repository.id);
    let seen = hub.happenings(&mut tx, actor, of, (kinds, before, PAGE)).await?;
    let title = format!("Activity · {}", repository.full_name());
    let choice = |it: Kinds| Choice {
        text: title_of(it).to_owned(),
        href: address(&base, it),
        count: None,
        is_current: it == kinds,
    };
    web::page(&ActivityPage {
        layout: parts::layout(&call, repository, title),
        head: parts::head(actor, repository, first.as_ref(), Section::Activity),
        kinds: Kinds::ALL.map(choice).to_vec(),
        days: by_day(&seen.items, hub.clock.now(), Happening::verb),
        feed_href: format!("{base}.atom"),
        newer_href: before.map(|_| here.clone()),
        older_href: seen.next.map(|it| hub.before(&here, "before", it.as_bytes())),
    })
}

fn address(base: &str, kinds: Kinds) -> String {
    match kinds {
        Kinds::All => base.to_owned(),
        other => format!("{base}?show={}", other.word()),
    }
}

const fn title_of(kinds: Kinds) -> &'static str {
    match kinds {
        Kinds::All => "Everything",
        Kinds::Pushes => "Branches and tags",
        Kinds::Releases => "Releases",
        Kinds::People => "Stars and forks",
        Kinds::Settings => "Settings",
    }
}

/// Rows by the day in UTC on which they were written, each with its repository.
pub(super) fn days(items: &[Happening], now: UnixMillis) -> Vec<EventDay> {
    by_day(items, now, Happening::words)
}

fn by_day(
    items: &[Happening],
    now: UnixMillis,
    told: impl Fn(&Happening) -> Vec<Word>,
) -> Vec<EventDay> {
    let mut days: Vec<EventDay> = Vec::new();
    for it in items.iter().filter(|it| it.is_shown()) {
        let (title, line) = (dates::day(it.at), line(it, told(it), now));
        match days.last_mut() {
            Some(day) if day.title == title => day.lines.push(line),
            Some(_) | None => days.push(EventDay { title, lines: vec![line] }),
        }
    }
    days
}

fn line(it: &Happening, words: Vec<Word>, now: UnixMillis) -> Line {
    let piece = |Word { text, href }: Word| Piece { text, href };
    Line {
        actor: it.actor.as_ref().map(|it| it.handle.clone()),
        is_agent: it.actor.as_ref().is_some_and(|it| it.kind == "agent"),
        behind: it.behind.clone(),
        pieces: words.into_iter().map(piece).collect(),
        when: When::new(it.at, now),
    }
}

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

/// Who likes it.
pub(super) async fn stargazers(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    people(hub, allowed, call, "stargazers").await
}

/// Who watches it.
pub(super) async fn watchers(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    people(hub, allowed, call, "watchers").await
}

async fn people(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Call,
    what: &str,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let (circle, title, empty) = match what {
        "watchers" => (Circle::Watchers(repository.id), "Watchers", "Nobody watches it yet."),
        _ => (Circle::Stargazers(repository.id), "Stars", "Nobody has starred it yet."),
    };
    let here = format!("{}/{what}", parts::home_of(repository));
    let asked: After = call.query()?;
    let after = asked.after.as_deref().and_then(|it| hub.crowd_cursor(&here, it));
    let mut tx = hub.db.read().await?;
    let first = Revision::first(&mut tx, repository).await?;
    let crowd = hub.crowd(&mut tx, circle, (after.as_deref(), PEOPLE)).await?;
    let now = hub.clock.now();
    web::page(&PeoplePage {
        layout: parts::layout(&call, repository, format!("{title} · {}", repository.full_name())),
        head: parts::head(allowed.actor(), repository, first.as_ref(), Section::Activity),
        title: title.to_owned(),
        empty: empty.to_owned(),
        people: crowd.people.into_iter().map(|it| person(it, now)).collect(),
        newer_href: after.map(|_| here.clone()),
        older_href: crowd.next.map(|it| hub.before(&here, "after", it.as_bytes())),
    })
}

pub(super) fn person(it: Somebody, now: UnixMillis) -> Person {
    Person {
        monogram: Monogram::of(&it.handle),
        since: When::new(it.since, now),
        handle: it.handle,
        kind: it.kind,
        level: it.level,
    }
}

impl Hub {
    /// The address at which a list goes on.
    pub(super) fn before(&self, list: &str, member: &str, position: &[u8]) -> String {
        let mark = if list.contains('?') { '&' } else { '?' };
        format!("{list}{mark}{member}={}", self.cursors.write(list, position))
    }

    /// What a reader has set on a repository, and may set.
    pub(super) async fn marks_bar(
        &self,
        tx: &mut db::Tx,
        actor: &Actor,
        of: &Repository,
        csrf: Option<String>,
    ) -> Result<MarksBar, Error> {
        let marks = self.marks(tx, actor, of).await?;
        // What is archived takes no mark either.
        let may = Allowed::<act::StarSet, _>::ask(actor, of.clone()).is_ok();
        let watch = marks.map_or(Watch::Participating, |it| it.watch);
        let level = |it: Watch| (it.as_str(), meaning(it), it == watch);
        Ok(MarksBar {
            href: parts::home_of(of),
            stars: of.stars,
            watchers: of.watchers,
            csrf: csrf.filter(|_| may),
            has_starred: marks.is_some_and(|it| it.has_starred),
            levels: Watch::ALL.map(level).to_vec(),
        })
    }
}

const fn meaning(watch: Watch) -> &'static str {
    match watch {
        Watch::Participating => "what I take part in",
        Watch::Releases => "releases",
        Watch::All => "everything",
        Watch::Ignore => "nothing",
    }
}
