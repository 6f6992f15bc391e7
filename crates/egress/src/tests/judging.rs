//! What is refused before a byte goes out, and what is reached.

use std::{net::IpAddr, sync::Arc};

use super::harness::*;
use crate::{Client, Listed, Policy, Request};

const ANYWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 8, 8));

#[tokio::test]
async fn one_forbidden_address_refuses_the_whole_name() {
    let (canary, port) = canary();
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    for answer in [[ANYWHERE, FORBIDDEN], [FORBIDDEN, ANYWHERE], [ANYWHERE, mapped]] {
        let names = Names::default().with("hooks.example", &[&answer]);
        let client = client(Policy::Public(public(&[port])), names);
        let request = Request::get(&format!("http://hooks.example:{port}/")).unwrap();
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error.code(), "forbidden_address");
        assert_eq!(
            error.to_string(),
            format!(
                "http://hooks.example:{port}: the name leads to an address that may not be reached: \
                 loopback (RFC 1122)"
            )
        );
        assert_untouched(&canary);
    }
}

#[tokio::test]
async fn addresses_in_the_url_are_judged_in_every_spelling() {
    let (canary, port) = canary();
    let client = client(Policy::Public(public(&[port])), Names::default());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:808:808::80ff:fffe]",
        "[fe80::1]",
        "[fd00::1]",
    ] {
        let url = format!("http://{host}:{port}/");
        let checked = client.check(&url).await.map_err(|error| error.code());
        assert_eq!(checked, Err("forbidden_address"), "{url}");
        let error = client.send(Request::get(&url).unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "forbidden_address", "{url}");
        assert!(error.is_refusal());
    }
    assert_untouched(&canary);
}

#[tokio::test]
async fn a_rebinding_name_never_reaches_its_second_address() {
    let (canary, server) = canary_beside_a_server(|_| ok("hello")).await;
    let names = Arc::new(Names::default().with("rebind.example", &[&[PUBLIC], &[FORBIDDEN]]));
    let policy = Policy::Public(public(&[server.port()]));
    let settings = settings(policy, names.clone()).reuse_for(std::time::Duration::ZERO);
    let client = Client::new(settings).unwrap();
    let url = format!("http://rebind.example:{}/", server.port());

    let answer = client.send(Request::get(&url).unwrap()).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "hello");
    assert_eq!(names.asked().len(), 1, "what was judged is what was connected to");

    let error = client.send(Request::get(&url).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "forbidden_address");
    assert_eq!((names.asked().len(), server.connections()), (2, 1));
    assert_untouched(&canary);
}

#[tokio::test]
async fn a_check_looks_up_and_connects_to_nothing() {
    let server = Server::start(PUBLIC, |_| ok("")).await;
    let names = Names::default().with("hooks.example", &[&[PUBLIC]]);
    let client = client(Policy::Public(public(&[server.port()])), names);
    client.check(&format!("http://hooks.example:{}/", server.port())).await.unwrap();
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_exception_of_the_tests_is_one_address_and_no_other() {
    let (canary, port) = canary();
    let client = client(Policy::Public(public(&[port])), Names::default());
    let open = client.check(&format!("http://127.0.0.2:{port}/")).await;
    let shut = client.check(&format!("http://127.0.0.4:{port}/")).await;
    assert_eq!((open.is_ok(), shut.unwrap_err().code()), (true, "forbidden_address"));
    assert_untouched(&canary);
}

#[tokio::test]
async fn a_listed_origin_is_reached_and_its_neighbour_is_not() {
    let server = Server::start(FORBIDDEN, |_| ok("bucket")).await;
    let neighbour = Server::start(FORBIDDEN, |_| ok("")).await;
    let client = client_of(&[&server]);
    let answer = client.send(Request::get(&url(&server)).unwrap()).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "bucket");
    let error = client.send(Request::get(&url(&neighbour)).unwrap()).await.unwrap_err();
    assert_eq!((error.code(), neighbour.connections()), ("not_listed", 0));
}

#[tokio::test]
async fn an_address_that_is_not_there_gives_way_to_the_next() {
    let server = Server::start(FORBIDDEN, |_| ok("second")).await;
    let nowhere = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    let names = Names::default().with("two.example", &[&[nowhere, FORBIDDEN]]);
    let url = format!("http://two.example:{}", server.port());
    let policy = Policy::OperatorListed(Listed::new().with(url.parse().unwrap()));
    let answer = client(policy, names).send(Request::get(&url).unwrap()).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "second");
}

#[tokio::test]
async fn a_public_client_may_have_listed_origins_beside() {
    let server = Server::start(FORBIDDEN, |_| ok("receiver")).await;
    let listed = Listed::new().with(origin(&server));
    let policy = Policy::Public(crate::Public::new().and_listed(listed));
    let client = client(policy, Names::default());
    let answer = client.send(Request::get(&url(&server)).unwrap()).await.unwrap();
    assert_eq!(answer.status, 200);
    let error = client.check("https://127.0.0.1/").await.unwrap_err();
    assert_eq!(error.code(), "forbidden_address");
}

#[tokio::test]
async fn a_name_without_addresses_is_unresolvable() {
    let names =
        Names::default().with("empty.example", &[&[]]).with("crowd.example", &[&[ANYWHERE; 65]]);
    let client = client(Policy::Public(public(&[])), names);
    for host in ["empty.example", "crowd.example", "missing.example"] {
        let error = client.check(&format!("http://{host}/")).await.unwrap_err();
        assert_eq!(error.code(), "unresolvable", "{host}");
    }
}

#[tokio::test]
async fn the_system_resolver_knows_this_machine() {
    use crate::{Resolve as _, SystemResolver};
    let found = SystemResolver::default().resolve("localhost").await.unwrap();
    assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
}

#[tokio::test]
async fn errors_show_the_origin_alone() {
    let server = Server::start(PUBLIC, |_| ok("")).await;
    let client = client(Policy::Public(public(&[])), Names::default());
    for url in [url(&server), "http://missing.example/T000/secret?key=secret".to_owned()] {
        let request = Request::get(&url).unwrap();
        assert!(!format!("{request:?}").contains("secret"));
        let error = client.send(request).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let error = Request::get("https://name:secret@example.com/").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
