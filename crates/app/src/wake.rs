//! Wakes who waits, after a commit: the runner, open pages, waiting endpoints. A wake carries no truth: whoever is
//! woken reads the store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use countersign_domain::id::{CompanyId, RequestId};
use tokio::sync::{Notify, broadcast};

/// Something that open pages want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `request.created`, `request.decided`, `ticket.updated`, …
    pub name: &'static str,
    /// The thing it is about.
    pub id: String,
    /// Its company; seen by those alone who may see it. None is seen by those who see all.
    pub company: Option<CompanyId>,
}

/// Who waits for what.
pub struct Wake {
    runner: Notify,
    pages: broadcast::Sender<Event>,
    endpoints: Mutex<HashMap<RequestId, Weak<Notify>>>,
}

impl Default for Wake {
    fn default() -> Self {
        Self { runner: Notify::new(), pages: broadcast::channel(1024).0, endpoints: Mutex::default() }
    }
}

impl Wake {
    /// Events from now on. A page that falls behind by more than a thousand hears that it lagged, and reads anew.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.pages.subscribe()
    }

    /// Waits for news of one request; dropping it ends the wait.
    pub fn waiter(&self, id: &RequestId) -> Waiter<'_> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let held = endpoints.get(id).and_then(Weak::upgrade);
        let notify = held.unwrap_or_else(|| {
            let notify = Arc::new(Notify::new());
            endpoints.insert(id.clone(), Arc::downgrade(&notify));
            notify
        });
        Waiter { notify: Some(notify), id: id.clone(), wake: self }
    }

    pub(crate) fn runner(&self) -> &Notify {
        &self.runner
    }

    pub(crate) fn steps(&self) {
        self.runner.notify_one();
    }

    pub(crate) fn request(&self, name: &'static str, id: &RequestId, company: &CompanyId) {
        let waiting = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner).get(id).and_then(Weak::upgrade);
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
        self.page(name, id.to_string(), Some(company.clone()));
    }

    pub(crate) fn page(&self, name: &'static str, id: String, company: Option<CompanyId>) {
        // Nobody listens while no page is open.
        let _listeners = self.pages.send(Event { name, id, company });
    }
}

/// An endpoint that waits for its request.
pub struct Waiter<'w> {
    notify: Option<Arc<Notify>>,
    id: RequestId,
    wake: &'w Wake,
}

impl Waiter<'_> {
    /// The next news. Take it before the store is read, or news between the two is missed.
    pub fn notified(&self) -> impl Future<Output = ()> + '_ {
        let notified = self.notify.as_ref().map(|notify| notify.notified());
        async move {
            match notified {
                Some(notified) => notified.await,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut endpoints = self.wake.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        self.notify = None;
        if endpoints.get(&self.id).is_some_and(|held| held.strong_count() == 0) {
            endpoints.remove(&self.id);
        }
    }
}
