//! Proxy variables change nothing. A process cannot change its own environment safely, so another one runs the
//! request.

use std::process::Command;

use super::harness::*;
use crate::Request;

#[tokio::test]
async fn a_request_goes_straight_to_its_server() {
    let server = Server::start(FORBIDDEN, |_| ok("straight")).await;
    let answer = client_of(&[&server]).send(Request::get(&url(&server)).unwrap()).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "straight");
    assert!(server.requests()[0].starts_with("get /path?query=secret http/1.1\r\n"));
}

#[test]
fn proxy_variables_change_nothing() {
    let (canary, port) = canary();
    let proxy = format!("http://127.0.0.1:{port}");
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "tests::proxies::a_request_goes_straight_to_its_server"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        again.env(name, &proxy);
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        again.env_remove(name);
    }
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_untouched(&canary);
}
