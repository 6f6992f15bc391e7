//! An object of a definition, read member by member. A member that nobody asked for is unknown.

use std::{cell::RefCell, collections::BTreeSet, ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};

use super::Faults;
use crate::{
    fault::{Code, Fault},
    json::{Place, Pointer},
};

/// Whole numbers that every reader of JSON reads alike.
pub(super) const MAX_WHOLE: u64 = (1 << 53) - 1;

/// An object that is being read.
pub(super) struct Fields<'d> {
    map: &'d Map<String, Value>,
    place: Place,
    asked: RefCell<BTreeSet<&'static str>>,
    pub(super) faults: &'d Faults,
}

impl<'d> Fields<'d> {
    /// Begins to read an object.
    pub(super) fn of(value: &'d Value, place: Place, faults: &'d Faults) -> Option<Self> {
        let Some(map) = value.as_object() else {
            note(faults, &place, Code::WrongType, "an object is wanted");
            return None;
        };
        Some(Self { map, place, asked: RefCell::default(), faults })
    }

    /// Where the object stands.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Notes a fault of a member.
    pub(super) fn fault(&self, name: &str, code: Code, why: impl Into<String>) {
        note(self.faults, &self.place.at(name), code, why);
    }

    /// A member, if it is there.
    pub(super) fn get(&self, name: &'static str) -> Option<&'d Value> {
        self.asked.borrow_mut().insert(name);
        self.map.get(name)
    }

    /// A member that has to be there.
    pub(super) fn required(&self, name: &'static str) -> Option<&'d Value> {
        let found = self.get(name);
        if found.is_none() {
            self.fault(name, Code::MissingField, format!("the member {name} is missing"));
        }
        found
    }

    /// A member made by `read`, which says what is wanted where it makes nothing.
    fn made<T>(
        &self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&'d Value) -> Option<T>,
    ) -> Option<T> {
        let made = read(self.get(name)?);
        if made.is_none() {
            self.fault(name, Code::WrongType, format!("{wanted} is wanted"));
        }
        made
    }

    /// A text of at most `max_bytes`.
    pub(super) fn text(&self, name: &'static str, max_bytes: usize) -> Option<&'d str> {
        let text = self.made(name, "a text", Value::as_str)?;
        if text.len() > max_bytes {
            self.fault(name, Code::OutOfRange, format!("at most {max_bytes} bytes are taken"));
        }
        Some(text)
    }

    /// A text that `T` reads.
    pub(super) fn parsed<T: std::str::FromStr<Err: ToString>>(
        &self,
        name: &'static str,
    ) -> Option<T> {
        let text = self.made(name, "a text", Value::as_str)?;
        text.parse()
            .map_err(|error: T::Err| self.fault(name, Code::WrongType, error.to_string()))
            .ok()
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &'static str) -> Option<bool> {
        self.made(name, "true or false", Value::as_bool)
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let whole = self.made(name, "a whole number", |it| {
            it.as_u64().or_else(|| it.as_i64().map(|_| u64::MAX))
        })?;
        if range.contains(&whole) {
            return Some(whole);
        }
        let (low, high) = (range.start(), range.end());
        self.fault(name, Code::OutOfRange, format!("a number from {low} to {high} is wanted"));
        None
    }

    /// A whole number that fits in 32 bits.
    pub(super) fn small(&self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.whole(name, range).and_then(|it| u32::try_from(it).ok())
    }

    /// A digit: priorities and tiers.
    pub(super) fn digit(&self, name: &'static str, max: u8) -> Option<u8> {
        self.whole(name, 0..=u64::from(max)).and_then(|it| u8::try_from(it).ok())
    }

    /// A number, in parts of one.
    pub(super) fn parts(
        &self,
        name: &'static str,
        range: RangeInclusive<f64>,
        parts: f64,
    ) -> Option<u32> {
        let number = self.made(name, "a number", Value::as_f64)?;
        if !range.contains(&number) {
            let (low, high) = (range.start(), range.end());
            self.fault(name, Code::OutOfRange, format!("a number from {low} to {high} is wanted"));
            return None;
        }
        // Within the range it is small, and its text has no exponent.
        format!("{:.0}", number * parts).parse().ok()
    }

    /// A duration.
    pub(super) fn duration(
        &self,
        name: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let wanted = "a duration such as 30s, with ms, s, m, h or d";
        let found = self.made(name, wanted, |it| duration(it.as_str()?))?;
        if range.contains(&found) {
            return Some(found);
        }
        let (low, high) = (range.start(), range.end());
        self.fault(name, Code::OutOfRange, format!("from {low:?} to {high:?} is wanted"));
        None
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.made(name, "a text", Value::as_str)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(name, Code::OutOfRange, format!("one of {} is wanted", all.join(", ")));
        }
        found
    }

    /// The elements of a list, with their places.
    pub(super) fn list(
        &self,
        name: &'static str,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<(&'d Value, Place)>> {
        let items = self.made(name, "a list", Value::as_array)?;
        if !count.contains(&items.len()) {
            let (low, high) = (count.start(), count.end());
            self.fault(name, Code::OutOfRange, format!("{low} to {high} elements are wanted"));
        }
        let place = self.place.at(name);
        Some(
            items
                .iter()
                .take(*count.end())
                .enumerate()
                .map(|(at, it)| (it, place.at(at)))
                .collect(),
        )
    }

    /// The texts of a list that `read` takes.
    pub(super) fn texts<T>(
        &self,
        name: &'static str,
        count: RangeInclusive<usize>,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(name, count)?;
        let made = items.into_iter().filter_map(|(item, place)| {
            let made = item.as_str().and_then(&read);
            if made.is_none() {
                note(self.faults, &place, Code::WrongType, format!("{wanted} is wanted"));
            }
            made
        });
        Some(made.collect())
    }

    /// A pointer.
    pub(super) fn pointer(&self, name: &'static str) -> Option<Pointer> {
        self.parsed(name)
    }

    /// An object inside.
    pub(super) fn object(&self, name: &'static str) -> Option<Self> {
        Self::of(self.get(name)?, self.place.at(name), self.faults)
    }

    /// The members of an object whose names are free.
    pub(super) fn map(&self, name: &'static str, max: usize) -> Option<&'d Map<String, Value>> {
        let map = self.made(name, "an object", Value::as_object)?;
        if map.len() > max {
            self.fault(name, Code::OutOfRange, format!("at most {max} members are taken"));
        }
        Some(map)
    }

    /// Ends the reading: what nobody asked for is unknown.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for name in self.map.keys().filter(|name| !asked.contains(name.as_str())) {
            self.fault(name, Code::UnknownField, format!("the member {name} is not known here"));
        }
    }
}

/// Notes a fault.
pub(super) fn note(faults: &Faults, place: &Place, code: Code, why: impl Into<String>) {
    faults.borrow_mut().push(Fault::at(place, code, why));
}

/// The duration that a text spells: `^[1-9][0-9]{0,5}(ms|s|m|h|d)$`.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if !(1..=6).contains(&digits) || number.starts_with('0') {
        return None;
    }
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.parse::<u64>().ok()? * millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_spelling() {
        assert_eq!(duration("1ms"), Some(Duration::from_millis(1)));
        assert_eq!(duration("999999d"), Some(Duration::from_hours(999_999 * 24)));
        for bad in ["", "0s", "01s", "1", "1 s", "1.5s", "1S", "1000000s", "-1s", "1s "] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
