//! The last look at every line of the log (`spec/trust.md` 12): what proves who somebody is does not stand in it, wherever
//! it came from. No line needs it if everything else is right; it is here for the day on which something is not.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

/// What stands in the place of a secret.
const GONE: &str = "[hidden]";

/// What a secret begins with, as far as it may be read.
const MARKS: [&str; 14] = [
    "mt_",
    // A JSON Web Token: the token of a browser's session is one.
    "eyJ",
    "MSign ",
    "msign ",
    "Bearer ",
    "bearer ",
    "Basic ",
    "basic ",
    "password=",
    "token=",
    "secret=",
    "code=",
    "/login/once/",
    "/o/up/",
];
/// A private key as text.
const PEM: (&str, &str) = ("-----BEGIN ", "-----END ");

/// Lines that were dropped because the look at them failed.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The line as it may be written; nothing if the look at it failed: better no line than one with a secret. The next line
/// that can be written says how many are missing.
pub(super) fn line(bytes: &[u8], look: fn(&str) -> String) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let looked = catch_unwind(AssertUnwindSafe(|| look(&text)));
    let Ok(line) = looked else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    match DROPPED.swap(0, Ordering::Relaxed) {
        0 => Some(line),
        dropped => Some(format!(
            "{{\"level\":\"ERROR\",\"message\":\"{dropped} lines were dropped\"}}\n{line}"
        )),
    }
}

/// The text without secrets.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark)) = next_mark(rest) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        if mark == PEM.0 {
            out.push_str(GONE);
            let end = marked.find(PEM.1).map_or(marked.len(), |end| end + PEM.1.len());
            rest = marked.get(end..).unwrap_or_default();
            continue;
        }
        let (mark, secret) = marked.split_at(mark.len());
        out.push_str(mark);
        let end = secret.find(|c: char| !is_secret(c)).unwrap_or(secret.len());
        let (secret, after) = secret.split_at(end);
        // A mark with nothing behind it is a word like any other.
        out.push_str(if secret.is_empty() { "" } else { GONE });
        rest = after;
        // The header of a signature has four parts, and each is quoted.
        if mark.eq_ignore_ascii_case("msign ") {
            rest = after_signature(rest);
        }
    }
    out.push_str(rest);
    out
}

/// What comes after the parts of an `MSign` header.
fn after_signature(text: &str) -> &str {
    let is_part = |c: char| is_secret(c) || "\\\", ".contains(c);
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// Where the next secret begins, and how.
fn next_mark(text: &str) -> Option<(usize, &'static str)> {
    let marks = MARKS.into_iter().chain([PEM.0]);
    marks.filter_map(|mark| Some((text.find(mark)?, mark))).min_by_key(|(at, _)| *at)
}

/// Whether a secret may hold the character: those of base64, base64url, tokens and passwords without blanks.
fn is_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_+/=.:~".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_proves_who_somebody_is_is_taken_out() {
        for (written, seen) in [
            (
                r#"{"path":"/login/once/AAECAwQ","status":200}"#,
                r#"{"path":"/login/once/[hidden]","status":200}"#,
            ),
            ("with Bearer mt_personal_AAEC_9IVL.", "with Bearer [hidden]"),
            ("a token mt_git_AAEC_9I and more", "a token mt_[hidden] and more"),
            (r#"MSign key=\"SHA256:ab\", ts=\"1\", nonce=\"n\", sig=\"s\"}"#, "MSign [hidden]}"),
            ("GET /?token=abc&x=1", "GET /?token=[hidden]&x=1"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
                "[hidden]OPENSSH PRIVATE KEY-----",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY----- cut off", "[hidden]"),
            ("nothing of the kind", "nothing of the kind"),
            (r#"{"path":"/x/eyJhbGci.eyJpc3Mi.oHST_-z"}"#, r#"{"path":"/x/eyJ[hidden]"}"#),
            ("mt_ alone", "mt_ alone"),
        ] {
            assert_eq!(text(written), seen);
        }
    }

    #[test]
    fn a_look_that_fails_drops_the_line_and_the_next_one_says_so() {
        assert_eq!(line(b"first", |_| panic!("a fault")), None);
        let next = line(b"second", text).unwrap();
        assert!(next.contains("1 lines were dropped") && next.ends_with("second"), "{next}");
        assert_eq!(line(b"third", text).unwrap(), "third");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_and_no_token_comes_through(before in ".{0,40}", after in ".{0,40}") {
            let secret = "mt_personal_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_9IVLUQ";
            let seen = text(&format!("{before}{secret}{after}"));
            prop_assert!(!seen.contains("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
        }
    }
}
