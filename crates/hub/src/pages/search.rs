//! Searching: a form, what was found, and how to ask.

use api::search::{Key, Query, Subject};
use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, act};
use web::{
    Call, Problem,
    look::{Layout, href, sizes},
};

use super::parts;
use crate::{
    Hub,
    search::{Answer, Counted, Hit, Line, MAX_DEPTH, Search, href_of, sort},
    views::search::{Facet, FoundFile, FoundLine, Results, SearchPage, SubjectTab},
};

/// Results on one page.
const PAGE: usize = 20;

#[derive(Debug, Default, Deserialize)]
struct Asked {
    q: Option<String>,
    r#type: Option<String>,
    sort: Option<String>,
    page: Option<usize>,
}

/// What people call what is searched.
const fn name_of(subject: Subject) -> &'static str {
    match subject {
        Subject::Code => "Code",
        Subject::Files => "Files",
        Subject::Commits => "Commits",
        Subject::Repositories => "Repositories",
    }
}

fn address(subject: Subject, query: &str, page: usize) -> String {
    let page = if page > 1 { format!("&page={page}") } else { String::new() };
    format!("/search?type={subject}&q={}{page}", href::segment(query))
}

pub(super) async fn search(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let text = asked.q.unwrap_or_default().trim().to_owned();
    // What names nothing is the page without it.
    let subject = asked.r#type.as_deref().and_then(Subject::named).unwrap_or(Subject::Code);
    let sort = sort(asked.sort.as_deref()).unwrap_or_default();
    let page = asked.page.unwrap_or(1).clamp(1, MAX_DEPTH / PAGE);
    let title = if text.is_empty() { "Search".to_owned() } else { format!("{text} · Search") };
    let layout = Layout {
        title,
        description: "Search code, files, commits and repositories".to_owned(),
        reader: call.context.reader(),
        is_noindex: true,
        ..Layout::default()
    };
    let keys = Key::of(subject).map(|it| (it.as_str(), it.meaning())).collect();
    let mut shown = SearchPage {
        layout,
        query: text.clone(),
        subject: subject.as_str(),
        subjects: Vec::new(),
        meaning: Vec::new(),
        faults: Vec::new(),
        results: None,
        keys,
    };
    let mut found = None;
    if !text.is_empty() {
        match Query::parse(&text, subject) {
            Err(faults) => {
                let told = faults.iter().map(|it| format!("{}, at byte {}.", it.message, it.at));
                shown.faults = told.collect();
            }
            Ok(query) => {
                shown.meaning = query.meaning();
                let skip = (page - 1) * PAGE;
                let search = Search { subject, query, sort, skip, limit: PAGE };
                let answer = hub.search(allowed.actor(), &search).await?;
                found = Some((answer.total, answer.is_partial));
                shown.results = Some(results(&hub, &search, &text, page, &answer));
            }
        }
    }
    shown.subjects = hub.tabs(allowed.actor(), &text, subject, found).await?;
    web::page(&shown)
}

impl Hub {
    /// What can be searched, and how much of each there is. All of them share one budget.
    async fn tabs(
        &self,
        actor: &Actor,
        text: &str,
        current: Subject,
        found: Option<(usize, bool)>,
    ) -> Result<Vec<SubjectTab>, Problem> {
        let ends_at = self.search_ends();
        let mut tabs = Vec::with_capacity(Subject::ALL.len());
        // Four of them, each bounded.
        for subject in Subject::ALL {
            let counted = match Query::parse(text, subject) {
                _ if subject == current => found,
                Ok(query) => Some(self.count_found(actor, (subject, &query), ends_at).await?),
                Err(_) => None,
            };
            tabs.push(SubjectTab {
                name: name_of(subject),
                href: address(subject, text, 1),
                count: counted.map(count),
                is_current: subject == current,
            });
        }
        Ok(tabs)
    }
}

/// How many, where there may be more.
fn count((total, is_partial): (usize, bool)) -> String {
    format!("{}{}", sizes::count(total as u64), if is_partial { "+" } else { "" })
}

fn results(hub: &Hub, search: &Search, text: &str, page: usize, answer: &Answer) -> Results {
    let now = hub.clock.now();
    let subject = search.subject;
    let (one, many) = match subject {
        Subject::Code | Subject::Files => ("file", "files"),
        Subject::Commits => ("commit", "commits"),
        Subject::Repositories => ("repository", "repositories"),
    };
    let total = sizes::plural(answer.total as u64, one, many);
    let total = if answer.is_partial { format!("at least {total}") } else { total };
    let has_more = page * PAGE < answer.total.min(MAX_DEPTH);
    let commit = |it: &Hit| {
        let record = it.record.as_ref()?;
        let line = parts::line(&it.repository, record, it.judged.as_ref(), now);
        Some((line, it.repository.full_name(), parts::home_of(&it.repository)))
    };
    let hits = answer.hits.iter();
    Results {
        total,
        is_partial: answer.is_partial,
        is_within_words: answer.is_within_words,
        files: match subject {
            Subject::Code | Subject::Files => hits.clone().map(|it| file(subject, it)).collect(),
            Subject::Commits | Subject::Repositories => Vec::new(),
        },
        commits: hits.clone().filter_map(commit).collect(),
        repositories: match subject {
            Subject::Repositories => hits.map(|it| parts::row(&it.repository, now)).collect(),
            Subject::Code | Subject::Files | Subject::Commits => Vec::new(),
        },
        facets: facets(subject, text, answer),
        newer_href: (page > 1).then(|| address(subject, text, page - 1)),
        older_href: has_more.then(|| address(subject, text, page + 1)),
    }
}

fn file(subject: Subject, hit: &Hit) -> FoundFile {
    let href = href_of(subject, hit);
    let place = href.split('#').next().unwrap_or_default().to_owned();
    let line = |it: &Line| FoundLine {
        number: it.number,
        href: format!("{place}#L{}", it.number),
        parts: parted(it),
    };
    FoundFile {
        repository: hit.repository.full_name(),
        repository_href: parts::home_of(&hit.repository),
        path: hit.path.clone(),
        language: hit.language.clone(),
        commit: hit.commit.map(|it| it.short()).unwrap_or_default(),
        lines: hit.lines.iter().map(line).collect(),
        href,
    }
}

/// A line in parts: what was looked for, and what stands between.
fn parted(line: &Line) -> Vec<(String, bool)> {
    let (mut parts, mut at) = (Vec::new(), 0);
    for (from, to) in &line.marks {
        parts.push((line.text.get(at..*from).unwrap_or_default().to_owned(), false));
        parts.push((line.text.get(*from..*to).unwrap_or_default().to_owned(), true));
        at = *to;
    }
    parts.push((line.text.get(at..).unwrap_or_default().to_owned(), false));
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

/// What narrows the result: another key behind the query, unless that has several groups.
fn facets(subject: Subject, text: &str, answer: &Answer) -> Vec<Facet> {
    let narrowed = |key: Key, counted: &Counted| {
        let one = |(value, count): &(String, u64)| {
            let value_text = value.replace('\\', "\\\\").replace('"', "\\\"");
            let query = format!("{text} {key}:\"{value_text}\"");
            (value.clone(), address(subject, &query, 1), *count)
        };
        counted.iter().map(one).collect::<Vec<_>>()
    };
    let mut facets = Vec::new();
    for (name, key, counted) in [
        ("Languages", Key::Lang, &answer.languages),
        ("Repositories", Key::Repo, &answer.repositories),
    ] {
        let is_asked_for = key.subjects().contains(&subject) && subject != Subject::Repositories;
        if is_asked_for && counted.len() > 1 {
            facets.push(Facet { name, values: narrowed(key, counted) });
        }
    }
    facets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_parted_at_its_marks() {
        let line = Line { number: 1, text: "the tide é".to_owned(), marks: vec![(4, 8)] };
        let parts = [("the ", false), ("tide", true), (" é", false)];
        assert_eq!(parted(&line), parts.map(|(text, is_mark)| (text.to_owned(), is_mark)));
    }

    #[test]
    fn addresses_keep_the_query() {
        assert_eq!(address(Subject::Code, "a b\"", 1), "/search?type=code&q=a%20b%22");
        assert_eq!(address(Subject::Files, "a", 2), "/search?type=files&q=a&page=2");
    }
}
