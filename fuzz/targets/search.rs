//! Queries (`spec/hub.md` 6): every text is a query or its faults, which lie in it; what is read is written with the same
//! meaning.

#![no_main]

use api::search::{MAX_QUERY_BYTES, MAX_TERMS, Query, Subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for subject in Subject::ALL {
        match Query::parse(text, subject) {
            Ok(query) => {
                assert!((1..=MAX_TERMS).contains(&query.clauses().count()));
                let written = query.to_string();
                // Escapes make it longer.
                if written.len() <= MAX_QUERY_BYTES {
                    assert_eq!(Query::parse(&written, subject), Ok(query), "{written}");
                }
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                assert!(faults.iter().all(|it| text.is_char_boundary(it.at.min(text.len()))));
            }
        }
    }
});
