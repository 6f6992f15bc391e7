//! Schedules of current versions.

use http::Method;
use serde_json::{Value, json};

use super::{Tenant, small, with};
use crate::{
    ground::{Ground, eventually, on_both},
    store,
};

fn schedule(name: &str, cron: &str) -> Value {
    json!({"name": name, "cron": cron, "time_zone": "UTC", "input": {}})
}

on_both! {
    async fn the_schedules_are_those_of_the_current_version(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let path = "/pipelines/here/schedules";
        let of = |schedules: Value| with(small("here", "Do it."), "/schedules", schedules);
        acme.registered(&of(json!([schedule("daily", "0 5 * * *"), schedule("leap", "0 0 29 2 *")]))).await;
        let first = acme.items(path).await;
        let names = |items: &[Value]| items.iter().map(|it| it["name"].clone()).collect::<Vec<_>>();
        assert_eq!(names(&first), ["daily", "leap"]);
        let daily = &first[0];
        assert_eq!((&daily["missed"], &daily["paused"]), (&json!("latest"), &json!(false)));
        assert!(daily["next_at"].as_str().unwrap().ends_with("T05:00:00.000Z"));
        assert_eq!(daily["next_fires"].as_array().unwrap().len(), 5);
        let pause = async |name: &str, paused: bool| {
            acme.send(Method::PATCH, &format!("{path}/{name}"), json!({"paused": paused})).await
        };
        let paused = pause("daily", true).await;
        paused.assert_status(200);
        assert_eq!((&paused.json()["paused"], &paused.json()["next_at"]), (&json!(true), &Value::Null));
        pause("never", true).await.assert_refused(404, "not_found");
        // The next version has other ones; what rests goes on resting under its name.
        acme.registered(&of(json!([schedule("daily", "0 6 * * *"), schedule("hourly", "5 * * * *")]))).await;
        let second = acme.items(path).await;
        assert_eq!(names(&second), ["daily", "hourly"]);
        assert_eq!((&second[0]["paused"], &second[0]["cron"]), (&json!(true), &json!("0 6 * * *")));
        let resumed = pause("daily", false).await.json();
        assert!(resumed["next_at"].as_str().unwrap().ends_with("T06:00:00.000Z"));
        let back = json!({"current_version": 1});
        acme.send(Method::PATCH, "/pipelines/here", back).await.assert_status(200);
        assert_eq!(names(&acme.items(path).await), ["daily", "leap"]);
        acme.request(Method::DELETE, "/pipelines/here").send().await.assert_status(204);
        assert_eq!(acme.items(path).await, Vec::<Value>::new());
        acme.get("/pipelines/there/schedules").await.assert_refused(404, "not_found");
    }
}

on_both! {
    /// W95: three hours down.
    async fn what_was_missed_is_made_up_for_as_the_schedule_says(ground: Ground) {
        let mut server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let token = acme.token.clone();
        // Half an hour from now, and so half an hour before each hour that has passed.
        let minute = (names::Clock::default().now().seconds() / 60 + 30) % 60;
        let schedules = ["skip", "latest", "all"].map(|missed| {
            let schedule = schedule(missed, &format!("{minute} * * * *"));
            with(schedule, "/missed", json!(missed))
        });
        acme.registered(&with(small("here", "Do it."), "/schedules", json!(schedules))).await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::let_hours_of_schedules_pass(&mut tx, 3).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        let acme = Tenant { server: &server, handle: "acme".to_owned(), token };
        let path = "/pipelines/here/schedules";
        let now = names::Clock::default().now().to_string();
        eventually("the schedules have fired", async || {
            let items = acme.items(path).await;
            items.iter().all(|it| it["next_at"].as_str().unwrap() > now.as_str())
        })
        .await;
        let bearer = format!("Bearer {}", acme.token);
        let runs = server.get("/api/v1/runs?publisher=acme&pipeline=here&limit=100");
        let runs = runs.header("authorization", &bearer).send().await.json();
        let runs = runs["items"].as_array().unwrap();
        let of = |name: &str| {
            let begins = format!("schedule:{name}:");
            let mine = |it: &&Value| it["external_id"].as_str().is_some_and(|it| it.starts_with(&begins));
            runs.iter().filter(mine).collect::<Vec<_>>()
        };
        assert_eq!(["skip", "latest", "all"].map(|name| of(name).len()), [0, 1, 3]);
        let items = acme.items(path).await;
        let last = |name: &str| items.iter().find(|it| it["name"] == name).unwrap()["last_run"].clone();
        assert_eq!((last("skip"), last("latest")), (Value::Null, of("latest")[0]["run"].clone()));
    }
}
