//! Files on their way: at once, in parts, with the wrong bytes.

use std::{fs, fs::File, io::Write as _, path::Path};

use super::*;
use crate::bucket::upload::AT_ONCE_BYTES;

const MIB: usize = 1 << 20;

/// A file of so many different MiB, and its hash.
fn large(path: &Path, mib: usize) -> (u64, [u8; 32]) {
    let (mut file, mut hasher) = (File::create(path).unwrap(), Hasher::default());
    for number in 0..mib {
        let mut piece = vec![0; MIB];
        piece[..8].copy_from_slice(&number.to_le_bytes());
        hasher.update(&piece);
        file.write_all(&piece).unwrap();
    }
    ((mib * MIB) as u64, hasher.finish())
}

/// The most memory that this process has had, in MiB.
fn peak_mib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_takes_no_more_memory_for_it() {
    for kind in GARAGE {
        let ground = Ground::on(kind).await;
        let file = ground.dir.path().join("large");
        let (bytes, sha256) = large(&file, 96);
        let before = peak_mib();
        ground.bucket.put("large", &file, bytes, Some(sha256)).await.unwrap();
        // Four parts of 8 MiB, and what one connection for each of them needs.
        let grown = peak_mib() - before;
        assert!(grown < 60, "{grown} MiB more for a file of 96 MiB");
        let mut hasher = Hasher::default();
        let mut pieces = Box::pin(ground.bucket.get("large", None).await.unwrap());
        while let Some(piece) = pieces.try_next().await.unwrap() {
            hasher.update(&piece);
        }
        assert_eq!(hasher.finish(), sha256);
        assert!(peak_mib() - before < 60);
        // Once more is success, and nothing is sent.
        let (proxy, behind) = ground.behind(Patience::default()).await;
        proxy.set(buckets::Mode::Change(b"partNumber", b"nothinggoe"));
        behind.put("large", &file, bytes, Some(sha256)).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_just_above_the_limit_goes_in_parts_on_moto_too() {
    let ground = Ground::on(Kind::Moto).await;
    let file = ground.dir.path().join("large");
    let (bytes, sha256) = large(&file, 65);
    assert!(bytes > AT_ONCE_BYTES);
    ground.bucket.put("large", &file, bytes, Some(sha256)).await.unwrap();
    let last = read(&ground.bucket, "large", Some(bytes - 3..bytes)).await.unwrap();
    assert_eq!(last, fs::read(&file).unwrap()[65 * MIB - 3..]);
}

#[tokio::test]
async fn parts_of_a_file_with_another_hash_are_given_up() {
    let ground = Ground::on(Kind::Garage).await;
    let file = ground.dir.path().join("large");
    let (bytes, _) = large(&file, 65);
    let damaged = ground.bucket.put("large", &file, bytes, Some([7; 32])).await.unwrap_err();
    assert!(matches!(damaged, BucketError::Damaged { key } if key == "large"));
    assert_eq!(ground.bucket.head("large").await.unwrap(), None);
    assert_eq!(ground.store.unfinished_uploads(&ground.settings.bucket).await, 0);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_should_be_is_not_sent() {
    let ground = Ground::on(Kind::Garage).await;
    let (bucket, file) = (&ground.bucket, ground.file(b"bytes"));
    let damaged = bucket.put("a", &file, 5, Some([7; 32])).await.unwrap_err();
    assert_eq!(damaged.code(), "damaged");
    assert_eq!(bucket.put("a", &file, 6, None).await.unwrap_err().code(), "file");
    let none = ground.dir.path().join("none");
    assert_eq!(bucket.put("a", &none, 5, None).await.unwrap_err().code(), "file");
    assert!(keys(bucket, "").await.is_empty());
}

#[tokio::test]
async fn what_changes_on_the_line_is_refused_by_the_store() {
    for kind in GARAGE {
        let ground = Ground::on(kind).await;
        let (proxy, bucket) = ground.behind(Patience::default()).await;
        proxy.set(buckets::Mode::Change(b"the right bytes", b"the wrong bytes"));
        let bytes = b"these are the right bytes";
        let changed = put(&bucket, &ground.file(bytes), "a", bytes).await.unwrap_err();
        assert_eq!(changed.code(), "damaged", "{changed}");
        assert_eq!(ground.bucket.head("a").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_key_is_put_once_where_the_store_honours_it() {
    let ground = Ground::on(Kind::Moto).await;
    ground.put("a", b"first").await.unwrap();
    // As many bytes are taken for the same: keys are named by content or used once.
    ground.put("a", b"other").await.unwrap();
    assert_eq!(read(&ground.bucket, "a", None).await.unwrap(), b"first");
    let refused = ground.put("a", b"another").await.unwrap_err();
    assert!(matches!(refused, BucketError::OtherSize { there: 5, bytes: 7, .. }), "{refused}");
    assert_eq!(read(&ground.bucket, "a", None).await.unwrap(), b"first");
}

#[tokio::test]
async fn a_large_file_does_not_take_the_key_of_another() {
    for kind in BOTH {
        let ground = Ground::on(kind).await;
        ground.put("a", b"first").await.unwrap();
        let file = ground.dir.path().join("large");
        File::create(&file).unwrap().set_len(AT_ONCE_BYTES + 1).unwrap();
        let refused = ground.bucket.put("a", &file, AT_ONCE_BYTES + 1, None).await.unwrap_err();
        assert_eq!(refused.code(), "other_size");
        assert_eq!(read(&ground.bucket, "a", None).await.unwrap(), b"first");
    }
}

#[tokio::test]
async fn uploads_side_by_side_wait_for_memory_and_all_arrive() {
    let ground = Ground::on(Kind::Moto).await;
    let file = ground.dir.path().join("half");
    let (bytes, sha256) = large(&file, 33);
    let put = async |key: &str| ground.bucket.put(key, &file, bytes, Some(sha256)).await;
    let (one, two, three) = tokio::join!(put("1"), put("2"), put("3"));
    one.and(two).and(three).unwrap();
    assert_eq!(keys(&ground.bucket, "").await, ["1", "2", "3"]);
}
