//! What `format` asserts: the formats of JSON Schema 2020-12, each as its RFC spells it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pattern::Pattern;
use crate::json::Pointer;

/// A format that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 3339.
    DateTime,
    /// RFC 3339 `full-date`.
    Date,
    /// RFC 3339 `full-time`.
    Time,
    /// RFC 3339, appendix A.
    Duration,
    /// RFC 5321, and with characters beyond ASCII RFC 6531.
    Email {
        /// Whether it may have characters beyond ASCII.
        is_international: bool,
    },
    /// RFC 1123, and RFC 5890.
    Hostname {
        /// Whether it may have characters beyond ASCII.
        is_international: bool,
    },
    /// RFC 2673 §3.2.
    Ipv4,
    /// RFC 4291 §2.2.
    Ipv6,
    /// RFC 3986 and RFC 3987.
    Uri {
        /// Whether it may have characters beyond ASCII.
        is_international: bool,
        /// Whether it may lack a scheme.
        is_reference: bool,
    },
    /// RFC 6570.
    UriTemplate,
    /// RFC 4122.
    Uuid,
    /// RFC 6901.
    JsonPointer,
    /// A pointer with a number of steps up in front.
    RelativeJsonPointer,
    /// A pattern that this house can run.
    Regex,
}

impl Format {
    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        let uri = |is_international, is_reference| Self::Uri { is_international, is_reference };
        Some(match name {
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "duration" => Self::Duration,
            "email" => Self::Email { is_international: false },
            "idn-email" => Self::Email { is_international: true },
            "hostname" => Self::Hostname { is_international: false },
            "idn-hostname" => Self::Hostname { is_international: true },
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "uri" => uri(false, false),
            "uri-reference" => uri(false, true),
            "iri" => uri(true, false),
            "iri-reference" => uri(true, true),
            "uri-template" => Self::UriTemplate,
            "uuid" => Self::Uuid,
            "json-pointer" => Self::JsonPointer,
            "relative-json-pointer" => Self::RelativeJsonPointer,
            "regex" => Self::Regex,
            _ => return None,
        })
    }

    /// Whether `text` has it.
    pub fn holds(self, text: &str) -> bool {
        match self {
            Self::DateTime => text
                .split_once(['T', 't'])
                .is_some_and(|(date, time)| is_date(date) && is_time(time)),
            Self::Date => is_date(text),
            Self::Time => is_time(text),
            Self::Duration => is_duration(text),
            Self::Email { is_international } => is_email(text, is_international),
            Self::Hostname { is_international } => is_hostname(text, is_international),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uri { is_international, is_reference } => {
                is_uri(text, is_international, is_reference)
            }
            Self::UriTemplate => is_template(text),
            Self::Uuid => is_uuid(text),
            Self::JsonPointer => text.parse::<Pointer>().is_ok(),
            Self::RelativeJsonPointer => is_relative_pointer(text),
            Self::Regex => Pattern::read(text).is_ok(),
        }
    }
}

/// Exactly `digits` digits, and their value.
fn number(text: &str, digits: usize) -> Option<u32> {
    let is_plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits| number(parts.next().unwrap_or_default(), digits);
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=last).contains(&day)
}

fn is_time(text: &str) -> bool {
    let zone_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(zone_at);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.splitn(3, ':');
    let mut part = || number(parts.next().unwrap_or_default(), 2);
    let (Some(hour), Some(minute), Some(second)) = (part(), part(), part()) else { return false };
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let Some((offset_hour, offset_minute)) = offset(zone) else { return false };
    // A leap second is the last one of a day in UTC.
    let utc = (i64::from(hour) * 60 + i64::from(minute) - offset_hour * 60 - offset_minute)
        .rem_euclid(1440);
    let is_second = second < 60 || (second == 60 && utc == 1439);
    is_fraction && hour < 24 && minute < 60 && is_second
}

/// Hours and minutes to the east.
fn offset(zone: &str) -> Option<(i64, i64)> {
    if zone.eq_ignore_ascii_case("z") {
        return Some((0, 0));
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hour, minute) = rest.split_once(':')?;
    let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
    (hour < 24 && minute < 60).then(|| (sign * i64::from(hour), sign * i64::from(minute)))
}

fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|b| b.is_ascii_digit());
    }
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return false,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    !rest.is_empty() && is_units(date, "YMD") && is_units(time, "HMS")
}

/// Numbers, each with its unit, in the order of `units` and without a gap.
fn is_units(text: &str, units: &str) -> bool {
    let mut last: Option<usize> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(unit) = rest.get(digits..).and_then(|it| it.chars().next()) else { return false };
        let Some(at) = units.find(unit) else { return false };
        if digits == 0 || last.is_some_and(|last| at != last + 1) {
            return false;
        }
        last = Some(at);
        rest = rest.get(digits + 1..).unwrap_or_default();
    }
    true
}

fn is_email(text: &str, is_international: bool) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (is_international && !c.is_ascii())
    };
    let is_dotted = local.split('.').all(|part| !part.is_empty() && part.chars().all(is_atom));
    let is_quoted = local.len() > 2
        && local.starts_with('"')
        && local.ends_with('"')
        && !local.get(1..local.len() - 1).unwrap_or("\"").contains(['"', '\\']);
    let literal = domain.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_literal = literal.is_some_and(|it| match it.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => it.parse::<Ipv4Addr>().is_ok(),
    });
    local.len() <= 64
        && (is_dotted || is_quoted)
        && (is_literal || is_hostname(domain, is_international))
}

fn is_hostname(text: &str, is_international: bool) -> bool {
    let is_label = |label: &str| {
        let is_part = |c: char| {
            c.is_ascii_alphanumeric() || c == '-' || (is_international && c.is_alphanumeric())
        };
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_part)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_uri(text: &str, is_international: bool, is_reference: bool) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |it: &str| {
        it.starts_with(|c: char| c.is_ascii_alphabetic())
            && it.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let is_absolute = scheme.is_some_and(is_scheme);
    let first_segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    let has_shape = is_absolute || (is_reference && !first_segment.contains(':'));
    let is_part = |c: char| {
        c.is_ascii_alphanumeric()
            || "-._~:/?#[]@!$&'()*+,;=%".contains(c)
            || (is_international && !c.is_ascii() && !c.is_control())
    };
    let (before, authority) = authority(text);
    let brackets = |it: &str| it.contains(['[', ']']);
    has_shape
        && text.chars().all(is_part)
        && is_percent(text)
        && text.matches('#').count() <= 1
        && !brackets(before)
        && !brackets(text.get(before.len() + authority.len()..).unwrap_or_default())
        && is_authority(authority)
}

/// What stands in front of the authority, and the authority.
fn authority(text: &str) -> (&str, &str) {
    let Some((front, rest)) = text.split_once("//") else { return (text, "") };
    if !(front.is_empty() || front.ends_with(':')) || front.contains(['/', '?', '#']) {
        return (text, "");
    }
    let before = text.get(..front.len() + 2).unwrap_or_default();
    (before, rest.split(['/', '?', '#']).next().unwrap_or_default())
}

fn is_authority(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, behind)) = rest.split_once(']') else { return false };
            if address.parse::<Ipv6Addr>().is_err() && !address.starts_with(['v', 'V']) {
                return false;
            }
            ("", behind.strip_prefix(':').unwrap_or(behind))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    !name.contains(['[', ']']) && port.bytes().all(|b| b.is_ascii_digit())
}

/// Each `%` has two hexadecimal digits behind it.
fn is_percent(text: &str) -> bool {
    let is_pair =
        |part: &str| part.get(..2).is_some_and(|it| it.bytes().all(|b| b.is_ascii_hexdigit()));
    text.split('%').skip(1).all(is_pair)
}

fn is_template(text: &str) -> bool {
    let mut is_open = false;
    for c in text.chars() {
        match c {
            '{' if !is_open => is_open = true,
            '}' if is_open => is_open = false,
            '{' | '}' => return false,
            c if c.is_control() || "\"'<>\\^`| ".contains(c) && !is_open => return false,
            _ => {}
        }
    }
    !is_open
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<_> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

fn is_relative_pointer(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (up, rest) = text.split_at(digits);
    let is_plain = up == "0" || (!up.is_empty() && !up.starts_with('0'));
    is_plain && (rest == "#" || rest.parse::<Pointer>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_what_is_so_and_nothing_else() {
        let table = [
            ("date-time", "2026-11-21T20:53:00.123Z", "2026-11-21 20:53:00Z"),
            ("date-time", "1990-12-31T15:59:60-08:00", "1990-12-31T15:58:60-08:00"),
            ("date", "2028-02-29", "2027-02-29"),
            ("time", "23:59:60Z", "24:00:00Z"),
            ("duration", "P3Y6M4DT12H30M5S", "P1Y2D"),
            ("duration", "P2W", "PT"),
            ("email", "a.b+c@example.org", "a..b@example.org"),
            ("email", "\"a b\"@[127.0.0.1]", "a b@example.org"),
            ("idn-email", "jörg@example.org", "@example.org"),
            ("hostname", "a-1.example", "-a.example"),
            ("ipv4", "127.0.0.1", "127.0.0.01"),
            ("ipv6", "::ffff:127.0.0.1", "1::2::3"),
            ("uri", "https://u@[::1]:8080/a%20b?q#f", "/a/b"),
            ("uri", "mailto:a@b.example", "https://a b/"),
            ("uri-reference", "../a?b#c", "a%2"),
            ("iri", "https://straße.example/ü", "\u{e4}:x y"),
            ("uri-template", "/a/{b}", "/a/{b"),
            ("uuid", "019300a0-0000-7000-8000-0000000000c1", "019300a0-0000-7000-8000-0000000000c"),
            ("json-pointer", "/a~1b", "a"),
            ("relative-json-pointer", "1/a", "01/a"),
            ("regex", "^a+$", "(?=a)"),
        ];
        for (name, good, bad) in table {
            let format = Format::named(name).unwrap();
            assert!(format.holds(good), "{name}: {good}");
            assert!(!format.holds(bad), "{name}: {bad}");
        }
        assert_eq!(Format::named("phone"), None);
    }
}
