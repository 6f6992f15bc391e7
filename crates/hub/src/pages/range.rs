//! A part of a file, as a client asks for it: `Range` (RFC 9110 14.2).

use std::ops::Range;

use axum::http::HeaderMap;

/// What of a file is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Nothing,
}

/// What a request asks of a file of that size. Several ranges, and what cannot be read, ask for all of it; so does a range
/// of something that is another thing by now.
pub(super) fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let is_other = text("if-range").is_some_and(|it| it != etag);
    match text("range") {
        Some(range) if !is_other => read(range, size),
        Some(_) | None => Wanted::All,
    }
}

fn read(range: &str, size: u64) -> Wanted {
    let spec = range.strip_prefix("bytes=").and_then(|it| it.trim().split_once('-'));
    let number = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        // A larger one than can be held is beyond every end.
        is_plain.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match spec {
        Some(("", last)) => match number(last) {
            Some(count) if count == 0 || size == 0 => Wanted::Nothing,
            Some(count) => Wanted::Part(size.saturating_sub(count)..size),
            None => Wanted::All,
        },
        Some((first, last)) => match (number(first), number(last), last.is_empty()) {
            (Some(first), _, _) if first >= size => Wanted::Nothing,
            (Some(first), _, true) => Wanted::Part(first..size),
            (Some(first), Some(last), _) if last >= first => {
                Wanted::Part(first..last.saturating_add(1).min(size))
            }
            _ => Wanted::All,
        },
        None => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-4", Wanted::Part(2..5)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=8-99999999999999999999999", Wanted::Part(8..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=x-", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(read(text, 10), expected, "{text}");
        }
        assert_eq!(read("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(read("bytes=-1", 0), Wanted::Nothing);
    }

    #[test]
    fn a_range_of_something_else_is_all_of_it() {
        let mut headers = HeaderMap::new();
        headers.insert("range", "bytes=0-0".parse().unwrap());
        assert_eq!(wanted(&headers, 10, "\"a\""), Wanted::Part(0..1));
        headers.insert("if-range", "\"a\"".parse().unwrap());
        assert_eq!(wanted(&headers, 10, "\"a\""), Wanted::Part(0..1));
        assert_eq!(wanted(&headers, 10, "\"b\""), Wanted::All);
    }
}
