//! What machines read: the map of the site, robots, cards, heads of pages (`spec/hub.md` 7; H74, H75).

use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Server, Story};

use crate::ground::{Ground, on_both, settled};

async fn change(server: &Server, by: &Person, name: &str, body: Value) {
    let target = format!("/api/v1/repos/anna/{name}");
    server.request(Method::PATCH, &target).json(&body).by(by).send().await.assert_status(200);
}

/// A server with a public and a private repository of Anna's that hold the same, and a public one that is empty.
async fn house(ground: &Ground) -> (Server, Person) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    story.commit(
        &[],
        "begin",
        &[
            ("README.md", b"# Song\n".as_slice()),
            ("src/tide.rs", b"fn a() {}\nfn <b>() {}\nfn c() {}\n"),
            ("x.bin", b"a\0b"),
        ],
    );
    for (name, visibility) in [("open", "public"), ("veiled", "private")] {
        let repository = server.create(&anna, name, visibility).await;
        server.push_story(&anna, &repository, &story, "main").await;
    }
    server.create(&anna, "hollow", "public").await;
    settled(&server).await;
    (server, anna)
}

async fn addresses(server: &Server) -> Vec<String> {
    let index = server.get("/sitemap.xml").send().await;
    index.assert_status(200);
    assert_eq!(index.header("content-type"), "application/xml; charset=utf-8");
    let first = format!("<loc>{}/sitemap.xml?page=1</loc>", server.base_url());
    assert!(index.text().contains(&first), "{}", index.text());
    let page = server.get("/sitemap.xml?page=1").send().await.text();
    let found = page.split("<loc>").skip(1).filter_map(|it| it.split_once("</loc>"));
    found.map(|(address, _)| address.replace(&server.base_url(), "")).collect()
}

on_both! {
    async fn the_sitemap_names_what_everybody_may_see_and_nothing_else(ground: Ground) {
        let (server, anna) = house(&ground).await;
        assert_eq!(addresses(&server).await, ["/anna/open"]);
        // Not even for whoever may read more.
        let page = server.get("/sitemap.xml?page=1").by(&anna).send().await.text();
        assert!(!page.contains("veiled"), "{page}");
        server.get("/sitemap.xml?page=2").send().await.assert_status(404);
        server.get("/sitemap.xml?page=0").send().await.assert_status(404);
        change(&server, &anna, "open", json!({ "indexed": false })).await;
        assert_eq!(addresses(&server).await, Vec::<String>::new());
        change(&server, &anna, "open", json!({ "indexed": true })).await;
        change(&server, &anna, "open", json!({ "visibility": "private" })).await;
        assert_eq!(addresses(&server).await, Vec::<String>::new());
        change(&server, &anna, "open", json!({ "visibility": "public", "confirm": "anna/open" })).await;
        assert_eq!(addresses(&server).await, ["/anna/open"]);
        let confirm = json!({ "confirm": "anna/open" });
        server.request(Method::DELETE, "/api/v1/repos/anna/open").json(&confirm).by(&anna).send().await.assert_status(204);
        assert_eq!(addresses(&server).await, Vec::<String>::new());

        let robots = server.get("/robots.txt").send().await.text();
        for line in ["Disallow: /search", "Disallow: /*/*/blame/", "Disallow: /*/*/compare/", "Disallow: /*/*/archive/",
                     "Disallow: /*/*/raw/", "Disallow: /*/*/graph", "Disallow: /*?", "Allow: /sitemap.xml"] {
            assert!(robots.lines().any(|it| it == line), "{line}: {robots}");
        }
        assert!(robots.ends_with(&format!("Sitemap: {}/sitemap.xml\n", server.base_url())), "{robots}");
        assert!(!robots.contains("anna"), "{robots}");
    }
}

on_both! {
    async fn a_card_shows_what_is_public_without_a_script_and_nothing_else_is_there(ground: Ground) {
        let (server, anna) = house(&ground).await;
        let base = server.base_url();
        let card = async |address: &str, by: Option<&Person>| {
            let encoded: String = address.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            server.get(&format!("/api/v1/oembed?url={encoded}")).by_some(by).send().await
        };
        let repository = card(&format!("{base}/anna/open"), None).await;
        repository.assert_status(200);
        let shown = repository.json();
        assert_eq!((&shown["type"], &shown["version"], &shown["title"]), (&json!("rich"), &json!("1.0"), &json!("anna/open")));
        let file = card(&format!("{base}/anna/open/blob/main/src/tide.rs#L2-L3"), None).await.json();
        let html = file["html"].as_str().unwrap();
        assert!(html.contains("2  fn &lt;b&gt;() {}") && html.contains("3  fn c()") && !html.contains("fn a"), "{html}");
        assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains(" on"), "{html}");
        assert_eq!(file["title"], "anna/open: src/tide.rs");
        let narrow = server.get(&format!("/api/v1/oembed?maxwidth=300&url={base}/anna/open")).send().await.json();
        assert_eq!(narrow["width"], 300);
        // The same answer for all that is not for everybody, whoever asks.
        let absent = card(&format!("{base}/anna/absent"), None).await.faceless();
        for address in [
            "anna/veiled", "anna/veiled/blob/main/src/tide.rs", "nobody/open", "anna", "anna/open/tree/main",
            "anna/open/blob/main/none.rs", "anna/open/blob/main/x.bin", "anna/open/blob/main/src", "anna/hollow/blob/main/a",
            "anna/open/blob/main/src/tide.rs#L9",
        ] {
            for by in [None, Some(&anna)] {
                let answer = card(&format!("{base}/{address}"), by).await;
                answer.assert_status(404);
                assert_eq!(answer.faceless(), absent, "{address}");
            }
        }
        for other in ["https://elsewhere.example/anna/open", "", "anna/open"] {
            card(other, None).await.assert_status(404);
        }
    }
}

on_both! {
    async fn the_head_of_a_public_page_says_what_it_is_and_a_private_one_says_nothing(ground: Ground) {
        let (server, anna) = house(&ground).await;
        let base = server.base_url();
        change(&server, &anna, "open", json!({ "description": "Songs </script><b>", "licence": "MIT" })).await;
        let page = server.get("/anna/open").send().await;
        let text = page.text();
        assert!(text.contains(&format!("<link rel=\"canonical\" href=\"{base}/anna/open\">")), "{text}");
        assert!(text.contains("<meta property=\"og:title\" content=\"anna/open\">"), "{text}");
        assert!(text.contains("application/json+oembed"), "{text}");
        let (_, rest) = text.split_once("<script type=\"application/ld+json\">").unwrap();
        let data: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        assert_eq!((&data["@type"], &data["name"]), (&json!("SoftwareSourceCode"), &json!("open")));
        assert_eq!(data["description"], "Songs </script><b>");
        assert_eq!(data["license"], "https://spdx.org/licenses/MIT");
        // It is data: the policy lets nothing inline run.
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-inline"), "{policy}");
        let private = server.get("/anna/veiled").by(&anna).send().await.text();
        assert!(!private.contains("property=\"og:") && !private.contains("ld+json") && !private.contains("rel=\"canonical\""), "{private}");
        assert!(private.contains("<meta name=\"robots\" content=\"noindex\">"));
    }
}
