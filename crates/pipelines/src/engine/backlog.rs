//! What waits for its group: no publisher takes more than half of one while another waits (`spec/work.md` 11).

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Asks in one group (`spec/work.md` 11).
pub(super) const GROUP: usize = 256;
/// Asks that are looked at for a group: what one publisher has sent beyond its half is passed over as far as this.
const SEEN: usize = 4 * GROUP;

/// Asks in the order in which they came.
#[derive(Debug)]
pub(super) struct Backlog<Ask>(VecDeque<Ask>);

impl<Ask> Default for Backlog<Ask> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<Ask> Backlog<Ask> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ask> {
        self.0.iter()
    }

    /// Takes in what `next` gives, as far as it is looked at.
    pub(super) fn take_in(&mut self, mut next: impl FnMut() -> Option<Ask>) {
        while self.0.len() < SEEN
            && let Some(ask) = next()
        {
            self.0.push_back(ask);
        }
    }

    pub(super) fn push(&mut self, ask: Ask) {
        self.0.push_back(ask);
    }

    /// The next group. What `whose` gives to one publisher stays in its order.
    pub(super) fn group<Who: Eq + Hash>(
        &mut self,
        whose: impl Fn(&Ask) -> Option<Who>,
    ) -> Vec<Ask> {
        let mut counts: HashMap<Who, usize> = HashMap::new();
        let (mut group, mut left) = (Vec::new(), VecDeque::new());
        for ask in self.0.drain(..) {
            let has_half = whose(&ask).is_some_and(|who| {
                let count = counts.entry(who).or_default();
                *count += 1;
                *count > GROUP / 2
            });
            if group.len() >= GROUP || has_half {
                left.push_back(ask);
            } else {
                group.push(ask);
            }
        }
        // If there is still room, nobody else waits.
        let room = GROUP - group.len();
        group.extend(left.drain(..room.min(left.len())));
        self.0 = left;
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(
        asks: impl Iterator<Item = (&'static str, usize)>,
    ) -> Backlog<(&'static str, usize)> {
        let mut backlog = Backlog::default();
        asks.for_each(|ask| backlog.push(ask));
        backlog
    }

    fn count(group: &[(&str, usize)], who: &str) -> usize {
        group.iter().filter(|ask| ask.0 == who).count()
    }

    #[test]
    fn nobody_takes_more_than_half_while_another_waits() {
        let of = |who, many| (0..many).map(move |number| (who, number));
        let mut waiting = backlog(of("loud", 500).chain(of("quiet", 200)));
        let group = waiting.group(|ask| Some(ask.0));
        assert_eq!((count(&group, "loud"), count(&group, "quiet")), (128, 128));
        let group = waiting.group(|ask| Some(ask.0));
        // All that is left of the other is in it, and so there is room.
        assert_eq!((count(&group, "loud"), count(&group, "quiet")), (184, 72));
        let loud: Vec<_> = group.iter().filter(|ask| ask.0 == "loud").map(|ask| ask.1).collect();
        assert_eq!(loud, (128..312).collect::<Vec<_>>());
        assert_eq!(waiting.group(|ask| Some(ask.0)).len(), 188);
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_is_nobodys_is_not_counted() {
        let mut waiting = backlog((0..300).map(|number| ("", number)));
        assert_eq!(waiting.group(|_| None::<()>).len(), GROUP);
        let mut more = 300..10_000;
        waiting.take_in(|| more.next().map(|number| ("", number)));
        assert_eq!(waiting.iter().count(), SEEN);
    }
}
