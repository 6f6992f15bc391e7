//! What becomes of a mirror that fails again and again (`spec/hub.md` 5, Mirrors). Pure.

use std::time::Duration;

/// Failures after which it is paused, and how long each pause is. After the last one it stops.
const FAILURES: u32 = 5;
const PAUSES: [Duration; 4] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
];
/// How soon it is tried again before.
const SOON: Duration = Duration::from_secs(30);

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another try, soon.
    Soon(Duration),
    /// None for a while.
    Pause(Duration),
    /// None, until somebody says so.
    Stop,
}

/// What follows so many failures, one after the other.
pub(crate) fn after(failures: u32) -> Next {
    let Some(pauses) = failures.checked_sub(FAILURES) else { return Next::Soon(SOON) };
    match PAUSES.get(pauses as usize) {
        Some(pause) => Next::Pause(*pause),
        None => Next::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_pause_it_ever_longer_and_then_it_stops() {
        let told: Vec<_> = (1..=11).map(after).collect();
        let pause = |minutes| Next::Pause(Duration::from_mins(minutes));
        let expected =
            [[Next::Soon(SOON); 4].as_slice(), &[1, 5, 30, 120].map(pause), &[Next::Stop; 3]];
        assert_eq!(told, expected.concat());
    }
}
