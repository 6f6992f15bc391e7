//! Pages of work: what they show, to whom, and what is done by their forms without a script (W96).

use http::Method;
use serde_json::{Value, json};
use testkit::Person;

use super::{Shop, bearing, of_steps, text};
use crate::{
    ground::{Ground, eventually, on_both},
    life_pages::Reader,
};

/// The same as it travels in a form.
fn encoded(text: &str) -> String {
    let byte = |it: u8| match it {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(it).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A fan-out of which an element may die, and what comes behind it.
fn fan(id: &str) -> Value {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["b"], "max_width": 10000}},
        {"id": "b", "attempts": 1, "on_dead": "skip"},
        {"id": "c", "requires": ["b"], "title": "The sum"},
    ]);
    of_steps(id, steps, json!({"final_output": {"composes": ["n: a.n", "sum: c.n"]}}))
}

/// A run with a fan-out of `width`.
async fn spread(shop: &Shop, agent: &Person, width: usize) -> String {
    let run = shop.start("fan", &json!({"key": "k"})).await;
    let claim = shop.claim(agent).await;
    let list: Vec<_> = (0..width).map(|it| json!({"at": it})).collect();
    shop.done(agent, &claim, &json!({"n": 1, "list": list})).await;
    run
}

#[track_caller]
fn holds(page: &str, all: &[&str]) {
    for it in all {
        assert!(page.contains(it), "{it} is not in {page}");
    }
}

on_both! {
    async fn a_run_is_shown_with_all_that_happened_to_it(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&fan("fan")).await;
        let run = spread(&shop, &heron, 4).await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        let first = shop.claim(&heron).await;
        let blocked = json!({"reason": "failed", "detail": "the <gate> is shut"});
        shop.release(&heron, &first, &blocked).await.assert_status(200);
        let second = shop.claim(&heron).await;
        shop.submit(&heron, &second, &json!({"n": "many"})).await.assert_status(422);
        shop.done(&heron, &second, &json!({"n": 2})).await;
        let page = reader.see(&format!("/runs/{run}")).await;
        page.assert_status(200);
        let page = page.text();
        holds(&page, &[
            &format!("<h1>Run <code>{run}</code> <span class=\"badge agent\">running</span></h1>"),
            // Steps, as a picture and as a table.
            "<svg class=\"steps\"", "1 dead, 2 ready, …", "<td>1 dead, 2 ready, 1 done</td>", "The sum",
            // Times, with what came of each attempt.
            "<th scope=\"col\">Critical path</th>", "1: released", "1: submitted",
            // The fan-out: four cells, one of them dead, and the same in numbers.
            "<use href=\"#c-dead\"", "<use href=\"#c-open\"", "<th scope=\"col\">dead</th>", ">0–3</a></th><td>1</td>",
            // Failures by what the agent said.
            "the &lt;gate&gt; is shut", "attempts_exhausted",
            // Budgets.
            "3 of 10,000",
            "claim.judged",
        ]);
        // What a row of the picture leads to is there, by address and by id. Of several that got ready at once any may come first.
        let place = |claim: &Value| text(&claim["address"]);
        let cell = format!("/runs/{run}/tasks/{}", encoded(&place(&first)));
        holds(&page, &[&cell]);
        for target in [cell, format!("/runs/{run}/tasks/{}", text(&first["task"]))] {
            let page = reader.see(&target).await;
            page.assert_status(200);
            holds(&page.text(), &["the &lt;gate&gt; is shut", "acme/fan@1", "Instructions, untrusted", "Fence 1", ">heron</a>"]);
        }
        let page = reader.see(&format!("/runs/{run}/tasks/{}", text(&second["task"]))).await.text();
        holds(&page, &["Result invalid", "Result accepted", "/n: "]);
        // Lists of a part.
        let dead = reader.see(&format!("/runs/{run}?step=b&state=dead")).await.text();
        holds(&dead, &[&text(&first["task"])]);
        assert!(!dead.contains(&text(&second["task"])));
        let number = place(&second).replace("b[", "").replace(']', "");
        let range = reader.see(&format!("/runs/{run}?step=b&from={number}&to={number}")).await.text();
        holds(&range, &[&text(&second["task"])]);
        assert!(!range.contains(&text(&first["task"])));
        // Dead letters by reason.
        let letters = reader.see("/pipelines/acme/-/dead-letters").await.text();
        holds(&letters, &["attempts_exhausted", "?reason=attempts_exhausted&#38;step=b#letters"]);
        // Queues.
        let queues = reader.see("/pipelines").await.text();
        holds(&queues, &["<a href=\"/pipelines/acme\">acme</a></th><td>1</td><td>2</td>", "<td>100 %</td>"]);
        let pipelines = reader.see("/pipelines/acme").await.text();
        holds(&pipelines, &["1 running", "/pipelines/acme/-/dead-letters\">1</a>"]);
    }
}

on_both! {
    async fn a_wide_fan_out_is_a_small_page(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&fan("fan")).await;
        let run = spread(&shop, &heron, 4_001).await;
        // They come some hundred at a time.
        eventually("every child is there", async || {
            let tasks = shop.get(&format!("/runs/{run}")).await["tasks"].clone();
            let counts = tasks.as_object().unwrap().values();
            counts.map(|it| it.as_u64().unwrap()).sum::<u64>() == 4_003
        })
        .await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        let page = reader.see(&format!("/runs/{run}")).await.text();
        assert_eq!(page.matches("<use href=\"#c-open\"").count(), 1_334 + 1);
        holds(&page, &["A cell stands for 3 elements", "?step=b&#38;from=3999&#38;to=4000#tasks"]);
        assert!(page.matches("<tr>").count() < 600);
        let part = reader.see(&format!("/runs/{run}?step=b&from=3999&to=4000")).await.text();
        holds(&part, &[">b[3999]</a>", ">b[4000]</a>"]);
        assert!(!part.contains(">b[3998]</a>"));
    }
}

on_both! {
    async fn what_is_anothers_is_not_there(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&fan("fan")).await;
        let run = spread(&shop, &heron, 1).await;
        let claim = shop.claim(&heron).await;
        let task = text(&claim["task"]);
        let stranger = shop.server.register("stranger").await;
        let stranger = Reader::of(&shop.server, &stranger).await;
        let nobody = "00000000-0000-7000-8000-000000000000";
        let missing = stranger.see(&format!("/runs/{nobody}")).await;
        missing.assert_status(404);
        for target in [
            format!("/runs/{run}"),
            format!("/runs/{run}/tasks/{task}"),
            format!("/runs/{run}/tasks/b%5B0%5D"),
            "/pipelines/acme".to_owned(),
            "/pipelines/acme/fan".to_owned(),
            "/pipelines/acme/fan/v/1".to_owned(),
            "/pipelines/acme/-/dead-letters".to_owned(),
            "/pipelines/acme/-/approvals".to_owned(),
            "/pipelines/acme/-/settings".to_owned(),
        ] {
            let hidden = stranger.see(&target).await;
            assert_eq!((hidden.status, hidden.faceless()), (404, missing.faceless()), "{target}");
            // Nobody at all is told no more.
            let anonymous = shop.server.get(&target).send().await;
            assert!(matches!(anonymous.status, 401 | 404), "{target}: {}", anonymous.status);
        }
        // A task of another run is not in this one.
        let other = spread(&shop, &heron, 1).await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        reader.see(&format!("/runs/{other}/tasks/{task}")).await.assert_status(404);
        reader.see(&format!("/runs/{other}/tasks/z")).await.assert_status(404);
        // Forms of others do nothing, and a viewer is offered none.
        let viewer = shop.member("victor", "viewer").await;
        let viewer = Reader::of(&shop.server, &viewer).await;
        let page = viewer.see(&format!("/runs/{run}")).await.text();
        assert!(!page.contains("/cancel\"") && !page.contains("/replay\""));
        viewer.send(&format!("/runs/{run}/cancel"), "reason=").await.assert_status(403);
        stranger.send(&format!("/runs/{run}/cancel"), "reason=").await.assert_status(404);
        let page = viewer.see("/pipelines/acme").await.text();
        assert!(!page.contains("name=\"definition\""));
        assert!(!viewer.see("/pipelines/acme/fan").await.text().contains("Start a run of"));
        assert!(!viewer.see("/pipelines/acme/-/settings").await.text().contains("Tokens"));
        assert_eq!(shop.state(&run).await, "running");
    }
}

on_both! {
    async fn a_definition_is_registered_by_a_form(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        holds(&reader.see("/pipelines/acme").await.text(), &["No pipelines yet", "Register one below"]);
        let wrong = "motet: 1\r\nid: sync\r\ncolour: red\r\nsteps: []\r\n";
        let answer = reader.send("/pipelines/acme", &format!("definition={}", encoded(wrong))).await;
        answer.assert_status(422);
        let page = answer.text();
        holds(&page, &[
            "<th scope=\"row\">3</th><td>colour: red<span class=\"fault\">", "<code>unknown_field</code> at /colour",
            "colour: red\nsteps: []\n</textarea>", "aria-describedby=\"definition-fault\"",
        ]);
        let unread = reader.send("/pipelines/acme", "definition=a%3A+%26b+1").await;
        unread.assert_status(422);
        holds(&unread.text(), &["<code>yaml_alias</code>"]);
        let right = of_steps("sync", json!([{"id": "a"}]), json!({})).to_string();
        let led = reader.done("/pipelines/acme", &format!("definition={}", encoded(&right))).await;
        assert_eq!(led, "/pipelines/acme/sync/v/1");
        let next = right.replace("Count.", "Count well.");
        let led = reader.done("/pipelines/acme", &format!("definition={}&inactive=yes", encoded(&next))).await;
        assert_eq!(led, "/pipelines/acme/sync/v/2");
        let page = reader.see("/pipelines/acme/sync/v/2?to=1").await.text();
        holds(&page, &["/steps/0/instructions", "A live run may move between them", "Current is <a href=\"/pipelines/acme/sync/v/1\">"]);
        holds(&reader.see("/pipelines/acme/sync").await.text(), &["Result of a", "<code>list</code>", "SHA-256"]);
        reader.see("/pipelines/acme/sync/v/3").await.assert_status(404);
        // What is set beside versions.
        let led = reader.done("/pipelines/acme/sync/settings", "current_version=2&audience=open&paused=yes").await;
        assert_eq!(led, "/pipelines/acme/sync");
        let told = shop.get("/publishers/acme/pipelines/sync").await;
        assert_eq!((&told["current_version"], &told["audience"], &told["paused"]), (&json!(2), &json!("open"), &json!(true)));
        holds(&reader.see("/pipelines/acme/sync").await.text(), &["The pipeline is paused"]);
        // A definition may be longer than other forms.
        let long = right.replace("Count.", &"Count. ".repeat(4_000)).replace("\"sync\"", "\"long\"");
        assert!(encoded(&long).len() > 32 << 10);
        reader.send("/pipelines/acme", &format!("definition={}{}", encoded(&long), "%20".repeat(30_000))).await.assert_status(303);
    }
}

on_both! {
    async fn a_run_is_started_by_a_form(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let schema = json!({"input_schema": {
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {
                "name": {"type": "string", "minLength": 2}, "depth": {"type": "integer", "maximum": 9},
                "mode": {"enum": ["fast", "slow"]}, "board": {"type": "object"},
            },
        }});
        shop.register(&of_steps("sync", json!([{"id": "a"}]), schema)).await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        let page = reader.see("/pipelines/acme/sync").await.text();
        holds(&page, &["name=\"of.name\"", "inputmode=\"decimal\"", "<option value=\"&#34;fast&#34;\">fast</option>", "As JSON."]);
        let target = "/pipelines/acme/sync/runs";
        let wrong = reader.send(target, "of.name=P&of.depth=many&external_id=mine").await;
        wrong.assert_status(422);
        holds(&wrong.text(), &["value=\"many\"", "this is no whole number", "value=\"mine\""]);
        let judged = reader.send(target, "of.name=P&of.depth=10").await;
        judged.assert_status(422);
        let page = judged.text();
        assert_eq!(page.matches("class=\"fault\"").count(), 2, "{page}");
        let led = reader
            .done(target, "of.name=Port&of.depth=3&of.mode=%22slow%22&of.board=%7B%22a%22%3A1%7D&external_id=mine")
            .await;
        let run = led.strip_prefix("/runs/").unwrap().to_owned();
        let told = shop.get(&format!("/runs/{run}")).await;
        assert_eq!(told["input"], json!({"name": "Port", "depth": 3, "mode": "slow", "board": {"a": 1}}));
        // JSON counts instead of the fields; the same name with another input is told.
        let taken = reader.send(target, "json=%7B%22name%22%3A%22Pier%22%7D&external_id=mine").await;
        taken.assert_status(409);
        holds(&taken.text(), &["a run with this external_id has another input"]);
        reader.done(target, "json=%7B%22name%22%3A%22Pier%22%7D").await;
        holds(&reader.see("/pipelines/acme/sync").await.text(), &["running", "mine"]);
    }
}

on_both! {
    async fn a_run_is_ordered_about_by_forms(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&fan("fan")).await;
        let run = spread(&shop, &heron, 2).await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        let here = format!("/runs/{run}");
        assert_eq!(reader.done(&format!("{here}/pause"), "").await, here);
        let page = reader.see(&here).await.text();
        holds(&page, &["It is paused", "Let it go on"]);
        assert!(!page.contains(">Pause<"));
        // What stands in the way is told on the page itself.
        let again = reader.send(&format!("{here}/pause"), "").await;
        again.assert_status(409);
        holds(&again.text(), &["That was not done."]);
        reader.done(&format!("{here}/resume"), "").await;
        let next = fan("fan").to_string().replace("Count.", "Count well.");
        shop.register(&serde_json::from_str(&next).unwrap()).await;
        reader.done(&format!("{here}/move"), "version=2").await;
        assert_eq!(shop.get(&here).await["version"], 2);
        reader.send(&format!("{here}/move"), "version=9").await.assert_status(422);
        reader.done(&format!("{here}/budgets"), "budget=claims&to=20000").await;
        assert_eq!(shop.get(&here).await["budgets"]["claims"], 20_000);
        reader.done(&format!("{here}/cancel"), "reason=enough").await;
        assert_eq!(shop.state(&run).await, "cancelled");
        let led = reader.done(&format!("{here}/replay"), "from=b%5B1%5D&version=2&input=").await;
        holds(&reader.see(&led).await.text(), &["Replay of", "copied"]);
        reader.send(&format!("{here}/replay"), "from=nowhere").await.assert_status(422);
        // Without the mark nothing is done.
        let bare = shop.server.post(&format!("{here}/cancel")).send().await;
        assert!(matches!(bare.status, 401 | 403 | 404 | 415), "{}", bare.status);
    }
}

on_both! {
    async fn persons_decide_by_a_form(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let bert = shop.member("bert", "reviewer").await;
        let form = json!({"type": "object", "required": ["grade"], "properties": {"grade": {"enum": ["good", "bad"]}, "why": {"type": "string"}}});
        let steps = json!([{"id": "a", "kind": "approval", "instructions": "Look <twice>.", "output_schema": form, "approval": {"count": 1}}]);
        shop.register(&of_steps("ask", steps, json!({}))).await;
        let (run, second) = (shop.start("ask", &json!({})).await, shop.start("ask", &json!({})).await);
        let reader = Reader::of(&shop.server, &bert).await;
        let page = reader.see("/pipelines/acme/-/approvals").await.text();
        holds(&page, &["Look &lt;twice&gt;.", "name=\"of.grade\"", "value=\"approve\"", "<span class=\"count\">2</span>"]);
        let target = |run: &str| format!("/runs/{run}/tasks/a/decide");
        let wrong = reader.send(&target(&run), "decision=approve&of.grade=&comment=kept").await;
        wrong.assert_status(422);
        holds(&wrong.text(), &[">kept</textarea>", "role=\"alert\""]);
        reader.done(&target(&run), "decision=approve&of.grade=%22good%22&comment=well+done").await;
        assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"grade": "good"}));
        reader.done(&target(&second), "decision=reject&comment=no").await;
        assert_eq!(shop.state(&second).await, "failed");
        reader.send(&target(&run), "decision=reject").await.assert_status(409);
        let page = reader.see("/pipelines/acme/-/approvals").await.text();
        holds(&page, &["Nobody is asked", "Decided lately", ">bert</a></td><td>approve</td><td class=\"said\">well done</td>"]);
        holds(&reader.see(&format!("/runs/{run}/tasks/a")).await.text(), &["Decisions", "well done"]);
    }
}

on_both! {
    async fn a_publisher_is_set_up_by_forms(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        shop.agent(&shop.anna, "heron").await;
        let reader = Reader::of(&shop.server, &shop.anna).await;
        let here = "/pipelines/acme/-/settings";
        let made = reader.send(&format!("{here}/tokens/runner"), "label=nightly&pipelines=").await;
        made.assert_status(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let page = made.text();
        let (_, rest) = page.split_once("aria-label=\"the new token\">").unwrap();
        let token = rest.split('<').next().unwrap();
        let seen = bearing(shop.server.get("/api/v1/publishers/me"), token).send().await;
        seen.assert_status(200);
        let page = reader.see(here).await.text();
        assert!(!page.contains(token));
        holds(&page, &["nightly", "/tokens/runner/rotate"]);
        let made = reader.send(&format!("{here}/secrets/webhook_signing"), "").await.text();
        holds(&made, &["Copy the new secret now", "whsec_"]);
        let rotated = reader.send(&format!("{here}/secrets/webhook_signing"), "").await;
        rotated.assert_status(200);
        assert_eq!(reader.see(here).await.text().matches("/secrets/webhook_signing/revoke").count(), 2);
        assert_eq!(reader.done(&format!("{here}/agents"), "agent=heron&state=vouched&labels=%40acme%2Fvetted").await, here);
        holds(&reader.see(here).await.text(), &[">heron</a></th><td>vouched</td><td class=\"said\">@acme/vetted</td>"]);
        let wrong = reader.send(&format!("{here}/agents"), "agent=heron&state=vouched&labels=vetted").await;
        wrong.assert_status(422);
        holds(&wrong.text(), &["a publisher gives at most 16 labels"]);
        reader.done(&format!("{here}/agents"), "agent=heron&state=none").await;
        assert!(shop.get("/publishers/acme/agents").await["items"].as_array().unwrap().is_empty());
        // A reader finds the way here.
        holds(&reader.see("/settings/organizations/acme").await.text(), &["href=\"/pipelines/acme\""]);
        let other = json!({ "handle": "other" });
        shop.server.post("/api/v1/orgs").json(&other).by(&shop.anna).send().await.assert_status(201);
        holds(&reader.see("/settings/organizations/other").await.text(), &["Switch pipelines on"]);
        assert_eq!(reader.done("/settings/organizations/other/publisher", "").await, "/pipelines/other");
        let seen = shop.run(Method::GET, "/publishers/me", &Value::Null).await;
        seen.assert_status(200);
    }
}
