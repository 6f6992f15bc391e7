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
    /// The stable word, which the table of all refusals explains.
    pub code: &'static str,
}

impl ErrorPage {
    /// What to do next, where the refusal itself does not say.
    fn next_step(&self) -> &'static str {
        match self.status {
            401 => "Sign in, and open the address again.",
            403 => "Ask whoever runs it for a higher level, or sign in as somebody who has one.",
            404 => {
                "Look for a typing error in the address, or search for what you had in mind. What is private is there only for those who are signed in and may see it."
            }
            409 => "Look at how things are now, and decide again.",
            429 => {
                "Wait as long as it says, then load the page again. Signed-in readers may ask for more."
            }
            500 => {
                "Load the page again. If it stays so, whoever runs this install can find the request in the log."
            }
            503 => {
                "Wait a moment, then load the page again: nothing that you sent was lost unless this says so."
            }
            _ => "",
        }
    }

    /// Whether signing in may help.
    fn may_sign_in(&self) -> bool {
        matches!(self.status, 401 | 403 | 404 | 429) && self.layout.reader.handle.is_none()
    }
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
        let page =
            ErrorPage { layout, status: 404, title, detail, code: "not_found" }.render().unwrap();
        assert!(page.contains("404") && page.contains("0197-7d1e"));
        assert!(page.contains("There is no &#60;script&#62; here."));
        assert!(page.contains(r#"<meta name="robots" content="noindex">"#));
        assert_eq!(page.matches("<h1").count(), 1);
        for forbidden in ["<script>", "<style", " style=", " onclick="] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
