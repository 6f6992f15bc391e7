//! How pages look: the frame, the style sheet, and everything that turns text of others into safe HTML.
//!
//! Every page of every room extends `crates/web/templates/layout.html` and holds a [`Layout`]. A template of
//! another crate names the file by its way from its own folder, because askama resolves a template beside
//! the one that asks for it first, and needs no `askama.toml` and no feature for that:
//!
//! ```html
//! {% extends "../../web/templates/layout.html" %}
//! ```
//!
//! Invariant: text that others wrote reaches a page either escaped by askama or as [`Html`], and only this
//! module can make an [`Html`]. Nothing here knows a repository, a database or a request.
//!
//! | file           | what is there                                                          |
//! |----------------|------------------------------------------------------------------------|
//! | `assets.rs`    | the style sheet and the logo, embedded, addressed by their hash         |
//! | `layout.rs`    | [`Layout`]: what the frame around each page needs                       |
//! | `theme.rs`     | [`Theme`]: light, dark, or as the system has it                          |
//! | `monogram.rs`  | [`Monogram`]: a letter in a colour; `shares.rs`: [`Share`]s of a whole    |
//! | `error.rs`     | [`ErrorPage`]: every refusal as a page                                  |
//! | `html.rs`      | [`Html`], escaping                                                      |
//! | `visible.rs`   | control, bidirectional and zero-width characters made visible           |
//! | `highlight.rs` | source code as classed spans, line by line; `scopes.rs` chooses classes |
//! | `markdown.rs`  | Markdown as safe HTML; `raw_html.rs`, `links.rs`, `finish.rs` help it    |
//! | `charts.rs`    | pictures of numbers: a heat-map of days, bars                            |
//! | `dates.rs`     | [`When`]: "3 days ago" with the exact time on hover                      |
//! | `sizes.rs`     | bytes and counts for people                                             |
//! | `href.rs`      | percent-encoding of addresses                                           |
//! | `contrast.rs`  | test: the colours of both themes are readable                           |

pub mod assets;
pub mod charts;
pub mod dates;
pub mod error;
pub mod highlight;
pub mod href;
pub mod layout;
pub mod markdown;
pub mod monogram;
pub mod shares;
pub mod sizes;
pub mod theme;
pub mod visible;

mod finish;
mod html;
mod linked_data;
mod links;
mod raw_html;
mod scopes;

#[cfg(test)]
mod contrast;

pub use dates::When;
pub use error::ErrorPage;
pub use html::Html;
pub use layout::{Crumb, Layout, Reader};
pub use linked_data::linked_data;
pub use links::LinkContext;
pub use monogram::Monogram;
pub use shares::Share;
pub use theme::Theme;
