//! Which form of an answer is wanted (RFC 9110 section 12.5.1).

use axum::http::{HeaderMap, HeaderValue, header};

/// What a program reads, as far as the house speaks it.
const MESSAGES: [&str; 5] = [
    "application/json",
    "application/problem+json",
    "application/x-msgpack",
    "application/msgpack",
    "application/vnd.msgpack",
];

/// Whether a page is wanted rather than a message: it is named, with more weight than any message, or before it with the
/// same. Whoever names none of them gets a message.
pub fn prefers_page(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
    let mut best: Option<(u16, bool)> = None;
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_page = kind == "text/html";
        if !is_page && !MESSAGES.contains(&kind.as_str()) {
            continue;
        }
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, weight);
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, is_page));
        }
    }
    best.is_some_and(|(_, is_page)| is_page)
}

/// A weight in thousandths; what is no weight counts for nothing.
fn weight(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.len() <= 3 && fraction.bytes().all(|it| it.is_ascii_digit());
    match whole {
        "1" if is_fraction => 1000,
        "0" if is_fraction => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Says that the answer depends on what is accepted.
pub(crate) fn vary(headers: &mut HeaderMap) {
    let says_so = |line: &HeaderValue| {
        let line = line.to_str().unwrap_or_default();
        line.split(',').any(|it| it.trim().eq_ignore_ascii_case("accept"))
    };
    if !headers.get_all(header::VARY).iter().any(says_so) {
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_those_who_name_it_first() {
        for (accept, page) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html", true),
            ("TEXT/HTML; charset=utf-8", true),
            ("text/html;q=0.5, */*", true),
            ("text/html, application/json", true),
            ("application/json;q=0.9, text/html", true),
            ("application/json, text/html", false),
            ("application/x-msgpack, application/json", false),
            ("text/html;q=0.5, application/msgpack", false),
            ("text/html;q=0", false),
            ("text/html;q=0.75, application/json;q=0.8", false),
            ("text/html;q=1.000", true),
            ("text/html;q=often", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_page(&headers), page, "{accept}");
        }
        assert!(!prefers_page(&HeaderMap::new()));
    }

    #[test]
    fn what_varies_says_so_once() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
        vary(&mut headers);
        vary(&mut headers);
        assert_eq!(headers.get_all(header::VARY).iter().count(), 2);
    }
}
