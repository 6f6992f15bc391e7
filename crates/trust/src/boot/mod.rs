//! What every boot checks and repairs, before the listener opens (`spec/trust.md` 1, 12).
//!
//! | file        | what is there                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | `mod.rs`    | the install key is the right one; the operator is there                    |
//! | `seen.rs`   | settings and schema that are other than at the boot before                 |
//! | `reseal.rs` | what is sealed goes under another install key                              |
//! | `store.rs`  | the SQL of `install_state`                                               |

mod reseal;
mod seen;
mod store;

use db::Tx;
use keys::{InstallKey, PublicKey, Sealer};
use names::{Clock, Id, Random};

use crate::{
    Error, Key, Kind, Principal, Trust,
    audit::{Chain, Entry, Noted, On, Who},
    sessions::CsrfKey,
    signing_keys::SigningKeys,
    store as rows,
};
pub use reseal::{Resealed, Resealer, reseal};
pub(crate) use store::{STATEMENTS, set_state_from, state};

/// The operator's handle. It is taken at the first boot, so nobody can register it.
const OPERATOR: &str = "operator";

/// Where the sample is that tells whether an install key is the right one.
const SAMPLE: &str = "install_key_sample";

/// What was found of the operator, and what had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorState {
    /// Row and registered key were as they should be.
    Right,
    /// Something was missing and has been made.
    Repaired,
}

impl Trust {
    /// Whether `key` is the install key under which this data was made. At the first boot its sample is stored. From
    /// here on what it seals can be opened.
    pub async fn check_install_key(&self, key: &InstallKey) -> Result<bool, Error> {
        let is_right = self.is_install_key(key).await?;
        if is_right {
            let (clock, random) = (self.0.clock.clone(), self.0.random.clone());
            let keys = SigningKeys::new(Sealer::new(key), clock, random);
            // Set already if it was checked before: with the same key, or this one would not be right.
            self.0.signing_keys.get_or_init(|| keys);
            self.0.csrf_key.get_or_init(|| CsrfKey(key.derive("motet-csrf-v1")));
        }
        Ok(is_right)
    }

    async fn is_install_key(&self, key: &InstallKey) -> Result<bool, Error> {
        let mut tx = self.0.db.write().await?;
        let mut stored = state(&mut tx, SAMPLE).await?;
        if stored.is_none() {
            // Of two that boot for the first time at once, one leaves its sample, and both are asked for that key.
            set_state_from(&mut tx, SAMPLE, None, &hex(&key.sample())).await?;
            stored = state(&mut tx, SAMPLE).await?;
        }
        tx.commit().await?;
        let sample = stored
            .unwrap_or_default()
            .parse()
            .map_err(db::Error::corrupt("install_state.value"))?;
        let sample: names::Digest = sample;
        Ok(key.check_sample(sample.as_bytes()))
    }

    /// Makes the operator's row and registers `public` for it, where they are missing.
    pub async fn ensure_operator(&self, public: PublicKey) -> Result<OperatorState, Error> {
        let mut tx = self.0.db.write().await?;
        let (mut state, clock, random) = (OperatorState::Right, &self.0.clock, &self.0.random);
        let handle = OPERATOR.parse().map_err(db::Error::corrupt("principals.handle"))?;
        let operator = if let Some(operator) = rows::principal_by_handle(&mut tx, &handle).await? {
            operator
        } else {
            state = OperatorState::Repaired;
            make_operator(&mut tx, handle, clock, random).await?
        };
        let known = rows::key_owner(&mut tx, public.fingerprint()).await?;
        if known.is_none_or(|(_, owner)| owner.principal.id != operator.id) {
            state = OperatorState::Repaired;
            let (id, label) = (Id::new(clock.now(), random), OPERATOR.to_owned());
            let fingerprint = public.fingerprint();
            let created_at = clock.now();
            let key = Key {
                id,
                fingerprint,
                public,
                label,
                created_at,
                last_used_at: None,
                revoked: None,
            };
            if !rows::add_key(&mut tx, operator.id, &key).await? {
                return Err(Error::KeyTaken);
            }
        }
        if state == OperatorState::Repaired {
            let on = On { kind: "principal", id: operator.id.to_string() };
            let repaired = Entry::done(Noted::OperatorRepaired, Who::INSTALL, on);
            let repaired = repaired.with("key", public.fingerprint().to_string());
            self.note(&mut tx, Chain::INSTALL, repaired).await?;
        }
        tx.commit().await?;
        Ok(state)
    }
}

async fn make_operator(
    tx: &mut Tx,
    handle: names::Handle,
    clock: &Clock,
    random: &Random,
) -> Result<Principal, Error> {
    let (id, created_at) = (Id::new(clock.now(), random), clock.now());
    let operator = Principal {
        id,
        kind: Kind::Operator,
        handle,
        is_active: true,
        is_install_admin: false,
        created_at,
    };
    if rows::add_principal(tx, &operator, None).await? {
        return Ok(operator);
    }
    // Another process boots for the first time too, and was quicker: the operator is one of both.
    let made = rows::principal_by_handle(tx, &operator.handle).await?;
    made.filter(|it| it.kind == Kind::Operator).ok_or(Error::HandleTaken)
}

fn hex(sample: &[u8; 32]) -> String {
    names::Digest::from_bytes(*sample).to_string()
}
