//! Keys and what is signed with them: Ed25519 halves, the `MSign` header and its canonical string, the body
//! digest, the registration message, and the install key with its children.
//!
//! Pure cryptography and formats (`spec/trust.md` 2, 3, 12). Nothing here does I/O, reads a clock, knows a
//! principal, a row or a route: whether a key is live, a moment within the window or a nonce fresh is decided
//! by the rooms above.
//!
//! What always holds:
//! - a [`PublicKey`] is a canonical encoding of a point that is not of small order; a [`Signature`] is
//!   checked strictly (RFC 8032 with canonical S and R), so no second text of either means the same;
//! - every text form has one spelling: padding, stray bits and escapes are refused, not repaired;
//! - private halves, seeds and install keys have no `Debug`, `Display`, `Serialize` or `PartialEq`, are wiped
//!   when dropped, and are compared in constant time.
//!
//! | file               | what is there                                                          |
//! |--------------------|------------------------------------------------------------------------|
//! | `public.rs`        | [`PublicKey`]: parsed from an OpenSSH line or 43 characters              |
//! | `fingerprint.rs`   | [`Fingerprint`]: the name of a key, as `ssh-keygen -l` prints it         |
//! | `signature.rs`     | [`Signature`]: 64 bytes, as base64url and as written in a commit record  |
//! | `private.rs`       | [`PrivateKey`]: signs                                                   |
//! | `key_file.rs`      | [`PrivateKey`] from and to the OpenSSH private key file                  |
//! | `ssh.rs`           | the length-prefixed strings of SSH                                      |
//! | `sshsig.rs`        | [`SshSignature`]: what Git puts on commits and tags                      |
//! | `msign.rs`         | [`Credentials`]: the `MSign` header, read and written                    |
//! | `canonical.rs`     | [`CanonicalRequest`]: the eight lines that `MSign` signs                 |
//! | `rfc9421.rs`       | [`MessageSignature`]: the twin of `MSign`, HTTP Message Signatures         |
//! | `nonce.rs`         | [`Nonce`]: 22 to 64 base64url characters                                |
//! | `digest_header.rs` | `Content-Digest` (RFC 9530), read and written                           |
//! | `register.rs`      | [`RegistrationMessage`]: what a new key signs                           |
//! | `tag.rs`           | [`tag()`]: marks on what comes back unchanged                              |
//! | `token.rs`         | [`TokenText`]: a bearer token                                            |
//! | `leaks/`           | [`LeakScanner`]: keys and tokens that were left in a text                |
//! | `address.rs`       | [`AddressToken`]: the secret of an address                              |
//! | `session_token.rs` | [`SessionClaims`]: the token in a browser's cookie                       |
//! | `install.rs`       | [`InstallKey`]: the root of the secrets at rest                         |
//! | `seal.rs`          | [`Sealer`]: how a secret lies in a row                                  |

mod address;
mod canonical;
mod digest_header;
mod fingerprint;
mod install;
mod key_file;
mod leaks;
mod local_proof;
mod msign;
mod nonce;
mod private;
mod public;
mod register;
mod rfc9421;
mod seal;
mod session_token;
mod signature;
mod ssh;
mod sshsig;
mod tag;
mod token;

pub use address::AddressToken;
pub use canonical::{CanonicalRequest, sign_request};
pub use digest_header::{ContentDigestError, format_content_digest, parse_content_digest};
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use install::{InstallKey, InstallKeyError};
pub use key_file::PrivateKeyError;
pub use leaks::{Leak, LeakScanner, MAX_TEXT_BYTES};
pub use local_proof::{BadLocalNonce, LocalProof};
pub use msign::{Credentials, MsignError, is_msign};
pub use nonce::{BadNonce, Nonce};
pub use private::PrivateKey;
pub use public::{PublicKey, PublicKeyError};
pub use register::RegistrationMessage;
pub use rfc9421::{Message, MessageSignature, MessageSignatureError, SignedMessage, sign_message};
pub use seal::{CannotOpen, Place, Sealed, Sealer};
pub use session_token::{SessionClaims, SessionTokenError, UnverifiedSession};
pub use signature::{BadSignature, Signature};
pub use sshsig::{GitProof, GitSigned, SshSignature, SshSignatureError, sign_ssh};
pub use tag::{TAG_BYTES, is_tag, tag};
pub use token::{TokenError, TokenText};
