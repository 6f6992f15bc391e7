//! The `MSign` header, form by form (`spec/trust.md` 3.1; 16, point 7).

use keys::{Credentials, MsignError, is_msign};

const KEY: &str = r#"key="SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg""#;
const TS: &str = r#"ts="1795294380""#;
const NONCE: &str = r#"nonce="AAECAwQFBgcICQoLDA0ODw""#;
const SIG: &str = r#"sig="IchBAXRJnri5ssWXjIv3rvqIkpAt1O6eW1k9f-NoyeDJY302oo3BexckOuTLuc6mzkfUZigZQjT5FTKTSZIDAw""#;

fn good() -> String {
    format!("MSign {KEY}, {TS}, {NONCE}, {SIG}")
}

/// The good header stretched to `length` bytes by blanks that the grammar allows.
fn stretched(length: usize) -> String {
    let blanks = " ".repeat(length - good().len());
    good().replacen("MSign ", &format!("MSign {blanks}"), 1)
}

#[test]
fn what_is_written_is_what_was_read() {
    let read = Credentials::parse(&good()).unwrap();
    assert_eq!(read.to_header(), good());
    assert_eq!(read.ts(), 1_795_294_380);
    assert_eq!(read.nonce().as_str(), "AAECAwQFBgcICQoLDA0ODw");
}

#[test]
fn every_spelling_that_the_grammar_allows() {
    let read = Credentials::parse(&good()).unwrap();
    for value in [
        format!("msign {KEY},{TS},{NONCE},{SIG}"),
        format!("MSIGN   {KEY} ,\t{TS} \t,  {NONCE},{SIG}"),
        format!("mSiGn {SIG}, {NONCE}, {TS}, {KEY}"),
        stretched(512),
    ] {
        assert_eq!(Credentials::parse(&value).as_ref(), Ok(&read), "{value}");
    }
    let early = good().replace("1795294380", "0000000007");
    let early = Credentials::parse(&early).unwrap();
    assert_eq!(early.ts(), 7);
    assert!(early.to_header().contains(r#"ts="0000000007""#));
    let long = good().replace("AAECAwQFBgcICQoLDA0ODw", &"-_".repeat(32));
    assert!(Credentials::parse(&long).is_ok());
}

#[test]
fn every_malformed_header() {
    use MsignError::{Doubled, Form, Missing, Scheme, TooLong, Unknown};
    let good = good();
    for (value, why) in [
        (stretched(513), TooLong),
        (String::new(), Scheme),
        (format!("Bearer {KEY}, {TS}, {NONCE}, {SIG}"), Scheme),
        (format!("MSign2 {KEY}, {TS}, {NONCE}, {SIG}"), Scheme),
        (format!("MSign\t{KEY}, {TS}, {NONCE}, {SIG}"), Scheme),
        (format!(" {good}"), Scheme),
        ("MSign".to_owned(), Form),
        ("MSign ".to_owned(), Form),
        (format!("{good} "), Form),
        (format!("{good},"), Form),
        (format!("{good}, "), Form),
        (good.replace(", ", " "), Form),
        (good.replace(", ", ",, "), Form),
        (good.replace(", ", "; "), Form),
        (good.replace("ts=", "ts ="), Form),
        (good.replace("ts=\"", "ts= \""), Form),
        (good.replace("ts=\"1795294380\"", "ts=1795294380"), Form),
        (good.replace("ts=\"1795294380\"", "ts='1795294380'"), Form),
        (good.replace("ts=", "=\"x\", ts="), Form),
        (good.trim_end_matches('"').to_owned(), Form),
        (format!("MSign {KEY}, {TS}, {TS}, {NONCE}, {SIG}"), Doubled("ts")),
        (format!("MSign {KEY}, {KEY}, {NONCE}, {SIG}"), Doubled("key")),
        (format!("MSign {KEY}, {TS}, {NONCE}, {SIG}, {SIG}"), Doubled("sig")),
        (format!("{good}, alg=\"ed25519\""), Unknown),
        (good.replace("key=", "Key="), Unknown),
        (good.replace("nonce=", "nonce2="), Unknown),
        (format!("MSign {TS}, {NONCE}, {SIG}"), Missing("key")),
        (format!("MSign {KEY}, {NONCE}, {SIG}"), Missing("ts")),
        (format!("MSign {KEY}, {TS}, {SIG}"), Missing("nonce")),
        (format!("MSign {KEY}, {TS}, {NONCE}"), Missing("sig")),
    ] {
        assert_eq!(Credentials::parse(&value), Err(why), "{value}");
    }
}

#[test]
fn every_malformed_value() {
    use MsignError::{Form, Key, Nonce, Sig, Ts};
    let good = good();
    let sig = SIG.trim_start_matches("sig=").trim_matches('"');
    for (value, why) in [
        (good.replace("SHA256:", "sha256:"), Key),
        (good.replace("SHA256:lbms", "SHA256:lbm"), Key),
        (good.replace("Sspg\"", "Sspg=\""), Key),
        (good.replace("Sspg\"", "Ssph\""), Key),
        (good.replace("1795294380", "179529438"), Ts),
        (good.replace("1795294380", "17952943800"), Ts),
        (good.replace("1795294380", "+795294380"), Ts),
        (good.replace("1795294380", "-795294380"), Ts),
        (good.replace("1795294380", " 795294380"), Ts),
        (good.replace("1795294380", "179529438O"), Ts),
        (good.replace("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD"), Nonce),
        (good.replace("AAECAwQFBgcICQoLDA0ODw", &"a".repeat(65)), Nonce),
        (good.replace("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD+"), Nonce),
        (good.replace("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODw=="), Nonce),
        (good.replace("AAECAwQFBgcICQoLDA0ODw", r"AAECAwQFBgcICQoLDA0OD\w"), Nonce),
        (good.replace(sig, &format!("{sig}==")), Sig),
        (good.replace(sig, &sig[1..]), Sig),
        (good.replace(sig, &sig.replace('-', "+")), Sig),
        (good.replace("TSZIDAw", "TSZIDAx"), Sig),
        (good.replace("TSZIDAw", r#"TSZID\"Aw"#), Form),
    ] {
        assert_eq!(Credentials::parse(&value), Err(why), "{value}");
    }
}

#[test]
fn the_scheme_alone_tells_who_reads_the_rest() {
    for value in ["MSign", "msign x", &good()] {
        assert!(is_msign(value), "{value}");
    }
    for value in ["", " MSign", "MSigns x", "Bearer MSign", "MSign,"] {
        assert!(!is_msign(value), "{value}");
    }
}
