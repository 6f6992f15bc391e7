//! Schedules of current versions.

use http::Method;
use serde_json::{Value, json};

use super::{Tenant, small, with};
use crate::ground::{Ground, on_both};

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
