//! How agents and those for whom they work stand at a moment: what other rooms ask in statements of their own.
//!
//! Each rule stands here once. A room names the columns and places of its statement; what tables say it is not told.

use std::collections::BTreeSet;

use db::Tx;
use names::{Handle, Id};

use super::store;
use crate::{Error, Principal, Trust};

/// Whether an agent acts for its owner at this moment: neither is stopped.
#[macro_export]
macro_rules! agent_acts {
    ($agent:literal, $owner:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM principals AS p JOIN agents AS a ON a.principal_id = p.id \
               JOIN principals AS o ON o.id = a.owner_id \
              WHERE p.id = ",
            $agent,
            " AND a.owner_id = ",
            $owner,
            " AND p.status = 'active' AND o.status = 'active' AND a.disabled_at IS NULL)"
        )
    };
}

/// How many tokens of that id live at the moment `$now`: one or none.
#[macro_export]
macro_rules! live_tokens {
    ($token:literal, $now:literal) => {
        concat!(
            "(SELECT count(*) FROM tokens AS k WHERE k.id = ",
            $token,
            " AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ",
            $now,
            "))"
        )
    };
}

/// What the agent at `$agent` says that it can do, as JSON; nothing if it is none.
#[macro_export]
macro_rules! capabilities {
    ($agent:literal) => {
        concat!("(SELECT a.capabilities FROM agents AS a WHERE a.principal_id = ", $agent, ")")
    };
}

/// The agents that a change to the principal at `$whose` concerns, and to the key at `$key`: itself, those that it owns,
/// and those for which the key made a token.
#[macro_export]
macro_rules! agents_of {
    ($whose:literal, $key:literal) => {
        concat!(
            "(SELECT a.principal_id FROM agents AS a WHERE a.principal_id = ",
            $whose,
            " OR a.owner_id = ",
            $whose,
            " UNION SELECT k.principal_id FROM tokens AS k WHERE k.minted_with = ",
            $key,
            " AND k.kind = 'agent')"
        )
    };
}

/// Whether the principal at `$who` is the one at `$organization`, or in it.
#[macro_export]
macro_rules! belongs {
    ($who:literal, $organization:literal) => {
        concat!(
            "(",
            $organization,
            " = ",
            $who,
            " OR EXISTS (SELECT 1 FROM org_members AS m WHERE m.org_id = ",
            $organization,
            " AND m.principal_id = ",
            $who,
            "))"
        )
    };
}

/// Whether the principal at `$who` sees what belongs to the publisher at `$publisher`: for lists. The same rule as
/// [`crate::Publisher`] has for reading.
#[macro_export]
macro_rules! sees_publisher {
    ($who:literal, $publisher:literal) => {
        concat!(
            "(",
            $crate::belongs!($who, $publisher),
            " AND ",
            $crate::is_publisher!($publisher),
            ")"
        )
    };
}

/// Whether the person at `$who` decides where the publisher at `$publisher` asks one: for lists.
#[macro_export]
macro_rules! decides_for {
    ($who:literal, $publisher:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM org_members AS m WHERE m.org_id = ",
            $publisher,
            " AND m.principal_id = ",
            $who,
            " AND m.role <> 'viewer') AND ",
            $crate::is_publisher!($publisher),
            ")"
        )
    };
}

/// Whether the organization at `$publisher` is there as a publisher.
#[macro_export]
macro_rules! is_publisher {
    ($publisher:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM organizations AS g JOIN principals AS w ON w.id = g.principal_id \
              WHERE g.principal_id = ",
            $publisher,
            " AND g.publisher_enabled = 1 AND w.status = 'active')"
        )
    };
}

impl Trust {
    /// Whose agents somebody's agents count as: their owner's, and those of the organizations that the owner is in.
    pub async fn homes(
        &self,
        tx: &mut Tx,
        owner: Id<Principal>,
    ) -> Result<BTreeSet<Id<Principal>>, Error> {
        let mut homes = store::homes(tx, owner).await?;
        homes.insert(owner);
        Ok(homes)
    }

    /// The agent of that name, stopped or not; none that has left.
    pub async fn agent_named(
        &self,
        tx: &mut Tx,
        name: &Handle,
    ) -> Result<Option<Id<Principal>>, Error> {
        Ok(store::named(tx, name).await?)
    }
}
