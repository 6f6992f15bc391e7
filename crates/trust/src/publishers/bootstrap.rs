//! A publisher is made whole, by a token that does nothing else (`spec/trust.md` 5, Bootstrap).
//!
//! The token comes from `motet admin bootstrap-token` and works once within a day, or from a file that is read at boot
//! and works until the file says something else. While there is none, there is no such address.

use std::time::Duration;

use keys::TokenText;
use names::{Handle, Id, UnixMillis};

use super::{Publisher, check_display_name, on, store, tokens::scope_of};
use crate::{
    Allowed, Anything, Error, Kind, Level, MadeSecret, Minted, OrganizationTokenKind, Principal,
    SecretKind, Token, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
    authority::Granted,
    organizations::add_organization,
    store as rows,
    tokens::{Issue, Source, bearer_of},
};

/// How long a token from the command works.
const LIFE: Duration = Duration::from_hours(24);
/// The word in the token and its row.
const KIND: &str = "bootstrap";

/// A token that makes a publisher. Shown once.
pub struct Bootstrap {
    /// The whole.
    pub text: TokenText,
    /// When it ends, used or not.
    pub expires_at: UnixMillis,
}

/// A publisher that was just made, with all that it needs to begin. Shown once.
pub struct Founded {
    /// The publisher.
    pub publisher: Publisher,
    /// A token that runs it.
    pub admin: Minted,
    /// What its deliveries are signed with.
    pub webhook_signing: MadeSecret,
    /// What its subcommands are called with.
    pub subcommand_bearer: MadeSecret,
}

/// The token of a request's `Authorization` line; nothing if there is none of this kind.
fn token_of(line: &str) -> Option<TokenText> {
    let text = TokenText::parse(bearer_of(line)?).ok()?;
    (text.kind() == KIND).then_some(text)
}

impl Trust {
    /// Makes a token that makes one publisher.
    pub async fn mint_bootstrap(
        &self,
        allowed: &Allowed<act::BootstrapCreate, Anything>,
    ) -> Result<Bootstrap, Error> {
        let now = self.0.clock.now();
        let id: Id<Token> = Id::new(now, &self.0.random);
        let text = TokenText::generate(KIND, &self.0.random);
        let expires_at = now.plus(LIFE);
        let mut tx = self.begin(allowed.actor()).await?;
        let by = allowed.actor().principal().map(|it| it.id);
        store::add_bootstrap(&mut tx, (id, &text), by, now, expires_at).await?;
        let on = On::new("token", id);
        let minted = Entry::done(Noted::TokenMinted, allowed.actor(), on);
        let minted = minted.with("kind", KIND).with("last8", text.last8());
        self.note(&mut tx, Chain::INSTALL, minted).await?;
        tx.commit().await?;
        Ok(Bootstrap { text, expires_at })
    }

    /// Takes the token of the file over, at boot; the one that stood there before is worth nothing any more. Gives
    /// whether the text is such a token.
    pub async fn adopt_bootstrap(&self, text: Option<&str>) -> Result<bool, Error> {
        let token = match text.map(TokenText::parse) {
            None => None,
            Some(Ok(token)) if token.kind() == KIND => Some(token),
            Some(_) => return Ok(false),
        };
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        store::end_configured(&mut tx, token.as_ref(), now).await?;
        if let Some(token) = &token {
            store::adopt(&mut tx, Id::new(now, &self.0.random), token, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Whether the line of a request carries a token that makes a publisher. While none is live there is nothing here,
    /// whatever the line says.
    pub async fn check_bootstrap(&self, line: &str) -> Result<(), Error> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.glance().await?;
        if !store::has_bootstrap(&mut tx, now).await? {
            return Err(Error::NoSuchThing);
        }
        self.limits().bootstrap()?;
        let token = token_of(line).ok_or(Error::Unauthenticated)?;
        if store::is_bootstrap(&mut tx, &token, now).await? {
            Ok(())
        } else {
            Err(Error::Unauthenticated)
        }
    }

    /// Makes a publisher with a token that runs it and both secrets, and uses the token of the line up.
    pub async fn found_publisher(
        &self,
        allowed: &Allowed<act::PublisherCreate, Anything>,
        line: &str,
        handle: Handle,
        display_name: Option<&str>,
    ) -> Result<Founded, Error> {
        let display_name = display_name.unwrap_or(handle.as_str()).to_owned();
        check_display_name(&display_name)?;
        let token = token_of(line).ok_or(Error::Unauthenticated)?;
        let now = self.0.clock.now();
        let organization = Principal {
            id: Id::new(now, &self.0.random),
            kind: Kind::Organization,
            handle,
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        let mut tx = self.begin(allowed.actor()).await?;
        let used =
            store::use_bootstrap(&mut tx, &token, now).await?.ok_or(Error::Unauthenticated)?;
        if !rows::add_principal(&mut tx, &organization, None).await? {
            return Err(Error::HandleTaken);
        }
        add_organization(&mut tx, organization.id, &display_name).await?;
        store::enable(&mut tx, organization.id).await?;
        let new = Issue {
            kind: OrganizationTokenKind::Admin.into(),
            principal: organization.id,
            publisher: Some(organization.id),
            label: KIND.to_owned(),
            scope: scope_of(Vec::new()),
            expires_at: None,
            line: None,
            source: Source::Bootstrap,
        };
        let admin = self.issue(&mut tx, new, allowed.actor()).await?;
        let make = async |tx: &mut db::Tx, kind| {
            self.make_secret(tx, organization.id, kind, None, now).await
        };
        let webhook_signing = make(&mut tx, SecretKind::WebhookSigning).await?;
        let subcommand_bearer = make(&mut tx, SecretKind::SubcommandBearer).await?;
        let publisher = Publisher {
            organization,
            display_name,
            is_enabled: true,
            granted: Granted::own(Level::Admin),
        };
        let founded = Founded { publisher, admin, webhook_signing, subcommand_bearer };
        self.note_founded(&mut tx, used, &founded).await?;
        tx.commit().await?;
        tracing::info!(publisher = %founded.publisher.organization.handle, "publisher made");
        Ok(founded)
    }

    async fn note_founded(
        &self,
        tx: &mut db::Tx,
        used: Id<Token>,
        founded: &Founded,
    ) -> Result<(), Error> {
        let credential = Some(used.uuid());
        let who = Who { credential, credential_kind: "token", ..Who::ANONYMOUS };
        let organization = &founded.publisher.organization;
        let handle = organization.handle.as_str();
        let on_publisher = || on(organization);
        let invoked = Entry::done(Noted::BootstrapInvoked, who, on_publisher());
        self.note(tx, Chain::INSTALL, invoked.with("handle", handle)).await?;
        let token = On::new("token", founded.admin.token.id);
        let mut entries = vec![
            Entry::done(Noted::PublisherCreated, who, on_publisher()).with("handle", handle),
            Entry::done(Noted::TokenMinted, who, token)
                .with("kind", founded.admin.token.kind.as_str())
                .with("last8", founded.admin.token.last8.as_str()),
        ];
        for made in [&founded.webhook_signing, &founded.subcommand_bearer] {
            let on = On::new("secret", made.secret.id);
            let made =
                Entry::done(Noted::SecretCreated, who, on).with("kind", made.secret.kind.as_str());
            entries.push(made);
        }
        for entry in entries {
            self.note(tx, founded.publisher.chain(), entry).await?;
        }
        Ok(())
    }
}
