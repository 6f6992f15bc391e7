//! Statements are prepared without being run, and slow ones are logged by name.

use std::time::{Duration, Instant};

use cluster::on_both;
use db::{Bounds, Tx};

use crate::house::{House, Log, Place};

db::statements! {
    COUNT = "SELECT count(*) FROM ledger";
    NO_SUCH_COLUMN = "SELECT nothing_like_this FROM ledger WHERE position = $1";
    SLOW = {
        sqlite "
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000000)
        SELECT count(*) FROM n",
        postgres "SELECT count(*) FROM pg_sleep(0.15)"
    };
}

pub(crate) async fn count(tx: &mut Tx) -> i64 {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT).unwrap();
    count
}

on_both! {
    async fn every_statement_of_this_crate_can_be_prepared(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        house.db.prepare_all(&db::statements()).await.unwrap();
    }
}

on_both! {
    async fn a_statement_that_is_refused_is_named_and_the_others_are_still_read(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        let refused = house.db.prepare_all(&[&NO_SUCH_COLUMN, &COUNT, &NO_SUCH_COLUMN]).await;
        let names: Vec<_> = refused.unwrap_err().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [NO_SUCH_COLUMN.name; 2]);
        assert!(house.ledger().await.is_empty());
    }
}

on_both! {
    async fn a_slow_statement_is_logged_by_its_name(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        let (log, _listening) = Log::listen();
        let mut tx = house.db.glance().await.unwrap();
        count(&mut tx).await;
        let (_,): (i64,) = db::fetch_one!(&mut tx, SLOW).unwrap();
        let text = log.text();
        assert!(text.contains("slow statement") && text.contains(SLOW.name), "{text}");
        assert!(!text.contains(COUNT.name), "{text}");
    }
}

#[test]
fn slow_begins_at_a_tenth_of_a_second() {
    let (log, _listening) = Log::listen();
    let ago = |ms| Instant::now().checked_sub(Duration::from_millis(ms)).unwrap();
    db::note_duration(&COUNT, ago(50));
    assert_eq!(log.text(), "");
    db::note_duration(&COUNT, ago(100));
    let text = log.text();
    assert!(text.contains("WARN") && text.contains("took_ms=100"), "{text}");
}
