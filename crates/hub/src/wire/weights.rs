//! What decoded bodies weigh together (`spec/trust.md` 15, 14: what an outsider can fill is bounded).
//!
//! Each body has a cap of its own. A body that has grown heavy takes room here for each further MiB, waits if there is
//! none, and is refused if there is none for long; so the heavy ones together stay within [`PIECES`]. Light ones
//! never wait: their number is bounded already.
//!
//! Those that wait hold what they have. If all wait for each other, the first to be refused lets the others go on.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use api::Scale;
use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

/// What a body takes room for at once; below that it takes none.
const PIECE_BYTES: u64 = 1 << 20;
/// What all of them may weigh, in pieces: two bodies of the greatest weight, or a hundred honest ones.
const PIECES: usize = 1024;
/// How long a body waits for room: as long as a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// The room of the process.
pub(super) static TOGETHER: Scales = Scales::new(PIECES, PATIENCE);

/// There was no room for as long as one waits.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the bodies that are being read at this moment are too large together; send it again")]
pub(super) struct Busy;

/// Room for so many pieces.
#[derive(Debug)]
pub(super) struct Scales {
    room: Semaphore,
    patience: Duration,
}

impl Scales {
    const fn new(pieces: usize, patience: Duration) -> Self {
        Self { room: Semaphore::const_new(pieces), patience }
    }
}

/// The room that one body has. Dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Weight {
    on: &'static Scales,
    pieces: AtomicU32,
    runtime: Handle,
}

impl Weight {
    /// Nothing yet. Called where there is a runtime.
    pub(super) fn on(scales: &'static Scales) -> Self {
        Self { on: scales, pieces: AtomicU32::new(0), runtime: Handle::current() }
    }
}

impl Scale for Weight {
    /// Waits for room: on the thread that decodes, where waiting is allowed.
    fn weigh(&self, weight_bytes: u64) -> io::Result<()> {
        let held = self.pieces.load(Ordering::Relaxed);
        let needed = u32::try_from(weight_bytes / PIECE_BYTES).unwrap_or(u32::MAX);
        let Some(more) = needed.checked_sub(held).filter(|more| *more > 0) else { return Ok(()) };
        let room = &self.on.room;
        let busy = || io::Error::other(Busy);
        let permit = if let Ok(permit) = room.try_acquire_many(more) {
            permit
        } else {
            let waited = async { timeout(self.on.patience, room.acquire_many(more)).await };
            self.runtime.block_on(waited).map_err(|_| busy())?.map_err(|_| busy())?
        };
        permit.forget();
        // One thread decodes a body.
        self.pieces.store(needed, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        let pieces = self.pieces.load(Ordering::Relaxed) as usize;
        self.on.room.add_permits(pieces);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::spawn_blocking;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test]
    async fn bodies_together_have_so_much_room_and_whoever_finds_none_is_refused() {
        static SCALES: Scales = Scales::new(4, Duration::ZERO);
        spawn_blocking(|| {
            let (heavy, late, light) =
                (Weight::on(&SCALES), Weight::on(&SCALES), Weight::on(&SCALES));
            for bytes in [10, MIB, 3 * MIB, 2 * MIB, 4 * MIB - 1] {
                heavy.weigh(bytes).unwrap();
            }
            late.weigh(MIB).unwrap();
            let refused = late.weigh(2 * MIB).unwrap_err();
            assert!(
                refused.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Busy>)
            );
            light.weigh(MIB - 1).unwrap();
            // What was refused keeps what it has until it is dropped.
            assert!(heavy.weigh(4 * MIB).is_err());
            drop(late);
            heavy.weigh(4 * MIB).unwrap();
            drop((heavy, light));
            assert_eq!(SCALES.room.available_permits(), 4);
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_there_is_room() {
        static SCALES: Scales = Scales::new(1, Duration::from_hours(1));
        let first = Arc::new(Weight::on(&SCALES));
        let weighed = Arc::clone(&first);
        spawn_blocking(move || weighed.weigh(MIB)).await.unwrap().unwrap();
        let second = Weight::on(&SCALES);
        let waiting = spawn_blocking(move || second.weigh(MIB));
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap().unwrap();
    }
}
