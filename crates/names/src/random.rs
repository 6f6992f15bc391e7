//! Chance, injected: the machine's source in production, a repeatable stream in tests.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};

/// Where random bytes come from. Cheap to clone.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Seeded>>);

struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Random {
    /// A source that gives the same bytes in the same order for the same seed. For tests and demos only:
    /// anyone who knows the seed knows every nonce.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Seeded { seed, drawn: AtomicU64::new(0) })))
    }

    /// `N` fresh random bytes.
    ///
    /// # Panics
    /// If the machine has no random source: nothing that Motet does is safe without one.
    #[expect(clippy::expect_used, reason = "a machine without a random source cannot run a forge")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            None => getrandom::fill(&mut bytes).expect("the machine's random source answers"),
            Some(seeded) => seeded.fill(&mut bytes),
        }
        bytes
    }
}

impl Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(drawn.to_be_bytes())
                .finalize();
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Random(seeded)" } else { "Random(machine)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_the_machine_does_not() {
        let draw = |source: &Random| (source.bytes::<40>(), source.bytes::<40>());
        assert_eq!(draw(&Random::seeded(7)), draw(&Random::seeded(7)));
        assert_ne!(draw(&Random::seeded(7)), draw(&Random::seeded(8)));
        assert_ne!(Random::default().bytes::<32>(), Random::default().bytes::<32>());
    }
}
