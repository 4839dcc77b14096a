//! Server-sent events: what open pages and programs want to know at once. An event carries an id, never content:
//! whoever hears it reads.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use countersign_domain::role::Access;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    Shared,
    caller::By,
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
    Ok(stream(&shared, by.technician().access.clone()))
}

/// The stream of what `access` may know.
pub(crate) fn stream(shared: &Shared, access: Access) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let heard = shared.app.wake().events();
    let events = futures_util::stream::unfold((heard, access), |(mut heard, access)| async move {
        loop {
            let event = match heard.recv().await {
                Ok(event) => {
                    let may_know = match (&access, &event.company) {
                        (Access::All, _) => true,
                        (Access::Only(_), Some(company)) => access.covers(company),
                        (Access::Only(_), None) => false,
                    };
                    if !may_know {
                        continue;
                    }
                    let data = serde_json::json!({ "id": event.id }).to_string();
                    Event::default().event(event.name).data(data)
                }
                Err(RecvError::Lagged(_)) => Event::default().event("lagged").data("{}"),
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(event), (heard, access)));
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
