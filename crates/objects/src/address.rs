//! What things are called below `objects/`, on a disk and in a bucket alike (`spec/hub.md` 2).
//!
//! | name                       | holds                                                          |
//! |----------------------------|----------------------------------------------------------------|
//! | `sha256/ab/cdef….UUID`     | one object, raw, by its id; which copy of it                     |
//! | `sha256/ab/cdef…`          | the same, as versions before copies had names wrote it           |
//! | `segments/UUID.seg`        | small objects of one upload, one after the other                 |
//! | `quarantine/…`             | what was found wrong or without a row, a while before it goes     |
//!
//! No name is ever used twice: what a name holds was written once, and once it is removed it stays away. So removing
//! is safe without asking who else may be writing.

use std::{fmt, str::FromStr};

use names::ObjectId;
use uuid::Uuid;

use crate::Place;

/// The name of one stored thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Address {
    /// One object in a file of its own.
    File {
        /// Which object.
        id: ObjectId,
        /// Which copy; nil for the one that has no name of its own.
        copy: Uuid,
    },
    /// Small objects of one upload.
    Segment(Uuid),
    /// Something that waits to be removed, by the last part of its former name.
    Quarantine(String),
}

impl Address {
    /// Where the bytes of an object are.
    pub(crate) fn of(id: ObjectId, place: &Place) -> Self {
        if place.in_segment {
            Self::Segment(place.copy)
        } else {
            Self::File { id, copy: place.copy }
        }
    }

    /// What this is called in quarantine.
    pub(crate) fn quarantined(&self) -> Self {
        match self {
            Self::File { id, copy } => Self::Quarantine(format!("{id}.{copy}")),
            Self::Segment(id) => Self::Quarantine(format!("{id}.seg")),
            Self::Quarantine(name) => Self::Quarantine(name.clone()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { id, copy } => {
                let text = id.to_string();
                let (prefix, rest) = text.split_at(2);
                write!(f, "sha256/{prefix}/{rest}")?;
                if copy.is_nil() { Ok(()) } else { write!(f, ".{copy}") }
            }
            Self::Segment(id) => write!(f, "segments/{id}.seg"),
            Self::Quarantine(name) => write!(f, "quarantine/{name}"),
        }
    }
}

/// The name is none that this store gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of something that the store wrote")]
pub(crate) struct Foreign;

impl FromStr for Address {
    type Err = Foreign;

    fn from_str(text: &str) -> Result<Self, Foreign> {
        let (dir, name) = text.split_once('/').ok_or(Foreign)?;
        let uuid = |text: &str| {
            let parsed = Uuid::try_parse(text).map_err(|_| Foreign)?;
            // One spelling only.
            if parsed.to_string() == text { Ok(parsed) } else { Err(Foreign) }
        };
        match dir {
            "segments" => Ok(Self::Segment(uuid(name.strip_suffix(".seg").ok_or(Foreign)?)?)),
            "quarantine" if !name.is_empty() && !name.contains('/') && !name.starts_with('.') => {
                Ok(Self::Quarantine(name.to_owned()))
            }
            "sha256" => {
                let (prefix, rest) = name.split_once('/').ok_or(Foreign)?;
                if prefix.len() != 2 {
                    return Err(Foreign);
                }
                let (rest, copy) = match rest.split_once('.') {
                    None => (rest, Uuid::nil()),
                    Some((rest, copy)) => (rest, uuid(copy)?),
                };
                let id = format!("{prefix}{rest}").parse().map_err(|_| Foreign)?;
                Ok(Self::File { id, copy })
            }
            _ => Err(Foreign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let (id, copy) = (ObjectId::of(b"x"), Uuid::from_u128(7));
        for address in [
            Address::File { id, copy },
            Address::File { id, copy: Uuid::nil() },
            Address::Segment(copy),
            Address::Quarantine("one.seg".to_owned()),
        ] {
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn what_the_store_did_not_write_has_no_address() {
        let id = ObjectId::of(b"x").to_string();
        let (ab, rest) = id.split_at(2);
        for foreign in [
            "",
            "sha256",
            "readme.txt",
            "sha256/ab",
            "sha256/ab/cd",
            "segments/x.seg",
            "segments/../sha256",
            "quarantine/",
            "quarantine/../x",
            "quarantine/.hidden",
            "other/thing",
            &format!("sha256/{ab}/{rest}.x"),
            &format!("sha256/{ab}/{}", rest.to_uppercase()),
            &format!("segments/{}.seg", Uuid::from_u128(7).simple()),
        ] {
            assert_eq!(foreign.parse::<Address>(), Err(Foreign), "{foreign}");
        }
    }
}
