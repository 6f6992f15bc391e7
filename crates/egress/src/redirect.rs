//! What a redirect does to the next request. Whether the next origin may be reached is asked again, elsewhere.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::{
    error::Error,
    origin::{Scheme, Target},
    outgoing::Payload,
};

/// The longest chain of redirects that a request can ask to follow.
pub const MAX_REDIRECTS: u8 = 5;

/// What may be told to an origin that the caller did not name. Any other header may be a credential.
static FOR_ANYBODY: &[HeaderName] = &[
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::RANGE,
    header::USER_AGENT,
];

/// What describes a body, and goes when it goes.
static OF_THE_BODY: &[HeaderName] = &[
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

/// The next hop; `payload` is the body if it can be sent again, `Bytes::new()` if there was none.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    /// What is left of the body; nothing if it was a stream, which is gone.
    pub(crate) body: Option<Bytes>,
}

impl Hop {
    pub(crate) fn new(
        method: Method,
        target: Target,
        headers: HeaderMap,
        payload: &Payload,
    ) -> Self {
        let body = match payload {
            Payload::Whole(bytes) => Some(bytes.clone()),
            Payload::Stream(..) => None,
        };
        Self { method, target, headers, body }
    }

    /// Where an answer sends this request; nothing if it is to be handed back as it is.
    pub(crate) fn after(
        &self,
        status: StatusCode,
        answer: &HeaderMap,
    ) -> Result<Option<Self>, Error> {
        let Some(keeps_body) = self.keeps_body(status) else { return Ok(None) };
        let Some(location) = answer.get(header::LOCATION) else { return Ok(None) };
        let location = location.to_str();
        let location = location.map_err(|_| Error::Url { why: "a redirect leads nowhere" })?;
        let target = self.target.join(location)?;
        let same_origin = target.origin == self.target.origin;
        if self.target.origin.scheme() == Scheme::Https && target.origin.scheme() == Scheme::Http {
            return Err(Error::Scheme { why: "a redirect leads from https to http" });
        }
        let mut headers = self.headers.clone();
        if !same_origin {
            keep(&mut headers, |name| FOR_ANYBODY.contains(name));
        }
        if !keeps_body {
            keep(&mut headers, |name| !OF_THE_BODY.contains(name));
            let method = if self.method == Method::HEAD { Method::HEAD } else { Method::GET };
            return Ok(Some(Self { method, target, headers, body: Some(Bytes::new()) }));
        }
        let Some(body) = self.body.clone() else { return Ok(None) };
        if !same_origin && !body.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { method: self.method.clone(), target, headers, body: Some(body) }))
    }

    /// Whether method and body go on (RFC 9110 §15.4); nothing if the status is no redirect.
    fn keeps_body(&self, status: StatusCode) -> Option<bool> {
        match status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => Some(true),
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => Some(self.method != Method::POST),
            StatusCode::SEE_OTHER => Some(self.method == Method::GET),
            _ => None,
        }
    }
}

fn keep(headers: &mut HeaderMap, goes_on: impl Fn(&HeaderName) -> bool) {
    let leaving: Vec<_> = headers.keys().filter(|name| !goes_on(name)).cloned().collect();
    for name in leaving {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hop(method: Method, body: &'static str) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["accept", "authorization", "cookie", "x-api-key", "content-type"] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let target = "https://a.example/x?q".parse().unwrap();
        Hop { method, target, headers, body: Some(Bytes::from_static(body.as_bytes())) }
    }

    fn go(hop: &Hop, status: u16, location: &'static str) -> Result<Option<Hop>, Error> {
        let answer = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
        hop.after(StatusCode::from_u16(status).unwrap(), &answer)
    }

    fn names(hop: &Hop) -> Vec<&str> {
        hop.headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn another_origin_learns_nothing_that_could_be_a_credential() {
        for location in ["https://b.example/", "https://a.example:444/", "//a.example.b.example/"] {
            let next = go(&hop(Method::GET, ""), 302, location).unwrap().unwrap();
            assert_eq!(names(&next), ["accept"], "{location}");
            let back = go(&next, 302, "https://a.example/").unwrap().unwrap();
            assert_eq!(names(&back), ["accept"], "what was dropped stays dropped");
        }
        let same = go(&hop(Method::GET, ""), 302, "/y").unwrap().unwrap();
        assert_eq!(names(&same).len(), 5);
        assert_eq!(same.target.path_and_query(), "/y");
    }

    #[test]
    fn methods_change_as_the_standard_says() {
        for (method, status, expected, keeps) in [
            (Method::POST, 301, Method::GET, false),
            (Method::POST, 302, Method::GET, false),
            (Method::PUT, 302, Method::PUT, true),
            (Method::PUT, 303, Method::GET, false),
            (Method::HEAD, 303, Method::HEAD, false),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
        ] {
            let next = go(&hop(method, "body"), status, "/y").unwrap().unwrap();
            assert_eq!(next.method, expected, "{status}");
            assert_eq!(!next.body.unwrap().is_empty(), keeps, "{status}");
            assert_eq!(next.headers.contains_key("content-type"), keeps, "{status}");
        }
    }

    #[test]
    fn a_body_goes_to_no_other_origin_and_a_stream_goes_once() {
        assert!(go(&hop(Method::POST, "body"), 307, "https://b.example/").unwrap().is_none());
        let stream = Hop { body: None, ..hop(Method::PUT, "") };
        assert!(go(&stream, 307, "/y").unwrap().is_none());
        assert!(go(&stream, 303, "/y").unwrap().is_some());
    }

    #[test]
    fn odd_redirects_are_refused_or_handed_back() {
        let refused = |location| go(&hop(Method::GET, ""), 302, location).err().map(|it| it.code());
        assert_eq!(refused("http://a.example/"), Some("scheme"));
        assert_eq!(refused("file:///etc/passwd"), Some("scheme"));
        assert_eq!(refused("https://name:secret@b.example/"), Some("url"));
        assert_eq!(refused("https://b.example\\@c.example/"), Some("url"));
        assert!(go(&hop(Method::GET, ""), 304, "/y").unwrap().is_none());
        assert!(go(&hop(Method::GET, ""), 300, "/y").unwrap().is_none());
        let bare = hop(Method::GET, "").after(StatusCode::FOUND, &HeaderMap::new());
        assert!(bare.unwrap().is_none());
    }
}
