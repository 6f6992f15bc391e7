//! Versions stay as they are; one of them is current.

use http::Method;
use serde_json::{Value, json};

use super::{JSON, Tenant, YAML, small, with};
use crate::{
    ground::{Ground, on_both},
    store,
};

const WRITTEN: &str = "# How it is done, by hand.\nmotet: 1\nid: here   # for good\ninput_schema: {type: object}\n\
    steps:\n  - id: one\n    instructions: |\n      First   this.\n    output_schema: {type: object, properties: {a: {type: string}}}\n\
    final_output: {composes: [\"one.*\"]}\n";

async fn source(acme: &Tenant<'_>, version: u32) -> testkit::Answer {
    let path = format!("/pipelines/here/versions/{version}");
    acme.request(Method::GET, &path).header("accept", YAML).send().await
}

on_both! {
    /// W10, W27: nothing changes a version, neither newer ones nor the program.
    async fn a_version_comes_back_byte_for_byte_after_ten_others(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        acme.register("", YAML, WRITTEN).await.assert_status(201);
        let first = acme.get("/pipelines/here/versions/1").await.json();
        for number in 2..=11 {
            let made = acme.registered(&small("here", &format!("Do it {number} times."))).await;
            assert_eq!(made["version"], number);
        }
        let came = source(&acme, 1).await;
        assert_eq!((came.status, came.header("content-type"), came.text()), (200, YAML, WRITTEN.to_owned()));
        assert!(came.header("vary").to_lowercase().contains("accept"));
        let other = source(&acme, 11).await;
        assert_eq!(other.text(), small("here", "Do it 11 times.").to_string());
        assert_eq!(other.header("content-type"), JSON);
        let again = acme.get("/pipelines/here/versions/1").await.json();
        assert_eq!(again, with(first, "/is_current", json!(false)));
        assert_eq!(again["definition"]["steps"][0]["instructions"], "First   this.\n");
        source(&acme, 12).await.assert_refused(404, "not_found");
        acme.get("/pipelines/here/versions/0").await.assert_refused(404, "not_found");
        acme.get("/pipelines/there/versions").await.assert_refused(404, "not_found");
        // Page by page, the newest first.
        let mut path = "/pipelines/here/versions?limit=4".to_owned();
        let mut numbers = Vec::new();
        loop {
            let page = acme.get(&path).await.json();
            numbers.extend(page["items"].as_array().unwrap().iter().map(|it| it["version"].as_u64().unwrap()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/pipelines/here/versions?limit=4&cursor={cursor}");
        }
        assert_eq!(numbers, (1..=11).rev().collect::<Vec<_>>());
        acme.get("/pipelines/here/versions?cursor=x").await.assert_refused(400, "malformed");
        acme.get("/pipelines?limit=101").await.assert_refused(422, "invalid");
        let mut server = server;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        let refused = store::rewrite_versions(&mut tx).await.unwrap_err();
        assert!(format!("{refused:?}").contains("a version of a pipeline is never changed"), "{refused:?}");
        drop(tx);
        db.close().await;
    }
}

on_both! {
    /// W11, W27.
    async fn a_version_is_current_until_another_one_is(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let two = [small("here", "Do it."), small("here", "Do it well.")];
        acme.registered(&two[0]).await;
        let seen = acme.get("/pipelines/here").await;
        let tag = seen.header("etag").to_owned();
        assert_eq!(seen.json()["current_version"], 1);
        // Not made current.
        let made = acme.register("?activate=false", JSON, &two[1].to_string()).await;
        made.assert_status(201);
        assert_eq!((&made.json()["version"], &made.json()["current_version"]), (&json!(2), &json!(1)));
        let change = async |tag: &str, body: Value| {
            let request = acme.request(Method::PATCH, "/pipelines/here").header("if-match", tag);
            request.json(&body).send().await
        };
        change(&tag, json!({"current_version": 2})).await.assert_refused(412, "precondition_failed");
        let tag = acme.get("/pipelines/here").await.header("etag").to_owned();
        let changed = change(&tag, json!({"current_version": 2})).await;
        changed.assert_status(200);
        assert_eq!(changed.json()["current_version"], 2);
        // What somebody has not seen is not replaced by a registration either.
        let third = small("here", "Do it better.").to_string();
        let post = || acme.request(Method::POST, "/pipelines").header("content-type", JSON);
        let stale = post().header("if-match", &tag).body(third.clone()).send().await;
        stale.assert_refused(412, "precondition_failed");
        let none = post().header("if-match", "*").body(small("new", "x").to_string()).send().await;
        none.assert_refused(412, "precondition_failed");
        let tag = acme.get("/pipelines/here").await.header("etag").to_owned();
        post().header("if-match", &tag).body(third).send().await.assert_status(201);
        // Back to the first; the same text again changes nothing of that.
        let back = acme.send(Method::PATCH, "/pipelines/here", json!({"current_version": 1})).await;
        assert_eq!(back.json()["current_version"], 1);
        let again = acme.registered(&two[1]).await;
        assert_eq!((&again["version"], &again["current_version"]), (&json!(2), &json!(1)));
        for bad in [json!({"current_version": 4}), json!({"current_version": 0}), json!({"audience": "all"}), json!({"etag": 1})] {
            acme.send(Method::PATCH, "/pipelines/here", bad).await.assert_refused(422, "invalid");
        }
        // One that was never made current is there, and starts nothing.
        let made = acme.register("?activate=false", JSON, &small("quiet", "x").to_string()).await;
        assert_eq!(made.json()["current_version"], Value::Null);
        let start = async |pipeline: &str| {
            let path = format!("/pipelines/{pipeline}/runs");
            acme.send(Method::POST, &path, json!({"input": {}})).await
        };
        start("quiet").await.assert_refused(404, "not_found");
        // The next run uses the one that is current, and keeps it whatever comes.
        let run = start("here").await;
        run.assert_status(201);
        assert_eq!(run.json()["version"], 1);
        acme.registered(&small("here", "Do it at last.")).await;
        let target = format!("/api/v1/runs/{}", run.json()["run"].as_str().unwrap());
        let bearer = format!("Bearer {}", acme.token);
        let seen = acme.server.get(&target).header("authorization", &bearer).send().await.json();
        assert_eq!(seen["version"], 1);
        assert_eq!(start("here").await.json()["version"], 4);
        acme.request(Method::DELETE, "/pipelines/here").send().await.assert_refused(409, "runs_live");
    }
}

on_both! {
    async fn what_differs_is_told_by_place_and_whether_a_run_may_move(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let base = small("here", "Do it.");
        acme.registered(&base).await;
        acme.registered(&small("here", "Do it well.")).await;
        acme.registered(&with(base, "/steps/0/output_schema/properties/b", json!({"type": "null"}))).await;
        let compared = async |from: u32, to: u32| {
            acme.get(&format!("/pipelines/here/versions/{from}/diff?to={to}")).await.json()
        };
        let told = compared(1, 2).await;
        let changes = json!([{
            "pointer": "/steps/0/instructions", "kind": "changed", "before": "Do it.", "after": "Do it well.",
        }]);
        assert_eq!((&told["changes"], &told["compatible"]), (&changes, &json!(true)));
        let told = compared(1, 3).await;
        assert_eq!(told["changes"][0]["pointer"], "/steps/0/output_schema/properties/b");
        assert_eq!(told["changes"][0]["kind"], "added");
        assert_eq!((&told["compatible"], &told["truncated"]), (&json!(false), &json!(false)));
        assert_ne!(told["incompatible_at"], json!([]));
        assert_eq!(compared(3, 1).await["changes"][0]["kind"], "removed");
        assert_eq!(compared(2, 2).await["changes"], json!([]));
        acme.get("/pipelines/here/versions/1/diff?to=4").await.assert_refused(404, "not_found");
        acme.get("/pipelines/here/versions/1/diff").await.assert_refused(400, "malformed");
    }
}

on_both! {
    async fn what_was_archived_is_listed_no_more_and_comes_back_when_it_is_registered(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        for id in ["a", "b", "c"] {
            acme.registered(&small(id, "Do it.")).await;
        }
        let ids = async |query: &str| {
            let page = acme.get(&format!("/pipelines{query}")).await.json();
            let ids = page["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
            (ids.collect::<Vec<_>>().join(" "), page["next_cursor"].as_str().map(str::to_owned))
        };
        acme.request(Method::DELETE, "/pipelines/b").send().await.assert_status(204);
        acme.request(Method::DELETE, "/pipelines/b").send().await.assert_refused(404, "not_found");
        acme.send(Method::PATCH, "/pipelines/b", json!({"paused": true})).await.assert_refused(404, "not_found");
        let (first, cursor) = ids("?limit=1").await;
        assert_eq!((first.as_str(), ids(&format!("?limit=1&cursor={}", cursor.unwrap())).await.0.as_str()), ("a", "c"));
        let kept = acme.get("/pipelines/b").await.json();
        assert!(kept["archived_at"].is_string());
        acme.get("/pipelines/b/versions/1").await.assert_status(200);
        let again = acme.register("", JSON, &small("b", "Do it.").to_string()).await;
        assert_eq!((again.status, &again.json()["version"]), (200, &json!(1)));
        assert_eq!(ids("").await.0, "a b c");
        assert_eq!(acme.get("/pipelines/b").await.json()["archived_at"], Value::Null);
        let noted = acme.noted().await;
        let count = |word: &str| noted.iter().filter(|it| *it == word).count();
        assert_eq!((count("pipeline_registered"), count("publisher_updated")), (4, 1));
    }
}
