//! The failure limiter with its table: what the gate asks before and after a credential is looked at.

use http::{HeaderMap, header};
use keys::Credentials;

use names::UnixMillis;

use super::{Limits, Place, Suspect, failures::Failed, store};
use crate::{
    Error, Trust,
    audit::{Chain, Entry, Noted, On, Who},
};

/// Rows older than this say nothing any more.
const ROWS_KEPT_MS: i64 = 3_600_000;

impl Suspect {
    /// Who shows a credential in these headers, from there; nobody if there is none, or none that can be read.
    pub fn of_headers(place: Place, headers: &HeaderMap) -> Option<Self> {
        let line = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        if keys::is_msign(line) {
            return Credentials::parse(line).ok().map(|it| Self::signer(place, it.key()));
        }
        let (scheme, rest) = line.split_once(' ')?;
        // A password of Basic can be guessed: all that come from one place count together.
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Place(place));
        }
        Some(Self::bearer(place, rest.trim()))
    }
}

impl Limits {
    /// Takes over what earlier processes wrote.
    pub(crate) async fn load(&self, tx: &mut db::Tx) -> Result<(), Error> {
        let now = self.now();
        for (name, record) in store::failures_since(tx, UnixMillis(now.0 - ROWS_KEPT_MS)).await? {
            self.0.failures.adopt(name, record, now);
        }
        Ok(())
    }
}

impl Trust {
    /// Refuses whoever failed too often with the credential in these headers; nothing of it is looked at.
    pub fn check_credential(&self, place: Place, headers: &HeaderMap) -> Result<(), Error> {
        let limits = self.limits();
        if limits.0.failures.is_quiet() {
            return Ok(());
        }
        let Some(suspect) = Suspect::of_headers(place, headers) else { return Ok(()) };
        let first = limits.0.settings.first_lock;
        Ok(limits.0.failures.check(suspect.name(), first, limits.now())?)
    }

    /// The same for what is guarded by place. Other processes may have seen the failures: their row is read.
    pub async fn check_guarded(&self, suspect: Suspect) -> Result<(), Error> {
        let (limits, now) = (self.limits(), self.limits().now());
        let first = limits.0.settings.first_lock;
        limits.0.failures.check(suspect.name(), first, now)?;
        self.adopt_row(suspect).await?;
        Ok(limits.0.failures.check(suspect.name(), first, now)?)
    }

    /// Counts a failure, and writes the lock that begins with it.
    pub async fn failed(&self, suspect: Suspect) -> Result<(), Error> {
        let limits = self.limits();
        let first = limits.0.settings.first_lock;
        let Failed { is_new, write } = limits.0.failures.fail(suspect.name(), first, limits.now());
        if is_new {
            self.adopt_row(suspect).await?;
        }
        let Some(record) = write else { return Ok(()) };
        tracing::warn!(
            count = record.count,
            "too many failed credentials in a row; locked for a while"
        );
        let mut tx = self.0.db.write().await?;
        let old = UnixMillis(limits.now().0 - ROWS_KEPT_MS);
        store::delete_forgotten(&mut tx, old).await?;
        store::write_failures(&mut tx, suspect.name(), &record).await?;
        let on = On::new("lock", suspect.name().to_string());
        let started = Entry::refused(Noted::LockStarted, Who::ANONYMOUS, on, "too_many_failures");
        self.note(&mut tx, Chain::INSTALL, started.with("failures", record.count)).await?;
        Ok(tx.commit().await?)
    }

    /// Whoever succeeds begins anew.
    pub async fn succeeded(&self, suspect: Suspect) -> Result<(), Error> {
        let failures = &self.limits().0.failures;
        if !failures.succeed(suspect.name()) {
            return Ok(());
        }
        Ok(store::delete_failures(&self.0.db, suspect.name()).await?)
    }

    /// Forgets the failures of a credential that holds after all; asks nothing where none has failed.
    pub async fn credential_held(&self, place: Place, headers: &HeaderMap) -> Result<(), Error> {
        if self.limits().0.failures.is_quiet() {
            return Ok(());
        }
        match Suspect::of_headers(place, headers) {
            Some(suspect) => self.succeeded(suspect).await,
            None => Ok(()),
        }
    }

    async fn adopt_row(&self, suspect: Suspect) -> Result<(), Error> {
        let mut tx = self.0.db.glance().await?;
        let row = store::failures_of(&mut tx, suspect.name()).await?;
        drop(tx);
        if let Some(row) = row {
            self.limits().0.failures.adopt(suspect.name(), row, self.limits().now());
        }
        Ok(())
    }
}
