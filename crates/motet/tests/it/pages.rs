//! What every page is, whoever asks for it, and what https adds to every answer (`spec/trust.md` 6, 10; 16, points 33 and 56).

use http::Method;
use server::registry::Surface;
use testkit::{Answer, Person, Server, Story, answers_in};

use crate::{MOTET, server_and_anna, sessions::sign_in};

/// What in a page would run or style something by itself: a script without an address, a style, an attribute of either.
fn by_itself(html: &str) -> Vec<String> {
    // Text has no `<` of its own, so what begins with one is a tag.
    let tags = html.split('<').skip(1).filter_map(|it| it.split_once('>'));
    let is_handler = |word: &str| {
        let name = word.split('=').next().unwrap_or_default();
        name.starts_with("on") && word.contains('=')
    };
    let is_odd = |(tag, text): &(&str, &str)| {
        let mut words = tag.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        // Data for machines is no script.
        let is_data = *tag == "script type=\"application/ld+json\"";
        let is_ours = tag.contains("src=\"/static/") && text.is_empty();
        let is_inline = name == "script" && !is_data && !is_ours;
        // What stands in quotes may be anything.
        let bare: String = tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        let mut names = bare.split_ascii_whitespace();
        let is_styled = names.any(|it| it.starts_with("style=") || is_handler(it));
        is_inline || name == "style" || is_styled || tag.contains("=\"javascript:")
    };
    tags.filter(is_odd).map(|(tag, text)| format!("<{tag}>{text}")).collect()
}

#[test]
fn what_runs_by_itself_is_found() {
    for odd in [
        "<script>alert(1)</script>",
        "<script src=\"https://evil.example/x.js\"></script>",
        "<style>p { color: red }</style>",
        "<p style=\"color: red\">",
        "<img src=\"x\" onerror=\"alert(1)\">",
        "<a href=\"javascript:alert(1)\">",
    ] {
        assert!(!by_itself(odd).is_empty(), "{odd}");
    }
    let fine = "<script type=\"module\" src=\"/static/x.js\"></script><p title=\"a style=b onclick=c\">on = off</p>";
    assert_eq!(by_itself(fine), Vec::<String>::new());
}

async fn as_somebody(server: &Server, target: &str, cookie: &str) -> Answer {
    let request = server.get(target).header("accept", "text/html");
    if cookie.is_empty() {
        request.send().await
    } else {
        request.header("cookie", cookie).send().await
    }
}

/// Every page of the registry, as a stranger, an owner and an install admin see it, and every page that says no.
#[tokio::test]
async fn no_page_runs_or_styles_anything_by_itself() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("<script>alert(1)</script> style=\"x\"");
    let first = story.tip();
    let markdown = b"# <b onclick=alert(1)>x</b>\n<p style=\"color:red\">y</p>\n<script>alert(1)</script>\n```rust\nfn a() {}\n```";
    story.commit(&[first], "two", &[("README.md", markdown), ("a.rs", b"fn main() {}")]);
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    let office = server.register("office").await;
    let grant = server.request(Method::PUT, "/api/v1/admin/admins/office");
    grant.by(&server.operator()).send().await.assert_status(204);
    let new = serde_json::json!({ "handle": "choir" });
    server.post("/api/v1/orgs").json(&new).by(&anna).send().await.assert_status(201);
    let cookies = [String::new(), sign_in(&server, &anna).await, sign_in(&server, &office).await];
    let dir = tempfile::tempdir().unwrap();
    let entries = server::registry::entries(&dir.path().join("data")).await.unwrap();
    let (mut shown, mut odd) = (0, Vec::new());
    for entry in entries.iter().filter(|it| it.surface == Surface::Page && it.method == Method::GET)
    {
        for place in ["main/README.md", "main/a.rs", "main", "nothing/at/all"] {
            let commit = story.tip().to_string();
            let path = entry.path.replace("{owner}", "anna").replace("{name}", "song");
            let path = path.replace("{*place}", place).replace("{id}", &commit);
            let path = path.replace("{handle}", "choir").replace("{provider}", "oidc");
            let target = path.split('/').map(|it| if it.starts_with('{') { "x" } else { it });
            let target = target.collect::<Vec<_>>().join("/");
            for cookie in &cookies {
                let page = as_somebody(&server, &target, cookie).await;
                if page.header("content-type").starts_with("text/html") {
                    shown += 1;
                    let found = by_itself(&page.text());
                    odd.extend(found.iter().map(|it| format!("{target}: {it}")));
                }
            }
            if !entry.path.contains("{*place}") {
                break;
            }
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
    assert!(shown > 80, "{shown}");
}

/// Behind a proxy that speaks https.
async fn with_https() -> (Server, Person) {
    let setup = Server::with(MOTET).arg("--public-url").arg("https://forge.example");
    let server = setup.arg("--registration").arg("open").start().await;
    let anna = server.stranger("anna");
    let line = anna.key().public().to_openssh();
    let ask = serde_json::json!({ "handle": "anna", "public_key": line });
    let asked = server.post("/api/v1/auth/challenge").authority("forge.example").json(&ask);
    let met = anna.answer_to(&asked.send().await);
    let verify = server.post("/api/v1/auth/verify").authority("forge.example").json(&met);
    verify.send().await.assert_status(201);
    (server, anna)
}

/// What browsers remember is hard to take back, so whoever runs the install says how far it goes.
#[tokio::test]
async fn an_operator_says_what_browsers_remember_of_https() {
    for (hsts, expected) in [("host", "max-age=63072000"), ("off", "")] {
        let https = Server::with(MOTET).arg("--public-url").arg("https://forge.example");
        let server = https.arg("--hsts").arg(hsts).start().await;
        for target in ["/", "/api/v1/repos", "/nothing"] {
            let answer = server.get(target).authority("forge.example").send().await;
            assert_eq!(answer.header("strict-transport-security"), expected, "{target}");
            let policy = answer.header("content-security-policy");
            assert!(policy.ends_with("upgrade-insecure-requests"), "{policy}");
        }
        // Neither do refusals below the router say more.
        let refused = answers_in(&server.raw(b"GET / HTTP/9.9\r\n\r\n").await);
        assert_eq!(refused[0].header("strict-transport-security"), expected);
    }
    let answer = server_and_anna().await.0.get("/").send().await;
    assert!(!answer.header("content-security-policy").contains("upgrade"));
}

/// The test kit looks at what every answer carries; here it has to be what https adds.
#[tokio::test]
async fn with_https_every_answer_says_so_and_the_cookie_is_the_hosts_alone() {
    let (server, anna) = with_https().await;
    for target in
        ["/", "/explore", "/api/v1/repos", "/api/v1/me", "/anna/none/refs", "/nothing", "/livez"]
    {
        let answer = server.get(target).authority("forge.example").send().await;
        let strict = answer.header("strict-transport-security");
        assert_eq!(strict, "max-age=63072000; includeSubDomains; preload", "{target}");
    }
    let made = server.post("/api/v1/auth/web-login").authority("forge.example").by(&anna);
    let made = made.send().await.json();
    let url = made["url"].as_str().unwrap();
    let target = url.strip_prefix("https://forge.example").unwrap();
    let follow =
        server.post(target).authority("forge.example").header("sec-fetch-site", "same-origin");
    let followed = follow.send().await;
    assert_eq!(followed.status, 303, "{}", followed.text());
    let cookie = followed.header("set-cookie");
    let (value, flags) = cookie.split_once(';').unwrap();
    assert!(value.starts_with("__Host-motet=eyJ"), "{cookie}");
    assert_eq!(flags, " Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=604800");
    let me = server.get("/api/v1/me").authority("forge.example").header("cookie", value);
    me.send().await.assert_status(200);
    // On this machine without https it has neither.
    let (server, anna) = server_and_anna().await;
    let cookie = sign_in(&server, &anna).await;
    assert!(cookie.starts_with(&format!("motet-{}=", server.address().port())), "{cookie}");
}
