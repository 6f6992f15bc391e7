//! Results of searches with invented contents, hostile names among them.

use super::{
    RepositoryRow,
    samples::{self, HOSTILE},
    search::{Facet, FindPage, FoundFile, FoundLine, Results, SearchPage, SubjectTab},
};

fn tab(name: &'static str, is_current: bool) -> SubjectTab {
    let count = Some("3+".to_owned());
    SubjectTab { name, href: "/search?type=code&q=tide".to_owned(), count, is_current }
}

fn file() -> FoundFile {
    let parts = vec![("let ".to_owned(), false), (HOSTILE.to_owned(), true)];
    FoundFile {
        repository: "ada/engine".to_owned(),
        repository_href: "/ada/engine".to_owned(),
        path: HOSTILE.to_owned(),
        href: "/ada/engine/blob/1/a#L2".to_owned(),
        language: "Rust".to_owned(),
        commit: "9f2c51d0".to_owned(),
        lines: vec![FoundLine { number: 2, href: "/ada/engine/blob/1/a#L2".to_owned(), parts }],
    }
}

fn results() -> Results {
    let value = (HOSTILE.to_owned(), "/search?q=a".to_owned(), 7);
    Results {
        total: "at least 3 files".to_owned(),
        is_partial: true,
        is_within_words: true,
        files: vec![file()],
        commits: Vec::new(),
        repositories: Vec::<RepositoryRow>::new(),
        facets: vec![Facet { name: "Languages", values: vec![value.clone(), value] }],
        newer_href: Some("/search?q=tide".to_owned()),
        older_href: Some("/search?q=tide&page=3".to_owned()),
    }
}

pub(super) fn search(is_asked: bool) -> SearchPage {
    SearchPage {
        layout: samples::layout("Search"),
        query: if is_asked { HOSTILE.to_owned() } else { String::new() },
        subject: "code",
        subjects: vec![tab("Code", true), tab("Files", false)],
        meaning: vec![format!("the word {HOSTILE}"), "the word tide".to_owned()],
        faults: if is_asked { vec![HOSTILE.to_owned()] } else { Vec::new() },
        results: is_asked.then(results),
        keys: vec![("repo", "in the repository")],
    }
}

pub(super) fn nothing() -> SearchPage {
    let none = Results { files: Vec::new(), facets: Vec::new(), ..results() };
    SearchPage { results: Some(none), ..search(true) }
}

pub(super) fn find() -> FindPage {
    FindPage {
        layout: samples::layout("Find a file"),
        head: samples::head(super::Section::Code),
        revision: HOSTILE.to_owned(),
        tree_href: "/ada/engine/tree/main".to_owned(),
        query: HOSTILE.to_owned(),
        files: vec![(HOSTILE.to_owned(), "/ada/engine/blob/main/a".to_owned())],
        total: "1 file".to_owned(),
        is_truncated: true,
        list_href: "/api/v1/repos/ada/engine/files?ref=main".to_owned(),
        blob_href: "/ada/engine/blob/main/".to_owned(),
        script: web::look::assets::find_href(),
    }
}
