//! The stream of server-sent events that keeps open pages true.
//!
//! An event says that something changed, never what: pages fetch what they show anew. One tab listens for all tabs of a
//! browser. Called by the pages' script.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use countersign_app::App;
use futures_util::stream::{self, Stream};

use super::visitor::Visitor;
use crate::http::{
    caller::Credential,
    news::{Heard, Listener},
};

/// The events that this session may hear of, from now on.
pub(super) async fn events(
    State(app): State<App>,
    visitor: Visitor,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listener = Listener::new(app, Credential::Session(visitor.cookie));
    let hello = stream::iter([Ok(Event::default().retry(Duration::from_millis(500)).comment("listening"))]);
    let news = stream::unfold(listener, |mut listener| async move {
        let data = match listener.next().await? {
            Heard::Event(news) => serde_json::json!({ "type": news.name, "id": news.id }),
            Heard::Lagged => serde_json::json!({}),
        };
        let event = Event::default().data(data.to_string());
        Some((Ok(event), listener))
    });
    Sse::new(futures_util::StreamExt::chain(hello, news)).keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
}
