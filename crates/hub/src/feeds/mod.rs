//! Feeds (Atom).
use web::Routes;

use crate::Hub;

pub(crate) const STATEMENTS: &[&db::Sql] = &[];

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes
}
