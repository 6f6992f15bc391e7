//! Bearer tokens (`spec/conventions.md`): what is read is written the same.

#![no_main]

use keys::TokenText;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(token) = TokenText::parse(text) else { return };
    assert!(text.len() <= 128);
    assert_eq!(token.expose(), text);
    assert!(text.starts_with(&format!("mt_{}_", token.kind())));
    assert!(text.ends_with(token.last8()));
});
