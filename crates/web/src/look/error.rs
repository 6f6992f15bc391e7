//! Every refusal as a page.

use askama::Template;

use super::Layout;

/// What went wrong, for a person.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub layout: Layout,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a few words: `Not found`.
    pub title: String,
    /// What the reader can do about it, in a sentence or two.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_happened_and_escapes_it() {
        let layout = Layout {
            title: "Not found".into(),
            request_id: "0197-7d1e".into(),
            is_noindex: true,
            ..Layout::default()
        };
        let title = "Not found".to_owned();
        let detail = "There is no <script> here.".to_owned();
        let page = ErrorPage { layout, status: 404, title, detail }.render().unwrap();
        assert!(page.contains("404") && page.contains("0197-7d1e"));
        assert!(page.contains("There is no &#60;script&#62; here."));
        assert!(page.contains(r#"<meta name="robots" content="noindex">"#));
        assert_eq!(page.matches("<h1").count(), 1);
        for forbidden in ["<script>", "<style", " style=", " onclick="] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
