//! A history in numbers: commits by day and week, who made them, languages, sizes.

use axum::response::Response;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{Share, When},
};

use super::{graph::address, parts};
use crate::{
    Hub, Repository,
    graph::{Contributor, DAYS, Day, Until, Who, date},
    reading::Revision,
    views::{
        Section,
        insights::{ContributorRow, Contributors, Heat, InsightsPage, Square, Week},
    },
};

/// Pixels between two squares.
const SQUARE: usize = 14;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The page.
pub(super) async fn insights(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (asked, of): (Until, _) = (call.query()?, allowed.resource());
    let mut tx = hub.db.read().await?;
    let first = Revision::first(&mut tx, of).await?;
    let numbers = hub.numbers(&mut tx, of).await?;
    let (from, to) = hub.span(asked.until.as_deref());
    let days = hub.commit_days(&mut tx, of, (from, to)).await?;
    drop(tx);
    let now = hub.clock.now();
    let (all, first_day, last_day) = numbers.commits;
    let here = format!("{}/insights", parts::home_of(of));
    let mut heat = heat((from, to), &days);
    let until = |day: i64| address(&here, &[("until", &date(day))]);
    heat.earlier_href = (first_day < from && numbers.at.is_some()).then(|| until(from - 1));
    heat.later_href = (last_day > to).then(|| until(to + DAYS));
    let list = |count, found: &[(Who, Contributor)]| {
        let most = found.first().map_or(1, |(_, it)| it.commits.max(1));
        let row = |(who, it): &(Who, Contributor)| ContributorRow {
            author: who.author.clone(),
            agent_id: who.agent_id.clone(),
            commits: it.commits,
            bar: (it.commits * 100 / most).max(1),
            last: When::new(it.last_at, now),
        };
        Contributors { count, shown: found.iter().map(row).collect() }
    };
    web::page(&InsightsPage {
        layout: parts::layout(&call, of, format!("Insights · {}", of.full_name())),
        head: parts::head(allowed.actor(), of, first.as_ref(), Section::Insights),
        branch: of.default_branch.to_string(),
        is_counted: numbers.at.is_some(),
        is_empty: first.is_none(),
        commits: all.people + all.agents,
        by_agents: all.agents,
        heat,
        languages: shares(&numbers.languages),
        people: list(numbers.counts.0, &numbers.people),
        agents: list(numbers.counts.1, &numbers.agents),
        size_bytes: of.size_bytes,
        objects: of.object_count,
        all_commits: of.commit_count,
    })
}

/// The parts that languages have of all bytes.
pub(super) fn shares(languages: &[(String, u64, u64)]) -> Vec<Share> {
    Share::of(languages.iter().map(|(name, _, bytes)| (name.clone(), *bytes)))
}

/// How much a day has beside the day with the most.
fn heat_of(commits: u64, most: u64) -> usize {
    match commits {
        0 => 0,
        _ if commits * 4 <= most => 1,
        _ if commits * 2 <= most => 2,
        _ if commits * 4 <= most * 3 => 3,
        _ => 4,
    }
}

fn heat((from, to): (i64, i64), days: &[(i64, Day)]) -> Heat {
    let on = |day: i64| {
        let found = days.binary_search_by_key(&day, |(day, _)| *day).ok();
        found.and_then(|at| days.get(at)).map_or(Day::default(), |(_, it)| *it)
    };
    let sum = |day: &Day| day.people + day.agents;
    let most = days.iter().map(|(_, day)| sum(day)).max().unwrap_or(0);
    let mut heat = Heat { from: date(from), to: date(to), ..Heat::default() };
    let mut month = String::new();
    for (place, day) in (from..=to).enumerate() {
        let (week, weekday) = (place / 7, place % 7);
        let it = on(day);
        heat.commits += sum(&it);
        let (x, y) = (week * SQUARE, weekday * SQUARE);
        heat.squares.push(Square { x, y, heat: heat_of(sum(&it), most) });
        if weekday == 0 {
            let text = date(day);
            heat.weeks.push(Week { monday: text.clone(), people: 0, agents: 0 });
            let name = text.get(5..7).unwrap_or_default().to_owned();
            if name != month {
                let number = name.parse::<usize>().unwrap_or(1);
                let name = MONTHS.get(number.saturating_sub(1)).copied().unwrap_or_default();
                // A month of which only the end is there has no room for its name.
                if heat.months.last().is_none_or(|(last, _)| x >= last + 2 * SQUARE) {
                    heat.months.push((x, name));
                }
            }
            month = name;
        }
        if let Some(week) = heat.weeks.last_mut() {
            week.people += it.people;
            week.agents += it.agents;
        }
    }
    heat.weeks.retain(|week| week.people + week.agents > 0);
    heat.weeks.reverse();
    heat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_told_by_day_and_by_week() {
        // 2026-11-30 is a Monday.
        let monday = 20_787;
        assert_eq!(date(monday), "2026-11-30");
        let span = (monday - 52 * 7, monday);
        let one = |people, agents| Day { people, agents };
        let days = [(monday - 8, one(1, 0)), (monday - 7, one(2, 6)), (monday, one(4, 0))];
        let heat = heat(span, &days);
        assert_eq!((heat.commits, heat.squares.len()), (13, 52 * 7 + 1));
        let weeks: Vec<_> =
            heat.weeks.iter().map(|it| (&*it.monday, it.people, it.agents)).collect();
        assert_eq!(weeks, [("2026-11-30", 4, 0), ("2026-11-23", 2, 6), ("2026-11-16", 1, 0)]);
        let last = heat.squares.last().unwrap();
        assert_eq!((last.x, last.y, last.heat), (52 * SQUARE, 0, 2));
        // The first day of the span is the first of December.
        assert_eq!(heat.months.len(), 12, "{:?}", heat.months);
    }
}
