//! What is kept of a person is taken away whole: no table is forgotten (`spec/trust.md` 16, point 60).

use std::collections::BTreeSet;

use trust::{EXEMPT, EXPORTED};

use crate::{house::House, store};

#[tokio::test]
async fn every_table_that_names_a_principal_is_exported_or_says_why_not() {
    let house = House::sqlite().await;
    let mut tx = house.db.glance().await.unwrap();
    let mut there: BTreeSet<String> =
        store::tables_that_name_principals(&mut tx).await.unwrap().into_iter().collect();
    // It is what the others refer to, and the log refers to nothing, so that nothing holds it up.
    there.extend(["principals", "audit_events"].map(str::to_owned));
    let exempt: BTreeSet<String> = EXEMPT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let exported: BTreeSet<String> = EXPORTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(exported.intersection(&exempt).count(), 0);
    let listed: BTreeSet<String> = exported.union(&exempt).cloned().collect();
    assert_eq!(there, listed, "a table is missing in, or gone from, EXPORTED and EXEMPT");
}
