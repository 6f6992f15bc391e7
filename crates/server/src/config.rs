//! Settings, from flags and the environment. The only place that reads either, with `config/`.

mod connections;
mod git;
mod providers;
pub(crate) mod sealing;
mod ssh;
#[cfg(test)]
mod tests;
mod written;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use hooks::Receiver;
use hub::Quotas;
use names::{Handle, Secret};
use objects::{BucketSettings, CACHE_BYTES, Store};
use serde_json::{Map, Value};
use trust::{
    AgentPrefix, BindHost, Hosts, LimitSetting, LimitSettings, Registration, RelyingParty,
};
use url::{Host, Url};
use web::headers::{Hsts, Line};

use crate::{CorsOrigin, Error, Listen, Network, cors::Cors, ssh::Face};
use connections::ConnectionArgs;
use git::GitArgs;
use providers::ProviderArgs;
use ssh::SshArgs;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What a process does. Several processes on one PostgreSQL database can share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Answers requests, and leaves background work to others.
    Web,
    /// Does background work, and answers for its health alone.
    Worker,
    /// Both.
    All,
}

impl Role {
    /// Whether it answers requests.
    pub(crate) const fn serves(self) -> bool {
        matches!(self, Self::Web | Self::All)
    }

    /// Whether it does background work.
    pub(crate) const fn works(self) -> bool {
        matches!(self, Self::Worker | Self::All)
    }
}

/// Where a server on this machine keeps everything, for commands that act as its operator.
#[derive(Debug, Clone, clap::Args)]
pub struct DataDir {
    /// The data directory of the server on this machine, with the operator's key
    #[arg(long, env = "MOTET_DATA_DIR", value_name = "DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
}

/// Settings of `motet serve`.
#[derive(Clone, clap::Args)]
pub struct ServeArgs {
    /// Where everything is kept; made when missing
    #[arg(long, env = "MOTET_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// The address to answer on
    #[arg(long, env = "MOTET_LISTEN", default_value = "127.0.0.1:7420")]
    pub listen: Listen,
    /// Serve one person on this machine: answer to this machine alone, and give programs here credentials at once
    #[arg(long, env = "MOTET_LOCAL", value_parser = clap::builder::FalseyValueParser::new())]
    pub local: bool,
    /// What the one person of a local server is called
    #[arg(long, env = "MOTET_LOCAL_HANDLE", default_value = "owner", value_name = "HANDLE")]
    pub local_handle: Handle,
    /// The address under which people reach the server, such as `https://forge.example`
    #[arg(long, env = "MOTET_PUBLIC_URL")]
    pub public_url: Option<Url>,
    /// Further host names (with their port, if not the usual one) that the server answers to
    #[arg(long = "host", env = "MOTET_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// Who may register: open, invite or closed [default: open on a loopback address, else invite]
    #[arg(long, env = "MOTET_REGISTRATION")]
    pub registration: Option<Registration>,
    /// What this process does: web answers requests, worker does background work, all does both
    #[arg(
        long,
        env = "MOTET_ROLE",
        value_enum,
        default_value = "all",
        hide_possible_values = true
    )]
    pub role: Role,
    /// Start nothing at its time: for a copy of an install, or while something is being mended. What is asked for by
    /// hand is done
    #[arg(long, env = "MOTET_NO_SCHEDULES", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_schedules: bool,
    /// Where those who run the install can be reached: it stands on the legal pages
    #[arg(long, env = "MOTET_CONTACT")]
    pub contact: Option<String>,
    /// What is logged: error, warn, info, debug, or targets as in `hub=debug,info`
    #[arg(long, env = "MOTET_LOG", default_value = "info")]
    pub log: String,
    /// How logs are written
    #[arg(long, env = "MOTET_LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,
    /// Where counters are served, for operators only; nowhere unless given
    #[arg(long, env = "MOTET_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// How long requests under way may take when the server is told to stop, in seconds
    #[arg(long, env = "MOTET_DRAIN_SECONDS", default_value = "20")]
    pub drain_seconds: u64,
    /// How many bytes the repositories of an owner may hold together, where no other limit was set
    #[arg(long, env = "MOTET_QUOTA_OWNER_BYTES", default_value_t = Quotas::default().owner_bytes)]
    pub quota_owner_bytes: u64,
    /// How many bytes a repository may hold
    #[arg(long, env = "MOTET_QUOTA_REPOSITORY_BYTES", default_value_t = Quotas::default().repository_bytes)]
    pub quota_repository_bytes: u64,
    /// How many objects a repository may hold
    #[arg(long, env = "MOTET_QUOTA_REPOSITORY_OBJECTS", default_value_t = Quotas::default().repository_objects)]
    pub quota_repository_objects: u64,
    /// How long a page may look for who last changed the lines of a file, in seconds; what is not found by then is said
    /// to be older
    #[arg(long, env = "MOTET_BLAME_SECONDS", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub blame_seconds: u64,
    /// How long a search may take, in milliseconds; what was found by then is said to be a part
    #[arg(long, env = "MOTET_SEARCH_MILLISECONDS", default_value = "500", value_parser = clap::value_parser!(u64).range(0..=30_000))]
    pub search_milliseconds: u64,
    /// Another limit than the usual one: NAME=NUMBER, such as auth=40; the names are in docs/limits.md
    #[arg(long = "limit", env = "MOTET_LIMITS", value_delimiter = ',', value_name = "NAME=NUMBER")]
    pub limits: Vec<LimitSetting>,
    /// Parts of the User-Agent of programs that get no pages unless they sign in, instead of the shipped list
    #[arg(
        long = "bot-agent",
        env = "MOTET_BOT_AGENTS",
        value_delimiter = ',',
        value_name = "TEXT"
    )]
    pub bot_agents: Vec<String>,
    /// How names of agents begin that commits are expected to name, such as `note-g`: they are shown without a warning, and
    /// have no right by it
    #[arg(
        long = "trusted-agent-prefix",
        env = "MOTET_TRUSTED_AGENT_PREFIXES",
        value_delimiter = ',',
        value_name = "TEXT"
    )]
    pub trusted_agent_prefixes: Vec<AgentPrefix>,
    /// A proxy that is believed when it says for whom it asks (X-Forwarded-For): an address, or a network as in
    /// 10.0.0.0/8
    #[arg(
        long = "trusted-proxy",
        env = "MOTET_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub trusted_proxies: Vec<Network>,
    /// How long a machine that asks to be let in waits between two questions, in seconds
    #[arg(long, env = "MOTET_DEVICE_INTERVAL", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub device_interval: u64,
    /// A site whose pages may read the JSON API in a browser, by scheme and host; none unless given
    #[arg(
        long = "cors-origin",
        env = "MOTET_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub cors_origins: Vec<CorsOrigin>,
    /// A receiver of webhooks that may be reached wherever it is, by http too, as name:port
    #[arg(
        long = "webhook-allow",
        env = "MOTET_WEBHOOK_ALLOW",
        value_delimiter = ',',
        value_name = "NAME:PORT"
    )]
    pub webhook_receivers: Vec<Receiver>,
    /// A file with the install key; `install.key` in the data directory unless given
    #[arg(long, env = "MOTET_INSTALL_KEY_FILE")]
    pub install_key_file: Option<PathBuf>,
    /// A file with a token that makes publishers, good until the file says another; read at the start
    #[arg(long, env = "MOTET_BOOTSTRAP_TOKEN_FILE", value_name = "FILE")]
    pub bootstrap_token_file: Option<PathBuf>,
    /// A file with the address of a PostgreSQL database, `postgres://user:password@host/name`; SQLite in the data
    /// directory unless given here or in the variable `MOTET_DATABASE_URL`
    #[arg(long, env = "MOTET_DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
    /// Settings of connections
    #[command(flatten)]
    pub connections: ConnectionArgs,
    /// Settings of Git
    #[command(flatten)]
    pub git: GitArgs,
    /// Settings of SSH
    #[command(flatten)]
    pub ssh: SshArgs,
    /// Settings of a bucket
    #[command(flatten)]
    pub s3: S3Args,
    /// Settings of those who may say who somebody is
    #[command(flatten)]
    pub providers: ProviderArgs,
}

/// How a bucket is addressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum S3Style {
    /// `https://s3.example/bucket/key`: every store understands it.
    #[default]
    Path,
    /// `https://bucket.s3.example/key`.
    Host,
}

/// Where objects are kept if not on disk; which key may, is in `MOTET_S3_KEY_ID` and `MOTET_S3_SECRET` or in a file.
#[derive(Debug, Clone, clap::Args)]
pub struct S3Args {
    /// An S3-compatible store that keeps the objects, such as `https://s3.example`; they are kept in the data directory
    /// unless given
    #[arg(id = "s3_endpoint", long = "s3-endpoint", env = "MOTET_S3_ENDPOINT")]
    pub endpoint: Option<String>,
    /// The region of the bucket [default: us-east-1]
    #[arg(id = "s3_region", long = "s3-region", env = "MOTET_S3_REGION")]
    pub region: Option<String>,
    /// The bucket, which has to be there
    #[arg(id = "s3_bucket", long = "s3-bucket", env = "MOTET_S3_BUCKET")]
    pub bucket: Option<String>,
    /// What all keys in the bucket begin with, such as `motet`; nothing unless given
    #[arg(id = "s3_prefix", long = "s3-prefix", env = "MOTET_S3_PREFIX")]
    pub prefix: Option<String>,
    /// Whether the bucket's name stands in the path or in the host [default: path]
    #[arg(id = "s3_style", long = "s3-style", env = "MOTET_S3_STYLE", value_enum)]
    pub style: Option<S3Style>,
    /// A file with one line, `KEY_ID:SECRET`; unless given, the variables `MOTET_S3_KEY_ID` and `MOTET_S3_SECRET`
    #[arg(
        id = "s3_credentials_file",
        long = "s3-credentials-file",
        env = "MOTET_S3_CREDENTIALS_FILE"
    )]
    pub credentials_file: Option<PathBuf>,
    /// How many bytes of a bucket's objects are kept on this machine, in `objects/cache` of the data directory
    #[arg(id = "s3_cache_bytes", long = "s3-cache-bytes", env = "MOTET_S3_CACHE_BYTES", default_value_t = CACHE_BYTES)]
    pub cache_bytes: u64,
}

impl S3Args {
    /// Where objects are kept.
    pub(crate) fn store(&self) -> Result<Store, Error> {
        let cache_bytes = self.cache_bytes;
        let bucket = self.settings()?;
        Ok(bucket.map_or(Store::Disk, |settings| Store::Bucket { settings, cache_bytes }))
    }

    /// The bucket that objects are kept in; nothing if they are kept in the data directory.
    pub fn settings(&self) -> Result<Option<BucketSettings>, Error> {
        let Some(endpoint) = self.endpoint.clone() else {
            return self.refuse_without_endpoint();
        };
        let Some(bucket) = self.bucket.clone() else {
            let sentence = "--s3-endpoint is given and --s3-bucket is not: name the bucket";
            return Err(Error::Configuration(sentence.to_owned()));
        };
        let (key_id, secret) = self.credentials()?;
        Ok(Some(BucketSettings {
            endpoint,
            region: self.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            bucket,
            prefix: self.prefix.clone().unwrap_or_default(),
            key_id,
            secret,
            path_style: self.style.unwrap_or_default() == S3Style::Path,
        }))
    }

    /// Somebody who names a bucket would not want everything to go on the disk silently.
    fn refuse_without_endpoint(&self) -> Result<Option<BucketSettings>, Error> {
        let given = [
            ("--s3-region", self.region.is_some()),
            ("--s3-bucket", self.bucket.is_some()),
            ("--s3-prefix", self.prefix.is_some()),
            ("--s3-style", self.style.is_some()),
            ("--s3-credentials-file", self.credentials_file.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(None),
            Some((flag, _)) => Err(Error::Configuration(format!(
                "{flag} is given and --s3-endpoint is not: name the store, or leave {flag} away"
            ))),
        }
    }

    fn credentials(&self) -> Result<(String, SecretText), Error> {
        let Some(path) = &self.credentials_file else {
            let key_id = secret_variable("MOTET_S3_KEY_ID");
            let found = key_id.zip(secret_variable("MOTET_S3_SECRET"));
            let found = found.map(|(key_id, secret)| (key_id.expose().clone(), secret));
            return found.ok_or_else(|| {
                Error::Configuration(
                    "--s3-endpoint is given without a key: set MOTET_S3_KEY_ID and MOTET_S3_SECRET, or give \
                     --s3-credentials-file"
                        .to_owned(),
                )
            });
        };
        let text = secret_text(path)?;
        match text.expose().split_once(':') {
            Some((key_id, secret)) => Ok((key_id.to_owned(), Secret::new(secret.to_owned()))),
            None => {
                Err(Error::Configuration(format!("{} has no line `KEY_ID:SECRET`", path.display())))
            }
        }
    }
}

impl std::fmt::Debug for ServeArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeArgs")
            .field("data_dir", &self.data_dir)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// A secret from the environment.
pub(crate) type SecretText = Secret<String>;

/// Settings that depend on the address that was bound.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    /// `host` or `host:port` of the base address: what clients sign.
    pub(crate) authority: String,
    pub(crate) role: Role,
    pub(crate) fires_schedules: bool,
    pub(crate) is_https: bool,
    pub(crate) hsts: Hsts,
    pub(crate) trust: trust::Settings,
    /// Where those who run the install can be reached.
    pub(crate) contact: String,
    pub(crate) hub: hub::Settings,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) cors: Cors,
    /// Receivers of webhooks that may be reached wherever they are.
    pub(crate) webhook_receivers: Vec<Receiver>,
    /// The one person of a local server.
    pub(crate) local: Option<Handle>,
    /// Where Git is answered over SSH, once that is known.
    pub(crate) ssh: Option<Face>,
    /// What was said of the whole install, by name.
    pub(crate) written: Map<String, Value>,
}

impl Settings {
    /// What the install is called, without a port.
    pub(crate) fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            Some(_) | None => &self.authority,
        }
    }

    /// How people reach the install.
    pub(crate) const fn line(&self) -> Line {
        if self.is_https { Line::Https(self.hsts) } else { Line::Http }
    }
}

impl ServeArgs {
    /// The install key from the environment, if it is there. Not an argument: every process can see those.
    pub(crate) fn install_key_text() -> Option<SecretText> {
        secret_variable("MOTET_INSTALL_KEY")
    }

    /// Where the PostgreSQL database is; nothing for SQLite. The address holds a password, so it is no argument either.
    pub(crate) fn database_url(&self) -> Result<Option<SecretText>, Error> {
        if let Some(url) = secret_variable("MOTET_DATABASE_URL") {
            return Ok(Some(url));
        }
        let Some(path) = &self.database_url_file else { return Ok(None) };
        secret_text(path).map(Some)
    }

    /// What the file of the bootstrap token says.
    pub(crate) fn bootstrap_token(&self) -> Result<Option<SecretText>, Error> {
        self.bootstrap_token_file.as_deref().map(secret_text).transpose()
    }

    fn quotas(&self) -> Quotas {
        Quotas {
            owner_bytes: self.quota_owner_bytes,
            repository_bytes: self.quota_repository_bytes,
            repository_objects: self.quota_repository_objects,
        }
    }

    fn limits(&self) -> LimitSettings {
        let mut limits = LimitSettings::default();
        self.limits.iter().for_each(|it| limits.set(*it));
        if !self.bot_agents.is_empty() {
            limits.set_bot_agents(self.bot_agents.iter().cloned());
        }
        limits
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Completes the settings once the port is known.
    pub(crate) fn resolve(&self, bound: SocketAddr) -> Result<Settings, Error> {
        let loopback = bound.ip().to_canonical().is_loopback();
        let own = Url::parse(&format!("http://{bound}"));
        let own =
            own.map_err(|error| Error::Configuration(format!("{bound} is no address: {error}")))?;
        let public = self.public_url.clone().unwrap_or(own);
        let authority = authority_of(&public)?;
        if self.role != Role::All && self.database_url()?.is_none() {
            return Err(Error::Configuration(
                "on SQLite one process does everything: --role needs a PostgreSQL database"
                    .to_owned(),
            ));
        }
        let hosts = if self.local {
            self.check_local(&public)?;
            let default_port = if public.scheme() == "https" { 443 } else { 80 };
            Hosts::Loopback { port: bound.port(), default_port }
        } else {
            self.named_hosts(&authority, bound)
        };
        let registration = if loopback { Registration::Open } else { Registration::Invite };
        let public_url = format!("{}://{authority}", public.scheme());
        Ok(Settings {
            base_url: public_url.clone(),
            is_https: public.scheme() == "https",
            hsts: self.connections.hsts,
            authority,
            role: self.role,
            fires_schedules: !self.no_schedules,
            trust: trust::Settings {
                registration: self.registration.unwrap_or(registration),
                hosts,
                loopback,
                is_private_line: loopback || public.scheme() == "https",
                device_interval_seconds: self.device_interval,
                trusted_agent_prefixes: self.trusted_agent_prefixes.clone(),
                limits: self.limits(),
                passkeys: relying_party(&public, bound),
                elsewhere: self.providers.elsewhere()?,
                ..trust::Settings::at(&public_url)
            },
            contact: self.contact.clone().unwrap_or_default(),
            hub: hub::Settings {
                quotas: self.quotas(),
                blame: Duration::from_secs(self.blame_seconds),
                search: Duration::from_millis(self.search_milliseconds),
                ssh: None,
            },
            trusted_proxies: self.trusted_proxies.clone(),
            cors: Cors::new(&self.cors_origins),
            webhook_receivers: self.webhook_receivers.clone(),
            local: self.local.then(|| self.local_handle.clone()),
            ssh: None,
            written: self.written(),
        })
    }

    fn named_hosts(&self, authority: &str, bound: SocketAddr) -> Hosts {
        let mut hosts = self.hosts.clone();
        hosts.push(authority.to_owned());
        if bound.ip().to_canonical().is_loopback() {
            let port = bound.port();
            hosts.extend(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")));
        }
        Hosts::new(hosts)
    }

    /// What a local server cannot be told (`spec/trust.md` 7, L1). That it listens on this machine alone is seen to
    /// where it begins to.
    fn check_local(&self, public: &Url) -> Result<(), Error> {
        let is_here = public.host_str().is_some_and(|host| host.parse::<BindHost>().is_ok());
        let faults = [
            (!is_here, "--public-url must name this machine: localhost, 127.0.0.1 or [::1]"),
            (
                !self.trusted_proxies.is_empty(),
                "nobody asks for others, so leave --trusted-proxy away",
            ),
            (
                !self.hosts.is_empty(),
                "it answers to this machine's names alone, so leave --host away",
            ),
            (!self.cors_origins.is_empty(), "no other site reads it, so leave --cors-origin away"),
        ];
        match faults.into_iter().find(|(is_one, _)| *is_one) {
            None => Ok(()),
            Some((_, why)) => Err(Error::Configuration(format!("a server is --local, but {why}"))),
        }
    }
}

/// What passkeys are made for. Browsers make none for a bare address; this machine has a name as well.
fn relying_party(public: &Url, bound: SocketAddr) -> Option<RelyingParty> {
    match public.host()? {
        Host::Domain(name) => Some(RelyingParty {
            id: name.to_owned(),
            origin: public.origin().ascii_serialization(),
        }),
        Host::Ipv4(_) | Host::Ipv6(_) if bound.ip().is_loopback() => Some(RelyingParty {
            id: "localhost".to_owned(),
            origin: format!("http://localhost:{}", bound.port()),
        }),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// What a file holds, without the white space around it.
fn secret_text(path: &Path) -> Result<SecretText, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::File { path: path.display().to_string(), source })?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// A secret from the environment, if it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "settings are read here, and these must not be arguments"
)]
fn secret_variable(name: &str) -> Option<SecretText> {
    std::env::var(name).ok().map(Secret::new)
}

/// `host` or `host:port` of an address that has nothing behind it.
fn authority_of(url: &Url) -> Result<String, Error> {
    let refuse = |why: &str| Err(Error::Configuration(format!("the public address `{url}` {why}")));
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("must begin with http:// or https://");
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
    {
        return refuse("must be a scheme and a host, with nothing behind");
    }
    match (url.host_str(), url.port()) {
        (None, _) => refuse("names no host"),
        (Some(host), None) => Ok(host.to_owned()),
        (Some(host), Some(port)) => Ok(format!("{host}:{port}")),
    }
}
