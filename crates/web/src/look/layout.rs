//! The frame around each page: head, top bar, crumbs, foot.

use super::{Html, Monogram, Theme, assets, visible};

/// What the frame needs. Every page struct holds one in a field called `layout`.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Names the page, the repository and the place; ` · Motet` is added.
    pub title: String,
    /// One sentence for search engines and link previews; may be empty.
    pub description: String,
    /// The one address of this page with scheme and host, if there are several.
    pub canonical: Option<String>,
    /// Where other sites find a card of this page.
    pub embed: Option<String>,
    /// What the page is about, for machines.
    pub linked_data: Option<Html>,
    /// Where we are, from the left: owner, repository. Deeper places have their own path inside the page.
    pub crumbs: Vec<Crumb>,
    /// Who reads.
    pub reader: Reader,
    /// What stands in the search field.
    pub query: String,
    /// The id of the request, so that a reader can report it.
    pub request_id: String,
    /// The same for readers of feeds: title and address.
    pub feeds: Vec<(String, String)>,
    /// Keeps the page out of search engines.
    pub is_noindex: bool,
}

/// Who reads a page, as far as the frame says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    /// The handle, if somebody is signed in who has a page.
    pub handle: Option<String>,
    /// The mark of the browser's session, for the form that ends it.
    pub csrf: Option<String>,
    /// How pages look to this reader.
    pub theme: Theme,
}

impl Reader {
    /// Somebody, with the theme of the system.
    pub fn named(handle: impl Into<String>) -> Self {
        Self { handle: Some(handle.into()), ..Self::default() }
    }
}

/// One step of the way to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crumb {
    /// What is shown.
    pub text: String,
    /// Where it leads, percent-encoded; nothing for the page itself.
    pub href: Option<String>,
}

impl Crumb {
    /// A step that can be followed.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: Some(href.into()) }
    }

    /// The page itself.
    pub fn here(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None }
    }

    /// The text, with deceiving characters made visible.
    pub fn shown(&self) -> Html {
        visible::name(&self.text)
    }
}

impl Layout {
    /// The title, with deceiving characters made visible.
    pub fn shown_title(&self) -> String {
        visible::plain(&self.title)
    }

    /// The description, with deceiving characters made visible.
    pub fn shown_description(&self) -> String {
        visible::plain(&self.description)
    }

    /// The address of the style sheet.
    pub fn css_href(&self) -> &'static str {
        assets::css_href()
    }

    /// The address of the script that adds keys and copying.
    pub fn script_href(&self) -> &'static str {
        assets::script_href()
    }

    /// The face of the reader.
    pub fn monogram(&self) -> Option<Monogram> {
        self.reader.handle.as_deref().map(Monogram::of)
    }

    /// The address of the favicon.
    pub fn logo_href(&self) -> &'static str {
        assets::logo_href()
    }
}
