//! What there is to say of a release, from the table `releases`.

use db::{Error, Tx};
use names::{CommitId, Id};
use trust::Principal;
use uuid::Uuid;

db::statements! {
    RELEASE = "
        SELECT tag, title, notes, channel, commit_id, made_by, yanked_at, yank_reason FROM releases WHERE id = $1";
}

/// A release, as others are told of it.
pub(super) struct Release {
    pub(super) tag: String,
    pub(super) title: String,
    pub(super) notes: String,
    pub(super) channel: String,
    pub(super) commit: CommitId,
    pub(super) made_by: Id<Principal>,
    pub(super) is_yanked: bool,
    pub(super) yank_reason: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    tag: String,
    title: String,
    notes: String,
    channel: String,
    commit_id: Vec<u8>,
    made_by: Uuid,
    yanked_at: Option<i64>,
    yank_reason: String,
}

impl TryFrom<Row> for Release {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let commit = row.commit_id.as_slice().try_into();
        Ok(Self {
            tag: row.tag,
            title: row.title,
            notes: row.notes,
            channel: row.channel,
            commit: commit.map_err(Error::corrupt("releases.commit_id"))?,
            made_by: Id::from_uuid(row.made_by),
            is_yanked: row.yanked_at.is_some(),
            yank_reason: row.yank_reason,
        })
    }
}

pub(super) async fn release(tx: &mut Tx, id: Uuid) -> Result<Option<Release>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, RELEASE, id)?;
    row.map(Release::try_from).transpose()
}
