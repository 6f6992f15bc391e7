//! The table `releases`, and the refs of tags.

use api::{
    Limits, Value, msgpack,
    wire::{Channel, Release, limits::CHANGELOG_BYTES},
};
use db::{Error, Tx};
use history::CommitTime;
use names::{BranchName, CommitId, Id, UnixMillis};
use uuid::Uuid;

use super::{Known, NewRelease};
use crate::Repository;

db::statements! {
    COUNT = "SELECT count(*) FROM releases WHERE repository_id = $1";
    ADD = "
        INSERT INTO releases (id, repository_id, tag, channel, commit_id, title, notes, agent_id, model_id,
            gpg_signature, changelog, made_by, created_at, published_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (repository_id, tag) DO NOTHING";
    FIND = "SELECT id, published_at FROM releases WHERE repository_id = $1 AND tag = $2";
    LIST = "
        SELECT id, tag, channel, commit_id, snapshot_id, title, notes, agent_id, model_id, gpg_signature, changelog,
               created_at, published_at
          FROM (SELECT r.id, r.tag, r.channel, r.commit_id, c.snapshot_id, r.title, r.notes, r.agent_id, r.model_id,
                       r.gpg_signature, r.changelog, r.created_at, r.published_at,
                       sum(length(r.changelog) + length(r.notes)) OVER (ORDER BY r.created_at DESC, r.id DESC) AS so_far
                  FROM releases AS r
                  JOIN commits AS c ON c.repository_id = r.repository_id AND c.id = r.commit_id
                 WHERE r.repository_id = $1 AND r.yanked_at IS NULL AND ($2 = '' OR r.channel = $2)
                   AND (r.published_at IS NOT NULL OR $3 = 'drafts')) AS newest
         WHERE so_far <= $4 ORDER BY created_at DESC, id DESC LIMIT $5";
    REMOVE_DRAFT = "DELETE FROM releases WHERE id = $1 AND published_at IS NULL";
    YANK = "
        UPDATE releases SET yanked_at = $2, yank_reason = $3
         WHERE id = $1 AND published_at IS NOT NULL AND yanked_at IS NULL";
    TAGS = "SELECT name, target FROM refs WHERE repository_id = $1 AND kind = 'tag' ORDER BY name";
}

/// Where the names of tags stand among those of refs.
pub(super) const TAGS_BELOW: &str = "refs/tags/";

/// A list of releases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    pub(super) channel: Option<Channel>,
    pub(super) drafts: bool,
    /// How many, and how many bytes of notes and changelogs.
    pub(super) most: (u32, u64),
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tag: String,
    channel: String,
    commit_id: Vec<u8>,
    snapshot_id: Vec<u8>,
    title: String,
    notes: String,
    agent_id: String,
    model_id: String,
    gpg_signature: String,
    changelog: Vec<u8>,
    created_at: i64,
    published_at: Option<i64>,
}

impl Row {
    fn believe(self, repository: Id<Repository>) -> Result<Release, Error> {
        // What a list of entries has around them is within this.
        let limits = Limits::of_body(CHANGELOG_BYTES + 1024);
        let changelog = Value::from_msgpack_reader(&*self.changelog, &limits)
            .map_err(Error::corrupt("releases.changelog"))?;
        let Value::Array(changelog) = changelog else {
            return Err(Error::corrupt("releases.changelog")("not a list"));
        };
        let snapshot = self.snapshot_id.as_slice().try_into();
        Ok(Release {
            release_id: self.id.to_string(),
            repo_id: repository.to_string(),
            semver: self.tag.parse().ok(),
            channel: self.channel.parse().map_err(Error::corrupt("releases.channel"))?,
            commit_id: commit_id(&self.commit_id)?,
            snapshot_id: snapshot.map_err(Error::corrupt("commits.snapshot_id"))?,
            title: self.title,
            body: self.notes,
            changelog,
            agent_id: self.agent_id,
            model_id: self.model_id,
            is_draft: self.published_at.is_none(),
            gpg_signature: self.gpg_signature,
            created_at: CommitTime::from_millis(UnixMillis(self.created_at)).to_string(),
            tag: self.tag,
        })
    }
}

fn commit_id(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("releases.commit_id"))
}

pub(super) async fn count(tx: &mut Tx, repository: Id<Repository>) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, repository.uuid())?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

/// Adds a release; `false` if its tag is that of another one.
pub(super) async fn add(
    tx: &mut Tx,
    repository: Id<Repository>,
    new: &NewRelease,
) -> Result<bool, Error> {
    let NewRelease { id, made_by, made_at, tag, channel, asked } = new;
    let mut changelog = Vec::new();
    msgpack::write_value(&mut changelog, &Value::Array(asked.changelog.clone()))
        .map_err(Error::corrupt("releases.changelog"))?;
    let published_at = (!asked.is_draft).then_some(made_at.0);
    let added = db::execute!(
        tx,
        ADD,
        id.uuid(),
        repository.uuid(),
        tag.as_str(),
        channel.as_str(),
        &asked.commit_id.as_bytes()[..],
        &asked.title,
        &asked.body,
        &asked.agent_id,
        &asked.model_id,
        &asked.gpg_signature,
        changelog,
        made_by.uuid(),
        made_at.0,
        published_at,
    )?;
    Ok(added == 1)
}

/// The release of that tag, yanked or not.
pub(super) async fn find(
    tx: &mut Tx,
    repository: Id<Repository>,
    tag: &str,
) -> Result<Option<Known>, Error> {
    let row: Option<(Uuid, Option<i64>)> = db::fetch_optional!(tx, FIND, repository.uuid(), tag)?;
    let known = |(id, published): (Uuid, Option<i64>)| Known {
        id: Id::from_uuid(id),
        is_draft: published.is_none(),
    };
    Ok(row.map(known))
}

/// The newest releases that were not yanked.
pub(super) async fn list(
    tx: &mut Tx,
    repository: Id<Repository>,
    listing: Listing,
) -> Result<Vec<Release>, Error> {
    let channel = listing.channel.map_or("", Channel::as_str);
    let drafts = if listing.drafts { "drafts" } else { "" };
    let (count, bytes) = listing.most;
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let rows: Vec<Row> =
        db::fetch_all!(tx, LIST, repository.uuid(), channel, drafts, bytes, i64::from(count))?;
    rows.into_iter().map(|row| row.believe(repository)).collect()
}

pub(super) async fn remove_draft(tx: &mut Tx, id: Id<Release>) -> Result<(), Error> {
    db::execute!(tx, REMOVE_DRAFT, id.uuid()).map(drop)
}

/// Yanks a published release; `false` if it was.
pub(super) async fn yank(
    tx: &mut Tx,
    id: Id<Release>,
    reason: &str,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, YANK, id.uuid(), now.0, reason)? == 1)
}

/// All tags, by name.
pub(super) async fn tags(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Vec<(BranchName, CommitId)>, Error> {
    let rows: Vec<(String, Vec<u8>)> = db::fetch_all!(tx, TAGS, repository.uuid())?;
    let believe = |(name, target): (String, Vec<u8>)| {
        let name = name.strip_prefix(TAGS_BELOW).unwrap_or(&name);
        Ok((name.parse().map_err(Error::corrupt("refs.name"))?, commit_id(&target)?))
    };
    rows.into_iter().map(believe).collect()
}
