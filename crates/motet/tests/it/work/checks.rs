//! Ballots and reviews by different owners; agents that always vanish.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::Person;

use super::{Shop, of_steps, text};
use crate::{
    ground::{Ground, eventually, on_both},
    store,
};

/// Agents of three owners, and a second one of the first.
struct Birds {
    heron: Person,
    ibis: Person,
    gannet: Person,
    kite: Person,
}

impl Birds {
    async fn of(shop: &Shop) -> Self {
        let (bert, cleo) =
            (shop.member("bert", "member").await, shop.member("cleo", "member").await);
        Self {
            heron: shop.agent(&shop.anna, "heron").await,
            ibis: shop.agent(&shop.anna, "ibis").await,
            gannet: shop.agent(&bert, "gannet").await,
            kite: shop.agent(&cleo, "kite").await,
        }
    }
}

fn address(claim: &Value) -> String {
    text(&claim["address"])
}

/// What an agent gets once a short back-off has passed.
async fn soon(shop: &Shop, agent: &Person) -> Value {
    shop.next_with(agent, &json!({"wait": 20, "resume": false})).await.pop().unwrap()
}

on_both! {
    /// W65, W66: ballots of different owners; 4 and 3 call a third; a group of two wins with its lowest ballot.
    async fn ballots_of_different_owners_elect_their_lowest(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let Birds { heron, ibis, gannet, kite } = Birds::of(&shop).await;
        let quorum = json!({"ballots": 2, "agree": 2, "max_ballots": 3, "compare": ["/n"]});
        shop.register(&of_steps("vote", json!([{"id": "a", "quorum": quorum}]), json!({}))).await;
        let run = shop.start("vote", &json!({})).await;
        let first = shop.claim(&heron).await;
        // Another agent of that owner, and the same one, get nothing of this task.
        assert!(shop.next(&ibis).await.is_none());
        assert!(shop.next(&heron).await.is_none());
        let second = shop.claim(&gannet).await;
        // Both have been ready since one moment: either may come first.
        let both = BTreeSet::from([address(&first), address(&second)]);
        assert_eq!(both, BTreeSet::from(["a/ballot.0", "a/ballot.1"].map(str::to_owned)));
        shop.done(&heron, &first, &json!({"n": 4, "list": [{"by": "heron"}]})).await;
        assert!(shop.next(&ibis).await.is_none());
        shop.done(&gannet, &second, &json!({"n": 3})).await;
        assert_eq!(shop.state(&run).await, "running");
        for nobody in [&heron, &ibis, &gannet] {
            assert!(shop.next(nobody).await.is_none());
        }
        let third = shop.claim(&kite).await;
        assert_eq!(address(&third), "a/ballot.2");
        let told = shop.done(&kite, &third, &json!({"n": 4})).await;
        assert_eq!(told["run_state"], "completed");
        let output = shop.get(&format!("/runs/{run}/output")).await;
        assert_eq!(output, json!({"n": 4, "list": [{"by": "heron"}]}));
    }
}

on_both! {
    /// W66: three that differ end without agreement.
    async fn three_ballots_that_differ_end_without_agreement(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let Birds { heron, gannet, kite, .. } = Birds::of(&shop).await;
        let quorum = json!({"ballots": 2, "agree": 2, "max_ballots": 3, "compare": ["/n"]});
        shop.register(&of_steps("vote", json!([{"id": "a", "quorum": quorum}]), json!({}))).await;
        let run = shop.start("vote", &json!({})).await;
        for (n, agent) in [&heron, &gannet, &kite].into_iter().enumerate() {
            let claim = shop.claim(agent).await;
            shop.done(agent, &claim, &json!({ "n": n })).await;
        }
        assert_eq!(shop.state(&run).await, "failed");
        let letters = shop.get("/publishers/acme/dead-letters").await;
        assert_eq!((&letters["items"][0]["reason"], &letters["items"][0]["address"]), (&json!("no_agreement"), &json!("a")));
    }
}

on_both! {
    /// W65, W67: a review by another owner; its reasons are the next claim's feedback, and an attempt is spent.
    async fn a_review_hands_its_reasons_on_and_spends_an_attempt(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let Birds { heron, ibis, gannet, kite } = Birds::of(&shop).await;
        let step = json!([{"id": "a", "attempts": 2, "review": {"count": 1}}]);
        shop.register(&of_steps("look", step, json!({}))).await;
        let run = shop.start("look", &json!({})).await;
        let work = shop.claim(&heron).await;
        let told = shop.done(&heron, &work, &json!({"n": 1})).await;
        assert_eq!((&told["verdict"], &told["accepted"]), (&json!("checking"), &json!(false)));
        for own in [&heron, &ibis] {
            assert!(shop.next(own).await.is_none());
        }
        let review = shop.claim(&gannet).await;
        assert_eq!(address(&review), "a/review.0");
        assert_eq!(review["input"]["value"]["result"], json!({"n": 1}));
        let wrong = shop.submit(&gannet, &review, &json!({"verdict": "perhaps"})).await;
        wrong.assert_refused(422, "invalid");
        let reject = json!({"verdict": "reject", "reasons": ["count again", "and slower"]});
        shop.done(&gannet, &review, &reject).await;
        // Whoever reviewed does not work on it.
        assert!(shop.next(&gannet).await.is_none());
        let again = soon(&shop, &ibis).await;
        let feedback: Vec<_> = again["feedback"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect();
        assert_eq!(feedback, ["count again", "and slower"]);
        assert_eq!((address(&again), &again["attempt"]), ("a".to_owned(), &json!(2)));
        shop.done(&ibis, &again, &json!({"n": 2})).await;
        let review = shop.claim(&kite).await;
        assert_eq!(address(&review), "a/review.1");
        let told = shop.done(&kite, &review, &json!({"verdict": "accept"})).await;
        assert_eq!(told["run_state"], "completed");
        assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"n": 2}));
    }
}

on_both! {
    /// W43: three agents that vanish in a row make poison, whatever attempts remain.
    async fn agents_that_always_vanish_make_poison(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let birds = Birds::of(&shop).await;
        shop.register(&of_steps("sync", json!([{"id": "a", "attempts": 9}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        for (number, agent) in [&birds.heron, &birds.gannet, &birds.kite].into_iter().enumerate() {
            let claim = soon(&shop, agent).await;
            assert_eq!(claim["fence"], number + 1);
            // Nothing is heard of it until its end has passed.
            shop.server.stop().await;
            let db = ground.db(&shop.server).await;
            let mut tx = db.write().await.unwrap();
            assert_eq!(store::end_claims(&mut tx).await.unwrap(), 1);
            tx.commit().await.unwrap();
            db.close().await;
            shop.server.restart().await;
            let target = format!("/api/v1/claims/{}", text(&claim["claim"]));
            eventually("the claim is over", async || {
                shop.server.get(&target).by(agent).send().await.json()["state"] == "expired"
            })
            .await;
            shop.submit(agent, &claim, &json!({"n": 1})).await.assert_refused(409, "claim_lost");
        }
        assert_eq!(shop.state(&run).await, "failed");
        let letters = shop.get("/publishers/acme/dead-letters?reason=poison:silent").await;
        assert_eq!(letters["items"][0]["address"], "a");
    }
}
