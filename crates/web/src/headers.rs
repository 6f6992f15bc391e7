//! The headers of every answer (`spec/trust.md` 10).

use std::str::FromStr;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// What a page may load: its own, and nothing inline.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What bytes of a repository may do when a browser opens them: nothing.
pub const RAW_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), \
    gyroscope=(), microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self)";

/// The headers whose value never changes.
const FIXED: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// What browsers are told to remember of an install that people reach by https (RFC 6797).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hsts {
    /// That this host and all below it are reached by https alone; it may be put on the lists that browsers are shipped
    /// with.
    #[default]
    Preload,
    /// That this host is.
    Host,
    /// Nothing.
    Off,
}

impl Hsts {
    /// The value of the header.
    const fn value(self) -> Option<&'static str> {
        match self {
            Self::Preload => Some("max-age=63072000; includeSubDomains; preload"),
            Self::Host => Some("max-age=63072000"),
            Self::Off => None,
        }
    }
}

impl FromStr for Hsts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "preload" => Ok(Self::Preload),
            "host" => Ok(Self::Host),
            "off" => Ok(Self::Off),
            other => Err(format!("`{other}` is nothing to remember: use preload, host or off")),
        }
    }
}

/// How people reach the install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// In clear: on this machine.
    Http,
    /// By https, and what browsers remember of that.
    Https(Hsts),
}

/// Adds what every answer carries. A stricter policy that a handler has set stays.
pub fn secure(headers: &mut HeaderMap, line: Line) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.append(VARY, HeaderValue::from_static("Cookie, Authorization"));
    let policy = match line {
        Line::Https(hsts) => {
            if let Some(value) = hsts.value() {
                headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(value));
            }
            HeaderValue::try_from(format!("{PAGE_POLICY}; upgrade-insecure-requests")).ok()
        }
        Line::Http => Some(HeaderValue::from_static(PAGE_POLICY)),
    };
    if let Some(policy) = policy {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
}

/// The same headers as the lines of a bare answer, for refusals below the router.
pub fn secure_lines(line: Line) -> String {
    let mut headers = HeaderMap::new();
    secure(&mut headers, line);
    headers.iter().fold(String::new(), |lines, (name, value)| {
        format!("{lines}{name}: {}\r\n", value.to_str().unwrap_or_default())
    })
}
