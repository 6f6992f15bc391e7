//! Changes as the text that `git apply` and `patch` take.

use std::fmt::{self, Write};

use names::RepoPath;

use super::{ChangedFile, FileDiff, Hunk, LineKind};
use crate::tree::FileState;

/// Writes one changed file. What is no text, or is folded, is named without its lines: no program can apply that.
pub fn patch(out: &mut impl Write, file: &ChangedFile, found: &FileDiff) -> fmt::Result {
    let (old, new) = (file.old_path().unwrap_or_else(|| file.path()), file.path());
    let (before, after) = (named("a/", old), named("b/", new));
    writeln!(out, "diff --git {before} {after}")?;
    match file {
        ChangedFile::Added { after, .. } => {
            writeln!(out, "new file mode {}", after.mode.octal())?;
        }
        ChangedFile::Deleted { before, .. } => {
            writeln!(out, "deleted file mode {}", before.mode.octal())?;
        }
        ChangedFile::Modified { before, after, .. } => modes(out, *before, *after)?,
        ChangedFile::Renamed { percent, before, after, .. } => {
            modes(out, *before, *after)?;
            writeln!(out, "similarity index {percent}%")?;
            writeln!(out, "rename from {}", named("", old))?;
            writeln!(out, "rename to {}", named("", new))?;
        }
    }
    let (has_before, has_after) = (file.sides().0.is_some(), file.sides().1.is_some());
    let side = |is_there, name: String| if is_there { name } else { "/dev/null".to_owned() };
    let (before, after) = (side(has_before, before), side(has_after, after));
    match found {
        FileDiff::Same => Ok(()),
        FileDiff::Binary | FileDiff::TooLarge | FileDiff::Folded { .. } => {
            writeln!(out, "Binary files {before} and {after} differ")
        }
        FileDiff::Text(text) => {
            // A blank in a name ends there for `patch`, unless a tab follows.
            let tab = |name: &str| if name.contains(' ') { "\t" } else { "" };
            writeln!(out, "--- {before}{}", tab(&before))?;
            writeln!(out, "+++ {after}{}", tab(&after))?;
            text.hunks.iter().try_for_each(|it| hunk(out, it))
        }
    }
}

/// The modes of both sides, if they differ.
fn modes(out: &mut impl Write, before: FileState, after: FileState) -> fmt::Result {
    if before.mode == after.mode {
        return Ok(());
    }
    writeln!(out, "old mode {}", before.mode.octal())?;
    writeln!(out, "new mode {}", after.mode.octal())
}

fn hunk(out: &mut impl Write, it: &Hunk) -> fmt::Result {
    let span = |start: u32, lines: u32| {
        if lines == 1 { start.to_string() } else { format!("{start},{lines}") }
    };
    let (old, new) = (span(it.old_start, it.old_lines), span(it.new_start, it.new_lines));
    writeln!(out, "@@ -{old} +{new} @@")?;
    for line in &it.lines {
        let sign = match line.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        };
        writeln!(out, "{sign}{}", line.text)?;
        if line.no_newline {
            writeln!(out, "\\ No newline at end of file")?;
        }
    }
    Ok(())
}

/// A path as it stands in a patch: in quotes, with escapes, where it holds what would end it or cannot be seen.
fn named(side: &str, path: &RepoPath) -> String {
    let path = path.as_str();
    if !path.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        return format!("{side}{path}");
    }
    let mut out = format!("\"{side}");
    for c in path.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    // Writing to a text does not fail.
                    write!(out, "\\{byte:03o}").unwrap_or_default();
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
