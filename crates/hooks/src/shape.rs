//! How much a body holds (`spec/webhooks.md` 2): texts of 16 KiB, lists of 100 entries, 256 KiB in all; and the form
//! that holds ids and addresses only. Pure.

use serde_json::{Map, Value};

/// Bytes of one text.
const TEXT_BYTES: usize = 16 << 10;
/// Entries of one list.
const LIST_ENTRIES: usize = 100;
/// Bytes of a body.
pub(crate) const BODY_BYTES: usize = 256 << 10;
/// Bytes of a body that everything around its data may take.
const AROUND_BYTES: usize = 16 << 10;
/// Levels of a value: what lies deeper is left out.
const DEEPEST: usize = 16;

/// Data that fits into a body. A text that is cut is followed by `<name>_truncated: true`, a list by `<name>_total`.
/// Where that is not enough, texts and lists are cut shorter, all alike, until it is.
pub fn fitted(data: &Map<String, Value>) -> Map<String, Value> {
    let mut caps = Caps { text: TEXT_BYTES, list: LIST_ENTRIES };
    loop {
        let cut = caps.object(data, 0);
        if size(&cut) <= BODY_BYTES - AROUND_BYTES {
            return cut;
        }
        if caps.text == 0 && caps.list == 0 {
            let told = ("truncated".to_owned(), Value::Bool(true));
            return Map::from_iter([told]);
        }
        caps = Caps { text: caps.text / 2, list: caps.list / 2 };
    }
}

fn size(data: &Map<String, Value>) -> usize {
    serde_json::to_vec(data).map_or(usize::MAX, |bytes| bytes.len())
}

/// How much is let through.
#[derive(Debug, Clone, Copy)]
struct Caps {
    text: usize,
    list: usize,
}

impl Caps {
    fn object(self, of: &Map<String, Value>, depth: usize) -> Map<String, Value> {
        let mut cut = Map::new();
        for (name, value) in of {
            let (value, told) = self.value(value, depth);
            cut.insert(name.clone(), value);
            if let Some(total) = told.total {
                cut.insert(format!("{name}_total"), total.into());
            }
            if told.is_cut {
                cut.insert(format!("{name}_truncated"), true.into());
            }
        }
        cut
    }

    fn value(self, value: &Value, depth: usize) -> (Value, Told) {
        if depth == DEEPEST {
            return (Value::Null, Told { is_cut: true, total: None });
        }
        match value {
            Value::String(text) if text.len() > self.text => {
                let end = text.floor_char_boundary(self.text);
                let kept = text.get(..end).unwrap_or_default().to_owned();
                (Value::String(kept), Told { is_cut: true, total: None })
            }
            Value::Array(list) => {
                let kept = list.iter().take(self.list).map(|it| self.value(it, depth + 1));
                let (kept, told): (Vec<_>, Vec<_>) = kept.unzip();
                let is_cut = told.iter().any(|it| it.is_cut);
                let total = (list.len() > self.list).then_some(list.len());
                (Value::Array(kept), Told { is_cut, total })
            }
            Value::Object(object) => {
                (Value::Object(self.object(object, depth + 1)), Told::default())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                (value.clone(), Told::default())
            }
        }
    }
}

/// What stands beside a value.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    is_cut: bool,
    total: Option<usize>,
}

/// The ids and addresses of data, and nothing else.
pub fn thin(data: &Map<String, Value>) -> Map<String, Value> {
    data.iter().filter_map(|(name, value)| Some((name.clone(), thinned(name, value)?))).collect()
}

fn thinned(name: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let kept = thin(object);
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(list) => {
            let kept: Vec<_> = list.iter().filter_map(|it| thinned(name, it)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::String(_) | Value::Number(_) if is_id_or_address(name) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn is_id_or_address(name: &str) -> bool {
    matches!(name, "id" | "url") || name.ends_with("_id") || name.ends_with("_url")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        let body = "ä".repeat(40_000);
        let cut = fitted(&object(&json!({"issue": {"id": "7", "body": body, "title": "short"}})));
        let issue = &cut["issue"];
        let kept = issue["body"].as_str().unwrap();
        assert_eq!(kept.len(), 16 << 10);
        assert!(body.starts_with(kept));
        assert_eq!(issue["body_truncated"], true);
        assert_eq!(issue.get("title_truncated"), None);
        // One byte less, and a character of two does not fit any more.
        let odd = format!("a{body}");
        let cut = fitted(&object(&json!({"body": odd})));
        assert_eq!(cut["body"].as_str().unwrap().len(), (16 << 10) - 1);
    }

    #[test]
    fn a_long_list_ends_and_says_how_long_it_was() {
        let list: Vec<_> = (0..250).collect();
        let cut = fitted(&object(&json!({"labels": list, "few": [1, 2]})));
        assert_eq!(cut["labels"].as_array().unwrap().len(), 100);
        assert_eq!(cut["labels_total"], 250);
        assert_eq!(cut.get("few_total"), None);
        assert_eq!(cut["few"], json!([1, 2]));
    }

    #[test]
    fn what_is_too_much_together_is_cut_shorter() {
        let texts: Vec<_> = (0..100).map(|_| json!({"message": "x".repeat(16 << 10)})).collect();
        let cut = fitted(&object(&json!({"commits": texts})));
        assert!(size(&cut) <= BODY_BYTES - AROUND_BYTES);
        assert!(!cut["commits"].as_array().unwrap().is_empty());
        assert_eq!(cut["commits"][0]["message_truncated"], true);
    }

    #[test]
    fn thin_holds_ids_and_addresses_only() {
        let full = json!({
            "issue": {"id": "7", "number": 12, "title": "Secret", "body": "text", "url": "https://x/7",
                      "author": {"id": "8", "handle": "ada"}, "labels": ["bug"], "milestone_id": 3},
            "thread": {"path": "src/a.rs", "line": 4}, "compare_url": "https://x/c", "forced": true,
            "assets": [{"id": 1, "name": "a.tar"}, {"name": "b"}],
        });
        let expected = json!({
            "issue": {"id": "7", "url": "https://x/7", "author": {"id": "8"}, "milestone_id": 3},
            "compare_url": "https://x/c", "assets": [{"id": 1}],
        });
        assert_eq!(thin(&object(&full)), object(&expected));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            (1_usize..60_000).prop_map(|it| Value::from("音".repeat(it))),
        ];
        leaf.prop_recursive(4, 40, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
                prop::collection::btree_map("[a-z_]{1,8}", inner, 0..8)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn whatever_is_sent_fits(value in any_value(), copies in 1_usize..150) {
            let data = object(&json!({"it": vec![value; copies]}));
            let cut = fitted(&data);
            prop_assert!(size(&cut) <= BODY_BYTES - AROUND_BYTES);
            prop_assert!(size(&thin(&cut)) <= size(&cut));
        }
    }
}
