//! The form of every record that is signed (`spec/wire.md` 7, 8): a line that says what it is, then for each field in
//! fixed order `<name> <length>` LF `<bytes>` LF.

use std::fmt::Write as _;

/// Writes a record of fields that are texts.
pub(crate) fn write(kind: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = format!("{kind}\n");
    for (name, value) in fields {
        // Writing into a text does not fail.
        write!(out, "{name} {}\n{value}\n", value.len()).unwrap_or_default();
    }
    out.into_bytes()
}

/// Reads a record of exactly these fields in this order; nothing if it has another form. Every record has one form, so
/// what was read is written again as the same bytes.
pub(crate) fn read<'a, const N: usize>(
    bytes: &'a [u8],
    kind: &str,
    names: [&str; N],
) -> Option<[&'a str; N]> {
    let mut rest = std::str::from_utf8(bytes).ok()?.strip_prefix(kind)?.strip_prefix('\n')?;
    let mut values = [""; N];
    for (name, value) in names.iter().zip(&mut values) {
        let (length, after) = rest.strip_prefix(name)?.strip_prefix(' ')?.split_once('\n')?;
        let is_canonical = length == "0"
            || (!length.starts_with('0') && length.bytes().all(|it| it.is_ascii_digit()));
        let length: usize = length.parse().ok().filter(|_| is_canonical)?;
        *value = after.get(..length)?;
        rest = after.get(length..)?.strip_prefix('\n')?;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let bytes = write("kind-v1", &[("a", "x\ny"), ("b", "")]);
        assert_eq!(bytes, b"kind-v1\na 3\nx\ny\nb 0\n\n");
        assert_eq!(read(&bytes, "kind-v1", ["a", "b"]), Some(["x\ny", ""]));
        for bad in [
            "kind-v2\na 3\nx\ny\nb 0\n\n",
            "kind-v1\na 03\nx\ny\nb 0\n\n",
            "kind-v1\na +3\nx\ny\nb 0\n\n",
            "kind-v1\na 2\nx\ny\nb 0\n\n",
            "kind-v1\nb 0\n\na 3\nx\ny\n",
            "kind-v1\na 3\nx\ny\nb 0\n\n\n",
            "kind-v1\na 3\nx\ny\nb 0\n",
            "kind-v1\na 99999999999999999999\nx\ny\nb 0\n\n",
            "",
        ] {
            assert_eq!(read(bad.as_bytes(), "kind-v1", ["a", "b"]), None, "{bad:?}");
        }
    }
}
