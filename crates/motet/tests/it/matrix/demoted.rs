//! The tokens of somebody who is put down: what they could do, they cannot do any more (`spec/trust.md` 16, point 22).

use serde_json::{Value, json};
use testkit::{Person, Server};

use super::{Action, COLUMNS, Entry, Street, Surface, fits, of_repositories, put, row, street};

/// Scopes that reach the repository, each written in another way.
fn scopes() -> [Value; 4] {
    let planes = json!({ "hub": "write", "collab": "write" });
    [
        json!({ "planes": planes, "repositories": "all" }),
        json!({ "planes": planes, "repositories": ["choir/*"] }),
        json!({ "planes": planes, "repositories": [
            "choir/open", "choir/veiled", "choir/open-git", "choir/veiled-git",
        ] }),
        json!({ "planes": planes, "repositories": "all", "verbs": [
            "hub.ref.push", "hub.repo.read", "hub.object.read", "hub.ref.read",
            "hub.collaborator.add", "hub.collaborator.remove", "hub.collaborator.read", "hub.repo.update",
            "hub.repo.archive", "hub.tag.write", "collab.release.read", "collab.release.draft", "collab.release.yank",
            "hub.repo.settings", "hub.repo.fork", "collab.activity.read", "collab.feed.read",
            "collab.star.set", "collab.watch.set", "hub.import.start", "hub.import.read", "hub.mirror.read",
            "hub.mirror.change", "collab.webhook.read", "collab.webhook.write", "collab.webhook.redeliver",
        ] }),
    ]
}

async fn minted(server: &Server, person: &Person) -> Vec<String> {
    let mut tokens = Vec::new();
    for scope in scopes() {
        let mint = server.post("/api/v1/tokens").json(&json!({ "scope": scope })).by(person);
        let made = mint.send().await;
        made.assert_status(201);
        tokens.push(made.json()["value"].as_str().unwrap().to_owned());
    }
    tokens
}

fn position(column: &str) -> usize {
    COLUMNS.iter().position(|it| *it == column).unwrap()
}

/// Asks everything that a token may be asked for, of both repositories; gives what does not answer as `column` has it.
async fn differing(street: &Street, tokens: &[String], column: &str) -> (usize, Vec<String>) {
    let (mut cells, mut wrong) = (0, Vec::new());
    let entries = street.entries.iter().filter(|it| of_repositories(it));
    // What is taken away stays away: later columns need it.
    let lasting = |it: &&Entry| {
        let takes_away = matches!(
            it.action,
            Action::CollaboratorRemove | Action::RepoArchive | Action::GitTokenMint
        );
        !takes_away
            && !it.action.is_class_s()
            && !super::ends_webhook(it)
            // No token is taken by a form of a page.
            && (it.surface != Surface::Page || it.method.is_safe())
    };
    for entry in entries.filter(lasting) {
        let (public, private) = row(entry.action).unwrap()[position(column)];
        for (name, cell) in [("open", public), ("veiled", private)] {
            for (number, token) in tokens.iter().enumerate() {
                let request = super::asked(street, entry, "choir", name);
                let bearer = format!("Bearer {token}");
                let answer = request.header("authorization", &bearer).send().await;
                cells += 1;
                let cell = super::of_git(entry, column, cell);
                if !fits(&answer, cell) {
                    let (method, path, status) = (&entry.method, entry.path, answer.status);
                    wrong.push(format!(
                        "{method} {path} of {name} as {column}, scope {number}: {status} instead of {cell}"
                    ));
                }
            }
        }
    }
    (cells, wrong)
}

/// Puts somebody down for each pair of roles, before and after, and asks for everything each time.
async fn put_down(pairs: &[(&str, &str)]) {
    let street = street().await;
    let owner = street.people.iter().find(|(column, _)| *column == "owner").unwrap();
    let anna = owner.1.clone().unwrap();
    let mut cells = 0;
    for (before, after) in pairs {
        let handle = format!("{before}-to-{after}");
        let person = street.server.register(&handle).await;
        let is_collaborator = before.starts_with("c-");
        let become_ = async |role: &str| {
            if !is_collaborator {
                let target = format!("/api/v1/orgs/choir/members/{handle}");
                put(&street.server, &target, &anna, json!({ "role": role })).await;
                return;
            }
            for name in ["open", "veiled", "open-git", "veiled-git"] {
                let target = format!("/api/v1/repos/choir/{name}/collaborators/{handle}");
                let level = role.trim_start_matches("c-");
                put(&street.server, &target, &anna, json!({ "level": level })).await;
            }
        };
        if is_collaborator {
            become_(before).await;
        } else {
            super::join(&street.server, &anna, "choir", &person, before).await;
        }
        let tokens = minted(&street.server, &person).await;
        let (asked, wrong) = differing(&street, &tokens, before).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        become_(after).await;
        let (asked_again, wrong) = differing(&street, &tokens, after).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        cells += asked + asked_again;
    }
    assert!(cells > 1_000, "{cells}");
}

#[tokio::test]
async fn the_tokens_of_somebody_who_is_put_down_go_no_further_than_the_new_role() {
    put_down(&[("owner", "viewer"), ("admin", "viewer"), ("member", "viewer")]).await;
}

#[tokio::test]
async fn the_tokens_of_a_member_who_is_to_review_alone_go_no_further() {
    put_down(&[("admin", "reviewer"), ("member", "reviewer")]).await;
}

#[tokio::test]
async fn the_tokens_of_a_collaborator_who_is_put_down_go_no_further() {
    put_down(&[("c-admin", "c-read"), ("c-write", "c-read")]).await;
}

#[tokio::test]
async fn the_tokens_of_a_collaborator_who_is_to_sort_alone_go_no_further() {
    put_down(&[("c-admin", "c-triage"), ("c-write", "c-triage")]).await;
}
