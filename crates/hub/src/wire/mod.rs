//! Wire 1: what the Muse client 0.1.5 speaks (`spec/wire.md` 3-6).
//!
//! | file        | what is there                                                          |
//! |-------------|------------------------------------------------------------------------|
//! | `mod.rs`    | the routes, answers in either encoding                                   |
//! | `body.rs`   | bodies, decoded on a blocking thread while they arrive                    |
//! | `weights.rs`| what decoded bodies weigh together                                        |
//! | `upload.rs` | filter-objects, push/objects: what becomes pending                        |
//! | `presigned/`| presign, PUT to an address, confirm                                      |
//! | `push.rs`   | push: the order of processing, and its one transaction                   |
//! | `bundle.rs` | what a push brings, checked by itself                                    |
//! | `looking.rs` | what a push brings is looked at before its transaction                   |
//! | `fetch.rs`  | refs, negotiate, fetch                                                   |
//! | `labels/`   | POST and GET of `tags`: labels of commits                               |
//! | `landing/`  | the one transaction of a push                                            |

pub(crate) mod body;
pub(crate) mod bundle;
mod fetch;
mod labels;
pub(crate) mod landing;
mod looking;
mod presigned;
pub(crate) mod push;
pub(crate) mod upload;
mod weights;

use std::time::Duration;

use api::{Value, wire::Format};
use axum::{
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use trust::Class;
use web::{Call, Media, Routes, Spec, Surface};

use crate::Hub;
pub(crate) use body::message;
pub(crate) use labels::of_commits as labels_of;
pub(crate) use landing::{Counted, count as landing_count, lock};
pub(crate) use presigned::end_addresses;
pub(crate) use upload::{muse, other_format};

/// How long one object may take that is sent to an address of its own: 5 GiB come in an hour at 1.5 MB a second.
const ADDRESS_TIME: Duration = Duration::from_hours(1);

/// Every statement of the wire.
pub(crate) fn statements() -> Vec<&'static db::Sql> {
    [landing::STATEMENTS, presigned::STATEMENTS, labels::STATEMENTS].concat()
}

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    use api::wire::limits::{
        FETCH_BODY_BYTES, PRESIGNED_OBJECT_BYTES, PUSH_BODY_BYTES, SMALL_BODY_BYTES,
    };
    let routes = labels::routes(routes);
    let push = Spec::new(Surface::Wire).body_bytes(PUSH_BODY_BYTES).class(Class::Push);
    let upload = push.class(Class::Upload);
    let read = Spec::new(Surface::Wire);
    let label = read.body_bytes(SMALL_BODY_BYTES).class(Class::Global);
    let fetch = read.body_bytes(FETCH_BODY_BYTES);
    let address = Spec::new(Surface::Wire)
        .body_bytes(PRESIGNED_OBJECT_BYTES)
        .class(Class::Presigned)
        .media(Media::Any)
        .within(ADDRESS_TIME);
    routes
        .get("/{owner}/{name}/refs", read.or_page(), fetch::refs)
        .get("/{owner}/{name}/tags", read.or_page(), labels::list)
        .post("/{owner}/{name}/tags", label, labels::add)
        .post("/{owner}/{name}/filter-objects", upload, upload::filter_objects)
        .post("/{owner}/{name}/presign", upload, presigned::presign)
        .post("/{owner}/{name}/confirm", upload, presigned::confirm)
        .on(Method::PUT, "/o/up/{token}", address, presigned::put)
        .post("/{owner}/{name}/push/objects", upload, upload::push_objects)
        .post("/{owner}/{name}/push", push, push::push)
        .post("/{owner}/{name}/negotiate", fetch, fetch::negotiate)
        .post("/{owner}/{name}/fetch", fetch, fetch::fetch)
}

/// An answer of the wire, in the encoding that the client asked for.
pub(crate) struct Answer {
    pub(crate) format: Format,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn new(call: &Call, body: impl Into<Value>) -> Self {
        Self::in_format(accepted(call), body)
    }

    /// One for a call that has been taken apart.
    pub(crate) fn in_format(format: Format, body: impl Into<Value>) -> Self {
        Self { format, body: body.into() }
    }
}

/// The encoding that the client asked for.
pub(crate) fn accepted(call: &Call) -> Format {
    Format::of_accept(Some(call.header("accept")))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut bytes = Vec::new();
        if let Err(error) = self.format.write(&mut bytes, &self.body) {
            tracing::error!(%error, "an answer cannot be written");
        }
        encoded(self.format, bytes)
    }
}

/// Bytes that are already in `format`.
pub(crate) fn encoded(format: Format, bytes: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static(format.content_type());
    let vary = HeaderValue::from_static("Accept");
    ([(header::CONTENT_TYPE, kind), (header::VARY, vary)], bytes).into_response()
}
