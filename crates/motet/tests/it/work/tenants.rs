//! Every route of the plane × two publishers × each role and kind of token (`spec/work.md` 17, W59); bodies that are too long
//! (W06); every code is produced, and none that is not listed (W97).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use http::Method;
use serde_json::json;
use server::registry::{Action, Entry, Surface};
use testkit::{Person, Request, Server};

use super::{Shop, agent, bearing, of_steps, text};
use crate::ground::Ground;

/// An id that nobody has, of the same form.
const NOBODYS: &str = "0190b7c1-2f00-7000-8000-0123456789ab";
/// Where the plane is.
const PLACES: [&str; 5] = [
    "/api/v1/publishers/{publisher}/",
    "/api/v1/runs",
    "/api/v1/tasks/",
    "/api/v1/approvals",
    "/api/v1/claims",
];
/// What of it is the trust plane's and that of webhooks: their own tables ask about it.
const OTHERS: [&str; 4] = ["/tokens/", "/secrets/", "/audit", "/webhooks"];

/// A second publisher on a server.
pub(super) struct Tenant {
    pub(super) owner: Person,
    pub(super) admin: String,
    pub(super) runner: String,
}

impl Tenant {
    pub(super) async fn open(server: &Server, handle: &str) -> Self {
        let owner = server.register(&format!("o-{handle}")).await;
        let new = json!({ "handle": handle });
        server.post("/api/v1/orgs").json(&new).by(&owner).send().await.assert_status(201);
        let enable = format!("/api/v1/orgs/{handle}/publisher");
        server.post(&enable).by(&owner).send().await.assert_status(201);
        let mint = async |kind: &str| {
            let target = format!("/api/v1/publishers/{handle}/tokens/{kind}");
            let made = server.post(&target).json(&json!({})).by(&owner).send().await;
            text(&made.json()["value"])
        };
        let (admin, runner) = (mint("admin").await, mint("runner").await);
        Self { owner, admin, runner }
    }
}

async fn routes() -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let all = server::registry::entries(&dir.path().join("data")).await.unwrap();
    let is_here = |it: &Entry| {
        it.surface == Surface::Api
            && PLACES.iter().any(|place| it.path.starts_with(place))
            && !OTHERS.iter().any(|other| it.path.contains(other))
    };
    all.into_iter().filter(is_here).collect()
}

/// One of everything that has a name or an id.
async fn things(shop: &Shop, heron: &Person) -> BTreeMap<&'static str, String> {
    let front = "---\nname: knots\ndescription: How to tie.\n---\n";
    let skill =
        json!({"name": "knots", "version": "1", "files": [{"path": "SKILL.md", "content": front}]});
    let made =
        bearing(shop.server.post("/api/v1/publishers/acme/skills").json(&skill), &shop.admin);
    assert_eq!(made.send().await.status, 201);
    let schedule = json!([{"name": "daily", "cron": "0 5 * * *", "time_zone": "UTC", "input": {}}]);
    let steps = json!([{"id": "a", "attempts": 1, "skills": ["knots@1"]}, {"id": "gate", "kind": "approval"}]);
    shop.register(&of_steps("sync", steps, json!({"schedules": schedule}))).await;
    let dead = shop.start("sync", &json!({})).await;
    let claim = shop.claim(heron).await;
    assert_eq!(text(&claim["run"]), dead);
    shop.release(heron, &claim, &json!({"reason": "failed"})).await.assert_status(200);
    let run = shop.start("sync", &json!({})).await;
    let claim = shop.claim(heron).await;
    let letters = shop.get("/publishers/acme/dead-letters").await;
    let nothing = json!({"filter": {"step": "none"}});
    let replay = shop.post("/publishers/acme/dead-letters/replay", &nothing).await.json();
    let gates = shop.server.get("/api/v1/approvals").by(&shop.anna).send().await.json();
    let words = [
        ("{publisher}", "acme".to_owned()),
        ("{pipeline}", "sync".to_owned()),
        ("{schedule}", "daily".to_owned()),
        ("{skill}", "knots".to_owned()),
        ("{*path}", "SKILL.md".to_owned()),
        ("{version}", "1".to_owned()),
        ("{agent}", heron.handle().to_string()),
        ("{run}", run),
        ("{claim}", text(&claim["claim"])),
        ("{letter}", text(&letters["items"][0]["id"])),
        ("{replay}", text(&replay["id"])),
        ("{gate}", text(&gates["items"][0]["id"])),
        ("{task}", text(&claim["task"])),
    ];
    BTreeMap::from(words)
}

/// The address of a route, with what `word` gives for each parameter.
fn target(entry: &Entry, word: impl Fn(&str) -> String) -> String {
    let parts = entry.path.split('/').map(|part| match part {
        "{task}" if entry.path.contains("/approvals/") => word("{gate}"),
        part if part.starts_with('{') => word(part),
        part => part.to_owned(),
    });
    let target = parts.collect::<Vec<_>>().join("/");
    if target.ends_with("/diff") { format!("{target}?to=1") } else { target }
}

/// A request with a body that is JSON, and that nothing comes of.
fn asked(server: &Server, entry: &Entry, target: &str, body: &str) -> Request {
    let request = server.request(entry.method.clone(), target);
    if entry.method.is_safe() {
        return request;
    }
    request.header("content-type", "application/json").body(body.to_owned())
}

/// Who asks.
enum Caller<'a> {
    Person(&'a Person),
    Token(&'a str),
}

impl Caller<'_> {
    fn of(&self, request: Request) -> Request {
        match self {
            Self::Person(person) => request.by(person),
            Self::Token(token) => bearing(request, token),
        }
    }
}

/// W59: the other tenant's is what is not there, byte for byte, whoever asks.
#[tokio::test]
async fn what_is_another_publisher_s_is_what_nobody_has() {
    let shop = Shop::open(Ground::Sqlite.server().start().await, "acme").await;
    let heron = shop.agent(&shop.anna, "heron").await;
    let things = things(&shop, &heron).await;
    let band = Tenant::open(&shop.server, "band").await;
    let stork = agent(&shop.server, &band.owner, "stork", &["acme", "band"]).await;
    let callers = [
        ("owner", Caller::Person(&band.owner)),
        ("agent", Caller::Person(&stork)),
        ("admin token", Caller::Token(&band.admin)),
        ("runner token", Caller::Token(&band.runner)),
    ];
    // Of the same lengths.
    let absent = |part: &str| match part {
        "{publisher}" => "nadi".to_owned(),
        "{run}" | "{claim}" | "{letter}" | "{replay}" | "{gate}" | "{task}" => NOBODYS.to_owned(),
        "{agent}" => "nobod".to_owned(),
        part => things[part].clone(),
    };
    let (mut cells, mut wrong) = (0, Vec::new());
    for entry in routes().await.iter().filter(|it| it.path.contains('{')) {
        let [foreign, missing] =
            [target(entry, |part| things[part].clone()), target(entry, absent)];
        for (who, caller) in &callers {
            let ask = |target: &str| caller.of(asked(&shop.server, entry, target, "{}"));
            let (seen, missing) = (ask(&foreign).send().await, ask(&missing).send().await);
            cells += 1;
            // A kind that is not taken there learns that, whatever it asks for.
            let is_hidden = matches!(seen.status, 401 | 404);
            if !is_hidden || seen.faceless() != missing.faceless() {
                let (method, path) = (&entry.method, entry.path);
                wrong.push(format!(
                    "{method} {path} by {who}: {} and {}",
                    seen.text(),
                    missing.text()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 150, "{cells}");
    in_filters(&shop, &things, &callers).await;
}

/// The same for what is named in a filter, a body or a cursor.
async fn in_filters(
    shop: &Shop,
    things: &BTreeMap<&'static str, String>,
    callers: &[(&str, Caller<'_>)],
) {
    let pairs = [
        ("runs?publisher=", "acme", "nadi"),
        ("runs?replay_of=", things["{run}"].as_str(), NOBODYS),
        ("claims/agents/", things["{agent}"].as_str(), "nobod"),
    ];
    for (who, caller) in callers {
        for (place, foreign, absent) in pairs {
            let ask = async |name: &str| {
                let asked = shop.server.get(&format!("/api/v1/{place}{name}"));
                caller.of(asked).send().await
            };
            let (seen, missing) = (ask(foreign).await, ask(absent).await);
            assert_eq!(seen.faceless(), missing.faceless(), "{place} by {who}");
            assert!(seen.status != 200 || seen.json()["items"] == json!([]), "{place} by {who}");
        }
        for id in [&things["{run}"], &things["{claim}"]] {
            let body = json!({ "run": id });
            let asked = caller.of(shop.server.post("/api/v1/claims/next").json(&body)).send().await;
            assert!(asked.status != 200 || asked.json()["items"] == json!([]), "{who}");
        }
        let ids = |id: &str| {
            let target = "/api/v1/publishers/band/dead-letters/replay";
            caller.of(shop.server.post(target).json(&json!({ "ids": [id] })))
        };
        let (seen, missing) = (ids(&things["{letter}"]).send().await, ids(NOBODYS).send().await);
        assert!(seen.status >= 400, "{who}: {}", seen.text());
        assert_eq!(seen.faceless(), missing.faceless(), "a letter by {who}");
    }
    // A cursor is its own list's, and its own reader's.
    let page = shop.get("/runs?limit=1").await;
    let cursor = text(&page["next_cursor"]);
    for (who, caller) in callers {
        let ask = |cursor: &str| {
            let target = format!("/api/v1/runs?limit=1&cursor={cursor}");
            caller.of(shop.server.get(&target))
        };
        let (seen, nonsense) = (ask(&cursor).send().await, ask("nonsense").send().await);
        seen.assert_refused(400, "malformed");
        assert_eq!(seen.faceless(), nonsense.faceless(), "{who}");
    }
}

/// Who is too weak for what, in one's own: viewer, reviewer, member, admin, owner, `runner` token, `admin` token.
fn too_weak(entry: &Entry) -> Option<[bool; 7]> {
    use Action as A;
    Some(match entry.action {
        A::RunRead | A::RunList | A::RecordList | A::PipelineRead | A::SkillRead | A::GateList => {
            [false; 7]
        }
        A::RunStart | A::RunCancel => [true, true, false, false, false, false, false],
        A::PipelineRegister | A::SkillWrite | A::RunChange => {
            [true, true, false, false, false, true, false]
        }
        A::AgentBind => [true, true, true, false, false, true, false],
        // Only persons decide.
        A::GateDecide => [true, false, false, false, false, true, true],
        _ => return None,
    })
}

/// Those that are an agent's alone, or the office's: `strangers` and the office's own tables ask about them.
fn of_others(entry: &Entry) -> bool {
    use Action as A;
    matches!(
        entry.action,
        A::TaskClaim
            | A::TaskHeartbeat
            | A::TaskSubmit
            | A::TaskTool
            | A::TaskRelease
            | A::ClaimList
            | A::ClaimRead
            | A::JobRead
    )
}

/// W59: in one's own, who is too weak is told so, and nobody else is.
#[tokio::test]
async fn in_ones_own_who_is_too_weak_is_told_so() {
    let shop = Shop::open(Ground::Sqlite.server().start().await, "acme").await;
    let heron = shop.agent(&shop.anna, "heron").await;
    let things = things(&shop, &heron).await;
    let mut people = Vec::new();
    for role in ["viewer", "reviewer", "member", "admin"] {
        people.push(shop.member(&format!("o-{role}"), role).await);
    }
    people.push(shop.anna.clone());
    let mut callers: Vec<_> = people.iter().map(Caller::Person).collect();
    callers.extend([Caller::Token(&shop.runner), Caller::Token(&shop.admin)]);
    let (mut cells, mut wrong) = (0, Vec::new());
    for entry in routes().await.iter().filter(|it| !of_others(it)) {
        let row = too_weak(entry)
            .unwrap_or_else(|| panic!("{:?} of {} is in no row", entry.action, entry.path));
        let target = target(entry, |part| things[part].clone());
        for (column, (caller, is_weak)) in callers.iter().zip(row).enumerate() {
            // What would happen is not made to happen.
            if !is_weak && entry.method == Method::DELETE {
                continue;
            }
            let answer = caller.of(asked(&shop.server, entry, &target, "[]")).send().await;
            cells += 1;
            let fits = match (is_weak, answer.status) {
                (true, status) => status == 403,
                // A token is no person: it says so once it has read what is sent.
                (false, status) => !matches!(status, 401 | 403 | 404) || is_own_404(entry),
            };
            if !fits {
                let (method, path) = (&entry.method, entry.path);
                wrong.push(format!("{method} {path} in column {column}: {}", answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 200, "{cells}");
}

/// There is no output yet, and no record of the agent.
fn is_own_404(entry: &Entry) -> bool {
    entry.path.ends_with("/output") || entry.path.ends_with("/claims/agents/{agent}")
}

/// W06: one byte over its cap, and a body is refused before it is parsed.
#[tokio::test]
async fn every_post_refuses_a_body_one_byte_over_its_cap() {
    let shop = Shop::open(Ground::Sqlite.server().start().await, "acme").await;
    let heron = shop.agent(&shop.anna, "heron").await;
    let things = things(&shop, &heron).await;
    let mut asked_for = BTreeSet::new();
    for entry in routes().await.iter().filter(|it| it.method == Method::POST) {
        let by_agent = entry.path.starts_with("/api/v1/claims");
        let target = target(entry, |part| things[part].clone());
        let over = usize::try_from(entry.body_bytes).unwrap() + 1;
        // No JSON at all: it is not parsed.
        let request = shop.server.post(&target).header("content-type", "application/json");
        let request = request.body("x".repeat(over));
        let who = if by_agent { &heron } else { &shop.anna };
        let answer = request.by(who).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"), "{}", entry.path);
        asked_for.insert(entry.path);
    }
    assert!(asked_for.len() >= 18, "{asked_for:?}");
}

/// Every file of Rust below a folder.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

fn read_all(dir: &str) -> String {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut found);
    found.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Words in quotes that look like codes, behind each `start` and before the next `;`.
fn words_behind(text: &str, start: &str) -> BTreeSet<String> {
    let calls = text.split(start).skip(1).filter_map(|rest| rest.split(';').next());
    let quoted = calls.filter_map(|call| call.split('"').nth(1));
    let is_code =
        |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    quoted.filter(is_code).map(ToOwned::to_owned).collect()
}

/// The codes of `spec/work.md` 6 and 7, beside those that every plane has. `claim_near_expiry` takes ten seconds to come
/// about: the core's own `budgets::calls_are_counted_before_they_leave` makes it, on a clock of its own.
const CODES: [&str; 21] = [
    "approval_closed",
    "budget_exhausted",
    "calls_exhausted",
    "claim_lost",
    "claims_full",
    "concurrency_full",
    "external_id_taken",
    "handle_taken",
    "last_admin",
    "no_active_secret",
    "not_a_person",
    "pipeline_paused",
    "run_ended",
    "runs_live",
    "starter",
    "task_closed",
    "too_large",
    "unknown_subcommand",
    "unsupported_media_type",
    "version_exists",
    "version_not_compatible",
];

/// W97: every code is produced by a test, and what the plane refuses with stands in the list that readers are shown.
#[tokio::test]
async fn every_code_is_produced_by_a_test_and_none_is_unlisted() {
    let produced: String = read_all("tests/it");
    // A refusal is asked for by its status and its code.
    let named =
        |code: &str| (400..430).any(|status| produced.contains(&format!("{status}, \"{code}\"")));
    let missing: Vec<_> = CODES.iter().filter(|code| !named(code)).collect();
    assert!(missing.is_empty(), "no test makes these happen: {missing:?}");
    let room = read_all("../pipelines/src");
    let starts = ["Self::refuse(", "Problem::refuse(", "conflict("];
    let used: BTreeSet<_> = starts.iter().flat_map(|start| words_behind(&room, start)).collect();
    assert!(used.len() > 12, "{used:?}");
    let server = Server::start(crate::MOTET).await;
    let page = server.get("/help/errors").send().await.text();
    let unlisted: Vec<_> =
        used.iter().filter(|it| !page.contains(&format!("id=\"{it}\""))).collect();
    assert!(unlisted.is_empty(), "these are in no list: {unlisted:?}");
}
