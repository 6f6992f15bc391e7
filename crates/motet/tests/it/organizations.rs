//! Organizations, members, collaborators, agents and invitations (`spec/trust.md` 1, 8.2).

use api::wire::PushRequest;
use http::Method;
use names::Secret;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::ground::{Ground, on_both};

pub(crate) async fn post(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    server.post(target).json(&body).by(by).send().await
}

pub(crate) async fn put(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    server.request(Method::PUT, target).json(&body).by(by).send().await
}

pub(crate) async fn delete(server: &Server, target: &str, by: &Person) -> Answer {
    server.request(Method::DELETE, target).by(by).send().await
}

/// Invites `member` into the choir and has them accept.
pub(crate) async fn join(server: &Server, by: &Person, member: &Person, role: &str) {
    let invited = post(server, "/api/v1/orgs/choir/invites", by, json!({ "role": role })).await;
    invited.assert_status(201);
    let code = invited.json()["code"].clone();
    let accepted = post(server, "/api/v1/invites/accept", member, json!({ "code": code })).await;
    accepted.assert_status(200);
    assert_eq!(accepted.json()["role"], role);
}

pub(crate) async fn choir(server: &Server) -> Person {
    let anna = server.register("anna").await;
    let made = post(server, "/api/v1/orgs", &anna, json!({ "handle": "Choir" })).await;
    made.assert_status(201);
    assert_eq!(
        (&made.json()["handle"], &made.json()["kind"]),
        (&json!("choir"), &json!("organization"))
    );
    anna
}

/// What somebody may do with the repository `choir/song`: read it, push to it, give levels on it.
async fn rights(server: &Server, person: &Person, branch: &str) -> [u16; 3] {
    let read = server.get("/api/v1/repos/choir/song").by(person).send().await.status;
    let story = Story::of_one("a song");
    let bundle = PushRequest { objects: story.inline(), ..story.push_to(branch) };
    let push = server.push(person, "choir/song", bundle).await.status;
    let list = server.get("/api/v1/repos/choir/song/collaborators").by(person).send().await.status;
    [read, push, list]
}

on_both! {
    async fn roles_go_as_far_as_the_table_says(ground: Ground) {
        let server = ground.server().start().await;
        let anna = choir(&server).await;
        let new = json!({ "owner": "choir", "name": "song", "visibility": "private" });
        post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
        let stranger = server.register("stranger").await;
        assert_eq!(rights(&server, &stranger, "main").await, [404; 3]);
        for (handle, role, expected) in [
            ("vera", "viewer", [200, 403, 403]),
            ("rolf", "reviewer", [200, 403, 403]),
            ("mara", "member", [200, 200, 403]),
            ("adam", "admin", [200, 200, 200]),
            ("otto", "owner", [200, 200, 200]),
        ] {
            let person = server.register(handle).await;
            join(&server, &anna, &person, role).await;
            assert_eq!(rights(&server, &person, "main").await, expected, "{role}");
            let listed = server.get("/api/v1/repos").by(&person).send().await.json();
            assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{role}");
            let seen = server.get("/api/v1/orgs/choir/members").by(&person).send().await;
            assert_eq!(seen.status, 200, "{role}");
        }
        let listed = server.get("/api/v1/repos").by(&stranger).send().await.json();
        assert_eq!(listed["items"], json!([]));
        let hidden = server.get("/api/v1/orgs/choir/members").by(&stranger).send().await;
        hidden.assert_refused(404, "not_found");

        // What members may is a setting of the organization.
        let change = server.request(Method::PATCH, "/api/v1/orgs/choir");
        change.json(&json!({ "base_level": "read" })).by(&anna).send().await.assert_status(200);
        let members = server.get("/api/v1/orgs/choir/members?limit=2").by(&anna).send().await.json();
        assert_eq!(members["items"].as_array().unwrap().len(), 2);
        let next = members["next_cursor"].as_str().unwrap().to_owned();
        let rest = format!("/api/v1/orgs/choir/members?limit=100&cursor={next}");
        let rest = server.get(&rest).by(&anna).send().await.json();
        assert_eq!(rest["items"].as_array().unwrap().len(), 4);
    }
}

on_both! {
    async fn a_member_who_is_put_down_or_out_loses_it_at_once(ground: Ground) {
        let server = ground.server().start().await;
        let anna = choir(&server).await;
        let new = json!({ "owner": "choir", "name": "song", "visibility": "private" });
        post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
        let (mara, adam) = (server.register("mara").await, server.register("adam").await);
        join(&server, &anna, &mara, "member").await;
        join(&server, &anna, &adam, "admin").await;
        let scope = json!({ "planes": { "hub": "write" }, "repositories": "all" });
        let token = post(&server, "/api/v1/tokens", &mara, json!({ "scope": scope })).await.json();
        let by_token = async || {
            let bearer = format!("Bearer {}", token["value"].as_str().unwrap());
            server.get("/api/v1/repos/choir/song").header("authorization", &bearer).send().await.status
        };
        assert_eq!((rights(&server, &mara, "main").await, by_token().await), ([200, 200, 403], 200));
        let of_mara = "/api/v1/orgs/choir/members/mara";
        put(&server, of_mara, &mara, json!({ "role": "owner" })).await.assert_refused(403, "forbidden");
        put(&server, of_mara, &adam, json!({ "role": "owner" })).await.assert_refused(403, "forbidden");
        put(&server, of_mara, &adam, json!({ "role": "viewer" })).await.assert_status(204);
        assert_eq!(rights(&server, &mara, "main").await, [200, 403, 403]);
        delete(&server, of_mara, &adam).await.assert_status(204);
        assert_eq!((rights(&server, &mara, "main").await, by_token().await), ([404; 3], 404));
        delete(&server, of_mara, &adam).await.assert_refused(404, "not_found");

        // The last owner stays; an admin does not put owners out.
        let of_anna = "/api/v1/orgs/choir/members/anna";
        delete(&server, of_anna, &adam).await.assert_refused(403, "forbidden");
        delete(&server, of_anna, &anna).await.assert_refused(409, "last_admin");
        put(&server, of_anna, &anna, json!({ "role": "admin" })).await.assert_refused(409, "last_admin");
        let leave = server.post("/api/v1/orgs/choir/leave");
        leave.clone().by(&anna).send().await.assert_refused(409, "last_admin");
        leave.by(&adam).send().await.assert_status(204);
        assert_eq!(rights(&server, &adam, "main").await, [404; 3]);
    }
}

on_both! {
    async fn a_push_of_a_member_who_is_put_down_on_the_way_moves_nothing(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, mara) = (choir(&server).await, server.register("mara").await);
        let new = json!({ "owner": "choir", "name": "song", "visibility": "private" });
        post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
        join(&server, &anna, &mara, "member").await;
        let story = Story::of_one("a song");
        let bundle = PushRequest { objects: story.inline(), ..story.push_to("main") };
        let body = bundle.into_value(api::wire::Format::MessagePack);
        let push = server.wire(&mara, "choir/song", "push", &body);
        let answer = push
            .send_held(async || {
                let target = "/api/v1/orgs/choir/members/mara";
                put(&server, target, &anna, json!({ "role": "viewer" })).await.assert_status(204);
            })
            .await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert_eq!(server.head(&anna, "choir/song", "main").await, None);
    }
}

on_both! {
    async fn an_invitation_is_good_once(ground: Ground) {
        let server = ground.server().arg("--registration").arg("invite").start().await;
        let operator = server.operator();
        let anna = Person::new("anna", Secret::new([4; 32]));
        let line = anna.key().public().to_openssh();
        server.register_key(&anna, &line).await.assert_refused(403, "invite_required");
        let invited = server.post("/api/v1/admin/invites").by(&operator).send().await;
        invited.assert_status(201);
        let code = invited.json()["code"].clone();
        let register = async |person: &Person, code: &Value| {
            let challenge = server.challenge(person.handle(), &person.key().public().to_openssh()).await;
            let mut body = person.answer_to(&challenge);
            body["invite"] = code.clone();
            server.verify(&body).await
        };
        register(&anna, &code).await.assert_status(201);
        let boris = Person::new("boris", Secret::new([5; 32]));
        register(&boris, &code).await.assert_refused(403, "invite_failed");
        register(&boris, &json!("mt_invite_x")).await.assert_refused(403, "invite_failed");
        // One into an organization is one into the install.
        post(&server, "/api/v1/orgs", &anna, json!({ "handle": "choir" })).await.assert_status(201);
        let role = json!({ "role": "member" });
        let invited = post(&server, "/api/v1/orgs/choir/invites", &anna, role).await.json();
        register(&boris, &invited["code"]).await.assert_status(201);
        let me = server.get("/api/v1/me").by(&boris).send().await.json();
        assert_eq!(me["memberships"][0]["organization"], "choir");
        server.post("/api/v1/admin/invites").by(&anna).send().await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn a_level_on_one_repository_is_given_and_taken(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let story = Story::of_one("a song");
        for name in ["anna/song", "anna/other"] {
            server.push_story(&anna, name, &story, "main").await;
        }
        let read = async |name: &str| {
            server.get(&format!("/api/v1/repos/{name}")).by(&boris).send().await.status
        };
        let push = async || server.push(&boris, "anna/song", story.push_to("side")).await.status;
        let of_boris = "/api/v1/repos/anna/song/collaborators/boris";
        assert_eq!((read("anna/song").await, push().await), (404, 404));
        put(&server, of_boris, &boris, json!({ "level": "admin" })).await.assert_refused(404, "not_found");
        put(&server, of_boris, &anna, json!({ "level": "read" })).await.assert_status(200);
        assert_eq!((read("anna/song").await, push().await), (200, 403));
        put(&server, of_boris, &boris, json!({ "level": "admin" })).await.assert_refused(403, "forbidden");
        put(&server, of_boris, &anna, json!({ "level": "write" })).await.assert_status(200);
        assert_eq!((push().await, read("anna/other").await), (200, 404));
        let listed = server.get("/api/v1/repos").by(&boris).send().await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        put(&server, of_boris, &anna, json!({ "level": "owner" })).await.assert_refused(422, "invalid");
        delete(&server, of_boris, &anna).await.assert_status(204);
        assert_eq!((read("anna/song").await, push().await), (404, 404));
    }
}

on_both! {
    async fn an_agent_goes_as_far_as_its_scope_and_its_owner(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, eve) = (server.register("anna").await, server.register("eve").await);
        let story = Story::of_one("a song");
        for name in ["anna/song", "anna/other", "eve/song"] {
            let by = if name.starts_with("eve") { &eve } else { &anna };
            server.push_story(by, name, &story, "main").await;
        }
        let scope = json!({ "planes": { "hub": "write" }, "repositories": ["anna/song", "eve/song"] });
        let new = json!({ "handle": "loom", "model": "weaver-1", "capabilities": ["code.weave"], "scope": scope });
        post(&server, "/api/v1/agents", &anna, new).await.assert_status(201);
        // Its key is registered by its owner and nobody else.
        let loom = Person::new("loom", Secret::new([6; 32]));
        let line = loom.key().public().to_openssh();
        server.register_key(&loom, &line).await.assert_refused(409, "handle_taken");
        let challenge = server.challenge("loom", &line).await;
        let met = post(&server, "/api/v1/auth/verify", &eve, loom.answer_to(&challenge)).await;
        met.assert_refused(409, "handle_taken");
        let challenge = server.challenge("loom", &line).await;
        let met = post(&server, "/api/v1/auth/verify", &anna, loom.answer_to(&challenge)).await;
        met.assert_status(201);

        let read = async |name: &str| {
            server.get(&format!("/api/v1/repos/{name}")).by(&loom).send().await.status
        };
        assert_eq!([read("anna/song").await, read("anna/other").await, read("eve/song").await], [200, 404, 404]);
        let push = async |branch: &str| {
            server.push(&loom, "anna/song", story.push_to(branch)).await.status
        };
        assert_eq!([push("main").await, push("agent/loom/try").await, push("agent/other/try").await], [403, 200, 403]);
        put(&server, "/api/v1/repos/anna/song/collaborators/loom", &anna, json!({ "level": "write" }))
            .await
            .assert_status(200);
        assert_eq!(push("main").await, 200);
        // Never what needs a person.
        let mint = post(&server, "/api/v1/tokens", &loom, json!({ "scope": scope })).await;
        mint.assert_refused(403, "forbidden");
        let token = post(&server, "/api/v1/agents/loom/tokens", &anna, json!({ "scope": scope })).await;
        token.assert_status(201);
        let bearer = format!("Bearer {}", token.json()["value"].as_str().unwrap());
        let by_token = async |name: &str| {
            let target = format!("/api/v1/repos/{name}");
            server.get(&target).header("authorization", &bearer).send().await.status
        };
        assert_eq!([by_token("anna/song").await, by_token("anna/other").await], [200, 404]);
        // Narrowed, it is narrower at once, its tokens too.
        let narrow = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "public" } });
        let patch = server.request(Method::PATCH, "/api/v1/agents/loom");
        patch.clone().json(&narrow).by(&eve).send().await.assert_refused(404, "not_found");
        patch.json(&narrow).by(&anna).send().await.assert_status(204);
        assert_eq!([read("anna/song").await, by_token("anna/song").await], [404, 404]);
        // Stopped, it is nobody.
        server.post("/api/v1/agents/loom/disable").by(&anna).send().await.assert_status(204);
        assert_eq!([read("anna/song").await, by_token("anna/song").await], [401, 401]);
    }
}

on_both! {
    async fn a_list_of_members_goes_on_where_it_said(ground: Ground) {
        let server = ground.server().start().await;
        let anna = choir(&server).await;
        for handle in ["boris", "carol", "dora"] {
            let person = server.register(handle).await;
            join(&server, &anna, &person, "viewer").await;
        }
        let list = "/api/v1/orgs/choir/members";
        let (mut target, mut seen) = (format!("{list}?limit=3"), Vec::new());
        loop {
            let page = server.get(&target).by(&anna).send().await;
            page.assert_status(200);
            let page_json = page.json();
            seen.extend(page_json["items"].as_array().unwrap().iter().map(|it| it["member"].clone()));
            let Some(next) = page.header("link").strip_prefix('<') else { break };
            next.strip_suffix(">; rel=\"next\"").unwrap().clone_into(&mut target);
        }
        assert_eq!(seen, ["anna", "boris", "carol", "dora"]);
        // A cursor is signed, and goes on in its own list alone.
        post(&server, "/api/v1/orgs", &anna, json!({ "handle": "band" })).await.assert_status(201);
        let first = server.get(&format!("{list}?limit=1")).by(&anna).send().await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        for bad in [format!("{list}?cursor=anna"), format!("/api/v1/orgs/band/members?cursor={cursor}")] {
            server.get(&bad).by(&anna).send().await.assert_refused(400, "malformed");
        }
        // The page goes on as well.
        let cookie = crate::sessions::sign_in(&server, &anna).await;
        let page = server.get("/settings/organizations/choir?after=carol").header("cookie", &cookie).send().await;
        page.assert_status(200);
        assert!(page.text().contains("dora") && !page.text().contains("boris"), "{}", page.text());
    }
}

on_both! {
    async fn what_is_shown_of_an_agent_is_changed_by_its_owner(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        post(&server, "/api/v1/agents", &anna, json!({ "handle": "loom", "model": "small" })).await.assert_status(201);
        let change = async |by: &Person, body: Value| {
            server.request(Method::PATCH, "/api/v1/agents/loom").json(&body).by(by).send().await
        };
        change(&boris, json!({ "bio": "mine" })).await.assert_refused(404, "not_found");
        let said = json!({ "model": "large", "capabilities": ["weave"], "display_name": "Loom", "bio": "I weave." });
        change(&anna, said).await.assert_status(204);
        let scope = json!({ "planes": { "hub": "read" }, "repositories": "all" });
        change(&anna, json!({ "scope": scope })).await.assert_status(204);
        for bad in [json!({ "capabilities": ["No Word"] }), json!({ "handle": "other" }), json!({ "model": "x".repeat(101) })] {
            change(&anna, bad).await.assert_refused(422, "invalid");
        }
        let listed = server.get("/api/v1/agents").by(&anna).send().await.json();
        let loom = &listed["items"][0];
        assert_eq!((&loom["model"], &loom["capabilities"]), (&json!("large"), &json!(["weave"])));
        assert_eq!(loom["scope"]["repositories"], "all");
        let face = server.get("/api/v1/principals/loom").send().await.json();
        assert_eq!((&face["display_name"], &face["bio"]), (&json!("Loom"), &json!("I weave.")));
    }
}
