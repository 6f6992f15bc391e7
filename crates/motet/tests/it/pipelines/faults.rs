//! What does not hold is told with all its places, before anything is written.

use http::Method;
use serde_json::{Value, json};

use super::{CASES, JSON, Tenant, YAML, parsed, small, with};
use crate::ground::{Ground, on_both};

/// The places and codes of a refusal.
fn told(answer: &testkit::Answer) -> Vec<Value> {
    answer.assert_refused(422, "invalid");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let pair = |it: &Value| json!({"pointer": it["pointer"], "code": it["code"]});
    errors.iter().map(pair).collect()
}

on_both! {
    /// W04: every case, through the server.
    async fn every_fault_has_its_code_and_its_place_and_there_are_no_others(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let faults = parsed(CASES)["faults"].clone();
        let base = &faults["base"];
        acme.register("?dry_run=true", JSON, &base.to_string()).await.assert_status(201);
        let mut asked = 0;
        for case in faults["cases"].as_array().unwrap() {
            let document = with(base.clone(), case["set"].as_str().unwrap(), case["to"].clone());
            let answer = acme.register("", JSON, &document.to_string()).await;
            assert_eq!(json!(told(&answer)), case["errors"], "{}: {}", case["set"], case["to"]);
            asked += 1;
        }
        for case in faults["texts"].as_array().unwrap() {
            let answer = acme.register("", YAML, case["yaml"].as_str().unwrap()).await;
            let codes: Vec<_> = told(&answer).iter().map(|it| it["code"].clone()).collect();
            assert_eq!(codes, [case["code"].clone()], "{case}");
            asked += 1;
        }
        assert!(asked >= 50, "{asked}");
        assert_eq!(acme.items("/pipelines").await, Vec::<Value>::new());
    }
}

on_both! {
    /// W05, W06.
    async fn texts_beyond_their_bounds_are_refused_before_they_hurt(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let nested = (1..10).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, at| {
            let before = vec![format!("*a{}", at - 1); 9].join(", ");
            format!("{text}a{at}: &a{at} [{before}]\n")
        });
        let found = told(&acme.register("", YAML, &nested).await);
        assert_eq!(found, [json!({"pointer": "", "code": "yaml_alias"})]);
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for kind in [JSON, YAML] {
            let codes = |found: Vec<Value>| found.into_iter().map(|it| it["code"].clone()).collect::<Vec<_>>();
            assert_eq!(codes(told(&acme.register("", kind, &deep(65)).await)), ["too_deep"]);
            assert_eq!(codes(told(&acme.register("", kind, &deep(64)).await)), ["wrong_type"]);
        }
        // One byte over each cap; what is just within it is read.
        let mut text = small("long", "Do it.").to_string();
        text.push_str(&" ".repeat((1 << 20) - text.len()));
        acme.register("?dry_run=true", JSON, &text).await.assert_status(201);
        text.push(' ');
        acme.register("?dry_run=true", JSON, &text).await.assert_refused(413, "too_large");
        let change = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
        acme.registered(&small("here", "Do it.")).await;
        let sent = async |path: &str, method: Method, body: String| {
            acme.request(method, path).header("content-type", JSON).body(body).send().await
        };
        let here = "/pipelines/here";
        sent(here, Method::PATCH, change(64 << 10)).await.assert_status(200);
        sent(here, Method::PATCH, change((64 << 10) + 1)).await.assert_refused(413, "too_large");
        sent("/skills", Method::POST, change(10 << 20)).await.assert_refused(422, "invalid");
        sent("/skills", Method::POST, change((10 << 20) + 1)).await.assert_refused(413, "too_large");
    }
}

on_both! {
    /// W47, as far as registration goes; W07, its second half.
    async fn what_lies_outside_of_the_text_is_asked_too(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let base = small("here", "Do it.");
        let of = async |pointer: &str, to: Value| {
            let document = with(base.clone(), pointer, to);
            told(&acme.register("", JSON, &document.to_string()).await)
        };
        let one = |pointer: &str, code: &str| vec![json!({"pointer": pointer, "code": code})];
        assert_eq!(of("/priority", json!(9)).await, one("/priority", "priority_not_granted"));
        let step = of("/steps/0/priority", json!(6)).await;
        assert_eq!(step, one("/steps/0/priority", "priority_not_granted"));
        for reference in ["nothing@1.0", "nobody/nothing@latest", "no reference", "Acme/../x@1"] {
            let found = of("/skills", json!([reference])).await;
            assert_eq!(found, one("/skills/0", "skill_unknown"), "{reference}");
        }
        let pattern = "/steps/0/output_schema/properties/a";
        let ahead = of(pattern, json!({"type": "string", "pattern": "(?=a)a"})).await;
        assert_eq!(ahead, one(&format!("{pattern}/pattern"), "regex_unsupported"));
        // W73: the forms of addresses that are not public.
        for url in [
            "https://localhost/", "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://2130706433/",
            "https://169.254.169.254/", "https://100.64.0.1/", "https://[64:ff9b::7f00:1]/",
        ] {
            let webhook = of("/webhook", json!({"url": url})).await;
            assert_eq!(webhook, one("/webhook/url", "webhook_refused"), "{url}");
            let called = json!([{
                "name": "look", "url": url, "summary": "s", "input_schema": {"type": "object"},
                "output_schema": {"type": "object"},
            }]);
            let endpoint = of("/steps/0/subcommands", called).await;
            assert_eq!(endpoint, one("/steps/0/subcommands/0/url", "endpoint_refused"), "{url}");
        }
    }
}

on_both! {
    async fn other_types_of_bodies_are_not_taken(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let text = small("here", "Do it.").to_string();
        for kind in ["text/plain", "text/yaml", "application/x-yaml", "application/xml"] {
            let answer = acme.register("?dry_run=true", kind, &text).await;
            answer.assert_refused(415, "unsupported_media_type");
        }
        let answer = acme.register("?dry_run=true", "application/yaml; charset=utf-8", &text).await;
        answer.assert_status(201);
    }
}
