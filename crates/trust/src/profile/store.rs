//! What accounts say of themselves, in the table `principals`.

use db::{Error, Tx};
use names::Id;

use super::Profile;
use crate::Principal;

db::statements! {
    PROFILE = "SELECT display_name, bio, website_url, coalesce(email, '') AS email FROM principals WHERE id = $1";
    SET_PROFILE = "
        UPDATE principals SET display_name = $2, bio = $3, website_url = $4, email = nullif($5, '') WHERE id = $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    display_name: String,
    bio: String,
    website_url: String,
    email: String,
}

pub(super) async fn profile(tx: &mut Tx, id: Id<Principal>) -> Result<Option<Profile>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, PROFILE, id.uuid())?;
    Ok(row.map(|Row { display_name, bio, website_url, email }| Profile {
        display_name,
        bio,
        website_url,
        email,
    }))
}

pub(super) async fn set_profile(
    tx: &mut Tx,
    id: Id<Principal>,
    profile: &Profile,
) -> Result<(), Error> {
    let Profile { display_name, bio, website_url, email } = profile;
    db::execute!(tx, SET_PROFILE, id.uuid(), display_name, bio, website_url, email).map(drop)
}
