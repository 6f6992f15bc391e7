//! The `Authorization: MSign` header (`spec/trust.md` 3.1): what is read is within its bounds, and is read again from
//! what it says.

#![no_main]

use keys::Credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _said = keys::is_msign(text);
    let Ok(read) = Credentials::parse(text) else { return };
    assert!(text.len() <= 512);
    assert!(keys::is_msign(text));
    assert!((0..10_000_000_000).contains(&read.ts()));
    let again = read.to_header();
    assert_eq!(Credentials::parse(&again).as_ref(), Ok(&read));
});
