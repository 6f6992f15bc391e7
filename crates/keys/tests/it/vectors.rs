//! The vectors of `spec/trust.md` 3.4 and `spec/wire.md` 7: sign and verify to the same bytes.

use keys::{
    CanonicalRequest, Credentials, Fingerprint, Nonce, PrivateKey, PublicKey, RegistrationMessage,
    Signature, format_content_digest, sign_request,
};
use names::{Digest, Secret};

/// One vector of `spec/trust.md` 3.4.
pub(crate) struct Vector {
    pub(crate) seed: [u8; 32],
    pub(crate) public: &'static str,
    pub(crate) openssh: &'static str,
    pub(crate) fingerprint: &'static str,
    pub(crate) canonical: &'static str,
    pub(crate) body: &'static str,
    pub(crate) signature: &'static str,
}

pub(crate) const V1: Vector = Vector {
    seed: [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ],
    public: "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
    openssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
    fingerprint: "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg",
    canonical: "motet-msign-v1\nGET\nforge.example\n/api/v1/repos/acme/demo\n1795294380\nAAECAwQFBgcICQoLDA0ODw\n\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    body: "",
    signature: "IchBAXRJnri5ssWXjIv3rvqIkpAt1O6eW1k9f-NoyeDJY302oo3BexckOuTLuc6mzkfUZigZQjT5FTKTSZIDAw",
};

pub(crate) const V2: Vector = Vector {
    seed: *b"Motet test key number two, 32 by",
    public: "0b3b1c6be340cbaaf106ad9fb5ed6ea6db1a7592edde1dc72b6c00ef9b4c14bd",
    openssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAs7HGvjQMuq8Qatn7XtbqbbGnWS7d4dxytsAO+bTBS9",
    fingerprint: "SHA256:HGFAtepUXmVf16Bgdu75KjNBhiUwelhbYIHD2Qx4BhY",
    canonical: "motet-msign-v1\nPOST\nforge.example:8443\n/api/v1/repos/acme/demo/issues\n1795294381\nEBESExQVFhcYGRobHB0eHw\napplication/json\n46b39ac93ff50fc87563f60bb2ca91e77eaf0baa6d0fcb11c4c41e62de7a5b95",
    body: r#"{"title":"Grüße","body":"first"}"#,
    signature: "iyRRcI0UTH5brknbcvDtS3u49BWmTrh8LkCU1E95tG9JMyHhs57YnqN61YgSN-otzKD8iDjNHsAVfzwnU4GjBw",
};

pub(crate) const V3: Vector = Vector {
    seed: [255; 32],
    public: "76a1592044a6e4f511265bca73a604d90b0529d1df602be30a19a9257660d1f5",
    openssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHahWSBEpuT1ESZbynOmBNkLBSnR32Ar4woZqSV2YNH1",
    fingerprint: "SHA256:UIedaL6Cxm6OUErh9GQUzzglSk7VpQlVTI1TAFB/HWA",
    canonical: "motet-msign-v1\nGET\nForge.Example\n/acme/demo/raw/main/m%c3%basica/%E7%95%AA%20x.txt?lang=de&q=a%2Bb+c&empty=\n1795294382\nICEiIyQlJicoKSorLC0uLw\n\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    body: "",
    signature: "9Wi6o14oQNAev7zklFJWWDYnxXz72UIvsf8A2Y42tkOe-EFuNKUOi06Zt12Mt6fT8h6c5855_VAGFp5l0x93Aw",
};

/// `spec/trust.md` 3.4, V5; the key is that of V1.
const V5_MESSAGE: &str = "motet-register-v1\nforge.example\nkestrel\nSHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg\ncHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8\n1795294680";
const V5_SIGNATURE: &str =
    "OZ-kdGn5FwCbsiiI86NTnkjwDtbIwAm9na-w9SWkpIgiSo6r3ryGjplkyaawoHIV6hzMh1lK87eIR05fFlpfCg";

/// `spec/wire.md` 7, the record of `vectors.json`; the key is that of V1.
const COMMIT_RECORD: &str = "motet-commit-v1\ncommit_id 64\n26608d45773f97b1da41ca6cac50707955ea5582616ee35271d5b22ecf290bbf\nparent_commit_id 64\n9e9ae45abed1def7a30c4e24d847f0af247a8be3768a5d96f04873a579ac3e48\nparent2_commit_id 64\n1fb6aba3c930fadf5e9146339855087d6453748adcf2ee927a571dde661f3fe6\nauthor 30\nTenor One <tenor@example.test>\nagent_id 10\nalto-agent\nmodel_id 7\nmodel-x\ntoolchain_id 10\nbench-tool\nprompt_hash 0\n\nbranch 4\nmain\nmetadata 38\n7:emotion,7:größe,7:section,5:verse,\nsigner_key_id 50\nSHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg\n";
const COMMIT_SIGNATURE: &str = "ed25519v1:eq7oiMqNa0ogwusRhyvMN9oWKkUMDWmEiAqxZJ6jpSXvBuaRQnVJZeysyXkQzp7d88RY18sJCmTqikx68zNZCw==";

impl Vector {
    pub(crate) fn key(&self) -> PrivateKey {
        PrivateKey::from_seed(Secret::new(self.seed))
    }

    /// The request that the eight lines say.
    fn with_request<T>(lines: [&str; 8], check: impl FnOnce(&CanonicalRequest<'_>) -> T) -> T {
        let [_, method, authority, target, ts, nonce, content_type, body_sha256] = lines;
        let (nonce, body_sha256): (Nonce, Digest) =
            (nonce.parse().unwrap(), body_sha256.parse().unwrap());
        check(&CanonicalRequest {
            method,
            authority,
            target,
            ts: ts.parse().unwrap(),
            nonce: &nonce,
            content_type,
            body_sha256: body_sha256.as_bytes(),
        })
    }

    fn lines(&self) -> [&'static str; 8] {
        self.canonical.split('\n').collect::<Vec<_>>().try_into().unwrap()
    }
}

#[test]
fn v1_to_v3_name_the_same_key_in_every_form() {
    for vector in [V1, V2, V3] {
        let public = *vector.key().public();
        assert_eq!(Digest::from_bytes(*public.as_bytes()).to_string(), vector.public);
        assert_eq!(public.to_openssh(), vector.openssh);
        assert_eq!(public.fingerprint().to_string(), vector.fingerprint);
        assert_eq!(PublicKey::parse(vector.openssh), Ok((public, None)));
        assert!(public.is_published_test_key());
    }
}

#[test]
fn v1_to_v3_sign_and_verify_to_the_same_bytes() {
    for vector in [V1, V2, V3] {
        let key = vector.key();
        Vector::with_request(vector.lines(), |request| {
            assert_eq!(String::from_utf8(request.bytes()).unwrap(), vector.canonical);
            assert_eq!(request.body_sha256, Digest::of(vector.body.as_bytes()).as_bytes());
            let signed = sign_request(&key, request);
            assert_eq!(signed.sig().to_string(), vector.signature);
            assert_eq!(signed.key().to_string(), vector.fingerprint);
            assert!(request.verify(key.public(), &vector.signature.parse().unwrap()));
            assert_eq!(Credentials::parse(&signed.to_header()), Ok(signed));
        });
    }
}

#[test]
fn v2_announces_its_body() {
    let digest = format_content_digest(Digest::of(V2.body.as_bytes()).as_bytes());
    assert_eq!(digest, "sha-256=:RrOayT/1D8h1Y/YLssqR536vC6ptD8sRxMQeYt56W5U=:");
    assert_eq!(V2.body.len(), 34);
}

#[test]
fn one_changed_byte_anywhere_fails() {
    for vector in [V1, V2, V3] {
        let key = *vector.key().public();
        let signature: Signature = vector.signature.parse().unwrap();
        for at in 0..vector.canonical.len() {
            let mut bytes = vector.canonical.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(!key.verify(&bytes, &signature), "byte {at}");
        }
        for at in 0..64 {
            let mut bytes = *signature.as_bytes();
            bytes[at] ^= 1;
            let altered = Signature::from_bytes(bytes);
            assert!(!key.verify(vector.canonical.as_bytes(), &altered), "signature byte {at}");
        }
    }
}

#[test]
fn each_of_the_eight_lines_counts() {
    // The first line is fixed; what the other seven are changed to is as good a request as the first.
    let changes = [
        (1, "PUT"),
        (2, "Forge.example:8443"),
        (3, "/api/v1/repos/acme/demo/issues?"),
        (4, "1795294382"),
        (5, "EBESExQVFhcYGRobHB0eHx"),
        (6, "application/json; charset=utf-8"),
        (7, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ];
    let key = *V2.key().public();
    let signature: Signature = V2.signature.parse().unwrap();
    for (at, word) in changes {
        let mut lines = V2.lines();
        lines[at] = word;
        let good = Vector::with_request(lines, |request| request.verify(&key, &signature));
        assert!(!good, "line {}", at + 1);
    }
    let other_version = V2.canonical.replace("motet-msign-v1", "motet-msign-v2");
    assert!(!key.verify(other_version.as_bytes(), &signature));
}

#[test]
fn a_line_break_inside_a_field_is_never_verified() {
    let nonce: Nonce = V1.lines()[5].parse().unwrap();
    let key = V1.key();
    let body = Digest::of(b"");
    let request = CanonicalRequest {
        method: "GET",
        authority: "forge.example",
        target: "/a\n1",
        ts: 1_795_294_380,
        nonce: &nonce,
        content_type: "",
        body_sha256: body.as_bytes(),
    };
    let signature = key.sign(&request.bytes());
    assert!(!request.verify(key.public(), &signature));
}

#[test]
fn method_and_content_type_are_written_in_one_way() {
    let mut lines = V2.lines();
    (lines[1], lines[6]) = ("post", " \tapplication/json ");
    Vector::with_request(lines, |request| assert_eq!(request.bytes(), V2.canonical.as_bytes()));
}

#[test]
fn v5_the_registration_message() {
    let key = V1.key();
    let message = RegistrationMessage {
        authority: "forge.example",
        handle: &"kestrel".parse().unwrap(),
        fingerprint: V1.fingerprint.parse::<Fingerprint>().unwrap(),
        nonce: &"cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8".parse().unwrap(),
        expires_at: 1_795_294_680,
    };
    assert_eq!(message.text(), V5_MESSAGE);
    let signature = key.sign(message.text().as_bytes());
    assert_eq!(signature.to_string(), V5_SIGNATURE);
    assert!(key.public().verify(V5_MESSAGE.as_bytes(), &signature));
}

#[test]
fn the_commit_record_is_signed_as_the_wire_says() {
    let key = V1.key();
    assert_eq!(COMMIT_RECORD.len(), 523);
    let signature = key.sign(COMMIT_RECORD.as_bytes());
    assert_eq!(signature.to_commit_text(), COMMIT_SIGNATURE);
    let read = Signature::from_commit_text(COMMIT_SIGNATURE).unwrap();
    assert!(key.public().verify(COMMIT_RECORD.as_bytes(), &read));
}
