//! What nobody links goes, after its time and not before; what is linked stays.

use std::time::Duration;

use names::{ObjectId, UnixMillis};

use super::house::{DAY, House, on_both};
use crate::Error;

/// Rounds of the race; the long form, by hand, has 1,000.
const RACES: u32 = 200;

on_both! { all
    async fn what_is_unlinked_becomes_a_tombstone_and_goes_after_its_grace(house: House) {
        let anna = house.repository().await;
        let large = vec![9; 100_000];
        let ids = house.put(&[b"kept", b"gone", &large]).await;
        house.link(anna.repository, &ids).await;
        assert_eq!(house.entomb().await, 0);
        assert_eq!(house.unlink(anna.repository, &ids[1..]).await, 2);
        assert_eq!(house.entomb().await, 2);
        assert_eq!(house.state(ids[1]).await.as_deref(), Some("dead"));

        let early = UnixMillis(house.clock.now().0 - 1);
        assert_eq!(house.objects.sweep(10, early).await.unwrap().seen, 0);
        house.clock.advance(14 * DAY);
        let swept = house.objects.sweep(10, house.clock.now()).await.unwrap();
        assert_eq!((swept.objects, swept.bytes), (2, 100_000));
        assert_eq!(house.state(ids[1]).await, None);
        assert!(matches!(house.read(ids[2]).await, Err(Error::Missing(_))));
        // Whoever was reading goes on; then the bytes go.
        assert_eq!(house.objects.clear_waste(10).await.unwrap(), 0);
        assert_eq!(house.names_of(ids[2]).await.len(), 1);
        assert_eq!(house.clear().await, 1);
        assert!(house.names_of(ids[2]).await.is_empty());
        assert_eq!(house.read(ids[0]).await.unwrap(), b"kept");
    }
}

on_both! {
    async fn what_is_linked_pending_or_young_is_no_tombstone(house: House) {
        let (anna, ben) = (house.repository().await, house.repository().await);
        let ids = house.put(&[b"linked by ben", b"pending", b"young"]).await;
        house.link(ben.repository, &ids[..1]).await;
        let mut tx = house.db.write().await.unwrap();
        house.objects.make_pending(&mut tx, anna, &ids[1..2], DAY).await.unwrap();
        tx.commit().await.unwrap();
        let step = house.objects.entomb(None, 10, house.clock.now()).await.unwrap();
        assert_eq!((step.changed, step.next), (0, None));
        house.clock.advance(DAY + Duration::from_millis(1));
        assert_eq!(house.entomb().await, 1);
        let mut tx = house.db.write().await.unwrap();
        assert_eq!(house.objects.end_pending(&mut tx, 10).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(house.entomb().await, 1);
        assert_eq!(house.state(ids[0]).await.as_deref(), Some("live"));
    }
}

on_both! {
    async fn a_tombstone_lives_again_when_it_is_sent_or_linked(house: House) {
        let anna = house.repository().await;
        let ids = house.put(&[b"sent again", b"linked again"]).await;
        assert_eq!(house.entomb().await, 2);
        assert_eq!(house.put(&[b"sent again"]).await, ids[..1]);
        assert_eq!(house.state(ids[0]).await.as_deref(), Some("live"));
        assert_eq!(house.link(anna.repository, &ids).await, 2);
        let swept = house.objects.sweep(10, house.clock.now()).await.unwrap();
        assert_eq!(swept.objects, 0);
        for id in ids {
            assert_eq!(house.state(id).await.as_deref(), Some("live"));
            assert_eq!(house.copies(id).await, if id == ObjectId::of(b"sent again") { 2 } else { 1 });
        }
    }
}

on_both! { disk
    /// A sweep against an upload of the same object that links it: whoever comes first, the object is whole afterwards.
    async fn a_sweep_that_races_with_a_push_never_loses_the_object(house: House) {
        let anna = house.repository().await;
        for round in 0..RACES {
            let bytes = round.to_be_bytes();
            let id = house.put(&[&bytes]).await[0];
            house.entomb().await;
            let push = async {
                let mut staging = house.objects.stage();
                staging.add(&bytes).unwrap();
                let staged = house.objects.keep(staging.finish().unwrap()).await.unwrap();
                let mut tx = house.db.write().await.unwrap();
                house.objects.register(&mut tx, &staged).await.unwrap();
                house.objects.link(&mut tx, anna.repository, &[id]).await.unwrap();
                tx.commit().await.unwrap();
            };
            let sweep = async {
                for _ in 0..round % 4 {
                    tokio::task::yield_now().await;
                }
                house.objects.sweep(10, house.clock.now()).await.unwrap();
            };
            tokio::join!(push, sweep);
            house.objects.sweep(10, house.clock.now()).await.unwrap();
            assert_eq!(house.read(id).await.unwrap(), bytes, "round {round}");
        }
        house.clear().await;
        for round in 0..RACES {
            let bytes = round.to_be_bytes();
            assert_eq!(house.read(ObjectId::of(&bytes)).await.unwrap(), bytes, "round {round}");
        }
    }
}

on_both! {
    async fn what_is_condemned_leaves_even_a_segment_that_is_mostly_alive(house: House) {
        let anna = house.repository().await;
        let ids = house.put(&[b"a secret that leaked", &[1; 5_000], &[2; 5_000]]).await;
        house.link(anna.repository, &ids).await;
        house.unlink(anna.repository, &ids[..1]).await;
        assert_eq!(house.condemn(&ids).await, 1);
        assert_eq!(house.objects.sweep_condemned(10).await.unwrap().objects, 1);
        assert_eq!(house.objects.compact(10).await.unwrap(), 1);
        assert!(matches!(house.read(ids[0]).await, Err(Error::Missing(_))));
        house.clear_soon().await;
        for name in house.names("segments").await {
            let bytes = house.bytes(&name).await;
            assert!(!bytes.windows(20).any(|it| it == b"a secret that leaked"));
        }
        assert_eq!(house.read(ids[1]).await.unwrap(), [1; 5_000]);
        assert_eq!(house.read(ids[2]).await.unwrap(), [2; 5_000]);
    }
}

on_both! {
    /// The daily round meets what was condemned by a job that has not come to its sweep.
    async fn what_is_condemned_does_not_get_the_time_of_usual_tombstones(house: House) {
        let large = vec![3; 100_000];
        let ids = house.put(&[b"a secret that leaked", &large, &[1; 5_000]]).await;
        house.link(house.repository().await.repository, &ids[2..]).await;
        assert_eq!(house.condemn(&ids).await, 2);
        house.clock.advance(DAY);
        assert_eq!(house.objects.sweep(10, house.clock.now()).await.unwrap().seen, 0);
        assert_eq!(house.objects.sweep_condemned(10).await.unwrap().objects, 2);
        assert_eq!(house.objects.compact(10).await.unwrap(), 1);
        assert_eq!(house.clear_soon().await, 2, "the file and the segment go soon");
        assert_eq!(house.read(ids[2]).await.unwrap(), [1; 5_000]);
    }
}

on_both! {
    async fn equal_bytes_of_several_uploads_are_joined_and_the_oldest_stays(house: House) {
        let large = vec![4; 100_000];
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids = house.put(&[b"small", &large]).await;
            house.clock.advance(Duration::from_secs(1));
        }
        assert_eq!((house.copies(ids[0]).await, house.copies(ids[1]).await), (3, 3));
        let first = house.names_of(ids[1]).await[0].clone();
        let step = house.objects.join(None, 100).await.unwrap();
        assert_eq!((step.changed, step.next), (4, None));
        assert_eq!((house.copies(ids[0]).await, house.copies(ids[1]).await), (1, 1));
        assert_eq!(house.objects.compact(10).await.unwrap(), 2);
        house.clear().await;
        assert_eq!(house.names_of(ids[1]).await, [first]);
        assert_eq!(house.names("segments").await.len(), 1);
        assert_eq!(house.read(ids[0]).await.unwrap(), b"small");
        assert_eq!(house.read(ids[1]).await.unwrap(), large);
    }
}

on_both! {
    async fn a_wrong_copy_is_never_the_one_that_stays(house: House) {
        let id = house.put(&[b"several"]).await[0];
        house.damage_segment(b"several").await;
        house.clock.advance(Duration::from_secs(1));
        house.put(&[b"several"]).await;
        house.clock.advance(Duration::from_secs(1));
        house.put(&[b"several"]).await;
        house.objects.join(None, 100).await.unwrap();
        assert_eq!(house.copies(id).await, 1);
        assert_eq!(house.read(id).await.unwrap(), b"several");
    }
}

on_both! {
    async fn a_segment_that_is_mostly_dead_is_rewritten(house: House) {
        let anna = house.repository().await;
        let all: Vec<Vec<u8>> = (0..10u8).map(|n| vec![n; 1_000]).collect();
        let ids = house.put(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
        house.link(anna.repository, &ids[..6]).await;
        house.entomb().await;
        house.objects.sweep(100, house.clock.now()).await.unwrap();
        assert_eq!(house.objects.compact(10).await.unwrap(), 0, "more than half is alive");
        house.unlink(anna.repository, &ids[2..6]).await;
        house.entomb().await;
        house.objects.sweep(100, house.clock.now()).await.unwrap();
        let before = house.names("segments").await;
        assert_eq!(house.objects.compact(10).await.unwrap(), 1);
        assert_eq!(house.objects.compact(10).await.unwrap(), 0);
        house.clear().await;
        let after = house.names("segments").await;
        assert_eq!(after.len(), 1);
        assert_ne!(after, before);
        for (id, bytes) in ids.iter().zip(&all).take(2) {
            assert_eq!(&house.read(*id).await.unwrap(), bytes);
        }
        let sums = house.objects.statistics().await.unwrap().sums;
        assert_eq!((sums.segments, sums.links, sums.linked_bytes, sums.waste), (1, 2, 2_000, 0));
    }
}

on_both! {
    async fn a_limit_of_a_walk_is_kept(house: House) {
        let all: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 10]).collect();
        let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
        house.put(&all).await;
        house.put(&all).await;
        let step = house.objects.join(None, 2).await.unwrap();
        assert_eq!(step.changed, 2);
        let step = house.objects.join(step.next, 2).await.unwrap();
        assert_eq!(step.changed, 2);
        assert_eq!(house.objects.join(step.next, 2).await.unwrap().next, None);
        house.entomb().await;
        assert_eq!(house.objects.sweep(3, house.clock.now()).await.unwrap().objects, 3);
        assert_eq!(house.objects.sweep(3, house.clock.now()).await.unwrap().objects, 2);
    }
}
