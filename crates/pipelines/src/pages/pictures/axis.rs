//! Time from left to right. Rests in which nobody works are folded, so that an hour of work in a week is seen.

/// A fold, and what it hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) struct Fold {
    /// Where it begins.
    pub(in crate::pages) x: i64,
    /// How wide it is.
    pub(in crate::pages) width: i64,
    /// How long the rest was, in milliseconds.
    pub(in crate::pages) millis: i64,
}

/// A stretch of time, and where it is drawn.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: i64,
    to: i64,
    x: i64,
    width: i64,
}

/// Where moments are.
#[derive(Debug)]
pub(in crate::pages) struct Axis {
    pieces: Vec<Piece>,
    pub(in crate::pages) folds: Vec<Fold>,
}

/// A rest is folded if it is longer than that, in milliseconds, whatever else.
const LEAST_REST: i64 = 2_000;
/// And longer than this part of the work.
const PART_OF_WORK: i64 = 8;
/// The widest fold.
const FOLD: i64 = 26;
/// What all folds together take of the width, at most: one part in so many.
const PART_OF_WIDTH: i64 = 3;

/// The stretches, sorted and joined where they touch.
fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

impl Axis {
    /// From `start` to `end` in `width`, with `work` as what is not folded.
    pub(in crate::pages) fn of(
        (start, end): (i64, i64),
        work: Vec<(i64, i64)>,
        width: i64,
    ) -> Self {
        let work = joined(work);
        let worked: i64 = work.iter().map(|(from, to)| to - from).sum();
        let bound = LEAST_REST.max(worked / PART_OF_WORK);
        // Stretches that are drawn as they are, and between them the rests that are folded.
        let mut shown: Vec<(i64, i64)> = Vec::new();
        for (from, to) in work {
            match shown.last_mut() {
                Some(last) if from - last.1 < bound => last.1 = to,
                _ => shown.push((from, to)),
            }
        }
        if shown.is_empty() {
            shown.push((start, end));
        }
        if let Some(first) = shown.first_mut().filter(|first| first.0 - start < bound) {
            first.0 = first.0.min(start);
        }
        if let Some(last) = shown.last_mut().filter(|last| end - last.1 < bound) {
            last.1 = last.1.max(end);
        }
        Self::laid((start, end), &shown, width)
    }

    fn laid((start, end): (i64, i64), shown: &[(i64, i64)], width: i64) -> Self {
        let mut rests = Vec::new();
        let mut at = start;
        for (from, to) in shown {
            rests.push((at, *from));
            at = *to;
        }
        rests.push((at, end.max(at)));
        let count = i64::try_from(rests.iter().filter(|(from, to)| to > from).count()).unwrap_or(1);
        let fold = FOLD.min(width / PART_OF_WIDTH / count.max(1)).max(1);
        let room = (width - fold * count).max(1);
        let total: i64 = shown.iter().map(|(from, to)| to - from).sum::<i64>().max(1);
        let (mut pieces, mut folds, mut x, mut gone) = (Vec::new(), Vec::new(), 0, 0);
        let mut rests = rests.into_iter();
        let mut rest = |x: &mut i64, pieces: &mut Vec<Piece>, folds: &mut Vec<Fold>| {
            let Some((from, to)) = rests.next().filter(|(from, to)| to > from) else { return };
            folds.push(Fold { x: *x, width: fold, millis: to - from });
            pieces.push(Piece { from, to, x: *x, width: fold });
            *x += fold;
        };
        for (from, to) in shown {
            rest(&mut x, &mut pieces, &mut folds);
            let before = share(gone, total, room);
            gone += to - from;
            let part = share(gone, total, room) - before;
            pieces.push(Piece { from: *from, to: *to, x, width: part });
            x += part;
        }
        rest(&mut x, &mut pieces, &mut folds);
        Self { pieces, folds }
    }

    /// Where a moment is.
    pub(in crate::pages) fn at(&self, moment: i64) -> i64 {
        let piece = self.pieces.iter().find(|it| moment <= it.to).or(self.pieces.last());
        let Some(piece) = piece else { return 0 };
        let gone = (moment - piece.from).clamp(0, piece.to - piece.from);
        piece.x + share(gone, (piece.to - piece.from).max(1), piece.width)
    }
}

/// `part` of `whole`, in a width.
fn share(part: i64, whole: i64, width: i64) -> i64 {
    let exact = i128::from(part) * i128::from(width) / i128::from(whole);
    i64::try_from(exact).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_rests_time_is_even() {
        let axis = Axis::of((0, 100_000), vec![(0, 60_000), (50_000, 100_000)], 1_000);
        assert!(axis.folds.is_empty());
        assert_eq!([0, 25_000, 100_000].map(|at| axis.at(at)), [0, 250, 1_000]);
        // What lies outside is at the rim.
        assert_eq!([-5, 200_000].map(|at| axis.at(at)), [0, 1_000]);
    }

    #[test]
    fn a_long_rest_is_folded_and_a_short_one_is_not() {
        let day = 86_400_000;
        let work = vec![(0, 30_000), (31_000, 60_000), (day, day + 60_000)];
        let axis = Axis::of((0, day + 60_000), work, 1_000);
        let rest = Fold { x: 487, width: 26, millis: day - 60_000 };
        assert_eq!(axis.folds, [rest]);
        assert_eq!(
            [30_000, 60_000, day, day + 60_000].map(|at| axis.at(at)),
            [243, 487, 513, 1_000]
        );
    }

    #[test]
    fn rests_before_and_after_all_work_are_folded_too() {
        let axis = Axis::of((0, 1_000_000), vec![(400_000, 410_000)], 1_000);
        let told: Vec<_> = axis.folds.iter().map(|it| (it.x, it.millis)).collect();
        assert_eq!(told, [(0, 400_000), (974, 590_000)]);
        assert_eq!([400_000, 410_000].map(|at| axis.at(at)), [26, 974]);
    }

    #[test]
    fn many_folds_leave_room_for_the_work() {
        let hour = 3_600_000;
        let work: Vec<_> = (0..100).map(|it| (it * hour, it * hour + 1_000)).collect();
        let axis = Axis::of((0, 99 * hour + 1_000), work, 1_000);
        assert_eq!(axis.folds.len(), 99);
        assert!(axis.folds.iter().map(|it| it.width).sum::<i64>() <= 334);
        assert_eq!(axis.at(99 * hour + 1_000), 1_000);
    }

    #[test]
    fn where_nobody_worked_time_is_even() {
        let axis = Axis::of((0, 10_000), Vec::new(), 1_000);
        assert_eq!((axis.at(5_000), axis.folds.len()), (500, 0));
        let axis = Axis::of((7, 7), Vec::new(), 1_000);
        assert_eq!(axis.at(7), 0);
    }
}
