//! JSON: `/api/v1/search` and `/api/v1/topics`.

use ::api::{
    json,
    search::{MAX_TERMS, Query, QueryFault, Subject},
};
use axum::response::IntoResponse;
use serde::Deserialize;
use trust::{Allowed, Anything, Class, act};
use web::{Fault, Json, Problem, Queried, Routes, Spec, Surface, look::href};

use super::{
    answer::{Answer, Hit, Search, Sort},
    find::MAX_DEPTH,
    store,
};
use crate::{Error, Hub};

/// How many a list shows unless asked, and at most.
const PAGE: (usize, usize) = (30, 100);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let search = Spec::new(Surface::Api).class(Class::Search);
    routes.get("/api/v1/search", search, find).get("/api/v1/topics", Surface::Api, topics)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    r#type: Option<String>,
    q: Option<String>,
    sort: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

fn invalid(pointer: &str, code: &'static str, message: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), code, message: message.into() }
}

/// A fault of a query, with its place.
fn told(it: &QueryFault) -> Fault {
    invalid("/q", it.code, format!("{}, at byte {}", it.message, it.at))
}

/// The subject that a word names.
fn subject(word: Option<&str>) -> Result<Subject, Fault> {
    let word = word.unwrap_or(Subject::Code.as_str());
    let names = Subject::ALL.map(Subject::as_str).join(", ");
    Subject::named(word)
        .ok_or_else(|| invalid("/type", "invalid", format!("`type` is one of {names}")))
}

/// The order that a word names.
pub(crate) fn sort(word: Option<&str>) -> Option<Sort> {
    match word {
        None | Some("relevance") => Some(Sort::Relevance),
        Some("stars") => Some(Sort::Stars),
        Some("pushed") => Some(Sort::Pushed),
        Some("name") => Some(Sort::Name),
        Some(_) => None,
    }
}

async fn find(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let asked = call.query()?;
    let (text, limit) =
        (asked.q.unwrap_or_default(), asked.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1));
    let mut faults = Vec::with_capacity(MAX_TERMS);
    let subject = subject(asked.r#type.as_deref()).unwrap_or_else(|fault| {
        faults.push(fault);
        Subject::Code
    });
    let sort = sort(asked.sort.as_deref()).unwrap_or_else(|| {
        let message = "`sort` is one of relevance, stars, pushed, name";
        faults.push(invalid("/sort", "invalid", message));
        Sort::Relevance
    });
    let query = Query::parse(&text, subject).map_err(|wrong| faults.extend(wrong.iter().map(told)));
    let (Ok(query), true) = (query, faults.is_empty()) else {
        return Err(Problem::invalid(faults));
    };
    let list = format!("api/search?type={subject}&q={text}&sort={sort:?}");
    let skip = match asked.cursor.as_deref() {
        None => 0,
        Some(cursor) => hub.place_in(&list, cursor).ok_or_else(|| {
            Problem::malformed(
                "the cursor is not one that this list handed out; begin again without it",
            )
        })?,
    };
    let search = Search { subject, query, sort, skip, limit };
    let answer = hub.search(allowed.actor(), &search).await?;
    let end = skip + answer.hits.len();
    let goes_on = end < answer.total.min(MAX_DEPTH) && !answer.hits.is_empty();
    let next_cursor = goes_on.then(|| hub.write_place(&list, end));
    let link = next_cursor.as_ref().map(|cursor| {
        let q = href::segment(&text);
        let address = format!("/api/v1/search?type={subject}&q={q}&limit={limit}&cursor={cursor}");
        [("link", format!("<{address}>; rel=\"next\""))]
    });
    Ok((link, Json(json_of(&search, &answer, next_cursor))))
}

impl Hub {
    /// How many results a cursor leaves out, if it is one of `list`.
    fn place_in(&self, list: &str, cursor: &str) -> Option<usize> {
        let bytes = self.cursors.read(list, cursor)?;
        let place = u32::from_be_bytes(bytes.try_into().ok()?);
        usize::try_from(place).ok().filter(|it| *it <= MAX_DEPTH)
    }

    fn write_place(&self, list: &str, place: usize) -> String {
        self.cursors.write(list, &u32::try_from(place).unwrap_or(u32::MAX).to_be_bytes())
    }
}

fn json_of(search: &Search, answer: &Answer, next_cursor: Option<String>) -> json::Found {
    let facet = |(name, count): &(String, u64)| json::Facet { name: name.clone(), count: *count };
    json::Found {
        r#type: search.subject.to_string(),
        query: search.query.to_string(),
        meaning: search.query.meaning(),
        within_words: answer.is_within_words,
        total: answer.total as u64,
        partial: answer.is_partial,
        items: answer.hits.iter().map(|it| item(search.subject, it)).collect(),
        facets: json::Facets {
            languages: answer.languages.iter().map(facet).collect(),
            repositories: answer.repositories.iter().map(facet).collect(),
        },
        next_cursor,
    }
}

/// The address of what was found, with the commit in it.
pub(crate) fn href_of(subject: Subject, hit: &Hit) -> String {
    let home = format!("/{}", hit.repository.full_name());
    match (subject, hit.commit) {
        (Subject::Commits, Some(id)) => format!("{home}/commit/{id}"),
        (Subject::Code | Subject::Files, Some(id)) => {
            let marked = hit.lines.iter().find(|it| !it.marks.is_empty());
            let line = marked.map(|it| format!("#L{}", it.number)).unwrap_or_default();
            format!("{home}/blob/{}/{}{line}", href::path(&id.to_string()), href::path(&hit.path))
        }
        (Subject::Repositories, _) | (_, None) => home,
    }
}

fn item(subject: Subject, hit: &Hit) -> json::FoundItem {
    let is_file = matches!(subject, Subject::Code | Subject::Files);
    let is_repository = subject == Subject::Repositories;
    let record = hit.record.as_ref().map(|it| &it.record);
    let it = &hit.repository;
    let line = |it: &super::Line| json::FoundLine {
        number: it.number,
        text: it.text.clone(),
        marks: it.marks.clone(),
    };
    json::FoundItem {
        repository: it.full_name(),
        href: href_of(subject, hit),
        path: is_file.then(|| hit.path.clone()),
        language: Some(hit.language.clone()).filter(|it| !it.is_empty()),
        size_bytes: is_file.then_some(hit.size_bytes),
        commit_id: hit.commit.filter(|_| !is_repository).map(|it| it.to_string()),
        lines: hit.lines.iter().map(line).collect(),
        subject: record.map(|it| it.message.lines().next().unwrap_or_default().to_owned()),
        author: record.map(|it| it.author.clone()),
        agent_id: record.map(|it| it.agent_id.clone()).filter(|it| !it.is_empty()),
        committed_at: record.map(|it| it.committed_at.clone()),
        description: is_repository.then(|| it.description.clone()),
        topics: is_repository.then(|| it.topics.words()),
        visibility: is_repository.then(|| it.visibility().to_owned()),
        pushed_at: it.pushed_at.filter(|_| is_repository).map(|it| it.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsAsked {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What the repositories are about that the reader may see, in order.
async fn topics(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Queried<TopicsAsked>,
) -> Result<impl IntoResponse, Problem> {
    const LIST: &str = "api/topics";
    let asked = call.query()?;
    let limit = asked.limit.unwrap_or(30).clamp(1, 100);
    let after = match asked.cursor.as_deref() {
        None => Vec::new(),
        Some(cursor) => hub.cursors.read(LIST, cursor).ok_or_else(|| {
            Problem::malformed(
                "the cursor is not one that this list handed out; begin again without it",
            )
        })?,
    };
    let after = String::from_utf8_lossy(&after).into_owned();
    let mut tx = hub.db.glance().await?;
    let reader = allowed.actor().reader();
    let mut found = store::topics(&mut tx, reader, &after, limit + 1).await.map_err(Error::Db)?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more).map(|(topic, _)| topic.clone());
    let next_cursor = last.map(|topic| hub.cursors.write(LIST, topic.as_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        [("link", format!("</api/v1/topics?limit={limit}&cursor={cursor}>; rel=\"next\""))]
    });
    let one = |(topic, repositories)| json::TopicCount { topic, repositories };
    let items = found.into_iter().map(one).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}
