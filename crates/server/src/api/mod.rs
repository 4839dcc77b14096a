//! `/api/v1`: what technicians' programs, and the portal, call. Unknown fields are refused by name.

#![expect(clippy::option_option, reason = "a change tells \"not given\" from \"null\", which takes a value away")]

mod alerts;
mod audit;
mod caps;
mod company_ticketing;
mod directory;
mod enrollment_keys;
mod events;
mod links;
mod page;
pub(crate) mod reconcile;
mod requests;
mod sheets;
mod steps;
mod sync;
mod technicians;
pub(crate) mod texts;
mod ticketing;
mod tokens;
mod webhook;

use utoipa_axum::router::OpenApiRouter;

use crate::http::Shared;

/// The routes of technicians.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(requests::router())
        .merge(directory::router())
        .merge(technicians::router())
        .merge(links::router())
        .merge(sheets::router())
        .merge(ticketing::router())
        .merge(texts::router())
        .merge(company_ticketing::router())
        .merge(webhook::router())
        .merge(reconcile::router())
        .merge(sync::router())
        .merge(steps::router())
        .merge(alerts::router())
        .merge(caps::router())
        .merge(enrollment_keys::router())
        .merge(tokens::router())
        .merge(audit::router())
        .merge(events::router())
}

/// The routes that take a whole list, which may be larger than any other body.
pub(crate) fn lists_in() -> OpenApiRouter<Shared> {
    sheets::lists_in()
}

/// Tells "not given" from "null" in a body: not given changes nothing, null takes the value away.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
