//! Whatever is done to a chain behind the back of its guards shows (`spec/trust.md` 16, point 58).

use std::time::Duration;

use trust::{
    Trust,
    audit::{Chain, Filter, Verdict, Why},
};

use crate::{audit::write_some, house::House, store};

/// What somebody does to ten rows, of which eight are under a signed head.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Edit(i64),
    EditDetail(i64, &'static str),
    /// Edits a row and puts its new hash beside it, as somebody would who knows how they are made.
    EditAndRehash(i64),
    Delete(i64),
    Swap(i64, i64),
    CutAfter(i64),
    EditHead,
    EraseEverything,
    ErasePrivate,
}

impl Deed {
    async fn done(self, house: &House, trust: &Trust) {
        let mut tx = house.db.write().await.unwrap();
        store::let_anything(&mut tx).await.unwrap();
        match self {
            Self::Edit(seq) => store::edit(&mut tx, seq).await.unwrap(),
            Self::EditDetail(seq, detail) => {
                store::edit_detail(&mut tx, seq, detail).await.unwrap();
            }
            Self::EditAndRehash(seq) => {
                store::edit(&mut tx, seq).await.unwrap();
                let all = Filter::default();
                let found =
                    trust.audit(&mut tx, Chain::INSTALL, &all, Some(seq + 1), 1).await.unwrap();
                let found = found.first().unwrap();
                let hash = found.row.computed_hash().unwrap().to_string();
                store::rehash(&mut tx, seq, &hash).await.unwrap();
            }
            Self::Delete(seq) => store::delete(&mut tx, seq).await.unwrap(),
            Self::Swap(one, other) => store::swap(&mut tx, one, other).await.unwrap(),
            Self::CutAfter(seq) => store::cut(&mut tx, seq).await.unwrap(),
            Self::EditHead => store::edit_head(&mut tx).await.unwrap(),
            Self::EraseEverything => store::cut(&mut tx, 0).await.unwrap(),
            Self::ErasePrivate => store::erase_private(&mut tx).await.unwrap(),
        }
        tx.commit().await.unwrap();
    }
}

async fn after(house: &House, deed: Deed) -> Verdict {
    let trust = house.trust().await;
    write_some(house, &trust, 8).await;
    trust.sign_heads(10).await.unwrap();
    write_some(house, &trust, 2).await;
    let whole = Verdict::Whole { rows: 10, last: 10, signed: 8 };
    assert_eq!(trust.verify_audit(Chain::INSTALL).await.unwrap(), whole);
    deed.done(house, &trust).await;
    trust.verify_audit(Chain::INSTALL).await.unwrap()
}

#[tokio::test]
async fn whatever_is_done_to_a_chain_shows_with_its_place() {
    let broken = |seq, why| Verdict::Broken { seq, why };
    let missing = |seq, why| Verdict::HeadMissing { seq, why };
    for (deed, verdict) in [
        (Deed::Edit(1), broken(1, Why::Content)),
        (Deed::Edit(10), broken(10, Why::Content)),
        (Deed::EditDetail(4, r#"{"who":"me"}"#), broken(4, Why::Content)),
        (Deed::EditDetail(4, "nonsense"), broken(4, Why::Content)),
        (Deed::EditAndRehash(4), broken(5, Why::Before)),
        (Deed::EditAndRehash(8), broken(8, Why::Head)),
        (Deed::Delete(1), broken(1, Why::Missing)),
        (Deed::Delete(5), broken(5, Why::Missing)),
        (Deed::Swap(3, 6), broken(3, Why::Before)),
        (Deed::CutAfter(5), missing(8, Why::Tail)),
        (Deed::EraseEverything, missing(8, Why::Tail)),
        (Deed::EditHead, broken(8, Why::Signature)),
        (Deed::ErasePrivate, Verdict::Whole { rows: 10, last: 10, signed: 8 }),
    ] {
        for house in House::both().await {
            assert_eq!(after(&house, deed).await, verdict, "{deed:?}");
        }
    }
}

/// What was cut off is not covered up by what comes after: the chain goes on behind the signed head.
#[tokio::test]
async fn a_cut_tail_shows_also_when_rows_were_added_since() {
    for house in House::both().await {
        let cut = after(&house, Deed::CutAfter(5)).await;
        assert!(matches!(cut, Verdict::HeadMissing { .. }));
        let trust = house.trust().await;
        write_some(&house, &trust, 3).await;
        let verdict = trust.verify_audit(Chain::INSTALL).await.unwrap();
        assert_eq!(verdict, Verdict::Broken { seq: 6, why: Why::Missing });
    }
}

#[tokio::test]
async fn heads_that_are_gone_are_missed_when_they_are_due() {
    for house in House::both().await {
        let trust = house.trust().await;
        write_some(&house, &trust, 8).await;
        trust.sign_heads(10).await.unwrap();
        let mut tx = house.db.write().await.unwrap();
        store::delete_heads(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        house.clock.advance(Duration::from_mins(121));
        let verdict = trust.verify_audit(Chain::INSTALL).await.unwrap();
        assert_eq!(verdict, Verdict::HeadMissing { seq: 1, why: Why::Unsigned });
    }
}

#[tokio::test]
async fn the_tables_themselves_refuse_changes() {
    for house in House::both().await {
        let trust = house.trust().await;
        write_some(&house, &trust, 3).await;
        for deed in [0, 1] {
            let mut tx = house.db.write().await.unwrap();
            let outcome = match deed {
                0 => store::edit(&mut tx, 2).await,
                _ => store::delete(&mut tx, 1).await,
            };
            assert!(outcome.is_err(), "{deed}");
        }
    }
}

#[tokio::test]
async fn a_chain_that_was_pruned_up_to_a_signed_head_is_whole() {
    for house in House::both().await {
        let trust = house.trust().await;
        write_some(&house, &trust, 4).await;
        trust.sign_heads(10).await.unwrap();
        write_some(&house, &trust, 2).await;
        let mut tx = house.db.write().await.unwrap();
        for _ in 0..4 {
            store::prune(&mut tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        let verdict = trust.verify_audit(Chain::INSTALL).await.unwrap();
        assert_eq!(verdict, Verdict::Whole { rows: 2, last: 6, signed: 4 });
        // Not up to a head: refused.
        let mut tx = house.db.write().await.unwrap();
        assert!(store::prune(&mut tx).await.is_err());
    }
}
