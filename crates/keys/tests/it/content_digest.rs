//! `Content-Digest`, member by member (`spec/trust.md` 3.1, line 8; 3.2, Digest).

use keys::{ContentDigestError, format_content_digest, parse_content_digest};

/// `spec/trust.md` 3.4, V2.
const GOOD: &str = "sha-256=:RrOayT/1D8h1Y/YLssqR536vC6ptD8sRxMQeYt56W5U=:";

#[test]
fn one_sha_256_member_is_found_among_others() {
    let digest = parse_content_digest(GOOD).unwrap();
    assert_eq!(format_content_digest(&digest), GOOD);
    for value in [
        format!(" {GOOD} "),
        format!("sha-512=:AAAA:, {GOOD}"),
        format!("{GOOD},\tmd5=:AAAA:"),
        format!("{GOOD};a;b=1;c=\"x,y\", d"),
        format!("*x, y=?1, z=-1.5, {GOOD}"),
        format!("x=\"sha-256=:AAAA:, \\\" sha-256=:\", {GOOD}"),
        format!("sha-256-x=:AAAA:,{GOOD}"),
    ] {
        assert_eq!(parse_content_digest(&value), Ok(digest), "{value}");
    }
}

#[test]
fn everything_else_is_refused() {
    use ContentDigestError::{Absent, Doubled, Form, Value};
    for (value, why) in [
        (String::new(), Absent),
        ("   ".to_owned(), Absent),
        ("sha-512=:AAAA:".to_owned(), Absent),
        (format!("x=\"{GOOD}\""), Absent),
        (format!("{GOOD}, {GOOD}"), Doubled),
        (format!("{GOOD}, sha-256=:AAAA:"), Doubled),
        (format!("sha-256, {GOOD}"), Doubled),
        ("sha-256".to_owned(), Value),
        ("sha-256=::".to_owned(), Value),
        ("sha-256=?1".to_owned(), Value),
        ("sha-256=:AAAA:".to_owned(), Value),
        (GOOD.replace("sha-256=:", "sha-256=:AAAA"), Value),
        (GOOD.replace("U=:", "U:"), Value),
        (GOOD.replace("U=:", "V=:"), Value),
        (GOOD.replace('/', "_"), Value),
        (GOOD.replace("RrOa", "Rr a"), Value),
        (GOOD.replace(':', "\""), Value),
        (GOOD.replace("sha-256=:", "sha-256="), Value),
        (GOOD.trim_end_matches(':').to_owned(), Form),
        (GOOD.to_uppercase(), Form),
        (format!("{GOOD},"), Form),
        (format!(",{GOOD}"), Form),
        (format!("{GOOD} {GOOD}"), Form),
        (format!("{GOOD}x"), Form),
        (format!("x=(a b), {GOOD}"), Form),
        (format!("x=, {GOOD}"), Form),
        (format!("x=\"open, {GOOD}"), Form),
        (format!("{GOOD};"), Form),
    ] {
        assert_eq!(parse_content_digest(&value), Err(why), "{value}");
    }
}
