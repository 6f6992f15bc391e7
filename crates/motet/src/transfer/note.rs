//! How far a transfer has come: kept beside what has come, so that the next command goes on from there
//! (`spec/wire.md` 9.1, e; 9.2).

use api::{Value, WireError, wire::Fields, wire2::Plan};
use history::worktree::WorkingCopy;
use names::CommitId;

use super::TransferError;

/// Commits that a note may name.
const MAX_IDS: usize = 100_000;
/// The longest address.
const ADDRESS_BYTES: usize = 4096;

/// A transfer that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// The repository that it comes from.
    pub address: String,
    /// What was asked for.
    pub want: Vec<CommitId>,
    /// What was here when it began.
    pub common: Vec<CommitId>,
    /// Whether it brings the files of the newest commits alone.
    pub tips: bool,
    /// Where it goes on; none before the first page.
    pub cursor: Option<String>,
    /// How many bytes of objects have come.
    pub object_bytes: u64,
    /// What was to come.
    pub objects: u64,
    /// How many bytes those have.
    pub total_bytes: u64,
}

impl Note {
    /// The note in `copy`; one that cannot be read is none.
    pub fn of(copy: &WorkingCopy) -> Result<Option<Self>, TransferError> {
        let Some(value) = copy.transfer_note()? else { return Ok(None) };
        Ok(Self::try_from(value).ok())
    }

    /// Keeps it, with all that has come before on the disk.
    pub fn keep(&self, copy: &WorkingCopy) -> Result<(), TransferError> {
        Ok(copy.note_transfer(&Value::from(self.clone()))?)
    }

    pub(super) fn planned(mut self, plan: Plan) -> Self {
        (self.objects, self.total_bytes) = (plan.objects, plan.bytes);
        self
    }
}

impl TryFrom<Value> for Note {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a transfer")?;
        let number = |fields: &mut Fields, key| {
            fields.int_or(key, 0).map(|number| u64::try_from(number).unwrap_or_default())
        };
        Ok(Self {
            address: fields.text("address")?,
            want: fields.ids("want", MAX_IDS)?,
            common: fields.ids("common", MAX_IDS)?,
            tips: number(fields, "tips")? > 0,
            cursor: Some(fields.text_or("cursor", "", ADDRESS_BYTES)?).filter(|it| !it.is_empty()),
            object_bytes: number(fields, "object_bytes")?,
            objects: number(fields, "objects")?,
            total_bytes: number(fields, "total_bytes")?,
        })
    }
}

impl From<Note> for Value {
    fn from(note: Note) -> Self {
        let ids = |ids: &[CommitId]| Self::list(ids.iter().map(ToString::to_string));
        Self::map([
            ("address", Self::from(note.address)),
            ("want", ids(&note.want)),
            ("common", ids(&note.common)),
            ("tips", u64::from(note.tips).into()),
            ("cursor", note.cursor.into()),
            ("object_bytes", note.object_bytes.into()),
            ("objects", note.objects.into()),
            ("total_bytes", note.total_bytes.into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_kept() {
        let note = Note {
            address: "https://forge.example/ada/songs".into(),
            want: vec![CommitId::of(b"want")],
            common: vec![CommitId::of(b"common")],
            tips: true,
            cursor: Some("on".into()),
            object_bytes: 3,
            objects: 4,
            total_bytes: 5,
        };
        assert_eq!(Note::try_from(Value::from(note.clone())).unwrap(), note);
        let begun = Note { cursor: None, ..note };
        assert_eq!(Note::try_from(Value::from(begun.clone())).unwrap(), begun);
        assert!(Note::try_from(Value::from("something else")).is_err());
    }
}
