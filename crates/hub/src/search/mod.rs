//! Search: what stands in files, names of files, messages of commits, repositories (`spec/hub.md` 6).
//!
//! Owns documents that are derived from the default branches and can be made again at any time. A push asks in its own
//! transaction for the job that brings them up to date. Whoever searches finds what lists show them and nothing else:
//! the authority's predicate is part of every question to the index, so results, counts and facets tell of nothing that
//! the reader may not read. What a document says of names, visibility and the like is never believed: those are read
//! from the rows of repositories, as they are then.
//!
//! The language of queries is `api::search`. No pattern is ever run: words are asked of an index, characters through
//! groups of three, and what an index finds by groups is looked at again, within a budget.
//!
//! | file            | what is there                                                        |
//! |-----------------|----------------------------------------------------------------------|
//! | `words.rs`      | words, their parts, groups of characters; pure                          |
//! | `selection.rs`  | which files are searched, what they define; pure                        |
//! | `documents.rs`  | a document and its terms; pure                                          |
//! | `compile.rs`    | from a query to a question and checks; pure                             |
//! | `excerpt.rs`    | three lines with marks, and how well a text fits; pure                  |
//! | `fuzzy.rs`      | paths by some of their characters; pure                                 |
//! | `index.rs`      | the job that brings documents up to date                               |
//! | `answer.rs`     | what is asked and answered                                             |
//! | `fits.rs`       | whether a row fits a query, and how well; pure                         |
//! | `find.rs`       | a search within its budget                                              |
//! | `api.rs`        | JSON: search, topics                                                    |
//! | `store.rs`      | the SQL                                                                |

mod answer;
mod api;
mod compile;
mod documents;
mod excerpt;
mod find;
mod fits;
mod fuzzy;
mod index;
mod selection;
mod store;
mod words;

pub(crate) use answer::{Answer, Counted, Hit, Search};
pub(crate) use api::{href_of, routes, sort};
pub(crate) use excerpt::Line;
pub(crate) use find::MAX_DEPTH;
pub(crate) use fuzzy::{is_subsequence, rank};
pub use index::rebuild_search;
pub(crate) use index::{INDEX, INDEX_DUE, REBUILD, index, index_due, rebuild};
pub(crate) use store::STATEMENTS;
