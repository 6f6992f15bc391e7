//! Skills: added, named, taken out of use.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};

use super::{JSON, Tenant, small, with};
use crate::ground::{Ground, on_both};

fn front(name: &str) -> Value {
    json!({"path": "SKILL.md", "content": format!("---\nname: {name}\ndescription: How to {name}.\n---\nDo.\n")})
}

fn bundle(name: &str, version: &str, files: &[Value]) -> Value {
    let files: Vec<_> = [front(name)].into_iter().chain(files.iter().cloned()).collect();
    json!({"name": name, "version": version, "files": files})
}

fn filled(number: usize, bytes: usize) -> Vec<Value> {
    (0..number).map(|at| json!({"path": format!("f/{at}"), "content": "a".repeat(bytes)})).collect()
}

on_both! {
    /// W91.
    async fn a_bundle_holds_or_is_refused_and_never_changes(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let add = async |body: Value| acme.send(Method::POST, "/skills", body).await;
        let places = async |files: &[Value]| {
            let answer = add(bundle("knots", "0", files)).await;
            answer.assert_refused(422, "invalid");
            let errors = answer.json()["errors"].as_array().unwrap().clone();
            errors.iter().map(|it| it["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(places(&filled(64, 1)).await[0], "/files");
        let (most, path) = (256 << 10, |path: &str| json!({"path": path, "content": "x"}));
        assert_eq!(places(&filled(1, most + 1)).await, ["/files/1/content"]);
        assert_eq!(places(&[path("a/../b")]).await, ["/files/1/path"]);
        assert_eq!(places(&[json!({"path": "a"})]).await, ["/files/1/content"]);
        let without = add(json!({"name": "knots", "version": "0", "files": [path("a")]})).await;
        without.assert_refused(422, "invalid");
        assert_eq!(acme.items("/skills").await, Vec::<Value>::new());
        // A full one, 64 files and 4 MiB to the byte.
        let full = bundle("full", "1", &filled(15, most));
        let length = full["files"][0]["content"].as_str().unwrap().len();
        let mut files = filled(15, most);
        files.extend((0..47).map(|at| json!({"path": format!("small/{at}"), "content": ""})));
        files.push(json!({"path": "rest", "content": "b".repeat(most - length)}));
        let full = bundle("full", "1", &files);
        assert_eq!(full["files"].as_array().unwrap().len(), 64);
        add(full.clone()).await.assert_status(201);
        let kept = acme.get("/skills/full/1").await.json();
        let sizes = kept["files"].as_array().unwrap().iter().map(|it| it["size"].as_u64().unwrap());
        assert_eq!(sizes.sum::<u64>(), 4 << 20);
        add(with(full, "/files/63/content", json!("b".repeat(most - length + 1)))).await.assert_refused(422, "invalid");
        // The same again is that; other content is not taken.
        let bytes = [0_u8, 255, 7];
        let picture = json!({"path": "p/a.png", "content_base64": STANDARD.encode(bytes)});
        let knots = bundle("knots", "1.0+a", &[picture]);
        let made = add(knots.clone()).await;
        made.assert_status(201);
        assert_eq!(made.header("location"), "/api/v1/publishers/acme/skills/knots/1.0+a");
        let again = add(knots.clone()).await;
        assert_eq!((again.status, again.json()), (200, made.json()));
        let other = bundle("knots", "1.0+a", &[path("b")]);
        add(other).await.assert_refused(409, "version_exists");
        let file = acme.get("/skills/knots/1.0+a/files/p/a.png").await;
        assert_eq!((file.header("content-type"), file.body.as_ref()), ("application/octet-stream", &bytes[..]));
        let text = acme.get("/skills/knots/1.0+a/files/SKILL.md").await;
        assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(text.text(), front("knots")["content"]);
        acme.get("/skills/knots/1.0+a/files/p").await.assert_refused(404, "not_found");
        acme.get("/skills/knots/2").await.assert_refused(404, "not_found");
        let reference = made.json()["reference"].as_str().unwrap().to_owned();
        let hash = made.json()["sha256"].as_str().unwrap().to_owned();
        assert_eq!(reference, format!("acme/knots@1.0+a#sha256:{hash}"));
    }
}

on_both! {
    /// W12: what is stored is exact; what was taken out of use is named by nothing new, and kept by what is there.
    async fn a_reference_is_stored_as_an_exact_version(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let add = async |tenant: &Tenant<'_>, body: Value| {
            let made = tenant.send(Method::POST, "/skills", body).await;
            assert!(made.status < 300, "{}", made.text());
            made.json()["reference"].as_str().unwrap().to_owned()
        };
        let first = add(&acme, bundle("knots", "2.0", &[])).await;
        let second = add(&acme, bundle("knots", "1.0", &[json!({"path": "a", "content": ""})])).await;
        let names = |reference: &str| with(small("here", "Do it."), "/skills", json!([reference]));
        let registered = async |tenant: &Tenant<'_>, reference: &str| {
            let made = tenant.registered(&names(reference)).await;
            let path = format!("/pipelines/here/versions/{}", made["version"]);
            (made["version"].clone(), tenant.get(&path).await.json()["definition"]["skills"][0].clone())
        };
        // The newest is the one that came last.
        assert_eq!(registered(&acme, "knots@latest").await, (json!(1), json!(second)));
        // Exactly that version is the same definition.
        assert_eq!(registered(&acme, "knots@1.0").await, (json!(1), json!(second)));
        assert_eq!(registered(&acme, "acme/knots@2.0").await, (json!(2), json!(first)));
        let gone = acme.request(Method::DELETE, "/skills/knots/1.0");
        gone.send().await.assert_status(204);
        gone.send().await.assert_status(204);
        assert_eq!(registered(&acme, "knots@latest").await, (json!(2), json!(first)));
        let refused = acme.register("", JSON, &names("knots@1.0").to_string()).await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"][0]["code"], "skill_unknown");
        let kept = acme.get("/pipelines/here/versions/1").await.json();
        assert_eq!(kept["definition"]["skills"], json!([second]));
        let listed = acme.items("/skills").await;
        let listed: Vec<_> = listed.iter().map(|it| (it["version"].as_str().unwrap(), it["deprecated_at"].is_string())).collect();
        assert_eq!(listed, [("1.0", true), ("2.0", false)]);
        // A foreign one is there once it is public.
        let other = Tenant::new(&server, "other").await;
        let refused = other.register("", JSON, &names("acme/knots@2.0").to_string()).await;
        assert_eq!(refused.json()["errors"][0]["code"], "skill_unknown");
        let public = with(bundle("knots", "2.0", &[]), "/public", json!(true));
        assert_eq!(acme.send(Method::POST, "/skills", public).await.status, 200);
        assert_eq!(registered(&other, "acme/knots@latest").await, (json!(1), json!(first)));
        let noted = acme.noted().await;
        assert_eq!(noted.iter().filter(|it| *it == "publisher_updated").count(), 4);
    }
}
