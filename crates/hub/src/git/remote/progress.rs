//! How far a fetch is: counted by the line that it comes over, and told by Git.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What of a complaint is kept.
const COMPLAINT_BYTES: usize = 2 << 10;
/// The longest line that is looked at.
const LINE_BYTES: usize = 1 << 10;

/// Numbers that only grow.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    objects: AtomicU64,
    total: AtomicU64,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Bytes that came.
    pub(crate) bytes: u64,
    /// Objects that came.
    pub(crate) objects: u64,
    /// Objects that are to come; 0 while nobody knows.
    pub(crate) total: u64,
}

impl Progress {
    /// How far it is.
    pub(crate) fn reached(&self) -> Reached {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Reached { bytes: read(&self.bytes), objects: read(&self.objects), total: read(&self.total) }
    }

    pub(super) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    /// Reads what Git says of it: `Receiving objects:  45% (450/1000), …`.
    fn hear(&self, line: &str) {
        let Some((_, counts)) =
            line.strip_prefix("Receiving objects:").and_then(|it| it.split_once('('))
        else {
            return;
        };
        let Some((done, all)) = counts.split_once(')').and_then(|(it, _)| it.split_once('/'))
        else {
            return;
        };
        if let (Ok(done), Ok(all)) = (done.parse(), all.parse()) {
            self.objects.store(done, Ordering::Relaxed);
            self.total.store(all, Ordering::Relaxed);
        }
    }
}

/// Listens to what Git says to people until it is silent; gives what is no progress, in one line.
pub(super) async fn heard(mut errors: impl AsyncRead + Unpin, progress: &Progress) -> String {
    let (mut kept, mut line, mut buffer) = (String::new(), Vec::new(), [0; 4096]);
    loop {
        let count = errors.read(&mut buffer).await.unwrap_or_default();
        for byte in buffer.iter().take(count) {
            match byte {
                b'\n' | b'\r' => end_line(&mut line, &mut kept, progress),
                _ if line.len() < LINE_BYTES => line.push(*byte),
                _ => {}
            }
        }
        if count == 0 {
            end_line(&mut line, &mut kept, progress);
            return kept;
        }
    }
}

fn end_line(line: &mut Vec<u8>, kept: &mut String, progress: &Progress) {
    let text =
        String::from_utf8_lossy(line).chars().filter(|it| !it.is_control()).collect::<String>();
    line.clear();
    progress.hear(&text);
    let text = text.trim();
    if text.is_empty() || text.contains('%') || kept.len() + text.len() > COMPLAINT_BYTES {
        return;
    }
    if !kept.is_empty() {
        kept.push_str("; ");
    }
    kept.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_git_says_is_told_apart() {
        let progress = Progress::default();
        let said = "remote: Counting objects: 100% (7/7), done.\nReceiving objects:  42% (3/7)\r\
                    Receiving objects: 100% (7/7), 1.2 KiB | 1.2 KiB/s, done.\nfatal: it \u{1b}[31mbroke\nReceiving objects: (x";
        let kept = heard(said.as_bytes(), &progress).await;
        assert_eq!(kept, "fatal: it [31mbroke; Receiving objects: (x");
        assert_eq!(progress.reached(), Reached { bytes: 0, objects: 7, total: 7 });
    }
}
