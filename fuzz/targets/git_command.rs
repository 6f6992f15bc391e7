//! Commands of Git's over SSH: what is read is a verb and two names, and reads the same when it is written plainly.

#![no_main]

use api::GitCommand;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = GitCommand::parse(bytes) else { return };
    let plain = format!("{} '{}/{}'", read.verb.as_str(), read.owner, read.name);
    assert_eq!(GitCommand::parse(plain.as_bytes()), Ok(read));
    assert!(plain.bytes().filter(|byte| *byte == b'\'').count() == 2);
});
