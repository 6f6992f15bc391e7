//! Every route of an organization and of its publisher side × every role (`spec/trust.md` 1, 8.3).

use http::Method;
use serde_json::json;
use testkit::{Person, Request, Server};

use super::{Action, Entry, OK, Surface, agent, fits, join, routes};
use crate::server_and_anna;

const COLUMNS: [&str; 7] =
    ["anonymous", "stranger", "viewer", "reviewer", "member", "admin", "owner"];

/// What each role is told. Whoever belongs to an organization knows that it is there; nobody else does.
fn row(action: Action) -> Option<[u16; 7]> {
    use Action as A;
    let cells = match action {
        A::MemberRead | A::PublisherRead | A::PipelineRead | A::SkillRead | A::RunRead => {
            [404, 404, OK, OK, OK, OK, OK]
        }
        A::PipelineRegister | A::SkillWrite | A::RunStart | A::RunCancel => {
            [401, 404, 403, 403, OK, OK, OK]
        }
        A::MemberLeave => [401, 404, OK, OK, OK, OK, OK],
        A::OrgAuditRead | A::OrgAuditExport | A::AgentRead | A::WebhookRead => {
            [404, 404, 403, 403, 403, OK, OK]
        }
        A::OrgUpdate
        | A::AgentCreate
        | A::MemberInvite
        | A::MemberChange
        | A::MemberRemove
        | A::PublisherUpdate
        | A::AgentBind
        | A::PublisherTokenMint
        | A::PublisherTokenRotate
        | A::PublisherTokenRevoke
        | A::SecretRotate
        | A::WebhookWrite
        | A::WebhookRedeliver
        | A::SecretRevoke => [401, 404, 403, 403, 403, OK, OK],
        A::OrgDelete | A::PublisherEnable => [401, 404, 403, 403, 403, 403, OK],
        _ => return None,
    };
    Some(cells)
}

fn of_organizations(entry: &Entry) -> bool {
    entry.path.starts_with("/api/v1/orgs/{handle}")
        || entry.path.starts_with("/settings/organizations/{handle}/webhooks")
        || entry.path.starts_with("/api/v1/publishers/{publisher}")
        || entry.path.starts_with("/pipelines/{publisher}")
}

/// Whether what it acts on is not there after it.
fn takes_away(entry: &Entry) -> bool {
    let ends = ["{pipeline}", "{skill}/{version}"].iter().any(|end| entry.path.ends_with(end));
    ends && entry.method == Method::DELETE
        || matches!(entry.action, Action::MemberLeave | Action::OrgDelete)
}

/// A pipeline with a schedule, and a skill.
async fn work(server: &Server, owner: &Person) {
    let schedule = json!({ "name": "daily", "cron": "0 5 * * *", "time_zone": "UTC", "input": {} });
    let pipeline = crate::pipelines::small("weave", "Weave.");
    let pipeline = crate::pipelines::with(pipeline, "/schedules", json!([schedule]));
    let front = "---\nname: knots\ndescription: How to tie.\n---\n";
    let files = [json!({ "path": "SKILL.md", "content": front })];
    let skill = json!({ "name": "knots", "version": "1", "files": files });
    for (path, body) in [("pipelines", pipeline), ("skills", skill)] {
        let made = server.post(&format!("/api/v1/publishers/choir/{path}")).json(&body);
        made.by(owner).send().await.assert_status(201);
    }
}

/// A request that is read, and that nothing comes of.
fn asked(server: &Server, entry: &Entry) -> Request {
    let target = entry.path.replace("{handle}", "choir").replace("{publisher}", "choir");
    let kind = if target.contains("/secrets/") { "webhook_signing" } else { "runner" };
    let target = target.replace("{member}", "nobody").replace("{kind}", kind);
    let target = target.replace("{agent}", "nobody");
    let target = target.replace("{pipeline}", "weave").replace("{schedule}", "daily");
    let target = target.replace("{skill}", "knots").replace("{version}", "1");
    let target = target.replace("{*path}", "SKILL.md");
    let ids = ["{replay}", "{letter}", "{id}", "{webhook}", "{secret}", "{delivery}", "{resend}"];
    let target = ids
        .iter()
        .fold(target, |target, id| target.replace(id, "00000000-0000-7000-8000-000000000000"));
    let target = if target.ends_with("/diff") { format!("{target}?to=1") } else { target };
    assert!(!target.contains('{'), "a parameter of {} is unknown to this test", entry.path);
    let request = server.request(entry.method.clone(), &target);
    let is_page = entry.surface == Surface::Page;
    if is_page || entry.method.is_safe() || entry.path.ends_with("/publisher") {
        return request;
    }
    request.header("content-type", "application/json").body("[]")
}

#[tokio::test]
async fn every_route_of_an_organization_answers_every_role_as_the_table_says() {
    let (server, anna) = server_and_anna().await;
    let new = json!({ "handle": "choir" });
    server.post("/api/v1/orgs").json(&new).by(&anna).send().await.assert_status(201);
    server.post("/api/v1/orgs/choir/publisher").by(&anna).send().await.assert_status(201);
    work(&server, &anna).await;
    let mut people: Vec<(&str, Option<Person>)> =
        vec![("anonymous", None), ("stranger", Some(server.register("stranger").await))];
    for role in ["viewer", "reviewer", "member", "admin"] {
        let person = server.register(&format!("o-{role}")).await;
        join(&server, &anna, "choir", &person, role).await;
        people.push((role, Some(person)));
    }
    people.push(("owner", Some(anna.clone())));
    let loom = agent(&server, &anna).await;
    join(&server, &anna, "choir", &loom, "member").await;
    let (mut cells, mut wrong) = (0, Vec::new());
    for entry in routes().await.iter().filter(|it| of_organizations(it)) {
        let Some(row) = row(entry.action) else {
            panic!("{:?} of {} is in no row of the table", entry.action, entry.path)
        };
        for (column, person) in &people {
            let cell = row[COLUMNS.iter().position(|it| it == column).unwrap()];
            let anonymous_reads = *column == "anonymous" && !entry.action.writes();
            // Who left is no member in the columns after this, and what has ended is not there any more.
            if cell == OK && takes_away(entry) {
                continue;
            }
            let answer = asked(&server, entry).by_some(person.as_ref()).send().await;
            cells += 1;
            let is_told = match cell {
                // Whose thing it would be is nobody's: let in, and nothing found.
                OK if ["{member}", "{id}", "{agent}"].iter().any(|it| entry.path.contains(it)) => {
                    fits(&answer, OK) || (answer.status == 404 && entry.method == Method::DELETE)
                }
                OK if ["{webhook}", "{replay}", "{letter}"]
                    .iter()
                    .any(|it| entry.path.contains(it)) =>
                {
                    fits(&answer, OK) || answer.status == 404
                }
                // Who is nobody is asked who he is, or told what strangers are told; both say the same of what is there.
                _ if anonymous_reads => matches!(answer.status, 401 | 404),
                cell => fits(&answer, cell),
            };
            if !is_told {
                let (method, path, status) = (&entry.method, entry.path, answer.status);
                wrong.push(format!("{method} {path} by {column}: {status} instead of {cell}"));
            }
        }
        // An agent is at most a member, and never what takes a person's own signature.
        let answer = asked(&server, entry).by(&loom).send().await;
        let leaves = entry.action == Action::MemberLeave;
        if !leaves && entry.action.writes() && !matches!(answer.status, 403 | 404) {
            wrong.push(format!("{} {} by an agent: {}", entry.method, entry.path, answer.status));
        }
        cells += 1;
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 120, "{cells}");
}
