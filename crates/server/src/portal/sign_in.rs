//! Signing in by a one-use link, and signing out.
//!
//! Opening a link shows whose it is and changes nothing: what follows links by itself (mail scanners, previews) must not
//! use it up or be signed in by it. Only the page's button does. Called by the router.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use countersign_app::{App, Error};

use crate::http::Shared;

use super::form::{Fields, Signed};
use super::text::Text;
use super::view::sign_in::{Link, SignInPage};
use super::visitor::set_cookie;
use super::{Page, html, html_with};

fn view(app: &App, link: Link) -> SignInPage {
    let host = app.public_url().split_once("://").map_or(app.public_url(), |(_, host)| host).to_owned();
    SignInPage { text: Text::default(), link, host }
}

pub(super) async fn without_link(State(app): State<App>) -> Response {
    html(&view(&app, Link::None))
}

pub(super) async fn with_link(State(app): State<App>, Path(secret): Path<String>) -> Page {
    Ok(match app.sign_in_link_owner(&secret).await? {
        Some(owner) => html(&view(&app, Link::Given { secret, name: owner.name })),
        None => html_with(StatusCode::GONE, &view(&app, Link::Refused)),
    })
}

pub(super) async fn sign_in(State(shared): State<Shared>, body: Bytes) -> Page {
    let app = &shared.app;
    let fields = Fields::parse(&body);
    match app.sign_in(fields.typed("link")).await {
        Ok(session) => {
            let cookie = set_cookie(&shared.setup, &session.cookie, session.seconds);
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/portal/approvals")).into_response())
        }
        Err(Error::NotFound(_)) => Ok(html_with(StatusCode::GONE, &view(app, Link::Refused))),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn sign_out(State(app): State<App>, form: Signed) -> Page {
    app.sign_out(&form.visitor.cookie, &form.visitor.technician).await?;
    Ok(([(header::SET_COOKIE, set_cookie(&form.visitor.setup, "", 0))], Redirect::to("/sign-in")).into_response())
}
