//! The log of what was done: written with what it tells of, seen by the office alone, checked by anybody who has an
//! export (`spec/trust.md` 11; 16, point 58).

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use testkit::Server;

use crate::MOTET;

const AUDIT: &str = "/api/v1/admin/audit";

/// Rows that fit, newest first.
async fn rows(server: &Server, query: &str) -> Vec<Value> {
    let target = format!("{AUDIT}?limit=100{query}");
    let answer = server.get(&target).by(&server.operator()).send().await;
    answer.assert_status(200);
    answer.json()["items"].as_array().unwrap().clone()
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|it| it["action"].as_str().unwrap()).collect()
}

/// Runs `motet` as somebody on the server's machine would; gives exit code and standard output.
fn motet(server: &Server, words: &[&str]) -> (i32, String) {
    let dir = server.data_dir();
    let mut command = Command::new(MOTET);
    command.arg("--config-dir").arg(dir.with_file_name("config")).args(words);
    let output = command.env_clear().output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

/// What `motet audit verify` says of these lines.
fn verified(server: &Server, file: &Path, lines: &[&str]) -> (i32, String) {
    fs::write(file, lines.concat()).unwrap();
    motet(server, &["audit", "verify", "--file", file.to_str().unwrap()])
}

#[tokio::test]
async fn what_is_done_is_written_down_with_who_and_from_where() {
    let mut server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let limits = json!({ "bytes": 50_000 });
    let quota = server.request(http::Method::PUT, "/api/v1/admin/quotas/anna").json(&limits);
    let set = quota.by(&server.operator()).send().await;
    set.assert_status(200);

    let all = rows(&server, "").await;
    let done = ["quota_changed", "key_added", "tos_accepted", "principal_registered"];
    let boot = ["server_started", "invite_created", "operator_repaired"];
    assert_eq!(actions(&all), [done.as_slice(), &boot].concat());
    let seqs: Vec<_> = all.iter().map(|it| it["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [7, 6, 5, 4, 3, 2, 1]);
    let changed = &all[0];
    assert_eq!(changed["request_id"], json!(set.header("x-request-id")));
    assert_eq!((&changed["actor"], &changed["ip"]), (&json!("operator"), &json!("127.0.0.1")));
    assert_eq!((&changed["credential_kind"], &changed["outcome"]), (&json!("key"), &json!("done")));
    assert_eq!(changed["detail"], json!({ "bytes": 50_000, "objects": null }));
    assert_eq!((&all[4]["actor_kind"], &all[4]["ip"]), (&json!("install"), &Value::Null));
    assert_eq!(all[1]["detail"]["fingerprint"], json!(anna.key().fingerprint().to_string()));

    for (query, found) in [
        ("&actor=anna", vec!["key_added", "tos_accepted", "principal_registered"]),
        ("&action=key_added", vec!["key_added"]),
        ("&actor=nobody", vec![]),
        ("&resource=install", vec!["server_started"]),
        ("&until=2026-01-01T00:00:00Z", vec![]),
        ("&since=2026-01-01T00:00:00Z&action=quota_changed", vec!["quota_changed"]),
    ] {
        assert_eq!(actions(&rows(&server, query).await), found, "{query}");
    }
    for bad in ["?action=made_up", "?since=yesterday", "?actor=%2f", "?colour=red", "?cursor=x"] {
        let refused = server.get(&format!("{AUDIT}{bad}")).by(&server.operator()).send().await;
        refused.assert_refused(400, "malformed");
    }

    server.stop().await;
    server.restart().await;
    let since = rows(&server, "&resource=install").await;
    assert_eq!(actions(&since), ["server_started", "server_stopped", "server_started"]);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_by_the_office_alone() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    for target in [AUDIT, "/api/v1/admin/audit/export", "/api/v1/admin/audit?action=nonsense"] {
        for stranger in [None, Some(&anna)] {
            let answer = server.get(target).by_some(stranger).send().await;
            answer.assert_refused(404, "not_found");
        }
    }
    let (mut target, mut seen) = (format!("{AUDIT}?limit=3"), Vec::new());
    loop {
        let page = server.get(&target).by(&server.operator()).send().await;
        page.assert_status(200);
        seen.extend(page.json()["items"].as_array().unwrap().clone());
        let Some(next) = page.header("link").strip_prefix('<') else { break };
        target = next.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(seen, rows(&server, "").await);
    // A cursor goes on in its own list alone.
    let first = server.get(&format!("{AUDIT}?limit=1")).by(&server.operator()).send().await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let elsewhere = format!("{AUDIT}?action=key_added&cursor={cursor}");
    let refused = server.get(&elsewhere).by(&server.operator()).send().await;
    refused.assert_refused(400, "malformed");
}

#[tokio::test]
async fn an_export_is_checked_without_a_server_and_every_change_shows() {
    let mut server = Server::start(MOTET).await;
    for handle in ["anna", "bert"] {
        server.register(handle).await;
    }
    let dir = server.data_dir().to_str().unwrap().to_owned();
    let file = server.data_dir().with_file_name("audit.jsonl");
    let path = file.to_str().unwrap().to_owned();
    let (code, said) = motet(&server, &["admin", "audit", "list", "--data-dir", &dir]);
    assert!(code == 0 && said.contains("principal_registered"), "{said}");
    let export = ["admin", "audit", "export", &path, "--data-dir", &dir];
    assert_eq!(motet(&server, &export).0, 0);
    assert_ne!(motet(&server, &export).0, 0, "a file that is there is not overwritten");
    let live = motet(&server, &["audit", "verify", "--data-dir", &dir]);
    assert!(live.0 == 0 && live.1.starts_with("whole: "), "{live:?}");
    server.stop().await;

    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let copy = file.with_file_name("copy.jsonl");
    let whole = verified(&server, &copy, &lines);
    assert!(whole.0 == 0 && whole.1.contains("signed up to 10 by SHA256:"), "{whole:?}");
    let place = |seq: i64| {
        let number = format!("\"seq\":{seq},");
        lines.iter().position(|it| it.contains("{\"row\"") && it.contains(&number)).unwrap()
    };
    let edited = lines[place(6)].replace("key_added", "key_revoked");
    let (mut changed, mut swapped, mut less) = (lines.clone(), lines.clone(), lines.clone());
    changed[place(6)] = &edited;
    swapped.swap(place(3), place(4));
    less.remove(place(5));
    for (lines, code, says) in [
        (&changed[..], 3, "broken at row 6"),
        (&swapped, 3, "broken at row 3"),
        (&less, 3, "broken at row 5"),
        (&lines[..place(6)], 4, "head missing at row 6"),
        (&lines[..lines.len() - 1], 4, "head missing at row"),
        (&[], 4, "head missing at row 1"),
    ] {
        let (ended, said) = verified(&server, &copy, lines);
        assert!(ended == code && said.contains(says), "{ended} instead of {code}: {said}");
    }
    let missing = motet(&server, &["audit", "verify", "--file", "/no/such/file"]);
    assert_eq!(missing.0, 3, "{missing:?}");
}

#[tokio::test]
async fn rows_of_the_beginning_go_up_to_a_signed_head_and_the_rest_stays_whole() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let dir = server.data_dir().to_str().unwrap().to_owned();
    let prune = |before: &str| {
        motet(&server, &["admin", "audit", "prune", "--before", before, "--data-dir", &dir])
    };
    let verify = || motet(&server, &["audit", "verify", "--data-dir", &dir]);
    let future = "2100-01-01T00:00:00Z";
    let none = prune(future);
    assert!(none.0 == 0 && none.1.contains("nothing is removed"), "no head is signed: {none:?}");
    // Checking exports, and an export signs the head over its own row.
    assert_eq!(verify().0, 0);
    let before = rows(&server, "").await.len();
    assert!(prune("2020-01-01T00:00:00Z").1.contains("nothing is removed"));
    let pruned = prune(future);
    assert!(
        pruned.0 == 0 && pruned.1.contains(&format!("{before} rows up to {before} are removed")),
        "{pruned:?}"
    );
    let left = rows(&server, "").await;
    assert_eq!(actions(&left), ["audit_pruned"]);
    assert_eq!(left[0]["detail"], json!({ "from": 1, "until": before }));
    let whole = verify();
    assert!(whole.0 == 0 && whole.1.starts_with("whole: 2 rows"), "{whole:?}");
    let file = server.data_dir().with_file_name("pruned.jsonl");
    let path = file.to_str().unwrap();
    assert_eq!(motet(&server, &["admin", "audit", "export", path, "--data-dir", &dir]).0, 0);
    assert_eq!(motet(&server, &["audit", "verify", "--file", path]).0, 0);
    for (by, status, word) in [(Some(&anna), 404, "not_found"), (None, 401, "unauthenticated")] {
        let body = json!({ "before": future });
        let refused = server.post("/api/v1/admin/audit/prune").json(&body).by_some(by).send().await;
        refused.assert_refused(status, word);
    }
    let body = json!({ "before": "yesterday" });
    let bad =
        server.post("/api/v1/admin/audit/prune").json(&body).by(&server.operator()).send().await;
    bad.assert_refused(422, "invalid");
}

#[tokio::test]
async fn the_log_of_an_organization_is_taken_away_and_checked_alone() {
    let mut server = Server::start(MOTET).await;
    let address = server.base_url();
    motet(&server, &["keygen"]);
    assert_eq!(motet(&server, &["register", &address, "anna"]).0, 0);
    assert_eq!(motet(&server, &["org", "create", "choir"]).0, 0);
    let live = motet(&server, &["audit", "verify", "--org", "choir"]);
    assert!(live.0 == 0 && live.1.starts_with("whole: 2 rows"), "{live:?}");
    let file = server.data_dir().with_file_name("choir.jsonl");
    let path = file.to_str().unwrap().to_owned();
    let export = ["audit", "export", "--org", "choir", &path];
    assert_eq!(motet(&server, &export).0, 0);
    assert_ne!(motet(&server, &export).0, 0, "a file that is there is not overwritten");
    let nobodys = motet(&server, &["audit", "verify", "--org", "band"]);
    assert_eq!(nobodys.0, 4, "{nobodys:?}");
    server.stop().await;
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("org_created") && !text.contains("principal_registered"), "{text}");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let copy = file.with_file_name("copy.jsonl");
    assert_eq!(verified(&server, &copy, &lines).0, 0);
    assert_eq!(verified(&server, &copy, &lines[..lines.len() - 1]).0, 4);
    let edited = text.replace("org_created", "org_updated");
    assert_eq!(verified(&server, &copy, &[&edited]).0, 3);
}

#[tokio::test]
async fn settings_that_are_other_than_at_the_last_start_are_named() {
    let mut server = Server::start(MOTET).await;
    assert!(rows(&server, "&action=config_changed").await.is_empty());
    server.stop().await;
    server.restart().await;
    assert!(rows(&server, "&action=config_changed").await.is_empty(), "nothing was said otherwise");
    server.stop().await;
    let next = server
        .beside()
        .arg("--contact=abuse@forge.example")
        .arg("--quota-owner-bytes=5")
        .start()
        .await;
    let changed = rows(&next, "&action=config_changed").await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["detail"], json!({ "settings": ["contact", "quota-owner-bytes"] }));
    assert!(rows(&next, "&action=migration_applied").await.is_empty());
}
