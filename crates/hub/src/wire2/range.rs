//! A part of one object (RFC 9110 section 14).

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use names::ObjectId;
use objects::Place;

use crate::Hub;

/// What is read at once.
const PIECE_BYTES: u64 = 512 << 10;

/// What a request asks of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// These bytes, of which there are some.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Nothing,
}

/// Reads `Range`. One range is served; what is no range of bytes, or several, is as if it were not there.
pub(super) fn asked(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|it| it.trim().split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| match text {
        "" => Ok(None),
        digits if digits.bytes().all(|it| it.is_ascii_digit()) => {
            // What is too long a number is beyond any end.
            Ok(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => Err(()),
    };
    match (number(first), number(last)) {
        (Ok(Some(first)), Ok(last)) => {
            let end = last.map_or(size, |last: u64| last.saturating_add(1).min(size));
            match last {
                Some(last) if last < first => Asked::Whole,
                _ if first < end => Asked::Part(first..end),
                _ => Asked::Nothing,
            }
        }
        (Ok(None), Ok(Some(0))) => Asked::Nothing,
        (Ok(None), Ok(Some(_))) if size == 0 => Asked::Nothing,
        (Ok(None), Ok(Some(count))) => Asked::Part(size.saturating_sub(count)..size),
        (Ok(None), Ok(None)) | (Err(()), _) | (_, Err(())) => Asked::Whole,
    }
}

/// The answer with a part.
pub(super) fn part(hub: Hub, id: ObjectId, place: Place, part: Range<u64>) -> Response {
    let (size, length) = (place.size, part.end - part.start);
    let told = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    let pieces = futures_util::stream::unfold(
        (hub, place, part),
        move |(hub, place, part)| async move {
            if part.is_empty() {
                return None;
            }
            let next = part.start..part.end.min(part.start + PIECE_BYTES);
            let rest = next.end..part.end;
            let piece = hub.objects.read_range(id, place.clone(), next).await.map_err(|error| {
            tracing::error!(object = %id, %error, "a part of an object could not be sent to its end");
            std::io::Error::other("a part of an object could not be read")
        });
            // After an error nothing more is tried.
            let rest = if piece.is_ok() { rest } else { 0..0 };
            Some((piece, (hub, place, rest)))
        },
    );
    let mut response = (StatusCode::PARTIAL_CONTENT, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(told) = HeaderValue::from_str(&told) {
        headers.insert(header::CONTENT_RANGE, told);
    }
    response
}

/// The answer to who asks for what is not there.
pub(super) fn nothing(size: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    if let Ok(told) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, told);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_served() {
        for (text, size, expected) in [
            ("", 10, Asked::Whole),
            ("bytes=0-", 10, Asked::Part(0..10)),
            ("bytes=3-5", 10, Asked::Part(3..6)),
            ("bytes=3-99", 10, Asked::Part(3..10)),
            ("bytes=9-", 10, Asked::Part(9..10)),
            ("bytes=-4", 10, Asked::Part(6..10)),
            ("bytes=-99", 10, Asked::Part(0..10)),
            ("bytes=10-", 10, Asked::Nothing),
            ("bytes=99999999999999999999-", 10, Asked::Nothing),
            ("bytes=-0", 10, Asked::Nothing),
            ("bytes=0-", 0, Asked::Nothing),
            ("bytes=-1", 0, Asked::Nothing),
            ("bytes=5-3", 10, Asked::Whole),
            ("bytes=0-1,3-4", 10, Asked::Whole),
            ("bytes=-", 10, Asked::Whole),
            ("bytes=a-b", 10, Asked::Whole),
            ("bytes=+1-2", 10, Asked::Whole),
            ("lines=0-1", 10, Asked::Whole),
        ] {
            assert_eq!(asked(text, size), expected, "{text} of {size}");
        }
    }
}
