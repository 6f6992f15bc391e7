//! Search: what is found, by whom, and within which time (`spec/hub.md` 6; H71, H72, and the search rows of H18 and H20).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both, order, settled},
    organizations::{delete, put},
    store,
};

const SONG: &str = "/api/v1/repos/anna/song";
/// So much time that only a fault uses it up.
const PATIENT: &str = "--search-milliseconds=30000";

async fn ask(server: &Server, by: Option<&Person>, kind: &str, query: &str) -> Value {
    let answer = asked(server, by, kind, query).await;
    answer.assert_status(200);
    answer.json()
}

async fn asked(server: &Server, by: Option<&Person>, kind: &str, query: &str) -> Answer {
    let encoded: String =
        query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    server.get(&format!("/api/v1/search?type={kind}&q={encoded}")).by_some(by).send().await
}

/// What was found, in order: paths, subjects or names.
fn found(answer: &Value) -> Vec<String> {
    let one = |it: &Value| {
        let it = ["path", "subject", "repository"].iter().find_map(|key| it[*key].as_str());
        it.unwrap_or_default().to_owned()
    };
    answer["items"].as_array().unwrap().iter().map(one).collect()
}

async fn paths(server: &Server, by: Option<&Person>, query: &str) -> Vec<String> {
    let answer = ask(server, by, "code", query).await;
    let mut paths = found(&answer);
    assert_eq!(answer["total"].as_u64().unwrap(), paths.len() as u64, "{answer}");
    paths.sort();
    paths
}

async fn patch(server: &Server, by: &Person, body: Value) {
    server.request(Method::PATCH, SONG).json(&body).by(by).send().await.assert_status(200);
}

async fn publish(server: &Server, by: &Person) {
    patch(server, by, json!({ "visibility": "public", "confirm": "anna/song" })).await;
}

const TIDE: &str = "//! Tides.\n\n/// How high it is.\npub fn tideHeight(at: Moment) -> f64 {\n    let mut moon_phase = 1;\n    x.*y\n}\n";

fn story() -> Story {
    let mut story = Story::default();
    let first = story.commit(
        &[],
        "begin the almanac",
        &[
            ("README.md", b"# Song\n\nAn almanac of tides.\n"),
            ("src/tide.rs", TIDE.as_bytes()),
            ("src/moon.py", b"class MoonPhase:\n    def rise(self):\n        return 'tide'\n"),
            ("node_modules/x/tide.js", b"tide"),
            ("Cargo.lock", b"tide"),
            ("tide.bin", b"tide\0tide"),
        ],
    );
    story.commit(
        &[first],
        "teach the moon to set",
        &[
            ("README.md", b"# Song\n\nAn almanac of tides.\n"),
            ("src/tide.rs", TIDE.as_bytes()),
            ("src/moon.py", b"class MoonPhase:\n    def rise(self):\n        return 'tide'\n"),
            ("node_modules/x/tide.js", b"tide"),
            ("Cargo.lock", b"tide"),
            ("tide.bin", b"tide\0tide"),
            ("docs/deep/words.txt", b"one two  three\nfour tideHeight five\n"),
        ],
    );
    story
}

/// A server with two people, and a private repository of Anna's.
async fn house(ground: &Ground) -> (Server, Person, Person, Story) {
    let server = ground.server().arg(PATIENT).start().await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let story = story();
    server.push_story(&anna, "anna/song", &story, "main").await;
    settled(&server).await;
    (server, anna, boris, story)
}

on_both! {
    async fn words_phrases_parts_paths_and_commits_are_found_after_a_push(ground: Ground) {
        let (server, anna, _, story) = house(&ground).await;
        let by = Some(&anna);
        // A word, part of an identifier, the whole of it, its beginning.
        assert_eq!(paths(&server, by, "almanac").await, ["README.md"]);
        assert_eq!(paths(&server, by, "height").await, ["docs/deep/words.txt", "src/tide.rs"]);
        assert_eq!(paths(&server, by, "TIDEHEIGHT").await, ["docs/deep/words.txt", "src/tide.rs"]);
        assert_eq!(paths(&server, by, "moon_phase").await, ["src/tide.rs"]);
        assert_eq!(paths(&server, by, "heig*").await, ["docs/deep/words.txt", "src/tide.rs"]);
        // A phrase over white space of any length; characters inside of words.
        assert_eq!(paths(&server, by, "\"two three\nfour\"").await, ["docs/deep/words.txt"]);
        assert_eq!(paths(&server, by, "\"ideHei\"").await, ["docs/deep/words.txt", "src/tide.rs"]);
        // A path.
        assert_eq!(paths(&server, by, "moon").await, ["src/moon.py", "src/tide.rs"]);
        assert_eq!(paths(&server, by, "words").await, ["docs/deep/words.txt"]);
        // Groups, and what is not to be there.
        assert_eq!(paths(&server, by, "almanac OR rise").await, ["README.md", "src/moon.py"]);
        assert_eq!(paths(&server, by, "tide -height").await, ["src/moon.py"]);
        assert_eq!(paths(&server, by, "tide -\"let mut\"").await, ["docs/deep/words.txt", "src/moon.py"]);
        // Keys.
        assert_eq!(paths(&server, by, "tide lang:rust").await, ["src/tide.rs"]);
        assert_eq!(paths(&server, by, "tide ext:py").await, ["src/moon.py"]);
        assert_eq!(paths(&server, by, "symbol:tideHeight").await, ["src/tide.rs"]);
        assert_eq!(paths(&server, by, "height path:docs/").await, ["docs/deep/words.txt"]);
        assert_eq!(paths(&server, by, "height repo:anna/song").await.len(), 2);
        assert_eq!(paths(&server, by, "height owner:boris").await.len(), 0);
        assert_eq!(paths(&server, by, "height archived:no stars:0").await.len(), 2);
        assert_eq!(paths(&server, by, "height topic:music").await.len(), 0);

        // The best comes first, with its line and an address that stays.
        let answer = ask(&server, by, "code", "tideHeight").await;
        let first = &answer["items"][0];
        assert_eq!(first["path"], "src/tide.rs");
        let tip = story.tip().to_string();
        assert_eq!(first["commit_id"], tip);
        let marked = first["lines"].as_array().unwrap().iter().find(|it| it["number"] == 4).unwrap();
        assert_eq!(marked["marks"], json!([[7, 17]]));
        assert_eq!(first["lines"].as_array().unwrap().len(), 3);
        let href = first["href"].as_str().unwrap();
        assert!(href.ends_with("/src/tide.rs#L4"), "{href}");
        let page = server.get(href.split('#').next().unwrap()).by(&anna).send().await;
        page.assert_status(200);
        assert_eq!(answer["facets"]["languages"], json!([{"name": "Rust", "count": 1}, {"name": "Text", "count": 1}]));

        // Files by characters in their order.
        assert_eq!(found(&ask(&server, by, "files", "stde").await)[0], "src/tide.rs");
        assert_eq!(found(&ask(&server, by, "files", "tide").await)[..2], ["tide.bin", "src/tide.rs"]);
        assert_eq!(found(&ask(&server, by, "files", "ext:bin").await), ["tide.bin"]);

        // Commits.
        assert_eq!(found(&ask(&server, by, "commits", "moon").await), ["teach the moon to set"]);
        assert_eq!(found(&ask(&server, by, "commits", "path:src").await), ["begin the almanac"]);
        let id = tip.rsplit(':').next().unwrap();
        for query in [&id[..12], &format!("id:{}", &id[..7]), id] {
            assert_eq!(found(&ask(&server, by, "commits", query).await), ["teach the moon to set"], "{query}");
        }
        let all = ask(&server, by, "commits", "since:1970-01-01 until:2200-01-01").await;
        assert_eq!(all["total"], 2);

        // Repositories.
        for query in ["song", "almanac", "owner:anna", "-nothing"] {
            assert_eq!(found(&ask(&server, by, "repositories", query).await), ["anna/song"], "{query}");
        }
    }
}

on_both! {
    async fn what_is_unreadable_is_in_no_hit_count_or_facet(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        // The same of a repository that is not there: every answer of a stranger equals that.
        let queries = [
            ("code", "tideHeight"),
            ("code", "\".*\""),
            ("code", "repo:anna/song tide"),
            ("code", "owner:anna"),
            ("code", "-nothing"),
            ("files", "tide"),
            ("files", "repo:anna/song"),
            ("commits", "moon"),
            ("commits", "since:1970-01-01"),
            ("repositories", "song"),
            ("repositories", "owner:anna"),
        ];
        let nothing = async |by: Option<&Person>| {
            for (kind, query) in queries {
                let answer = ask(&server, by, kind, query).await;
                assert_eq!((&answer["total"], &answer["items"]), (&json!(0), &json!([])), "{kind} {query}");
                let none = json!({ "languages": [], "repositories": [] });
                assert_eq!((&answer["facets"], &answer["partial"]), (&none, &json!(false)), "{kind} {query}");
                let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
                let page = server.get(&format!("/search?type={kind}&q={encoded}")).by_some(by).send().await;
                page.assert_status(200);
                let page = page.text();
                assert!(page.contains("Nothing found") && !page.contains("src/tide"), "{kind} {query}");
                assert_eq!(page.matches("<span class=\"badge\">0</span>").count(), page.matches("<span class=\"badge\">").count());
            }
        };
        let something = async |by: Option<&Person>| {
            for (kind, query) in queries {
                let answer = ask(&server, by, kind, query).await;
                assert!(answer["total"].as_u64().unwrap() > 0, "{kind} {query}: {answer}");
            }
        };
        nothing(None).await;
        nothing(Some(&boris)).await;
        something(Some(&anna)).await;

        // Given a level and taken away again.
        put(&server, &format!("{SONG}/collaborators/boris"), &anna, json!({ "level": "read" })).await.assert_status(200);
        something(Some(&boris)).await;
        delete(&server, &format!("{SONG}/collaborators/boris"), &anna).await.assert_status(204);
        nothing(Some(&boris)).await;

        // Public, private again, not to be searched, deleted, restored: each in the same instant.
        publish(&server, &anna).await;
        something(None).await;
        patch(&server, &anna, json!({ "visibility": "private" })).await;
        nothing(None).await;
        publish(&server, &anna).await;
        patch(&server, &anna, json!({ "indexed": false })).await;
        nothing(None).await;
        settled(&server).await;
        patch(&server, &anna, json!({ "indexed": true })).await;
        settled(&server).await;
        something(None).await;
        let confirm = json!({ "confirm": "anna/song" });
        server.request(Method::DELETE, SONG).json(&confirm).by(&anna).send().await.assert_status(204);
        nothing(None).await;
        nothing(Some(&anna)).await;
        server.post(&format!("{SONG}/restore")).json(&json!({})).by(&anna).send().await.assert_status(200);
        something(None).await;
    }
}

on_both! {
    async fn the_index_follows_every_push_another_name_and_another_branch(ground: Ground) {
        let (server, anna, _, story) = house(&ground).await;
        let by = Some(&anna);
        let mut next = story.clone();
        next.commit(&[story.tip()], "rename it", &[
            ("README.md", b"# Song\n\nAn almanac of stars.\n"),
            ("lib/tide.rs", TIDE.as_bytes()),
        ]);
        server.push_story(&anna, "anna/song", &next, "main").await;
        settled(&server).await;
        assert_eq!(paths(&server, by, "height").await, ["lib/tide.rs"]);
        assert_eq!(paths(&server, by, "tides").await, ["lib/tide.rs"]);
        assert_eq!(paths(&server, by, "stars").await, ["README.md"]);
        assert_eq!(found(&ask(&server, by, "commits", "\"rename it\"").await), ["rename it"]);
        assert_eq!(ask(&server, by, "commits", "-nothing").await["total"], 3);

        // Another branch is not searched until it is shown first.
        let mut other = story.clone();
        other.commit(&[story.tip()], "elsewhere", &[("only.txt", b"here alone")]);
        server.push_story(&anna, "anna/song", &other, "solo").await;
        settled(&server).await;
        assert_eq!(paths(&server, by, "alone").await.len(), 0);
        patch(&server, &anna, json!({ "default_branch": "solo" })).await;
        settled(&server).await;
        assert_eq!(paths(&server, by, "alone").await, ["only.txt"]);
        assert_eq!(paths(&server, by, "stars").await.len(), 0);
        assert_eq!(ask(&server, by, "commits", "rename").await["total"], 0);

        // Under its new name at once, and under the old one no more.
        patch(&server, &anna, json!({ "name": "hymn", "description": "what we hum" })).await;
        assert_eq!(paths(&server, by, "alone repo:anna/hymn").await, ["only.txt"]);
        assert_eq!(paths(&server, by, "alone repo:anna/song").await.len(), 0);
        assert_eq!(ask(&server, by, "code", "alone").await["items"][0]["repository"], "anna/hymn");
        settled(&server).await;
        assert_eq!(found(&ask(&server, by, "repositories", "hum").await), ["anna/hymn"]);
    }
}

on_both! {
    async fn what_is_made_again_is_equal(ground: Ground) {
        let (server, anna, _, story) = house(&ground).await;
        let mut next = story.clone();
        next.commit(&[story.tip()], "more", &[("src/tide.rs", b"fn tide() {}"), ("a/b.md", b"tide")]);
        server.push_story(&anna, "anna/song", &next, "main").await;
        settled(&server).await;
        let all = async || {
            let mut answers = Vec::new();
            for (kind, query) in [
                ("code", "tide"), ("code", "-nothing"), ("code", "\"n t\""), ("files", "-nothing"),
                ("commits", "-nothing"), ("repositories", "-nothing"),
            ] {
                answers.push(ask(&server, Some(&anna), kind, query).await);
            }
            answers
        };
        let before = all().await;
        let made = order(&server, "/api/v1/admin/search/rebuild").await;
        made.assert_status(202);
        settled(&server).await;
        assert_eq!(all().await, before);
        // Nobody else has it made again.
        server.post("/api/v1/admin/search/rebuild").by(&anna).send().await.assert_status(404);
    }
}

on_both! {
    async fn a_kill_while_it_is_indexed_loses_nothing(ground: Ground) {
        let mut server = ground.server().arg(PATIENT).start().await;
        let anna = server.register("anna").await;
        let mut story = Story::default();
        let mut tip = Vec::new();
        for round in 0..4 {
            let names: Vec<String> = (0..150).map(|number| format!("d{}/f{number:04}.txt", number % 7)).collect();
            let texts: Vec<String> = (0..150).map(|number| format!("round{round} text{number}\n")).collect();
            let files: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
            let message = format!("round {round}");
            tip = vec![story.commit(&tip, &message, &files)];
            server.push_story(&anna, "anna/song", &story, "main").await;
            // Somewhere in the middle of it.
            server.kill().await;
            server.restart().await;
        }
        // Other processes wait for a minute before they take over.
        let mut tx = ground.db(&server).await.write().await.unwrap();
        store::end_leases(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        settled(&server).await;
        let by = Some(&anna);
        for (word, count) in [("round3", 150), ("round2", 0), ("round0", 0), ("text7", 1)] {
            assert_eq!(ask(&server, by, "code", word).await["total"], count, "{word}");
        }
        assert_eq!(ask(&server, by, "files", "-nothing").await["total"], 150);
        assert_eq!(ask(&server, by, "commits", "round").await["total"], 4);
        let all = async || ask(&server, by, "code", "-nothing").await;
        let before = all().await;
        order(&server, "/api/v1/admin/search/rebuild").await.assert_status(202);
        settled(&server).await;
        assert_eq!(all().await, before);
    }
}

on_both! {
    async fn a_query_that_is_none_is_told_with_its_places(ground: Ground) {
        let (server, anna, ..) = house(&ground).await;
        let by = Some(&anna);
        let answer = asked(&server, by, "code", "tide colour:red").await;
        answer.assert_refused(422, "invalid");
        let fault = &answer.json()["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!("/q"), &json!("unknown_key")));
        assert!(fault["message"].as_str().unwrap().ends_with("at byte 5"), "{fault}");
        for (query, code) in [("", "empty"), (&"a ".repeat(17)[..], "too_many_terms"), (&"a".repeat(513), "too_long")] {
            let answer = asked(&server, by, "code", query).await;
            assert_eq!(answer.json()["errors"][0]["code"], code, "{query}");
        }
        asked(&server, by, "songs", "a").await.assert_refused(422, "invalid");
        let page = server.get("/search?q=colour%3Ared").send().await;
        page.assert_status(200);
        assert!(page.text().contains("is not a key"), "{}", page.text());
        // The page without a question says how to ask.
        let page = server.get("/search").send().await.text();
        assert!(page.contains("How to ask") && page.contains("<code>lang:</code>"));
    }
}

on_both! {
    async fn nothing_is_a_pattern(ground: Ground) {
        let (server, anna, ..) = house(&ground).await;
        let by = Some(&anna);
        assert_eq!(paths(&server, by, ".*").await, ["src/tide.rs"]);
        assert_eq!(paths(&server, by, "x.*y").await, ["src/tide.rs"]);
        for query in ["x.+y", "[a-z]+", "t%e", "%", "tid_", "\"' OR 1=1 --\"", "\"\\\"\""] {
            let answer = ask(&server, by, "code", query).await;
            assert_eq!(answer["total"], 0, "{query}: {answer}");
        }
        // Words that stand nowhere by themselves are looked for inside of others, and that is said.
        let answer = ask(&server, by, "code", "ideheig").await;
        assert_eq!((&answer["within_words"], &answer["total"]), (&json!(true), &json!(2)));
    }
}

on_both! {
    async fn the_worst_terms_end_within_the_budget_and_say_so(ground: Ground) {
        let server = ground.server().arg("--search-milliseconds=0").start().await;
        let anna = server.register("anna").await;
        let names: Vec<String> = (0..400).map(|number| format!("f{number}.txt")).collect();
        let texts: Vec<String> = (0..400).map(|number| format!("aa ab ac a. b, {number}\n")).collect();
        let files: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let mut story = Story::default();
        story.commit(&[], "many", &files);
        server.push_story(&anna, "anna/song", &story, "main").await;
        settled(&server).await;
        // No time at all: what one piece brings is the answer, and it is said to be a part.
        let worst = format!("{}OR {}", "a* ".replace("a*", "aa*").repeat(7), "\"a b\" OR \". b\" OR \"a\" OR -x -y OR -\"z\"");
        for query in ["aa", "\"a. b\"", "-x", &worst] {
            let answer = ask(&server, Some(&anna), "code", query).await;
            assert_eq!(answer["partial"], true, "{query}");
            let total = answer["total"].as_u64().unwrap();
            assert!(total < 400, "{query}: {total}");
        }
        let longest = format!("\"{}\"", "a.".repeat(255));
        assert_eq!(longest.len(), 512);
        let answer = ask(&server, Some(&anna), "code", &longest).await;
        assert_eq!(answer["total"], 0);
        let page = server.get("/search?q=aa").by(&anna).send().await.text();
        assert!(page.contains("<strong>A part.</strong>"), "{page}");
    }
}

on_both! {
    async fn results_go_on_where_a_page_ended(ground: Ground) {
        let server = ground.server().arg(PATIENT).start().await;
        let anna = server.register("anna").await;
        let names: Vec<String> = (0..1_000).map(|number| format!("d{}/f{number:04}.txt", number % 10)).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
        let mut story = Story::default();
        story.commit(&[], "a thousand", &files);
        server.push_story(&anna, "anna/song", &story, "main").await;
        settled(&server).await;
        let mut seen = std::collections::BTreeSet::new();
        let mut target = "/api/v1/search?q=txt&limit=100".to_owned();
        loop {
            let answer = server.get(&target).by(&anna).send().await;
            answer.assert_status(200);
            let body = answer.json();
            assert_eq!(body["total"], 1_000);
            seen.extend(found(&body));
            match body["next_cursor"].as_str() {
                Some(cursor) => target = format!("/api/v1/search?q=txt&limit=100&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 1_000);
        server.get("/api/v1/search?q=other&cursor=AAAA").by(&anna).send().await.assert_status(400);

        // The finder has them all, for whoever may read them.
        let list = server.get("/api/v1/repos/anna/song/files?ref=main").by(&anna).send().await.json();
        assert_eq!((list["paths"].as_array().unwrap().len(), &list["truncated"]), (1_000, &json!(false)));
        server.get("/api/v1/repos/anna/song/files?ref=main").send().await.assert_status(404);
        let page = server.get("/anna/song/find/main?q=f0999").by(&anna).send().await.text();
        assert!(page.contains("/anna/song/blob/main/d9/f0999.txt") && page.contains("1 file"), "{page}");
        server.get("/anna/song/find/main").send().await.assert_status(404);
        server.get("/anna/song/find/other").by(&anna).send().await.assert_status(404);
    }
}

on_both! {
    async fn topics_are_those_that_the_reader_may_see(ground: Ground) {
        let (server, anna, ..) = house(&ground).await;
        patch(&server, &anna, json!({ "topics": ["music", "tides"] })).await;
        let topics = async |by: Option<&Person>| server.get("/api/v1/topics").by_some(by).send().await.json()["items"].clone();
        assert_eq!(topics(None).await, json!([]));
        let both = json!([{ "topic": "music", "repositories": 1 }, { "topic": "tides", "repositories": 1 }]);
        assert_eq!(topics(Some(&anna)).await, both);
        publish(&server, &anna).await;
        assert_eq!(topics(None).await, both);
        assert_eq!(paths(&server, None, "height topic:music").await.len(), 2);
    }
}
