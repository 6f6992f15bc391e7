//! What is spoken over SSH: algorithms, sizes and times. What is not in these lists is not spoken.

use std::{borrow::Cow, time::Duration};

use keys::PrivateKey;
use russh::{
    MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex,
    keys::{
        Algorithm,
        ssh_key::private::{Ed25519Keypair, PrivateKey as HostKey},
    },
    mac,
    server::Config,
};

/// Agreement on keys: with a part that quantum computers do not break, and without for older clients. The last two are
/// no algorithms: they keep what is agreed on from being cut short (RFC 8308; OpenSSH's PROTOCOL, 1.10).
const AGREEMENT: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];
const KEYS: &[Algorithm] = &[Algorithm::Ed25519];
/// Each authenticates what it encrypts.
const CIPHERS: &[cipher::Name] =
    &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_128_GCM];
/// Agreed on, and not used beside those ciphers.
const CODES: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];
/// Packs are compressed already.
const COMPRESSION: &[compression::Name] = &[compression::NONE];

/// How long an answer to a key takes, whatever it is.
const ANSWER_TIME: Duration = Duration::from_millis(100);
/// Keys that one connection may show: an agent holds several.
const MAX_TRIES: usize = 10;
/// A client that says nothing for so long is asked whether it is there, and left when it does not answer so often.
const PULSE: (Duration, usize) = (Duration::from_secs(30), 3);
/// What is quiet longer is over. Git says something every five seconds while it works.
const QUIET: Duration = Duration::from_mins(10);
/// Bytes that a client may send before Git has read them.
const WINDOW_BYTES: u32 = 1 << 20;
/// The largest packet.
const PACKET_BYTES: u32 = 32 << 10;
/// Packets that wait for Git: as many as the window holds.
const WAITING: usize = 32;

pub(super) fn config(key: &PrivateKey) -> Config {
    Config {
        // No version: whoever wants to know what can be done here asks for it.
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Motet")),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: ANSWER_TIME,
        // The first question names no key: it only asks what can be tried.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![HostKey::from(Ed25519Keypair::from_seed(key.seed().expose()))],
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES,
        channel_buffer_size: WAITING,
        preferred: Preferred {
            kex: Cow::Borrowed(AGREEMENT),
            key: Cow::Borrowed(KEYS),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(CODES),
            compression: Cow::Borrowed(COMPRESSION),
        },
        max_auth_attempts: MAX_TRIES,
        inactivity_timeout: Some(QUIET),
        keepalive_interval: Some(PULSE.0),
        keepalive_max: PULSE.1,
        ..Config::default()
    }
}
