//! Server-sent events: what open pages and programs want to know at once. An event carries an id, never content:
//! whoever hears it reads.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{self, Stream};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    Shared,
    caller::By,
    news::{Heard, Listener},
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// `request.created`, `request.decided`, `ticket.updated`, … each with the id it is about. `lagged` says that some were
/// missed: read anew.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    responses((status = 200, description = "text/event-stream", content_type = "text/event-stream", body = String), (status = 401, body = Problem)))]
async fn events(State(shared): State<Shared>, by: By) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let news = stream::unfold(Listener::new(shared.app, by.1), |mut listener| async move {
        let event = match listener.next().await? {
            Heard::Event(news) => {
                Event::default().event(news.name).data(serde_json::json!({ "id": news.id }).to_string())
            }
            Heard::Lagged => Event::default().event("lagged").data("{}"),
        };
        Some((Ok(event), listener))
    });
    Ok(Sse::new(news).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
