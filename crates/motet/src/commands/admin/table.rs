//! Columns that align.

use std::fmt::Write as _;

use anstyle::Style;

/// The line above the columns.
const HEAD: Style = Style::new().bold();
/// Between two columns.
const GAP: &str = "  ";

/// `rows` under `head`, each column as wide as its widest cell. Cells are fit to be printed already, and have one line.
pub(in crate::commands) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    let title = line(head, widths);
    // Writing into a text does not fail.
    writeln!(text, "{HEAD}{title}{HEAD:#}").unwrap_or_default();
    for row in rows {
        writeln!(text, "{}", line(row.each_ref().map(String::as_str), widths)).unwrap_or_default();
    }
    text
}

fn line<const N: usize>(cells: [&str; N], widths: [usize; N]) -> String {
    let padded = cells.into_iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "längst", "x"], ["bcd", "", ""]].map(|row| row.map(str::to_owned));
        let mut plain = anstream::StripStream::new(Vec::new());
        std::io::Write::write_all(&mut plain, table(["ID", "NAME", "END"], &rows).as_bytes())
            .unwrap();
        let text = String::from_utf8(plain.into_inner()).unwrap();
        assert_eq!(text, "ID   NAME    END\na    längst  x\nbcd\n");
    }
}
