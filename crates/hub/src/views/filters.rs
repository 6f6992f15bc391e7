//! What templates do to values: make them visible, give them units.

#![expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "`filter_fn` asks for this shape and writes such methods"
)]

use std::fmt::Display;

use askama::{Result, Values, filter_fn};
use web::look::{Html, sizes, visible};

/// Text of others: escaped, deceiving characters made visible.
#[filter_fn]
pub(super) fn seen(text: impl Display, _: &dyn Values) -> Result<Html> {
    Ok(visible::html(&text.to_string()))
}

/// A name of others inside a sentence: as `seen`, and kept apart from the direction of the text around it.
#[filter_fn]
pub(super) fn named(text: impl Display, _: &dyn Values) -> Result<Html> {
    Ok(visible::name(&text.to_string()))
}

/// Text of others where no markup can stand: in an attribute.
#[filter_fn]
pub(super) fn flat(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(visible::plain(&text.to_string()))
}

/// Text of others as the value of a field, which gives it back unchanged.
#[filter_fn]
pub(super) fn kept(text: impl Display, _: &dyn Values) -> Result<Html> {
    Ok(visible::value(&text.to_string()))
}

/// A size for people.
#[filter_fn]
pub(super) fn bytes(size_bytes: &u64, _: &dyn Values) -> Result<String> {
    Ok(sizes::bytes(*size_bytes))
}

/// A count with its noun.
#[filter_fn]
pub(super) fn counted(number: &u64, _: &dyn Values, one: &str, many: &str) -> Result<String> {
    Ok(sizes::plural(*number, one, many))
}

/// A count alone.
#[filter_fn]
pub(super) fn count(number: &u64, _: &dyn Values) -> Result<String> {
    Ok(sizes::count(*number))
}
