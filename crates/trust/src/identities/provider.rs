//! A provider: how it is set up, and what is asked of it, over the one client for outgoing requests.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use egress::{Client, HeaderValue, Limits, Listed, Origin, Policy, Request, StatusCode, header};
use form_urlencoded::byte_serialize;
use names::{Secret, UnixMillis};
use serde::{Deserialize, de::DeserializeOwned};
use url::{Host, Url};

use super::id_token::{self, Expected};

/// How long it is remembered where a provider's addresses are.
const REMEMBERED: Duration = Duration::from_hours(1);
/// No honest answer of a provider is longer.
const ANSWER_BYTES: u64 = 1 << 20;

/// What a provider speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// OpenID Connect: its addresses and keys are found at the issuer.
    OpenIdConnect,
    /// GitHub, or an install of it: OAuth, and an API that says who it is.
    GitHub {
        /// Where the API is: `https://api.github.com`.
        api: String,
    },
}

/// How a provider is set up.
#[derive(Clone)]
pub struct ProviderSettings {
    /// The word in addresses.
    pub slug: &'static str,
    /// What people call it.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Its own address: the issuer, or `https://github.com`. Accounts are linked with this name.
    pub issuer: String,
    /// Further origins that it uses, beside the one of its own address.
    pub origins: Vec<String>,
    /// How it knows us.
    pub client_id: String,
    /// How we prove that to it.
    pub client_secret: Secret<String>,
    /// Whether somebody new may come by it.
    pub signup: bool,
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupFault {
    /// An address that nobody can be asked at.
    #[error("`{address}` is no https address of a provider: {why}")]
    Address {
        /// Which.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client for outgoing requests cannot be made.
    #[error("the provider cannot be reached: {0}")]
    Client(#[from] egress::SetupError),
}

/// Why a provider's answer is none.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// It was not reached.
    #[error("the provider cannot be asked: {0}")]
    Egress(#[from] egress::Error),
    /// It says no, or is broken.
    #[error("{what} answers {status}")]
    Status {
        /// Which address of it.
        what: &'static str,
        /// What it says.
        status: StatusCode,
    },
    /// It says something else than it should.
    #[error("{what} cannot be read")]
    Unreadable {
        /// Which address of it.
        what: &'static str,
    },
    /// Its configuration names another issuer, or addresses over a line that others can read.
    #[error("the provider's configuration does not hold: {why}")]
    Configuration {
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Why somebody is not known after the way there and back.
#[derive(Debug)]
pub(super) enum Unknown {
    /// The provider is at fault.
    Down(ProviderFault),
    /// What came back does not hold; the reason is for the audit.
    Refused(&'static str),
}

impl<E: Into<ProviderFault>> From<E> for Unknown {
    fn from(fault: E) -> Self {
        Self::Down(fault.into())
    }
}

/// What a browser takes along.
pub(super) struct Way<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    /// SHA-256 of the verifier, in base64url (RFC 7636 §4.2).
    pub(super) challenge: &'a str,
}

/// What it brings back.
pub(super) struct Met<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) nonce: &'a str,
}

/// Where a provider's addresses are (OpenID Connect Discovery §3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A provider that may be asked.
pub(super) struct Provider {
    pub(super) settings: ProviderSettings,
    found: Mutex<Option<(UnixMillis, Arc<Discovery>)>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.settings.name, self.settings.issuer)
    }
}

/// The client that reaches these providers and nobody else.
pub(super) fn client(providers: &[ProviderSettings]) -> Result<Client, SetupFault> {
    let mut listed = Listed::new();
    for provider in providers {
        let own = match &provider.protocol {
            Protocol::OpenIdConnect => vec![&provider.issuer],
            Protocol::GitHub { api } => vec![&provider.issuer, api],
        };
        for address in own.into_iter().chain(&provider.origins) {
            listed = listed.with(origin_of(address)?);
        }
    }
    let limits = Limits { response_bytes: ANSWER_BYTES, ..Limits::default() };
    let settings = egress::Settings::new(Policy::OperatorListed(listed)).limits(limits);
    Ok(Client::new(settings)?)
}

fn origin_of(address: &str) -> Result<Origin, SetupFault> {
    let refuse = |why: String| SetupFault::Address { address: address.to_owned(), why };
    let url = Url::parse(address).map_err(|error| refuse(error.to_string()))?;
    if !is_private(&url) {
        return Err(refuse("others could read what goes there".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query".to_owned()));
    }
    url.origin()
        .ascii_serialization()
        .parse()
        .map_err(|error: egress::Error| refuse(error.to_string()))
}

/// Whether nobody else reads what goes there: over https, or on this machine.
fn is_private(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

impl Provider {
    pub(super) const fn new(settings: ProviderSettings) -> Self {
        Self { settings, found: Mutex::new(None) }
    }

    /// Where a browser goes to prove who somebody is there.
    pub(super) async fn address(
        &self,
        client: &Client,
        now: UnixMillis,
        way: &Way<'_>,
    ) -> Result<String, ProviderFault> {
        let broken = ProviderFault::Unreadable { what: "the authorization endpoint" };
        let mut url = match &self.settings.protocol {
            Protocol::OpenIdConnect => {
                self.discovery(client, now).await?.authorization_endpoint.clone()
            }
            Protocol::GitHub { .. } => format!("{}/login/oauth/authorize", self.base()),
        }
        .parse::<Url>()
        .map_err(|_| broken)?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", way.redirect_uri)
            .append_pair("state", way.state)
            .append_pair("code_challenge", way.challenge)
            .append_pair("code_challenge_method", "S256");
        if self.settings.protocol == Protocol::OpenIdConnect {
            // Nothing but who it is: no address, no name.
            query.append_pair("scope", "openid").append_pair("nonce", way.nonce);
        }
        drop(query);
        Ok(url.into())
    }

    /// Who came back, by the provider's own name for him.
    pub(super) async fn who(
        &self,
        client: &Client,
        now: UnixMillis,
        met: &Met<'_>,
    ) -> Result<String, Unknown> {
        match &self.settings.protocol {
            Protocol::OpenIdConnect => self.who_by_token(client, now, met).await,
            Protocol::GitHub { api } => self.who_by_api(client, api, met).await,
        }
    }

    async fn who_by_token(
        &self,
        client: &Client,
        now: UnixMillis,
        met: &Met<'_>,
    ) -> Result<String, Unknown> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let found = self.discovery(client, now).await?;
        let takes_basic = found
            .token_endpoint_auth_methods_supported
            .as_ref()
            .is_none_or(|methods| methods.iter().any(|it| it == "client_secret_basic"));
        let request = self.exchange(&found.token_endpoint, met, takes_basic)?;
        let tokens: Tokens = self.redeem(client, request).await?;
        let request = Request::get(&found.jwks_uri)?;
        let what = "the provider's key set";
        let keys = answer(client, request, what).await?;
        let keys = id_token::keys(&keys).ok_or(ProviderFault::Unreadable { what })?;
        let Self { settings: ProviderSettings { issuer, client_id, .. }, .. } = self;
        let expected = Expected { issuer, client_id, nonce: met.nonce, now };
        id_token::subject(&tokens.id_token, &keys, &expected).map_err(Unknown::Refused)
    }

    async fn who_by_api(
        &self,
        client: &Client,
        api: &str,
        met: &Met<'_>,
    ) -> Result<String, Unknown> {
        #[derive(Deserialize)]
        struct Tokens {
            access_token: String,
        }
        #[derive(Deserialize)]
        struct User {
            id: u64,
        }
        let address = format!("{}/login/oauth/access_token", self.base());
        let request = self.exchange(&address, met, false)?;
        let tokens: Tokens = self.redeem(client, request).await?;
        let broken = |_| ProviderFault::Unreadable { what: "the access token" };
        let bearer = HeaderValue::try_from(format!("Bearer {}", tokens.access_token));
        let request = Request::get(&format!("{}/user", api.trim_end_matches('/')))?
            .header(header::AUTHORIZATION, bearer.map_err(broken)?)
            .header(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        let what = "the provider's API";
        let user: User = read(&answer(client, request, what).await?, what)?;
        Ok(user.id.to_string())
    }

    fn base(&self) -> &str {
        self.settings.issuer.trim_end_matches('/')
    }

    /// The request that turns a code into tokens (RFC 6749 §4.1.3).
    fn exchange(
        &self,
        address: &str,
        met: &Met<'_>,
        is_basic: bool,
    ) -> Result<Request, ProviderFault> {
        let ProviderSettings { client_id, client_secret, .. } = &self.settings;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", met.code)
            .append_pair("redirect_uri", met.redirect_uri)
            .append_pair("code_verifier", met.verifier);
        let mut request = Request::post(address)?
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        if is_basic {
            let [id, secret] = [client_id, client_secret.expose()]
                .map(|it| byte_serialize(it.as_bytes()).collect::<String>());
            let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            let mut basic = HeaderValue::try_from(basic)
                .map_err(|_| ProviderFault::Configuration { why: "the client secret" })?;
            basic.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, basic);
        } else {
            form.append_pair("client_id", client_id)
                .append_pair("client_secret", client_secret.expose());
        }
        Ok(request.body(form.finish()))
    }

    /// Sends it. A code that is not good is the browser's fault, not the provider's.
    async fn redeem<T: DeserializeOwned>(
        &self,
        client: &Client,
        request: Request,
    ) -> Result<T, Unknown> {
        let what = "the token endpoint";
        match answer(client, request, what).await {
            // GitHub says 200 where it means 400.
            Ok(body) => serde_json::from_slice(&body).map_err(|_| Unknown::Refused("code_refused")),
            Err(ProviderFault::Status { status: StatusCode::BAD_REQUEST, .. }) => {
                Err(Unknown::Refused("code_refused"))
            }
            Err(fault) => Err(Unknown::Down(fault)),
        }
    }

    /// Where its addresses are; asked for at most once an hour.
    async fn discovery(
        &self,
        client: &Client,
        now: UnixMillis,
    ) -> Result<Arc<Discovery>, ProviderFault> {
        if let Some((at, found)) = &*self.found.lock().unwrap_or_else(PoisonError::into_inner)
            && at.plus(REMEMBERED) > now
        {
            return Ok(Arc::clone(found));
        }
        let what = "the provider's configuration";
        let request = Request::get(&format!("{}/.well-known/openid-configuration", self.base()))?;
        let found: Discovery = read(&answer(client, request, what).await?, what)?;
        if found.issuer != self.settings.issuer {
            return Err(ProviderFault::Configuration { why: "it names another issuer" });
        }
        let addresses = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        if !addresses.iter().all(|it| it.parse().is_ok_and(|url| is_private(&url))) {
            return Err(ProviderFault::Configuration { why: "an address of it is not https" });
        }
        let found = Arc::new(found);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((now, Arc::clone(&found)));
        Ok(found)
    }
}

async fn answer(
    client: &Client,
    request: Request,
    what: &'static str,
) -> Result<egress::Bytes, ProviderFault> {
    let response = client.send(request).await?;
    let status = response.status;
    if status != StatusCode::OK {
        return Err(ProviderFault::Status { what, status });
    }
    Ok(response.body.bytes().await?)
}

fn read<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, ProviderFault> {
    serde_json::from_slice(bytes).map_err(|_| ProviderFault::Unreadable { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_over_https_or_on_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example:8443/realm",
            "http://127.0.0.1:9",
            "http://[::1]:9",
        ] {
            assert!(origin_of(good).is_ok(), "{good}");
        }
        for bad in
            ["http://id.example", "ftp://id.example", "id.example", "https://id.example/?a=b", ""]
        {
            assert!(origin_of(bad).is_err(), "{bad}");
        }
    }
}
