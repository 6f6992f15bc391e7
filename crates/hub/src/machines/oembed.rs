//! Cards for pages elsewhere (<https://oembed.com>): a public repository, or lines of a public file, as plain HTML
//! without a script. Anything else is not there, for whoever asks.

use askama::Template as _;
use history::diff::as_text;
use names::{Handle, RepoPath, RepositoryName};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{Actor, Allowed, Anything, Readers, act};
use web::{Json, Problem, Queried, look::href::segment};

use crate::{
    Hub, Repository,
    reading::{Found, History},
    repositories,
    views::embed::{Card, CardLine},
};

/// Lines of one card.
const MAX_LINES: usize = 40;
/// A longer file has no card.
const MAX_BYTES: u64 = 1 << 20;
/// How wide a card is unless asked, and at least.
const WIDTH: (u32, u32) = (600, 200);
/// How high a line is, and everything around the lines.
const HEIGHT: (u32, u32) = (20, 90);
/// How long others may keep a card, in seconds.
const CACHE_SECONDS: u32 = 3_600;

#[derive(Deserialize)]
pub(super) struct Asked {
    url: Option<String>,
    maxwidth: Option<u32>,
    format: Option<String>,
}

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    owner: String,
    name: String,
    /// The revision and the path behind it, and the lines.
    file: Option<(String, usize, usize)>,
}

/// Where the card of an address is.
pub(crate) fn href(base_url: &str, path: &str) -> String {
    format!("{base_url}/api/v1/oembed?url={}", segment(&format!("{base_url}{path}")))
}

impl Place {
    /// Reads an address of this install.
    fn of(address: &str, base_url: &str) -> Option<Self> {
        let rest = address.strip_prefix(base_url)?.strip_prefix('/')?;
        let (path, lines) = rest.split_once('#').unwrap_or((rest, ""));
        let path = path.split('?').next()?.trim_end_matches('/');
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let mut parts = path.splitn(4, '/');
        let (owner, name) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let file = match (parts.next(), parts.next()) {
            (None, _) => None,
            (Some("blob"), Some(place)) => {
                let (from, to) = range(lines)?;
                Some((place.to_owned(), from, to))
            }
            (Some(_), _) => return None,
        };
        Some(Self { owner, name, file })
    }
}

/// `L3`, `L3-L9` or `L3-9`; nothing said is the first lines.
fn range(text: &str) -> Option<(usize, usize)> {
    if text.is_empty() {
        return Some((1, MAX_LINES));
    }
    let text = text.strip_prefix('L')?;
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to): (usize, usize) = (from.parse().ok()?, to.trim_start_matches('L').parse().ok()?);
    (from >= 1 && from <= to).then(|| (from, to.min(from.saturating_add(MAX_LINES - 1))))
}

pub(super) async fn card(
    hub: Hub,
    _: Allowed<act::RepoList, Anything>,
    call: Queried<Asked>,
) -> Result<Json<Value>, Problem> {
    let asked = call.query()?;
    let base = &call.context.base_url;
    if asked.format.is_some_and(|it| it != "json") {
        return Err(Problem::not_found());
    }
    let place = asked.url.as_deref().and_then(|it| Place::of(it, base));
    let place = place.ok_or_else(Problem::not_found)?;
    let repository = hub.public_repository(&place).await?;
    let width = asked.maxwidth.unwrap_or(WIDTH.0).clamp(WIDTH.1, WIDTH.0);
    let full_name = repository.full_name();
    let mut card = Card {
        repository: full_name.clone(),
        repository_href: format!("{base}/{full_name}"),
        about: repository.description.clone(),
        path: None,
        lines: Vec::new(),
    };
    if let Some((text, from, to)) = &place.file {
        let (path, lines) = hub.lines_of(&repository, text, (*from, *to)).await?;
        card.path = Some((path, asked.url.clone().unwrap_or_default()));
        card.lines = lines;
    }
    let title =
        card.path.as_ref().map_or(full_name.clone(), |(path, _)| format!("{full_name}: {path}"));
    let lines = u32::try_from(card.lines.len()).unwrap_or(0);
    let html = card.render().map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!({
        "type": "rich",
        "version": "1.0",
        "title": title,
        "author_name": repository.owner.as_str(),
        "author_url": format!("{base}/{}", repository.owner),
        "provider_name": "Motet",
        "provider_url": base,
        "cache_age": CACHE_SECONDS,
        "html": html,
        "width": width,
        "height": HEIGHT.1 + lines * HEIGHT.0,
    })))
}

impl Hub {
    /// The repository, if anybody may read it.
    async fn public_repository(&self, place: &Place) -> Result<Repository, Problem> {
        let owner: Handle = place.owner.parse().map_err(|_| Problem::not_found())?;
        let name: RepositoryName = place.name.parse().map_err(|_| Problem::not_found())?;
        let mut tx = self.db.glance().await?;
        let id = self.trust.namespace(&mut tx, &owner).await?.ok_or_else(Problem::not_found)?;
        let found = repositories::find(&mut tx, id, &name, Readers::NOBODY).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        let seen = Allowed::<act::ObjectRead, _>::ask(&Actor::anonymous(), found);
        Ok(seen.map_err(|_| Problem::not_found())?.resource().clone())
    }

    /// Lines of a text file, from and up to a number.
    async fn lines_of(
        &self,
        repository: &Repository,
        place: &str,
        (from, to): (usize, usize),
    ) -> Result<(String, Vec<CardLine>), Problem> {
        let anybody = Allowed::<act::ObjectRead, _>::ask(&Actor::anonymous(), repository.clone())?;
        let history = History::open(self, &anybody);
        let (revision, path) = history.resolve_with_path(place).await?;
        let path: RepoPath = path.ok_or_else(Problem::not_found)?;
        let commit = history.commit(revision.commit).await?;
        let Found::File(entry) = history.find(&commit, Some(&path)).await? else {
            return Err(Problem::not_found());
        };
        let history::tree::Kind::File(object) = entry.kind else {
            return Err(Problem::not_found());
        };
        if entry.size > MAX_BYTES {
            return Err(Problem::not_found());
        }
        let read = history.bytes(object, MAX_BYTES).await?;
        let text = as_text(&read.bytes).ok_or_else(Problem::not_found)?;
        let lines = text.lines().enumerate().skip(from - 1).take(to - from + 1);
        let lines: Vec<_> = lines
            .map(|(index, line)| CardLine { number: index as u64 + 1, text: line.to_owned() })
            .collect();
        if lines.is_empty() { Err(Problem::not_found()) } else { Ok((path.to_string(), lines)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<Place> {
        Place::of(address, "https://motet.example")
    }

    #[test]
    fn addresses_of_this_install_name_places() {
        let repository = of("https://motet.example/anna/song/").unwrap();
        assert_eq!(
            (&*repository.owner, &*repository.name, repository.file),
            ("anna", "song", None)
        );
        let file = |address: &str| {
            of(&format!("https://motet.example/anna/song/{address}")).and_then(|it| it.file)
        };
        let place = |from, to| Some(("main/a b.rs".to_owned(), from, to));
        assert_eq!(file("blob/main/a%20b.rs#L3-L9"), place(3, 9));
        assert_eq!(file("blob/main/a%20b.rs?plain=1#L3"), place(3, 3));
        assert_eq!(file("blob/main/a%20b.rs"), place(1, 40));
        assert_eq!(file("blob/main/a%20b.rs#L3-999"), place(3, 42));
        for other in ["blob/main/a#x", "blob/main/a#L9-L3", "tree/main/a", "raw/main/a", "blob"] {
            assert_eq!(file(other), None, "{other}");
        }
        for other in [
            "https://elsewhere.example/anna/song",
            "https://motet.example.org/a/b",
            "/anna/song",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        let href = href("https://motet.example", "/anna/song");
        assert_eq!(
            href,
            "https://motet.example/api/v1/oembed?url=https%3A%2F%2Fmotet.example%2Fanna%2Fsong"
        );
    }
}
