//! Coloured lines of files that were looked at lately. Colouring takes far longer than all else of a page, and the same bytes
//! under the same name always look the same.
//!
//! Who may see a file is decided before anybody comes here: a caller has its bytes.

use std::sync::Arc;

use moka::sync::Cache;
use names::ObjectId;
use web::look::{Html, highlight};

/// What all files that are kept may weigh.
const KEPT_BYTES: u64 = 16 << 20;

/// A file, its name, and how much of it is shown.
type Key = (ObjectId, Box<str>, usize);

/// The lines of files, as far as they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Painted(Cache<Key, Arc<[Html]>>);

impl Default for Painted {
    fn default() -> Self {
        let weigh = |(_, name, _): &Key, lines: &Arc<[Html]>| {
            let text: usize = lines.iter().map(|it| it.as_str().len() + size_of::<Html>()).sum();
            u32::try_from(text + name.len() + size_of::<Key>()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(KEPT_BYTES).weigher(weigh).build())
    }
}

impl Painted {
    /// The lines of `text`, the beginning of `object`, as a file called `name` is coloured. Only for a thread that may take
    /// long.
    pub(super) fn lines(&self, object: ObjectId, name: &str, text: &str) -> Vec<Html> {
        let key = (object, name.into(), text.len());
        if let Some(lines) = self.0.get(&key) {
            return lines.to_vec();
        }
        let (lines, is_whole) = highlight::file_in_time(name, text);
        // What time did not suffice for may be coloured further the next time.
        if is_whole {
            self.0.insert(key, lines.as_slice().into());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_would_be_made() {
        let painted = Painted::default();
        let (text, other) = ("fn main() {}\n// end\n", "x = 1\n");
        let id = ObjectId::of(text.as_bytes());
        let rust = highlight::file("a.rs", text);
        for _ in 0..2 {
            assert_eq!(painted.lines(id, "a.rs", text), rust);
            assert_eq!(painted.lines(id, "a.py", text), highlight::file("a.py", text));
            assert_eq!(painted.lines(id, "a.rs", &text[..12]), rust[..1]);
            assert_eq!(
                painted.lines(ObjectId::of(other.as_bytes()), "a.rs", other),
                highlight::file("a.rs", other)
            );
        }
    }

    #[test]
    fn all_that_is_kept_is_bounded() {
        let painted = Painted::default();
        let lines: Arc<[Html]> =
            vec![highlight::file("a.txt", &"x".repeat(1 << 20)).remove(0)].into();
        for n in 0..40_u8 {
            painted.0.insert((ObjectId::of(&[n]), "a.txt".into(), 1 << 20), Arc::clone(&lines));
        }
        painted.0.run_pending_tasks();
        assert!(painted.0.weighted_size() <= KEPT_BYTES);
        assert!(painted.0.entry_count() < 40);
    }
}
