//! Numbers for people: bytes in binary units, counts with separators.

/// Binary units above the byte.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `size_bytes` for people: `1 byte`, `812 bytes`, `4.2 KiB`, `130 MiB`. Rounded down, so that a limit is
/// never shown as reached before it is.
pub fn bytes(size_bytes: u64) -> String {
    if size_bytes < 1024 {
        return plural(size_bytes, "byte", "bytes");
    }
    let mut scale: u64 = 1024;
    let mut unit = "KiB";
    for bigger in UNITS.into_iter().skip(1) {
        if size_bytes / scale < 1024 {
            break;
        }
        scale <<= 10;
        unit = bigger;
    }
    let whole = size_bytes / scale;
    if whole >= 100 {
        return format!("{} {unit}", count(whole));
    }
    // Below 2^60 times ten: fits.
    let tenth = (size_bytes % scale) * 10 / scale;
    format!("{whole}.{tenth} {unit}")
}

/// `number` with a comma between thousands: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `number` with its noun: `1 commit`, `1,204 commits`.
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well_at_every_scale() {
        for (size, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (2047, "1.9 KiB"),
            (102_399, "99.9 KiB"),
            (102_400, "100 KiB"),
            (1_048_575, "1,023 KiB"),
            (1_048_576, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn counts_have_separators_and_nouns() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "commit", "commits"), "1 commit");
        assert_eq!(plural(1204, "commit", "commits"), "1,204 commits");
    }
}
