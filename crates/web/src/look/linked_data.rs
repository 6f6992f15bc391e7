//! Data for machines in the head of a page (JSON-LD): a block that no browser runs, and that cannot end early.

use serde_json::Value;

use super::Html;

/// `data` as it stands between `<script type="application/ld+json">` and its end.
pub fn linked_data(data: &Value) -> Html {
    // These characters stand inside of strings alone, where an escape means the same.
    let text = data.to_string();
    Html::trusted(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_wrote_does_not_end_the_block() {
        let html = linked_data(&json!({ "name": "</script><script>alert(1)</script>&" }));
        assert!(!html.as_str().contains(['<', '>', '&']), "{html}");
        let read: Value = serde_json::from_str(html.as_str()).unwrap();
        assert_eq!(read["name"], "</script><script>alert(1)</script>&");
    }
}
