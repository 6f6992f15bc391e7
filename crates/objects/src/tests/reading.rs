//! Bytes there and back; what is wrong is never handed out.

use std::fs;

use futures_util::TryStreamExt as _;
use names::{Clock, ObjectId, Random};

use super::house::{House, on_both};
use crate::{Error, Objects, Piece, Store};

const LARGE: usize = 100_000;

on_both! { all
    async fn what_is_put_comes_back_small_large_and_empty(house: House) {
        let large = vec![7; 3 << 20];
        let ids = house.put(&[b"small", &large, b"", b"small"]).await;
        assert_eq!(ids[0], ids[3]);
        assert_eq!(house.read(ids[0]).await.unwrap(), b"small");
        assert_eq!(house.read(ids[1]).await.unwrap(), large);
        assert_eq!(house.read(ids[2]).await.unwrap(), b"");
        assert_eq!((house.on_the_way(), house.names("segments").await.len()), (0, 1));
    }
}

on_both! { all
    async fn what_lies_together_is_read_together_and_what_is_wrong_from_another_copy(house: House) {
        let texts: Vec<_> = (0..300).map(|at| format!("line {at}").into_bytes()).collect();
        let large = vec![7; LARGE];
        let mut all: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        all.push(&large);
        house.put(&[b"line 17"]).await;
        let ids = house.put(&all).await;
        house.damage_segment(b"line 17").await;
        let mut glance = house.db.glance().await.unwrap();
        let places = house.objects.find(&mut glance, &ids).await.unwrap();
        drop(glance);
        let pieces = Piece::of(places.clone());
        assert!(pieces.len() <= 3, "{}", pieces.len());
        let read: Vec<_> = house.objects.read_all(places).try_collect().await.unwrap();
        let read = read.concat();
        assert_eq!(read.len(), ids.len());
        for (id, bytes) in read {
            assert_eq!(ids[all.iter().position(|it| *it == bytes).unwrap()], id);
        }
    }
}

on_both! {
    async fn pieces_make_the_same_object_as_the_whole(house: House) {
        let bytes: Vec<u8> = (0..700_000u32).map(|n| n.to_be_bytes()[3]).collect();
        let mut staging = house.objects.stage();
        staging.begin();
        bytes.chunks(1000).for_each(|piece| staging.write(piece).unwrap());
        let id = staging.end().unwrap();
        assert_eq!(id, ObjectId::of(&bytes));
        house.keep(staging).await;

        let (to, from) = std::sync::mpsc::channel();
        let mut glance = house.db.glance().await.unwrap();
        let place = house.objects.find(&mut glance, &[id]).await.unwrap().remove(&id).unwrap();
        drop(glance);
        house.objects.stream(id, place.clone(), move |piece| to.send(piece).is_ok()).await.unwrap();
        assert_eq!(from.into_iter().flatten().collect::<Vec<_>>(), bytes);
        for range in [0..1, 300_000..300_010, 699_999..700_000, 5..5] {
            let wanted = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            assert_eq!(house.objects.read_range(id, place.clone(), range).await.unwrap(), wanted);
        }
        let beyond = house.objects.read_range(id, place, 699_999..700_001).await;
        assert!(matches!(beyond, Err(Error::OutOfRange { size: 700_000, .. })), "{beyond:?}");
    }
}

on_both! {
    async fn damaged_bytes_are_never_served(house: House) {
        let large = vec![7; LARGE];
        let ids = house.put(&[b"small", &large]).await;
        house.damage_segment(b"small").await;
        house.overwrite(&house.names_of(ids[1]).await[0], &large[1..]).await;
        for id in ids {
            assert!(matches!(house.read(id).await, Err(Error::Corrupt(damaged)) if damaged == id));
        }
    }
}

on_both! {
    async fn another_copy_is_read_where_one_is_wrong_or_gone(house: House) {
        let large = vec![7; LARGE];
        let first = house.put(&[b"small", &large]).await;
        assert_eq!(house.put(&[&large, b"small"]).await, [first[1], first[0]]);
        house.damage_segment(b"small").await;
        house.remove(&house.names_of(first[1]).await[0]).await;
        assert_eq!(house.read(first[0]).await.unwrap(), b"small");
        assert_eq!(house.read(first[1]).await.unwrap(), large);
        let whole = first[1];
        let place = crate::store::copies(&mut house.db.glance().await.unwrap(), whole).await.unwrap();
        for place in place {
            assert_eq!(house.objects.read_range(whole, place, 3..5).await.unwrap(), [7, 7]);
        }
    }
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing() {
    let house = House::sqlite().await;
    for is_finished in [false, true] {
        let mut staging = house.objects.stage();
        staging.add(b"small").unwrap();
        staging.add(&vec![1; LARGE]).unwrap();
        staging.begin();
        staging.write(&vec![2; LARGE]).unwrap();
        assert!(house.on_the_way() > 0);
        if is_finished {
            drop(staging.finish().unwrap());
        } else {
            drop(staging);
        }
        let segments = house.names("segments").await.len();
        let directories = fs::read_dir(house.path("sha256")).unwrap().count();
        assert_eq!((house.on_the_way(), segments, directories), (0, 0, 0));
    }
}

#[tokio::test]
async fn what_a_dead_process_left_half_written_goes_at_boot() {
    let house = House::sqlite().await;
    fs::write(house.path("tmp/half"), b"half").unwrap();
    let (clock, random) = (Clock::default(), Random::default());
    Objects::open(&house.path(""), &Store::Disk, house.db.clone(), clock, random).unwrap();
    assert_eq!(house.on_the_way(), 0);
}

#[tokio::test]
async fn an_unknown_object_is_missing() {
    let house = House::sqlite().await;
    assert!(matches!(house.read(ObjectId::of(b"?")).await, Err(Error::Missing(_))));
}

#[tokio::test]
async fn a_store_that_is_gone_is_no_fault_of_its_objects() {
    let house = House::sqlite().await;
    let id = house.put(&[b"small"]).await[0];
    house.objects.probe().await.unwrap();
    fs::rename(house.path(""), house.dir.path().join("gone")).unwrap();
    assert!(matches!(house.objects.probe().await, Err(Error::Io(_))));
    assert!(matches!(house.read(id).await, Err(Error::Io(_))));
    fs::rename(house.dir.path().join("gone"), house.path("")).unwrap();
    assert_eq!(house.read(id).await.unwrap(), b"small");
}
