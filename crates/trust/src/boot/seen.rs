//! What a boot sees to be other than at the one before, and writes down (`spec/trust.md` 11): settings, the schema.
//!
//! What was seen is a row of `install_state`. It changes hands by comparing, so that of several processes that start at
//! once one writes it down.

use names::Digest;
use serde_json::{Map, Value};

use super::{set_state_from, state};
use crate::{
    Error, Trust,
    audit::{Chain, Entry, Noted, On, Who},
};

/// The settings of the boot before, as canonical JSON.
const SETTINGS: &str = "settings";
/// The number of the schema at the boot before.
const SCHEMA: &str = "schema";

impl Trust {
    /// Writes down which settings are other than at the boot before. `settings` are those of the whole install, by name,
    /// without secrets. At the first boot there is nothing to compare with.
    pub async fn note_settings(&self, settings: &Map<String, Value>) -> Result<(), Error> {
        // Maps are in order, so equal settings are equal texts.
        let now = serde_json::to_string(settings).map_err(db::Error::corrupt("settings"))?;
        let mut tx = self.0.db.write().await?;
        let before = state(&mut tx, SETTINGS).await?;
        if before.as_ref() == Some(&now)
            || !set_state_from(&mut tx, SETTINGS, before.as_deref(), &now).await?
        {
            return Ok(());
        }
        if let Some(before) = before {
            let known: Map<String, Value> =
                serde_json::from_str(&before).map_err(db::Error::corrupt("install_state.value"))?;
            let changed = changed(&known, settings);
            tracing::info!(settings = %changed.join(", "), "settings are other than at the last start");
            let entry = Entry::done(Noted::ConfigChanged, Who::INSTALL, On::install());
            let digest = |text: &str| Some(Digest::of(text.as_bytes()));
            let (before, after) = (digest(&before), digest(&now));
            let entry = Entry { before, after, ..entry.with("settings", changed) };
            self.note(&mut tx, Chain::INSTALL, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Writes down that the schema was brought from one number to another since the boot before.
    pub async fn note_schema(&self, version: i64) -> Result<(), Error> {
        let now = version.to_string();
        let mut tx = self.0.db.write().await?;
        let before = state(&mut tx, SCHEMA).await?;
        if before.as_ref() == Some(&now)
            || !set_state_from(&mut tx, SCHEMA, before.as_deref(), &now).await?
        {
            return Ok(());
        }
        if let Some(before) = before {
            let entry = Entry::done(Noted::MigrationApplied, Who::INSTALL, On::install());
            let entry = entry.with("from", before).with("to", now);
            self.note(&mut tx, Chain::INSTALL, entry).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// The names of what was added, taken away or given another value, in order.
fn changed(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<_> = before.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let names = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    names.cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_other_is_named_in_order() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let before = map(json!({ "contact": "a", "gone": 1, "same": [1] }));
        let now = map(json!({ "contact": "b", "new": 1, "same": [1] }));
        assert_eq!(changed(&before, &now), ["contact", "gone", "new"]);
        assert!(changed(&now, &now).is_empty());
    }
}
