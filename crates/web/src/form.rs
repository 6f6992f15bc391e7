//! Forms of pages, and what keeps other sites from sending them (`spec/trust.md` 6, CSRF).
//!
//! The gate asks both questions before a handler runs, of every unsafe request that a cookie signs in: does the browser
//! say that one of our own pages sends it, and does it carry the mark of the session? No handler can forget them.

use axum::http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use trust::{Actor, Trust};

use crate::{Asks, Body, Call, Fault, Input, Problem};

/// The largest form where a route does not say otherwise, in bytes.
pub(crate) const FORM_BYTES: u64 = 64 << 10;
/// The field, and the header, that carry the mark.
const FIELD: &str = "csrf";
const HEADER: &str = "x-motet-csrf";

/// The fields of a form that was sent by one of our own pages.
#[derive(Debug, Clone)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send> Input for Form<T> {
    async fn take(call: Call) -> Result<Self, Problem> {
        if !is_form(&call.headers) {
            return Err(Problem::refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the form as application/x-www-form-urlencoded",
            ));
        }
        let bytes = call.body.bytes().await?;
        let fields: Vec<_> =
            form_urlencoded::parse(&bytes).filter(|(name, _)| name != FIELD).collect();
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        serde_urlencoded::from_str(&text).map(Self).map_err(|error| Problem::malformed(&error))
    }

    fn asks() -> Asks {
        Asks::body::<T>("application/x-www-form-urlencoded")
    }
}

/// What a page shows of a refusal beside the fields of its form.
impl Problem {
    /// The stable word.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence that a person can act on.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with the fields.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether the browser says that a page of ours sends the request. A request without a word of it is not believed.
pub fn is_own_page(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == base_url,
        (None, None) => false,
    }
}

/// Refuses what another site may have sent in the name of whoever is signed in here. Gives the body back: the mark of a
/// form stands in it.
pub(crate) async fn check(
    trust: &Trust,
    actor: &Actor,
    (method, headers, base_url): (&Method, &HeaderMap, &str),
    body: Body,
) -> Result<Body, Problem> {
    let Some(session) = actor.session().filter(|_| !method.is_safe()) else { return Ok(body) };
    if !is_own_page(headers, base_url) {
        return Err(cross_site());
    }
    if let Some(mark) = headers.get(HEADER) {
        let holds = mark.to_str().is_ok_and(|mark| trust.is_csrf(session, mark));
        return if holds { Ok(body) } else { Err(cross_site()) };
    }
    if !is_form(headers) {
        return Err(cross_site());
    }
    let bytes = body.bytes().await?;
    let mut fields = form_urlencoded::parse(&bytes);
    let mark = fields.find(|(name, _)| name == FIELD).map(|(_, value)| value.into_owned());
    if !mark.is_some_and(|mark| trust.is_csrf(session, &mark)) {
        return Err(cross_site());
    }
    // What was read was within the cap of its route.
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(Body::new(bytes.into(), length))
}

/// What a request gets that another site may have sent.
pub fn cross_site() -> Problem {
    Problem::refuse(
        StatusCode::FORBIDDEN,
        "cross_site",
        "this did not come from a page of this install; open the page again and send it from there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_believed() {
        let site = "https://forge.example";
        let said = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            is_own_page(&headers, site)
        };
        assert!(said(&[("sec-fetch-site", "same-origin")]));
        assert!(said(&[("origin", site)]));
        assert!(!said(&[]));
        for other in ["cross-site", "same-site", "none"] {
            assert!(!said(&[("sec-fetch-site", other), ("origin", site)]), "{other}");
        }
        for other in
            ["null", "https://evil.example", "https://forge.example:8443", "http://forge.example"]
        {
            assert!(!said(&[("origin", other)]), "{other}");
        }
    }
}
