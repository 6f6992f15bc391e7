//! What every page has in common: the table of codes, the keys, the theme of a reader, the parts in all their states
//! (`spec/hub.md` 8; `spec/collaboration.md` 9 to 11).

use testkit::Server;

use crate::{
    MOTET,
    ground::{Ground, on_both},
    life_pages::Reader,
    server_and_anna,
    sessions::own_page,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// The names of the macros of a template.
fn macros(template: &str) -> Vec<&str> {
    let after = template.split("{% macro ").skip(1);
    after.filter_map(|it| it.split_once('(')).map(|(name, _)| name).collect()
}

#[tokio::test]
async fn every_part_of_pages_is_shown_in_one_place() {
    let shown = include_str!("../../../server/templates/help_components.html");
    let parts = macros(include_str!("../../../web/templates/ui.html"));
    let icons = macros(include_str!("../../../web/templates/icons.html"));
    assert!(parts.len() > 10 && icons.len() > 20, "{parts:?} {icons:?}");
    // A page has one head, which is written out there.
    for part in parts.iter().filter(|it| **it != "head") {
        assert!(shown.contains(&format!("ui::{part}(")), "{part} is not shown");
    }
    for icon in &icons {
        assert!(shown.contains(&format!("icon::{icon}()")), "{icon} is not shown");
    }
    let server = Server::start(MOTET).await;
    let page = server.get("/help/components").send().await;
    page.assert_status(200);
    let page = page.text();
    assert!(page.matches("<svg class=\"i").count() >= icons.len(), "{page}");
    for state in ["good", "bad", "warn", "agent", "quiet"] {
        assert!(page.contains(&format!("class=\"badge {state}\"")), "{state}");
    }
    for state in ["aria-invalid=\"true\"", "disabled", "aria-current", "role=\"alert\""] {
        assert!(page.contains(state), "{state}");
    }
}

#[tokio::test]
async fn every_code_has_a_place_that_refusals_lead_to() {
    let server = Server::start(MOTET).await;
    let table = server.get("/help/errors").send().await.text();
    let refused = server.get("/api/v1/repos/nobody/nothing").send().await.json();
    let place = refused["type"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    assert!(table.contains(&format!("<tr id=\"{place}\">")), "{place}");
    let page = server.get("/nobody/nothing").header("accept", "text/html").send().await;
    page.assert_status(404);
    let page = page.text();
    assert!(page.contains("href=\"/help/errors#not_found\""), "{page}");
    // It says what to do next, and leads there.
    assert!(page.contains("href=\"/login\"") && page.contains("href=\"/search\""), "{page}");
}

#[tokio::test]
async fn the_keys_are_a_list_without_a_script() {
    let server = Server::start(MOTET).await;
    let page = server.get("/help/keys").send().await.text();
    for key in
        ["?", "/", "g c", "g l", "g b", "g a", "t", "w", "y", "b", "l", "j", "k", "]", "[", "d"]
    {
        assert!(page.contains(&format!("<kbd>{key}</kbd>")), "{key}");
    }
}

#[tokio::test]
async fn a_theme_is_chosen_by_a_form_and_stands_in_every_page() {
    let (server, anna) = server_and_anna().await;
    let choose = |body: &'static str| {
        own_page(server.post("/help/appearance")).header("content-type", FORM).body(body)
    };
    let chosen = choose("theme=dark").send().await;
    chosen.assert_status(303);
    let cookie = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(cookie, "motet_theme=dark");
    for target in ["/", "/help/appearance", "/nothing/at-all", "/login"] {
        let page = server.get(target).header("accept", "text/html").header("cookie", &cookie);
        let page = page.send().await.text();
        assert!(page.contains("<html lang=\"en\" data-theme=\"dark\">"), "{target}");
    }
    assert!(!server.get("/").send().await.text().contains("data-theme"));
    choose("theme=plaid").send().await.assert_status(400);
    let foreign = server.post("/help/appearance").header("content-type", FORM);
    let foreign = foreign.header("sec-fetch-site", "cross-site").body("theme=dark");
    foreign.send().await.assert_status(403);
    // Whoever is signed in sends the mark of the session with it.
    let reader = Reader::of(&server, &anna).await;
    assert_eq!(reader.done("/help/appearance", "theme=light").await, "/help/appearance");
}

on_both! {
    async fn a_reader_who_is_signed_in_signs_out_from_any_page(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/explore").await.text();
        assert!(page.contains("action=\"/logout\"") && page.contains("href=\"/new\""), "{page}");
        reader.send("/logout", "").await.assert_status(303);
        assert!(!reader.see("/explore").await.text().contains("action=\"/logout\""));
    }
}
