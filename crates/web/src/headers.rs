//! The headers of every answer (`spec/trust.md` 10).

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

/// Adds what every answer carries. A stricter policy that a handler has set stays.
pub fn secure(headers: &mut HeaderMap, is_https: bool) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.append(VARY, HeaderValue::from_static("Cookie, Authorization"));
    let policy = if is_https {
        let hsts = "max-age=63072000; includeSubDomains; preload";
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(hsts));
        HeaderValue::try_from(format!("{PAGE_POLICY}; upgrade-insecure-requests")).ok()
    } else {
        Some(HeaderValue::from_static(PAGE_POLICY))
    };
    if let Some(policy) = policy {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
}

/// The same headers as the lines of a bare answer, for refusals below the router.
pub fn secure_lines(is_https: bool) -> String {
    let mut headers = HeaderMap::new();
    secure(&mut headers, is_https);
    headers.iter().fold(String::new(), |lines, (name, value)| {
        format!("{lines}{name}: {}\r\n", value.to_str().unwrap_or_default())
    })
}
