//! The frame that every room serves in: routes with declared actions, the gate that each request passes, bodies that
//! are capped and checked, and refusals in the words of each surface.
//!
//! Knows `trust`, and no room. A room builds [`Routes`] from its door and its handlers and hands over a finished
//! router; `server` merges them.
//!
//! | file         | what is there                                                                    |
//! |--------------|----------------------------------------------------------------------------------|
//! | `routes.rs`  | [`Routes`]: every route with its action, surface and cap; [`Load`]                 |
//! | `gate.rs`    | the way of a request: credentials, resource, authority, body, handler, refusal      |
//! | `limits.rs`  | how much of what a request counts as; [`Cost`]                                     |
//! | `refusals.rs`| what the gate refuses and the audit log wants to know                              |
//! | `repeat.rs`  | the same POST once more gets the first answer again                                |
//! | `accept.rs`  | [`prefers_page()`]: a page or a message                                             |
//! | `call.rs`    | [`Call`]: what a handler gets of the request; [`Input`], [`Json`]                   |
//! | `shape/`     | [`Shape`]: what a type of a request looks like, told by the type itself             |
//! | `body.rs`    | [`Body`]: capped before it is read, hashed while it is read                         |
//! | `problem.rs` | [`Problem`]: a refusal, and how each [`Surface`] tells it                           |
//! | `codes.rs`   | [`codes`]: the stable words of refusals                                             |
//! | `surface.rs` | [`Surface`]: what a route speaks                                                    |
//! | `entrance.rs`| what an unsafe request must look like before anything of it is believed             |
//! | `form.rs`    | [`Form`]: fields of our own pages, and what keeps other sites from sending them      |
//! | `cursor.rs`  | [`Cursors`]: where a list goes on                                                |
//! | `headers.rs` | the headers of every answer                                                       |
//! | `look/`      | how pages look                                                                    |
//!
//! Invariant: a handler runs only behind [`trust::Allowed`], and nothing takes effect before the last byte of a signed
//! body has matched its digest: [`Call`] reads bodies to their end before it hands them out.

mod accept;
mod body;
mod call;
mod codes;
mod cursor;
mod entrance;
pub mod form;
mod gate;
pub mod headers;
mod limits;
pub mod look;
mod problem;
mod refusals;
mod repeat;
mod routes;
pub mod shape;
mod surface;

pub use accept::prefers_page;
pub use body::{Body, BodyFault};
pub use call::{Asks, Call, Context, Input, Json, Params, Posted, Queried, page};
pub use codes::codes;
pub use cursor::Cursors;
pub use entrance::{Media, client_name};
pub use form::Form;
pub use gate::{MayCompress, is_tag_of};
pub use limits::{Cost, admit_unrouted};
pub use problem::{Fault, Problem};
pub use repeat::shown_once;
pub use routes::{Entry, Load, Routes, Spec, Way};
pub use surface::Surface;
