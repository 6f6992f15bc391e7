//! Feeds are Atom (RFC 4287), as a strict reader of XML has it; their ids stay, and a private one is not there.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::*;
use crate::releases;

/// What a feed says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Read {
    id: String,
    own: String,
    entries: Vec<Part>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Part {
    id: String,
    title: String,
    updated: String,
    href: String,
    author: String,
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.try_get_attribute(name).unwrap();
    found
        .map(|it| it.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
        .unwrap_or_default()
}

/// Where elements of a feed may stand.
const ELEMENTS: [&str; 14] = [
    "feed",
    "feed/id",
    "feed/title",
    "feed/updated",
    "feed/link",
    "feed/generator",
    "feed/entry",
    "feed/entry/id",
    "feed/entry/title",
    "feed/entry/updated",
    "feed/entry/link",
    "feed/entry/author",
    "feed/entry/author/name",
    "feed/entry/content",
];

/// A feed as far as it was read.
#[derive(Default)]
struct Half {
    path: Vec<String>,
    told: String,
    counts: BTreeMap<String, usize>,
    feed: Read,
}

impl Half {
    fn open(&mut self, tag: &BytesStart<'_>) {
        self.path.push(tag.name().as_ref().to_owned());
        let here = self.path.join("/");
        assert!(ELEMENTS.contains(&here.as_str()), "{here}");
        match here.as_str() {
            "feed" => assert_eq!(attribute(tag, "xmlns"), "http://www.w3.org/2005/Atom"),
            "feed/entry" => self.feed.entries.push(Part::default()),
            "feed/link" if attribute(tag, "rel") == "self" => {
                self.feed.own = attribute(tag, "href");
            }
            "feed/entry/link" => {
                assert_eq!(attribute(tag, "rel"), "alternate");
                self.entry().href = attribute(tag, "href");
            }
            _ => {}
        }
        *self.counts.entry(here).or_default() += 1;
        self.told.clear();
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.told);
        match self.path.join("/").as_str() {
            "feed/id" => self.feed.id = text,
            "feed/updated" => drop(text.parse::<names::UnixMillis>().unwrap()),
            "feed/entry/id" => self.entry().id = text,
            "feed/entry/title" => self.entry().title = text,
            "feed/entry/updated" => self.entry().updated = text,
            "feed/entry/author/name" => self.entry().author = text,
            _ => {}
        }
        self.path.pop();
    }

    fn entry(&mut self) -> &mut Part {
        self.feed.entries.last_mut().unwrap()
    }

    /// Whatever must be there is there once.
    fn whole(self) -> Read {
        assert!(self.path.is_empty());
        let count = |at: &str| self.counts.get(at).copied().unwrap_or(0);
        for at in ["feed", "feed/id", "feed/title", "feed/updated"] {
            assert_eq!(count(at), 1, "{at}");
        }
        for at in ["id", "title", "updated", "link", "author", "author/name"] {
            assert_eq!(count(&format!("feed/entry/{at}")), self.feed.entries.len(), "{at}");
        }
        self.feed
    }
}

/// Reads a feed and holds it to the grammar: every element is one of Atom's at its place, whatever must be there is there
/// once, ids are absolute and no two are equal, times are RFC 3339.
fn read(text: &str) -> Read {
    let may_stand =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(may_stand), "{text:?}");
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut half = Half::default();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Decl(_) => assert!(half.path.is_empty()),
            Event::Empty(tag) => {
                half.open(&tag);
                half.close();
            }
            Event::Start(tag) => half.open(&tag),
            Event::Text(text) => half.told.push_str(&text),
            Event::GeneralRef(reference) => half.told.push(match &*reference {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "#39" => '\'',
                other => panic!("an entity of no XML: {other}"),
            }),
            Event::End(_) => half.close(),
            other => panic!("no part of a feed: {other:?}"),
        }
    }
    let feed = half.whole();
    let ids: BTreeSet<_> = feed.entries.iter().map(|it| &it.id).collect();
    assert_eq!(ids.len(), feed.entries.len(), "two entries have one id");
    for part in &feed.entries {
        assert!(part.id.starts_with("tag:") && part.href.starts_with("http"), "{part:?}");
        assert!(!part.author.trim().is_empty(), "{part:?}");
        part.updated.parse::<names::UnixMillis>().unwrap();
    }
    assert!(feed.id.starts_with("tag:"), "{}", feed.id);
    feed
}

async fn fetch(server: &Server, target: &str, by: Option<&Person>) -> Read {
    let answer = server.get(target).by_some(by).send().await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), "application/atom+xml; charset=utf-8", "{target}");
    let feed = read(&answer.text());
    assert_eq!(feed.own, format!("{}{target}", server.base_url()));
    feed
}

const FEEDS: [&str; 4] = [
    "/anna/song/commits/main.atom",
    "/anna/song/tags.atom",
    "/anna/song/releases.atom",
    "/anna/song/activity.atom",
];

on_both! {
    /// H74.
    async fn feeds_are_valid_and_their_ids_stay(ground: Ground) {
        let (server, anna, boris, mut story) = house(&ground).await;
        let mut tip = story.tip();
        let odd = "<b>&amp;</b> \u{202e}\u{1b}[31m ]]> \u{fffe}\n\nbody \u{7f}";
        for message in ["second", odd, "", "  "] {
            tip = story.commit(&[tip], message, &[("README.md", message.as_bytes())]);
        }
        story.last().author = String::new();
        server.push_story(&anna, "anna/song", &story, "main").await;
        server.push_story(&anna, "anna/song", &story, "drafts/a.b").await;
        releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
        put(&server, &format!("{SONG}/star"), &boris, json!({})).await.assert_status(204);
        let mut before = Vec::new();
        for (target, count) in FEEDS.into_iter().zip([5, 1, 1, 7]).chain([("/anna/song/commits/drafts/a.b.atom", 5), ("/anna.atom", 6), ("/boris.atom", 1)]) {
            let feed = fetch(&server, target, None).await;
            assert_eq!(feed.entries.len(), count, "{target}: {feed:#?}");
            assert_eq!(fetch(&server, target, None).await, feed);
            before.push(feed);
        }
        assert!(before[0].entries[2].title.starts_with("<b>&amp;</b> "), "{:?}", before[0].entries);
        assert_eq!(before[2].entries[0].title, "v1.0.0: Edition v1.0.0");
        assert_eq!(before[6].entries[0].title, "boris starred anna/song");
        // What has the feed is told so.
        let answer = server.get(FEEDS[0]).send().await;
        let again = server.get(FEEDS[0]).header("if-none-match", answer.header("etag")).send().await;
        assert_eq!((again.status, again.text().len()), (304, 0));
        // By another name the entries are the same ones.
        patch(&server, SONG, &anna, json!({ "name": "hymn" })).await.assert_status(200);
        server.get(FEEDS[0]).send().await.assert_status(301);
        for (target, was) in FEEDS.into_iter().zip(&before).take(3) {
            let feed = fetch(&server, &target.replace("song", "hymn"), None).await;
            assert_eq!(feed.id, was.id);
            let ids = |feed: &Read| feed.entries.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&feed), ids(was), "{target}");
        }
        let ids: BTreeSet<_> = fetch(&server, "/anna/hymn/activity.atom", None).await.entries.into_iter().map(|it| it.id).collect();
        assert!(before[3].entries.iter().all(|it| ids.contains(&it.id)));
    }
}

on_both! {
    async fn a_feed_holds_the_newest_fifty_and_pages_name_their_feeds(ground: Ground) {
        let (server, anna, _, mut story) = house(&ground).await;
        let mut tip = story.tip();
        for number in 0..60 {
            tip = story.commit(&[tip], &format!("verse {number}"), &[("README.md", b"la")]);
        }
        server.push_story(&anna, "anna/song", &story, "main").await;
        let feed = fetch(&server, FEEDS[0], None).await;
        let titles: Vec<_> = feed.entries.iter().map(|it| it.title.as_str()).collect();
        assert_eq!((titles.len(), titles[0], titles[49]), (50, "verse 59", "verse 10"));
        let shown = page(&server, "/anna/song", None).await.text();
        for target in FEEDS {
            assert!(shown.contains(&format!(r#"<link rel="alternate" type="application/atom+xml" title="#)), "{shown}");
            assert!(shown.contains(&format!(r#"href="{target}""#)), "{target}");
        }
        assert!(page(&server, "/anna", None).await.text().contains(r#"href="/anna.atom">"#));
        // A branch of that very name is a branch, and its page is a page.
        server.push_story(&anna, "anna/song", &story, "main.atom").await;
        let answer = page(&server, "/anna/song/commits/main.atom", None).await;
        assert!(answer.header("content-type").starts_with("text/html"), "{}", answer.header("content-type"));
        fetch(&server, "/anna/song/commits/main.atom.atom", None).await;
        for absent in ["/anna/song/commits/none.atom", "/nobody.atom", "/anna/none/tags.atom", "/.atom"] {
            page(&server, absent, None).await.assert_status(404);
        }
    }
}

on_both! {
    /// H28, H74.
    async fn an_empty_repository_has_empty_feeds_and_a_private_one_none_without_a_token(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        post(&server, "/api/v1/repos", &anna, json!({ "name": "song" })).await.assert_status(201);
        for target in FEEDS {
            let feed = fetch(&server, target, Some(&anna)).await;
            assert_eq!(feed.entries.len(), usize::from(target.contains("activity")), "{target}");
            let missing = target.replace("song", "absent");
            for by in [None, Some(&boris)] {
                let hidden = server.get(target).by_some(by).send().await;
                hidden.assert_status(404);
                let absent = server.get(&missing).by_some(by).send().await;
                assert_eq!(hidden.faceless(), absent.faceless().replace("absent", "song"));
            }
        }
        let planes = json!({ "hub": "read", "collab": "read" });
        let scope = json!({ "planes": planes, "repositories": ["anna/song"] });
        let token = json!({ "kind": "personal", "scope": scope, "label": "reader" });
        let token = post(&server, "/api/v1/tokens", &anna, token).await.json()["value"].clone();
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        for target in FEEDS {
            server.get(target).header("authorization", &bearer).send().await.assert_status(200);
        }
        assert_eq!(fetch(&server, "/anna.atom", Some(&anna)).await.entries.len(), 1);
        assert_eq!(fetch(&server, "/anna.atom", None).await.entries.len(), 0);
    }
}
