//! Keys and tokens in a text (`spec/hub.md` 1, secret protection): how the text is cut changes nothing, and nothing that was
//! found is beyond the text.

#![no_main]

use keys::{LeakScanner, MAX_TEXT_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, text) = input;
    let mut whole = LeakScanner::default();
    whole.feed(text);
    let whole = whole.finish();
    let mut pieces = LeakScanner::default();
    text.chunks(usize::from(cut).max(1)).for_each(|piece| pieces.feed(piece));
    assert_eq!(pieces.finish(), whole);
    let lines = text.iter().filter(|it| **it == b'\n').count() + 1;
    assert!(whole.iter().all(|it| it.line as usize <= lines && it.line > 0));
    assert!(whole.is_sorted_by_key(|it| it.line));
    assert!(whole.is_empty() || text.len() as u64 <= MAX_TEXT_BYTES);
});
