//! Names of branches and tags: what is one can be a path, an argument and a line, and clashes with another both ways or not
//! at all.

#![no_main]

use libfuzzer_sys::fuzz_target;
use names::BranchName;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut names = text.split('\n').filter_map(|it| it.parse::<BranchName>().ok());
    let (Some(one), other) = (names.next(), names.next()) else { return };
    let name = one.as_str();
    assert!(!name.is_empty() && name.len() <= 255);
    assert!(name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-/".contains(&it)));
    assert!(name.split('/').all(|it| !it.is_empty() && it != "." && it != ".."));
    assert!(name != "HEAD" && !name.starts_with("refs/") && !name.contains(".."));
    assert_eq!(name.parse::<BranchName>().as_ref(), Ok(&one));
    assert_eq!(one.full().strip_prefix("refs/heads/"), Some(name));
    if one.is_ref_of_git() {
        // `man git-check-ref-format`
        assert!(name.split('/').all(|it| !it.starts_with('.') && !it.ends_with(".lock")));
        assert!(!name.ends_with('.'));
    }
    let Some(other) = other else { return };
    assert_eq!(one.clashes_with(&other), other.clashes_with(&one));
});
