//! Every page rendered with invented contents: nothing hostile gets through, everybody can read it.

use askama::Template;
use web::look::{LinkContext, markdown};

use super::{
    around_samples,
    blob::{BlobContent, HexRow},
    history_samples, mirrors_samples, records_samples,
    repository::RepositoryPage,
    samples, search_samples, settings_samples,
};

/// Every page of what is around repositories, by name.
fn around() -> Vec<(&'static str, String)> {
    let profiles = around_samples::bodies().into_iter().map(|(name, body)| {
        let is_own = name.ends_with("empty");
        (name, around_samples::profile(body, is_own).render().unwrap())
    });
    let mut pages = vec![
        ("activity", around_samples::activity(false).render().unwrap()),
        ("activity-empty", around_samples::activity(true).render().unwrap()),
        ("people", around_samples::persons(false).render().unwrap()),
        ("people-empty", around_samples::persons(true).render().unwrap()),
        ("home", around_samples::home(false).render().unwrap()),
        ("home-empty", around_samples::home(true).render().unwrap()),
        ("usage", around_samples::usage(false).render().unwrap()),
        ("usage-empty", around_samples::usage(true).render().unwrap()),
    ];
    pages.extend(profiles);
    pages
}

/// Every page by name.
fn pages() -> Vec<(&'static str, String)> {
    let empty = RepositoryPage { contents: None, ..samples::repository() };
    let text = BlobContent::Text {
        lines: samples::code(),
        shown_bytes: Some(1 << 20),
        rendered_href: Some("/ada/engine/blob/main/x.md".to_owned()),
    };
    let rendered = BlobContent::Markdown {
        html: markdown::render(samples::README, &LinkContext::default()),
        source_href: "/ada/engine/blob/main/README.md?plain=1".to_owned(),
    };
    let dump = BlobContent::Binary {
        dump: HexRow::rows(&[0x89, b'P', b'N', b'G', 0, b'<', 255].repeat(73)),
    };
    let mut pages = vec![
        ("explore", samples::explore(false).render().unwrap()),
        ("explore-empty", samples::explore(true).render().unwrap()),
        ("repository", samples::repository().render().unwrap()),
        ("repository-empty", empty.render().unwrap()),
        ("tree", samples::tree().render().unwrap()),
        ("blob", samples::blob(text).render().unwrap()),
        ("blob-markdown", samples::blob(rendered).render().unwrap()),
        ("blob-binary", samples::blob(dump).render().unwrap()),
        ("blob-image", samples::blob(BlobContent::Image).render().unwrap()),
        ("blob-empty", samples::blob(BlobContent::Empty).render().unwrap()),
        ("blame", samples::blame().render().unwrap()),
        ("commits", samples::commits().render().unwrap()),
        ("commit", samples::commit().render().unwrap()),
        ("graph", history_samples::graph(false).render().unwrap()),
        ("graph-filtered", history_samples::graph(true).render().unwrap()),
        ("insights", history_samples::insights(true).render().unwrap()),
        ("insights-uncounted", history_samples::insights(false).render().unwrap()),
        ("compare", samples::compare(false).render().unwrap()),
        ("compare-empty", samples::compare(true).render().unwrap()),
        ("search", search_samples::search(true).render().unwrap()),
        ("search-empty", search_samples::search(false).render().unwrap()),
        ("search-nothing", search_samples::nothing().render().unwrap()),
        ("find", search_samples::find().render().unwrap()),
        ("settings-general", settings_samples::general(false).render().unwrap()),
        ("settings-general-archived", settings_samples::general(true).render().unwrap()),
        ("settings-members", settings_samples::members(false).render().unwrap()),
        ("settings-members-empty", settings_samples::members(true).render().unwrap()),
        ("settings-mirrors", mirrors_samples::mirrors(false).render().unwrap()),
        ("settings-mirrors-empty", mirrors_samples::mirrors(true).render().unwrap()),
        ("settings-mirrors-muse", mirrors_samples::of_muse().render().unwrap()),
        ("settings-danger", settings_samples::danger(false).render().unwrap()),
        ("settings-danger-archived", settings_samples::danger(true).render().unwrap()),
        ("settings-deleted", settings_samples::deleted(false).render().unwrap()),
        ("invitations", settings_samples::invitations(false).render().unwrap()),
        ("invitations-empty", settings_samples::invitations(true).render().unwrap()),
        ("log", records_samples::log(true).render().unwrap()),
        ("log-broken", records_samples::log(false).render().unwrap()),
        ("forks", records_samples::forks(false).render().unwrap()),
        ("forks-alone", records_samples::forks(true).render().unwrap()),
        ("new", records_samples::new(false).render().unwrap()),
        ("new-free", records_samples::new(true).render().unwrap()),
        ("fork", settings_samples::fork(true).render().unwrap()),
        ("fork-off", settings_samples::fork(false).render().unwrap()),
        ("settings-deleted-empty", settings_samples::deleted(true).render().unwrap()),
    ];
    pages.extend(around());
    pages
}

#[test]
fn nothing_of_a_repository_becomes_markup() {
    for (name, page) in pages() {
        for forbidden in
            ["<script>", "<style", " style=", "onclick", "onerror", "\u{202e}", "javascript:"]
        {
            assert!(!page.contains(forbidden), "{name} holds {forbidden}");
        }
        // The one of the frame.
        // Finding as one types and the graph have a script of their own.
        let scripts = if name == "find" || name.starts_with("graph") { 2 } else { 1 };
        assert_eq!(page.matches("<script").count(), scripts, "{name}");
    }
}

#[test]
fn every_page_has_one_heading_one_main_and_a_way_to_it() {
    for (name, page) in pages() {
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main id=\"main\"").count(), 1, "{name}");
        assert!(page.contains("<a class=\"skip\" href=\"#main\">"), "{name}");
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{name}");
        assert_eq!(page.matches("<table").count(), page.matches("</table>").count(), "{name}");
    }
}

#[test]
fn ids_are_unique_within_a_page() {
    for (name, page) in pages() {
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

#[test]
fn our_tables_have_captions_and_header_cells() {
    for (name, page) in pages() {
        for table in page.split("<table class=\"").skip(1) {
            let table = table.split("</table>").next().unwrap_or_default();
            assert!(table.contains("<caption"), "{name}");
            assert!(table.contains("scope=\"col\""), "{name}");
        }
    }
}

#[test]
fn the_empty_states_say_what_to_do() {
    let pages = pages();
    let page = |wanted: &str| pages.iter().find(|(name, _)| *name == wanted).unwrap().1.as_str();
    for command in ["motet keygen", "motet register", "motet push"] {
        assert!(page("explore-empty").contains(command));
        assert!(page("repository-empty").contains(command));
    }
}

#[test]
fn a_fault_is_told_beside_its_field_and_what_was_typed_stays() {
    let page = settings_samples::general(false).render().unwrap();
    assert!(page.contains(r#"value="http://engine.example""#), "{page}");
    assert!(page.contains(r#"aria-invalid="true" aria-describedby="homepage-fault""#));
    assert!(page.contains(r#"id="homepage-fault" role="alert""#));
    // What is archived has nothing to change but that.
    let forms = |page: String| page.split("<main").nth(1).unwrap().matches("<form").count();
    assert_eq!(forms(settings_samples::general(true).render().unwrap()), 0);
    assert_eq!(forms(settings_samples::danger(true).render().unwrap()), 3);
}
