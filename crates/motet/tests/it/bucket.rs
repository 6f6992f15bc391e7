//! Objects in a bucket: the server says when it is gone, serves what it can, and goes on by itself (`spec/hub.md` 13,
//! H34).

use buckets::{Bucket, Kind, Store};
use testkit::{Ended, Ground, Server, Setup, Story};

use crate::MOTET;

const SONG: &str = "anna/song";

/// A server whose rows are in its data directory and whose objects are in `bucket`.
fn on_bucket(bucket: &Bucket) -> Setup {
    Server::with(MOTET)
        .on(Ground::SqliteDisk)
        .env("MOTET_S3_ENDPOINT", &bucket.endpoint)
        .env("MOTET_S3_REGION", &bucket.region)
        .env("MOTET_S3_BUCKET", &bucket.name)
        .env("MOTET_S3_KEY_ID", &bucket.key_id)
        .env("MOTET_S3_SECRET", &bucket.secret)
}

#[tokio::test]
async fn a_store_that_is_gone_refuses_pushes_and_no_pages_and_is_used_again_once_it_is_back() {
    let garage = Store::start(Kind::Garage).await;
    let bucket = garage.bucket().await;
    let server = on_bucket(&bucket).start().await;
    let anna = server.register("anna").await;
    let mut story = Story::of_one("a song");
    let root = story.tip();
    server.push_story(&anna, SONG, &story, "main").await;
    assert!(garage.objects(&bucket.name).await > 0);

    garage.kill().await;
    story.commit(&[root], "a verse", &[("verse.txt", b"la la la")]);
    let bundle = api::wire::PushRequest { objects: story.inline(), ..story.push_to("main") };
    server.push(&anna, SONG, bundle).await.assert_refused(503, "unavailable");
    server.get("/healthz").send().await.assert_status(503);
    for place in ["/anna/song/commits/main", "/anna", "/livez"] {
        server.get(place).by(&anna).send().await.assert_status(200);
    }
    assert_eq!(server.head(&anna, SONG, "main").await, Some(root));

    garage.start_again().await;
    server.get("/healthz").send().await.assert_status(200);
    let bundle = api::wire::PushRequest { objects: story.inline(), ..story.push_to("main") };
    server.push(&anna, SONG, bundle).await.assert_status(200);
    let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
    assert_eq!(fetched.commits.len(), 2);
}

#[tokio::test]
async fn a_bucket_outlives_the_directory_of_its_server() {
    let garage = Store::shared(Kind::Garage).await;
    let bucket = garage.bucket().await;
    let mut server = on_bucket(&bucket).start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song that is read back");
    server.push_story(&anna, SONG, &story, "main").await;
    server.stop().await;
    let cache = server.data_dir().join("objects/cache");
    std::fs::remove_dir_all(&cache).unwrap();
    server.restart().await;
    let raw = server.get("/anna/song/raw/main/README.md").by(&anna).send().await;
    raw.assert_status(200);
    assert!(raw.text().contains("a song that is read back"));
}

#[tokio::test]
async fn settings_of_a_bucket_that_cannot_be_right_refuse_to_start() {
    let bucket = Store::shared(Kind::Garage).await.bucket().await;
    for (name, value, told) in [
        ("MOTET_S3_ENDPOINT", "not an address", "endpoint"),
        ("MOTET_S3_PREFIX", "a//b", "prefix"),
        ("MOTET_S3_BUCKET", "UPPER", "name"),
    ] {
        let Ended { code, log } = on_bucket(&bucket).env(name, value).refuses().await;
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(&format!("the {told} of the bucket")), "{log}");
        assert!(!log.contains(&bucket.secret), "the secret is in the log");
    }
}
