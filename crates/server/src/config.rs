//! Settings, from flags and the environment. The only place that reads either.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use names::Secret;
use trust::{Hosts, Registration};
use url::Url;

use crate::Error;

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
    pub listen: SocketAddr,
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
    /// A file with the install key; `install.key` in the data directory unless given
    #[arg(long, env = "MOTET_INSTALL_KEY_FILE")]
    pub install_key_file: Option<PathBuf>,
    /// A file with the address of a PostgreSQL database, `postgres://user:password@host/name`; SQLite in the data
    /// directory unless given here or in the variable `MOTET_DATABASE_URL`
    #[arg(long, env = "MOTET_DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
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
    pub(crate) is_https: bool,
    pub(crate) trust: trust::Settings,
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
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::File { path: path.display().to_string(), source })?;
        Ok(Some(Secret::new(text.trim().to_owned())))
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Completes the settings once the port is known.
    pub(crate) fn resolve(&self, bound: SocketAddr) -> Result<Settings, Error> {
        let loopback = bound.ip().is_loopback();
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
        let mut hosts = self.hosts.clone();
        hosts.push(authority.clone());
        if loopback {
            let port = bound.port();
            hosts.extend(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")));
        }
        let registration = if loopback { Registration::Open } else { Registration::Invite };
        Ok(Settings {
            base_url: format!("{}://{authority}", public.scheme()),
            is_https: public.scheme() == "https",
            authority,
            role: self.role,
            trust: trust::Settings {
                registration: self.registration.unwrap_or(registration),
                hosts: Hosts::new(hosts),
                loopback,
            },
        })
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn resolve(args: &[&str], bound: &str) -> Result<Settings, Error> {
        let cli = Cli::try_parse_from([&["motet"], args].concat()).unwrap();
        cli.serve.resolve(bound.parse().unwrap())
    }

    #[test]
    fn a_loopback_server_answers_to_its_port_and_lets_people_register() {
        let settings = resolve(&[], "127.0.0.1:7420").unwrap();
        assert_eq!(settings.base_url, "http://127.0.0.1:7420");
        assert_eq!(settings.trust.registration, Registration::Open);
        for (host, ours) in [
            ("localhost:7420", true),
            ("LOCALHOST:7420", true),
            ("localhost", false),
            ("evil", false),
        ] {
            assert_eq!(settings.trust.hosts.contain(host), ours, "{host}");
        }
    }

    #[test]
    fn a_public_server_answers_to_its_name_and_needs_invitations() {
        let args =
            ["--public-url", "https://Forge.Example", "--host", "old.example,alias.example:8443"];
        let settings = resolve(&args, "0.0.0.0:7420").unwrap();
        assert_eq!(
            (settings.base_url.as_str(), settings.is_https),
            ("https://forge.example", true)
        );
        assert_eq!(settings.trust.registration, Registration::Invite);
        for host in ["forge.example", "old.example", "alias.example:8443"] {
            assert!(settings.trust.hosts.contain(host), "{host}");
        }
        assert!(!settings.trust.hosts.contain("localhost:7420"));
    }

    #[test]
    fn a_public_address_is_a_scheme_and_a_host() {
        for bad in
            ["ftp://forge.example", "https://forge.example/path", "https://user@forge.example"]
        {
            let outcome = resolve(&["--public-url", bad], "127.0.0.1:1");
            assert!(matches!(outcome, Err(Error::Configuration(_))), "{bad}");
        }
    }
}
