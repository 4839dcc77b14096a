//! The stream of server-sent events that keeps open pages true.
//!
//! An event says that something changed, never what: pages fetch what they show anew. One tab listens for all tabs of a
//! browser. Called by the pages' script.
//!
//! The decision a reader would undo: the session is looked at again before each event, so that a stream ends with its
//! session and a technician who lost a company hears no more of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use countersign_app::{App, wake};
use countersign_domain::role::Access;
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::visitor::Visitor;

struct Listener {
    app: App,
    cookie: String,
    news: Receiver<wake::Event>,
}

impl Listener {
    /// The next event for this session; none ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let news = match self.news.recv().await {
                Ok(news) => Some(news),
                // More happened than the channel holds: the page reads anew.
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => return None,
            };
            let caller = match self.app.session_caller(&self.cookie).await {
                Ok(caller) => caller?,
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends: its session cannot be read");
                    return None;
                }
            };
            let Some(news) = news else { return Some(Event::default().data("{}")) };
            let seen = match (&caller.technician.access, &news.company) {
                (Access::All, _) => true,
                (Access::Only(_), None) => false,
                (access, Some(company)) => access.covers(company),
            };
            if seen {
                return Some(
                    Event::default().data(serde_json::json!({ "type": news.name, "id": news.id }).to_string()),
                );
            }
        }
    }
}

/// The events that this session may hear of, from now on.
pub(super) async fn events(
    State(app): State<App>,
    visitor: Visitor,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listener = Listener { news: app.wake().events(), cookie: visitor.cookie, app };
    let hello = stream::iter([Ok(Event::default().retry(Duration::from_millis(500)).comment("listening"))]);
    let news = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Sse::new(futures_util::StreamExt::chain(hello, news)).keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
}
