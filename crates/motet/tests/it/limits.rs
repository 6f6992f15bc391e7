//! How much anyone may ask for, and who failed too often has to wait (`spec/trust.md` 2, 9; 16.17, 16.18, 16.49-16.51).
//!
//! Each server here has the limits that it has when nobody tells it of any, unless a test says otherwise.

use api::wire::PushRequest;
use names::{Random, Secret};
use testkit::{Answer, Person, Server, Setup, Story, object};

use crate::MOTET;

const SONG: &str = "anna/song";

fn usual() -> Setup {
    Server::with(MOTET).with_usual_limits()
}

async fn usual_with_anna() -> (Server, Person) {
    let server = usual().start().await;
    let anna = server.register("anna").await;
    (server, anna)
}

/// Fails unless this is the refusal of that limit, with all that a client needs to come back at the right time.
#[track_caller]
fn assert_limited(answer: &Answer, policy: &str, limit: u64, window: u64) {
    answer.assert_status(429);
    assert_eq!(answer.header("ratelimit-policy"), format!("\"{policy}\";q={limit};w={window}"));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=window).contains(&wait), "{wait}");
    assert_eq!(answer.header("ratelimit"), format!("\"{policy}\";r=0;t={wait}"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn stranger(random: &Random) -> Person {
    Person::new("stranger", Secret::new(random.bytes()))
}

#[tokio::test]
async fn the_21st_request_to_register_in_a_minute_is_refused() {
    let server = usual().start().await;
    let line = stranger(&Random::seeded(1)).key().public().to_openssh();
    for _ in 0..20 {
        server.challenge("anna", &line).await.assert_status(201);
    }
    let refused = server.challenge("anna", &line).await;
    assert_limited(&refused, "auth", 20, 60);
    refused.assert_refused(429, "rate_limited");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    server.get("/api/v1/repos").send().await.assert_status(200);
}

#[tokio::test]
async fn the_301st_request_of_a_stranger_in_a_minute_is_refused_on_every_surface() {
    let (server, anna) = usual_with_anna().await;
    for _ in 0..300 {
        server.get("/api/v1/repos").send().await.assert_status(200);
    }
    for target in ["/api/v1/repos", "/api/v1/repos/anna/none", "/api/v1/nothing"] {
        let refused = server.get(target).send().await;
        assert_limited(&refused, "anonymous", 300, 60);
        refused.assert_refused(429, "rate_limited");
    }
    let page = server.get("/explore").send().await;
    assert_limited(&page, "anonymous", 300, 60);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("signed in"), "{}", page.text());
    for free in ["/healthz", "/livez", "/robots.txt"] {
        server.get(free).send().await.assert_status(200);
    }
    // What has a class of its own has a count of its own, and so has everybody who is signed in.
    server.get("/anna/none/refs").send().await.assert_status(404);
    server.get("/api/v1/repos").by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn the_wire_says_in_its_own_words_that_it_was_too_much() {
    let (server, anna) = usual_with_anna().await;
    let repository = server.create(&anna, "song", "public").await;
    let target = format!("/{repository}/refs");
    for _ in 0..240 {
        server.get(&target).send().await.assert_status(200);
    }
    let refused = server.get(&target).send().await;
    assert_limited(&refused, "wire-anonymous", 240, 60);
    assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
    assert!(refused.text().starts_with("rate_limited: "), "{}", refused.text());
    server.get(&target).by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn the_121st_file_in_a_minute_is_refused() {
    let (server, anna) = usual_with_anna().await;
    server.create(&anna, "song", "public").await;
    let mut story = Story::default();
    story.commit(&[], "one", &[("one.txt", b"one")]);
    server.push_story(&anna, SONG, &story, "main").await;
    let target = "/anna/song/raw/main/one.txt";
    for _ in 0..120 {
        server.get(target).send().await.assert_status(200);
    }
    assert_limited(&server.get(target).send().await, "downloads-anonymous", 120, 60);
    server.get(target).by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn the_31st_push_in_a_minute_is_refused() {
    let (server, anna) = usual_with_anna().await;
    let story = Story::of_one("a song");
    // Uploads, then a push: counted once.
    server.push_story(&anna, SONG, &story, "main").await;
    for push in 2..=30 {
        let pushed = server.push(&anna, SONG, story.push_to("main")).await;
        assert_eq!(pushed.status, 200, "push {push}: {}", pushed.text());
    }
    let refused = server.push(&anna, SONG, story.push_to("main")).await;
    assert_limited(&refused, "pushes", 30, 60);
    let upload = server.push_objects(&anna, SONG, story.inline()).await;
    assert_limited(&upload, "pushes", 30, 60);
    // Reading goes on.
    assert_eq!(server.head(&anna, SONG, "main").await, Some(story.tip()));
}

#[tokio::test]
async fn a_push_of_many_batches_counts_once() {
    // One push a minute: if each batch counted, the second one would be refused.
    let server = usual().arg("--limit").arg("pushes=1").start().await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    let files: Vec<_> = (0..250).map(|it| (format!("{it}.txt"), format!("line {it}"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    story.commit(&[], "all", &files);
    for batch in story.inline().chunks(1) {
        server.push_objects(&anna, SONG, batch.to_vec()).await.assert_status(200);
    }
    server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(story.tip()));
    // Whether the minute of the first batch is over depends on the machine; of two more one is too many in any case.
    let first = server.push(&anna, SONG, story.push_to("main")).await;
    let second = server.push(&anna, SONG, story.push_to("main")).await;
    assert!(matches!(first.status, 200 | 429), "{}", first.text());
    assert_limited(&second, "pushes", 1, 60);
}

/// The largest push that a Muse client makes in one go, and nobody has changed a limit for it.
#[tokio::test]
async fn a_push_of_100_000_objects_in_250_batches_passes_under_the_usual_limits() {
    const FILES: usize = 100_000;
    let server = usual().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    let files: Vec<_> =
        (0..FILES).map(|it| (format!("{}/{it}.txt", it % 100), format!("line {it}"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    story.commit(&[], "all", &files);
    let objects = story.inline();
    assert_eq!(objects.len(), FILES);
    for batch in objects.chunks(FILES / 250) {
        server.push_objects(&anna, SONG, batch.to_vec()).await.assert_status(200);
    }
    server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(story.tip()));
    // It was one of thirty.
    let small = Story::of_one("a song");
    let small = || PushRequest { objects: small.inline(), ..small.push_to("small") };
    for _ in 1..30 {
        server.push(&anna, SONG, small()).await.assert_status(200);
    }
}

#[tokio::test]
async fn whoever_sent_too_many_bytes_is_refused_before_the_next_batch() {
    let server = usual().arg("--limit").arg("push-bytes=10000").start().await;
    let anna = server.register("anna").await;
    let batch = |byte| vec![object(&[byte; 9_990])];
    server.push_objects(&anna, SONG, batch(1)).await.assert_status(200);
    let refused = server.push_objects(&anna, SONG, batch(2)).await;
    assert_limited(&refused, "push-bytes", 10_000, 3_600);
    let pushed = server.push(&anna, SONG, Story::of_one("a song").push_to("main")).await;
    assert_limited(&pushed, "push-bytes", 10_000, 3_600);
    // Others have their own.
    let boris = server.register("boris").await;
    server.push_objects(&boris, "boris/song", batch(2)).await.assert_status(200);
}

#[tokio::test]
async fn five_challenges_that_were_not_met_lock_across_a_restart() {
    let mut server = usual().start().await;
    let random = Random::seeded(1);
    let (anna, other) = (stranger(&random), stranger(&random));
    let line = anna.key().public().to_openssh();
    for _ in 0..5 {
        let challenge = server.challenge("anna", &line).await;
        let wrong = server.verify(&other.answer_to(&challenge)).await;
        wrong.assert_refused(401, "challenge_failed");
    }
    let challenge = server.challenge("anna", &line).await;
    let right = anna.answer_to(&challenge);
    let refused = server.verify(&right).await;
    assert_limited(&refused, "failures", 5, 3_600);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((20..=30).contains(&wait), "{wait}");
    server.stop().await;
    server.restart().await;
    assert_limited(&server.verify(&right).await, "failures", 5, 3_600);
    server.get("/api/v1/repos").send().await.assert_status(200);
}

#[tokio::test]
async fn a_key_that_fails_again_and_again_is_locked_and_its_neighbours_are_not() {
    let (server, anna) = usual_with_anna().await;
    let unknown = stranger(&Random::seeded(1));
    for _ in 0..5 {
        let refused = server.get("/api/v1/me").by(&unknown).send().await;
        refused.assert_refused(401, "unauthenticated");
    }
    let refused = server.get("/api/v1/me").by(&unknown).send().await;
    assert_limited(&refused, "failures", 5, 3_600);
    server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
    // A signature that holds begins anew.
    for _ in 0..3 {
        for _ in 0..4 {
            let credentials = server.get("/api/v1/me").credentials(&unknown);
            let stolen = credentials.replace(
                &unknown.key().fingerprint().to_string(),
                &anna.key().fingerprint().to_string(),
            );
            let bad = server.get("/api/v1/me").header("authorization", &stolen).send().await;
            bad.assert_refused(401, "unauthenticated");
        }
        server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn failed_credentials_use_up_what_an_address_has() {
    let (server, anna) = usual_with_anna().await;
    let random = Random::seeded(1);
    // 3,000 requests, of which each failure costs ten. Registering took two.
    for _ in 0..300 {
        let refused = server.get("/api/v1/me").by(&stranger(&random)).send().await;
        if refused.status == 429 {
            break;
        }
        refused.assert_refused(401, "unauthenticated");
    }
    let refused = server.get("/api/v1/me").by(&anna).send().await;
    assert_limited(&refused, "ip", 3_000, 60);
    server.get("/livez").send().await.assert_status(200);
}

#[tokio::test]
async fn the_61st_blame_page_of_a_stranger_is_refused_and_a_reader_who_signs_in_goes_on() {
    let (server, anna) = usual_with_anna().await;
    let new = serde_json::json!({ "name": "song", "visibility": "public" });
    server.post("/api/v1/repos").json(&new).by(&anna).send().await.assert_status(201);
    server.push_story(&anna, SONG, &Story::of_one("a song"), "main").await;
    let page = format!("/{SONG}/blame/main/README.md");
    for _ in 0..60 {
        server.get(&page).send().await.assert_status(200);
    }
    let refused = server.get(&page).send().await;
    assert_limited(&refused, "points", 600, 600);
    assert!(refused.text().contains("signed in may read more"), "{}", refused.text());
    server.get(&page).by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn the_11th_browser_in_an_hour_from_one_address_does_not_sign_in() {
    let server = Server::with(MOTET).arg("--limit=sessions=10").start().await;
    let anna = server.register("anna").await;
    let address = async || {
        let made = server.post("/api/v1/auth/web-login").by(&anna).send().await.json();
        let url = made["url"].as_str().unwrap().to_owned();
        url.strip_prefix(&server.base_url()).unwrap().to_owned()
    };
    for _ in 0..10 {
        let followed = server.post(&address().await).header("sec-fetch-site", "same-origin");
        assert_eq!(followed.send().await.status, 303);
    }
    let target = address().await;
    let refused = server.post(&target).header("sec-fetch-site", "same-origin").send().await;
    assert_limited(&refused, "sessions", 10, 3_600);
    // The address is not used up by it.
    server.get(&target).send().await.assert_status(200);
}

#[tokio::test]
async fn bots_get_no_pages_and_the_tools_of_people_do() {
    let (server, anna) = usual_with_anna().await;
    let as_agent = |target: &str, agent: &str| server.get(target).header("user-agent", agent);
    for agent in
        ["", "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "CCBot/2.0"]
    {
        for page in ["/", "/explore", "/anna"] {
            let refused = as_agent(page, agent).send().await;
            refused.assert_status(429);
            assert_eq!(refused.header("retry-after"), "3600", "{agent}");
            assert_eq!(refused.header("ratelimit-policy"), "\"bots\";q=0;w=3600");
            assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
        }
        for open in ["/healthz", "/robots.txt", "/api/v1/repos"] {
            as_agent(open, agent).send().await.assert_status(200);
        }
        as_agent("/", agent).by(&anna).send().await.assert_status(200);
        as_agent("/anna/none/refs", agent).send().await.assert_status(404);
    }
    for agent in [
        "Python-urllib/3.13",
        "git/2.47",
        "curl/8",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ] {
        as_agent("/", agent).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn an_operator_changes_limits_by_their_names() {
    let server = usual().arg("--limit").arg("auth=2").env("MOTET_BOT_AGENTS", "curl").start().await;
    let line = stranger(&Random::seeded(1)).key().public().to_openssh();
    for _ in 0..2 {
        server.challenge("anna", &line).await.assert_status(201);
    }
    assert_limited(&server.challenge("anna", &line).await, "auth", 2, 60);
    server.get("/").header("user-agent", "curl/8").send().await.assert_status(429);
    let ended = usual().arg("--limit").arg("auht=2").refuses().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("`auht` is not the name of a limit"), "{}", ended.log);
}

#[tokio::test]
async fn an_address_that_a_proxy_names_counts_only_if_the_proxy_is_ours() {
    let asks = async |server: &Server, client: &str| {
        let request = server.get("/api/v1/repos").header("x-forwarded-for", client);
        request.send().await.status
    };
    for (setup, other) in [(usual().arg("--trusted-proxy").arg("127.0.0.0/8"), 200), (usual(), 429)]
    {
        let server = setup.arg("--limit").arg("anonymous=3").start().await;
        for _ in 0..3 {
            assert_eq!(asks(&server, "198.51.100.1").await, 200);
        }
        assert_eq!(asks(&server, "192.0.2.66, 198.51.100.1").await, 429);
        assert_eq!(asks(&server, "198.51.100.2").await, other);
    }
}
