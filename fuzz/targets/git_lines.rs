//! What Git and its clients say in lines: packets one behind the other, movements of refs, versions of the protocol. What is
//! read says the same when it is written.

#![no_main]

use api::{GitProtocol, PacketHead, RefUpdate, packet};
use libfuzzer_sys::fuzz_target;
use names::BranchName;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_first_chunk::<4>() {
        let Some(head) = PacketHead::parse(*head) else { break };
        let PacketHead::Line(length) = head else {
            rest = behind;
            continue;
        };
        let Some((line, behind)) = behind.split_at_checked(length) else { break };
        assert_eq!(packet(line).get(4..), Some(line));
        update(line);
        rest = behind;
    }
    bytes.split(|byte| *byte == b'\n').for_each(update);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(protocol) = text.parse::<GitProtocol>() {
        assert_eq!(protocol.as_str(), text);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=:".contains(&byte);
        assert!(text.len() <= 64 && text.bytes().all(is_plain));
    }
});

fn update(line: &[u8]) {
    let Some(read) = RefUpdate::parse(line) else { return };
    let none = "0".repeat(40);
    let id = |id: Option<names::CommitId>| id.map_or_else(|| none.clone(), |it| it.to_string());
    let plain = format!("{} {} {}", id(read.old), id(read.new), read.name);
    assert_eq!(plain.to_ascii_lowercase().as_bytes(), line.to_ascii_lowercase());
    assert!(read.old.iter().chain(&read.new).all(|it| it.sha1().is_some()));
    if let Some(name) = read.name.strip_prefix("refs/heads/")
        && let Ok(branch) = name.parse::<BranchName>()
    {
        assert_eq!(branch.full(), read.name);
    }
}
