//! An export is checked with nothing but its lines.

use names::{Random, Secret};
use trust::audit::{Chain, Line, LineVerifier, Origin, Verdict, Who, Why};

use crate::{audit::write_some, house::House};

/// The export of ten rows with a head in between, and of the row that tells of it.
async fn exported(house: &House) -> Vec<String> {
    let trust = house.trust().await;
    let ip = Some("192.0.2.99".parse().unwrap());
    let origin = Origin { ip, user_agent: "canary-agent".to_owned(), ..Origin::default() };
    origin.around(write_some(house, &trust, 6)).await;
    trust.sign_heads(10).await.unwrap();
    write_some(house, &trust, 4).await;
    let tx = house.db.write().await.unwrap();
    let mut walk = trust.export_audit(tx, Chain::INSTALL, Who::INSTALL).await.unwrap();
    let mut lines = Vec::new();
    while let Some(some) = walk.next().await.unwrap() {
        lines.extend(some.iter().map(Line::to_text));
    }
    lines
}

fn checked<'a>(lines: impl IntoIterator<Item = &'a String>) -> Verdict {
    let mut verifier = LineVerifier::default();
    for line in lines {
        if let Err(verdict) = verifier.take(line) {
            return verdict;
        }
    }
    verifier.finish()
}

/// Where the row of that number stands.
fn row(lines: &[String], seq: i64) -> usize {
    let text = format!("\"seq\":{seq},");
    lines.iter().position(|it| it.starts_with("{\"row\"") && it.contains(&text)).unwrap()
}

#[tokio::test]
async fn an_export_is_whole_alone_and_tells_nobodys_address() {
    for house in House::both().await {
        let lines = exported(&house).await;
        assert_eq!(checked(&lines), Verdict::Whole { rows: 11, last: 11, signed: 11 });
        let all = lines.concat();
        assert!(!all.contains("192.0.2.99") && !all.contains("canary-agent"), "{all}");
        assert!(lines[row(&lines, 11)].contains("audit_exported"));
    }
}

#[tokio::test]
async fn whatever_is_done_to_an_export_shows() {
    let lines = exported(&House::sqlite().await).await;
    let broken = |seq, why| Verdict::Broken { seq, why };
    let edited = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replacen(from, to, 1);
        checked(&lines)
    };
    let (third, fourth) = (row(&lines, 3), row(&lines, 4));
    assert_eq!(edited(third, "key_added", "key_revoked"), broken(3, Why::Content));
    assert_eq!(edited(third, "\"chain\":\"0", "\"chain\":\"1"), broken(3, Why::OtherChain));
    assert_eq!(edited(third, "{\"row\"", "{\"raw\""), broken(3, Why::Unreadable));
    assert_eq!(edited(third, "\"seq\":3", "\"seq\":3.0"), broken(3, Why::Unreadable));
    assert_eq!(
        edited(third, "\"reason\"", "\"reason\":\"\",\"reason\""),
        broken(3, Why::Unreadable)
    );
    let head = row(&lines, 6) + 1;
    assert_eq!(edited(head, "\"time\":1", "\"time\":2"), broken(6, Why::Signature));
    assert_eq!(edited(head, "\"seq\":6", "\"seq\":7"), broken(7, Why::Signature));

    let mut swapped = lines.clone();
    swapped.swap(third, fourth);
    assert_eq!(checked(&swapped), broken(3, Why::Missing));
    let mut twice = lines.clone();
    twice.insert(fourth, lines[third].clone());
    assert_eq!(checked(&twice), broken(4, Why::Order));
    let mut less = lines.clone();
    less.remove(third);
    assert_eq!(checked(&less), broken(3, Why::Missing));
    for left in 0..lines.len() {
        let verdict = checked(&lines[..left]);
        assert!(matches!(verdict, Verdict::HeadMissing { .. }), "{left}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_key_goes_under_no_other_name() {
    let lines = exported(&House::sqlite().await).await;
    let forged = keys::PrivateKey::from_seed(Secret::new(Random::seeded(1).bytes()));
    let mut lines = lines;
    let Line::Key(mut key) = serde_json::from_str(&lines[1]).unwrap() else {
        panic!("{}", lines[1])
    };
    key.public_key = forged.public().to_openssh();
    lines[1] = Line::Key(key).to_text();
    assert_eq!(checked(&lines), Verdict::Broken { seq: 1, why: Why::Unreadable });
}
