//! Step 7: the test ticket. It asks for a customer and for consent, since it writes.
//!
//! Called by the router of the set-up.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use countersign_app::App;
use countersign_app::setup::Step;
use countersign_domain::text::name_key;
use serde::Deserialize;

use super::check::{fragment, lines_of};
use super::{Shell, is_script, may_edit, shell, to, told};
use crate::portal::form::{Fields, Signed};
use crate::portal::text::Text;
use crate::portal::view::setup_lists::{Customer, TestCustomers, TestPage};
use crate::portal::view::ticketing::Switch;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with};

/// How many customers are shown to choose from; a search finds the others.
const SHOWN: usize = 12;

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    /// Asks for another test, where one was made.
    again: Option<String>,
}

async fn list_of(app: &App, caller: &Visitor, query: &str, chosen: &str) -> Result<TestCustomers, Refused> {
    let (customers, error) = match app.customers(&caller.technician).await {
        Ok(customers) => (customers, None),
        Err(error) => (Arc::default(), Some(told(error)?.1)),
    };
    let key = name_key(query);
    let found: Vec<_> = customers.iter().filter(|theirs| name_key(&theirs.psa_name).contains(&key)).collect();
    let rows = found.iter().take(SHOWN).map(|theirs| Customer {
        id: theirs.psa_id.clone(),
        name: theirs.psa_name.clone(),
        linked: Switch::Off,
    });
    Ok(TestCustomers {
        text: Text::default(),
        query: query.to_owned(),
        rows: rows.collect(),
        found: u64::try_from(found.len()).unwrap_or_default(),
        chosen: chosen.to_owned(),
        error,
    })
}

async fn whole(app: &App, caller: &Visitor, fields: &Fields, error: Option<String>) -> Page {
    let (frame, steps) = match shell(app, caller, Step::Test).await? {
        Shell::Edits(frame, steps) => (*frame, steps),
        Shell::Reads(page) => return Ok(page),
    };
    let customers = list_of(app, caller, fields.typed("q"), fields.typed("customer")).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html_with(status, &TestPage { text: Text::default(), frame, steps, customers, error, lines: None }))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    let run = app.check_run(&visitor.technician).filter(|run| run.customer.is_some() && options.again.is_none());
    let Some(run) = run else { return whole(&app, &visitor, &Fields::default(), None).await };
    match shell(&app, &visitor, Step::Test).await? {
        Shell::Edits(frame, steps) => {
            let text = Text::default();
            let customers = TestCustomers {
                text,
                query: String::new(),
                rows: Vec::new(),
                found: 0,
                chosen: String::new(),
                error: None,
            };
            let lines = Some(lines_of(&app, &visitor, Step::Test, &run));
            Ok(html(&TestPage { text, frame: *frame, steps, customers, error: None, lines }))
        }
        Shell::Reads(page) => Ok(page),
    }
}

/// The customers that fit a search.
pub(super) async fn customers(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    if is_script(&headers) {
        let list = list_of(&app, caller, form.fields.typed("q"), form.fields.typed("customer")).await?;
        return Ok(html(&list));
    }
    whole(&app, caller, &form.fields, None).await
}

pub(super) async fn start(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let missing = match (form.fields.get("customer"), form.fields.has("consent")) {
        (None, _) => Some("test-customer-missing"),
        (Some(_), false) => Some("test-consent-missing"),
        (Some(_), true) => None,
    };
    if let Some(key) = missing {
        return whole(&app, caller, &form.fields, Some(Text::default().t(key))).await;
    }
    match app.start_check(&caller.technician, form.fields.get("customer")).await {
        Ok(()) => Ok(to(Step::Test)),
        Err(error) => {
            let (_, sentence) = told(error)?;
            whole(&app, caller, &form.fields, Some(sentence)).await
        }
    }
}

pub(super) async fn lines(State(app): State<App>, visitor: Visitor) -> Page {
    fragment(&app, &visitor, Step::Test)
}
