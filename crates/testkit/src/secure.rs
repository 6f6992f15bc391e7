//! The headers that every answer carries (`spec/trust.md` 10).

use crate::Answer;

/// Headers with one value on every answer.
const FIXED: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), \
         midi=(), payment=(), usb=(), publickey-credentials-get=(self)",
    ),
];

/// What https adds, unless a setting says less.
const STRICT: [&str; 2] = ["max-age=63072000; includeSubDomains; preload", "max-age=63072000"];
const UPGRADE: &str = "; upgrade-insecure-requests";

/// What pages may load, and what raw bytes of users may do.
const POLICIES: [&str; 2] = [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "default-src 'none'; sandbox; frame-ancestors 'none'",
];

/// Fails unless the answer has all headers that every answer has, each once.
#[track_caller]
pub fn assert_secure(answer: &Answer) {
    let seen = format!("{} {:?} {}", answer.status, answer.headers, answer.text());
    for (name, value) in FIXED {
        assert_eq!(answer.all(name), value, "`{name}` of {seen}");
    }
    // What is shown once and kept nowhere tells nobody where it stood.
    let referrer = answer.all("referrer-policy");
    let is_secret = answer.all("cache-control") == "no-store" && referrer == "no-referrer";
    assert!(is_secret || referrer == "same-origin", "`referrer-policy` of {seen}");
    let policy = answer.all("content-security-policy");
    let strict = answer.all("strict-transport-security");
    assert!(strict.is_empty() || STRICT.contains(&&*strict), "`{strict}` of {seen}");
    let is_page = policy != POLICIES[1];
    let upgrades = policy.ends_with(UPGRADE);
    assert!(!upgrades || is_page, "`{policy}` of {seen}");
    assert!(upgrades || !is_page || strict.is_empty(), "`{policy}` of {seen}");
    let policy = policy.trim_end_matches(UPGRADE);
    assert!(POLICIES.contains(&policy), "`{policy}` is no policy of ours: {seen}");
    let vary = answer.all("vary").to_ascii_lowercase();
    let vary: Vec<_> = vary.split(',').map(str::trim).collect();
    assert!(vary.contains(&"cookie") && vary.contains(&"authorization"), "`Vary` of {seen}");
    assert!(answer.header("server").is_empty(), "the answer tells what it was made with: {seen}");
    if answer.status == 401 {
        let schemes = answer.all("www-authenticate");
        assert!(schemes.contains(r#"MSign realm="motet""#), "`WWW-Authenticate` of {seen}");
    }
    if answer.status == 429 {
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "`Retry-After` of {seen}");
    }
}

/// Fails unless the answer carries what the router gives to each of its answers: the name of the request
/// (`spec/conventions.md`, Requests) and of the protocol (`spec/wire.md` 3).
#[track_caller]
pub(crate) fn assert_routed(answer: &Answer) {
    let seen = format!("{} {:?}", answer.status, answer.headers);
    assert_eq!(answer.all("motet-protocol"), "2", "{seen}");
    assert!(!answer.all("x-request-id").is_empty(), "no request id: {seen}");
}
