//! Stars, watches and follows: set twice is set once, taken back twice too; counts are exact.

use super::*;

const STAR: &str = "/api/v1/repos/anna/song/star";
const SUBSCRIPTION: &str = "/api/v1/repos/anna/song/subscription";

async fn counts(server: &Server) -> (u64, u64) {
    let shown = server.get(SONG).send().await.json();
    (shown["stars"].as_u64().unwrap(), shown["watchers"].as_u64().unwrap())
}

fn handles(items: &[Value]) -> Vec<&str> {
    items.iter().map(|it| it["handle"].as_str().unwrap()).collect()
}

on_both! {
    /// C76.
    async fn a_star_is_set_once_however_often_it_is_set(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        for person in [&boris, &boris, &anna] {
            put(&server, STAR, person, json!({})).await.assert_status(204);
        }
        assert_eq!(counts(&server).await, (2, 0));
        assert_eq!(handles(&items(&server, &format!("{SONG}/stargazers"), None).await), ["anna", "boris"]);
        let one = server.get(&format!("{SONG}/stargazers?limit=1")).send().await.json();
        let cursor = one["next_cursor"].as_str().unwrap();
        let rest = items(&server, &format!("{SONG}/stargazers?limit=1&cursor={cursor}"), None).await;
        assert_eq!(handles(&rest), ["boris"]);
        let starred = items(&server, "/api/v1/principals/boris/starred", None).await;
        assert_eq!((starred.len(), &starred[0]["full_name"]), (1, &json!("anna/song")));
        for _ in 0..2 {
            delete(&server, STAR, &boris).await.assert_status(204);
        }
        assert_eq!(counts(&server).await, (1, 0));
        assert_eq!(items(&server, "/api/v1/principals/boris/starred", None).await.len(), 0);
        // What was taken back is told of no more; set again it is told of once.
        let did = || async { items(&server, "/api/v1/principals/boris/activity", None).await };
        assert_eq!(did().await.len(), 0);
        put(&server, STAR, &boris, json!({})).await.assert_status(204);
        assert_eq!(types(&did().await), ["repository.starred"]);
        server.request(Method::PUT, STAR).json(&json!({})).send().await.assert_refused(401, "unauthenticated");
        let shown = page(&server, "/anna/song/stargazers", None).await.text();
        assert!(shown.contains(r#"href="/boris""#), "{shown}");
        let explored = page(&server, "/explore?sort=stars", None).await.text();
        assert!(explored.contains("2 stars"), "{explored}");
    }
}

on_both! {
    async fn a_watch_has_a_level_and_only_some_levels_count(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        let watch = |person: Person, level: &'static str| {
            let server = &server;
            async move { put(server, SUBSCRIPTION, &person, json!({ "level": level })).await }
        };
        for (level, count) in [("all", 1), ("all", 1), ("releases", 1), ("ignore", 0), ("participating", 0), ("all", 1)] {
            watch(boris.clone(), level).await.assert_status(204);
            assert_eq!(counts(&server).await.1, count, "{level}");
        }
        watch(boris.clone(), "loudly").await.assert_refused(422, "invalid");
        watch(anna.clone(), "releases").await.assert_status(204);
        let watchers = items(&server, &format!("{SONG}/watchers"), None).await;
        assert_eq!(handles(&watchers), ["anna", "boris"]);
        assert_eq!((&watchers[0]["level"], &watchers[1]["level"]), (&json!("releases"), &json!("all")));
        for _ in 0..2 {
            delete(&server, SUBSCRIPTION, &boris).await.assert_status(204);
        }
        assert_eq!(counts(&server).await, (0, 1));
        // Nobody else's business: no row.
        assert_eq!(items(&server, "/api/v1/principals/boris/activity", None).await.len(), 0);
    }
}

on_both! {
    async fn one_follows_others_and_not_oneself(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        for _ in 0..2 {
            put(&server, "/api/v1/following/anna", &boris, json!({})).await.assert_status(204);
        }
        put(&server, "/api/v1/following/boris", &boris, json!({})).await.assert_refused(422, "invalid");
        put(&server, "/api/v1/following/nobody", &boris, json!({})).await.assert_status(404);
        let anonymous = server.request(Method::PUT, "/api/v1/following/anna").json(&json!({}));
        anonymous.send().await.assert_refused(401, "unauthenticated");
        assert_eq!(handles(&items(&server, "/api/v1/principals/anna/followers", None).await), ["boris"]);
        assert_eq!(handles(&items(&server, "/api/v1/principals/boris/following", None).await), ["anna"]);
        let did = items(&server, "/api/v1/principals/boris/activity", Some(&anna)).await;
        assert_eq!((types(&did), &did[0]["data"]["handle"]), (vec!["follow.added"], &json!("anna")));
        for _ in 0..2 {
            delete(&server, "/api/v1/following/anna", &boris).await.assert_status(204);
        }
        assert_eq!(items(&server, "/api/v1/principals/anna/followers", None).await.len(), 0);
        assert_eq!(items(&server, "/api/v1/principals/boris/activity", None).await.len(), 0);
    }
}

on_both! {
    async fn the_forms_do_the_same_and_an_archived_repository_takes_no_mark(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        let cookie = sign_in(&server, &boris).await;
        let mark = mark(&server, &cookie).await;
        let send = |target: &'static str, fields: &str| {
            let body = format!("{fields}&csrf={mark}");
            form(own_page(server.post(target)), &cookie, &body)
        };
        for (target, fields, to) in [
            ("/anna/song/star", "star=on", "/anna/song"),
            ("/anna/song/watch", "level=all", "/anna/song"),
            ("/settings/following", "handle=anna&follow=on", "/anna"),
        ] {
            let answer = send(target, fields).send().await;
            assert_eq!((answer.status, answer.header("location")), (303, to), "{}", answer.text());
        }
        assert_eq!(counts(&server).await, (1, 1));
        let shown = page(&server, "/anna/song", Some(&cookie)).await.text();
        for part in [r#"value="off">Starred"#, r#"<option value="all" selected>"#, "1 star", "1 watcher"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(page(&server, "/anna", Some(&cookie)).await.text().contains(r#"value="off">Following"#));
        // A stranger's site has no mark, a reader without a session no form.
        form(server.post("/anna/song/star"), &cookie, "star=off").send().await.assert_status(403);
        assert!(!page(&server, "/anna/song", None).await.text().contains("<form method=\"post\""));
        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await.assert_status(200);
        delete(&server, STAR, &boris).await.assert_refused(409, "archived");
        let unwatched = put(&server, SUBSCRIPTION, &boris, json!({ "level": "ignore" })).await;
        unwatched.assert_refused(409, "archived");
        assert_eq!(counts(&server).await, (1, 1));
    }
}

on_both! {
    /// Counts equal the rows that they count, also where many come at once; of one subject no number is given twice.
    async fn many_stars_at_once_are_counted_each(ground: Ground) {
        let (server, anna, _, _) = house(&ground).await;
        let mut people = Vec::new();
        for number in 0..12 {
            people.push(server.register(&format!("fan-{number}")).await);
        }
        let running = people.iter().map(|it| put(&server, STAR, it, json!({}))).collect();
        for answer in join_all(running).await {
            answer.assert_status(204);
        }
        assert_eq!(counts(&server).await.0, 12);
        let found = items(&server, &format!("{SONG}/activity?limit=100&kind=people"), Some(&anna)).await;
        let mut numbers: Vec<_> = found.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=13).collect::<Vec<_>>());
    }
}

async fn join_all<F: Future<Output = Answer>>(futures: Vec<F>) -> Vec<Answer> {
    let mut waiting: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(answer) = future.as_mut().poll(context) {
                *done = Some(answer);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            let answers = waiting.iter_mut().filter_map(|(_, done)| done.take()).collect();
            return std::task::Poll::Ready(answers);
        }
        std::task::Poll::Pending
    })
    .await
}
