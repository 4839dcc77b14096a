//! What a listener may hear of, for as long as his credential holds.
//!
//! Called by the API's and the portal's event streams, which differ in form alone. The decision a reader would undo: the
//! credential is looked at again before each event, so that a stream ends with its session or token, and a technician
//! who lost a company hears no more of it.

use countersign_app::{App, wake::Event};
use countersign_domain::role::Access;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::caller::Credential;

/// Somebody who listens.
pub(crate) struct Listener {
    app: App,
    credential: Credential,
    news: Receiver<Event>,
}

/// What he hears.
pub(crate) enum Heard {
    /// Something happened.
    Event(Event),
    /// More happened than was kept: he reads anew.
    Lagged,
}

impl Listener {
    /// Listens from now on.
    pub(crate) fn new(app: App, credential: Credential) -> Self {
        Self { news: app.wake().events(), app, credential }
    }

    /// The next news for him; none ends the stream.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            let news = match self.news.recv().await {
                Ok(news) => Some(news),
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => return None,
            };
            let caller = match self.credential.caller(&self.app).await {
                Ok(caller) => caller?,
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends: its credential cannot be read");
                    return None;
                }
            };
            let Some(news) = news else { return Some(Heard::Lagged) };
            let may_know = match (&caller.technician.access, &news.company) {
                (Access::All, _) => true,
                (Access::Only(_), None) => false,
                (access, Some(company)) => access.covers(company),
            };
            if may_know {
                return Some(Heard::Event(news));
            }
        }
    }
}
