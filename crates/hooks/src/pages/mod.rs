//! Webhooks among the settings of a repository, of an organization and of a publisher: forms that work without a script
//! (`spec/webhooks.md` 1).
//!
//! Each form goes the way of the JSON call that does the same. What does not hold is said beside its field, and what was
//! typed stays. A secret is shown in the answer to the form that made it, and never again.
//!
//! | file            | page                                                            |
//! |-----------------|-----------------------------------------------------------------|
//! | `mod.rs`        | the routes, and what pages share                                   |
//! | `list.rs`       | all of them, and a new one                                        |
//! | `one.rs`        | one: changed, switched, deleted, its secrets, its deliveries         |
//! | `deliveries.rs` | one delivery with its attempts; sent once more, many at once          |
//! | `fields.rs`     | what is typed of a webhook                                         |
//! | `view.rs`       | what the templates show                                           |

mod deliveries;
mod fields;
mod list;
mod one;
mod view;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use trust::{Actor, Publisher};
use web::{
    Call, Fault, Problem, Routes, Spec, Surface,
    look::{Html, Layout},
};

use crate::{
    Organization, Repository,
    level::{Door, Paged},
};
use view::{Frame, Tabs};

/// Forms of a few fields and lists.
const FORM_BYTES: u64 = 64 << 10;

/// The pages of one level.
macro_rules! pages {
    ($routes:expr, $at:literal, $of:ty, $form:expr) => {
        $routes
            .get($at, Surface::Page, list::show::<$of>)
            .post($at, $form, list::create::<$of>)
            .get(concat!($at, "/{webhook}"), Surface::Page, one::show::<$of>)
            .post(concat!($at, "/{webhook}"), $form, one::change::<$of>)
            .post(concat!($at, "/{webhook}/delete"), $form, one::delete::<$of>)
            .post(concat!($at, "/{webhook}/secrets"), $form, one::add_secret::<$of>)
            .post(
                concat!($at, "/{webhook}/secrets/{secret}/remove"),
                $form,
                one::remove_secret::<$of>,
            )
            .post(concat!($at, "/{webhook}/ping"), $form, deliveries::ping::<$of>)
            .post(concat!($at, "/{webhook}/resend"), $form, deliveries::resend_all::<$of>)
            .get(
                concat!($at, "/{webhook}/resends/{resend}"),
                Surface::Page,
                deliveries::resent::<$of>,
            )
            .get(
                concat!($at, "/{webhook}/deliveries/{delivery}"),
                Surface::Page,
                deliveries::show::<$of>,
            )
            .post(
                concat!($at, "/{webhook}/deliveries/{delivery}/resend"),
                $form,
                deliveries::resend::<$of>,
            )
    };
}

pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    let routes = pages!(routes, "/{owner}/{name}/settings/webhooks", Repository, form);
    let routes = pages!(routes, "/settings/organizations/{handle}/webhooks", Organization, form);
    pages!(routes, "/pipelines/{publisher}/-/webhooks", Publisher, form)
}

/// The tabs of everybody's own settings, where organizations are one.
pub(crate) fn tabs_of_settings(layout: &Layout) -> Result<Html, Problem> {
    let layout = Layout { title: "Organizations".to_owned(), ..layout.clone() };
    Html::rendered(&Tabs { layout }).map_err(|error| Problem::internal(&error))
}

/// The frame of a page, as far as the request says so.
fn layout(title: &str, call: &Call) -> Layout {
    Layout {
        title: title.to_owned(),
        reader: call.context.reader(),
        request_id: call.context.request_id.clone(),
        is_noindex: true,
        ..Layout::default()
    }
}

/// What is around the forms, and the mark that they carry.
async fn frame<R: Paged>(
    door: &Door,
    actor: &Actor,
    of: &R,
    layout: Layout,
) -> Result<(Layout, Frame), Problem> {
    let layout = Layout { title: format!("{} · {}", layout.title, of.named()), ..layout };
    let (layout, tabs) = of.around(door, actor, layout).await?;
    let csrf = actor.session().map(|it| door.hooks.0.trust.csrf(it)).transpose()?;
    let (href, is_archived) = (of.page(), of.is_archived());
    Ok((layout, Frame { tabs, href, named: of.named(), csrf, is_archived }))
}

/// Leads on with GET.
fn lead_to(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address.to_owned())]).into_response()
}

/// A page whose form did not hold.
fn again(page: Result<Response, Problem>) -> Result<Response, Problem> {
    let mut page = page?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// Keeps a page with a secret out of every store, and its address out of what the next page is told.
fn keep_secret(mut page: Response) -> Response {
    let headers = page.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    page
}

/// What does not hold, by the field that it is about.
#[derive(Debug, Default)]
struct Faults(Vec<(String, String)>);

impl Faults {
    /// What a refusal says of a form; what stands in the way of it as a whole is said of `field`. Everything else is not
    /// for the form to tell.
    fn of(problem: Problem, field: &str) -> Result<Self, Problem> {
        let of_field =
            |it: &Fault| (it.pointer.trim_start_matches('/').to_owned(), it.message.clone());
        let told: Vec<_> = problem.faults().iter().map(of_field).collect();
        match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY if !told.is_empty() => Ok(Self(told)),
            StatusCode::CONFLICT if problem.code() != "archived" => {
                Ok(Self(vec![(field.to_owned(), problem.detail().to_owned())]))
            }
            _ => Err(problem),
        }
    }

    /// The same, where what is said of one field is said of another.
    fn renamed(mut self, from: &str, to: &str) -> Self {
        for (field, _) in self.0.iter_mut().filter(|(field, _)| field == from) {
            to.clone_into(field);
        }
        self
    }

    fn told(&self, field: &str) -> Option<Html> {
        let fault = self.0.iter().find(|(name, _)| name == field);
        fault.map(|(_, message)| web::look::visible::html(message))
    }
}
