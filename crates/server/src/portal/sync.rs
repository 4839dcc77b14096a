//! The directory sync as the portal shows it: how far it is, what is worth knowing, and "Sync now".
//!
//! Not for: what a sync does, which is `app`'s. Called by the router, and by the pages that hold a part of it. The
//! decision a reader would undo: who may not read the settings, or sees some companies alone, is shown nothing, since
//! every figure is about all companies.

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect};
use countersign_app::App;
use countersign_app::sync::{KindSummary, SyncKind, SyncState};
use countersign_domain::link::Kind;
use countersign_domain::role::{Access, Right};
use serde::Deserialize;

use super::directory::path_of;
use super::form::Signed;
use super::text::Text;
use super::view::sync::{Standing, SyncLine, SyncPanel, SyncedKind};
use super::visitor::Visitor;
use super::{Page, Refused, html, words};

/// The page of the panel, below `/portal/`.
pub(super) const SETTINGS: &str = "settings/ticketing";

/// Which page holds the part.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    from: String,
}

/// The part that a page holds; nothing where this person is shown none.
pub(super) async fn part(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    part_of(&app, &visitor, &options.from).await
}

/// "Sync now": all of it.
pub(super) async fn ask(State(app): State<App>, headers: axum::http::HeaderMap, form: Signed) -> Page {
    app.sync_directory(&form.visitor.technician, SyncKind::Full).await?;
    let from = form.fields.typed("from");
    if headers.contains_key("hx-request") {
        return part_of(&app, &form.visitor, from).await;
    }
    Ok(Redirect::to(&format!("/portal/{}", list_at(from).map_or(SETTINGS, path_of))).into_response())
}

/// The kind of the list at `path`.
fn list_at(path: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| path_of(*kind) == path)
}

async fn part_of(app: &App, caller: &Visitor, from: &str) -> Page {
    let part = match list_at(from) {
        Some(kind) => line(app, caller, kind).await?.map(|line| html(&line)),
        None if from == SETTINGS => panel(app, caller).await?.map(|panel| html(&panel)),
        None => return Err(Refused::NotFound),
    };
    Ok(part.unwrap_or_else(|| Html("").into_response()))
}

/// The line above the list of a kind; none before there is a connection.
pub(super) async fn line(app: &App, caller: &Visitor, kind: Kind) -> Result<Option<SyncLine>, Refused> {
    let Some((state, sync)) = read(app, caller, path_of(kind)).await? else { return Ok(None) };
    let note = state.kinds.into_iter().find(|known| known.kind == kind).and_then(|known| known.note);
    Ok(Some(SyncLine { text: Text::default(), sync, note }))
}

/// The panel of the settings; none before there is a connection.
pub(super) async fn panel(app: &App, caller: &Visitor) -> Result<Option<SyncPanel>, Refused> {
    let Some((state, sync)) = read(app, caller, SETTINGS).await? else { return Ok(None) };
    let kinds = app.as_they_stand(state.kinds).await?;
    Ok(Some(SyncPanel { text: Text::default(), sync, kinds: kinds.into_iter().map(kind).collect() }))
}

async fn read(app: &App, caller: &Visitor, from: &'static str) -> Result<Option<(SyncState, Standing)>, Refused> {
    let by = &caller.technician;
    let shown = by.may(Right::ReadSettings) && by.access == Access::All;
    if !shown || app.ticketing_settings().connection.is_none() {
        return Ok(None);
    }
    let text = Text::default();
    let state = app.directory_sync().await?;
    let sync = Standing {
        from,
        form_token: caller.form_token.clone().unwrap_or_default(),
        running: running(text, &state),
        trouble: state.trouble.as_ref().map(|why| text.arg("directory-sync-trouble", "why", why)),
        full_at: state.full_at.map(words::when),
        changes_at: state.changes_at.filter(|at| Some(*at) > state.full_at).map(words::when),
        may_ask: by.may(Right::EditDirectory),
    };
    Ok(Some((state, sync)))
}

fn running(text: Text, state: &SyncState) -> Option<String> {
    let progress = state.running?;
    let what = name(text, progress.kind);
    let count = match (progress.seen, progress.total) {
        (0, None) => return Some(text.arg("directory-sync-waits", "what", what)),
        (seen, Some(total)) if total >= seen => {
            text.arg2("directory-sync-of", "seen", grouped(seen), "total", grouped(total))
        }
        (seen, _) => grouped(seen),
    };
    Some(text.arg2("directory-sync-running", "what", what, "count", count))
}

fn kind(summary: KindSummary) -> SyncedKind {
    SyncedKind {
        name: name(Text::default(), summary.kind),
        seen: grouped(summary.seen),
        counts: [summary.linked, summary.unlinked, summary.ambiguous, summary.missing].map(grouped),
        note: summary.note,
    }
}

fn name(text: Text, kind: Kind) -> String {
    text.t(format!("directory-sync-{}", kind.as_str()))
}

/// A number in groups of three: `100,000`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, StatusCode, header};
    use countersign_app::sync::SyncProgress;
    use countersign_app::ticketing::Change;
    use countersign_domain::audit::Actor;
    use countersign_domain::role::Role;
    use countersign_egress::EgressConfig;
    use halo_sim::Sim;

    use super::*;
    use crate::portal::tests::{Desk, body, person};

    #[test]
    fn a_running_sync_says_how_far_it_is() {
        let said = |seen, total| {
            let progress = Some(SyncProgress { kind: Kind::Computer, seen, total });
            running(Text::default(), &SyncState { running: progress, ..SyncState::default() }).expect("it runs")
        };
        assert_eq!(said(12_000, Some(100_000)), "Sync runs. Assets 12,000 of 100,000");
        assert_eq!(said(999, None), "Sync runs. Assets 999");
        // Halo's totals can be wrong.
        assert_eq!(said(1_234_567, Some(7)), "Sync runs. Assets 1,234,567");
        assert_eq!(said(0, None), "Sync begins. Assets");
        assert_eq!(running(Text::default(), &SyncState::default()), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_stands_above_the_lists_and_among_the_settings_for_who_sees_all_companies() {
        let desk =
            Desk::with(EgressConfig { allow_hosts: vec!["127.0.0.1".to_owned()], ..EgressConfig::default() }).await;
        let app = &desk.shared.app;
        let other = app.create_company(&desk.administrator, "Placeholder Hotel").await.expect("a company").company.id;
        let reader = desk.session(&person(app, "reader", Role::Auditor, None).await).await.0;
        let stranger = desk.session(&person(app, "stranger", Role::L3, Some(vec![other])).await).await.0;
        let (cookie, token) = desk.session(&desk.administrator).await;
        let get = async |path: &str, cookie: &str| body(desk.call(Method::GET, path, Some(cookie), "").await).await;
        assert_eq!(get("/portal/sync?from=companies", &cookie).await, "", "there is nothing to compare with");

        let sim = Sim::start(halo_sim::Config::default()).await.expect("the simulator starts");
        let change = Change {
            resource_url: Some(format!("{}/api", sim.url())),
            auth_url: Some(format!("{}/auth", sim.url())),
            tenant: Some(Some(sim.tenant().to_owned())),
            client_id: Some(sim.client_id().to_owned()),
            client_secret: Some(sim.client_secret().to_owned()),
            ..Change::default()
        };
        app.change_ticketing(Actor::Server, change).await.expect("connected");
        let places = ["/portal/companies", "/portal/settings/ticketing", "/portal/sync?from=computers"];
        // Nothing does steps yet, so that it waits.
        for place in places {
            let html = get(place, &cookie).await;
            assert!(html.contains("Sync begins. Customers") && !html.contains("Sync now"), "{place}: {html}");
        }

        let mut news = app.wake().events();
        let worker = tokio::spawn({
            let app = app.clone();
            async move { app.run_worker().await }
        });
        while app.directory_sync().await.expect("read").running.is_some() {
            news.recv().await.expect("news of the sync");
        }
        for place in places {
            let html = get(place, &cookie).await;
            assert!(html.contains("Compared with HaloPSA") && html.contains("Sync now"), "{place}: {html}");
            let html = get(place, &reader).await;
            assert!(html.contains("Compared with HaloPSA") && !html.contains("Sync now"), "{place}: {html}");
            assert!(!get(place, &stranger).await.contains("id=\"sync\""), "{place} tells of all companies");
        }
        let panel = get("/portal/sync?from=settings/ticketing", &cookie).await;
        assert!(panel.contains("<th scope=\"row\">Customers</th><td class=\"end\">12</td>"), "{panel}");
        worker.abort();

        let before = app.directory_sync().await.expect("read").full_at;
        for (from, leads) in [("computers", "/portal/computers"), ("//evil", "/portal/settings/ticketing")] {
            let form = format!("form_token={token}&from={from}");
            let answer = desk.call(Method::POST, "/portal/sync", Some(&cookie), &form).await;
            assert_eq!(
                (answer.status(), &answer.headers()[header::LOCATION]),
                (StatusCode::SEE_OTHER, &leads.parse().expect("a value"))
            );
        }
        let now = app.directory_sync().await.expect("read");
        assert!(now.running.is_some() && now.full_at == before, "it was asked for");
        assert_eq!(
            desk.call(Method::GET, "/portal/sync?from=x", Some(&cookie), "").await.status(),
            StatusCode::NOT_FOUND
        );
    }
}
