//! The bytes of what is remembered of a directory: the commits that are named, each once, and for each entry which one.
//!
//! ```text
//! answers = 1, commits 4, (id 32)*, (commit 4)*      numbers are big-endian; ff ff ff ff is none
//! ```

use std::collections::HashMap;

use names::CommitId;

const VERSION: u8 = 1;
const NONE: u32 = u32::MAX;

/// As bytes.
pub(super) fn write(answers: &[Option<CommitId>]) -> Vec<u8> {
    let (mut ids, mut places) = (Vec::new(), HashMap::new());
    let mut entries = Vec::with_capacity(answers.len() * 4);
    for answer in answers {
        let place = answer.map(|id| {
            *places.entry(id).or_insert_with(|| {
                ids.push(id);
                u32::try_from(ids.len() - 1).unwrap_or(NONE)
            })
        });
        entries.extend(place.unwrap_or(NONE).to_be_bytes());
    }
    let mut bytes = vec![VERSION];
    bytes.extend(u32::try_from(ids.len()).unwrap_or(NONE).to_be_bytes());
    bytes.extend(ids.iter().flat_map(|id| *id.as_bytes()));
    bytes.extend(entries);
    bytes
}

/// For as many entries, if that is what the bytes say.
pub(super) fn read(bytes: &[u8], entries: usize) -> Option<Vec<Option<CommitId>>> {
    let (version, rest) = bytes.split_first()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
    let (ids, rest) = rest.split_at_checked(count.checked_mul(32)?)?;
    let (ids, _) = ids.as_chunks::<32>();
    let (places, left) = rest.as_chunks::<4>();
    if *version != VERSION || places.len() != entries || !left.is_empty() {
        return None;
    }
    let answer = |place: &[u8; 4]| match u32::from_be_bytes(*place) {
        NONE => Some(None),
        place => ids.get(usize::try_from(place).ok()?).map(|id| Some(CommitId::from_bytes(*id))),
    };
    places.iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(answers in prop::collection::vec(prop::option::of(0..5_u8), 0..40), extra in any::<u8>()) {
            let answers: Vec<_> = answers.into_iter().map(|it| it.map(|it| CommitId::of(&[it]))).collect();
            let mut bytes = write(&answers);
            prop_assert_eq!(read(&bytes, answers.len()), Some(answers.clone()));
            prop_assert_eq!(read(&bytes, answers.len() + 1), None);
            bytes.push(extra);
            prop_assert_eq!(read(&bytes, answers.len()), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), entries in 0..10_usize) {
            drop(read(&bytes, entries));
        }
    }
}
