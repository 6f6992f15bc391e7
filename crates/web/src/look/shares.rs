//! Shares of a whole, for a bar and the table beside it: languages, sizes, states.

use super::monogram::voice;

/// The rows of a bar; smaller ones are summed up as the rest.
const ROWS: usize = 8;
/// The length of the bar.
const WHOLE: u64 = 1_000;

/// One row of the template macro `shares`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What it is.
    pub name: String,
    /// One of the eight colours; 0 for the rest.
    pub voice: u8,
    /// Where it begins in the bar, of 1,000.
    pub from: u64,
    /// How long it is, of 1,000.
    pub tenths: u64,
    /// The share for people: `12.5 %`, `< 0.1 %`.
    pub percent: String,
}

impl Share {
    /// The largest first, the rest as one row. What has no amount has no row.
    pub fn of(amounts: impl IntoIterator<Item = (String, u64)>) -> Vec<Self> {
        let mut amounts: Vec<_> = amounts.into_iter().filter(|(_, amount)| *amount > 0).collect();
        amounts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let whole: u128 = amounts.iter().map(|(_, amount)| u128::from(*amount)).sum();
        let rest = amounts.split_off(amounts.len().min(ROWS - 1));
        let rest_sum = rest.iter().map(|(_, amount)| amount).sum();
        let mut rows = Vec::new();
        let mut from = 0;
        let named = amounts.into_iter().map(|(name, amount)| (voice(&name), name, amount));
        let others = (rest_sum > 0).then(|| (0, "Other".to_owned(), rest_sum));
        for (voice, name, amount) in named.chain(others) {
            let tenths = tenths(amount, whole);
            rows.push(Self { name, voice, from, tenths, percent: percent(tenths) });
            from += tenths;
        }
        rows
    }
}

fn tenths(amount: u64, whole: u128) -> u64 {
    let exact = u128::from(amount) * u128::from(WHOLE) / whole.max(1);
    u64::try_from(exact).unwrap_or(WHOLE)
}

fn percent(tenths: u64) -> String {
    match tenths {
        0 => "< 0.1 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_sorted_and_the_small_ones_are_one() {
        let amounts = (1..=10_u64).map(|it| (format!("l{it:02}"), it * it));
        let rows = Share::of(amounts);
        assert_eq!(rows.len(), ROWS);
        assert_eq!((rows[0].name.as_str(), rows[0].percent.as_str()), ("l10", "25.9 %"));
        assert_eq!((rows[7].name.as_str(), rows[7].voice), ("Other", 0));
        assert!(rows.windows(2).all(|pair| pair[1].from == pair[0].from + pair[0].tenths));
        assert!(rows.iter().map(|it| it.tenths).sum::<u64>() <= WHOLE);
    }

    #[test]
    fn nothing_has_no_share_and_a_trace_is_told() {
        assert_eq!(Share::of([("none".to_owned(), 0)]), []);
        let rows = Share::of([("much".to_owned(), u64::MAX), ("trace".to_owned(), 1)]);
        assert_eq!(rows[0].percent, "99.9 %");
        assert_eq!(rows[1].percent, "< 0.1 %");
    }
}
