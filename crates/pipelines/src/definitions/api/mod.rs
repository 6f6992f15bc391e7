//! JSON under `/api/v1/publishers/{publisher}/pipelines` (`spec/work.md` 6).
//!
//! | file           | what is there                                            |
//! |----------------|----------------------------------------------------------|
//! | `mod.rs`       | the routes                                                |
//! | `pipelines.rs` | registered, listed, set up, archived                      |
//! | `versions.rs`  | versions: listed, whole, as they were sent, compared       |
//! | `schedules.rs` | schedules                                                |

mod pipelines;
mod schedules;
mod versions;

use http::Method;
use trust::Bearers;
use web::{Media, Routes, Spec, Surface};

use crate::Door;

/// The largest definition, counted before it is parsed (`spec/work.md` 2, Form).
const DEFINITION_BYTES: u64 = 1 << 20;
/// Bodies of a few words.
const SMALL_BYTES: u64 = 64 << 10;
/// The routes of pipelines, their versions and schedules.
pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let small = read.body_bytes(SMALL_BYTES);
    let definition = read.body_bytes(DEFINITION_BYTES).media(Media::Definition);
    let source = read.answers(&["application/json", "application/yaml"]);
    routes
        .post("/api/v1/publishers/{publisher}/pipelines", definition, pipelines::register)
        .get("/api/v1/publishers/{publisher}/pipelines", read, pipelines::list)
        .get("/api/v1/publishers/{publisher}/pipelines/{pipeline}", read, pipelines::show)
        .on(
            Method::PATCH,
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}",
            small,
            pipelines::change,
        )
        .on(
            Method::DELETE,
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}",
            small,
            pipelines::archive,
        )
        .get("/api/v1/publishers/{publisher}/pipelines/{pipeline}/versions", read, versions::list)
        .get(
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}/versions/{version}",
            source,
            versions::show,
        )
        .get(
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}/versions/{version}/diff",
            read,
            versions::compare,
        )
        .get("/api/v1/publishers/{publisher}/pipelines/{pipeline}/schedules", read, schedules::list)
        .on(
            Method::PATCH,
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}/schedules/{schedule}",
            small,
            schedules::change,
        )
}
