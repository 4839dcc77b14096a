//! The directory sync, on whichever page it stands.

use super::at;
use crate::portal::view::sync::*;

/// How a sync stands.
pub(super) fn sync(from: &'static str, running: Option<&str>) -> Standing {
    Standing {
        from,
        form_token: "sample-token".into(),
        running: running.map(str::to_owned),
        trouble: None,
        full_at: Some(at("06:02:11")),
        changes_at: Some(at("09:47:10")),
        may_ask: true,
    }
}

/// What a sync saw of a kind.
pub(super) fn synced(name: &str, [seen, counts @ ..]: [&str; 5], note: Option<&str>) -> SyncedKind {
    SyncedKind {
        name: name.into(),
        seen: seen.into(),
        counts: counts.map(str::to_owned),
        note: note.map(str::to_owned),
    }
}
