//! Which settings are taken.

use super::*;

fn settings() -> BucketSettings {
    BucketSettings {
        endpoint: "http://127.0.0.1:3900".to_owned(),
        region: "garage".to_owned(),
        bucket: "motet".to_owned(),
        prefix: String::new(),
        key_id: "GK31".to_owned(),
        secret: Secret::new("hush-hush".to_owned()),
        path_style: true,
    }
}

fn told(change: impl FnOnce(&mut BucketSettings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    Bucket::open(&settings, Patience::default())
        .map_or_else(|error| error.to_string(), |bucket| format!("{bucket:?}"))
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_told_by_name() {
    assert_eq!(told(|_| ()), r#"AmazonS3(motet) below """#);
    assert_eq!(told(|it| it.prefix = "/a/b.c/".to_owned()), r#"AmazonS3(motet) below "a/b.c/""#);
    for (change, expected) in [
        ((|it| it.endpoint = "127.0.0.1:3900".to_owned()) as fn(&mut BucketSettings), "endpoint"),
        (|it| it.endpoint = "http://127.0.0.1/motet".to_owned(), "endpoint"),
        (|it| it.endpoint = "http://key:secret@127.0.0.1".to_owned(), "endpoint"),
        (|it| it.path_style = false, "endpoint"),
        (|it| it.region = String::new(), "region"),
        (|it| it.bucket = "Motet/other".to_owned(), "name"),
        (|it| it.bucket = "mo".to_owned(), "name"),
        (|it| it.prefix = "a//b".to_owned(), "prefix"),
        (|it| it.prefix = "a/../b".to_owned(), "prefix"),
        (|it| it.key_id = "two words".to_owned(), "key id"),
        (|it| it.secret = Secret::new("line\nfeed".to_owned()), "secret"),
    ] {
        let told = told(change);
        assert!(told.contains(&format!("the {expected} of the bucket")), "{told}");
        assert!(!told.contains("hush"), "{told}");
    }
}

#[test]
fn a_bucket_may_stand_before_the_host() {
    let mut settings = settings();
    settings.path_style = false;
    settings.endpoint = "https://s3.eu-central-1.amazonaws.com".to_owned();
    assert_eq!(
        settings.origin().unwrap().to_string(),
        "https://motet.s3.eu-central-1.amazonaws.com"
    );
}

#[test]
fn the_secret_is_not_in_what_is_printed() {
    let text = format!("{:?}", settings());
    assert!(text.contains("motet") && !text.contains("hush") && !text.contains("GK31"), "{text}");
}
