//! `/help/ssh`: how Git comes here over SSH, and the fingerprint by which clients know the server.

use askama::Template;
use axum::response::Response;
use web::{Call, Problem, look::Layout};

use super::{Help, Reader, layout};
use crate::ssh::Face;

/// `/help/ssh`.
#[derive(Debug, Template)]
#[template(path = "help_ssh.html")]
struct SshPage {
    layout: Layout,
    face: Option<Face>,
}

pub(super) async fn show(help: Help, _: Reader, call: Call) -> Result<Response, Problem> {
    web::page(&SshPage { layout: layout("Git over SSH", &call), face: help.ssh })
}
