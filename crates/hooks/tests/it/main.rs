//! Webhooks as rooms and receivers meet them, on both databases: a real receiver, a real client, a clock that the test
//! holds.
//!
//! | file               | what is there                                                      |
//! |--------------------|--------------------------------------------------------------------|
//! | `house.rs`         | nothing: a database, somebody with a repository, bounded waits        |
//! | `receiver.rs`      | nothing: a receiver that answers as it is told                        |
//! | `subscriptions.rs` | made, changed, deleted; limits, addresses, secrets                    |
//! | `requests.rs`      | what is sent: signatures, forms, authority                           |
//! | `tries.rs`         | what answers mean, and when it is tried again                        |
//! | `order.rs`         | one subject after the other; the breaker; what lies there is sent again |
//! | `managed.rs`       | subscriptions of pipelines, and verdicts                             |
//! | `processes.rs`     | crashes, stops, several processes                                    |
//! | `store.rs`         | nothing: what tests change behind the room's back                     |
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod house;
mod managed;
mod order;
mod processes;
mod receiver;
mod requests;
mod store;
mod subscriptions;
mod tries;
