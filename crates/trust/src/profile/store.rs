//! What accounts say of themselves, in the tables `principals` and `avatars`.

use db::{Error, Tx};
use names::{Digest, Handle, Id, UnixMillis};
use uuid::Uuid;

use super::{Around, Picture, Profile};
use crate::Principal;

db::statements! {
    PROFILE = "
        SELECT p.display_name, p.bio, p.website_url, coalesce(p.email, '') AS email, a.digest AS avatar
          FROM principals AS p LEFT JOIN avatars AS a ON a.principal_id = p.id WHERE p.id = $1";
    SET_PROFILE = "
        UPDATE principals SET display_name = $2, bio = $3, website_url = $4, email = nullif($5, '') WHERE id = $1";
    OWNER_OF = "
        SELECT p.handle FROM agents AS a JOIN principals AS p ON p.id = a.owner_id
         WHERE a.principal_id = $1 AND p.status <> 'deleted'";
    AGENTS_OF = "
        SELECT p.handle FROM agents AS a JOIN principals AS p ON p.id = a.principal_id
         WHERE a.owner_id = $1 AND a.disabled_at IS NULL AND p.status = 'active' ORDER BY p.handle LIMIT 50";
    // Who is in an organization is for those who are in it.
    ORGANIZATIONS_OF = "
        SELECT o.handle FROM org_members AS m JOIN principals AS o ON o.id = m.org_id
         WHERE m.principal_id = $1 AND o.status <> 'deleted'
           AND EXISTS (SELECT 1 FROM org_members AS n WHERE n.org_id = m.org_id AND n.principal_id = $2)
         ORDER BY o.handle LIMIT 50";
    MEMBERS_OF = "
        SELECT p.handle FROM org_members AS m JOIN principals AS p ON p.id = m.principal_id
         WHERE m.org_id = $1 AND p.status <> 'deleted'
           AND EXISTS (SELECT 1 FROM org_members AS n WHERE n.org_id = $1 AND n.principal_id = $2)
         ORDER BY p.handle LIMIT 50";
    AVATAR = "
        SELECT a.png FROM principals AS p JOIN avatars AS a ON a.principal_id = p.id
         WHERE p.handle = $1 AND p.status <> 'deleted'";
    SET_AVATAR = "
        INSERT INTO avatars (principal_id, png, digest, changed_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (principal_id) DO UPDATE SET png = excluded.png, digest = excluded.digest, changed_at = excluded.changed_at";
    DROP_AVATAR = "DELETE FROM avatars WHERE principal_id = $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    display_name: String,
    bio: String,
    website_url: String,
    email: String,
    avatar: Option<Vec<u8>>,
}

pub(super) async fn profile(tx: &mut Tx, id: Id<Principal>) -> Result<Option<Profile>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, PROFILE, id.uuid())?;
    let believe = |row: Row| {
        let Row { display_name, bio, website_url, email, avatar } = row;
        let digest = |bytes: Vec<u8>| bytes.as_slice().try_into().map(Digest::from_bytes);
        let avatar = avatar.map(digest).transpose().map_err(Error::corrupt("avatars.digest"))?;
        Ok(Profile { display_name, bio, website_url, email, avatar })
    };
    row.map(believe).transpose()
}

pub(super) async fn set_profile(
    tx: &mut Tx,
    id: Id<Principal>,
    profile: &Profile,
) -> Result<(), Error> {
    let Profile { display_name, bio, website_url, email, avatar: _ } = profile;
    db::execute!(tx, SET_PROFILE, id.uuid(), display_name, bio, website_url, email).map(drop)
}

/// Those around `of` that `reader` may see.
pub(super) async fn around(tx: &mut Tx, of: Id<Principal>, reader: Uuid) -> Result<Around, Error> {
    type Handles = Vec<(String,)>;
    let typed = |rows: Handles| -> Result<Vec<Handle>, Error> {
        let parse = |(handle,): (String,)| handle.parse();
        let handles: Result<Vec<Handle>, _> = rows.into_iter().map(parse).collect();
        handles.map_err(Error::corrupt("principals.handle"))
    };
    let of = of.uuid();
    let owner: Handles = db::fetch_all!(tx, OWNER_OF, of)?;
    let agents: Handles = db::fetch_all!(tx, AGENTS_OF, of)?;
    let organizations: Handles = db::fetch_all!(tx, ORGANIZATIONS_OF, of, reader)?;
    let members: Handles = db::fetch_all!(tx, MEMBERS_OF, of, reader)?;
    Ok(Around {
        owner: typed(owner)?.pop(),
        agents: typed(agents)?,
        organizations: typed(organizations)?,
        members: typed(members)?,
    })
}

pub(super) async fn avatar(tx: &mut Tx, of: &Handle) -> Result<Option<Picture>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, AVATAR, of.as_str())?;
    Ok(row.map(|(png,)| Picture::stored(png)))
}

pub(super) async fn set_avatar(
    tx: &mut Tx,
    id: Id<Principal>,
    picture: &Picture,
    now: UnixMillis,
) -> Result<(), Error> {
    let digest = picture.digest();
    db::execute!(tx, SET_AVATAR, id.uuid(), picture.png(), &digest.as_bytes()[..], now.0).map(drop)
}

pub(super) async fn drop_avatar(tx: &mut Tx, id: Id<Principal>) -> Result<(), Error> {
    db::execute!(tx, DROP_AVATAR, id.uuid()).map(drop)
}
