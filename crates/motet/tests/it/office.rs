//! The office of the install: admins are made and unmade, people are stopped, a private repository is looked into with a
//! reason (`spec/trust.md` 1; 16, point 48), and the invitation of the first boot.

use std::{fs, os::unix::fs::PermissionsExt as _};

use http::Method;
use names::Secret;
use serde_json::json;
use testkit::{Person, Server};

use crate::{
    ground::{Ground, on_both},
    store,
};

/// Makes somebody an install admin, as the operator.
async fn grant(server: &Server, handle: &str) {
    let target = format!("/api/v1/admin/admins/{handle}");
    let put = server.request(Method::PUT, &target).by(&server.operator()).send().await;
    put.assert_status(204);
}

async fn rows(server: &Server, action: &str) -> Vec<serde_json::Value> {
    let target = format!("/api/v1/admin/audit?action={action}");
    let answer = server.get(&target).by(&server.operator()).send().await;
    answer.json()["items"].as_array().unwrap().clone()
}

on_both! {
    async fn the_operator_makes_install_admins_and_nobody_else_does(ground: Ground) {
        let server = ground.server().start().await;
        let [anna, bert] = [server.register("anna").await, server.register("bert").await];
        let office = "/api/v1/admin/audit";
        server.get(office).by(&anna).send().await.assert_refused(404, "not_found");
        grant(&server, "anna").await;
        server.get(office).by(&anna).send().await.assert_status(200);
        let more = server.request(Method::PUT, "/api/v1/admin/admins/bert");
        more.by(&anna).send().await.assert_refused(403, "forbidden");
        let more = server.request(Method::PUT, "/api/v1/admin/admins/bert");
        more.by(&bert).send().await.assert_refused(404, "not_found");
        for nobody in ["operator", "nobody"] {
            let target = format!("/api/v1/admin/admins/{nobody}");
            let put = server.request(Method::PUT, &target).by(&server.operator()).send().await;
            put.assert_refused(404, "not_found");
        }
        let take = server.request(Method::DELETE, "/api/v1/admin/admins/anna");
        take.by(&server.operator()).send().await.assert_status(204);
        server.get(office).by(&anna).send().await.assert_refused(404, "not_found");
        let written = rows(&server, "install_admin_changed").await;
        let said: Vec<_> = written.iter().map(|it| &it["detail"]["install_admin"]).collect();
        assert_eq!(said, [&json!(false), &json!(true)]);
    }
}

on_both! {
    async fn whoever_is_stopped_proves_nothing_and_neither_do_the_agents(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        grant(&server, "bert").await;
        let agent = json!({ "handle": "loom" });
        server.post("/api/v1/agents").json(&agent).by(&anna).send().await.assert_status(201);
        let scope = json!({ "kind": "agent", "scope": { "planes": { "hub": "read" } } });
        let minted = server.post("/api/v1/agents/loom/tokens").json(&scope).by(&anna).send().await;
        minted.assert_status(201);
        let token = minted.json()["value"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let as_agent = || server.get("/api/v1/me").header("authorization", &bearer);
        as_agent().send().await.assert_status(200);

        let stop = "/api/v1/admin/principals/anna/suspend";
        let why = json!({ "reason": "spam" });
        server.post(stop).json(&why).by(&anna).send().await.assert_refused(404, "not_found");
        let empty = json!({ "reason": "  " });
        server.post(stop).json(&empty).by(&bert).send().await.assert_refused(422, "invalid");
        server.post(stop).json(&why).by(&bert).send().await.assert_status(204);
        server.get("/api/v1/me").by(&anna).send().await.assert_refused(401, "unauthenticated");
        as_agent().send().await.assert_refused(401, "unauthenticated");
        server.get("/api/v1/principals/anna").send().await.assert_refused(404, "not_found");
        // Twice is once.
        server.post(stop).json(&why).by(&bert).send().await.assert_refused(404, "not_found");
        // An install admin is stopped by the operator alone.
        let other = "/api/v1/admin/principals/bert/suspend";
        server.post(other).json(&why).by(&bert).send().await.assert_refused(403, "forbidden");

        let back = server.post("/api/v1/admin/principals/anna/restore").by(&bert).send().await;
        back.assert_status(204);
        server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
        as_agent().send().await.assert_status(200);
        let why = &rows(&server, "principal_suspended").await[0]["detail"]["why"];
        assert_eq!(*why, json!("spam"));
        assert_eq!(rows(&server, "principal_restored").await.len(), 1);
    }
}

async fn private_repository(server: &Server, owner: &Person) {
    let new = json!({ "name": "diary", "visibility": "private" });
    server.post("/api/v1/repos").json(&new).by(owner).send().await.assert_status(201);
}

on_both! {
    async fn an_install_admin_looks_into_what_is_private_with_a_reason_and_its_owner_reads_it(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        private_repository(&server, &anna).await;
        let (page, json_of) = ("/anna/diary", "/api/v1/repos/anna/diary");
        let glass = "/api/v1/admin/break-glass/anna/diary";
        let why = json!({ "reason": "asked by anna in #41" });
        server.post(glass).json(&why).by(&bert).send().await.assert_refused(404, "not_found");
        grant(&server, "bert").await;
        for target in [page, json_of] {
            server.get(target).by(&bert).send().await.assert_status(404);
        }
        let silent = json!({ "reason": "" });
        server.post(glass).json(&silent).by(&bert).send().await.assert_refused(422, "invalid");
        let nothing = server.post("/api/v1/admin/break-glass/anna/nothing").json(&why).by(&bert);
        nothing.send().await.assert_refused(404, "not_found");
        // The operator has no face that an owner could ask.
        let operator = server.post(glass).json(&why).by(&server.operator()).send().await;
        operator.assert_refused(403, "forbidden");

        let opened = server.post(glass).json(&why).by(&bert).send().await;
        opened.assert_status(201);
        assert_eq!(opened.json()["repository"], json!("anna/diary"));
        for target in [page, json_of] {
            server.get(target).by(&bert).send().await.assert_status(200);
        }
        // Reading and no more, and for nobody else.
        let people = format!("{json_of}/collaborators");
        server.get(&people).by(&bert).send().await.assert_refused(403, "forbidden");
        server.get(json_of).send().await.assert_refused(404, "not_found");
        let told = server.get(page).by(&anna).send().await;
        assert!(told.text().contains("asked by anna in #41"), "the owner is told");
        let seen = server.get(page).by(&bert).send().await;
        assert!(!seen.text().contains("asked by anna in #41"), "only who runs it is told");
        assert_eq!(rows(&server, "breakglass_opened").await.len(), 1);
    }
}

on_both! {
    async fn whatever_is_missing_of_the_operator_is_there_after_the_next_boot(ground: Ground) {
        let mut server = ground.server().start().await;
        server.register("anna").await;
        let db = ground.db(&server).await;
        let count = async || store::count_principals(&mut db.glance().await.unwrap()).await.unwrap();
        let before = count().await;
        let key = server.data_dir().join("operator.key");
        let first = fs::read(&key).unwrap();
        assert_eq!(rows(&server, "operator_repaired").await.len(), 1, "the first boot makes it");
        for (repairs, missing) in [(1, "nothing"), (2, "file"), (3, "registered half"), (4, "row")] {
            server.stop().await;
            let mut tx = db.write().await.unwrap();
            match missing {
                "file" => fs::remove_file(&key).unwrap(),
                "registered half" => {
                    assert_eq!(store::forget_operators_keys(&mut tx).await.unwrap(), 2);
                }
                "row" => {
                    assert_eq!(store::forget_operators_keys(&mut tx).await.unwrap(), 1);
                    assert_eq!(store::forget_operator(&mut tx).await.unwrap(), 1);
                }
                _ => {}
            }
            tx.commit().await.unwrap();
            server.restart().await;
            // The office is the operator's again, and it was written down if something was missing.
            assert_eq!(rows(&server, "operator_repaired").await.len(), repairs, "{missing}");
            assert_eq!(count().await, before, "{missing}");
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read(&key).unwrap() == first, repairs == 1, "{missing}");
        }
        server.get("/api/v1/principals/operator").send().await.assert_status(404);
    }
}

on_both! {
    async fn the_first_boot_leaves_an_invitation_into_the_office_and_a_used_one_goes(ground: Ground) {
        let mut server = ground.server().arg("--registration").arg("invite").start().await;
        let file = server.data_dir().join("first-invite");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let code = fs::read_to_string(&file).unwrap().trim().to_owned();
        assert!(!server.log().contains(&code), "no log has it");
        let carol = Person::new("carol", Secret::new([4; 32]));
        let line = carol.key().public().to_openssh();
        let mut body = carol.answer_to(&server.challenge("carol", &line).await);
        body["invite"] = json!(code);
        server.verify(&body).await.assert_status(201);
        server.get("/api/v1/admin/audit").by(&carol).send().await.assert_status(200);
        assert_eq!(rows(&server, "invite_used").await.len(), 1);
        server.stop().await;
        server.restart().await;
        assert!(!file.exists(), "it was used");
        server.stop().await;
        server.restart().await;
        assert!(!file.exists(), "there is one first boot");
    }
}
