//! The hook through which a caller budgets its calls: Halo limits them per tenant, and only the caller knows who else
//! spends from the same allowance.

use std::time::Duration;

use async_trait::async_trait;

/// How soon a call should go, compared with others that wait for the same budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Urgency {
    /// Somebody waits for it.
    First,
    /// Ordinary work.
    #[default]
    Normal,
    /// Synchronisation that can wait.
    Background,
}

/// Asked before every API call (not before sign-ins, which another server answers), and told when Halo limited one.
#[async_trait]
pub trait Permit: Send + Sync {
    /// Returns when the call may be sent. The call's deadline starts afterwards.
    async fn acquire(&self, urgency: Urgency);

    /// Halo answered 429; `retry_after` is what it asked for, if it did.
    async fn limited(&self, retry_after: Option<Duration>);
}

/// Lets every call pass at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl Permit for Unlimited {
    async fn acquire(&self, _urgency: Urgency) {}

    async fn limited(&self, _retry_after: Option<Duration>) {}
}
