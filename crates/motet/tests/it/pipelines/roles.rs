//! Who may what with pipelines and skills. Every route by every role is `matrix::organizations`.

use http::Method;
use serde_json::json;
use testkit::Request;

use super::{JSON, Tenant, small};
use crate::{
    ground::{Ground, on_both},
    organizations::{choir, join},
    publishers,
};

on_both! {
    async fn tokens_and_members_go_as_far_as_the_table_says(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        acme.registered(&small("here", "Do it.")).await;
        let runner = publishers::post(&server, "acme/tokens/runner", &acme.token, json!({})).await;
        let runner = format!("Bearer {}", runner.json()["value"].as_str().unwrap());
        let by_runner = async |request: Request| request.header("authorization", &runner).send().await;
        let place = "/api/v1/publishers/acme/pipelines";
        for path in ["", "/here", "/here/versions", "/here/versions/1", "/here/schedules"] {
            by_runner(server.get(&format!("{place}{path}"))).await.assert_status(200);
        }
        by_runner(server.get("/api/v1/publishers/acme/skills")).await.assert_status(200);
        let text = small("here", "Do it otherwise.").to_string();
        let register = server.post(place).header("content-type", JSON).body(text);
        by_runner(register.clone()).await.assert_refused(403, "forbidden");
        let change = |body| server.request(Method::PATCH, &format!("{place}/here")).json(&body);
        by_runner(change(json!({"paused": true}))).await.assert_refused(403, "forbidden");
        // Nobody is told of it; somebody else's credential finds nothing.
        register.send().await.assert_refused(401, "unauthenticated");
        let eve = server.register("eve").await;
        server.get(place).by(&eve).send().await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn members_register_and_those_who_run_it_say_whose_agents_work(ground: Ground) {
        let server = ground.server().start().await;
        let anna = choir(&server).await;
        server.post("/api/v1/orgs/choir/publisher").by(&anna).send().await.assert_status(201);
        let (mia, vera) = (server.register("mia").await, server.register("vera").await);
        join(&server, &anna, &mia, "member").await;
        join(&server, &anna, &vera, "viewer").await;
        let place = "/api/v1/publishers/choir/pipelines";
        let text = small("here", "Do it.").to_string();
        let register = || server.post(place).header("content-type", JSON).body(text.clone());
        register().by(&vera).send().await.assert_refused(403, "forbidden");
        register().by(&mia).send().await.assert_status(201);
        server.get(place).by(&vera).send().await.assert_status(200);
        let version = server.get(&format!("{place}/here/versions/1")).by(&vera).send().await;
        assert_eq!(version.json()["created_by"], "mia");
        let change = |body| server.request(Method::PATCH, &format!("{place}/here")).json(&body);
        change(json!({"paused": true})).by(&mia).send().await.assert_status(200);
        let open = json!({"audience": "open", "paused": false});
        change(open.clone()).by(&mia).send().await.assert_refused(403, "forbidden");
        let seen = server.get(&format!("{place}/here")).by(&vera).send().await.json();
        assert_eq!((&seen["audience"], &seen["paused"]), (&json!("members"), &json!(true)));
        let changed = change(open).by(&anna).send().await.json();
        assert_eq!((&changed["audience"], &changed["paused"]), (&json!("open"), &json!(false)));
    }
}
