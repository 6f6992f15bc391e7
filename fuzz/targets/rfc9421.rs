//! `Signature-Input`, `Signature` and `Content-Digest` (RFC 9421, RFC 9530): two fields, divided by the first newline.

#![no_main]

use keys::MessageSignature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (input, signature) = text.split_once('\n').unwrap_or((text, ""));
    let _digest = keys::parse_content_digest(input);
    let Ok(Some(found)) = MessageSignature::find(input, signature) else { return };
    for (has_body, has_encoding) in [(false, false), (true, false), (true, true)] {
        let _covered = found.check_covered(has_body, has_encoding);
    }
    // The same fields say the same.
    assert_eq!(MessageSignature::find(input, signature), Ok(Some(found)));
});
