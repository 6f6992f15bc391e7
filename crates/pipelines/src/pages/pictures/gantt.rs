//! Bars in time: which are drawn, where, and what their table says.

use std::collections::BTreeSet;

use web::look::href;

use super::{
    axis::{Axis, Fold},
    bars::{Bar, Entry, Kind, bars},
    critical::{Before, critical},
    spoken,
};

/// Bars that one picture has: those on the critical path, then the longest.
const DRAWN: usize = 200;
/// The width of the part with the bars.
const WIDTH: i64 = 760;
/// Where that part begins: left of it are the names.
const LEFT: i64 = 190;
/// The height of a row, and of a bar in it.
const ROW: i64 = 18;
/// What there is above the first row.
const HEAD: i64 = 20;
/// Characters of a name that there is room for.
const ROOM: usize = 26;

/// A stretch, as it is drawn.
#[derive(Debug)]
pub(in crate::pages) struct Stretch {
    pub(in crate::pages) x: i64,
    pub(in crate::pages) width: i64,
    pub(in crate::pages) is_run: bool,
    /// What is told of it.
    pub(in crate::pages) told: String,
}

/// A task: its bar, and its row in the table.
#[derive(Debug)]
pub(in crate::pages) struct Row {
    pub(in crate::pages) y: i64,
    /// The middle of the text.
    pub(in crate::pages) text_y: i64,
    pub(in crate::pages) address: String,
    /// The address, as a part of one of a page.
    pub(in crate::pages) way: String,
    pub(in crate::pages) name: String,
    pub(in crate::pages) generation: u64,
    pub(in crate::pages) state: String,
    pub(in crate::pages) is_critical: bool,
    pub(in crate::pages) stretches: Vec<Stretch>,
    pub(in crate::pages) began: String,
    pub(in crate::pages) queue: String,
    pub(in crate::pages) run: String,
    pub(in crate::pages) attempts: String,
}

/// A fold, as it is drawn.
#[derive(Debug)]
pub(in crate::pages) struct Rest {
    pub(in crate::pages) x: i64,
    pub(in crate::pages) width: i64,
    pub(in crate::pages) told: String,
}

/// The whole picture.
#[derive(Debug)]
pub(in crate::pages) struct Gantt {
    pub(in crate::pages) width: i64,
    pub(in crate::pages) height: i64,
    pub(in crate::pages) rows: Vec<Row>,
    pub(in crate::pages) rests: Vec<Rest>,
    /// Tasks that are not drawn.
    pub(in crate::pages) left_out: usize,
    /// How long all of it took.
    pub(in crate::pages) whole: String,
}

/// The bars that are drawn, in their order.
fn chosen(bars: &[Bar], path: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut by_length: Vec<_> = (0..bars.len()).filter(|at| !path.contains(at)).collect();
    by_length.sort_by_key(|at| bars.get(*at).map_or(0, |it| it.from() - it.to()));
    path.iter().copied().chain(by_length).take(DRAWN).collect()
}

/// The picture of a timeline from `start` to `now`.
pub(in crate::pages) fn gantt(
    entries: &[Entry],
    before: &Before,
    (start, now): (i64, i64),
) -> Option<Gantt> {
    let bars = bars(entries, now);
    if bars.is_empty() {
        return None;
    }
    let path = critical(&bars, before);
    let chosen = chosen(&bars, &path);
    let shown: Vec<_> = chosen.iter().filter_map(|at| Some((*at, bars.get(*at)?))).collect();
    let work = shown.iter().flat_map(|(_, bar)| &bar.segments).filter(|it| it.kind == Kind::Run);
    let work: Vec<_> = work.map(|it| (it.from, it.to)).collect();
    let axis = Axis::of((start, now), work, WIDTH);
    let rows: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(order, (at, bar))| row(bar, order, path.contains(at), &axis, start))
        .collect();
    let height = HEAD + ROW * i64::try_from(rows.len()).unwrap_or(0);
    let rest = |it: &Fold| Rest {
        x: LEFT + it.x,
        width: it.width,
        told: format!("{} in which nobody worked", spoken(it.millis)),
    };
    Some(Gantt {
        width: LEFT + WIDTH,
        height,
        left_out: bars.len() - rows.len(),
        rests: axis.folds.iter().map(rest).collect(),
        rows,
        whole: spoken(now - start),
    })
}

fn row(bar: &Bar, order: usize, is_critical: bool, axis: &Axis, start: i64) -> Row {
    let y = HEAD + ROW * i64::try_from(order).unwrap_or(0);
    let stretch = |it: &super::bars::Segment| {
        let (from, to) = (axis.at(it.from), axis.at(it.to));
        let is_run = it.kind == Kind::Run;
        let what = if is_run { "worked on" } else { "waited" };
        let length = spoken(it.to - it.from);
        let told = match it.outcome.as_str() {
            "" => format!("{what} {length}"),
            outcome => format!("{what} {length}, {outcome}"),
        };
        Stretch { x: LEFT + from, width: (to - from).max(1), is_run, told }
    };
    let outcomes = bar.segments.iter().filter(|it| it.kind == Kind::Run);
    let outcomes: Vec<_> = outcomes
        .map(|it| if it.outcome.is_empty() { "under way" } else { it.outcome.as_str() })
        .collect();
    let address = bar.address.to_string();
    Row {
        y,
        text_y: y + ROW - 5,
        name: short(&address),
        way: href::segment(&address),
        address,
        generation: bar.generation,
        state: bar.state.clone(),
        is_critical,
        stretches: bar.segments.iter().map(stretch).collect(),
        began: spoken(bar.from() - start),
        queue: spoken(bar.time(Kind::Queue)),
        run: spoken(bar.time(Kind::Run)),
        attempts: match bar.attempts() {
            0 => "none".to_owned(),
            count => format!("{count}: {}", outcomes.join(", ")),
        },
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    let kept: String = name.chars().take(ROOM - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::{
        super::bars::tests::{claim, task},
        *,
    };

    #[test]
    fn the_longest_bars_and_those_of_the_path_are_drawn() {
        let mut entries = Vec::new();
        for at in 0..300 {
            let address = format!("grade[{at}]");
            entries.push(task(0, "ready", &address));
            entries.push(claim(1, "granted", &address));
            entries.push(claim(100 + at, "submitted", &address));
            entries.push(task(100 + at, "done", &address));
        }
        let gantt = gantt(&entries, &Before::new(), (0, 400)).unwrap();
        assert_eq!((gantt.rows.len(), gantt.left_out), (200, 100));
        assert!(gantt.rows.iter().all(|it| it.address != "grade[99]"));
        let last = gantt.rows.iter().find(|it| it.address == "grade[299]").unwrap();
        assert!(last.is_critical);
        assert_eq!((last.queue.as_str(), last.run.as_str()), ("1 ms", "398 ms"));
        assert_eq!(last.attempts, "1: submitted");
    }

    #[test]
    fn a_timeline_without_tasks_has_no_picture() {
        assert!(gantt(&[], &Before::new(), (0, 1)).is_none());
    }
}
