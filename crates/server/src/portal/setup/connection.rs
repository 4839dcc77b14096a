//! Step 3: addresses, client id and secret, found, typed, and tried.
//!
//! Called by the router of the set-up. The decision a reader would undo: the form shows what was typed last, even where
//! something else is in force, until Halo takes it: nobody types four values twice because of a fifth.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use countersign_app::psa::halo::ALLOW_HOSTS;
use countersign_app::setup::{Attempt, Connecting, SecretKept, Step, Typed};
use countersign_app::{App, Error};
use serde::Deserialize;

use super::{Shell, is_script, may_edit, script_to, shell, to};
use crate::portal::form::{Fields, Signed};
use crate::portal::text::Text;
use crate::portal::view::frame::Tone;
use crate::portal::view::setup::{ConnectingPart, ConnectionForm, ConnectionPage, ConnectionShown, SecretAt};
use crate::portal::view::ticketing::{Field, Switch};
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with};

/// Why what was typed is not in force.
struct Fault {
    field: Option<&'static str>,
    sentence: String,
}

fn typed_in(fields: &Fields) -> Typed {
    let typed = |name: &str| fields.typed(name).to_owned();
    Typed {
        resource_url: typed("resource_url"),
        auth_url: typed("auth_url"),
        tenant: typed("tenant"),
        client_id: typed("client_id"),
    }
}

/// What the form shows: what was typed last, else what is in force.
async fn shown(app: &App) -> Result<Typed, Refused> {
    if let Some(typed) = app.setup_progress().await?.typed {
        return Ok(typed);
    }
    let connection = app.ticketing_settings().connection.clone().unwrap_or_default();
    Ok(Typed {
        resource_url: connection.resource_url,
        auth_url: connection.auth_url,
        tenant: connection.tenant.unwrap_or_default(),
        client_id: connection.client_id,
    })
}

/// The configuration line that a refusal names.
fn line_in(sentence: &str) -> Option<String> {
    let line = sentence.get(sentence.find(&format!("{ALLOW_HOSTS} = ["))?..)?;
    line.split_inclusive(']').next().map(str::to_owned)
}

/// The sentence over the form: a line to add stands by itself, to be copied.
fn said(fault: &Fault, line: Option<&str>) -> String {
    match (line, fault.field) {
        (Some(line), _) => {
            let before = fault.sentence.split(line).next().unwrap_or_default();
            format!("{}:", before.trim_end_matches([' ', ':']))
        }
        (None, Some(_)) => Text::default().t("connection-not-kept"),
        (None, None) => fault.sentence.clone(),
    }
}

async fn form_of(app: &App, caller: &Visitor, typed: Typed, fault: Option<Fault>) -> Result<ConnectionForm, Refused> {
    let error =
        |name: &str| fault.as_ref().filter(|fault| fault.field == Some(name)).map(|fault| fault.sentence.clone());
    let values = [
        ("resource_url", typed.resource_url),
        ("auth_url", typed.auth_url),
        ("tenant", typed.tenant),
        ("client_id", typed.client_id),
    ];
    let line = fault.as_ref().and_then(|fault| line_in(&fault.sentence));
    Ok(ConnectionForm {
        text: Text::default(),
        form_token: caller.form_token.clone().unwrap_or_default(),
        address: Field { name: "address", value: String::new(), error: error("address") },
        secret_error: error("client_secret"),
        fields: values.map(|(name, value)| Field { name, value, error: error(name) }).into(),
        secret: match app.secret_kept().await? {
            SecretKept::No => SecretAt::Nowhere,
            SecretKept::InForce => SecretAt::InForce,
            SecretKept::Typed => SecretAt::Typed,
        },
        said: fault.as_ref().map(|fault| (Tone::Bad, said(fault, line.as_deref()))),
        line,
        replaces: if app.ticketing().settings.connection.is_some() { Switch::On } else { Switch::Off },
    })
}

fn part_of(app: &App, now: &Connecting) -> ConnectingPart {
    let seconds = app.now().seconds_since(now.started_at).max(0);
    ConnectingPart {
        text: Text::default(),
        tries: u64::from(now.tries),
        seconds: u64::try_from(seconds).unwrap_or_default(),
        words: match &now.state {
            Attempt::NotKnownYet(words) => Some(words.clone()),
            Attempt::Asking | Attempt::InForce | Attempt::Failed { .. } => None,
        },
    }
}

/// Why the last try failed, where what was typed then is still not in force.
async fn last_fault(app: &App) -> Result<Option<Fault>, Refused> {
    let pending = app.setup_progress().await?.typed.is_some();
    Ok(app.connecting().filter(|_| pending).and_then(|now| match now.state {
        Attempt::Failed { code, field, sentence } => {
            let missing = code == "missing" || code == "secret_missing";
            let sentence = if missing { Text::default().t("connection-missing") } else { sentence };
            Some(Fault { field, sentence })
        }
        Attempt::Asking | Attempt::NotKnownYet(_) | Attempt::InForce => None,
    }))
}

async fn whole(app: &App, caller: &Visitor, status: StatusCode, shown: ConnectionShown) -> Page {
    match shell(app, caller, Step::Connection).await? {
        Shell::Edits(frame, steps) => {
            Ok(html_with(status, &ConnectionPage { text: Text::default(), frame: *frame, steps, shown }))
        }
        Shell::Reads(page) => Ok(page),
    }
}

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    /// Shows the form though a try goes on; saving it takes that one's place.
    change: Option<String>,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    let trying = app.connecting().filter(|now| !now.state.is_over() && options.change.is_none());
    let shown = if let Some(now) = trying {
        ConnectionShown::Trying(part_of(&app, &now))
    } else {
        let fault = last_fault(&app).await?;
        ConnectionShown::Form(form_of(&app, &visitor, shown(&app).await?, fault).await?)
    };
    whole(&app, &visitor, StatusCode::OK, shown).await
}

/// Fills the addresses in from any address of Halo's.
pub(super) async fn find(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let text = Text::default();
    let mut typed = typed_in(&form.fields);
    let address = form.fields.typed("address");
    let found = match address {
        "" => Err(text.t("connection-address-missing")),
        address => app.discover(address).await.map_err(|error| error.to_string()),
    };
    let (fault, did) = match found {
        Ok(found) => {
            typed.resource_url = found.resource_url;
            typed.auth_url = found.auth_url;
            typed.tenant = found.tenant.unwrap_or_default();
            (None, Some((Tone::Ok, text.t("connection-found"))))
        }
        Err(sentence) => {
            let field = if line_in(&sentence).is_some() { None } else { Some("address") };
            (Some(Fault { field, sentence }), None)
        }
    };
    app.keep_typed(&caller.technician, &typed, form.fields.get("client_secret")).await?;
    let mut shown = form_of(&app, caller, typed, fault).await?;
    address.clone_into(&mut shown.address.value);
    let status = if did.is_some() || is_script(&headers) { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    shown.said = did.or(shown.said);
    if is_script(&headers) {
        return Ok(html(&shown));
    }
    whole(&app, caller, status, ConnectionShown::Form(shown)).await
}

/// Keeps what was typed and tries it. The script sees how it goes; without it the answer waits for the end.
pub(super) async fn save(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    let caller = &form.visitor;
    let secret = form.fields.get("client_secret");
    let trying = app.start_connecting(&caller.technician, typed_in(&form.fields), secret).await?;
    if !is_script(&headers)
        && let Err(error) = trying.await
    {
        tracing::error!(%error, "the try of a connection broke off");
    }
    answer(&app, caller, &headers).await
}

/// How the try stands, for the fragment that asks again.
pub(super) async fn progress(State(app): State<App>, headers: HeaderMap, visitor: Visitor) -> Page {
    may_edit(&visitor)?;
    answer(&app, &visitor, &headers).await
}

async fn answer(app: &App, caller: &Visitor, headers: &HeaderMap) -> Page {
    match app.connecting() {
        Some(now) if now.state == Attempt::InForce => {
            // What the connection may do is looked at while the next page opens.
            match app.start_check(&caller.technician, None).await {
                Ok(()) | Err(Error::NotConnected) => {}
                Err(error) => return Err(error.into()),
            }
            Ok(if is_script(headers) { script_to(Step::Check) } else { to(Step::Check) })
        }
        Some(now) if !now.state.is_over() => Ok(html(&part_of(app, &now))),
        // Failed, or tried by another node of this server: the form says what is known.
        _ => {
            let fault = last_fault(app).await?;
            let form = form_of(app, caller, shown(app).await?, fault).await?;
            if is_script(headers) {
                return Ok(html(&form));
            }
            whole(app, caller, StatusCode::UNPROCESSABLE_ENTITY, ConnectionShown::Form(form)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line_in;

    #[test]
    fn the_line_to_add_is_cut_out_of_the_refusal() {
        let sentence = "10.0.0.5: … add to its configuration: halo.allow_hosts = [\"10.0.0.5:8080\"]. (Somewhere)";
        assert_eq!(line_in(sentence).as_deref(), Some("halo.allow_hosts = [\"10.0.0.5:8080\"]"));
        assert_eq!(line_in("HaloPSA: no connection"), None);
    }
}
