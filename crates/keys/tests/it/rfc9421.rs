//! The twin of `MSign`: the published vector, and what is refused (`spec/trust.md` 3.3, 3.4).

use keys::{
    Message, MessageSignature, MessageSignatureError as E, Nonce, PrivateKey, sign_message,
};
use names::Secret;
use proptest::prelude::*;

const INPUT: &str = "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\");created=1795294383;nonce=\"MDEyMzQ1Njc4OTo7PD0-Pw\";keyid=\"SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg\";alg=\"ed25519\";tag=\"motet\"";
const SIGNATURE: &str = "sig1=:vfAzcfME6voT7mb8EDhYhQFK4tV/HO4rqwB9FYfv/yOOoqONbDW1zlYCpTgI2hMX3PjRzwXt6oxZuSrxjEFoAg==:";
const BASE: &str = "\"@method\": POST
\"@authority\": forge.example
\"@path\": /api/v1/repos/acme/demo/issues
\"@query\": ?
\"content-type\": application/json
\"content-digest\": sha-256=:RrOayT/1D8h1Y/YLssqR536vC6ptD8sRxMQeYt56W5U=:
\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\");created=1795294383;nonce=\"MDEyMzQ1Njc4OTo7PD0-Pw\";keyid=\"SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg\";alg=\"ed25519\";tag=\"motet\"";
const COVERED: [&str; 6] =
    ["@method", "@authority", "@path", "@query", "content-type", "content-digest"];

/// The key of V1.
fn key() -> PrivateKey {
    PrivateKey::from_seed(Secret::new(std::array::from_fn(|at| u8::try_from(at).unwrap())))
}

fn header<'a>(name: &str) -> Vec<&'a str> {
    match name {
        "content-type" => vec!["application/json"],
        "content-digest" => vec!["sha-256=:RrOayT/1D8h1Y/YLssqR536vC6ptD8sRxMQeYt56W5U=:"],
        "x-two" => vec![" one", "two\t"],
        _ => Vec::new(),
    }
}

/// The request of V4.
const fn message<'a>() -> Message<'a> {
    Message {
        method: "POST",
        scheme: "https",
        authority: "forge.example",
        target: "/api/v1/repos/acme/demo/issues",
        lines: &header,
    }
}

#[test]
fn the_published_vector_verifies_and_signs_again_to_the_same_bytes() {
    let found = MessageSignature::find(INPUT, SIGNATURE).unwrap().unwrap();
    let base = found.base(&message()).unwrap();
    assert_eq!(String::from_utf8(base.clone()).unwrap(), BASE);
    assert!(found.verify(key().public(), &base));
    found.check_covered(true, false).unwrap();
    assert_eq!(found.credentials().ts(), 1_795_294_383);
    assert_eq!(found.credentials().key(), key().fingerprint());

    let nonce: Nonce = "MDEyMzQ1Njc4OTo7PD0-Pw".parse().unwrap();
    let signed = sign_message(&key(), &message(), &COVERED, 1_795_294_383, &nonce).unwrap();
    assert_eq!((signed.input.as_str(), signed.signature.as_str()), (INPUT, SIGNATURE));
}

#[test]
fn one_changed_byte_in_any_line_does_not_verify() {
    let found = MessageSignature::find(INPUT, SIGNATURE).unwrap().unwrap();
    for bent in [
        Message { method: "PUT", ..message() },
        Message { authority: "forge.example:8443", ..message() },
        Message { target: "/api/v1/repos/acme/demo/issue", ..message() },
        Message { target: "/api/v1/repos/acme/demo/issues?a=b", ..message() },
        Message { lines: &|_| vec!["text/plain"], ..message() },
    ] {
        assert!(!found.verify(key().public(), &found.base(&bent).unwrap()), "{bent:?}");
    }
    let later = INPUT.replace("created=1795294383", "created=1795294384");
    let found = MessageSignature::find(&later, SIGNATURE).unwrap().unwrap();
    assert!(!found.verify(key().public(), &found.base(&message()).unwrap()));
}

#[test]
fn components_have_the_values_of_the_rfc() {
    let covered = ["@target-uri", "@scheme", "@request-target", "@authority", "@query", "x-two"];
    let nonce: Nonce = "MDEyMzQ1Njc4OTo7PD0-Pw".parse().unwrap();
    let message = Message { authority: "Forge.Example:443", target: "/a%2fb?c=d?e", ..message() };
    let signed = sign_message(&key(), &message, &covered, 1, &nonce).unwrap();
    let found = MessageSignature::find(&signed.input, &signed.signature).unwrap().unwrap();
    let base = String::from_utf8(found.base(&message).unwrap()).unwrap();
    let lines: Vec<_> = base.lines().take(covered.len()).collect();
    assert_eq!(
        lines,
        [
            "\"@target-uri\": https://Forge.Example:443/a%2fb?c=d?e",
            "\"@scheme\": https",
            "\"@request-target\": /a%2fb?c=d?e",
            "\"@authority\": forge.example",
            "\"@query\": ?c=d?e",
            "\"x-two\": one, two",
        ]
    );
    for absent in ["x-not-sent", "X-Two", "@status", "@query-param", "@signature-params", ""] {
        let refused = sign_message(&key(), &message, &[absent], 1, &nonce);
        assert_eq!(refused, Err(E::Component(absent.to_owned())));
    }
}

#[test]
fn a_label_of_another_tag_is_nobodys_business() {
    let other = "proxy=(\"@method\");created=1;keyid=\"p\";tag=\"somebody\"";
    let none = MessageSignature::find(other, "proxy=:AAEC:");
    assert_eq!(none, Ok(None));
    let (input, signature) = (format!("{other}, {INPUT}"), format!("proxy=:AAEC:, {SIGNATURE}"));
    let found = MessageSignature::find(&input, &signature).unwrap().unwrap();
    assert!(found.verify(key().public(), &found.base(&message()).unwrap()));
    let twice = format!("{INPUT}, {}", INPUT.replace("sig1", "sig2"));
    assert_eq!(MessageSignature::find(&twice, SIGNATURE), Err(E::Two));
}

#[test]
fn what_is_missing_or_odd_is_refused() {
    let with = |from: &str, to: &str| {
        assert!(INPUT.contains(from), "{from}");
        MessageSignature::find(&INPUT.replace(from, to), SIGNATURE).map(drop)
    };
    assert_eq!(with(";tag=\"motet\"", ""), Err(E::Missing("tag")));
    assert_eq!(with(";created=1795294383", ""), Err(E::Missing("created")));
    assert_eq!(with("created=1795294383", "created=\"1\""), Err(E::Parameter("created")));
    assert_eq!(with("created=1795294383", "created=1;expires=x"), Err(E::Parameter("expires")));
    assert_eq!(with(";nonce=\"MDEyMzQ1Njc4OTo7PD0-Pw\"", ""), Err(E::Missing("nonce")));
    assert_eq!(with("MDEyMzQ1Njc4OTo7PD0-Pw", "short"), Err(E::Parameter("nonce")));
    assert_eq!(with("SHA256:lbms", "SHA512:lbms"), Err(E::Parameter("keyid")));
    assert_eq!(with("alg=\"ed25519\"", "alg=\"rsa-v1_5-sha256\""), Err(E::Parameter("alg")));
    assert_eq!(with("alg=\"ed25519\"", "alg=ed25519"), Err(E::Parameter("alg")));
    assert_eq!(with(";alg=\"ed25519\"", ""), Ok(()));
    assert_eq!(with("\"@path\"", "\"@path\";req"), Err(E::Flag("@path".to_owned())));
    assert_eq!(with("\"@path\"", "\"@query\""), Err(E::Component("@query".to_owned())));
    assert_eq!(with("\"@path\"", "path"), Err(E::Form));
    assert_eq!(with("sig1=(", "sig2=("), Err(E::Signature));
    assert_eq!(MessageSignature::find(INPUT, "sig1=:AAEC:"), Err(E::Signature));
    assert_eq!(MessageSignature::find(INPUT, "sig1=\"x\""), Err(E::Signature));
    assert_eq!(MessageSignature::find(&"a".repeat(5_000), SIGNATURE), Err(E::TooLong));
}

#[test]
fn what_makes_the_request_must_be_covered() {
    let found = |components: &[&str]| {
        let nonce: Nonce = "MDEyMzQ1Njc4OTo7PD0-Pw".parse().unwrap();
        let signed = sign_message(&key(), &message(), components, 1, &nonce).unwrap();
        MessageSignature::find(&signed.input, &signed.signature).unwrap().unwrap()
    };
    let bare = found(&["@method", "@target-uri"]);
    assert_eq!(bare.check_covered(false, false), Ok(()));
    assert_eq!(bare.check_covered(true, false), Err(E::NotCovered("content-digest")));
    assert_eq!(bare.check_covered(false, true), Err(E::NotCovered("content-encoding")));
    for missing in COVERED {
        let most: Vec<_> = COVERED.into_iter().filter(|it| *it != missing).collect();
        assert_eq!(found(&most).check_covered(true, false), Err(E::NotCovered(missing)));
    }
}

/// Arbitrary text, and text made of what the reader looks for, which reaches deeper.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sig1=(".to_owned()),
        Just("\"@method\" ".to_owned()),
        Just("\"content-type\";sf".to_owned()),
        Just(");created=1795294383".to_owned()),
        Just(";nonce=\"MDEyMzQ1Njc4OTo7PD0-Pw\"".to_owned()),
        Just(";keyid=\"SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg\"".to_owned()),
        Just(";tag=\"motet\"".to_owned()),
        Just(", sig2=:AAEC:".to_owned()),
        Just(SIGNATURE.to_owned()),
        "[a-z0-9;=\"?:().,\\\\ -]{0,20}",
        "\\PC{0,8}",
    ];
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..10).prop_map(|all| all.concat())]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(input in texts(), signature in texts()) {
        for (input, signature) in [(input.as_str(), signature.as_str()), (&input, SIGNATURE), (INPUT, &signature)] {
            if let Ok(Some(found)) = MessageSignature::find(input, signature) {
                drop((found.check_covered(true, true), found.base(&message())));
            }
        }
    }

    #[test]
    fn what_is_signed_is_read_again(target in "/[!-~]{0,40}", created in 0..9_999_999_999_i64, seed in any::<u64>()) {
        let nonce = Nonce::generate(&names::Random::seeded(seed));
        let message = Message { target: &target, ..message() };
        let signed = sign_message(&key(), &message, &COVERED, created, &nonce).unwrap();
        let found = MessageSignature::find(&signed.input, &signed.signature).unwrap().unwrap();
        prop_assert_eq!((found.credentials().ts(), found.credentials().nonce()), (created, &nonce));
        prop_assert!(found.verify(key().public(), &found.base(&message).unwrap()));
    }
}
