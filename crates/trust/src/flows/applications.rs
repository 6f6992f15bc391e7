//! Applications: registered by themselves (RFC 7591), or described by a document at the address that they go by.
//!
//! None holds a secret, so a registration proves nothing: what a person sees of an application is where it would be led.

use std::time::Duration;

use names::Id;
use serde::Deserialize;
use uuid::Uuid;

use super::{COMMAND_LINE, FlowFault, RedirectUri, store};
use crate::{
    Allowed, Anything, Error, Place, Trust, act,
    limits::{Rate, Who},
};

/// Redirect addresses of one application.
const MAX_REDIRECTS: usize = 20;
/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The longest address of a metadata document, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// Applications that nobody has used yet. A few dozen hours of an attacker with many addresses.
const MAX_UNUSED: i64 = 10_000;
/// How long an application is kept that nobody uses.
const UNUSED_KEPT: Duration = Duration::from_hours(24);

/// An application that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The row.
    pub id: Id<Application>,
    /// What it calls itself.
    pub name: String,
    /// Where the code flow may lead.
    pub redirect_uris: Vec<RedirectUri>,
    /// The address of its metadata document, which is its name then.
    pub metadata_url: Option<String>,
}

/// What an application says of itself: RFC 7591 section 2, and the metadata document of the same form. What is not
/// known is passed over, as the RFC demands.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NewApplication {
    /// The address of the document, in a document.
    #[serde(default)]
    pub client_id: Option<String>,
    /// What it calls itself.
    #[serde(default)]
    pub client_name: Option<String>,
    /// Where the code flow may lead.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// How it would get tokens; the code flow if nothing is said.
    #[serde(default)]
    pub grant_types: Option<Vec<String>>,
}

impl Application {
    /// What it is called in requests.
    pub fn client_id(&self) -> String {
        self.metadata_url.clone().unwrap_or_else(|| self.id.to_string())
    }

    /// The registered address that `asked` is.
    pub(super) fn leads_to(&self, asked: &RedirectUri) -> bool {
        self.redirect_uris.iter().any(|it| asked.is_as(it))
    }
}

impl NewApplication {
    fn check(
        self,
        id: Id<Application>,
        metadata_url: Option<String>,
    ) -> Result<Application, FlowFault> {
        let Self { client_id: _, client_name, redirect_uris, grant_types } = self;
        let uses_codes =
            grant_types.is_none_or(|it| it.iter().any(|grant| grant == "authorization_code"));
        if redirect_uris.is_empty() && uses_codes {
            let message = "redirect_uris needs at least one address".to_owned();
            return Err(FlowFault::RedirectUri(message));
        }
        if redirect_uris.len() > MAX_REDIRECTS {
            let message = format!("redirect_uris has at most {MAX_REDIRECTS} addresses");
            return Err(FlowFault::RedirectUri(message));
        }
        let name = client_name.unwrap_or_default();
        let name = name.trim();
        let is_name = name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        if !is_name {
            let message = format!("client_name has at most {MAX_NAME} characters, and is one line");
            return Err(FlowFault::Metadata(message));
        }
        let name = if name.is_empty() { "an application without a name" } else { name };
        let redirect_uris = redirect_uris.iter().map(|it| it.parse()).collect::<Result<_, _>>()?;
        Ok(Application { id, name: name.to_owned(), redirect_uris, metadata_url })
    }
}

/// Whether an application goes by the address of a document: `https`, with a path, without anything that could make two
/// addresses of one (draft-ietf-oauth-client-id-metadata-document, section 3).
fn is_document_address(client_id: &str) -> bool {
    let Ok(address) = client_id.parse::<RedirectUri>() else { return false };
    let path = client_id.get(address.site().len()..).unwrap_or_default();
    client_id.len() <= MAX_URL_BYTES
        && client_id.starts_with("https://")
        && path.len() > 1
        && !path.split(['/', '?']).any(|it| it == "." || it == "..")
}

impl Trust {
    /// Registers an application: anybody may, from one place not often.
    pub async fn register_application(
        &self,
        _: &Allowed<act::FlowStart, Anything>,
        new: NewApplication,
        place: Place,
    ) -> Result<Application, Error> {
        let now = self.0.clock.now();
        let application = new.check(Id::new(now, &self.0.random), None)?;
        self.limits().take(Rate::Applications, Who::Place(place), 1)?;
        let mut tx = self.0.db.write().await?;
        if store::count_unused(&mut tx).await? >= MAX_UNUSED {
            return Err(FlowFault::Full.into());
        }
        store::add_application(&mut tx, &application, now).await?;
        tx.commit().await?;
        tracing::info!(application = %application.id, "an application was registered");
        Ok(application)
    }

    /// The address of the document that describes `client_id`, if it goes by one; counted for whoever looks.
    pub fn document_of<'a>(
        &self,
        allowed: &Allowed<act::FlowDecide, Anything>,
        client_id: &'a str,
    ) -> Result<Option<&'a str>, Error> {
        if !is_document_address(client_id) {
            return Ok(None);
        }
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        self.limits().take(Rate::ApplicationDocuments, Who::Principal(me.id), 1)?;
        Ok(Some(client_id))
    }

    /// Takes over what the document at `url` says of its application.
    pub async fn adopt_application(
        &self,
        _: &Allowed<act::FlowDecide, Anything>,
        url: &str,
        document: &[u8],
    ) -> Result<Application, Error> {
        let refuse = |why: &str| FlowFault::Metadata(format!("the metadata document {why}"));
        let new: NewApplication = serde_json::from_slice(document)
            .map_err(|_| refuse("is no JSON object of client metadata"))?;
        if new.client_id.as_deref() != Some(url) {
            return Err(refuse("has another client_id than its own address").into());
        }
        let now = self.0.clock.now();
        let application = new.check(Id::new(now, &self.0.random), Some(url.to_owned()))?;
        let mut tx = self.0.db.write().await?;
        let adopted = store::adopt_application(&mut tx, &application, now).await?;
        tx.commit().await?;
        Ok(adopted)
    }

    /// The application of that name, if it is known.
    pub(super) async fn application(
        &self,
        tx: &mut db::Tx,
        client_id: &str,
    ) -> Result<Application, Error> {
        let found = match client_id.parse::<Uuid>() {
            Ok(id) => store::application_by_id(tx, id).await?,
            Err(_) if is_document_address(client_id) => {
                store::application_by_url(tx, client_id).await?
            }
            Err(_) => None,
        };
        found.ok_or_else(|| FlowFault::Client.into())
    }

    /// The same; nothing for the command line of Motet itself, which everybody knows.
    pub(super) async fn application_or_own(
        &self,
        tx: &mut db::Tx,
        client_id: &str,
    ) -> Result<Option<Application>, Error> {
        if client_id == COMMAND_LINE {
            return Ok(None);
        }
        self.application(tx, client_id).await.map(Some)
    }

    /// Forgets applications that were registered a day ago and that nobody has agreed to since; gives how many.
    pub async fn forget_applications(&self) -> Result<u64, Error> {
        let before = self.0.clock.now().0 - i64::try_from(UNUSED_KEPT.as_millis()).unwrap_or(0);
        let mut tx = self.0.db.write().await?;
        let forgotten = store::forget_unused(&mut tx, names::UnixMillis(before)).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_goes_by_an_https_address_with_a_path() {
        assert!(is_document_address("https://app.example/oauth/client.json"));
        for text in [
            "https://app.example",
            "https://app.example/",
            "http://127.0.0.1/client.json",
            "https://app.example/a/../b",
            "https://app.example/./b",
            "https://app.example/b#c",
            "https://me@app.example/b",
            "motet",
            "",
        ] {
            assert!(!is_document_address(text), "{text}");
        }
    }

    #[test]
    fn a_registration_says_where_it_leads() {
        let check = |text: &str| {
            let new: NewApplication = serde_json::from_str(text).unwrap();
            new.check(Id::from_uuid(Uuid::nil()), None).map_err(|it| it.word())
        };
        let made = check(
            r#"{"redirect_uris":["http://127.0.0.1/back"],"client_name":" Harp ","logo_uri":"x"}"#,
        );
        assert_eq!(made.unwrap().name, "Harp");
        for (text, word) in [
            (r#"{"client_name":"x"}"#, "invalid_redirect_uri"),
            (r#"{"redirect_uris":["http://app.example/"]}"#, "invalid_redirect_uri"),
            (r#"{"redirect_uris":["app:x"]}"#, "invalid_redirect_uri"),
            (
                r#"{"redirect_uris":["https://a.example/"],"client_name":"a\nb"}"#,
                "invalid_client_metadata",
            ),
        ] {
            assert_eq!(check(text).unwrap_err(), word, "{text}");
        }
        let device = r#"{"grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}"#;
        assert!(check(device).unwrap().redirect_uris.is_empty());
        let many = format!(
            r#"{{"redirect_uris":["https://a.example/"{}]}}"#,
            r#","https://a.example/""#.repeat(20)
        );
        assert_eq!(check(&many).unwrap_err(), "invalid_redirect_uri");
    }
}
