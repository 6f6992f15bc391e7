//! How many streams are open, of whom and in all (`spec/trust.md` 9, SSE).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::StatusCode;
use names::Id;
use tokio::sync::watch;
use trust::{Exceeded, Principal};
use web::Problem;

/// Streams of one principal at a time.
const EACH: usize = 20;
/// Streams of the process: some kilobytes, and a look each half second for each.
const ALL: usize = 5_000;
/// How soon whoever has too many is told to come back, in seconds.
const COME_BACK: u32 = 5;

/// The streams of this process.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: Mutex<HashMap<Id<Principal>, usize>>,
    /// Whether the process is about to end.
    is_ending: watch::Sender<bool>,
}

/// The place of one stream. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    of: Id<Principal>,
}

impl Default for Seats {
    fn default() -> Self {
        Self { taken: Mutex::default(), is_ending: watch::Sender::new(false) }
    }
}

impl Seats {
    /// A place for a stream of `of`, and what says that the process is about to end.
    pub(super) fn take(
        self: &Arc<Self>,
        of: Id<Principal>,
    ) -> Result<(Seat, watch::Receiver<bool>), Problem> {
        let mut taken = self.taken();
        if taken.values().sum::<usize>() >= ALL {
            let why = "too many streams are open at this moment";
            let problem = Problem::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why);
            return Err(problem.retry_after(COME_BACK));
        }
        let own = taken.entry(of).or_default();
        if *own >= EACH {
            let why = format!("you have {EACH} streams open: close one first");
            let by = Exceeded::wait("streams", EACH as u64, COME_BACK.into(), COME_BACK);
            let problem = Problem::refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limited", &why);
            return Err(problem.limited(&by));
        }
        *own += 1;
        Ok((Seat { seats: Arc::clone(self), of }, self.is_ending.subscribe()))
    }

    /// Ends all streams: the process is about to end.
    pub(crate) fn end(&self) {
        self.is_ending.send_replace(true);
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Id<Principal>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut own) = self.seats.taken().entry(self.of) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use names::{Clock, Random};

    use super::*;

    #[test]
    fn a_principal_has_so_many_streams_and_one_that_ends_makes_room() {
        let (seats, random) = (Arc::new(Seats::default()), Random::default());
        let [ada, eve] = [(); 2].map(|()| Id::new(Clock::default().now(), &random));
        let mut taken: Vec<_> = (0..EACH).map(|_| seats.take(ada).unwrap()).collect();
        assert_eq!(seats.take(ada).unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        let other = seats.take(eve).unwrap();
        taken.pop();
        taken.push(seats.take(ada).unwrap());
        drop((taken, other));
        assert!(seats.taken().is_empty());
    }
}
