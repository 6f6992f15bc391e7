//! What a bucket does with keys: the same on every server.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::*;

#[tokio::test]
async fn what_was_put_comes_back_whole_and_in_ranges() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_003).collect();
        ground.put("objects/sha256/ab/cd", &bytes).await.unwrap();
        let bucket = &ground.bucket;
        let read = async |range| read(bucket, "objects/sha256/ab/cd", range).await.unwrap();
        assert!(read(None).await == bytes);
        for range in [0..1, 7..500_000, 999_999..1_000_003] {
            let at = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert!(read(Some(range)).await == bytes[at]);
        }
        assert!(read(Some(5..5)).await.is_empty());
        assert_eq!(bucket.head("objects/sha256/ab/cd").await.unwrap(), Some(1_000_003));
    }
}

#[tokio::test]
async fn an_empty_file_is_kept_as_one() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        ground.put("empty", b"").await.unwrap();
        assert_eq!(ground.bucket.head("empty").await.unwrap(), Some(0));
        assert!(read(&ground.bucket, "empty", None).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_from_faults() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        let bucket = &ground.bucket;
        assert_eq!(bucket.head("none").await.unwrap(), None);
        let missing = read(bucket, "none", None).await.unwrap_err();
        assert!(matches!(missing, BucketError::Missing { key } if key == "none"));
        let missing = bucket.rename("none", "other").await.unwrap_err();
        assert_eq!(missing.code(), "missing");
        bucket.delete(&["none".to_owned()]).await.unwrap();
        bucket.delete(&[]).await.unwrap();
        assert!(keys(bucket, "").await.is_empty());
    }
}

#[tokio::test]
async fn a_text_that_is_no_key_is_refused_before_anything_is_asked() {
    let ground = Ground::on(Kind::Moto).await;
    for key in ["", "/a", "a/", "a//b", "a/../b", "a\nb"] {
        assert_eq!(ground.bucket.head(key).await.unwrap_err().code(), "key", "{key:?}");
    }
}

#[tokio::test]
async fn keys_are_listed_in_the_order_of_their_bytes_and_from_where_one_stopped() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        let bucket = &ground.bucket;
        let put = ["b", "a/b", "a-b", "a.c", "a/a", "a0", "A", "a/é"];
        for key in put {
            ground.put(key, key.as_bytes()).await.unwrap();
        }
        let mut expected = put.map(str::to_owned);
        expected.sort_unstable();
        assert_eq!(keys(bucket, "").await, expected);
        assert_eq!(keys(bucket, "a/").await, ["a/a", "a/b", "a/é"]);
        assert_eq!(keys(bucket, "a").await.len(), 6);
        assert!(keys(bucket, "c").await.is_empty());
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let some = bucket.list("", after.as_deref(), 3).await.unwrap();
            walked.extend(some.iter().map(|it| it.key.clone()));
            after = walked.last().cloned();
            if some.len() < 3 {
                break;
            }
        }
        assert_eq!(walked, expected);
        let one = bucket.list("b", None, 1).await.unwrap();
        assert_eq!((one[0].bytes, one[0].modified.0 > 1_700_000_000_000), (1, true));
    }
}

#[tokio::test]
async fn more_keys_than_one_answer_holds_are_listed_and_deleted() {
    let ground = Ground::on(Kind::Moto).await;
    let (bucket, file) = (&ground.bucket, ground.file(b"a"));
    let expected: Vec<_> = (0..1_005).map(|number| format!("many/{number:04}")).collect();
    let puts = stream::iter(&expected).map(|key| bucket.put(key, &file, 1, None));
    puts.buffer_unordered(8).try_collect::<()>().await.unwrap();
    assert_eq!(keys(bucket, "many/").await, expected);
    bucket.delete(&expected).await.unwrap();
    assert!(keys(bucket, "").await.is_empty());
}

#[tokio::test]
async fn a_renamed_key_has_its_bytes_and_the_old_one_is_gone() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        ground.put("objects/a", b"bytes").await.unwrap();
        ground.put("quarantine/a", b"of an earlier time").await.unwrap();
        ground.bucket.rename("objects/a", "quarantine/a").await.unwrap();
        assert_eq!(keys(&ground.bucket, "").await, ["quarantine/a"]);
        assert_eq!(read(&ground.bucket, "quarantine/a", None).await.unwrap(), b"bytes");
    }
}

#[tokio::test]
async fn a_probe_leaves_nothing() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        ground.bucket.probe(&[7; 16]).await.unwrap();
        assert!(keys(&ground.bucket, "").await.is_empty());
    }
}

#[tokio::test]
async fn two_prefixes_in_one_bucket_do_not_see_each_other() {
    let ground = Ground::on(Kind::Garage).await;
    let other = ground.with(Patience::default(), |settings| settings.prefix = "other".to_owned());
    let bare = ground.with(Patience::default(), |settings| settings.prefix = String::new());
    ground.put("a", b"bytes").await.unwrap();
    assert!(keys(&other, "").await.is_empty());
    assert_eq!(other.head("a").await.unwrap(), None);
    assert_eq!(keys(&bare, "").await, ["motet/tests/a"]);
}
