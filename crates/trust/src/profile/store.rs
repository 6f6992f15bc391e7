//! What accounts say of themselves, in the tables `principals` and `avatars`.

use db::{Error, Tx};
use names::{Digest, Handle, Id, UnixMillis};

use super::{Picture, Profile};
use crate::Principal;

db::statements! {
    PROFILE = "
        SELECT p.display_name, p.bio, p.website_url, coalesce(p.email, '') AS email, a.digest AS avatar
          FROM principals AS p LEFT JOIN avatars AS a ON a.principal_id = p.id WHERE p.id = $1";
    SET_PROFILE = "
        UPDATE principals SET display_name = $2, bio = $3, website_url = $4, email = nullif($5, '') WHERE id = $1";
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
