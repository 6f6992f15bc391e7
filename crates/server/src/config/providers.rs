//! Who else may say who somebody is: an OpenID Connect provider, GitHub. Neither, unless it is set up.

use std::path::PathBuf;

use clap::ArgAction;

use names::Secret;
use trust::{Elsewhere, Protocol, ProviderSettings};
use url::Url;

use super::{SecretText, secret_text, secret_variable};
use crate::Error;

/// Where GitHub is.
const GITHUB: &str = "https://github.com";
/// Where its API is.
const GITHUB_API: &str = "https://api.github.com";

/// Settings of providers. Their secrets are in files or in `MOTET_OIDC_CLIENT_SECRET` and
/// `MOTET_GITHUB_CLIENT_SECRET`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ProviderArgs {
    /// An OpenID Connect provider whose accounts sign people in, such as `https://id.example`; none unless given
    #[arg(long, env = "MOTET_OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<Url>,
    /// What people call that provider
    #[arg(long, env = "MOTET_OIDC_NAME", default_value = "single sign-on", value_name = "NAME")]
    pub oidc_name: String,
    /// How that provider knows this install
    #[arg(long, env = "MOTET_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// A file with the secret that the provider gave; unless given, the variable `MOTET_OIDC_CLIENT_SECRET`
    #[arg(long, env = "MOTET_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// A further origin that the provider uses, such as `https://keys.id.example`
    #[arg(
        long = "oidc-origin",
        env = "MOTET_OIDC_ORIGINS",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub oidc_origins: Vec<Url>,
    /// Whether somebody new may come by a provider: on or off
    #[arg(long, env = "MOTET_OIDC_SIGNUP", default_value = "off", value_name = "ON|OFF", action = ArgAction::Set, value_parser = on_or_off)]
    pub oidc_signup: bool,
    /// How GitHub knows this install; its accounts sign nobody in unless given
    #[arg(long, env = "MOTET_GITHUB_CLIENT_ID", value_name = "ID")]
    pub github_client_id: Option<String>,
    /// A file with the secret that GitHub gave; unless given, the variable `MOTET_GITHUB_CLIENT_SECRET`
    #[arg(long, env = "MOTET_GITHUB_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub github_client_secret_file: Option<PathBuf>,
    /// Another install of GitHub than the public one
    #[arg(long, env = "MOTET_GITHUB_URL", value_name = "URL")]
    pub github_url: Option<Url>,
    /// Where the API of that install is; that of the public one unless given
    #[arg(long, env = "MOTET_GITHUB_API_URL", value_name = "URL")]
    pub github_api_url: Option<Url>,
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("`{other}` is neither on nor off")),
    }
}

impl ProviderArgs {
    /// The providers that are set up.
    pub(crate) fn elsewhere(&self) -> Result<Elsewhere, Error> {
        let providers = self.oidc()?.into_iter().chain(self.github()?).collect();
        Elsewhere::new(providers).map_err(|fault| Error::Configuration(fault.to_string()))
    }

    fn oidc(&self) -> Result<Option<ProviderSettings>, Error> {
        let (Some(issuer), Some(client_id)) = (&self.oidc_issuer, &self.oidc_client_id) else {
            if self.oidc_issuer.is_none() && self.oidc_client_id.is_none() {
                return Ok(None);
            }
            let sentence =
                "--oidc-issuer and --oidc-client-id belong together: give both or neither";
            return Err(Error::Configuration(sentence.to_owned()));
        };
        let file = self.oidc_client_secret_file.as_ref();
        Ok(Some(ProviderSettings {
            slug: "oidc",
            name: self.oidc_name.clone(),
            protocol: Protocol::OpenIdConnect,
            issuer: address(issuer),
            origins: self.oidc_origins.iter().map(address).collect(),
            client_id: client_id.clone(),
            client_secret: secret(file, "MOTET_OIDC_CLIENT_SECRET", "--oidc-client-secret-file")?,
            signup: self.oidc_signup,
        }))
    }

    fn github(&self) -> Result<Option<ProviderSettings>, Error> {
        let Some(client_id) = &self.github_client_id else { return Ok(None) };
        let given = |url: &Option<Url>, usual: &str| url.as_ref().map_or(usual.to_owned(), address);
        let file = self.github_client_secret_file.as_ref();
        let variable = "MOTET_GITHUB_CLIENT_SECRET";
        Ok(Some(ProviderSettings {
            slug: "github",
            name: "GitHub".to_owned(),
            protocol: Protocol::GitHub { api: given(&self.github_api_url, GITHUB_API) },
            issuer: given(&self.github_url, GITHUB),
            origins: Vec::new(),
            client_id: client_id.clone(),
            client_secret: secret(file, variable, "--github-client-secret-file")?,
            signup: self.oidc_signup,
        }))
    }
}

/// The address as its owner writes it: a closing slash that nobody typed would make another name of it.
fn address(url: &Url) -> String {
    let text = url.as_str();
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_bare { text.trim_end_matches('/') } else { text }.to_owned()
}

fn secret(file: Option<&PathBuf>, variable: &str, flag: &str) -> Result<SecretText, Error> {
    let found = match file {
        Some(path) => Some(secret_text(path)?),
        None => secret_variable(variable),
    };
    let found = found.filter(|it| !it.expose().is_empty());
    found.map(|it| Secret::new(it.expose().clone())).ok_or_else(|| {
        Error::Configuration(format!(
            "a provider is set up without its secret: set {variable}, or give {flag}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ProviderArgs,
    }

    fn offers(args: &[&str]) -> Result<Vec<String>, String> {
        let cli = Cli::try_parse_from([&["motet"], args].concat()).unwrap();
        let elsewhere = cli.args.elsewhere().map_err(|error| error.to_string())?;
        Ok(elsewhere.offers().iter().map(|it| format!("{} {}", it.slug, it.issuer)).collect())
    }

    #[test]
    fn a_provider_is_set_up_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "hush\n").unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(offers(&[]), Ok(Vec::new()));
        let oidc = ["--oidc-issuer", "https://id.example", "--oidc-client-id", "motet"];
        let whole = [oidc.as_slice(), &["--oidc-client-secret-file", file]].concat();
        assert_eq!(offers(&whole), Ok(vec!["oidc https://id.example".to_owned()]));
        let github = ["--github-client-id", "Iv1", "--github-client-secret-file", file];
        assert_eq!(offers(&github), Ok(vec!["github https://github.com".to_owned()]));
        assert!(offers(&oidc[..2]).unwrap_err().contains("--oidc-client-id"));
        assert!(offers(&oidc).unwrap_err().contains("MOTET_OIDC_CLIENT_SECRET"));
        let clear = ["--oidc-issuer", "http://id.example", "--oidc-client-id", "motet"];
        let clear = [clear.as_slice(), &["--oidc-client-secret-file", file]].concat();
        assert!(offers(&clear).unwrap_err().contains("others could read"));
    }

    #[test]
    fn an_issuer_keeps_its_own_spelling() {
        for (given, kept) in [
            ("https://id.example", "https://id.example"),
            ("https://id.example/", "https://id.example"),
            ("https://id.example/realm", "https://id.example/realm"),
            ("https://id.example/realm/", "https://id.example/realm/"),
        ] {
            assert_eq!(address(&given.parse().unwrap()), kept);
        }
    }
}
