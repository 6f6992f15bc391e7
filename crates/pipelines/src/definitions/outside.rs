//! What a definition cannot know by itself, found out before it is judged (`spec/work.md` 2, stage `outside`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use hooks::{AddressRules, Hooks};
use names::Handle;
use pipelines_core::{definition::Outside, skill::SkillReference};
use serde_json::Value;
use tokio::time::timeout;
use trust::Publisher;
use url::Url;

use super::store;
use crate::{Error, Pipelines, skills};

/// The highest priority without a grant of the operator.
const USUAL_PRIORITY: u8 = 5;
/// Hosts of one definition that are looked up; all are judged again at each call.
const LOOKED_UP: usize = 64;
/// Of them at once.
const AT_ONCE: usize = 16;
/// How long they may take together: a name that is not found by then may be found later.
const LOOK_UP_TIME: Duration = Duration::from_secs(3);

/// What was found out for one definition.
#[derive(Debug)]
pub(super) struct Known {
    addresses: AddressRules,
    /// Origins whose names lead to where no request may go, and why.
    refused: BTreeMap<String, String>,
    /// References as they are written, and what they stand for.
    skills: BTreeMap<String, String>,
    max_priority: u8,
}

impl Outside for Known {
    fn endpoint(&self, url: &str) -> Result<(), String> {
        let url = self.addresses.check(url).map_err(|refused| refused.to_string())?;
        match self.refused.get(&origin(&url)) {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }

    fn skill(&self, reference: &str) -> Option<String> {
        self.skills.get(reference).cloned()
    }

    fn max_priority(&self) -> u8 {
        self.max_priority
    }
}

/// What a request is sent to, as far as a name is looked up for it.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The texts at `name` of the top and of each step, if `of` finds some there.
fn texts<'s>(source: &'s Value, of: impl Fn(&'s Value) -> Vec<&'s Value>) -> BTreeSet<&'s str> {
    let steps = source.get("steps").and_then(Value::as_array).into_iter().flatten();
    [source].into_iter().chain(steps).flat_map(of).filter_map(Value::as_str).collect()
}

fn list<'s>(value: &'s Value, name: &str) -> impl Iterator<Item = &'s Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The skills that a document names, wherever they are allowed.
fn references(source: &Value) -> BTreeSet<&str> {
    texts(source, |it| list(it, "skills").collect())
}

/// The addresses that a document names.
fn endpoints(source: &Value) -> BTreeSet<&str> {
    texts(source, |it| {
        let called = list(it, "subcommands").filter_map(|it| it.get("url"));
        called.chain(it.get("webhook").and_then(|it| it.get("url"))).collect()
    })
}

impl Pipelines {
    /// Finds out what a document of `publisher` needs to be judged.
    pub(super) async fn known(
        &self,
        publisher: &Publisher,
        source: &Value,
    ) -> Result<Known, Error> {
        let hooks = &self.0.ground.hooks;
        let refused = refused(hooks, &endpoints(source)).await;
        let own = &publisher.organization;
        let mut tx = self.0.ground.db.read().await?;
        let asked = references(source).into_iter().filter_map(|text| {
            let SkillReference { publisher, name, version } = SkillReference::read(text)?;
            let publisher: Handle = match publisher {
                Some(handle) => handle.parse().ok()?,
                None => own.handle.clone(),
            };
            Some((text, publisher, name, version))
        });
        let skills = skills::store::resolve(&mut tx, own.id, asked).await?;
        let granted = store::max_priority(&mut tx, own.id).await?;
        let max_priority = granted.unwrap_or(USUAL_PRIORITY);
        Ok(Known { addresses: hooks.addresses().clone(), refused, skills, max_priority })
    }
}

/// Which of the origins lead to where no request may go.
async fn refused(hooks: &Hooks, urls: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let good = urls.iter().filter_map(|url| hooks.addresses().check(url).ok());
    let places: BTreeMap<_, _> = good.map(|url| (origin(&url), url)).collect();
    let judged = stream::iter(places.into_iter().take(LOOKED_UP))
        .map(async |(origin, url)| Some((origin, hooks.judge(url.as_str()).await.err()?)))
        .buffer_unordered(AT_ONCE);
    let mut found = BTreeMap::new();
    let mut judged = std::pin::pin!(judged);
    let all = async {
        while let Some(one) = judged.next().await {
            found.extend(one.map(|(origin, why)| (origin, why.to_string())));
        }
    };
    if timeout(LOOK_UP_TIME, all).await.is_err() {
        tracing::debug!("not all names of a definition were found in time");
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_document_names_is_found_wherever_it_may_stand() {
        let source = json!({
            "skills": ["a@1", 7], "webhook": {"url": "https://hooks.example/"},
            "steps": [
                {"skills": ["b@latest"], "subcommands": [{"url": "https://one.example/"}, {"name": "x"}, 3]},
                "no step",
                {"subcommands": [{"url": "https://two.example/"}, {"url": "https://one.example/"}]},
            ],
        });
        assert_eq!(references(&source).into_iter().collect::<Vec<_>>(), ["a@1", "b@latest"]);
        let found: Vec<_> = endpoints(&source).into_iter().collect();
        assert_eq!(
            found,
            ["https://hooks.example/", "https://one.example/", "https://two.example/"]
        );
        for other in [json!(null), json!([]), json!({"steps": {}}), json!({"skills": "a@1"})] {
            assert!(references(&other).is_empty() && endpoints(&other).is_empty(), "{other}");
        }
    }
}
