//! Every route × two tenants × every column of the table × public and private (`spec/trust.md` 8.2; 16, points 43 and 45).
//!
//! The list of routes is the registry's own; what each answers is written here as the specification has it, so that the
//! program is not asked what it should do. A route whose action is in no row of the tables fails the test.
//!
//! | file               | what is asked                                                         |
//! |--------------------|-----------------------------------------------------------------------|
//! | `credentials.rs`   | every kind of token, and a session, at every route                      |
//! | `demoted.rs`       | the tokens of somebody who is put down, whatever their scope              |
//! | `organizations.rs` | every route of an organization by every role                           |
//! | `tenants.rs`       | the ids of one tenant by another                                        |

mod credentials;
mod demoted;
mod organizations;
mod tenants;

use std::collections::HashMap;

use http::Method;
use serde_json::json;
use server::registry::{Action, Entry, Surface};
use testkit::{Answer, Person, Request, Server, Story};

use crate::MOTET;

/// What names of repositories of Git end with, beside those of Muse.
const OF_GIT: &str = "-git";
/// What a cell says: allowed (whatever the handler then makes of an empty request), or refused so.
const OK: u16 = 200;
/// Where nobody listens.
const NO_RECEIVER: &str = "127.0.0.1:9";

/// The columns: who asks, on the repositories of `choir`.
const COLUMNS: [&str; 13] = [
    "anonymous",
    "stranger",
    "viewer",
    "c-read",
    "reviewer",
    "c-triage",
    "member",
    "c-write",
    "admin",
    "c-admin",
    "owner",
    "agent",
    "install admin",
];

/// The rows of the table: which actions, and for every column what a public and what a private repository answers.
///
/// Push is asked of the repository: below which names an agent may push, the branch decides after this. Who only looks
/// at what is not theirs to see may sign in, so an anonymous reader of people is 401 where anybody may see the repository.
fn row(action: Action) -> Option<Vec<(u16, u16)>> {
    use Action as A;
    let cells = match action {
        A::RepoRead
        | A::RefRead
        | A::ObjectRead
        | A::ReleaseRead
        | A::ActivityRead
        | A::FeedRead => {
            "200/404 200/404 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/404"
        }
        A::RefPush => {
            "401/401 403/404 403/403 403/403 403/403 403/403 200/200 200/200 200/200 200/200 200/200 200/200 403/404"
        }
        // A label and a release stand below no name of an agent.
        A::TagWrite | A::ReleaseDraft => {
            "401/401 403/404 403/403 403/403 403/403 403/403 200/200 200/200 200/200 200/200 200/200 403/403 403/404"
        }
        A::CollaboratorAdd
        | A::CollaboratorRemove
        | A::WebhookWrite
        | A::WebhookRedeliver
        | A::RepoUpdate
        | A::RepoArchive
        | A::ImportStart
        | A::MirrorChange
        | A::RefForce => {
            "401/401 403/404 403/403 403/403 403/403 403/403 403/403 403/403 200/200 200/200 200/200 403/403 403/404"
        }
        A::CollaboratorRead | A::RepoSettings | A::ImportRead | A::MirrorRead | A::WebhookRead => {
            "401/404 403/404 403/403 403/403 403/403 403/403 403/403 403/403 200/200 200/200 200/200 403/403 403/404"
        }
        // Whether it can be forked at all is asked after this.
        A::RepoFork | A::StarSet | A::WatchSet | A::GitTokenMint => {
            "401/401 200/404 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/200 200/404"
        }
        // Of what is there nothing is restored, and nothing purged.
        A::RepoRestore | A::RepoPurge => {
            "401/401 404/404 404/404 404/404 404/404 404/404 404/404 404/404 404/404 404/404 404/404 403/403 404/404"
        }
        A::RepoCollect | A::RepoDelete | A::RepoVisibility | A::RepoTransfer => {
            "401/401 403/404 403/403 403/403 403/403 403/403 403/403 403/403 403/403 403/403 200/200 403/403 403/404"
        }
        _ => return None,
    };
    let cell = |text: &str| {
        let (public, private) = text.split_once('/').unwrap();
        (public.parse().unwrap(), private.parse().unwrap())
    };
    Some(cells.split(' ').map(cell).collect())
}

/// The registry's own list.
async fn routes() -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    server::registry::entries(&dir.path().join("data")).await.unwrap()
}

/// Somebody in each column.
struct Street {
    server: Server,
    people: Vec<(&'static str, Option<Person>)>,
    tip: names::CommitId,
    entries: Vec<Entry>,
    /// The webhook of each repository, its secret, its first delivery, and what was sent once more.
    webhooks: HashMap<String, [String; 4]>,
}

async fn put(server: &Server, target: &str, by: &Person, body: serde_json::Value) {
    let answer = server.request(Method::PUT, target).json(&body).by(by).send().await;
    assert!(answer.status < 300, "{target}: {}", answer.text());
}

/// Takes somebody into an organization.
async fn join(server: &Server, owner: &Person, organization: &str, member: &Person, role: &str) {
    let invite = format!("/api/v1/orgs/{organization}/invites");
    let made = server.post(&invite).json(&json!({ "role": role })).by(owner).send().await.json();
    let accept = json!({ "code": made["code"] });
    server.post("/api/v1/invites/accept").json(&accept).by(member).send().await.assert_status(200);
}

/// An organization of `owner` with a public and a private repository that hold the same.
async fn tenant(server: &Server, owner: &Person, organization: &str) -> names::CommitId {
    let story = Story::of_one("a song");
    let new = json!({ "handle": organization });
    server.post("/api/v1/orgs").json(&new).by(owner).send().await.assert_status(201);
    for (name, visibility) in [("open", "public"), ("veiled", "private")] {
        let new = json!({ "owner": organization, "name": name, "visibility": visibility });
        server.post("/api/v1/repos").json(&new).by(owner).send().await.assert_status(201);
        let repository = format!("{organization}/{name}");
        server.push_story(owner, &repository, &story, "main").await;
        crate::releases::publish(server, owner, &repository, &story, "v1.0.0").await;
        let name = format!("{name}{OF_GIT}");
        let new = json!({ "owner": organization, "name": name, "visibility": visibility, "format": "git" });
        server.post("/api/v1/repos").json(&new).by(owner).send().await.assert_status(201);
    }
    story.tip()
}

/// An agent of `owner`, with a key of its own.
pub(crate) async fn agent(server: &Server, owner: &Person) -> Person {
    let planes = json!({ "hub": "write", "collab": "write", "trust": "write" });
    let scope = json!({ "planes": planes, "repositories": "all" });
    let new = json!({ "handle": "loom", "scope": scope });
    server.post("/api/v1/agents").json(&new).by(owner).send().await.assert_status(201);
    let loom = Person::new("loom", names::Secret::new([77; 32]));
    let line = loom.key().public().to_openssh();
    let met = loom.answer_to(&server.challenge("loom", &line).await);
    server.post("/api/v1/auth/verify").json(&met).by(owner).send().await.assert_status(201);
    loom
}

/// A webhook of a repository, whose receiver is not there: it, its secret, the delivery of its ping, and what was sent once
/// more, which is nothing.
async fn webhook(server: &Server, owner: &Person, repository: &str) -> [String; 4] {
    let target = format!("/api/v1/repos/{repository}/webhooks");
    let new = json!({ "url": format!("http://{NO_RECEIVER}/"), "events": ["*"] });
    let made = server.post(&target).json(&new).by(owner).send().await;
    made.assert_status(201);
    let made = made.json();
    let text = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
    let id = text(&made["webhook"]["id"]);
    let sent = server.get(&format!("{target}/{id}/deliveries")).by(owner).send().await.json();
    let secret = text(&made["webhook"]["secrets"][0]["id"]);
    let again = server.post(&format!("{target}/{id}/resend")).json(&json!({})).by(owner);
    let resend = again.send().await.json();
    [id, secret, text(&sent["items"][0]["id"]), text(&resend["id"])]
}

async fn street() -> Street {
    let server = Server::with(MOTET).arg(format!("--webhook-allow={NO_RECEIVER}")).start().await;
    let anna = server.register("anna").await;
    let tip = tenant(&server, &anna, "choir").await;
    let other = server.register("other").await;
    tenant(&server, &other, "band").await;
    let mut webhooks = HashMap::new();
    for (owner, organization) in [(&anna, "choir"), (&other, "band")] {
        for name in ["open", "veiled"] {
            let repository = format!("{organization}/{name}");
            let made = webhook(&server, owner, &repository).await;
            webhooks.insert(repository, made);
        }
    }
    let mut people =
        vec![("anonymous", None), ("stranger", Some(server.register("stranger").await))];
    for role in ["viewer", "reviewer", "member", "admin"] {
        let person = server.register(&format!("o-{role}")).await;
        join(&server, &anna, "choir", &person, role).await;
        people.push((role, Some(person)));
    }
    for (column, level) in
        [("c-read", "read"), ("c-triage", "triage"), ("c-write", "write"), ("c-admin", "admin")]
    {
        let person = server.register(column).await;
        for name in ["open", "veiled", "open-git", "veiled-git"] {
            let target = format!("/api/v1/repos/choir/{name}/collaborators/{column}");
            put(&server, &target, &anna, json!({ "level": level })).await;
        }
        people.push((column, Some(person)));
    }
    let office = server.register("office").await;
    let grant = server.request(Method::PUT, "/api/v1/admin/admins/office");
    grant.by(&server.operator()).send().await.assert_status(204);
    people.push(("install admin", Some(office)));
    people.push(("agent", Some(agent(&server, &anna).await)));
    people.push(("owner", Some(anna)));
    let entries = routes().await;
    Street { server, people, tip, entries, webhooks }
}

/// The address of a route of a repository, with something behind it that is there; and a request to it.
fn asked(street: &Street, entry: &Entry, owner: &str, name: &str) -> Request {
    let tip = street.tip.to_string();
    let place = if entry.path.contains("/blob/")
        || entry.path.contains("/blame/")
        || entry.path.contains("/raw/")
    {
        "main/README.md"
    } else if entry.path.contains("/archive/") {
        "main.tar"
    } else {
        "main"
    };
    let nothing = || [(); 4].map(|()| "00000000-0000-7000-8000-000000000000".to_owned());
    let [webhook, secret, delivery, resend] =
        street.webhooks.get(&format!("{owner}/{name}")).cloned().unwrap_or_else(nothing);
    let kept = if entry.surface == Surface::Git { OF_GIT } else { "" };
    let name = format!("{name}{kept}");
    let target = entry.path.replace("{owner}", owner).replace("{name}", &name);
    let story = Story::of_one("a song");
    let (object, snapshot) =
        (story.objects.keys().next().unwrap(), story.snapshots.keys().next().unwrap());
    let target = target
        .replace("{object}", &object.to_string())
        .replace("{snapshot}", &snapshot.to_string());
    let target =
        target.replace("{*place}", place).replace("{id}", &tip).replace("{handle}", "o-viewer");
    let target = target.replace("{tag}", "v1.0.0").replace("{*range}", "main...main");
    let target =
        target.replace("{*ref}", "heads/main").replace("{fingerprint}", "0123456789abcdef");
    let target = target
        .replace("{webhook}", &webhook)
        .replace("{secret}", &secret)
        .replace("{delivery}", &delivery)
        .replace("{resend}", &resend);
    let target = match entry.path.rsplit('/').next() {
        Some("blob" | "raw" | "blame") => format!("{target}?path=README.md"),
        // The branch that is shown first stays, whoever asks.
        Some("{*ref}") if entry.method == Method::DELETE => format!("{target}?expected=nonsense"),
        _ => target,
    };
    assert!(!target.contains('{'), "a parameter of {} is unknown to this test", entry.path);
    let request = street.server.request(entry.method.clone(), &target);
    match entry.surface {
        // Not a message: whoever is let in is told so.
        Surface::Wire if entry.method == Method::POST => {
            request.header("content-type", "application/x-msgpack").body("")
        }
        // Nothing: whoever is let in is answered nothing.
        Surface::Git if entry.method == Method::POST => {
            request.header("content-type", &crate::git::media(entry.path)).body("0000")
        }
        // Nothing would be a fork with everything as usual.
        Surface::Api if entry.action == Action::RepoFork => {
            request.header("content-type", "application/json").body(r#"{"unknown":1}"#)
        }
        Surface::Api if entry.method != Method::GET => {
            request.header("content-type", "application/json").body("[]")
        }
        _ => request,
    }
}

/// Whether an answer is what the cell says.
fn fits(answer: &Answer, cell: u16) -> bool {
    match cell {
        // Past the authority: what is asked for may still be nonsense.
        OK => !matches!(answer.status, 401 | 403 | 404) && answer.status < 500,
        refused => answer.status == refused,
    }
}

/// What Git is told instead: it sends credentials only when it is asked for some, and gets no single files.
fn of_git(entry: &Entry, column: &str, cell: u16) -> u16 {
    match cell {
        404 if entry.surface == Surface::Git && column == "anonymous" => 401,
        OK if entry.path.ends_with("/info/refs") => 403,
        cell => cell,
    }
}

/// Whether a webhook or a secret of one is gone after it.
fn ends_webhook(entry: &Entry) -> bool {
    let ends = ["{webhook}", "{secret}"].iter().any(|end| entry.path.ends_with(end));
    let by_form =
        ["/{webhook}/delete", "/{secret}/remove"].iter().any(|it| entry.path.ends_with(it));
    (ends && entry.method == Method::DELETE) || by_form
}

/// A push that has begun is one person's: `wire2::pushing::whole` asks who else sees it. A mirror has an id: `git::mirrors`
/// asks who sees it.
fn of_repositories(entry: &Entry) -> bool {
    entry.path.contains("{owner}/{name}")
        && !entry.path.starts_with("/api/v1/admin/")
        && !entry.path.contains("{push}")
        && !entry.path.contains("{mirror}")
}

#[tokio::test]
async fn every_route_of_a_repository_answers_as_the_table_says() {
    let street = street().await;
    let (mut cells, mut wrong) = (0, Vec::new());
    for entry in street.entries.iter().filter(|it| of_repositories(it)) {
        let row = row(entry.action).unwrap_or_else(|| {
            panic!("{:?} of {} is in no row of the table", entry.action, entry.path)
        });
        for (column, person) in &street.people {
            let at = COLUMNS.iter().position(|it| it == column).unwrap();
            let stranger = row[COLUMNS.iter().position(|it| *it == "stranger").unwrap()];
            // To the other tenant everybody of this one is a stranger; the nobody stays nobody.
            let beyond = match *column {
                "anonymous" => row[at],
                // What an agent may never do is refused before anything is looked up.
                "agent" if entry.action.is_class_s() => row[at],
                _ => stranger,
            };
            for (owner, (public, private)) in [("choir", row[at]), ("band", beyond)] {
                for (name, cell) in [("open", public), ("veiled", private)] {
                    let cell = of_git(entry, column, cell);
                    // What is taken away stays away: the next columns need it.
                    if cell == OK
                        && (ends_webhook(entry)
                            || matches!(
                                entry.action,
                                Action::CollaboratorRemove
                                    | Action::RepoCollect
                                    | Action::RepoArchive
                            ))
                    {
                        continue;
                    }
                    let request = asked(&street, entry, owner, name);
                    let answer = request.by_some(person.as_ref()).send().await;
                    cells += 1;
                    if !fits(&answer, cell) {
                        let (method, path) = (&entry.method, entry.path);
                        wrong.push(format!(
                            "{method} {path} by {column} on {owner}/{name}: {} instead of {cell}",
                            answer.status
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 900, "{cells}");
}

#[tokio::test]
async fn what_is_hidden_is_what_is_missing_in_every_byte_and_in_every_statement() {
    let server = Server::with(MOTET).log("info,db=trace").start().await;
    let anna = server.register("anna").await;
    let tip = tenant(&server, &anna, "choir").await;
    let stranger = server.register("stranger").await;
    let entries = routes().await;
    let people = vec![("anonymous", None), ("stranger", Some(stranger))];
    let street = Street { server, people, tip, entries, webhooks: HashMap::new() };
    let mut compared = 0;
    for entry in street.entries.iter().filter(|it| of_repositories(it)) {
        for (column, person) in &street.people {
            let mut faces = Vec::new();
            for name in ["veiled", "absent"] {
                // What is only noted now and then is noted before.
                let request = asked(&street, entry, "choir", name);
                request.clone().by_some(person.as_ref()).send().await;
                let before = statements(&street.server).len();
                let answer = request.by_some(person.as_ref()).send().await;
                let face = answer.faceless().replace(name, "NAME");
                let mut ran = statements(&street.server).split_off(before);
                ran.sort();
                faces.push((face, ran));
            }
            let (hidden, missing) = (&faces[0], &faces[1]);
            assert_eq!(hidden, missing, "{} {} by {column}", entry.method, entry.path);
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

/// The statements that the log tells of, by name, but for those for which no request waits: what is noted of a key's use,
/// refusals that are written down later, and the look for work that is due.
fn statements(server: &Server) -> Vec<String> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let names = lines.filter_map(|it| Some(it.get("statement")?.as_str()?.to_owned()));
    let later =
        ["::audit::", "jobs::dispatcher::", "hooks::dispatcher::", "::NOTE_USE", "::NOTE_SEEN"];
    names.filter(|it| !later.iter().any(|part| it.contains(part))).collect()
}

/// Actions that no route asks for by itself, and where they are asked for.
const WITHOUT_A_ROUTE: [(Action, &str); 3] = [
    (Action::ReleasePublish, "making a release asks for it unless it is a draft"),
    (Action::ReleaseYank, "retracting a release asks for it unless it is a draft"),
    (Action::RepoDeletedRead, "a list asks for it of each repository"),
];

/// `spec/trust.md` 8.4; 16, point 44: what is asked of the authority has an address, or stands here with its reason. That each
/// address answers as the tables say is told by the tests around this one.
#[tokio::test]
async fn every_action_has_a_route_or_its_reason() {
    let entries = routes().await;
    let has_route = |action: Action| entries.iter().any(|it| it.action == action);
    let excused = |action: Action| WITHOUT_A_ROUTE.iter().any(|(it, _)| *it == action);
    let odd: Vec<_> = Action::ALL
        .iter()
        .filter(|it| has_route(**it) == excused(**it))
        .map(|it| it.name())
        .collect();
    assert!(odd.is_empty(), "without a route and a reason, or with both: {odd:?}");
}

/// What the office alone may ask, and what belongs to one account: strangers find nothing there.
#[tokio::test]
async fn the_office_and_the_accounts_of_others_are_not_there() {
    let street = street().await;
    let ids = [
        ("{id}", "00000000-0000-7000-8000-000000000000"),
        ("{owner}", "choir"),
        ("{name}", "veiled"),
        ("{handle}", "choir"),
        ("{member}", "o-viewer"),
        ("{key_id}", "00000000-0000-7000-8000-000000000000"),
        ("{webhook}", "00000000-0000-7000-8000-000000000000"),
        ("{secret}", "00000000-0000-7000-8000-000000000000"),
        ("{delivery}", "00000000-0000-7000-8000-000000000000"),
        ("{resend}", "00000000-0000-7000-8000-000000000000"),
    ];
    let mut asked = 0;
    for entry in &street.entries {
        let is_office =
            entry.path.starts_with("/api/v1/admin/") || entry.path.starts_with("/admin/");
        let is_of_account = entry.path.starts_with("/api/v1/orgs/{handle}")
            || entry.path.starts_with("/api/v1/agents/{handle}");
        if !is_office && !is_of_account {
            continue;
        }
        let mut target = entry.path.to_owned();
        if entry.path.starts_with("/api/v1/agents/{handle}") {
            target = target.replace("{handle}", "loom");
        }
        if entry.path.contains("/schedules/{name}") {
            target = target.replace("{name}", "hub.expire");
        }
        for (name, value) in ids {
            target = target.replace(name, value);
        }
        for (column, person) in &street.people {
            let expected = match *column {
                "anonymous" if entry.action.writes() => 401,
                "anonymous" if !is_office => 401,
                "anonymous" | "stranger" => 404,
                // Members know that the organization is there; only the office is hidden from them.
                // Outside of its scope, before anything is looked up.
                "agent" if is_office => 403,
                _ if is_office && *column != "install admin" => 404,
                _ => continue,
            };
            let request = street.server.request(entry.method.clone(), &target);
            let answer = request.by_some(person.as_ref()).send().await;
            // An anonymous reader of an account is told as of any other thing that is not there.
            let fits = answer.status == expected
                || (*column == "anonymous" && !is_office && answer.status == 404);
            assert!(
                fits,
                "{} {target} by {column}: {} instead of {expected}",
                entry.method, answer.status
            );
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
}
