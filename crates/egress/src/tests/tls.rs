//! Whose certificates are believed.

use std::{net::IpAddr, sync::Arc};

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::harness::*;
use crate::{Client, Error, Listed, Origin, Policy, Request, Roots, Settings, SetupError};

const NAME: &str = "bucket.example";

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        acceptor(&params.signed_by(&key, &self.0).unwrap(), &key)
    }
}

fn acceptor(certificate: &Certificate, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

async fn server(at: IpAddr, tls: TlsAcceptor) -> Server {
    let listener = TcpListener::bind((at, 0)).await.unwrap();
    Server::listen(listener, Some(tls), |_| ok("secret bytes"))
}

fn origin_of(server: &Server) -> Origin {
    format!("https://{NAME}:{}", server.port()).parse().unwrap()
}

async fn ask(policy: Policy, server: &Server, roots: Option<&Authority>) -> Result<String, Error> {
    let names = Arc::new(Names::default().with(NAME, &[&[server.address.ip()]]));
    let settings: Settings = settings(policy, names);
    let settings = match roots {
        Some(authority) => settings.roots(Roots::Pem(authority.pem())),
        None => settings,
    };
    let client = Client::new(settings).unwrap();
    let answer = client.send(Request::get(&origin_of(server).to_string())?).await?;
    Ok(String::from_utf8(answer.body.bytes().await?.to_vec()).unwrap())
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let own = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let server = server(FORBIDDEN, acceptor(&own.cert, &own.signing_key)).await;
    let policy = Policy::OperatorListed(Listed::new().with(origin_of(&server)));
    let error = ask(policy, &server, None).await.unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_roots_vouch_for_a_public_name() {
    let authority = Authority::new();
    let server = server(PUBLIC, authority.acceptor(NAME)).await;
    let policy = Policy::Public(public(&[server.port()]));
    assert_eq!(ask(policy, &server, Some(&authority)).await.unwrap(), "secret bytes");
}

#[tokio::test]
async fn a_listed_origin_brings_its_own_authority() {
    let authority = Authority::new();
    let server = server(FORBIDDEN, authority.acceptor(NAME)).await;
    let listed = Listed::new().with_authority(origin_of(&server), &authority.pem()).unwrap();
    assert_eq!(ask(Policy::OperatorListed(listed), &server, None).await.unwrap(), "secret bytes");
}

#[tokio::test]
async fn an_origins_own_authority_is_the_only_one_for_it() {
    let (own, common) = (Authority::new(), Authority::new());
    let server = server(FORBIDDEN, common.acceptor(NAME)).await;
    let listed = Listed::new().with_authority(origin_of(&server), &own.pem()).unwrap();
    let error = ask(Policy::OperatorListed(listed), &server, Some(&common)).await.unwrap_err();
    assert_eq!(error.code(), "tls");
}

#[tokio::test]
async fn a_certificate_must_bear_the_name_that_was_asked_for() {
    let authority = Authority::new();
    let server = server(FORBIDDEN, authority.acceptor("other.example")).await;
    let listed = Listed::new().with_authority(origin_of(&server), &authority.pem()).unwrap();
    let error = ask(Policy::OperatorListed(listed), &server, None).await.unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_in_the_clear_does_not_pass_for_https() {
    let server = Server::start(FORBIDDEN, |_| ok("in the clear")).await;
    let policy = Policy::OperatorListed(Listed::new().with(origin_of(&server)));
    let (_silent, _) = canary();
    let names = Arc::new(Names::default().with(NAME, &[&[FORBIDDEN]]));
    let limits = hasty(|it| it.connect = std::time::Duration::from_millis(200));
    let client = Client::new(settings(policy, names).limits(limits)).unwrap();
    let request = Request::get(&origin_of(&server).to_string()).unwrap();
    assert!(client.send(request).await.is_err());
    assert!(server.requests().is_empty());
}

#[test]
fn roots_that_cannot_be_read_are_a_setup_error() {
    let policy = Policy::OperatorListed(Listed::new());
    let made = Client::new(Settings::new(policy).roots(Roots::Pem(b"nothing".to_vec())));
    assert!(matches!(made, Err(SetupError::Certificates { .. })));
}

#[test]
fn a_list_without_https_needs_no_roots() {
    let listed = Listed::new().with("http://127.0.0.1:9000".parse().unwrap());
    assert!(!Policy::OperatorListed(listed).needs_roots());
}
