//! What is wrong is found before somebody needs it, and healed where it can be.

use super::house::{DAY, House, on_both};
use crate::{Error, FaultKind, Pace, ScanKind};

const FAST: Pace = Pace::of(u64::MAX);

on_both! { all
    async fn a_flipped_byte_is_found_and_healed_from_another_copy(house: House) {
        let id = house.put(&[b"twice"]).await[0];
        house.put(&[b"twice", b"once"]).await;
        house.damage_segment(b"twice").await;
        let checked = house.objects.check(None, 100, FAST).await.unwrap();
        assert_eq!((checked.objects, checked.faults, checked.next), (2, 1, None));
        assert_eq!(house.copies(id).await, 1);
        let open = house.objects.faults(true, None).await.unwrap().faults;
        assert_eq!(open.iter().map(|it| (it.kind, it.object)).collect::<Vec<_>>(), [(FaultKind::Corrupt, Some(id))]);
        assert_eq!(house.objects.heal().await.unwrap(), 1);
        assert!(house.objects.faults(true, None).await.unwrap().faults.is_empty());
        let over = house.objects.faults(false, None).await.unwrap().faults;
        assert_eq!(over[0].how.as_deref(), Some("another copy is right"));
        assert_eq!(house.read(id).await.unwrap(), b"twice");
    }
}

on_both! {
    async fn what_has_no_other_copy_is_asked_for_again_and_whole_once_it_came(house: House) {
        let anna = house.repository().await;
        let large = vec![3; 100_000];
        let ids = house.put(&[b"only", &large]).await;
        house.link(anna.repository, &ids).await;
        house.damage_segment(b"only").await;
        house.remove(&house.names_of(ids[1]).await[0]).await;
        assert_eq!(house.objects.check(None, 100, FAST).await.unwrap().faults, 2);
        assert_eq!(house.state(ids[0]).await.as_deref(), Some("corrupt"));
        assert_eq!(house.state(ids[1]).await.as_deref(), Some("missing"));
        // The client is told that they are missing, and sends them again.
        let mut tx = house.db.glance().await.unwrap();
        assert!(house.objects.available(&mut tx, anna, &ids).await.unwrap().is_empty());
        drop(tx);
        assert!(matches!(house.read(ids[0]).await, Err(Error::Missing(_))));
        assert_eq!(house.objects.heal().await.unwrap(), 0);
        house.put(&[b"only", &large]).await;
        assert_eq!(house.objects.heal().await.unwrap(), 2);
        for id in &ids {
            assert_eq!(house.state(*id).await.as_deref(), Some("live"));
        }
        assert_eq!(house.read(ids[1]).await.unwrap(), large);
        let mut tx = house.db.glance().await.unwrap();
        assert_eq!(house.objects.available(&mut tx, anna, &ids).await.unwrap().len(), 2);
    }
}

on_both! {
    async fn a_read_that_finds_wrong_bytes_writes_the_fault_down(house: House) {
        let id = house.put(&[b"read"]).await[0];
        house.damage_segment(b"read").await;
        assert!(house.read(id).await.is_err());
        // The mark is written after the answer, by a task of its own; the queue of writers is in order.
        while house.objects.faults(true, None).await.unwrap().faults.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.state(id).await.as_deref(), Some("corrupt"));
    }
}

on_both! {
    async fn a_walk_goes_on_where_it_stopped(house: House) {
        let all: Vec<Vec<u8>> = (0..25u8).map(|n| vec![n; 10]).collect();
        house.put(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
        let (mut after, mut seen, mut steps) = (None, 0, 0);
        loop {
            let checked = house.objects.check(after, 10, FAST).await.unwrap();
            (seen, steps, after) = (seen + checked.objects, steps + 1, checked.next);
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen, steps), (25, 3));

        let mut tx = house.db.write().await.unwrap();
        let scan = house.objects.scan(&mut tx, ScanKind::Scrub).await.unwrap();
        house.objects.scanned(&mut tx, &scan, Some("here")).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = house.db.write().await.unwrap();
        let again = house.objects.scan(&mut tx, ScanKind::Scrub).await.unwrap();
        assert_eq!((again.id, again.position.as_str()), (scan.id, "here"));
        house.objects.scanned(&mut tx, &again, None).await.unwrap();
        tx.commit().await.unwrap();
        house.clock.advance(DAY);
        let mut tx = house.db.write().await.unwrap();
        assert_ne!(house.objects.scan(&mut tx, ScanKind::Scrub).await.unwrap().id, scan.id);
        tx.commit().await.unwrap();
        let scans = house.objects.scans().await.unwrap();
        assert_eq!(scans.len(), 1);
        assert!(scans[0].ended_at.is_none());
    }
}
