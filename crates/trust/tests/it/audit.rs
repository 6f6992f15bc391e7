//! Rows that are added: in order, without a gap, with what belongs in them.

use std::time::Duration;

use db::Db;
use names::{Id, UnixMillis};
use trust::{
    Trust,
    audit::{Chain, Entry, Filter, HEAD_EVERY_ROWS, Noted, On, Origin, Verdict, Who, Written},
};
use uuid::Uuid;

use crate::{house::House, store};

pub(crate) fn entry(action: Noted, id: &str) -> Entry {
    Entry::done(action, Who::ANONYMOUS, On { kind: "key", id: id.to_owned() })
}

/// Writes one row in a transaction of its own.
pub(crate) async fn write(db: &Db, trust: &Trust, chain: Chain, entry: Entry) -> Written {
    let mut tx = db.write().await.unwrap();
    let written = trust.note(&mut tx, chain, entry).await.unwrap();
    tx.commit().await.unwrap();
    written
}

/// Writes rows into the chain of the install.
pub(crate) async fn write_some(house: &House, trust: &Trust, count: usize) {
    let mut tx = house.db.write().await.unwrap();
    for number in 0..count {
        let entry = entry(Noted::KeyAdded, &number.to_string());
        trust.note(&mut tx, Chain::INSTALL, entry).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_row_says_who_did_what_and_from_where() {
    for house in House::both().await {
        let trust = house.trust().await;
        let actor = Id::new(house.clock.now(), &house.random);
        let origin = Origin {
            request_id: "request".to_owned(),
            ip: Some("192.0.2.7".parse().unwrap()),
            user_agent: "curl/8".to_owned(),
        };
        let noting = async {
            let who = Who::principal(actor, trust::Kind::Person);
            let on = On { kind: "key", id: "SHA256:x".to_owned() };
            let entry = Entry::done(Noted::KeyAdded, who, on).with("label", "laptop");
            write(&house.db, &trust, Chain::INSTALL, entry).await
        };
        assert_eq!(origin.around(noting).await.seq, 1);
        write(&house.db, &trust, Chain::INSTALL, entry(Noted::KeyRevoked, "y")).await;

        let mut tx = house.db.glance().await.unwrap();
        let mut found = async |filter: Filter| {
            trust.audit(&mut tx, Chain::INSTALL, &filter, None, 10).await.unwrap()
        };
        let by_actor = Filter { actor: Some(actor.uuid()), ..Filter::default() };
        let rows = found(by_actor.clone()).await;
        assert_eq!(rows.len(), 1);
        let (row, private) = (&rows[0].row, rows[0].private.as_ref().unwrap());
        assert_eq!((row.action.as_str(), row.actor_kind.as_str()), ("key_added", "person"));
        assert_eq!((row.request_id.as_str(), row.outcome.as_str()), ("request", "done"));
        assert_eq!(row.detail["label"], "laptop");
        assert_eq!((private.ip.as_str(), private.user_agent.as_str()), ("192.0.2.7", "curl/8"));
        for (filter, seqs) in [
            (Filter::default(), vec![2, 1]),
            (Filter { action: Some(Noted::KeyRevoked), ..Filter::default() }, vec![2]),
            (Filter { action: Some(Noted::KeyRevoked), ..by_actor }, vec![]),
            (Filter { resource_id: Some("y".to_owned()), ..Filter::default() }, vec![2]),
            (Filter { resource_kind: Some("repository".to_owned()), ..Filter::default() }, vec![]),
            (Filter { until: Some(house.clock.now()), ..Filter::default() }, vec![]),
            (Filter { since: Some(house.clock.now()), ..Filter::default() }, vec![2, 1]),
        ] {
            let rows = found(filter.clone()).await;
            assert_eq!(rows.iter().map(|it| it.row.seq).collect::<Vec<_>>(), seqs, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_row_goes_with_its_transaction() {
    for house in House::both().await {
        let trust = house.trust().await;
        write_some(&house, &trust, 1).await;
        let mut undone = house.db.write().await.unwrap();
        trust.note(&mut undone, Chain::INSTALL, entry(Noted::KeyAdded, "gone")).await.unwrap();
        drop(undone);
        write_some(&house, &trust, 1).await;
        let mut tx = house.db.glance().await.unwrap();
        assert_eq!(store::seqs(&mut tx, Chain::INSTALL.uuid()).await.unwrap(), [1, 2]);
        let verdict = trust.verify_audit(Chain::INSTALL).await.unwrap();
        assert_eq!(verdict, Verdict::Whole { rows: 2, last: 2, signed: 0 });
    }
}

#[tokio::test]
async fn those_who_append_at_once_go_one_after_the_other() {
    const EACH: usize = 25;
    for house in House::both().await {
        let trust = house.trust().await;
        let organization = Chain::from_uuid(Uuid::from_u128(7));
        let db = [house.db.clone(), house.neighbour().await];
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..8_usize {
            let (db, trust) = (db[writer % 2].clone(), trust.clone());
            tasks.spawn(async move {
                for number in 0..EACH {
                    let chain = if writer < 6 { Chain::INSTALL } else { organization };
                    let entry = entry(Noted::TokenMinted, &format!("{writer}/{number}"));
                    write(&db, &trust, chain, entry).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        for (chain, rows) in [(Chain::INSTALL, 6 * EACH), (organization, 2 * EACH)] {
            let last = i64::try_from(rows).unwrap();
            let mut tx = house.db.glance().await.unwrap();
            let seqs = store::seqs(&mut tx, chain.uuid()).await.unwrap();
            assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
            let whole = Verdict::Whole { rows: rows as u64, last, signed: 0 };
            assert_eq!(trust.verify_audit(chain).await.unwrap(), whole);
        }
    }
}

#[tokio::test]
async fn every_thousandth_row_is_signed_and_every_grown_chain_when_asked() {
    for house in House::both().await {
        let trust = house.trust().await;
        write_some(&house, &trust, usize::try_from(HEAD_EVERY_ROWS).unwrap() + 1).await;
        let signed = async || match trust.verify_audit(Chain::INSTALL).await.unwrap() {
            Verdict::Whole { signed, .. } => signed,
            other => panic!("{other:?}"),
        };
        assert_eq!(signed().await, 1_000);
        let organization = Chain::from_uuid(Uuid::from_u128(7));
        write(&house.db, &trust, organization, entry(Noted::OrgCreated, "o")).await;
        assert_eq!(trust.sign_heads(100).await.unwrap(), 2);
        assert_eq!(signed().await, 1_001);
        assert_eq!(trust.sign_heads(100).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_tells_of_a_person_goes_after_a_year_and_the_chain_stays_whole() {
    for house in House::both().await {
        let trust = house.trust().await;
        let ip = Some("2001:db8::1".parse().unwrap());
        let origin = Origin { ip, user_agent: "firefox".to_owned(), ..Origin::default() };
        origin.around(write_some(&house, &trust, 3)).await;
        trust.sign_heads(10).await.unwrap();
        let left = async |days: u64| {
            house.clock.advance(Duration::from_hours(24 * days));
            trust.erase_private().await.unwrap();
            store::count_private(&mut house.db.glance().await.unwrap()).await.unwrap()
        };
        assert_eq!(left(364).await, 3);
        assert_eq!(left(1).await, 0);
        let whole = Verdict::Whole { rows: 3, last: 3, signed: 3 };
        assert_eq!(trust.verify_audit(Chain::INSTALL).await.unwrap(), whole);
    }
}

#[tokio::test]
async fn what_does_not_fit_into_a_row_is_left_out_and_holds_nothing_up() {
    let house = House::sqlite().await;
    let trust = house.trust().await;
    let long = entry(Noted::ConfigChanged, &"x".repeat(5_000)).with("text", "y".repeat(5_000));
    write(&house.db, &trust, Chain::INSTALL, long).await;
    let odd = entry(Noted::ConfigChanged, "a\0b").with("number", 0.5);
    write(&house.db, &trust, Chain::INSTALL, odd).await;
    let mut tx = house.db.glance().await.unwrap();
    let rows = trust.audit(&mut tx, Chain::INSTALL, &Filter::default(), None, 10).await.unwrap();
    assert_eq!(rows[1].row.resource_id.len(), 512);
    assert!(rows.iter().all(|it| it.row.detail.contains_key("left_out")), "{rows:?}");
    assert_eq!(rows[0].row.resource_id, "a\u{fffd}b");
}

#[tokio::test]
async fn what_waits_is_written_when_the_server_stops() {
    for house in House::both().await {
        let trust = house.trust().await;
        let organization = Chain::from_uuid(Uuid::from_u128(7));
        for chain in [organization, Chain::INSTALL, organization] {
            let refused = Entry { reason: "no", ..entry(Noted::AccessDenied, "r") };
            trust.note_refused(chain, refused);
        }
        trust.write_refusals(std::future::ready(())).await;
        let mut tx = house.db.glance().await.unwrap();
        assert_eq!(store::seqs(&mut tx, organization.uuid()).await.unwrap(), [1, 2]);
        assert_eq!(store::seqs(&mut tx, Chain::INSTALL.uuid()).await.unwrap(), [1]);
    }
}

/// A moment is in the row as it is, so that a later one is seen to be later.
#[tokio::test]
async fn rows_bear_their_moment() {
    let house = House::sqlite().await;
    let trust = house.trust().await;
    write_some(&house, &trust, 1).await;
    let UnixMillis(now) = house.clock.now();
    let mut tx = house.db.glance().await.unwrap();
    let rows = trust.audit(&mut tx, Chain::INSTALL, &Filter::default(), None, 1).await.unwrap();
    assert_eq!(rows[0].row.time, now);
}
