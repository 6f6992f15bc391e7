//! Whose certificates are believed.
//!
//! One provider of cryptography, named here and not taken from the process: aws-lc-rs.

use std::{collections::HashMap, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{DnsName, ServerName},
};

use crate::{
    error::{Error, SetupError},
    origin::{Host, Origin},
    policy::{Policy, Reach, read_roots},
};

/// Who vouches for an origin that brings no authority of its own.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// The machine's trusted certificates (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others, as for every tool).
    #[default]
    System,
    /// These, as PEM, and no others.
    Pem(Vec<u8>),
}

/// A TLS configuration for each origin.
pub(crate) struct Tls {
    common: Arc<ClientConfig>,
    own: HashMap<Origin, Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) fn new(policy: &Policy, roots: &Roots) -> Result<Self, SetupError> {
        let common = match roots {
            Roots::Pem(pem) => read_roots("the trusted roots", pem)?,
            Roots::System if policy.needs_roots() => system_roots()?,
            Roots::System => RootCertStore::empty(),
        };
        let mut own = HashMap::new();
        for (origin, authority) in policy.authorities() {
            own.insert(origin.clone(), Arc::new(config(authority.clone())?));
        }
        Ok(Self { common: Arc::new(config(common)?), own })
    }

    /// An origin's own authority counts only where the operator's word led there.
    pub(crate) fn config(&self, origin: &Origin, reach: Reach) -> Arc<ClientConfig> {
        let own = match reach {
            Reach::Listed => self.own.get(origin),
            Reach::Judged => None,
        };
        Arc::clone(own.unwrap_or(&self.common))
    }
}

/// The name that the certificate must bear: the host of the address, whatever it resolved to.
pub(crate) fn server_name(origin: &Origin) -> Result<ServerName<'static>, Error> {
    match origin.host() {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => DnsName::try_from(name.to_string())
            .map(ServerName::DnsName)
            .map_err(|_| Error::Url { why: "its host cannot be the name in a certificate" }),
    }
}

fn config(roots: RootCertStore) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn system_roots() -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    // A machine's store may hold certificates that rustls does not read; what it does read is enough.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(SetupError::NoRoots) } else { Ok(roots) }
}
