//! Keys with which the install itself signs (`spec/trust.md` 12, Server keys): sessions, heads of the audit, provenance,
//! the server's own commits.
//!
//! One key of a purpose is active and signs; those before it stay, so that what they signed can be checked. The private
//! half lies sealed under the install key and leaves this module only inside a [`SigningKey`].
//!
//! | file       | what is there                                                            |
//! |------------|--------------------------------------------------------------------------|
//! | `mod.rs`   | [`SigningKeys`]: the active key of a purpose, made if missing; find, rotate |
//! | `rotation.rs` | the key that signs sessions changes: on request, and every ninety days |
//! | `store.rs` | the SQL                                                                  |

mod rotation;
pub(crate) mod store;

use std::collections::HashMap;

use db::{Error, Tx};
use keys::{Fingerprint, Place, PrivateKey, PublicKey, Sealed, Sealer, Signature};
use names::{Clock, Random, Secret, UnixMillis};

pub use rotation::Rotated;
pub(crate) use store::STATEMENTS;

/// What a key signs. One never signs for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Sessions of browsers.
    Session,
    /// Heads of the audit log.
    Audit,
    /// Where builds come from.
    Provenance,
    /// Commits, tags and reports that the server makes.
    Server,
}

/// Whether a key still signs, and whether it is still believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Signs.
    Active,
    /// Signs no more; what it signed is good still.
    Retiring,
    /// Of the past: what it signed while it was active is good, nothing newer is.
    Retired,
}

/// The public half of a key of the install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Its name: the fingerprint of the public half.
    pub kid: String,
    /// What it signs.
    pub purpose: Purpose,
    /// The key.
    pub public: PublicKey,
    /// Whether it still does.
    pub status: Status,
    /// Since when it is there.
    pub created_at: UnixMillis,
    /// When another took its place.
    pub retired_at: Option<UnixMillis>,
}

/// The active key of a purpose, with its private half.
#[derive(Clone)]
pub struct SigningKey {
    public: VerifyingKey,
    private: PrivateKey,
}

/// Gives keys to those who sign for the install. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    sealer: Sealer,
    clock: Clock,
    random: Random,
}

impl Purpose {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Audit => "audit",
            Self::Provenance => "provenance",
            Self::Server => "server",
        }
    }
}

impl Status {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

impl VerifyingKey {
    /// Whether what this key signed is believed, if it was received at that moment. Whoever copies a history brings what
    /// a former key signed long ago, so one that only signs no more is believed whenever that is.
    pub fn is_believed_at(&self, received: UnixMillis) -> bool {
        match self.status {
            Status::Active | Status::Retiring => true,
            Status::Retired => self.retired_at.is_none_or(|retired| received <= retired),
        }
    }
}

impl SigningKey {
    /// Its name, to be written beside what it signs.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The public half.
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs `message` as `ssh-keygen -Y sign` does, for commits of Git.
    pub fn sign_ssh(&self, message: &[u8], namespace: &str) -> String {
        keys::sign_ssh(&self.private, message, namespace)
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.private.sign(message)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl SigningKeys {
    /// Keys whose private halves are sealed with `sealer`.
    pub const fn new(sealer: Sealer, clock: Clock, random: Random) -> Self {
        Self { sealer, clock, random }
    }

    /// The key that signs for `purpose` now; made if there is none. Two that make it at once get the same one.
    pub async fn active(&self, tx: &mut Tx, purpose: Purpose) -> Result<SigningKey, Error> {
        if let Some(found) = store::active(tx, purpose).await? {
            return self.open(found);
        }
        self.make(tx, purpose).await?;
        let made = store::active(tx, purpose).await?;
        // Made by us, or by the other one: either way it stands in the table now.
        self.open(made.ok_or_else(|| Error::corrupt("signing_keys.status")("no key is active"))?)
    }

    /// Lets another key sign for `purpose` from now on. The present one stays to check what it signed.
    pub async fn rotate(&self, tx: &mut Tx, purpose: Purpose) -> Result<SigningKey, Error> {
        store::set_retiring(tx, purpose, self.clock.now()).await?;
        self.active(tx, purpose).await
    }

    /// A key of that name with its private half, active or not: what it signed last says that another has taken its
    /// place.
    pub async fn by_name(&self, tx: &mut Tx, kid: &str) -> Result<Option<SigningKey>, Error> {
        let found = store::with_private(tx, kid).await?;
        found.map(|it| self.open(it)).transpose()
    }

    /// The public half of a key, active or not.
    pub async fn find(&self, tx: &mut Tx, kid: &str) -> Result<Option<VerifyingKey>, Error> {
        store::find(tx, kid).await
    }

    /// The public halves of all keys of a purpose, oldest first.
    pub async fn list(&self, tx: &mut Tx, purpose: Purpose) -> Result<Vec<VerifyingKey>, Error> {
        all(tx, purpose).await
    }

    /// What seals under the install key, for other tables too.
    pub(crate) const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    async fn make(&self, tx: &mut Tx, purpose: Purpose) -> Result<(), Error> {
        let private = PrivateKey::generate(&self.random);
        let public = VerifyingKey {
            kid: private.fingerprint().to_string(),
            purpose,
            public: *private.public(),
            status: Status::Active,
            created_at: self.clock.now(),
            retired_at: None,
        };
        let sealed = self.sealer.seal(&self.random, place(&public.kid), private.seed().expose());
        if store::add(tx, &public, self.sealer.key_id(), &sealed.to_bytes()).await? {
            tracing::info!(kid = public.kid, purpose = purpose.as_str(), "signing key made");
        }
        Ok(())
    }

    fn open(&self, (public, sealed): (VerifyingKey, Vec<u8>)) -> Result<SigningKey, Error> {
        let corrupt = Error::corrupt("signing_keys.sealed_private");
        let opened = Sealed::from_bytes(&sealed)
            .and_then(|sealed| self.sealer.open(place(&public.kid), &sealed))
            .map_err(Error::corrupt("signing_keys.sealed_private"))?;
        let Ok(seed) = <[u8; 32]>::try_from(opened.expose().as_slice()) else {
            return Err(corrupt("the private half is not 32 bytes"));
        };
        let private = PrivateKey::from_seed(Secret::new(seed));
        if *private.public() != public.public {
            return Err(corrupt("the halves do not belong together"));
        }
        Ok(SigningKey { public, private })
    }
}

/// Which of those keys are the server's own: those with which it signs commits and entries of logs.
pub async fn of_the_server(
    tx: &mut Tx,
    keys: &[Fingerprint],
) -> Result<HashMap<Fingerprint, VerifyingKey>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let own = all(tx, Purpose::Server).await?;
    let named = |it: VerifyingKey| Some((it.kid.parse::<Fingerprint>().ok()?, it));
    Ok(own.into_iter().filter_map(named).filter(|(name, _)| keys.contains(name)).collect())
}

/// The public halves of all keys of a purpose, for those who only check.
pub(crate) async fn all(tx: &mut Tx, purpose: Purpose) -> Result<Vec<VerifyingKey>, Error> {
    store::list(tx, purpose).await
}

/// Where the private half of a key lies.
pub(crate) const fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "sealed_private", row: kid }
}
