//! The store against a real directory and a real database.

use std::fs;

use db::Db;
use names::{Clock, ObjectId, Random};
use tempfile::TempDir;

use crate::{Error, Objects, Staging};

struct House {
    dir: TempDir,
    db: Db,
    objects: Objects,
}

impl House {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let db = Db::sqlite(&dir.path().join("motet.db")).await.unwrap();
        let objects =
            Objects::open(&dir.path().join("objects"), Clock::default(), Random::default())
                .unwrap();
        Self { dir, db, objects }
    }

    async fn keep(&self, staging: Staging) {
        let staged = staging.finish().unwrap();
        let mut tx = self.db.write().await.unwrap();
        self.objects.register(&mut tx, &staged).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn read(&self, id: ObjectId) -> Result<Vec<u8>, Error> {
        self.objects.read(&mut self.db.glance().await.unwrap(), id).await
    }

    fn files(&self, sub: &str) -> usize {
        fs::read_dir(self.dir.path().join("objects").join(sub)).unwrap().count()
    }
}

#[tokio::test]
async fn what_is_put_comes_back_small_large_and_empty() {
    let house = House::new().await;
    let large = vec![7; 3 << 20];
    let mut staging = house.objects.stage();
    let ids =
        [staging.add(b"small").unwrap(), staging.add(&large).unwrap(), staging.add(b"").unwrap()];
    assert_eq!(staging.add(b"small").unwrap(), ids[0]);
    assert_eq!(staging.len(), 3);
    house.keep(staging).await;

    assert_eq!(house.read(ids[0]).await.unwrap(), b"small");
    assert_eq!(house.read(ids[1]).await.unwrap(), large);
    assert_eq!(house.read(ids[2]).await.unwrap(), b"");
    assert_eq!((house.files("tmp"), house.files("segments")), (0, 1));
}

#[tokio::test]
async fn pieces_make_the_same_object_as_the_whole() {
    let house = House::new().await;
    let bytes: Vec<u8> = (0..200_000u32).map(|n| n.to_be_bytes()[3]).collect();
    let mut staging = house.objects.stage();
    staging.begin();
    bytes.chunks(1000).for_each(|piece| staging.write(piece).unwrap());
    assert_eq!(staging.end().unwrap(), ObjectId::of(&bytes));
    house.keep(staging).await;

    let (to, from) = std::sync::mpsc::channel();
    let id = ObjectId::of(&bytes);
    let mut glance = house.db.glance().await.unwrap();
    let place = house.objects.find(&mut glance, &[id]).await.unwrap().remove(&id).unwrap();
    house.objects.stream(id, place, move |piece| to.send(piece).is_ok()).await.unwrap();
    assert_eq!(from.into_iter().flatten().collect::<Vec<_>>(), bytes);
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing() {
    let house = House::new().await;
    let mut staging = house.objects.stage();
    staging.add(b"small").unwrap();
    staging.add(&vec![1; 100_000]).unwrap();
    staging.begin();
    staging.write(&vec![2; 100_000]).unwrap();
    assert!(house.files("tmp") > 0);
    drop(staging);
    assert_eq!((house.files("tmp"), house.files("segments"), house.files("sha256")), (0, 0, 0));
}

#[tokio::test]
async fn what_a_dead_process_left_half_written_goes_at_boot() {
    let house = House::new().await;
    fs::write(house.dir.path().join("objects/tmp/half"), b"half").unwrap();
    Objects::open(&house.dir.path().join("objects"), Clock::default(), Random::default()).unwrap();
    assert_eq!(house.files("tmp"), 0);
}

#[tokio::test]
async fn damaged_bytes_are_never_served() {
    let house = House::new().await;
    let large = vec![7; 100_000];
    let mut staging = house.objects.stage();
    let ids = [staging.add(b"small").unwrap(), staging.add(&large).unwrap()];
    house.keep(staging).await;
    let segment =
        fs::read_dir(house.dir.path().join("objects/segments")).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(segment.path()).unwrap();
    let at = bytes.windows(5).position(|window| window == b"small").unwrap();
    bytes[at] ^= 1;
    fs::write(segment.path(), bytes).unwrap();
    let file = house.objects.layout.object(ids[1]).0;
    fs::write(file, &large[1..]).unwrap();

    for id in ids {
        assert!(matches!(house.read(id).await, Err(Error::Corrupt(damaged)) if damaged == id));
    }
}

#[tokio::test]
async fn an_unknown_object_is_missing() {
    let house = House::new().await;
    assert!(matches!(house.read(ObjectId::of(b"?")).await, Err(Error::Missing(_))));
}

#[tokio::test]
async fn the_probe_notices_a_store_that_is_gone() {
    let house = House::new().await;
    house.objects.probe().await.unwrap();
    fs::rename(house.dir.path().join("objects"), house.dir.path().join("gone")).unwrap();
    assert!(matches!(house.objects.probe().await, Err(Error::Io(_))));
}
