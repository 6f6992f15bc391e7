//! Rules that the compiler cannot hold, held here, so that breaking one is a red test and not a review comment.
//!
//! Owns no rule of the product: each test reads the sources as text, asks `cargo metadata`, or prepares statements.
//! A rule that is broken lists every place at once. Exceptions stand beside their rule, each with its reason.
//!
//! | file            | what is held                                                              |
//! |-----------------|---------------------------------------------------------------------------|
//! | `sources.rs`    | nothing: how the tests find files, and tell code from comments and tests    |
//! | `floors.rs`     | which crate may use which                                                   |
//! | `edges.rs`      | who may name the SQL library, the HTTP client, the environment               |
//! | `shape.rs`      | openings, lengths, and what code must not contain                            |
//! | `migrations.rs` | every migration has its twin and its way back                                |
//! | `store.rs`      | every statement is listed, and every listed one can be prepared              |
//! | `documents.rs`  | links lead somewhere, claims name their proof, nothing speaks of one machine |

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod documents;
mod edges;
mod floors;
mod migrations;
mod shape;
mod sources;
mod store;
