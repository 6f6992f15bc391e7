//! `/legal/privacy`, `/legal/terms`, `/legal/takedown` (`spec/trust.md` 13): linked in every footer.

use askama::Template;
use axum::{Router, response::Response};
use trust::{Allowed, Anything, Class, TERMS_VERSION, Trust, act};
use web::{
    Call, Entry, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout},
};

/// What these pages are made from.
#[derive(Debug, Clone)]
pub(crate) struct Legal {
    pub(crate) trust: Trust,
    /// Where those who run the install can be reached; empty if they do not say.
    pub(crate) contact: String,
}

/// What every one of them shows.
#[derive(Debug, Clone)]
struct Facts {
    /// The address of the install.
    origin: String,
    /// Where to write to; empty if nobody says.
    contact: String,
}

#[derive(Debug, Template)]
#[template(path = "legal_privacy.html")]
struct Privacy {
    layout: Layout,
    facts: Facts,
}

#[derive(Debug, Template)]
#[template(path = "legal_terms.html")]
struct Terms {
    layout: Layout,
    facts: Facts,
    version: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "legal_takedown.html")]
struct Takedown {
    layout: Layout,
    facts: Facts,
}

pub(crate) fn routes(legal: Legal) -> (Router, Vec<Entry>) {
    let trust = legal.trust.clone();
    // Free, as styles are: whoever is kept out by a limit can still read whom to ask.
    let spec = Spec::new(Surface::Page).class(Class::Free);
    Routes::new(legal, trust)
        .get("/legal/privacy", spec, privacy)
        .get("/legal/terms", spec, terms)
        .get("/legal/takedown", spec, takedown)
        .finish()
}

fn parts(legal: &Legal, title: &str, call: &Call) -> (Layout, Facts) {
    let layout = Layout {
        title: title.to_owned(),
        crumbs: vec![Crumb::here(title)],
        reader: call.context.reader(),
        request_id: call.context.request_id.clone(),
        ..Layout::default()
    };
    let facts = Facts { origin: call.context.base_url.clone(), contact: legal.contact.clone() };
    (layout, facts)
}

type Reader = Allowed<act::StaticRead, Anything>;

async fn privacy(legal: Legal, _: Reader, call: Call) -> Result<Response, Problem> {
    let (layout, facts) = parts(&legal, "Privacy", &call);
    web::page(&Privacy { layout, facts })
}

async fn terms(legal: Legal, _: Reader, call: Call) -> Result<Response, Problem> {
    let (layout, facts) = parts(&legal, "Terms", &call);
    web::page(&Terms { layout, facts, version: TERMS_VERSION })
}

async fn takedown(legal: Legal, _: Reader, call: Call) -> Result<Response, Problem> {
    let (layout, facts) = parts(&legal, "Takedown", &call);
    web::page(&Takedown { layout, facts })
}
