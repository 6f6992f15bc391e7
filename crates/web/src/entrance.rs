//! What an unsafe request must look like before anything of it is believed (`spec/trust.md` 7, L3 to L5): where a browser
//! says that it comes from, and that its body is of the type that the route declares. The host was judged before.
//!
//! Pure. In local mode every rule holds, because any page of any site can send requests to this machine; elsewhere the
//! media type holds wherever there is a body, and `form.rs` asks about cookies.

use axum::http::{HeaderMap, Method, StatusCode, header};
use trust::Hosts;

use crate::{Problem, form::cross_site};

/// The header by which a program says what it is. A page of another site cannot add it without being allowed to first.
const CLIENT: &str = "x-motet-client";
/// The longest such name, in bytes.
const MAX_CLIENT: usize = 64;

/// The body that a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// A form of a page: urlencoded or multipart.
    Form,
    /// A message of the Muse wire: MessagePack or JSON, and nothing on DELETE.
    Message,
    /// The definition of a pipeline: JSON or YAML.
    Definition,
    /// One type and no other.
    Own(&'static str),
    /// Whatever it is: uploads.
    Any,
}

impl Media {
    fn takes(self, kind: &str) -> bool {
        match self {
            Self::Json => kind == "application/json",
            Self::Form => {
                matches!(kind, "application/x-www-form-urlencoded" | "multipart/form-data")
            }
            // `spec/wire.md` 3: whatever contains the word.
            Self::Message => kind == "application/json" || kind.contains("msgpack"),
            Self::Definition => matches!(kind, "application/json" | "application/yaml"),
            Self::Own(own) => kind == own,
            Self::Any => true,
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Json => "send this with Content-Type: application/json, an empty body too",
            Self::Form => "send the form as application/x-www-form-urlencoded",
            Self::Message => "send the message as application/x-msgpack or application/json",
            Self::Definition => "send the definition as application/yaml or application/json",
            Self::Own(_) | Self::Any => "the type of the body is not taken here",
        }
    }
}

/// What the program that asks calls itself, if it says so as it should.
pub fn client_name(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(CLIENT).iter();
    let (Some(name), None) = (lines.next(), lines.next()) else { return None };
    let name = name.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/ -".contains(&byte);
    let is_name = (1..=MAX_CLIENT).contains(&name.len()) && name.bytes().all(is_plain);
    is_name.then_some(name)
}

/// Refuses what another site may have sent, and a body of another type than the route's. `own` is the origin by which
/// the request came.
pub(crate) fn check(
    hosts: &Hosts,
    media: Media,
    method: &Method,
    headers: &HeaderMap,
    own: &str,
) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    match hosts {
        Hosts::Loopback { .. } => {
            check_site(media, headers, own)?;
            check_media(media, method, headers)
        }
        // There `spec/wire.md` 3 says how a message is told.
        Hosts::Named(_) if media == Media::Message || !has_body(headers) => Ok(()),
        Hosts::Named(_) => check_media(media, method, headers),
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|it| it.as_bytes() != b"0")
}

/// L3 and L4.
fn check_site(media: Media, headers: &HeaderMap, own: &str) -> Result<(), Problem> {
    let all = |name: &str, holds: &dyn Fn(&[u8]) -> bool| {
        headers.get_all(name).iter().all(|value| holds(value.as_bytes()))
    };
    let is_own_site = all("sec-fetch-site", &|it| it == b"same-origin" || it == b"none");
    let is_own_origin = all("origin", &|it| it.eq_ignore_ascii_case(own.as_bytes()));
    if !is_own_site || !is_own_origin {
        return Err(cross_site());
    }
    // A page can send neither a message nor an upload without being allowed to first.
    let needs_word = matches!(media, Media::Json | Media::Form | Media::Definition);
    let says_so = headers.contains_key("sec-fetch-site")
        || headers.contains_key(header::ORIGIN)
        || client_name(headers).is_some()
        || has_proof(headers);
    if needs_word && !says_so { Err(cross_site()) } else { Ok(()) }
}

/// Whether there is a signature or a bearer. `Basic` does not count: a browser adds it by itself.
fn has_proof(headers: &HeaderMap) -> bool {
    let is_signed = headers.contains_key("signature") && headers.contains_key("signature-input");
    let scheme = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let scheme = scheme.and_then(|line| line.split(' ').next()).unwrap_or_default();
    is_signed || ["msign", "bearer"].contains(&scheme.to_ascii_lowercase().as_str())
}

/// L5.
fn check_media(media: Media, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let holds = match (lines.next(), lines.next()) {
        (None, _) => {
            let takes_none = media == Media::Message && method == Method::DELETE;
            media == Media::Any || (takes_none && !has_body(headers))
        }
        (Some(line), None) => {
            let kind = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            media.takes(&kind.trim().to_ascii_lowercase())
        }
        (Some(_), Some(_)) => false,
    };
    if holds {
        return Ok(());
    }
    let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    Err(Problem::refuse(status, code, media.advice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Hosts = Hosts::Loopback { port: 7420, default_port: 80 };
    const OWN: &str = "http://localhost:7420";

    fn status(hosts: &Hosts, media: Media, method: &Method, pairs: &[(&'static str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        check(hosts, media, method, &headers, OWN).map_or_else(|it| it.status().as_u16(), |()| 200)
    }

    fn post(media: Media, pairs: &[(&'static str, &str)]) -> u16 {
        status(&LOCAL, media, &Method::POST, pairs)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const CLIENT: (&str, &str) = ("x-motet-client", "motet/0.1");

    #[test]
    fn only_our_own_pages_and_programs_change_anything() {
        for (name, good) in [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("origin", OWN),
            ("origin", "http://LOCALHOST:7420"),
            CLIENT,
            ("authorization", "MSign x"),
            ("authorization", "bearer x"),
        ] {
            assert_eq!(post(Media::Json, &[JSON, (name, good)]), 200, "{name}: {good}");
        }
        for (name, bad) in [
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", ""),
            ("origin", "null"),
            ("origin", "http://localhost:7421"),
            ("origin", "http://127.0.0.1:7420"),
            ("origin", "https://localhost:7420"),
            ("x-motet-client", "a;b"),
            ("x-motet-client", ""),
            ("authorization", "Basic eDp5"),
            ("signature", "motet=:x:"),
            ("accept", "x"),
        ] {
            assert_eq!(post(Media::Json, &[JSON, (name, bad)]), 403, "{name}: {bad}");
            assert_eq!(post(Media::Json, &[JSON, (name, bad), CLIENT]) == 403, {
                matches!(name, "sec-fetch-site" | "origin" | "x-motet-client")
            });
        }
        assert_eq!(post(Media::Json, &[JSON, ("origin", OWN), ("origin", "null")]), 403);
        // The wire needs no word, and no other site either.
        let msgpack = ("content-type", "application/x-msgpack");
        assert_eq!(post(Media::Message, &[msgpack]), 200);
        assert_eq!(post(Media::Message, &[msgpack, ("origin", "null")]), 403);
        assert_eq!(status(&LOCAL, Media::Json, &Method::GET, &[("origin", "null")]), 200);
    }

    #[test]
    fn a_local_server_wants_the_type_that_the_route_declares() {
        for (media, kind, expected) in [
            (Media::Json, "application/json", 200),
            (Media::Json, "Application/JSON; charset=utf-8", 200),
            (Media::Json, "text/plain", 415),
            (Media::Json, "application/json-seq", 415),
            (Media::Json, "", 415),
            (Media::Form, "application/x-www-form-urlencoded", 200),
            (Media::Form, "multipart/form-data; boundary=x", 200),
            (Media::Form, "application/json", 415),
            (Media::Message, "application/vnd.msgpack", 200),
            (Media::Message, "application/json", 200),
            (Media::Message, "text/plain", 415),
            (Media::Any, "image/png", 200),
        ] {
            let said = [CLIENT, ("content-type", kind)];
            assert_eq!(post(media, &said), expected, "{media:?} {kind}");
        }
        for (media, expected) in [(Media::Json, 415), (Media::Form, 415), (Media::Message, 200)] {
            assert_eq!(status(&LOCAL, media, &Method::DELETE, &[CLIENT]), expected, "{media:?}");
        }
        assert_eq!(post(Media::Message, &[CLIENT]), 415);
        assert_eq!(post(Media::Json, &[CLIENT, JSON, JSON]), 415);
    }

    #[test]
    fn elsewhere_the_type_counts_where_there_is_a_body() {
        let named = Hosts::new(["forge.example".to_owned()]);
        let post = |media, pairs: &[_]| status(&named, media, &Method::POST, pairs);
        assert_eq!(post(Media::Json, &[]), 200);
        assert_eq!(post(Media::Json, &[("content-length", "0")]), 200);
        assert_eq!(post(Media::Json, &[("content-length", "2")]), 415);
        assert_eq!(post(Media::Json, &[("transfer-encoding", "chunked")]), 415);
        assert_eq!(post(Media::Json, &[("content-length", "2"), JSON]), 200);
        assert_eq!(post(Media::Message, &[("content-length", "2")]), 200);
        assert_eq!(post(Media::Json, &[("origin", "null")]), 200);
    }
}
