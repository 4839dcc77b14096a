//! The directory sync: how far it is, and asking for one.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::{
    App,
    sync::{KindSummary, SyncKind},
};
use countersign_domain::{
    role::{Access, Right},
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    Shared,
    body::Body,
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read, ask))
}

/// How far a running sync is.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressOut {
    /// What it walks over: `company`, `location`, `computer`, `technician` or `contact`.
    kind: &'static str,
    /// Records of the ticketing system seen so far.
    seen: u64,
    /// How many there are, if it says so.
    total: Option<u64>,
}

/// How our records of one kind stand.
#[derive(Debug, Serialize, ToSchema)]
struct KindOut {
    /// `company`, `location`, `computer`, `technician` or `contact`.
    kind: &'static str,
    /// Records that the last full walk over the ticketing system's list saw.
    seen: u64,
    /// Ours that are linked.
    linked: u64,
    /// Ours that are linked to nothing.
    unlinked: u64,
    /// Ours that more than one record fits.
    ambiguous: u64,
    /// Ours whose record is gone.
    missing: u64,
    /// What is worth knowing, such as a list that the ticketing system does not show.
    note: Option<String>,
}

impl From<KindSummary> for KindOut {
    fn from(summary: KindSummary) -> Self {
        Self {
            kind: summary.kind.as_str(),
            seen: summary.seen,
            linked: summary.linked,
            unlinked: summary.unlinked,
            ambiguous: summary.ambiguous,
            missing: summary.missing,
            note: summary.note,
        }
    }
}

/// How the directory stands to the ticketing system's.
#[derive(Debug, Serialize, ToSchema)]
struct SyncOut {
    /// The sync that runs, or waits for its turn.
    running: Option<ProgressOut>,
    /// Every kind that was walked over.
    kinds: Vec<KindOut>,
    /// When the last full sync ended.
    full_at: Option<String>,
    /// When the last sync by change ended.
    changes_at: Option<String>,
    /// Why the running sync gets no further.
    trouble: Option<String>,
}

impl SyncOut {
    async fn now(app: &App) -> Answer<Json<Self>> {
        let mut state = app.directory_sync().await?;
        state.kinds = app.as_they_stand(state.kinds).await?;
        let running = state.running.map(|progress| ProgressOut {
            kind: progress.kind.as_str(),
            seen: progress.seen,
            total: progress.total,
        });
        Ok(Json(Self {
            running,
            kinds: state.kinds.into_iter().map(KindOut::from).collect(),
            full_at: state.full_at.map(Time::rfc3339),
            changes_at: state.changes_at.map(Time::rfc3339),
            trouble: state.trouble,
        }))
    }
}

/// How far the directory sync is, and how many records stand how. For those who may read the settings and see all
/// companies.
#[utoipa::path(get, path = "/api/v1/directory/sync", tag = "links",
    responses((status = 200, body = SyncOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<SyncOut>> {
    let caller = by.technician();
    if !caller.may(Right::ReadSettings) || caller.access != Access::All {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The sync is about all companies. Who reads the settings and sees all companies may see it.",
        ));
    }
    SyncOut::now(&shared.app).await
}

/// How much to look at.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KindIn {
    /// Every record; finds what is gone too.
    Full,
    /// What changed since the last sync.
    Changes,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskIn {
    /// `full` or `changes`.
    kind: KindIn,
}

/// Asks for a sync. One that is on its way and looks at as much is joined.
#[utoipa::path(post, path = "/api/v1/directory/sync", tag = "links", request_body = AskIn,
    responses((status = 202, body = SyncOut), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 409, description = "`not_connected`", body = Problem), (status = 422, body = Problem)))]
async fn ask(State(shared): State<Shared>, by: By, Body(body): Body<AskIn>) -> Answer<(StatusCode, Json<SyncOut>)> {
    let how = match body.kind {
        KindIn::Full => SyncKind::Full,
        KindIn::Changes => SyncKind::Changes,
    };
    shared.app.sync_directory(by.technician(), how).await?;
    Ok((StatusCode::ACCEPTED, SyncOut::now(&shared.app).await?))
}
