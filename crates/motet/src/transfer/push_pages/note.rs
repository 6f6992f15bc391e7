//! A push that has begun: kept so that the next command goes on with it.

use api::{
    Value, WireError,
    wire::Fields,
    wire2::{OpenPush, PUSH_REFS, Update},
};
use history::worktree::WorkingCopy;

use super::super::TransferError;
use crate::client::OpenedPush;

/// A push that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PushNote {
    /// The repository that it goes to.
    pub(super) address: String,
    /// What it goes on with.
    pub(super) push: OpenedPush,
    /// What it moves, without signatures.
    pub(super) updates: Vec<Update>,
}

impl PushNote {
    /// The note about a push to `address`; one that cannot be read is none.
    pub(super) fn of(copy: &WorkingCopy, address: &str) -> Result<Option<Self>, TransferError> {
        let Some(value) = copy.push_note(address)? else { return Ok(None) };
        Ok(Self::try_from(value).ok().filter(|note| note.address == address))
    }

    pub(super) fn keep(&self, copy: &WorkingCopy) -> Result<(), TransferError> {
        Ok(copy.note_push(&self.address, &self.clone().into())?)
    }
}

impl TryFrom<Value> for PushNote {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a push")?;
        let updates = fields.required_list("updates", PUSH_REFS)?;
        Ok(Self {
            address: fields.text("address")?,
            push: OpenedPush { id: fields.text("push_id")?, token: fields.text("token")? },
            updates: updates.into_iter().map(Update::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<PushNote> for Value {
    fn from(note: PushNote) -> Self {
        let updates = Self::from(OpenPush { updates: note.updates });
        let Self::Map(mut fields) = updates else { return Self::Nil };
        fields.extend([
            ("address".to_owned(), note.address.into()),
            ("push_id".to_owned(), note.push.id.into()),
            ("token".to_owned(), note.push.token.into()),
        ]);
        Self::Map(fields)
    }
}

#[cfg(test)]
mod tests {
    use names::CommitId;

    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_kept() {
        let update = Update {
            name: "refs/heads/main".into(),
            old: None,
            new: Some(CommitId::of(b"new")),
            force: false,
            entry: String::new(),
            signature: String::new(),
        };
        let push = OpenedPush { id: "id".into(), token: "token".into() };
        let note =
            PushNote { address: "https://forge.example/a/b".into(), push, updates: vec![update] };
        assert_eq!(PushNote::try_from(Value::from(note.clone())).unwrap(), note);
    }
}
