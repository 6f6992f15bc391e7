//! `/help/components`: the parts of pages in all their states, with invented contents. Whoever makes a page looks here
//! first; a test holds that no part is missing.

use askama::Template;
use axum::response::Response;
use web::{
    Call, Problem,
    look::{Html, Layout, Monogram, Share, highlight, visible},
};

use super::{Help, Reader, layout};

const SONG: &str = r"/// How many voices sing at `bar`.
fn voices(score: &Score, bar: u32) -> usize {
    let sings = |part: &&Part| part.notes.iter().any(|note| note.bar == bar);
    score.parts.iter().filter(sings).count() // rests are silent
}";

/// `/help/components`.
#[derive(Debug, Template)]
#[template(path = "help_components.html")]
struct ComponentsPage {
    layout: Layout,
    /// Source code, coloured.
    code: Vec<Html>,
    /// A text with characters that deceive.
    odd: Html,
    faces: Vec<Monogram>,
    shares: Vec<Share>,
    fault: Option<String>,
    no_fault: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

pub(super) async fn show(_: Help, _: Reader, call: Call) -> Result<Response, Problem> {
    let shares = [("Rust", 61_200), ("Markdown", 21_000), ("Shell", 9_000), ("TOML", 120)];
    let handles = ["ada", "byron", "clara", "dowland", "ebba", "fanny", "gesualdo", "hildegard"];
    let layout = Layout { is_noindex: true, ..layout("Components", &call) };
    web::page(&ComponentsPage {
        layout,
        code: highlight::file("voices.rs", SONG),
        odd: visible::html("gpj\u{202e}.exe"),
        faces: handles.map(Monogram::of).to_vec(),
        shares: Share::of(shares.map(|(name, amount)| (name.to_owned(), amount))),
        fault: Some("A handle has letters, digits, dots and dashes.".to_owned()),
        no_fault: None,
        before: Some("#pages".to_owned()),
        after: Some("#pages".to_owned()),
    })
}
