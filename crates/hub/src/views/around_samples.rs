//! Activity, people, profile, start and usage with invented contents, hostile ones among them.

use std::collections::BTreeMap;

use web::look::{
    Html, Monogram,
    charts::{Bar, Heat, Steps, bars, heatmap},
};

use super::{
    RepositoryRow, Section,
    around::{
        ActivityPage, AroundList, Choice, EventDay, HeatBox, HomePage, Line, MarksBar, PeoplePage,
        Person, Piece, ProfileBody, UsagePage,
    },
    profile::ProfilePage,
    samples::{HOSTILE, explore, head, layout, when},
};

pub(super) fn marks(is_signed_in: bool) -> MarksBar {
    MarksBar {
        href: "/ada/engine".to_owned(),
        stars: 12,
        watchers: 1,
        csrf: is_signed_in.then(|| "mark".to_owned()),
        has_starred: true,
        levels: vec![("participating", "what I take part in", false), ("all", "everything", true)],
    }
}

fn days() -> Vec<EventDay> {
    let piece = |text: &str, href: Option<&str>| Piece {
        text: text.to_owned(),
        href: href.map(str::to_owned),
    };
    let line = |actor: Option<&str>, is_agent: bool, pieces: Vec<Piece>| Line {
        actor: actor.map(str::to_owned),
        is_agent,
        behind: is_agent.then(|| "ada".to_owned()),
        pieces,
        when: when(0),
    };
    let pushed = vec![
        piece("pushed ", None),
        piece("3 commits", Some("/ada/engine/compare/a...b")),
        piece(" to the branch ", None),
        piece(HOSTILE, Some("/ada/engine/tree/x")),
    ];
    let today = vec![
        line(Some("grace"), false, pushed),
        line(Some("loom"), true, vec![piece("made the branch x", None)]),
        line(None, false, vec![piece("deleted ada/engine", None)]),
    ];
    vec![EventDay { title: "21 November 2026".to_owned(), lines: today }]
}

fn choices() -> Vec<Choice> {
    let choice = |text: &str, count, is_current| Choice {
        text: text.to_owned(),
        href: "/ada/engine/activity".to_owned(),
        count,
        is_current,
    };
    vec![choice("Everything", None, true), choice("Releases", Some(1_204), false)]
}

pub(super) fn activity(is_empty: bool) -> ActivityPage {
    ActivityPage {
        layout: layout("Activity · ada/engine"),
        head: head(Section::Activity),
        kinds: choices(),
        days: if is_empty { Vec::new() } else { days() },
        feed_href: "/ada/engine/activity.atom".to_owned(),
        newer_href: None,
        older_href: Some("/ada/engine/activity?before=x".to_owned()),
    }
}

fn people() -> Vec<Person> {
    let person = |handle: &str, kind: &str, level: Option<&str>| Person {
        handle: handle.to_owned(),
        kind: kind.to_owned(),
        monogram: Monogram::of(handle),
        since: when(3),
        level: level.map(str::to_owned),
    };
    vec![person("ada", "person", None), person("loom", "agent", Some("releases"))]
}

pub(super) fn persons(is_empty: bool) -> PeoplePage {
    PeoplePage {
        layout: layout("Stars · ada/engine"),
        head: head(Section::Activity),
        title: "Stars".to_owned(),
        empty: "Nobody has starred it yet.".to_owned(),
        people: if is_empty { Vec::new() } else { people() },
        newer_href: None,
        older_href: None,
    }
}

fn map(title: &str) -> HeatBox {
    let counts: BTreeMap<i64, u64> = [(20_773, 2), (20_775, 9)].into();
    let steps = Steps::OF_PEOPLE;
    let heat = Heat { name: title, first: 20_773 - 51 * 7, last: 20_778, counts: &counts, steps };
    HeatBox { title: title.to_owned(), total: 11, picture: heatmap(&heat) }
}

fn rows() -> Vec<RepositoryRow> {
    explore(false).repositories
}

pub(super) fn bodies() -> Vec<(&'static str, ProfileBody)> {
    let maps = vec![map("Signed commits"), map("By their agents")];
    let own = ProfileBody::Repositories { pinned: rows(), maps, rows: rows() };
    let none = ProfileBody::Repositories { pinned: Vec::new(), maps: Vec::new(), rows: Vec::new() };
    vec![
        ("profile", own),
        ("profile-empty", none),
        ("profile-stars", ProfileBody::Stars(rows())),
        ("profile-stars-empty", ProfileBody::Stars(Vec::new())),
        ("profile-people", ProfileBody::People(people())),
        ("profile-people-empty", ProfileBody::People(Vec::new())),
        ("profile-activity", ProfileBody::Activity(days())),
        ("profile-activity-empty", ProfileBody::Activity(Vec::new())),
    ]
}

pub(super) fn profile(body: ProfileBody, is_own: bool) -> ProfilePage {
    let mut layout = layout("ada");
    layout.feeds = vec![("Activity of \"ada\"".to_owned(), "/ada.atom".to_owned())];
    let csrf = || Some("mark".to_owned());
    ProfilePage {
        layout,
        handle: "ada".to_owned(),
        monogram: Monogram::of("ada"),
        display_name: HOSTILE.to_owned(),
        kind: "person".to_owned(),
        bio: Some(web::look::markdown::render(
            "Counts *tables*. <script>alert(1)</script>",
            &web::look::LinkContext::default(),
        )),
        website: Some("https://ada.example".to_owned()),
        joined: Some(when(400)),
        key_count: 2,
        around: vec![AroundList { title: "Agents", handles: vec!["loom".to_owned()] }],
        tabs: choices(),
        body,
        follow_csrf: csrf().filter(|_| !is_own),
        is_followed: true,
        pin_csrf: csrf().filter(|_| is_own),
        pins: "ada/engine".to_owned(),
        feed_href: "/ada.atom".to_owned(),
        newer_href: None,
        older_href: None,
        is_own,
        origin: "https://motet.example".to_owned(),
    }
}

pub(super) fn home(is_empty: bool) -> HomePage {
    HomePage {
        layout: layout("Start"),
        handle: "ada".to_owned(),
        repositories: if is_empty { Vec::new() } else { rows() },
        more_href: (!is_empty).then(|| "/ada".to_owned()),
        days: if is_empty { Vec::new() } else { days() },
        older_href: None,
        newer_href: None,
        origin: "https://motet.example".to_owned(),
    }
}

pub(super) fn usage(is_empty: bool) -> UsagePage {
    let bar = Bar { name: HOSTILE.to_owned(), value: 500, text: "10 GiB of 20 GiB".to_owned() };
    UsagePage {
        layout: layout("Usage of ada"),
        handle: "ada".to_owned(),
        limits: bars("What is used of each limit", std::slice::from_ref(&bar), Some(1_000)),
        repositories: if is_empty { Html::default() } else { bars("By size", &[bar], None) },
        is_empty,
        others: choices(),
    }
}
