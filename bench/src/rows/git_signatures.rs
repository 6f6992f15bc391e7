//! What Git signed, verified in one batch as a push or an import brings it (`spec/hub.md` 5, Signatures).

use std::{hint::black_box, num::NonZero, time::Instant};

use anyhow::{Context as _, ensure};
use keys::{GitProof, GitSigned, PrivateKey, sign_ssh};
use names::Random;

use crate::row::Row;

/// Commits of the import, each signed.
const COMMITS: usize = 100_000;
/// People who signed them.
const SIGNERS: usize = 8;
/// What the import may take for them, on two cores.
const SECONDS: f64 = 5.0;
/// The two cores.
const THREADS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(1);

/// How long the signatures of a whole history take.
pub(crate) fn verified() -> anyhow::Result<Row> {
    let random = Random::seeded(63);
    let keys: Vec<_> = (0..SIGNERS).map(|_| PrivateKey::generate(&random)).collect();
    let commits: Vec<_> = keys
        .iter()
        .cycle()
        .take(COMMITS)
        .enumerate()
        .map(|(at, key)| {
            let payload = format!(
                "tree {at:040x}\nparent {at:040x}\nauthor Ada <ada@example.org> 1795294380 +0100\n\
                 committer Ada <ada@example.org> 1795294380 +0100\n\nChange {at}\n"
            );
            let signature = sign_ssh(key, payload.as_bytes(), "git");
            (payload, signature)
        })
        .collect();
    let signed: Vec<_> = commits
        .iter()
        .map(|(payload, it)| GitSigned { payload: payload.as_bytes(), signature: it.as_bytes() })
        .collect();
    let started = Instant::now();
    let proofs = black_box(GitProof::of_all(&signed, THREADS));
    let seconds = started.elapsed().as_secs_f64();
    let good = proofs.iter().filter(|it| matches!(it, GitProof::Good(_))).count();
    ensure!(good == COMMITS, "{good} of {COMMITS} signatures hold");
    let each = seconds * 1e6 * f64::from(u32::try_from(THREADS.get())?)
        / f64::from(u32::try_from(COMMITS).context("more commits than fit")?);
    let how = format!(
        "{COMMITS} commits by {SIGNERS} keys, read and verified strictly on {THREADS} threads; {each:.1} µs of a thread each"
    );
    Ok(Row::at_most("git.signatures", "s", seconds, SECONDS, how))
}
