//! Pages of other sites that may read the JSON API in a browser (`spec/trust.md` 10, CORS). None may unless it is named,
//! and none gets credentials along: what it knows of a token it sends itself.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use url::{Origin, Url};
use web::{Problem, form::cross_site};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "Authorization, Content-Type, Content-Digest, Accept, Idempotency-Key, If-Match, If-None-Match, \
    Last-Event-ID, Signature, Signature-Input, X-Requested-With, MCP-Protocol-Version, Mcp-Session-Id";
/// How long a browser remembers that it may ask, in seconds.
const MAX_AGE: &str = "600";

/// An origin that is named in the settings: scheme, host and port, and nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CorsOrigin(String);

/// What is not an origin that can be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an exact origin: write it as a browser does, such as https://app.example; `*` and `null` would let every site in"
)]
pub struct CorsOriginError(String);

impl FromStr for CorsOrigin {
    type Err = CorsOriginError;

    fn from_str(text: &str) -> Result<Self, CorsOriginError> {
        let wrong = || CorsOriginError(text.to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let origin = match url.origin() {
            it @ Origin::Tuple(..) => it.ascii_serialization(),
            Origin::Opaque(_) => return Err(wrong()),
        };
        // What a browser would never send would never be equal.
        if matches!(url.scheme(), "http" | "https") && origin == text {
            Ok(Self(origin))
        } else {
            Err(wrong())
        }
    }
}

/// The origins that are named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors(Arc<BTreeSet<String>>);

impl Cors {
    pub(crate) fn new(origins: &[CorsOrigin]) -> Self {
        Self(Arc::new(origins.iter().map(|it| it.0.clone()).collect()))
    }

    /// Looks at the origin that a request names. `own` is ours.
    pub(crate) fn look(&self, path: &str, headers: &HeaderMap, own: &str) -> Crossing {
        let is_mcp = is_below(path, "/mcp");
        let has_rule = is_mcp || is_below(path, "/api/v1");
        let mut lines = headers.get_all(header::ORIGIN).iter();
        let is_listed =
            |value: &HeaderValue| value.to_str().is_ok_and(|origin| self.0.contains(origin));
        let origin = match (lines.next(), lines.next()) {
            (None, _) => None,
            (Some(origin), None) if is_listed(origin) => Some(Ok(origin.clone())),
            (Some(origin), None) if origin.as_bytes() == own.as_bytes() => None,
            (Some(_), None | Some(_)) => Some(Err(())),
        };
        match origin {
            Some(Ok(origin)) if has_rule => Crossing::Named(origin),
            // A page that a browser was led to by a name that lies could speak to the tools otherwise.
            Some(Err(())) if is_mcp => Crossing::Refused,
            Some(Ok(_) | Err(())) | None if has_rule && !self.0.is_empty() => Crossing::Unnamed,
            Some(Ok(_) | Err(())) | None => Crossing::NoRule,
        }
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How a request stands to the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// No page of another site reads anything here, whatever it is.
    NoRule,
    /// Some may, this one is not among them.
    Unnamed,
    /// This one may read the answer.
    Named(HeaderValue),
    /// This one may not even ask.
    Refused,
}

impl Crossing {
    /// The answer to a browser that asks whether a page may ask; or the refusal of a page that may not.
    pub(crate) fn answer(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<Result<Response, Problem>> {
        match self {
            Self::NoRule | Self::Unnamed => None,
            Self::Refused => Some(Err(cross_site())),
            Self::Named(_) => {
                let is_asked = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
                (method == Method::OPTIONS && is_asked).then(|| Ok(preflight()))
            }
        }
    }

    /// Tells the browser who may read the answer.
    pub(crate) fn mark(self, headers: &mut HeaderMap) {
        match self {
            Self::NoRule => return,
            Self::Unnamed | Self::Refused => {}
            Self::Named(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn preflight() -> Response {
    let lines = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, lines).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://forge.example";
    const APP: &str = "https://app.example";

    #[test]
    fn an_origin_is_exact_or_none() {
        for good in [APP, "http://localhost:5173", "https://app.example:8443", "http://[::1]:8081"]
        {
            assert!(good.parse::<CorsOrigin>().is_ok(), "{good}");
        }
        for bad in [
            "*",
            "null",
            "",
            "app.example",
            "https://app.example/",
            "https://app.example/x",
            "https://app.example:443",
            "https://App.example",
            "https://a@app.example",
            "file:///etc",
            "data:text/html,x",
        ] {
            assert!(bad.parse::<CorsOrigin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_named_origins_read_only_the_api_and_the_tools() {
        let cors = Cors::new(&[APP.parse().unwrap()]);
        let look = |path: &str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append("origin", origin.parse().unwrap());
            }
            cors.look(path, &headers, OWN)
        };
        let named = Crossing::Named(HeaderValue::from_static(APP));
        for path in ["/api/v1", "/api/v1/me", "/mcp", "/mcp/x"] {
            assert_eq!(look(path, &[APP]), named, "{path}");
        }
        for path in ["/", "/api", "/api/v1x", "/api/v2/me", "/mcps", "/anna/song/refs", "/static/x"]
        {
            assert_eq!(look(path, &[APP]), Crossing::NoRule, "{path}");
        }
        for other in
            ["null", "https://app.example:8443", "http://app.example", "https://APP.example", ""]
        {
            assert_eq!(look("/api/v1/me", &[other]), Crossing::Unnamed, "{other}");
            assert_eq!(look("/mcp", &[other]), Crossing::Refused, "{other}");
        }
        assert_eq!(look("/mcp", &[APP, "null"]), Crossing::Refused);
        assert_eq!(look("/mcp", &[OWN]), Crossing::Unnamed);
        assert_eq!(look("/mcp", &[]), Crossing::Unnamed);
        let nobody = Cors::default();
        let mut headers = HeaderMap::new();
        headers.append("origin", APP.parse().unwrap());
        assert_eq!(nobody.look("/api/v1/me", &headers, OWN), Crossing::NoRule);
        assert_eq!(nobody.look("/mcp", &headers, OWN), Crossing::Refused);
    }
}
