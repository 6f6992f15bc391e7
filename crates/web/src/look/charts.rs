//! Pictures of numbers: a heat-map of days, bars, columns of parts. Pure functions; each picture has its table twin beside it, and says
//! nothing by colour alone.

use std::{collections::BTreeMap, fmt::Write as _};

use names::UnixMillis;

use super::{Html, dates, html::escaped, monogram::voice, sizes, visible};

const DAY_MILLIS: i64 = 86_400_000;
/// The side of a day, and what lies between two.
const CELL: i64 = 12;
/// The sides of squares by level: how much there was is seen by size as well.
const SIDES: [i64; 4] = [2, 5, 8, 11];
/// What there is above the days for the names of months.
const ABOVE: i64 = 12;
/// The height of the tallest column.
const TALL: u64 = 1_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Days with what there was on each.
#[derive(Debug, Clone, Copy)]
pub struct Heat<'a> {
    /// Names the picture, its table and what is counted: `contributions`.
    pub name: &'a str,
    /// The first day, a Monday, by its number since 1970-01-01.
    pub first: i64,
    /// The last day.
    pub last: i64,
    /// How much there was, by the number of the day; what is not here is nothing.
    pub counts: &'a BTreeMap<i64, u64>,
    /// What is little and what is much.
    pub steps: Steps,
}

/// Up to which count there was little on a day, and up to which some; above it was much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps(u64, u64);

impl Steps {
    /// Those of people (`spec/collaboration.md` 7): up to 3, up to 6, more.
    pub const OF_PEOPLE: Self = Self(3, 6);

    /// Thirds of the largest count.
    pub fn of(counts: &BTreeMap<i64, u64>) -> Self {
        let most = counts.values().max().copied().unwrap_or(0);
        Self((most / 3).max(1), (most - most / 3).max(2))
    }

    /// The level of a count, from 0 for nothing to 3 for much.
    pub const fn level(self, count: u64) -> u8 {
        match count {
            0 => 0,
            _ if count <= self.0 => 1,
            _ if count <= self.1 => 2,
            _ => 3,
        }
    }
}

/// A column a week, a row a weekday; below it the same as a table.
pub fn heatmap(heat: &Heat<'_>) -> Html {
    let Heat { name, first, last, counts, steps } = *heat;
    let weeks = (last - first).div_euclid(7) + 1;
    let (width, height) = (weeks * CELL, 7 * CELL);
    let total: u64 = counts.range(first..=last).map(|(_, count)| count).sum();
    let name = escaped(name);
    let of = |day: i64| counts.get(&day).copied().unwrap_or(0);
    let label = format!("{name}: {} from {} to {}", sizes::count(total), date(first), date(last));
    let mut out = format!(
        "<figure class=\"heat\"><svg viewBox=\"0 -{ABOVE} {width} {}\" role=\"img\" aria-label=\"{label}\">",
        height + ABOVE
    );
    out.push_str(&months(first, last));
    for day in first..=last {
        let (count, place) = (of(day), day - first);
        let level = steps.level(count);
        let side = SIDES.get(usize::from(level)).copied().unwrap_or(CELL);
        let inset = (CELL - side) / 2;
        let (x, y) = (place.div_euclid(7) * CELL + inset, place.rem_euclid(7) * CELL + inset);
        let cell = format!(
            "<rect class=\"l{level}\" x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\""
        );
        out.push_str(&cell);
        if count == 0 {
            out.push_str("/>");
        } else {
            let told = format!("><title>{}: {}</title></rect>", date(day), sizes::count(count));
            out.push_str(&told);
        }
    }
    out.push_str("</svg>");
    out.push_str(&heat_table(&name, (first, last), of));
    out.push_str("</figure>");
    Html::trusted(out)
}

/// The name of each month above its first Monday. One of which only the end is there has no room for it.
fn months(first: i64, last: i64) -> String {
    let (mut out, mut month, mut free) = (String::new(), String::new(), 0);
    for (week, monday) in (first..=last).step_by(7).enumerate() {
        let day = date(monday);
        let number = day.get(5..7).unwrap_or_default();
        let x = i64::try_from(week).unwrap_or(0) * CELL;
        let name = number.parse::<usize>().ok().and_then(|it| MONTHS.get(it.checked_sub(1)?));
        if let Some(name) = name.filter(|_| number != month && x >= free) {
            // Writing to a text cannot fail.
            let _done = write!(out, "<text x=\"{x}\" y=\"-3\">{name}</text>");
            free = x + 2 * CELL;
        }
        number.clone_into(&mut month);
    }
    out
}

/// The twin: a row a week that has something, a column a weekday.
fn heat_table(name: &str, (first, last): (i64, i64), of: impl Fn(i64) -> u64) -> String {
    let mut out = format!(
        "<details><summary>{name} as a table</summary><div class=\"scroll\" tabindex=\"0\"><table class=\"numbers\"><caption class=\"vh\">{name}, by week and weekday; weeks without any are left out</caption><thead><tr><th scope=\"col\">Week of</th>"
    );
    for weekday in WEEKDAYS {
        // Writing to a text cannot fail.
        let _done = write!(out, "<th scope=\"col\">{weekday}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    let mut monday = first;
    while monday <= last {
        let days = monday..=(monday + 6).min(last);
        if days.clone().any(|day| of(day) > 0) {
            let _done = write!(out, "<tr><th scope=\"row\">{}</th>", date(monday));
            for day in days {
                let _done = write!(out, "<td>{}</td>", sizes::count(of(day)));
            }
            out.push_str("</tr>");
        }
        monday += 7;
    }
    out.push_str("</tbody></table></div></details>");
    out
}

fn date(day: i64) -> String {
    dates::date(UnixMillis(day.saturating_mul(DAY_MILLIS)))
}

/// Amounts of several things, moment by moment.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    /// Names the picture and its table: `Languages by month, in bytes`.
    pub name: &'a str,
    /// What a moment is: `Month`.
    pub moment: &'a str,
    /// The things, from the ground up. Each has the colour of its name.
    pub parts: Vec<String>,
    /// The moments, the oldest first, each with as many amounts as there are things.
    pub columns: Vec<(String, Vec<u64>)>,
}

/// A column for each moment, its parts on top of each other; below it the same as a table, the newest moment first.
pub fn columns(it: &Columns<'_>, text: impl Fn(u64) -> String) -> Html {
    let sum = |amounts: &[u64]| amounts.iter().fold(0_u64, |sum, it| sum.saturating_add(*it));
    let tallest = it.columns.iter().map(|(_, amounts)| sum(amounts)).max().unwrap_or(0).max(1);
    let height = |amount: u64| u128::from(amount) * u128::from(TALL) / u128::from(tallest);
    let (from, to) = (it.columns.first(), it.columns.last());
    let moment = |end: Option<&(String, Vec<u64>)>| end.map_or("", |(moment, _)| moment).to_owned();
    let label = format!("{}: {} to {}", it.name, moment(from), moment(to));
    let mut out = format!(
        "<figure class=\"columns\"><svg viewBox=\"0 0 {} {TALL}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        it.columns.len() * 10,
        escaped(&label)
    );
    for (place, (_, amounts)) in it.columns.iter().enumerate() {
        let mut top = u128::from(TALL);
        for (part, amount) in it.parts.iter().zip(amounts).filter(|(_, amount)| **amount > 0) {
            let (x, height) = (place * 10, height(*amount));
            top = top.saturating_sub(height);
            // Writing to a text cannot fail.
            let _done = write!(
                out,
                "<rect class=\"b{}\" x=\"{x}\" y=\"{top}\" width=\"9\" height=\"{height}\"/>",
                voice(part)
            );
        }
    }
    out.push_str("</svg>");
    out.push_str(&columns_table(it, text));
    out.push_str("</figure>");
    Html::trusted(out)
}

fn columns_table(it: &Columns<'_>, text: impl Fn(u64) -> String) -> String {
    let name = escaped(it.name);
    let mut out = format!(
        "<ul class=\"key\">{}</ul><details><summary>{name} as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{name}\"><table class=\"numbers\"><caption class=\"vh\">{name}</caption><thead><tr><th scope=\"col\">{}</th>",
        it.parts.iter().fold(String::new(), |mut key, part| {
            let _done = write!(
                key,
                "<li class=\"b{}\"><span>{}</span></li>",
                voice(part),
                visible::html(part)
            );
            key
        }),
        escaped(it.moment)
    );
    for part in &it.parts {
        let _done = write!(out, "<th scope=\"col\">{}</th>", visible::html(part));
    }
    out.push_str("</tr></thead><tbody>");
    for (moment, amounts) in it.columns.iter().rev() {
        let _done = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(moment));
        for amount in amounts {
            let _done = write!(out, "<td>{}</td>", escaped(&text(*amount)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></details>");
    out
}

/// One of several amounts beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// How much.
    pub value: u64,
    /// The same for people: `3.1 GiB of 20 GiB`.
    pub text: String,
}

/// Amounts as rows of a table, each with a bar whose whole length is `whole`; the longest if nothing is said. The table is
/// its own twin: each row says its number.
pub fn bars(caption: &str, bars: &[Bar], whole: Option<u64>) -> Html {
    let longest = bars.iter().map(|it| it.value).max().unwrap_or(0);
    let whole = whole.unwrap_or(longest).max(1);
    let mut out = format!(
        "<table class=\"bars\"><caption class=\"vh\">{}</caption><thead class=\"vh\"><tr><th scope=\"col\">What</th><th scope=\"col\">Share</th><th scope=\"col\">How much</th></tr></thead><tbody>",
        escaped(caption)
    );
    for bar in bars {
        let _done = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            visible::html(&bar.name),
            meter(bar.value, whole).as_str(),
            escaped(&bar.text)
        );
    }
    out.push_str("</tbody></table>");
    Html::trusted(out)
}

/// A bar that is `value` of `whole` long. It stands beside the number, and is nothing to those who hear the page.
pub fn meter(value: u64, whole: u64) -> Html {
    let value = value.min(whole);
    // Thousandths of the whole, so that what is there is seen.
    let part = u128::from(value) * 1_000 / u128::from(whole.max(1));
    let part = if value > 0 { part.max(5) } else { 0 };
    Html::trusted(format!(
        "<svg class=\"meter\" viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\"><rect class=\"whole\" width=\"1000\" height=\"8\"/><rect class=\"part\" width=\"{part}\" height=\"8\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-16, a Monday.
    const MONDAY: i64 = 20_773;

    fn map(counts: &[(i64, u64)]) -> String {
        let counts: BTreeMap<_, _> = counts.iter().map(|(day, n)| (MONDAY + day, *n)).collect();
        let heat = Heat {
            name: "signed <work>",
            first: MONDAY - 51 * 7,
            last: MONDAY + 5,
            counts: &counts,
            steps: Steps::OF_PEOPLE,
        };
        heatmap(&heat).as_str().to_owned()
    }

    #[test]
    fn levels_are_those_of_the_specification() {
        let found: Vec<_> = (0..9).map(|it| Steps::OF_PEOPLE.level(it)).collect();
        assert_eq!(found, [0, 1, 1, 1, 2, 2, 2, 3, 3]);
    }

    #[test]
    fn levels_of_a_map_are_thirds_of_the_largest() {
        for (most, levels) in [(0, [1, 2, 3]), (1, [1, 2, 3]), (9, [3, 6, 7]), (100, [33, 67, 68])]
        {
            let steps = Steps::of(&[(1, most)].into());
            assert_eq!(levels.map(|it| steps.level(it)), [1, 2, 3], "{most}");
        }
    }

    #[test]
    fn columns_are_as_tall_as_their_amounts_and_a_table_says_them() {
        let drawn = columns(
            &Columns {
                name: "Languages <by> month",
                moment: "Month",
                parts: vec!["Rust".to_owned(), "<b>".to_owned()],
                columns: vec![
                    ("2026-10".to_owned(), vec![10, 0]),
                    ("2026-11".to_owned(), vec![30, 10]),
                ],
            },
            sizes::bytes,
        );
        let drawn = drawn.as_str();
        assert_eq!(drawn.matches("<rect ").count(), 3);
        for part in [
            "x=\"0\" y=\"750\" width=\"9\" height=\"250\"",
            "x=\"10\" y=\"250\" width=\"9\" height=\"750\"",
            "x=\"10\" y=\"0\" width=\"9\" height=\"250\"",
            "<th scope=\"row\">2026-11</th><td>30 bytes</td><td>10 bytes</td>",
            "Languages &lt;by&gt; month: 2026-10 to 2026-11",
        ] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
        assert!(!drawn.contains("<b>") && drawn.find("2026-11</th>") < drawn.find("2026-10</th>"));
    }

    #[test]
    fn a_map_has_a_square_for_each_day_and_its_table_the_same_numbers() {
        let map = map(&[(0, 1), (1, 4), (2, 7), (-7, 1_200)]);
        assert_eq!(map.matches("<rect ").count(), 51 * 7 + 6);
        for (class, number) in [("l1", 1), ("l2", 1), ("l3", 2)] {
            assert_eq!(map.matches(&format!("class=\"{class}\"")).count(), number, "{class}");
        }
        assert!(map.contains("<title>2026-11-17: 4</title>"), "{map}");
        // Two weeks have something; the last one ends today.
        assert_eq!(map.matches("<th scope=\"row\">").count(), 2);
        let last = "<th scope=\"row\">2026-11-16</th><td>1</td><td>4</td><td>7</td><td>0</td><td>0</td><td>0</td></tr>";
        assert!(map.contains(last), "{map}");
        assert!(map.contains("<th scope=\"row\">2026-11-09</th><td>1,200</td>"), "{map}");
        assert!(map.contains("signed &lt;work&gt;: 1,212 from 2025-11-24 to 2026-11-21"), "{map}");
        assert!(!map.contains("<work>") && !map.contains("style="));
    }

    #[test]
    fn what_lies_outside_of_a_map_is_not_in_it() {
        let map = map(&[(6, 3), (-52 * 7, 3)]);
        assert!(map.contains(": 0 from"), "{map}");
        assert_eq!(map.matches("<th scope=\"row\">").count(), 0);
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_and_say_them() {
        let bar = |name: &str, value: u64| Bar {
            name: name.to_owned(),
            value,
            text: format!("{value} of 10"),
        };
        let table = bars("Used", &[bar("bytes", 5), bar("<b>", 0), bar("over", 12)], Some(10));
        let table = table.as_str();
        for part in [
            "class=\"part\" width=\"500\"",
            "class=\"part\" width=\"0\"",
            "width=\"1000\" height=\"8\"/></svg>",
            "5 of 10",
            "&lt;b&gt;",
        ] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert!(meter(1, u64::MAX).as_str().contains("width=\"5\""));
        assert!(meter(0, 0).as_str().contains("class=\"part\" width=\"0\""));
        // Without a whole the longest is it.
        assert!(bars("n", &[bar("a", 1), bar("b", 4)], None).as_str().contains("width=\"250\""));
    }
}
