//! A store that is gone, slow, silent, of another mind, or behind a line that breaks.

use std::time::Duration;

use buckets::Mode;

use super::*;

/// Loses patience with silence before a test does: for what must fail, never for what must work.
fn hasty() -> Patience {
    Patience { silence: Duration::from_millis(200), ..twice() }
}

/// Tries everything twice more.
fn twice() -> Patience {
    Patience { retries: 2, ..Patience::default() }
}

/// One of each operation, and the codes of their errors.
async fn codes(ground: &Ground, bucket: &Bucket) -> Vec<&'static str> {
    let file = ground.file(b"bytes");
    let outcomes = [
        bucket.put("new", &file, 5, None).await.err(),
        read(bucket, "old", None).await.err(),
        bucket.head("old").await.err(),
        bucket.list("", None, 10).await.err(),
        bucket.delete(&["new".to_owned()]).await.err(),
        bucket.rename("old", "other").await.err(),
        bucket.probe(&[7; 16]).await.err(),
    ];
    outcomes.iter().map(|it| it.as_ref().map_or("success", BucketError::code)).collect()
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_told_without_it() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        ground.put("old", b"bytes").await.unwrap();
        let secret = format!("{}x", ground.settings.secret.expose());
        let bucket = ground.with(Patience::default(), |settings| {
            settings.secret = Secret::new(secret.clone());
        });
        assert_eq!(codes(&ground, &bucket).await, ["refused"; 7], "{kind:?}");
        let refused = bucket.list("", None, 1).await.unwrap_err();
        let told = format!("{refused} {refused:?} {bucket:?} {:?}", ground.settings);
        for hidden in [secret.as_str(), ground.settings.secret.expose(), "Signature="] {
            assert!(!told.contains(hidden), "{told}");
        }
        assert!(told.contains("see that key id and secret are right"), "{told}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_apart_from_missing_keys() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        let bucket = ground.with(Patience::default(), |settings| {
            settings.bucket = "nobodys-bucket".to_owned();
        });
        assert_eq!(codes(&ground, &bucket).await, ["no_bucket"; 7], "{kind:?}");
    }
}

#[tokio::test]
async fn another_region_is_told() {
    let ground = Ground::on(Kind::Garage).await;
    let bucket = ground.with(Patience::default(), |settings| {
        settings.region = "eu-central-9".to_owned();
    });
    assert_eq!(bucket.list("", None, 1).await.unwrap_err().code(), "other_region");
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_in_time_and_serves_again_once_it_is_back() {
    let ground = Ground::of(Store::start(Kind::Garage).await).await;
    ground.put("old", b"bytes").await.unwrap();
    ground.store.kill().await;
    let gone = codes(&ground, &ground.with(twice(), |_| ())).await;
    assert_eq!(gone, ["unreachable"; 7]);
    ground.store.start_again().await;
    assert_eq!(read(&ground.bucket, "old", None).await.unwrap(), b"bytes");
    assert_eq!(codes(&ground, &ground.bucket).await, ["success"; 7]);
}

#[tokio::test]
async fn a_silent_store_is_told_in_time() {
    let ground = Ground::on(Kind::Garage).await;
    ground.put("old", b"bytes").await.unwrap();
    let (proxy, bucket) = ground.behind(hasty()).await;
    proxy.set(Mode::Silent);
    assert_eq!(codes(&ground, &bucket).await, ["slow"; 7]);
    assert!(bucket.head("old").await.unwrap_err().is_passing());
}

#[tokio::test]
async fn a_slow_store_is_waited_for() {
    let ground = Ground::on(Kind::Garage).await;
    ground.put("old", b"bytes").await.unwrap();
    let (proxy, bucket) = ground.behind(Patience::default()).await;
    proxy.set(Mode::Slow(Duration::from_millis(20)));
    assert_eq!(codes(&ground, &bucket).await, ["success"; 7]);
}

#[tokio::test]
async fn a_line_that_hangs_up_is_tried_again_and_not_for_ever() {
    let ground = Ground::on(Kind::Garage).await;
    let (proxy, bucket) = ground.behind(twice()).await;
    proxy.set(Mode::HangUp);
    assert_eq!(bucket.head("old").await.unwrap_err().code(), "unreachable");
    assert_eq!(proxy.connections(), 1 + twice().retries as u64);
    proxy.set(Mode::Through);
    assert_eq!(bucket.head("old").await.unwrap(), None);
}

#[tokio::test]
async fn a_download_that_breaks_is_taken_up_where_it_broke() {
    let ground = Ground::on(Kind::Garage).await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_003).collect();
    ground.put("old", &bytes).await.unwrap();
    let (proxy, bucket) = ground.behind(Patience::default()).await;
    proxy.set(Mode::Cut(400_000));
    assert!(read(&bucket, "old", None).await.unwrap() == bytes);
    assert_eq!(proxy.connections(), 3);
}

#[tokio::test]
async fn a_download_that_breaks_again_and_again_is_an_error_and_never_a_short_object() {
    let ground = Ground::on(Kind::Garage).await;
    ground.put("old", &vec![7; 1_000_003]).await.unwrap();
    let (proxy, bucket) = ground.behind(twice()).await;
    proxy.set(Mode::Cut(100_000));
    assert_eq!(read(&bucket, "old", None).await.unwrap_err().code(), "unreachable");
}
