//! What machines read: the map of the site, cards for other sites (`spec/hub.md` 7).
//!
//! Everything here is what anybody may see, whoever asks: it goes into indexes and pages elsewhere.
//!
//! | file         | what is there                                    |
//! |--------------|--------------------------------------------------|
//! | `mod.rs`     | the routes; what a repository says of itself in pages' heads |
//! | `sitemap.rs` | `/sitemap.xml`                                     |
//! | `oembed.rs`  | `/api/v1/oembed`                                   |
//! | `store.rs`   | the SQL                                          |

mod oembed;
mod sitemap;
mod store;

use serde_json::json;
use web::{
    Routes, Spec, Surface,
    look::{Html, linked_data},
};

pub(crate) use oembed::href as embed_href;
pub(crate) use store::STATEMENTS;

use crate::{Hub, Repository};

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.get("/sitemap.xml", Spec::new(Surface::Page), sitemap::sitemap).get(
        "/api/v1/oembed",
        Surface::Api,
        oembed::card,
    )
}

/// What a public repository is, for machines that read pages (<https://schema.org/SoftwareSourceCode>).
pub(crate) fn source_code(base_url: &str, it: &Repository) -> Html {
    let address = format!("{base_url}/{}", it.full_name());
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "SoftwareSourceCode",
        "name": it.name.as_str(),
        "url": address,
        "codeRepository": address,
        "author": { "name": it.owner.as_str(), "url": format!("{base_url}/{}", it.owner) },
        "dateCreated": it.created_at.to_string(),
    });
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            data[key] = value.into();
        }
    };
    add("description", it.description.clone());
    add("keywords", it.topics.words().join(", "));
    add("programmingLanguage", it.language.clone());
    add("dateModified", it.pushed_at.map(|at| at.to_string()).unwrap_or_default());
    let licence =
        it.licence.as_ref().map(|it| format!("https://spdx.org/licenses/{}", it.as_str()));
    add("license", licence.unwrap_or_default());
    linked_data(&data)
}
