//! What an account says of itself (`spec/trust.md` 1, Profile).
//!
//! | file         | what is there                                             |
//! |--------------|-----------------------------------------------------------|
//! | `mod.rs`     | [`Profile`], and changing it                               |
//! | `picture.rs` | [`Picture`]: decoded within bounds, and written anew        |
//! | `store.rs`   | the SQL                                                    |

mod picture;
mod store;

use http::Uri;
use names::{Digest, Handle, Id, UnixMillis};
use tokio::sync::Semaphore;

use crate::{
    Account, Act, Actor, Allowed, BaseLevel, Error, Kind, Principal, Trust, act,
    audit::{Entry, Noted, On},
};
pub use picture::{BadPicture, Picture};
pub(crate) use store::STATEMENTS;

/// The longest name, biography, address and e-mail address, in characters.
const MAX: [usize; 4] = [100, 500, 300, 254];

/// What an account says of itself. Empty is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What it wants to be called.
    pub display_name: String,
    /// A few sentences.
    pub bio: String,
    /// Its page elsewhere: http or https.
    pub website_url: String,
    /// Where to write to; shown to itself alone.
    pub email: String,
    /// What names the bytes of its picture, if it has one.
    pub avatar: Option<Digest>,
}

/// Those around an account, by their handles: at most fifty of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Whose agent it is.
    pub owner: Option<Handle>,
    /// Its agents that are not stopped.
    pub agents: Vec<Handle>,
    /// The organizations that it is in, as far as the reader is in them as well.
    pub organizations: Vec<Handle>,
    /// Who is in it, for those who are.
    pub members: Vec<Handle>,
}

/// What is to become of a picture.
#[derive(Debug, Clone)]
pub enum NewAvatar {
    /// This is it from now on.
    Picture(Picture),
    /// There is none any more.
    None,
}

/// Pictures that are decoded at once: each may take a hundred MiB for a moment.
static DECODING: Semaphore = Semaphore::const_new(1);

/// What is to be said otherwise; what is nothing stays.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// What it wants to be called.
    pub display_name: Option<String>,
    /// A few sentences.
    pub bio: Option<String>,
    /// Its page elsewhere.
    pub website_url: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// Its picture.
    pub avatar: Option<NewAvatar>,
}

impl Trust {
    /// Decodes a picture that was sent, and writes it anew. Nothing at all takes the present one back.
    pub async fn avatar_of(&self, sent: Vec<u8>) -> Result<NewAvatar, Error> {
        if sent.is_empty() {
            return Ok(NewAvatar::None);
        }
        let unreadable = || invalid("/avatar", BadPicture::Unreadable.to_string());
        let _turn = DECODING.acquire().await.map_err(|_| unreadable())?;
        let decoded = tokio::task::spawn_blocking(move || Picture::of(&sent)).await;
        let decoded = decoded.map_err(|_| unreadable())?;
        decoded.map(NewAvatar::Picture).map_err(|error| invalid("/avatar", error.to_string()))
    }

    /// The picture of somebody who is there.
    pub async fn avatar(&self, handle: &Handle) -> Result<Option<Picture>, Error> {
        let mut tx = self.0.db.glance().await?;
        Ok(store::avatar(&mut tx, handle).await?)
    }

    /// What an account says of itself.
    pub async fn profile(&self, id: Id<Principal>) -> Result<Profile, Error> {
        let mut tx = self.0.db.glance().await?;
        Ok(store::profile(&mut tx, id).await?.unwrap_or_default())
    }

    /// Those around an account that whoever asks may see.
    pub async fn around(
        &self,
        tx: &mut db::Tx,
        of: Id<Principal>,
        reader: &Actor,
    ) -> Result<Around, Error> {
        Ok(store::around(tx, of, reader.readers().own).await?)
    }

    /// Says something else of oneself.
    pub async fn update_me(
        &self,
        allowed: &Allowed<act::MeUpdate, Account>,
        change: ProfileChange,
    ) -> Result<Profile, Error> {
        let mut tx = self.begin_on(allowed).await?;
        let now = self.0.clock.now();
        let (_, after) = self::change(&mut tx, allowed, change, now).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Says something else of an organization, and what its members may do with its repositories.
    pub async fn update_organization(
        &self,
        allowed: &Allowed<act::OrgUpdate, Account>,
        change: ProfileChange,
        base: Option<BaseLevel>,
    ) -> Result<Profile, Error> {
        let organization = &allowed.resource().principal;
        if organization.kind != Kind::Organization {
            return Err(Error::NoSuchThing);
        }
        let mut tx = self.begin_on(allowed).await?;
        let now = self.0.clock.now();
        let (before, after) = self::change(&mut tx, allowed, change, now).await?;
        let mut entry =
            Entry::done(Noted::OrgUpdated, allowed.actor(), On::principal(organization.id));
        if let Some(base) = base {
            crate::organizations::set_base_level(&mut tx, organization.id, base).await?;
            entry = entry.with("base_level", base.as_str());
        }
        if before != after {
            entry = entry.with("display_name", after.display_name.as_str());
        }
        let chain = self.chain_of_account(&mut tx, allowed.resource()).await?;
        self.note(&mut tx, chain, entry).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// Writes what an account says of itself; gives what it said and what it says.
pub(crate) async fn change<A: Act>(
    tx: &mut db::Tx,
    allowed: &Allowed<A, Account>,
    new: ProfileChange,
    now: UnixMillis,
) -> Result<(Profile, Profile), Error> {
    let id = allowed.resource().principal.id;
    let before = store::profile(tx, id).await?.ok_or(Error::NoSuchThing)?;
    let after = Profile {
        display_name: new.display_name.unwrap_or_else(|| before.display_name.clone()),
        bio: new.bio.unwrap_or_else(|| before.bio.clone()),
        website_url: new.website_url.unwrap_or_else(|| before.website_url.clone()),
        email: new.email.unwrap_or_else(|| before.email.clone()),
        avatar: match &new.avatar {
            None => before.avatar,
            Some(NewAvatar::None) => None,
            Some(NewAvatar::Picture(picture)) => Some(picture.digest()),
        },
    };
    check(&after)?;
    store::set_profile(tx, id, &after).await?;
    match &new.avatar {
        None => {}
        Some(NewAvatar::None) => store::drop_avatar(tx, id).await?,
        Some(NewAvatar::Picture(picture)) => store::set_avatar(tx, id, picture, now).await?,
    }
    Ok((before, after))
}

fn check(profile: &Profile) -> Result<(), Error> {
    let Profile { display_name, bio, website_url, email, avatar: _ } = profile;
    let said = [("/display_name", display_name), ("/bio", bio), ("/website_url", website_url)];
    let said = said.into_iter().chain([("/email", email)]);
    for ((pointer, text), max) in said.zip(MAX) {
        if text.chars().count() > max {
            return Err(invalid(pointer, format!("this has at most {max} characters")));
        }
        let is_plain = |c: char| !c.is_control() || (pointer == "/bio" && c == '\n');
        if !text.chars().all(is_plain) {
            return Err(invalid(pointer, "this has no control characters".to_owned()));
        }
    }
    if !website_url.is_empty() && !is_web_address(website_url) {
        let message = "the address begins with http:// or https:// and names a host".to_owned();
        return Err(invalid("/website_url", message));
    }
    let is_address = |(local, host): (&str, &str)| !local.is_empty() && host.contains('.');
    let is_email = email.rsplit_once('@').is_some_and(is_address) && !email.contains(' ');
    if !email.is_empty() && !is_email {
        return Err(invalid("/email", "this is no e-mail address".to_owned()));
    }
    Ok(())
}

fn is_web_address(text: &str) -> bool {
    let uri: Result<Uri, _> = text.parse();
    uri.is_ok_and(|it| {
        let is_web = it.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"));
        // A name in front of the host would show one place and lead to another.
        is_web
            && it.authority().is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'))
    })
}

fn invalid(pointer: &'static str, message: String) -> Error {
    Error::Invalid { pointer, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_at(profile: &Profile) -> Option<&'static str> {
        match check(profile) {
            Ok(()) => None,
            Err(Error::Invalid { pointer, .. }) => Some(pointer),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_can_be_said_of_oneself_is_bounded() {
        let usual = Profile {
            display_name: "Ada Lovelace".to_owned(),
            bio: "Analyst,\nmetaphysician.".to_owned(),
            website_url: "https://ada.example/notes".to_owned(),
            email: "ada@ada.example".to_owned(),
            avatar: None,
        };
        assert_eq!(refused_at(&usual), None);
        assert_eq!(refused_at(&Profile::default()), None);
        let long = Profile { display_name: "ä".repeat(101), ..usual.clone() };
        assert_eq!(refused_at(&long), Some("/display_name"));
        let lines = Profile { display_name: "a\nb".to_owned(), ..usual.clone() };
        assert_eq!(refused_at(&lines), Some("/display_name"));
        for bad in
            ["javascript:alert(1)", "ada.example", "https://", "https://bank.example@evil.example/"]
        {
            let it = Profile { website_url: bad.to_owned(), ..usual.clone() };
            assert_eq!(refused_at(&it), Some("/website_url"), "{bad}");
        }
        for bad in ["ada", "@ada.example", "ada@", "a da@ada.example"] {
            let it = Profile { email: bad.to_owned(), ..usual.clone() };
            assert_eq!(refused_at(&it), Some("/email"), "{bad}");
        }
    }
}
