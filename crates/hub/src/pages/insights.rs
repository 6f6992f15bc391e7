//! A history in numbers: commits by day and week, who made them, languages, sizes.

use std::collections::BTreeMap;

use axum::response::Response;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{
        Html, Share, When,
        charts::{Columns, Heat, Steps, columns, heatmap, meter},
        sizes,
    },
};

use super::{graph::address, parts};
use crate::{
    Hub, Repository,
    graph::{Contributor, DAYS, Day, Month, Until, Who, date},
    reading::Revision,
    views::{
        Section,
        insights::{ContributorRow, Contributors, InsightsPage, Week, Year},
    },
};

/// Months and languages of a picture; other languages are one more.
const SHOWN_MONTHS: usize = 60;
const SHOWN_LANGUAGES: usize = 7;

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
    let mut year = year((from, to), &days);
    let until = |day: i64| address(&here, &[("until", &date(day))]);
    year.earlier_href = (first_day < from && numbers.at.is_some()).then(|| until(from - 1));
    year.later_href = (last_day > to).then(|| until(to + DAYS));
    let list = |count, found: &[(Who, Contributor)]| {
        let most = found.first().map_or(1, |(_, it)| it.commits.max(1));
        let row = |(who, it): &(Who, Contributor)| ContributorRow {
            author: who.author.clone(),
            agent_id: who.agent_id.clone(),
            commits: it.commits,
            bar: meter(it.commits, most),
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
        year,
        languages: shares(&numbers.languages),
        months: course(&numbers.months),
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

/// A year of commits: day by day as a picture, week by week in numbers.
fn year((from, to): (i64, i64), days: &[(i64, Day)]) -> Year {
    let counts: BTreeMap<i64, u64> =
        days.iter().map(|(day, it)| (*day, it.people + it.agents)).collect();
    let name = "Commits by day";
    let steps = Steps::of(&counts);
    let heat = Heat { name, first: from, last: to, counts: &counts, steps };
    let mut weeks = BTreeMap::<i64, Day>::new();
    for (day, it) in days {
        let week = weeks.entry(day - (day - from).rem_euclid(7)).or_default();
        week.people += it.people;
        week.agents += it.agents;
    }
    let week = |(monday, it): (&i64, &Day)| Week {
        monday: date(*monday),
        people: it.people,
        agents: it.agents,
    };
    Year {
        from: date(from),
        to: date(to),
        commits: counts.values().sum(),
        picture: heatmap(&heat),
        weeks: weeks.iter().rev().map(week).collect(),
        earlier_href: None,
        later_href: None,
    }
}

/// The languages month by month; nothing where there is no course to see.
fn course(months: &[Month]) -> Option<Html> {
    let months = Month::without_gaps(months, SHOWN_MONTHS);
    if months.len() < 2 {
        return None;
    }
    let mut sums = BTreeMap::<&str, u64>::new();
    for (language, bytes) in months.iter().flat_map(|it| &it.languages) {
        let sum = sums.entry(language).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown: Vec<_> = sums.iter().take(SHOWN_LANGUAGES).map(|(name, _)| *name).collect();
    let has_rest = sums.len() > shown.len();
    let amounts = |it: &Month| {
        let of = |name: &&str| it.languages.get(*name).copied().unwrap_or(0);
        let mut amounts: Vec<_> = shown.iter().map(of).collect();
        if has_rest {
            let rest = it.languages.iter().filter(|(name, _)| !shown.contains(&name.as_str()));
            amounts.push(rest.map(|(_, bytes)| bytes).sum());
        }
        (it.name.clone(), amounts)
    };
    let drawn = Columns {
        name: "Bytes by month and language",
        moment: "Month",
        parts: shown
            .iter()
            .copied()
            .chain(has_rest.then_some("Other"))
            .map(str::to_owned)
            .collect(),
        columns: months.iter().map(amounts).collect(),
    };
    Some(columns(&drawn, sizes::bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_told_by_day_and_by_week() {
        // 2026-11-30 is a Monday.
        let monday = 20_787;
        assert_eq!(date(monday), "2026-11-30");
        let one = |people, agents| Day { people, agents };
        let days = [(monday - 8, one(1, 0)), (monday - 7, one(2, 6)), (monday, one(4, 0))];
        let year = year((monday - 52 * 7, monday), &days);
        assert_eq!(
            (year.commits, year.picture.as_str().matches("<rect ").count()),
            (13, 52 * 7 + 1)
        );
        let weeks: Vec<_> =
            year.weeks.iter().map(|it| (&*it.monday, it.people, it.agents)).collect();
        assert_eq!(weeks, [("2026-11-30", 4, 0), ("2026-11-23", 2, 6), ("2026-11-16", 1, 0)]);
    }
}
