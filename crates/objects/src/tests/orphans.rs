//! Rows without bytes and bytes without rows are found; fresh bytes are left alone.

use std::time::Duration;

use names::ObjectId;
use uuid::Uuid;

use super::house::{DAY, House, on_both};
use crate::{FaultKind, ScanKind};

/// Bytes of an object that has files of its own.
const LARGE: usize = 100_000;

async fn scan(house: &House) -> u64 {
    let mut tx = house.db.write().await.unwrap();
    let mut scan = house.objects.scan(&mut tx, ScanKind::Orphans).await.unwrap();
    tx.commit().await.unwrap();
    loop {
        let next = house.objects.scan_orphans(&mut scan).await.unwrap();
        let mut tx = house.db.write().await.unwrap();
        house.objects.scanned(&mut tx, &scan, next.as_deref()).await.unwrap();
        tx.commit().await.unwrap();
        match next {
            Some(next) => scan.position = next,
            None => return scan.faults,
        }
    }
}

async fn open_faults(house: &House) -> Vec<(FaultKind, String)> {
    let mut faults: Vec<_> = house.objects.faults(true, None).await.unwrap().faults;
    faults.sort_by_key(|it| it.subject.clone());
    faults.into_iter().map(|it| (it.kind, it.subject)).collect()
}

on_both! {
    async fn old_bytes_without_a_row_go_through_quarantine(house: House) {
        let kept = house.put(&[b"kept", &vec![1; LARGE]]).await;
        let (lost, foreign) = (format!("segments/{}.seg", Uuid::from_u128(7)), "segments/notes.txt");
        let id = ObjectId::of(b"nobody").to_string();
        let file = format!("sha256/{}/{}.{}", &id[..2], &id[2..], Uuid::from_u128(9));
        for name in [lost.as_str(), foreign, &file] {
            house.overwrite(name, b"bytes").await;
        }
        house.clock.advance(DAY / 2);
        assert_eq!(scan(&house).await, 0, "fresh bytes may be somebody's upload");
        house.clock.advance(DAY);
        assert_eq!(scan(&house).await, 3);
        let mut wanted = [&lost, foreign, &file].map(|it| (FaultKind::Orphan, it.to_string()));
        wanted.sort_by_key(|it| it.1.clone());
        assert_eq!(open_faults(&house).await, wanted);
        assert_eq!(house.clear_soon().await, 2);
        assert_eq!(open_faults(&house).await, [(FaultKind::Orphan, foreign.to_owned())]);
        assert!(house.names_of(ObjectId::of(b"nobody")).await.is_empty());
        let segments = house.names("segments").await;
        assert!(!segments.contains(&lost) && segments.contains(&foreign.to_owned()));
        assert_eq!(house.names("quarantine").await.len(), 2);
        assert_eq!(scan(&house).await, 0, "the same again is nothing new");
        house.clock.advance(13 * DAY);
        assert_eq!(house.objects.clear_waste(10).await.unwrap(), 0);
        house.clock.advance(DAY);
        assert_eq!(house.objects.clear_waste(10).await.unwrap(), 2);
        assert!(house.names("quarantine").await.is_empty());
        assert_eq!(house.read(kept[0]).await.unwrap(), b"kept");
        assert_eq!(house.read(kept[1]).await.unwrap(), vec![1; LARGE]);
    }
}

on_both! {
    async fn rows_without_bytes_are_found(house: House) {
        let ids = house.put(&[b"in a segment", &vec![1; LARGE]]).await;
        house.clock.advance(Duration::from_secs(1));
        let whole = house.put(&[b"whole"]).await[0];
        assert_eq!(scan(&house).await, 0);
        house.remove(&house.names("segments").await[0]).await;
        house.remove(&house.names_of(ids[1]).await[0]).await;
        assert_eq!(scan(&house).await, 2);
        let mut wanted: Vec<_> = ids.iter().map(|id| (FaultKind::Missing, id.to_string())).collect();
        wanted.sort_by_key(|it| it.1.clone());
        assert_eq!(open_faults(&house).await, wanted);
        assert_eq!(house.state(ids[0]).await.as_deref(), Some("missing"));
        assert_eq!(house.state(whole).await.as_deref(), Some("live"));
    }
}

on_both! {
    async fn a_segment_of_another_length_is_found(house: House) {
        house.put(&[b"in a segment"]).await;
        let name = house.names("segments").await[0].clone();
        let mut bytes = house.bytes(&name).await;
        bytes.push(0);
        house.overwrite(&name, &bytes).await;
        assert_eq!(scan(&house).await, 1);
        assert_eq!(open_faults(&house).await[0].0, FaultKind::Segment);
    }
}

on_both! { disk
    async fn a_walk_of_many_pages_misses_nothing(house: House) {
        let all: Vec<Vec<u8>> = (0..2_050u32)
            .map(|n| n.to_be_bytes().iter().copied().cycle().take(65_540).collect())
            .collect();
        let ids = house.put(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
        assert_eq!(scan(&house).await, 0);
        let mut gone: Vec<_> = ids.iter().step_by(100).copied().collect();
        for id in &gone {
            house.remove(&house.names_of(*id).await[0]).await;
        }
        house.overwrite("sha256/zz/last", b"foreign").await;
        house.overwrite("sha256/00/first", b"foreign").await;
        house.clock.advance(2 * DAY);
        assert_eq!(scan(&house).await, gone.len() as u64 + 2);
        gone.sort_unstable();
        let missing: Vec<_> = open_faults(&house)
            .await
            .into_iter()
            .filter(|(kind, _)| *kind == FaultKind::Missing)
            .map(|(_, subject)| subject)
            .collect();
        assert_eq!(missing, gone.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}

on_both! {
    async fn what_was_moved_to_quarantine_and_forgotten_goes_all_the_same(house: House) {
        house.overwrite("quarantine/forgotten", b"bytes").await;
        assert_eq!(scan(&house).await, 0);
        house.clock.advance(15 * DAY);
        assert_eq!(house.objects.clear_waste(10).await.unwrap(), 1);
        assert!(house.names("quarantine").await.is_empty());
    }
}
